//! A tenant on the Cloud API, against its simulator: handshake, question, answer, statuses, batches, templates.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use palabre::config::{Channel, OnUnknown};
use palabre::gateway::Provider as _;
use palabre::gateway::simulator::{
    Attachment, CallbackPlan, CustomerMessage, Daemon, Fault, Faults, Forgery, Rule, SentMessage, SimulatedProvider,
    Webhook,
};
use palabre::gateway::whatsapp_cloud::{CloudSettings, WhatsappCloud};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::console::{add_user, signed_in};
use crate::daemon::{PUBLIC_URL, Setup, World, telling};

const ANNE: &str = "whatsapp:+33612345678";
const HOURS: &str = "Du mardi au samedi, de 9 h à 19 h.";
const SECRET: &str = "un-secret-de-application";

/// The numbers of both tenants, which belong to one app.
const NUMBERS: [(&str, &str, &str); 2] =
    [("belle", "100000000000001", "whatsapp:+33639980099"), ("taxi", "100000000000009", "whatsapp:+33639980098")];

/// A daemon and a Cloud API that know each other.
struct Shop {
    world: World,
    meta: Arc<dyn SimulatedProvider>,
    sent: Arc<Mutex<Vec<SentMessage>>>,
    _secrets: TempDir,
}

fn channel(base_url: &str, (tenant, id, address): (&str, &str, &str)) -> Channel {
    let settings = CloudSettings {
        phone_number_id: id.to_owned(),
        business_account_id: "100000000000002".to_owned(),
        access_token: SecretString::from(SECRET),
        app_secret: SecretString::from(SECRET),
        previous_app_secret: None,
        verify_token: SecretString::from(SECRET),
        api_base_url: format!("{base_url}/v23.0"),
        template_language: "fr".to_owned(),
        callback_delay: Duration::from_secs(30),
        timeout: Duration::from_secs(10),
        on_unknown: OnUnknown::Resend,
    };
    Channel {
        id: ChannelId::new(&format!("{tenant}-cloud")),
        tenant: TenantId::new(tenant),
        address: Address::from_normalised(address),
        provider: settings.of_channel(),
        profile: Arc::default(),
    }
}

impl Shop {
    fn open() -> Self {
        let secrets = tempfile::tempdir().expect("a folder");
        let sent: Arc<Mutex<Vec<SentMessage>>> = Arc::default();
        let meta = WhatsappCloud.simulation().expect("there is one").start(telling(&sent)).expect("it starts");
        meta.set_callbacks(vec![(1, CallbackPlan::usual())]);
        let file = secrets.path().join("secret");
        std::fs::write(&file, SECRET).expect("a file");
        let secret = format!("{{ file = \"{}\" }}", file.display());
        let base_url = meta.base_url();
        let table = format!(
            "[[channels]]\nid = \"{{id}}-cloud\"\nprovider = \"whatsapp-cloud\"\naddress = \"ADDRESS\"\n\
             phone_number_id = \"NUMBER\"\nbusiness_account_id = \"100000000000002\"\naccess_token = {secret}\n\
             app_secret = {secret}\nverify_token = {secret}\napi_base_url = \"{base_url}/v23.0\"\n\
             callback_delay = \"30s\"\nretry.initial = \"100ms\""
        );
        let world = World::asleep(&Setup { sms: table, ..Setup::default() });
        for (tenant, id, address) in NUMBERS {
            let file = world.config().with_file_name("tenants").join(format!("{tenant}.toml"));
            let text = std::fs::read_to_string(&file).expect("its file");
            std::fs::write(&file, text.replace("NUMBER", id).replace("ADDRESS", address)).expect("a file");
        }
        let mut shop = Self { world, meta, sent, _secrets: secrets };
        shop.world.start_daemon();
        shop.meta.set_channels(&NUMBERS.map(|number| channel(&base_url, number)));
        let reached_at = shop.world.base_url().to_owned();
        shop.meta.set_daemon(Daemon { public_base_url: PUBLIC_URL.to_owned(), reached_at });
        shop
    }

