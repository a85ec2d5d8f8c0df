//! Tests of quota leases: several nodes and one day and budget.

use std::time::Duration;

use futures_util::future::join_all;
use palabre_actors::domain::budget::{BudgetPolicy, Usage};
use palabre_actors::domain::ids::{NodeId, TenantId};
use palabre_actors::domain::quota_lease::{QuotaDemand, QuotaLimits, QuotaUsage};
use palabre_actors::ports::{EndedLeases, LeaseGrant, LeaseRequest, Outbox, QuotaLeases, Settled};
use palabre_actors::testing::conformance::fixture::{Customer, at, node, now, settle, taken};
use palabre_testbed::postgres::Database;

use super::fresh;
use crate::store::Store;

const LEASE: Duration = Duration::from_secs(60);

fn belle() -> TenantId {
    TenantId::new("belle")
}

fn named(name: &str) -> NodeId {
    NodeId::new(name)
}

fn usage(messages: u64, cost_micros: i64) -> Usage {
    Usage { messages, cost_micros }
}

/// A hundred messages and 1,000 millionths a day.
fn limits() -> QuotaLimits {
    let budget =
        BudgetPolicy { per_day_micros: Some(1_000), per_month_micros: Some(5_000), alert_at: 0.8, hard_stop: true };
    QuotaLimits { per_day: 100, budget, tz: chrono_tz::Europe::Paris, dearest_micros: 7 }
}

async fn ask(store: &Store, node: &str, demand: QuotaDemand, seconds: i64) -> LeaseGrant {
    let (tenant, node) = (belle(), named(node));
    store.lease(LeaseRequest { tenant, node, limits: limits(), demand, now: at(seconds), lease: LEASE }).await.unwrap()
}

fn wants(need: u64, want: u64) -> QuotaDemand {
    QuotaDemand { need: usage(need, 0), want: usage(want, 0), held: Usage::default() }
}

async fn living(store: &Store, database: &Database) {
    for node in ["one", "two", "three"] {
        store.register_node(&named(node)).await.unwrap();
    }
    assert_eq!(database.psql("SELECT count(*) FROM nodes"), "3");
}

#[tokio::test]
async fn i7_nodes_that_ask_at_once_get_no_more_than_there_is() {
    let (first, database) = fresh().await;
    living(&first, &database).await;
    let second = Store::open(&database.url(), false).await.unwrap();
    let third = Store::open(&database.url(), false).await.unwrap();
    let asking = [(&first, "one"), (&second, "two"), (&third, "three")].map(async |(store, name)| {
        let mut held = 0;
        for _ in 0..40 {
            let demand = QuotaDemand { held: usage(held, 0), ..wants(1, 9) };
            held += ask(store, name, demand, 0).await.given.messages;
        }
        held
    });
    let held = join_all(asking).await;
    assert_eq!(held.iter().sum::<u64>(), 100, "{held:?}");
    assert_eq!(database.psql("SELECT sum(messages) FROM quota_leases"), "100");
    assert_eq!(ask(&first, "four", wants(1, 9), 0).await.given, Usage::default());
    let elsewhere = LeaseRequest {
        tenant: TenantId::new("taxi"),
        node: named("one"),
        limits: limits(),
        demand: wants(1, 9),
        now: at(0),
        lease: LEASE,
    };
    assert_eq!(first.lease(elsewhere).await.unwrap().given.messages, 9, "another tenant has its own");
}

