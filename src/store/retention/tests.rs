//! Tests of retention on both databases, with a time that the caller gives.

use chrono::{DateTime, TimeDelta};
use palabre_actors::domain::ids::{InboundId, OutboundId, ProviderMessageId};
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::send::Receipt;
use palabre_actors::domain::turn::ConsentChange;
use palabre_actors::ports::{Acceptance, EndedLeases, Inbox, Outbox, Settled, Settlement, Turns};
use palabre_actors::testing::conformance::Subject;
use palabre_actors::testing::conformance::fixture::{Customer, at, node, now, queued, turn};
use palabre_actors::testing::fakes::Snapshot;
use palabre_testbed::postgres::{self, Database};
use tempfile::TempDir;

use super::*;
use crate::store::moving;
use crate::store::statement::rows;

/// Far from now, whichever day it is: all that these tests write is older.
fn later() -> Timestamp {
    DateTime::from_timestamp(7_258_118_400, 0).unwrap()
}

fn messages(since: Timestamp) -> RetentionCutoffs {
    RetentionCutoffs { messages: Some(since), events: None }
}

fn everything(since: Timestamp) -> RetentionCutoffs {
    RetentionCutoffs { messages: Some(since), events: Some(since) }
}

async fn on_sqlite() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("palabre.db").display());
    (Store::open(&url, true).await.unwrap(), folder)
}

async fn on_postgres() -> (Store, Database) {
    let database = postgres::empty();
    (Store::open(&database.url(), true).await.unwrap(), database)
}

fn settlement(message: Outbound, result: Settled) -> std::sync::Arc<Settlement> {
    std::sync::Arc::new(Settlement { message, result, at: at(1), via: None, cost_micros: 0 })
}

fn sent() -> Settled {
    Settled::Sent(Receipt { provider_message_id: ProviderMessageId::new("SM") })
}

/// Changes rows behind the store's back, in words that both databases know.
async fn execute(store: &Store, sql: String) {
    use crate::store::statement::SqlExecutor as _;
    store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
}

async fn number(store: &Store, sql: &'static str) -> i64 {
    rows(&store.0.reads, sql, Vec::new()).await.unwrap()[0].get(0).unwrap()
}

/// Messages of every kind. Those that must stay.
struct Scene {
    inbound: Vec<InboundId>,
    outbound: Vec<OutboundId>,
}

async fn scene(store: &Store) -> Scene {
    let customer = |number| Customer::of("belle", number);
    // What is over: sent, dead, set aside.
    for n in 0..4 {
        let answer = customer(n).is_answered(store, &format!("over {n}"), 0, now(0)).await;
        let result = if n == 0 { Settled::Dead { reason: "21211".into() } } else { sent() };
        store.settle(settlement(answer, result)).await.unwrap();
    }
    let poisonous = customer(5).sends(store, "poisonous", 0).await;
    store.dead_letter(&poisonous, "poisonous", at(0)).await.unwrap();
    // What is not: waiting for its turn, queued, on its way, unknown, waiting for the contact.
    let mut scene = Scene { inbound: Vec::new(), outbound: Vec::new() };
    scene.inbound.push(customer(10).sends(store, "waits", 0).await.id);
    let mut open = Vec::new();
    for n in 11..14 {
        let start = if n == 11 { queued(100) } else { now(0) };
        open.push(customer(n).is_answered(store, &format!("open {n}"), 0, start).await);
    }
    let over = EndedLeases { node: node(), now: at(1), lost: Vec::new(), held: vec![open[1].id] };
    store.expire_leases(over).await.unwrap();
    execute(store, format!("UPDATE messages_out SET state = 'deferred' WHERE id = '{}'", open[2].id)).await;
    let unknown = customer(14).is_answered(store, "unknown", 0, now(0)).await;
    execute(store, format!("UPDATE messages_out SET state = 'unknown' WHERE id = '{}'", unknown.id)).await;
    open.push(unknown);
    scene.inbound.extend(open.iter().filter_map(|answer| answer.in_reply_to));
    scene.outbound.extend(open.iter().map(|answer| answer.id));
    // What proves a consent, of the contact's and of the provider's.
    let stop = customer(20).sends(store, "STOP", 0).await;
    let state = customer(20).state(store).await;
    let mut said = turn(&state, &stop, 0);
    said.consent = Some(ConsentChange::OptOut { address: customer(20).0.address });
    store.commit(said).await.unwrap();
    scene.inbound.push(stop.id);
    let refused = customer(21).is_answered(store, "refused", 0, now(0)).await;
    scene.outbound.push(refused.id);
    store
        .settle(settlement(refused, Settled::Suppressed { reason: "21610".into(), record_opt_out: true }))
        .await
        .unwrap();
    scene.inbound.sort();
    scene.outbound.sort();
    scene
}