    fn texts(&self) -> Vec<String> {
        self.sent.lock().expect("nobody panicked").iter().map(|sent| sent.text.clone()).collect()
    }

    async fn write(&self, message: &CustomerMessage) -> u16 {
        self.meta.deliver(message).await.expect("an answer").status
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = reqwest::get(format!("{}{path}", self.world.base_url())).await.expect("an answer");
        (response.status(), response.text().await.expect("a body"))
    }
}

fn says(id: &str, text: &str) -> CustomerMessage {
    let (channel, from) = ("belle-cloud".to_owned(), ANNE.to_owned());
    CustomerMessage { channel, id: id.to_owned(), from, text: text.to_owned(), ..CustomerMessage::default() }
}

async fn posted(webhook: Webhook) -> StatusCode {
    webhook.request(&Client::new()).send().await.expect("an answer").status()
}

#[tokio::test]
async fn i10_a_question_is_answered_once_and_its_statuses_come_in() {
    let shop = Shop::open();
    let question = says("wamid.HBgLQUESTION01", "Quels sont vos horaires ?");
    assert_eq!((shop.write(&question).await, shop.write(&question).await), (200, 200));
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;
    assert_eq!(shop.texts(), [HOURS], "a repeated webhook is answered once");
    shop.world.until("SELECT count(*) FROM event_log WHERE event_type = 'idempotent_ignored'", 1).await;
    let priced =
        "SELECT count(*) FROM event_log WHERE event_type = 'message_delivered' AND payload LIKE '%\"service\"%'";
    shop.world.until(priced, 1).await;

    for (forgery, status) in
        [(Forgery::Unsigned, StatusCode::UNAUTHORIZED), (Forgery::UnknownChannel, StatusCode::NOT_FOUND)]
    {
        let forged = shop.meta.forged_webhook(&says("wamid.HBgLQUESTION02", "x"), forgery).expect("a webhook");
        assert_eq!(posted(forged).await, status);
    }
    let seen = format!("{}{}", shop.world.logs(), shop.world.metrics().await);
    for secret in [SECRET, "612345678"] {
        assert!(!seen.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_handshake_is_answered_on_both_paths() {
    let shop = Shop::open();
    let asked = |path: &str, token: &str| {
        format!("{path}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}")
    };
    for path in ["/webhooks/whatsapp-cloud", "/webhooks/whatsapp-cloud/belle-cloud"] {
        assert_eq!(shop.get(&asked(path, SECRET)).await, (StatusCode::OK, "1158201444".to_owned()), "{path}");
        assert_eq!(shop.get(&asked(path, "wrong")).await.0, StatusCode::FORBIDDEN, "{path}");
        let deleted = Client::new().delete(format!("{}{path}", shop.world.base_url())).send().await.expect("an answer");
        assert_eq!(deleted.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    let (status, _) = shop.get(&asked("/webhooks/twilio-whatsapp/belle", SECRET)).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "a provider without a handshake");
    let (status, _) = shop.get(&asked("/webhooks/whatsapp-cloud/nobody", SECRET)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(!shop.world.logs().contains(SECRET), "i10");
}

#[tokio::test]
async fn i1_a_batch_for_two_numbers_is_taken_as_one_and_each_answers_its_own() {
    let shop = Shop::open();
    let mut first: Value =
        serde_json::from_str(&shop.meta.webhook(&says("wamid.A", "Vos horaires ?")).expect("one").body).expect("JSON");
    let other = CustomerMessage { channel: "taxi-cloud".to_owned(), ..says("wamid.B", "Un taxi ?") };
    let second: Value = serde_json::from_str(&shop.meta.webhook(&other).expect("one").body).expect("JSON");
    let entries = second["entry"].as_array().expect("a list").clone();
    first["entry"].as_array_mut().expect("a list").extend(entries);
    let body = first.to_string();
    let path = format!("{}/webhooks/whatsapp-cloud", shop.world.base_url());
    for _ in 0..2 {
        let signed = Webhook { url: path.clone(), body: body.clone(), headers: signed(&body) };
        assert_eq!(posted(signed).await, StatusCode::OK);
    }
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 2).await;
    let mut texts = shop.texts();
    texts.sort();
    assert_eq!(texts, [HOURS, "Vous avez écrit : Un taxi ?"]);
    let tenants: i64 = shop.world.value("SELECT count(DISTINCT tenant_id) FROM messages_in").await;
    let messages: i64 = shop.world.value("SELECT count(*) FROM messages_in").await;
    assert_eq!((tenants, messages), (2, 2));
}

/// The headers of a body, signed with the app's secret.
fn signed(body: &str) -> Vec<(&'static str, String)> {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(body.as_bytes());
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    vec![("Content-Type", "application/json".to_owned()), ("X-Hub-Signature-256", format!("sha256={digest}"))]
}

#[tokio::test]
async fn i14_what_is_typed_in_the_app_silences_the_bot() {
    let shop = Shop::open();
    let echo = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "100000000000002", "changes": [{
        "field": "smb_message_echoes", "value": { "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "33639980099", "phone_number_id": "100000000000001" },
            "message_echoes": [{ "from": "33639980099", "to": "33612345678", "id": "wamid.ECHO", "timestamp": "1",
                "type": "text", "text": { "body": "Je vous rappelle" } }] } }] }] });
    let body = echo.to_string();
    let url = format!("{}/webhooks/whatsapp-cloud/belle-cloud", shop.world.base_url());
    assert_eq!(posted(Webhook { url, headers: signed(&body), body }).await, StatusCode::OK);
    shop.world.until("SELECT count(*) FROM event_log WHERE event_type = 'handed_over'", 1).await;
    assert_eq!(shop.write(&says("wamid.HBgLQUESTION01", "Vos horaires ?")).await, 200);
    shop.world.until("SELECT count(*) FROM messages_in WHERE reason = 'silent_human'", 1).await;
    assert_eq!(shop.texts(), Vec::<String>::new());
}

