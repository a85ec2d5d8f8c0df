//! Operators' queries and changes on a real file.

mod persons;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use palabre_actors::domain::status::Transition;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::*;
use crate::store::sqlite::operator as sql;
use crate::store::statement::rows;
use crate::store::tests::fresh;

const BELLE: &str = "belle";
const TAXI: &str = "taxi";

struct Scene {
    store: Store,
    operator: Operator,
    _folder: TempDir,
}

/// A row to begin with.
struct Row {
    tenant: &'static str,
    number: u128,
    conversation: u128,
    state: OutboxState,
    reason: Option<&'static str>,
    expires_at: Option<&'static str>,
}

fn row(number: u128, state: OutboxState) -> Row {
    Row { tenant: BELLE, number, conversation: number, state, reason: None, expires_at: None }
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x019c_1a2b_0000_7000_8000_0000_0000_0000 + number)
}

fn message(number: u128) -> OutboundId {
    OutboundId(uuid(number))
}

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn at_noon() -> ReplayOptions {
    ReplayOptions { reason: OperatorReason::unsaid(), per_second: 10, unordered: BTreeSet::new(), at: noon() }
}

fn only(tenant: &str) -> Tenants {
    Tenants::Of(vec![TenantId::new(tenant)])
}

impl Scene {
    async fn with(rows: &[Row]) -> Self {
        let (store, folder) = fresh().await;
        let scene = Self { operator: store.operator(), store, _folder: folder };
        for tenant in [BELLE, TAXI] {
            scene
                .run(&format!(
                    "INSERT INTO tenants VALUES ('{tenant}', 'x', 'fr', 'UTC', '', '');
                     INSERT INTO channels VALUES ('{tenant}-wa', '{tenant}', 'twilio-whatsapp', 'x', '', '');"
                ))
                .await;
        }
        for row in rows {
            scene.put(row).await;
        }
        scene
    }

    async fn put(&self, row: &Row) {
        let Row { tenant, number, conversation, state, reason, expires_at } = row;
        let quoted = |text: &Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
        self.run(&format!(
            "INSERT INTO messages_out (id, tenant_id, channel_id, conversation_id, \"to\", body, kind, state, attempts, \
             next_attempt_at, provider_message_id, last_error, correlation_id, created_at, sent_at, updated_at, expires_at) \
             VALUES ('{}', '{tenant}', '{tenant}-wa', '{}', 'whatsapp:+33612345678', 'mon secret', 'reply', '{state}', 3, \
             '2026-11-21T10:00:00.000000Z', 'SM{number:032}', {}, '{}', '2026-11-21T10:00:00.000000Z', NULL, \
             '2026-11-21T10:00:00.000000Z', {})",
            uuid(*number),
            uuid(*conversation),
            quoted(reason),
            uuid(*number),
            quoted(expires_at),
        ))
        .await;
    }

    async fn run(&self, sql: &str) {
        let DatabasePool::SqliteWrites(conn, _) = &self.store.0.writes else { panic!("a file") };
        conn.execute_unprepared(sql).await.unwrap();
    }

    async fn values(&self, sql: &str) -> Vec<String> {
        let rows = rows(&self.store.0.reads, sql.to_owned(), Vec::new()).await.unwrap();
        rows.iter().map(|row| row.get::<Option<String>>(0).unwrap().unwrap_or_default()).collect()
    }

    /// Why its pending rows wait, as counts tell it, which is what the rows of a list say.
    async fn waiting(&self) -> Vec<(String, u64)> {
        let filter = Filter { states: vec![OutboxState::Pending], ..Filter::default() };
        let counts = self.operator.counts(&filter, noon()).await.unwrap();
        let told: Vec<_> = counts.into_iter().map(|count| (count.reason.unwrap(), count.messages)).collect();
        let items = self.operator.list(&filter, PageRequest { before: None, limit: 1000 }, noon()).await.unwrap();
        for (reason, messages) in &told {
            let listed = items.iter().filter(|item| item.reason.as_deref() == Some(reason)).count();
            assert_eq!(listed as u64, *messages, "{reason}");
        }
        told
    }

