//! Erasing and exporting a person, on both databases: what was planted is found by nobody afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use palabre_actors::domain::ids::{ContactId, TenantId};
use palabre_actors::ports::{RecipientStatuses as _, Turns as _};
use palabre_actors::testing::conformance::fixture::{Customer, at, queued};
use palabre_testbed::postgres::{self, Database};
use tempfile::TempDir;
use uuid::Uuid;

use super::catalogue::TABLES;
use super::erase::is_here;
use super::*;
use crate::store::Store;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{Dialect, SqlExecutor, rows};
use crate::store::tests::fresh;

/// Their number, and as others write it.
const NUMBER: &str = "+33612340001";
const SPELT: &str = "06 12 34 00 01";
/// An id that WhatsApp gave to a message of theirs.
const KEPT_ID: &str = "wamid.HBgLMzM2MTIzNDAwMDEVAgASGBQzQTdCMUFCNEE5RkQ0RjA4RTYA";

/// A store, and everything that is kept of it.
enum Storage {
    Folder(TempDir),
    Server(Database),
}

impl Storage {
    /// Everything that is kept, in lower case.
    fn dump(&self) -> String {
        match self {
            Self::Folder(folder) => files(folder.path()),
            Self::Server(database) => {
                let tables = database.psql(
                    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                    WHERE n.nspname = 'public' AND c.relkind = 'r'",
                );
                tables
                    .lines()
                    .map(|table| database.psql(&format!("SELECT t::text FROM \"{table}\" t")) + "\n")
                    .collect()
            }
        }
        .to_lowercase()
    }
}

fn files(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
            }
        })
        .collect()
}

async fn on_both() -> Vec<(Store, Storage)> {
    let (lite, folder) = fresh().await;
    let database = postgres::empty();
    let full = Store::open(&database.url(), true).await.unwrap();
    vec![(lite, Storage::Folder(folder)), (full, Storage::Server(database))]
}

async fn run(store: &Store, sql: &str) {
    store.0.writes.execute(sql.to_owned().into(), Vec::new()).await.unwrap();
}

/// A word that stands nowhere else.
fn fact(number: usize) -> String {
    format!("zeph{number:02}yrine")
}

/// The person, known through a real conversation.
async fn known(store: &Store) -> (ContactId, String, String) {
    let customer = Customer::of("belle", 1);
    assert!(customer.0.address.as_str().ends_with(NUMBER));
    customer.is_answered(store, "SM-first", 0, queued(100)).await;
    let state = customer.state(store).await;
    let (contact, conversation) = (state.contact.unwrap().id, state.conversation.unwrap().id.to_string());
    let flows = rows(&store.0.reads, "SELECT correlation_id FROM messages_in", Vec::new()).await.unwrap();
    (contact, conversation, flows[0].get(0).unwrap())
}

