//! Signatures of Standard Webhooks: HMAC-SHA256 over id, moment and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};

use crate::digest::hmac_sha256;

/// The value of `webhook-signature`: one signature for each key, so that a receiver finds the one that it knows while a secret is
/// being replaced.
#[must_use]
pub fn signatures(keys: &[SecretSlice<u8>], id: &str, timestamp: i64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp}.");
    let each = keys.iter().map(|key| {
        let mac = hmac_sha256(key.expose_secret(), &[head.as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(mac))
    });
    each.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(encoded: &str) -> SecretSlice<u8> {
        STANDARD.decode(encoded).unwrap().into()
    }

    /// The example of the specification's reference libraries.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let own = key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
        let body = br#"{"test": 2432232314}"#;
        let published = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signatures(std::slice::from_ref(&own), id, at, body), published);
        let other = key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let both = signatures(&[other, own], id, at, body);
        assert!(both.split(' ').count() == 2 && both.ends_with(published), "{both}");
    }
}
