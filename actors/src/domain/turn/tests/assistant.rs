//! The assistant within turns: when it is asked, and what its reply changes.

use super::*;
use crate::domain::assistant::{AssistantKnowledge, AssistantReply, AssistantSilence};
use crate::domain::rules::AssistantPolicy;

fn with_assistant() -> Rules {
    rules().with_assistant(AssistantPolicy { person: Some("Awa".into()) })
}

fn told(state: &State, reply: AssistantReply) -> State {
    let prepared = Prepared { assistant: AssistantKnowledge::Told(reply), ..state.prepared.clone() };
    State { prepared, ..state.clone() }
}

fn bodies(turn: &Turn) -> Vec<&str> {
    turn.outbox.iter().map(|draft| draft.message.body.as_str()).collect()
}

#[test]
fn it_is_asked_only_for_what_no_rule_before_it_answers() {
    for (text, asked) in [
        ("le soin convient-il enceinte", true),
        ("horaires", false),
        ("STOP", false),
        ("AIDE", false),
        ("👍", false),
        ("", false),
    ] {
        let turn = decide(&client(), &inbound(&client(), text, at(0)), &with_assistant(), &(), at(0));
        assert_eq!(matches!(turn.lookup, Some(Lookup::Assistant(_))), asked, "{text}");
    }
    let human = {
        let mut state = client();
        say(&mut state, &rules(), "bonjour", at(0));
        let mut conversation = state.conversation.clone().unwrap();
        conversation.handler = Handler::Human;
        State { conversation: Some(conversation), ..state }
    };
    let turn = decide(&human, &inbound(&human, "et enceinte", at(9)), &with_assistant(), &(), at(9));
    assert_eq!((turn.lookup.clone(), outcome(&turn)), (None, Outcome::SilentHuman), "I14");
}

#[test]
fn it_is_told_the_message_and_the_faq_and_nothing_of_the_contact() {
    let mut state = client();
    state.contact = Some(crate::domain::conversation::Contact { id: ContactId::fresh(), name: Some("Nadia".into()) });
    let turn = decide(&state, &inbound(&state, "le soin convient-il", at(0)), &with_assistant(), &(), at(0));
    let Some(Lookup::Assistant(question)) = turn.lookup else { panic!("not asked") };
    assert_eq!(question.text, "le soin convient-il");
    assert_eq!(question.faq[0], ("?".to_owned(), "De 9 h à 19 h.".to_owned()));
    let all = format!("{}{:?}{}", question.text, question.faq, question.tenant_name);
    assert!(!all.contains("Nadia") && !all.contains("33612345678"));
}

#[test]
fn it_says_what_it_is_at_first_and_once() {
    let mut state = client();
    let answer = AssistantReply::Answer("Oui, sans huiles essentielles.".into());
    let first = told(&state, answer.clone());
    let turn = decide(&first, &inbound(&first, "enceinte", at(0)), &with_assistant(), &(), at(0));
    assert_eq!(outcome(&turn), Outcome::AnsweredAssistant);
    assert_eq!(bodies(&turn), ["Je suis l'assistant automatique d'Institut Belle. Oui, sans huiles essentielles."]);
    commit(&mut state, &turn);
    let again = told(&state, answer);
    let turn = decide(&again, &inbound(&again, "enceinte", at(9)), &with_assistant(), &(), at(9));
    assert_eq!(bodies(&turn), ["Oui, sans huiles essentielles."]);
    let routed = turn.events.last().unwrap().payload.as_json();
    assert_eq!(routed, r#"{"role":"client","outcome":"answered_assistant","rule":"assistant"}"#);
}

#[test]
fn what_it_does_not_know_is_a_persons() {
    let state = told(&client(), AssistantReply::HandOver);
    let turn = decide(&state, &inbound(&state, "enceinte", at(0)), &with_assistant(), &(), at(0));
    assert_eq!((outcome(&turn), bodies(&turn)), (Outcome::Escalated, vec!["Je ne sais pas, je demande à Awa."]));
    assert_eq!(turn.conversation.handler, Handler::Human);
    assert!(events(&turn).contains(&EventType::HandedOver));
}

#[test]
fn when_it_is_silent_the_rules_answer_and_the_history_says_why() {
    for why in AssistantSilence::ALL {
        let state = told(&client(), AssistantReply::Silent(*why));
        let turn = decide(&state, &inbound(&state, "enceinte", at(0)), &with_assistant(), &(), at(0));
        assert_eq!((outcome(&turn), bodies(&turn)), (Outcome::AnsweredFallback, vec!["Merci, bien reçu."]), "{why}");
        let routed = turn.events.last().unwrap().payload.as_json();
        assert!(routed.ends_with(&format!(r#""rule":"fallback","assistant":"{why}"}}"#)), "{routed}");
    }
}

#[test]
fn i7_it_is_not_asked_for_an_answer_that_is_one_too_many() {
    let mut state = client();
    for second in 0..3 {
        say(&mut state, &rules(), "horaires", at(second));
    }
    let turn = decide(&state, &inbound(&state, "enceinte", at(4)), &with_assistant(), &(), at(4));
    assert_eq!((turn.lookup.clone(), outcome(&turn)), (None, Outcome::RateLimited));
}