/// Plants forty facts over every table that has something of a person, and what tells of them elsewhere.
async fn plant(store: &Store, (contact, conversation, flow): (ContactId, &str, &str)) -> Vec<String> {
    let (t, later) = ("2026-11-21T03:55:00.000001Z", "2099-11-21T03:55:00.000001Z");
    let id = || Uuid::now_v7().to_string();
    let (other, subscription, message) = (id(), id(), id());
    let kept = match store.0.reads.dialect() {
        Dialect::Sqlite => "messages_deleted",
        Dialect::Postgres => "messages_once",
    };
    let mut n = 0;
    let mut f = || {
        n += 1;
        fact(n)
    };
    for sql in [
        format!("INSERT INTO tenants VALUES ('belle', 'Belle', 'fr', 'Europe/Paris', '{t}', '{t}')"),
        format!("UPDATE contacts SET name = '{} {}' WHERE id = '{contact}'", f(), f()),
        format!(
            "INSERT INTO contact_addresses (tenant_id, address, contact_id, created_at) \
            VALUES ('belle', 'mailto:{}@example.org', '{contact}', '{t}')",
            f()
        ),
        format!(
            "UPDATE conversations SET flow = '{{\"name\": \"{}\"}}', memory = '{{\"said\": \"{}\"}}' WHERE id = '{conversation}'",
            f(),
            f()
        ),
        format!(
            "UPDATE messages_in SET body = '{} {}', profile_name = '{}', details = '{{\"a\": \"{}\"}}', provider_message_id = 'wamid-{}'",
            f(),
            f(),
            f(),
            f(),
            f()
        ),
        format!(
            "UPDATE messages_out SET body = '{}', template = '{{\"v\": \"{}\"}}', action = '{{\"kind\": \"{}\"}}', choices = '[\"{}\"]', \
            presentation = '{{\"html\": \"{}\"}}', provider_message_id = '{}', idempotency_key = '{}'",
            f(),
            f(),
            f(),
            f(),
            f(),
            f(),
            f()
        ),
        format!(
            "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, next_attempt_at, \
            correlation_id, created_at, updated_at) VALUES ('{message}', 'belle', 'belle-wa', '{other}', 'whatsapp:+33699990000', 'A customer: {}', \
            'manual', 'sent', 1, '{t}', '{flow}', '{t}', '{t}')",
            f()
        ),
        format!("INSERT INTO notes VALUES ('{}', 'belle', '{conversation}', 'u1', 'Awa', '{}', '{t}')", id(), f()),
        format!(
            "INSERT INTO notes VALUES ('{}', 'belle', '{other}', 'u1', 'Awa', 'call {NUMBER} or {SPELT} back', '{t}')",
            id()
        ),
        format!("INSERT INTO conversation_labels VALUES ('belle', '{conversation}', '{}', '{t}')", f()),
        format!(
            "INSERT INTO timers VALUES ('{}', 'belle', '{conversation}', 'send', '{later}', '{{\"text\": \"{}\"}}', '{flow}', '{t}')",
            id(),
            f()
        ),
        format!(
            "INSERT INTO timers VALUES ('{}', 'belle', '{other}', 'notify', '{later}', '{{\"text\": \"{}\"}}', '{flow}', '{t}')",
            id(),
            f()
        ),
        format!(
            "INSERT INTO bookings VALUES ('b1', 'belle', '{conversation}', '{contact}', 'manucure', 'Awa', '{later}', '{later}', '{later}', \
            'confirmed', '{flow}', '{t}', '{t}', 15, 1, 1)"
        ),
        format!(
            "INSERT INTO waiting_list VALUES ('{}', 'belle', '{conversation}', '{contact}', 'manucure', 'Awa', '{later}', '{later}', NULL, NULL, NULL, \
            'waiting', '{flow}', '{t}', '{t}', 1)",
            id()
        ),
        format!("INSERT INTO claims VALUES ('belle', 'seat/{}', 'b1', '{t}')", f()),
        format!(
            "INSERT INTO leads VALUES ('l1', 'belle', '{conversation}', '{contact}', '{}', '{}@example.org', '{}', '{}', '1', 'new', \
            'lead', '{flow}', '{t}', '{t}')",
            f(),
            f(),
            f(),
            f()
        ),
        format!(
            "INSERT INTO offers VALUES ('o1', 'belle', '{conversation}', '{contact}', 'ride', '{}', '{{\"from\": \"{}\"}}', 'open', NULL, \
            '{later}', '{flow}', '{t}', '{t}', 5)",
            f(),
            f()
        ),
        format!(
            "INSERT INTO opt_outs (id, tenant_id, address, source, message_id, created_at) \
            VALUES ('{}', 'belle', 'whatsapp:{NUMBER}', 'message', 'm1', '{t}')",
            id()
        ),
        format!(
            "INSERT INTO consents (id, tenant_id, channel_id, contact_id, address, what, source, evidence, created_at) \
            VALUES ('{}', 'belle', 'belle-wa', '{contact}', 'whatsapp:{NUMBER}', 'opted_out', 'operator', '{}', '{t}')",
            id(),
            f()
        ),
        format!(
            "INSERT INTO consents (id, tenant_id, contact_id, address, what, source, evidence, created_at, scope) \
            VALUES ('{}', 'belle', '{contact}', 'mailto:{}@example.org', 'opted_out', 'operator', '{}', '{t}', 'marketing')",
            id(),
            f(),
            f()
        ),
        format!(
            "INSERT INTO subscriptions VALUES ('{subscription}', 'belle', 'premium', 'belle-tg', 'telegram:{}', '{contact}', 'fr', 'expired', NULL, NULL, \
            'stripe', 'sub_1', 'cus_1', 'pi_1', 'acct_1', '{}@example.org', '{{}}', '[]', 1, NULL, NULL, '{t}', '{t}', '{t}', \
            'https://pay.example/{}', 'https://pay.example/{}', NULL)",
            f(),
            f(),
            f(),
            f()
        ),
        format!(
            "INSERT INTO payment_events (id, tenant_id, provider, provider_event_id, type, livemode, subject, subscription_id, received_at, applied_at) \
            VALUES ('p1', 'belle', 'stripe', 'evt_1', 'invoice.paid', '1', 'invoice', '{subscription}', '{t}', '{t}')"
        ),
        format!(
            "INSERT INTO order_lines VALUES ('{}', 'belle', 'ls1', '{conversation}', '{contact}', 'R12', '{}', 2, 'noted', '{flow}', '{t}', '{t}')",
            id(),
            f()
        ),
        format!(
            "INSERT INTO webhook_deliveries VALUES ('belle', 'crm', '{}', 'message_sent', 'message_out', '{message}', '{flow}', 'system', \
            '{{\"provider_message_id\": \"wamid-{}\"}}', '{t}', 'q', 'dead', 3, 1, '{t}', 2, '{t}', 'http_500', '{t}', '{t}')",
            id(),
            f()
        ),
        format!(
            "INSERT INTO event_log VALUES ('{}', 'belle', 'message_sent', 'message_out', '{message}', '{flow}', 'system', \
            '{{\"provider_message_id\": \"wamid-{}\", \"to\": \"sent\"}}', '{t}')",
            id(),
            f()
        ),
        format!(
            "INSERT INTO media (id, tenant_id, channel_id, message_id, position, url, declared_type, name, state, hash, attempts, next_attempt_at, \
            created_at, updated_at) VALUES ('{}', 'belle', 'belle-wa', (SELECT min(id) FROM messages_in), 0, 'https://media.example/{}', \
            'image/jpeg', '{}.jpg', 'stored', 'h1', 1, '{t}', '{t}', '{t}')",
            id(),
            f(),
            f()
        ),
        format!(
            "INSERT INTO crm_records VALUES ('belle', '{contact}', 'found', 'Lead', '{}', 1, NULL, '{t}', '{later}', '{t}')",
            f()
        ),
        format!(
            "INSERT INTO chat_members VALUES ('belle', 'telegram:-100', 'whatsapp:{NUMBER}', 'member', NULL, '{t}')"
        ),
        // Retention deleted this message, and its id is kept: the number is in it.
        format!(
            "INSERT INTO {kept} (tenant_id, channel_id, provider_message_id, id, correlation_id) \
            VALUES ('belle', 'belle-wa', '{KEPT_ID}', '{}', '{}')",
            id(),
            id()
        ),
        format!(
            "INSERT INTO access_grants VALUES ('g1', 'belle', '{subscription}', 'telegram:-100', 'out', 'https://t.me/+{}', NULL, '{t}')",
            f()
        ),
        format!(
            "INSERT INTO canned_replies VALUES ('r1', 'belle', 'nadia', 'write to {}', 'u1', '{t}', '{t}')",
            NUMBER
        ),
        format!(
            "INSERT INTO faq_entries (id, tenant_id, question, answer, created_at, updated_at) VALUES ('f1', 'belle', 'who?', 'ask {SPELT}', '{t}', '{t}')"
        ),
    ] {
        run(store, &sql).await;
    }
    // What others have of their own stays.
    Customer::of("belle", 2).is_answered(store, "SM-other", 1, queued(100)).await;
    let mut facts: Vec<String> = (1..=n).map(fact).collect();
    facts.extend([NUMBER, NUMBER.trim_start_matches('+'), SPELT, KEPT_ID].map(str::to_lowercase));
    facts
}

