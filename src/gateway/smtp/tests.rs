//! Tests of links and of what relays tell.

use std::time::Duration;

use palabre_actors::domain::channel::ChannelProfile;
use palabre_actors::domain::ids::ConversationId;
use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::message::{Generation, Outbound, OutboundKind, ProviderConsent};
use palabre_actors::domain::presentation::{FilePlace, Presentation, SentFile};
use palabre_actors::domain::send::OnUnknown;
use palabre_actors::domain::status::DeliveryStatus;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::ProviderAccount;
use crate::gateway::WebhookHeaders;

const TOKEN: &str = "relay-token";
const OLD_TOKEN: &str = "the-token-before-this-one";

fn account() -> MailAccount {
    MailAccount {
        from_name: Some("Institut Belle".to_owned()),
        reply_to: None,
        subject: None,
        host: "localhost".to_owned(),
        port: 25,
        security: Security::None,
        login: None,
        ca: None,
        webhook_token: Some(TOKEN.into()),
        previous_webhook_token: Some(OLD_TOKEN.into()),
        unsubscribe_secret: Some("secret".into()),
        previous_unsubscribe_secret: Some("older".into()),
        timeout: Duration::from_secs(5),
        on_unknown: OnUnknown::Resend,
    }
}

fn channel() -> Channel {
    Channel {
        id: ChannelId::new("belle-mail"),
        tenant: TenantId::new("belle"),
        address: Address::from_normalised("mailto:contact@belle.example"),
        provider: ProviderAccount::new(NAME, "localhost", account()),
        profile: Arc::new(ChannelProfile::default()),
    }
}

fn links() -> Links {
    Links::of(&channel(), &account(), Some("https://hooks.example.com")).unwrap()
}

fn receiver() -> Arc<dyn Receiver> {
    let client = crate::gateway::client::new().unwrap();
    let wiring = Wiring::without_files(&client, Some("https://hooks.example.com"));
    Smtp.connect(&channel(), wiring).unwrap().receiver.unwrap()
}

fn message(presentation: Option<Presentation>) -> Outbound {
    Outbound {
        choices: Vec::new(),
        id: OutboundId::fresh(),
        tenant: TenantId::new("belle"),
        channel: ChannelId::new("belle-mail"),
        conversation: ConversationId::fresh(),
        in_reply_to: None,
        to: Address::from_normalised("mailto:awa@example.org"),
        body: "Bonjour".to_owned(),
        template: None,
        action: None,
        presentation: presentation.map(Box::new),
        kind: OutboundKind::Manual,
        urgent: false,
        expires_at: None,
        generation: Generation::first(chrono::Utc::now()),
        correlation: CorrelationId::fresh(),
        attempts: 1,
        created_at: chrono::Utc::now(),
    }
}

fn written(message: &Outbound, text: &str) -> String {
    let (account, sender) = (account(), Address::from_normalised("mailto:contact@belle.example"));
    let envelope = mail::Envelope { account: &account, sender: &sender, unsubscribe: Some("https://x.example/u?a=1") };
    String::from_utf8(mail::write(envelope, message, &message.to, (text, &[])).unwrap().bytes).unwrap()
}

fn tells(authorization: &str, event: &[u8]) -> Result<Received, Rejection> {
    let headers: &dyn WebhookHeaders = &[("Authorization", authorization)];
    let content_type = "application/json";
    let request = WebhookRequest { url: "", query: "", content_type, headers, is_local: false, body: event };
    receiver().receive(request, CorrelationId::fresh(), chrono::Utc::now())
}

fn told(event: &Value) -> Received {
    tells(&format!("Bearer {TOKEN}"), event.to_string().as_bytes()).unwrap()
}

