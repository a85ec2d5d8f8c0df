//! The inbox: who waits, answering, what is refused, what colleagues see, live updates, the test phone.

use std::collections::BTreeSet;

use super::*;
use crate::daemon::{BELLE, Setup, TAXI, Waiting};

const AWA: &str = "awa@belle.example";
const CUSTOMER: &str = "+33612345678";
const SANDBOX: &str = "[[channels]]\nid = \"{id}-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:{id}\"";

/// The value of a hidden field of the form of the reply.
fn field<'a>(page: &'a str, name: &str) -> &'a str {
    let form = page.split_once("<form id=\"reply\"").expect("a composer").1;
    let value = form.split_once(&format!("name=\"{name}\" value=\"")).expect(name).1;
    value.split_once('"').expect("a value").0
}

async fn answer(visitor: &mut Visitor, talk: &str, page: &Shown, text: &str) -> Shown {
    let (version, last, key) =
        (field(&page.body, "version"), field(&page.body, "last_message"), field(&page.body, "key"));
    let fields = [("text", text), ("version", version), ("last_message", last), ("key", key)];
    visitor.submit(&format!("/console/conversations/{talk}/reply"), &fields).await
}

#[tokio::test]
async fn i14_a_person_sees_who_waits_answers_and_the_bot_is_silent() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "agent"));
    let mut awa = signed_in(&world, AWA).await;
    let page = awa.get("/console/conversations").await;
    assert!(page.status == 200 && page.body.contains("Personne n&#x27;attend"), "{}", page.body);

    world.write(BELLE, CUSTOMER, "Bonjour, avez-vous de la place ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let talk = conversation_of(&world, "belle", CUSTOMER).await;
    let list = awa.get("/console/conversations").await.body;
    assert!(list.contains(&talk) && list.contains("Camille"), "{list}");
    let path = format!("/console/conversations/{talk}");
    let page = awa.get(&path).await;
    assert!(
        page.body.contains("Bonjour, avez-vous de la place ?") && page.body.contains("Le robot répond"),
        "{}",
        page.body
    );
    let unread: i64 = world.value(&format!("SELECT unread FROM conversations WHERE id = '{talk}'")).await;
    assert_eq!(unread, 0, "it was read");

    let taken = awa.submit(&format!("{path}/take-over"), &[]).await;
    assert_eq!((taken.status, taken.location()), (303, format!("{path}?done=taken#end").as_str()));
    let page = awa.get(&path).await;
    assert!(page.body.contains("Vous répondez") && page.body.contains("Vous a pris la main"), "{}", page.body);
    world.write(BELLE, CUSTOMER, "Quels sont vos horaires ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_human'", 1).await;
    let list = awa.get("/console/conversations?tab=waiting").await.body;
    assert!(list.contains(&talk) && list.contains("attend depuis"), "{list}");

    // What was read before the customer wrote is stale now, and is sent all the same when one says so.
    let stale = answer(&mut awa, &talk, &page, "Oui, à 15 h.").await;
    assert!(stale.status == 200 && stale.body.contains("Envoyer quand même"), "{}", stale.body);
    assert!(stale.body.contains("Oui, à 15 h.") && stale.body.contains("Quels sont vos horaires ?"));
    world.until("SELECT count(*) FROM messages_out WHERE kind = 'manual'", 0).await;
    let (version, key) = (field(&stale.body, "version").to_owned(), field(&stale.body, "key").to_owned());
    let fields = [("text", "Oui, à 15 h."), ("version", version.as_str()), ("key", key.as_str()), ("force", "true")];
    let sent = awa.submit(&format!("{path}/reply"), &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let again = awa.submit(&format!("{path}/reply"), &fields).await;
    assert_eq!(again.status, 303, "the same form sent twice is one message");
    world.until("SELECT count(*) FROM messages_out WHERE kind = 'manual'", 1).await;
    let page = awa.get(&path).await;
    assert!(page.body.contains("Oui, à 15 h."), "{}", page.body);
    let waiting: i64 = world.value("SELECT count(*) FROM conversations WHERE waiting_since IS NOT NULL").await;
    assert_eq!(waiting, 0, "nobody waits any more");

    for (action, done, told) in [
        ("resolve", "resolved", "Résolu"),
        ("reopen", "reopened", "Vous répondez"),
        ("hand-back", "back", "Le robot répond"),
    ] {
        let page = awa.submit(&format!("{path}/{action}"), &[]).await;
        assert_eq!(page.location(), format!("{path}?done={done}#end"));
        let page = awa.get(&path).await;
        assert!(page.body.contains(told), "{action}: {}", page.body);
    }
    assert!(!world.logs().contains("Oui, à 15 h"), "i10");
}

#[tokio::test]
async fn i9_another_tenants_conversations_are_not_there() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    world.write(TAXI, CUSTOMER, "Un taxi ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let talk = conversation_of(&world, "taxi", CUSTOMER).await;
    let (message, _): (String, i64) = {
        let id: String = world.value("SELECT id FROM messages_in LIMIT 1").await;
        (id, 0)
    };
    let mut awa = signed_in(&world, AWA).await;
    awa.get("/console/conversations").await;
    for path in [format!("/console/conversations/{talk}"), format!("/console/messages/{message}")] {
        assert_eq!(awa.get(&path).await.status, 404, "{path}");
    }
    awa.get("/console/replies").await;
    for action in ["reply", "take-over", "hand-back", "resolve", "assign", "note", "label", "snooze", "opt-out", "read"]
    {
        let fields = [("text", "x"), ("note", "x"), ("label", "x"), ("on", "true"), ("evidence", "au téléphone")];
        let page = awa.submit(&format!("/console/conversations/{talk}/{action}"), &fields).await;
        assert_eq!(page.status, 404, "{action}");
    }
    let written: i64 = world
        .value("SELECT (SELECT count(*) FROM notes) + (SELECT count(*) FROM conversation_labels) + (SELECT count(*) FROM opt_outs)")
        .await;
    assert_eq!(written, 0);
    let found = awa.get("/console/conversations?q=taxi").await;
    assert!(found.status == 200 && !found.body.contains(&talk));
}

#[tokio::test]
async fn i6_notes_labels_assignments_and_a_stop_on_request() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    add_user(&world, "sophie@belle.example", "Sophie", ("belle", "agent"));
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let talk = conversation_of(&world, "belle", CUSTOMER).await;
    let path = format!("/console/conversations/{talk}");
    let (mut awa, mut sophie) = (signed_in(&world, AWA).await, signed_in(&world, "sophie@belle.example").await);
    awa.get(&path).await;
    for (action, fields) in [
        ("note", vec![("note", "Allergique au latex")]),
        ("label", vec![("label", "VIP"), ("on", "true")]),
        ("assign", vec![("to", "Sophie")]),
        ("snooze", vec![("until", "1h")]),
    ] {
        assert_eq!(awa.submit(&format!("{path}/{action}"), &fields).await.status, 303, "{action}");
    }
    let page = sophie.get(&path).await.body;
    for told in ["Allergique au latex", "Note interne · Awa", "vip", "en pause jusqu"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let mine = sophie.get("/console/conversations?tab=mine&label=vip").await.body;
    assert!(mine.contains(&talk), "{mine}");
    assert!(!awa.get("/console/conversations?tab=mine").await.body.contains(&talk));

    awa.get(&path).await;
    let refused = awa.submit(&format!("{path}/opt-out"), &[("evidence", "appelez le +33612345678")]).await;
    assert!(refused.status == 200 && refused.body.contains("donnée personnelle"), "{}", refused.body);
    assert_eq!(awa.submit(&format!("{path}/opt-out"), &[("evidence", "au téléphone")]).await.status, 303);
    let page = awa.get(&path).await.body;
    assert!(page.contains("a dit STOP : rien ne lui sera envoyé") && page.contains("au téléphone"), "{page}");
    assert!(!page.contains("id=\"reply\""), "there is nothing to write with");
    let fields = [("text", "Bonjour ?"), ("key", "k")];
    let refused = awa.submit(&format!("{path}/reply"), &fields).await;
    assert!(refused.body.contains("Pas envoyé"), "{}", refused.body);
    world.until("SELECT count(*) FROM messages_out WHERE kind = 'manual'", 0).await;
}

#[tokio::test]
async fn i11_a_page_shows_every_message_and_its_story() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    for number in 0..7 {
        world.write(BELLE, CUSTOMER, &format!("message {number}")).await;
    }
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 7).await;
    let talk = conversation_of(&world, "belle", CUSTOMER).await;
    let mut awa = signed_in(&world, AWA).await;
    let page = awa.get(&format!("/console/conversations/{talk}")).await.body;
    let shown: BTreeSet<String> = page
        .split("data-message=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(id, _)| id.to_owned()))
        .collect();
    let all = world
        .rows("SELECT id FROM messages_in UNION ALL SELECT id FROM messages_out", |row| {
            row.try_get_by_index::<String>(0).expect("an id")
        })
        .await;
    assert_eq!(shown, all.into_iter().collect::<BTreeSet<_>>());
    let first = shown.first().expect("one");
    let story = awa.get(&format!("/console/messages/{first}")).await;
    assert!(story.status == 200 && story.body.contains("Reçu du fournisseur"), "{}", story.body);
    assert_eq!(awa.get("/console/messages/nonsense").await.status, 404);
}

