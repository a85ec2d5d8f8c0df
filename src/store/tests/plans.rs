//! Tests of SQLite's query plans: no hot statement reads a whole table.

use super::fresh;
use crate::store::Store;
use crate::store::sqlite::paid_access::PAID_ACCESS_IS_DUE;
use crate::store::sqlite::sql;
use crate::store::statement::rows;

async fn plan(store: &Store, sql: &str) -> Vec<String> {
    let rows = rows(&store.0.reads, format!("EXPLAIN QUERY PLAN {sql}"), Vec::new()).await.unwrap();
    rows.iter().map(|row| row.get("detail").unwrap()).collect()
}

#[tokio::test]
async fn hot_statements_search_and_do_not_scan() {
    let (store, _folder) = fresh().await;
    let hot = [
        sql::FIRST_BY_KEY,
        sql::DEAD_LETTER,
        sql::CONFLICTS,
        sql::MARK_PROCESSED,
        sql::CLOSE_SESSIONS,
        sql::CLOSE_IDLE_LIVE,
        sql::OPT_IN,
        sql::SUPPRESS,
        sql::CONTACT_OF,
        sql::OUTBOX_ROWS,
        sql::OUTBOX_UPDATE,
        sql::LATE_FAILURE,
        sql::UNBLOCK_HEADS,
        sql::RELEASE,
        sql::RELEASE_HELD,
        sql::HELD_BEFORE,
        sql::REORDER,
        sql::CLAIM,
        sql::CLAIM_IN_ANY_ORDER,
        sql::CLAIM_QUOTA_EXEMPT,
        sql::EXPEDITE_RETRIES,
        sql::CLAIM_UNKNOWN,
        sql::EXPIRE_DEFERRED,
        sql::OWNED_BY_OTHERS,
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
        sql::UNCHECKED_ADDRESSES,
        sql::UNCHECKED_OPT_OUTS,
        sql::CHECK_ADDRESSES,
        sql::CHECK_OPT_OUTS,
        sql::CHECK_SENDERS,
        sql::PERSON_CONVERSATIONS,
        sql::FOLDED,
        sql::MOVE_TIMERS,
        sql::MOVE_ROWS,
        sql::TAKE_CONVERSATIONS,
        sql::TAKE_ADDRESSES,
        sql::MERGED,
        sql::CONTACT_CONSENT,
        sql::INVALIDATE_CONVERSATIONS,
        sql::LOAD,
        sql::RECIPIENT_STATUSES,
        sql::BACKLOG,
        sql::BACKLOG_AFTER,
        sql::DUE_TURNS,
        sql::USAGE_SINCE,
        sql::LAST_INBOUND,
        sql::TENANT_OF_FLOW,
        sql::INBOUND_BY_PROVIDER_ID,
        PAID_ACCESS_IS_DUE,
    ];
    for sql in hot {
        let plan = plan(&store, sql).await;
        // The list that came with the statement is read whole, of course.
        let scans = plan.iter().filter(|step| step.starts_with("SCAN ") && !step.contains("VIRTUAL TABLE"));
        // What was asked, the list of what waits, one person's addresses, once they are gathered, and the small tables of the
        // configuration.
        let small: &[&str] = match sql {
            sql::LOAD => &["SCAN j", "SCAN k", "SCAN m"],
            sql::RECIPIENT_STATUSES => &["SCAN j", "SCAN k"],
            // Small partial indexes of what was inserted by hand.
            sql::UNCHECKED_ADDRESSES => &["SCAN contact_addresses USING COVERING INDEX contact_addresses_unchecked"],
            sql::UNCHECKED_OPT_OUTS => &["SCAN opt_outs USING INDEX opt_outs_unchecked"],
            sql::TENANT_OF_FLOW => &["SCAN t"],
            sql::INBOUND_BY_PROVIDER_ID => &["SCAN c"],
            sql::OPT_IN | sql::OPTED_IN | sql::STOPPED_MARKETING => &["SCAN mine", "SCAN CONSTANT ROW"],
            PAID_ACCESS_IS_DUE => &["SCAN CONSTANT ROW"],
            _ => &[],
        };
        assert_eq!(scans.filter(|step| !small.contains(&step.as_str())).count(), 0, "{sql}\n{plan:#?}");
    }
}