async fn erased(operator: &Operator, contact: ContactId) -> ErasureReport {
    let (belle, now) = (TenantId::new("belle"), at(50));
    let person = operator.person(&belle, contact).await.unwrap().unwrap();
    let mut report =
        ErasureReport { cancelled_messages: operator.call_back(&person, now).await.unwrap(), ..Default::default() };
    assert_eq!(operator.being_sent(&person, now).await.unwrap(), 0);
    operator.blank_messages(&person, &mut report).await.unwrap();
    let changed = operator.take_out_mentions(&person, &mut report).await.unwrap();
    operator.leave_index(&person, &changed).await.unwrap();
    operator.forget_person(&person, &mut report, now).await.unwrap();
    let late = operator.late_messages(&person).await.unwrap();
    assert_eq!(late.counts().messages, 0);
    operator.leave_index_for_good(&report.contacts).await.unwrap();
    report.is_rewritten = operator.scrub().await.unwrap();
    report
}

#[tokio::test]
async fn i16_of_forty_planted_facts_none_is_left_anywhere() {
    for (store, place) in on_both().await {
        let (contact, conversation, flow) = known(&store).await;
        let facts = plant(&store, (contact, &conversation, &flow)).await;
        assert!(facts.len() >= 40, "{}", facts.len());
        let mut index = store.search_index().unwrap();
        let after_a_while = chrono::Utc::now() + chrono::TimeDelta::hours(1);
        while index.step(after_a_while).await.unwrap().has_more {}
        let before = place.dump();
        let missing: Vec<&String> = facts.iter().filter(|fact| !before.contains(fact.as_str())).collect();
        assert!(missing.is_empty(), "not planted: {missing:?}");

        let report = erased(&store.operator(), contact).await;
        let after = place.dump();
        let left: Vec<&String> = facts.iter().filter(|fact| after.contains(fact.as_str())).collect();
        assert!(left.is_empty(), "{left:?} are left after {report:?}");
        assert!(report.keeps_silence && report.cancelled_messages >= 1 && report.cancelled_bookings == 1, "{report:?}");
        assert_eq!((report.held["payment_events"], report.mentions >= 3), (1, true), "{report:?}");
        assert!(store.operator().person(&TenantId::new("belle"), contact).await.unwrap().is_none());
        // Orders and bookings stay for counts, and what the law asks; nothing leads from them to a person.
        for (table, wanted) in
            [("order_lines", 1), ("bookings", 1), ("payment_events", 1), ("subscriptions", 1), ("leads", 0)]
        {
            let found = rows(&store.0.reads, format!("SELECT count(*) FROM {table}"), Vec::new()).await.unwrap();
            assert_eq!(found[0].get::<i64>(0).unwrap(), wanted, "{table}");
        }
        // Whoever keeps the bytes of files deletes those of expired ones.
        let media =
            rows(&store.0.reads, "SELECT count(*) FROM media WHERE state = 'expired' AND hash = 'h1'", Vec::new());
        assert_eq!(media.await.unwrap()[0].get::<i64>(0).unwrap(), 1);
        // Nothing of theirs can be sent again, nor called back.
        let blank = rows(
            &store.0.reads,
            "SELECT count(*) FROM messages_out WHERE \"to\" = '' AND state IN ('pending', 'dead')",
            Vec::new(),
        );
        assert_eq!(blank.await.unwrap()[0].get::<i64>(0).unwrap(), 0);
        // Somebody else's messages are whole.
        assert!(after.contains("message sm-other"), "others keep theirs");
    }
}

