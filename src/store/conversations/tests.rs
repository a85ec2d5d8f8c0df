//! Lists, conversations' messages, contacts and searches, on both databases.

use chrono::TimeDelta;
use palabre_actors::domain::ids::TenantId;
use uuid::Uuid;

use super::*;
use crate::store::Store;
use crate::store::search::{SearchIndex, SearchPage};
use crate::store::statement::SqlExecutor;
use crate::store::tests;

const FIRST: SearchPage = SearchPage { before: None, limit: 10 };

fn base() -> Timestamp {
    "2026-06-01T08:00:00Z".parse().unwrap()
}

/// An id made so many milliseconds after the base.
fn at(millis: i64) -> Uuid {
    let time = u128::try_from((base() + TimeDelta::milliseconds(millis)).timestamp_millis()).unwrap();
    Uuid::from_u128((time << 80) | 0x7000_8000_0000_0000_0000 | (u128::try_from(millis).unwrap() % 7))
}

/// Long after everything was written.
fn now() -> Timestamp {
    base() + TimeDelta::hours(2)
}

fn only(tenant: &str) -> Tenants {
    Tenants::Of(vec![TenantId::new(tenant)])
}

fn page(after: Option<Uuid>, before: Option<Uuid>, side: TimelineSide, limit: usize) -> TimelinePage {
    TimelinePage { after, before, side, limit }
}

async fn run(store: &Store, sql: String) {
    store.0.writes.execute(sql.into(), Vec::new()).await.unwrap();
}

/// A conversation of a tenant with somebody: its contact's number, and their name.
async fn conversation(store: &Store, tenant: &str, number: u32, name: &str) -> ConversationId {
    let (id, when) = (at(i64::from(number)), "2026-06-01T08:00:00.000000Z");
    let minute = number % 60;
    for sql in [
        format!(
            "INSERT INTO tenants (id, name, language, timezone, created_at, updated_at) \
             VALUES ('{tenant}', 'x', 'fr', 'UTC', '{when}', '{when}') ON CONFLICT (id) DO NOTHING"
        ),
        format!(
            "INSERT INTO contacts (id, tenant_id, name, created_at, updated_at) \
             VALUES ('{id}', '{tenant}', '{name}', '{when}', '{when}')"
        ),
        format!(
            "INSERT INTO contact_addresses (tenant_id, address, contact_id, created_at) \
             VALUES ('{tenant}', 'whatsapp:+336123456{number:02}', '{id}', '{when}')"
        ),
        format!(
            "INSERT INTO conversations (id, tenant_id, channel_id, contact_id, address, status, handler, version, \
                last_message_at, created_at, updated_at) \
             VALUES ('{id}', '{tenant}', '{tenant}-wa', '{id}', 'whatsapp:+336123456{number:02}', 'in_progress', 'bot', 1, \
                '2026-06-01T08:{minute:02}:00.000000Z', '{when}', '{when}')"
        ),
    ] {
        run(store, sql).await;
    }
    ConversationId(id)
}

/// What came in, had its turn or not yet.
async fn came(store: &Store, tenant: &str, (talk, number): (ConversationId, u32), millis: i64, body: &str) {
    let id = at(millis);
    run(
        store,
        format!(
            "INSERT INTO messages_in (id, tenant_id, channel_id, conversation_id, provider_message_id, \"from\", \"to\", body, \
                role, state, correlation_id, created_at, processed_at) \
             VALUES ('{id}', '{tenant}', '{tenant}-wa', '{talk}', '{id}', 'whatsapp:+336123456{number:02}', 'x', '{body}', \
                'client', 'processed', '{id}', '2026-06-01T08:00:00.000000Z', '2026-06-01T08:00:00.000000Z')"
        ),
    )
    .await;
}

