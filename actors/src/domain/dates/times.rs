//! Times of day: hours, ranges, parts of the day.

use chrono::NaiveTime;

use super::Time;
use super::found::{Bound, Clock, Found, Half, Part};
use super::scan::Scan;

impl Scan<'_> {
    /// A time with what stands before it: a range, a bound, a preposition, or nothing.
    pub(super) fn times(&mut self) -> usize {
        let same = [("meme heure", ()), ("a la meme heure", ()), ("same time", ()), ("at the same time", ())];
        if let Some((words, ())) = self.says_any(&same) {
            self.found().same_time = true;
            return words;
        }
        let range = self.range();
        if range > 0 {
            return range;
        }
        const BOUNDS: [(&str, (Bound, bool)); 25] = [
            ("a partir de", (Bound::From, true)),
            ("apres", (Bound::From, true)),
            ("after", (Bound::From, true)),
            ("from", (Bound::From, true)),
            ("des", (Bound::From, true)),
            ("avant", (Bound::Until, true)),
            ("before", (Bound::Until, true)),
            ("jusqu a", (Bound::Until, true)),
            ("until", (Bound::Until, true)),
            ("vers les", (Bound::About, true)),
            ("vers", (Bound::About, true)),
            ("aux alentours de", (Bound::About, true)),
            ("autour de", (Bound::About, true)),
            ("environ", (Bound::About, true)),
            ("around", (Bound::About, true)),
            ("about", (Bound::About, true)),
            ("at about", (Bound::About, true)),
            ("at around", (Bound::About, true)),
            ("plutot vers", (Bound::About, true)),
            ("at", (Bound::Exact, true)),
            ("by", (Bound::Until, true)),
            ("pour", (Bound::Exact, false)),
            ("a", (Bound::Exact, false)),
            ("d ici", (Bound::Until, false)),
            ("ends", (Bound::Until, false)),
        ];
        let (lead, (bound, takes_bare)) = self.says_any(&BOUNDS).unwrap_or((0, (Bound::Exact, false)));
        let at_sign = usize::from(lead == 0 && self.sign(0) == Some('@'));
        let (lead, takes_bare) = (lead + at_sign, takes_bare || at_sign > 0);
        let clock = self.clock(lead).or_else(|| if lead > 0 { self.bare(lead, takes_bare) } else { None });
        match clock {
            // `après midi` is the part of the day.
            Some((clock, 1)) if lead > 0 && self.word(0) == "apres" && self.word(1) == "midi" => {
                let _ = clock;
                0
            }
            Some((clock, words)) => {
                self.set_clock(clock, bound);
                lead + words
            }
            None => 0,
        }
    }

    /// `entre 14h et 16h`, `from 2 to 4pm`, `14h-16h`.
    fn range(&mut self) -> usize {
        let opens = [("entre", ()), ("between", ()), ("de", ()), ("from", ())];
        let lead = self.says_any(&opens).map_or(0, |(words, ())| words);
        let Some((mut from, words)) =
            self.clock(lead).or_else(|| self.bare(lead, lead > 0 || self.sign(1) == Some('-')))
        else {
            return 0;
        };
        let then = lead + words;
        let joins = match self.word(then) {
            "et" | "and" if lead > 0 => true,
            "a" | "to" | "till" | "until" => true,
            _ => self.sign(then) == Some('-'),
        };
        if !joins {
            return 0;
        }
        let Some((until, more)) = self.clock(then + 1).or_else(|| self.bare(then + 1, lead > 0)) else { return 0 };
        if matches!(from.half, Half::Bare) {
            from.half = until.half;
            // `11 to 2pm` begins in the morning.
            if until.half == Half::Pm && from.hour % 12 > until.hour % 12 {
                from.half = Half::Am;
            }
        }
        self.set_range(from, until);
        then + 1 + more
    }

    /// A number without any mark, behind a word that makes it an hour.
    fn bare(&self, ahead: usize, takes_any: bool) -> Option<(Clock, usize)> {
        let (hour, digits) = self.number(ahead)?;
        if hour > 24 || digits > 2 || self.is_time_or_count(ahead) {
            return None;
        }
        let followed = self.sign(ahead + 1).is_some_and(|sign| matches!(sign, '/' | '.' | '€'));
        let is_day = super::names::month(self.word(ahead + 1)).is_some();
        if followed || is_day || (!takes_any && hour < 7) {
            return None;
        }
        let half = if hour > 12 || hour == 0 { Half::Full } else { Half::Bare };
        Some((Clock { hour: hour % 24, minute: 0, half }, 1))
    }

    /// A time that is marked as one.
    fn clock(&self, ahead: usize) -> Option<(Clock, usize)> {
        let (clock, words) = self.named_time(ahead).or_else(|| self.spoken(ahead)).or_else(|| self.digits(ahead))?;
        (clock.hour < 24 && clock.minute < 60).then_some((clock, words))
    }

    fn named_time(&self, ahead: usize) -> Option<(Clock, usize)> {
        let hour = match self.word(ahead) {
            "midi" | "noon" => 12,
            "minuit" | "midnight" => 0,
            _ => return None,
        };
        let clock = Clock { hour, minute: 0, half: Half::Full };
        Some(match self.number(ahead + 1) {
            Some((minute, digits)) if digits != 1 && minute < 60 && !self.is_time_or_count(ahead + 1) => {
                (Clock { minute, ..clock }, 2)
            }
            _ => self.fraction(clock, ahead + 1, 1),
        })
    }

    /// `et demie`, `et quart`, `moins le quart`, `moins dix`.
    fn fraction(&self, clock: Clock, ahead: usize, words: usize) -> (Clock, usize) {
        let less = |minutes: u32| {
            let hour = if clock.hour == 0 { 23 } else { clock.hour - 1 };
            Clock { hour, minute: 60 - minutes, ..clock }
        };
        for (phrase, minute) in [("et demie", 30), ("et demi", 30), ("et quart", 15), ("trois quarts", 45)] {
            let more = self.says(ahead, phrase);
            if more > 0 {
                return (Clock { minute, ..clock }, words + more);
            }
        }
        if self.says(ahead, "moins le quart") > 0 {
            return (less(15), words + 3);
        }
        match (self.word(ahead), self.number(ahead + 1)) {
            ("moins", Some((minutes @ 1..=30, _))) => (less(minutes), words + 2),
            _ => (clock, words),
        }
    }

    /// `half past three`, `quarter to 4`, `half 3`.
    fn spoken(&self, ahead: usize) -> Option<(Clock, usize)> {
        let (minutes, mut words) = if self.says(ahead, "half past") > 0 {
            (30, 2)
        } else if self.says(ahead, "quarter past") > 0 {
            (15, 2)
        } else if self.says(ahead, "quarter to") > 0 {
            (-15, 2)
        } else if self.is_english() && self.word(ahead) == "half" {
            (30, 1)
        } else {
            let (minutes, _) = self.number(ahead).filter(|(minutes, _)| *minutes < 30 && minutes % 5 == 0)?;
            match self.word(ahead + 1) {
                "past" => (i64::from(minutes), 2),
                _ => return None,
            }
        };
        let (hour, _) = self.number(ahead + words).filter(|(hour, _)| (1..=12).contains(hour))?;
        words += 1;
        let (half, more) = self.half(ahead + words);
        words += more;
        let total = i64::from(hour) * 60 + minutes;
        let hour = u32::try_from(total.div_euclid(60)).ok()?;
        let minute = u32::try_from(total.rem_euclid(60)).ok()?;
        Some((Clock { hour: if hour == 0 { 12 } else { hour }, minute, half: half.unwrap_or(Half::Bare) }, words))
    }

    fn half(&self, ahead: usize) -> (Option<Half>, usize) {
        match self.word(ahead) {
            "am" => (Some(Half::Am), 1),
            "pm" => (Some(Half::Pm), 1),
            "a" | "p" if self.sign(ahead + 1) == Some('.') && self.word(ahead + 2) == "m" => {
                (Some(if self.word(ahead) == "a" { Half::Am } else { Half::Pm }), 3)
            }
            _ => (None, 0),
        }
    }

    fn digits(&self, ahead: usize) -> Option<(Clock, usize)> {
        let (hour, digits) = self.number(ahead)?;
        if hour > 24 || digits > 2 {
            return None;
        }
        let (hour, midnight) = (hour % 24, hour == 24);
        let full = hour > 12 || hour == 0 || midnight;
        let plain = |minute, half| Clock { hour, minute, half: if full { Half::Full } else { half } };
        let minutes_at = |at: usize| self.number(at).filter(|(minute, digits)| *minute < 60 && *digits != 1);
        // `15:30`, `15.30`
        if let Some(sign @ (':' | '.')) = self.sign(ahead + 1)
            && let Some((minute, 2)) = self.number(ahead + 2)
            && (sign == ':' || minute > 12 || minute == 0)
        {
            let (half, more) = self.half(ahead + 3);
            let french_h = usize::from(more == 0 && self.word(ahead + 3) == "h");
            let written = if digits == 2 && hour < 10 {
                Half::Full
            } else if self.is_english() {
                Half::Bare
            } else {
                Half::Hour
            };
            return Some((plain(minute, half.unwrap_or(written)), 3 + more + french_h));
        }
        match self.word(ahead + 1) {
            "h" | "heure" | "heures" | "hrs" | "hr" | "hours" => {
                let written = if digits == 2 && hour < 10 { Half::Full } else { Half::Hour };
                let clock = plain(0, written);
                Some(match minutes_at(ahead + 2) {
                    Some((minute, _)) if !matches!(self.word(ahead + 3), "personnes" | "personne" | "people") => {
                        let unit = usize::from(matches!(self.word(ahead + 3), "min" | "mn" | "minutes"));
                        (Clock { minute, ..clock }, 3 + unit)
                    }
                    _ => self.fraction(clock, ahead + 2, 2),
                })
            }
            "o" if self.word(ahead + 2) == "clock" => Some((plain(0, Half::Bare), 3)),
            "oclock" => Some((plain(0, Half::Bare), 2)),
            "pile" => Some((plain(0, Half::Hour), 2)),
            _ => {
                let (half, more) = self.half(ahead + 1);
                half.map(|half| (plain(0, half), 1 + more))
            }
        }
    }

    /// A part of the day.
    pub(super) fn part(&mut self) -> usize {
        const PARTS: [(&str, Part); 34] = [
            ("en fin de matinee", Part::LateMorning),
            ("fin de matinee", Part::LateMorning),
            ("late morning", Part::LateMorning),
            ("tot le matin", Part::EarlyMorning),
            ("debut de matinee", Part::EarlyMorning),
            ("early morning", Part::EarlyMorning),
            ("de bonne heure", Part::EarlyMorning),
            ("fin d apres midi", Part::LateAfternoon),
            ("fin d apresmidi", Part::LateAfternoon),
            ("fin de journee", Part::LateAfternoon),
            ("late afternoon", Part::LateAfternoon),
            ("end of the day", Part::LateAfternoon),
            ("apres le travail", Part::LateAfternoon),
            ("after work", Part::LateAfternoon),
            ("debut d apres midi", Part::EarlyAfternoon),
            ("debut d apresmidi", Part::EarlyAfternoon),
            ("early afternoon", Part::EarlyAfternoon),
            ("apres midi", Part::Afternoon),
            ("apresmidi", Part::Afternoon),
            ("afternoon", Part::Afternoon),
            ("pause dejeuner", Part::Noon),
            ("heure du dejeuner", Part::Noon),
            ("entre midi et deux", Part::Noon),
            ("lunchtime", Part::Noon),
            ("lunch time", Part::Noon),
            ("matinee", Part::Morning),
            ("matin", Part::Morning),
            ("mat", Part::Morning),
            ("morning", Part::Morning),
            ("soiree", Part::Evening),
            ("soir", Part::Evening),
            ("evening", Part::Evening),
            ("nuit", Part::Night),
            ("night", Part::Night),
        ];
        self.says_any(&PARTS).map_or(0, |(words, part)| {
            self.found().part = Some(part);
            words
        })
    }
}

