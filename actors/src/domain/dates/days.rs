//! Days: dates of the calendar, spans of days, and the day that comes of everything that was found.

use chrono::{Datelike, Months, NaiveDate, Weekday};

use super::found::{Found, Shift, Span, Third};
use super::names::month;
use super::scan::{Scan, is_ordinal};
use super::{Day, later, week_of};

/// A date without its year that passed within so many days is one that is over, and no date of next year.
const JUST_PASSED_DAYS: i64 = 90;

impl Scan<'_> {
    /// `le 3`, `3 décembre`, `3/12/2026`, `December 3rd`, `the 3rd`, `2026-12-03`.
    pub(super) fn date(&mut self) -> usize {
        let (lead, led) = match self.says_any(&[("le", ()), ("the", ()), ("du", ()), ("au", ())]) {
            Some((lead, ())) => (lead, true),
            None => (0, false),
        };
        let numeric = self.numeric_date(lead);
        if numeric > 0 {
            return numeric;
        }
        if let Some(number) = month(self.word(lead)).filter(|_| lead == 0) {
            return self.month_first(number);
        }
        let premier = usize::from(self.word(lead) == "premier" && month(self.word(lead + 1)).is_some());
        let day = if premier > 0 { Some((1, 1)) } else { self.number(lead) };
        let Some((day, digits)) = day.filter(|(_, digits)| *digits <= 2) else { return 0 };
        let mut taken = lead + 1;
        let ordinal = is_ordinal(self.word(taken));
        taken += usize::from(ordinal);
        let of = usize::from(self.word(taken) == "of");
        // `sept` was read as a number: behind a day it is the month.
        let named = match self.number(taken + of) {
            Some((7, 0)) if !matches!(self.word(taken + of + 1), "h" | "heures" | "heure") => Some(9),
            _ => month(self.word(taken + of)),
        };
        if let Some(month) = named {
            taken += of + 1;
            let year = self.year(taken);
            taken += usize::from(year.is_some());
            self.found().date = Some((day, Some(month), year));
            return taken;
        }
        let alone = led && (digits > 0 || ordinal) && !self.is_time_or_count(lead);
        if alone && (1..=31).contains(&day) && self.found().date.is_none() {
            self.found().date = Some((day, None, None));
            return taken;
        }
        0
    }

    /// Whether the number there counts hours or things, and is no day.
    pub(super) fn is_time_or_count(&self, ahead: usize) -> bool {
        let unit = self.word(ahead + 1);
        self.sign(ahead + 1) == Some(':')
            || self.sign(ahead + 1) == Some('€')
            || matches!(unit, "h" | "heure" | "heures" | "hrs" | "am" | "pm" | "o" | "euros" | "euro" | "personnes")
            || matches!(unit, "personne" | "people" | "person" | "fois" | "min" | "minutes" | "gnf" | "places")
            || matches!(
                unit,
                "ans" | "an" | "years" | "mois" | "jours" | "semaines" | "kg" | "km" | "m" | "metres" | "francs"
            )
    }

    fn month_first(&mut self, number: u32) -> usize {
        let Some((day, digits @ 1..=2)) = self.number(1) else { return 0 };
        if self.is_time_or_count(1) || !(1..=31).contains(&day) {
            return 0;
        }
        let _ = digits;
        let mut taken = 2 + usize::from(is_ordinal(self.word(2)));
        let year = self.year(taken);
        taken += usize::from(year.is_some());
        self.found().date = Some((day, Some(number), year));
        taken
    }

    fn year(&self, ahead: usize) -> Option<i32> {
        let (year, digits) = self.number(ahead)?;
        (digits == 4 && (2000..2100).contains(&year)).then(|| i32::try_from(year).ok()).flatten()
    }

    fn numeric_date(&mut self, lead: usize) -> usize {
        let Some((first, digits)) = self.number(lead) else { return 0 };
        let Some(sign @ ('/' | '-' | '.')) = self.sign(lead + 1) else { return 0 };
        let Some((second, second_digits)) = self.number(lead + 2) else { return 0 };
        let third = self.number(lead + 4).filter(|_| self.sign(lead + 3) == Some(sign));
        if digits == 4 {
            let Some((day, _)) = third else { return 0 };
            let year = i32::try_from(first).ok();
            self.found().date = Some((day, Some(second), year));
            return lead + 5;
        }
        let marked = matches!(self.word(lead + 3), "h" | "heures" | "pm" | "am") || self.sign(lead + 3) == Some(':');
        let is_clock = sign == '.' && third.is_none() && second_digits == 2 && (second > 12 || second == 0);
        let may_be = (1..=31).contains(&first) && (1..=12).contains(&second) && !marked && !is_clock;
        // A hyphen between two numbers is a range of hours as well: it counts with a year, or with two digits each.
        let is_range = sign == '-' && third.is_none() && (digits != 2 || second_digits != 2);
        let swapped = self.is_english() && (1..=12).contains(&first) && (13..=31).contains(&second) && sign == '/';
        if digits == 0 || is_range || (!may_be && !swapped) {
            return 0;
        }
        let year = third.and_then(|(year, digits)| {
            let year = if digits == 2 { 2000 + year } else { year };
            i32::try_from(year).ok()
        });
        let either_way = self.is_english() && first <= 12 && second <= 12 && first != second && sign == '/';
        let (day, month) = if swapped { (second, first) } else { (first, second) };
        let found = self.found();
        found.date = Some((day, Some(month), year));
        found.either_way = either_way;
        if third.is_some() { lead + 5 } else { lead + 3 }
    }

    /// Several days that have a name together.
    pub(super) fn span(&mut self) -> usize {
        const SPANS: [(&str, Span); 35] = [
            ("debut de semaine prochain", Span::WeekStart(1)),
            ("debut de la semaine prochain", Span::WeekStart(1)),
            ("debut de semaine", Span::WeekStart(1)),
            ("early next week", Span::WeekStart(1)),
            ("fin de semaine prochain", Span::WeekEnd(1)),
            ("fin de la semaine prochain", Span::WeekEnd(1)),
            ("fin de semaine", Span::WeekEnd(0)),
            ("end of the week", Span::WeekEnd(0)),
            ("end of next week", Span::WeekEnd(1)),
            ("late next week", Span::WeekEnd(1)),
            ("la semaine d apres", Span::Week(2)),
            ("the week after next", Span::Week(2)),
            ("week after next", Span::Week(2)),
            ("de la semaine prochain", Span::Week(1)),
            ("la semaine prochain", Span::Week(1)),
            ("semaine prochain", Span::Week(1)),
            ("next week", Span::Week(1)),
            ("cette semaine", Span::Week(0)),
            ("dans la semaine", Span::Week(0)),
            ("courant semaine", Span::Week(0)),
            ("this week", Span::Week(0)),
            ("weekend prochain", Span::Weekend(true)),
            ("week end prochain", Span::Weekend(true)),
            ("next weekend", Span::Weekend(true)),
            ("weekend", Span::Weekend(false)),
            ("week end", Span::Weekend(false)),
            ("debut du mois prochain", Span::Month { ahead: 1, part: Third::Beginning }),
            ("fin du mois prochain", Span::Month { ahead: 1, part: Third::End }),
            ("le mois prochain", Span::Month { ahead: 1, part: Third::Whole }),
            ("mois prochain", Span::Month { ahead: 1, part: Third::Whole }),
            ("next month", Span::Month { ahead: 1, part: Third::Whole }),
            ("fin du mois", Span::Month { ahead: 0, part: Third::End }),
            ("fin de mois", Span::Month { ahead: 0, part: Third::End }),
            ("end of the month", Span::Month { ahead: 0, part: Third::End }),
            ("ce mois ci", Span::Month { ahead: 0, part: Third::Whole }),
        ];
        if let Some((words, span)) = self.says_any(&SPANS) {
            self.found().span = Some(span);
            return words;
        }
        const THIRDS: [(&str, Third); 8] = [
            ("debut", Third::Beginning),
            ("early", Third::Beginning),
            ("mi", Third::Middle),
            ("mid", Third::Middle),
            ("fin", Third::End),
            ("late", Third::End),
            ("end of", Third::End),
            ("courant", Third::Whole),
        ];
        let Some((words, part)) = self.says_any(&THIRDS) else { return 0 };
        let dash = usize::from(self.sign(words) == Some('-'));
        match month(self.word(words + dash)) {
            Some(month) => {
                self.found().span = Some(Span::Named { month, part });
                words + dash + 1
            }
            None => 0,
        }
    }
}