#[test]
fn a_link_is_believed_when_nothing_of_it_was_changed() {
    let (links, message) = (links(), message(None));
    let link = links.of_message(&message, &message.to);
    let query = link.split_once('?').unwrap().1;
    let read = links.read(query).unwrap();
    assert_eq!((read.message, read.address), (mail::id_of(&message), message.to.clone()));
    for at in 0..query.len() {
        let mut changed = query.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(links.read(&String::from_utf8(changed).unwrap()).is_none(), "{at}");
    }
    let signed_by = |secret: &str| {
        let account = MailAccount { unsubscribe_secret: Some(secret.into()), ..account() };
        Links::of(&channel(), &account, Some("https://hooks.example.com")).unwrap().of_message(&message, &message.to)
    };
    let query_of = |link: &str| link.split_once('?').unwrap().1.to_owned();
    assert!(links.read(&query_of(&signed_by("older"))).is_some(), "a mail of the time before");
    assert!(links.read(&query_of(&signed_by("oldest"))).is_none());
    let other = Channel { id: ChannelId::new("other"), ..channel() };
    assert!(Links::of(&other, &account(), Some("https://hooks.example.com")).unwrap().read(query).is_none());
    assert!(Links::of(&channel(), &account(), None).is_none());
    let at = (CorrelationId::fresh(), chrono::Utc::now());
    let (asked, followed) =
        (receiver().link(UNSUBSCRIBE, false, query, at), receiver().link(UNSUBSCRIBE, true, query, at));
    assert!(matches!(asked.unwrap().received, Received::Nothing));
    let Received::Message(stop) = followed.unwrap().received else { panic!("a STOP") };
    assert_eq!(stop.content.details.provider_consent, Some(ProviderConsent::Stop));
    assert!(receiver().link("other", true, query, at).is_none());
    assert!(!format!("{links:?}").contains("secret"));
}

