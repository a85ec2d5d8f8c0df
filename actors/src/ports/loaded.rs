//! What a conversation starts from, and timers that have come.

use crate::domain::conversation::{ConversationKey, State};
use crate::domain::message::Inbound;
use crate::domain::timer::Timer;

/// A timer that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTimer {
    /// The conversation that set it.
    pub key: ConversationKey,
    /// The timer.
    pub timer: Timer,
}

/// A conversation as the store has it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its state.
    pub state: State,
    /// Its messages that wait for a turn.
    pub waiting: Vec<Inbound>,
    /// Whether rows of it are in its conversation queue (pending, sending, unknown): a new row must queue behind them.
    pub open_rows: bool,
    /// Whether rows of it wait for the contact to write (`deferred`): the next turn releases them. Rows that are held until
    /// the tenant may spend again do not count.
    pub deferred: bool,
}
