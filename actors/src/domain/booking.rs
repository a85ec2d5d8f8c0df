//! Bookings: services, resources, and what customers have booked of them.

use std::fmt;

use chrono::{NaiveTime, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::claim::ClaimChange;
use super::ids::{BookingId, ConversationId};
use super::offer::{Offer, OfferChange, OfferState};
use super::party::{Party, Places};
use super::waiting::{WaitingChange, WaitingEntry, WaitingState};
use super::words::stored_words;

/// What can be booked, as the tenant's configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its id, unique within the tenant.
    pub id: String,
    /// What customers call it.
    pub name: String,
    /// How long it takes.
    pub duration: TimeDelta,
    /// What a resource needs after it before the next one.
    pub buffer: TimeDelta,
    /// What it costs, as it is written to customers.
    pub price: Option<String>,
    /// Who or what does it; each can do one at a time, for as many people as `capacity` says.
    pub resources: Vec<String>,
    /// How many people a resource takes at once. With more than one, bookings of this service share it.
    pub capacity: u32,
    /// The most people that one of its resources takes at once, whatever it is booked for. [`super::flow::Flows::new`] counts
    /// them.
    pub(in crate::domain) most_places: u32,
    /// The times of the week at which it begins. Empty: whenever there is room.
    pub times: Vec<(Weekday, NaiveTime)>,
    /// Other words for it.
    pub words: Vec<String>,
}

impl Service {
    /// A service, before its resources are counted.
    #[must_use]
    pub fn new(id: String, name: String, duration: TimeDelta) -> Self {
        Self {
            id,
            name,
            duration,
            buffer: TimeDelta::zero(),
            price: None,
            resources: Vec::new(),
            capacity: 1,
            most_places: 1,
            times: Vec::new(),
            words: Vec::new(),
        }
    }

    /// Whether several people share a resource.
    #[must_use]
    pub const fn is_for_groups(&self) -> bool {
        self.capacity > 1
    }

    /// A booking of it.
    pub(in crate::domain) fn booking(
        &self,
        id: BookingId,
        (resource, party): (&str, Party),
        starts_at: Timestamp,
        state: BookingState,
    ) -> Booking {
        let ends_at = starts_at + self.duration;
        Booking {
            id,
            service: self.id.clone(),
            resource: resource.to_owned(),
            starts_at,
            ends_at,
            free_at: ends_at + self.buffer,
            party,
            state,
        }
    }
}

/// Where a booking stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingState {
    /// Kept free while the customer confirms.
    Held,
    /// Agreed.
    Confirmed,
    /// Called off, or never confirmed.
    Cancelled,
    /// It took place.
    Done,
    /// Nobody came.
    NoShow,
}

stored_words!(BookingState {
    Held => "held",
    Confirmed => "confirmed",
    Cancelled => "cancelled",
    Done => "done",
    NoShow => "no_show",
});

impl BookingState {
    /// Whether its time is taken.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Held | Self::Confirmed)
    }
}

/// A row of `bookings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// Its row.
    pub id: BookingId,
    /// The service's id.
    pub service: String,
    /// Who or what does it.
    pub resource: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over, without the buffer.
    pub ends_at: Timestamp,
    /// Until when the resource is taken.
    pub free_at: Timestamp,
    /// How many come, and which places they take. One that was written before there were places has the first, for one person.
    #[serde(default)]
    pub party: Party,
    /// Where it stands.
    pub state: BookingState,
}

/// Seconds of a piece of time that is claimed as one. Services begin and end on it.
pub const GRID_SECONDS: i64 = 300;

impl Booking {
    /// The claims on its resource's time: one for each five minutes and place, so that no two bookings can have the same place at
    /// once.
    pub fn claims(&self) -> impl Iterator<Item = ClaimChange> + '_ {
        let from = self.starts_at.timestamp().div_euclid(GRID_SECONDS);
        let until = (self.free_at.timestamp() + GRID_SECONDS - 1).div_euclid(GRID_SECONDS);
        (from..until.max(from + 1)).flat_map(move |piece| {
            self.party.places.numbers().map(move |place| {
                // The first place is named as the only one is.
                let key = match place {
                    0 => format!("seat/{}/{piece}", self.resource),
                    place => format!("seat/{}/{piece}/{place}", self.resource),
                };
                ClaimChange::Take { key, owner: self.id.0 }
            })
        })
    }
}

/// A change of the tenant's bookings, part of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookingChange {
    /// A new row, with its claims.
    Hold(Booking),
    /// That row has another time or another resource. Its claims go, and it takes new ones.
    Move(Booking),
    /// Its customer comes late, so many minutes as far as they said (0: nobody knows). Its resource is taken as the row says
    /// now; the time that was agreed on stays.
    Late(Booking, i64),
    /// That row has another state. One that is not taken any more gives its claims back.
    Become(BookingId, BookingState),
}

/// Why a booking is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookingRefused {
    /// The tenant books nothing.
    #[error("the tenant has no flow that books")]
    NothingToBook,
    /// The tenant has no such service.
    #[error("the tenant has no such service")]
    UnknownService,
    /// The service is not done by this resource.
    #[error("this resource does not do this service")]
    UnknownResource,
    /// It is over by now, or does not begin at a multiple of five minutes.
    #[error("a booking begins at a multiple of five minutes, and is not over")]
    NoSuchTime,
    /// Somebody else has that time (I12).
    #[error("that time is taken")]
    Taken,
    /// A resource never takes so many people at once.
    #[error("more people than this service takes at once")]
    TooMany,
    /// It is not as it was seen: somebody moved it, called it off or settled it.
    #[error("the booking changed since it was read")]
    Changed,
    /// It has not begun: nobody knows whether they come.
    #[error("the booking has not begun")]
    NotBegun,
}

