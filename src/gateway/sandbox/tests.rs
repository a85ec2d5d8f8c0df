//! Tests of the sandbox.

use palabre_actors::domain::ids::ConversationId;
use palabre_actors::domain::message::{Generation, Outbound, OutboundKind};
use palabre_actors::domain::status::DeliveryStatus;

use super::*;
use crate::gateway::WebhookHeaders;
use crate::gateway::channel_event::ChannelEventKind;

const JSON: &str = "application/json; charset=utf-8";

fn sandbox() -> SandboxChannel {
    SandboxChannel {
        tenant: TenantId::new("belle"),
        channel: ChannelId::new("belle-try"),
        address: Address::from_normalised("sandbox:belle"),
        sent: Mutex::default(),
        typing: Mutex::default(),
    }
}

fn request<'a>(content_type: &'a str, is_local: bool, body: &'a str) -> WebhookRequest<'a> {
    let headers: &dyn WebhookHeaders = &[];
    WebhookRequest { url: "", query: "", content_type, headers, is_local, body: body.as_bytes() }
}

fn receive(body: &str) -> Result<Received, Rejection> {
    sandbox().receive(request(JSON, true, body), CorrelationId::fresh(), chrono::Utc::now())
}

fn outbound(body: &str) -> Outbound {
    Outbound {
        id: OutboundId::fresh(),
        tenant: TenantId::new("belle"),
        channel: ChannelId::new("belle-try"),
        conversation: ConversationId::fresh(),
        in_reply_to: None,
        to: Address::from_normalised("sandbox:anna"),
        body: body.to_owned(),
        template: None,
        choices: Vec::new(),
        action: None,
        presentation: None,
        kind: OutboundKind::Reply,
        urgent: false,
        expires_at: None,
        generation: Generation::first(chrono::Utc::now()),
        correlation: CorrelationId::fresh(),
        attempts: 1,
        created_at: chrono::Utc::now(),
    }
}

fn asked(message: &Outbound) -> OutboundRequest<'_> {
    let content = OutboundContent::Text(&message.body);
    OutboundRequest { message, channel: &message.channel, to: &message.to, content }
}

#[test]
fn all_that_a_customer_can_send_comes_in() {
    let body = r#"{"id": "m1", "from": "belle/Anna", "name": "Anna", "text": "Bonjour",
        "button": {"text": "Oui", "payload": "yes"},
        "media": [{"url": "https://example.com/a.png", "content_type": "image/png"}],
        "location": {"latitude": 48.85, "longitude": 2.35, "label": "Institut", "address": null},
        "reply_to": "SB1"}"#;
    let Ok(Received::Message(message)) = receive(body) else { panic!("a message") };
    assert_eq!(message.provider_message_id.as_str(), "m1");
    assert_eq!((message.from.as_str(), message.to.as_str()), ("sandbox:belle/anna", "sandbox:belle"));
    assert_eq!((message.tenant.as_str(), message.channel.as_str()), ("belle", "belle-try"));
    let content = message.content;
    assert_eq!((content.body.as_str(), content.profile_name.as_deref()), ("Bonjour", Some("Anna")));
    let details = content.details;
    assert_eq!(details.button.map(|button| (button.text, button.payload)), Some(("Oui".into(), "yes".into())));
    assert_eq!(details.media[0].content_type, "image/png");
    assert_eq!(details.location.and_then(|place| place.label).as_deref(), Some("Institut"));
    assert_eq!(details.reply_to.as_ref().map(ProviderMessageId::as_str), Some("SB1"));
}

#[test]
fn a_message_without_an_id_gets_one() {
    let id = |body: &str| match receive(body) {
        Ok(Received::Message(message)) => message.provider_message_id,
        other => panic!("{other:?}"),
    };
    let body = r#"{"from": "anna", "text": "x"}"#;
    assert!(Sandbox.is_message_id(id(body).as_str()));
    assert_ne!(id(body), id(body));
}

#[test]
fn what_cannot_be_believed_or_read_is_refused() {
    let good = r#"{"from": "anna", "text": "x"}"#;
    let now = chrono::Utc::now();
    let of = |request| sandbox().receive(request, CorrelationId::fresh(), now).err();
    assert_eq!(of(request(JSON, false, good)), Some(Rejection::BadSignature), "from elsewhere");
    assert!(matches!(of(request("text/plain", true, good)), Some(Rejection::MediaType(_))));
    for bad in ["", "[]", r#"{"text": "x"}"#, r#"{"from": "+33612345678"}"#, r#"{"from": "a", "txt": "x"}"#] {
        assert!(matches!(receive(bad), Err(Rejection::Malformed(_))), "{bad}");
    }
    let status = r#"{"id": "SB1", "status": "delivered"}"#;
    let from_elsewhere = sandbox().receive_status(request(JSON, false, status), now);
    assert_eq!(from_elsewhere.err(), Some(Rejection::BadSignature));
}

