//! Tests of the low watermark: searches for open messages go no further back than needed.

use chrono::NaiveDate;
use palabre_actors::domain::ids::{OutboundId, TenantId};
use palabre_actors::testing::conformance::fixture::{Customer, at, claim, now, queued};
use palabre_testbed::postgres::Database;

use super::fresh;
use crate::store::Store;
use crate::store::operator::{Changed, Operator, OperatorReason, ReplayOptions, Tenants};
use crate::store::postgres::{partitions, pool, sql};
use crate::store::statement::rows;

/// A row of years ago.
const OLD: &str = "01800000-0000-7000-8000-000000000001";

async fn raise(database: &Database) {
    let today = chrono::Utc::now().date_naive();
    partitions::raise_low_watermark(&pool(&database.url()).unwrap(), today).await.unwrap();
}

/// A customer's answer that stands so, and was written then.
async fn old(store: &Store, database: &Database, state: &str) -> Customer {
    let customer = Customer::of("belle", 1);
    let answer = customer.is_answered(store, "SM1", 0, queued(0)).await;
    database.psql(&format!("UPDATE messages_out SET id = '{OLD}', state = '{state}' WHERE id = '{}'", answer.id));
    customer
}

#[tokio::test]
async fn what_is_open_holds_it_back_whatever_its_month() {
    let (store, database) = fresh().await;
    for state in ["pending", "sending", "unknown", "deferred"] {
        database.psql("TRUNCATE messages_out, messages_in, messages_once, conversations, contacts, contact_addresses");
        old(&store, &database, state).await;
        raise(&database).await;
        assert_eq!(database.psql("SELECT outbound FROM low_watermark"), OLD, "{state}");
    }
    database.psql("UPDATE messages_out SET blocked_reason = 'budget'");
    raise(&database).await;
    assert_eq!(database.psql("SELECT outbound FROM low_watermark"), OLD);
    database.psql(&format!("UPDATE messages_in SET id = '{OLD}', processed_at = NULL, state = 'accepted'"));
    database.psql("UPDATE messages_out SET state = 'sent'");
    raise(&database).await;
    let low_watermark = "SELECT inbound, outbound = palabre_first_id(date_trunc('month', now() AT TIME ZONE 'UTC' - interval '2 days') \
        AT TIME ZONE 'UTC') FROM low_watermark";
    assert_eq!(database.psql(low_watermark), format!("{OLD}|t"));
}

#[tokio::test]
async fn i3_i11_an_old_message_that_is_replayed_is_found_again() {
    let (store, database) = fresh().await;
    let customer = old(&store, &database, "dead").await;
    raise(&database).await;
    assert_eq!(database.psql(&format!("SELECT outbound > '{OLD}' FROM low_watermark")), "t");
    let operator = Operator::open(&database.url()).await.unwrap();
    let options = ReplayOptions { reason: OperatorReason::unsaid(), per_second: 1, unordered: [].into(), at: at(1) };
    let id: OutboundId = OLD.parse().unwrap();
    assert!(matches!(
        operator.replay(&Tenants::Of(vec![TenantId::new("belle")]), id, &options).await.unwrap(),
        Changed::Done(_)
    ));
    assert_eq!(database.psql("SELECT outbound FROM low_watermark"), OLD);
    assert!(customer.loaded(&store).await.open_rows, "it stands in the line");
    let claimed = claim(&store, "belle", 2, 10).await;
    assert_eq!(claimed.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn months_of_which_all_is_done_are_not_looked_through() {
    let (store, database) = fresh().await;
    for month in 1..=12 {
        let day = NaiveDate::from_ymd_opt(2024, month, 1).unwrap();
        partitions::make(&pool(&database.url()).unwrap(), day).await.unwrap();
    }
    let customer = Customer::of("belle", 1);
    customer.is_answered(&store, "SM1", 0, now(0)).await;
    let message = customer.sends(&store, "SM2", 1).await;
    let who = database.psql("SELECT tenant_id, channel_id, address FROM conversations");
    let who: Vec<_> = who.split('|').map(|word| format!("ARRAY['{word}']")).collect();
    let conversation = format!("ARRAY['{}']", database.psql("SELECT id FROM conversations"));
    let id = format!("ARRAY['{}']", message.id);
    let none = "'{NULL}'";
    let questions = [
        (sql::LOAD, format!("{}, {}, {}, {id}", who[0], who[1], who[2])),
        (sql::UNBLOCK_HEADS, format!("{}, {conversation}", who[0])),
        (
            sql::CONFLICTS,
            format!("{}, {id}, {conversation}, ARRAY[1], {}, {none}, {}, ARRAY[true], {none}", who[0], who[1], who[2]),
        ),
        (
            sql::WRITE_TURNS,
            // A version that it does not have: nothing is written.
            format!(
                "{}, {conversation}, ARRAY[0], {id}, {}, {}, ARRAY[true], ARRAY[true], {none}{}",
                who[0],
                who[1],
                who[2],
                format!(", {none}").repeat(parameters(sql::WRITE_TURNS) - 9)
            ),
        ),
    ];
    for (sql, values) in &questions {
        database.psql("UPDATE low_watermark SET inbound = '', outbound = ''");
        let before = looked_through(&store, sql, values).await;
        raise(&database).await;
        let after = looked_through(&store, sql, values).await;
        assert!(before >= 12 && after == 0, "{before} {after}: {sql}");
    }
}

/// How many parameters a statement has.
fn parameters(sql: &str) -> usize {
    (1..).take_while(|number| sql.contains(&format!("${number}::"))).count()
}

/// How many scans of old partitions a statement made.
async fn looked_through(store: &Store, sql: &str, values: &str) -> usize {
    let tx = store.0.reads.begin().await.unwrap();
    rows(&tx, format!("PREPARE shown AS {sql}"), Vec::new()).await.unwrap();
    let explain = format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE shown({values})");
    let lines = rows(&tx, explain, Vec::new()).await.unwrap();
    rows(&tx, "DEALLOCATE shown".to_owned(), Vec::new()).await.unwrap();
    drop(tx);
    let lines: Vec<String> = lines.iter().map(|row| row.get(0).unwrap()).collect();
    let scans = lines.iter().filter(|line| line.contains("_2024_") && line.contains("Scan"));
    scans.filter(|line| !line.contains("never executed")).count()
}
