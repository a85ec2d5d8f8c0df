//! The signature of Stripe's webhooks: HMAC-SHA256 over the time and the raw body.
//!
//! <https://docs.stripe.com/webhooks/signature>: `Stripe-Signature: t=…,v1=…[,v1=…]`, several `v1` while a secret is replaced.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq as _;

use crate::digest::{bytes_of_hex, hex, hmac_sha256, one_fits};

/// Where the signature stands.
pub const SIGNATURE_HEADER: &str = "stripe-signature";
/// How old a webhook may be: what Stripe's own libraries take.
const TOLERANCE: Duration = Duration::from_secs(300);
/// A header has the time and a signature for each secret; more are no header of Stripe's.
const MOST_PARTS: usize = 16;

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the signature is malformed")]
    Malformed,
    #[error("the signature is of another time")]
    Stale,
    #[error("the signature does not fit")]
    Wrong,
}

/// Whether one of the secrets signed this body, and not long ago. `now` in seconds since 1970.
///
/// # Errors
/// [`SignatureError`]
pub fn verify(header: &str, body: &[u8], secrets: &[SecretString], now: i64) -> Result<(), SignatureError> {
    let mut time = None;
    let mut given: Vec<[u8; 32]> = Vec::new();
    for part in header.split(',').take(MOST_PARTS) {
        match part.trim().split_once('=') {
            Some(("t", text)) => time = Some(text.parse::<i64>().map_err(|_| SignatureError::Malformed)?),
            Some(("v1", text)) => given.extend(bytes_of_hex(text)),
            _ => {}
        }
    }
    let time = time.filter(|_| !given.is_empty()).ok_or(SignatureError::Malformed)?;
    let fits = one_fits(secrets, |secret| {
        let expected = mac(time, body, secret);
        one_fits(&given, |given| expected.ct_eq(given.as_slice()).into())
    });
    if !fits {
        return Err(SignatureError::Wrong);
    }
    let tolerance = i64::try_from(TOLERANCE.as_secs()).unwrap_or(i64::MAX);
    if now.saturating_sub(time).saturating_abs() > tolerance { Err(SignatureError::Stale) } else { Ok(()) }
}

/// The header for a body, as Stripe writes it: for what stands in for Stripe.
#[must_use]
pub fn sign(body: &[u8], secret: &SecretString, now: i64) -> String {
    format!("t={now},v1={}", hex(&mac(now, body, secret)))
}

fn mac(time: i64, body: &[u8], secret: &SecretString) -> [u8; 32] {
    hmac_sha256(secret.expose_secret().as_bytes(), &[time.to_string().as_bytes(), b".", body])
}