#[test]
fn a_mail_has_its_parts() {
    let shown =
        Presentation {
            subject: Some("Été".to_owned()), html: Some("<b>x</b>".to_owned()), ..Presentation::default()
        };
    let whole = written(&message(Some(shown)), "On y va ?");
    for part in ["multipart/alternative", "<b>x</b>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    let plain = written(&message(None), "Bonjour");
    assert!(plain.contains("Subject: Institut Belle\r\n") && !plain.contains("multipart"), "{plain}");
}

#[test]
fn what_a_relay_tells_becomes_statuses_and_stops() {
    let message = message(None);
    let id = format!("<{}@belle.example>", mail::id_of(&message));
    let event = |name: &str| json!({ "event": name, "email": "awa@example.org", "message-id": id });
    for (name, status, code) in [
        ("request", DeliveryStatus::Sent, None),
        ("delivered", DeliveryStatus::Delivered, None),
        ("opened", DeliveryStatus::Read, None),
        ("hard_bounce", DeliveryStatus::Failed, Some("smtp_bounced")),
        ("blocked", DeliveryStatus::Failed, Some("smtp_relay_blocked")),
    ] {
        let Received::Status(update) = told(&event(name)) else { panic!("{name}") };
        assert_eq!((update.id, update.generation), (Some(message.id), Some(0)), "{name}");
        assert_eq!((update.status, update.code.as_deref()), (status, code), "{name}");
        assert!(code.is_none_or(|code| codes::find(code).is_some()), "{name}");
    }
    for name in ["deferred", "soft_bounce", "proxy_open", "invented_tomorrow"] {
        assert!(matches!(told(&event(name)), Received::Nothing), "{name}");
    }
    assert!(matches!(told(&json!({ "event": "delivered", "message-id": "<other@x>" })), Received::Nothing));
    let Received::Message(stop) = told(&event("spam")) else { panic!("a STOP") };
    assert_eq!(stop.from.as_str(), "mailto:awa@example.org");
    // What is no event in a list is left out, and kinds that are others than usual are no reason to refuse.
    let odd = json!({ "event": "opened", "email": null, "message-id": 7, "X-Mailin-custom": mail::id_of(&message) });
    let list = json!([event("delivered"), 7, {}, odd]);
    assert!(
        matches!(told(&list), Received::Batch(parts) if matches!(parts[..], [Received::Status(_), Received::Status(_)]))
    );
    assert!(matches!(told(&json!([])), Received::Batch(parts) if parts.is_empty()));
}

#[test]
fn a_stop_about_a_mail_of_another_sender_is_the_same_when_it_is_repeated() {
    let stop = |of: &Value| match told(of) {
        Received::Message(stop) => stop.provider_message_id.as_str().to_owned(),
        other => panic!("a STOP: {other:?}"),
    };
    let event = json!({ "event": "unsubscribed", "email": "awa@example.org", "message-id": "<1.2@relay>", "ts_event": 1_604_933_654 });
    let changed = |name: &str, value: Value| {
        let mut other = event.clone();
        other[name] = value;
        other
    };
    assert_eq!(stop(&event), stop(&event));
    for other in [
        changed("ts_event", json!(1_604_933_655)),
        changed("email", json!("nadia@example.org")),
        changed("message-id", json!("<1.3@relay>")),
        changed("event", json!("spam")),
    ] {
        assert_ne!(stop(&event), stop(&other), "{other}");
    }
    assert!(!stop(&event).contains("awa"), "an id shows no address");
}

#[test]
fn a_relay_is_believed_by_its_token() {
    use base64::Engine as _;
    let basic = |pair: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let event = br#"{"event":"request"}"#;
    let before = [format!("Bearer {OLD_TOKEN}"), basic(&format!("any:{OLD_TOKEN}"))];
    let now = [format!("Bearer {TOKEN}"), format!("bearer {TOKEN}"), basic(&format!("any:{TOKEN}"))];
    for good in now.into_iter().chain(before) {
        assert!(tells(&good, event).is_ok(), "{good}");
    }
    for bad in ["", "Bearer", "Bearer x", TOKEN, "Basic !", &basic(TOKEN), &basic("any:x"), "Digest x"] {
        assert_eq!(tells(bad, event).err(), Some(Rejection::BadSignature), "{bad}");
    }
    for bad in [&b""[..], b"[1]", b"{}", b"\xff"] {
        assert!(matches!(tells(&format!("Bearer {TOKEN}"), bad), Err(Rejection::Malformed(_))));
    }
}

proptest! {
    #[test]
    fn no_text_adds_a_header(subject in "\\PC{0,60}|[a\r\n:]{0,40}", name in "[aé\r\n<>\"]{0,20}") {
        let subject = Some(format!("{subject}\r\nBcc: eve@example.org"));
        let shown = Presentation { subject, ..Presentation::default() };
        let mut account = account();
        account.from_name = Some(name);
        let (message, sender) = (message(Some(shown)), Address::from_normalised("mailto:contact@belle.example"));
        let envelope = mail::Envelope { account: &account, sender: &sender, unsubscribe: None };
        let bytes = mail::write(envelope, &message, &message.to, ("x", &[])).unwrap().bytes;
        let text = String::from_utf8(bytes).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        prop_assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc:")), "{}", head);
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200), query in ".{0,60}") {
        let _ = tells(&format!("Bearer {TOKEN}"), &body);
        let _ = links().read(&query);
    }
}

#[test]
fn files_are_attached_and_their_names_stay_names() {
    let (account, sender) = (account(), Address::from_normalised("mailto:contact@belle.example"));
    let envelope = mail::Envelope { account: &account, sender: &sender, unsubscribe: None };
    let file = SentFile {
        place: FilePlace::Upload("7".to_owned()),
        content_type: "application/pdf".to_owned(),
        name: "tarifs\r\nBcc: eve@example.org.pdf".to_owned(),
    };
    let shown = Presentation { html: Some("<b>Nos tarifs</b>".to_owned()), ..Presentation::default() };
    let message = message(Some(shown));
    let files = [(&file, bytes::Bytes::from_static(b"%PDF-1.7"))];
    let bytes = mail::write(envelope, &message, &message.to, ("Nos tarifs", &files)).unwrap().bytes;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("multipart/mixed") && text.contains("multipart/alternative"), "{text}");
    assert!(
        text.contains("Content-Type: application/pdf") && text.contains("Content-Disposition: attachment"),
        "{text}"
    );
    assert!(!text.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc:")), "{text}");
}
