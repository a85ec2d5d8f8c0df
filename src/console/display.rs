//! How the console shows times, durations, numbers and people to a member.

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use minijinja::Value;
use minijinja::value::Serde;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::dates;
use palabre_actors::domain::rules::Language;
use serde::Serialize;

/// How one member sees one tenant's times.
#[derive(Clone, Copy, Debug)]
pub struct Display {
    pub language: Language,
    pub timezone: Tz,
    pub now: Timestamp,
}

const fn either(language: Language, (french, english): (&'static str, &'static str)) -> &'static str {
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}

impl Display {
    /// `14:03`
    #[must_use]
    pub fn time(&self, at: Timestamp) -> String {
        at.with_timezone(&self.timezone).format("%H:%M").to_string()
    }

    /// `lundi 30 novembre`, with the year when it is another one.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        let (local, now) = (at.with_timezone(&self.timezone), self.now.with_timezone(&self.timezone));
        if local.date_naive() == now.date_naive() {
            return either(self.language, ("Aujourd'hui", "Today")).to_owned();
        }
        if Some(local.date_naive()) == now.date_naive().pred_opt() {
            return either(self.language, ("Hier", "Yesterday")).to_owned();
        }
        dates::date(local.date_naive(), now.date_naive(), self.language == Language::En)
    }

    /// The day that a moment belongs to, to tell days apart.
    #[must_use]
    pub fn day_number(&self, at: Timestamp) -> i32 {
        at.with_timezone(&self.timezone).date_naive().num_days_from_ce()
    }

    /// `30 novembre 2026 à 14:03`
    #[must_use]
    pub fn moment(&self, at: Timestamp) -> String {
        format!("{} {} {}", self.date(at), either(self.language, ("à", "at")), self.time(at))
    }

    /// `30 novembre 2026 à 14:03:22`
    #[must_use]
    pub fn exact(&self, at: Timestamp) -> String {
        format!("{}{}", self.moment(at), at.with_timezone(&self.timezone).format(":%S"))
    }

    /// `30 novembre 2026`
    #[must_use]
    pub fn date(&self, at: Timestamp) -> String {
        dates::full_date(at.with_timezone(&self.timezone).date_naive(), self.language == Language::En)
    }

    /// `novembre 2026`, of `2026-11`.
    #[must_use]
    pub fn month(&self, month: &str) -> String {
        let first = format!("{month}-01").parse::<NaiveDate>();
        first.map_or_else(|_| month.to_owned(), |first| dates::month_and_year(first, self.language == Language::En))
    }

    /// `14:03` today, `30/11` (`30 Nov` in English) before.
    #[must_use]
    pub fn short(&self, at: Timestamp) -> String {
        let local = at.with_timezone(&self.timezone);
        if self.day_number(at) == self.day_number(self.now) {
            return self.time(at);
        }
        match self.language {
            Language::Fr => local.format("%d/%m").to_string(),
            Language::En => local.format("%-d %b").to_string(),
        }
    }

    /// For `<time datetime=…>`.
    #[must_use]
    pub fn machine(at: Timestamp) -> String {
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    /// How long ago: `3 min`, `2 h 05`, `4 j`.
    #[must_use]
    pub fn since(&self, at: Timestamp) -> String {
        self.lasting(self.now - at)
    }

    /// A stretch of time: `moins d'1 min`, `3 min`, `2 h 05`, `4 j`.
    #[must_use]
    pub fn lasting(&self, long: TimeDelta) -> String {
        let minutes = long.num_minutes().max(0);
        match minutes {
            0 => either(self.language, ("moins d'1 min", "less than 1 min")).to_owned(),
            1..60 => format!("{minutes} min"),
            60..2_880 => format!("{} h {:02}", minutes / 60, minutes % 60),
            _ => format!("{} {}", minutes / 1_440, either(self.language, ("j", "d"))),
        }
    }
}

/// How people write a number whose calling code is `home`: `06 12 34 56 78`; another country's: `+224 620 00 00 00`. Other
/// addresses without their scheme.
#[must_use]
pub fn address(address: &Address, home: Option<u16>) -> String {
    if !address.is_phone() {
        return match address.scheme() {
            Scheme::Sandbox => address.path().rsplit('/').next().unwrap_or_default().to_owned(),
            _ => address.path().to_owned(),
        };
    }
    let Ok(number) = phonenumber::parse(None, address.path()) else { return address.path().to_owned() };
    let is_home = home == Some(number.code().value());
    let mode = if is_home { phonenumber::Mode::National } else { phonenumber::Mode::International };
    number.format().mode(mode).to_string()
}