#[tokio::test]
async fn sweeps_read_the_small_indexes() {
    let (store, _folder) = fresh().await;
    for (sql, index) in [
        (sql::CLAIM, "messages_out_heads (tenant_id=? AND channel_id=? AND next_attempt_at<?)"),
        (sql::CLAIM, "messages_out_line (tenant_id=? AND conversation_id=? AND id<?)"),
        (sql::CLAIM_IN_ANY_ORDER, "messages_out_heads (tenant_id=? AND channel_id=? AND next_attempt_at<?)"),
        (sql::CLAIM_QUOTA_EXEMPT, "messages_out_duties (tenant_id=? AND channel_id=? AND next_attempt_at<?)"),
        (sql::CLAIM_QUOTA_EXEMPT, "messages_out_line (tenant_id=? AND conversation_id=? AND id<?)"),
        (sql::DUE_OUTBOX, "messages_out_duties"),
        (sql::EXPEDITE_RETRIES, "messages_out_failing (tenant_id=? AND channel_id=? AND next_attempt_at>?)"),
        (sql::CLAIM_UNKNOWN, "messages_out_unknown (next_attempt_at<?)"),
        (sql::EXPIRE_LEASES, "messages_out_leased"),
        (sql::RELEASE_RECONCILER_LEASES, "messages_out_unknown"),
        (sql::RESET_QUOTA_WAITS, "messages_out_heads"),
        (sql::RESET_QUOTA_WAITS, "messages_out_held"),
        (sql::HELD_PAGE, "messages_out_held (tenant_id>?)"),
        (sql::HELD_PAGE, "messages_out_held (tenant_id=? AND next_attempt_at<?)"),
        (sql::HELD_BEFORE, "messages_out_held_line (tenant_id=? AND conversation_id=? AND id<?)"),
        (sql::RELEASE_HELD, "messages_out_held_line (tenant_id=? AND conversation_id=?)"),
        (sql::SUPPRESS, "messages_out_held_line (tenant_id=? AND conversation_id=?)"),
        (sql::BLOCKED_REASONS, "messages_out_line (tenant_id=? AND conversation_id=? AND id<?)"),
        (sql::BLOCKED_REASONS, "messages_out_heads (tenant_id=? AND channel_id=?"),
        (sql::EXPIRE_DEFERRED, "messages_out_expiring (expires_at>? AND expires_at<?)"),
        (sql::DEFERRED_PAGE, "messages_out_deferred (tenant_id=? AND conversation_id>?)"),
        (sql::DEFERRED_PAGE, "messages_out_deferred (tenant_id>?)"),
        (sql::QUEUE_PAGE, "messages_out_line (tenant_id=? AND conversation_id>?)"),
        (sql::QUEUE_PAGE, "messages_out_line (tenant_id>?)"),
        (sql::DUE_OUTBOX, "messages_out_heads (tenant_id=? AND channel_id>?)"),
        (sql::DUE_OUTBOX, "messages_out_heads (tenant_id>?)"),
        (sql::OUTBOX_ROWS, "messages_out_line (tenant_id=? AND conversation_id=? AND id>?)"),
        (sql::UNBLOCK_HEADS, "messages_out_line (tenant_id=? AND conversation_id=?)"),
        (sql::REORDER, "messages_out_line (tenant_id=? AND conversation_id=?)"),
        (sql::RELEASE, "messages_out_deferred (tenant_id=? AND conversation_id=?)"),
        (sql::CONFLICTS, "messages_out_deferred (tenant_id=? AND conversation_id=?)"),
        (sql::SUPPRESS, "messages_out_line (tenant_id=? AND conversation_id=?)"),
        (sql::SUPPRESS, "messages_out_deferred (tenant_id=? AND conversation_id=?)"),
        (sql::OWNED_BY_OTHERS, "sqlite_autoindex_messages_out_1 (id>?)"),
        (sql::OWNED_BY_OTHERS, "messages_out_late (provider_message_id=?)"),
        (sql::AWAITS_DUPLICATE_CANDIDATE, "messages_out_leased"),
        (sql::AWAITS_DUPLICATE_CANDIDATE, "messages_out_line (tenant_id=? AND conversation_id=? AND id<?)"),
        (sql::ASKED_BEFORE, "messages_out_asked_once (tenant_id=? AND idempotency_key=?)"),
        (sql::BACKLOG, "messages_in_waiting (tenant_id=?)"),
        (sql::TENANTS_BEHIND, "messages_in_waiting (tenant_id>?)"),
        (sql::LOAD, "messages_in_waiting (tenant_id=? AND id<?)"),
        (sql::LOAD, "messages_out_line (tenant_id=? AND conversation_id=?)"),
        (sql::LOAD, "messages_out_deferred (tenant_id=? AND conversation_id=?)"),
        (sql::USAGE_SINCE, "PRIMARY KEY (tenant_id=? AND quarter>?)"),
        (sql::DUE_TURNS, "conversations_timer"),
        (sql::OLD_OUTBOUND, "sqlite_autoindex_messages_out_1 (id>? AND id<?)"),
        (sql::OLD_INBOUND, "sqlite_autoindex_messages_in_1 (id>? AND id<?)"),
        (sql::FORGET_OUTBOUND, "sqlite_autoindex_messages_out_1 (id>? AND id<?)"),
        (sql::FORGET_OUTBOUND, "consents_address (tenant_id=? AND address=?)"),
        (sql::FORGET_INBOUND, "sqlite_autoindex_messages_in_1 (id>? AND id<?)"),
        (sql::FORGET_INBOUND, "messages_out_line (tenant_id=? AND conversation_id=?)"),
        (sql::FORGET_INBOUND, "messages_out_deferred (tenant_id=? AND conversation_id=?)"),
        (sql::OLD_EVENTS, "event_log USING INTEGER PRIMARY KEY (rowid>?)"),
        (sql::FORGET_EVENTS, "event_log USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (sql::FORGET_EVENTS, "messages_out_line"),
        (sql::OLDEST_OPEN, "messages_out_deferred"),
    ] {
        let plan = plan(&store, sql).await;
        assert!(plan.iter().any(|step| step.contains(index)), "{sql}\n{plan:#?}");
    }
}
