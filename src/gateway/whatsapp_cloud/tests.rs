//! Tests of the Cloud API's webhooks: a table of payloads, written from Meta's documentation, and what is made of each.

use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};
use palabre_actors::domain::message::{Button, ContactCard, Details, Location, Media, NewInbound, Notice};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::StatusUpdate;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::signature::{HEADER_NAME, Signer};
use super::*;
use crate::config::OnUnknown;
use crate::gateway::{Handshake, Received, Rejection, WebhookHeaders, WebhookRequest};

const SECRET: &str = "app-secret";
const FROM: &str = "whatsapp:+33612345678";
const WAMID: &str = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=";

fn channel() -> Channel {
    let settings = CloudSettings {
        phone_number_id: "100000000000001".to_owned(),
        business_account_id: "100000000000002".to_owned(),
        access_token: SecretString::from("access-secret"),
        app_secret: SecretString::from(SECRET),
        previous_app_secret: None,
        verify_token: SecretString::from("verify-secret"),
        api_base_url: "https://graph.facebook.com/v23.0".to_owned(),
        template_language: "fr".to_owned(),
        callback_delay: Duration::from_secs(60),
        timeout: Duration::from_secs(10),
        on_unknown: OnUnknown::Resend,
    };
    Channel {
        id: ChannelId::new("belle-cloud"),
        tenant: TenantId::new("belle"),
        address: Address::from_normalised("whatsapp:+33639980099"),
        provider: settings.of_channel(),
        profile: Arc::default(),
    }
}

fn receiver() -> CloudReceiver {
    let channel = channel();
    CloudReceiver::new(&channel, settings(&channel).unwrap())
}

fn sign(secret: &str, body: &[u8]) -> String {
    Signer::new(&SecretString::from(secret)).sign(body)
}

fn receive_signed(signature: Option<&str>, body: &[u8]) -> Result<Received, Rejection> {
    let with = [(HEADER_NAME, signature.unwrap_or(""))];
    let without: [(&str, &str); 0] = [];
    let headers: &dyn WebhookHeaders = if signature.is_some() { &with } else { &without };
    let content_type = "application/json";
    let request = WebhookRequest { url: "", query: "", content_type, headers, is_local: false, body };
    receiver().receive(request, CorrelationId::fresh(), chrono::Utc::now())
}

fn receive_bytes(body: &[u8]) -> Result<Received, Rejection> {
    receive_signed(Some(&sign(SECRET, body)), body)
}

fn receive(body: &Value) -> Result<Received, Rejection> {
    receive_bytes(body.to_string().as_bytes())
}

/// A webhook with one change of one number.
fn changed(number: &str, field: &str, more: Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "33639980099", "phone_number_id": number },
    });
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "object": "whatsapp_business_account",
        "entry": [{ "id": "100000000000002", "changes": [{ "value": value, "field": field }] }] })
}

fn of_anne(more: Value) -> Value {
    let mut message = json!({ "from": "33612345678", "id": WAMID, "timestamp": "1749416383" });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let contact = json!({ "profile": { "name": "Anne" }, "wa_id": "33612345678" });
    changed("100000000000001", "messages", json!({ "contacts": [contact], "messages": [message] }))
}

#[track_caller]
fn message(received: Result<Received, Rejection>) -> NewInbound {
    match received {
        Ok(Received::Message(message)) => *message,
        other => panic!("a message: {other:?}"),
    }
}

#[track_caller]
fn status(more: Value) -> StatusUpdate {
    let mut status = json!({ "id": WAMID, "timestamp": "1", "recipient_id": "33612345678" });
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    match receive(&changed("100000000000001", "messages", json!({ "statuses": [status] }))) {
        Ok(Received::Status(update)) => update,
        other => panic!("a status: {other:?}"),
    }
}

