//! Tests of Green-API's webhooks: a table of payloads, written from its documentation, and what is made of each.

use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::ids::{ChannelId, CorrelationId, TenantId};
use palabre_actors::domain::message::{Button, ContactCard, Details, Location, Media, NewInbound, Notice};
use palabre_actors::domain::status::DeliveryStatus;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::config::OnUnknown;
use crate::gateway::{Received, Rejection, WebhookRequest};

const TOKEN: &str = "4f1b-secret";

fn channel(groups: bool) -> Channel {
    let settings = GreenSettings {
        instance_id: "7105440259".to_owned(),
        api_token: SecretString::from("api-secret"),
        webhook_token: SecretString::from(TOKEN),
        previous_webhook_token: None,
        api_base_url: "https://api.green-api.com".to_owned(),
        groups,
        journal_delay: Duration::from_secs(120),
        timeout: Duration::from_secs(10),
        on_unknown: OnUnknown::Resend,
    };
    Channel {
        id: ChannelId::new("belle-green"),
        tenant: TenantId::new("belle"),
        address: Address::from_normalised("whatsapp:+224620000000"),
        provider: settings.of_channel(),
        profile: Arc::default(),
    }
}

fn receiver(groups: bool) -> GreenReceiver {
    let channel = channel(groups);
    GreenReceiver::new(&channel, settings(&channel).unwrap())
}

