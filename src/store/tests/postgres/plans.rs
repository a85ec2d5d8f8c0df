//! Tests of PostgreSQL's query plans: no hot statement reads a whole table.

use chrono::NaiveDate;

use super::fresh;
use crate::store::Store;
use crate::store::postgres::{paid_access, partitions, pool, sql};
use crate::store::statement::rows;

/// The plan that a prepared statement keeps, whatever its values.
async fn plan(store: &Store, sql: &str) -> Vec<String> {
    let tx = store.0.reads.begin().await.unwrap();
    rows(&tx, format!("PREPARE shown AS {sql}"), Vec::new()).await.unwrap();
    let types = "SELECT unnest(parameter_types)::text FROM pg_prepared_statements WHERE name = 'shown'";
    let types = rows(&tx, types, Vec::new()).await.unwrap();
    // Any values that leave no partition out.
    let value = |kind: String| match kind.as_str() {
        "bigint" | "integer" => "1".to_owned(),
        "boolean" => "true".to_owned(),
        "timestamp with time zone" => "now()".to_owned(),
        "text" => "'0192f000-0000-7000-8000-000000000000'".to_owned(),
        kind => format!("ARRAY[NULL]::{kind}"),
    };
    let values: Vec<_> = types.iter().map(|row| value(row.get(0).unwrap())).collect();
    let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let lines = rows(&tx, format!("EXPLAIN EXECUTE shown{values}"), Vec::new()).await.unwrap();
    rows(&tx, "DEALLOCATE shown".to_owned(), Vec::new()).await.unwrap();
    lines.iter().map(|row| row.get(0).unwrap()).collect()
}

#[tokio::test]
async fn hot_statements_search_and_do_not_scan() {
    let (store, _database) = fresh().await;
    for sql in [
        sql::MESSAGES_IN,
        sql::FIRST_BY_KEY,
        sql::DEAD_LETTER,
        sql::WRITE_TURNS,
        sql::LOCK_TURNS,
        sql::CONFLICTS,
        sql::MARK_PROCESSED,
        sql::CLOSE_SESSIONS,
        sql::CLOSE_IDLE_LIVE,
        sql::OPT_IN,
        sql::SUPPRESS,
        sql::CONTACT_OF,
        sql::OUTBOX_ROWS,
        sql::OUTBOX_ROWS_FREE,
        sql::MARK_SENT,
        sql::OUTBOX_UPDATE,
        sql::LATE_FAILURE,
        sql::REQUEUE,
        sql::LOCK_HEADS,
        sql::UNBLOCK_HEADS,
        sql::RELEASE,
        sql::RELEASE_HELD,
        sql::HELD_PAGE,
        sql::HELD_BEFORE,
        sql::REORDER,
        sql::CLAIM,
        sql::CLAIM_IN_ANY_ORDER,
        sql::CLAIM_QUOTA_EXEMPT,
        sql::EXPEDITE_RETRIES,
        sql::CLAIM_UNKNOWN,
        sql::EXPIRE_LEASES,
        sql::EXPIRE_DEFERRED,
        sql::DEFERRED_PAGE,
        sql::QUEUE_PAGE,
        sql::DUE_OUTBOX,
        sql::OWNED_BY_OTHERS,
        sql::AWAITS_DUPLICATE_CANDIDATE,
        sql::POST_CHANNEL_NOTICE,
        sql::RESET_QUOTA_WAITS,
        sql::BLOCKED_REASONS,
        sql::ASKED_BEFORE,
        sql::CONTACT_BOOKINGS,
        sql::CONTACT_LEADS,
        sql::CONTACT_OFFERS,
        sql::WELCOMED,
        sql::WELCOMED_BY,
        sql::OPTED_IN,
        sql::STOPPED_MARKETING,
        sql::UNCONFIRMED,
        sql::CONFIRMED,
        sql::INVALIDATE_CONVERSATIONS,
        sql::LOAD,
        sql::RECIPIENT_STATUSES,
        sql::BACKLOG,
        sql::BACKLOG_AFTER,
        sql::TENANTS_BEHIND,
        sql::DUE_TURNS,
        sql::USAGE_SINCE,
        sql::COUNT_QUOTA_LEASES,
        sql::KEEP_QUOTA_LEASE,
        sql::WANTED_QUOTA_LEASES,
        sql::TENANT_OF_FLOW,
        sql::INBOUND_BY_PROVIDER_ID,
        paid_access::PAID_ACCESS_IS_DUE,
    ] {
        let plan = plan(&store, sql).await;
        // An index that is read from end to end is no better than a table.
        let small = ["channels"];
        for (at, line) in plan.iter().enumerate() {
            let named = line.trim_start_matches([' ', '-', '>']);
            let whole = named.starts_with("Seq Scan")
                || (["Index Scan", "Index Only Scan"].iter().any(|kind| named.starts_with(kind))
                    && !condition(&plan, at)
                    && !partial(named));
            let excused = small.iter().any(|table| named.contains(table));
            assert!(!whole || excused, "{sql}\n{}", plan.join("\n"));
        }
    }
}

/// Whether the scan of a line has a condition that the index answers.
fn condition(plan: &[String], at: usize) -> bool {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let scan = plan.get(at).map_or(0, |line| depth(line));
    let below = plan.iter().skip(at + 1).take_while(|line| depth(line) > scan && !line.trim().starts_with("->"));
    below.into_iter().any(|line| line.contains("Index Cond") || line.contains("Recheck Cond"))
}

/// The small indexes, of what waits for something: from their beginning to their end they are short, or a limit ends it.
fn partial(scan: &str) -> bool {
    ["next_attempt_at", "tenant_id_id"].iter().any(|index| scan.contains(index))
}