async fn left(store: &Store) -> (Vec<InboundId>, Vec<OutboundId>) {
    let snapshot = store.snapshot().await;
    let inbound = snapshot.inbound.iter().map(|row| row.message.id);
    (inbound.collect(), snapshot.outbound.iter().map(|row| row.message.id).collect())
}

/// Whatever its age, a message without an end stays, with what it refers to and what happened in its flow; so do consents
/// and what proves them. The rest goes.
async fn what_has_an_end_goes(store: &Store) {
    let scene = scene(store).await;
    let before = store.snapshot().await;
    let report = store.delete_old(everything(later())).await.unwrap();
    assert_eq!(left(store).await, (scene.inbound.clone(), scene.outbound.clone()));
    assert_eq!((report.rows["messages_in"], report.rows["messages_out"]), (6, 4), "{report:?}");
    let after = store.snapshot().await;
    assert_eq!((after.consents.len(), after.opt_outs.len()), (2, 2), "consents are never deleted");
    let around = |snapshot: &Snapshot| {
        format!("{:?}", (&snapshot.conversations, &snapshot.addresses, &snapshot.sessions, &snapshot.usage))
    };
    assert_eq!(around(&after), around(&before));
    let open =
        after.outbound.iter().filter(|row| row.state.as_str() != "suppressed").map(|row| row.message.correlation);
    let mut flows: Vec<_> = open.collect();
    flows.extend(after.inbound.iter().filter(|row| row.processed_at.is_none()).map(|row| row.message.correlation));
    let of_open = before.events.iter().filter(|event| flows.contains(&event.correlation)).count();
    assert_eq!(after.events.len(), of_open, "the flows of what is open, and no others");
    assert!(of_open >= 5 && report.rows["event_log"] > 10, "{report:?}");
    // Again, there is nothing to do.
    assert!(store.delete_old(everything(later())).await.unwrap().is_empty());
    assert_eq!(left(store).await, (scene.inbound, scene.outbound));
    // Repeats are known, of what is left and of what went, also beside something new.
    let written = [(10, "waits"), (0, "over 0"), (10, "new"), (1, "over 1"), (5, "poisonous"), (10, "new too")];
    let writes = |&(n, text): &(u32, &str)| Customer::of("belle", n).writes(text, 9);
    let flows: Vec<_> = before.inbound.iter().map(|row| row.message.correlation).collect();
    let accepted = store.accept(written.iter().map(writes).collect()).await;
    for ((_, text), accepted) in written.iter().zip(accepted) {
        match accepted.unwrap() {
            Acceptance::New(_) => assert!(text.starts_with("new"), "{text}"),
            Acceptance::Duplicate { first } => assert!(!text.starts_with("new") && flows.contains(&first), "{text}"),
            Acceptance::Spooled => panic!("a store keeps nothing beside itself"),
        }
    }
    // One by one as well, as after a batch that failed.
    let again = store.accept(vec![writes(&(2, "over 2"))]).await.pop().unwrap();
    assert!(matches!(again, Ok(Acceptance::Duplicate { .. })), "{again:?}");
}

/// Once they have an end, they go as well.
async fn what_stayed_goes_later(store: &Store) {
    let scene = scene(store).await;
    store.delete_old(everything(later())).await.unwrap();
    for row in store.snapshot().await.outbound {
        if row.state.as_str() != "suppressed" {
            execute(store, format!("UPDATE messages_out SET state = 'sent' WHERE id = '{}'", row.message.id)).await;
        }
    }
    let waiting = store.backlog(&Customer::of("belle", 10).0.tenant, None, 10).await.unwrap().remove(0);
    store.dead_letter(&waiting, "poisonous", at(5)).await.unwrap();
    store.delete_old(everything(later())).await.unwrap();
    let (inbound, outbound) = left(store).await;
    assert_eq!((inbound.len(), outbound.len()), (1, 1), "the two that prove a consent: {scene}");
    assert_eq!(number(store, "SELECT count(*) FROM event_log").await, 0);
}

impl std::fmt::Display for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.inbound, self.outbound)
    }
}

/// What is younger stays, to the microsecond where rows go one by one; a message is as old as the last thing that happened
/// to it.
async fn what_is_younger_stays(store: &Store) {
    scene(store).await;
    let all = left(store).await;
    let (events, young) = (number(store, "SELECT count(*) FROM event_log").await, at(0));
    assert!(store.delete_old(everything(young)).await.unwrap().is_empty());
    assert!(store.delete_old(RetentionCutoffs::default()).await.unwrap().is_empty());
    assert_eq!((left(store).await, number(store, "SELECT count(*) FROM event_log").await), (all.clone(), events));
    // Something happened to all of them just before.
    let moment = later() - TimeDelta::days(1);
    let touched = moment.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    execute(store, format!("UPDATE messages_out SET updated_at = '{touched}'")).await;
    execute(store, format!("UPDATE messages_in SET processed_at = '{touched}' WHERE processed_at IS NOT NULL")).await;
    store.delete_old(messages(moment)).await.unwrap();
    assert_eq!(left(store).await, all);
    store.delete_old(messages(moment + TimeDelta::microseconds(1))).await.unwrap();
    assert!(left(store).await.0.len() < all.0.len());
    assert_eq!(number(store, "SELECT count(*) FROM event_log").await, events, "events are another matter");
}

