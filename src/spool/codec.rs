//! Codec of a record: a header of [`HEADER`] bytes and a payload.
//!
//! | bytes | what | |---|---|

use std::ops::Range;

use crc::{CRC_32_ISCSI, Crc, Table};

/// Bytes before the payload.
pub(super) const HEADER: usize = 24;
const MARK: [u8; 3] = *b"PLB";
/// Version of message records: every program knows them.
const MESSAGES: u8 = 1;
/// Version of callback records. A program that does not know them does not start on them.
pub(super) const CALLBACKS: u8 = 2;
/// The last version that this program knows.
const VERSION: u8 = CALLBACKS;
static SUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// The checksum of all files of the spool (CRC-32C).
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    SUM.checksum(bytes)
}

/// Appends a record of a message.
pub(super) fn encode(payload: &[u8], at_ms: i64, into: &mut Vec<u8>) {
    encode_as(MESSAGES, payload, at_ms, into);
}

/// Appends a record. No webhook is longer than a 32-bit length.
pub(super) fn encode_as(version: u8, payload: &[u8], at_ms: i64, into: &mut Vec<u8>) {
    let begin = into.len();
    into.extend(MARK);
    into.push(version);
    into.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    into.extend(at_ms.to_le_bytes());
    into.extend(checksum(payload).to_le_bytes());
    let sum = checksum(&into[begin..]);
    into.extend(sum.to_le_bytes());
    into.extend(payload);
}

/// What some bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A whole record: when it came, and where its payload is.
    Record { at_ms: i64, payload: Range<usize> },
    /// The beginning of a record, and nothing behind it.
    Torn,
    /// A record of a later version.
    Newer,
    /// None of these, up to `until`, where another record begins or the bytes end.
    Damaged { until: usize },
}

/// Reads the record that begins at `from`, which is not the end.
pub(super) fn read(bytes: &[u8], from: usize) -> Decoded {
    let rest = bytes.get(from..).unwrap_or_default();
    match whole(rest) {
        Some(Header { version, .. }) if version > VERSION => Decoded::Newer,
        Some(header) => match header.payload(rest) {
            Some(_) => Decoded::Record { at_ms: header.at_ms, payload: from + HEADER..from + HEADER + header.length },
            None if rest.len() < HEADER + header.length => Decoded::Torn,
            None => damaged(bytes, from),
        },
        None if is_beginning(rest) => Decoded::Torn,
        None => damaged(bytes, from),
    }
}

struct Header {
    version: u8,
    length: usize,
    at_ms: i64,
    sum: u32,
}

impl Header {
    /// The payload, when it is whole.
    fn payload<'a>(&self, rest: &'a [u8]) -> Option<&'a [u8]> {
        rest.get(HEADER..HEADER + self.length).filter(|payload| checksum(payload) == self.sum)
    }
}

/// A header whose own checksum is right.
fn whole(rest: &[u8]) -> Option<Header> {
    let (said, [a, b, c, d]) = rest.first_chunk::<HEADER>()?.split_last_chunk::<4>()?;
    if !said.starts_with(&MARK) || checksum(said) != u32::from_le_bytes([*a, *b, *c, *d]) {
        return None;
    }
    let version = *said.get(MARK.len())?;
    let (length, said) = said.get(4..)?.split_first_chunk::<4>()?;
    let (at, said) = said.split_first_chunk::<8>()?;
    Some(Header {
        version,
        length: usize::try_from(u32::from_le_bytes(*length)).ok()?,
        at_ms: i64::from_le_bytes(*at),
        sum: u32::from_le_bytes(*said.first_chunk::<4>()?),
    })
}

/// The first bytes of a header, or zeros that a power cut left.
fn is_beginning(rest: &[u8]) -> bool {
    let marked = rest.iter().zip(&MARK).all(|(found, wanted)| found == wanted);
    let known = rest.get(MARK.len()).is_none_or(|version| (MESSAGES..=VERSION).contains(version));
    rest.len() < HEADER && marked && known || rest.iter().all(|byte| *byte == 0)
}

