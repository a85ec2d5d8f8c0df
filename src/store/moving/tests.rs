//! Moves between real databases, with interruptions.

use std::collections::{BTreeMap, BTreeSet};

use palabre_actors::domain::ids::InboundId;
use palabre_actors::domain::send::Receipt;
use palabre_actors::ports::{Acceptance, Inbox, Outbox, Settled, Settlement};
use palabre_actors::testing::conformance::Subject;
use palabre_actors::testing::conformance::fixture::{Customer, at, now, queued};
use palabre_testbed::postgres::{self, Database};
use tempfile::TempDir;

use super::catalogue::TABLES;
use super::*;
use crate::store::Store;
use crate::store::operator::Operator;
use crate::store::statement::rows;

/// An installation on SQLite, and an empty PostgreSQL.
struct Rig {
    folder: TempDir,
    target: Database,
}

impl Rig {
    async fn new() -> (Self, Store) {
        let rig = Self { folder: tempfile::tempdir().unwrap(), target: postgres::empty() };
        let store = Store::open(&rig.from(), true).await.unwrap();
        (rig, store)
    }

    fn from(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("palabre.db").display())
    }

    async fn opened(&self, page_rows: usize) -> Result<MoveState, MoveError> {
        Move::open(&self.from(), &self.target.url(), page_rows).await
    }

    async fn ready(&self, page_rows: usize) -> Box<Move> {
        match self.opened(page_rows).await.unwrap() {
            MoveState::Ready(moving) => moving,
            MoveState::Done { .. } => panic!("there is something to do"),
        }
    }

    async fn copied(&self, page_rows: usize) -> u64 {
        let passes = self.ready(page_rows).await.copy(&mut |_| {}).await.unwrap();
        passes.iter().map(|pass| pass.written).sum()
    }

    async fn finished(&self, page_rows: usize) -> MoveVerdict {
        self.ready(page_rows).await.finish(&mut |_| {}).await.unwrap()
    }

    /// PostgreSQL as a daemon opens it.
    async fn moved(&self) -> Store {
        Store::open(&self.target.url(), true).await.unwrap()
    }
}

fn taken(message: palabre_actors::domain::message::Outbound, seconds: i64) -> std::sync::Arc<Settlement> {
    let receipt = Receipt { provider_message_id: palabre_actors::domain::ids::ProviderMessageId::new("SM1") };
    let result = Settled::Sent(receipt);
    std::sync::Arc::new(Settlement { message, result, at: at(seconds), via: None, cost_micros: 7 })
}

/// Texts that trip whoever writes them carelessly.
const ODD: &str = "tab\tline\nreturn\rback\\slash \\N \\. 'quote' \"double\" é 😀 \u{1}";

