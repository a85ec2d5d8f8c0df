//! Tests of decoding: a table of payloads.

use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::message::{Button, Details, Location, Media, NewInbound, ProviderConsent};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::StatusUpdate;
use proptest::prelude::*;
use secrecy::SecretString;

use super::simulator::InboundMessage;
use super::*;
use crate::config::OnUnknown;
use crate::gateway::WebhookHeaders;

const URL: &str = "https://hooks.example.com/webhooks/twilio-whatsapp/belle";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=UTF-8";

fn account() -> TwilioAccount {
    TwilioAccount {
        account_sid: ACCOUNT.to_owned(),
        auth_token: SecretString::from("0123456789abcdef0123456789abcdef"),
        previous_auth_token: None,
        shared_key: None,
        api_base_url: "https://api.twilio.com".to_owned(),
        backup_api_base_url: None,
        messaging_service_sid: None,
        timeout: std::time::Duration::from_secs(15),
        on_unknown: OnUnknown::Resend,
    }
}

fn receiver(kind: Kind) -> TwilioReceiver {
    let address = match kind {
        Kind::Whatsapp => "whatsapp:+14155238886",
        Kind::Sms => "sms:+14155238886",
    };
    let provider = account().of_channel(kind);
    let (id, tenant) = (ChannelId::new("belle"), TenantId::new("institut-belle"));
    let channel =
        Channel { id, tenant, address: Address::from_normalised(address), provider, profile: Default::default() };
    TwilioReceiver::new(kind, &channel, &account())
}

fn request<'a>(
    (url, query): (&'a str, &'a str),
    content_type: &'a str,
    headers: &'a dyn WebhookHeaders,
    body: &'a [u8],
) -> WebhookRequest<'a> {
    WebhookRequest { url, query, content_type, headers, is_local: false, body }
}

fn signer() -> Signer {
    Signer::new(&account().auth_token)
}

fn receive(kind: Kind, body: &[u8]) -> Result<Received, Rejection> {
    // What cannot be parsed cannot be signed; any signature will do to be asked about it.
    let signature = Form::parse(body).map_or_else(|_| "x".to_owned(), |form| signer().sign_form(URL, &form));
    let headers = &[("X-Twilio-Signature", signature.as_str())];
    let request = request((URL, ""), CONTENT_TYPE, headers, body);
    receiver(kind).receive(request, CorrelationId::fresh(), chrono::Utc::now())
}

fn message(kind: Kind, body: &str) -> NewInbound {
    match receive(kind, body.as_bytes()) {
        Ok(Received::Message(message)) => *message,
        other => panic!("{body}: {other:?}"),
    }
}

fn status(query: &str, body: &str) -> Result<Received, Rejection> {
    let url = format!("https://hooks.example.com{query}");
    let signature = signer().sign_form(&url, &Form::parse(body.as_bytes()).unwrap());
    let headers = &[("X-Twilio-Signature", signature.as_str())];
    let request = request((&url, query), CONTENT_TYPE, headers, body.as_bytes());
    receiver(Kind::Whatsapp).receive_status(request, chrono::Utc::now())
}

fn update(query: &str, body: &str) -> StatusUpdate {
    match status(query, body) {
        Ok(Received::Status(update)) => update,
        other => panic!("{body}: {other:?}"),
    }
}

fn whatsapp(more: &[(&str, &str)]) -> NewInbound {
    let text =
        InboundMessage::text(Kind::Whatsapp, "belle", ACCOUNT, "whatsapp:+33612345678", "whatsapp:+14155238886", "x");
    let full = more.iter().fold(text, |message, (key, value)| message.with(key, value));
    message(Kind::Whatsapp, &full.form())
}

#[test]
fn a_full_whatsapp_form() {
    let sid = "SM00000000000000000000000000000001";
    let inbound =
        whatsapp(&[("Body", "Bonjour 😀 & à+demain"), ("MessageSid", sid), ("SmsSid", sid), ("SmsMessageSid", sid)]);
    assert_eq!(inbound.tenant.as_str(), "institut-belle");
    assert_eq!(inbound.channel.as_str(), "belle");
    assert_eq!(inbound.provider_message_id.as_str(), sid);
    assert_eq!(inbound.from.as_str(), "whatsapp:+33612345678");
    assert_eq!(inbound.to.as_str(), "whatsapp:+14155238886");
    assert_eq!(inbound.content.body, "Bonjour 😀 & à+demain");
    assert_eq!(inbound.content.profile_name.as_deref(), Some("Camille"));
    assert!(inbound.content.details.is_empty());
}