#[tokio::test]
async fn sweeps_read_the_small_indexes() {
    let (store, _database) = fresh().await;
    for (sql, condition) in [
        (sql::CLAIM, "(tenant_id = $1) AND (channel_id = $6) AND (next_attempt_at <= $2)"),
        (sql::CLAIM, "(tenant_id = p.tenant_id) AND (conversation_id = p.conversation_id)"),
        (sql::CLAIM_QUOTA_EXEMPT, "(tenant_id = $1) AND (channel_id = $6) AND (next_attempt_at <= $2)"),
        (
            sql::CLAIM_QUOTA_EXEMPT,
            "(tenant_id = p.tenant_id) AND (conversation_id = p.conversation_id) AND (id < p.id)",
        ),
        (sql::EXPEDITE_RETRIES, "(tenant_id = $1) AND (channel_id = $2) AND (next_attempt_at > $3)"),
        (sql::CLAIM_UNKNOWN, "(next_attempt_at <= $1)"),
        (sql::EXPIRE_LEASES, "(\"right\"(id, 4) >= ''::text)"),
        (sql::COUNT_QUOTA_LEASES, "(tenant_id = $1) AND (\"right\"(id, 4) >= ''::text)"),
        (sql::EXPIRE_DEFERRED, "(expires_at <= $1)"),
        (sql::ADOPT_BLOCKED_REASONS, "(tenant_id > ''::text)"),
        (sql::HELD_PAGE, "(tenant_id > p"),
        (sql::HELD_PAGE, "(next_attempt_at <= $2)"),
        (sql::HELD_BEFORE, "(tenant_id = $1) AND (conversation_id = $2) AND (id < $3)"),
        (sql::RELEASE_HELD, "(tenant_id = j.tenant_id) AND (conversation_id = j.conversation_id)"),
        (sql::QUEUE_PAGE, "ROW(tenant_id, conversation_id) > ROW("),
        (sql::DEFERRED_PAGE, "ROW(tenant_id, conversation_id) > ROW("),
        (sql::DUE_OUTBOX, "ROW(tenant_id, channel_id) > ROW("),
        (sql::UNBLOCK_HEADS, "(tenant_id = j.tenant_id) AND (conversation_id = j.conversation_id)"),
        (sql::OWNED_BY_OTHERS, "(provider_message_id = j.id)"),
        (sql::COUNT_QUOTA_LEASES, "(tenant_id = $1)"),
        (sql::AWAITS_DUPLICATE_CANDIDATE, "(tenant_id = $1) AND (conversation_id = c.id)"),
        (sql::BLOCKED_REASONS, "(tenant_id = r.tenant_id) AND (conversation_id = r.conversation_id) AND (id < r.id)"),
        (sql::BLOCKED_REASONS, "(channel_id = r_3.channel_id) AND (ROW(next_attempt_at, id) < ROW("),
        (sql::BACKLOG_AFTER, "(tenant_id = $1) AND (id > $3)"),
        (sql::OLD_OUTBOUND, "(id > $1) AND (id < $2)"),
        (sql::FORGET_INBOUND, "(id > $1) AND (id <= $2)"),
        (sql::FORGET_INBOUND, "(tenant_id = m.tenant_id) AND (address = m.\"from\")"),
        (sql::FORGET_INBOUND, "(tenant_id = m.tenant_id) AND (conversation_id = m.conversation_id)"),
        (sql::FORGET_OUTBOUND, "(tenant_id = m.tenant_id) AND (address = m.\"to\")"),
    ] {
        let plan = plan(&store, sql).await.join("\n");
        let found = plan.lines().any(|line| {
            let bare = line.replace("o_1.", "").replace("o.", "").replace("l.", "").replace("p_1.", "p.");
            line.contains("Index Cond") && (line.contains(condition) || bare.contains(condition))
        });
        assert!(found, "{sql}\n{condition}\n{plan}");
    }
}

#[tokio::test]
async fn what_a_contact_waits_for_is_found_by_the_contact_and_not_in_the_tenants_backlog() {
    let (store, _database) = fresh().await;
    for sql in [sql::LOAD, sql::WRITE_TURNS, sql::CONFLICTS] {
        let plan = plan(&store, sql).await;
        let named = plan
            .iter()
            .filter(|line| line.contains("identity = j.person") && line.contains("channel_id"))
            .collect::<Vec<_>>();
        assert!(!named.is_empty() && named.iter().all(|line| line.contains("Index Cond")), "{}", plan.join("\n"));
    }
}

#[tokio::test]
async fn the_statistics_of_large_tables_take_few_pages_in_months_to_come_as_well() {
    let (_store, database) = fresh().await;
    let tables = || {
        database.psql(
            "SELECT t.relname, bool_and(a.attstattarget IS NOT DISTINCT FROM 10) FROM pg_attribute a
            JOIN pg_class t ON t.oid = a.attrelid WHERE t.relkind IN ('r', 'p') AND a.attnum > 0
            AND t.relname ~ '^((messages_(in|out|once)|event_log)(_|$)|conversations$|contact|sessions$|consents$)'
            GROUP BY 1 ORDER BY 1",
        )
    };
    let before = tables().lines().count();
    assert!(before >= 15, "parents, defaults and a month: {before}");
    // What somebody chose stays.
    database.psql("ALTER TABLE consents ALTER COLUMN source SET STATISTICS 500");
    let day = NaiveDate::from_ymd_opt(2031, 5, 1).unwrap();
    partitions::make(&pool(&database.url()).unwrap(), day).await.unwrap();
    let tables = tables();
    assert_eq!(tables.lines().count(), before + 3);
    let others: Vec<_> = tables.lines().filter(|table| !table.ends_with("|t")).collect();
    assert_eq!(others, ["consents|f"]);
}
