//! Secrets that a browser or a program holds, of which only digests are kept.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::service::ServiceError;

/// Nobody guesses 256 bits.
const BYTES: usize = 32;

/// A secret of a cookie, a link or a key. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A fresh one.
    ///
    /// # Errors
    /// [`ServiceError::Busy`]: the system gives no random bytes.
    pub fn fresh() -> Result<Self, ServiceError> {
        let mut bytes = [0; BYTES];
        random(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// One that somebody shows.
    #[must_use]
    pub fn shown(text: &str) -> Self {
        Self(text.to_owned())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> String {
        digest("", &self.0)
    }

    /// What the forms of a session carry: it tells nothing about the token.
    #[must_use]
    pub fn csrf(&self) -> String {
        digest("csrf of ", &self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Fills with random bytes that nobody can foresee.
pub(in crate::service) fn random(bytes: &mut [u8]) -> Result<(), ServiceError> {
    rustls::crypto::ring::default_provider().secure_random.fill(bytes).map_err(|_| ServiceError::Busy)
}

/// SHA-256 as hexadecimal.
pub(super) fn digest(prefix: &str, text: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(prefix);
    hasher.update(text);
    hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_not_shown() {
        let (one, other) = (Token::fresh().unwrap(), Token::fresh().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 43);
        assert_eq!(one.digest(), Token::shown(one.as_str()).digest());
        assert_ne!(one.digest(), one.csrf());
        assert!(!format!("{one:?}").contains(one.as_str()));
    }
}
