//! Consents of the fake store, and the rows that they hold back.

use serde_json::json;

use super::Data;
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::ids::{ConversationId, TenantId};
use crate::domain::message::OutboundKind;
use crate::domain::status::{OutboxState, Transition};
use crate::domain::turn::ConsentChange;
use crate::testing::fakes::{ConsentRow, OutboundRow};

impl ConsentRow {
    pub(super) fn says(&self, what: &str, address: &Address) -> Self {
        Self { what: what.to_owned(), address: address.clone(), ..self.clone() }
    }
}

impl Data {
    pub(super) fn consent(
        &mut self,
        change: Option<ConsentChange>,
        (ledger, of): (&ConsentRow, ConversationId),
        at: Timestamp,
    ) {
        let tenant = &ledger.tenant;
        match change {
            Some(ConsentChange::OptOut { address }) => {
                self.consents.push(ledger.says("opted_out", &address));
                self.record_opt_out(tenant, &address);
                self.unsettle(tenant, &address, Some(of));
                self.suppress(tenant, &address, at);
            }
            Some(ConsentChange::OptIn { address }) => {
                self.unsettle(tenant, &address, Some(of));
                self.consents.push(ledger.says("opted_in", &address));
                let person = self.person(tenant, &address);
                self.opt_outs.retain(|(t, a)| t != tenant || !person.contains(&a.identity()));
            }
            Some(ConsentChange::Marketing { address, wanted }) => {
                self.consents
                    .push(ledger.says(if wanted { "opted_in marketing" } else { "opted_out marketing" }, &address));
            }
            Some(ConsentChange::Confirm { address }) => {
                self.consents.push(ledger.says("confirmed", &address));
                self.unsettle(tenant, &address, Some(of));
                self.release_confirmed(tenant, &address, at);
                if let Some(contact) = self.contact_of(tenant, &address.identity()) {
                    self.confirmed.entry(contact).or_insert(at);
                }
            }
            None => {}
        }
    }

    /// Whether the last that the person said of marketing is that they do not want it.
    pub(super) fn stopped_marketing(&self, tenant: &TenantId, address: &Address) -> bool {
        let person = self.person(tenant, address);
        let theirs = |row: &&ConsentRow| row.tenant == *tenant && person.contains(&row.address.identity());
        let mut said = self.consents.iter().rev().filter(theirs);
        let last = said.find(|row| row.what.ends_with(" marketing") || row.what == "opted_in");
        last.is_some_and(|row| row.what == "opted_out marketing")
    }

    /// Moves the version of the person's other conversations, so that they are read again.
    pub(super) fn unsettle(&mut self, tenant: &TenantId, address: &Address, but: Option<ConversationId>) {
        let contact = self.contact_of(tenant, &address.identity());
        let theirs = self.conversations.values_mut().filter(|row| Some(row.contact) == contact);
        theirs.filter(|row| Some(row.conversation.id) != but).for_each(|row| row.conversation.version += 1);
    }

    /// Holds back what no sender has begun, for every address of the contact; the confirmation of the STOP may pass.
    pub(super) fn suppress(&mut self, tenant: &TenantId, address: &Address, at: Timestamp) {
        let contact = self.contact_of(tenant, &address.identity());
        let theirs = |row: &OutboundRow| {
            let conversation = self.conversations.get(&row.message.conversation);
            conversation.is_some_and(|conversation| Some(conversation.contact) == contact)
        };
        let rows = self.outbound.values().filter(|row| {
            matches!(row.state, OutboxState::Pending | OutboxState::Deferred)
                && row.message.tenant == *tenant
                && theirs(row)
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
