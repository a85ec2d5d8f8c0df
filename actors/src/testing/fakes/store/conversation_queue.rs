//! Conversation queues: moves of outbound rows through [`Transition`], each with its event.

use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::json;

use super::{Data, StoreEvent};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::{ChannelId, ConversationId, OutboundId, TenantId};
use crate::domain::message::{Generation, Outbound};
use crate::domain::status::{OutboxState, Transition};
use crate::ports::{ChannelKey, MaintenanceReport, Usage};
use crate::testing::fakes::{OutboundRow, UsageRow};

/// The start of the quarter of an hour that contains the time.
fn quarter(at: Timestamp) -> Timestamp {
    let seconds = at.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(900), 0).unwrap_or(at)
}

impl Data {
    /// Moves a row, if the transition is allowed from its state: frees its lease, writes the event, and unblocks the next
    /// row when it left the queue. Answers whether it was moved.
    pub(super) fn step(
        &mut self,
        message: &Outbound,
        transition: Transition,
        payload: serde_json::Value,
        at: Timestamp,
        change: impl FnOnce(&mut OutboundRow),
    ) -> bool {
        let Some(row) = self.outbound.get_mut(&message.id) else { return false };
        let Some(next) = row.state.after(transition) else { return false };
        let was_in_line = row.state.is_in_line();
        row.state = next;
        row.lease_owner = None;
        row.lease_until = None;
        // A claimed row keeps it, so that a snooze for the same reason again has no second event.
        if transition != Transition::Claim {
            row.blocked_reason = None;
        }
        change(row);
        let message = row.message.clone();
        if !payload.is_null() {
            self.log_out(&message, transition.event(), ActorType::System, payload, at);
        }
        if was_in_line && !next.is_in_line() {
            self.unblock_head(message.conversation);
        }
        true
    }

    /// The head of a conversation queue.
    pub(super) fn head(&self, conversation: ConversationId) -> Option<OutboundId> {
        let mut rows = self.outbound.values();
        let head = rows.find(|row| row.message.conversation == conversation && row.state.is_in_line());
        head.map(|row| row.message.id)
    }

    /// Whether a row before it in its queue is being sent, or is quota-exempt as well.
    pub(super) fn is_held_up(&self, row: &OutboundRow) -> bool {
        let line = self.outbound.values().filter(|other| other.message.conversation == row.message.conversation);
        let mut before = line.filter(|other| other.state.is_in_line() && other.message.id < row.message.id);
        before.any(|other| other.state != OutboxState::Pending || other.message.kind.is_quota_exempt())
    }

    /// Unblocks the head of a queue. Answers whether it was blocked.
    pub(super) fn unblock_head(&mut self, conversation: ConversationId) -> bool {
        let Some(head) = self.head(conversation) else { return false };
        let Some(row) = self.outbound.get_mut(&head) else { return false };
        let orphan = row.behind && row.state == OutboxState::Pending;
        row.behind &= !orphan;
        orphan
    }

    /// Puts the conversation's deferred rows that waited for this back into its queue. Answers how many.
    pub(super) fn release(
        &mut self,
        conversation: ConversationId,
        waited: impl Fn(&OutboundRow) -> bool,
        reason: &str,
        at: Timestamp,
    ) -> u64 {
        let rows = self.outbound.values();
        let deferred: Vec<_> = rows
            .filter(|row| row.message.conversation == conversation && waited(row))
            .map(|row| row.message.clone())
            .collect();
        for message in &deferred {
            self.step(message, Transition::Release, json!({ "reason": reason }), at, |row| {
                row.next_attempt_at = at;
                row.last_error = None;
            });
        }
        if let (false, Some(head)) = (deferred.is_empty(), self.head(conversation)) {
            self.block_behind(conversation, head);
        }
        deferred.len() as u64
    }

    /// Blocks every waiting row of a queue but its head.
    pub(super) fn block_behind(&mut self, conversation: ConversationId, head: OutboundId) {
        let line = self.outbound.values_mut().filter(|row| row.message.conversation == conversation);
        for row in line.filter(|row| row.state == OutboxState::Pending) {
            row.behind = row.message.id != head;
        }
    }

