//! Conformance suite of rate limiters (I7): the same answers to the same calls, wherever the state is kept.
//!
//! Each case begins with full limits.

use std::time::Duration;

use crate::domain::channel::RateLimit;
use crate::domain::ids::{ChannelId, TenantId};
use crate::domain::rate_limit::per_second;
use crate::ports::{Acquired, KeyedLimit, LimitKey};

/// A rate limiter under test, on a clock that the test moves.
pub trait Paced {
    /// Takes a permit of every limit, or of none, so long after the beginning. With several nodes, each call asks the next.
    fn take(&mut self, limits: &[KeyedLimit], at: Duration) -> Acquired;
}

/// One call: so long after the one before, of these limits (by their index, a bit each).
pub type Call = (Duration, usize);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn tenant(limit: RateLimit) -> KeyedLimit {
    KeyedLimit { key: LimitKey::Tenant(TenantId::new("belle")), limit }
}

fn account(limit: RateLimit) -> KeyedLimit {
    KeyedLimit { key: LimitKey::Account(ChannelId::new("belle-wa")), limit }
}

/// A limit says how long to wait, and idle time is not saved up.
pub fn i7_a_limit_says_how_long_to_wait(paced: &mut impl Paced) {
    let mut take = |at| paced.take(&[tenant(per_second(10))], ms(at));
    assert_eq!(take(0), Acquired::Granted);
    assert_eq!(take(0), Acquired::RetryAfter(ms(100)));
    assert_eq!(take(40), Acquired::RetryAfter(ms(60)));
    assert_eq!(take(99), Acquired::RetryAfter(ms(1)));
    assert_eq!(take(100), Acquired::Granted);
    assert_eq!(take(60_000), Acquired::Granted);
    assert_eq!(take(60_000), Acquired::RetryAfter(ms(100)));
}

/// A message takes a permit of every limit or of none, and is told of the longest wait.
pub fn i7_a_refusal_takes_nothing_from_any_limit(paced: &mut impl Paced) {
    let contact = account(RateLimit { every: ms(6_000), burst: 2 });
    let both = [contact.clone(), tenant(per_second(100))];
    assert_eq!(paced.take(&both, ms(0)), Acquired::Granted);
    assert_eq!(paced.take(&both, ms(10)), Acquired::Granted);
    for n in 2..50 {
        assert!(matches!(paced.take(&both, ms(n * 10)), Acquired::RetryAfter(_)), "the burst is used up");
    }
    assert_eq!(
        paced.take(&[tenant(per_second(100))], ms(500)),
        Acquired::Granted,
        "the other limit lost nothing by it"
    );
    assert_eq!(paced.take(&both, ms(6_000)), Acquired::Granted);
    assert_eq!(paced.take(&both, ms(6_000)), Acquired::RetryAfter(ms(6_000)));
}

/// Limits of different kinds are independent.
pub fn i9_limits_stand_apart(paced: &mut impl Paced) {
    let once = RateLimit { every: ms(60_000), burst: 1 };
    // The same word, for a tenant and for an account.
    let keys = [LimitKey::Tenant(TenantId::new("belle")), LimitKey::Account(ChannelId::new("belle"))];
    let more = ["belle-wa", "belle-sms"].map(|id| LimitKey::Account(ChannelId::new(id)));
    for key in keys.into_iter().chain(more) {
        assert_eq!(paced.take(&[KeyedLimit { key: key.clone(), limit: once }], ms(0)), Acquired::Granted, "{key:?}");
    }
}

/// A changed limit counts from the next call on; a slow one makes no message wait longer than the new one's burst lasts, and
/// one permit.
pub fn quotas_may_change(paced: &mut impl Paced) {
    let mut take = |rate, at| paced.take(&[tenant(per_second(rate))], ms(at));
    assert_eq!(take(5, 0), Acquired::Granted);
    assert_eq!(take(5, 0), Acquired::RetryAfter(ms(200)));
    assert_eq!(take(5, 200), Acquired::Granted);
    assert_eq!(take(1, 400), Acquired::Granted);
    assert_eq!(take(1, 400), Acquired::RetryAfter(ms(1_000)));
}

