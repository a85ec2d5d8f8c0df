//! Tests of entitlements: ledgers of members, and what they come to as time goes on.

use std::collections::BTreeSet;

use chrono::{TimeDelta, TimeZone as _};
use proptest::prelude::*;

use super::*;

mod lives;

const TERMS: Terms = Terms { grace: TimeDelta::days(5), dispute: DisputePolicy::Suspend, renews: true };

fn day(number: i64) -> Timestamp {
    chrono::Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).unwrap() + TimeDelta::days(number)
}

fn paid(payment: &str, from: i64, until: i64) -> LedgerEntry {
    LedgerEntry::Paid { payment: payment.to_owned(), paid_at: day(from), covers: Until::At(day(until)), money: None }
}

fn asked(at: i64, status: ProviderStatus, period: (i64, i64)) -> ProviderState {
    ProviderState {
        asked_at: day(at),
        status,
        period_start: day(period.0),
        period_end: day(period.1),
        cancels_at: None,
        ended_at: None,
        is_unpaid: false,
        card_ends_at: None,
    }
}

fn ledger(entries: impl IntoIterator<Item = LedgerEntry>) -> Ledger {
    let mut ledger = Ledger::default();
    entries.into_iter().for_each(|entry| ledger.record(entry));
    ledger
}

#[test]
fn the_amount_of_a_payment_is_known_from_whichever_report_tells_it() {
    let told = LedgerEntry::Paid {
        payment: "a".to_owned(),
        paid_at: day(0),
        covers: Until::At(day(30)),
        money: Some(Money { amount: 999, currency: "eur".to_owned() }),
    };
    let one = ledger([told.clone(), paid("a", 0, 30)]);
    assert_eq!(one, ledger([paid("a", 0, 30), told]));
    assert_eq!(one.payments()["a"].money.as_ref().map(|money| money.amount), Some(999));
}

use SubscriptionState::{Active, Expired, Grace, Pending, Revoked};

#[test]
fn i13_lives_of_members() {
    let cancelled = ProviderState { cancels_at: Some(day(30)), ..asked(10, ProviderStatus::Active, (0, 30)) };
    let stopped = ProviderState { ended_at: Some(day(12)), ..asked(12, ProviderStatus::Ended, (0, 30)) };
    let unpaid =
        ProviderState { ended_at: Some(day(32)), is_unpaid: true, ..asked(32, ProviderStatus::Ended, (30, 60)) };
    type Case<'a> = (&'a str, Vec<LedgerEntry>, &'a [(i64, SubscriptionState)]);
    let lives: &[Case<'_>] = &[
        ("nothing was paid", vec![], &[(0, Pending), (400, Pending)]),
        (
            "the first payment is not there yet",
            vec![LedgerEntry::Asked(asked(0, ProviderStatus::Incomplete, (0, 30)))],
            &[(1, Pending)],
        ),
        (
            "paid once, then nothing more",
            vec![paid("a", 0, 30)],
            &[(0, Active), (29, Active), (30, Grace), (34, Grace), (35, Expired)],
        ),
        ("renewed in the grace", vec![paid("a", 0, 30), paid("b", 33, 60)], &[(31, Active), (59, Active), (60, Grace)]),
        (
            "cancelled to the end of what is paid: no grace",
            vec![paid("a", 0, 30), LedgerEntry::Asked(cancelled)],
            &[(29, Active), (30, Expired)],
        ),
        ("stopped at once", vec![paid("a", 0, 30), LedgerEntry::Asked(stopped)], &[(11, Active), (12, Expired)]),
        (
            "the renewal failed",
            vec![paid("a", 0, 30), LedgerEntry::Asked(asked(30, ProviderStatus::PastDue, (30, 60)))],
            &[(30, Grace), (34, Grace), (35, Expired)],
        ),
        (
            "given up by the provider while the grace runs: the grace goes on",
            vec![paid("a", 0, 30), LedgerEntry::Asked(unpaid)],
            &[(33, Grace), (35, Expired)],
        ),
        (
            "the payment was never told, the provider says that it is paid",
            vec![LedgerEntry::Asked(asked(1, ProviderStatus::Active, (0, 30)))],
            &[(1, Active), (30, Grace), (35, Expired)],
        ),
        (
            "a trial",
            vec![LedgerEntry::Asked(asked(0, ProviderStatus::Trialing, (0, 7)))],
            &[(6, Active), (7, Grace), (12, Expired)],
        ),
        (
            "refunded: out at once",
            vec![paid("a", 0, 30), LedgerEntry::Refunded { payment: "a".to_owned() }],
            &[(1, Revoked), (29, Revoked), (31, Expired)],
        ),
        (
            "the second payment refunded: the first one's grace does not come back",
            vec![paid("a", 0, 30), paid("b", 30, 60), LedgerEntry::Refunded { payment: "b".to_owned() }],
            &[(31, Revoked)],
        ),
        (
            "refunded while the provider still says active",
            vec![
                paid("a", 0, 30),
                LedgerEntry::Refunded { payment: "a".to_owned() },
                LedgerEntry::Asked(asked(2, ProviderStatus::Active, (0, 30))),
            ],
            &[(2, Revoked)],
        ),
        (
            "disputed and lost",
            vec![paid("a", 0, 30), LedgerEntry::Disputed { payment: "a".to_owned(), stage: Dispute::Lost }],
            &[(1, Revoked)],
        ),
        (
            "disputed and won, told in the wrong order",
            vec![
                LedgerEntry::Disputed { payment: "a".to_owned(), stage: Dispute::Won },
                LedgerEntry::Disputed { payment: "a".to_owned(), stage: Dispute::Open },
                paid("a", 0, 30),
            ],
            &[(1, Active)],
        ),
        (
            "granted by hand: no grace",
            vec![LedgerEntry::Granted { grant: "g".to_owned(), at: day(0), until: Until::At(day(10)) }],
            &[(9, Active), (10, Expired)],
        ),
        (
            "a grant that is withdrawn",
            vec![
                LedgerEntry::Withdrawn { grant: "g".to_owned() },
                LedgerEntry::Granted { grant: "g".to_owned(), at: day(0), until: Until::Forever },
            ],
            &[(1, Revoked)],
        ),
        (
            "revoked by a person, and paid anew",
            vec![paid("a", 0, 30), LedgerEntry::Revoked { at: day(5) }, paid("b", 40, 70)],
            &[(4, Active), (41, Active), (71, Grace)],
        ),
        (
            "revoked by a person",
            vec![paid("a", 0, 30), LedgerEntry::Revoked { at: day(5) }],
            &[(5, Revoked), (31, Expired)],
        ),
    ];
    for (life, entries, expected) in lives {
        for (at, state) in *expected {
            let entitlement = ledger(entries.clone()).entitlement(TERMS, day(*at));
            assert_eq!(entitlement.state, *state, "{life}, day {at}: {entitlement:?}");
            assert_eq!(entitlement.has_access(), entitlement.access_until.is_some(), "{life}, day {at}");
        }
    }
}