#[test]
fn a_full_sms_form() {
    let text = InboundMessage::text(Kind::Sms, "belle", ACCOUNT, "+33612345678", "+14155238886", "Bonjour");
    let inbound = message(Kind::Sms, &text.form());
    assert_eq!((inbound.from.as_str(), inbound.to.as_str()), ("sms:+33612345678", "sms:+14155238886"));
    assert_eq!(inbound.content.profile_name, None);
}

#[test]
fn everything_that_is_not_text() {
    let table: [(&[(&str, &str)], Details); 12] = [
        (&[("NumMedia", "0"), ("MediaUrl0", "https://x/0")], Details::default()),
        (
            &[
                ("NumMedia", "3"),
                ("MediaUrl1", "https://x/1"),
                ("MediaContentType1", "image/jpeg"),
                ("MediaUrl0", "https://x/0"),
                ("MediaContentType0", "audio/ogg"),
            ],
            Details {
                media: vec![
                    Media { url: "https://x/0".into(), content_type: "audio/ogg".into(), ..Media::default() },
                    Media { url: "https://x/1".into(), content_type: "image/jpeg".into(), ..Media::default() },
                ],
                ..Details::default()
            },
        ),
        (
            &[("ButtonText", "Oui"), ("ButtonPayload", "confirm")],
            Details { button: Some(Button { text: "Oui".into(), payload: "confirm".into() }), ..Details::default() },
        ),
        (
            &[("ButtonPayload", "confirm")],
            Details { button: Some(Button { text: String::new(), payload: "confirm".into() }), ..Details::default() },
        ),
        (
            &[("Latitude", "48.8566"), ("Longitude", "-2.3522"), ("Label", "Institut"), ("Address", "1 rue X")],
            Details {
                location: Some(Location {
                    latitude: 48.8566,
                    longitude: -2.3522,
                    label: Some("Institut".into()),
                    address: Some("1 rue X".into()),
                }),
                ..Details::default()
            },
        ),
        (&[("Latitude", "91"), ("Longitude", "0")], Details::default()),
        (&[("Latitude", "NaN"), ("Longitude", "0")], Details::default()),
        (&[("Latitude", "1")], Details::default()),
        (
            &[("OriginalRepliedMessageSid", "SM00000000000000000000000000000007")],
            Details {
                reply_to: Some(ProviderMessageId::new("SM00000000000000000000000000000007")),
                ..Details::default()
            },
        ),
        (
            &[("ExternalUserId", "FR.1234")],
            Details { alias: Some(Address::from_normalised("whatsapp:FR.1234")), ..Details::default() },
        ),
        (&[("ExternalUserId", "whatsapp:+33612345678")], Details::default()),
        (&[("OptOutType", "stop")], Details { provider_consent: Some(ProviderConsent::Stop), ..Details::default() }),
    ];
    for (more, expected) in table {
        assert_eq!(whatsapp(more).content.details, expected, "{more:?}");
    }
}

#[test]
fn a_user_without_a_phone() {
    let inbound = whatsapp(&[("From", "whatsapp:US.13491208655302741918"), ("WaId", "")]);
    assert_eq!(inbound.from.as_str(), "whatsapp:US.13491208655302741918");
}

#[test]
fn two_spellings_of_one_address_are_one() {
    for from in ["whatsapp:+33612345678", "+33612345678", "whatsapp:+33 6 12 34 56 78", "WhatsApp:+33612345678"] {
        assert_eq!(whatsapp(&[("From", from)]).from.as_str(), "whatsapp:+33612345678", "{from}");
    }
}

#[test]
fn nul_characters_are_replaced() {
    let inbound = whatsapp(&[("Body", "a\0b"), ("ProfileName", "\0")]);
    assert_eq!(inbound.content.body, "a\u{FFFD}b");
    assert_eq!(inbound.content.profile_name.as_deref(), Some("\u{FFFD}"));
}

#[test]
fn a_message_to_another_number_is_not_this_channels() {
    for to in ["whatsapp%3A%2B14155238887", "whatsapp%3A%2B33612345678"] {
        let body =
            format!("MessageSid=SM00000000000000000000000000000001&From=whatsapp%3A%2B33612345678&To={to}&Body=x");
        assert_eq!(receive(Kind::Whatsapp, body.as_bytes()).err(), Some(Rejection::NotOurs));
    }
    let body = "MessageSid=SM00000000000000000000000000000001&From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886&AccountSid=AC9&Body=x";
    assert_eq!(receive(Kind::Whatsapp, body.as_bytes()).err(), Some(Rejection::NotOurs), "another account's");
}