impl BookingRefused {
    /// The reason as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingToBook => "nothing_to_book",
            Self::UnknownService => "unknown_service",
            Self::UnknownResource => "unknown_resource",
            Self::NoSuchTime => "no_such_time",
            Self::Taken => "taken",
            Self::TooMany => "too_many",
            Self::Changed => "changed",
            Self::NotBegun => "not_begun",
        }
    }
}

/// Time of a resource that is taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Busy {
    /// The name of the resource, as the configuration has it.
    pub resource: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The service for whose bookings it has places left, perhaps. `None`: it has none for anybody.
    pub service: Option<String>,
    /// Places that are taken.
    pub places: Places,
}

impl Busy {
    /// Time that nobody shares.
    #[must_use]
    pub const fn whole(resource: String, from: Timestamp, until: Timestamp) -> Self {
        Self { resource, from, until, service: None, places: Places::NONE }
    }

    /// The time of a booking, which others of its service may share.
    #[must_use]
    pub fn by(booking: &Booking) -> Self {
        Self {
            service: Some(booking.service.clone()),
            places: booking.party.places,
            ..Self::whole(booking.resource.clone(), booking.starts_at, booking.free_at)
        }
    }
}

/// What is taken of the tenant's resources from now on, and what the contact has booked: what a booking flow decides on. It may
/// be old: the claims of the commit are the truth.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Agenda {
    /// When it was read.
    pub read_at: Timestamp,
    /// Time that is taken, of every resource, the contact's own bookings included.
    pub busy: Vec<Busy>,
    /// The contact's bookings that are held or confirmed and not over, the earliest first.
    pub mine: Vec<Booking>,
    /// Offers that nobody has taken, the oldest first.
    pub offers: Vec<Offer>,
    /// Offers that the contact has taken and not done yet, the oldest first.
    pub taken: Vec<Offer>,
    /// Conversations of the people on duty.
    pub on_duty: Vec<ConversationId>,
    /// Who waits for a time, whoever asked first before the others.
    pub waiting: Vec<WaitingEntry>,
}

impl fmt::Debug for Agenda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agenda").field("busy", &self.busy.len()).field("mine", &self.mine.len()).finish_non_exhaustive()
    }
}

impl Agenda {
    /// Brings it up to a change of the contact's own.
    pub fn apply(&mut self, change: &BookingChange) {
        match change {
            BookingChange::Hold(booking) => self.take(booking),
            BookingChange::Move(booking) | BookingChange::Late(booking, _) => {
                self.give_back(booking.id);
                self.take(booking);
            }
            BookingChange::Become(id, state) if state.is_taken() => {
                if let Some(booking) = self.mine.iter_mut().find(|booking| booking.id == *id) {
                    booking.state = *state;
                }
            }
            BookingChange::Become(id, _) => self.give_back(*id),
        }
    }

    fn take(&mut self, booking: &Booking) {
        self.busy.push(Busy::by(booking));
        self.mine.push(booking.clone());
        self.mine.sort_by_key(|booking| booking.starts_at);
    }

    fn give_back(&mut self, id: BookingId) {
        let Some(at) = self.mine.iter().position(|booking| booking.id == id) else { return };
        let gone = self.mine.remove(at);
        let is_its = |busy: &Busy| {
            busy.resource == gone.resource && busy.from == gone.starts_at && busy.places == gone.party.places
        };
        if let Some(at) = self.busy.iter().position(is_its) {
            self.busy.swap_remove(at);
        }
    }

    /// Brings it up to a change of offers.
    pub fn apply_offer(&mut self, change: &OfferChange) {
        match change {
            OfferChange::Make(offer) => self.offers.push(offer.clone()),
            OfferChange::Accept(id) => {
                if let Some(at) = self.offers.iter().position(|offer| offer.id == *id) {
                    let offer = self.offers.remove(at);
                    self.taken.push(Offer { state: OfferState::Accepted, ..offer });
                }
            }
            OfferChange::End(id, _) | OfferChange::Finish(id) => {
                self.offers.retain(|offer| offer.id != *id);
                self.taken.retain(|offer| offer.id != *id);
            }
            OfferChange::Duty(_) | OfferChange::Rate(..) => {}
        }
    }

    /// Brings it up to a change of the contact's own.
    pub fn apply_waiting(&mut self, change: &WaitingChange) {
        match change {
            WaitingChange::Join(entry) => self.waiting.push(entry.clone()),
            WaitingChange::Become(id, WaitingState::Taken | WaitingState::Ended) => {
                self.waiting.retain(|entry| entry.id != *id);
            }
            WaitingChange::Become(id, state) => {
                if let Some(entry) = self.waiting.iter_mut().find(|entry| entry.id == *id) {
                    entry.state = *state;
                }
            }
        }
    }

    /// The places that so many people get of a resource for that long, and how many are free before them; `None`: there are not
    /// so many. Whoever does not share the resource takes all of its places.
    #[must_use]
    pub(in crate::domain) fn places_for(
        &self,
        service: &Service,
        resource: &str,
        (from, until): (Timestamp, Timestamp),
        people: u32,
    ) -> Option<(Places, u32)> {
        let mut overlapping =
            self.busy.iter().filter(|busy| busy.resource == resource && busy.from < until && from < busy.until);
        if !service.is_for_groups() {
            return overlapping.next().is_none().then(|| (Places::first(service.most_places), 1));
        }
        let taken = overlapping.try_fold(Places::NONE, |taken, busy| {
            let shares = busy.service.as_deref() == Some(service.id.as_str());
            shares.then(|| taken.and(busy.places))
        })?;
        Some((taken.lowest_free(service.capacity, people)?, taken.left(service.capacity)))
    }
}
