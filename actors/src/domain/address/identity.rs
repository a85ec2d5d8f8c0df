//! Identity of a phone number: all notations of one number lead to one subscriber.
//!
//! A subscriber may be written in several ways that all begin with `+`: with a trunk prefix that is dialled at home alone
//! (`+27 (0)82 …`, `+7 (8) 916 …`), with a digit that only mobile numbers carried for a time (Mexico's 1, Argentina's 9, Brazil's
//! ninth digit), or as the number was before its country renumbered (Ivory Coast 2021, Benin 2024). [`identity`] maps them to one
//! text: today's number in its country's plan. It is for comparing and never for sending: providers know some subscribers by the
//! old form.
//!
//! Sources: the ITU's national numbering plans (`itu.int/oth/T0202`), libphonenumber's metadata for trunk prefixes (a test
//! compares the table with it), and, where a row names one, the regulator's notice.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// Countries whose callers dial a trunk 0 before the national number, or did (Greece, Poland, Chile, the Czech Republic), and
/// whose national numbers never begin with 0. In Italy, San Marino, Ivory Coast, Benin and Congo the 0 belongs to the number.
const TRUNK_ZERO: &[&str] = &[
    "20", "27", "30", "31", "32", "33", "40", "41", "43", "44", "46", "48", "49", "51", "53", "54", "55", "56", "57",
    "58", "60", "61", "62", "63", "64", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98", "211",
    "212", "213", "218", "231", "232", "233", "234", "243", "249", "250", "251", "252", "254", "255", "256", "260",
    "261", "262", "263", "264", "265", "291", "353", "355", "358", "359", "370", "373", "374", "377", "380", "381",
    "382", "383", "385", "386", "387", "389", "420", "421", "423", "508", "590", "591", "593", "594", "595", "596",
    "598", "686", "850", "855", "856", "880", "886", "961", "962", "963", "964", "966", "967", "970", "971", "972",
    "976", "977", "994", "995", "996", "997",
];

/// Trunk prefixes that are no 0, or stand before numbers of one length alone: country, prefixes, digits of a national number.
/// Those of Latvia, Georgia, Tajikistan, Uzbekistan and Mexico are dialled no more, and written still. Gabon's 0 stands before
/// numbers of today; [`gabon`] knows the one of before.
const TRUNK_OTHER: &[(&str, &[&str], &[usize])] = &[
    ("1", &["1"], &[10]),
    ("7", &["8"], &[10]),
    ("36", &["06"], &[8, 9]),
    ("52", &["01", "044", "045"], &[10]),
    ("241", &["0"], &[8]),
    ("370", &["8"], &[8]),
    ("371", &["8"], &[8]),
    ("375", &["80", "8", "0"], &[9]),
    ("692", &["1"], &[7]),
    ("992", &["8"], &[9]),
    ("993", &["8"], &[8]),
    ("995", &["8"], &[9]),
    ("998", &["8"], &[9]),
];

/// Vietnam's mobile prefixes of eleven digits, and what they became in September 2018 (Ministry of Information and
/// Communications, decision of 26 May 2018).
const VIETNAM_2018: &[(&str, &str)] = &[
    ("120", "70"),
    ("121", "79"),
    ("122", "77"),
    ("126", "76"),
    ("128", "78"),
    ("123", "83"),
    ("124", "84"),
    ("125", "85"),
    ("127", "81"),
    ("129", "82"),
    ("162", "32"),
    ("163", "33"),
    ("164", "34"),
    ("165", "35"),
    ("166", "36"),
    ("167", "37"),
    ("168", "38"),
    ("169", "39"),
    ("186", "56"),
    ("188", "58"),
    ("199", "59"),
];

/// French national numbers that lie outside metropolitan France have a country code of their own (ARCEP, decision
/// 2018-0881): people who write them nationally, or with +33, mean the same subscriber.
const FRANCE_OVERSEAS: &[(&str, &str)] = &[
    ("262", "262"),
    ("263", "262"),
    ("269", "262"),
    ("639", "262"),
    ("692", "262"),
    ("693", "262"),
    ("590", "590"),
    ("690", "590"),
    ("691", "590"),
    ("594", "594"),
    ("694", "594"),
    ("596", "596"),
    ("696", "596"),
    ("697", "596"),
    ("7090", "590"),
    ("7091", "596"),
    ("7092", "262"),
    ("70930", "594"),
    ("70931", "594"),
    ("70932", "594"),
    ("70933", "594"),
    ("70935", "262"),
    ("70936", "262"),
    ("70937", "262"),
];