#[tokio::test]
async fn hostile_texts_and_names_run_nothing() {
    let world = World::start_on(&Setup { sms: SANDBOX.to_owned(), ..Setup::default() });
    add_user(&world, AWA, "Awa <b>", ("belle", "owner"));
    let hostile = hostile::texts();
    let client = reqwest::Client::new();
    let inbound = format!("{}/webhooks/sandbox/belle-try", world.base_url());
    for (number, text) in hostile.iter().enumerate() {
        let body = serde_json::json!({ "from": format!("c{}", number % 4), "name": text, "text": text });
        let request = client.post(&inbound).header("Content-Type", "application/json").body(body.to_string());
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), 200);
    }
    let wanted = i64::try_from(hostile.len()).expect("a few");
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", wanted).await;
    let mut awa = signed_in(&world, AWA).await;
    let talks =
        world.rows("SELECT id FROM conversations", |row| row.try_get_by_index::<String>(0).expect("an id")).await;
    awa.get("/console/conversations").await;
    for talk in &talks {
        awa.submit(&format!("/console/conversations/{talk}/note"), &[("note", &hostile[0])]).await;
        awa.submit(&format!("/console/conversations/{talk}/label"), &[("label", &hostile[1]), ("on", "true")]).await;
    }
    awa.submit("/console/replies", &[("shortcut", &hostile[2]), ("body", &hostile[4])]).await;
    let mut paths: Vec<String> = talks.iter().map(|talk| format!("/console/conversations/{talk}")).collect();
    let message: String = world.value("SELECT id FROM messages_in LIMIT 1").await;
    paths.extend([
        "/console/conversations".to_owned(),
        "/console/conversations?q=%3Cscript%3Ealert(1)".to_owned(),
        "/console/conversations?tab=%22%3E%3Cscript%3E&label=%22%3E%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        format!("/console/messages/{message}"),
        "/console/replies".to_owned(),
        "/console/sandbox".to_owned(),
        "/console/sandbox?as=%3Cscript%3E".to_owned(),
        "/console/outbox".to_owned(),
        "/console/outbox?list=waiting".to_owned(),
        "/console/analytics".to_owned(),
    ]);
    for path in paths {
        let page = awa.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let html = page.body.to_lowercase();
        // Every tag of a page is one of ours.
        for tag in html.split('<').skip(1) {
            let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
            assert!(
                !["iframe", "style", "math", "mglyph", "object", "embed", "base", "img"].contains(&name.as_str()),
                "{path}: <{}",
                tag.chars().take(80).collect::<String>()
            );
            let tag = tag.split_once('>').map_or(tag, |(tag, _)| tag);
            // Between quotes stands a value, which may say anything: a quote in it is written as an entity.
            let attributes: String = tag.split('"').step_by(2).collect();
            assert!(
                name != "script" || tag.starts_with('/') || tag.replace("&#x2f;", "/").contains("/console/assets/"),
                "{path}: <{tag}"
            );
            assert!(
                !["onerror", "onload", "onfocus", "srcdoc"].iter().any(|handler| attributes.contains(handler)),
                "{path}: {tag}"
            );
            assert!(!tag.contains("href=\"javascript:"), "{path}: {tag}");
        }
    }
}

