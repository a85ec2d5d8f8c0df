//! Turns of the fake store.

use serde_json::json;

use super::{Data, FakeStore, Op, StoreEvent};
use crate::domain::Timestamp;
use crate::domain::booking::Agenda;
use crate::domain::conversation::{ConversationKey, State};
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::{ConversationId, CorrelationId, InboundId, LiveSessionId, OutboundId, TenantId};
use crate::domain::live::LiveKnowledge;
use crate::domain::message::OutboundKind;
use crate::domain::status::{HeldReason, OutboxState};
use crate::domain::timer::{TimerChange, TimerKind};
use crate::domain::turn::{Draft, Prepared, SessionChange, Start, Turn};
use crate::ports::{DueTimer, LiveScope, Loaded, Pending, PortError, PortErrorKind, SamePerson, Turns, Union};
use crate::testing::fakes::{
    ConsentRow, ConversationRow, EventRow, InboundState, LiveSessionRow, OutboundRow, SessionRow, TimerRow,
};

impl Turns for FakeStore {
    fn load(&self, key: &ConversationKey, through: Option<InboundId>) -> Pending<'_, Result<Loaded, PortError>> {
        let key = key.clone();
        self.run(Op::Load, move |data| Ok(data.load(key, through)))
    }

    fn agenda(&self, key: &ConversationKey, now: Timestamp) -> Pending<'_, Result<Agenda, PortError>> {
        let key = key.clone();
        self.run(Op::Agenda, move |data| Ok(data.agenda(&key, now)))
    }

    fn live(&self, tenant: &TenantId, scope: LiveScope) -> Pending<'_, Result<LiveKnowledge, PortError>> {
        let tenant = tenant.clone();
        self.run(Op::Live, move |data| Ok(data.live(&tenant, scope)))
    }

    fn commit(&self, turn: Turn) -> Pending<'_, Result<(), PortError>> {
        self.run(Op::Commit, move |data| {
            data.check(&turn)?;
            data.apply(turn);
            Ok(())
        })
    }

    fn due(&self, now: Timestamp, limit: usize) -> Pending<'_, Result<Vec<ConversationKey>, PortError>> {
        self.run(Op::DueTurns, move |data| {
            let timers = data.conversations.values().filter_map(|row| Some((row.conversation.timer_at?, row)));
            let mut due: Vec<_> = timers.filter(|(timer_at, _)| *timer_at <= now).collect();
            due.sort_by_key(|(timer_at, _)| *timer_at);
            Ok(due.into_iter().take(limit).map(|(_, row)| row.key()).collect())
        })
    }

    fn due_timers(&self, now: Timestamp, limit: usize) -> Pending<'_, Result<Vec<DueTimer>, PortError>> {
        self.run(Op::DueTimers, move |data| {
            let mut due: Vec<_> = data
                .timers
                .values()
                .filter(|row| row.timer.fires_at <= now && row.timer.kind != TimerKind::Notify)
                .collect();
            due.sort_by_key(|row| (row.timer.fires_at, row.timer.id));
            let due = due.into_iter().take(limit).filter_map(|row| {
                let conversation = data.conversations.get(&row.conversation)?;
                Some(DueTimer { key: conversation.key(), timer: row.timer.clone() })
            });
            Ok(due.collect())
        })
    }

    fn key_of(
        &self,
        tenant: &TenantId,
        conversation: ConversationId,
    ) -> Pending<'_, Result<Option<ConversationKey>, PortError>> {
        let tenant = tenant.clone();
        self.run(Op::KeyOf, move |data| {
            let row = data.conversations.get(&conversation).filter(|row| row.tenant == tenant);
            let row = row.and_then(|row| row.merged_into.map_or(Some(row), |id| data.conversations.get(&id)));
            Ok(row.map(ConversationRow::key))
        })
    }

    fn same_person(&self, found: SamePerson) -> Pending<'_, Result<Union, PortError>> {
        self.run(Op::SamePerson, move |data| Ok(data.same_person(&found)))
    }

    fn close_idle_live_sessions(
        &self,
        tenant: &TenantId,
        idle_since: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<u64, PortError>> {
        let tenant = tenant.clone();
        self.run(Op::CloseIdleLiveSessions, move |data| {
            let rows = data.live_sessions.iter_mut();
            let idle = rows
                .filter(|row| row.tenant == tenant && row.closed_at.is_none() && row.last_message_at < idle_since)
                .map(|row| {
                    row.closed_at = Some(now);
                    row.id
                });
            let closed: Vec<_> = idle.collect();
            for id in &closed {
                data.log_live(&tenant, *id, EventType::LiveSessionClosed, CorrelationId::fresh(), now);
            }
            Ok(closed.len() as u64)
        })
    }
}

impl ConversationRow {
    fn key(&self) -> ConversationKey {
        ConversationKey::new(self.tenant.clone(), self.channel.clone(), self.address.clone())
    }
}

