//! Validation of a channel's rate limits, order, retries, breaker and window.

use std::time::Duration;

use palabre_actors::domain::channel::{BreakerPolicy, ChannelProfile, RateLimit};
use palabre_actors::domain::ids::ChannelId;
use palabre_actors::domain::rate_limit::per_second;
use palabre_actors::domain::retry::RetryPolicy;

use super::document::Scope;
use super::fields::{amount, decimal, duration, duration_up_to, number, or_default, quoted, settled, slug};
use super::raw::{RawBreaker, RawChannel, RawLimits, RawPair, RawRetry};
use super::section::Capabilities;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Beyond that a sender is not paced.
const MOST_PER_SECOND: u32 = 10_000;
/// Nobody waits longer for an answer.
const LONGEST_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a provider's channels do unless one says otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    /// Sends of one sender in a second. `None`: as many as there are.
    pub(super) per_second: Option<u32>,
    /// What one contact may get.
    pub(super) pair: Option<RateLimit>,
    /// How long after the contact's last message free text may be sent.
    pub(super) window: Option<Duration>,
}

impl Rates {
    /// Those of a provider.
    pub(super) fn of(provider: &Capabilities) -> Self {
        let Capabilities { per_second, pair, window, .. } = *provider;
        Self { per_second, pair, window }
    }

    /// What the tenant's own limits say of its senders: who sets `limits.per_second` knows what they may send, and who
    /// lets one contact get more in a minute than a pair ever could has an account without such a limit.
    pub(super) fn of_tenant(self, limits: &RawLimits) -> Self {
        let per_second = match limits.per_second {
            None => self.per_second,
            // What is not a number was reported already.
            Some(said) => u32::try_from(said).ok().filter(|said| (1..=MOST_PER_SECOND).contains(said)),
        };
        let answers = limits.per_contact_per_minute.and_then(|said| u64::try_from(said).ok()).unwrap_or(0);
        let pair = self.pair.filter(|pair| answers <= most_in_a_minute(*pair));
        Self { per_second, pair, ..self }
    }
}

fn most_in_a_minute(pair: RateLimit) -> u64 {
    u64::from(pair.burst) + 60 / pair.every.as_secs().max(1)
}

/// The profile, still without templates. `None`: something was reported.
pub(super) fn profile(scope: &Scope<'_>, raw: &RawChannel, rates: Rates) -> Option<ChannelProfile> {
    let account = or_default(raw.per_second, rates.per_second, |raw| {
        number(scope, "per_second", raw, 1..=i64::from(MOST_PER_SECOND)).map(Some)
    });
    let pair = or_default(raw.pair.as_ref(), rates.pair, |raw| pair(scope, raw));
    let window = or_default(raw.window.as_ref(), rates.window, |raw| match raw.0.as_str() {
        "off" => Some(None),
        _ => duration(scope, "window", raw).map(Some),
    });
    let cost_micros = or_default(raw.cost, 0, |raw| amount(scope, "cost", raw));
    let fallback = settled(raw.fallback_channel.as_deref().map(|raw| slug(scope, "fallback_channel", raw)));
    let retry = retry(&scope.table("retry"), &raw.retry);
    let breaker = breaker(&scope.table("breaker"), &raw.breaker);
    Some(ChannelProfile {
        account: account?.map(per_second),
        pair: pair?,
        window: window?,
        keep_order: raw.keep_order.unwrap_or(true),
        retry: retry?,
        breaker: breaker?,
        fallback: fallback?.map(ChannelId::new),
        cost_micros: cost_micros?,
        ..ChannelProfile::default()
    })
}

fn pair(scope: &Scope<'_>, raw: &RawPair) -> Option<Option<RateLimit>> {
    const HELP: &str = "write `pair = { every = \"6s\", burst = 45 }`, or `\"off\"`";
    if let Some(word) = &raw.word {
        if word != "off" {
            scope.wrong("pair", &format!("cannot be {}", quoted(word)), HELP);
            return None;
        }
        return Some(None);
    }
    let table = scope.table("pair");
    // A misspelt `every` was reported as such.
    let every = match &raw.every {
        None if scope.is_incomplete("pair") => None,
        every => table.required("every", every.as_ref(), HELP),
    };
    let every = every.and_then(|raw| duration_up_to(&table, "every", raw, DAY));
    let burst = or_default(raw.burst, 1, |raw| number(&table, "burst", raw, 1..=10_000));
    Some(Some(RateLimit { every: every?, burst: burst? }))
}

fn retry(scope: &Scope<'_>, raw: &RawRetry) -> Option<RetryPolicy> {
    let usual = RetryPolicy::default();
    let initial = or_default(raw.initial.as_ref(), usual.initial, |raw| duration_up_to(scope, "initial", raw, HOUR));
    let cap = or_default(raw.cap.as_ref(), usual.cap, |raw| duration_up_to(scope, "cap", raw, DAY));
    let most = or_default(raw.max_attempts, usual.max_attempts, |raw| number(scope, "max_attempts", raw, 1..=1_000));
    let max_age =
        or_default(raw.max_age.as_ref(), usual.max_age, |raw| duration_up_to(scope, "max_age", raw, LONGEST_AGE));
    let (initial, cap) = (initial?, cap?);
    if initial > cap {
        let help = "the first wait cannot be longer than the longest";
        let (key, other) = if raw.initial.is_some() { ("initial", "cap") } else { ("cap", "initial") };
        let relation = if key == "initial" { "longer" } else { "shorter" };
        scope.wrong(key, &format!("is {relation} than `{}`", scope.name(other)), help);
        return None;
    }
    Some(RetryPolicy { initial, cap, max_attempts: most?, max_age: max_age?, ..usual })
}

fn breaker(scope: &Scope<'_>, raw: &RawBreaker) -> Option<BreakerPolicy> {
    let usual = BreakerPolicy::default();
    let count =
        |key: &str, raw: Option<i64>, usual: u32| or_default(raw, usual, |raw| number(scope, key, raw, 1..=10_000));
    let consecutive = count("consecutive_failures", raw.consecutive_failures, usual.consecutive_failures);
    let sample = count("sample", raw.sample, usual.sample);
    let error_rate = or_default(raw.error_rate, usual.error_rate, |raw| decimal(scope, "error_rate", raw, 0.01..=1.0));
    let period = or_default(raw.period.as_ref(), usual.period, |raw| duration_up_to(scope, "period", raw, HOUR));
    let open_for =
        or_default(raw.open_for.as_ref(), usual.open_for, |raw| duration_up_to(scope, "open_for", raw, HOUR));
    Some(BreakerPolicy {
        consecutive_failures: consecutive?,
        error_rate: error_rate?,
        sample: sample?,
        period: period?,
        open_for: open_for?,
    })
}