async fn waits(store: &Store, tenant: &str, number: u32, millis: i64, body: &str) -> Uuid {
    let id = at(millis);
    run(
        store,
        format!(
            "INSERT INTO messages_in (id, tenant_id, channel_id, provider_message_id, \"from\", identity, \"to\", body, state, \
                correlation_id, created_at) \
             VALUES ('{id}', '{tenant}', '{tenant}-wa', '{id}', 'whatsapp:+336123456{number:02}', '+336123456{number:02}', \
                'x', '{body}', 'accepted', '{id}', '2026-06-01T08:00:00.000000Z')"
        ),
    )
    .await;
    id
}

async fn went(store: &Store, tenant: &str, talk: ConversationId, millis: i64, body: &str) {
    let (id, when) = (at(millis), "2026-06-01T08:00:00.000000Z");
    run(
        store,
        format!(
            "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
                next_attempt_at, correlation_id, created_at, updated_at) \
             VALUES ('{id}', '{tenant}', '{tenant}-wa', '{talk}', 'whatsapp:+33612345600', '{body}', 'reply', 'sent', 1, \
                '{when}', '{id}', '{when}', '{when}')"
        ),
    )
    .await;
}

async fn index_all(index: &mut SearchIndex, now: Timestamp) -> usize {
    let mut messages = 0;
    loop {
        let step = index.step(now).await.unwrap();
        messages += step.messages;
        if !step.has_more {
            return messages;
        }
    }
}