#[tokio::test]
async fn the_first_page_and_all_that_it_loads_are_less_than_60_kb() {
    let world = World::start_on(&Setup { sms: SANDBOX.to_owned(), ..Setup::default() });
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let client = reqwest::Client::new();
    let inbound = format!("{}/webhooks/sandbox/belle-try", world.base_url());
    for customer in 0..45 {
        let text =
            format!("Bonjour, avez-vous encore de la place samedi après-midi pour une manucure, vers {customer} h ?");
        let body = serde_json::json!({ "from": format!("c{customer}"), "name": format!("Aïssatou D. {customer}"), "text": text });
        let post = client.post(&inbound).header("Content-Type", "application/json").body(body.to_string());
        assert_eq!(post.send().await.expect("an answer").status().as_u16(), 200);
    }
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 45).await;
    let mut awa = signed_in(&world, AWA).await;
    let page = awa.get("/console/conversations").await.body;
    assert_eq!(page.matches("data-row=").count(), 40, "a whole page of the list");
    let shown = page.replace("&#x2f;", "/");
    let assets = shown.split("\"/console/assets/").skip(1).filter_map(|rest| rest.split('"').next());
    let assets: Vec<String> = assets.map(|name| format!("/console/assets/{name}")).collect();
    assert_eq!(assets.len(), 2, "{assets:?}");
    awa.headers.push(("Accept-Encoding", "gzip, deflate, br".to_owned()));
    let mut bytes = page.len();
    for asset in &assets {
        let answer = awa.get(asset).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, "gzip"), "{asset}");
        bytes += answer.header("content-length").parse::<usize>().expect("a length");
    }
    assert!(bytes < 60_000, "{bytes} bytes, {} of them the page itself", page.len());
}

