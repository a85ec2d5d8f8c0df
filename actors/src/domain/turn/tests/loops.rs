//! Tests of the silence to robots.

use super::*;
use crate::domain::event::ActorType;

/// A policy whose numbers are small enough for a table; nothing else bounds the answers.
fn rules() -> Rules {
    let loops = LoopPolicy { same_words: 3, turns: 6, ..LoopPolicy::default() };
    Rules::new(RulesSource { loops: Some(loops), per_contact_per_minute: 1_000, ..source() }).unwrap()
}

#[test]
fn an_echo_is_answered_a_few_times_and_then_no_more() {
    let (rules, mut state) = (rules(), client());
    let turns: Vec<_> = (0..20).map(|n| say(&mut state, &rules, "Je suis absent.", at(n * 5))).collect();
    let outcomes: Vec<_> = turns.iter().map(outcome).collect();
    assert_eq!(outcomes[..3], [Outcome::AnsweredFallback; 3]);
    assert_eq!(outcomes[3..], [Outcome::SilentLoop; 17]);
    assert!(turns[3..].iter().all(|turn| turn.outbox.is_empty()));
    let noted = turns.iter().filter(|turn| events(turn).contains(&EventType::SilentLoop)).count();
    assert_eq!(noted, 1, "the event is written once");
    // Case and signs do not make other words; other words do.
    assert_eq!(outcome(&say(&mut state, &rules, "JE SUIS ABSENT !", at(101))), Outcome::SilentLoop);
    assert_eq!(outcome(&say(&mut state, &rules, "Quels sont vos horaires ?", at(104))), Outcome::AnsweredFaq);
}

#[test]
fn ping_pong_ends_and_a_pause_begins_anew() {
    let (rules, mut state) = (rules(), client());
    let outcomes: Vec<_> =
        (0..20).map(|n| outcome(&say(&mut state, &rules, &format!("Ticket {n} pris en compte"), at(n * 5)))).collect();
    assert_eq!(outcomes.iter().filter(|it| **it == Outcome::AnsweredFallback).count(), 7);
    assert_eq!(outcomes[7..], [Outcome::SilentLoop; 13]);
    assert_eq!(outcome(&say(&mut state, &rules, "Bonjour", at(100 + 3_601))), Outcome::AnsweredFallback);
}

#[test]
fn i6_consent_words_count_in_a_loop() {
    let (rules, mut state) = (rules(), client());
    for n in 0..10 {
        say(&mut state, &rules, "Je suis absent.", at(n * 5));
    }
    assert_eq!(outcome(&say(&mut state, &rules, "STOP", at(51))), Outcome::OptedOut);
    assert_eq!(outcome(&say(&mut state, &rules, "Je suis absent.", at(52))), Outcome::SilentOptedOut);
}

#[test]
fn a_person_who_looks_ends_the_silence() {
    let by = Requester { actor_type: ActorType::Agent, name: None };
    for commands in [vec![Command::Resolve], vec![Command::HandOver { hand_back_at: None }, Command::HandBack]] {
        let (rules, mut state) = (rules(), client());
        for n in 0..10 {
            say(&mut state, &rules, "Je suis absent.", at(n * 5));
        }
        for command in commands {
            let request = Request { by: by.clone(), correlation: CorrelationId::fresh(), command };
            let turn = decide_request(&state, &request, &rules, at(60)).unwrap().expect("it changes something");
            commit(&mut state, &turn);
        }
        assert_eq!(outcome(&say(&mut state, &rules, "Je suis absent.", at(61))), Outcome::AnsweredFallback);
    }
}

#[test]
fn it_can_be_switched_off() {
    let rules = Rules::new(RulesSource { loops: None, per_contact_per_minute: 1_000, ..source() }).unwrap();
    let mut state = client();
    for n in 0..50 {
        assert_eq!(outcome(&say(&mut state, &rules, "Je suis absent.", at(n))), Outcome::AnsweredFallback);
    }
}
