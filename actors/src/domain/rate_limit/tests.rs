//! Tests of rate limits.

use proptest::prelude::*;

use super::keyed::KeyedLimiter;
use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn micros(us: i64) -> Timestamp {
    Timestamp::from_timestamp_micros(1_700_000_000_000_000 + us).unwrap()
}

#[test]
fn the_window_slides() {
    let second = |s: i64| micros(s * 1_000_000);
    let mut recent = Vec::new();
    for s in [0, 10, 20] {
        assert!(may_answer(&recent, 3, second(s)));
        note_answer(&mut recent, 3, second(s));
    }
    assert!(!may_answer(&recent, 3, second(59)));
    assert!(may_answer(&recent, 3, second(60)), "the first answer has left the window");
    note_answer(&mut recent, 3, second(60));
    assert_eq!(recent, [second(10), second(20), second(60)]);
    assert!(!may_answer(&[], 0, second(0)), "a limit of 0 lets nothing through");
    assert!(!may_answer(&[second(100)], 1, second(10)), "an answer from the future counts");
}

#[test]
fn a_limit_says_how_long_to_wait() {
    let limiter = KeyedLimiter::default();
    let take = |us: i64| limiter.take([(&"key", per_second(10))].into_iter(), micros(us));
    assert_eq!(take(0), Ok(()));
    assert_eq!(take(0), Err(Duration::from_millis(100)));
    assert_eq!(take(40_000), Err(Duration::from_millis(60)));
    assert_eq!(take(100_000), Ok(()));
    assert_eq!(take(60_000_000), Ok(()), "a pause is not saved up");
    assert_eq!(take(60_000_000), Err(Duration::from_millis(100)));
    assert_eq!(take(0), Err(Duration::from_secs_f64(60.1)), "a clock that went back gains nothing");
}

#[test]
fn a_refusal_takes_nothing_from_any_limit() {
    let limiter = KeyedLimiter::default();
    let pair = RateLimit { every: Duration::from_secs(6), burst: 2 };
    let both = |us: i64| limiter.take([(&"pair", pair), (&"account", per_second(100))].into_iter(), micros(us));
    assert_eq!((both(0), both(10_000)), (Ok(()), Ok(())), "a burst of two");
    for n in 2..50 {
        assert!(both(n * 10_000).is_err(), "the pair is closed");
    }
    let account = |us: i64| limiter.take([(&"account", per_second(100))].into_iter(), micros(us));
    assert_eq!(account(20_000), Ok(()), "and the account lost nothing by it");
    assert_eq!(both(6_000_000), Ok(()), "after the time that one permit takes");
    assert_eq!(both(6_000_000), Err(Duration::from_secs(6)), "told of the longest wait");
}

#[test]
fn idle_limits_are_forgotten() {
    let limiter = KeyedLimiter::default();
    let limit = RateLimit { every: Duration::from_secs(6), burst: 45 };
    for contact in 0..200_000_u32 {
        // One contact after another, each once: at any moment 600 of them are still filling up again.
        assert_eq!(limiter.take([(&contact, limit)].into_iter(), micros(i64::from(contact) * 10_000)), Ok(()));
        assert!(limiter.len() <= 2_048, "{} keys at contact {contact}", limiter.len());
    }
}

#[test]
fn quotas_beyond_reason_are_bounded() {
    let limiter = KeyedLimiter::default();
    for (every, burst) in [(Duration::ZERO, 0), (Duration::MAX, u32::MAX), (Duration::from_nanos(1), u32::MAX)] {
        assert_eq!(limiter.take([(&(every, burst), RateLimit { every, burst })].into_iter(), micros(0)), Ok(()));
    }
}

#[test]
fn permits_given_elsewhere_close_a_limit() {
    let limiter = KeyedLimiter::default();
    let limit = RateLimit { every: Duration::from_secs(1), burst: 3 };
    let note = |us: i64| limiter.note([(&"key", limit)].into_iter(), micros(us));
    let take = |us: i64| limiter.take([(&"key", limit)].into_iter(), micros(us));
    assert_eq!(limiter.ahead(&"key", micros(0)), Duration::ZERO);
    note(0);
    note(0);
    assert_eq!(limiter.ahead(&"key", micros(500_000)), Duration::from_millis(1_500));
    assert_eq!((take(0), take(0)), (Ok(()), Err(Duration::from_secs(1))), "two of three were gone");
    (0..50).for_each(|_| note(0));
    assert_eq!(take(0), Err(Duration::from_secs(1)), "as closed as after a burst, and no more");
    assert_eq!(take(1_000_000), Ok(()));
}

