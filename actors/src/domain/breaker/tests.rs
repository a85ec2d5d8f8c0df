//! Tests of the circuit breaker.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_timestamp_millis(1_795_262_400_000 + ms).unwrap()
}

fn policy() -> BreakerPolicy {
    BreakerPolicy {
        consecutive_failures: 3,
        error_rate: 0.5,
        sample: 10,
        period: Duration::from_secs(10),
        open_for: Duration::from_secs(5),
    }
}

fn one(breaker: &mut Breaker, verdict: Verdict, ms: i64) -> bool {
    let attempt = breaker.begin(at(ms)).expect("it passes");
    breaker.end(attempt, verdict, at(ms))
}

fn opened() -> Breaker {
    let mut breaker = Breaker::new(policy());
    for ms in 0..3 {
        one(&mut breaker, Verdict::Fails, ms);
    }
    assert_eq!(breaker.state(at(2)), BreakerState::Open);
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
    use Verdict::{Fails, Silent, Works};
    // what came of the attempts, one a second -> is it open?
    let table: &[(&[Verdict], bool)] = &[
        (&[], false),
        (&[Fails, Fails], false),
        (&[Fails, Fails, Fails], true),
        (&[Fails, Fails, Works, Fails, Fails], false),
        (&[Fails, Silent, Fails, Silent, Fails], true),
        (&[Silent; 40], false),
        (&[Works; 40], false),
        // never three in a row: 4 of 10, then 5 of 10
        (&[Works, Works, Works, Works, Works, Fails, Fails, Works, Fails, Fails], false),
        (&[Works, Works, Works, Fails, Fails, Works, Fails, Fails, Works, Fails], true),
    ];
    for (verdicts, open) in table {
        let mut breaker = Breaker::new(policy());
        for (n, verdict) in verdicts.iter().enumerate() {
            assert_eq!(breaker.state(at(n as i64)), BreakerState::Closed, "{verdicts:?} at {n}");
            one(&mut breaker, *verdict, n as i64);
        }
        assert_eq!(breaker.state(at(60)) == BreakerState::Open, *open, "{verdicts:?}");
    }
}

#[test]
fn the_error_rate_forgets_what_is_older_than_its_period() {
    let mut breaker = Breaker::new(policy());
    for n in 0..8 {
        one(&mut breaker, if n % 2 == 0 { Verdict::Works } else { Verdict::Fails }, n);
    }
    // The same rate goes on, but the sample of one period is never large enough.
    for n in 0..40 {
        let ms = 11_000 + n * 2_500;
        one(&mut breaker, if n % 2 == 0 { Verdict::Works } else { Verdict::Fails }, ms);
        assert_eq!(breaker.state(at(ms)), BreakerState::Closed, "{n}");
    }
}

#[test]
fn open_for_a_while_then_one_probe_decides() {
    let mut breaker = opened();
    assert_eq!(breaker.decision(at(3)), BreakerDecision::Shut(at(5_002)));
    assert_eq!(breaker.begin(at(5_001)), Err(BreakerDecision::Shut(at(5_002))));
    assert_eq!((breaker.state(at(5_002)), breaker.decision(at(5_002))), (BreakerState::HalfOpen, BreakerDecision::One));
    let probe = breaker.begin(at(5_002)).unwrap();
    assert_eq!(breaker.begin(at(5_003)), Err(BreakerDecision::Probing), "one at a time");
    assert!(breaker.end(probe, Verdict::Fails, at(6_000)));
    assert_eq!(breaker.decision(at(6_001)), BreakerDecision::Shut(at(11_000)), "open again, for as long");
    let silent = breaker.begin(at(11_000)).unwrap();
    assert!(!breaker.end(silent, Verdict::Silent, at(11_001)));
    assert_eq!(breaker.decision(at(11_001)), BreakerDecision::One, "a probe that learnt nothing leaves its place");
    let probe = breaker.begin(at(11_002)).unwrap();
    assert!(breaker.end(probe, Verdict::Works, at(11_003)));
    assert_eq!(
        (breaker.state(at(11_003)), breaker.decision(at(11_003))),
        (BreakerState::Closed, BreakerDecision::Free)
    );
}

#[test]
fn what_was_begun_before_it_opened_says_nothing_about_the_probe() {
    let mut breaker = Breaker::new(policy());
    let early = [(); 2].map(|()| breaker.begin(at(0)).unwrap());
    for ms in 0..3 {
        one(&mut breaker, Verdict::Fails, ms);
    }
    let probe = breaker.begin(at(6_000)).unwrap();
    for (attempt, verdict) in early.into_iter().zip([Verdict::Works, Verdict::Fails]) {
        assert!(!breaker.end(attempt, verdict, at(6_001)));
    }
    assert_eq!(breaker.decision(at(6_002)), BreakerDecision::Probing);
    assert!(breaker.end(probe, Verdict::Works, at(6_003)));
}

proptest! {
    /// However attempts overlap and end: while it is open nothing begins, half-open lets one at a time through, and it
    /// never stays shut for longer than `open_for`.
    #[test]
    fn nothing_passes_an_open_breaker_and_it_never_stays_shut(
        steps in proptest::collection::vec((0_i64..3_000, 0_u8..4, 0_usize..8), 0..200),
    ) {
        let mut breaker = Breaker::new(policy());
        let (mut now, mut running, mut probes): (i64, Vec<Attempt>, usize) = (0, Vec::new(), 0);
        for (gap, kind, which) in steps {
            now += gap;
            let verdict = [Verdict::Works, Verdict::Fails, Verdict::Silent].get(usize::from(kind));
            match verdict {
                Some(verdict) if !running.is_empty() => {
                    let attempt = running.swap_remove(which % running.len());
                    probes -= usize::from(attempt.probe);
                    breaker.end(attempt, *verdict, at(now));
                }
                _ => match breaker.begin(at(now)) {
                    Ok(attempt) => {
                        prop_assert!(breaker.state(at(now)) != BreakerState::Open);
                        probes += usize::from(attempt.probe);
                        prop_assert!(probes <= 1);
                        running.push(attempt);
                    }
                    Err(BreakerDecision::Shut(until)) => {
                        prop_assert_eq!(breaker.state(at(now)), BreakerState::Open);
                        prop_assert!(until > at(now) && until <= at(now) + TimeDelta::seconds(5));
                    }
                    Err(decision) => {
                        prop_assert_eq!(decision, BreakerDecision::Probing);
                        prop_assert_eq!(probes, 1);
                    }
                },
            }
        }
    }
}
