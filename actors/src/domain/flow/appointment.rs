//! What a customer has said of an appointment so far.

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::domain::ids::{BookingId, WaitingId};

/// What is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Open {
    #[default]
    Service,
    People,
    Day,
    /// One of several days that were meant.
    Which,
    /// One of the times that were offered.
    Time,
    Confirm,
    /// Whether a booking is to be cancelled.
    Cancel,
    /// Whether they come, after a reminder.
    Reminder,
    /// They do not come: another time, or none.
    MoveOrCancel,
}

/// What a customer has said of an appointment so far. `Debug` shows what is waited for only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    /// Which service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// With whom, if that was wished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wished: Option<String>,
    /// How many people come, as far as they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) people: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) day: Option<NaiveDate>,
    /// The last day, when several were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<NaiveTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<(NaiveTime, NaiveTime)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) either: Vec<NaiveDate>,
    /// Times that were offered, with whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) offered: Vec<(Timestamp, String)>,
    /// What is kept free until they confirm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<BookingId>,
    /// The booking that it is about: it moves, or is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) booking: Option<BookingId>,
    /// They want to be told when a time becomes free.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) waits: bool,
    /// What is kept free was offered to them as this entry of the waiting list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) waiting: Option<WaitingId>,
    #[serde(default)]
    pub(super) open: Open,
    /// The question that was asked last.
    #[serde(default)]
    pub(super) question: String,
}

impl std::fmt::Debug for Appointment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appointment").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Appointment {
    /// Whether it is about a booking that is there already.
    pub(super) const fn manages(&self) -> bool {
        self.booking.is_some()
    }

    /// Whether it is a reminder that asks whether they come.
    pub(super) const fn awaits_a_yes(&self) -> bool {
        matches!(self.open, Open::Reminder | Open::MoveOrCancel)
    }

    /// The entry of the waiting list as which a time was offered to them.
    #[must_use]
    pub const fn waiting(&self) -> Option<WaitingId> {
        self.waiting
    }

    /// Nothing was said of day and time.
    pub(super) fn forget_when(&mut self) {
        (self.day, self.until, self.time, self.window) = (None, None, None, None);
        self.either.clear();
        self.offered.clear();
    }

    /// What is kept free.
    #[must_use]
    pub const fn held(&self) -> Option<BookingId> {
        self.held
    }
}
