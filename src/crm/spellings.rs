//! Spellings of a phone number that a CRM may hold: people type them there.

/// Country codes of two digits; 1 and 7 have one, all others three (ITU-T E.164, list of assigned codes).
const TWO_DIGITS: [&str; 44] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93", "94", "95", "98",
];

/// How people group national numbers, by their length. Others are grouped in pairs and in threes.
const GROUPINGS: [(usize, &[&[usize]]); 5] = [
    (7, &[&[3, 4], &[3, 2, 2]]),
    (8, &[&[2, 2, 2, 2], &[4, 4], &[2, 3, 3], &[3, 3, 2]]),
    (9, &[&[1, 2, 2, 2, 2], &[3, 2, 2, 2], &[3, 3, 3], &[2, 3, 2, 2], &[2, 3, 4]]),
    (10, &[&[2, 2, 2, 2, 2], &[3, 3, 4], &[4, 3, 3], &[4, 6], &[5, 5]]),
    (11, &[&[3, 4, 4], &[4, 7], &[3, 8]]),
];

/// The country code of an international number's digits.
fn country_code(digits: &str) -> &str {
    let length = match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if TWO_DIGITS.iter().any(|code| digits.starts_with(code)) => 2,
        _ => 3,
    };
    digits.get(..length).unwrap_or(digits)
}

/// The number as a CRM may hold it: internationally and nationally, with what people put between the digits. The first is the
/// international number itself, which most CRMs make of what is typed.
pub(super) fn of_phone(phone: &str) -> Vec<String> {
    let digits = phone.trim_start_matches('+');
    let code = country_code(digits);
    let national = &digits[code.len()..];
    let mut all = vec![format!("+{digits}"), digits.to_owned(), format!("00{digits}")];
    for grouped in groupings(national) {
        for between in [" ", ".", "-"] {
            let joined = grouped.join(between);
            all.push(format!("+{code}{between}{joined}"));
            all.push(format!("00{code}{between}{joined}"));
            // The national 0 stands in the first group. Where a country has none, the number is written without.
            all.push(format!("0{joined}"));
            all.push(joined);
        }
    }
    all.extend([format!("0{national}"), national.to_owned(), format!("+{code}0{national}")]);
    all.extend([format!("+{code} (0){national}"), format!("+{code}(0){national}"), format!("+{code} {national}")]);
    let mut seen = std::collections::HashSet::new();
    all.retain(|one| seen.insert(one.clone()));
    all
}

fn groupings(national: &str) -> Vec<Vec<&str>> {
    let Some((_, known)) = GROUPINGS.iter().find(|(length, _)| *length == national.len()) else {
        return vec![from_the_right(national, 2), from_the_right(national, 3)];
    };
    let grouped = |sizes: &&[usize]| {
        let mut rest = national;
        let cut = |size: &usize| {
            let (group, after) = rest.split_at(*size);
            rest = after;
            group
        };
        sizes.iter().map(cut).collect()
    };
    known.iter().map(grouped).collect()
}

fn from_the_right(digits: &str, size: usize) -> Vec<&str> {
    let mut groups = Vec::new();
    let mut rest = digits;
    while rest.len() > size {
        let (before, group) = rest.split_at(rest.len() - size);
        groups.push(group);
        rest = before;
    }
    groups.push(rest);
    groups.reverse();
    groups
}

/// Whether a number as somebody wrote it is this one, and how sure that is: with its country code or without. The digits alone
/// count.
pub(super) fn fit(written: &str, phone: &str) -> Option<Fit> {
    let wanted = phone.trim_start_matches('+');
    let is_international = written.trim_start().starts_with('+') || written.trim_start().starts_with("00");
    // The trunk 0 in brackets belongs to the national form.
    let digits: String = written.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    if digits.len() < SHORTEST_NATIONAL {
        return None;
    }
    if digits == wanted {
        return Some(Fit::Whole);
    }
    if is_international {
        return None;
    }
    let code = wanted.strip_suffix(digits)?.trim_end_matches('0');
    (!code.is_empty() && code == country_code(wanted)).then_some(Fit::National)
}

/// Shorter ones are extensions and short codes.
const SHORTEST_NATIONAL: usize = 6;

/// How sure it is that a number is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Without its country: another country may have the same number.
    National,
    Whole,
}
