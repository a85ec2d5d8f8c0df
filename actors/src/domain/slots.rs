//! Free times of a service, within the business hours and what is booked already.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;

use super::Timestamp;
use super::booking::{Agenda, Service};
use super::dates::{LocalTime, to_local, to_utc};
use super::hours::Hours;

/// How a tenant's times are offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingPolicy {
    /// The least time between now and a booking.
    pub lead_time: TimeDelta,
    /// How far ahead one may book.
    pub furthest: TimeDelta,
    /// Bookings begin at multiples of this after the hour.
    pub every: TimeDelta,
    /// How long a time is kept free while the customer confirms.
    pub hold: TimeDelta,
    /// How long a time is kept free for somebody of the waiting list.
    pub waiting_hold: TimeDelta,
}

impl Default for BookingPolicy {
    fn default() -> Self {
        Self {
            lead_time: TimeDelta::minutes(30),
            furthest: TimeDelta::days(60),
            every: TimeDelta::minutes(30),
            hold: TimeDelta::minutes(10),
            waiting_hold: TimeDelta::minutes(10),
        }
    }
}

/// A time at which a service is free, and with whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeSlot {
    /// When.
    pub at: Timestamp,
    /// As the tenant's clocks show it.
    pub local: NaiveDateTime,
    /// The first of the service's resources that is free then.
    pub resource: String,
}

/// What free times are looked for in.
#[derive(Clone, Copy, Debug)]
pub struct Calendar<'a> {
    /// Business hours.
    pub hours: &'a Hours,
    /// The tenant's time zone.
    pub zone: Tz,
    /// What is taken.
    pub agenda: &'a Agenda,
    /// How times are offered.
    pub policy: &'a BookingPolicy,
    /// Now.
    pub now: Timestamp,
}

impl Calendar<'_> {
    /// Now, as the tenant's clocks show it.
    #[must_use]
    pub fn local_now(&self) -> NaiveDateTime {
        to_local(self.now, self.zone)
    }

    /// The last day that may be booked.
    #[must_use]
    pub fn last_day(&self) -> NaiveDate {
        (self.local_now() + self.policy.furthest).date()
    }

    /// The free times of a day, in order, one for each time. With `wished`, of that resource alone.
    #[must_use]
    pub fn on_day(&self, service: &Service, day: NaiveDate, wished: Option<&str>) -> Vec<FreeSlot> {
        if day > self.last_day() {
            return Vec::new();
        }
        let mut slots = Vec::new();
        for (opens, closes) in self.hours.open_on(day) {
            let mut at = first_on_grid(opens, self.policy.every);
            while at + service.duration <= closes {
                slots.extend(self.at(service, at, wished));
                at += self.policy.every;
            }
        }
        slots
    }

    /// That time, if it is free. It need not be one that would be offered: who asks for 15:10 may have it.
    #[must_use]
    pub fn at(&self, service: &Service, local: NaiveDateTime, wished: Option<&str>) -> Option<FreeSlot> {
        // A time that the clocks leave out is none. One that comes twice is the first.
        let at = match to_utc(local, self.zone) {
            LocalTime::One(at) | LocalTime::Twice(at, _) => at,
            LocalTime::Skipped(_) => return None,
        };
        let on_grid = local.minute().is_multiple_of(5) && local.second() == 0;
        if at < self.now + self.policy.lead_time || local.date() > self.last_day() || !on_grid {
            return None;
        }
        let until = local + service.duration;
        if !self.hours.open_on(local.date()).iter().any(|(opens, closes)| *opens <= local && until <= *closes) {
            return None;
        }
        let free_at = at + service.duration + service.buffer;
        let may = |resource: &&String| wished.is_none_or(|wished| wished == resource.as_str());
        let mut resources = service.resources.iter().filter(may);
        let resource = resources.find(|resource| self.agenda.is_free(resource, at, free_at))?;
        Some(FreeSlot { at, local, resource: resource.clone() })
    }

    /// The free times nearest to a wish within the days from `from` to `to`, at most `most`, in order of time.
    #[must_use]
    pub fn nearest(
        &self,
        service: &Service,
        (from, to): (NaiveDate, NaiveDate),
        (around, wished): (Option<NaiveTime>, Option<&str>),
        most: usize,
    ) -> Vec<FreeSlot> {
        let mut found: Vec<FreeSlot> = Vec::new();
        let mut day = from;
        // The first day that has any decides: nearer days are better than nearer hours.
        while day <= to.min(self.last_day()) && found.is_empty() {
            found = self.on_day(service, day, wished);
            let Some(next) = day.checked_add_days(Days::new(1)) else { break };
            day = next;
        }
        if let Some(around) = around {
            found.sort_by_key(|slot| ((slot.local.time() - around).abs(), slot.local));
        } else {
            spread(&mut found, most);
        }
        found.truncate(most);
        found.sort_by_key(|slot| slot.at);
        found
    }
}