#[tokio::test]
async fn a_number_that_was_asked_for_joins_the_person_and_a_card_is_shown() {
    const AWA: &str = "awa@belle.example";
    let shop = Shop::open();
    let world = &shop.world;
    assert_eq!(shop.write(&says("wamid.HBgLANNE00001", "Bonjour")).await, 200);
    let contact = |address: &str| format!("SELECT contact_id FROM contact_addresses WHERE address = '{address}'");
    world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", 1).await;
    let anne: String = world.value(&contact(ANNE)).await;
    let card = |origin: &str| {
        json!({ "type": "contacts", "contacts": [{ "origin": origin, "name": { "formatted_name": "Anne Dupont" },
            "phones": [{ "phone": "+33 6 12 34 56 78", "wa_id": "33612345678", "type": "MOBILE" }] }] })
    };
    // Somebody sends Anne's card by themselves: it is kept, and makes nobody anybody. Anne is asked for her number, and gives it.
    let messages = [
        ("FR.1001", card("other")),
        ("FR.2002", json!({ "type": "text", "text": { "body": "Bonjour" } })),
        ("FR.2002", card("contact_request")),
    ];
    for (nth, (who, mut sent)) in messages.into_iter().enumerate() {
        sent["from_user_id"] = json!(who);
        sent["id"] = json!(format!("wamid.HBgLCARD{nth}"));
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "100000000000002", "changes": [{
            "field": "messages", "value": { "messaging_product": "whatsapp",
                "metadata": { "display_phone_number": "33639980099", "phone_number_id": "100000000000001" },
                "contacts": [{ "profile": { "name": "Anne" }, "user_id": who }], "messages": [sent] } }] }] });
        let body = body.to_string();
        let url = format!("{}/webhooks/whatsapp-cloud/belle-cloud", world.base_url());
        assert_eq!(posted(Webhook { url, headers: signed(&body), body }).await, StatusCode::OK);
        let processed = i64::try_from(nth).expect("few") + 2;
        world.until("SELECT count(*) FROM messages_in WHERE state = 'processed'", processed).await;
    }
    let (other, own): (String, String) =
        (world.value(&contact("whatsapp:FR.1001")).await, world.value(&contact("whatsapp:FR.2002")).await);
    assert!(own == anne && other != anne, "{own} {other} {anne}");
    let merged: i64 = world
        .value("SELECT count(*) FROM event_log WHERE event_type = 'contact_merged' AND payload LIKE '%\"card\"%'")
        .await;
    assert_eq!(merged, 1);

    add_user(world, AWA, "Awa", ("belle", "owner"));
    let mut awa = signed_in(world, AWA).await;
    let talk: String = world.value("SELECT id FROM conversations WHERE address = 'whatsapp:FR.1001'").await;
    let page = awa.get(&format!("/console/conversations/{talk}")).await.body;
    let merge = format!("/console/contacts/{other}/merge?q=%2B33612345678");
    assert!(page.contains("Fiche partagée · Anne Dupont · +33 6 12 34 56 78"), "{page}");
    assert!(page.contains("merge?q=%2B33612345678\""), "{page}");
    let page = awa.get(&merge).await.body;
    assert!(page.contains(&anne), "a person may say that they are one: {page}");
    assert!(!world.logs().contains("612345678"), "i10");
}