/// A row in every table, a value in every column.
async fn fill(store: &Store) {
    for n in 0..7 {
        let customer = Customer::of(if n % 2 == 0 { "belle" } else { "taxi" }, n);
        let answer = customer.is_answered(store, &format!("SM{n}"), i64::from(n), now(0)).await;
        store.settle(taken(answer, i64::from(n))).await.unwrap();
        customer.is_answered(store, &format!("next {n}"), i64::from(n), queued(100)).await;
        customer.sends(store, &format!("waits {n}"), 50).await;
    }
    let t = "2026-11-21T03:55:00.000001Z";
    let odd = ODD.replace('\'', "''");
    let sql = format!(
        "INSERT INTO tenants VALUES ('belle', '{odd}', 'fr', 'Europe/Paris', '{t}', '{t}');
        INSERT INTO channels VALUES ('belle-wa', 'belle', 'twilio-whatsapp', 'whatsapp:+14155238886', '{t}', '{t}');
        INSERT INTO seller_phones (tenant_id, phone_number) VALUES ('belle', '+33612340001');
        INSERT INTO seller_phones (id, tenant_id, phone_number, created_at)
            VALUES ('by hand', 'belle', '+33612340002', '2026-11-21T04:55:00+01:00');
        INSERT INTO opt_outs (id, tenant_id, address, source, message_id, created_at)
            VALUES ('00000000-0000-7000-8000-0000000000d1', 'belle', 'whatsapp:+33600000001', 'message', 'm1', '{t}');
        INSERT INTO consents VALUES ('00000000-0000-7000-8000-0000000000e1', 'belle', 'belle-wa', '00000000-0000-7000-8000-0000000000c1', 'whatsapp:+33600000001', 'opted_out', 'message',
            'm1', '{t}', 'marketing');
        INSERT INTO channel_pauses VALUES ('belle-wa', 'belle', 'operator', '{t}', '{t}');
        INSERT INTO live_sessions VALUES ('00000000-0000-7000-8000-0000000000b1', 'belle', '{t}', '{t}', NULL, '{t}', NULL, NULL), ('00000000-0000-7000-8000-0000000000b2', 'belle', '{t}', '{t}', '{t}', NULL, 38, 5);
        INSERT INTO broadcasts VALUES ('00000000-0000-7000-8000-0000000000c1', 'belle', 'belle-wa', 'fidele', '{t}', 'Soldes', NULL, 60, 9007199254740993, 'stopped', 'budget', 'command-line', '{t}', '{t}', '{t}');
        INSERT INTO broadcast_recipients VALUES ('belle', '00000000-0000-7000-8000-0000000000c1', 'c', 'asked', NULL, 'm', '{t}'), ('belle', '00000000-0000-7000-8000-0000000000c1', 'd', 'refused', 'opted_out', NULL, '{t}');
        INSERT INTO assistant_usage VALUES ('belle', '2026-11-20', 9007199254740993, '{t}');
        INSERT INTO order_lines VALUES ('00000000-0000-7000-8000-0000000000b3', 'belle', '00000000-0000-7000-8000-0000000000b1', 'c', 'p', 'R12', 'M', 2, 'noted',
            '00000000-0000-7000-8000-0000000000f2', '{t}', '{t}');
        INSERT INTO installation VALUES ('secret', 'of all nodes');
        INSERT INTO users VALUES ('00000000-0000-7000-8000-000000000101', 'awa@belle.example', '{odd}', 'fr', '$argon2id$x', 'ABC', '{t}', 7, '[\"x\"]', '{t}', '{t}',
            '{t}', '{t}', 'https://id.example', '{odd}');
        INSERT INTO memberships VALUES ('*', '00000000-0000-7000-8000-000000000101', 'operator', '{t}'), ('belle', '00000000-0000-7000-8000-000000000101', 'owner', '{t}');
        INSERT INTO user_sessions VALUES ('00000000-0000-7000-8000-000000000102', '00000000-0000-7000-8000-000000000101', 'd1', 'belle', 'whole', 'Firefox · Linux', '{t}', '{t}', '{t}');
        INSERT INTO push_subscriptions VALUES ('00000000-0000-7000-8000-000000000106', '00000000-0000-7000-8000-000000000101', '00000000-0000-7000-8000-000000000102', 'https://push.example/1', 'k', 'a', '', 0, '{t}');
        INSERT INTO user_links VALUES ('00000000-0000-7000-8000-000000000103', '00000000-0000-7000-8000-000000000101', 'invitation', 'belle', 'agent', 'd2', '{t}', '{t}');
        INSERT INTO api_keys VALUES ('00000000-0000-7000-8000-000000000104', 'belle', '00000000-0000-7000-8000-000000000101', 'crm', 'd3', 'read send', 'user:x', '{t}', '{t}', '{t}', '{t}');
        INSERT INTO audit_log VALUES ('00000000-0000-7000-8000-000000000105', 'belle', 1, 'user:x', 'session.begin', 'session', 's1', '00000000-0000-7000-8000-000000000106', '{t}', '{{}}', 'h1');
        INSERT INTO audit_heads VALUES ('belle', 1, 'h1', 1, '');
        UPDATE contacts SET welcomed_at = '{t}', confirmed_at = '{t}', merged_into = '00000000-0000-7000-8000-0000000000c2', merged_at = '{t}'
            WHERE id = (SELECT min(id) FROM contacts);
        INSERT INTO timers VALUES ('00000000-0000-7000-8000-0000000000f1', 'belle', (SELECT min(id) FROM conversations), 'send', '{t}',
            '{{\"text\": \"{odd}\"}}', '00000000-0000-7000-8000-0000000000f2', '{t}');
        INSERT INTO claims VALUES ('belle', 'seat/{odd}/1', '00000000-0000-7000-8000-0000000000a1', '{t}');
        INSERT INTO bookings VALUES ('00000000-0000-7000-8000-0000000000a1', 'belle', 'c', 'p', 'manucure', '{odd}', '{t}', '{t}', '{t}',
            'held', '00000000-0000-7000-8000-0000000000f2', '{t}', '{t}', 15, 3, 13);
        INSERT INTO waiting_list VALUES ('00000000-0000-7000-8000-0000000000a9', 'belle', 'c', 'p', 'manucure', '{odd}', '{t}', '{t}', '14:00:00', NULL,
            '00000000-0000-7000-8000-0000000000a1', 'waiting', '00000000-0000-7000-8000-0000000000f2', '{t}', '{t}', 2);
        INSERT INTO leads VALUES ('00000000-0000-7000-8000-0000000000a2', 'belle', 'c', 'p', '{odd}', 'a@b.fr', NULL, '{odd}', 1, 'new', 'lead',
            '00000000-0000-7000-8000-0000000000f2', '{t}', '{t}');
        INSERT INTO offers VALUES ('00000000-0000-7000-8000-0000000000a3', 'belle', 'c', 'p', 'ride', '{odd}', '{{}}', 'open', NULL, '{t}',
            '00000000-0000-7000-8000-0000000000f2', '{t}', '{t}', 5);
        INSERT INTO erased_addresses VALUES ('belle', 'd', 'all', 'message', '{t}', '{t}');
        INSERT INTO privacy_requests VALUES ('00000000-0000-7000-8000-0000000000a4', 'belle', 'export', 'c1', 'done', 'command-line', 'fr', 100, 1, '{t}',
            'a.zip', 7, 'ab', '{t}', '{{}}', '{odd}', '{t}', '{t}', '{t}');
        INSERT INTO on_duty VALUES ('belle', 'c', '{t}');
        INSERT INTO plans VALUES ('belle', 'premium', '{odd}', 999, 'eur', 'month', 500, '{t}');
        INSERT INTO subscriptions VALUES ('00000000-0000-7000-8000-0000000000f3', 'belle', 'premium', 'belle-tg', 'telegram:1', 'c1', 'fr', 'active', '{t}', '{t}',
            'stripe', 'sub_1', 'cus_1', 'pi_1', 'acct_1', '{odd}', '{{}}', '[]', 3, '{t}', '{t}', '{t}', '{t}', '{t}', '{odd}', '{odd}', '{t}');
        INSERT INTO access_chats VALUES ('belle', 'telegram:-100', '{t}', '{t}', '{t}', '{t}', 'telegram:-1001');
        INSERT INTO chat_members VALUES ('belle', 'telegram:-100', 'telegram:1', 'member', 'stranger', '{t}');
        INSERT INTO access_bots VALUES ('belle', 'belle-tg', 101, '{t}');
        INSERT INTO payment_events VALUES ('00000000-0000-7000-8000-0000000000f4', 'belle', 'stripe', 'evt_1', 'invoice.paid', 1, 'acct_1', 'invoice', 'in_1',
            '00000000-0000-7000-8000-0000000000f3', 999, 'eur', 'applied', 2, '{t}', '{t}', '{t}');
        INSERT INTO access_grants VALUES ('00000000-0000-7000-8000-0000000000f5', 'belle', '00000000-0000-7000-8000-0000000000f3', 'telegram:-100', 'in', 'https://t.me/+x', 'm', '{t}');
        INSERT INTO crm_records VALUES ('belle', 'c', 'found', 'Lead', '5f8d0d55b54764421', 2, 'http_500', '{t}', '{t}', '{t}');
        INSERT INTO crm_emails VALUES ('belle', '00000000-0000-7000-8000-0000000000f8', 'logged', 1, NULL, '{t}', '{t}');
        INSERT INTO webhook_endpoints VALUES ('belle', 'crm', 'd', '*', 'active', NULL, '{t}', '{t}');
        INSERT INTO webhook_deliveries VALUES ('belle', 'crm', '00000000-0000-7000-8000-0000000000f6', 'message_sent', 'message_out', 'm', 'c', 'system', '{{}}', '{t}',
            'q', 'dead', 3, 1, '{t}', 2, '{t}', 'http_500', '{t}', '{t}');
        INSERT INTO media VALUES ('00000000-0000-7000-8000-0000000000f6', 'belle', 'belle-wa', (SELECT min(id) FROM messages_in), 'c', 0, '{odd}', 'image/png', '{odd}',
            'stored', NULL, 'image/png', 9, 'ab', 2, '{t}', '{t}', '{t}');
        INSERT INTO poll_cursors VALUES ('belle', 'belle-tg', 9007199254740993, 'n1', '{t}', '{t}');
        INSERT INTO setup_steps VALUES ('belle', 'hours', 'user:a', '{t}');
        INSERT INTO faq_entries VALUES ('entry', 'belle', '{odd}', 'a', 'price', '{odd}', 'fr', 1, 'hand', '{t}', '{t}', 'user:a');
        UPDATE conversations SET assignee = 'Anne', memory = '{{\"misses\": 1}}', flow = '{{\"version\": 1, \"state\": {{}}}}', timer_at = '{t}', recent_answers = '[\"{t}\"]'
            WHERE id = (SELECT min(id) FROM conversations);
        UPDATE conversations SET waiting_since = '{t}', snoozed_until = '{t}', snoozed_at = '{t}'
            WHERE id = (SELECT min(id) FROM conversations);
        INSERT INTO notes VALUES ('00000000-0000-7000-8000-0000000000a7', 'belle', (SELECT min(id) FROM conversations),
            'u1', 'Awa', '{odd}', '{t}');
        INSERT INTO canned_replies VALUES ('00000000-0000-7000-8000-0000000000a8', 'belle', 'merci', '{odd}', 'u1', '{t}', '{t}');
        INSERT INTO daily_figures VALUES ('belle', '2026-11-20', '{{}}', '{t}');
        INSERT INTO conversation_labels VALUES ('belle', (SELECT min(id) FROM conversations), 'vip', '{t}');
        UPDATE messages_in SET body = '{odd}', profile_name = '{odd}', details = '{{}}', reason = 'odd'
            WHERE id = (SELECT min(id) FROM messages_in);
        UPDATE messages_out SET body = '{odd}', template = '{{\"name\": \"rdv\"}}', behind = 1, urgent = 0, expires_at = '{t}', life = 2,
            life_since = '{t}', attempts_before = 3, sent_via = 'belle-sms', blocked_reason = 'y', last_error = 'x', idempotency_key = 'k1',
            action = '{{\"kind\": \"ban\"}}', choices = '[{{\"id\": \"oui\", \"label\": \"Oui\"}}]',
            presentation = '{{\"subject\": \"é\"}}'
            WHERE id = (SELECT min(id) FROM messages_out);
        UPDATE event_log SET payload = '{{\"b\": [1, \"é\\u00e9\", null], \"a\": {{\"d\": true, \"c\": -2}}}}'
            WHERE rowid = 1;"
    );
    execute(store, sql).await;
    let merged =
        "UPDATE contact_addresses SET origin_contact_id = contact_id WHERE contact_id = (SELECT min(id) FROM contacts);
        UPDATE conversations SET origin_contact_id = contact_id, merged_into = '00000000-0000-7000-8000-0000000000c3'
            WHERE id = (SELECT max(id) FROM conversations);";
    execute(store, merged).await;
}