impl Found {
    /// The day that the phrase names.
    pub(super) fn day(&self, today: NaiveDate) -> Option<Day> {
        if let Some(instant) = self.instant {
            return Some(Day::On(instant.date()));
        }
        if let Some(date) = self.date {
            let day = self.dated(date, today);
            return Some(self.beside_weekday(day, today));
        }
        if let Some(days) = self.days {
            if days < 0 {
                let day = today.checked_sub_days(chrono::Days::new(days.unsigned_abs())).unwrap_or(today);
                return Some(Day::Past(day));
            }
            return Some(self.beside_weekday(Day::On(later(today, days.unsigned_abs())), today));
        }
        match (self.weekday, self.span) {
            (Some(weekday), Some(Span::Week(weeks) | Span::WeekStart(weeks) | Span::WeekEnd(weeks))) => {
                let (monday, _) = week_of(later(today, 7 * u64::from(weeks)));
                let day = later(monday, u64::from(weekday.num_days_from_monday()));
                Some(if day < today { Day::Past(day) } else { Day::On(day) })
            }
            (Some(weekday), _) => Some(self.on_weekday(weekday, today)),
            (None, Some(span)) => Some(spanned(span, today)),
            (None, None) => self.any.then_some(Day::Any),
        }
    }

    fn dated(&self, (day, month, year): (u32, Option<u32>, Option<i32>), today: NaiveDate) -> Day {
        let Some(month) = month else { return of_some_month(day, today) };
        let one = dated(day, month, year, today);
        if !self.either_way {
            return one;
        }
        match (one, dated(month, day, year, today)) {
            (Day::On(one), Day::On(other)) => Day::Either(vec![one.min(other), one.max(other)]),
            (Day::Past(_), other) | (other, _) => other,
        }
    }

