//! A row of `messages_out` in memory, and its state transitions.
//!
//! Palabre's own steps follow [`Transition`], a provider's callbacks [`OutboxState::advance`]. Nothing else changes a
//! state.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::event::Event;
use palabre_actors::domain::ids::{CorrelationId, OutboundId, TenantId};
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::status::{DeliveryStatus, OutboxState, Transition};
use palabre_actors::ports::{Advanced, Settled, Settlement, StatusUpdate, Usage};
use serde::Deserialize;

use super::conversation_queue::QueueKey;
use crate::store::events::{self, EventReason, OutboundRef};
use crate::store::statement::{Value, id, integer, text, text_or_null, time, time_or_null};
use crate::store::values::quarter_text;

/// The columns that a settlement or a callback reads or changes.
pub(super) struct OutboxRow {
    pub id: OutboundId,
    tenant: String,
    channel: String,
    conversation: String,
    correlation: CorrelationId,
    pub state: OutboxState,
    generation: u32,
    attempts: u32,
    next_attempt_at: Timestamp,
    lease_owner: Option<String>,
    lease_until: Option<Timestamp>,
    provider_message_id: Option<String>,
    blocked_reason: Option<String>,
    last_error: Option<String>,
    sent_at: Option<Timestamp>,
    via: Option<String>,
    cost_micros: i64,
    expires_at: Option<Timestamp>,
    /// Other rows may be blocked behind it in its queue.
    followed: bool,
    was_in_queue: bool,
    /// The provider had the message before the change.
    was_at_provider: bool,
    /// Address scheme of the channel that took over, once that is known.
    scheme: Option<Scheme>,
    changed_at: Option<Timestamp>,
}

/// A row as `sql::OUTBOX_ROWS` packs it into JSON.
#[derive(Deserialize)]
pub(super) struct PackedOutboxRow(
    pub OutboundId,
    String,
    String,
    OutboxState,
    u32,
    Timestamp,
    Option<String>,
    Option<Timestamp>,
    Option<String>,
    Option<String>,
    CorrelationId,
    Option<Timestamp>,
    String,
    u32,
    Option<String>,
    i64,
    Option<Timestamp>,
    Option<String>,
    u8,
);

/// What a change adds beside the row itself.
pub(super) struct ChangeEffects {
    /// `None`: the event log has it already.
    pub event: Option<Event>,
    /// Tenant, quarter of an hour, channel; and what was sent there.
    pub usage: Option<((String, String, String), Usage)>,
}

/// A message that left through another channel than its own (failover).
pub(super) struct FailoverSend {
    pub message: OutboundId,
    pub channel: String,
    pub scheme: Scheme,
    pub at: Timestamp,
}

fn is_at_provider(state: OutboxState) -> bool {
    matches!(state, OutboxState::Sent | OutboxState::Delivered | OutboxState::Read)
}

impl OutboxRow {
    pub fn unpack(row: PackedOutboxRow) -> Self {
        Self {
            id: row.0,
            tenant: row.1,
            channel: row.2,
            state: row.3,
            attempts: row.4,
            next_attempt_at: row.5,
            lease_owner: row.6,
            lease_until: row.7,
            provider_message_id: row.8,
            blocked_reason: row.17,
            last_error: row.9,
            correlation: row.10,
            sent_at: row.11,
            conversation: row.12,
            generation: row.13,
            via: row.14,
            cost_micros: row.15,
            expires_at: row.16,
            followed: row.18 != 0,
            was_in_queue: row.3.is_in_line(),
            was_at_provider: is_at_provider(row.3),
            scheme: None,
            changed_at: None,
        }
    }

    /// The row of a message that is being sent through its own channel, without reading it.
    pub fn being_sent(message: &Outbound) -> Self {
        Self {
            id: message.id,
            tenant: message.tenant.as_str().to_owned(),
            channel: message.channel.as_str().to_owned(),
            conversation: message.conversation.to_string(),
            correlation: message.correlation,
            state: OutboxState::Sending,
            generation: message.generation.number,
            attempts: message.attempts,
            next_attempt_at: message.created_at,
            lease_owner: None,
            lease_until: None,
            provider_message_id: None,
            blocked_reason: None,
            last_error: None,
            sent_at: None,
            via: None,
            cost_micros: 0,
            expires_at: message.expires_at,
            followed: true,
            was_in_queue: true,
            was_at_provider: false,
            scheme: None,
            changed_at: None,
        }
    }

    pub fn is_changed(&self) -> bool {
        self.changed_at.is_some()
    }