#[tokio::test]
async fn what_is_sent_is_kept_found_and_shown_to_this_machine_alone() {
    let (sandbox, message) = (sandbox(), outbound("Bonjour Anna"));
    assert_eq!(sandbox.find(asked(&message)).await, Ok(Found::Absent));
    let receipt = sandbox.send(asked(&message)).await.unwrap();
    assert_eq!(sandbox.find(asked(&message)).await, Ok(Found::Taken(vec![receipt.clone()])));
    let replayed = Outbound { generation: Generation { number: 1, ..message.generation }, ..message.clone() };
    assert_eq!(sandbox.find(asked(&replayed)).await, Ok(Found::Absent), "another generation");
    let sent = sandbox.sent();
    assert_eq!((sent[0].to.as_str(), sent[0].text.as_str()), ("sandbox:anna", "Bonjour Anna"));
    let shown = sandbox.page("sent", true).unwrap().body;
    assert!(shown.contains("Bonjour Anna") && shown.contains(receipt.provider_message_id.as_str()), "{shown}");
    assert_eq!((sandbox.page("sent", false), sandbox.page("other", true)), (None, None));
    assert!(!format!("{sent:?}{sandbox:?}").contains("anna"), "addresses and texts stay out of logs");
}

#[tokio::test]
async fn a_template_is_kept_with_its_values() {
    let (sandbox, message) = (sandbox(), outbound(""));
    let content = OutboundContent::Template { content_id: "rappel", variables: vec![("prenom", "Anna")] };
    sandbox.send(OutboundRequest { content, ..asked(&message) }).await.unwrap();
    let template = sandbox.sent()[0].template.clone().unwrap();
    assert_eq!(template.variables, [("prenom".to_owned(), "Anna".to_owned())]);
}

#[tokio::test]
async fn news_of_a_message_is_about_ours() {
    let (sandbox, message) = (sandbox(), outbound("Bonjour"));
    let id = sandbox.send(asked(&message)).await.unwrap().provider_message_id;
    let body = format!(r#"{{"id": "{}", "status": "read"}}"#, id.as_str());
    let received = sandbox.receive_status(request(JSON, true, &body), chrono::Utc::now());
    let Ok(Received::Status(update)) = received else { panic!("{received:?}") };
    assert_eq!((update.id, update.generation, update.status), (Some(message.id), Some(0), DeliveryStatus::Read));
}

#[tokio::test]
async fn no_more_is_kept_than_there_is_room_for() {
    let (sandbox, message) = (sandbox(), outbound("x"));
    for _ in 0..=KEPT {
        sandbox.send(asked(&message)).await.unwrap();
    }
    assert_eq!(sandbox.sent().len(), KEPT);
}

#[tokio::test]
async fn who_is_typing_is_told_both_ways() {
    let sandbox = sandbox();
    let typing = |body: &str| sandbox.receive(request(JSON, true, body), CorrelationId::fresh(), chrono::Utc::now());
    let Ok(Received::Event(event)) = typing(r#"{"from": "anna", "typing": true}"#) else { panic!("an event") };
    assert!(matches!(&event.kind, ChannelEventKind::Typing { from } if from.as_str() == "sandbox:anna"));
    assert_eq!((event.tenant.as_str(), event.channel.as_str()), ("belle", "belle-try"));
    assert!(matches!(typing(r#"{"from": "anna", "text": "x", "typing": false}"#), Ok(Received::Message(_))));
    assert!(matches!(typing(r#"{"from": "+33612345678", "typing": true}"#), Err(Rejection::Malformed(_))));

    let to = Address::from_normalised("sandbox:anna");
    sandbox.show_typing(TypingNotice { to: &to, in_reply_to: None }).unwrap().await;
    assert_eq!(sandbox.typing()[0].to, "sandbox:anna");
    let others = Address::from_normalised("sandbox:bob");
    assert_eq!((sandbox.shows_typing_to(&to), sandbox.shows_typing_to(&others)), (true, false));
    assert!(sandbox.sent().is_empty(), "it is no message");
    assert!(sandbox.page("sent", true).unwrap().body.contains("\"typing\":[{"));
    assert!(!format!("{:?}", sandbox.typing()).contains("anna"));
    sandbox.send(asked(&outbound("Bonjour"))).await.unwrap();
    assert!(!sandbox.shows_typing_to(&to), "the answer is there");
}