    async fn listed(&self, filter: &Filter) -> Vec<u128> {
        let page = PageRequest { before: None, limit: 100 };
        let items = self.operator.list(filter, page, noon()).await.unwrap();
        items.iter().map(|item| item.id.0.as_u128() - uuid(0).as_u128()).collect()
    }
}

#[test]
fn every_state_stands_on_one_shelf() {
    for state in OutboxState::ALL {
        let sql = sql::counts(&[*state], false);
        // Who waits for the contact, and who for the budget.
        let shelves = if *state == OutboxState::Deferred { 2 } else { 1 };
        assert_eq!(sql.matches("FROM messages_out").count(), shelves, "{state}");
        assert!(sql.contains(&format!("'{state}'")), "{state}: {sql}");
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let states =
        [OutboxState::Dead, OutboxState::Sent, OutboxState::Deferred, OutboxState::Unknown, OutboxState::Failed];
    let mut rows: Vec<Row> = (1..).zip(states).map(|(number, state)| row(number, state)).collect();
    rows[0].reason = Some("exhausted:63016");
    rows[4].reason = Some("63016");
    rows.push(Row { tenant: TAXI, ..row(6, OutboxState::Dead) });
    let scene = Scene::with(&rows).await;
    assert_eq!(scene.listed(&Filter::default()).await, [6, 5, 4, 3, 1]);
    let belle = Filter { tenants: only(BELLE), ..Filter::default() };
    assert_eq!(scene.listed(&belle).await, [5, 4, 3, 1], "i9: nobody else's");
    assert_eq!(scene.listed(&Filter { reason: Some("63016".to_owned()), ..belle.clone() }).await, [5, 1]);
    assert_eq!(scene.listed(&Filter { states: vec![OutboxState::Sent], ..belle.clone() }).await, [2]);
    assert_eq!(scene.listed(&Filter { channel: Some(ChannelId::new("taxi-wa")), ..belle.clone() }).await, [0_u128; 0]);
    assert_eq!(scene.listed(&Filter { kind: Some(OutboundKind::Manual), ..belle.clone() }).await, [0_u128; 0]);
    assert_eq!(scene.listed(&Filter { since: Some(noon()), ..belle.clone() }).await, [0_u128; 0]);
    assert_eq!(scene.listed(&Filter { until: Some(noon()), ..belle.clone() }).await, [5, 4, 3, 1]);
    let first = scene.operator.list(&belle, PageRequest { before: None, limit: 2 }, noon()).await.unwrap();
    let before = first.last().map(|item| item.id.0);
    let second = scene.operator.list(&belle, PageRequest { before, limit: 2 }, noon()).await.unwrap();
    assert_eq!(second.iter().map(|item| item.id).collect::<Vec<_>>(), [message(3), message(1)]);
    let counts = scene.operator.counts(&belle, noon()).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.messages).sum::<u64>(), 4);
    assert_eq!(counts.len(), 4);
    assert!(!format!("{first:?}").contains("secret") && !format!("{first:?}").contains("336"), "i10");
}

#[tokio::test]
async fn i9_a_tenant_changes_nothing_of_another() {
    let scene = Scene::with(&[row(1, OutboxState::Dead)]).await;
    let (taxi, id) = (only(TAXI), message(1));
    assert!(scene.operator.show(&taxi, id).await.unwrap().is_none());
    assert_eq!(scene.operator.replay(&taxi, id, &at_noon()).await.unwrap(), Changed::NoSuchMessage);
    assert_eq!(
        scene.operator.cancel(&taxi, id, &OperatorReason::unsaid(), noon()).await.unwrap(),
        Changed::NoSuchMessage
    );
    let filter = Filter { tenants: taxi.clone(), ..Filter::default() };
    assert_eq!(scene.operator.replay_all(&filter, &at_noon()).await.unwrap(), 0);
    let channel = ChannelId::new("belle-wa");
    let pause = scene.operator.pause(&taxi, &channel, &OperatorReason::unsaid(), (endless(), noon())).await.unwrap();
    assert_eq!(pause, None);
    assert_eq!(scene.operator.resume(&taxi, &channel).await.unwrap(), None);
    assert_eq!(scene.values("SELECT state FROM messages_out").await, ["dead"]);
}

