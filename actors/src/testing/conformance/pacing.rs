//! What every keeper of permits must do (I7), whatever keeps the state: the same answers to the same questions. Each case
//! begins with gates that are all as new.

use std::time::Duration;

use crate::domain::channel::Quota;
use crate::domain::ids::{ChannelId, TenantId};
use crate::domain::pacing::per_second;
use crate::ports::{Gate, GateKey, Pass};

/// Gates under test, on a clock that the test moves.
pub trait Paced {
    /// Takes a permit of every gate, or of none, so long after the beginning. Whoever has several nodes asks them by
    /// turns.
    fn take(&mut self, gates: &[Gate], at: Duration) -> Pass;
}

/// One question: so long after the one before, of these gates (by their places, a bit each).
pub type Attempt = (Duration, usize);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn tenant(quota: Quota) -> Gate {
    Gate { key: GateKey::Tenant(TenantId::new("belle")), quota }
}

fn account(quota: Quota) -> Gate {
    Gate { key: GateKey::Account(ChannelId::new("belle-wa")), quota }
}

/// A gate says how long it stays closed, and a pause is not saved up.
pub fn i7_a_gate_says_how_long_to_wait(paced: &mut impl Paced) {
    let mut take = |at| paced.take(&[tenant(per_second(10))], ms(at));
    assert_eq!(take(0), Pass::Go);
    assert_eq!(take(0), Pass::Wait(ms(100)));
    assert_eq!(take(40), Pass::Wait(ms(60)));
    assert_eq!(take(99), Pass::Wait(ms(1)));
    assert_eq!(take(100), Pass::Go);
    assert_eq!(take(60_000), Pass::Go);
    assert_eq!(take(60_000), Pass::Wait(ms(100)));
}

/// A message takes a permit of every gate or of none, and is told of the gate that is closed longest.
pub fn i7_a_refusal_takes_nothing_from_any_gate(paced: &mut impl Paced) {
    let contact = account(Quota { every: ms(6_000), burst: 2 });
    let both = [contact.clone(), tenant(per_second(100))];
    assert_eq!(paced.take(&both, ms(0)), Pass::Go);
    assert_eq!(paced.take(&both, ms(10)), Pass::Go);
    for n in 2..50 {
        assert!(matches!(paced.take(&both, ms(n * 10)), Pass::Wait(_)), "the burst is used up");
    }
    assert_eq!(paced.take(&[tenant(per_second(100))], ms(500)), Pass::Go, "the other gate lost nothing by it");
    assert_eq!(paced.take(&both, ms(6_000)), Pass::Go);
    assert_eq!(paced.take(&both, ms(6_000)), Pass::Wait(ms(6_000)));
}

/// Gates of one kind or another do not know of each other.
pub fn i9_gates_stand_apart(paced: &mut impl Paced) {
    let once = Quota { every: ms(60_000), burst: 1 };
    // The same word, for a tenant and for an account.
    let keys = [GateKey::Tenant(TenantId::new("belle")), GateKey::Account(ChannelId::new("belle"))];
    let more = ["belle-wa", "belle-sms"].map(|id| GateKey::Account(ChannelId::new(id)));
    for key in keys.into_iter().chain(more) {
        assert_eq!(paced.take(&[Gate { key: key.clone(), quota: once }], ms(0)), Pass::Go, "{key:?}");
    }
}

/// A quota that was changed counts from the next question on; a slow one leaves no gate closed for longer than the new
/// one's burst lasts, and one permit.
pub fn quotas_may_change(paced: &mut impl Paced) {
    let mut take = |rate, at| paced.take(&[tenant(per_second(rate))], ms(at));
    assert_eq!(take(5, 0), Pass::Go);
    assert_eq!(take(5, 0), Pass::Wait(ms(200)));
    assert_eq!(take(5, 200), Pass::Go);
    assert_eq!(take(1, 400), Pass::Go);
    assert_eq!(take(1, 400), Pass::Wait(ms(1_000)));
}

/// A gate for each quota.
fn gates_of(quotas: &[Quota]) -> Vec<Gate> {
    let gate = |(n, quota): (usize, &Quota)| Gate {
        key: GateKey::Account(ChannelId::new(&format!("account-{n}"))),
        quota: *quota,
    };
    quotas.iter().enumerate().map(gate).collect()
}

/// From any permit of a gate to any later one, there are at most its burst and one for each time that passed.
///
/// # Errors
/// What was given too early.
pub fn i7_no_window_holds_more_than_the_quota(
    paced: &mut impl Paced,
    quotas: &[Quota],
    attempts: &[Attempt],
) -> Result<(), String> {
    let gates = gates_of(quotas);
    let mut taken: Vec<Vec<Duration>> = vec![Vec::new(); gates.len()];
    let mut at = Duration::ZERO;
    for (gap, through) in attempts {
        at += *gap;
        let named: Vec<usize> = (0..gates.len()).filter(|n| through & (1 << n) != 0).collect();
        let asked: Vec<Gate> = named.iter().map(|n| gates[*n].clone()).collect();
        if paced.take(&asked, at) == Pass::Go {
            named.iter().for_each(|n| taken[*n].push(at));
        }
    }
    for (quota, taken) in quotas.iter().zip(&taken) {
        for (i, first) in taken.iter().enumerate() {
            for (count, last) in (1_u32..).zip(&taken[i..]) {
                let apart = quota.every * count.saturating_sub(quota.burst);
                if *last - *first < apart {
                    return Err(format!("{count} permits of {quota:?} from {first:?} to {last:?}"));
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
    quotas: &[Quota],
    attempts: &[Attempt],
) -> Result<(), String> {
    let gates = gates_of(quotas);
    let mut at = Duration::ZERO;
    for (gap, through) in attempts {
        at += *gap;
        let asked: Vec<Gate> =
            gates.iter().enumerate().filter(|(n, _)| through & (1 << n) != 0).map(|(_, gate)| gate.clone()).collect();
        let answers = (one.take(&asked, at), other.take(&asked, at));
        if answers.0 != answers.1 {
            return Err(format!("{answers:?} to {asked:?} at {at:?}"));
        }
    }
    Ok(())
}

/// The cases that need nothing but gates. The argument makes them anew.
#[macro_export]
macro_rules! pacing_conformance {
    ($make:expr) => {
        $crate::pacing_conformance!(@cases $make,
            i7_a_gate_says_how_long_to_wait,
            i7_a_refusal_takes_nothing_from_any_gate,
            i9_gates_stand_apart,
            quotas_may_change,
        );
    };
    (@cases $make:expr, $($case:ident,)+) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::conformance::pacing::$case(&mut $make);
            }
        )+
    };
}

/// The gates of one process, on the test's clock.
#[derive(Debug, Default)]
pub struct Local(crate::outbox::LocalPacing);

impl Paced for Local {
    fn take(&mut self, gates: &[Gate], at: Duration) -> Pass {
        use futures_util::FutureExt;

        use crate::ports::Pacing;

        let began = crate::domain::Timestamp::from_timestamp(1_700_000_000, 0).expect("a moment");
        let pass = self.0.take(gates, began + at).now_or_never().expect("it never waits");
        pass.expect("it never fails")
    }
}

#[cfg(test)]
mod local {
    use super::Local;

    pacing_conformance!(Local::default());
}
