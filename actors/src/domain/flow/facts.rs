//! What others ask of a tenant's flows: what they are for, who takes offers, when customers are reminded.

use chrono::TimeDelta;

use super::finding::REMIND_BEFORE;
use super::{Flow, Flows, Reminder, Running, StepKind};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::booking::Booking;
use crate::domain::dates;
use crate::domain::hours::before_the_night;
use crate::domain::offer::Driver;

impl Flows {
    /// Who writes from that address, if it is somebody who takes offers.
    #[must_use]
    pub fn driver(&self, address: &Address) -> Option<&Driver> {
        self.drivers.iter().find(|driver| driver.is_at(address))
    }

    /// Who takes offers, by the name that customers read.
    #[must_use]
    pub fn driver_named(&self, name: &str) -> Option<&Driver> {
        self.drivers.iter().find(|driver| driver.name == name)
    }

    /// Who takes offers.
    #[must_use]
    pub fn drivers(&self) -> &[Driver] {
        &self.drivers
    }

    /// Whether somebody's car has its seats written.
    pub(super) fn knows_seats(&self) -> bool {
        self.drivers.iter().any(|driver| driver.seats.is_some())
    }

    /// Whether people may ask to be called back.
    #[must_use]
    pub fn takes_leads(&self) -> bool {
        self.flows.iter().flat_map(|flow| &flow.steps).any(|step| matches!(step.kind, StepKind::Lead))
    }

    /// Whether work is offered to the people on duty.
    #[must_use]
    pub fn offers_work(&self) -> bool {
        self.flows.iter().any(Flow::offers)
    }

    /// A word that begins the first flow that offers something.
    #[must_use]
    pub fn word_of_offers(&self) -> &str {
        let keywords =
            self.flows.iter().find(|flow| flow.offers()).map(|flow| flow.keywords.as_slice()).unwrap_or_default();
        keywords.last().map_or("", String::as_str)
    }

    /// A word that begins the first flow that books.
    #[must_use]
    pub fn word_of_bookings(&self) -> &str {
        let keywords =
            self.flows.iter().find(|flow| flow.books()).map(|flow| flow.keywords.as_slice()).unwrap_or_default();
        keywords.iter().min_by_key(|keyword| keyword.len()).map_or("", String::as_str)
    }

    /// How long a flow waits for the customer, and when it reminds them.
    #[must_use]
    pub fn waits(&self, running: &Running) -> (Option<TimeDelta>, TimeDelta) {
        self.flow(&running.flow).map_or((None, TimeDelta::hours(1)), |flow| (flow.remind_after, flow.timeout))
    }

    /// When a booking is reminded of: those times that are far enough from now, and never at night.
    #[must_use]
    pub fn reminders(&self, booking: &Booking, now: Timestamp) -> Vec<(Timestamp, Reminder)> {
        let soonest = now + TimeDelta::minutes(30);
        let by_day = |before| {
            let at = dates::to_local(booking.starts_at - before, self.zone);
            dates::to_utc(before_the_night(at), self.zone).first()
        };
        let times = REMIND_BEFORE.into_iter().map(by_day);
        let reminder = || Reminder { booking: booking.id, starts_at: booking.starts_at };
        times.filter(|at| *at > soonest).map(|at| (at, reminder())).collect()
    }
}
