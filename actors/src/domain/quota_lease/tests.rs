//! Tests of quota leases.

mod world;

use chrono::TimeDelta;

use self::world::{EPOCH, Step, World};
use super::*;

const PARIS: Tz = Tz::Europe__Paris;
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn limits(per_day: u64, day: Option<i64>, month: Option<i64>, dearest_micros: i64) -> QuotaLimits {
    let budget = BudgetPolicy {
        per_day_micros: day,
        per_month_micros: month,
        alert_at: 0.8,
        hard_stop: day.or(month).is_some(),
    };
    QuotaLimits { per_day, budget, tz: PARIS, dearest_micros }
}

fn usage(messages: u64, cost_micros: i64) -> Usage {
    Usage { messages, cost_micros }
}

fn demand(need: u64, want: u64, held: u64) -> QuotaDemand {
    QuotaDemand { need: usage(need, 0), want: usage(want, 0), held: usage(held, 0) }
}

#[test]
fn what_is_left_is_granted_and_never_more() {
    let limits = limits(100, None, None, 0);
    let counted = |sent, unsure, others, holders| QuotaUsage {
        day: usage(sent, 0),
        month: usage(sent, 0),
        unsure,
        others: usage(others, 0),
        holders,
    };
    // counted, demand -> given
    let table = [
        (counted(0, 0, 0, 1), demand(1, 64, 0), 50),
        (counted(0, 0, 0, 1), demand(1, 16, 0), 16),
        (counted(0, 0, 50, 2), demand(1, 64, 0), 12),
        (counted(60, 10, 20, 2), demand(1, 64, 9), 1),
        (counted(60, 10, 20, 2), demand(1, 64, 10), 0),
        (counted(99, 0, 0, 3), demand(1, 64, 0), 1),
        (counted(99, 0, 0, 3), demand(2, 64, 0), 0),
        (counted(100, 0, 0, 1), demand(1, 64, 0), 0),
        (counted(100, u64::MAX, u64::MAX, u64::MAX), demand(1, u64::MAX, u64::MAX), 0),
        (counted(0, 0, 0, 1), demand(0, 0, 7), 0),
    ];
    for (counted, demand, given) in table {
        assert_eq!(limits.grant(&counted, &demand), usage(given, 0), "{counted:?} {demand:?}");
    }
}

#[test]
fn money_is_what_the_tighter_budget_leaves_and_the_unsure_cost_as_much_as_anything() {
    let limits = limits(100, Some(1_000), Some(1_500), 60);
    let counted = |day, month, unsure, others| QuotaUsage {
        day: usage(0, day),
        month: usage(0, month),
        unsure,
        others: usage(0, others),
        holders: 1,
    };
    let demand = QuotaDemand { need: usage(0, 60), want: usage(0, 6_000), held: usage(0, 100) };
    for (counted, given) in [
        (counted(0, 0, 0, 0), 450),
        (counted(0, 1_000, 0, 0), 200),
        (counted(0, 0, 5, 300), 150),
        (counted(840, 840, 0, 0), 60),
        (counted(841, 841, 0, 0), 0),
        (counted(0, 1_500, 0, 0), 0),
    ] {
        assert_eq!(limits.grant(&counted, &demand).cost_micros, given, "{counted:?}");
    }
    let soft = QuotaLimits { budget: BudgetPolicy { hard_stop: false, ..limits.budget.clone() }, ..limits };
    assert_eq!(soft.grant(&counted(0, 0, 0, 0), &demand), Usage::default(), "nobody needs it");
}

const ORDINARY: ChargeRequest = ChargeRequest { quota_exempt: false, urgent: false, cost_micros: 0 };

/// Everything of the day is sent in the end, whichever node had taken it.
#[test]
fn a_day_is_used_to_its_last_message() {
    let mut world = World::new(limits(100, None, None, 0), 3, at("2026-01-31T12:00:00Z"));
    world.take(0, ORDINARY, true, false);
    world.step(&Step::Kill(0));
    world.take(1, ORDINARY, true, false);
    for _ in 0..60 {
        for n in [2, 2, 2, 0] {
            world.take(n, ORDINARY, true, false);
            world.step(&Step::Sent(0));
        }
        world.step(&Step::Release(1));
        world.step(&Step::Reconcile(0));
        world.go_on(6);
    }
    while !world.rows.is_empty() {
        world.step(&Step::Sent(0));
        world.step(&Step::Reconcile(0));
    }
    world.step(&Step::Release(0));
    for _ in 0..2 {
        world.take(2, ORDINARY, true, false);
        world.step(&Step::Sent(0));
    }
    assert_eq!(world.sent.len(), 100);
    let (epoch, now) = (world.nodes[2].epoch, world.now);
    let lease = &mut world.nodes[2].lease;
    assert_eq!(lease.take(ORDINARY, epoch, now).err(), Some(ChargeRefusal::NotBefore(at("2026-01-31T23:00:00Z"))));
    let exempt = ChargeRequest { quota_exempt: true, ..ORDINARY };
    assert!(lease.take(exempt, epoch, now).is_ok(), "a quota-exempt message goes");
    let used = lease.used(BudgetPeriod::Day, now);
    assert_eq!(used.messages, 101);
    assert_eq!(lease.used(BudgetPeriod::Day, at("2026-01-31T23:00:00Z")), Usage::default());
}

