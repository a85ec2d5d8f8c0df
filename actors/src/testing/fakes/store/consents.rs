//! Consents of the fake store, and the rows that they hold back.

use serde_json::json;

use super::Data;
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::ids::TenantId;
use crate::domain::message::OutboundKind;
use crate::domain::status::{OutboxState, Transition};
use crate::domain::turn::ConsentChange;
use crate::testing::fakes::ConsentRow;

impl ConsentRow {
    pub(super) fn says(&self, what: &str, address: &Address) -> Self {
        Self { what: what.to_owned(), address: address.clone(), ..self.clone() }
    }
}

impl Data {
    pub(super) fn consent(&mut self, change: Option<ConsentChange>, ledger: &ConsentRow, at: Timestamp) {
        let tenant = &ledger.tenant;
        match change {
            Some(ConsentChange::OptOut { address }) => {
                self.consents.push(ledger.says("opted_out", &address));
                self.record_opt_out(tenant, &address);
                self.unsettle(ledger, &address);
                self.suppress(tenant, &address, at);
            }
            Some(ConsentChange::OptIn { address }) => {
                self.unsettle(ledger, &address);
                self.consents.push(ledger.says("opted_in", &address));
                let addresses = self.addresses_of(tenant, &address);
                self.opt_outs.retain(|(t, a)| t != tenant || !addresses.contains(a));
            }
            Some(ConsentChange::Confirm { address }) => {
                self.consents.push(ledger.says("confirmed", &address));
                self.unsettle(ledger, &address);
                self.release_confirmed(tenant, &address, at);
                if let Some(contact) = self.addresses.get(&(tenant.clone(), address)) {
                    self.confirmed.entry(*contact).or_insert(at);
                }
            }
            None => {}
        }
    }

    /// Moves the version of conversations with the same phone number, so that they are read again.
    pub(super) fn unsettle(&mut self, ledger: &ConsentRow, address: &Address) {
        for alias in address.aliases() {
            let contact = self.addresses.get(&(ledger.tenant.clone(), alias)).copied();
            for row in self.conversations.values_mut() {
                if Some(row.contact) == contact && contact != ledger.contact {
                    row.conversation.version += 1;
                }
            }
        }
    }

    /// Holds back what no sender has begun, for every address of the contact; the confirmation of the STOP may pass.
    pub(super) fn suppress(&mut self, tenant: &TenantId, address: &Address, at: Timestamp) {
        let addresses = self.addresses_of(tenant, address);
        let rows = self.outbound.values().filter(|row| {
            matches!(row.state, OutboxState::Pending | OutboxState::Deferred)
                && row.message.tenant == *tenant
                && addresses.contains(&row.message.to)
                && !matches!(row.message.kind, OutboundKind::OptOutConfirmation | OutboundKind::Action)
        });
        let held: Vec<_> = rows.map(|row| row.message.clone()).collect();
        for message in held {
            self.step(&message, Transition::Suppress, json!({ "reason": "opted_out" }), at, |row| {
                row.last_error = Some("opted_out".to_owned());
            });
        }
    }
}