async fn execute(store: &Store, sql: impl AsRef<str>) {
    use sea_orm::ConnectionTrait as _;
    let crate::store::database::DatabasePool::SqliteWrites(conn, _) = &store.0.writes else { panic!("a file") };
    conn.execute_unprepared(sql.as_ref()).await.unwrap();
}

/// Every row of a store, as it reads through the ports, without an order.
async fn told(store: &Store) -> BTreeSet<String> {
    let snapshot = format!("{:#?}", store.snapshot().await);
    // Rows stand at the second step of the drawing.
    snapshot.split("\n        },").map(|row| row[row.find("\n        ").unwrap_or(0)..].to_owned()).collect()
}

#[tokio::test]
async fn every_table_and_every_column_is_moved() {
    let (rig, store) = Rig::new().await;
    Store::migrate(&rig.target.url()).await.unwrap();
    let columns = rows(
        &store.0.reads,
        "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
            AND m.name NOT LIKE 'sqlite_%' AND m.name NOT IN ('seaql_migrations', 'nodes', 'channel_notices', 'journals', 'calendar_feeds') \
            AND m.name <> 'messages_deleted'",
        Vec::new(),
    );
    let of_sqlite: BTreeSet<(String, String)> =
        columns.await.unwrap().iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
    let own = TABLES.iter().filter(|table| table.name == table.from);
    let named =
        own.flat_map(|table| table.columns.iter().map(|column| (table.name.to_owned(), column.name.to_owned())));
    assert_eq!(named.collect::<BTreeSet<_>>(), of_sqlite);
    let there = rig.target.psql(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c \
            JOIN pg_class k ON k.relname = c.table_name AND NOT k.relispartition \
            WHERE c.table_schema = 'public' AND k.relkind IN ('r', 'p') \
            AND c.table_name NOT IN ('seaql_migrations', 'nodes', 'quota_leases', 'channel_notices', 'low_watermark', 'journals', 'calendar_feeds', \
                'search_positions', 'search_messages', 'search_words', 'search_contacts')",
    );
    let of_postgres: BTreeSet<_> = there.lines().map(|line| line.split_once('|').unwrap()).collect();
    let written = TABLES.iter().flat_map(|table| {
        let columns = table.columns.iter().map(|column| column.name);
        columns.chain(table.beside.map(|(name, _)| name)).map(|column| (table.name, column))
    });
    assert_eq!(written.collect::<BTreeSet<_>>(), of_postgres);
}

