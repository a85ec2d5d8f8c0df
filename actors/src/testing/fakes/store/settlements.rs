//! Settlements of the fake store.

use serde_json::json;

use super::{Data, StoreEvent};
use crate::domain::Timestamp;
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::ProviderMessageId;
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::status::{OutboxState, Transition};
use crate::ports::{Settled, Settlement, Usage, Via};
use crate::testing::fakes::ConsentRow;

impl Data {
    pub(super) fn settle(&mut self, settlement: &Settlement) {
        let Settlement { message, result, at, .. } = settlement;
        let Some(row) = self.outbound.get(&message.id) else { return };
        // An outcome of an earlier attempt says nothing about this one.
        let current = row.message.attempts == message.attempts.max(1)
            && row.message.generation.number == message.generation.number;
        let repeated = |reason: &str| row.blocked_reason.as_deref() == Some(reason);
        match result {
            Settled::Sent(receipt) => self.settle_sent(settlement, &receipt.provider_message_id, "taken"),
            Settled::Found(receipt) => {
                self.settle_sent(settlement, &receipt.provider_message_id, "found_at_provider");
            }
            _ if !current => {}
            // A snooze that comes too late has lost the row to reconciliation.
            Settled::Snooze { .. } if row.state != OutboxState::Sending => {}
            Settled::Retry { at: again, reason } => {
                self.step(message, Transition::Postpone, settlement.payload(reason, true), *at, |row| {
                    row.next_attempt_at = *again;
                    row.last_error = Some(reason.clone());
                });
            }
            Settled::Snooze { at: again, reason } => {
                let payload =
                    if repeated(reason) { serde_json::Value::Null } else { settlement.payload(reason, false) };
                self.step(message, Transition::Postpone, payload, *at, |row| {
                    row.next_attempt_at = *again;
                    row.blocked_reason = Some(reason.clone());
                    row.message.attempts -= 1;
                });
            }
            Settled::Unknown { ask_at, reason } => {
                self.step(message, Transition::LoseTrack, settlement.payload(reason, true), *at, |row| {
                    row.next_attempt_at = *ask_at;
                    row.last_error = Some(reason.clone());
                });
            }
            Settled::Deferred { reason } => {
                self.step(message, Transition::Defer, settlement.payload(reason, false), *at, |row| {
                    row.blocked_reason = Some(reason.clone());
                    row.message.expires_at = message.expires_at;
                    row.message.attempts -= 1;
                });
            }
            Settled::Held { until, reason } => {
                self.step(message, Transition::Defer, settlement.payload(reason.as_str(), false), *at, |row| {
                    row.next_attempt_at = *until;
                    row.blocked_reason = Some(reason.to_string());
                    row.message.attempts -= 1;
                });
            }
            Settled::Suppressed { reason, record_opt_out } => {
                let stopped = self.step(message, Transition::Suppress, settlement.payload(reason, false), *at, |row| {
                    row.last_error = Some(reason.clone());
                });
                if stopped && *record_opt_out {
                    self.opt_out_by_provider(message, *at);
                }
            }
            Settled::Dead { reason } => {
                self.step(message, Transition::Die, settlement.payload(reason, true), *at, |row| {
                    row.last_error = Some(reason.clone());
                });
            }
        }
    }

    fn settle_sent(&mut self, settlement: &Settlement, provider_id: &ProviderMessageId, reason: &str) {
        let Settlement { message, via, cost_micros, at, .. } = settlement;
        let Some(row) = self.outbound.get_mut(&message.id) else { return };
        if message.generation.number < row.message.generation.number {
            row.cost_micros += cost_micros;
            let channel = via.as_ref().map_or_else(|| message.channel.clone(), |via| via.channel.clone());
            self.count_usage(&message.tenant, &channel, *at, Usage { messages: 0, cost_micros: *cost_micros });
            let payload = settlement.payload("earlier_life", true);
            self.log_out(message, EventType::MessageSent, ActorType::System, payload, *at);
            return;
        }
        let news = row.state.after(Transition::Deliver).is_some();
        // A callback that was faster has moved the state and left the lease: the rest is still to be written.
        if !news && row.lease_owner.is_none() {
            return;
        }
        row.cost_micros += cost_micros;
        if let Some(via) = via {
            row.via = Some(via.channel.clone());
            self.welcomed_by(message, via, *at);
        }
        let Some(row) = self.outbound.get_mut(&message.id) else { return };
        let channel = row.via.clone().unwrap_or_else(|| row.message.channel.clone());
        let more = Usage { messages: u64::from(news && message.action.is_none()), cost_micros: *cost_micros };
        self.count_usage(&message.tenant, &channel, *at, more);
        let payload = settlement.payload(reason, true);
        let delivered = self.step(message, Transition::Deliver, payload.clone(), *at, |row| {
            row.provider_message_id = Some(provider_id.clone());
            row.sent_at = Some(*at);
            row.last_error = None;
        });
        if !delivered && let Some(row) = self.outbound.get_mut(&message.id) {
            row.provider_message_id.get_or_insert_with(|| provider_id.clone());
            row.sent_at.get_or_insert(*at);
            row.lease_owner = None;
            row.lease_until = None;
            self.log_out(message, EventType::MessageSent, ActorType::System, payload, *at);
        }
    }

    /// Notes that a welcome left through the fallback, where the contact can confirm as well. Once per generation.
    pub(super) fn welcomed_by(&mut self, message: &Outbound, via: &Via, at: Timestamp) {
        let Some(row) = self.outbound.get(&message.id) else { return };
        let there = matches!(row.state, OutboxState::Sent | OutboxState::Delivered | OutboxState::Read);
        if message.kind != OutboundKind::Welcome || there {
            return;
        }
        let address = message.to.on(via.scheme).unwrap_or_else(|| message.to.clone());
        let said = ConsentRow {
            tenant: message.tenant.clone(),
            channel: Some(via.channel.clone()),
            contact: self.contact_of(&message.tenant, &message.to.identity()),
            address: address.clone(),
            what: "welcomed".into(),
            source: "message".into(),
            evidence: Some(message.id.to_string()),
            created_at: at,
        };
        self.unsettle(&message.tenant, &address, None);
        self.consents.push(said);
    }

    pub(super) fn opt_out_by_provider(&mut self, message: &Outbound, at: Timestamp) {
        if self.record_opt_out(&message.tenant, &message.to) {
            let contact = self.contact_of(&message.tenant, &message.to.identity());
            self.consents.push(ConsentRow {
                tenant: message.tenant.clone(),
                channel: Some(message.channel.clone()),
                contact,
                address: message.to.clone(),
                what: "opted_out".into(),
                source: "provider".into(),
                evidence: Some(message.id.to_string()),
                created_at: at,
            });
            self.log(StoreEvent {
                tenant: &message.tenant,
                event_type: EventType::OptedOut,
                entity: (EntityType::Contact, contact.map(|id| id.0)),
                correlation: message.correlation,
                actor_type: ActorType::Provider,
                payload: json!({ "source": "provider" }),
                at,
            });
        }
        self.suppress(&message.tenant, &message.to, at);
    }
}

impl Settlement {
    /// What the event says: the reason, the attempt where one was made, the channel where another took over.
    fn payload(&self, reason: &str, attempted: bool) -> serde_json::Value {
        let mut payload = json!({ "reason": reason });
        if attempted {
            payload["attempt"] = json!(self.message.attempts.max(1));
        }
        if let Some(via) = &self.via {
            payload["via"] = json!(via.channel.as_str());
        }
        payload
    }
}