#[tokio::test]
async fn i6_i16_whoever_said_stop_and_was_erased_stays_silent_until_start() {
    for (store, _place) in on_both().await {
        let (contact, _, _) = known(&store).await;
        let (customer, belle) = (Customer::of("belle", 1), TenantId::new("belle"));
        let operator = store.operator();
        operator.opt_out(&belle, &customer.0.address, None, at(10)).await.unwrap();
        erased(&operator, contact).await;
        assert!(store.load(&Customer::of("belle", 2).0, None).await.unwrap().state.contact.is_none());
        assert!(!Customer::of("belle", 2).state(&store).await.opted_out);
        // They write, or somebody writes to them: either begins with loading the conversation.
        let state = customer.state(&store).await;
        assert!(state.contact.is_none() && state.opted_out);
        let status = store.recipient_status(&belle, &customer.0.channel, &customer.0.address).await.unwrap();
        assert!(status.opted_out, "the last check knows it too");
        let hashes = rows(&store.0.reads, "SELECT count(*) FROM erased_addresses", Vec::new()).await.unwrap();
        assert_eq!(hashes[0].get::<i64>(0).unwrap(), 0, "the address is on the list itself again");
        assert!(operator.opt_in(&belle, &customer.0.address, "said START", at(60)).await.unwrap());
        assert!(!customer.state(&store).await.opted_out);
    }
}