#[tokio::test]
async fn what_is_moved_reads_the_same() {
    let (rig, store) = Rig::new().await;
    fill(&store).await;
    let before = told(&store).await;
    store.close().await.unwrap();
    let verdict = rig.finished(3).await;
    assert!(verdict.is_done(), "{verdict:?}");
    let rows: BTreeMap<_, _> = verdict.tables.iter().map(|table| (table.table, table.target.rows)).collect();
    assert!(rows.values().all(|rows| *rows > 0), "every table has rows: {rows:?}");
    assert_eq!((rows["messages_in"], rows["messages_once"], rows["messages_asked"]), (21, 21, 1));
    let moved = rig.moved().await;
    assert_eq!(told(&moved).await, before);
    let odd = rig.target.psql("SELECT body = (SELECT name FROM tenants) FROM messages_in ORDER BY id LIMIT 1");
    assert_eq!(odd, "t");
    assert_eq!(rig.target.psql("SELECT value FROM installation WHERE name = 'secret'"), "of all nodes");
    assert!(matches!(rig.opened(3).await, Ok(MoveState::Done { .. })));
}

#[tokio::test]
async fn i2_i3_the_daemon_goes_on_where_it_was() {
    let (rig, store) = Rig::new().await;
    let customer = Customer::of("belle", 1);
    customer.sends(&store, "SM1", 0).await;
    // Written by a clock that was ahead.
    execute(&store, "UPDATE messages_in SET id = 'f0000000-0000-7000-8000-000000000000'").await;
    store.close().await.unwrap();
    assert!(rig.finished(PAGE_ROWS).await.is_done());
    let moved = rig.moved().await;
    let again = moved.accept(vec![customer.writes("SM1", 1)]).await.pop().unwrap();
    assert!(matches!(again, Ok(Acceptance::Duplicate { .. })), "{again:?}");
    let next = customer.sends(&moved, "SM2", 1).await.id;
    assert!(next > InboundId(Uuid::parse_str("f0000000-0000-7000-8000-000000000000").unwrap()), "{next}");
    let waiting: Vec<_> = customer.loaded(&moved).await.waiting.into_iter().map(|message| message.id).collect();
    assert_eq!((waiting.len(), waiting[1]), (2, next), "the earlier one first");
}

