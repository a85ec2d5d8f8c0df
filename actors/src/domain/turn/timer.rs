//! What a conversation does when its timer wakes it.

use super::Turn;
use super::builder::{begin, close_session, idle};
use crate::domain::Timestamp;
use crate::domain::conversation::State;
use crate::domain::ids::CorrelationId;
use crate::domain::rules::Rules;

/// Decides what a conversation does whose `timer_at` has come: its session closes when nobody wrote for the tenant's idle
/// time; when the contact wrote meanwhile, the timer is set again for the end of that. `None` when there is nothing to do
/// yet.
#[must_use]
pub fn decide_timer(state: &State, rules: &Rules, now: Timestamp) -> Option<Turn> {
    let contact = state.contact.clone()?;
    if state.conversation.as_ref()?.timer_at? > now {
        return None;
    }
    let mut turn = begin(state, contact, CorrelationId::fresh(), now);
    let last_active =
        turn.conversation.session.as_ref().map(|session| {
            turn.conversation.last_inbound_at.map_or(session.opened_at, |last| last.max(session.opened_at))
        });
    match last_active.map(|last| last + idle(rules)) {
        Some(ends_at) if ends_at > now => turn.conversation.timer_at = Some(ends_at),
        // Also without a session: a timer that belongs to nothing would come back for ever.
        _ => close_session(&mut turn),
    }
    Some(turn)
}