#[tokio::test]
async fn i5_a_lost_answer_is_settled_by_the_callback_that_brings_our_id() {
    let shop = Shop::open();
    shop.meta.set_faults(Faults::of([Rule::once(Fault::TakeThenReset)]));
    assert_eq!(shop.write(&says("wamid.HBgLQUESTION01", "Vos horaires ?")).await, 200);
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 1).await;
    assert_eq!(shop.texts(), [HOURS]);
}

#[tokio::test]
async fn metas_codes_decide_what_becomes_of_a_message() {
    let shop = Shop::open();
    let refuse = |code| Faults::of([Rule::once(Fault::Refuse { status: 400, code })]);
    shop.meta.set_faults(refuse(131_047));
    assert_eq!(shop.write(&says("wamid.HBgLQUESTION01", "Vos horaires ?")).await, 200);
    shop.world
        .until("SELECT count(*) FROM messages_out WHERE state = 'deferred' AND blocked_reason = '131047'", 1)
        .await;
    assert_eq!(shop.write(&says("wamid.HBgLQUESTION02", "Bonjour")).await, 200);
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'read'", 2).await;
    shop.meta.set_faults(refuse(131_026));
    assert_eq!(shop.write(&says("wamid.HBgLQUESTION03", "Vos horaires ?")).await, 200);
    shop.world.until("SELECT count(*) FROM messages_out WHERE state = 'dead' AND last_error = '131026'", 1).await;
    shop.meta.set_faults(refuse(131_048));
    assert_eq!(shop.write(&says("wamid.HBgLQUESTION04", "Vos horaires ?")).await, 200);
    shop.world.until("SELECT count(*) FROM channel_pauses WHERE reason = '131048'", 1).await;
}

#[tokio::test]
async fn a_picture_is_located_and_fetched_with_the_token() {
    let shop = Shop::open();
    let message = CustomerMessage { attachment: Attachment::Image, ..says("wamid.HBgLPICTURE01", "Regardez") };
    assert_eq!(shop.write(&message).await, 200);
    shop.world.until("SELECT count(*) FROM media WHERE state = 'stored' AND content_type = 'image/png'", 1).await;
    assert!(!shop.world.logs().contains(SECRET), "the token stays out of the log");
}