impl Data {
    fn load(&self, key: ConversationKey, through: Option<InboundId>) -> Loaded {
        let contact = self.contact_of(&key.tenant, &key.person);
        let row = contact.and_then(|contact| self.conversation_with(&key.tenant, &key.channel, contact));
        let has = |wanted: fn(&OutboundRow) -> bool| {
            let mut rows = self.outbound.values();
            row.is_some_and(|row| rows.any(|out| out.message.conversation == row.conversation.id && wanted(out)))
        };
        let (open_rows, deferred) = (has(|out| out.state.is_in_line()), has(OutboundRow::awaits_contact));
        let mine = self.waiting().filter(|message| {
            message.tenant == key.tenant
                && message.channel == key.channel
                && message.from.identity() == key.person
                && Some(message.id) <= through
        });
        let waiting = mine.cloned().collect();
        let state = State {
            contact: contact.and_then(|id| self.contacts.get(&id)).cloned(),
            identities: contact.map(|contact| self.identities_of(&key.tenant, contact)).unwrap_or_default(),
            conversation: row.map(|row| row.conversation.clone()),
            opted_out: self.is_opted_out(&key.tenant, &key.address),
            welcomed: false,
            confirmed: false,
            agenda: std::sync::Arc::default(),
            prepared: Prepared::default(),
            key: ConversationKey { address: row.map_or(key.address, |row| row.address.clone()), ..key },
        };
        Loaded { state, waiting, open_rows, deferred }
    }

    fn check(&self, turn: &Turn) -> Result<(), PortError> {
        let tenant = &turn.key.tenant;
        let consumable = turn.consumed.as_ref().is_none_or(|consumed| {
            let row = self.inbound.get(&consumed.id);
            row.is_some_and(|row| row.state == InboundState::Accepted && row.message.tenant == *tenant)
        });
        let contact = self.contact_of(tenant, &turn.key.person);
        let same_contact = contact.is_none_or(|id| id == turn.contact.id);
        let row = self.conversations.get(&turn.conversation.id);
        let same_version = match row {
            Some(row) => row.tenant == *tenant && row.conversation.version == turn.expected_version,
            None => {
                let other = self.conversation_with(tenant, &turn.key.channel, turn.contact.id);
                turn.expected_version == 0 && other.is_none()
            }
        };
        let asked_once = turn
            .outbox
            .iter()
            .all(|draft| draft.idempotency_key.as_ref().is_none_or(|key| self.asked_before(tenant, key).is_none()));
        let waits = || {
            let mut rows = self.outbound.values();
            rows.any(|row| row.message.conversation == turn.conversation.id && row.awaits_contact())
        };
        let releases_what_it_knows = !turn.releases || turn.knows_deferred || !waits();
        let fires_once = turn.fired.is_none_or(|timer| self.timers.contains_key(&timer));
        let may_take = self.may_take(turn);
        if consumable && same_contact && same_version && asked_once && releases_what_it_knows && fires_once && may_take
        {
            Ok(())
        } else {
            Err(PortErrorKind::Conflict.into())
        }
    }

    fn apply(&mut self, turn: Turn) {
        let (tenant, key, at) = (turn.key.tenant.clone(), turn.key.clone(), turn.at);
        if let Some(consumed) = &turn.consumed
            && let Some(row) = self.inbound.get_mut(&consumed.id)
        {
            row.state = InboundState::Processed;
            row.reason = Some(consumed.outcome.as_str().to_owned());
            row.role = Some(consumed.role);
            row.conversation = Some(turn.conversation.id);
            row.processed_at = Some(at);
        }
        for address in [Some(&key.address), turn.alias.as_ref()].into_iter().flatten() {
            self.addresses.entry((tenant.clone(), address.clone())).or_insert(turn.contact.id);
        }
        if turn.contact_changed {
            self.contacts.insert(turn.contact.id, turn.contact.clone());
        }
        self.apply_sessions(&turn);
        self.apply_timers(&turn);
        self.take(&turn);
        let row = ConversationRow {
            tenant: tenant.clone(),
            channel: key.channel.clone(),
            contact: turn.contact.id,
            address: key.address.clone(),
            conversation: turn.conversation.clone(),
            merged_into: None,
        };
        self.conversations.insert(row.conversation.id, row);
        let mut ledger = ConsentRow {
            tenant,
            channel: Some(key.channel.clone()),
            contact: Some(turn.contact.id),
            address: key.address.clone(),
            what: String::new(),
            source: "message".into(),
            evidence: None,
            created_at: at,
        };
        self.events.extend(turn.events.into_iter().map(EventRow::from));
        if let Some(id) = turn.live_session {
            self.keep_live(&ledger.tenant, id, turn.correlation, at);
        }
        if turn.releases {
            self.release(turn.conversation.id, OutboundRow::awaits_contact, "contact_wrote", at);
        }
        for draft in turn.outbox {
            if draft.message.kind == OutboundKind::Welcome {
                ledger.evidence = Some(draft.message.id.to_string());
                self.consents.push(ledger.says("welcomed", &key.address));
                self.welcomed.entry(turn.contact.id).or_insert(at);
            }
            let mut row = OutboundRow::from(draft);
            // The rows that it was to queue behind may have left the queue since the turn was decided.
            row.behind &= self.head(row.message.conversation).is_some();
            self.outbound.insert(row.message.id, row);
        }
        self.unblock_head(turn.conversation.id);
        ledger.evidence = turn.consumed.as_ref().map(|consumed| consumed.id.to_string());
        ledger.created_at = turn.consumed.as_ref().map_or(at, |consumed| consumed.said_at);
        self.consent(turn.consent, (&ledger, turn.conversation.id), at);
    }