#[test]
fn a_share_is_a_part_of_the_limit() {
    let every = Duration::from_millis(200);
    let table = [(1, 1, (200, 1)), (1, 3, (600, 1)), (45, 2, (400, 22)), (2, 5, (1_000, 1)), (7, 0, (200, 7))];
    for (burst, nodes, (every_ms, its_burst)) in table {
        let expected = RateLimit { every: Duration::from_millis(every_ms), burst: its_burst };
        assert_eq!(share_of(RateLimit { every, burst }, nodes), expected, "{burst} among {nodes}");
    }
}

#[test]
fn midnight_is_that_of_the_tenant() {
    let table = [
        // plain winter day, and the two days on which Europe changes its clocks
        ("2026-01-10T12:00:00Z", Tz::Europe__Paris, "2026-01-10T23:00:00Z"),
        ("2026-03-29T00:30:00Z", Tz::Europe__Paris, "2026-03-29T22:00:00Z"),
        ("2026-10-25T00:30:00Z", Tz::Europe__Paris, "2026-10-25T23:00:00Z"),
        // exactly midnight belongs to the new day
        ("2026-01-10T23:00:00Z", Tz::Europe__Paris, "2026-01-11T23:00:00Z"),
        // midnight does not exist: the day begins at 01:00
        ("2018-11-04T02:00:00Z", Tz::America__Sao_Paulo, "2018-11-04T03:00:00Z"),
        // clocks go back from 00:01 to 23:01: the day begins, ends, and begins again
        ("2010-11-07T02:20:00Z", Tz::America__St_Johns, "2010-11-07T02:30:00Z"),
        ("2010-11-07T02:40:00Z", Tz::America__St_Johns, "2010-11-07T03:30:00Z"),
        // a day that does not exist at all
        ("2011-12-30T08:00:00Z", Tz::Pacific__Apia, "2011-12-30T10:00:00Z"),
    ];
    for (now, tz, midnight) in table {
        assert_eq!(next_midnight(at(now), tz), at(midnight), "{now} {tz}");
    }
    assert_eq!(day_start(at("2026-03-29T12:00:00Z"), Tz::Europe__Paris), at("2026-03-28T23:00:00Z"));
}

#[test]
fn a_budget_lasts_a_day() {
    let now = at("2026-01-10T22:59:59Z");
    let mut budget = DayBudget::new(3, Tz::Europe__Paris, 2, now);
    assert_eq!(budget.take(now), Ok(()));
    assert_eq!(budget.take(now), Err(at("2026-01-10T23:00:00Z")));
    budget.give_back();
    assert_eq!(budget.take(now), Ok(()));
    let tomorrow = at("2026-01-10T23:00:00Z");
    for _ in 0..3 {
        assert_eq!(budget.take(tomorrow), Ok(()));
    }
    assert_eq!(budget.take(tomorrow), Err(at("2026-01-11T23:00:00Z")));
    assert_eq!(DayBudget::new(0, Tz::UTC, 0, now).take(now), Err(at("2026-01-11T00:00:00Z")));
    let mut quota_exempt = DayBudget::new(2, Tz::UTC, 1, now);
    for expected in [1.0, 1.5] {
        quota_exempt.count(now);
        assert!(
            (quota_exempt.used_ratio(now) - expected).abs() < f64::EPSILON,
            "a quota-exempt message goes, and counts"
        );
    }
    let tomorrow = at("2026-01-11T00:00:00Z");
    assert_eq!((quota_exempt.take(now), quota_exempt.used_ratio(tomorrow)), (Err(tomorrow), 0.0));
    quota_exempt.count(tomorrow);
    assert_eq!(
        (quota_exempt.take(tomorrow), quota_exempt.spent_until(tomorrow)),
        (Ok(()), Some(at("2026-01-12T00:00:00Z")))
    );
}

/// The largest number of moments in any window of this length that is open at its end.
fn most_in_any_window(moments: &[Timestamp], window: TimeDelta) -> usize {
    moments
        .iter()
        .map(|start| moments.iter().filter(|m| *m >= start && **m - *start < window).count())
        .max()
        .unwrap_or(0)
}

