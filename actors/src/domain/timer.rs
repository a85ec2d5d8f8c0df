//! Timers of conversations: rows of `timers`, each of which fires once.

use std::fmt;

use super::Timestamp;
use super::ids::{ConversationId, CorrelationId, TimerId};
use super::words::stored_words;

/// What a conversation does at a later time. A turn sets and cancels timers in its own commit; the turn that a timer leads to
/// deletes its row in its own commit, so that it happens once over all nodes and after every restart. `Debug` does not show
/// the payload (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct Timer {
    /// Its row.
    pub id: TimerId,
    /// Which turn it leads to; decides the form of `payload`.
    pub kind: TimerKind,
    /// Not before that.
    pub fires_at: Timestamp,
    /// What it needs to know, a JSON object. Each kind has its own form.
    pub payload: String,
    /// The flow it belongs to; the turn that it leads to goes on with it.
    pub correlation: CorrelationId,
    /// When the turn that set it was decided, UTC.
    pub created_at: Timestamp,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("fires_at", &self.fires_at)
            .field("correlation", &self.correlation)
            .finish_non_exhaustive()
    }
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimerKind {
    /// The bot gets the conversation back that a person took over.
    HandBack,
    /// A message that was asked for is written. The payload is a [`super::turn::ScheduledMessage`].
    Send,
    /// A flow waited for the customer: they are reminded, or it ends.
    Flow,
    /// A booking was kept free, and is not confirmed. The payload names it.
    HoldEnds,
    /// A customer is reminded of a booking. The payload is a [`super::flow::Reminder`].
    BookingReminder,
    /// Nobody took what a customer asked for. The payload names the offer.
    OfferEnds,
    /// Somebody took what a customer asked for. The payload names the offer and who it is.
    OfferAccepted,
    /// A ride is over: the customer is asked how good it was. The payload names the offer.
    RideDone,
    /// A time became free that the customer waits for. The payload names who waits, and the time.
    PlaceFree,
    /// The tenant's people are told that a conversation needs them. No turn of the conversation: whoever sends the notice
    /// deletes the row. The payload is a [`super::turn::PeopleNotice`].
    Notify,
}

stored_words!(TimerKind {
    HandBack => "hand_back",
    Send => "send",
    Flow => "flow",
    HoldEnds => "hold_ends",
    BookingReminder => "booking_reminder",
    OfferEnds => "offer_ends",
    OfferAccepted => "offer_accepted",
    RideDone => "ride_done",
    PlaceFree => "place_free",
    Notify => "notify",
});

/// A change of a conversation's timers. In one turn, all cancellations come before what is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// A new timer.
    Set(Timer),
    /// A new timer of another conversation of the tenant: how one conversation tells another something. The sweep finds it.
    SetFor(ConversationId, Timer),
    /// That timer goes, if it is there.
    Cancel(TimerId),
    /// All timers of the conversation of this kind go.
    CancelAll(TimerKind),
}