/// A key for each limit.
fn limits_of(quotas: &[RateLimit]) -> Vec<KeyedLimit> {
    let limit = |(n, limit): (usize, &RateLimit)| KeyedLimit {
        key: LimitKey::Account(ChannelId::new(&format!("account-{n}"))),
        limit: *limit,
    };
    quotas.iter().enumerate().map(limit).collect()
}

/// From any permit of a limit to any later one, there are at most its burst and one for each interval that passed.
///
/// # Errors
/// The permit that was granted too early.
pub fn i7_no_window_holds_more_than_the_limit(
    paced: &mut impl Paced,
    quotas: &[RateLimit],
    attempts: &[Call],
) -> Result<(), String> {
    let limits = limits_of(quotas);
    let mut taken: Vec<Vec<Duration>> = vec![Vec::new(); limits.len()];
    let mut at = Duration::ZERO;
    for (gap, through) in attempts {
        at += *gap;
        let named: Vec<usize> = (0..limits.len()).filter(|n| through & (1 << n) != 0).collect();
        let asked: Vec<KeyedLimit> = named.iter().map(|n| limits[*n].clone()).collect();
        if paced.take(&asked, at) == Acquired::Granted {
            named.iter().for_each(|n| taken[*n].push(at));
        }
    }
    for (limit, taken) in quotas.iter().zip(&taken) {
        for (i, first) in taken.iter().enumerate() {
            for (count, last) in (1_u32..).zip(&taken[i..]) {
                let apart = limit.every * count.saturating_sub(limit.burst);
                if *last - *first < apart {
                    return Err(format!("{count} permits of {limit:?} from {first:?} to {last:?}"));
                }
            }
        }
    }
    Ok(())
}

/// Both give the same answer to every question.
///
/// # Errors
/// The first question that they answer differently.
pub fn both_agree(
    one: &mut impl Paced,
    other: &mut impl Paced,
    quotas: &[RateLimit],
    attempts: &[Call],
) -> Result<(), String> {
    let limits = limits_of(quotas);
    let mut at = Duration::ZERO;
    for (gap, through) in attempts {
        at += *gap;
        let asked: Vec<KeyedLimit> = limits
            .iter()
            .enumerate()
            .filter(|(n, _)| through & (1 << n) != 0)
            .map(|(_, limit)| limit.clone())
            .collect();
        let answers = (one.take(&asked, at), other.take(&asked, at));
        if answers.0 != answers.1 {
            return Err(format!("{answers:?} to {asked:?} at {at:?}"));
        }
    }
    Ok(())
}

/// The cases that need nothing but a rate limiter. The argument makes a new one.
#[macro_export]
macro_rules! pacing_conformance {
    ($make:expr) => {
        $crate::pacing_conformance!(@cases $make,
            i7_a_limit_says_how_long_to_wait,
            i7_a_refusal_takes_nothing_from_any_limit,
            i9_limits_stand_apart,
            quotas_may_change,
        );
    };
    (@cases $make:expr, $($case:ident,)+) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::conformance::rate_limit::$case(&mut $make);
            }
        )+
    };
}

/// The rate limiter of one process, on the test's clock.
#[derive(Debug, Default)]
pub struct Local(crate::outbox::LocalRateLimiter);

impl Paced for Local {
    fn take(&mut self, limits: &[KeyedLimit], at: Duration) -> Acquired {
        use futures_util::FutureExt;

        use crate::ports::RateLimiter;

        let began = crate::domain::Timestamp::from_timestamp(1_700_000_000, 0).expect("a moment");
        let pass = self.0.acquire(limits, began + at).now_or_never().expect("it never waits");
        pass.expect("it never fails")
    }
}

#[cfg(test)]
mod local {
    use super::Local;

    pacing_conformance!(Local::default());
}