#[test]
fn bought_once_lasts_for_ever_and_has_no_grace() {
    let once = LedgerEntry::Paid { payment: "a".to_owned(), paid_at: day(0), covers: Until::Forever, money: None };
    let terms = Terms { renews: false, ..TERMS };
    let entitlement = ledger([once]).entitlement(terms, day(4_000));
    assert_eq!((entitlement.state, entitlement.access_until), (Active, Some(Until::Forever)));
    assert_eq!(ledger([paid("a", 0, 30)]).entitlement(terms, day(30)).state, Expired);
}

#[test]
fn an_open_dispute_suspends_only_where_the_plan_says_so() {
    let disputed = ledger([paid("a", 0, 30), LedgerEntry::Disputed { payment: "a".to_owned(), stage: Dispute::Open }]);
    assert_eq!(disputed.entitlement(TERMS, day(1)).state, Revoked);
    assert_eq!(disputed.entitlement(Terms { dispute: DisputePolicy::Keep, ..TERMS }, day(1)).state, Active);
}

fn kinds(ledger: &Ledger, told: &mut BTreeSet<Notice>, at: i64) -> Vec<&'static str> {
    let due = notices_due(ledger, TERMS, told, day(at));
    told.extend(due.iter().cloned());
    due.iter().map(|notice| notice.kind.as_str()).collect()
}

#[test]
fn every_notice_comes_once_and_when_it_is_news() {
    let mut member = ledger([paid("a", 0, 30)]);
    let mut told = BTreeSet::new();
    assert_eq!(kinds(&member, &mut told, 0), ["payment_received"]);
    assert!(kinds(&member, &mut told, 1).is_empty());
    member.record(LedgerEntry::Asked(asked(30, ProviderStatus::PastDue, (30, 60))));
    assert_eq!(kinds(&member, &mut told, 30), ["payment_failed"]);
    assert!(kinds(&member, &mut told, 31).is_empty());
    assert_eq!(kinds(&member, &mut told, 32), ["grace_ends_3d"]);
    assert_eq!(kinds(&member, &mut told, 34), ["grace_ends_1d"]);
    assert_eq!(kinds(&member, &mut told, 35), ["access_ended"]);
    assert!(kinds(&member, &mut told, 36).is_empty());
    member.record(paid("b", 37, 67));
    assert_eq!(kinds(&member, &mut told, 37), ["payment_received"]);
    member.record(LedgerEntry::Refunded { payment: "b".to_owned() });
    assert_eq!(kinds(&member, &mut told, 38), ["refunded", "access_ended"]);
    assert!(kinds(&ledger([paid("a", 0, 30)]), &mut BTreeSet::new(), 60).is_empty(), "a month late, it is no news");
}

#[test]
fn a_year_is_announced_before_it_is_renewed() {
    let year = ledger([paid("a", 0, 365), LedgerEntry::Asked(asked(0, ProviderStatus::Active, (0, 365)))]);
    let mut told = BTreeSet::from([Notice { kind: NoticeKind::PaymentReceived, key: "a".to_owned() }]);
    assert!(kinds(&year, &mut told, 334).is_empty());
    assert_eq!(kinds(&year, &mut told, 335), ["renewal_reminder"]);
    assert!(kinds(&year, &mut told, 340).is_empty());
}

