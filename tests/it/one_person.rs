//! One person, many addresses: a link opens a bot or a page, and a card of one's own tells a number.

use reqwest::Client;
use serde_json::{Value, json};

use crate::console::{add_user, palabre, signed_in};
use crate::daemon::{BELLE, PUBLIC_URL, Setup, World};
use crate::telegram::{Bot, CHANNEL};

const NADIA: &str = "+33612345678";
const KEY: &str = "key-of-the-operators-0123456789";

/// A bot beside WhatsApp, with a name that links can open.
fn bot() -> Bot {
    let daemon = "[[api.keys]]\nname = \"ops\"\nkey = { file = \"ops-key\" }\ntenants = [\"belle\"]\nscopes = [\"read\", \"operate\"]\n";
    let daemon = format!("{}\n{daemon}", Setup::default().daemon);
    Bot::start_with("username = \"institut_belle_bot\"\n", &daemon, &[("ops-key", KEY)])
}

/// A private message to the bot.
fn update(number: u64, from: i64, what: &Value) -> Value {
    let mut message = json!({
        "message_id": number, "date": 1, "chat": { "id": from, "type": "private" },
        "from": { "id": from, "is_bot": false, "first_name": "Nadia" },
    });
    for (name, value) in what.as_object().expect("an object") {
        message[name] = value.clone();
    }
    json!({ "update_id": number, "message": message })
}