/// The first multiple after the hour at or after that time.
fn first_on_grid(opens: NaiveDateTime, every: TimeDelta) -> NaiveDateTime {
    let minutes = i64::from(opens.hour() * 60 + opens.minute());
    let every = every.num_minutes().max(5);
    opens + TimeDelta::minutes((every - minutes % every) % every)
}

/// Puts the first, then those that are far apart, in front: a day is shown by its beginning, middle and end.
fn spread(slots: &mut Vec<FreeSlot>, most: usize) {
    if slots.len() <= most || most < 2 {
        return;
    }
    let last = slots.len() - 1;
    let chosen: Vec<FreeSlot> = (0..most).filter_map(|n| slots.get(n * last / (most - 1)).cloned()).collect();
    *slots = chosen;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::booking::{Booking, BookingChange, BookingState};
    use crate::domain::hours::OpenSpan;
    use crate::domain::ids::BookingId;

    fn hours() -> Hours {
        let day: Vec<OpenSpan> = vec!["09:00-12:30".parse().unwrap(), "14:00-19:00".parse().unwrap()];
        Hours { week: [vec![], day.clone(), day.clone(), day.clone(), day.clone(), day, vec![]], ..Hours::default() }
    }

    fn service(resources: &[&str]) -> Service {
        Service {
            id: "manucure".into(),
            name: "Manucure".into(),
            duration: TimeDelta::minutes(45),
            buffer: TimeDelta::minutes(15),
            price: Some("35 €".into()),
            resources: resources.iter().map(ToString::to_string).collect(),
            words: vec![],
        }
    }

    fn now() -> Timestamp {
        "2026-11-30T09:00:00Z".parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn booked(agenda: &mut Agenda, resource: &str, at: &str, minutes: i64) {
        let starts_at: Timestamp = at.parse().unwrap();
        let ends_at = starts_at + TimeDelta::minutes(minutes);
        agenda.apply(&BookingChange::Hold(Booking {
            id: BookingId::fresh(),
            service: "manucure".into(),
            resource: resource.into(),
            starts_at,
            ends_at,
            free_at: ends_at,
            state: BookingState::Confirmed,
        }));
    }

    fn shown(slots: &[FreeSlot]) -> Vec<String> {
        slots.iter().map(|slot| format!("{} {}", slot.local.format("%m-%d %H:%M"), slot.resource)).collect()
    }

    #[test]
    fn free_times_are_within_the_hours_and_between_bookings() {
        let (hours, policy, mut agenda) = (hours(), BookingPolicy::default(), Agenda::default());
        booked(&mut agenda, "Awa", "2026-12-01T09:00:00Z", 60);
        booked(&mut agenda, "Sophie", "2026-12-01T08:00:00Z", 180);
        let calendar =
            Calendar { hours: &hours, zone: Tz::Europe__Paris, agenda: &agenda, policy: &policy, now: now() };
        let slots = calendar.on_day(&service(&["Awa", "Sophie"]), day("2026-12-01"), None);
        let morning: Vec<FreeSlot> = slots.iter().filter(|slot| slot.local.hour() < 13).cloned().collect();
        assert_eq!(shown(&morning), ["12-01 09:00 Awa", "12-01 11:00 Awa", "12-01 11:30 Awa"]);
        assert_eq!(slots.last().unwrap().local.format("%H:%M").to_string(), "18:00");
        assert!(calendar.on_day(&service(&["Awa"]), day("2026-11-30"), None).is_empty(), "closed on Mondays");
        assert!(calendar.on_day(&service(&["Awa"]), day("2027-06-01"), None).is_empty(), "too far ahead");
        let sophie = calendar.on_day(&service(&["Awa", "Sophie"]), day("2026-12-01"), Some("Sophie"));
        assert_eq!(shown(&sophie[..1]), ["12-01 12:00 Sophie"].map(|_| "12-01 14:00 Sophie"));
    }

    #[test]
    fn the_nearest_times_are_offered_in_order() {
        let (hours, policy, mut agenda) = (hours(), BookingPolicy::default(), Agenda::default());
        booked(&mut agenda, "Awa", "2026-12-01T14:00:00Z", 60);
        let calendar =
            Calendar { hours: &hours, zone: Tz::Europe__Paris, agenda: &agenda, policy: &policy, now: now() };
        let awa = service(&["Awa"]);
        let range = (day("2026-12-01"), day("2026-12-06"));
        let three = NaiveTime::from_hms_opt(15, 0, 0);
        assert_eq!(shown(&calendar.nearest(&awa, range, (three, None), 2)), ["12-01 14:00 Awa", "12-01 16:00 Awa"]);
        assert_eq!(
            shown(&calendar.nearest(&awa, range, (None, None), 3)),
            ["12-01 09:00 Awa", "12-01 11:30 Awa", "12-01 18:00 Awa"]
        );
        let sunday = (day("2026-12-06"), day("2026-12-20"));
        assert_eq!(shown(&calendar.nearest(&awa, sunday, (three, None), 1)), ["12-08 15:00 Awa"]);
        assert!(calendar.nearest(&awa, (day("2026-12-06"), day("2026-12-07")), (None, None), 3).is_empty());
    }

    #[test]
    fn a_time_between_the_offered_ones_may_be_had() {
        let (hours, policy, agenda) = (hours(), BookingPolicy::default(), Agenda::default());
        let calendar =
            Calendar { hours: &hours, zone: Tz::Europe__Paris, agenda: &agenda, policy: &policy, now: now() };
        let awa = service(&["Awa"]);
        for (at, free) in [
            ("2026-12-01T15:10:00", true),
            ("2026-12-01T15:12:00", false),
            ("2026-12-01T18:15:00", true),
            ("2026-12-01T18:30:00", false),
            ("2026-12-01T12:00:00", false),
            ("2026-12-01T13:00:00", false),
            ("2026-11-30T15:00:00", false),
        ] {
            assert_eq!(calendar.at(&awa, at.parse().unwrap(), None).is_some(), free, "{at}");
        }
    }

    #[test]
    fn bookings_that_overlap_share_a_claim_and_others_do_not() {
        let booking = |at: &str, minutes: i64| {
            let starts_at: Timestamp = at.parse().unwrap();
            let ends_at = starts_at + TimeDelta::minutes(minutes);
            let booking = Booking {
                id: BookingId::fresh(),
                service: "s".into(),
                resource: "Awa".into(),
                starts_at,
                ends_at,
                free_at: ends_at,
                state: BookingState::Held,
            };
            booking
                .claims()
                .map(|claim| format!("{claim:?}").split("owner").next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let first = booking("2026-12-01T14:00:00Z", 45);
        assert_eq!(first.len(), 9);
        assert!(booking("2026-12-01T14:40:00Z", 30).iter().any(|claim| first.contains(claim)));
        assert!(!booking("2026-12-01T14:45:00Z", 30).iter().any(|claim| first.contains(claim)));
        assert!(booking("2026-12-01T13:30:00Z", 31).iter().any(|claim| first.contains(claim)));
    }
}
