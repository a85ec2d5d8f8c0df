//! The ways in: customers at every provider, programs at the API, people at the console's pages, operators at the command line.
//! Each is a row of a table, and leaves something that must be seen nowhere.

use std::sync::atomic::{AtomicU32, Ordering};

use palabre::gateway::simulator::{Attachment, CustomerMessage, Fault, Faults, Forgery, Rule};
use palabre_actors::domain::address::Scheme;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::installation::{API_KEY, Installation, SimulatedChannel};
use crate::console::{add_user, palabre, signed_in};

/// Something that was said, and must be seen nowhere.
#[derive(Clone, Debug)]
pub struct Planted {
    pub text: String,
    /// Where it was planted.
    pub by: String,
    /// Whether it came in as words of a message, which the database keeps.
    pub is_kept: bool,
}

impl Planted {
    pub fn number(text: &str, by: &str) -> Self {
        Self { text: text.to_owned(), by: by.to_owned(), is_kept: false }
    }

    pub fn secret(text: &str) -> Self {
        Self::number(text, "the configuration")
    }

    /// As it stands, as URLs and JSON write it, and a number without its plus.
    pub fn spellings(&self) -> Vec<String> {
        let bare = self.text.trim_start_matches('+').to_owned();
        let encoded: String = url::form_urlencoded::byte_serialize(bare.as_bytes()).collect();
        let escaped = serde_json::to_string(&bare).expect("JSON").trim_matches('"').to_owned();
        let percent = encoded.replace('+', "%20");
        vec![bare, encoded, percent, escaped]
    }
}

