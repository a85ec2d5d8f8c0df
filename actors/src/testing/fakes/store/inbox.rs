//! Inbox of the fake store.

use serde_json::json;

use super::{Data, FakeStore, Op, StoreEvent};
use crate::domain::Timestamp;
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::{CorrelationId, InboundId, TenantId};
use crate::domain::message::{Inbound, NewInbound};
use crate::ports::{Acceptance, Inbox, Pending, PortError, PortErrorKind};
use crate::testing::fakes::{InboundRow, InboundState};

impl Inbox for FakeStore {
    fn accept(&self, batch: Vec<NewInbound>) -> Pending<'_, Vec<Result<Acceptance, PortError>>> {
        let count = batch.len();
        let answer = self.run(Op::Accept, move |data| Ok(batch.into_iter().map(|new| data.accept(new)).collect()));
        Box::pin(async move {
            let fail = |error: &PortError| (0..count).map(|_| Err(PortError::from(error.kind))).collect();
            answer.await.map_or_else(|error| fail(&error), |accepted: Vec<_>| accepted.into_iter().map(Ok).collect())
        })
    }

    fn backlog(
        &self,
        tenant: &TenantId,
        after: Option<InboundId>,
        limit: usize,
    ) -> Pending<'_, Result<Vec<Inbound>, PortError>> {
        let tenant = tenant.clone();
        self.run(Op::Backlog, move |data| {
            let waiting = data.waiting().filter(|message| message.tenant == tenant && Some(message.id) > after);
            Ok(waiting.take(limit).cloned().collect())
        })
    }

    fn tenants_behind(&self, accepted_before: Timestamp) -> Pending<'_, Result<Vec<TenantId>, PortError>> {
        self.run(Op::TenantsBehind, move |data| {
            let late = data.waiting().filter(|message| message.received_at < accepted_before);
            let mut tenants: Vec<_> = late.map(|message| message.tenant.clone()).collect();
            tenants.sort();
            tenants.dedup();
            Ok(tenants)
        })
    }

    fn dead_letter(
        &self,
        message: &Inbound,
        reason: &'static str,
        at: Timestamp,
    ) -> Pending<'_, Result<(), PortError>> {
        let message = message.clone();
        self.run(Op::DeadLetter, move |data| {
            let row = data.inbound.get_mut(&message.id).ok_or(PortErrorKind::Conflict)?;
            if row.state != InboundState::Accepted {
                return Ok(());
            }
            row.state = InboundState::Dead;
            row.reason = Some(reason.to_owned());
            row.processed_at = Some(at);
            data.log(StoreEvent {
                tenant: &message.tenant,
                event_type: EventType::MessageDead,
                entity: (EntityType::MessageIn, Some(message.id.0)),
                correlation: message.correlation,
                actor_type: ActorType::System,
                payload: json!({ "reason": reason }),
                at,
            });
            Ok(())
        })
    }
}

impl Data {
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Inbound> {
        self.inbound.values().filter(|row| row.state == InboundState::Accepted).map(|row| &row.message)
    }

    fn accept(&mut self, mut new: NewInbound) -> Acceptance {
        let key_of =
            |new: &NewInbound| (new.tenant.clone(), new.channel.clone(), new.provider_message_id.as_str().to_owned());
        let mut key = key_of(&new);
        let first = self.dedupe.get(&key).and_then(|id| self.inbound.get(id)).map(|row| &row.message);
        if first.is_some_and(|first| new.id_per_chat && !self.is_same_chat(&new, first)) {
            new.provider_message_id = new.key_within_chat();
            key = key_of(&new);
        }
        if let Some(first) = self.dedupe.get(&key).and_then(|id| self.inbound.get(id)) {
            let first = first.message.correlation;
            self.received(&new, None, first);
            return Acceptance::Duplicate { first };
        }
        let message = new.accepted_as(InboundId::fresh());
        self.received(&new, Some(message.id), new.correlation);
        let row = InboundRow {
            message: message.clone(),
            state: InboundState::Accepted,
            reason: None,
            role: None,
            conversation: None,
            processed_at: None,
        };
        self.dedupe.insert(key, message.id);
        self.inbound.insert(message.id, row);
        Acceptance::New(message)
    }

    fn is_same_chat(&self, new: &NewInbound, first: &Inbound) -> bool {
        new.is_same_under(&first.from, &first.content.body)
            || self.person(&new.tenant, &new.from).contains(&first.from.identity())
    }

    fn received(&mut self, new: &NewInbound, id: Option<InboundId>, correlation: CorrelationId) {
        let payload = match id {
            Some(_) => json!({ "provider_message_id": new.provider_message_id }),
            None => json!({ "provider_message_id": new.provider_message_id, "reason": "duplicate_detected" }),
        };
        self.log(StoreEvent {
            tenant: &new.tenant,
            event_type: if id.is_some() { EventType::WebhookReceived } else { EventType::IdempotentIgnored },
            entity: (EntityType::MessageIn, id.map(|id| id.0)),
            correlation,
            actor_type: ActorType::Provider,
            payload,
            at: new.received_at,
        });
    }
}