#[test]
fn every_type_of_message_is_read() {
    let plain = Details::default;
    let id = |id: &str| decode::message_id(id).unwrap();
    let file = |kind: &str, mime: &str| {
        json!({ "type": kind, kind: { "id": "1003383421387256", "mime_type": mime, "sha256": "x", "caption": "Regardez",
            "filename": "a.pdf", "voice": true } })
    };
    let media = |mime: &str| Details {
        media: vec![Media {
            url: "https://graph.facebook.com/v23.0/1003383421387256".into(),
            content_type: mime.into(),
            name: Some("a.pdf".to_owned()),
        }],
        ..plain()
    };
    let button = |text: &str, payload: &str| Details {
        button: Some(Button { text: text.into(), payload: payload.into() }),
        ..plain()
    };
    let notice = |notice: Notice| Details { notice: Some(notice), ..plain() };
    let table: Vec<(Value, &str, Details)> = vec![
        (json!({ "type": "text", "text": { "body": "Vos horaires ?" } }), "Vos horaires ?", plain()),
        (json!({ "type": "text", "text": { "body": "a\u{0}b" } }), "a\u{FFFD}b", plain()),
        (
            json!({ "type": "text", "text": { "body": "Oui" }, "context": { "from": "33639980099", "id": "wamid.1" } }),
            "Oui",
            Details { reply_to: Some(id("wamid.1")), ..plain() },
        ),
        (file("image", "image/jpeg"), "Regardez", media("image/jpeg")),
        (file("video", "video/mp4"), "Regardez", media("video/mp4")),
        (file("audio", "audio/ogg; codecs=opus"), "Regardez", media("audio/ogg; codecs=opus")),
        (file("document", "application/pdf"), "Regardez", media("application/pdf")),
        (file("sticker", "image/webp"), "Regardez", media("image/webp")),
        (
            json!({ "type": "location", "location": { "latitude": 9.641_185, "longitude": -13.578_401, "name": "Institut",
                "address": "Ratoma" } }),
            "",
            Details {
                location: Some(Location {
                    latitude: 9.641_185,
                    longitude: -13.578_401,
                    label: Some("Institut".into()),
                    address: Some("Ratoma".into()),
                }),
                ..plain()
            },
        ),
        (
            json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "Fatou" },
                "phones": [{ "phone": "+224 620 00 00 01", "wa_id": "224620000001", "type": "CELL" }, 7] }, "x"] }),
            "",
            Details {
                cards: vec![ContactCard { name: "Fatou".into(), phones: vec!["+224 620 00 00 01".into()] }],
                ..plain()
            },
        ),
        (
            json!({ "type": "contacts", "contacts": [{ "origin": "other", "name": { "formatted_name": "Fatou" },
                "vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:Fatou\nTEL;waid=224620000001:+224 620 00 00 01\nEND:VCARD" }] }),
            "",
            Details {
                cards: vec![ContactCard { name: "Fatou".into(), phones: vec!["+224 620 00 00 01".into()] }],
                ..plain()
            },
        ),
        (
            json!({ "type": "interactive", "interactive": { "type": "button_reply", "button_reply": { "id": "oui", "title": "Oui" } } }),
            "",
            button("Oui", "oui"),
        ),
        (
            json!({ "type": "interactive", "interactive": { "type": "list_reply",
                "list_reply": { "id": "manucure", "title": "Manucure", "description": "35 €" } } }),
            "",
            button("Manucure", "manucure"),
        ),
        (
            json!({ "type": "interactive", "interactive": { "type": "nfm_reply",
                "nfm_reply": { "name": "flow", "body": "Sent", "response_json": "{\"a\":1}" } } }),
            "",
            Details { form: Some("{\"a\":1}".into()), ..button("Sent", "{\"a\":1}") },
        ),
        (
            json!({ "type": "button", "button": { "text": "Annuler", "payload": "annuler" } }),
            "",
            button("Annuler", "annuler"),
        ),
        (
            json!({ "type": "order", "order": { "catalog_id": "1", "text": "Vite",
                "product_items": [{ "product_retailer_id": "SKU-1", "quantity": 2, "item_price": 3, "currency": "EUR" }] } }),
            "Vite\n2 × SKU-1",
            plain(),
        ),
        (
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.1", "emoji": "👍" } }),
            "",
            notice(Notice::Reaction { to: id("wamid.1"), emoji: "👍".into() }),
        ),
        (
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.1" } }),
            "",
            notice(Notice::Reaction { to: id("wamid.1"), emoji: String::new() }),
        ),
        (
            json!({ "type": "edit", "edit": { "original_message_id": "wamid.1", "message": { "type": "text", "text": { "body": "10 h" } } } }),
            "10 h",
            notice(Notice::Edit { of: id("wamid.1") }),
        ),
        (
            json!({ "type": "revoke", "revoke": { "original_message_id": "wamid.1" } }),
            "",
            notice(Notice::Deletion { of: id("wamid.1") }),
        ),
        (json!({ "type": "unsupported", "errors": [{ "code": 131_051 }] }), "", notice(Notice::Unreadable)),
        (json!({ "type": "hologram" }), "", notice(Notice::Unreadable)),
        (json!({ "type": "text", "text": "not an object" }), "", notice(Notice::Unreadable)),
        (json!({}), "", notice(Notice::Unreadable)),
    ];
    for (data, body, details) in table {
        let read = message(receive(&of_anne(data.clone())));
        assert_eq!(read.content.body, body, "{data}");
        assert!(read.content.details == details, "{data}: {:?}", read.content.details);
        assert_eq!((read.from.as_str(), read.to.as_str()), (FROM, "whatsapp:+33639980099"));
        assert_eq!((read.provider_message_id.as_str(), read.content.profile_name.as_deref()), (WAMID, Some("Anne")));
    }
}