#[tokio::test]
async fn what_changes_between_passes_is_found() {
    for page_rows in [1, 2, 5, 1000] {
        let (rig, store) = Rig::new().await;
        fill(&store).await;
        assert!(rig.copied(page_rows).await > 50);
        assert_eq!(rig.copied(page_rows).await, 0, "nothing happened meanwhile");
        // Rows come, change and go, at the beginning, in the middle and at the end.
        for n in [0, 3, 9] {
            Customer::of("belle", n).is_answered(&store, &format!("later {n}"), 60, queued(100)).await;
        }
        execute(
            &store,
            "UPDATE messages_out SET behind = 1 - behind, state = 'dead';
            DELETE FROM opt_outs;
            INSERT INTO opt_outs (id, tenant_id, address, source, message_id, created_at)
            VALUES ('00000000-0000-7000-8000-0000000000f1', 'belle', 'whatsapp:+33600000001', 'message', 'm2', '2026-11-21T00:00:00Z'),
                ('00000000-0000-7000-8000-0000000000f2', 'taxi', 'whatsapp:+33600000001', 'message', 'm2', '2026-11-21T00:00:00Z');
            UPDATE live_sessions SET closed_at = opened_at WHERE id = '00000000-0000-7000-8000-0000000000b1';
            INSERT INTO live_sessions (id, tenant_id, opened_at, last_message_at) VALUES ('00000000-0000-7000-8000-0000000000a0', 'belle', '2026-11-21T00:00:00Z', '2026-11-21T00:00:00Z');
            DELETE FROM messages_in WHERE id IN (SELECT id FROM messages_in WHERE processed_at IS NULL LIMIT 2);
            DELETE FROM tenants; DELETE FROM channels;
            UPDATE usage SET messages = messages + 1;",
        )
        .await;
        assert!(rig.copied(page_rows).await > 0);
        let before = told(&store).await;
        store.close().await.unwrap();
        let verdict = rig.finished(page_rows).await;
        assert!(verdict.is_done(), "{page_rows}: {verdict:?}");
        assert_eq!(told(&rig.moved().await).await, before);
    }
}

