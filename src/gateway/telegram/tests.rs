//! Tests of Telegram's updates: a table of payloads and what is made of each, wrong proofs, and any bytes.

use palabre_actors::domain::address::Address;
use palabre_actors::domain::channel::ChannelProfile;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::message::{NewInbound, Notice};
use palabre_actors::domain::send::OnUnknown;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::ProviderAccount;
use crate::gateway::WebhookHeaders;
use crate::gateway::channel_event::{
    ChannelEvent, ChannelEventKind, Membership, OwnRights, Payment, Price, SubscriptionChange,
};

mod requests;

const SECRET: &str = "s3cret_-token";

fn channel() -> Channel {
    let bot = TelegramBot {
        id: "7000000001".to_owned(),
        bot_token: "7000000001:AAtoken".into(),
        webhook_secret: Some(SECRET.into()),
        previous_webhook_secret: None,
        updates: UpdateSource::Webhook,
        groups: vec![Address::from_normalised("telegram:-1001234567890")],
        username: Some("institut_belle_bot".to_owned()),
        api_base_url: "http://127.0.0.1:1".to_owned(),
        timeout: std::time::Duration::from_secs(5),
        on_unknown: OnUnknown::Resend,
    };
    Channel {
        id: ChannelId::new("belle-tg"),
        tenant: TenantId::new("belle"),
        address: Address::from_normalised("telegram:7000000001"),
        provider: ProviderAccount::new(NAME, "7000000001", bot),
        profile: Arc::new(ChannelProfile::default()),
    }
}

fn receive_bytes(secret: Option<&str>, body: &[u8]) -> Result<Received, Rejection> {
    let client = crate::gateway::client::new().unwrap();
    let wiring = Wiring::without_files(&client, None);
    let receiver = Telegram.connect(&channel(), wiring).unwrap().receiver.unwrap();
    let name = SECRET_HEADER;
    let (some, none) = ([(name.as_str(), secret.unwrap_or_default())], []);
    let headers: &dyn WebhookHeaders = if secret.is_some() { &some } else { &none };
    let content_type = "application/json";
    let request = WebhookRequest { url: "", query: "", content_type, headers, is_local: false, body };
    receiver.receive(request, CorrelationId::fresh(), chrono::Utc::now())
}

fn receive(update: &Value) -> Received {
    receive_bytes(Some(SECRET), update.to_string().as_bytes()).unwrap()
}

