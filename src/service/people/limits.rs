//! Limits of sign-ins, per account and per address.
//!
//! Every attempt counts, right or wrong, before anything is looked up, so that guesses at the same moment are counted as well. An
//! attempt that is refused counts for nothing: whoever guesses from one address is refused by the limit of that pair long before
//! the account's own is used up, and does not lock its owner out. A source that is not known is counted with the account alone.
//! The counts are this node's, and are gone when it restarts.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Accounts and addresses that are remembered at once; beyond it those that were quiet are forgotten.
const MOST_KEYS: usize = 65_536;

/// Attempts that are free, and how long each takes to come back.
struct Pace {
    burst: u32,
    every: Duration,
}

/// Of one account from one address: 10 at once, 40 an hour.
const PAIR: Pace = Pace { burst: 10, every: Duration::from_secs(90) };
/// Of one address: an office behind one address signs in at nine o'clock.
const SOURCE: Pace = Pace { burst: 40, every: Duration::from_secs(20) };
/// Of one account, from wherever: 240 an hour, 2 million years for a random password of ten letters.
const ACCOUNT: Pace = Pace { burst: 60, every: Duration::from_secs(15) };

type Limit<K> = RateLimiter<K, HashMapStateStore<K>, MonotonicClock, NoOpMiddleware<Instant>>;

/// The attempts of all accounts and addresses. Accounts are known by digests of what was typed.
pub struct SignInLimits {
    pairs: Limit<(String, Option<IpAddr>)>,
    sources: Limit<IpAddr>,
    accounts: Limit<String>,
    clock: MonotonicClock,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self { pairs: limit(&PAIR), sources: limit(&SOURCE), accounts: limit(&ACCOUNT), clock: MonotonicClock }
    }
}

impl SignInLimits {
    /// Counts an attempt whose account is not known yet, by where it comes from alone: those from unknown sources together, as
    /// one account's.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    pub fn attempt_from(&self, source: Option<IpAddr>) -> Result<(), Duration> {
        self.forget_quiet();
        let counted = match source {
            Some(source) => self.sources.check_key(&source),
            None => self.accounts.check_key(&super::tokens::digest("account ", "")),
        };
        counted.map_err(|wait| wait.wait_time_from(self.clock.now()))
    }

    fn forget_quiet(&self) {
        if [self.pairs.len(), self.sources.len(), self.accounts.len()].into_iter().any(|len| len >= MOST_KEYS) {
            self.pairs.retain_recent();
            self.sources.retain_recent();
            self.accounts.retain_recent();
        }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// After how long the next one is free: this one must not be made.
    pub fn attempt(&self, account: &str, source: Option<IpAddr>) -> Result<(), Duration> {
        let account = super::tokens::digest("account ", account);
        let now = self.clock.now();
        self.forget_quiet();
        let pair = self.pairs.check_key(&(account.clone(), source)).map_err(|wait| wait.wait_time_from(now));
        let of_source = || source.map_or(Ok(()), |source| self.sources.check_key(&source));
        pair?;
        of_source().map_err(|wait| wait.wait_time_from(now))?;
        self.accounts.check_key(&account).map_err(|wait| wait.wait_time_from(now))
    }
}

fn limit<K: Clone + Eq + std::hash::Hash>(pace: &Pace) -> Limit<K> {
    let quota = Quota::with_period(pace.every).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
    RateLimiter::hashmap_with_clock(
        quota.allow_burst(NonZeroU32::new(pace.burst).unwrap_or(NonZeroU32::MIN)),
        MonotonicClock,
    )
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
