//! ZIP container with stored files, as every program opens it: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.
//!
//! What would write it otherwise brings six crates along; nothing but exports needs one.

use std::collections::BTreeMap;

use crc::{CRC_32_ISO_HDLC, Crc};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
/// Version 2.0, names in UTF-8, stored, 1980-01-01.
const COMMON: [u8; 10] = [20, 0, 0, 8, 0, 0, 0, 0, 33, 0];
/// Bytes of a local header without its name.
const HEADER: usize = 30;

/// It is longer than a container without extensions may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is more than an archive holds")]
pub struct TooLong;

/// Packs files by their names.
pub(super) fn pack(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, TooLong> {
    let (mut packed, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let offset = u32::try_from(packed.len()).map_err(|_| TooLong)?;
        let length = u32::try_from(bytes.len()).map_err(|_| TooLong)?.to_le_bytes();
        let name_length = u16::try_from(name.len()).map_err(|_| TooLong)?.to_le_bytes();
        let mut entry = COMMON.to_vec();
        entry.extend(CRC.checksum(bytes).to_le_bytes());
        entry.extend(length);
        entry.extend(length);
        entry.extend(name_length);
        entry.extend([0, 0]);
        packed.extend(LOCAL);
        packed.extend(&entry);
        packed.extend(name.as_bytes());
        packed.extend(bytes);
        directory.extend(CENTRAL);
        // Made by version 2.0.
        directory.extend([20, 0]);
        directory.extend(&entry);
        // No comment, first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(files.len()).map_err(|_| TooLong)?.to_le_bytes();
    let begins = u32::try_from(packed.len()).map_err(|_| TooLong)?.to_le_bytes();
    let length = u32::try_from(directory.len()).map_err(|_| TooLong)?.to_le_bytes();
    packed.extend(directory);
    packed.extend(END);
    packed.extend([0; 4]);
    packed.extend(count);
    packed.extend(count);
    packed.extend(length);
    packed.extend(begins);
    packed.extend([0, 0]);
    Ok(packed)
}

/// Unpacks what [`pack`] made. `None`: it is nothing of the kind, or was damaged.
pub(super) fn unpack(packed: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let (mut files, mut at) = (BTreeMap::new(), 0_usize);
    loop {
        let header = packed.get(at..at.checked_add(HEADER)?)?;
        if header.starts_with(&CENTRAL) {
            return Some(files);
        }
        if !header.starts_with(&LOCAL) || header.get(4..14)? != COMMON {
            return None;
        }
        let number = |from: usize| Some(u32::from_le_bytes(*header.get(from..from + 4)?.first_chunk()?));
        let (sum, length) = (number(14)?, usize::try_from(number(18)?).ok()?);
        let name_length = usize::from(u16::from_le_bytes(*header.get(26..28)?.first_chunk()?));
        let (name_at, begins) = (at + HEADER, at + HEADER + name_length);
        let name = String::from_utf8(packed.get(name_at..begins)?.to_vec()).ok()?;
        let bytes = packed.get(begins..begins.checked_add(length)?)?;
        if CRC.checksum(bytes) != sum || files.insert(name, bytes.to_vec()).is_some() {
            return None;
        }
        at = begins + length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_and_damage_is_seen() {
        let files = BTreeMap::from([
            ("data/contacts.json".to_owned(), b"[]".to_vec()),
            ("empty".to_owned(), Vec::new()),
            ("lisez-moi.html".to_owned(), "é".repeat(1000).into_bytes()),
        ]);
        let packed = pack(&files).unwrap();
        assert_eq!(unpack(&packed), Some(files));
        for at in [0, 5, 40, packed.len() / 2] {
            let mut damaged = packed.clone();
            damaged[at] ^= 1;
            assert_ne!(unpack(&damaged), unpack(&packed), "byte {at}");
        }
        for length in 0..packed.len() / 2 {
            assert_eq!(unpack(&packed[..length]), None, "{length} bytes");
        }
    }
}
