//! Sound key: words that sound alike in French, or end alike in it, have the same.
//!
//! People write as they speak: `annulé`, `annuler`, `annulez` and `annulais` are one word, and so are `horaires`, `oraire` and
//! `horère`. Only words that are not known as they stand are compared by it, so two known words that sound alike stay two.

/// The shortest word that has a sound key, in bytes. Shorter ones differ by one letter from too many others.
const SHORTEST: usize = 4;
/// The shortest key.
const SHORTEST_KEY: usize = 3;

/// Endings that sound like -é or say nothing, the longest first.
const ENDINGS: [&str; 14] =
    ["ERONS", "ERAIT", "AIENT", "ERAI", "AIS", "AIT", "EES", "ER", "EZ", "ES", "EE", "AI", "E", "S"];

/// The sound key of a folded word; `None` when the word is too short, or no word of Latin letters.
pub(in crate::domain) fn sound_key(word: &str) -> Option<String> {
    if word.len() < SHORTEST || !word.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let ending = ENDINGS.iter().find_map(|ending| {
        let rest = word.strip_suffix(ending)?;
        (rest.len() >= SHORTEST_KEY).then_some(rest)
    });
    let heard = heard(ending.unwrap_or(word).as_bytes());
    let silent = heard.len() > SHORTEST && heard.ends_with(['T', 'D', 'X', 'Z', 'P']);
    let key = if silent { heard[..heard.len() - 1].to_owned() } else { heard };
    (key.len() >= SHORTEST_KEY).then_some(key)
}

/// Letters as they sound.
fn heard(word: &[u8]) -> String {
    let mut heard = String::with_capacity(word.len());
    let mut at = 0;
    while let Some(&letter) = word.get(at) {
        let (next, after) = (word.get(at + 1).copied(), word.get(at + 2).copied());
        let (sound, length) = match (letter, next) {
            (b'E', Some(b'A')) if after == Some(b'U') => ("O", 3),
            (b'A', Some(b'U')) => ("O", 2),
            (b'A' | b'E', Some(b'I')) => ("E", 2),
            (b'E', Some(b'N')) => ("AN", 2),
            (b'A' | b'E', Some(b'M')) if matches!(after, Some(b'B' | b'P' | b'M')) => ("AN", 2),
            (b'P', Some(b'H')) => ("F", 2),
            (b'C', Some(b'H')) => ("CH", 2),
            (b'Q', Some(b'U')) | (b'C', Some(b'K')) => ("K", 2),
            (b'H', _) => ("", 1),
            (b'Q', _) => ("K", 1),
            (b'C', Some(b'E' | b'I' | b'Y')) => ("S", 1),
            (b'C', _) => ("K", 1),
            (b'G', Some(b'E' | b'I' | b'Y')) => ("J", 1),
            (b'Y', _) => ("I", 1),
            (b'Z', _) => ("S", 1),
            _ => ("", 0),
        };
        let sound = if length == 0 { char::from(letter).to_string() } else { sound.to_owned() };
        if !heard.ends_with(&sound) || sound.is_empty() {
            heard.push_str(&sound);
        }
        at += length.max(1);
    }
    heard
}

/// Whether two texts differ by at most one letter: one more, one less, another, or two that changed places.
pub(super) fn within_one(one: &[u8], other: &[u8]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match (short, long) {
        ([], _) => true,
        _ if short.len() < long.len() => short == &long[1..],
        _ if short[1..] == long[1..] => true,
        ([a, b, rest @ ..], [c, d, others @ ..]) => a == d && b == c && rest == others,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sounds_alike_has_one_key() {
        for family in [
            &["ANNULER", "ANNULE", "ANNULEZ", "ANNULAIS", "ANULER", "ANULE"][..],
            &["HORAIRE", "HORAIRES", "ORAIRE", "HORERE", "ORAIR"],
            &["RESERVER", "RESERVE", "REZERVER", "RESERVEZ"],
            &["LIVRER", "LIVRE", "LIVREZ", "LIVRAIT"],
            &["COMENCER", "COMMENCER"],
            &["TELEPHONE", "TELEFONE"],
        ] {
            let keys: Vec<_> = family.iter().map(|word| sound_key(word)).collect();
            assert!(keys.iter().all(|key| key.is_some() && *key == keys[0]), "{family:?} {keys:?}");
        }
    }

    #[test]
    fn what_sounds_different_has_another() {
        for (one, other) in
            [("PAYER", "PASSER"), ("CARTE", "CARTON"), ("VENIR", "TENIR"), ("MASSAGE", "MESSAGE"), ("LIVE", "LIVRE")]
        {
            assert_ne!(sound_key(one), sound_key(other), "{one} {other}");
        }
        assert_eq!((sound_key("OUI"), sound_key("15H30"), sound_key("ŒUVRE")), (None, None, None));
    }

    #[test]
    fn one_letter_may_differ() {
        for (one, other, expected) in [
            ("PARKING", "PARKIN", true),
            ("PARKING", "PARKNIG", true),
            ("PARKING", "PERKING", true),
            ("PARKING", "PRKING", true),
            ("PARKING", "PARK", false),
            ("PARKING", "BARKINGS", false),
            ("", "A", true),
            ("AB", "BA", true),
            ("AB", "CD", false),
        ] {
            assert_eq!(within_one(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
            assert_eq!(within_one(other.as_bytes(), one.as_bytes()), expected, "{other} {one}");
        }
    }
}
