//! A week, day by day.

use chrono::{Datelike, Days, NaiveDate};
use palabre_actors::domain::dates::to_local;
use serde::Serialize;

use super::super::{ConsoleState, Member};
use super::{BookingLine, Shop, path};
use crate::store::operator::BookingRow;

/// One day of a week.
#[derive(Serialize)]
pub(super) struct DayLines {
    title: String,
    path: String,
    is_today: bool,
    is_closed: bool,
    bookings: Vec<BookingLine>,
}

/// The Monday of a day's week.
pub(super) fn monday(day: NaiveDate) -> NaiveDate {
    day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).unwrap_or(day)
}

/// `30 novembre 2026 – 6 décembre 2026`
pub(super) fn title(shop: &Shop, first: NaiveDate, last: NaiveDate) -> String {
    format!("{} – {}", shop.date_text(first), shop.date_text(last))
}

/// The seven days from the first. `rows` has no booking that was called off.
pub(super) fn days(
    shop: &Shop,
    (member, state): (&Member, &ConsoleState),
    (first, rows): (NaiveDate, &[BookingRow]),
    with: Option<&str>,
) -> Vec<DayLines> {
    let zone = shop.display.timezone;
    let day = |day: NaiveDate| DayLines {
        title: shop.day_text(day),
        path: path(day, "day", with),
        is_today: day == shop.today(),
        is_closed: shop.flows().is_some_and(|flows| flows.hours().open_on(day).is_empty()),
        bookings: rows
            .iter()
            .filter(|row| to_local(row.starts_at, zone).date() == day)
            .map(|row| shop.line(member, state, row))
            .collect(),
    };
    (0..7).filter_map(|after| first.checked_add_days(Days::new(after))).map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_begins_on_monday() {
        for (day, first) in [("2026-12-01", "2026-11-30"), ("2026-11-30", "2026-11-30"), ("2026-12-06", "2026-11-30")] {
            assert_eq!(monday(day.parse().unwrap()).to_string(), first);
        }
    }
}
