//! Who writes to a push service: a key pair of the installation, and tokens signed with it (VAPID, RFC 8292).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

/// A token holds so long; push services take a day at most.
const LASTS: TimeDelta = TimeDelta::hours(12);

/// The key pair of the installation. `Debug` does not show it.
pub struct VapidKey(EcdsaKeyPair);

impl std::fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VapidKey(hidden)")
    }
}

impl VapidKey {
    /// A fresh one in the form in which it is kept. `None`: there is no randomness.
    #[must_use]
    pub fn fresh() -> Option<String> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).ok()?;
        Some(URL_SAFE_NO_PAD.encode(document.as_ref()))
    }

    /// Reads one that was kept. `None`: it is none.
    #[must_use]
    pub fn read(kept: &str) -> Option<Self> {
        let document = URL_SAFE_NO_PAD.decode(kept).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document, &SystemRandom::new());
        pair.ok().map(Self)
    }

    /// The public half, as browsers want it.
    #[must_use]
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }

    /// The value of `Authorization` for a push service: `origin` is its own, `contact` a URL of whoever writes.
    #[must_use]
    pub fn authorization(&self, origin: &str, contact: Option<&str>, now: Timestamp) -> Option<String> {
        let mut claims = json!({ "aud": origin, "exp": (now + LASTS).timestamp() });
        if let Some(contact) = contact {
            claims["sub"] = contact.into();
        }
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ES256" })), part(&claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        Some(format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature), self.public()))
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_token_is_signed_with_the_key_that_is_kept() {
        let kept = VapidKey::fresh().unwrap();
        let key = VapidKey::read(&kept).unwrap();
        assert_eq!(key.public(), VapidKey::read(&kept).unwrap().public());
        assert_ne!(kept, VapidKey::fresh().unwrap());
        assert!(VapidKey::read("").is_none() && VapidKey::read("AAAA").is_none());
        let now = "2026-11-30T08:00:00Z".parse().unwrap();
        let header = key.authorization("https://push.example", Some("https://console.example.com"), now).unwrap();
        let (token, public) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(public));
        public.verify(signed.as_bytes(), &decode(signature)).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&decode(signed.split_once('.').unwrap().1)).unwrap();
        let expected = json!({
            "aud": "https://push.example", "exp": 1_796_068_800, "sub": "https://console.example.com"
        });
        assert_eq!(claims, expected);
        assert!(!format!("{key:?}").contains(&kept));
    }
}
