//! Tables and properties of [`super::decide`] and [`super::decide_session_timer`].

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::domain::address::Identity;
use crate::domain::consent::Keyword;
use crate::domain::conversation::{ConversationStatus, Handler, Session, State};
use crate::domain::event::{EntityType, EventType};
use crate::domain::ids::{ChannelId, ContactId, ProviderMessageId, TenantId};
use crate::domain::live::LiveKnowledge;
use crate::domain::loop_watch::LoopPolicy;
use crate::domain::message::{
    Button, Category, Content, Details, Inbound, ListChoice, Media, Notice, OutboundKind, ProviderConsent,
};
use crate::domain::rules::{ExtraKeywords, FaqEntry, Language, Replies, Rules, RulesSource, SellerBook};

mod assistant;
mod bookings;
mod consent;
mod flows;
mod live;
mod loops;
mod people;
mod placing;
mod properties;
mod requests;
mod waiting;

const SELLER: &str = "+33600000001";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn source() -> RulesSource {
    let entry = |keywords: &[&str], answer: &str| FaqEntry {
        id: format!("faq-{}", keywords[0]),
        question: "?".into(),
        keywords: keywords.iter().map(ToString::to_string).collect(),
        answer: answer.into(),
        ..FaqEntry::default()
    };
    RulesSource {
        tenant: TenantId::new("belle"),
        tenant_name: "Institut Belle".into(),
        language: Language::Fr,
        sellers: HashSet::from([SELLER.to_owned()]),
        double_opt_in: false,
        templates: Vec::new(),
        faq: vec![
            entry(&["horaires"], "De 9 h à 19 h."),
            entry(&["bug"], "{% if contact.name == 'Bug' %}{{ 1 // 0 }}{% endif %}ok"),
        ],
        replies: Replies { fallback: Some("Merci {{ contact.name }}, bien reçu.".into()), ..Replies::default() },
        keywords: ExtraKeywords::default(),
        longest_text: 1_600,
        per_contact_per_minute: 3,
        loops: Some(LoopPolicy::default()),
        session_idle: Duration::from_secs(1800),
        live_session_idle: Duration::from_secs(3600),
    }
}

fn rules() -> Rules {
    Rules::new(source()).unwrap()
}

fn state(address: &str) -> State {
    State {
        key: ConversationKey::new(
            TenantId::new("belle"),
            ChannelId::new("belle-wa"),
            Address::from_normalised(address),
        ),
        contact: None,
        identities: Vec::new(),
        conversation: None,
        opted_out: false,
        welcomed: false,
        confirmed: false,
        agenda: Arc::default(),
        prepared: Prepared { live: LiveKnowledge::Closed, ..Prepared::default() },
    }
}

fn client() -> State {
    state("whatsapp:+33612345678")
}

fn inbound(state: &State, body: &str, now: Timestamp) -> Inbound {
    Inbound {
        id: InboundId::fresh(),
        tenant: state.key.tenant.clone(),
        channel: state.key.channel.clone(),
        provider_message_id: ProviderMessageId::new("SM1"),
        from: state.key.address.clone(),
        to: Address::from_normalised("whatsapp:+14155238886"),
        content: Content { body: body.into(), ..Content::default() },
        correlation: CorrelationId::fresh(),
        received_at: now,
    }
}

/// What the store makes of a committed turn.
fn commit(state: &mut State, turn: &Turn) {
    assert_eq!(turn.expected_version, state.conversation.as_ref().map_or(0, |c| c.version));
    assert_eq!(turn.conversation.version, turn.expected_version + 1);
    state.contact = Some(turn.contact.clone());
    state.conversation = Some(turn.conversation.clone());
    match &turn.consent {
        Some(ConsentChange::OptOut { .. }) => state.opted_out = true,
        Some(ConsentChange::OptIn { .. }) => state.opted_out = false,
        Some(ConsentChange::Confirm { .. }) => state.confirmed = true,
        Some(ConsentChange::Marketing { .. }) => {}
        None => {}
    }
    state.welcomed |= kinds(turn).contains(&OutboundKind::Welcome);
}

fn say(state: &mut State, rules: &Rules, body: &str, now: Timestamp) -> Turn {
    let turn = decide(state, &inbound(state, body, now), rules, &(), now);
    commit(state, &turn);
    turn
}

fn outcome(turn: &Turn) -> Outcome {
    turn.consumed.as_ref().unwrap().outcome
}

