//! `X-Hub-Signature-256`: `sha256=` and the hexadecimal HMAC-SHA256 of the raw body, under the app's secret.

use actix_web::http::header::HeaderName;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::digest::{bytes_of_hex, hex};

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// How a simulator writes it.
pub(super) const HEADER_NAME: &str = "X-Hub-Signature-256";

const PREFIX: &str = "sha256=";

/// Verifies and makes signatures of one app.
#[derive(Clone)]
pub(super) struct Signer(Hmac<Sha256>);

impl Signer {
    pub(super) fn new(secret: &SecretString) -> Self {
        // HMAC takes keys of any length: this cannot fail.
        let key = secret.expose_secret().as_bytes();
        Self(Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default())))
    }

    /// Whether a header's value is the body's signature. The comparison takes the same time wherever they differ.
    pub(super) fn verifies(&self, header: &str, body: &[u8]) -> bool {
        let Some(digest) = header.strip_prefix(PREFIX).and_then(bytes_of_hex) else { return false };
        let mut mac = self.0.clone();
        mac.update(body);
        mac.verify_slice(&digest).is_ok()
    }

    /// The header's value for a body.
    pub(super) fn sign(&self, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(body);
        format!("{PREFIX}{}", hex(&mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_the_body_to_the_byte() {
        // RFC 4231, test case 2.
        let signer = Signer::new(&SecretString::from("Jefe"));
        let signature = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let body = b"what do ya want for nothing?";
        assert_eq!(signer.sign(body), signature);
        assert!(signer.verifies(signature, body));
        assert!(signer.verifies(&signature.to_uppercase().replace("SHA256", "sha256"), body));
        let digits = &signature[7..];
        for wrong in
            ["", "sha256=", digits, &format!("sha1={digits}"), &signature[..70], &format!("{signature}0"), "sha256=é"]
        {
            assert!(!signer.verifies(wrong, body), "{wrong}");
        }
        assert!(!signer.verifies(signature, b"what do ya want for nothing? "));
        assert!(!Signer::new(&SecretString::from("Jefe2")).verifies(signature, body));
    }
}
