//! One pass over a phrase's tokens that collects its date and time.

use chrono::{NaiveDateTime, TimeDelta};

use super::found::{Bound, Clock, Found, Part, Shift};
use super::names::{feast, month, weekday};
use super::tokens::Token;

pub(super) struct Scan<'t> {
    tokens: &'t [Token],
    at: usize,
    now: NaiveDateTime,
    english: bool,
    found: Found,
}

pub(super) fn scan(tokens: &[Token], now: NaiveDateTime, english: bool) -> Found {
    let mut scan = Scan { tokens, at: 0, now, english, found: Found::default() };
    while scan.at < tokens.len() {
        scan.at += scan.step().max(1);
    }
    scan.found
}

impl Scan<'_> {
    /// Takes what begins here. Answers how many tokens it took.
    fn step(&mut self) -> usize {
        let steps: [fn(&mut Self) -> usize; 9] = [
            Self::relative,
            Self::any_day,
            Self::near,
            Self::span,
            Self::date,
            Self::times,
            Self::weekday,
            Self::part,
            Self::feast,
        ];
        steps.iter().map(|step| step(self)).find(|taken| *taken > 0).unwrap_or(0)
    }

    pub(super) fn word(&self, ahead: usize) -> &str {
        match self.tokens.get(self.at + ahead) {
            Some(Token::Word(word)) => word,
            _ => "",
        }
    }

    pub(super) fn number(&self, ahead: usize) -> Option<(u32, u8)> {
        match self.tokens.get(self.at + ahead) {
            Some(Token::Number(number, digits)) => Some((*number, *digits)),
            _ => None,
        }
    }

    pub(super) fn sign(&self, ahead: usize) -> Option<char> {
        match self.tokens.get(self.at + ahead) {
            Some(Token::Sign(sign)) => Some(*sign),
            _ => None,
        }
    }

    pub(super) fn is_english(&self) -> bool {
        self.english
    }

    /// Whether these words come, separated by blanks, from there on. Answers how many they are.
    pub(super) fn says(&self, ahead: usize, phrase: &str) -> usize {
        let words = phrase.split(' ');
        let count = words.clone().count();
        if words.enumerate().all(|(at, word)| self.word(ahead + at) == word) { count } else { 0 }
    }

    /// The first of several phrases that comes here, and how many words it has.
    pub(super) fn says_any<T: Copy>(&self, phrases: &[(&str, T)]) -> Option<(usize, T)> {
        phrases.iter().find_map(|(phrase, meaning)| {
            let words = self.says(0, phrase);
            (words > 0).then_some((words, *meaning))
        })
    }

    pub(super) fn set_clock(&mut self, clock: Clock, bound: Bound) {
        self.found.clock = Some(clock);
        self.found.bound = bound;
    }

    pub(super) fn set_range(&mut self, from: Clock, until: Clock) {
        self.found.clock = Some(from);
        self.found.until = Some(until);
    }

    /// `dans deux jours`, `in half an hour`, `maintenant`.
    fn relative(&mut self) -> usize {
        if let Some((words, ())) = self.says_any(&[
            ("maintenant", ()),
            ("tout de suite", ()),
            ("immediatement", ()),
            ("right now", ()),
            ("right away", ()),
            ("straight away", ()),
            ("now", ()),
        ]) {
            self.found.is_now = true;
            self.found.instant = Some(self.now);
            return words;
        }
        let opens = [("dans", ()), ("d ici", ()), ("in", ()), ("within", ())];
        let Some((lead, ())) = self.says_any(&opens) else { return self.counted_from_now() };
        for (phrase, minutes) in [
            ("une demi heure", 30),
            ("une demie heure", 30),
            ("demi heure", 30),
            ("half an hour", 30),
            ("un quart d heure", 15),
            ("quart d heure", 15),
            ("a quarter of an hour", 15),
        ] {
            let words = self.says(lead, phrase);
            if words > 0 {
                self.found.instant = Some(self.now + TimeDelta::minutes(minutes));
                return lead + words;
            }
        }
        match self.quantity(lead) {
            Some((amount, words)) => self.counted(amount, lead + words),
            None => 0,
        }
    }

    /// `two days from now`, `une semaine plus tard` is not: nobody knows later than what.
    fn counted_from_now(&mut self) -> usize {
        let Some((amount, words)) = self.quantity(0) else { return 0 };
        let unit = words + 1;
        let tail = ["from now", "from today"].iter().map(|tail| self.says(unit, tail)).max().unwrap_or(0);
        if tail > 0 && self.counted(amount, words) > 0 { unit + tail } else { 0 }
    }

    fn quantity(&self, ahead: usize) -> Option<(i64, usize)> {
        match self.number(ahead) {
            Some((number, _)) if number <= 400 => Some((i64::from(number), 1)),
            _ => matches!(self.word(ahead), "un" | "une" | "a" | "an" | "one").then_some((1, 1)),
        }
    }

    /// A number of units, of which the unit stands at `unit`.
    fn counted(&mut self, amount: i64, unit: usize) -> usize {
        let days = match self.word(unit) {
            // A week and a fortnight, as French counts them.
            "jours" | "jour" | "j" if amount == 8 => 7,
            "jours" | "jour" | "j" if amount == 15 => 14,
            "jours" | "jour" | "j" | "days" | "day" => amount,
            "semaines" | "semaine" | "weeks" | "week" => amount * 7,
            "quinzaine" | "fortnight" => 14,
            "mois" | "month" | "months" => return self.in_months(amount, unit),
            "heures" | "heure" | "h" | "hours" | "hour" | "hrs" | "hr" => {
                let minutes = self.number(unit + 1).filter(|(minutes, digits)| *digits == 2 && *minutes < 60);
                self.found.instant = Some(
                    self.now + TimeDelta::hours(amount) + TimeDelta::minutes(minutes.map_or(0, |(m, _)| i64::from(m))),
                );
                return unit + 1 + usize::from(minutes.is_some());
            }
            "minutes" | "minute" | "min" | "mins" | "mn" => {
                self.found.instant = Some(self.now + TimeDelta::minutes(amount));
                return unit + 1;
            }
            _ => return 0,
        };
        self.found.days = Some(days);
        unit + 1
    }

    fn in_months(&mut self, amount: i64, unit: usize) -> usize {
        let months = chrono::Months::new(u32::try_from(amount).unwrap_or(0));
        let today = self.now.date();
        let then = today.checked_add_months(months).unwrap_or(today);
        self.found.days = Some((then - today).num_days());
        unit + 1
    }

    fn any_day(&mut self) -> usize {
        const ANY: [(&str, ()); 24] = [
            ("n importe quand", ()),
            ("n importe quel jour", ()),
            ("importe quand", ()),
            ("quand vous voulez", ()),
            ("quand vous pouvez", ()),
            ("quand tu veux", ()),
            ("peu importe", ()),
            ("le plus tot possible", ()),
            ("le plus vite possible", ()),
            ("le plus tot", ()),
            ("au plus tot", ()),
            ("au plus vite", ()),
            ("des que possible", ()),
            ("premier creneau", ()),
            ("premiere disponibilite", ()),
            ("prochaine disponibilite", ()),
            ("prochain creneau", ()),
            ("any day", ()),
            ("any time", ()),
            ("anytime", ()),
            ("whenever", ()),
            ("as soon as possible", ()),
            ("asap", ()),
            ("first available", ()),
        ];
        let found = self.says_any(&ANY).or_else(|| self.says_any(&[("earliest", ()), ("soonest", ())]));
        found.map_or(0, |(words, ())| {
            self.found.any = true;
            words
        })
    }

    /// Today, tomorrow, yesterday, and what is said of them.
    fn near(&mut self) -> usize {
        const NEAR: [(&str, i64); 20] = [
            ("the day after tomorrow", 2),
            ("day after tomorrow", 2),
            ("apres demain", 2),
            ("apresdemain", 2),
            ("avant hier", -2),
            ("avanthier", -2),
            ("day before yesterday", -2),
            ("aujourdhui", 0),
            ("today", 0),
            ("ce jour", 0),
            ("dans la journee", 0),
            ("tout a l heure", 0),
            ("tantot", 0),
            ("demain", 1),
            ("tomorrow", 1),
            ("hier", -1),
            ("yesterday", -1),
            ("dernierement", -1),
            ("later today", 0),
            ("un autre jour", i64::MAX),
        ];
        if let Some((words, days)) = self.says_any(&NEAR) {
            if days != i64::MAX {
                self.found.days = Some(days);
            }
            return words;
        }
        const PARTS: [(&str, Part); 10] = [
            ("ce matin", Part::Morning),
            ("this morning", Part::Morning),
            ("ce midi", Part::Noon),
            ("cet apres midi", Part::Afternoon),
            ("cet apresmidi", Part::Afternoon),
            ("cette apres midi", Part::Afternoon),
            ("cette apresmidi", Part::Afternoon),
            ("this afternoon", Part::Afternoon),
            ("ce soir", Part::Evening),
            ("this evening", Part::Evening),
        ];
        const LATE: [(&str, Part); 3] =
            [("tonight", Part::Evening), ("cette nuit", Part::Night), ("this lunchtime", Part::Noon)];
        self.says_any(&PARTS).or_else(|| self.says_any(&LATE)).map_or(0, |(words, part)| {
            self.found.days = Some(0);
            self.found.part = Some(part);
            words
        })
    }

    /// A weekday, with what is said before and behind it.
    fn weekday(&mut self) -> usize {
        const BEFORE: [(&str, Shift); 5] = [
            ("ce", Shift::This),
            ("this", Shift::This),
            ("next", Shift::Next),
            ("last", Shift::Last),
            ("a week on", Shift::Weeks(1)),
        ];
        let (lead, mut shift) = self.says_any(&BEFORE).unwrap_or((0, Shift::None));
        let Some(day) = weekday(self.word(lead), self.english) else { return 0 };
        let mut taken = lead + 1;
        const BEHIND: [(&str, Shift); 10] = [
            ("prochain", Shift::Next),
            ("qui vient", Shift::This),
            ("dernier", Shift::Last),
            ("passe", Shift::Last),
            ("de cette semaine", Shift::This),
            ("d apres", Shift::Weeks(1)),
            ("en huit", Shift::Weeks(1)),
            ("en quinze", Shift::Weeks(2)),
            ("week", Shift::Weeks(1)),
            ("coming", Shift::This),
        ];
        for (phrase, meaning) in BEHIND {
            let words = self.says(taken, phrase);
            if words > 0 {
                shift = meaning;
                taken += words;
                break;
            }
        }
        if self.says(taken, "en") > 0
            && let Some((number @ (8 | 15), _)) = self.number(taken + 1)
        {
            shift = Shift::Weeks(if number == 8 { 1 } else { 2 });
            taken += 2;
        }
        // The first one that is named counts: `lundi ou mardi` is asked about by what is free.
        if self.found.weekday.is_none() {
            self.found.weekday = Some(day);
            self.found.shift = shift;
        }
        // `mardi 8`: a day of the month follows.
        if let Some((number @ 1..=31, 1 | 2)) = self.number(taken)
            && !self.is_time_or_count(taken)
            && self.found.date.is_none()
            && let ordinal = usize::from(is_ordinal(self.word(taken + 1)))
            && month(self.word(taken + 1 + ordinal)).is_none()
            && self.word(taken + 1 + ordinal) != "of"
            && self.number(taken + 1 + ordinal) != Some((7, 0))
        {
            self.found.date = Some((number, None, None));
            taken += 1 + ordinal;
        }
        taken
    }

    fn feast(&mut self) -> usize {
        let words: Vec<&str> = (0..4).map(|ahead| self.word(ahead)).collect();
        let Some((month, day, taken)) = feast(&words) else { return 0 };
        self.found.date = Some((day, Some(month), None));
        taken
    }

    pub(super) fn found(&mut self) -> &mut Found {
        &mut self.found
    }
}

/// What stands behind the number of a day.
pub(super) fn is_ordinal(word: &str) -> bool {
    matches!(word, "er" | "ere" | "e" | "eme" | "ieme" | "st" | "nd" | "rd" | "th")
}
