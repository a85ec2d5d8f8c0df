//! A tenant on Green-API, against its simulator: question, answer, statuses, and the owner who types on the phone.

use std::sync::{Arc, Mutex};

use palabre::config::Channel;
use palabre::gateway::Provider as _;
use palabre::gateway::greenapi::{GreenApi, GreenSettings};
use palabre::gateway::simulator::{
    Attachment, CallbackPlan, CustomerMessage, Daemon, Fault, Faults, Forgery, Rule, SentMessage, SimulatedProvider,
};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{PUBLIC_URL, Setup, World, telling};

const ANNE: &str = "whatsapp:+33612345678";
const HOURS: &str = "Du mardi au samedi, de 9 h à 19 h.";
/// It stands in the URL of every call, and must be seen nowhere.
const API_TOKEN: &str = "d75b3a66374942c5b3c019c698abc2067e151558acbd412345";
const WEBHOOK_TOKEN: &str = "un-secret-du-webhook";

/// A daemon and a Green-API that know each other.
struct Shop {
    world: World,
    green: Arc<dyn SimulatedProvider>,
    sent: Arc<Mutex<Vec<SentMessage>>>,
    _secrets: TempDir,
}

impl Shop {
    fn open() -> Self {
        let secrets = tempfile::tempdir().expect("a folder");
        let sent: Arc<Mutex<Vec<SentMessage>>> = Arc::default();
        let green = GreenApi.simulation().expect("there is one").start(telling(&sent)).expect("it starts");
        green.set_callbacks(vec![(1, CallbackPlan::usual())]);
        let file = |name: &str, secret: &str| {
            let path = secrets.path().join(name);
            std::fs::write(&path, secret).expect("a file");
            path.display().to_string()
        };
        let (api, webhook) = (file("api", API_TOKEN), file("webhook", WEBHOOK_TOKEN));
        let base_url = green.base_url();
        // The second tenant gets one too: with another instance.
        let table = format!(
            "[[channels]]\nid = \"{{id}}-green\"\nprovider = \"greenapi-whatsapp\"\naddress = \"whatsapp:+224620000000\"\n\
             instance_id = \"7105440{{id}}\"\napi_token = {{ file = \"{api}\" }}\nwebhook_token = {{ file = \"{webhook}\" }}\n\
             api_base_url = \"{base_url}\"\njournal_delay = \"1s\"\nretry.initial = \"100ms\""
        );
        let table = table.replace("7105440{id}", "7105440259");
        let setup = Setup { tenant: String::new(), sms: table, ..Setup::default() };
        let world = World::asleep(&setup);
        // One instance, one channel: the second tenant has none.
        let other = world.config().with_file_name("tenants").join("taxi.toml");
        let text = std::fs::read_to_string(&other).expect("its file");
        std::fs::write(&other, text.replace("7105440259", "7105440260")).expect("a file");
        let mut shop = Self { world, green, sent, _secrets: secrets };
        shop.world.start_daemon();
        shop.green.set_channels(&[channel(&base_url)]);
        let reached_at = shop.world.base_url().to_owned();
        shop.green.set_daemon(Daemon { public_base_url: PUBLIC_URL.to_owned(), reached_at });
        shop
    }

    fn texts(&self) -> Vec<String> {
        self.sent.lock().expect("nobody panicked").iter().map(|sent| sent.text.clone()).collect()
    }

    async fn write(&self, message: &CustomerMessage) -> u16 {
        self.green.deliver(message).await.expect("an answer").status
    }

    /// A body on the path without a channel, with the right token.
    async fn post(&self, body: &Value) -> StatusCode {
        let url = format!("{}/webhooks/greenapi", self.world.base_url());
        let request = Client::new().post(url).header("Authorization", format!("Bearer {WEBHOOK_TOKEN}"));
        request.body(body.to_string()).send().await.expect("an answer").status()
    }
}

fn channel(base_url: &str) -> Channel {
    let settings = GreenSettings {
        instance_id: "7105440259".to_owned(),
        api_token: SecretString::from(API_TOKEN),
        webhook_token: SecretString::from(WEBHOOK_TOKEN),
        previous_webhook_token: None,
        api_base_url: base_url.to_owned(),
        groups: false,
        journal_delay: std::time::Duration::from_secs(1),
        timeout: std::time::Duration::from_secs(10),
        on_unknown: palabre::config::OnUnknown::Resend,
    };
    Channel {
        id: ChannelId::new("belle-green"),
        tenant: TenantId::new("belle"),
        address: Address::from_normalised("whatsapp:+224620000000"),
        provider: settings.of_channel(),
        profile: Arc::default(),
    }
}

fn says(id: &str, text: &str) -> CustomerMessage {
    let (channel, from) = ("belle-green".to_owned(), ANNE.to_owned());
    CustomerMessage { channel, id: id.to_owned(), from, text: text.to_owned(), ..CustomerMessage::default() }
}