#[tokio::test]
async fn i7_what_went_out_and_what_may_have_is_counted_whoever_sent_it() {
    let (store, database) = fresh().await;
    living(&store, &database).await;
    let mut answers = Vec::new();
    for n in 0..5 {
        answers.push(Customer::of("belle", n).is_answered(&store, &format!("SM{n}"), 0, now(0)).await);
        Customer::of("taxi", n).is_answered(&store, &format!("SM{n}"), 0, now(0)).await;
    }
    let counted = async |seconds| ask(&store, "one", QuotaDemand::default(), seconds).await.counted;
    let none = QuotaUsage { holders: 1, ..QuotaUsage::default() };
    assert_eq!(counted(1).await, none, "what is on the wire is its node's to tell");
    settle(&store, &answers[0], taken("SMout"), 7).await;
    let one = QuotaUsage { day: usage(1, 7), month: usage(1, 7), ..none };
    assert_eq!(counted(2).await, one);
    let unknown = Settled::Unknown { ask_at: at(10), reason: "timeout".to_owned() };
    settle(&store, &answers[1], unknown, 0).await;
    assert_eq!(counted(3).await, QuotaUsage { unsure: 1, ..one });
    // The leases of the others are over, before and after somebody notices.
    assert_eq!(counted(3_600).await, QuotaUsage { unsure: 4, ..one });
    let over = EndedLeases { node: node(), now: at(3_600), lost: Vec::new(), held: Vec::new() };
    store.expire_leases(over).await.unwrap();
    assert_eq!(counted(3_600).await, QuotaUsage { unsure: 4, ..one });
    settle(&store, &answers[2], Settled::Found(receipt("SMfound")), 7).await;
    let two = QuotaUsage { day: usage(2, 14), month: usage(2, 14), unsure: 3, ..none };
    assert_eq!(counted(3_600).await, two);
    assert_eq!(counted(86_400).await, QuotaUsage { day: Usage::default(), ..two }, "the next day");
    assert_eq!(counted(31 * 86_400).await, QuotaUsage { unsure: 3, ..none }, "the next month");
    let demand = QuotaDemand { need: usage(1, 7), want: usage(10, 700), held: usage(1, 7) };
    let given = ask(&store, "one", demand, 3_600).await.given;
    assert_eq!(given, usage(10, (1_000 - 14 - 3 * 7 - 7) / 2));
}

fn receipt(id: &str) -> palabre_actors::domain::send::Receipt {
    match taken(id) {
        Settled::Sent(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_others_lack_is_wanted_until_it_is_given_back() {
    let (store, database) = fresh().await;
    living(&store, &database).await;
    assert_eq!(ask(&store, "one", wants(1, 100), 0).await.given.messages, 50);
    assert_eq!(ask(&store, "two", wants(50, 50), 0).await.given.messages, 50);
    assert_eq!(store.wanted(&named("one")).await.unwrap(), []);
    assert_eq!(ask(&store, "three", wants(1, 9), 0).await.given.messages, 0);
    for node in ["one", "two"] {
        assert_eq!(store.wanted(&named(node)).await.unwrap(), [belle()], "{node}");
    }
    assert_eq!(store.wanted(&named("three")).await.unwrap(), []);
    let back = QuotaDemand { held: usage(3, 0), ..QuotaDemand::default() };
    assert_eq!(ask(&store, "one", back, 0).await.given, Usage::default());
    assert_eq!(store.wanted(&named("one")).await.unwrap(), []);
    assert_eq!(ask(&store, "three", wants(1, 9), 0).await.given.messages, 7);
    store.release_quota_leases(&named("two")).await.unwrap();
    assert_eq!(ask(&store, "three", QuotaDemand { held: usage(7, 0), ..wants(40, 40) }, 0).await.given.messages, 40);
}

#[tokio::test]
async fn what_a_node_held_is_nobodys_when_its_leases_are_surely_over() {
    let (store, database) = fresh().await;
    living(&store, &database).await;
    assert_eq!(ask(&store, "one", wants(100, 100), 0).await.given.messages, 100);
    let silent = |seconds: i64| {
        database.psql(&format!("UPDATE nodes SET seen_at = now() - interval '{seconds} seconds' WHERE id = 'one'"));
    };
    silent(70);
    assert_eq!(ask(&store, "two", wants(1, 9), 0).await.given.messages, 0, "it may have something on the wire");
    silent(80);
    let asked = ask(&store, "two", wants(1, 9), 0).await;
    assert_eq!((asked.given.messages, asked.counted.holders), (9, 1));
    assert_eq!(database.psql("SELECT node_id, messages FROM quota_leases"), "two|9");
    // Neither does one hold anything that nobody has heard of.
    assert_eq!(ask(&store, "ghost", wants(1, 9), 0).await.given.messages, 9);
    assert_eq!(ask(&store, "two", wants(91, 91), 0).await.given.messages, 91);
}

#[tokio::test]
async fn a_client_that_stands_still_in_its_question_holds_nobody_up_for_long() {
    let (store, database) = fresh().await;
    living(&store, &database).await;
    let tx = store.0.writes.begin().await.unwrap();
    let locked = vec![crate::store::statement::text("belle")];
    crate::store::statement::rows(&tx, crate::store::postgres::sql::LOCK_QUOTA, locked).await.unwrap();
    assert_eq!(ask(&store, "two", wants(1, 9), 0).await.given.messages, 9);
    assert!(tx.commit().await.is_err(), "it was shown the door");
}