fn kinds(turn: &Turn) -> Vec<OutboundKind> {
    turn.outbox.iter().map(|draft| draft.message.kind).collect()
}

fn events(turn: &Turn) -> Vec<EventType> {
    turn.events.iter().map(|event| event.event_type).collect()
}

#[test]
fn a_first_question_makes_contact_conversation_and_session() {
    let state = client();
    let mut message = inbound(&state, "Vos horaires ?", at(0));
    message.content.profile_name = Some(" Camille\n".into());
    let turn = decide(&state, &message, &rules(), &(), at(1));

    assert_eq!(outcome(&turn), Outcome::AnsweredFaq);
    assert_eq!((turn.expected_version, turn.conversation.version), (0, 1));
    assert_eq!(turn.contact.name.as_deref(), Some("Camille"));
    assert_eq!(turn.correlation, message.correlation);
    assert_eq!(turn.conversation.status, ConversationStatus::InProgress);
    assert_eq!(turn.conversation.recent_answers, [at(1)]);
    assert_eq!(turn.conversation.last_inbound_at, Some(at(0)));
    assert_eq!(turn.conversation.timer_at, Some(at(1800)));
    let session = turn.conversation.session.clone().unwrap();
    assert_eq!(turn.sessions, [SessionChange::Open(session.id)]);
    assert_eq!(events(&turn), [EventType::SessionOpened, EventType::MessageRouted]);
    assert_eq!(
        turn.events[1].payload.as_json(),
        r#"{"role":"client","outcome":"answered_faq","rule":"faq","entry":"faq-horaires"}"#
    );
    assert_eq!((turn.events[1].entity_type, turn.events[1].entity_id), (EntityType::MessageIn, Some(message.id.0)));

    let draft = &turn.outbox[0];
    assert_eq!(turn.outbox.len(), 1);
    assert_eq!(draft.start, Start::Queued { not_before: at(1), behind: false });
    assert_eq!(draft.message.body, "De 9 h à 19 h.");
    assert_eq!(draft.message.kind, OutboundKind::Reply);
    assert_eq!(draft.message.to, state.key.address);
    assert_eq!(draft.message.in_reply_to, Some(message.id));
    assert_eq!(draft.message.conversation, turn.conversation.id);
    assert_eq!(draft.message.attempts, 0);
}

#[test]
fn what_a_message_leads_to() {
    use Outcome::*;
    // body, opted out before, handled by a person -> outcome, drafts, opted out after
    type Row = (&'static str, bool, bool, Outcome, &'static [OutboundKind], bool);
    let table: &[Row] = &[
        ("bonjour", false, false, AnsweredFallback, &[OutboundKind::Reply], false),
        ("horaires", false, false, AnsweredFaq, &[OutboundKind::Reply], false),
        ("oui", false, false, AnsweredFallback, &[OutboundKind::Reply], false),
        ("STOP PLEASE", false, false, AskedToStop, &[OutboundKind::Reply], false),
        ("aide", false, false, AnsweredHelp, &[OutboundKind::Help], false),
        ("Arrêt", false, false, OptedOut, &[OutboundKind::OptOutConfirmation], true),
        ("start", false, false, OptedIn, &[OutboundKind::OptInConfirmation], false),
        ("bonjour", true, false, SilentOptedOut, &[], true),
        ("horaires", true, false, SilentOptedOut, &[], true),
        ("aide", true, false, SilentOptedOut, &[], true),
        ("stop", true, false, SilentOptedOut, &[], true),
        ("reprendre", true, false, OptedIn, &[OutboundKind::OptInConfirmation], false),
        ("oui", true, false, SilentOptedOut, &[], true),
        ("YES", true, false, SilentOptedOut, &[], true),
        ("confirmer", true, false, SilentOptedOut, &[], true),
        ("confirmer", false, false, AnsweredFallback, &[OutboundKind::Reply], false),
        ("bonjour", false, true, SilentHuman, &[], false),
        ("horaires", false, true, SilentHuman, &[], false),
        ("stop", false, true, OptedOut, &[OutboundKind::OptOutConfirmation], true),
        ("bonjour", true, true, SilentOptedOut, &[], true),
        ("start", true, true, OptedIn, &[OutboundKind::OptInConfirmation], false),
    ];
    for (body, opted_out, human, expected, drafts, opted_out_after) in table {
        let mut state = client();
        say(&mut state, &rules(), "bonjour", at(-600));
        state.opted_out = *opted_out;
        if *human {
            state.conversation.as_mut().unwrap().handler = Handler::Human;
        }
        let turn = say(&mut state, &rules(), body, at(0));
        let label = format!("{body:?}, opted out: {opted_out}, human: {human}");
        assert_eq!(outcome(&turn), *expected, "{label}");
        assert_eq!(kinds(&turn), *drafts, "{label}");
        assert_eq!(state.opted_out, *opted_out_after, "{label}");
        assert_eq!(events(&turn).last(), Some(&EventType::MessageRouted), "{label}");
    }
}