    /// Releases and expires deferred rows, and repairs queue heads.
    pub(super) fn maintain(&mut self, now: Timestamp) -> MaintenanceReport {
        let (mut changed, mut died) = (0, Vec::new());
        let deferred = self.outbound.values().filter(|row| row.state == OutboxState::Deferred);
        let expired = deferred.clone().filter(|row| row.message.expires_at.is_some_and(|at| at <= now));
        let expired: Vec<_> = expired.map(|row| row.message.clone()).collect();
        let written: BTreeSet<_> = deferred
            .clone()
            .filter(|row| row.awaits_contact() && self.has_written_since(row))
            .map(|row| row.message.conversation)
            .collect();
        let held = deferred.filter(|row| row.is_held() && row.next_attempt_at <= now);
        let held: BTreeSet<_> = held.map(|row| row.message.conversation).collect();
        for message in expired {
            changed += u64::from(self.step(&message, Transition::Die, json!({ "reason": "expired" }), now, |row| {
                row.last_error = Some("expired".to_owned());
            }));
            died.push(ChannelKey { tenant: message.tenant, channel: message.channel });
        }
        for conversation in written {
            changed += self.release(conversation, OutboundRow::awaits_contact, "contact_wrote", now);
        }
        for conversation in held {
            changed += self.release(conversation, |row| row.is_released(now), "due", now);
        }
        let conversations: BTreeSet<_> = self.outbound.values().map(|row| row.message.conversation).collect();
        for conversation in conversations {
            changed += u64::from(self.unblock_head(conversation));
        }
        MaintenanceReport { changed, died }
    }

    /// Releases the rows that wait for the person to confirm, on every channel.
    pub(super) fn release_confirmed(&mut self, tenant: &TenantId, address: &Address, at: Timestamp) {
        let contact = self.contact_of(tenant, &address.identity());
        let rows = self.outbound.values().filter(|row| row.message.tenant == *tenant && row.awaits_contact());
        let theirs = rows.filter(|row| {
            let conversation = self.conversations.get(&row.message.conversation);
            conversation.is_some_and(|conversation| Some(conversation.contact) == contact)
        });
        let waiting = theirs.filter(|row| row.blocked_reason.as_deref() == Some("not_confirmed"));
        let lines: BTreeSet<_> = waiting.map(|row| row.message.conversation).collect();
        for conversation in lines {
            self.release(conversation, OutboundRow::awaits_contact, "contact_wrote", at);
        }
    }

    /// Whether the contact wrote, or the person confirmed, after the row was due.
    fn has_written_since(&self, row: &OutboundRow) -> bool {
        let Some(conversation) = self.conversations.get(&row.message.conversation) else { return false };
        let confirmed = self.confirmed.get(&conversation.contact).copied();
        conversation.conversation.last_inbound_at.max(confirmed) > Some(row.next_attempt_at)
    }

    pub(super) fn replay(&mut self, id: OutboundId, at: Timestamp) {
        let Some(message) = self.outbound.get(&id).map(|row| row.message.clone()) else { return };
        let behind = self.head(message.conversation).is_some_and(|head| head < id);
        self.step(&message, Transition::Replay, json!({ "reason": "operator" }), at, |row| {
            let generation = Generation {
                number: row.message.generation.number + 1,
                since: at,
                attempts_before: row.message.attempts,
            };
            row.message.generation = generation;
            row.next_attempt_at = at;
            row.last_error = None;
            row.provider_message_id = None;
            row.sent_at = None;
            row.behind = behind;
        });
    }

    pub(super) fn count_usage(&mut self, tenant: &TenantId, channel: &ChannelId, at: Timestamp, more: Usage) {
        if more == Usage::default() {
            return;
        }
        let usage = self.usage.entry((tenant.clone(), quarter(at), channel.clone())).or_default();
        usage.messages += more.messages;
        usage.cost_micros += more.cost_micros;
    }

    pub(super) fn usage_since(&self, tenant: &TenantId, since: Timestamp) -> Usage {
        let since = quarter(since);
        let rows = self.usage.iter().filter(|((t, at, _), _)| t == tenant && *at >= since);
        rows.fold(Usage::default(), |sum, (_, more)| Usage {
            messages: sum.messages + more.messages,
            cost_micros: sum.cost_micros + more.cost_micros,
        })
    }

    pub(super) fn log_out(
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

impl From<(&(TenantId, Timestamp, ChannelId), &Usage)> for UsageRow {
    fn from(((tenant, quarter, channel), usage): (&(TenantId, Timestamp, ChannelId), &Usage)) -> Self {
        Self { tenant: tenant.clone(), quarter: *quarter, channel: channel.clone(), usage: *usage }
    }
}