    /// The columns of `sql::OUTBOX_UPDATE`.
    pub fn columns(&self) -> [Value; 14] {
        [
            id(self.id),
            text(self.state.as_str()),
            integer(self.attempts),
            time(self.next_attempt_at),
            text_or_null(self.lease_owner.as_deref()),
            time_or_null(self.lease_until),
            text_or_null(self.provider_message_id.as_deref()),
            text_or_null(self.last_error.as_deref()),
            time_or_null(self.sent_at),
            time_or_null(self.changed_at),
            text_or_null(self.via.as_deref()),
            integer(self.cost_micros),
            time_or_null(self.expires_at),
            text_or_null(self.blocked_reason.as_deref()),
        ]
    }

    /// The queue that the row left, when another row may be its head now.
    pub fn queue_left(&self) -> Option<QueueKey> {
        let left = self.was_in_queue && !self.state.is_in_line() && self.followed;
        left.then(|| (self.tenant.clone(), self.conversation.clone()))
    }

    /// The message as a failover send, when this change sent it through another channel.
    pub fn sent_by_failover(&self) -> Option<FailoverSend> {
        let (channel, scheme, at) = (self.via.clone()?, self.scheme?, self.changed_at?);
        (!self.was_at_provider && is_at_provider(self.state)).then_some(FailoverSend {
            message: self.id,
            channel,
            scheme,
            at,
        })
    }

    /// A callback with our id comes in on the message's channel, or on the one that took over. Until the message is known to
    /// be at a provider, another channel may be taking over.
    pub fn is_of(&self, update: &StatusUpdate) -> bool {
        let channel = update.channel.as_str();
        let is_own = self.channel == channel || self.via.as_deref() == Some(channel);
        self.tenant == update.tenant.as_str() && (is_own || self.state.rank() < OutboxState::Sent.rank())
    }

    /// Applies the outcome of an attempt. `None`: the outcome is obsolete.
    pub fn settle(&mut self, settlement: &Settlement) -> Option<ChangeEffects> {
        let Settlement { message, result, at, .. } = settlement;
        let transition = match result {
            Settled::Sent(receipt) => return self.sent(settlement, receipt.provider_message_id.as_str(), "taken"),
            Settled::Found(receipt) => {
                return self.sent(settlement, receipt.provider_message_id.as_str(), "found_at_provider");
            }
            Settled::Retry { .. } | Settled::Snooze { .. } => Transition::Postpone,
            Settled::Unknown { .. } => Transition::LoseTrack,
            Settled::Deferred { .. } | Settled::Held { .. } => Transition::Defer,
            Settled::Suppressed { .. } => Transition::Suppress,
            Settled::Dead { .. } => Transition::Die,
        };
        // An outcome of an earlier attempt says nothing about this one.
        if self.attempts != message.attempts.max(1) || self.generation != message.generation.number {
            return None;
        }
        // An attempt that is put back uncounted after its lease expired belongs to the reconciler now: its number
        // must not be used twice.
        if matches!(result, Settled::Snooze { .. }) && self.state != OutboxState::Sending {
            return None;
        }
        self.state = self.state.after(transition)?;
        self.free(*at);
        let mut is_new = true;
        let (reason, attempt): (&str, _) = match result {
            Settled::Sent(_) | Settled::Found(_) => return None,
            Settled::Retry { at: again, reason } => {
                self.next_attempt_at = *again;
                (reason, Some(message.attempts))
            }
            Settled::Snooze { at: again, reason } => {
                // A row that is snoozed again for the same reason has one event.
                is_new = self.blocked_reason.as_deref() != Some(reason);
                self.next_attempt_at = *again;
                self.attempts -= 1;
                (reason, None)
            }
            Settled::Unknown { ask_at, reason } => {
                self.next_attempt_at = *ask_at;
                (reason, Some(message.attempts))
            }
            Settled::Deferred { reason } => {
                self.attempts -= 1;
                self.expires_at = message.expires_at;
                (reason, None)
            }
            Settled::Held { until, reason } => {
                self.attempts -= 1;
                self.next_attempt_at = *until;
                (reason.as_str(), None)
            }
            Settled::Suppressed { reason, .. } => (reason, None),
            Settled::Dead { reason } => (reason, Some(message.attempts)),
        };
        if matches!(result, Settled::Snooze { .. } | Settled::Deferred { .. } | Settled::Held { .. }) {
            self.blocked_reason = Some(reason.to_owned());
        } else {
            self.blocked_reason = None;
            self.last_error = Some(reason.to_owned());
        }
        let via = settlement.via.as_ref().map(|via| &via.channel);
        let why = EventReason { reason, attempt: attempt.map(|attempt| attempt.max(1)), via };
        let event = is_new.then(|| events::outbound(self.reference(&message.tenant), transition, why, *at));
        Some(ChangeEffects { event, usage: None })
    }