#[test]
fn i6_one_confirmation_and_then_silence() {
    let (mut state, rules) = (client(), rules());
    let stop = say(&mut state, &rules, "stop", at(0));
    assert_eq!(stop.consent, Some(ConsentChange::OptOut { address: state.key.address.clone() }));
    assert_eq!(events(&stop), [EventType::SessionOpened, EventType::OptedOut, EventType::MessageRouted]);
    for (i, body) in ["stop", "STOP", "aide", "horaires ?", "pourquoi ?"].into_iter().enumerate() {
        let turn = say(&mut state, &rules, body, at(i as i64));
        assert_eq!((outcome(&turn), turn.outbox.len(), &turn.consent), (Outcome::SilentOptedOut, 0, &None), "{body}");
    }
    let start = say(&mut state, &rules, "REPRENDRE", at(9));
    assert_eq!(start.consent, Some(ConsentChange::OptIn { address: state.key.address.clone() }));
    assert_eq!(events(&start), [EventType::OptedIn, EventType::MessageRouted]);
    assert_eq!(outcome(&say(&mut state, &rules, "horaires", at(10))), Outcome::AnsweredFaq);
}

#[test]
fn what_the_provider_confirmed_is_not_confirmed_again() {
    for (provider, body, opted_out, expected, keyword) in [
        (ProviderConsent::Stop, "stop", false, Outcome::OptedOut, Some(Keyword::Stop)),
        (ProviderConsent::Stop, "basta", false, Outcome::OptedOut, Some(Keyword::Stop)),
        (ProviderConsent::Stop, "stop", true, Outcome::SilentOptedOut, None),
        (ProviderConsent::Start, "start", true, Outcome::OptedIn, Some(Keyword::Start)),
        (ProviderConsent::Start, "start", false, Outcome::OptedIn, Some(Keyword::Start)),
        (ProviderConsent::Start, "yes", true, Outcome::OptedIn, Some(Keyword::Start)),
        (ProviderConsent::Help, "help", false, Outcome::AnsweredHelp, None),
        (ProviderConsent::Help, "help", true, Outcome::SilentOptedOut, None),
        (ProviderConsent::Start, "stop", false, Outcome::OptedOut, Some(Keyword::Stop)),
    ] {
        let mut state = client();
        state.opted_out = opted_out;
        let mut message = inbound(&state, body, at(0));
        message.content.details.provider_consent = Some(provider);
        let turn = decide(&state, &message, &rules(), &(), at(0));
        let changed = turn.consent.as_ref().map(|consent| match consent {
            ConsentChange::OptOut { .. } => Keyword::Stop,
            ConsentChange::OptIn { .. } => Keyword::Start,
            ConsentChange::Confirm { .. } => Keyword::Confirm,
            ConsentChange::Marketing { .. } => Keyword::StopMarketing,
        });
        assert_eq!((outcome(&turn), changed, turn.outbox.len()), (expected, keyword, 0), "{provider:?} {body}");
    }
}

