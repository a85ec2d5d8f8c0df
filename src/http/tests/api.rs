//! Tests of the API over real HTTP, on a real file: permissions and refusals.

use std::path::Path;
use std::process::Command;

use palabre_actors::domain::address::{HomeCountry, Scheme};
use palabre_actors::domain::event::ActorType;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fakes::FakeOutgoing;
use super::*;
use crate::http::api::{Key, Scope};
use crate::service::channels::{ConfiguredChannel, ConfiguredChannels};
use crate::service::messages::NotSent;
use crate::store::Store;
use crate::store::operator::Tenants;
use crate::store::tests::{outbox_rows, talked};

const DEAD: &str = "019c1a2b-0000-7000-8000-000000000001";
const OF_TAXI: &str = "019c1a2b-0000-7000-8000-000000000002";
const SENT: &str = "019c1a2b-0000-7000-8000-000000000003";

struct ApiServer {
    server: TestServer,
    outgoing: Arc<FakeOutgoing>,
    folder: TempDir,
}

impl ApiServer {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(change: impl FnOnce(&mut HttpDeps)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("palabre.db").display());
        let store = Store::open(&url, true).await.unwrap();
        let rows = [(DEAD, "belle", "dead"), (OF_TAXI, "taxi", "dead"), (SENT, "belle", "sent")];
        outbox_rows(&store, &rows).await;
        talked(&store, DEAD, "belle", "Bonjour, un rendez-vous ?").await;
        talked(&store, OF_TAXI, "taxi", "Bonjour, un taxi ?").await;
        let outgoing = Arc::new(FakeOutgoing::default());
        let of = |tenants: &[&str]| Tenants::Of(tenants.iter().map(|tenant| TenantId::new(tenant)).collect());
        let keys = [
            Key::new("crm", "key-of-crm", of(&["belle"]), &[Scope::Read, Scope::Send]),
            Key::new(
                "ops",
                "key-of-ops",
                Tenants::All,
                &[Scope::Read, Scope::Operate, Scope::ReadContent, Scope::Send],
            ),
            Key::new("taxi", "key-of-taxi", of(&["taxi"]), &[Scope::Read, Scope::Operate, Scope::Send]),
        ];
        let senders = ["belle", "taxi"].map(|tenant| ConfiguredChannel {
            id: ChannelId::new(&format!("{tenant}-sms")),
            tenant: TenantId::new(tenant),
            country: HomeCountry::of_code(if tenant == "belle" { "FR" } else { "US" }),
            scheme: Scheme::Sms,
            keep_order: true,
        });
        let server = TestServer::open_with(|deps| {
            deps.api.keys = Arc::new(keys);
            deps.api.channels = ConfiguredChannels::new(senders.into());
            deps.api.operator = Some(store.operator());
            deps.api.outgoing = Arc::clone(&outgoing) as _;
            change(deps);
        });
        Self { server, outgoing, folder }
    }

    async fn get(&self, key: &str, path: &str) -> (u16, Value) {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\r\n");
        read(&exchange(self.server.running.addr, request).await)
    }

    async fn post(&self, key: &str, path: &str, body: &Value) -> (u16, Value) {
        self.post_under(key, path, body, &[]).await
    }

    async fn post_under(&self, key: &str, path: &str, body: &Value, more: &[(&str, &str)]) -> (u16, Value) {
        let key = format!("Bearer {key}");
        let mut headers = vec![("Authorization", key.as_str()), ("Content-Type", "application/json")];
        headers.extend(more);
        read(&self.server.post_with(path, &headers, body.to_string().as_bytes()).await)
    }
}

fn read(reply: &Reply) -> (u16, Value) {
    (reply.status, serde_json::from_str(&reply.body).unwrap_or_default())
}