#[tokio::test]
async fn changes_are_those_of_the_state_machine() {
    for (number, state) in (1..).zip(OutboxState::ALL.iter().copied()) {
        let scene = Scene::with(&[row(number, state)]).await;
        let id = message(number);
        let replayed = scene.operator.replay(&Tenants::All, id, &at_noon()).await.unwrap();
        match state.after(Transition::Replay) {
            Some(to) => assert!(matches!(&replayed, Changed::Done(item) if item.state == to), "{state}: {replayed:?}"),
            None => assert_eq!(replayed, Changed::NotFrom(state)),
        }
        let scene = Scene::with(&[row(number, state)]).await;
        let cancelled = scene.operator.cancel(&Tenants::All, id, &OperatorReason::unsaid(), noon()).await.unwrap();
        match state.after(Transition::Cancel) {
            Some(to) => {
                assert!(matches!(&cancelled, Changed::Done(item) if item.state == to), "{state}: {cancelled:?}")
            }
            None => assert_eq!(cancelled, Changed::NotFrom(state)),
        }
    }
}

#[tokio::test]
async fn i11_a_replay_begins_another_life_and_keeps_the_history() {
    let expired = Row { expires_at: Some("2026-11-21T11:00:00.000000Z"), ..row(1, OutboxState::Dead) };
    let scene = Scene::with(&[expired]).await;
    let options = ReplayOptions { reason: "ticket 4711".parse().unwrap(), ..at_noon() };
    let Changed::Done(item) = scene.operator.replay(&only(BELLE), message(1), &options).await.unwrap() else {
        panic!("it is done");
    };
    assert_eq!((item.generation, item.attempts, item.provider_message_id.as_deref()), (1, 3, None));
    assert_eq!(item.next_attempt_at, noon());
    assert_eq!(item.expires_at, Some("2026-11-21T13:00:00Z".parse().unwrap()), "an hour, as in its first life");
    let lives = "SELECT life_since || ' ' || attempts_before || ' ' || behind FROM messages_out";
    assert_eq!(scene.values(lives).await, ["2026-11-21T12:00:00.000000Z 3 0"]);
    let shown = scene.operator.show(&Tenants::All, message(1)).await.unwrap().unwrap();
    assert_eq!(shown.events.len(), 1);
    let event = &shown.events[0];
    assert_eq!((event.event_type.as_str(), event.actor_type.as_str()), ("message_replayed", "operator"));
    assert_eq!(
        event.payload,
        format!(
            r#"{{"reason":"ticket 4711","from":"dead","life":1,"attempts":3,"provider_message_id":"SM{:032}"}}"#,
            1
        )
    );
}

#[tokio::test]
async fn i3_replayed_messages_take_their_old_place_in_line() {
    // Two of one conversation are dead, a later one waits; another conversation is dead too.
    let later = Row { conversation: 1, ..row(3, OutboxState::Pending) };
    let second = Row { conversation: 1, ..row(2, OutboxState::Failed) };
    let scene = Scene::with(&[row(1, OutboxState::Dead), second, later, row(4, OutboxState::Dead)]).await;
    assert_eq!(scene.operator.replayable(&Filter::default()).await.unwrap().len(), 2);
    assert_eq!(scene.operator.replay_all(&Filter::default(), &at_noon()).await.unwrap(), 3);
    let line =
        scene.values("SELECT state || ' ' || behind || ' ' || next_attempt_at FROM messages_out ORDER BY id").await;
    let due = |place: u32| format!("2026-11-21T12:00:00.{}00000Z", place);
    assert_eq!(
        line,
        [
            format!("pending 0 {}", due(0)),
            format!("pending 1 {}", due(1)),
            "pending 1 2026-11-21T10:00:00.000000Z".to_owned(),
            format!("pending 0 {}", due(2)),
        ]
    );
    // The head is called back: the next one moves up.
    scene.operator.cancel(&Tenants::All, message(1), &OperatorReason::unsaid(), noon()).await.unwrap();
    let behind = scene.values("SELECT CAST(behind AS TEXT) FROM messages_out ORDER BY id").await;
    assert_eq!(behind, ["0", "0", "1", "0"]);
}

