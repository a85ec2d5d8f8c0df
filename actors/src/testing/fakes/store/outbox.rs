use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use super::turns::is_unsettled;
use super::{Data, FakeStore, Op, StoreEvent};
use crate::domain::Timestamp;
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::{NodeId, OutboundId, TenantId};
use crate::domain::message::Outbound;
use crate::domain::status::{DeliveryStatus, OutboxState};
use crate::ports::{Advanced, Claim, ClaimUnknown, Outbox, Pending, PortError, Settled, Settlement, StatusUpdate};
use crate::testing::fakes::OutboundRow;

impl Outbox for FakeStore {
    fn claim(&self, claim: Claim) -> Pending<'_, Result<Vec<Outbound>, PortError>> {
        self.run(Op::Claim, move |data| {
            let heads = data.heads();
            let mut due: Vec<_> = data
                .outbound
                .values()
                .filter(|row| row.message.tenant == claim.tenant && heads.contains(&row.message.id))
                .filter(|row| row.state == OutboxState::Pending && row.next_attempt_at <= claim.now)
                .map(|row| (row.next_attempt_at, row.message.id))
                .collect();
            due.sort();
            let due = due.into_iter().take(claim.limit);
            let claimed = due.filter_map(|(_, id)| {
                let row = data.outbound.get_mut(&id)?;
                row.state = OutboxState::Sending;
                row.message.attempts += 1;
                row.lease_owner = Some(claim.node.clone());
                row.lease_until = Some(claim.lease_until);
                Some(row.message.clone())
            });
            Ok(claimed.collect())
        })
    }

    fn settle(&self, settlement: Settlement) -> Pending<'_, Result<(), PortError>> {
        self.run(Op::Settle, move |data| {
            data.settle(settlement);
            Ok(())
        })
    }

    fn advance(&self, update: StatusUpdate) -> Pending<'_, Result<Advanced, PortError>> {
        self.run(Op::Advance, move |data| Ok(data.advance(&update)))
    }

    fn due(&self) -> Pending<'_, Result<Vec<(TenantId, Timestamp)>, PortError>> {
        self.run(Op::DueOutbox, move |data| {
            let heads = data.heads();
            let mut due = BTreeMap::new();
            for row in data.outbound.values() {
                if row.state == OutboxState::Pending && heads.contains(&row.message.id) {
                    let earliest = due.entry(row.message.tenant.clone()).or_insert(row.next_attempt_at);
                    *earliest = row.next_attempt_at.min(*earliest);
                }
            }
            Ok(due.into_iter().collect())
        })
    }

    fn expire_leases(&self, node: &NodeId, now: Timestamp) -> Pending<'_, Result<u64, PortError>> {
        let node = node.clone();
        self.run(Op::ExpireLeases, move |data| {
            let mut expired = 0;
            for row in data.outbound.values_mut().filter(|row| row.state == OutboxState::Sending) {
                if row.lease_owner.as_ref() != Some(&node) || row.lease_until.is_none_or(|until| until <= now) {
                    row.state = OutboxState::Unknown;
                    row.next_attempt_at = now;
                    row.last_error = Some("lease_expired".to_owned());
                    expired += 1;
                }
            }
            Ok(expired)
        })
    }

    fn claim_unknown(&self, claim: ClaimUnknown) -> Pending<'_, Result<Vec<Outbound>, PortError>> {
        self.run(Op::ClaimUnknown, move |data| {
            let due = data.outbound.values_mut();
            let mut due: Vec<_> =
                due.filter(|row| row.state == OutboxState::Unknown && row.next_attempt_at <= claim.now).collect();
            due.sort_by_key(|row| (row.next_attempt_at, row.message.id));
            let claimed = due.into_iter().take(claim.limit).map(|row| {
                row.next_attempt_at = claim.lease_until;
                row.lease_owner = Some(claim.node.clone());
                row.message.clone()
            });
            Ok(claimed.collect())
        })
    }

    fn sent_since(&self, tenant: &TenantId, since: Timestamp) -> Pending<'_, Result<u64, PortError>> {
        let tenant = tenant.clone();
        self.run(Op::SentSince, move |data| {
            let rows = data.outbound.values().filter(|row| row.message.tenant == tenant);
            Ok(rows.filter(|row| row.sent_at.is_some_and(|at| at >= since)).count() as u64)
        })
    }
}