/// Words that nothing else says.
fn fresh(word: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(100);
    format!("{word}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What a customer may do, and how.
struct Says {
    /// Before and after the planted words.
    text: (&'static str, &'static str),
    attachment: Attachment,
    fault: Option<Fault>,
}

impl Says {
    const fn words(before: &'static str, after: &'static str) -> Self {
        Self { text: (before, after), attachment: Attachment::None, fault: None }
    }

    const fn meets(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }

    const fn with(self, attachment: Attachment) -> Self {
        Self { attachment, ..self }
    }
}

const STREET: &str = "Allée des Plantations 7";
const PRESSED: &str = "bouton planté";

/// A customer's day, in this order. `Bonjour` and `horaires` are answered, `rdv`, `devis` and `avis` begin flows, `humain` calls
/// a person.
const DAY: [Says; 13] = [
    Says::words("Bonjour, ", ""),
    Says::words("horaires ", " s'il vous plaît").meets(Fault::ServerError(503)),
    Says::words("rdv ", ""),
    Says::words("demain à 10 h ", ""),
    Says::words("annuler ", ""),
    Says::words("devis ", "").meets(Fault::TakeThenReset),
    Says::words("je m'appelle ", ""),
    Says::words("avis ", ""),
    Says::words("c'était ", "").meets(Fault::Refuse { status: 400, code: 63013 }),
    Says::words("photo ", "").with(Attachment::Image),
    Says::words("", "").with(Attachment::Location { latitude: "48.858371", longitude: "2.294482", label: STREET }),
    Says::words("", "").with(Attachment::Button { text: PRESSED, payload: "charge-plantee" }),
    Says::words("humain ", ""),
];

fn address(scheme: Scheme, number: usize) -> (String, String) {
    let path = match scheme {
        Scheme::Telegram => format!("71122334{number}"),
        Scheme::Mailto => format!("cliente.plantee{number}@example.org"),
        _ => format!("+3371122334{number}"),
    };
    (format!("{scheme}:{path}"), path)
}

/// Customers at every provider that has a simulator, and at the sandbox.
pub async fn customers(installation: &Installation) -> Vec<Planted> {
    let mut planted = vec![
        Planted::number(STREET, "a place"),
        Planted::number("48.858371", "a place"),
        Planted::number(PRESSED, "a button"),
        Planted::number("charge-plantee", "a button"),
    ];
    for (number, channel) in installation.channels.iter().enumerate() {
        let (from, path) = address(channel.provider.capabilities().scheme, number);
        let name = fresh("Zéphyrine Plantée");
        planted.push(Planted::number(&path, channel.provider.name()));
        planted.push(Planted::number(&name, channel.provider.name()));
        let mail = fresh("boite.plantee@exemple");
        for (n, says) in DAY.iter().enumerate() {
            if let Some(fault) = &says.fault {
                channel.simulator.set_faults(Faults::of([Rule::once(fault.clone())]));
            }
            let words = fresh("mots-plantes-");
            let text = match says.text {
                ("", "") => String::new(),
                (before, after) => format!("{before}{words} {mail}.fr{after}"),
            };
            let message = CustomerMessage {
                attachment: says.attachment,
                name: Some(name.clone()),
                ..written(channel, &from, &text)
            };
            // Not every provider has every attachment.
            let Ok(answer) = channel.simulator.deliver(&message).await else { continue };
            if n < 9 {
                assert_eq!(answer.status, 200, "{}: {text}", channel.provider.name());
            }
            if !text.is_empty() {
                let is_kept = answer.status == 200 && says.attachment == Attachment::None;
                planted.push(Planted { text: words, by: format!("{}: {text}", channel.provider.name()), is_kept });
            }
        }
        planted.push(Planted::number(&mail, channel.provider.name()));
        planted.extend(forgeries(channel, &from).await);
    }
    planted.extend(sandbox(installation).await);
    planted
}

fn written(channel: &SimulatedChannel, from: &str, text: &str) -> CustomerMessage {
    CustomerMessage {
        channel: channel.channel.clone(),
        id: channel.simulation.fresh_id(),
        from: from.to_owned(),
        text: text.to_owned(),
        ..CustomerMessage::default()
    }
}

/// What nobody believes, and bodies that are damaged.
async fn forgeries(channel: &SimulatedChannel, from: &str) -> Vec<Planted> {
    let client = Client::new();
    let mut planted = Vec::new();
    for forgery in [Forgery::Unsigned, Forgery::UnknownChannel] {
        let words = fresh("mots-contrefaits-");
        let Ok(webhook) = channel.simulator.forged_webhook(&written(channel, from, &words), forgery) else { continue };
        let status = webhook.request(&client).send().await.expect("an answer").status().as_u16();
        assert!(matches!(status, 401 | 404), "{}: {status}", channel.provider.name());
        planted.push(Planted::number(&words, channel.provider.name()));
    }
    let words = fresh("mots-coupes-");
    let whole = channel.simulator.webhook(&written(channel, from, &format!("début {words}"))).expect("a webhook");
    let mut half = whole.clone();
    half.body.truncate(half.body.char_indices().nth(half.body.chars().count() * 3 / 4).map_or(0, |(at, _)| at));
    half.request(&client).send().await.expect("an answer");
    // The same twice.
    for _ in 0..2 {
        let answer = whole.clone().request(&client).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{}", channel.provider.name());
    }
    planted.push(Planted::number(&words, channel.provider.name()));
    planted
}

async fn sandbox(installation: &Installation) -> Vec<Planted> {
    let (who, words) = (fresh("testeuse-plantee"), fresh("mots-au-bac-"));
    let url = format!("{}/webhooks/sandbox/belle-try", installation.world.base_url());
    for text in ["Bonjour", "horaires", "humain"] {
        let body = json!({ "from": who, "name": who, "text": format!("{text} {words}") }).to_string();
        let request = Client::new().post(&url).header("Content-Type", "application/json").body(body);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
    }
    let is_kept = Planted { is_kept: true, ..Planted::number(&words, "sandbox") };
    vec![Planted::number(&who, "sandbox"), is_kept]
}

/// Calls of the API, those that hold and those that do not; their answers to who is not believed tell nothing either.
pub async fn programs(installation: &Installation) -> Vec<Planted> {
    const NUMBER: &str = "+33755667788";
    const MAIL: &str = "programme.plante@example.org";
    let (words, key) = (fresh("texte-programme-"), fresh("cle-inventee-par-quelqu-un-"));
    let client = Client::new();
    let to = format!("whatsapp:{NUMBER}");
    let message = json!({ "tenant": "belle", "to": to, "channel": "belle", "text": words });
    let table: [(&str, &str, Method, String, Option<Value>); 12] = [
        ("a message", API_KEY, Method::POST, "/api/v1/messages".into(), Some(message.clone())),
        ("a wrong key", &key, Method::POST, "/api/v1/messages".into(), Some(message.clone())),
        (
            "a wrong channel",
            API_KEY,
            Method::POST,
            "/api/v1/messages".into(),
            Some(json!({ "to": to, "channel": words, "text": MAIL })),
        ),
        ("an unknown field", API_KEY, Method::POST, "/api/v1/messages".into(), Some(json!({ MAIL: NUMBER }))),
        ("no JSON", API_KEY, Method::POST, "/api/v1/messages".into(), Some(json!(format!("{MAIL} {NUMBER}")))),
        ("a search", API_KEY, Method::GET, format!("/api/v1/conversations?tenant=belle&search={words}"), None),
        ("a person", API_KEY, Method::GET, format!("/api/v1/contacts?tenant=belle&address=%2B{}", &NUMBER[1..]), None),
        (
            "a consent",
            API_KEY,
            Method::POST,
            "/api/v1/consents".into(),
            Some(json!({ "tenant": "belle", "address": to, "note": words })),
        ),
        ("a path", API_KEY, Method::GET, format!("/api/v1/messages/{MAIL}"), None),
        (
            "an export",
            API_KEY,
            Method::POST,
            "/api/v1/privacy/export".into(),
            Some(json!({ "tenant": "belle", "address": to })),
        ),
        ("the outbox", API_KEY, Method::GET, format!("/api/v1/outbox?tenant=belle&to=%2B{}", &NUMBER[1..]), None),
        ("nowhere", &key, Method::GET, format!("/api/v1/{words}?mail={MAIL}"), None),
    ];
    for (what, key, method, path, body) in table {
        let request = client.request(method, format!("{}{path}", installation.world.base_url())).bearer_auth(key);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.expect("the daemon answers");
        assert!(answer.status().as_u16() < 500, "{what}: {}", answer.status());
    }
    let planted = [NUMBER, MAIL, &words, &key];
    planted.into_iter().map(|text| Planted::number(text, "the API")).collect()
}

/// Pages: with nobody signed in, and with somebody.
pub async fn people(installation: &Installation) -> Vec<Planted> {
    const OWNER: &str = "patronne.plantee@example.org";
    const NAME: &str = "Patronne Plantée";
    const STRANGER: &str = "inconnu.plante@example.org";
    let (words, password) = (fresh("page-plantee-"), fresh("mot de passe planté "));
    add_user(&installation.world, OWNER, NAME, ("belle", "owner"));
    let client = Client::new();
    for path in [
        format!("/console/login?next=/console/{words}"),
        format!("/console/conversations?search={words}"),
        format!("/dashboard/{words}"),
        format!("/p/belle/{words}"),
        format!("/webhooks/{words}/{STRANGER}"),
        format!("/{words}?{STRANGER}"),
    ] {
        let answer = client.get(format!("{}{path}", installation.world.base_url())).send().await.expect("an answer");
        assert!(answer.status().as_u16() < 500, "{path}: {}", answer.status());
    }
    let mut stranger = crate::console::visitor::Visitor::of(&installation.world);
    stranger.get("/console/login").await;
    let refused = stranger.submit("/console/login", &[("email", STRANGER), ("password", &password)]).await;
    assert!(refused.status < 500, "{}", refused.status);

    let mut owner = signed_in(&installation.world, OWNER).await;
    let conversation: String = installation
        .world
        .value("SELECT id FROM conversations WHERE channel_id = 'belle-try' ORDER BY id LIMIT 1")
        .await;
    let page = format!("/console/conversations/{conversation}");
    for path in [
        "/console/conversations",
        &format!("/console/conversations?search={words}"),
        &page,
        &format!("/console/conversations/{words}"),
        "/console/analytics",
        "/console/bookings",
        "/console/leads",
        "/console/outbox",
        "/console/audit",
        "/console/team",
        "/console/faq",
    ] {
        let shown = owner.get(path).await;
        assert!(shown.status < 500, "{path}: {}", shown.status);
    }
    owner.get(&page).await;
    for (form, field) in [("reply", "text"), ("note", "text"), ("assign", "to")] {
        let shown = owner.submit(&format!("{page}/{form}"), &[(field, &words), ("body", &words)]).await;
        assert!(shown.status < 500, "{form}: {}", shown.status);
    }
    let planted = [OWNER, NAME, STRANGER, &words, &password, crate::console::PASSWORD];
    planted.into_iter().map(|text| Planted::number(text, "the console")).collect()
}

/// Commands beside the daemon, and a slip in a tenant's file.
pub async fn operators(installation: &Installation) -> Vec<Planted> {
    const NUMBER: &str = "+33766778899";
    const SLIP: &str = "contact.plante@example.org";
    for told in [
        &["optout", "add", NUMBER, "--tenant", "belle"][..],
        &["explain", "--to", NUMBER],
        &["outbox", "list", "--to", NUMBER],
        &["conversations", "list", "--tenant", "belle"],
        &["explain", SLIP],
    ] {
        // What a command answers to whoever typed it is theirs: the daemon must not tell.
        palabre(&installation.world, told, "");
    }
    let path = installation.world.config().with_file_name("tenants").join("taxi.toml");
    let text = std::fs::read_to_string(&path).expect("its file");
    std::fs::write(&path, format!("\"{SLIP}\" = 1\n{text}")).expect("a file");
    installation.world.hang_up();
    let number = Planted::number(NUMBER, "a command");
    vec![number]
}