    /// A day beside which a weekday was named: both are meant to be the same.
    fn beside_weekday(&self, day: Day, today: NaiveDate) -> Day {
        match (day, self.weekday) {
            (Day::On(date), Some(weekday)) if date.weekday() != weekday => {
                let other = later(today, ahead(today, weekday));
                Day::Either(vec![date.min(other), date.max(other)])
            }
            (day, _) => day,
        }
    }

    fn on_weekday(&self, weekday: Weekday, today: NaiveDate) -> Day {
        let ahead = ahead(today, weekday);
        let this_week = weekday.num_days_from_monday() > today.weekday().num_days_from_monday();
        let day = later(today, ahead);
        match self.shift {
            // Said on that very day.
            Shift::None if ahead == 0 => Day::Either(vec![today, later(today, 7)]),
            Shift::None | Shift::This => Day::On(day),
            Shift::Next if ahead == 0 => Day::On(later(today, 7)),
            Shift::Next if this_week => Day::Either(vec![day, later(day, 7)]),
            Shift::Next => Day::On(day),
            Shift::Last => {
                let back = if ahead == 0 { 7 } else { 7 - ahead };
                Day::Past(today.checked_sub_days(chrono::Days::new(back)).unwrap_or(today))
            }
            Shift::Weeks(weeks) => Day::On(later(today, if ahead == 0 { 0 } else { ahead } + 7 * u64::from(weeks))),
        }
    }
}

/// Days until the next such weekday; 0 when it is today.
fn ahead(today: NaiveDate, weekday: Weekday) -> u64 {
    u64::from((7 + weekday.num_days_from_monday() - today.weekday().num_days_from_monday()) % 7)
}

/// The next day with this number.
fn of_some_month(day: u32, today: NaiveDate) -> Day {
    let first = today.with_day(1).unwrap_or(today);
    let months = (0..14).filter_map(|ahead| first.checked_add_months(Months::new(ahead)));
    let mut days = months.filter_map(|first| first.with_day(day)).filter(|date| *date >= today);
    days.next().map_or(Day::Impossible, Day::On)
}

fn dated(day: u32, month: u32, year: Option<i32>, today: NaiveDate) -> Day {
    if let Some(year) = year {
        return match NaiveDate::from_ymd_opt(year, month, day) {
            None => Day::Impossible,
            Some(date) if date < today => Day::Past(date),
            Some(date) => Day::On(date),
        };
    }
    // Four years ahead: 29 February comes once in four.
    let years = (0..5).filter_map(|ahead| NaiveDate::from_ymd_opt(today.year() + ahead, month, day));
    let mut dates = years.peekable();
    let Some(first) = dates.peek().copied() else { return Day::Impossible };
    if first < today && (today - first).num_days() <= JUST_PASSED_DAYS {
        return Day::Past(first);
    }
    dates.find(|date| *date >= today).map_or(Day::Impossible, Day::On)
}

fn spanned(span: Span, today: NaiveDate) -> Day {
    let (monday, sunday) = week_of(today);
    let (from, to) = match span {
        Span::Week(weeks) => (later(monday, 7 * u64::from(weeks)), later(sunday, 7 * u64::from(weeks))),
        Span::WeekStart(weeks) => (later(monday, 7 * u64::from(weeks)), later(monday, 7 * u64::from(weeks) + 1)),
        Span::WeekEnd(weeks) => (later(monday, 7 * u64::from(weeks) + 3), later(monday, 7 * u64::from(weeks) + 4)),
        Span::Weekend(next) => {
            // From Friday on, the next weekend is not this one.
            let late = today.weekday().num_days_from_monday() >= 4;
            let weeks = if next && late { 7 } else { 0 };
            (later(monday, 5 + weeks), later(monday, 6 + weeks))
        }
        Span::Month { ahead, part } => {
            let first = today.with_day(1).unwrap_or(today);
            third(first.checked_add_months(Months::new(ahead)).unwrap_or(first), part)
        }
        Span::Named { month, part } => {
            let year = if month < today.month() { today.year() + 1 } else { today.year() };
            let Some(first) = NaiveDate::from_ymd_opt(year, month, 1) else { return Day::Impossible };
            third(first, part)
        }
    };
    if to < today { Day::Past(to) } else { Day::Within(from.max(today), to) }
}

fn third(first: NaiveDate, part: Third) -> (NaiveDate, NaiveDate) {
    let last = first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt()).unwrap_or(first);
    match part {
        Third::Whole => (first, last),
        Third::Beginning => (first, later(first, 9)),
        Third::Middle => (later(first, 9), later(first, 19)),
        Third::End => (later(first, 20), last),
    }
}
