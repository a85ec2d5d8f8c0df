//! The signature of Stripe's webhooks: HMAC-SHA256 over the time and the raw body.
//!
//! <https://docs.stripe.com/webhooks/signature>: `Stripe-Signature: t=…,v1=…[,v1=…]`, several `v1` while a secret is replaced.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

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
            Some(("v1", text)) => given.extend(from_hex(text)),
            _ => {}
        }
    }
    let time = time.filter(|_| !given.is_empty()).ok_or(SignatureError::Malformed)?;
    // Every pair is compared, whichever fits.
    let fits = secrets.iter().fold(Choice::from(0), |fits, secret| {
        let expected = mac(time, body, secret);
        given.iter().fold(fits, |fits, given| fits | expected.ct_eq(given.as_slice()))
    });
    if !bool::from(fits) {
        return Err(SignatureError::Wrong);
    }
    let tolerance = i64::try_from(TOLERANCE.as_secs()).unwrap_or(i64::MAX);
    if now.saturating_sub(time).saturating_abs() > tolerance { Err(SignatureError::Stale) } else { Ok(()) }
}

/// The header for a body, as Stripe writes it: for what stands in for Stripe.
#[must_use]
pub fn sign(body: &[u8], secret: &SecretString, now: i64) -> String {
    let hex: String = mac(now, body, secret).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={now},v1={hex}")
}

fn mac(time: i64, body: &[u8], secret: &SecretString) -> [u8; 32] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return [0; 32] };
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}