fn damaged(bytes: &[u8], from: usize) -> Decoded {
    let begins = |at: &usize| {
        let rest = bytes.get(*at..).unwrap_or_default();
        rest.starts_with(&MARK) && whole(rest).is_some_and(|header| header.payload(rest).is_some())
    };
    Decoded::Damaged { until: (from + 1..bytes.len()).find(begins).unwrap_or(bytes.len()) }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The records, and whether anything else was found on the way to the end.
    fn all(bytes: &[u8]) -> (Vec<(i64, Vec<u8>)>, Vec<Decoded>) {
        let (mut records, mut odd, mut at) = (Vec::new(), Vec::new(), 0);
        while at < bytes.len() {
            match read(bytes, at) {
                Decoded::Record { at_ms, payload } => {
                    at = payload.end;
                    records.push((at_ms, bytes[payload].to_vec()));
                }
                Decoded::Damaged { until } => {
                    assert!(until > at);
                    at = until;
                    odd.push(Decoded::Damaged { until });
                }
                piece => {
                    odd.push(piece);
                    break;
                }
            }
        }
        (records, odd)
    }

    fn file(records: &[(i64, String)]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (Vec::new(), vec![0]);
        for (at, payload) in records {
            // Of either kind.
            let version = if at % 2 == 0 { MESSAGES } else { CALLBACKS };
            encode_as(version, payload.as_bytes(), *at, &mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn wanted(records: &[(i64, String)]) -> Vec<(i64, Vec<u8>)> {
        records.iter().map(|(at, payload)| (*at, payload.clone().into_bytes())).collect()
    }

    proptest! {
        #[test]
        fn i1_any_cut_of_a_file_leaves_a_beginning_of_its_records(
            records in vec((any::<i64>(), "[ -~]{0,40}"), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let (bytes, ends) = file(&records);
            let cut = cut.index(bytes.len() + 1);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let (found, odd) = all(&bytes[..cut]);
            prop_assert_eq!(found, wanted(&records[..whole]));
            prop_assert_eq!(odd.is_empty(), ends.contains(&cut));
            prop_assert!(odd.iter().all(|piece| *piece == Decoded::Torn), "{:?}", odd);
        }

        #[test]
        fn i1_any_changed_byte_is_noticed_and_costs_no_other_record(
            records in vec((any::<i64>(), "[ -~]{0,40}"), 1..8),
            which in any::<prop::sample::Index>(),
            change in 1..=255_u8,
        ) {
            let (mut bytes, ends) = file(&records);
            let at = which.index(bytes.len());
            bytes[at] ^= change;
            let hit = ends.iter().filter(|end| **end <= at).count() - 1;
            let mut rest = records.clone();
            rest.remove(hit);
            let (found, odd) = all(&bytes);
            prop_assert_eq!(found, wanted(&rest));
            prop_assert_eq!(odd, [Decoded::Damaged { until: ends[hit + 1] }]);
        }

        #[test]
        fn any_bytes_at_all_can_be_read(bytes in vec(any::<u8>(), 0..200)) {
            all(&bytes);
        }
    }

    #[test]
    fn what_a_later_version_wrote_and_what_a_power_cut_left_are_known() {
        let (mut bytes, _) = file(&[(1, "{}".to_owned())]);
        let end = bytes.len();
        bytes.extend([0; 100]);
        assert_eq!(read(&bytes, end), Decoded::Torn);
        bytes[3] = VERSION + 1;
        let sum = checksum(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(read(&bytes, 0), Decoded::Newer);
    }

    #[test]
    fn nobodys_text_looks_like_a_record() {
        let (mut forged, mut bytes) = (Vec::new(), Vec::new());
        encode(b"forged", 1, &mut forged);
        let text: String = forged.iter().map(|byte| char::from(*byte)).collect();
        encode(&serde_json::to_vec(&text).unwrap(), 1, &mut bytes);
        bytes[0] ^= 1;
        assert_eq!(read(&bytes, 0), Decoded::Damaged { until: bytes.len() });
    }
}