fn with_header(receiver: &GreenReceiver, header: Option<&str>, body: &[u8]) -> Result<Received, Rejection> {
    let mut headers = actix_web::http::header::HeaderMap::new();
    if let Some(value) = header {
        headers.insert(
            actix_web::http::header::AUTHORIZATION,
            actix_web::http::header::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let request = WebhookRequest {
        url: "",
        query: "",
        content_type: "application/json",
        headers: &headers,
        is_local: false,
        body,
    };
    receiver.receive(request, CorrelationId::fresh(), chrono::Utc::now())
}

fn receive_bytes(body: &[u8]) -> Result<Received, Rejection> {
    with_header(&receiver(false), Some("Bearer 4f1b-secret"), body)
}

fn receive(body: &Value) -> Result<Received, Rejection> {
    receive_bytes(body.to_string().as_bytes())
}

fn incoming(chat: &str, sender: &str, data: Value) -> Value {
    json!({
        "typeWebhook": "incomingMessageReceived",
        "instanceData": { "idInstance": 7_105_440_259_u64, "wid": "224620000000@c.us", "typeInstance": "whatsapp" },
        "timestamp": 1_588_091_580,
        "idMessage": "F7AEC1B7086ECDC7E6E45923F5EDB825",
        "senderData": {
            "chatId": chat, "sender": sender, "chatName": "Cliente difficile", "senderName": "Awa",
            "senderContactName": "Cliente difficile",
        },
        "messageData": data,
    })
}

fn of_awa(data: Value) -> Value {
    incoming("33612345678@c.us", "33612345678@c.us", data)
}

fn text(text: &str) -> Value {
    json!({ "typeMessage": "textMessage", "textMessageData": { "textMessage": text, "isTemplateMessage": false } })
}

#[track_caller]
fn message(received: Result<Received, Rejection>) -> NewInbound {
    match received {
        Ok(Received::Message(message)) => *message,
        other => panic!("a message: {other:?}"),
    }
}

#[test]
fn every_type_of_message_is_read() {
    let reply = |id: &str| decode::message_id(id);
    let plain = Details::default;
    let file = |kind: &str, mime: &str| {
        json!({ "typeMessage": kind, "fileMessageData": {
            "downloadUrl": "https://api.green-api.com/f/1", "caption": "Regardez", "fileName": "a", "jpegThumbnail": "/9j",
            "isAnimated": false, "mimeType": mime, "forwardingScore": 0, "isForwarded": false } })
    };
    let media = |mime: &str| Details {
        media: vec![Media {
            url: "https://api.green-api.com/f/1".into(),
            content_type: mime.into(),
            name: Some("a".to_owned()),
        }],
        ..plain()
    };
    let notice = |notice: Notice| Details { notice: Some(notice), ..plain() };
    let id = |id: &str| reply(id).unwrap();
    let table: Vec<(Value, &str, Details)> = vec![
        (text("Vos horaires ?"), "Vos horaires ?", plain()),
        (text("a\u{0}b"), "a\u{FFFD}b", plain()),
        (
            json!({ "typeMessage": "extendedTextMessage", "extendedTextMessageData": { "text": "https://x.example", "title": "X",
                "description": "", "jpegThumbnail": "", "previewType": "None" } }),
            "https://x.example",
            plain(),
        ),
        (
            json!({ "typeMessage": "quotedMessage", "extendedTextMessageData": { "text": "Oui", "stanzaId": "3EB0AAAA0001",
                "participant": "224620000000@c.us" }, "quotedMessage": { "stanzaId": "3EB0AAAA0001",
                "participant": "224620000000@c.us", "typeMessage": "textMessage", "textMessage": "Demain ?" } }),
            "Oui",
            Details { reply_to: reply("3EB0AAAA0001"), ..plain() },
        ),
        (file("imageMessage", "image/jpeg"), "Regardez", media("image/jpeg")),
        (file("videoMessage", "video/mp4"), "Regardez", media("video/mp4")),
        (file("documentMessage", "application/pdf"), "Regardez", media("application/pdf")),
        (file("audioMessage", "audio/ogg; codecs=opus"), "Regardez", media("audio/ogg; codecs=opus")),
        (file("stickerMessage", "image/webp"), "Regardez", media("image/webp")),
        (
            json!({ "typeMessage": "locationMessage", "locationMessageData": { "nameLocation": "Institut", "address": "Ratoma",
                "jpegThumbnail": "", "latitude": 9.641_185, "longitude": "-13.578401" } }),
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
            json!({ "typeMessage": "contactMessage", "contactMessageData": { "displayName": "Fatou",
                "vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:Fatou\nitem1.TEL;waid=224620000001:+224 620 00 00 01\nEND:VCARD" } }),
            "",
            Details {
                cards: vec![ContactCard { name: "Fatou".into(), phones: vec!["+224 620 00 00 01".into()] }],
                ..plain()
            },
        ),
        (
            json!({ "typeMessage": "contactsArrayMessage", "messageData": { "contacts": [
                { "displayName": "Fatou", "vcard": "TEL:+224620000001" }, 7, { "displayName": "Awa" }] } }),
            "",
            Details {
                cards: vec![
                    ContactCard { name: "Fatou".into(), phones: vec!["+224620000001".into()] },
                    ContactCard { name: "Awa".into(), phones: vec![] },
                ],
                ..plain()
            },
        ),
        (
            json!({ "typeMessage": "buttonsResponseMessage", "buttonsResponseMessage": { "stanzaId": "3EB0AAAA0002",
                "selectedButtonId": "oui", "selectedButtonText": "Oui" } }),
            "",
            Details {
                button: Some(Button { text: "Oui".into(), payload: "oui".into() }),
                reply_to: reply("3EB0AAAA0002"),
                ..plain()
            },
        ),
        (
            json!({ "typeMessage": "templateButtonsReplyMessage", "templateButtonReplyMessage": { "stanzaId": "3EB0AAAA0002",
                "selectedIndex": 0, "selectedId": "oui", "selectedDisplayText": "Oui" } }),
            "",
            Details {
                button: Some(Button { text: "Oui".into(), payload: "oui".into() }),
                reply_to: reply("3EB0AAAA0002"),
                ..plain()
            },
        ),
        (
            json!({ "typeMessage": "listResponseMessage", "listResponseMessage": { "stanzaId": "3EB0AAAA0003", "title": "Manucure",
                "listType": 1, "singleSelectReply": { "selectedRowId": "manucure" } } }),
            "",
            Details {
                button: Some(Button { text: "Manucure".into(), payload: "manucure".into() }),
                reply_to: reply("3EB0AAAA0003"),
                ..plain()
            },
        ),
        (
            json!({ "typeMessage": "reactionMessage", "extendedTextMessageData": { "text": "👍" },
                "quotedMessage": { "stanzaId": "3EB0AAAA0004", "participant": "224620000000@c.us" } }),
            "",
            notice(Notice::Reaction { to: id("3EB0AAAA0004"), emoji: "👍".into() }),
        ),
        (
            json!({ "typeMessage": "editedMessage", "editedMessageData": { "stanzaId": "3EB0AAAA0005", "textMessage": "9 h" } }),
            "9 h",
            notice(Notice::Edit { of: id("3EB0AAAA0005") }),
        ),
        (
            json!({ "typeMessage": "deletedMessage", "deletedMessageData": { "stanzaId": "3EB0AAAA0005" } }),
            "",
            notice(Notice::Deletion { of: id("3EB0AAAA0005") }),
        ),
        (text("{{SWE001}}"), "", notice(Notice::Unreadable)),
        (text(" {{SWE003}}\n"), "", notice(Notice::Unreadable)),
        (
            json!({ "typeMessage": "interactiveButtonsResponse", "interactiveButtonsResponse": { "stanzaId": "3EB0AAAA0005",
                "selectedIndex": 1, "selectedId": "2", "selectedDisplayText": "Oui" } }),
            "",
            Details {
                reply_to: reply("3EB0AAAA0005"),
                button: Some(Button { text: "Oui".into(), payload: "2".into() }),
                ..plain()
            },
        ),
        (
            json!({ "typeMessage": "interactiveButtons", "interactiveButtons": { "titleText": "T", "contentText": "Votre colis",
                "footerText": "F", "buttons": [{ "type": "url", "buttonId": "1", "buttonText": "Voir" }] } }),
            "Votre colis",
            plain(),
        ),
        (
            json!({ "typeMessage": "templateMessage", "templateMessage": { "contentText": "Votre colis", "buttons": [7] } }),
            "Votre colis",
            plain(),
        ),
        (
            json!({ "typeMessage": "pollMessage", "pollMessageData": { "name": "Quel jour ?", "multipleAnswers": false,
                "options": [{ "optionName": "Mardi" }, 7, { "optionName": "Jeudi" }] } }),
            "Quel jour ?\nMardi\nJeudi",
            plain(),
        ),
        (
            json!({ "typeMessage": "pollUpdateMessage", "pollMessageData": { "name": "Quel jour ?", "stanzaId": "3EB0AAAA0005",
                "votes": [{ "optionName": "Mardi", "optionVoters": ["224620000000@c.us"] },
                    { "optionName": "Jeudi", "optionVoters": ["33612345678@c.us"] }] } }),
            "Jeudi",
            Details { reply_to: reply("3EB0AAAA0005"), ..plain() },
        ),
        (json!({ "typeMessage": "pollMessage", "pollMessageData": {} }), "", notice(Notice::Unreadable)),
        (json!({ "typeMessage": "hologram" }), "", notice(Notice::Unreadable)),
        (json!([]), "", notice(Notice::Unreadable)),
    ];
    for (data, body, details) in table {
        let read = message(receive(&of_awa(data.clone())));
        assert_eq!(read.content.body, body, "{data}");
        assert!(read.content.details == details, "{data}: {:?}", read.content.details);
        assert_eq!((read.from.as_str(), read.to.as_str()), ("whatsapp:+33612345678", "whatsapp:+224620000000"));
        assert_eq!(read.provider_message_id.as_str(), "F7AEC1B7086ECDC7E6E45923F5EDB825");
        assert_eq!(read.content.profile_name.as_deref(), Some("Awa"), "not the owner's private words for her");
    }
}

#[test]
fn a_chat_is_known_by_its_number_where_there_is_one() {
    let table = [
        ("33612345678@c.us", "33612345678@c.us", "whatsapp:+33612345678", None),
        ("123456789012345@lid", "33612345678@c.us", "whatsapp:+33612345678", Some("whatsapp:123456789012345@lid")),
        ("33612345678@c.us", "123456789012345@lid", "whatsapp:+33612345678", Some("whatsapp:123456789012345@lid")),
        ("123456789012345@lid", "123456789012345@lid", "whatsapp:123456789012345@lid", None),
        ("33612345678@hosted", "33612345678@hosted", "whatsapp:+33612345678", None),
        // Nothing is refused for a kind of name that is new.
        ("123456789012345@hosted.lid", "", "whatsapp:123456789012345@hosted.lid", None),
        ("x@invented", "x@invented", "whatsapp:x@invented", None),
    ];
    for (chat, sender, from, alias) in table {
        let read = message(receive(&incoming(chat, sender, text("Bonjour"))));
        assert_eq!((read.from.as_str(), read.content.details.alias.as_ref().map(Address::as_str)), (from, alias));
        assert_eq!(
            chat_of(&read.from),
            from.replace("whatsapp:+", "").replace("whatsapp:", "") + if from.contains('@') { "" } else { "@c.us" }
        );
    }
    let group = incoming("120363043968066561@g.us", "33612345678@c.us", text("Bonjour"));
    assert!(matches!(receive(&group), Ok(Received::Nothing)), "a group is no customer");
    let read = message(with_header(&receiver(true), Some(TOKEN), group.to_string().as_bytes()));
    assert_eq!(read.from.as_str(), "whatsapp:120363043968066561@g.us");
    for nobody in ["status@broadcast", "120363000000000000@newsletter", "13135550002@bot"] {
        assert!(matches!(receive(&incoming(nobody, "33612345678@c.us", text("x"))), Ok(Received::Nothing)), "{nobody}");
    }
}

#[test]
fn i14_what_the_owner_types_on_the_phone_is_a_persons_word() {
    let mut typed = incoming("33612345678@c.us", "224620000000@c.us", text("Bonjour, c'est Belle"));
    typed["typeWebhook"] = json!("outgoingMessageReceived");
    let read = message(receive(&typed));
    assert!(read.content.details.written_on_phone);
    assert_eq!((read.from.as_str(), read.content.profile_name), ("whatsapp:+33612345678", None));
    typed["typeWebhook"] = json!("outgoingAPIMessageReceived");
    assert!(matches!(receive(&typed), Ok(Received::Nothing)), "what we sent is nobody's word");
}

#[test]
fn statuses_and_states() {
    let news = |more: Value| {
        let mut body = json!({ "instanceData": { "idInstance": "7105440259" }, "timestamp": 1 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        receive(&body)
    };
    let status = |word: &str| {
        news(
            json!({ "typeWebhook": "outgoingMessageStatus", "chatId": "33612345678@c.us", "idMessage": "3EB0C767D097B7C7C030",
            "status": word, "sendByApi": true }),
        )
    };
    for (word, expected, code) in [
        ("sent", DeliveryStatus::Sent, None),
        ("delivered", DeliveryStatus::Delivered, None),
        ("read", DeliveryStatus::Read, None),
        ("failed", DeliveryStatus::Failed, Some("greenapi_failed")),
        ("noAccount", DeliveryStatus::Failed, Some("greenapi_no_account")),
        ("notInGroup", DeliveryStatus::Failed, Some("greenapi_not_in_group")),
    ] {
        let Ok(Received::Status(update)) = status(word) else { panic!("{word}") };
        assert_eq!((update.status, update.code.as_deref()), (expected, code), "{word}");
        assert_eq!(update.provider_message_id.as_str(), "3EB0C767D097B7C7C030");
        assert!(code.is_none_or(|code| codes::find(code).is_some()), "{word}");
    }
    assert!(matches!(status("pending"), Ok(Received::Nothing)));
    let state = |state: &str| news(json!({ "typeWebhook": "stateInstanceChanged", "stateInstance": state }));
    for (received, code, suspends) in [
        (status("yellowCard"), "greenapi_yellow_card", true),
        (state("yellowCard"), "greenapi_yellow_card", true),
        (state("notAuthorized"), "greenapi_not_authorized", true),
        (state("blocked"), "greenapi_blocked", true),
        (state("suspended"), "greenapi_suspended", true),
        (state("starting"), "greenapi_starting", true),
        (state("authorized"), "greenapi_authorized", false),
        (
            news(json!({ "typeWebhook": "quotaExceeded", "quotaData": { "method": "sendMessage", "used": 1 } })),
            "greenapi_466",
            true,
        ),
    ] {
        let Ok(Received::Account(news)) = received else { panic!("{code}") };
        assert_eq!((news.code.as_str(), news.suspended_for.is_some()), (code, suspends));
        assert_eq!(codes::find(code).is_some(), suspends, "what pauses says what to do");
    }
    for ignored in [
        json!({ "typeWebhook": "deviceInfo", "deviceData": { "battery": 3 } }),
        json!({ "typeWebhook": "statusInstanceChanged", "statusInstance": "online" }),
        json!({ "typeWebhook": "incomingBlock", "chatId": "33612345678@c.us", "chatState": "blocked" }),
        json!({ "typeWebhook": "somethingNew", "idMessage": [1] }),
    ] {
        assert!(matches!(news(ignored.clone()), Ok(Received::Nothing)), "{ignored}");
    }
    let call = news(
        json!({ "typeWebhook": "incomingCall", "from": "33612345678@c.us", "idMessage": "CALL1", "status": "offer" }),
    );
    assert!(message(call).content.details.notice == Some(Notice::Call));
}

#[test]
fn only_the_token_is_believed() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let body = of_awa(text("x")).to_string();
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let good = ["Bearer 4f1b-secret", "bearer  4f1b-secret", "Basic 4f1b-secret", "4f1b-secret"].map(str::to_owned);
    for header in good.into_iter().chain([basic("4f1b-secret"), basic("palabre:4f1b-secret")]) {
        assert!(with_header(&receiver(false), Some(&header), body.as_bytes()).is_ok(), "{header}");
    }
    let bad = ["", "Bearer", "Bearer 4f1b-secre", "Bearer 4f1b-secret2", "Digest 4f1b-secret", "Bearer api-secret"];
    let bad = bad.map(str::to_owned).into_iter().chain([basic("4f1b-secret:"), basic("")]);
    for header in bad {
        let refused = with_header(&receiver(false), Some(&header), body.as_bytes());
        assert_eq!(refused.err(), Some(Rejection::BadSignature), "{header}");
    }
    assert_eq!(with_header(&receiver(false), None, body.as_bytes()).err(), Some(Rejection::BadSignature));
    let mut foreign = of_awa(text("x"));
    foreign["instanceData"]["idInstance"] = json!(1);
    assert_eq!(receive(&foreign).err(), Some(Rejection::NotOurs), "another instance with the same token");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let long = "x".repeat(300);
    let mut no_id = of_awa(text("x"));
    no_id["idMessage"] = json!(long);
    for body in ["", "[]", "null", "{", "{}", "\u{feff}{}", &no_id.to_string()] {
        let refused = receive_bytes(body.as_bytes()).err();
        assert!(matches!(refused, Some(Rejection::Malformed(_))), "{body}: {refused:?}");
    }
    assert!(receive_bytes(b"{\"typeWebhook\": \"\xff\"}").is_err(), "no UTF-8");
    assert!(receive_bytes("[".repeat(100_000).as_bytes()).is_err(), "too deep");
}

#[test]
fn i2_a_message_without_an_id_is_the_same_whenever_it_is_repeated() {
    let without_id = |change: &dyn Fn(&mut Value)| {
        let mut body = of_awa(text("Bonjour"));
        body.as_object_mut().unwrap().remove("idMessage");
        change(&mut body);
        body
    };
    let plain = without_id(&|_| {});
    let id = |body: &Value| message(receive(body)).provider_message_id;
    let first = id(&plain);
    assert!(first.as_str().starts_with("no-id-") && first.as_str().len() == 70, "{first:?}");
    assert_eq!(message(receive(&plain)).content.body, "Bonjour");
    // Repeated, with what is no part of the message changed.
    let changes: [&dyn Fn(&mut Value); 4] =
        [&|_| {}, &|body| body["idMessage"] = json!(""), &|body| body["idMessage"] = json!([1]), &|body| {
            body["senderData"]["senderName"] = json!("Awa D.")
        }];
    for (n, change) in changes.into_iter().enumerate() {
        assert_eq!(id(&without_id(change)), first, "{n}");
    }
    // Another message.
    let changes: [&dyn Fn(&mut Value); 5] = [
        &|body| body["timestamp"] = json!(1_588_091_581),
        &|body| body["messageData"] = text("Bonsoir"),
        &|body| body["senderData"]["chatId"] = json!("33612345679@c.us"),
        &|body| body["typeWebhook"] = json!("outgoingMessageReceived"),
        &|body| body["messageData"]["fileMessageData"] = json!({ "downloadUrl": "https://api.green-api.com/f/2" }),
    ];
    let mut ids = vec![first];
    ids.extend(changes.into_iter().map(|change| id(&without_id(change))));
    let distinct: std::collections::HashSet<&str> = ids.iter().map(|id| id.as_str()).collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    // Nobody can tell a repetition without a time.
    let timeless = without_id(&|body| body["timestamp"] = Value::Null);
    assert!(matches!(receive(&timeless), Err(Rejection::Malformed(_))));
}

#[test]
fn i10_no_token_is_shown() {
    let channel = channel(false);
    let gateway = GreenGateway::new(crate::gateway::client::new().unwrap(), settings(&channel).unwrap()).unwrap();
    let shown = format!("{gateway:?} {:?} {:?}", receiver(false), settings(&channel).unwrap());
    assert!(!shown.contains("secret"), "{shown}");
    let body = br#"{"path": "/waInstance7105440259/sendMessage/api-secret", "message": "33612345678@c.us"}"#;
    let status = reqwest::StatusCode::BAD_REQUEST;
    let refused = send::refused(status, &reqwest::header::HeaderMap::new());
    assert!(!format!("{refused:?} {refused}").contains("secret"), "{refused}");
    assert_eq!(send::receipt(body).unwrap_err().class, SendErrorClass::Unknown);
}

#[test]
fn each_refusal_has_its_class() {
    let refused =
        |status: u16| send::refused(reqwest::StatusCode::from_u16(status).unwrap(), &reqwest::header::HeaderMap::new());
    let class = |status| refused(status).class;
    assert_eq!(
        (class(400), class(401), class(403)),
        (SendErrorClass::Reject, SendErrorClass::Misconfigured, SendErrorClass::Misconfigured)
    );
    assert!(matches!(class(466), SendErrorClass::Suspended { .. }));
    assert!(refused(429).throttled && class(429) == SendErrorClass::Retry { after: None });
    assert_eq!(
        (class(500), class(502), class(302)),
        (SendErrorClass::Unknown, SendErrorClass::Unknown, SendErrorClass::Misconfigured)
    );
    assert_eq!(refused(400).code.as_deref(), Some("greenapi_400"));
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = receive_bytes(&body);
    }

    /// A valid webhook that was cut, or in which some bytes are others.
    #[test]
    fn no_damage_panics(cut in 0_usize..700, at in 0_usize..700, byte in any::<u8>(), kind in 0_usize..4) {
        let data = [
            text("Bonjour 😀"),
            json!({ "typeMessage": "reactionMessage", "extendedTextMessageData": { "text": "👍" }, "quotedMessage": { "stanzaId": "A" } }),
            json!({ "typeMessage": "contactMessage", "contactMessageData": { "displayName": "F", "vcard": "TEL:1\nTEL;a.b:2" } }),
            json!({ "typeMessage": "locationMessage", "locationMessageData": { "latitude": 1e308, "longitude": "NaN" } }),
        ];
        let mut body = of_awa(data[kind].clone()).to_string().into_bytes();
        let length = body.len();
        body[at % length] = byte;
        let _ = receive_bytes(&body);
        body.truncate(cut % (length + 1));
        let _ = receive_bytes(&body);
    }

    #[test]
    fn a_text_comes_through_unharmed(body in "[^\0]{1,200}") {
        prop_assume!(!body.contains("{{SWE"));
        prop_assert_eq!(&message(receive(&of_awa(text(&body)))).content.body, &body);
    }
}