/// Argentina's area codes of two and three digits; all others have four (ENACOM, national numbering plan).
const ARGENTINA_AREAS: &[&str] = &[
    "11", "220", "221", "223", "230", "236", "237", "249", "260", "261", "263", "264", "266", "280", "291", "294",
    "297", "298", "299", "336", "341", "342", "343", "345", "348", "351", "353", "358", "362", "364", "370", "376",
    "379", "380", "381", "383", "385", "387", "388",
];

/// The identity of an international number (`+` and digits): today's number of the same subscriber. Any other text is its
/// own identity.
#[must_use]
pub fn identity(phone: &str) -> Cow<'_, str> {
    let own = || Cow::Borrowed(phone);
    let Some(digits) = phone.strip_prefix('+').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
    else {
        return own();
    };
    let without_trunk = strip_trunk(digits);
    let digits = without_trunk.as_deref().unwrap_or(digits);
    match renumbered(digits) {
        Some(number) => Cow::Owned(format!("+{number}")),
        None if without_trunk.is_some() => Cow::Owned(format!("+{digits}")),
        None => own(),
    }
}

/// The digits without what is dialled at home alone: behind a country code nobody can call such a number. `None` when there
/// is nothing of the kind.
pub(super) fn strip_trunk(digits: &str) -> Option<String> {
    let without_zero = strip_trunk_zero(digits);
    strip_other_trunk(without_zero.as_deref().unwrap_or(digits)).or(without_zero)
}

fn strip_other_trunk(digits: &str) -> Option<String> {
    // At home a 15 stands behind the area code of Argentina's mobile numbers, and abroad a 9 before it.
    if let Some(national) = digits.strip_prefix("54").filter(|national| national.len() == 12) {
        return argentina(national).map(|number| format!("549{number}"));
    }
    let (country, national, prefixes, lengths) = TRUNK_OTHER
        .iter()
        .find_map(|(country, prefixes, lengths)| Some((country, digits.strip_prefix(country)?, prefixes, lengths)))?;
    let mut rest = prefixes.iter().filter_map(|prefix| national.strip_prefix(prefix));
    rest.find(|rest| lengths.contains(&rest.len()) && !rest.starts_with('0')).map(|rest| format!("{country}{rest}"))
}

fn strip_trunk_zero(digits: &str) -> Option<String> {
    // A country code has one to three digits: most numbers have no 0 there.
    if !digits.as_bytes().iter().skip(1).take(3).any(|digit| *digit == b'0') {
        return None;
    }
    let country = TRUNK_ZERO.iter().find(|country| digits.starts_with(**country))?;
    let national = &digits[country.len()..];
    let stripped = national.trim_start_matches('0');
    // A national number of five digits is the shortest that a trunk 0 stands before.
    (stripped.len() < national.len() && stripped.len() >= 5).then(|| format!("{country}{stripped}"))
}