proptest! {
    #[test]
    fn i7_no_minute_holds_more_answers_than_the_limit(
        limit in 0_u32..8,
        gaps in proptest::collection::vec(0_i64..40_000_000, 0..80),
    ) {
        let (mut recent, mut answered, mut now) = (Vec::new(), Vec::new(), 0);
        for gap in gaps {
            now += gap;
            if may_answer(&recent, limit, micros(now)) {
                note_answer(&mut recent, limit, micros(now));
                answered.push(micros(now));
            }
            prop_assert!(recent.len() <= limit as usize);
        }
        prop_assert!(most_in_any_window(&answered, CONTACT_WINDOW) <= limit as usize);
    }

    /// Any schedule of attempts, each with any of the limits: from any permit of a limit to any later one, at most its
    /// burst and one for each time that passed.
    #[test]
    fn i7_no_window_holds_more_than_the_limit_of_any_limit(
        quotas in proptest::collection::vec((1_u64..300, 1_u32..6), 1..4),
        attempts in proptest::collection::vec((0_i64..120_000, 1_usize..8), 1..200),
    ) {
        let quotas: Vec<RateLimit> = quotas
            .into_iter()
            .map(|(every_ms, burst)| RateLimit { every: Duration::from_millis(every_ms), burst })
            .collect();
        let limiter = KeyedLimiter::default();
        let mut taken: Vec<Vec<Timestamp>> = vec![Vec::new(); quotas.len()];
        let mut now = 0;
        for (gap, through) in attempts {
            now += gap;
            let limits: Vec<(usize, RateLimit)> = (0..quotas.len()).filter(|n| through & (1 << n) != 0).map(|n| (n, quotas[n])).collect();
            if limiter.take(limits.iter().map(|(n, limit)| (n, *limit)), micros(now)).is_ok() {
                limits.iter().for_each(|(n, _)| taken[*n].push(micros(now)));
            }
        }
        for (limit, taken) in quotas.iter().zip(&taken) {
            for (i, first) in taken.iter().enumerate() {
                for (count, last) in (1..).zip(&taken[i..]) {
                    let beyond = u32::saturating_sub(count, limit.burst);
                    prop_assert!((*last - *first).to_std().unwrap() >= limit.every * beyond);
                }
            }
        }
    }

    #[test]
    fn i7_no_second_holds_more_sends_than_the_limit(
        limit in 1_u32..50,
        gaps in proptest::collection::vec(0_i64..150_000, 1..200),
    ) {
        let limiter = KeyedLimiter::default();
        let (mut sent, mut now) = (Vec::new(), 0);
        for gap in gaps {
            now += gap;
            if limiter.take([(&(), per_second(limit))].into_iter(), micros(now)).is_ok() {
                sent.push(micros(now));
            }
        }
        prop_assert!(most_in_any_window(&sent, TimeDelta::seconds(1)) <= limit as usize);
    }

    #[test]
    fn i7_who_waits_as_told_gets_through(
        limits in proptest::collection::vec((1_u32..200, 1_u32..4), 1..4),
        pause_us in 0_i64..1_000_000,
    ) {
        let limiter = KeyedLimiter::default();
        let limits: Vec<(usize, RateLimit)> =
            limits.into_iter().map(|(limit, burst)| RateLimit { burst, ..per_second(limit) }).enumerate().collect();
        let take = |us: i64| limiter.take(limits.iter().map(|(n, limit)| (n, *limit)), micros(us));
        while take(0).is_ok() {}
        if let Err(wait) = take(pause_us) {
            let wait_us = i64::try_from(wait.as_nanos().div_ceil(1_000)).unwrap();
            prop_assert_eq!(take(pause_us + wait_us), Ok(()));
        }
    }

    #[test]
    fn a_midnight_is_ahead_and_begins_another_day(
        seconds in 0_i64..2_500_000_000,
        zone in 0..chrono_tz::TZ_VARIANTS.len(),
    ) {
        let tz = chrono_tz::TZ_VARIANTS[zone];
        let now = Timestamp::from_timestamp(seconds, 0).unwrap();
        let midnight = next_midnight(now, tz);
        prop_assert!(midnight > now && midnight - now <= TimeDelta::hours(50));
        let day = |at: Timestamp| at.with_timezone(&tz).date_naive();
        prop_assert!(day(midnight) > day(now));
        prop_assert!(day_start(now, tz) <= now);
        prop_assert_eq!(day(day_start(now, tz)), day(now));
    }
}