#[tokio::test]
async fn a_channel_without_order_has_nobody_behind() {
    let second = Row { conversation: 1, ..row(2, OutboxState::Dead) };
    let scene = Scene::with(&[row(1, OutboxState::Dead), second]).await;
    let options = ReplayOptions { unordered: BTreeSet::from([ChannelId::new("belle-wa")]), ..at_noon() };
    assert_eq!(scene.operator.replay_all(&Filter::default(), &options).await.unwrap(), 2);
    assert_eq!(scene.values("SELECT CAST(behind AS TEXT) FROM messages_out").await, ["0", "0"]);
}

#[tokio::test]
async fn a_thousand_dead_letters_come_back_over_time() {
    let rows: Vec<Row> = (1..=600).map(|number| row(number, OutboxState::Dead)).collect();
    let scene = Scene::with(&[]).await;
    scene.run("BEGIN").await;
    for row in &rows {
        scene.put(row).await;
    }
    scene.run("COMMIT").await;
    let options = ReplayOptions { per_second: 100, ..at_noon() };
    assert_eq!(scene.operator.replay_all(&Filter::default(), &options).await.unwrap(), 600);
    let due = scene.values("SELECT DISTINCT next_attempt_at FROM messages_out ORDER BY 1").await;
    assert_eq!(
        (due.len(), due[0].as_str(), due[599].as_str()),
        (600, "2026-11-21T12:00:00.000000Z", "2026-11-21T12:00:05.990000Z")
    );
    let events = "SELECT CAST(count(*) AS TEXT) FROM event_log WHERE event_type = 'message_replayed'";
    assert_eq!(scene.values(events).await, ["600"]);
    assert_eq!(scene.operator.replay_all(&Filter::default(), &options).await.unwrap(), 0, "nothing is left");
}

#[tokio::test]
async fn i6_an_operators_stop_holds_back_what_waits() {
    let of_contact = |number, state| Row { conversation: 9, ..row(number, state) };
    let scene = Scene::with(&[
        of_contact(1, OutboxState::Pending),
        of_contact(2, OutboxState::Deferred),
        of_contact(3, OutboxState::Sending),
        row(4, OutboxState::Pending),
    ])
    .await;
    let (contact, conversation) = (uuid(100), uuid(9));
    scene
        .run(&format!(
            "INSERT INTO contacts (id, tenant_id, created_at, updated_at) VALUES ('{contact}', 'belle', '', '');
             INSERT INTO contact_addresses (tenant_id, address, contact_id, created_at)
                VALUES ('belle', 'whatsapp:+33612345678', '{contact}', '');
             INSERT INTO conversations (id, tenant_id, channel_id, contact_id, address, status, handler, version, \
                created_at, updated_at) VALUES ('{conversation}', 'belle', 'belle-wa', '{contact}', \
                'whatsapp:+33612345678', 'new', 'bot', 7, '', '');"
        ))
        .await;
    let (belle, address) = (TenantId::new(BELLE), Address::from_normalised("whatsapp:+33612345678"));
    assert_eq!(scene.operator.opt_out(&belle, &address, Some("letter"), noon()).await.unwrap(), Some(2));
    assert_eq!(scene.operator.opt_out(&belle, &address, None, noon()).await.unwrap(), None, "once is enough");
    let states = scene.values("SELECT state FROM messages_out ORDER BY id").await;
    assert_eq!(states, ["suppressed", "suppressed", "sending", "pending"]);
    assert_eq!(scene.values("SELECT CAST(version AS TEXT) FROM conversations").await, ["8"], "memory reads it again");
    let listed = scene.operator.opt_outs(&only(BELLE), PageRequest { before: None, limit: 10 }).await.unwrap();
    assert_eq!((listed.len(), listed[0].source.as_str()), (1, "operator"));
    assert!(!format!("{listed:?}").contains("612345"), "i10");

    assert!(scene.operator.opt_in(&belle, &address, "phone call", noon()).await.unwrap());
    assert!(!scene.operator.opt_in(&belle, &address, "phone call", noon()).await.unwrap());
    let ledger = scene.operator.consents(&only(BELLE), None, None, 10).await.unwrap();
    let told: Vec<_> =
        ledger.iter().map(|row| (row.what.as_str(), row.source.as_str(), row.evidence.as_deref())).collect();
    assert_eq!(told, [("opted_out", "operator", Some("letter")), ("opted_in", "operator", Some("phone call"))]);
    assert_eq!(scene.operator.consents(&only(BELLE), None, Some(ledger[0].id), 10).await.unwrap().len(), 1);
    assert!(scene.operator.consents(&only(TAXI), None, None, 10).await.unwrap().is_empty());
    let events = "SELECT event_type FROM event_log WHERE actor_type = 'operator' ORDER BY event_type";
    assert_eq!(scene.values(events).await, ["message_suppressed", "message_suppressed", "opted_in", "opted_out"]);
}