#[tokio::test]
async fn i6_i16_a_consent_on_paper_wakes_nobody_who_said_stop_and_was_erased() {
    for (store, _place) in on_both().await {
        let (contact, _, _) = known(&store).await;
        let (customer, belle) = (Customer::of("belle", 1), TenantId::new("belle"));
        let operator = store.operator();
        operator.opt_out(&belle, &customer.0.address, None, at(10)).await.unwrap();
        erased(&operator, contact).await;
        assert!(!operator.record_consent(&belle, &customer.0.address, "a form", at(60)).await.unwrap());
        assert!(customer.state(&store).await.opted_out);
    }
}

#[tokio::test]
async fn i16_what_was_cut_short_is_done_again_and_finds_what_came_meanwhile() {
    for (store, place) in on_both().await {
        let (contact, conversation, flow) = known(&store).await;
        let facts = plant(&store, (contact, &conversation, &flow)).await;
        let operator = store.operator();
        let person = operator.person(&TenantId::new("belle"), contact).await.unwrap().unwrap();
        let mut report = ErasureReport::default();
        operator.call_back(&person, at(40)).await.unwrap();
        operator.blank_messages(&person, &mut report).await.unwrap();
        // Whoever did it was ended here; a message is written meanwhile.
        run(
            &store,
            &format!(
                "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, next_attempt_at, \
                correlation_id, created_at, updated_at) VALUES ('{}', 'belle', 'belle-wa', '{conversation}', 'whatsapp:{NUMBER}', '{}', 'manual', \
                'sent', 1, '2026-11-21T03:55:00Z', '{}', '2026-11-21T03:55:00Z', '2026-11-21T03:55:00Z')",
                Uuid::now_v7(),
                fact(1),
                Uuid::now_v7()
            ),
        )
        .await;
        let late = operator.late_messages(&person).await.unwrap();
        assert_eq!(late.counts().messages, 1);
        erased(&operator, contact).await;
        let after = place.dump();
        let left: Vec<&String> = facts.iter().filter(|fact| after.contains(fact.as_str())).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn i6_i16_start_that_came_another_way_lifts_the_hash() {
    for (store, _place) in on_both().await {
        let (contact, _, _) = known(&store).await;
        let (customer, belle) = (Customer::of("belle", 1), TenantId::new("belle"));
        let operator = store.operator();
        operator.opt_out(&belle, &customer.0.address, None, at(10)).await.unwrap();
        erased(&operator, contact).await;
        assert!(operator.opt_in(&belle, &customer.0.address, "a letter", at(60)).await.unwrap());
        assert!(!operator.opt_in(&belle, &customer.0.address, "a letter", at(61)).await.unwrap());
        assert!(!customer.state(&store).await.opted_out);
    }
}

#[tokio::test]
async fn an_export_has_everything_of_a_person_and_nothing_of_others() {
    for (store, _place) in on_both().await {
        let (contact, conversation, flow) = known(&store).await;
        let facts = plant(&store, (contact, &conversation, &flow)).await;
        let operator = store.operator();
        let person = operator.person(&TenantId::new("belle"), contact).await.unwrap().unwrap();
        let tables = operator.export_person(&person).await.unwrap();
        let text: String = tables.iter().map(|table| serde_json::to_string(&table.rows).unwrap()).collect();
        // What others were told of them and wrote of them is theirs, and the id of a deleted message is in no row of hers.
        let missing: Vec<&String> = facts.iter().filter(|fact| !text.contains(fact.as_str())).collect();
        assert!(missing.len() <= 3, "{missing:?}");
        assert!(!text.contains("SM-other"), "somebody else's");
        let names: BTreeSet<&str> = tables.iter().map(|table| table.name).collect();
        for expected in
            ["contacts", "messages_in", "messages_out", "notes", "bookings", "leads", "offers", "consents", "event_log"]
        {
            assert!(names.contains(expected), "{expected} in {names:?}");
        }
        assert!(tables.iter().any(|table| table.name == "payment_events" && table.is_held));
    }
}

#[tokio::test]
async fn every_table_and_every_column_is_in_the_catalogue_of_personal_data() {
    for (store, _place) in on_both().await {
        let is_server = matches!(store.0.reads.dialect(), Dialect::Postgres);
        let columns = if is_server {
            "SELECT c.table_name, c.column_name FROM information_schema.columns c \
                JOIN pg_class k ON k.relname = c.table_name AND NOT k.relispartition \
                WHERE c.table_schema = 'public' AND k.relkind IN ('r', 'p') AND c.table_name <> 'seaql_migrations'"
        } else {
            "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
                AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'seaql_migrations'"
        };
        let there: BTreeSet<(String, String)> = rows(&store.0.reads, columns, Vec::new())
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0).unwrap(), row.get(1).unwrap()))
            .collect();
        let mut listed: BTreeSet<(String, String)> = TABLES
            .iter()
            .filter(|table| is_here(table, &store.0.reads))
            .flat_map(|table| table.columns().map(|column| (table.name.to_owned(), column.to_owned())))
            .collect();
        if is_server {
            // A busy channel's count is kept in several rows there.
            assert!(listed.insert(("usage".to_owned(), "share".to_owned())));
        }
        let differ: Vec<_> = listed.symmetric_difference(&there).collect();
        assert!(differ.is_empty(), "in the schema or in the catalogue alone: {differ:?}");
    }
}