#[tokio::test]
async fn whoever_has_a_conversation_open_sees_that_its_customer_is_typing() {
    let world = World::start_on(&Setup { sms: SANDBOX.to_owned(), ..Setup::default() });
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut awa = signed_in(&world, AWA).await;
    let anna = async |body: &'static str| {
        let url = format!("{}/webhooks/sandbox/belle-try", world.base_url());
        let request = reqwest::Client::new().post(url).header("Content-Type", "application/json").body(body);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
    };
    anna(r#"{"from": "anna", "text": "Bonjour"}"#).await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let talk: String = world.value("SELECT id FROM conversations WHERE address = 'sandbox:anna'").await;
    let page = awa.get(&format!("/console/conversations/{talk}")).await.body;
    assert!(page.contains("Le client écrit…"), "{page}");
    let events = reqwest::Client::new().get(format!("{}/console/events", world.base_url()));
    let mut stream = events.header("Cookie", awa.cookie_header()).send().await.expect("an answer");
    let told = format!("event: presence\ndata: {{\"conversation\":\"{talk}\",\"customer\":true}}\n\n");
    anna(r#"{"from": "anna", "typing": true}"#).await;
    // And on the test phone.
    let phone = [("conversation", talk.as_str()), ("customer", "true")];
    assert_eq!(awa.submit("/console/presence", &phone).await.status, 204);
    let (mut heard, mut waiting) = (String::new(), Waiting::begin());
    while heard.matches(&told).count() < 2 {
        assert!(waiting.goes_on(), "{heard}");
        let piece = stream.chunk().await.expect("a piece").expect("the stream goes on");
        heard.push_str(std::str::from_utf8(&piece).expect("a text"));
    }
    let stored: i64 = world.value("SELECT count(*) FROM messages_in").await;
    assert_eq!(stored, 1, "it leaves no row");
}

#[tokio::test]
async fn i6_a_customer_sees_that_a_person_is_typing_unless_they_said_stop() {
    let world = World::start_on(&Setup { sms: SANDBOX.to_owned(), ..Setup::default() });
    add_user(&world, AWA, "Awa", ("belle", "agent"));
    add_user(&world, "viewer@belle.example", "Viewer", ("belle", "viewer"));
    let (client, url) = (reqwest::Client::new(), format!("{}/webhooks/sandbox/belle-try", world.base_url()));
    for (from, text) in [("anna", "Bonjour"), ("bob", "STOP"), ("carla", "Bonjour")] {
        let body = serde_json::json!({ "from": from, "text": text }).to_string();
        let posted = client.post(&url).header("Content-Type", "application/json").body(body).send().await;
        assert_eq!(posted.expect("an answer").status(), 200);
    }
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 3).await;
    let (mut awa, mut viewer) = (signed_in(&world, AWA).await, signed_in(&world, "viewer@belle.example").await);
    awa.get("/console/conversations").await;
    viewer.get("/console/conversations").await;
    for from in ["anna", "bob", "anna"] {
        let talk: String = world.value(&format!("SELECT id FROM conversations WHERE address = 'sandbox:{from}'")).await;
        let fields = [("conversation", talk.as_str()), ("typing", "true")];
        assert_eq!(awa.submit("/console/presence", &fields).await.status, 204, "{from}");
    }
    let talk: String = world.value("SELECT id FROM conversations WHERE address = 'sandbox:carla'").await;
    let fields = [("conversation", talk.as_str()), ("typing", "true")];
    assert_eq!(viewer.submit("/console/presence", &fields).await.status, 204);
    let shown = client.get(format!("{url}/sent")).send().await.expect("an answer");
    let shown: serde_json::Value = shown.json().await.expect("JSON");
    let typing: Vec<_> = shown["typing"].as_array().expect("a list").iter().map(|each| &each["to"]).collect();
    assert_eq!(typing, ["sandbox:anna"], "once for as long as it lasts");
}