#[tokio::test]
async fn events_that_went_or_have_other_numbers_are_copied_anew() {
    // Retention took some of them away; somebody made the file small again, which may number its rows anew; both.
    for meanwhile in [
        "DELETE FROM event_log WHERE rowid < 10",
        "UPDATE event_log SET rowid = -rowid; UPDATE event_log SET rowid = 5 - rowid",
        "DELETE FROM event_log WHERE rowid < 10; UPDATE event_log SET rowid = -rowid; UPDATE event_log SET rowid = -9 - rowid",
    ] {
        let (rig, store) = Rig::new().await;
        fill(&store).await;
        rig.copied(10).await;
        execute(&store, meanwhile).await;
        store.close().await.unwrap();
        let verdict = rig.finished(10).await;
        assert!(verdict.is_done(), "{meanwhile}: {verdict:?}");
        assert_eq!(rig.target.psql("SELECT count(*) FROM event_log") == "42", !meanwhile.contains("DELETE"));
    }
}

#[tokio::test]
async fn a_difference_is_told_and_the_source_goes_on() {
    let (rig, store) = Rig::new().await;
    fill(&store).await;
    store.close().await.unwrap();
    rig.ready(100).await;
    rig.target.psql(
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name = upper(NEW.name); RETURN NEW; END $$;
        CREATE TRIGGER meddle BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION meddle();
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER lose BEFORE INSERT ON event_log FOR EACH ROW WHEN (NEW.event_type = 'message_routed')
            EXECUTE FUNCTION lose();",
    );
    let verdict = rig.finished(100).await;
    let differing: Vec<_> = verdict.tables.iter().filter(|table| !table.is_same()).map(|table| table.table).collect();
    assert_eq!(differing, ["contacts", "event_log"]);
    assert!(matches!(Store::open(&rig.target.url(), true).await, Err(StoreError::Moving)));
    Store::open(&rig.from(), true).await.unwrap().close().await.unwrap();
    rig.target.psql("DROP TRIGGER meddle ON contacts; DROP TRIGGER lose ON event_log");
    assert!(rig.finished(100).await.is_done());
    rig.moved().await;
}