#[tokio::test]
async fn a_request_is_worked_on_by_one_and_taken_over_when_they_are_gone() {
    for (store, _place) in on_both().await {
        let operator = store.operator();
        let (belle, contact) = (TenantId::new("belle"), ContactId::fresh());
        run(&store, "INSERT INTO tenants VALUES ('belle', 'Belle', 'fr', 'UTC', '2026-11-21T03:55:00Z', '2026-11-21T03:55:00Z')").await;
        let id = operator
            .add_privacy_request((&belle, contact), RequestKind::Export, ("command-line", "fr"), (at(0), None))
            .await
            .unwrap();
        let taken = operator.claim_privacy_request(at(1), at(10)).await.unwrap().unwrap();
        assert_eq!((taken.id, taken.state, taken.attempts), (id, RequestState::Running, 1));
        assert!(operator.claim_privacy_request(at(2), at(11)).await.unwrap().is_none(), "somebody works on it");
        assert_eq!(operator.claim_privacy_request(at(10), at(20)).await.unwrap().unwrap().attempts, 2);
        let file = DoneFile { name: "x.zip", bytes: 7, sha256: "ab", expires_at: at(30) };
        operator.end_privacy_request(&taken, ("{}", Some(file)), at(21)).await.unwrap();
        let events =
            rows(&store.0.reads, "SELECT count(*) FROM event_log WHERE event_type = 'contact_exported'", Vec::new());
        assert_eq!(events.await.unwrap()[0].get::<i64>(0).unwrap(), 1);
        let found = operator.privacy_request(&Tenants::All, id).await.unwrap().unwrap();
        assert_eq!((found.state, found.progress, found.file.as_deref()), (RequestState::Done, 100, Some("x.zip")));
        assert!(operator.export_files(None, at(29)).await.unwrap().is_empty());
        assert_eq!(operator.export_files(None, at(30)).await.unwrap(), [(id, "x.zip".to_owned())]);
        operator.forget_export_file(id).await.unwrap();
        assert!(operator.claim_privacy_request(at(99), at(100)).await.unwrap().is_none());
    }
}