#[test]
fn people_without_a_number_and_people_who_change_theirs() {
    let of = |more: Value| {
        let mut message = json!({ "id": WAMID, "timestamp": "1", "type": "text", "text": { "body": "Bonjour" } });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let contacts = json!([{ "profile": { "name": "Zoé" }, "user_id": "FR.1349" }]);
        receive(&changed("100000000000001", "messages", json!({ "contacts": contacts, "messages": [message] })))
    };
    let told = |received| {
        let read = message(received);
        let alias = read.content.details.alias.as_ref().map(|alias| alias.as_str().to_owned());
        (read.from.as_str().to_owned(), alias, read.content.profile_name, read.content.details.notice)
    };
    let zoe = || Some("Zoé".to_owned());
    let scoped = || "whatsapp:FR.1349".to_owned();
    assert_eq!(told(of(json!({ "from_user_id": "FR.1349" }))), (scoped(), None, zoe(), None));
    let both = of(json!({ "from": "33612345678", "from_user_id": "FR.1349" }));
    assert_eq!(told(both), (FROM.to_owned(), Some(scoped()), zoe(), None));
    assert_eq!(told(of(json!({}))), (scoped(), None, zoe(), None), "named beside the message alone");
    let nobody = json!({ "id": WAMID, "from": "not a number", "type": "text", "text": { "body": "Bonjour" } });
    let nobody = changed("100000000000001", "messages", json!({ "messages": [nobody] }));
    assert!(matches!(receive(&nobody), Ok(Received::Nothing)), "nobody to answer");

    let system = |more: Value| {
        let mut message = json!({ "id": WAMID, "timestamp": "1", "type": "system" });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        told(receive(&changed("100000000000001", "messages", json!({ "messages": [message] }))))
    };
    let changed_notice = Some(Notice::AddressChanged);
    let number = json!({ "from": "33612345678", "system": { "type": "user_changed_number", "wa_id": "33700000000",
        "body": "User Anne changed from 33612345678 to 33700000000" } });
    let new = Some("whatsapp:+33700000000".to_owned());
    assert_eq!(system(number), (FROM.to_owned(), new, None, changed_notice.clone()));
    let id = json!({ "from_user_id": "FR.2", "system": { "type": "user_changed_user_id", "user_id": "FR.2",
        "previous_user_id": "FR.1349" } });
    assert_eq!(system(id), (scoped(), Some("whatsapp:FR.2".to_owned()), None, changed_notice));
}