    /// The message that was asked for with this key.
    pub(super) fn asked_before(&self, tenant: &TenantId, key: &str) -> Option<OutboundId> {
        let mut rows = self.outbound.values();
        let row = rows.find(|row| row.message.tenant == *tenant && row.idempotency_key.as_deref() == Some(key));
        row.map(|row| row.message.id)
    }

    fn apply_sessions(&mut self, turn: &Turn) {
        for change in &turn.sessions {
            match change {
                SessionChange::Open(id) => {
                    let session = turn.conversation.session.as_ref().filter(|session| session.id == *id);
                    let row = SessionRow {
                        id: *id,
                        tenant: turn.key.tenant.clone(),
                        conversation: turn.conversation.id,
                        opened_at: session.map_or(turn.at, |session| session.opened_at),
                        closed_at: None,
                    };
                    self.sessions.insert(*id, row);
                }
                SessionChange::Close(id) => {
                    if let Some(row) = self.sessions.get_mut(id) {
                        row.closed_at = Some(turn.at);
                    }
                }
            }
        }
    }

    fn apply_timers(&mut self, turn: &Turn) {
        let conversation = turn.conversation.id;
        if let Some(fired) = turn.fired {
            self.timers.remove(&fired);
        }
        for change in &turn.timers {
            match change {
                TimerChange::Cancel(id) => {
                    self.timers.retain(|_, row| row.timer.id != *id || row.conversation != conversation);
                }
                TimerChange::CancelAll(kind) => {
                    self.timers.retain(|_, row| row.timer.kind != *kind || row.conversation != conversation);
                }
                TimerChange::Set(_) | TimerChange::SetFor(..) => {}
            }
        }
        for change in &turn.timers {
            let (conversation, timer) = match change {
                TimerChange::Set(timer) => (conversation, timer),
                TimerChange::SetFor(other, timer) => (*other, timer),
                TimerChange::Cancel(_) | TimerChange::CancelAll(_) => continue,
            };
            let row = TimerRow { tenant: turn.key.tenant.clone(), conversation, timer: timer.clone() };
            self.timers.insert(timer.id, row);
        }
    }

    fn keep_live(&mut self, tenant: &TenantId, id: LiveSessionId, correlation: CorrelationId, at: Timestamp) {
        let mut rows = self.live_sessions.iter_mut();
        if let Some(open) = rows.find(|row| row.tenant == *tenant && row.closed_at.is_none()) {
            open.last_message_at = open.last_message_at.max(at);
            return;
        }
        let tenant = tenant.clone();
        self.log_live(&tenant, id, EventType::LiveSessionOpened, correlation, at);
        self.live_sessions.push(LiveSessionRow { id, tenant, opened_at: at, last_message_at: at, closed_at: None });
    }

    fn log_live(
        &mut self,
        tenant: &TenantId,
        id: LiveSessionId,
        event_type: EventType,
        correlation: CorrelationId,
        at: Timestamp,
    ) {
        self.log(StoreEvent {
            tenant,
            event_type,
            entity: (EntityType::LiveSession, Some(id.0)),
            correlation,
            actor_type: ActorType::System,
            payload: json!({}),
            at,
        });
    }
}

impl From<Draft> for OutboundRow {
    fn from(draft: Draft) -> Self {
        let mut message = draft.message;
        let (mut behind, mut blocked_reason) = (false, None);
        let (state, next_attempt_at, lease_owner, lease_until) = match draft.start {
            Start::Now { node, lease_until } => {
                message.attempts = message.attempts.max(1);
                (OutboxState::Sending, message.created_at, Some(node), Some(lease_until))
            }
            Start::Queued { not_before, behind: others } => {
                behind = others;
                (OutboxState::Pending, not_before, None, None)
            }
            Start::Scheduled(at) => {
                blocked_reason = Some(HeldReason::Scheduled.to_string());
                (OutboxState::Deferred, at, None, None)
            }
        };
        Self {
            message,
            state,
            next_attempt_at,
            lease_owner,
            lease_until,
            provider_message_id: None,
            blocked_reason,
            last_error: None,
            sent_at: None,
            behind,
            via: None,
            cost_micros: 0,
            idempotency_key: draft.idempotency_key,
        }
    }
}

impl From<crate::domain::event::Event> for EventRow {
    fn from(event: crate::domain::event::Event) -> Self {
        Self {
            tenant: event.tenant,
            event_type: event.event_type,
            entity_type: event.entity_type,
            entity_id: event.entity_id,
            correlation: event.correlation,
            actor_type: event.actor_type,
            payload: serde_json::from_str(event.payload.as_json()).unwrap_or_default(),
            created_at: event.created_at,
        }
    }
}
