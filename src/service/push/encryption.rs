//! Encryption of messages for a browser (RFC 8291, with `aes128gcm` of RFC 8188): the push service cannot read them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::digest::hmac_sha256;

/// Bytes of an uncompressed point of P-256, of a browser's secret, of a message's salt, and of the key.
const POINT: usize = 65;
const AUTH: usize = 16;
const SALT: usize = 16;
const KEY: usize = 16;
/// A message is one record: the length that it announces is never reached.
const RECORD: u32 = 4_096;

/// What a browser made for whoever writes to it. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserKeys {
    public: [u8; POINT],
    auth: [u8; AUTH],
}

impl std::fmt::Debug for BrowserKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrowserKeys(hidden)")
    }
}

impl BrowserKeys {
    /// As a browser writes them: `p256dh` and `auth` in base64url. `None`: they have another form.
    #[must_use]
    pub fn read(public: &str, auth: &str) -> Option<Self> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let public: [u8; POINT] = decode(public)?.try_into().ok()?;
        // An uncompressed point; whether it is on the curve is found out when it is used.
        (public[0] == 4).then_some(())?;
        Some(Self { public, auth: decode(auth)?.try_into().ok()? })
    }
}

/// The body of a request to the push service. `None`: the browser's key is no point of the curve, or there is no randomness.
#[must_use]
pub fn encrypt(to: &BrowserKeys, plain: &[u8]) -> Option<Vec<u8>> {
    let random = SystemRandom::new();
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &random).ok()?;
    let public: [u8; POINT] = own.compute_public_key().ok()?.as_ref().try_into().ok()?;
    let mut salt = [0; SALT];
    random.fill(&mut salt).ok()?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &to.public);
    agree_ephemeral(own, &theirs, |shared| seal(shared, to, (&public, salt), plain)).ok()?
}

fn seal(shared: &[u8], to: &BrowserKeys, (own, salt): (&[u8; POINT], [u8; SALT]), plain: &[u8]) -> Option<Vec<u8>> {
    // HKDF (RFC 5869) whose outputs are one block of the hash or less.
    let extracted = hmac_sha256(&to.auth, &[shared]);
    let input = hmac_sha256(&extracted, &[b"WebPush: info\0", &to.public, own, b"\x01"]);
    let extracted = hmac_sha256(&salt, &[&input]);
    let key = hmac_sha256(&extracted, &[b"Content-Encoding: aes128gcm\0\x01"]);
    let nonce: [u8; NONCE_LEN] =
        hmac_sha256(&extracted, &[b"Content-Encoding: nonce\0\x01"])[..NONCE_LEN].try_into().ok()?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key[..KEY]).ok()?);
    let mut record = plain.to_vec();
    // The end of the last record.
    record.push(2);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record).ok()?;
    let mut body = salt.to_vec();
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(u8::try_from(POINT).ok()?);
    body.extend_from_slice(own);
    body.append(&mut record);
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH_SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// The example of RFC 8291, with the shared secret of its appendix A.
    #[test]
    fn the_published_example_is_encrypted_as_published() {
        let to = BrowserKeys::read(PUBLIC, AUTH_SECRET).unwrap();
        let own: [u8; POINT] =
            bytes("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8")
                .try_into()
                .unwrap();
        let salt: [u8; SALT] = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let shared = bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let body = seal(&shared, &to, (&own, salt), b"When I grow up, I want to be a watermelon").unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_\
             yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn no_two_messages_are_alike_and_keys_of_another_form_are_none() {
        let to = BrowserKeys::read(PUBLIC, &format!("{AUTH_SECRET}==")).unwrap();
        let (one, two) = (encrypt(&to, b"x").unwrap(), encrypt(&to, b"x").unwrap());
        assert!(one.len() == two.len() && one[..SALT] != two[..SALT] && one[21..86] != two[21..86]);
        assert_eq!(format!("{to:?}"), "BrowserKeys(hidden)");
        let elsewhere = URL_SAFE_NO_PAD.encode([[4_u8].as_slice(), &[7; 64]].concat());
        assert_eq!(encrypt(&BrowserKeys::read(&elsewhere, AUTH_SECRET).unwrap(), b"x"), None, "no point of the curve");
        for (public, auth) in [("", AUTH_SECRET), (PUBLIC, ""), (AUTH_SECRET, PUBLIC), ("é", AUTH_SECRET)] {
            assert!(BrowserKeys::read(public, auth).is_none(), "{public} {auth}");
        }
    }
}