fn of_instance(kind: &str, more: &Value) -> Value {
    let mut body = json!({
        "typeWebhook": kind,
        "instanceData": { "idInstance": 7_105_440_259_u64, "wid": "224620000000@c.us", "typeInstance": "whatsapp" },
        "timestamp": 1_588_091_580,
    });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

#[tokio::test]
async fn i10_a_question_is_answered_once_and_its_statuses_come_in() {
    let shop = Shop::open();
    let question = says("3EB0C767D097B7C7C001", "Quels sont vos horaires ?");
    assert_eq!((shop.write(&question).await, shop.write(&question).await), (200, 200));
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;
    assert_eq!(shop.texts(), [HOURS], "a repeated webhook is answered once");
    shop.world.until("SELECT count(*) FROM event_log WHERE event_type = 'idempotent_ignored'", 1).await;

    for (forgery, status) in
        [(Forgery::Unsigned, StatusCode::UNAUTHORIZED), (Forgery::UnknownChannel, StatusCode::NOT_FOUND)]
    {
        let forged = shop.green.forged_webhook(&says("3EB0C767D097B7C7C002", "x"), forgery).expect("a webhook");
        assert_eq!(forged.request(&Client::new()).send().await.expect("an answer").status(), status);
    }
    assert_eq!(shop.post(&of_instance("outgoingMessageStatus", &json!({}))).await, StatusCode::BAD_REQUEST);
    let elsewhere = json!({ "typeWebhook": "deviceInfo", "instanceData": { "idInstance": 1 } });
    assert_eq!(shop.post(&elsewhere).await, StatusCode::NOT_FOUND);
    assert_eq!(shop.post(&of_instance("deviceInfo", &json!({}))).await, StatusCode::OK);
    let check = format!("{}/webhooks/greenapi/status", shop.world.base_url());
    let served: Value =
        serde_json::from_str(&reqwest::get(check).await.expect("an answer").text().await.expect("a body"))
            .expect("JSON");
    assert_eq!(served["ok"], true);
    let seen = format!("{}{}", shop.world.logs(), shop.world.metrics().await);
    for secret in [API_TOKEN, WEBHOOK_TOKEN, "612345678"] {
        assert!(!seen.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn i14_the_owner_who_types_on_the_phone_has_the_conversation() {
    let shop = Shop::open();
    assert_eq!(shop.write(&says("3EB0C767D097B7C7C001", "Bonjour")).await, 200);
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;
    let typed = json!({
        "idMessage": "3EB0C767D097B7C7C0FF",
        "senderData": { "chatId": "33612345678@c.us", "sender": "224620000000@c.us", "senderName": "Belle" },
        "messageData": { "typeMessage": "textMessage", "textMessageData": { "textMessage": "STOP, je m'en occupe" } },
    });
    for _ in 0..2 {
        assert_eq!(shop.post(&of_instance("outgoingMessageReceived", &typed)).await, StatusCode::OK);
    }
    shop.world.until("SELECT count(*) FROM event_log WHERE event_type = 'handed_over'", 1).await;
    let handler: String = shop.world.value("SELECT handler FROM conversations").await;
    let unread: i64 = shop.world.value("SELECT CAST(unread AS BIGINT) FROM conversations").await;
    assert_eq!((handler.as_str(), unread), ("human", 0));
    let reason: String = shop.world.value("SELECT reason FROM messages_in WHERE role = 'seller'").await;
    assert_eq!(reason, "written_on_phone");

    assert_eq!(shop.write(&says("3EB0C767D097B7C7C002", "Vos horaires ?")).await, 200);
    shop.world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_human'", 1).await;
    assert_eq!(shop.texts().len(), 1, "the bot is silent");
    let opted_out: i64 = shop.world.value("SELECT count(*) FROM opt_outs").await;
    assert_eq!(opted_out, 0, "the customer did not say it");
}

#[tokio::test]
async fn an_unlinked_phone_pauses_the_channel_until_it_is_linked_again() {
    let shop = Shop::open();
    let state = |state: &str| of_instance("stateInstanceChanged", &json!({ "stateInstance": state }));
    assert_eq!(shop.post(&state("notAuthorized")).await, StatusCode::OK);
    let reason: String = shop.world.value("SELECT reason FROM channel_pauses").await;
    assert_eq!(reason, "greenapi_not_authorized");
    assert_eq!(shop.write(&says("3EB0C767D097B7C7C001", "Vos horaires ?")).await, 200);
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'pending'", 1).await;
    assert_eq!(shop.texts(), Vec::<String>::new());
    assert_eq!(shop.post(&state("authorized")).await, StatusCode::OK);
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;
    assert_eq!(shop.texts(), [HOURS]);
}

#[tokio::test]
async fn i5_a_lost_answer_is_looked_up_and_nothing_is_sent_twice() {
    let shop = Shop::open();
    shop.green.set_faults(Faults::of([Rule::once(Fault::TakeThenReset), Rule::once(Fault::ResetBeforeTaking)]));
    assert_eq!(shop.write(&says("3EB0C767D097B7C7C001", "Vos horaires ?")).await, 200);
    // Its statuses came before the look-up told which message they are about.
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;
    assert_eq!(shop.write(&says("3EB0C767D097B7C7C002", "Et le lundi ?")).await, 200);
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 2).await;
    assert_eq!(shop.texts(), [HOURS, "Vous avez écrit : Et le lundi ?"]);
}

#[tokio::test]
async fn a_picture_is_fetched_with_its_name() {
    let shop = Shop::open();
    let message = CustomerMessage { attachment: Attachment::Image, ..says("3EB0C767D097B7C7C001", "Regardez") };
    assert_eq!(shop.write(&message).await, 200);
    let stored = "SELECT count(*) FROM media WHERE state = 'stored' AND content_type = 'image/png' \
        AND name = 'IMG-20260301-WA0001.jpg'";
    shop.world.until(stored, 1).await;
}