/// The calling code that a number begins with.
#[must_use]
pub fn calling_code(address: &Address) -> Option<u16> {
    phonenumber::parse(None, address.path()).ok().map(|number| number.code().value())
}

/// What people call a kind of channel.
#[must_use]
pub const fn channel_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Whatsapp => "WhatsApp",
        Scheme::Sms => "SMS",
        Scheme::Telegram => "Telegram",
        Scheme::Mailto => "E-mail",
        Scheme::Sandbox => "Test",
    }
}

/// The first words of a text, on one line.
#[must_use]
pub fn first_words(text: &str, longest: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > longest {
            return line.chars().take(longest).chain(['…']).collect();
        }
    }
    line
}

/// Something that serializes, as templates see it.
pub(super) fn shown(of: impl Serialize) -> Value {
    Value::from(Serde(of))
}

/// The letters of a picture in place of a face.
#[must_use]
pub fn initials(name: &str) -> String {
    let letters = name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    letters.take(2).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn display(language: Language) -> Display {
        let now = "2026-11-30T09:00:00Z".parse().unwrap();
        Display { language, timezone: chrono_tz::Europe::Paris, now }
    }

    #[test]
    fn a_month_is_told_by_its_name() {
        for (month, french, english) in [
            ("2026-01", "janvier 2026", "January 2026"),
            ("2026-12", "décembre 2026", "December 2026"),
            ("2026-13", "2026-13", "2026-13"),
            ("2026-00", "2026-00", "2026-00"),
            ("", "", ""),
        ] {
            assert_eq!(
                (display(Language::Fr).month(month).as_str(), display(Language::En).month(month).as_str()),
                (french, english)
            );
        }
    }

    #[test]
    fn moments_are_told_in_the_tenants_time_and_the_members_language() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (moment, french, english) in [
            ("2026-11-30T08:03:00Z", ("09:03", "Aujourd'hui"), ("09:03", "Today")),
            ("2026-11-29T08:03:00Z", ("29/11", "Hier"), ("29 Nov", "Yesterday")),
            ("2026-06-03T22:30:00Z", ("04/06", "jeudi 4 juin"), ("4 Jun", "Thursday 4 June")),
            ("2025-12-25T10:00:00Z", ("25/12", "jeudi 25 décembre 2025"), ("25 Dec", "Thursday 25 December 2025")),
        ] {
            for (language, (short, day)) in [(Language::Fr, french), (Language::En, english)] {
                let display = display(language);
                assert_eq!((display.short(at(moment)).as_str(), display.day(at(moment)).as_str()), (short, day));
            }
        }
        assert_eq!(display(Language::Fr).moment(at("2026-11-30T08:03:00Z")), "30 novembre 2026 à 09:03");
        assert_eq!(display(Language::Fr).date(at("2026-12-01T08:03:00Z")), "1er décembre 2026");
    }

    #[test]
    fn stretches_of_time_are_short() {
        let display = display(Language::Fr);
        for (minutes, told) in
            [(-3, "moins d'1 min"), (0, "moins d'1 min"), (59, "59 min"), (125, "2 h 05"), (6_000, "4 j")]
        {
            assert_eq!(display.lasting(TimeDelta::minutes(minutes)), told);
        }
    }

    #[test]
    fn numbers_look_as_their_country_writes_them() {
        let of = Address::from_normalised;
        let home = calling_code(&of("whatsapp:+33639980101"));
        for (number, told) in [
            ("whatsapp:+33612345678", "06 12 34 56 78"),
            ("sms:+224620000000", "+224 620 00 00 00"),
            ("telegram:123", "123"),
            ("sandbox:belle/anna", "anna"),
            ("whatsapp:US.1234", "US.1234"),
            ("mailto:a@b.fr", "a@b.fr"),
        ] {
            assert_eq!(address(&of(number), home), told);
        }
    }

    #[test]
    fn names_and_texts_are_cut_between_characters() {
        assert_eq!(initials("awa  diallo-bah camara"), "AD");
        assert_eq!(initials("🌸"), "");
        assert_eq!(first_words("Bonjour\n à  tous", 40), "Bonjour à tous");
        assert_eq!(first_words("éééé éééé", 5), "éééé …");
    }
}
