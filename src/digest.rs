//! HMAC-SHA256, hexadecimal digits, and secrets compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::Choice;

/// The HMAC-SHA256 of parts that follow each other. Where they could be cut otherwise, the caller puts something between them.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length: this cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether one of the secrets fits: the present one, or the one before it while both are in use. Each is asked, whichever fits,
/// so that the time it takes tells nothing; `fits` compares in constant time too.
pub(crate) fn one_fits<T>(secrets: impl IntoIterator<Item = T>, mut fits: impl FnMut(T) -> bool) -> bool {
    let all = secrets.into_iter().map(|secret| Choice::from(u8::from(fits(secret))));
    all.fold(Choice::from(0), |found, fits| found | fits).into()
}

/// Two lower-case digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes of 64 hexadecimal digits.
pub(crate) fn bytes_of_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(*pair.first()?)? << 4 | digit(*pair.last()?)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_asked_whichever_fits() {
        for (secrets, wanted) in [(vec![], false), (vec![1, 2], true), (vec![2, 1], true), (vec![2, 3], false)] {
            let mut asked = Vec::new();
            let found = one_fits(&secrets, |secret| {
                asked.push(*secret);
                *secret == 1
            });
            assert_eq!((found, asked), (wanted, secrets));
        }
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        let published = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&mac), published);
        assert_eq!(bytes_of_hex(published), Some(mac));
        for wrong in ["", "5bdc", &published.replace('5', "g"), &format!("{published}00")] {
            assert_eq!(bytes_of_hex(wrong), None, "{wrong}");
        }
    }
}
