//! Turns in which a person is called, and those in which a person answers.

use super::*;
use crate::domain::event::ActorType;
use crate::domain::faq::FaqEntry;
use crate::domain::hours::{Hours, OpenSpan};
use crate::domain::rules::{BotText, Escalation};
use crate::domain::timer::{TimerChange, TimerKind};

fn escalating() -> Rules {
    let escalation = Escalation {
        enabled: true,
        on_negative_mood: true,
        after_misses: Some(3),
        hand_back_after: Some(Duration::from_secs(3600)),
        notifies: true,
        unread_after: Some(Duration::from_secs(900)),
        ..Escalation::default()
    };
    let source = RulesSource { per_contact_per_minute: 100, ..source() };
    Rules::new(source).unwrap().with_escalation(escalation.with_keywords(&["conseillère".to_owned()]))
}

fn timers(turn: &Turn) -> Vec<TimerKind> {
    let set = turn.timers.iter().filter_map(|change| match change {
        TimerChange::Set(timer) => Some(timer.kind),
        _ => None,
    });
    set.collect()
}

fn reason(turn: &Turn) -> String {
    let escalated = turn.events.iter().find(|event| event.event_type == EventType::Escalated).unwrap();
    escalated.payload.as_json().to_owned()
}

#[test]
fn who_asks_for_a_person_or_is_angry_gets_one_and_the_bot_is_silent() {
    for (body, why) in [
        ("je veux parler à quelqu'un", "asked"),
        ("la conseillère svp", "asked"),
        ("can I talk to a real person", "asked"),
        ("c'est nul ça fait 3 fois que je demande", "mood"),
    ] {
        let (mut state, rules) = (client(), escalating());
        let turn = say(&mut state, &rules, body, at(0));
        assert_eq!((outcome(&turn), turn.conversation.handler), (Outcome::Escalated, Handler::Human), "{body}");
        assert_eq!(reason(&turn), format!(r#"{{"reason":"{why}"}}"#));
        assert_eq!(turn.outbox.len(), 1, "the customer is told once");
        assert_eq!(timers(&turn), [TimerKind::HandBack, TimerKind::Notify]);
        let after = say(&mut state, &rules, "horaires", at(1));
        assert_eq!((outcome(&after), after.outbox.len()), (Outcome::SilentHuman, 0));
        let stop = say(&mut state, &rules, "STOP", at(2));
        assert_eq!(outcome(&stop), Outcome::OptedOut, "a STOP still wins");
    }
    let (mut state, rules) = (client(), escalating());
    assert_eq!(outcome(&say(&mut state, &rules, "c'est pas nul du tout, merci !", at(0))), Outcome::AnsweredFallback);
    let (mut state, nobody) = (client(), rules_without());
    assert_eq!(outcome(&say(&mut state, &nobody, "je veux parler à quelqu'un", at(0))), Outcome::AnsweredFallback);
}

fn rules_without() -> Rules {
    Rules::new(source()).unwrap()
}

#[test]
fn a_person_is_called_after_misses_in_a_row() {
    let (mut state, rules) = (client(), escalating());
    let said = ["le truc là", "horaires", "le machin", "comme l'autre fois", "bah comme d'hab"];
    let outcomes: Vec<Outcome> =
        (0_i64..).zip(said).map(|(n, body)| outcome(&say(&mut state, &rules, body, at(n)))).collect();
    use Outcome::{AnsweredFallback, AnsweredFaq, Escalated};
    assert_eq!(outcomes, [AnsweredFallback, AnsweredFaq, AnsweredFallback, AnsweredFallback, Escalated]);
}

#[test]
fn the_people_are_told_once_of_a_customer_who_waits() {
    let (mut state, rules) = (client(), escalating());
    say(&mut state, &rules, "un humain", at(0));
    assert_eq!(timers(&say(&mut state, &rules, "allo", at(10))), [TimerKind::Notify]);
    assert_eq!(timers(&say(&mut state, &rules, "allo ?", at(20))), []);
    assert_eq!(timers(&say(&mut state, &rules, "toujours là ?", at(911))), [TimerKind::Notify]);
}

#[test]
fn who_seems_to_want_no_more_messages_is_asked() {
    let (mut state, rules) = (client(), escalating());
    let turn = say(&mut state, &rules, "arrêtez de m'envoyer des messages", at(0));
    assert_eq!((outcome(&turn), timers(&turn)), (Outcome::AskedToStop, vec![TimerKind::Notify]));
    assert!(turn.outbox[0].message.body.contains("STOP"));
    assert_eq!((turn.conversation.handler, turn.effects.labels), (Handler::Bot, vec!["stop ?"]), "marked for a person");
    assert_eq!(outcome(&say(&mut state, &rules, "Stop", at(1))), Outcome::OptedOut);
}

#[test]
fn what_has_no_words_is_answered_once_in_a_session() {
    let (mut state, rules) = (client(), rules_without());
    let mut send = |content_type: Option<&str>, body: &str, now| {
        let media = content_type.map(|kind| Media {
            url: "https://example.com".into(),
            content_type: kind.into(),
            ..Media::default()
        });
        let details = Details { media: media.into_iter().collect(), ..Details::default() };
        let content = Content { body: body.into(), details, ..Content::default() };
        let message = Inbound { content, ..inbound(&state, "", now) };
        let turn = decide(&state, &message, &rules, &(), now);
        commit(&mut state, &turn);
        outcome(&turn)
    };
    use Outcome::{AnsweredFaq, AnsweredNoText, SilentNoText};
    assert_eq!(send(Some("audio/ogg"), "", at(0)), AnsweredNoText);
    assert_eq!(send(Some("audio/ogg"), "", at(1)), SilentNoText);
    assert_eq!(send(Some("image/jpeg"), "", at(2)), AnsweredNoText);
    assert_eq!(send(Some("image/jpeg"), "vos horaires ?", at(3)), AnsweredFaq);
    assert_eq!(send(None, "👍", at(64)), AnsweredNoText, "once a minute has passed");
    assert_eq!(send(None, "❤️", at(65)), SilentNoText);
    assert_eq!(send(Some("audio/ogg"), "", at(4000)), AnsweredNoText, "another session");
}

#[test]
fn a_menu_is_offered_and_picked_from() {
    let entry = |id: &str, question: &str, keywords: &[&str], answer: &str| FaqEntry {
        id: id.into(),
        question: question.into(),
        keywords: keywords.iter().map(ToString::to_string).collect(),
        answer: answer.into(),
        ..FaqEntry::default()
    };
    let faq = vec![
        entry("a", "Le massage duo ?", &["massage"], "Duo : 120 €."),
        entry("b", "Le massage tonique ?", &["massage"], "Tonique : 75 €."),
    ];
    let rules = Rules::new(RulesSource { faq, per_contact_per_minute: 100, ..source() }).unwrap();
    for (pick, answer) in [("2", "Tonique : 75 €."), ("le duo", "Duo : 120 €.")] {
        let mut state = client();
        let menu = say(&mut state, &rules, "massage", at(0));
        assert_eq!(outcome(&menu), Outcome::OfferedFaq);
        assert_eq!(menu.outbox[0].message.body, "Vous vouliez dire :\n1 Le massage duo ?\n2 Le massage tonique ?");
        let picked = say(&mut state, &rules, pick, at(1));
        assert_eq!((outcome(&picked), picked.outbox[0].message.body.as_str()), (Outcome::AnsweredFaq, answer));
        assert_eq!(picked.conversation.memory, None, "a menu is picked from once");
        assert_eq!(outcome(&say(&mut state, &rules, "2", at(2))), Outcome::AnsweredFallback);
    }
}

#[test]
fn two_questions_are_answered_in_one_message() {
    let faq = vec![
        FaqEntry {
            id: "h".into(),
            question: "Horaires ?".into(),
            keywords: vec!["horaires".into()],
            answer: "9 h.".into(),
            ..FaqEntry::default()
        },
        FaqEntry {
            id: "p".into(),
            question: "Prix ?".into(),
            keywords: vec!["prix".into()],
            answer: "10 €.".into(),
            ..FaqEntry::default()
        },
    ];
    let rules = Rules::new(RulesSource { faq, ..source() }).unwrap();
    let turn = say(&mut client(), &rules, "c'est combien ? et vos horaires ?", at(0));
    assert_eq!((outcome(&turn), turn.outbox.len()), (Outcome::AnsweredFaq, 1));
    assert_eq!(turn.outbox[0].message.body, "10 €.\n\n9 h.");
    let routed = turn.events.last().unwrap().payload.as_json().to_owned();
    assert!(routed.ends_with(r#""entry":"p","second_entry":"h"}"#), "{routed}");
}

#[test]
fn the_closed_reply_comes_once_in_each_closure() {
    // 2027-01-15, a Friday, 08:00 UTC.
    let mut hours = Hours::default();
    hours.week[4] = vec![OpenSpan { from: 10 * 60, until: 12 * 60 }];
    hours.week[5] = vec![OpenSpan { from: 10 * 60, until: 12 * 60 }];
    let replies = Replies { bot: vec![(BotText::Closed, "Fermé.".into())], ..source().replies };
    let rules = Rules::new(RulesSource { replies, per_contact_per_minute: 100, ..source() })
        .unwrap()
        .with_hours(hours, chrono_tz::Tz::UTC);
    let mut state = client();
    let hour = |hours: i64| at(hours * 3600);
    use Outcome::{AnsweredClosed, AnsweredFallback, AnsweredFaq};
    for (now, body, expected) in [
        (hour(0), "le truc", AnsweredClosed),
        (hour(0), "encore le truc", AnsweredFallback),
        (hour(0), "horaires", AnsweredFaq),
        (hour(3), "le truc", AnsweredFallback),
        (hour(5), "le truc", AnsweredClosed),
        (hour(6), "le truc", AnsweredFallback),
    ] {
        assert_eq!(outcome(&say(&mut state, &rules, body, now)), expected, "{now} {body}");
    }
}

/// A person of the tenant asks for this. `None`: it is so already.
fn ask(state: &mut State, rules: &Rules, command: Command, now: Timestamp) -> Option<Turn> {
    let by = Requester { actor_type: ActorType::Agent, name: Some("user:awa".into()) };
    let request = Request { by, correlation: CorrelationId::fresh(), command };
    let turn = decide_request(state, &request, rules, now).unwrap()?;
    commit(state, &turn);
    Some(turn)
}

#[test]
fn i14_who_is_blocked_gets_no_answer_and_calls_nobody_but_their_stop_is_heard() {
    let (mut state, rules) = (client(), escalating());
    say(&mut state, &rules, "un humain", at(0));
    let blocked = ask(&mut state, &rules, Command::Block, at(1)).expect("it changes something");
    assert_eq!(
        (blocked.conversation.status, events(&blocked)),
        (ConversationStatus::Resolved, vec![EventType::Blocked])
    );
    assert!(blocked.timers.contains(&TimerChange::CancelAll(TimerKind::Notify)), "nobody is told of what they wrote");
    assert!(ask(&mut state, &rules, Command::Block, at(2)).is_none(), "it is so already");
    for body in ["horaires", "un humain", "c'est nul ça fait 3 fois que je demande"] {
        let turn = say(&mut state, &rules, body, at(3));
        assert_eq!((outcome(&turn), turn.outbox.len(), timers(&turn)), (Outcome::SilentBlocked, 0, vec![]), "{body}");
        assert_eq!(turn.conversation.status, ConversationStatus::Resolved, "{body}: it stays out of the way");
    }
    let lifted = ask(&mut state, &rules, Command::Unblock, at(4)).expect("it changes something");
    assert_eq!(lifted.conversation.status, ConversationStatus::InProgress);
    assert!(ask(&mut state, &rules, Command::Unblock, at(5)).is_none());
    ask(&mut state, &rules, Command::HandBack, at(5)).expect("a person had it");
    assert_eq!(outcome(&say(&mut state, &rules, "horaires", at(6))), Outcome::AnsweredFaq);

    ask(&mut state, &rules, Command::Block, at(7)).expect("again");
    let taken =
        ask(&mut state, &rules, Command::HandOver { hand_back_at: None }, at(8)).expect("a person answers them");
    assert_eq!(events(&taken), [EventType::Unblocked, EventType::HandedOver]);
    assert_eq!(outcome(&say(&mut state, &rules, "allo", at(9))), Outcome::SilentHuman);
    ask(&mut state, &rules, Command::Block, at(10)).expect("once more");
    assert_eq!(outcome(&say(&mut state, &rules, "STOP", at(11))), Outcome::OptedOut, "I6");
}