#[test]
fn a_seller_keeps_the_live_session_open() {
    struct Book;
    impl SellerBook for Book {
        fn is_registered(&self, tenant: &TenantId, person: &Identity) -> bool {
            tenant.as_str() == "belle" && person.as_str() == "+33600000002"
        }
    }
    let with_reply = Rules::new(RulesSource {
        replies: Replies { seller: Some("C'est noté.".into()), ..Replies::default() },
        ..source()
    })
    .unwrap();
    for address in ["whatsapp:+33600000001", "sms:+33600000001", "whatsapp:+33600000002"] {
        let state = state(address);
        let message = inbound(&state, "horaires", at(0));
        let turn = decide(&state, &message, &rules(), &Book, at(0));
        assert_eq!((outcome(&turn), turn.outbox.len()), (Outcome::Seller, 0));
        assert_eq!(turn.consumed.as_ref().unwrap().role, Role::Seller);
        assert!(turn.live_session.is_some());
        assert_eq!(turn.events[1].payload.as_json(), r#"{"role":"seller","outcome":"seller","rule":"seller"}"#);
        let answered = decide(&state, &message, &with_reply, &Book, at(0));
        assert_eq!(answered.outbox[0].message.body, "C'est noté.");
    }
    let mut stopped = state("whatsapp:+33600000001");
    let stop = say(&mut stopped, &with_reply, "STOP", at(0));
    assert_eq!((outcome(&stop), stop.live_session), (Outcome::OptedOut, None));
    let silent = say(&mut stopped, &with_reply, "je suis en direct", at(1));
    assert_eq!((outcome(&silent), silent.outbox.len()), (Outcome::Seller, 0));
    assert!(silent.live_session.is_some());

    let mut hidden = inbound(&client(), "bonjour", at(0));
    hidden.content.details.alias = Some(Address::from_normalised("whatsapp:+33600000001"));
    let turn = decide(&client(), &hidden, &rules(), &(), at(0));
    assert_eq!(turn.consumed.as_ref().unwrap().role, Role::Seller);
    assert_eq!(turn.alias, hidden.content.details.alias);

    // Known as one person since: no message says it again.
    let number = Address::from_normalised("whatsapp:+33600000001").identity();
    let known = State { identities: vec![number], ..state("whatsapp:FR.77") };
    let turn = decide(&known, &inbound(&known, "bonjour", at(0)), &rules(), &(), at(0));
    assert_eq!(turn.consumed.as_ref().unwrap().role, Role::Seller);
}

#[test]
fn i14_who_writes_on_the_channels_phone_has_the_conversation() {
    let (mut state, rules) = (client(), rules());
    say(&mut state, &rules, "bonjour", at(0));
    let before = state.conversation.clone().unwrap();
    let mut typed = inbound(&state, "STOP, je m'en occupe", at(9));
    typed.content.details.written_on_phone = true;
    assert!(!says_stop(&typed, &rules));
    let turn = decide(&state, &typed, &rules, &(), at(9));
    assert_eq!((outcome(&turn), turn.outbox.len(), turn.releases), (Outcome::WrittenOnPhone, 0, false));
    assert!(turn.consent.is_none() && turn.live_session.is_none() && turn.marks_read);
    assert_eq!(turn.conversation.handler, Handler::Human);
    assert_eq!(turn.conversation.last_inbound_at, before.last_inbound_at, "the contact did not write");
    assert_eq!(events(&turn), [EventType::HandedOver, EventType::MessageRouted]);
    assert_eq!(turn.events[0].payload.as_json(), r#"{"reason":"own_phone"}"#);
    state.conversation = Some(turn.conversation);
    let again = decide(&state, &Inbound { id: InboundId::fresh(), ..typed }, &rules, &(), at(10));
    assert_eq!(events(&again), [EventType::MessageRouted], "it was handed over already");
    assert_eq!(outcome(&say(&mut state, &rules, "horaires", at(11))), Outcome::SilentHuman);
    assert_eq!(outcome(&say(&mut state, &rules, "STOP", at(12))), Outcome::OptedOut, "consent is heard still");
}

#[test]
fn what_asks_for_no_answer_gets_none() {
    let (state, rules) = (client(), rules());
    let id = || ProviderMessageId::new("SM1");
    for (notice, body) in [
        (Notice::Reaction { to: id(), emoji: "👍".into() }, ""),
        (Notice::Edit { of: id() }, "horaires"),
        (Notice::Deletion { of: id() }, ""),
        (Notice::Call, ""),
        (Notice::AddressChanged, ""),
        (Notice::Unreadable, ""),
    ] {
        let mut message = inbound(&state, body, at(0));
        message.content.details.notice = Some(notice.clone());
        let turn = decide(&state, &message, &rules, &(), at(0));
        assert_eq!((outcome(&turn), turn.outbox.len()), (Outcome::SilentNotice, 0), "{notice:?}");
    }
    let mut stop = inbound(&state, "STOP", at(0));
    stop.content.details.notice = Some(Notice::Edit { of: id() });
    assert_eq!(outcome(&decide(&state, &stop, &rules, &(), at(0))), Outcome::OptedOut, "a STOP wins");
    for (wanted, expected) in [(false, Outcome::MarketingStopped), (true, Outcome::MarketingResumed)] {
        let mut setting = inbound(&state, "", at(0));
        setting.content.details.notice = Some(Notice::Marketing { wanted });
        let turn = decide(&state, &setting, &rules, &(), at(0));
        assert_eq!((outcome(&turn), turn.outbox.len()), (expected, 0), "recorded without an answer");
        let address = state.key.address.clone();
        assert_eq!(turn.consent, Some(ConsentChange::Marketing { address, wanted }));
    }
}

#[test]
fn i7_too_many_answers_are_not_given() {
    let (mut state, rules) = (client(), rules());
    let outcomes: Vec<Outcome> = (0..5).map(|i| outcome(&say(&mut state, &rules, "horaires", at(i)))).collect();
    use Outcome::{AnsweredFaq, RateLimited};
    assert_eq!(outcomes, [AnsweredFaq, AnsweredFaq, AnsweredFaq, RateLimited, RateLimited]);
    let limited = say(&mut state, &rules, "aide", at(6));
    assert_eq!((outcome(&limited), limited.outbox.len()), (RateLimited, 0));
    assert_eq!(events(&limited), [EventType::RateLimited, EventType::MessageRouted]);
    assert_eq!(limited.events[0].payload.as_json(), r#"{"limiter":"per_contact_per_minute","limit":3,"window_s":60}"#);
    assert_eq!(outcome(&say(&mut state, &rules, "horaires", at(59))), RateLimited);
    assert_eq!(outcome(&say(&mut state, &rules, "horaires", at(60))), AnsweredFaq);
    assert_eq!(kinds(&say(&mut state, &rules, "stop", at(60))), [OutboundKind::OptOutConfirmation]);
    assert_eq!(kinds(&say(&mut state, &rules, "start", at(60))), [OutboundKind::OptInConfirmation]);
    let again = say(&mut state, &rules, "start", at(61));
    assert_eq!((outcome(&again), again.outbox.len()), (Outcome::OptedIn, 1), "there was room for one");
    let once_more = say(&mut state, &rules, "start", at(61));
    assert_eq!((outcome(&once_more), once_more.outbox.len()), (Outcome::OptedIn, 0));
}

#[test]
fn without_text_something_else_is_said_and_a_button_speaks() {
    let answer = |content: Content| {
        let state = client();
        let message = Inbound { content, ..inbound(&state, "", at(0)) };
        outcome(&decide(&state, &message, &rules(), &(), at(0)))
    };
    let media = vec![Media { url: "https://example.com".into(), content_type: "image/png".into(), ..Media::default() }];
    assert_eq!(
        answer(Content { details: Details { media, ..Details::default() }, ..Content::default() }),
        Outcome::AnsweredNoText
    );
    let button =
        |text: &str| Details { button: Some(Button { text: text.into(), payload: "p".into() }), ..Details::default() };
    assert_eq!(answer(Content { details: button("Horaires"), ..Content::default() }), Outcome::AnsweredFaq);
    assert_eq!(answer(Content { details: button("Stop"), ..Content::default() }), Outcome::OptedOut);
    // What was pressed counts before what the provider shows as the text.
    let shown = |details| Content { body: "Msg".into(), details, ..Content::default() };
    assert_eq!(answer(shown(button("STOP"))), Outcome::OptedOut);
    assert_eq!(answer(shown(button("Horaires"))), Outcome::AnsweredFaq);
    let picked = ListChoice { id: "1".into(), title: "Horaires".into() };
    assert_eq!(answer(shown(Details { list_choice: Some(picked), ..Details::default() })), Outcome::AnsweredFaq);
    let own = Button { text: "Me retirer".into(), payload: "STOP".into() };
    assert_eq!(answer(shown(Details { button: Some(own), ..Details::default() })), Outcome::OptedOut);
    let start = Button { text: "Msg".into(), payload: "START".into() };
    let start = answer(shown(Details { button: Some(start), ..Details::default() }));
    assert_eq!(start, Outcome::AnsweredFallback, "only a STOP may hide in what nobody reads");
}

#[test]
fn silence_has_its_reasons() {
    let silent = Rules::new(RulesSource { replies: Replies::default(), ..source() }).unwrap();
    let mut state = client();
    let turn = say(&mut state, &silent, "bonjour", at(0));
    assert_eq!((outcome(&turn), turn.conversation.status), (Outcome::SilentNoRule, ConversationStatus::New));

    let mut message = inbound(&client(), "un bug", at(0));
    message.content.profile_name = Some("Bug".into());
    let turn = decide(&client(), &message, &rules(), &(), at(0));
    assert_eq!((outcome(&turn), turn.outbox.len()), (Outcome::SilentTemplateError, 0));
    assert!(turn.conversation.recent_answers.is_empty());

    state.conversation.as_mut().unwrap().status = ConversationStatus::Resolved;
    let reopened = say(&mut state, &rules(), "encore moi", at(9));
    assert_eq!(reopened.conversation.status, ConversationStatus::InProgress);
}

#[test]
fn a_name_is_kept_until_another_is_shown() {
    let mut state = client();
    state.contact = Some(Contact { id: ContactId::fresh(), name: Some("Camille".into()) });
    let named = |name: Option<&str>| {
        let mut message = inbound(&state, "bonjour", at(0));
        message.content.profile_name = name.map(Into::into);
        let turn = decide(&state, &message, &rules(), &(), at(0));
        assert_eq!(turn.contact.id, state.contact.as_ref().unwrap().id);
        (turn.contact.name.unwrap(), turn.contact_changed)
    };
    assert_eq!(named(None), ("Camille".to_owned(), false));
    assert_eq!(named(Some("Camille")), ("Camille".to_owned(), false));
    assert_eq!(named(Some(" \n ")), ("Camille".to_owned(), false));
    assert_eq!(named(Some("Dominique")), ("Dominique".to_owned(), true));
    assert_eq!(named(Some(&"x".repeat(300))).0.len(), 80);
}

#[test]
fn a_session_closes_when_nobody_writes() {
    let (mut state, rules) = (client(), rules());
    let opened = say(&mut state, &rules, "bonjour", at(0)).conversation.session.unwrap();
    let second = say(&mut state, &rules, "re", at(1000));
    assert_eq!(second.sessions, []);
    assert_eq!(second.conversation.timer_at, Some(at(1800)), "not moved by every message");

    assert!(decide_session_timer(&state, &rules, at(1799)).is_none());
    let again = decide_session_timer(&state, &rules, at(1800)).unwrap();
    commit(&mut state, &again);
    assert_eq!((again.conversation.timer_at, again.sessions.len()), (Some(at(2800)), 0));

    let closed = decide_session_timer(&state, &rules, at(2800)).unwrap();
    commit(&mut state, &closed);
    assert_eq!(closed.sessions, [SessionChange::Close(opened.id)]);
    assert_eq!(events(&closed), [EventType::SessionClosed]);
    assert!(closed.consumed.is_none() && closed.outbox.is_empty());
    assert_eq!((closed.conversation.timer_at, closed.conversation.session), (None, None));
    assert!(decide_session_timer(&state, &rules, at(9999)).is_none());
    assert!(decide_session_timer(&client(), &rules, at(0)).is_none());

    let reopened = say(&mut state, &rules, "me revoilà", at(9999)).conversation.session.unwrap();
    assert_ne!(reopened.id, opened.id);
}

#[test]
fn a_session_that_ran_out_unseen_is_replaced_by_the_next_message() {
    let (mut state, rules) = (client(), rules());
    let first = say(&mut state, &rules, "bonjour", at(0)).conversation.session.unwrap();
    let turn = say(&mut state, &rules, "bonjour", at(1800));
    let second = turn.conversation.session.clone().unwrap();
    assert_eq!(turn.sessions, [SessionChange::Close(first.id), SessionChange::Open(second.id)]);
    assert_eq!(events(&turn)[..2], [EventType::SessionClosed, EventType::SessionOpened]);
    assert_eq!(turn.conversation.timer_at, Some(at(3600)));
    assert_eq!(second, Session { id: second.id, opened_at: at(1800) });
}

#[test]
fn a_timer_that_belongs_to_nothing_goes_away() {
    let (mut state, rules) = (client(), rules());
    say(&mut state, &rules, "bonjour", at(0));
    state.conversation.as_mut().unwrap().session = None;
    let turn = decide_session_timer(&state, &rules, at(1800)).unwrap();
    assert_eq!((turn.conversation.timer_at, turn.sessions.len(), turn.events.len()), (None, 0, 0));
}

#[test]
fn a_late_turn_judges_the_session_by_when_the_message_came() {
    let (mut state, rules) = (client(), rules());
    say(&mut state, &rules, "bonjour", at(0));
    let message = inbound(&state, "encore", at(1000));
    let turn = decide(&state, &message, &rules, &(), at(5000) + TimeDelta::seconds(1));
    assert_eq!(turn.sessions, []);
    assert_eq!(turn.conversation.last_inbound_at, Some(at(1000)));
}
