//! Names of weekdays, months and feasts, in French and English.

use chrono::Weekday;

/// A weekday's name. `english` allows the short names that are other words in French (`mon`, `sun`, `sat`).
pub(super) fn weekday(word: &str, english: bool) -> Option<Weekday> {
    Some(match word {
        "lundi" | "lundis" | "lun" | "monday" => Weekday::Mon,
        "mardi" | "mardis" | "tuesday" | "tues" | "tue" => Weekday::Tue,
        "mercredi" | "mercredis" | "mercr" | "mer" | "merc" | "wednesday" | "wed" | "weds" => Weekday::Wed,
        "jeudi" | "jeudis" | "jeu" | "thursday" | "thur" | "thurs" | "thu" => Weekday::Thu,
        "vendredi" | "vendredis" | "ven" | "vendr" | "friday" | "fri" => Weekday::Fri,
        "samedi" | "samedis" | "sam" | "saturday" => Weekday::Sat,
        "dimanche" | "dimanches" | "dim" | "sunday" => Weekday::Sun,
        "mar" if !english => Weekday::Tue,
        "mon" if english => Weekday::Mon,
        "sat" if english => Weekday::Sat,
        "sun" if english => Weekday::Sun,
        "madi" | "mrdi" => Weekday::Tue,
        "wensday" | "wendsday" => Weekday::Wed,
        "jeuddi" | "judi" | "jeudy" => Weekday::Thu,
        "lindi" | "lundy" | "ludi" => Weekday::Mon,
        _ => return slip(word),
    })
}

/// A long name with one slip of the fingers. One letter from the short ones are other words: `mari`, `mardi`.
fn slip(word: &str) -> Option<Weekday> {
    const LONG: [(&str, Weekday); 8] = [
        ("mercredi", Weekday::Wed),
        ("vendredi", Weekday::Fri),
        ("samedi", Weekday::Sat),
        ("dimanche", Weekday::Sun),
        ("tuesday", Weekday::Tue),
        ("wednesday", Weekday::Wed),
        ("thursday", Weekday::Thu),
        ("saturday", Weekday::Sat),
    ];
    let alike = |(name, _): &&(&str, Weekday)| {
        name.as_bytes().first() == word.as_bytes().first()
            && word.len().abs_diff(name.len()) <= 1
            && strsim::osa_distance(word, name) == 1
    };
    LONG.iter().find(alike).map(|(_, day)| *day)
}

/// A month's name, 1 to 12. `may` and `mars` are other words as well: they count beside a number alone.
pub(super) fn month(word: &str) -> Option<u32> {
    Some(match word {
        "janvier" | "janv" | "jan" | "january" => 1,
        "fevrier" | "fev" | "fevr" | "feb" | "february" => 2,
        "mars" | "march" | "mar" => 3,
        "avril" | "avr" | "april" | "apr" => 4,
        "mai" | "may" => 5,
        "juin" | "june" | "jun" => 6,
        "juillet" | "juil" | "july" | "jul" => 7,
        "aout" | "august" | "aug" => 8,
        "septembre" | "sept" | "sep" | "september" => 9,
        "octobre" | "oct" | "october" => 10,
        "novembre" | "nov" | "november" => 11,
        "decembre" | "dec" | "december" => 12,
        _ => return None,
    })
}

/// Days that have a name, as month and day.
pub(super) fn feast(words: &[&str]) -> Option<(u32, u32, usize)> {
    const FEASTS: [(&[&str], u32, u32); 11] = [
        (&["noel"], 12, 25),
        (&["christmas", "eve"], 12, 24),
        (&["christmas"], 12, 25),
        (&["saint", "sylvestre"], 12, 31),
        (&["new", "years", "eve"], 12, 31),
        (&["jour", "de", "l", "an"], 1, 1),
        (&["saint", "valentin"], 2, 14),
        (&["valentines", "day"], 2, 14),
        (&["valentine", "s", "day"], 2, 14),
        (&["new", "year", "s", "eve"], 12, 31),
        (&["boxing", "day"], 12, 26),
    ];
    let found = FEASTS.iter().find(|(name, ..)| words.starts_with(name));
    found.map(|(name, month, day)| (*month, *day, name.len()))
}