#[tokio::test]
async fn a_pause_lasts_until_it_is_resumed() {
    let scene = Scene::with(&[]).await;
    let (channel, reason) = (ChannelId::new("belle-wa"), "ticket 4711".parse().unwrap());
    for _ in 0..2 {
        scene.operator.pause(&Tenants::All, &channel, &reason, (endless(), noon())).await.unwrap().unwrap();
    }
    let pauses = scene.operator.pauses(&only(BELLE)).await.unwrap();
    assert_eq!((pauses.len(), pauses[0].reason.as_str(), pauses[0].until), (1, "ticket 4711", endless()));
    assert!(scene.operator.pauses(&only(TAXI)).await.unwrap().is_empty());
    assert_eq!(scene.operator.resume(&Tenants::All, &channel).await.unwrap(), Some(true));
    assert_eq!(scene.operator.resume(&Tenants::All, &channel).await.unwrap(), Some(false));
}

#[test]
fn i10_a_reason_identifies_nobody() {
    for good in ["operator", "ticket 4711", "twilio outage"] {
        assert!(good.parse::<OperatorReason>().is_ok(), "{good}");
    }
    for bad in
        ["", "  ", "asked by +33612345678", "anne@example.com", "she said that she would rather have it by letter"]
    {
        assert!(bad.parse::<OperatorReason>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn dead_letters_are_found_without_reading_the_rest() {
    let scene = Scene::with(&[]).await;
    let need = Filter::NEED_A_LOOK;
    let dead = [OutboxState::Dead, OutboxState::Failed];
    let by_default = Filter::default();
    let (wanted, late) = (by_default.wanted(), true);
    for sql in [
        sql::newest(need, false),
        sql::counts(need, false),
        sql::newest(wanted, late),
        sql::counts(wanted, late),
        sql::oldest(&dead),
    ] {
        let rows = rows(&scene.store.0.reads, format!("EXPLAIN QUERY PLAN {sql}"), Vec::new()).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail").unwrap()).collect();
        assert!(steps.iter().any(|step| step.contains("messages_out_dead")), "{sql}\n{steps:#?}");
        let whole = steps.iter().filter(|step| step.as_str() == "SCAN messages_out");
        assert_eq!(whole.count(), 0, "{sql}\n{steps:#?}");
    }
}

#[tokio::test]
async fn every_row_that_waits_says_for_what_however_many_there_are() {
    let rows: Vec<Row> = (1..=300).map(|number| row(number, OutboxState::Pending)).collect();
    let scene = Scene::with(&rows).await;
    let (first, second, hundredth) = (uuid(1), uuid(2), uuid(100));
    scene.run(&format!("UPDATE messages_out SET behind = 1 WHERE id > '{hundredth}'")).await;
    scene
        .run(&format!("UPDATE messages_out SET next_attempt_at = '2026-11-21T13:00:00.000000Z' WHERE id = '{first}'"))
        .await;
    scene.run(&format!("UPDATE messages_out SET last_error = '20003' WHERE id = '{second}'")).await;
    assert_eq!(scene.waiting().await, [("line", 200), ("turn", 98), ("20003", 1), ("time", 1)].map(counted));
    // Its own time is later than the pause, and then it is not.
    let (channel, why) = (ChannelId::new("belle-wa"), "quality".parse().unwrap());
    let soon = noon() + TimeDelta::minutes(30);
    scene.operator.pause(&Tenants::All, &channel, &why, (soon, noon())).await.unwrap();
    assert_eq!(scene.waiting().await, [("line", 200), ("paused", 98), ("20003", 1), ("time", 1)].map(counted));
    scene.operator.pause(&Tenants::All, &channel, &why, (endless(), noon())).await.unwrap();
    assert_eq!(scene.waiting().await, [("line", 200), ("paused", 99), ("20003", 1)].map(counted));
    // The provider's own pause has the reason that a row may have of its own.
    scene.run("UPDATE channel_pauses SET reason = '20003'").await;
    assert_eq!(scene.waiting().await, [("line", 200), ("20003", 100)].map(counted));
    scene.operator.resume(&Tenants::All, &channel).await.unwrap();
    scene
        .run(
            "INSERT INTO channel_notices (channel_id, tenant_id, reason, until, told_at) VALUES ('belle-wa', 'belle', \
             'breaker_open', '2026-11-21T12:00:15.000000Z', '2026-11-21T11:59:59.000000Z')",
        )
        .await;
    assert_eq!(scene.waiting().await, [("line", 200), ("breaker_open", 98), ("20003", 1), ("time", 1)].map(counted));
    scene.run("UPDATE channel_notices SET told_at = '2026-11-21T11:00:00.000000Z'").await;
    assert_eq!(scene.waiting().await, [("line", 200), ("turn", 98), ("20003", 1), ("time", 1)].map(counted));
}

#[tokio::test]
async fn what_waits_longer_than_it_should_needs_a_look() {
    // Nobody asked for a later time; a retry; blocked behind another; asked for at one o'clock; written just now.
    let rows: Vec<Row> = (1..=4).map(|number| row(number, OutboxState::Pending)).collect();
    let scene = Scene::with(&rows).await;
    let one = "2026-11-21T13:00:00.000000Z";
    scene
        .run(&format!(
            "UPDATE messages_out SET next_attempt_at = '{one}', attempts = 3, last_error = '20003' WHERE id = '{}'",
            uuid(2)
        ))
        .await;
    scene.run(&format!("UPDATE messages_out SET next_attempt_at = '{one}', behind = 1 WHERE id = '{}'", uuid(3))).await;
    scene
        .run(&format!("UPDATE messages_out SET next_attempt_at = '{one}', attempts = 0 WHERE id = '{}'", uuid(4)))
        .await;
    let fresh = Uuid::from_u128(u128::try_from(noon().timestamp_millis()).unwrap() << 80 | 7 << 76 | 2 << 62);
    scene.run(&format!("UPDATE messages_out SET id = '{fresh}' WHERE id = '{}'", uuid(1))).await;
    let filter = Filter::default();
    let page = PageRequest { before: None, limit: 50 };
    let listed = scene.operator.list(&filter, page, noon()).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|item| (item.id, item.reason.as_deref())).collect();
    assert_eq!(listed, [(message(3), Some("line")), (message(2), Some("20003"))]);
    let later = noon() + TimeDelta::minutes(2);
    let listed = scene.operator.list(&filter, page, later).await.unwrap();
    assert!(listed.iter().any(|item| item.id.0 == fresh && item.reason.as_deref() == Some("turn")));
    assert_eq!(listed.len(), 3, "what somebody asked for at one o'clock is not late");
    let counts = scene.operator.counts(&filter, later).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.messages).sum::<u64>(), 3);
    let all = Filter { states: vec![OutboxState::Pending], ..Filter::default() };
    assert_eq!(scene.operator.list(&all, page, noon()).await.unwrap().len(), 4);
}

fn counted((reason, messages): (&str, u64)) -> (String, u64) {
    (reason.to_owned(), messages)
}
