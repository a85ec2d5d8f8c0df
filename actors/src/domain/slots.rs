//! Free times of a service, within the business hours and what is booked already.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;

use super::Timestamp;
use super::booking::{Agenda, Service};
use super::dates::{LocalTime, to_local, to_utc};
use super::hours::Hours;
use super::party::Party;

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
    /// Who would come, and the places that they would have.
    pub party: Party,
    /// How many places are free, theirs among them.
    pub left: u32,
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
    /// How many people want to come, where a service takes several.
    pub people: u32,
}

impl Calendar<'_> {
    /// This search for so many people.
    #[must_use]
    pub const fn for_people(self, people: u32) -> Self {
        Self { people, ..self }
    }

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
        let at = |at| self.at(service, at, wished);
        self.begins(service, day).into_iter().filter_map(at).collect()
    }

    /// When it may begin on a day: at its own times, or at multiples after the hour while it is open.
    fn begins(&self, service: &Service, day: NaiveDate) -> Vec<NaiveDateTime> {
        if !service.times.is_empty() {
            let own = service.times.iter().filter(|(weekday, _)| *weekday == day.weekday());
            let mut times: Vec<NaiveDateTime> = own.map(|(_, time)| day.and_time(*time)).collect();
            times.sort_unstable();
            return times;
        }
        let mut times = Vec::new();
        for (opens, closes) in self.hours.open_on(day) {
            let mut at = first_on_grid(opens, self.policy.every);
            while at + service.duration <= closes {
                times.push(at);
                at += self.policy.every;
            }
        }
        times
    }

    /// Whether it may begin then, free or not. What is for one person may begin between the times that are offered.
    #[must_use]
    pub fn may_begin(&self, service: &Service, at: NaiveDateTime) -> bool {
        if service.times.is_empty() && !service.is_for_groups() {
            at.minute().is_multiple_of(5) && at.second() == 0
        } else {
            self.begins(service, at.date()).contains(&at)
        }
    }

    /// Whether it is open from then on for as long as the service takes.
    pub(in crate::domain) fn is_open_for(&self, service: &Service, at: NaiveDateTime) -> bool {
        let until = at + service.duration;
        self.hours.open_on(at.date()).iter().any(|(opens, closes)| *opens <= at && until <= *closes)
    }

    /// That time, if it is free. It need not be one that would be offered: who asks for 15:10 may have it.
    #[must_use]
    pub fn at(&self, service: &Service, local: NaiveDateTime, wished: Option<&str>) -> Option<FreeSlot> {
        // A time that the clocks leave out is none. One that comes twice is the first.
        let at = match to_utc(local, self.zone) {
            LocalTime::One(at) | LocalTime::Twice(at, _) => at,
            LocalTime::Skipped(_) => return None,
        };
        let is_too_late = at < self.now + self.policy.lead_time || local.date() > self.last_day();
        if is_too_late || !self.may_begin(service, local) || !self.is_open_for(service, local) {
            return None;
        }
        let free_at = at + service.duration + service.buffer;
        let may = |resource: &&String| wished.is_none_or(|wished| wished == resource.as_str());
        let people = if service.is_for_groups() { self.people } else { 1 };
        service.resources.iter().filter(may).find_map(|resource| {
            let (places, left) = self.agenda.places_for(service, resource, (at, free_at), people)?;
            Some(FreeSlot { at, local, resource: resource.clone(), party: Party { people, places }, left })
        })
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

/// Keeps the first, the last and those between them, at most so many: a day is shown by its beginning, middle and end.
pub(in crate::domain) fn spread(slots: &mut Vec<FreeSlot>, most: usize) {
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

    fn calendar<'a>(hours: &'a Hours, policy: &'a BookingPolicy, agenda: &'a Agenda, people: u32) -> Calendar<'a> {
        Calendar { hours, zone: Tz::Europe__Paris, agenda, policy, now: now(), people }
    }

    fn service(resources: &[&str]) -> Service {
        Service {
            buffer: TimeDelta::minutes(15),
            resources: resources.iter().map(ToString::to_string).collect(),
            ..Service::new("manucure".into(), "Manucure".into(), TimeDelta::minutes(45))
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
            party: Party::default(),
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
        let calendar = calendar(&hours, &policy, &agenda, 1);
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
        let calendar = calendar(&hours, &policy, &agenda, 1);
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
        let calendar = calendar(&hours, &policy, &agenda, 1);
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
    fn a_group_shares_a_resource_until_its_places_are_taken() {
        let (hours, policy, mut agenda) = (hours(), BookingPolicy::default(), Agenda::default());
        let class = Service {
            resources: vec!["Salle".into()],
            capacity: 3,
            most_places: 3,
            times: vec![(chrono::Weekday::Tue, NaiveTime::from_hms_opt(18, 0, 0).unwrap())],
            ..Service::new("yoga".into(), "Yoga".into(), TimeDelta::minutes(60))
        };
        let alone = Service { most_places: 3, ..class.clone() };
        let alone = Service { id: "prive".into(), capacity: 1, times: vec![], ..alone };
        let six: NaiveDateTime = "2026-12-01T18:00:00".parse().unwrap();
        let mut keys: Vec<String> = Vec::new();
        for (people, left) in [(2, Some(3)), (2, None), (1, Some(1)), (1, None)] {
            let slot = calendar(&hours, &policy, &agenda, people).at(&class, six, None);
            assert_eq!(slot.as_ref().map(|slot| slot.left), left, "{people}");
            let Some(slot) = slot else { continue };
            let booking =
                class.booking(BookingId::fresh(), (&slot.resource, slot.party), slot.at, BookingState::Confirmed);
            keys.extend(booking.claims().filter_map(|claim| match claim {
                crate::domain::claim::ClaimChange::Take { key, .. } => Some(key),
                crate::domain::claim::ClaimChange::Release { .. } => None,
            }));
            agenda.apply(&BookingChange::Hold(booking));
            let others = calendar(&hours, &policy, &agenda, 1).at(&alone, six, None);
            assert!(others.is_none(), "nobody has the room for themselves");
        }
        assert_eq!(keys.len(), 3 * 12);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 3 * 12, "no place twice");
        let free = Agenda::default();
        let calendar = calendar(&hours, &policy, &free, 2);
        assert!(calendar.at(&class, six + TimeDelta::minutes(30), None).is_none(), "it begins at its own times");
        assert_eq!(shown(&calendar.on_day(&class, day("2026-12-01"), None)), ["12-01 18:00 Salle"]);
        assert!(calendar.on_day(&class, day("2026-12-02"), None).is_empty());
        let slot = calendar.at(&alone, six, None).unwrap();
        let whole = alone.booking(BookingId::fresh(), (&slot.resource, slot.party), slot.at, BookingState::Held);
        assert_eq!((slot.party.people, whole.claims().count()), (1, 3 * 12), "all places, for one person");
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
                party: Party::default(),
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