fn message(update: &Value) -> NewInbound {
    match receive(update) {
        Received::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

fn event(update: &Value) -> ChannelEvent {
    match receive(update) {
        Received::Event(event) => *event,
        other => panic!("{other:?}"),
    }
}

/// A message in a private chat, with these parts of it.
fn private(parts: &Value) -> Value {
    let mut message = json!({
        "message_id": 2746,
        "from": { "id": 123_456_789, "is_bot": false, "first_name": "Awa", "last_name": "Diallo", "language_code": "fr" },
        "chat": { "id": 123_456_789, "first_name": "Awa", "last_name": "Diallo", "type": "private" },
        "date": 1_618_207_352,
    });
    message.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    json!({ "update_id": 700_000_001, "message": message })
}

fn group(chat: i64, kind: &str) -> Value {
    json!({ "update_id": 9, "message": {
        "message_id": 5,
        "from": { "id": 1, "is_bot": false, "first_name": "Awa" },
        "chat": { "id": chat, "title": "Les copines", "type": kind },
        "date": 1,
        "text": "Bonjour",
    }})
}

#[test]
fn a_text_comes_in_with_its_person_and_its_numbers() {
    let message = message(&private(&json!({ "text": "Quels sont vos horaires ? 😀" })));
    assert_eq!(message.provider_message_id.as_str(), "TG2746u700000001");
    assert_eq!((message.from.as_str(), message.to.as_str()), ("telegram:123456789", "telegram:7000000001"));
    assert_eq!((message.tenant.as_str(), message.channel.as_str()), ("belle", "belle-tg"));
    assert_eq!(message.content.body, "Quels sont vos horaires ? 😀");
    assert_eq!(message.content.profile_name.as_deref(), Some("Awa Diallo"));
    assert!(message.content.details.is_empty());
    assert!(Telegram.is_message_id(message.provider_message_id.as_str()));
}

#[test]
fn what_is_no_text_comes_in_as_well() {
    let file = |id: &str| json!({ "file_id": id, "file_unique_id": "u", "file_size": 1 });
    let with_type = |id: &str, kind: &str| json!({ "file_id": id, "mime_type": kind });
    let sizes = json!([file("small"), file("large")]);
    let table = [
        (json!({ "photo": sizes, "caption": "Voilà" }), "Voilà", Some(("large", "image/jpeg"))),
        (json!({ "document": with_type("d", "application/pdf") }), "", Some(("d", "application/pdf"))),
        (json!({ "animation": file("a"), "document": file("a") }), "", Some(("a", "video/mp4"))),
        (json!({ "voice": with_type("v", "audio/ogg") }), "", Some(("v", "audio/ogg"))),
        (json!({ "video": file("v") }), "", Some(("v", "video/mp4"))),
        (json!({ "video_note": file("v") }), "", Some(("v", "video/mp4"))),
        (json!({ "audio": file("v") }), "", Some(("v", "audio/mpeg"))),
        (json!({ "sticker": { "file_id": "s", "emoji": "👍" } }), "👍", Some(("s", "image/webp"))),
        (json!({ "dice": { "emoji": "🎲", "value": 3 } }), "🎲", None),
        (
            json!({ "poll": { "id": "1", "question": "On y va ?", "options": [{ "text": "Oui" }, { "text": "Non" }] } }),
            "On y va ?\nOui\nNon",
            None,
        ),
        (json!({ "checklist": { "title": "Courses", "tasks": [{ "id": 1, "text": "Lait" }] } }), "Courses\nLait", None),
        // A kind of content that is not known yet is a message all the same.
        (json!({ "hologram": { "file_id": "h" } }), "", None),
        // A part in a form that is not known is left out, and the rest comes in.
        (json!({ "text": "Bonjour", "photo": "surprise", "entities": 7 }), "Bonjour", None),
        (json!({ "text": "a\u{0}b" }), "a\u{FFFD}b", None),
    ];
    for (parts, text, media) in table {
        let content = message(&private(&parts)).content;
        assert_eq!(content.body, text, "{parts}");
        let found: Vec<_> = content.details.media.iter().map(|media| (&*media.url, &*media.content_type)).collect();
        let expected: Vec<_> =
            media.iter().map(|(id, kind)| (format!("telegram-file:{id}"), (*kind).to_owned())).collect();
        let expected: Vec<_> = expected.iter().map(|(url, kind)| (&**url, &**kind)).collect();
        assert_eq!(found, expected, "{parts}");
    }
    // Telegram's own are short; whatever stands there is kept up to the length of a text.
    let long = json!({ "dice": { "emoji": "🎲".repeat(30_000), "value": 3 } });
    assert_eq!(message(&private(&long)).content.body, "🎲".repeat(16_384));
    let at = json!({ "latitude": 48.85, "longitude": 2.35 });
    let place = message(&private(&json!({ "location": at }))).content.details.location.unwrap();
    assert_eq!((place.latitude, place.label), (48.85, None));
    let venue = json!({ "location": at, "venue": { "location": at, "title": "Institut", "address": "1 rue X" } });
    let place = message(&private(&venue)).content.details.location.unwrap();
    assert_eq!((place.label.as_deref(), place.address.as_deref()), (Some("Institut"), Some("1 rue X")));
    let nowhere = json!({ "location": { "latitude": 948.85, "longitude": 2.35 } });
    assert_eq!(message(&private(&nowhere)).content.details.location, None);
    let quoting = json!({ "text": "Oui", "reply_to_message": { "message_id": 17, "date": 1 } });
    let reply_to = message(&private(&quoting)).content.details.reply_to.unwrap();
    assert_eq!(reply_to.as_str(), "TG17");
}

#[test]
fn the_start_button_is_a_message_with_what_its_link_carries() {
    let start = |text: &str| message(&private(&json!({ "text": text }))).content.details.start;
    assert_eq!(start("/start"), Some(String::new()));
    assert_eq!(start("/start abc_1"), Some("abc_1".to_owned()));
    assert_eq!(start("/started"), None);
    assert_eq!(start("start"), None);
}

#[test]
fn a_pressed_button_is_a_message_that_is_acknowledged() {
    let keyboard = json!([[{ "text": "Non", "callback_data": "no" }, { "text": "Oui", "callback_data": "yes" }]]);
    let chat = json!({ "id": 5, "type": "private" });
    let pressed = json!({ "message_id": 9, "date": 1, "chat": chat, "reply_markup": { "inline_keyboard": keyboard } });
    let query = |parts: Value| {
        let mut query = json!({ "id": "4382bfdwdsb323b2d9", "from": { "id": 5, "is_bot": false, "first_name": "Awa" }, "chat_instance": "1" });
        query.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        json!({ "update_id": 3, "callback_query": query })
    };
    let one = message(&query(json!({ "data": "yes", "message": pressed })));
    assert_eq!((one.provider_message_id.as_str(), one.from.as_str()), ("TG9u3", "telegram:5"));
    let details = one.content.details;
    assert_eq!(details.button.map(|button| (button.text, button.payload)), Some(("Oui".into(), "yes".into())));
    assert_eq!(details.reply_to.map(|id| id.as_str().to_owned()).as_deref(), Some("TG9"));
    let action = details.acknowledge.unwrap();
    assert_eq!((action.kind.as_str(), &action.arguments["query"]), ("answer_callback", &json!("4382bfdwdsb323b2d9")));
    let odd = message(&query(json!({ "id": "a\u{0}b", "data": "yes" }))).content.details.acknowledge.unwrap();
    assert_eq!(odd.arguments["query"], json!("a\u{FFFD}b"), "PostgreSQL's JSON holds no NUL");
    let old = message(&query(json!({ "data": "yes" })));
    assert_eq!(old.content.details.button.unwrap().text, "yes", "the message with the button is too old to be told");
}

#[test]
fn what_has_nothing_that_can_be_read_is_kept_as_such() {
    for parts in
        [json!({ "story": { "id": 1 } }), json!({ "invented_tomorrow": {}, "reply_to_message": { "message_id": 1 } })]
    {
        assert_eq!(message(&private(&parts)).content.details.notice, Some(Notice::Unreadable), "{parts}");
    }
}

#[test]
fn an_edit_is_kept_with_what_it_is_of() {
    let edited = |parts: Value| {
        let mut update = private(&parts);
        update["edited_message"] = update["message"].take();
        update.as_object_mut().unwrap().remove("message");
        update
    };
    let first = message(&private(&json!({ "text": "Vos tarifs ?" })));
    let one = message(&edited(json!({ "text": "Vos horaires ?", "edit_date": 2 })));
    assert_eq!(one.content.body, "Vos horaires ?");
    let Some(Notice::Edit { of }) = one.content.details.notice else { panic!("an edit") };
    assert!(first.provider_message_id.as_str().starts_with(&format!("{}u", of.as_str())), "{}", of.as_str());
    assert_eq!(message(&edited(json!({ "caption": "La rose" }))).content.body, "La rose");
    for silent in [
        edited(json!({ "location": { "latitude": 9.6, "longitude": -13.5, "live_period": 900 } })),
        edited(json!({ "text": "x", "from": { "id": 1, "is_bot": true, "first_name": "Bot" } })),
        json!({ "update_id": 1, "edited_message": "surprise" }),
    ] {
        assert!(matches!(receive(&silent), Received::Nothing), "{silent}");
    }
}

#[test]
fn groups_are_ignored_unless_they_are_named() {
    let named = message(&group(-1_001_234_567_890, "supergroup"));
    assert_eq!(
        (named.from.as_str(), named.content.profile_name.as_deref()),
        ("telegram:-1001234567890", Some("Les copines"))
    );
    assert!(Telegram.is_message_id(named.provider_message_id.as_str()), "{}", named.provider_message_id.as_str());
    assert!(named.provider_message_id.as_str().starts_with("TG5c"), "messages of a supergroup are numbered by chat");
    for other in [group(-1_001_234_567_891, "supergroup"), group(-5, "group"), group(-1_001_234_567_890, "channel")] {
        assert!(matches!(receive(&other), Received::Nothing));
    }
}

#[test]
fn nobody_is_answered_for_what_is_no_message() {
    let services = [
        json!({ "new_chat_members": [] }),
        json!({ "pinned_message": { "message_id": 1 } }),
        json!({ "write_access_allowed": {} }),
    ];
    for parts in services {
        assert!(matches!(receive(&private(&parts)), Received::Nothing), "{parts}");
    }
    for update in [
        json!({ "update_id": 1 }),
        json!({ "update_id": 1, "invented_tomorrow": { "id": 1 } }),
        json!({ "update_id": 1, "message": "surprise" }),
        json!({ "update_id": 1, "message": { "message_id": 1 } }),
        json!({ "update_id": 1, "callback_query": { "id": 7 } }),
        json!({ "update_id": 1, "message_reaction": {} }),
        json!({ "update_id": 1, "inline_query": { "id": "1", "query": "x" } }),
        json!({ "update_id": 1, "subscription": { "user": { "id": 1 }, "invoice_payload": "x", "state": "frozen" } }),
    ] {
        assert!(matches!(receive(&update), Received::Nothing), "{update}");
    }
    let bot = json!({ "text": "x", "from": { "id": 1, "is_bot": true, "first_name": "Bot" } });
    assert!(matches!(receive(&private(&bot)), Received::Nothing));
}

#[test]
fn payments_and_members_are_events() {
    let who = json!({ "id": 5, "is_bot": false, "first_name": "Awa" });
    let chat = json!({ "id": -1_001_234_567_890_i64, "type": "channel", "title": "Premium" });
    let (five, premium) = (decode::address(5), decode::address(-1_001_234_567_890));
    let stars = |amount| Price { currency: "XTR".to_owned(), amount };
    let member = |status: &str, more: Value| {
        let mut member = json!({ "status": status, "user": who });
        member.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        member
    };
    let paid = json!({
        "currency": "XTR", "total_amount": 500, "invoice_payload": "plan", "telegram_payment_charge_id": "ch1",
        "provider_payment_charge_id": "", "is_recurring": true, "is_first_recurring": true,
        "subscription_expiration_date": 1_700_000_000,
    });
    let payment = Payment {
        from: decode::address(123_456_789),
        price: stars(500),
        payload: "plan".to_owned(),
        charge: "ch1".to_owned(),
        paid_until: chrono::DateTime::from_timestamp(1_700_000_000, 0),
        is_recurring: true,
        is_first_recurring: true,
    };
    let refunded = json!({ "currency": "XTR", "total_amount": 500, "invoice_payload": "plan", "telegram_payment_charge_id": "ch1" });
    let link = json!({ "invite_link": "https://t.me/+abc", "creator": who });
    let table = [
        (private(&json!({ "successful_payment": paid })), ChannelEventKind::Paid(payment)),
        (
            private(&json!({ "refunded_payment": refunded })),
            ChannelEventKind::Refunded {
                from: decode::address(123_456_789),
                price: stars(500),
                payload: "plan".to_owned(),
                charge: "ch1".to_owned(),
            },
        ),
        (
            json!({ "update_id": 1, "pre_checkout_query":
                { "id": "q", "from": who, "currency": "XTR", "total_amount": 500, "invoice_payload": "plan" } }),
            ChannelEventKind::Checkout {
                query: "q".to_owned(),
                from: five.clone(),
                price: stars(500),
                payload: "plan".to_owned(),
            },
        ),
        (
            json!({ "update_id": 1, "subscription": { "user": who, "invoice_payload": "plan", "state": "canceled" } }),
            ChannelEventKind::SubscriptionChanged {
                from: five.clone(),
                payload: "plan".to_owned(),
                change: SubscriptionChange::Cancelled,
            },
        ),
        (
            json!({ "update_id": 1, "chat_join_request":
                { "chat": chat, "from": who, "user_chat_id": 5, "date": 1, "invite_link": link, "query_id": "jq" } }),
            ChannelEventKind::JoinRequested {
                chat: premium.clone(),
                from: five.clone(),
                invite_link: Some("https://t.me/+abc".to_owned()),
                query: Some("jq".to_owned()),
            },
        ),
        (
            json!({ "update_id": 1, "chat_member": { "chat": chat, "from": who, "date": 1,
                "old_chat_member": member("left", json!({})), "new_chat_member": member("member", json!({})) } }),
            ChannelEventKind::MemberChanged {
                chat: premium.clone(),
                who: five,
                before: Membership::Outside,
                after: Membership::Member,
                invite_link: None,
            },
        ),
        (
            json!({ "update_id": 1, "my_chat_member": { "chat": chat, "from": who, "date": 1,
                "old_chat_member": member("left", json!({})),
                "new_chat_member": member("administrator", json!({ "can_invite_users": true, "can_restrict_members": false })) } }),
            ChannelEventKind::OwnRightsChanged {
                chat: premium,
                rights: OwnRights { membership: Membership::Administrator, can_invite: true, can_restrict: false },
            },
        ),
        (
            json!({ "update_id": 1, "message": { "message_id": 1, "date": 1, "chat": { "id": -5, "type": "group" },
                "migrate_to_chat_id": -1_001_234_567_890_i64 } }),
            ChannelEventKind::ChatMigrated { from: decode::address(-5), to: decode::address(-1_001_234_567_890) },
        ),
    ];
    for (update, expected) in table {
        let event = event(&update);
        assert!(event.kind == expected, "{}: {update}", event.kind.as_str());
        assert_eq!(event.id.as_str(), format!("TGu{}", update["update_id"]));
        assert!(!format!("{event:?}").contains("plan"), "payloads stay out of logs");
    }
}

#[test]
fn a_card_tells_the_number_of_whoever_shares_their_own() {
    let shared = |user: Option<i64>, phone: &str| {
        let contact = json!({ "phone_number": phone, "first_name": "Awa", "last_name": "Ba", "user_id": user });
        message(&private(&json!({ "contact": contact }))).content.details
    };
    let own = private(&json!({}))["message"]["from"]["id"].as_i64();
    for (user, phone, known) in [
        (own, "33612345678", Some("sms:+33612345678")),
        (own, "+33612345678", Some("sms:+33612345678")),
        (Some(1), "33612345678", None),
        (None, "33612345678", None),
        (own, "no number", None),
    ] {
        let details = shared(user, phone);
        assert_eq!(details.alias.as_ref().map(Address::as_str), known, "{user:?} {phone}");
        assert_eq!((details.cards[0].name.as_str(), details.cards[0].phones[0].as_str()), ("Awa Ba", phone));
    }
}

/// What the type crate writes is what is read: its structs follow the documentation.
#[test]
fn the_type_crates_updates_are_read() {
    use frankenstein::types::{Chat, ChatType, Contact, Location, Message, PhotoSize, User};
    use frankenstein::updates::{Update, UpdateContent};
    let user = User::builder().id(5).is_bot(false).first_name("Awa").build();
    let chat = Chat::builder().id(5).type_field(ChatType::Private).first_name("Awa").build();
    let photo = PhotoSize::builder().file_id("f").file_unique_id("u").width(1).height(1).build();
    let written = Message::builder().message_id(7).date(1).from(user).chat(chat).caption("Voilà").photo(vec![photo]);
    let contact = Contact::builder().phone_number("+33612345678").first_name("Awa").build();
    let written = written.contact(contact).location(Location::builder().latitude(48.85).longitude(2.35).build());
    let update = Update { update_id: 8, content: UpdateContent::Message(Box::new(written.build())) };
    let read = message(&serde_json::to_value(update).unwrap());
    assert_eq!((read.provider_message_id.as_str(), read.from.as_str()), ("TG7u8", "telegram:5"));
    assert_eq!(read.content.body, "Voilà");
    assert_eq!(read.content.details.media[0].url, "telegram-file:f");
    assert!(read.content.details.location.is_some());
    let known = serde_json::to_value(frankenstein::types::AllowedUpdate::ChatMember).unwrap();
    assert!(
        ALLOWED_UPDATES
            .iter()
            .all(|kind| { serde_json::from_value::<frankenstein::types::AllowedUpdate>(json!(kind)).is_ok() })
    );
    assert!(ALLOWED_UPDATES.contains(&known.as_str().unwrap()));
}

#[test]
fn nothing_without_the_secret_is_read() {
    let good = private(&json!({ "text": "x" })).to_string();
    for secret in [None, Some(""), Some("s3cret_-toke"), Some("s3cret_-token2"), Some("S3cret_-token")] {
        let refused = receive_bytes(secret, good.as_bytes());
        assert_eq!(refused.err(), Some(Rejection::BadSignature), "{secret:?}");
    }
    for body in
        [&b""[..], b"[]", b"{}", b"{\"update_id\":\"1\"}", b"{\"update_id\":1,", b"\xff\xfe", &good.as_bytes()[..40]]
    {
        assert!(matches!(receive_bytes(Some(SECRET), body), Err(Rejection::Malformed(_))));
    }
    let long = private(&json!({ "text": "x".repeat(65_537) })).to_string();
    assert!(matches!(receive_bytes(Some(SECRET), long.as_bytes()), Err(Rejection::Malformed(_))));
}

#[test]
fn ids_of_messages_are_known() {
    for (id, known) in [
        ("TG1", true),
        ("TG1u2", true),
        ("TG1c0123abcdu2", true),
        ("TG", false),
        ("TGx", false),
        ("TG1u", false),
        ("TG1c01u2", false),
        ("SM1", false),
    ] {
        assert_eq!(Telegram.is_message_id(id), known, "{id}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = receive_bytes(Some(SECRET), &body);
    }

    #[test]
    fn no_values_panic(number in any::<i64>(), chat in any::<i64>(), text in ".{0,40}", kind in "[a-z_]{0,12}") {
        let chat = json!({ "id": chat, "type": kind });
        let update = json!({ "update_id": number, "message": { "message_id": number, "chat": chat, "text": text } });
        let _ = receive_bytes(Some(SECRET), update.to_string().as_bytes());
        let query = json!({ "id": text, "from": { "id": number }, "data": text, "message": { "message_id": number, "chat": chat } });
        let update = json!({ "update_id": number, "callback_query": query });
        let _ = receive_bytes(Some(SECRET), update.to_string().as_bytes());
    }

    #[test]
    fn a_text_comes_through_unharmed(text in "[^\0]{1,200}") {
        prop_assert_eq!(&message(&private(&json!({ "text": &text }))).content.body, &text);
    }
}
