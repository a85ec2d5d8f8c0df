//! How long a conversation trusts what it read of the tenant's bookings and offers.

use chrono::TimeDelta;

use super::Conversation;
use super::phase::Memory;

/// How long a conversation in a flow goes on with what it read of the tenant's bookings.
const AGENDA_LASTS: TimeDelta = TimeDelta::seconds(30);

impl Conversation {
    /// Whether to load again because a person asks something of what is booked: once for each request, before it is decided.
    pub(super) fn is_asked_of_bookings(&mut self) -> bool {
        let asks = self.queue.is_empty() && self.requests.front().is_some_and(|asked| asked.request.needs_agenda());
        asks && self.may_be_outdated()
    }

    /// Whether to load again because the conversation is in a flow and what is booked was read some time ago. What is older than
    /// that would do as well, since the commit checks what a turn takes: but then customers are often offered what is gone.
    pub(super) fn agenda_is_old(&mut self) -> bool {
        let Memory::Current(state) = &self.memory else { return false };
        let Some(next) = self.queue.front().map(|waiting| waiting.message.id) else { return false };
        let rules = &self.setup.profile.rules;
        if !rules.needs_agenda() {
            return false;
        }
        let age = self.setup.context.now() - state.agenda.read_at;
        let in_flow = || state.conversation.as_ref().is_some_and(|conversation| conversation.flow.is_some());
        // Who is on duty answers offers that were made since.
        let on_duty = || rules.flows().is_some_and(|flows| flows.driver(&self.setup.key.address).is_some());
        let is_old = (age > AGENDA_LASTS && in_flow()) || (age > TimeDelta::zero() && on_duty());
        // Once for each message (`agenda_read_for`): what was just read is some moments old already.
        is_old && self.agenda_read_for.replace(next) != Some(next)
    }
}
