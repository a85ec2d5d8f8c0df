//! Limits of sign-ins, per account and per address.
//!
//! Every attempt counts, right or wrong, before anything is looked up, so that guesses at the same moment are counted as well. An
//! attempt that is refused counts for nothing: whoever guesses from one address is refused by the limit of that pair long before
//! the account's own is used up, and does not lock its owner out. A source that is not known is counted with the account alone.
//! The counts are this node's, and are gone when it restarts.

use std::net::IpAddr;
use std::time::Duration;

use crate::service::attempts::{AttemptLimit, Pace};

/// Of one account from one address: 10 at once, 40 an hour.
const PAIR: Pace = Pace { burst: 10, every: Duration::from_secs(90) };
/// Of one address: an office behind one address signs in at nine o'clock.
const SOURCE: Pace = Pace { burst: 40, every: Duration::from_secs(20) };
/// Of one account, from wherever: 240 an hour, 2 million years for a random password of ten letters.
const ACCOUNT: Pace = Pace { burst: 60, every: Duration::from_secs(15) };

/// The attempts of all accounts and addresses. Accounts are known by digests of what was typed.
pub struct SignInLimits {
    pairs: AttemptLimit<(String, Option<IpAddr>)>,
    sources: AttemptLimit<IpAddr>,
    accounts: AttemptLimit<String>,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            pairs: AttemptLimit::new(&PAIR),
            sources: AttemptLimit::new(&SOURCE),
            accounts: AttemptLimit::new(&ACCOUNT),
        }
    }
}

impl SignInLimits {
    /// Counts an attempt whose account is not known yet, by where it comes from alone: those from unknown sources together, as
    /// one account's.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    pub fn attempt_from(&self, source: Option<IpAddr>) -> Result<(), Duration> {
        match source {
            Some(source) => self.sources.attempt(&source),
            None => self.accounts.attempt(&super::tokens::digest("account ", "")),
        }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// After how long the next one is free: this one must not be made.
    pub fn attempt(&self, account: &str, source: Option<IpAddr>) -> Result<(), Duration> {
        let account = super::tokens::digest("account ", account);
        self.pairs.attempt(&(account.clone(), source))?;
        if let Some(source) = source {
            self.sources.attempt(&source)?;
        }
        self.accounts.attempt(&account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_refused_and_the_owner_is_not() {
        let limits = SignInLimits::default();
        let (guesser, owner): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "198.51.100.7".parse().unwrap());
        for n in 0..10 {
            assert_eq!(limits.attempt("awa@belle.example", Some(guesser)), Ok(()), "{n}");
        }
        for _ in 0..1_000 {
            let wait = limits.attempt("awa@belle.example", Some(guesser)).unwrap_err();
            assert!(wait > Duration::ZERO && wait <= PAIR.every, "{wait:?}");
        }
        assert_eq!(limits.attempt("awa@belle.example", Some(owner)), Ok(()));
        assert_eq!(limits.attempt("awa@belle.example", None), Ok(()));
    }

    #[test]
    fn one_address_does_not_try_many_accounts() {
        let limits = SignInLimits::default();
        let source = Some("192.0.2.1".parse().unwrap());
        let taken = (0..1_000).filter(|n| limits.attempt(&format!("a{n}@b.fr"), source).is_ok()).count();
        assert_eq!(taken, 40);
    }

    #[test]
    fn many_addresses_do_not_try_one_account_for_ever() {
        let limits = SignInLimits::default();
        let sources = (0..1_000_u32).map(|n| Some(IpAddr::from(n.to_be_bytes())));
        assert_eq!(sources.filter(|source| limits.attempt("awa@belle.example", *source).is_ok()).count(), 60);
    }
}