#[tokio::test]
async fn at_no_moment_both_can_be_used() {
    let (rig, store) = Rig::new().await;
    fill(&store).await;
    store.close().await.unwrap();
    let mut moving = rig.ready(100).await;
    moving.copy(&mut |_| {}).await.unwrap();
    assert!(matches!(Store::open(&rig.target.url(), true).await, Err(StoreError::Moving)));
    assert!(matches!(Operator::open(&rig.target.url()).await, Err(StoreError::Moving)));
    drop(moving);
    assert!(rig.finished(100).await.is_done());
    // Killed after the source was marked, before the target was.
    rig.target.psql("UPDATE installation SET value = replace(value, 'finished', 'copying') WHERE name = 'move'");
    assert!(matches!(Store::open(&rig.from(), true).await, Err(StoreError::Moved { .. })));
    assert!(matches!(Operator::open(&rig.from()).await, Err(StoreError::Moved { .. })));
    assert!(matches!(Store::open(&rig.target.url(), true).await, Err(StoreError::Moving)));
    assert!(rig.finished(100).await.is_done());
    assert!(matches!(Store::open(&rig.from(), true).await, Err(StoreError::Moved { .. })));
    rig.moved().await;
}

/// What a move says to somebody who may not begin it.
async fn refusal(from: &str, to: &str) -> MoveError {
    Move::open(from, to, PAGE_ROWS).await.expect_err("it is refused")
}

#[tokio::test]
async fn what_may_not_be_moved_is_refused() {
    let (rig, store) = Rig::new().await;
    let (from, to) = (rig.from(), rig.target.url());
    for (from, to) in [(&to, &from), (&from, &from), (&to, &to)] {
        assert!(matches!(refusal(from, to).await, MoveError::Direction));
    }
    assert!(matches!(refusal("sqlite:///nowhere/palabre.db", &to).await, MoveError::NoSource { .. }));
    // Somebody's own installation.
    let other = palabre_testbed::postgres::empty();
    let theirs = Store::open(&other.url(), true).await.unwrap();
    Customer::of("belle", 1).sends(&theirs, "SM1", 0).await;
    assert!(matches!(refusal(&from, &other.url()).await, MoveError::Occupied { table: "messages_in" }));
    assert!(matches!(refusal(&from, &to.replace("127.0.0.1", "127.0.0.1:1/x?")).await, MoveError::Store(_)));
    // Two commands at once, and another installation.
    let moving = rig.ready(10).await;
    assert!(matches!(refusal(&from, &to).await, MoveError::Busy));
    drop(moving);
    let folder = tempfile::tempdir().unwrap();
    let another = format!("sqlite://{}", folder.path().join("another.db").display());
    Store::open(&another, true).await.unwrap();
    assert!(matches!(refusal(&another, &to).await, MoveError::NotOurs));
    // A daemon has it.
    let lock = Lock::take(&from).unwrap();
    let running = rig.ready(10).await.finish(&mut |_| {}).await.unwrap_err();
    assert!(matches!(running, MoveError::Store(StoreError::InUse { .. })), "{running}");
    drop(lock);
    // Another version's.
    execute(&store, "INSERT INTO seaql_migrations VALUES ('m20991231_000001_later', 0)").await;
    assert!(matches!(refusal(&from, &to).await, MoveError::Versions));
    execute(&store, "DELETE FROM seaql_migrations WHERE version LIKE '%later' OR version LIKE '%nodes'").await;
    assert!(matches!(refusal(&from, &to).await, MoveError::Versions));
    execute(&store, "INSERT INTO seaql_migrations VALUES ('m20261121_000004_nodes', 0)").await;
    // Once it is over.
    assert!(rig.finished(10).await.is_done());
    let third = palabre_testbed::postgres::empty();
    assert!(matches!(refusal(&from, &third.url()).await, MoveError::Elsewhere { .. }));
    execute(&store, "UPDATE installation SET value = replace(value, 'finished', 'copying') WHERE name = 'move'").await;
    assert!(matches!(refusal(&from, &to).await, MoveError::Overtaken));
}