#[test]
fn malformed_messages_are_refused() {
    let good =
        "MessageSid=SM00000000000000000000000000000001&From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886";
    assert!(message(Kind::Whatsapp, good).content.body.is_empty());
    let table: [(&[u8], &str); 11] = [
        (b"", decode::NO_MESSAGE_SID),
        (b"From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886&Body=x", decode::NO_MESSAGE_SID),
        (b"MessageSid=&From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886", decode::NO_MESSAGE_SID),
        (b"MessageSid=S%20M&From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886", decode::NO_MESSAGE_SID),
        (b"MessageSid=SM00000000000000000000000000000001&To=whatsapp%3A%2B14155238886", decode::NO_FROM),
        (b"MessageSid=SM00000000000000000000000000000001&From=&To=whatsapp%3A%2B14155238886", decode::NO_FROM),
        (
            b"MessageSid=SM00000000000000000000000000000001&From=sms%3A%2B33612345678&To=whatsapp%3A%2B14155238886",
            decode::NO_FROM,
        ),
        (b"MessageSid=SM00000000000000000000000000000001&From=whatsapp%3A%2B33612345678", decode::NO_TO),
        (b"MessageSid=SM00000000000000000000000000000001&Body=%FF%FE", "the form is not UTF-8"),
        (b"\xff\xfe\x00", "the form is not UTF-8"),
        (b"MessageSid=SM00000000000000000000000000000001&Body=%C3", "the form is not UTF-8"),
    ];
    for (body, word) in table {
        assert_eq!(receive(Kind::Whatsapp, body).err(), Some(Rejection::Malformed(word)), "{body:?}");
    }
}

#[test]
fn a_captured_webhook_is_not_believed_as_another_message() {
    let sid = format!("SM{}", "a".repeat(32));
    let captured = format!("From=%2B33612345678&MessageSid={sid}&NumMedia=0&To=%2B14155238886&Body=START");
    let moved = captured.replace("&NumMedia=0", "NumMedia0");
    let sign = |body: &str| signer().sign_form(URL, &Form::parse(body.as_bytes()).unwrap());
    assert_eq!(sign(&captured), sign(&moved), "the signature does not tell them apart");
    assert!(receive(Kind::Sms, captured.as_bytes()).is_ok());
    assert_eq!(receive(Kind::Sms, moved.as_bytes()).err(), Some(Rejection::Malformed(decode::NO_MESSAGE_SID)));
    for (from, to) in [("&NumMedia=0", "&NumMedia0="), ("NumMedia=0", "NumMedia=0To"), ("MessageSid=", "MessageSid")] {
        let moved = captured.replacen(from, to, 1);
        assert!(matches!(receive(Kind::Sms, moved.as_bytes()), Err(Rejection::Malformed(_))), "{moved}");
    }
}

#[test]
fn a_signature_that_came_before_brings_no_other_message() {
    let body = format!("From=%2B33612345678&MessageSid=SM{}&To=%2B14155238886&Body=START", "a".repeat(32));
    let signature = signer().sign_form(URL, &Form::parse(body.as_bytes()).unwrap());
    let headers = &[("X-Twilio-Signature", signature.as_str())];
    let request = request((URL, ""), CONTENT_TYPE, headers, body.as_bytes());
    let receive = |receiver: &TwilioReceiver| receiver.receive(request, CorrelationId::fresh(), chrono::Utc::now());
    let genuine = receiver(Kind::Sms);
    assert!(receive(&genuine).is_ok() && receive(&genuine).is_ok(), "Twilio repeats what it could not deliver");
    let captured = receiver(Kind::Sms);
    assert!(captured.signatures.belongs_to(&signature, &ProviderMessageId::new("another")));
    assert_eq!(receive(&captured).err(), Some(Rejection::Replayed));
}

#[test]
fn a_text_has_a_limit() {
    let body = |bytes| {
        format!(
            "MessageSid=SM00000000000000000000000000000001&From=%2B33612345678&To=whatsapp%3A%2B14155238886&Body={}",
            "x".repeat(bytes)
        )
    };
    assert_eq!(message(Kind::Whatsapp, &body(MAX_BODY_BYTES)).content.body.len(), MAX_BODY_BYTES);
    // What is longer is cut rather than turned away, and says so.
    let cut = message(Kind::Whatsapp, &body(MAX_BODY_BYTES + 1)).content;
    assert_eq!((cut.body.len(), cut.details.other.get("BodyCut").map(String::as_str)), (MAX_BODY_BYTES, Some("true")));
    assert!("the form has more than 1000 parameters".contains(&form::MAX_PARAMETERS.to_string()));
}