    fn sent(&mut self, settlement: &Settlement, provider_id: &str, reason: &'static str) -> Option<ChangeEffects> {
        let Settlement { message, via, cost_micros, at, .. } = settlement;
        if message.generation.number < self.generation {
            return Some(self.sent_before(settlement));
        }
        let next = self.state.after(Transition::Deliver);
        // A callback that was faster has moved the state and left the lease: the other columns are still to be
        // written.
        if next.is_none() && self.lease_owner.is_none() {
            return None;
        }
        if let Some(next) = next {
            self.state = next;
            self.blocked_reason = None;
            self.last_error = None;
            self.provider_message_id = Some(provider_id.to_owned());
            self.sent_at = Some(*at);
        } else {
            self.provider_message_id.get_or_insert_with(|| provider_id.to_owned());
            self.sent_at.get_or_insert(*at);
        }
        if let Some(via) = via {
            self.via = Some(via.channel.as_str().to_owned());
            self.scheme = Some(via.scheme);
        }
        self.cost_micros += cost_micros;
        self.free(*at);
        let via = via.as_ref().map(|via| &via.channel);
        let why = EventReason { reason, attempt: Some(message.attempts.max(1)), via };
        let event = events::outbound(self.reference(&message.tenant), Transition::Deliver, why, *at);
        let is_message = message.action.is_none();
        let usage = Usage { messages: u64::from(next.is_some() && is_message), cost_micros: *cost_micros };
        let channel = self.via.as_ref().unwrap_or(&self.channel).clone();
        Some(ChangeEffects { event: Some(event), usage: self.usage(channel, *at, usage) })
    }

    /// The provider's answer to an attempt of an earlier generation, which came after the callback that ended that generation:
    /// it cost what it cost, and says nothing about the present one.
    fn sent_before(&mut self, settlement: &Settlement) -> ChangeEffects {
        let Settlement { message, via, cost_micros, at, .. } = settlement;
        self.cost_micros += cost_micros;
        self.changed_at = Some(*at);
        let via = via.as_ref().map(|via| &via.channel);
        let channel = via.map_or(self.channel.as_str(), |via| via.as_str()).to_owned();
        let why = EventReason { reason: "earlier_life", attempt: Some(message.attempts.max(1)), via };
        let event = events::outbound(self.reference(&message.tenant), Transition::Deliver, why, *at);
        let usage = Usage { messages: 0, cost_micros: *cost_micros };
        ChangeEffects { event: Some(event), usage: self.usage(channel, *at, usage) }
    }

    /// Applies a callback, forward only; its event is written in any case.
    pub fn advance(&mut self, update: &StatusUpdate) -> (Advanced, ChangeEffects) {
        let failed = update.status == DeliveryStatus::Failed;
        let old = update.is_obsolete(self.generation);
        let event = Some(events::callback(update, self.id, self.correlation, old));
        if !old && self.provider_message_id.is_none() {
            self.provider_message_id = Some(update.provider_message_id.as_str().to_owned());
            self.changed_at = Some(update.at);
        }
        let before = self.state;
        let next = if old { None } else { before.advance(update.status) };
        let Some(next) = next else {
            return (Advanced::Unchanged(before), ChangeEffects { event, usage: None });
        };
        self.state = next;
        self.blocked_reason = None;
        self.changed_at = Some(update.at);
        if failed {
            self.last_error = Some(update.code.clone().unwrap_or_else(|| "failed".to_owned()));
        } else {
            // The contact has it, or is about to: an earlier failure is over.
            self.last_error = None;
            self.sent_at.get_or_insert(update.at);
        }
        let channel = update.channel.as_str();
        if channel != self.channel {
            self.via.get_or_insert_with(|| channel.to_owned());
            self.scheme = Some(update.scheme);
        }
        // Whether this is the first sign that the provider has it. The cost comes with the settlement.
        let first = before.rank() < OutboxState::Sent.rank();
        let usage = Usage { messages: u64::from(first), cost_micros: 0 };
        (
            Advanced::forward(before, next),
            ChangeEffects { event, usage: self.usage(channel.to_owned(), update.at, usage) },
        )
    }

    fn usage(&self, channel: String, at: Timestamp, usage: Usage) -> Option<((String, String, String), Usage)> {
        (usage != Usage::default()).then(|| ((self.tenant.clone(), quarter_text(at), channel), usage))
    }

    fn reference<'a>(&self, tenant: &'a TenantId) -> OutboundRef<'a> {
        OutboundRef { tenant, message: self.id, correlation: self.correlation }
    }

    fn free(&mut self, at: Timestamp) {
        self.lease_owner = None;
        self.lease_until = None;
        self.changed_at = Some(at);
    }
}