#[tokio::test]
async fn a_value_that_nobody_can_read_is_named() {
    let (rig, store) = Rig::new().await;
    fill(&store).await;
    execute(&store, "UPDATE contacts SET updated_at = 'yesterday' WHERE id = (SELECT max(id) FROM contacts)").await;
    let error = rig.ready(3).await.copy(&mut |_| {}).await.unwrap_err();
    assert!(matches!(error, MoveError::Unreadable { table: "contacts", column: "updated_at" }), "{error}");
    execute(&store, "UPDATE contacts SET updated_at = created_at").await;
    store.close().await.unwrap();
    assert!(rig.finished(3).await.is_done());
}

#[tokio::test]
async fn pages_are_as_long_as_memory_allows() {
    let (rig, store) = Rig::new().await;
    let customer = Customer::of("belle", 1);
    for n in 0..4 {
        customer.sends(&store, &format!("SM{n}"), n).await;
    }
    execute(&store, "UPDATE messages_in SET body = replace(hex(zeroblob(1500000)), '0', 'x')").await;
    let source = MoveSource::open(&rig.from(), 1000).await.unwrap();
    let table = TABLES.iter().find(|table| table.name == "messages_in").unwrap();
    let first = source.page(table, None).await.unwrap();
    // Three million characters each: a page ends with the one that is too much for it.
    assert_eq!(first.len(), 2);
    store.close().await.unwrap();
    assert!(rig.finished(1000).await.is_done());
    assert_eq!(rig.target.psql("SELECT count(*), min(length(body)) FROM messages_in"), "4|3000000");
}

#[tokio::test]
async fn months_that_are_moved_have_their_partitions() {
    let (rig, store) = Rig::new().await;
    Customer::of("belle", 1).sends(&store, "SM1", 0).await;
    execute(
        &store,
        "UPDATE messages_in SET id = '0191a000-0000-7000-8000-000000000000';
        UPDATE event_log SET created_at = '2024-08-30T00:00:00.000000Z';",
    )
    .await;
    store.close().await.unwrap();
    // A daemon was there before, and saw that nothing is open.
    Store::migrate(&rig.target.url()).await.unwrap();
    rig.target.psql("UPDATE low_watermark SET inbound = 'f', outbound = 'f'");
    assert!(rig.finished(100).await.is_done());
    assert_eq!(rig.target.psql("SELECT inbound || outbound FROM low_watermark"), "");
    let where_they_are =
        "SELECT tableoid::regclass FROM messages_in UNION ALL SELECT tableoid::regclass FROM event_log";
    assert_eq!(rig.target.psql(where_they_are), "messages_in_2024_08\nevent_log_2024_08");
}