#[test]
fn a_node_that_waits_for_others_demands_again_soon_unless_the_day_is_used_up() {
    let now = at("2026-01-31T12:00:00Z");
    let epoch = Epoch { number: 0, until: now + TimeDelta::hours(1) };
    let mut lease = QuotaLease::new(limits(10, None, None, 0), now);
    let counted = |sent, unsure, others| QuotaUsage {
        day: usage(sent, 0),
        month: usage(sent, 0),
        unsure,
        others: usage(others, 0),
        holders: 2,
    };
    let soon = |seconds| now + TimeDelta::seconds(seconds);
    // counted, when -> until when
    for (counted, when, until) in [
        (counted(8, 0, 2), soon(0), soon(2)),
        (counted(8, 1, 1), soon(2), soon(4)),
        (counted(8, 2, 0), soon(4), soon(34)),
        (counted(10, 0, 0), soon(34), at("2026-01-31T23:00:00Z")),
    ] {
        assert_eq!(lease.take(ORDINARY, epoch, when).err(), Some(ChargeRefusal::LeaseMore));
        let demand = lease.demand(Some(ORDINARY), when);
        lease.granted(&demand, &counted, Usage::default(), epoch, when);
        assert_eq!(lease.take(ORDINARY, epoch, when).err(), Some(ChargeRefusal::NotBefore(until)), "{counted:?}");
        assert_eq!(lease.used_up_until(when), Some(until));
    }
}

#[test]
fn what_was_leased_in_another_epoch_is_not_used() {
    let now = at("2026-01-31T12:00:00Z");
    let epoch = Epoch { number: 0, until: now + EPOCH };
    let mut lease = QuotaLease::new(limits(100, None, None, 0), now);
    let demand = lease.demand(Some(ORDINARY), now);
    lease.granted(&demand, &QuotaUsage { holders: 1, ..QuotaUsage::default() }, usage(10, 0), epoch, now);
    let first = lease.take(ORDINARY, epoch, now).unwrap();
    let second = lease.take(ORDINARY, epoch, now).unwrap();
    lease.give_back(first);
    assert_eq!(lease.held(now).messages, 10);
    assert_eq!(lease.take(ORDINARY, Epoch { number: 1, ..epoch }, now).err(), Some(ChargeRefusal::LeaseMore));
    assert_eq!(lease.held(now).messages, 1, "what is being sent is still there");
    lease.give_back(second);
    assert_eq!(lease.held(now).messages, 0, "the store may grant it to others");
    let late = epoch.until;
    let demand = lease.demand(Some(ORDINARY), late);
    lease.granted(&demand, &QuotaUsage { holders: 1, ..QuotaUsage::default() }, usage(10, 0), epoch, late);
    assert_eq!(lease.take(ORDINARY, epoch, late).err(), Some(ChargeRefusal::LeaseMore), "it is over");
}

#[test]
fn a_busy_node_demands_much_and_before_its_lease_is_empty() {
    let now = at("2026-01-31T12:00:00Z");
    let epoch = Epoch { number: 0, until: now + TimeDelta::hours(1) };
    let mut lease = QuotaLease::new(limits(1_000_000, None, None, 0), now);
    let counted = QuotaUsage { holders: 1, ..QuotaUsage::default() };
    let mut asked = Vec::new();
    for n in 0..20_000_i64 {
        let at_ms = now + TimeDelta::milliseconds(n);
        if lease.take(ORDINARY, epoch, at_ms).is_err() || lease.runs_low(at_ms) {
            let demand = lease.demand(Some(ORDINARY), at_ms);
            asked.push(demand.want.messages);
            lease.granted(&demand, &counted, demand.want, epoch, at_ms);
        }
    }
    assert_eq!(asked[..7], [64, 128, 256, 512, 1_024, 2_048, 4_096]);
    assert!(asked.len() < 14, "{asked:?}");
}
