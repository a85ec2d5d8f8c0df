//! How long a conversation trusts what it read of the tenant's bookings and offers.

use chrono::TimeDelta;

use super::Conversation;
use super::phase::Memory;
use crate::domain::booking::BookingState;
use crate::domain::ids::{InboundId, TimerId};
use crate::domain::timer::TimerKind;

/// How long a conversation in a flow goes on with what it read of the tenant's bookings.
const AGENDA_LASTS: TimeDelta = TimeDelta::seconds(30);

/// What the agenda was read for last: once for each message and each timer, because what was just read is some moments old
/// already.
#[derive(Default)]
pub(super) struct ReadFor {
    message: Option<InboundId>,
    timer: Option<TimerId>,
}

impl Conversation {
    /// Whether to load again because of what is booked.
    pub(super) fn needs_bookings(&mut self) -> bool {
        self.agenda_is_old() || self.is_asked_of_bookings() || self.timer_asks_of_bookings()
    }

    /// Whether to load again because a person asks something of what is booked: once for each request, before it is decided.
    fn is_asked_of_bookings(&mut self) -> bool {
        let asks = self.queue.is_empty() && self.requests.front().is_some_and(|asked| asked.request.needs_agenda());
        asks && self.may_be_outdated()
    }

    /// Whether to load again because a timer comes that gives a time back or offers one: it is decided on what is booked now, and
    /// on who waits for it. Once for each timer.
    fn timer_asks_of_bookings(&mut self) -> bool {
        let Memory::Current(state) = &self.memory else { return false };
        if !self.queue.is_empty() || !self.requests.is_empty() {
            return false;
        }
        let keeps = state.agenda.mine.iter().any(|booking| booking.state == BookingState::Held);
        let asks = match self.timers.next_kind() {
            Some((_, TimerKind::PlaceFree)) => true,
            Some((_, TimerKind::HoldEnds)) => keeps,
            _ => false,
        };
        let Some((next, _)) = self.timers.next_kind().filter(|_| asks) else { return false };
        self.agenda_read_for.timer.replace(next) != Some(next)
    }

    /// Whether to load again because the conversation is in a flow and what is booked was read some time ago. What is older than
    /// that would do as well, since the commit checks what a turn takes: but then customers are often offered what is gone.
    fn agenda_is_old(&mut self) -> bool {
        let Memory::Current(state) = &self.memory else { return false };
        let Some(next) = self.queue.front().map(|waiting| waiting.message.id) else { return false };
        let rules = &self.setup.profile.rules;
        if !rules.needs_agenda() {
            return false;
        }
        let age = self.setup.context.now() - state.agenda.read_at;
        let in_flow = || state.conversation.as_ref().is_some_and(|conversation| conversation.flow.is_some());
        // They may give a time back, which goes to whoever waits for it by now.
        let has_time = || state.agenda.mine.iter().any(|booking| booking.state.is_taken());
        // Who is on duty answers offers that were made since.
        let on_duty = || rules.flows().is_some_and(|flows| flows.driver(&self.setup.key.address).is_some());
        let is_old =
            (age > AGENDA_LASTS && in_flow()) || (age > TimeDelta::zero() && ((in_flow() && has_time()) || on_duty()));
        is_old && self.agenda_read_for.message.replace(next) != Some(next)
    }
}
