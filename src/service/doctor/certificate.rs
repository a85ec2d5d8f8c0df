//! Reads until when a certificate is valid.
//!
//! A certificate is DER (RFC 5280): a few nested lengths lead to the two times. Nothing else of it is read, and whether it is
//! believed is rustls' affair.

use chrono::{NaiveDate, NaiveDateTime};
use palabre_actors::domain::Timestamp;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's time. `None`: it is not understood.
pub(super) fn valid_until(certificate: &[u8]) -> Option<Timestamp> {
    let (_, whole, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut rest, _) = element(whole).filter(|(tag, ..)| *tag == SEQUENCE)?;
    if let Some((VERSION, _, after)) = element(rest) {
        rest = after;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        (_, _, rest) = element(rest)?;
    }
    let (_, validity, _) = element(rest).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, _, after_begin) = element(validity)?;
    let (tag, end, _) = element(after_begin)?;
    time(tag, std::str::from_utf8(end).ok()?)
}

/// Tag, content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if digits.len() > 4 {
            return None;
        }
        length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let (year, rest): (i32, &str) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year: i32 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<u32>().ok();
    let at: NaiveDateTime =
        NaiveDate::from_ymd_opt(year, part(0)?, part(2)?)?.and_hms_opt(part(4)?, part(6)?, part(8)?)?;
    Some(at.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match u8::try_from(content.len()) {
            Ok(short) if short < 0x80 => bytes.push(short),
            Ok(long) => bytes.extend([0x81, long]),
            Err(_) => {
                bytes.push(0x82);
                bytes.extend(u16::try_from(content.len()).expect("short enough").to_be_bytes());
            }
        }
        bytes.extend(content);
        bytes
    }

    fn certificate(version: bool, tag: u8, end: &str) -> Vec<u8> {
        let validity = [der(UTC_TIME, b"250101000000Z"), der(tag, end.as_bytes())].concat();
        let mut inside = Vec::new();
        if version {
            inside.extend(der(VERSION, &[2, 1, 2]));
        }
        inside.extend([der(2, &[1; 20]), der(SEQUENCE, &[6, 1, 1]), der(SEQUENCE, &[0; 200])].concat());
        inside.extend(der(SEQUENCE, &validity));
        inside.extend(der(SEQUENCE, &[0; 300]));
        der(SEQUENCE, &[der(SEQUENCE, &inside), der(SEQUENCE, &[6, 1, 1])].concat())
    }

    #[test]
    fn the_end_of_a_certificate_is_read() {
        for (version, tag, end, expected) in [
            (true, UTC_TIME, "270315120000Z", Some("2027-03-15T12:00:00+00:00")),
            (false, UTC_TIME, "491231235959Z", Some("2049-12-31T23:59:59+00:00")),
            (true, UTC_TIME, "991231235959Z", Some("1999-12-31T23:59:59+00:00")),
            (true, GENERALIZED_TIME, "20510101000000Z", Some("2051-01-01T00:00:00+00:00")),
            (true, UTC_TIME, "271315120000Z", None),
            (true, UTC_TIME, "27é315120000Z", None),
            (true, 4, "270315120000Z", None),
        ] {
            let read = valid_until(&certificate(version, tag, end)).map(|at| at.to_rfc3339());
            assert_eq!(read.as_deref(), expected, "{end}");
        }
    }

    #[test]
    fn what_is_cut_or_no_certificate_is_not_understood() {
        let whole = certificate(true, UTC_TIME, "270315120000Z");
        for length in 0..whole.len() {
            assert_eq!(valid_until(&whole[..length]), None, "{length}");
        }
        for byte in 0..=u8::MAX {
            assert_eq!(valid_until(&[byte; 64]), None, "{byte}");
        }
    }
}