impl Data {
    /// The first unsettled row of each conversation.
    fn heads(&self) -> HashSet<OutboundId> {
        let mut seen = HashSet::new();
        let unsettled = self.outbound.values().filter(|row| is_unsettled(row.state));
        unsettled.filter(|row| seen.insert(row.message.conversation)).map(|row| row.message.id).collect()
    }

    fn settle(&mut self, settlement: Settlement) {
        let Settlement { message, result, at } = settlement;
        let Some(row) = self.outbound.get_mut(&message.id) else { return };
        let open = matches!(row.state, OutboxState::Pending | OutboxState::Sending | OutboxState::Unknown);
        if let Settled::Sent(receipt) = result {
            let first = open || row.lease_owner.is_some();
            row.provider_message_id.get_or_insert(receipt.provider_message_id);
            row.sent_at.get_or_insert(at);
            row.free();
            if open {
                row.state = OutboxState::Sent;
                row.last_error = None;
            }
            if first {
                self.log_out(&message, EventType::MessageSent, ActorType::System, json!({}), at);
            }
            return;
        }
        if !open || row.message.attempts != message.attempts.max(1) {
            return;
        }
        row.free();
        match result {
            Settled::Sent(_) => {}
            Settled::Later { at: again, reason, counted } => {
                row.state = OutboxState::Pending;
                row.next_attempt_at = again;
                row.last_error = Some(reason);
                row.message.attempts -= u32::from(!counted);
            }
            Settled::Unknown { ask_at, reason } => {
                row.state = OutboxState::Unknown;
                row.next_attempt_at = ask_at;
                row.last_error = Some(reason);
            }
            Settled::Suppressed { reason, record_opt_out } => {
                row.state = OutboxState::Suppressed;
                row.last_error = Some(reason.clone());
                self.log_out(
                    &message,
                    EventType::MessageSuppressed,
                    ActorType::System,
                    json!({ "reason": reason }),
                    at,
                );
                if record_opt_out {
                    self.opt_out_by_provider(&message, at);
                }
            }
            Settled::Dead { reason } => {
                row.state = OutboxState::Dead;
                row.last_error = Some(reason.clone());
                self.log_out(&message, EventType::MessageDead, ActorType::System, json!({ "reason": reason }), at);
            }
        }
    }

    fn opt_out_by_provider(&mut self, message: &Outbound, at: Timestamp) {
        if self.record_opt_out(&message.tenant, &message.to) {
            let contact = self.addresses.get(&(message.tenant.clone(), message.to.clone())).copied();
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

    fn advance(&mut self, update: &StatusUpdate) -> Advanced {
        let row = self.outbound.values_mut().find(|row| {
            row.message.tenant == update.tenant
                && row.message.channel == update.channel
                && update.id.map_or_else(
                    || row.provider_message_id.as_ref() == Some(&update.provider_message_id),
                    |id| row.message.id == id,
                )
        });
        let Some(row) = row else { return Advanced::NoSuchMessage };
        let next = row.state.advance(update.status);
        row.provider_message_id.get_or_insert_with(|| update.provider_message_id.clone());
        if let Some(next) = next {
            row.state = next;
            if next == OutboxState::Failed {
                row.last_error = Some(update.code.clone().unwrap_or_else(|| "failed".to_owned()));
            } else {
                row.sent_at.get_or_insert(update.at);
            }
        }
        let advanced = next.map_or(Advanced::Unchanged(row.state), Advanced::To);
        let message = row.message.clone();
        let event_type = match update.status {
            DeliveryStatus::Sent => EventType::MessageSent,
            DeliveryStatus::Delivered => EventType::MessageDelivered,
            DeliveryStatus::Read => EventType::MessageRead,
            DeliveryStatus::Failed => EventType::MessageFailed,
        };
        let payload = update.code.as_ref().map_or_else(|| json!({}), |code| json!({ "code": code }));
        self.log_out(&message, event_type, ActorType::Provider, payload, update.at);
        advanced
    }

    fn log_out(
        &mut self,
        message: &Outbound,
        event_type: EventType,
        actor_type: ActorType,
        payload: serde_json::Value,
        at: Timestamp,
    ) {
        self.log(StoreEvent {
            tenant: &message.tenant,
            event_type,
            entity: (EntityType::MessageOut, Some(message.id.0)),
            correlation: message.correlation,
            actor_type,
            payload,
            at,
        });
    }
}

impl OutboundRow {
    fn free(&mut self) {
        self.lease_owner = None;
        self.lease_until = None;
    }
}