/// So many messages that wait for something.
async fn many_open(store: &Store, count: usize) {
    let series = if store.is_shared() {
        format!("SELECT i FROM generate_series(1, {count}) i")
    } else {
        format!("WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {count}) SELECT i FROM s")
    };
    let id = if store.is_shared() {
        "'01000000-0000-7000-8000-' || lpad(i::text, 12, '0')"
    } else {
        "printf('01000000-0000-7000-8000-%012d', i)"
    };
    execute(
        store,
        format!(
            "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
                next_attempt_at, correlation_id, created_at, updated_at) \
            SELECT {id}, 'belle', 'belle-wa', {id}, 'x', 'x', 'manual', 'deferred', 0, '2026-11-21T03:55:00.000000Z', \
                {id}, '2026-11-21T03:55:00.500000Z', '2026-11-21T03:55:00.000000Z' FROM ({series}) s"
        ),
    )
    .await;
}

/// With too many open flows to tell them apart, everything since the oldest of them stays.
async fn many_open_flows_hold_what_is_younger(store: &Store) {
    many_open(store, 2_001).await;
    let customer = Customer::of("belle", 1);
    for (id, seconds) in [("before", -10), ("after", 10)] {
        let message = customer.sends(store, id, seconds).await;
        let state = customer.state(store).await;
        store.commit(turn(&state, &message, seconds)).await.unwrap();
    }
    let all = number(store, "SELECT count(*) FROM event_log").await;
    let report = store.delete_old(RetentionCutoffs { messages: None, events: Some(later()) }).await.unwrap();
    let left = number(store, "SELECT count(*) FROM event_log").await;
    if report.rows.contains_key("event_log") {
        assert_eq!((all, left), (4, 2), "{report:?}");
        assert!(store.snapshot().await.events.iter().all(|event| event.created_at >= at(0)));
    } else {
        // They stood in a month's own partition, which is told apart as a whole, by its own few rows that stay.
        assert!(store.is_shared() && left == 0, "{report:?}");
    }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let (store, _folder) = super::on_sqlite().await;
                super::$name(&store).await;
            })*
        }
        mod postgres_too {
            $(#[tokio::test]
            async fn $name() {
                let (store, _database) = super::on_postgres().await;
                super::$name(&store).await;
            })*
        }
    };
}

on_both! { what_has_an_end_goes what_stayed_goes_later what_is_younger_stays many_open_flows_hold_what_is_younger }

#[tokio::test]
async fn many_pages_go_while_others_write() {
    let (store, _folder) = on_sqlite().await;
    let customers: Vec<_> = (0..700).map(|n| Customer::of("belle", n)).collect();
    let batch = customers.iter().zip(0..).map(|(customer, n)| customer.writes(&format!("SM{n}"), 0));
    let batch: Vec<_> = batch.collect();
    for message in store.accept(batch).await.into_iter().flatten() {
        let Acceptance::New(message) = message else { panic!("it is new") };
        store.dead_letter(&message, "poisonous", at(0)).await.unwrap();
    }
    let writing = async {
        let mut accepted = 0;
        for (customer, n) in customers.iter().zip(0..50) {
            let answers = store.accept(vec![customer.writes(&format!("new {n}"), 1)]).await;
            accepted += answers.iter().filter(|answer| answer.is_ok()).count();
        }
        accepted
    };
    let (report, accepted) = tokio::join!(store.delete_old(everything(later())), writing);
    let report = report.unwrap();
    assert_eq!((report.rows["messages_in"], accepted), (700, 50), "{report:?}");
    assert_eq!(number(&store, "SELECT count(*) FROM messages_in").await, 50);
}

#[tokio::test]
async fn nothing_goes_while_the_database_is_moved() {
    let (store, folder) = on_sqlite().await;
    scene(&store).await;
    let before = left(&store).await;
    let from = format!("sqlite://{}", folder.path().join("palabre.db").display());
    let target = postgres::empty();
    let moving = moving::Move::open(&from, &target.url(), 100).await.unwrap();
    assert!(store.delete_old(everything(later())).await.unwrap().is_empty());
    assert_eq!(left(&store).await, before);
    drop(moving);
    // It was given up long ago.
    let long_ago = "UPDATE installation SET value = replace(value, '\"at\":\"2', '\"at\":\"1') WHERE name = 'move'";
    execute(&store, long_ago.to_owned()).await;
    assert!(!store.delete_old(everything(later())).await.unwrap().is_empty());
}