#[tokio::test]
async fn the_test_phone_writes_through_the_real_pipeline() {
    let world = World::start_on(&Setup { sms: SANDBOX.to_owned(), ..Setup::default() });
    add_user(&world, AWA, "Awa", ("belle", "owner"));
    let mut awa = signed_in(&world, AWA).await;
    assert_eq!(awa.get("/console/sandbox").await.status, 200);
    let fields = [("as", "Éloïse B"), ("text", "Quels sont vos horaires ?")];
    let page = awa.submit("/console/sandbox", &fields).await;
    assert_eq!((page.status, page.location()), (303, "/console/sandbox?as=eloise-b#end"));
    world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 1).await;
    let page = awa.get("/console/sandbox?as=eloise-b").await.body;
    assert!(page.contains("Du mardi au samedi, de 9 h à 19 h.") && page.contains("robot · FAQ"), "{page}");
    assert!(page.contains("Éloïse B"), "{page}");
    let from: String = world.value("SELECT \"from\" FROM messages_in").await;
    assert_eq!(from, "sandbox:belle/eloise-b");
    assert_eq!(
        awa.submit("/console/sandbox", &[("as", "🌸"), ("text", "x")]).await.location(),
        "/console/sandbox?refused=bad_name"
    );
}

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let world = World::start();
    add_user(&world, AWA, "Awa", ("belle", "viewer"));
    world.write(BELLE, CUSTOMER, "Bonjour").await;
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let talk = conversation_of(&world, "belle", CUSTOMER).await;
    let path = format!("/console/conversations/{talk}");
    let mut awa = signed_in(&world, AWA).await;
    let page = awa.get(&path).await;
    assert!(page.status == 200 && page.body.contains("permet de lire, pas de répondre"), "{}", page.body);
    for action in ["take-over", "resolve", "note", "label", "opt-out"] {
        let fields = [("note", "x"), ("label", "x"), ("on", "true")];
        assert_eq!(awa.submit(&format!("{path}/{action}"), &fields).await.status, 403, "{action}");
    }
    assert_eq!(awa.submit(&format!("{path}/reply"), &[("text", "x"), ("key", "k")]).await.status, 403);
    let unread: i64 = world.value(&format!("SELECT unread FROM conversations WHERE id = '{talk}'")).await;
    assert_eq!(unread, 1, "whoever may not answer marks nothing as read");
}