async fn asks(world: &World, contact: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/contacts/{contact}/link", world.base_url());
    let answer = Client::new().post(url).bearer_auth(KEY).json(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// The contact behind an address.
async fn contact_of(world: &World, address: &str) -> String {
    world.until(&format!("SELECT count(*) FROM contact_addresses WHERE address = '{address}'"), 1).await;
    world.value(&format!("SELECT contact_id FROM contact_addresses WHERE address = '{address}'")).await
}

#[tokio::test]
async fn a_link_that_opens_the_bot_makes_two_addresses_one_person_once() {
    let bot = bot();
    let world = &bot.world;
    world.write(BELLE, NADIA, "Bonjour").await;
    let nadia = contact_of(world, &format!("whatsapp:{NADIA}")).await;
    let (status, made) = asks(world, &nadia, &json!({ "channel": CHANNEL })).await;
    assert_eq!(status, 201, "{made}");
    let url = made["url"].as_str().expect("a URL");
    let payload = url.strip_prefix("https://t.me/institut_belle_bot?start=").unwrap_or_else(|| panic!("{url}"));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    assert!(payload.len() <= 64 && payload.chars().all(is_plain), "{payload}");

    // Forged, of another kind, cut off: nobody is made anybody.
    let other = payload.replace("me_", "me_A");
    for (number, forged) in [(1, other.as_str()), (2, "me_"), (3, &payload[..payload.len() - 1])] {
        let text = json!({ "text": format!("/start {forged}") });
        assert_eq!(bot.update(&update(number, 555, &text)).await, 200);
    }
    bot.telegram.called_at_least("sendMessage", 3).await;
    assert!(bot.sent_to(555).iter().all(|text| text.contains("ne vaut plus")), "{:?}", bot.sent_to(555));

    // She opens it, twice; the provider tells the second time twice.
    let text = json!({ "text": format!("/start {payload}") });
    for number in [10, 11, 11] {
        assert_eq!(bot.update(&update(number, 777, &text)).await, 200);
    }
    assert_eq!(contact_of(world, "telegram:777").await, nadia);
    bot.telegram.called_at_least("sendMessage", 5).await;
    assert!(bot.sent_to(777).iter().all(|text| text.starts_with("C'est fait")), "{:?}", bot.sent_to(777));
    let merged = "SELECT count(*) FROM event_log WHERE event_type = 'contact_merged'";
    assert_eq!(world.value::<i64>(merged).await, 1);

    // Somebody to whom she passed it on is not her.
    assert_eq!(bot.update(&update(12, 888, &text)).await, 200);
    bot.telegram.called_at_least("sendMessage", 6).await;
    assert!(bot.sent_to(888)[0].contains("ne vaut plus"));
    assert_ne!(contact_of(world, "telegram:888").await, nadia);

    // What she says by one address counts for the other.
    assert_eq!(bot.update(&update(13, 777, &json!({ "text": "STOP" }))).await, 200);
    world.until("SELECT count(*) FROM opt_outs", 1).await;
    world.write(BELLE, NADIA, "Vous êtes là ?").await;
    world.until("SELECT count(*) FROM messages_in WHERE processed_at IS NOT NULL", 9).await;
    let answered = "SELECT count(*) FROM messages_out WHERE channel_id = 'belle' AND state <> 'suppressed'";
    assert_eq!(world.value::<i64>(answered).await, 1, "the first one alone");
    let audit: i64 = world.value("SELECT count(*) FROM audit_log WHERE action = 'contact.link'").await;
    assert_eq!(audit, 1);
    assert!(!world.logs().contains(payload), "links stay out of the log");
}

#[tokio::test]
async fn a_link_in_a_mail_opens_a_page_that_asks_first() {
    let bot = bot();
    let world = &bot.world;
    world.write(BELLE, NADIA, "Bonjour").await;
    let nadia = contact_of(world, &format!("whatsapp:{NADIA}")).await;
    let (status, made) = asks(world, &nadia, &json!({ "to": "mailto:Nadia@Example.org" })).await;
    assert_eq!(status, 201, "{made}");
    let link = made["url"].as_str().expect("a URL").replace(PUBLIC_URL, world.base_url());
    let client = Client::new();
    let asked = client.get(&link).header("Accept-Language", "fr").send().await.expect("a page");
    assert_eq!(asked.status(), 200);
    let page = asked.text().await.expect("a page");
    assert!(page.contains("Est-ce bien vous") && page.contains("<form method=\"post\">"), "{page}");
    assert!(
        !page.contains(NADIA) && !page.to_lowercase().contains("nadia@example.org"),
        "addresses are masked: {page}"
    );
    let known = "SELECT count(*) FROM contact_addresses WHERE address = 'mailto:nadia@example.org'";
    assert_eq!(world.value::<i64>(known).await, 0, "opening changes nothing");
    for wrong in [
        format!("{link}A"),
        link.replace("/belle/", "/taxi/"),
        link.replace("/same-person/belle/", "/same-person/belle/A"),
    ] {
        assert_eq!(client.post(&wrong).send().await.expect("an answer").status(), 404, "{wrong}");
    }
    assert_eq!(world.value::<i64>(known).await, 0);
    for _ in 0..2 {
        let done = client.post(&link).header("Accept-Language", "en").send().await.expect("a page");
        assert_eq!(done.status(), 200);
        assert!(done.text().await.expect("a page").contains("Done"));
    }
    assert_eq!(contact_of(world, "mailto:nadia@example.org").await, nadia);
    let (status, refused) = asks(world, &nadia, &json!({ "channel": CHANNEL, "to": "mailto:x@example.org" })).await;
    assert_eq!(status, 422, "{refused}");
    let (status, refused) = asks(world, &nadia, &json!({ "channel": "belle" })).await;
    assert_eq!(status, 422, "WhatsApp has no such links: {refused}");
    let nobody = uuid::Uuid::nil().to_string();
    assert_eq!(asks(world, &nobody, &json!({ "channel": CHANNEL })).await.0, 404);
    assert!(!world.logs().contains("same-person/belle/"), "links stay out of the log: {}", world.logs());
}

#[tokio::test]
async fn a_link_is_made_from_the_card_and_by_a_command() {
    let bot = bot();
    let world = &bot.world;
    world.write(BELLE, NADIA, "Bonjour").await;
    let nadia = contact_of(world, &format!("whatsapp:{NADIA}")).await;
    for (email, role) in [("awa@belle.example", "agent"), ("viewer@belle.example", "viewer")] {
        add_user(world, email, "Awa", ("belle", role));
    }
    let talk: String = world.value("SELECT id FROM conversations").await;
    let (card, page) = (format!("/console/conversations/{talk}"), format!("/console/contacts/{nadia}/link"));
    let mut awa = signed_in(world, "awa@belle.example").await;
    let shown = awa.get(&card).await.body.replace("&#x2f;", "/");
    assert!(shown.contains(&format!("href=\"{page}\"")), "{shown}");
    assert_eq!(awa.get(&page).await.status, 200);
    let made = awa.submit(&page, &[("channel", CHANNEL)]).await;
    let shown = made.body.replace("&#x2f;", "/");
    let link = shown.split_once("https://t.me/institut_belle_bot?start=").expect("a link").1;
    let payload = link.split_once('<').expect("its end").0;
    assert_eq!(made.status, 200);
    assert_eq!(bot.update(&update(1, 777, &json!({ "text": format!("/start {payload}") }))).await, 200);
    assert_eq!(contact_of(world, "telegram:777").await, nadia);
    for channel in ["belle", "nowhere"] {
        assert!(awa.submit(&page, &[("channel", channel)]).await.body.contains("Aucun lien"), "{channel}");
    }
    let foreign = format!("/console/contacts/{}/link", uuid::Uuid::nil());
    assert_eq!(awa.submit(&foreign, &[("channel", CHANNEL)]).await.status, 404);
    let mut viewer = signed_in(world, "viewer@belle.example").await;
    assert!(!viewer.get(&card).await.body.replace("&#x2f;", "/").contains(&page));
    assert_eq!(viewer.get(&page).await.status, 403);
    assert_eq!(viewer.submit(&page, &[("channel", CHANNEL)]).await.status, 403);

    let ran = palabre(world, &["contact", "link", &nadia, "--to", "mailto:nadia@example.org", "--json"], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let made: Value = serde_json::from_str(&ran.out).expect("JSON");
    let link = made["url"].as_str().expect("a URL").replace(PUBLIC_URL, world.base_url());
    assert_eq!(Client::new().post(&link).send().await.expect("a page").status(), 200);
    assert_eq!(contact_of(world, "mailto:nadia@example.org").await, nadia);
    for (args, code) in [(["--channel", CHANNEL], 0), (["--channel", "belle"], 1), (["--to", "nadia"], 2)] {
        let ran = palabre(world, &["contact", "link", &nadia, args[0], args[1]], "");
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
    }
    let by = "SELECT count(*) FROM audit_log WHERE action = 'contact.link' AND actor";
    assert_eq!(world.value::<i64>(&format!("{by} = 'command-line'")).await, 2);
    assert_eq!(world.value::<i64>(&format!("{by} LIKE 'user:%'")).await, 1);
}

#[tokio::test]
async fn a_card_of_ones_own_tells_the_number_and_anothers_does_not() {
    let bot = bot();
    let world = &bot.world;
    world.write(BELLE, NADIA, "Bonjour").await;
    let nadia = contact_of(world, &format!("whatsapp:{NADIA}")).await;
    let card =
        |user: i64| json!({ "contact": { "phone_number": "33612345678", "first_name": "Nadia", "user_id": user } });
    // Awa knows Nadia's number, and is not her.
    assert_eq!(bot.update(&update(1, 555, &card(777))).await, 200);
    assert_ne!(contact_of(world, "telegram:555").await, nadia);
    assert_eq!(bot.update(&update(2, 777, &card(777))).await, 200);
    world.until("SELECT count(*) FROM messages_in WHERE processed_at IS NOT NULL", 3).await;
    assert_eq!(contact_of(world, "telegram:777").await, nadia);
    assert_ne!(contact_of(world, "telegram:555").await, nadia);
    assert!(!world.logs().contains("33612345678"), "numbers stay out of the log");
}
