//! Passwords: argon2id, off the threads that answer requests, a few at once.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use crate::service::ServiceError;

/// OWASP's smallest parameters for argon2id (19 MiB, two passes): about 20 ms of one core.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// Each takes 19 MiB.
const AT_ONCE: usize = 4;
/// More that wait are told to come again.
const MOST_WAITING: usize = 64;

/// Verified when there is no account, so that the answer takes as long as for one that exists.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$mGpxkWEZfWkU2Bq1Yz8XpOUxmSV3Ns5TQzb2H0yZ0eQ";

/// Shorter ones are guessed.
const SHORTEST: usize = 10;
const LONGEST_BYTES: usize = 256;
const FEWEST_CHARACTERS: usize = 5;

/// Hashes and verifies passwords. Clones share the limits.
#[derive(Clone, Debug)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    TooShort,
    TooLong,
    /// A few characters, again and again.
    Monotonous,
    /// The name or the e-mail.
    Own,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::new(Semaphore::new(AT_ONCE + MOST_WAITING)) }
    }
}

impl Passwords {
    /// The hash of a new password.
    pub(super) async fn hash(&self, password: &SecretString) -> Result<String, ServiceError> {
        let password = password.clone();
        self.run(move || {
            let hash = hasher()?.hash_password(password.expose_secret().as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|_| ServiceError::Busy)
        })
        .await?
    }

    /// Whether a password is the one of a hash. Without a hash it is wrong, and that takes as long.
    pub(super) async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<bool, ServiceError> {
        let (password, exists) = (password.clone(), hash.is_some());
        let hash = hash.unwrap_or(NOBODYS).to_owned();
        self.run(move || {
            // The parameters are those of the hash.
            let Ok(hash) = PasswordHash::new(&hash) else { return Ok(false) };
            Ok(hasher()?.verify_password(password.expose_secret().as_bytes(), &hash).is_ok() && exists)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
        let _waits = self.waiting.try_acquire().map_err(|_| ServiceError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| ServiceError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _running = running;
            work()
        });
        done.await.map_err(|_| ServiceError::Busy)
    }
}

fn hasher() -> Result<Argon2<'static>, ServiceError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| ServiceError::Busy)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// What is wrong with a password that somebody chooses.
pub(super) fn weakness(password: &SecretString, own: &[&str]) -> Option<Weakness> {
    let password = password.expose_secret();
    let mut characters: Vec<char> = password.chars().collect();
    if characters.len() < SHORTEST {
        return Some(Weakness::TooShort);
    }
    if password.len() > LONGEST_BYTES {
        return Some(Weakness::TooLong);
    }
    characters.sort_unstable();
    characters.dedup();
    if characters.len() < FEWEST_CHARACTERS {
        return Some(Weakness::Monotonous);
    }
    let is_own = own.iter().any(|own| own.trim().eq_ignore_ascii_case(password.trim()));
    is_own.then_some(Weakness::Own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let passwords = Passwords::default();
        let right = SecretString::from("une phrase assez longue");
        let hash = passwords.hash(&right).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("phrase"));
        assert!(passwords.verify(&right, Some(&hash)).await.unwrap());
        for (password, hash) in [
            (SecretString::from("une phrase assez longuE"), Some(hash.as_str())),
            (right.clone(), None),
            (right.clone(), Some("")),
            (SecretString::from(""), Some(hash.as_str())),
        ] {
            assert!(!passwords.verify(&password, hash).await.unwrap(), "{hash:?}");
        }
        assert!(PasswordHash::new(NOBODYS).is_ok(), "it is verified like any other");
    }

    #[test]
    fn weak_passwords_are_told_apart() {
        let own = ["Awa", "awa@institut-belle.example"];
        for (password, expected) in [
            ("court", Some(Weakness::TooShort)),
            ("aaaaaaaaaabbb", Some(Weakness::Monotonous)),
            ("AWA@institut-belle.example", Some(Weakness::Own)),
            ("une phrase assez longue", None),
            ("пароль, длинный", None),
        ] {
            assert_eq!(weakness(&SecretString::from(password), &own), expected, "{password}");
        }
        assert_eq!(weakness(&SecretString::from("abcdefgh".repeat(40)), &own), Some(Weakness::TooLong));
    }
}