impl Found {
    /// The time that the phrase names.
    pub(super) fn time(&self, english: bool) -> Option<Time> {
        use chrono::Timelike;
        if let Some(instant) = self.instant {
            let time = instant.time();
            return Some(Time::At(time.with_second(0).and_then(|time| time.with_nanosecond(0)).into_iter().collect()));
        }
        if let (Some(from), Some(until)) = (self.clock, self.until) {
            let (from, until) =
                (likeliest(&self.candidates(from, english))?, likeliest(&self.candidates(until, english))?);
            return Some(Time::Between(from.min(until), from.max(until)));
        }
        if let Some(clock) = self.clock {
            let times = self.candidates(clock, english);
            let first = likeliest(&times)?;
            return Some(match self.bound {
                Bound::Exact => Time::At(times),
                Bound::About => Time::Around(times),
                Bound::From => Time::Between(first, time_of(23, 59)?),
                Bound::Until => Time::Between(time_of(0, 0)?, first),
            });
        }
        if self.same_time {
            return Some(Time::Same);
        }
        let (from, until) = hours_of(self.part?);
        Some(Time::Between(time_of(from.0, from.1)?, time_of(until.0, until.1)?))
    }

    /// The times that a written one may be, the likeliest first.
    fn candidates(&self, clock: Clock, english: bool) -> Vec<NaiveTime> {
        let Clock { hour, minute, half } = clock;
        let afternoon = if hour < 12 { hour + 12 } else { hour };
        let morning = if hour == 12 { 0 } else { hour };
        let hours = match (half, self.part) {
            (Half::Am, _) => vec![morning],
            (Half::Pm, _) => vec![afternoon],
            (Half::Full, _) => vec![hour],
            (_, Some(Part::EarlyMorning | Part::Morning | Part::LateMorning)) => vec![hour],
            (_, Some(Part::Night)) if hour < 8 || hour == 12 => vec![morning],
            (_, Some(Part::Noon)) => vec![if hour < 9 { afternoon } else { hour }],
            (_, Some(_)) => vec![afternoon],
            (_, None) if hour == 12 => vec![12],
            (_, None) if hour < 8 => vec![afternoon, hour],
            (Half::Hour, None) if !english => vec![hour],
            (_, None) => vec![hour, afternoon],
        };
        hours.into_iter().filter_map(|hour| time_of(hour, minute)).collect()
    }
}

fn likeliest(times: &[NaiveTime]) -> Option<NaiveTime> {
    times.first().copied()
}

fn time_of(hour: u32, minute: u32) -> Option<NaiveTime> {
    NaiveTime::from_hms_opt(hour, minute, 0)
}

const fn hours_of(part: Part) -> ((u32, u32), (u32, u32)) {
    match part {
        Part::EarlyMorning => ((6, 0), (9, 0)),
        Part::Morning => ((6, 0), (12, 0)),
        Part::LateMorning => ((10, 30), (12, 30)),
        Part::Noon => ((12, 0), (14, 0)),
        Part::EarlyAfternoon => ((12, 30), (15, 0)),
        Part::Afternoon => ((12, 0), (18, 0)),
        Part::LateAfternoon => ((16, 0), (19, 0)),
        Part::Evening => ((17, 0), (22, 0)),
        Part::Night => ((20, 0), (23, 59)),
    }
}