#[test]
fn a_number_that_was_asked_for_is_theirs_and_a_card_proves_nothing() {
    let alias = |who: Value, beside: Value, card: Value| {
        let mut sent = json!({ "id": WAMID, "timestamp": "1", "type": "contacts", "contacts": [card] });
        for more in [who, beside] {
            sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        let read = message(receive(&changed("100000000000001", "messages", json!({ "messages": [sent] }))));
        assert_eq!(read.content.details.cards.len(), 1, "it is kept as well");
        read.content.details.alias.map(|alias| alias.as_str().to_owned())
    };
    let (scoped, none) = (|| json!({ "from_user_id": "FR.1349" }), || json!({}));
    let number = || Some("whatsapp:+224620000001".to_owned());
    let card = |origin: &str| json!({ "origin": origin, "phones": [{ "phone": "+224 620 00 00 01", "wa_id": "224620000001" }] });
    assert_eq!(alias(scoped(), none(), card("contact_request")), number());
    assert_eq!(alias(scoped(), json!({ "origin": "contact_request" }), card("")), number(), "where it stood at first");
    let written = json!({ "origin": "contact_request", "phones": [{ "phone": "+224 620 00 00 01" }] });
    assert_eq!(alias(scoped(), none(), written), number());
    for origin in ["other", "", "CONTACT_REQUEST"] {
        assert_eq!(alias(scoped(), none(), card(origin)), None, "{origin}");
    }
    let nothing = json!({ "origin": "contact_request", "phones": [7, { "phone": "?" }] });
    assert_eq!(alias(scoped(), none(), nothing), None);
    // The number that they write from tells nothing new: the id beside it does.
    let both = json!({ "from": "224620000001", "from_user_id": "FR.1349" });
    assert_eq!(alias(both, none(), card("contact_request")), Some("whatsapp:FR.1349".to_owned()));
    let other = json!({ "from": "33612345678", "from_user_id": "FR.1349" });
    assert_eq!(alias(other.clone(), none(), card("contact_request")), number());
    assert_eq!(alias(other, none(), card("other")), Some("whatsapp:FR.1349".to_owned()));
}

#[test]
fn a_batch_of_several_people_and_numbers_is_taken_apart() {
    let text = |id: &str, from: &str| json!({ "id": id, "from": from, "type": "text", "text": { "body": id } });
    let mut body = changed(
        "100000000000001",
        "messages",
        json!({ "messages": [text("wamid.a", "33612345678"), 7, text("wamid.b", "33612345679"), { "type": "text" }],
            "statuses": [{ "id": "wamid.c", "status": "read" }] }),
    );
    let other = changed("100000000000009", "messages", json!({ "messages": [text("wamid.d", "33612345678")] }));
    body["entry"].as_array_mut().unwrap().extend(other["entry"].as_array().unwrap().clone());
    body["entry"].as_array_mut().unwrap().extend(other["entry"].as_array().unwrap().clone());
    let Ok(Received::Shared { own, provider, others }) = receive(&body) else { panic!("parts of two numbers") };
    assert_eq!((provider, others.as_slice()), (NAME, ["100000000000009".to_owned()].as_slice()));
    let Received::Batch(parts) = *own else { panic!("three parts") };
    let [Received::Message(a), Received::Message(b), Received::Status(c)] = parts.as_slice() else {
        panic!("{parts:?}")
    };
    assert_eq!((a.provider_message_id.as_str(), b.provider_message_id.as_str()), ("wamid.a", "wamid.b"));
    assert_ne!(a.correlation, b.correlation, "each is a flow of its own");
    assert_eq!(c.status, DeliveryStatus::Read);
    let Ok(Received::Shared { own, .. }) = receive(&other) else { panic!("another number's alone") };
    assert!(matches!(*own, Received::Nothing));
}

#[test]
fn statuses_bring_our_id_their_price_and_their_code() {
    let ours = "0190a6f0-0000-7000-8000-000000000001";
    let read = status(json!({ "status": "delivered", "biz_opaque_callback_data": format!("{ours}.2"),
        "pricing": { "billable": true, "pricing_model": "PMP", "category": "utility", "type": "regular" } }));
    assert_eq!((read.id.map(|id| id.to_string()).as_deref(), read.generation), (Some(ours), Some(2)));
    assert_eq!((read.status, read.pricing.as_deref(), read.code), (DeliveryStatus::Delivered, Some("utility"), None));
    let first = status(json!({ "status": "sent", "biz_opaque_callback_data": ours }));
    assert_eq!(first.generation, Some(0));
    let strange = status(json!({ "status": "read", "biz_opaque_callback_data": "x.y",
        "pricing": { "category": "call +33612345678" } }));
    assert_eq!((strange.id, strange.generation, strange.pricing), (None, None, None));
    for (number, code) in [(131_047, "131047"), (190, "cloud_190")] {
        let failed = status(json!({ "status": "failed", "errors": [{ "code": number, "title": "x" }] }));
        assert_eq!((failed.status, failed.code.as_deref()), (DeliveryStatus::Failed, Some(code)));
    }
    let ignored =
        changed("100000000000001", "messages", json!({ "statuses": [{ "id": "wamid.1", "status": "deleted" }] }));
    assert!(matches!(receive(&ignored), Ok(Received::Nothing)));
}

#[test]
fn i14_echoes_and_preferences() {
    let echo = json!({ "message_echoes": [{ "from": "33639980099", "to": "33612345678", "id": WAMID, "timestamp": "1",
        "type": "text", "text": { "body": "J'arrive" } }] });
    let read = message(receive(&changed("100000000000001", "smb_message_echoes", echo)));
    assert!(read.content.details.written_on_phone);
    assert_eq!((read.from.as_str(), read.content.body.as_str()), (FROM, "J'arrive"));

    let preference = |value: &str| {
        let said = json!({ "user_preferences": [{ "wa_id": "33612345678", "detail": "x", "category": "marketing_messages",
            "value": value, "timestamp": 1_731_705_721 }] });
        receive(&changed("100000000000001", "user_preferences", said))
    };
    let (stop, again) = (message(preference("stop")), message(preference("stop")));
    assert!(stop.content.details.notice == Some(Notice::Marketing { wanted: false }));
    assert_eq!(stop.provider_message_id, again.provider_message_id, "a repetition is a duplicate");
    assert!(!stop.provider_message_id.as_str().contains("336"), "i10");
    assert!(message(preference("resume")).content.details.notice == Some(Notice::Marketing { wanted: true }));
    assert!(matches!(preference("maybe"), Ok(Received::Nothing)));

    let disabled = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "100000000000002",
        "changes": [{ "field": "account_update", "value": { "event": "DISABLED_UPDATE", "ban_info": {} } }] }] });
    let Ok(Received::Account(news)) = receive(&disabled) else { panic!("news of the account") };
    assert!(news.code == "cloud_368" && news.suspended_for.is_some());
    for field in ["phone_number_quality_update", "message_template_status_update", "history"] {
        assert!(matches!(receive(&changed("100000000000001", field, json!({}))), Ok(Received::Nothing)), "{field}");
    }
}