fn texts(messages: &[MessageRow]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

async fn found(operator: &Operator, tenant: &str, query: &str) -> Vec<String> {
    let found = operator.search(&only(tenant), query, FIRST).await.unwrap();
    found.messages.into_iter().map(|message| message.body).collect()
}

async fn people(operator: &Operator, tenant: &str, query: &str) -> Vec<String> {
    let found = operator.search(&only(tenant), query, FIRST).await.unwrap();
    found.contacts.into_iter().filter_map(|contact| contact.name).collect()
}

async fn lists_show_the_newest_first_and_nothing_of_others(store: &Store) {
    let operator = store.operator();
    let mut talks = Vec::new();
    for number in 1..=7 {
        talks.push(conversation(store, if number == 4 { "taxi" } else { "belle" }, number, "Anne").await);
    }
    run(store, format!("UPDATE conversations SET handler = 'human', assignee = 'sophie' WHERE id = '{}'", talks[1]))
        .await;
    let list = async |filter: ConversationFilter, before, limit| {
        operator.conversations(&filter, ConversationPage { before, limit }).await.unwrap()
    };
    let belle = || ConversationFilter { tenants: only("belle"), ..ConversationFilter::default() };
    let ids = |rows: &[ConversationRow]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let all = list(belle(), None, 50).await;
    assert_eq!(ids(&all), [talks[6], talks[5], talks[4], talks[2], talks[1], talks[0]]);
    let mut paged = Vec::new();
    loop {
        let rows = list(belle(), paged.last().map(ConversationRow::place), 2).await;
        if rows.is_empty() {
            break;
        }
        paged.extend(rows);
    }
    assert_eq!(ids(&paged), ids(&all));
    let human = ConversationFilter { handler: Some(Handler::Human), ..belle() };
    assert_eq!(ids(&list(human, None, 50).await), [talks[1]]);
    let sophie = ConversationFilter { assignee: Some(AssignedTo::Person("sophie".to_owned())), ..belle() };
    assert_eq!(ids(&list(sophie, None, 50).await), [talks[1]]);
    let nobody = ConversationFilter { assignee: Some(AssignedTo::Nobody), ..belle() };
    assert_eq!(list(nobody, None, 50).await.len(), 5);
    let everybody = list(ConversationFilter::default(), None, 50).await;
    assert_eq!(everybody.len(), 7);
    assert_eq!(operator.conversation(&only("taxi"), talks[0]).await.unwrap(), None, "another tenant's");
    assert_eq!(operator.contact(&only("taxi"), all[0].contact).await.unwrap(), None, "another tenant's");
    let contacts = operator.contacts(&only("belle"), None, 4).await.unwrap();
    assert_eq!(contacts.len(), 4);
    assert!(contacts.iter().all(|contact| contact.conversations.len() == 1 && contact.addresses.len() == 1));
    let rest = operator.contacts(&only("belle"), contacts.last().map(|contact| contact.id), 4).await.unwrap();
    assert_eq!(rest.len(), 2);
}

async fn the_inbox_shows_first_who_waits_longest(store: &Store) {
    let operator = store.operator();
    let mut talks = Vec::new();
    for number in 1..=6 {
        talks.push(conversation(store, if number == 6 { "taxi" } else { "belle" }, number, "Anne").await);
    }
    for (talk, minute) in [(talks[0], 30), (talks[2], 10), (talks[5], 5)] {
        let since = format!("2026-06-01T08:{minute}:00.000000Z").replace(":5:", ":05:");
        let sql = format!("UPDATE conversations SET handler = 'human', waiting_since = '{since}' WHERE id = '{talk}'");
        run(store, sql).await;
    }
    let belle = TenantId::new("belle");
    let filter = |label: Option<&str>| InboxFilter {
        tenant: belle.clone(),
        status: None,
        handler: None,
        channel: None,
        assignee: None,
        or_nobodys: false,
        label: label.map(ToOwned::to_owned),
        is_blocked: false,
        now: now(),
    };
    let first = InboxPage { after: None, limit: 10 };
    let ids = |rows: &[InboxRow]| rows.iter().map(|row| row.conversation.id).collect::<Vec<_>>();
    let waiting = operator.inbox_waiting(&filter(None), first).await.unwrap();
    assert_eq!(ids(&waiting), [talks[2], talks[0]], "another tenant's is not there");
    let after = waiting.first().map(|row| (row.waiting_since.unwrap(), row.conversation.id));
    let rest = operator.inbox_waiting(&filter(None), InboxPage { after, limit: 10 }).await.unwrap();
    assert_eq!(ids(&rest), [talks[0]]);
    let others = operator.inbox_others(&filter(None), first).await.unwrap();
    assert_eq!(ids(&others), [talks[4], talks[3], talks[1]]);
    assert_eq!(operator.inbox_counts(&belle, "awa", now()).await.unwrap(), InboxCounts { waiting: 2, mine: 2 });
    run(store, format!("UPDATE conversations SET assignee = 'sophie' WHERE id = '{}'", talks[2])).await;
    let awa = InboxFilter { assignee: Some(AssignedTo::Person("awa".to_owned())), or_nobodys: true, ..filter(None) };
    assert_eq!(ids(&operator.inbox_waiting(&awa, first).await.unwrap()), [talks[0]], "what is nobody's is everybody's");
    assert!(operator.inbox_others(&awa, first).await.unwrap().is_empty());
    let of_belle = InboxCounts { waiting: 2, mine: 1 };
    assert_eq!(operator.inbox_counts(&belle, "awa", now()).await.unwrap(), of_belle);
    let (taxi, quiet) = (TenantId::new("taxi"), TenantId::new("martin"));
    let of_all = operator.inbox_counts_of_tenants(&[&belle, &quiet, &taxi], "awa", now()).await.unwrap();
    let of_taxi = InboxCounts { waiting: 1, mine: 1 };
    assert_eq!(of_all.into_iter().collect::<Vec<_>>(), [(belle.clone(), of_belle), (taxi, of_taxi)]);
    let of_none = operator.inbox_counts_of_tenants(&[], "awa", now()).await.unwrap();
    assert!(of_none.is_empty(), "{of_none:?}");

    operator.snooze(&belle, talks[2], Some(now() + TimeDelta::hours(1)), now()).await.unwrap();
    assert_eq!(operator.inbox_counts(&belle, "awa", now()).await.unwrap().waiting, 1);
    let others = operator.inbox_others(&filter(None), first).await.unwrap();
    assert!(ids(&others).contains(&talks[2]) && others.iter().any(|row| row.is_snoozed(now())));
    run(
        store,
        format!("UPDATE conversations SET last_inbound_at = '2027-01-01T00:00:00.000000Z' WHERE id = '{}'", talks[2]),
    )
    .await;
    assert_eq!(operator.inbox_counts(&belle, "awa", now()).await.unwrap().waiting, 2, "they wrote");

    operator.label(&belle, talks[0], ("vip", true), now()).await.unwrap();
    operator.label(&belle, talks[0], ("vip", true), now()).await.unwrap();
    operator.label(&belle, talks[0], ("devis", true), now()).await.unwrap();
    let labelled = operator.inbox_waiting(&filter(Some("vip")), first).await.unwrap();
    let mut labels = labelled[0].labels.clone();
    labels.sort();
    assert_eq!((ids(&labelled), labels), (vec![talks[0]], vec!["devis".to_owned(), "vip".to_owned()]));
    assert_eq!(operator.labels(&belle).await.unwrap(), ["devis", "vip"]);
    assert_eq!(operator.labels(&TenantId::new("taxi")).await.unwrap(), Vec::<String>::new());
    operator.label(&belle, talks[0], ("vip", false), now()).await.unwrap();
    assert_eq!(operator.labels(&belle).await.unwrap(), ["devis"]);
    assert_eq!(operator.inbox_row(&TenantId::new("taxi"), talks[0]).await.unwrap(), None, "another tenant's");

    run(store, format!("UPDATE conversations SET memory = '{{\"blocked_at\":\"x\"}}' WHERE id = '{}'", talks[3])).await;
    run(store, format!("UPDATE conversations SET merged_into = '{}' WHERE id = '{}'", talks[1], talks[0])).await;
    assert_eq!(ids(&operator.inbox_others(&filter(None), first).await.unwrap()), [talks[4], talks[1]]);
    let blocked = InboxFilter { is_blocked: true, ..filter(None) };
    let blocked = operator.inbox_others(&blocked, first).await.unwrap();
    assert_eq!((ids(&blocked), blocked[0].conversation.is_blocked), (vec![talks[3]], true));
    assert_eq!(
        operator.inbox_counts(&belle, "awa", now()).await.unwrap().waiting,
        1,
        "what is merged waits in the other"
    );
    let kept = operator.inbox_row(&belle, talks[0]).await.unwrap().unwrap();
    assert_eq!(kept.conversation.id, talks[1]);
}

async fn the_newest_message_of_each_conversation_is_found_however_far_the_index_is(store: &Store) {
    let operator = store.operator();
    let belle = TenantId::new("belle");
    let (one, two) = (conversation(store, "belle", 1, "Anne").await, conversation(store, "belle", 2, "Bob").await);
    came(store, "belle", (one, 1), 1_000, "bonjour").await;
    came(store, "belle", (two, 2), 1_100, "salut").await;
    index_all(&mut store.search_index().unwrap(), now()).await;
    let newest = async || -> Vec<String> {
        let newest = operator.newest_messages(&belle, &[one, two]).await.unwrap();
        [one, two].iter().filter_map(|id| newest.get(&id.0)).map(|row| row.body.clone()).collect()
    };
    assert_eq!(newest().await, ["bonjour", "salut"]);
    went(store, "belle", one, 1_200, "réponse").await;
    assert_eq!(newest().await, ["réponse", "salut"]);
    let foreign = operator.newest_messages(&TenantId::new("taxi"), &[one]).await.unwrap();
    assert!(foreign.is_empty(), "another tenant's");
}

async fn notes_and_canned_replies_are_their_tenants_alone(store: &Store) {
    let operator = store.operator();
    let (belle, taxi) = (TenantId::new("belle"), TenantId::new("taxi"));
    let talk = conversation(store, "belle", 1, "Anne").await;
    let note = NoteRow {
        id: Uuid::now_v7(),
        author: "user:1".to_owned(),
        author_name: "Awa".to_owned(),
        body: "allergique".to_owned(),
        created_at: now(),
    };
    operator.add_note(&belle, talk, &note).await.unwrap();
    assert_eq!(operator.notes(&belle, talk).await.unwrap(), [note]);
    assert!(operator.notes(&taxi, talk).await.unwrap().is_empty());
    let reply = |body: &str| CannedReply { id: Uuid::now_v7(), shortcut: "merci".to_owned(), body: body.to_owned() };
    operator.keep_canned_reply(&belle, &reply("Merci"), ("user:1", now())).await.unwrap();
    operator.keep_canned_reply(&belle, &reply("Merci beaucoup"), ("user:1", now())).await.unwrap();
    let kept = operator.canned_replies(&belle).await.unwrap();
    assert_eq!(kept.iter().map(|reply| reply.body.as_str()).collect::<Vec<_>>(), ["Merci beaucoup"]);
    assert!(!operator.remove_canned_reply(&taxi, kept[0].id).await.unwrap(), "another tenant's");
    assert!(operator.remove_canned_reply(&belle, kept[0].id).await.unwrap());
}

async fn the_feed_tells_what_is_new_with_its_conversation(store: &Store) {
    let operator = store.operator();
    let (belle, taxi) = (TenantId::new("belle"), TenantId::new("taxi"));
    let talk = conversation(store, "belle", 1, "Anne").await;
    came(store, "belle", (talk, 1), 1_000, "bonjour").await;
    let event = async |kind: &str, entity: Uuid, tenant: &str| -> Uuid {
        let id = Uuid::now_v7();
        let when = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let sql = format!(
            "INSERT INTO event_log (id, tenant_id, event_type, entity_type, entity_id, correlation_id, actor_type, payload, \
                created_at) VALUES ('{id}', '{tenant}', 'message_routed', '{kind}', '{entity}', '{id}', 'bot', '{{}}', '{when}')"
        );
        run(store, sql).await;
        id
    };
    let start = operator.feed_end().await.unwrap();
    let (first, foreign) = (event("message_in", at(1_000), "belle").await, event("conversation", talk.0, "taxi").await);
    let (rows, next) = operator.feed(std::slice::from_ref(&belle), start, 10).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.id, row.conversation)).collect();
    assert_eq!(told, [(first, Some(talk.0))]);
    let second = event("conversation", talk.0, "belle").await;
    let (rows, _) = operator.feed(&[belle.clone(), taxi.clone()], next, 10).await.unwrap();
    let new: Vec<_> = rows.iter().filter(|row| row.id != first && row.id != foreign).map(|row| row.id).collect();
    assert_eq!(new, [second], "what was read may come again, what is new comes");
    let missed = operator.missed(&belle, (first, chrono::Utc::now()), 10).await.unwrap();
    assert_eq!(missed.iter().map(|row| row.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(operator.missed(&taxi, (first, chrono::Utc::now()), 10).await.unwrap().len(), 1);
    let done = operator.conversation_events(&belle, talk, (base(), chrono::Utc::now() + TimeDelta::hours(1))).await;
    assert_eq!(done.unwrap().len(), 1);
    assert_eq!(operator.flow_events(&belle, &[first]).await.unwrap().len(), 1);
}

async fn every_message_is_there_however_far_the_index_is(store: &Store) {
    let operator = store.operator();
    let talk = conversation(store, "belle", 1, "Anne").await;
    let other = conversation(store, "belle", 2, "Bob").await;
    let mut index = store.search_index().unwrap();
    let mut expected = Vec::new();
    for number in 0..20 {
        // Several of one millisecond, and another conversation's in between.
        let millis = 1_000 + number / 3 * 50 + number % 3;
        let body = format!("n{number}");
        if number % 2 == 0 {
            came(store, "belle", (talk, 1), millis, &body).await;
        } else {
            went(store, "belle", talk, millis, &body).await;
        }
        came(store, "belle", (other, 2), 10 + millis, "x").await;
        expected.push(body);
        if number == 10 {
            index_all(&mut index, now()).await;
        }
    }
    let last = waits(store, "belle", 1, 20_000, "waits").await;
    expected.push("waits".to_owned());
    for round in 0..3 {
        let row = operator.conversation(&only("belle"), talk).await.unwrap().unwrap();
        let whole = operator.timeline(&row, page(None, None, TimelineSide::Newest, 100)).await.unwrap();
        assert_eq!(texts(&whole.messages), expected, "round {round}");
        assert_eq!((whole.earlier, whole.later), (None, None));
        let mut up: Vec<MessageRow> = Vec::new();
        let mut before = None;
        loop {
            let part = operator.timeline(&row, page(None, before, TimelineSide::Newest, 3)).await.unwrap();
            up.splice(0..0, part.messages);
            before = part.earlier;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(texts(&up), expected);
        let mut down: Vec<MessageRow> = Vec::new();
        let mut after = None;
        loop {
            let part = operator.timeline(&row, page(after, None, TimelineSide::Oldest, 4)).await.unwrap();
            down.extend(part.messages);
            after = part.later;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(texts(&down), expected);
        index_all(&mut index, now()).await;
        if round == 1 {
            // It has its turn at last, and the index learns where it belongs.
            let sql = format!(
                "UPDATE messages_in SET state = 'processed', processed_at = created_at, conversation_id = '{talk}' \
                 WHERE id = '{last}'"
            );
            run(store, sql).await;
            index_all(&mut index, now()).await;
            assert_eq!(found(&operator, "belle", "waits").await, ["waits"]);
        }
    }
}

async fn names_numbers_and_texts_are_found_however_they_are_spelt(store: &Store) {
    let operator = store.operator();
    let anne = conversation(store, "belle", 78, "Aïssatou Diallo").await;
    let bob = conversation(store, "belle", 79, "Bob Martin").await;
    let foreign = conversation(store, "taxi", 77, "Aïssatou Foreign").await;
    came(store, "belle", (anne, 78), 1_000, "Bonjour, je voudrais un rendez-vous pour une manucure à l’hôtel").await;
    went(store, "belle", anne, 1_001, "Votre rendez-vous est noté").await;
    came(store, "belle", (bob, 79), 1_002, "Commande 20261130 arrivée ?").await;
    came(store, "taxi", (foreign, 77), 1_003, "une manucure ailleurs").await;
    let mut index = store.search_index().unwrap();
    assert_eq!(index_all(&mut index, now()).await, 4);
    for query in ["06 12 34 56 78", "+33612345678", "0033 612 345 678", "45678"] {
        assert_eq!(people(&operator, "belle", query).await, ["Aïssatou Diallo"], "{query}");
    }
    for query in ["aissatou", "DIALLO", "diallo aïss", "Aisatou", "dialo"] {
        assert_eq!(people(&operator, "belle", query).await, ["Aïssatou Diallo"], "{query}");
    }
    for query in ["manucure", "MANUCURE hotel", "manuc", "manicure", "hôtel manucrue"] {
        let texts = found(&operator, "belle", query).await;
        assert!(texts.len() == 1 && texts[0].starts_with("Bonjour"), "{query}: {texts:?}");
    }
    let both = operator.search(&only("belle"), "rendez vous", SearchPage { before: None, limit: 1 }).await.unwrap();
    assert_eq!(texts(&both.messages), ["Votre rendez-vous est noté"], "the newest first");
    assert!(!both.is_approximate);
    let next =
        operator.search(&only("belle"), "rendez vous", SearchPage { before: both.next, limit: 1 }).await.unwrap();
    assert!(next.messages[0].body.starts_with("Bonjour"));
    assert!(operator.search(&only("belle"), "manicure", FIRST).await.unwrap().is_approximate);
    assert_eq!(found(&operator, "belle", "20261130").await.len(), 1);
    assert_eq!(found(&operator, "taxi", "manucure").await, ["une manucure ailleurs"], "each its own");
    for nothing in ["", "?!", "zebre", "taxi"] {
        let found = operator.search(&only("belle"), nothing, FIRST).await.unwrap();
        assert!(found.messages.is_empty() && found.contacts.is_empty(), "{nothing}: {found:?}");
    }
}

async fn the_index_stays_right_when_it_starts_over_and_when_messages_go(store: &Store) {
    let operator = store.operator();
    let anne = conversation(store, "belle", 1, "Anne").await;
    for number in 0..30 {
        came(store, "belle", (anne, 1), 1_000 + number, &format!("bonjour numéro {number}")).await;
    }
    let mut index = store.search_index().unwrap();
    assert_eq!(index_all(&mut index, now()).await, 30);
    assert_eq!(index_all(&mut index, now()).await, 0);
    let over = "UPDATE search_positions SET inbound = '', outbound = ''";
    store.0.index.as_ref().unwrap().execute(over.into(), Vec::new()).await.unwrap();
    assert_eq!(index_all(&mut store.search_index().unwrap(), now()).await, 0, "it has them all");
    let all = operator.search(&only("belle"), "bonjour", SearchPage { before: None, limit: 100 }).await.unwrap();
    assert_eq!(all.messages.len(), 30);
    run(store, "DELETE FROM messages_in WHERE body LIKE 'bonjour numéro 1%'".to_owned()).await;
    let left = operator.search(&only("belle"), "bonjour", SearchPage { before: None, limit: 100 }).await.unwrap();
    assert_eq!(left.messages.len(), 19, "what is gone is not shown");
    assert_eq!(index.verify().await.unwrap(), 11);
    let words = || store.0.index.as_ref().unwrap().query("SELECT count(*) FROM search_words".into(), Vec::new());
    assert_eq!(words().await.unwrap()[0].get::<i64>(0).unwrap(), 2);
    assert_eq!(index.verify().await.unwrap(), 0);
    run(store, format!("UPDATE contacts SET name = 'Anne-Marie' WHERE id = '{anne}'")).await;
    came(store, "belle", (anne, 1), 5_000, "encore").await;
    came(store, "belle", (anne, 1), 5_001, "suite").await;
    index_all(&mut index, now()).await;
    index_all(&mut index, now() + TimeDelta::seconds(5)).await;
    assert_eq!(
        people(&operator, "belle", "marie").await,
        ["Anne-Marie"],
        "a new name comes some seconds after a message"
    );
    run(store, "DELETE FROM messages_in WHERE body = 'encore'".to_owned()).await;
    run(store, format!("DELETE FROM contacts WHERE id = '{anne}'")).await;
    assert_eq!(index.verify().await.unwrap(), 2);
    assert_eq!(words().await.unwrap()[0].get::<i64>(0).unwrap(), 3, "nobody said `encore` any more");
    let young = base() + TimeDelta::milliseconds(6_200);
    came(store, "belle", (anne, 1), 6_000, "jeune").await;
    assert_eq!(index_all(&mut index, young).await, 0, "its turn comes first");
    assert_eq!(index_all(&mut index, young + TimeDelta::milliseconds(400)).await, 1);
}

tests::on_both! {
    the_inbox_shows_first_who_waits_longest
    the_newest_message_of_each_conversation_is_found_however_far_the_index_is
    notes_and_canned_replies_are_their_tenants_alone
    the_feed_tells_what_is_new_with_its_conversation
    lists_show_the_newest_first_and_nothing_of_others
    every_message_is_there_however_far_the_index_is
    names_numbers_and_texts_are_found_however_they_are_spelt
    the_index_stays_right_when_it_starts_over_and_when_messages_go
}

#[tokio::test]
async fn on_postgresql_a_message_that_was_committed_late_is_found_all_the_same() {
    let (store, _database) = tests::postgres::fresh().await;
    let operator = store.operator();
    let anne = conversation(&store, "belle", 1, "Anne").await;
    came(&store, "belle", (anne, 1), 5_000, "second").await;
    let mut index = store.search_index().unwrap();
    let soon = base() + TimeDelta::seconds(10);
    assert_eq!(index_all(&mut index, soon).await, 1);
    came(&store, "belle", (anne, 1), 4_000, "premier").await;
    assert_eq!(index_all(&mut index, soon).await, 0);
    let row = operator.conversation(&only("belle"), anne).await.unwrap().unwrap();
    let whole = operator.timeline(&row, page(None, None, TimelineSide::Newest, 10)).await.unwrap();
    assert_eq!(texts(&whole.messages), ["premier", "second"], "pages read what the index may lack");
    assert_eq!(index_all(&mut index, soon + TimeDelta::seconds(60)).await, 1);
    assert_eq!(found(&operator, "belle", "premier").await, ["premier"]);
}

#[tokio::test]
async fn a_conversation_is_found_by_the_address_of_its_tenants_contact() {
    let (postgres, _database) = tests::postgres::fresh().await;
    let (sqlite, _folder) = tests::fresh().await;
    for store in [postgres, sqlite] {
        let anne = conversation(&store, "belle", 1, "Anne").await;
        let with = async |tenant: &str, channel: &str, address: &str| {
            let (tenant, channel) = (TenantId::new(tenant), ChannelId::new(channel));
            store.operator().conversation_with(&tenant, &channel, &Address::from_normalised(address)).await.unwrap()
        };
        assert_eq!(with("belle", "belle-wa", "whatsapp:+33612345601").await, Some(anne.0));
        assert_eq!(with("taxi", "belle-wa", "whatsapp:+33612345601").await, None);
        assert_eq!(with("belle", "belle-sms", "whatsapp:+33612345601").await, None);
        assert_eq!(with("belle", "belle-wa", "whatsapp:+33612345602").await, None);
    }
}

#[tokio::test]
async fn on_postgresql_two_nodes_index_one_at_a_time() {
    let (store, database) = tests::postgres::fresh().await;
    let other = Store::open(&database.url(), false).await.unwrap();
    let anne = conversation(&store, "belle", 1, "Anne").await;
    for number in 0..300 {
        came(&store, "belle", (anne, 1), 1_000 + number, "bonjour").await;
    }
    let (mut one, mut two) = (store.search_index().unwrap(), other.search_index().unwrap());
    let (first, second) = tokio::join!(index_all(&mut one, now()), index_all(&mut two, now()));
    let rest = index_all(&mut one, now()).await;
    assert_eq!(first + second + rest, 300, "each once");
}

#[tokio::test]
async fn on_postgresql_without_trigrams_words_that_are_spelt_right_are_found() {
    let (store, _database) = tests::postgres::fresh().await;
    run(&store, "DROP EXTENSION pg_trgm CASCADE".to_owned()).await;
    let operator = store.operator();
    let anne = conversation(&store, "belle", 78, "Anne Diallo").await;
    came(&store, "belle", (anne, 78), 1_000, "Bonjour").await;
    index_all(&mut store.search_index().unwrap(), now()).await;
    assert!(!store.has_trigrams().await.unwrap() && store.lacks_trigrams());
    assert_eq!(found(&operator, "belle", "bonjour").await, ["Bonjour"]);
    assert!(found(&operator, "belle", "bonjuor").await.is_empty());
    assert_eq!(people(&operator, "belle", "diallo").await, ["Anne Diallo"]);
    assert!(people(&operator, "belle", "dialo").await.is_empty());
}

#[tokio::test]
async fn on_sqlite_without_a_file_for_the_index_everything_but_the_search_works() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("palabre.db-search")).unwrap();
    let store = Store::open(&format!("sqlite://{}", folder.path().join("palabre.db").display()), true).await.unwrap();
    assert!(store.search_index().is_none());
    let operator = store.operator();
    let anne = conversation(&store, "belle", 1, "Anne").await;
    came(&store, "belle", (anne, 1), 1_000, "bonjour").await;
    let row = operator.conversation(&only("belle"), anne).await.unwrap().unwrap();
    let whole = operator.timeline(&row, page(None, None, TimelineSide::Newest, 10)).await.unwrap();
    assert_eq!(texts(&whole.messages), ["bonjour"]);
    let refused = operator.search(&only("belle"), "bonjour", FIRST).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotIndexed), "{refused}");
    store.close().await.unwrap();
}
