//! Audit: notes every change that a use case makes.

use std::fmt::Display;

use tracing::debug;

use super::Caller;

/// Notes that a caller changed something: what they did (`outbox.replay`), and to what. What was changed has its event in the
/// event log already, written with the change itself; a log of its own for audits is written here once there is one. `what` is
/// an id, never an address or a text (I10).
pub(super) fn note(caller: &Caller, action: &'static str, what: impl Display) {
    debug!(caller.who = %caller.who, action, entity.id = %what, "a caller changed something");
}