fn any_entry() -> impl Strategy<Value = LedgerEntry> {
    let payment = prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        // A payment of one id always says the same: the provider does not change it.
        payment.clone().prop_map(|id| {
            let from = i64::from(id.as_bytes()[0] - b'a') * 30;
            paid(id, from, from + 30)
        }),
        payment.clone().prop_map(|id| LedgerEntry::Refunded { payment: id.to_owned() }),
        (payment, prop::sample::select(vec![Dispute::Open, Dispute::Won, Dispute::Lost]))
            .prop_map(|(id, stage)| LedgerEntry::Disputed { payment: id.to_owned(), stage }),
        Just(LedgerEntry::Granted { grant: "g".to_owned(), at: day(3), until: Until::At(day(50)) }),
        Just(LedgerEntry::Withdrawn { grant: "g".to_owned() }),
        (0_i64..90).prop_map(|at| LedgerEntry::Revoked { at: day(at) }),
        (0_i64..90, 0_usize..5).prop_map(|(at, status)| {
            let status = [
                ProviderStatus::Trialing,
                ProviderStatus::Active,
                ProviderStatus::PastDue,
                ProviderStatus::Incomplete,
                ProviderStatus::Ended,
            ][status];
            LedgerEntry::Asked(asked(at, status, (at / 30 * 30, at / 30 * 30 + 30)))
        }),
    ]
}

/// What a reconciliation records last: all payments as they are, and what the provider says now.
fn reconciliation() -> Vec<LedgerEntry> {
    vec![
        paid("a", 0, 30),
        paid("b", 30, 60),
        LedgerEntry::Refunded { payment: "a".to_owned() },
        LedgerEntry::Asked(asked(95, ProviderStatus::Active, (90, 120))),
    ]
}

proptest! {
    #[test]
    fn i13_order_and_repetition_change_nothing(
        entries in prop::collection::vec(any_entry(), 0..12),
        order in any::<u64>(),
        repeated in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        // Two answers of the provider at one moment cannot both be the truth.
        let mut seen = BTreeSet::new();
        let mut entries: Vec<_> = entries.into_iter().filter(|entry| match entry {
            LedgerEntry::Asked(state) => seen.insert(state.asked_at),
            _ => true,
        }).collect();
        let straight = ledger(entries.clone());
        for index in &repeated {
            if !entries.is_empty() {
                entries.push(index.get(&entries).clone());
            }
        }
        let mut seed = order;
        for last in (1..entries.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            entries.swap(last, usize::try_from(seed >> 33).unwrap() % (last + 1));
        }
        prop_assert_eq!(ledger(entries), straight);
    }

    #[test]
    fn i13_what_was_lost_is_made_up_for_by_one_reconciliation(kept in prop::collection::vec(any::<bool>(), 8)) {
        let told = [
            paid("a", 0, 30),
            LedgerEntry::Asked(asked(1, ProviderStatus::Active, (0, 30))),
            paid("b", 30, 60),
            LedgerEntry::Asked(asked(31, ProviderStatus::PastDue, (30, 60))),
            LedgerEntry::Refunded { payment: "a".to_owned() },
            LedgerEntry::Asked(asked(61, ProviderStatus::PastDue, (60, 90))),
        ];
        let some = told.into_iter().zip(kept).filter(|(_, is_kept)| *is_kept).map(|(entry, _)| entry);
        prop_assert_eq!(ledger(some.chain(reconciliation())), ledger(reconciliation()));
    }

    #[test]
    fn i13_nobody_leaves_before_the_grace_ends_and_nobody_stays_after_it(
        periods in prop::collection::vec(1_i64..40, 1..5), at in 0_i64..250,
    ) {
        let mut from = 0;
        let entries: Vec<_> = periods.iter().enumerate().map(|(number, days)| {
            let entry = paid(&number.to_string(), from, from + days);
            from += days;
            entry
        }).collect();
        let entitlement = ledger(entries).entitlement(TERMS, day(at));
        prop_assert_eq!(entitlement.has_access(), at < from + 5);
        prop_assert_eq!(entitlement.state == Grace, (from..from + 5).contains(&at));
    }

    #[test]
    fn i13_without_a_payment_or_a_grant_there_is_no_access(entries in prop::collection::vec(any_entry(), 0..12), at in 0_i64..200) {
        let free: Vec<_> = entries.into_iter().filter(|entry| {
            !matches!(entry, LedgerEntry::Paid { .. } | LedgerEntry::Granted { .. } | LedgerEntry::Asked(_))
        }).collect();
        prop_assert!(!ledger(free).entitlement(TERMS, day(at)).has_access());
    }

    #[test]
    fn a_ledger_is_the_same_after_it_was_stored(entries in prop::collection::vec(any_entry(), 0..12)) {
        let ledger = ledger(entries);
        let stored = serde_json::to_string(&ledger).unwrap();
        prop_assert_eq!(serde_json::from_str::<Ledger>(&stored).unwrap(), ledger);
    }
}