#[tokio::test]
async fn without_a_key_there_is_the_description_alone() {
    let api = ApiServer::open().await;
    assert_eq!(api.server.get("/api/v1/openapi.json").await.status, 200);
    let refused = api.server.get("/api/v1/outbox").await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(api.get("key-of-nobody", "/api/v1/outbox").await.0, 401);
    assert_eq!(api.server.ask("DELETE", "/api/v1/outbox").await.status, 405);
    assert_eq!(api.get("key-of-ops", "/api/v1/nothing").await.0, 404);
}

#[tokio::test]
async fn wrong_keys_are_limited_and_a_right_one_does_not_wait() {
    let api = ApiServer::open_with(|deps| deps.config.failures_per_minute = 3).await;
    for _ in 0..4 {
        assert_eq!(api.get("key-of-nobody", "/api/v1/outbox").await.0, 401);
    }
    let (status, told) = api.get("key-of-nobody", "/api/v1/outbox").await;
    assert_eq!((status, &told["error"]), (429, &json!("too_many_wrong_keys")));
    assert_eq!(api.server.get("/api/v1/outbox").await.status, 429, "without a key as well");
    assert_eq!(api.get("key-of-crm", "/api/v1/outbox").await.0, 200);
}

#[tokio::test]
async fn i9_i10_a_key_sees_its_tenant_and_no_content_unless_it_may() {
    let api = ApiServer::open().await;
    let (status, page) = api.get("key-of-crm", "/api/v1/outbox").await;
    assert_eq!((status, page["messages"].as_array().unwrap().len()), (200, 1));
    let message = &page["messages"][0];
    assert_eq!((message["id"].as_str(), message["to"].as_str()), (Some(DEAD), Some("sms:+336…78")));
    assert!(message.get("body").is_none() && message["body_chars"] == 10);
    let (_, all) = api.get("key-of-ops", "/api/v1/outbox?state=dead,sent&limit=2").await;
    assert_eq!(all["messages"][0]["body"], "mon secret");
    assert_eq!((all["messages"].as_array().unwrap().len(), &all["next"]), (2, &json!(OF_TAXI)));
    let (_, rest) = api.get("key-of-ops", &format!("/api/v1/outbox?state=dead,sent&before={OF_TAXI}")).await;
    assert_eq!((rest["messages"][0]["id"].as_str(), &rest["next"]), (Some(DEAD), &Value::Null));

    for path in ["/api/v1/outbox?tenant=taxi", &format!("/api/v1/outbox/{OF_TAXI}"), "/api/v1/consents?tenant=taxi"] {
        assert_eq!(api.get("key-of-crm", path).await.0, 404, "{path}");
    }
    for path in [format!("/api/v1/outbox/{DEAD}/replay"), format!("/api/v1/outbox/{DEAD}/cancel")] {
        assert_eq!(api.post("key-of-taxi", &path, &json!({})).await.0, 404, "{path}");
    }
    assert_eq!(api.post("key-of-taxi", "/api/v1/channels/belle-sms/pause", &json!({})).await.0, 404);
    let (_, counts) = api.get("key-of-taxi", "/api/v1/outbox/counts").await;
    assert_eq!((&counts["total"], &counts["counts"][0]["tenant_id"]), (&json!(1), &json!("taxi")));
    let (_, channels) = api.get("key-of-taxi", "/api/v1/channels").await;
    assert_eq!(channels["channels"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn dead_letters_are_replayed_and_called_back() {
    let api = ApiServer::open().await;
    let one = format!("/api/v1/outbox/{DEAD}/replay");
    assert_eq!(api.post("key-of-crm", &one, &json!({})).await.0, 403, "it lacks the scope");
    let (status, message) = api.post("key-of-ops", &one, &json!({ "reason": "ticket 4711" })).await;
    assert_eq!((status, &message["state"], &message["life"]), (200, &json!("pending"), &json!(1)));
    let (status, problem) = api.post("key-of-ops", &one, &json!({})).await;
    assert_eq!((status, &problem["error"]), (409, &json!("not_from_this_state")));
    let (status, message) = api.post("key-of-ops", &format!("/api/v1/outbox/{DEAD}/cancel"), &json!({})).await;
    assert_eq!((status, &message["state"]), (200, &json!("cancelled")));
    let (_, history) = api.get("key-of-ops", &format!("/api/v1/outbox/{DEAD}")).await;
    let events: Vec<_> = history["events"].as_array().unwrap().iter().map(|event| &event["event_type"]).collect();
    assert_eq!(events, [&json!("message_replayed"), &json!("message_cancelled")]);

    let all = "/api/v1/outbox/replay";
    assert_eq!(api.post("key-of-ops", all, &json!({})).await.0, 422, "everything must be asked for");
    let dry = json!({ "filter": { "tenant": "taxi" }, "dry_run": true });
    assert_eq!(api.post("key-of-ops", all, &dry).await, (200, json!({ "messages": 1, "dry_run": true })));
    assert_eq!(api.post("key-of-ops", all, &json!({ "all": true })).await.1["messages"], 1);
    assert_eq!(api.post("key-of-ops", all, &json!({ "all": true })).await.1["messages"], 0);
}

#[tokio::test]
async fn what_does_not_hold_is_refused() {
    let api = ApiServer::open().await;
    let replay = format!("/api/v1/outbox/{DEAD}/replay");
    let table = [
        (replay.as_str(), json!({ "reason": "asked by +33687654321" }), 422, Some("reason")),
        (&replay, json!({ "raison": "x" }), 400, None),
        (&replay, json!([]), 400, None),
        (&replay, json!({ "reason": 4711 }), 400, Some("reason")),
        ("/api/v1/outbox/nothing/replay", json!({}), 422, Some("id")),
        ("/api/v1/outbox/replay", json!({ "all": true, "per_second": 0 }), 422, Some("per_second")),
        ("/api/v1/outbox/replay", json!({ "all": true, "per_second": -1 }), 400, Some("per_second")),
        ("/api/v1/outbox/replay", json!({ "filter": { "state": "gone" } }), 422, Some("filter.state")),
        ("/api/v1/outbox/replay", json!({ "filter": { "tenant": 1 } }), 400, Some("filter.tenant")),
        ("/api/v1/outbox/replay", json!({}), 422, Some("filter")),
        ("/api/v1/channels/belle-sms/pause", json!({ "for": "soon" }), 422, Some("for")),
        ("/api/v1/channels/bele-sms/pause", json!({}), 404, Some("id")),
        ("/api/v1/messages", json!({ "to": "+33687654321" }), 422, Some("tenant")),
        ("/api/v1/messages", json!({ "to": "068765432", "tenant": "belle", "text": "x" }), 422, Some("to")),
        ("/api/v1/messages", json!({ "to": "sms:2025550123", "tenant": "belle", "text": "x" }), 422, Some("to")),
        ("/api/v1/messages", json!({ "to": "+33687654321", "tenant": "belle" }), 422, Some("text")),
        ("/api/v1/messages", json!({ "to": "+33687654321", "tenant": "bele", "text": "x" }), 404, Some("tenant")),
        (
            "/api/v1/messages",
            json!({ "to": "+33687654321", "tenant": "belle", "channel": "x", "text": "x" }),
            404,
            Some("channel"),
        ),
        (
            "/api/v1/messages",
            json!({ "to": "+33687654321", "tenant": "belle", "text": "x", "expires_in": "soon" }),
            422,
            Some("expires_in"),
        ),
        (
            "/api/v1/messages",
            json!({ "to": "+33687654321", "tenant": "belle", "text": "x", "send_at": "tomorrow" }),
            422,
            Some("send_at"),
        ),
        (
            "/api/v1/messages",
            json!({ "to": "+33687654321", "tenant": "belle", "text": "x", "send_at": "2036-05-28T21:26:40Z" }),
            422,
            Some("send_at"),
        ),
        ("/api/v1/messages", json!({ "text": "x" }), 400, Some("to")),
        ("/api/v1/messages", json!({ "tenant": "belle", "to": "x".repeat(70_000), "text": "x" }), 413, None),
    ];
    for (path, body, expected, field) in table {
        let (status, problem) = api.post("key-of-ops", path, &body).await;
        assert_eq!((status, problem["field"].as_str()), (expected, field), "{path} {problem}");
        assert!(problem["error"].is_string() && problem["hint"].is_string());
        assert!(!problem.to_string().contains("87654321"), "i10: {problem}");
    }
    for (query, field) in [
        ("limit=0", Some("limit")),
        ("limit=501", Some("limit")),
        ("before=x", Some("before")),
        ("state=gone", Some("state")),
        ("kind=x", Some("kind")),
        ("since=yesterday", Some("since")),
        ("until=tomorrow", Some("until")),
        ("nothing=1", None),
        ("after=x", None),
    ] {
        let (status, problem) = api.get("key-of-ops", &format!("/api/v1/outbox?{query}")).await;
        assert_eq!((status, problem["field"].as_str()), (422, field), "{query} {problem}");
    }
    let (_, problem) = api.get("key-of-ops", "/api/v1/outbox?states=dead").await;
    assert_eq!(problem["hint"], "a parameter that nobody knows: did you mean `state`?");
    assert_eq!(api.get("key-of-ops", "/api/v1/consents?state=dead").await.0, 422);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_not_an_empty_list() {
    let api = ApiServer::open().await;
    for (path, field) in [
        ("consents?tenant=bele", "tenant"),
        ("outbox?tenant=bele", "tenant"),
        ("outbox?channel=bele-sms", "channel"),
        ("outbox/counts?tenant=bele&channel=belle-sms", "tenant"),
        ("outbox/counts?channel=bele-sms", "channel"),
    ] {
        for key in ["key-of-ops", "key-of-crm"] {
            let (status, problem) = api.get(key, &format!("/api/v1/{path}")).await;
            assert_eq!((status, problem["field"].as_str()), (404, Some(field)), "{path} {problem}");
            assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains("GET /api/v1/channels")), "{problem}");
        }
    }
    let (status, problem) =
        api.post("key-of-ops", "/api/v1/outbox/replay", &json!({ "filter": { "tenant": "bele" } })).await;
    assert_eq!((status, problem["field"].as_str()), (404, Some("filter.tenant")), "{problem}");
    for path in ["consents?tenant=belle", "outbox?tenant=belle&state=read", "outbox?channel=belle-sms&state=read"] {
        assert_eq!(api.get("key-of-ops", &format!("/api/v1/{path}")).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_channel_is_paused_and_resumed() {
    let api = ApiServer::open().await;
    let (status, channel) = api.post("key-of-ops", "/api/v1/channels/belle-sms/pause", &json!({ "for": "2h" })).await;
    assert_eq!((status, &channel["paused"]["until"]), (200, &json!("2026-05-28T22:26:40.000000Z")));
    let (_, channels) = api.get("key-of-crm", "/api/v1/channels").await;
    assert_eq!(channels["channels"][0]["paused"]["reason"], "operator");
    let (_, endless) = api.post("key-of-ops", "/api/v1/channels/belle-sms/pause", &json!({})).await;
    assert_eq!(endless["paused"]["until"], Value::Null);
    let (status, channel) = api.post("key-of-ops", "/api/v1/channels/belle-sms/resume", &json!({})).await;
    assert_eq!((status, &channel["paused"]), (200, &Value::Null));
}

#[tokio::test]
async fn the_same_key_is_the_same_message() {
    let api = ApiServer::open().await;
    let body = json!({ "to": "+33 6 12 34 56 78", "text": "mon secret", "urgent": true, "expires_in": "1h" });
    let (status, taken) = api.post("key-of-crm", "/api/v1/messages", &body).await;
    assert_eq!((status, taken["id"].as_str()), (202, Some("019c1a2b-0000-7000-8000-000000000042")));
    let message = api.outgoing.messages.lock().unwrap().pop().unwrap();
    assert_eq!((message.channel.as_str(), message.to.as_str()), ("belle-sms", "sms:+33612345678"));
    assert_eq!((message.urgent, message.expires_at), (true, Some("2026-05-28T21:26:40Z".parse().unwrap())));

    // What expires does so after it may be sent.
    let later =
        json!({ "to": "+33612345678", "text": "x", "send_at": "2026-06-01T10:00:00+02:00", "expires_in": "1h" });
    assert_eq!(api.post("key-of-crm", "/api/v1/messages", &later).await.0, 202);
    let message = api.outgoing.messages.lock().unwrap().pop().unwrap();
    let (send_at, expires_at) = ("2026-06-01T08:00:00Z".parse().unwrap(), "2026-06-01T09:00:00Z".parse().unwrap());
    assert_eq!((message.send_at, message.expires_at), (Some(send_at), Some(expires_at)));

    // Without a +, a number is one of its tenant's country.
    for (key, to, expected) in
        [("key-of-crm", "06 12 34 56 78", "sms:+33612345678"), ("key-of-taxi", "sms:2025550123", "sms:+12025550123")]
    {
        let national = json!({ "to": to, "text": "x" });
        assert_eq!(api.post(key, "/api/v1/messages", &national).await.0, 202, "{to}");
        assert_eq!(api.outgoing.messages.lock().unwrap().pop().unwrap().to.as_str(), expected);
    }

    // A message of the scene was asked for under this key.
    let again = api.post_under("key-of-crm", "/api/v1/messages", &body, &[("Idempotency-Key", "key-sent")]).await;
    assert_eq!(again, (200, json!({ "id": SENT })));
    let other = json!({ "to": "+33612345678", "text": "another" });
    let (status, _) =
        api.post_under("key-of-crm", "/api/v1/messages", &other, &[("Idempotency-Key", "key-sent")]).await;
    assert_eq!(status, 409);
    // The other tenant's keys are its own.
    let (status, _) =
        api.post_under("key-of-taxi", "/api/v1/messages", &other, &[("Idempotency-Key", "key-sent")]).await;
    assert_eq!(status, 202);
    let (status, _) =
        api.post_under("key-of-crm", "/api/v1/messages", &other, &[("Idempotency-Key", "+33612345678")]).await;
    assert_eq!(status, 422);

    for (refused, expected) in [
        (NotSent::Refused { word: "opted_out", hint: "x".into(), field: Some("to".into()) }, 422),
        (NotSent::Later { word: "stopping", hint: "x" }, 503),
    ] {
        *api.outgoing.refuse.lock().unwrap() = Some(refused);
        assert_eq!(api.post("key-of-crm", "/api/v1/messages", &other).await.0, expected);
    }
    assert_eq!(api.post("key-of-ops", "/api/v1/messages", &other).await.0, 422, "which tenant?");
}

#[tokio::test]
async fn i9_conversations_and_contacts_are_those_of_the_key_s_tenants() {
    let api = ApiServer::open().await;
    let (status, own) = api.get("key-of-crm", "/api/v1/conversations").await;
    assert_eq!((status, own["conversations"].as_array().unwrap().len()), (200, 1), "{own}");
    let first = &own["conversations"][0];
    assert_eq!((&first["id"], &first["unread"], &first["contact_name"]), (&json!(DEAD), &json!(1), &Value::Null));
    assert_eq!(first["address"], "sms:+336…78");
    let (_, all) = api.get("key-of-ops", "/api/v1/conversations").await;
    assert_eq!(all["conversations"].as_array().unwrap().len(), 2);
    assert_eq!(all["conversations"][0]["contact_name"], "Anne");
    for what in ["conversations", "contacts"] {
        assert_eq!(api.get("key-of-crm", &format!("/api/v1/{what}/{DEAD}")).await.0, 200, "{what}");
        let (status, problem) = api.get("key-of-crm", &format!("/api/v1/{what}/{OF_TAXI}")).await;
        assert_eq!((status, &problem["error"]), (404, &json!("unknown_id")), "{what}");
        assert_eq!(api.get("key-of-crm", &format!("/api/v1/{what}?tenant=taxi")).await.0, 404, "{what}");
        let (_, list) = api.get("key-of-taxi", &format!("/api/v1/{what}")).await;
        assert_eq!(list[what].as_array().unwrap().len(), 1, "{what}");
    }
    assert_eq!(api.get("key-of-crm", &format!("/api/v1/conversations/{OF_TAXI}/messages")).await.0, 404);
    let path = format!("/api/v1/conversations/{DEAD}/messages");
    let (_, masked) = api.get("key-of-crm", &path).await;
    let directions: Vec<_> = masked["messages"].as_array().unwrap().iter().map(|one| &one["direction"]).collect();
    assert_eq!(directions, ["out", "in"]);
    assert!(masked["messages"].as_array().unwrap().iter().all(|one| one["text"].is_null()), "{masked}");
    let (_, whole) = api.get("key-of-ops", &path).await;
    assert_eq!(whole["messages"][1]["text"], "Bonjour, un rendez-vous ?");
    for (path, status) in [
        ("/api/v1/conversations?status=open", 422),
        ("/api/v1/conversations?colour=red", 422),
        ("/api/v1/conversations?handler=human", 200),
        ("/api/v1/conversations/4711", 422),
        ("/api/v1/contacts/4711", 422),
    ] {
        assert_eq!(api.get("key-of-ops", path).await.0, status, "{path}");
    }
    let read = format!("/api/v1/conversations/{DEAD}/read");
    assert_eq!(api.post("key-of-crm", &read, &json!({})).await.0, 403);
    assert_eq!(api.post("key-of-taxi", &read, &json!({})).await.0, 404);
    assert_eq!(api.post("key-of-ops", &read, &json!({})).await.1["unread"], 0);
}

#[tokio::test]
async fn i9_a_conversation_is_handled_by_keys_that_may() {
    let api = ApiServer::open().await;
    let path = |what: &str| format!("/api/v1/conversations/{DEAD}/{what}");
    let bodies = [
        ("reply", json!({ "text": "Bonjour" })),
        ("assign", json!({ "assignee": "awa" })),
        ("hand-over", json!({ "for": "2h" })),
        ("hand-back", json!({})),
        ("resolve", json!({})),
        ("reopen", json!({})),
        ("block", json!({})),
        ("unblock", json!({})),
    ];
    for (what, body) in &bodies {
        assert_eq!(api.post("key-of-crm", &path(what), body).await.0, 403, "{what}");
        let (status, problem) = api.post("key-of-taxi", &path(what), body).await;
        assert_eq!((status, &problem["error"]), (404, &json!("unknown_id")), "{what}");
        let unknown = format!("/api/v1/conversations/019c1a2b-0000-7000-8000-00000000ffff/{what}");
        assert_eq!(api.post("key-of-ops", &unknown, body).await.0, 404, "{what}");
        assert_eq!(api.post("key-of-ops", &format!("/api/v1/conversations/4711/{what}"), body).await.0, 422, "{what}");
    }
    assert!(api.outgoing.requests.lock().unwrap().is_empty());
    for (what, body) in &bodies {
        let (status, answer) = api.post("key-of-ops", &path(what), body).await;
        let (field, expected) =
            if *what == "reply" { ("version", (202, json!(8))) } else { ("id", (200, json!(DEAD))) };
        assert_eq!((status, answer[field].clone()), expected, "{what}: {answer}");
    }
    let requests = std::mem::take(&mut *api.outgoing.requests.lock().unwrap());
    assert_eq!(requests.len(), bodies.len());
    for (tenant, conversation, request) in &requests {
        assert_eq!((tenant.as_str(), conversation.to_string().as_str()), ("belle", DEAD));
        assert_eq!((request.by.actor_type, request.by.name.as_deref()), (ActorType::Operator, Some("key:ops")));
    }
}

#[tokio::test]
async fn what_a_conversation_is_asked_for_is_read_strictly() {
    let api = ApiServer::open().await;
    for (what, body, status, field) in [
        ("reply", json!({}), 422, "text"),
        ("reply", json!({ "text": " " }), 422, "text"),
        ("reply", json!({ "txt": "Bonjour" }), 400, ""),
        ("reply", json!({ "text": "Bonjour", "version": "7" }), 400, "version"),
        (
            "reply",
            json!({ "text": "Bonjour", "version": 7, "last_inbound_at": "2026-05-28T20:00:00Z" }),
            422,
            "last_inbound_at",
        ),
        ("reply", json!({ "text": "Bonjour", "last_inbound_at": "hier" }), 422, "last_inbound_at"),
        ("reply", json!({ "text": "Bonjour", "last_message": "4711" }), 422, "last_message"),
        ("reply", json!({ "text": "Bonjour", "expires_in": "soon" }), 422, "expires_in"),
        ("assign", json!({}), 400, "assignee"),
        ("assign", json!({ "assignee": "" }), 422, "assignee"),
        ("assign", json!({ "assignee": "a\nb" }), 422, "assignee"),
        ("hand-over", json!({ "for": "0s" }), 422, "for"),
    ] {
        let path = format!("/api/v1/conversations/{DEAD}/{what}");
        let (given, problem) = api.post("key-of-ops", &path, &body).await;
        assert_eq!(given, status, "{body}: {problem}");
        if !field.is_empty() {
            assert_eq!(problem["field"], field, "{body}: {problem}");
        }
    }
    assert!(api.outgoing.requests.lock().unwrap().is_empty());
    let (status, _) =
        api.post("key-of-ops", &format!("/api/v1/conversations/{DEAD}/assign"), &json!({ "assignee": null })).await;
    assert_eq!(status, 200, "nobody's");
}

#[tokio::test]
async fn i14_a_stale_reply_is_told_what_came_since() {
    let api = ApiServer::open().await;
    let path = format!("/api/v1/conversations/{DEAD}/reply");
    *api.outgoing.refuse.lock().unwrap() = Some(NotSent::Stale);
    let (status, stale) = api.post("key-of-ops", &path, &json!({ "text": "Bonjour", "version": 0 })).await;
    assert_eq!((status, &stale["error"], &stale["field"]), (409, &json!("stale"), &json!("version")), "{stale}");
    assert_eq!((&stale["conversation"]["version"], stale["messages"].as_array().unwrap().len()), (&json!(1), 2));
    assert_eq!(stale["messages"][1]["text"], "Bonjour, un rendez-vous ?");
    let read = json!({ "text": "Bonjour", "version": 0, "last_message": stale["messages"][0]["id"] });
    let (_, stale) = api.post("key-of-ops", &path, &read).await;
    assert_eq!(stale["messages"].as_array().unwrap().len(), 1, "{stale}");
    for (refused, status, word) in [
        (NotSent::UnknownConversation, 404, "unknown_id"),
        (NotSent::Refused { word: "opted_out", hint: "no".into(), field: None }, 422, "opted_out"),
        (NotSent::Later { word: "overloaded", hint: "come again" }, 503, "overloaded"),
    ] {
        *api.outgoing.refuse.lock().unwrap() = Some(refused);
        let (given, problem) = api.post("key-of-ops", &path, &json!({ "text": "Bonjour" })).await;
        assert_eq!((given, problem["error"].as_str()), (status, Some(word)), "{problem}");
    }
}

#[tokio::test]
async fn i10_a_search_needs_the_scope_that_shows_what_it_finds() {
    let api = ApiServer::open().await;
    let search = |what: &str| format!("/api/v1/conversations/search?{what}");
    let (status, problem) = api.get("key-of-crm", &search("q=bonjour")).await;
    assert_eq!((status, problem["hint"].as_str().unwrap().contains("read-content")), (403, true), "{problem}");
    let (status, found) = api.get("key-of-ops", &search("q=BONJOUR&tenant=belle")).await;
    assert_eq!((status, found["messages"].as_array().unwrap().len()), (200, 1), "{found}");
    assert_eq!(found["messages"][0]["conversation_id"], DEAD);
    let (_, found) = api.get("key-of-ops", &search("q=06+12+34+56+78")).await;
    assert_eq!(found["contacts"].as_array().unwrap().len(), 2, "{found}");
    let (_, found) = api.get("key-of-ops", &search("q=bonjuor")).await;
    assert_eq!((&found["approximate"], found["messages"].as_array().unwrap().len()), (&json!(true), 2), "{found}");
    assert_eq!(api.get("key-of-ops", &search("q=")).await.0, 422);
}

#[tokio::test]
async fn the_description_is_valid_openapi() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi/venv/bin/python");
    assert!(python.exists(), "OpenAPI's validator is not installed: run .ci/prepare (./test does so)");
    let api = ApiServer::open().await;
    let served = api.server.get("/api/v1/openapi.json").await;
    assert_eq!(served.json()["openapi"], "3.1.0");
    let file = api.folder.path().join("openapi.json");
    std::fs::write(&file, &served.body).unwrap();
    let told =
        Command::new(python).args(["-m", "openapi_spec_validator", "--errors", "all"]).arg(&file).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
}

#[tokio::test]
async fn alertmanager_has_its_alerts_told_through_a_channel_and_to_nobody_else() {
    let api = ApiServer::open().await;
    // As Alertmanager 0.25 posts it.
    let news = json!({
        "version": "4", "groupKey": "{}:{alertname=\"PalabreDown\"}", "truncatedAlerts": 0, "status": "firing", "receiver": "palabre",
        "groupLabels": { "alertname": "PalabreDown" }, "commonLabels": { "alertname": "PalabreDown", "severity": "page" },
        "commonAnnotations": { "summary": "Palabre does not answer its scrape" }, "externalURL": "http://alerts:9093",
        "alerts": [{
            "status": "firing", "labels": { "alertname": "PalabreDown", "instance": "n1", "severity": "page" },
            "annotations": { "summary": "Palabre does not answer its scrape", "runbook": "docs/operations.md#it-is-down" },
            "startsAt": "2026-12-01T07:00:00.000Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://x", "fingerprint": "1f"
        }]
    });
    let path = "/api/v1/alerts/belle-sms?to=%2B33612345678";
    let (status, taken) = api.post("key-of-crm", path, &news).await;
    assert_eq!((status, taken["id"].is_string()), (202, true), "{taken}");
    {
        let messages = api.outgoing.messages.lock().unwrap();
        let message = &messages[0];
        assert_eq!((message.tenant.as_str(), message.channel.as_str()), ("belle", "belle-sms"));
        assert_eq!(message.to.as_str(), "sms:+33612345678");
        let text = message.text.as_deref().unwrap();
        assert!(
            text.contains("page: PalabreDown: Palabre does not answer its scrape\n  docs/operations.md#it-is-down")
        );
        assert!(message.urgent && message.presentation.is_none());
        assert!(message.idempotency_key.as_deref().is_some_and(|key| key.starts_with("alert-")));
    }
    for (key, path, body, refused) in [
        ("key-of-taxi", path, &news, 404),
        ("key-of-nobody", path, &news, 401),
        ("key-of-crm", "/api/v1/alerts/belle-sms", &news, 422),
        ("key-of-crm", "/api/v1/alerts/none?to=%2B33612345678", &news, 404),
        ("key-of-crm", path, &json!({ "alerts": [] }), 422),
    ] {
        assert_eq!(api.post(key, path, body).await.0, refused, "{key} {path} {body}");
    }
    assert_eq!(api.outgoing.messages.lock().unwrap().len(), 1);
}