#[test]
fn no_message_is_lost_for_being_unusual() {
    let sms = |from: &str, more: &str| {
        let from: String = form_urlencoded::byte_serialize(from.as_bytes()).collect();
        let sid = "SM00000000000000000000000000000001";
        message(Kind::Sms, &format!("MessageSid={sid}&From={from}&To=%2B14155238886&Body=Msg{more}"))
    };
    for name in ["Jo's Cafe", "ÖBB", "INFO!", "Café (24/7)", "Institut Belle Paris", "*100#", "38080"] {
        assert_eq!(sms(name, "").from.as_str(), format!("sms:{name}"));
    }
    let more =
        "&InteractiveData=%7B%22date%22%3A%222026-12-01%22%7D&ListId=3&ListTitle=Manucure&Forwarded=true&NewField=new";
    let details = sms("+33612345678", more).content.details;
    assert_eq!(details.form.as_deref(), Some(r#"{"date":"2026-12-01"}"#));
    let choice = details.list_choice.expect("a choice");
    assert_eq!((choice.id.as_str(), choice.title.as_str()), ("3", "Manucure"));
    let other: Vec<_> = details.other.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(other, [("Forwarded", "true"), ("NewField", "new")]);
}

#[test]
fn nothing_unsigned_is_read() {
    let receiver = receiver(Kind::Whatsapp);
    let good =
        b"MessageSid=SM00000000000000000000000000000001&From=whatsapp%3A%2B33612345678&To=whatsapp%3A%2B14155238886";
    let signature = signer().sign_form(URL, &Form::parse(good).unwrap());
    let other = Signer::new(&SecretString::from("another")).sign_form(URL, &Form::parse(good).unwrap());
    let table: [(Option<&str>, &str, &[u8], Rejection); 9] = [
        (
            Some(&signature),
            "text/plain",
            good,
            Rejection::MediaType("send application/x-www-form-urlencoded or application/json"),
        ),
        (None, "text/plain", good, Rejection::BadSignature),
        (None, CONTENT_TYPE, good, Rejection::BadSignature),
        (None, CONTENT_TYPE, b"%FF", Rejection::BadSignature),
        (Some(""), CONTENT_TYPE, good, Rejection::BadSignature),
        (Some(&other), CONTENT_TYPE, good, Rejection::BadSignature),
        (Some(&signature), CONTENT_TYPE, &good[..good.len() - 1], Rejection::BadSignature),
        (Some(&signature), "application/json", b"{}", Rejection::BadSignature),
        (Some(&signature), CONTENT_TYPE, b"%FF", Rejection::Malformed("the form is not UTF-8")),
    ];
    for (signature, content_type, body, expected) in table {
        let (one, none) = ([("X-Twilio-Signature", signature.unwrap_or_default())], []);
        let headers: &dyn WebhookHeaders = if signature.is_some() { &one } else { &none };
        let request = request((URL, ""), content_type, headers, body);
        let now = chrono::Utc::now();
        assert_eq!(receiver.receive(request, CorrelationId::fresh(), now).err(), Some(expected));
        assert_eq!(receiver.receive_status(request, now).err(), Some(expected));
    }
}

#[test]
fn json_is_covered_by_its_hash() {
    let body =
        br#"{"MessageSid":"SM00000000000000000000000000000001","From":"whatsapp:+33612345678","To":"whatsapp:+14155238886","Body":"x","NumMedia":0}"#;
    let url = Signer::with_body_hash(URL, body);
    let signature = signer().sign_url(&url);
    let headers = &[("X-Twilio-Signature", signature.as_str())];
    let request = request((&url, ""), "Application/JSON", headers, body);
    let now = chrono::Utc::now();
    let receiver = receiver(Kind::Whatsapp);
    let Ok(Received::Message(message)) = receiver.receive(request, CorrelationId::fresh(), now) else { panic!() };
    assert_eq!(message.content.body, "x");
    let body = b"{\"MessageSid\":\"SM00000000000000000000000000000002\"}";
    let tampered = receiver.receive(WebhookRequest { body, ..request }, CorrelationId::fresh(), now);
    assert_eq!(tampered.err(), Some(Rejection::BadSignature));
}

#[test]
fn every_status_has_its_word() {
    let query = "/webhooks/twilio-whatsapp/belle/status?mid=0190a6f0-0000-7000-8000-000000000001";
    let table = [
        ("queued", Some(DeliveryStatus::Sent)),
        ("accepted", Some(DeliveryStatus::Sent)),
        ("scheduled", Some(DeliveryStatus::Sent)),
        ("sending", Some(DeliveryStatus::Sent)),
        ("sent", Some(DeliveryStatus::Sent)),
        ("partially_delivered", Some(DeliveryStatus::Sent)),
        ("delivered", Some(DeliveryStatus::Delivered)),
        ("read", Some(DeliveryStatus::Read)),
        ("failed", Some(DeliveryStatus::Failed)),
        ("undelivered", Some(DeliveryStatus::Failed)),
        ("canceled", Some(DeliveryStatus::Failed)),
        ("receiving", None),
        ("received", None),
        ("invented_tomorrow", None),
    ];
    for (word, expected) in table {
        match status(query, &format!("MessageSid=SM00000000000000000000000000000001&MessageStatus={word}")).unwrap() {
            Received::Status(update) => {
                assert_eq!(Some(update.status), expected, "{word}");
                assert_eq!(update.id.unwrap().to_string(), "0190a6f0-0000-7000-8000-000000000001");
            }
            Received::Nothing => assert_eq!(expected, None, "{word}"),
            other => panic!("{word}: {other:?}"),
        }
    }
}

#[test]
fn statuses_with_and_without_their_parts() {
    let path = "/webhooks/twilio-whatsapp/belle/status";
    let failed = "SmsSid=SM00000000000000000000000000000001&SmsStatus=failed";
    assert_eq!(update(path, failed).id, None);
    assert_eq!(update(&format!("{path}?mid=nonsense"), failed).id, None);
    assert_eq!(update(path, failed).provider_message_id.as_str(), "SM00000000000000000000000000000001");
    let code = |more: &str| update(path, &format!("{failed}{more}")).code;
    assert_eq!(code(""), None);
    assert_eq!(code("&ErrorCode=63016&ErrorMessage="), Some("63016".to_owned()));
    assert_eq!(code("&ErrorCode="), None);
    assert_eq!(code("&ErrorCode=0"), None);
    assert_eq!(code("&ErrorCode=call+%2B33612345678"), None);
    assert_eq!(
        status(path, "MessageSid=SM00000000000000000000000000000001").err(),
        Some(Rejection::Malformed(decode::NO_STATUS))
    );
    assert_eq!(status(path, "MessageStatus=sent").err(), Some(Rejection::Malformed(decode::NO_MESSAGE_SID)));
}

#[test]
fn a_status_on_the_inbound_path_is_a_status() {
    let body = "MessageSid=SM00000000000000000000000000000001&MessageStatus=delivered&From=whatsapp%3A%2B14155238886&To=whatsapp%3A%2B33612345678";
    assert!(matches!(receive(Kind::Whatsapp, body.as_bytes()), Ok(Received::Status(_))));
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300), query in ".{0,40}", json in any::<bool>()) {
        let content_type = if json { "application/json" } else { CONTENT_TYPE };
        let url = Signer::with_body_hash(URL, &body);
        let signature = signer().sign_url(&url);
        let headers = &[("X-Twilio-Signature", signature.as_str())];
        let signed = request((&url, &query), content_type, headers, &body);
        let _ = receiver(Kind::Whatsapp).receive(signed, CorrelationId::fresh(), chrono::Utc::now());
        let _ = receiver(Kind::Sms).receive_status(signed, chrono::Utc::now());
        let _ = receive(Kind::Sms, &body);
    }

    #[test]
    fn no_values_panic(values in prop::collection::vec(".{0,30}", 20)) {
        let keys = ["MessageSid", "From", "To", "Body", "NumMedia", "MediaUrl0", "MediaContentType0", "ProfileName",
            "ButtonText", "ButtonPayload", "Latitude", "Longitude", "Address", "Label", "OriginalRepliedMessageSid",
            "FromCountry", "OptOutType", "ExternalUserId", "MessageStatus", "ErrorCode"];
        let pairs = keys.iter().zip(&values);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let _ = receive(Kind::Whatsapp, body.as_bytes());
        let valid = format!("{body}&MessageSid=SM00000000000000000000000000000001&From=%2B33612345678&To=%2B14155238886");
        let _ = receive(Kind::Sms, valid.as_bytes());
    }

    #[test]
    fn a_text_comes_through_unharmed(text in "[^\0]{0,200}") {
        prop_assert_eq!(&whatsapp(&[("Body", &text)]).content.body, &text);
    }
}