#[test]
fn only_the_apps_signature_is_believed() {
    let body = of_anne(json!({ "type": "text", "text": { "body": "x" } })).to_string();
    let body = body.as_bytes();
    let good = sign(SECRET, body);
    assert!(receive_signed(Some(&good), body).is_ok());
    let other = sign("another-secret", body);
    for wrong in [None, Some(""), Some("sha256="), Some(other.as_str()), Some(&good[..good.len() - 1]), Some("sha1=x")]
    {
        assert_eq!(receive_signed(wrong, body).err(), Some(Rejection::BadSignature), "{wrong:?}");
    }
    let mut changed = body.to_vec();
    changed[20] ^= 1;
    assert_eq!(receive_signed(Some(&good), &changed).err(), Some(Rejection::BadSignature));
}

#[test]
fn the_handshake_echoes_its_challenge_to_who_knows_the_token() {
    let asked = |query: &str| receiver().handshake(query);
    let good = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-secret";
    assert_eq!(asked(good), Handshake::Echo("1158201444".to_owned()));
    for query in [
        "",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=verify-secre",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=verify-secret",
        "hub.mode=subscribe&hub.verify_token=verify-secret",
        "hub.mode=subscribe&hub.challenge=%3Cb%3E%20&hub.verify_token=verify-secret",
    ] {
        assert_eq!(asked(query), Handshake::Refused, "{query}");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    for body in ["", "[]", "null", "{", "{}", r#"{"entry": []}"#, r#"{"entry": 7}"#] {
        assert!(matches!(receive_bytes(body.as_bytes()), Err(Rejection::Malformed(_))), "{body}");
    }
    assert!(receive_bytes(b"{\"entry\": [\"\xff\"]}").is_err(), "no UTF-8");
    assert!(receive_bytes("[".repeat(100_000).as_bytes()).is_err(), "too deep");
    assert!(matches!(receive_bytes(br#"{"entry": [7, {"changes": [{"value": []}, 1]}]}"#), Ok(Received::Nothing)));
}

#[test]
fn i10_no_secret_is_shown() {
    let channel = channel();
    let gateway = CloudGateway::new(crate::gateway::client::new().unwrap(), settings(&channel).unwrap()).unwrap();
    let shown = format!("{gateway:?} {:?} {:?}", receiver(), settings(&channel).unwrap());
    for secret in ["access-secret", "verify-secret", SECRET] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let reply = br#"{"error": {"message": "(#131026) to +33612345678", "code": 131026}}"#;
    let refused = send::refused(reqwest::StatusCode::BAD_REQUEST, &reqwest::header::HeaderMap::new(), reply);
    assert_eq!((refused.class, refused.code.as_deref()), (SendErrorClass::Reject, Some("131026")));
    assert!(!format!("{refused:?}").contains("336"));
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = receive_bytes(&body);
    }

    /// A valid webhook that was cut, or in which a byte is another, signed as it came.
    #[test]
    fn no_damage_panics(cut in 0_usize..900, at in 0_usize..900, byte in any::<u8>(), kind in 0_usize..5) {
        let data = [
            json!({ "type": "text", "text": { "body": "Bonjour 😀" } }),
            json!({ "type": "reaction", "reaction": { "message_id": "A", "emoji": "👍" } }),
            json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "F" }, "phones": [{ "phone": "1" }] }] }),
            json!({ "type": "location", "location": { "latitude": 1e308, "longitude": "NaN" } }),
            json!({ "type": "order", "order": { "product_items": [{ "quantity": -1 }] } }),
        ];
        let mut body = of_anne(data[kind].clone()).to_string().into_bytes();
        let length = body.len();
        body[at % length] = byte;
        let _ = receive_bytes(&body);
        body.truncate(cut % (length + 1));
        let _ = receive_bytes(&body);
    }

    #[test]
    fn a_text_comes_through_unharmed(body in "[^\0]{1,200}") {
        let read = message(receive(&of_anne(json!({ "type": "text", "text": { "body": body } }))));
        prop_assert_eq!(&read.content.body, &body);
    }
}
