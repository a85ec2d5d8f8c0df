//! Tests of requests by people and programs, and of answers that have a template.

use std::collections::BTreeMap;

use super::*;
use crate::domain::template::{Template, TemplateUse};

fn template(name: &str, variables: &[&str], channels: &[&str]) -> Template {
    Template {
        name: name.into(),
        language: "fr".into(),
        content_id: format!("HX{name}"),
        variables: variables.iter().map(ToString::to_string).collect(),
        body: None,
        channels: channels.iter().map(|id| ChannelId::new(id)).collect(),
    }
}

fn used(name: &str, variables: &[(&str, &str)]) -> TemplateUse {
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    TemplateUse { name: name.into(), variables }
}

fn with_templates() -> Rules {
    let mut source = source();
    source.templates = vec![template("rappel", &["prenom", "heure"], &[]), template("sms", &[], &["belle-sms"])];
    let variables = BTreeMap::from([
        ("prenom".to_owned(), "{{ contact.name }}".to_owned()),
        ("heure".to_owned(), "9 h\n à 19 h".to_owned()),
    ]);
    source.faq[0].template = Some(TemplateUse { name: "rappel".into(), variables });
    Rules::new(source).unwrap()
}

fn request() -> SendRequest {
    SendRequest {
        text: Some("Votre taxi est là.".into()),
        template: None,
        choices: Vec::new(),
        presentation: None,
        category: Category::Transactional,
        urgent: false,
        send_at: None,
        expires_at: None,
        idempotency_key: Some("course-42".into()),
        correlation: CorrelationId::fresh(),
    }
}

#[test]
fn advertising_is_a_kind_of_its_own() {
    let advertising = SendRequest { category: Category::Marketing, ..request() };
    let turn = decide_send(&client(), &advertising, &rules(), at(0)).unwrap();
    assert_eq!(turn.outbox[0].message.kind, OutboundKind::Marketing);
}

#[test]
fn a_request_writes_one_message_and_its_history() {
    let request = SendRequest { expires_at: Some(at(60)), ..request() };
    let turn = decide_send(&client(), &request, &with_templates(), at(0)).unwrap();
    assert_eq!((turn.expected_version, turn.conversation.version), (0, 1));
    assert!(turn.consumed.is_none() && turn.consent.is_none() && !turn.releases);
    assert_eq!(turn.correlation, request.correlation);
    assert_eq!((turn.conversation.last_inbound_at, turn.conversation.timer_at), (None, None));
    assert_eq!(turn.conversation.status, ConversationStatus::InProgress);
    let [draft] = turn.outbox.as_slice() else { panic!("one message") };
    assert_eq!(draft.start, Start::Queued { not_before: at(0), behind: false });
    assert_eq!(draft.idempotency_key.as_deref(), Some("course-42"));
    let message = &draft.message;
    assert_eq!((message.kind, message.urgent, message.expires_at), (OutboundKind::Manual, false, Some(at(60))));
    assert_eq!((message.body.as_str(), &message.template), ("Votre taxi est là.", &None));
    assert_eq!((&message.to, message.in_reply_to), (&client().key.address, None));
    assert_eq!(events(&turn), [EventType::MessageQueued], "I11: its history begins somewhere");
    assert_eq!((turn.events[0].entity_type, turn.events[0].entity_id), (EntityType::MessageOut, Some(message.id.0)));
    assert_eq!(turn.events[0].payload.as_json(), r#"{"kind":"manual"}"#);

    let mut known = client();
    say(&mut known, &with_templates(), "bonjour", at(0));
    let before = known.conversation.clone().unwrap();
    let turn = decide_send(&known, &request, &with_templates(), at(1)).unwrap();
    assert_eq!((turn.expected_version, turn.conversation.version), (1, 2));
    assert_eq!(turn.contact.id, known.contact.unwrap().id);
    assert_eq!(Conversation { version: 1, ..turn.conversation }, before, "nothing else changes");
}

#[test]
fn i6_nothing_is_written_to_who_said_stop() {
    let state = State { opted_out: true, ..client() };
    for request in [request(), SendRequest { urgent: true, ..request() }] {
        assert_eq!(decide_send(&state, &request, &with_templates(), at(0)).unwrap_err(), Refused::OptedOut);
    }
}

#[test]
fn requests_that_cannot_be_met_are_refused() {
    let with = |template: TemplateUse| SendRequest { template: Some(template), text: None, ..request() };
    let missing = |names: &[&str]| Refused::MissingVariables(names.iter().map(ToString::to_string).collect());
    let whole = [("prenom", "Camille"), ("heure", "9 h")];
    let too_many = [("prenom", "Camille"), ("heure", "9 h"), ("jour", "lundi")];
    for (request, refused) in [
        (SendRequest { text: None, ..request() }, Refused::Empty),
        (SendRequest { text: Some(" \n".into()), ..request() }, Refused::Empty),
        (SendRequest { text: Some("x".repeat(1601)), ..request() }, Refused::TooLong { length: 1601, most: 1600 }),
        (SendRequest { expires_at: Some(at(0)), ..request() }, Refused::Expired),
        (with(used("rapel", &whole)), Refused::UnknownTemplate),
        (with(used("rappel", &[])), missing(&["prenom", "heure"])),
        (with(used("rappel", &[("prenom", "Camille"), ("heure", " ")])), missing(&["heure"])),
        (with(used("rappel", &too_many)), Refused::UnknownVariables(vec!["prenom".into(), "heure".into()])),
        (with(used("sms", &[])), Refused::TemplateNotForChannel),
    ] {
        let label = format!("{request:?}");
        assert_eq!(decide_send(&client(), &request, &with_templates(), at(0)).unwrap_err(), refused, "{label}");
        assert!(!refused.as_str().contains(' ') && !refused.to_string().contains("Camille"));
    }
    let mut with_text = with(used("sms", &[]));
    with_text.text = Some("bonjour".into());
    assert!(decide_send(&client(), &with_text, &with_templates(), at(0)).is_ok(), "the text can go");
}

#[test]
fn a_template_goes_along_with_its_values_on_one_line() {
    let request = SendRequest {
        text: None,
        template: Some(used("rappel", &[("prenom", " Camille\n"), ("heure", "9 h\t  30")])),
        ..request()
    };
    let turn = decide_send(&client(), &request, &with_templates(), at(0)).unwrap();
    let message = &turn.outbox[0].message;
    assert_eq!(message.body, "");
    assert_eq!(message.template, Some(used("rappel", &[("prenom", "Camille"), ("heure", "9 h 30")])));
    assert_eq!(turn.events[0].payload.as_json(), r#"{"kind":"manual","template":"rappel"}"#);
    assert!(!format!("{turn:?} {request:?}").contains("Camille"), "I10");
}

#[test]
fn an_answer_brings_its_template_when_all_its_places_are_filled() {
    let rules = with_templates();
    let answer = |name: Option<&str>| {
        let state = client();
        let mut message = inbound(&state, "horaires", at(0));
        message.content.profile_name = name.map(Into::into);
        decide(&state, &message, &rules, &(), at(0)).outbox[0].message.clone()
    };
    let named = answer(Some("Camille"));
    assert_eq!(named.body, "De 9 h à 19 h.");
    assert_eq!(named.template, Some(used("rappel", &[("prenom", "Camille"), ("heure", "9 h à 19 h")])));
    assert_eq!(answer(None).template, None, "nobody would take a template with an empty place");
}