/// How many months have partitions of their own, in each of the three tables.
async fn month_partitions(store: &Store) -> usize {
    let partitions = "SELECT count(*) - 1 FROM pg_inherits WHERE inhparent = to_regclass('messages_in')";
    usize::try_from(number(store, partitions).await).unwrap()
}

#[tokio::test]
async fn old_months_are_dropped_and_the_next_ones_are_there() {
    let (store, database) = on_postgres().await;
    scene(&store).await;
    let (months, keys) = (month_partitions(&store).await, number(&store, "SELECT count(*) FROM messages_once").await);
    assert!(months > 0, "this one, and when it ends soon the next");
    let report = store.delete_old(everything(later())).await.unwrap();
    assert_eq!((report.months.len(), report.held.len()), (3 * months, 0), "{report:?}");
    assert_eq!(month_partitions(&store).await, 0);
    assert_eq!(database.psql("SELECT DISTINCT tableoid::regclass FROM messages_in"), "messages_in_rest");
    let (left, of_left) = (left(&store).await.0.len(), number(&store, "SELECT count(*) FROM messages_once").await);
    assert!((of_left, of_left > i64::try_from(left).unwrap()) == (keys, true), "ids outlive their messages");
    // A month that begins has its partitions again, on the day that the caller says it is.
    let pool = crate::store::postgres::pool(&database.url()).unwrap();
    let today = chrono::NaiveDate::from_ymd_opt(2041, 12, 31).unwrap();
    crate::store::postgres::partitions::make(&pool, today).await.unwrap();
    let made = "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
        WHERE inhparent = to_regclass('event_log')";
    assert_eq!(database.psql(made), "event_log_2041_12 event_log_2042_01 event_log_rest");
}

#[tokio::test]
async fn a_month_of_which_much_must_stay_stays_whole() {
    let (store, database) = on_postgres().await;
    many_open(&store, 10_001).await;
    // They stand in the default partition, and are put into a month of their own.
    database.psql(
        "CREATE TABLE messages_out_1999_01 (LIKE messages_out INCLUDING ALL);
        WITH gone AS (DELETE FROM messages_out_rest RETURNING *) INSERT INTO messages_out_1999_01 SELECT * FROM gone;
        ALTER TABLE messages_out ATTACH PARTITION messages_out_1999_01
            FOR VALUES FROM ('01000000-0000-0000-0000-000000000000') TO ('01000001-0000-0000-0000-000000000000')",
    );
    let report = store.delete_old(messages(later())).await.unwrap();
    assert_eq!(report.held, ["messages_out_1999_01"]);
    assert_eq!(number(&store, "SELECT count(*) FROM messages_out_1999_01").await, 10_001);
    database.psql("UPDATE messages_out SET state = 'cancelled' WHERE id > '01000000-0000-7000-8000-000000000007'");
    let report = store.delete_old(messages(later())).await.unwrap();
    assert!(report.months.contains(&"messages_out_1999_01".to_owned()), "{report:?}");
    assert_eq!(report.rows["messages_out"], 9_994);
    assert_eq!(number(&store, "SELECT count(*) FROM messages_out_rest").await, 7);
}

#[tokio::test]
async fn whoever_uses_a_table_is_let_pass() {
    let (store, _database) = on_postgres().await;
    scene(&store).await;
    let before = left(&store).await;
    let reading = store.0.writes.begin().await.unwrap();
    rows(&reading, "SELECT count(*) FROM messages_out", Vec::new()).await.unwrap();
    let report = store.delete_old(messages(later())).await.unwrap();
    let months = report.months.iter().filter(|month| month.starts_with("messages_out")).count();
    let held = report.held.iter().filter(|month| month.starts_with("messages_out")).count();
    assert_eq!((months, held), (0, 1), "{report:?}");
    assert_eq!(left(&store).await.1, before.1);
    reading.commit().await.unwrap();
    let report = store.delete_old(messages(later())).await.unwrap();
    assert_eq!(report.held, [] as [String; 0]);
}

#[tokio::test]
async fn two_nodes_delete_once() {
    let (store, database) = on_postgres().await;
    let other = Store::open(&database.url(), false).await.unwrap();
    let (scene, months) = (scene(&store).await, month_partitions(&store).await);
    let (one, two) = tokio::join!(store.delete_old(everything(later())), other.delete_old(everything(later())));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.months.len() + two.months.len(), 3 * months, "{one:?} {two:?}");
    assert_eq!(left(&other).await, (scene.inbound, scene.outbound));
}
