//! Waiting lists: customers who are told when a time becomes free, the first who asked first.

use chrono::NaiveTime;

use super::Timestamp;
use super::ids::{BookingId, ConversationId, WaitingId};
use super::words::stored_words;

/// Where somebody on the waiting list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitingState {
    /// Nothing was free for them yet.
    Waiting,
    /// A time is kept free for them, and they were asked.
    Offered,
    /// They have a booking.
    Taken,
    /// They do not wait any more.
    Ended,
}

stored_words!(WaitingState { Waiting => "waiting", Offered => "offered", Taken => "taken", Ended => "ended" });

/// A row of `waiting_list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingEntry {
    /// Its row.
    pub id: WaitingId,
    /// The customer's conversation.
    pub conversation: ConversationId,
    /// Whether it is the contact's own, whose agenda this is.
    pub is_mine: bool,
    /// The service's id.
    pub service: String,
    /// With whom, if that was wished.
    pub resource: Option<String>,
    /// How many come: only times with places for all of them suit.
    pub people: u32,
    /// Times that begin from then on would suit.
    pub from: Timestamp,
    /// Times that begin before then would suit.
    pub until: Timestamp,
    /// Between which hours of the day.
    pub hours: Option<(NaiveTime, NaiveTime)>,
    /// The booking that moves then.
    pub replaces: Option<BookingId>,
    /// Whether they wait, were offered a time, or are done with waiting.
    pub state: WaitingState,
    /// The moment at which they asked: whoever asked first is offered first.
    pub since: Timestamp,
}

impl WaitingEntry {
    /// Whether they asked after another one.
    #[must_use]
    pub fn is_behind(&self, other: &Self) -> bool {
        (self.since, self.id) > (other.since, other.id)
    }
}

/// A change of the tenant's waiting list, part of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitingChange {
    /// A new row.
    Join(WaitingEntry),
    /// That row has another state.
    Become(WaitingId, WaitingState),
}