/// Today's number, where the one given is another spelling of it.
pub(super) fn renumbered(digits: &str) -> Option<String> {
    let (country, national) = ["33", "39", "52", "54", "55", "57", "84"]
        .into_iter()
        .chain(["225", "229", "230", "237", "241", "378", "593", "689", "972"])
        .find_map(|country| Some((country, digits.strip_prefix(country)?)))?;
    let with = |number: &str| Some(format!("{country}{number}"));
    match (country, national.len()) {
        ("33", 9) => {
            let (_, code) = FRANCE_OVERSEAS.iter().find(|(prefix, _)| national.starts_with(prefix))?;
            Some(format!("{code}{national}"))
        }
        // San Marino is called through Italy as well, and its numbers are also written without their area code.
        ("39", 10) if national.starts_with("0549") => Some(format!("378{national}")),
        ("378", 6) if national.starts_with(['8', '9']) => with(&format!("0549{national}")),
        // Mexico: no 1 before mobile numbers since August 2019 (IFT).
        ("52", 11) if national.starts_with('1') => with(&national[1..]),
        ("54", _) => argentina(national).and_then(|number| with(&number)),
        // Brazil: mobile numbers have had a ninth digit since 2012 to 2016 (Anatel, resolution 553). Fixed lines begin with
        // 2 to 5 and have none.
        ("55", 10) if national[2..].starts_with(['6', '7', '8', '9']) => {
            with(&format!("{}9{}", &national[..2], &national[2..]))
        }
        // Colombia: 60 before the area code of fixed lines since September 2021 (CRC, resolution 5826 of 2019).
        ("57", 8) if national.starts_with(['1', '2', '4', '5', '6', '7', '8']) => with(&format!("60{national}")),
        ("84", 10) => {
            let (old, new) = VIETNAM_2018.iter().find(|(old, _)| national.starts_with(old))?;
            with(&format!("{new}{}", &national[old.len()..]))
        }
        ("225", 8) => with(&format!("{}{national}", ivory_coast_operator(national)?)),
        // Benin: 01 stands before every number since 30 November 2024 (ARCEP Benin).
        ("229", 8) => with(&format!("01{national}")),
        // Mauritius: mobile numbers got a 5 in September 2013 (ICTA). Fixed lines have seven digits still.
        ("230", 7) if national.starts_with(['7', '9']) || national.starts_with("25") || national.starts_with("42") => {
            with(&format!("5{national}"))
        }
        // Cameroon: a 6 before mobile, a 2 before fixed numbers since 21 November 2014 (ART).
        ("237", 8) => with(&format!("{}{national}", if national.starts_with(['2', '3']) { '2' } else { '6' })),
        ("241", 7 | 8) => gabon(national).and_then(|number| with(&number)),
        // Ecuador: a 9 before mobile numbers since 30 September 2012 (CONATEL). Fixed lines begin with 2 to 7.
        ("593", 8) if national.starts_with(['8', '9']) => with(&format!("9{national}")),
        // French Polynesia: 87 before mobile, 40 before fixed numbers since 23 June 2014 (the territory's numbering plan).
        ("689", 6) if national.starts_with(['2', '3', '7']) => with(&format!("87{national}")),
        ("689", 6) if national.starts_with(['4', '5', '6', '8', '9']) => with(&format!("40{national}")),
        // Palestinian mobile numbers are reached by Israel's code as well (ITU, operational bulletin 702).
        ("972", 9) if national.starts_with("56") || national.starts_with("59") => Some(format!("970{national}")),
        _ => None,
    }
}

/// Argentina, without what marks a mobile number: the 9 of international calls, the 15 after the area code at home.
fn argentina(national: &str) -> Option<String> {
    let without_nine = national.strip_prefix('9').filter(|rest| rest.len() == 10);
    if let Some(number) = without_nine {
        return Some(number.to_owned());
    }
    if national.len() != 12 {
        return None;
    }
    let area = ARGENTINA_AREAS.iter().find(|area| national.starts_with(**area)).map_or(4, |area| area.len());
    let number = national[area..].strip_prefix("15")?;
    Some(format!("{}{number}", &national[..area]))
}

/// Ivory Coast: since 31 January 2021 numbers of eight digits stand behind two that name the operator they came from
/// (ARTCI): 01, 05, 07 for mobile numbers of Moov, MTN, Orange, and 21, 25, 27 for their fixed ones. The second digit of an
/// old mobile number tells its operator, the third that of an old fixed number.
fn ivory_coast_operator(national: &str) -> Option<&'static str> {
    let digit = |at: usize| national.as_bytes()[at];
    Some(match (digit(0), digit(1), digit(2)) {
        (b'2' | b'3', _, b'8') => "21",
        (b'2' | b'3', _, b'0') => "25",
        (b'2' | b'3', ..) => "27",
        (b'0' | b'4'..=b'9', b'0'..=b'3', _) => "01",
        (b'0' | b'4'..=b'9', b'4'..=b'6', _) => "05",
        (b'0' | b'4'..=b'9', b'7'..=b'9', _) => "07",
        _ => return None,
    })
}

/// Gabon: since 15 November 2019 the 0 after the country code is a 1 for fixed lines, and a 6 or 7, by operator, for mobile
/// ones (ARCEP Gabon). Numbers of today have eight digits too, and begin with 1, 6 or 7.
fn gabon(national: &str) -> Option<String> {
    let old = if national.len() == 8 { national.strip_prefix('0')? } else { national };
    let first = match old.as_bytes()[0] {
        b'1' => '1',
        b'2' | b'5' | b'6' => '6',
        b'3' | b'4' | b'7' => '7',
        _ => return None,
    };
    Some(format!("{first}{old}"))
}
