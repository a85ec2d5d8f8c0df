//! Tests of consent in turns: STOP, START, and the double opt-in.

use super::*;

fn asking() -> Rules {
    Rules::new(RulesSource { double_opt_in: true, ..source() }).unwrap()
}

#[test]
fn i6_only_an_explicit_start_undoes_a_stop() {
    let (mut state, rules) = (client(), asking());
    say(&mut state, &rules, "bonjour", at(0));
    say(&mut state, &rules, "stop", at(1));
    for body in ["oui", "OUI !", "yes", "confirmer", "CONFIRM", "ok", "bonjour", "STOP PLEASE", "start over"] {
        let turn = say(&mut state, &rules, body, at(2));
        assert_eq!((outcome(&turn), turn.outbox.len()), (Outcome::SilentOptedOut, 0), "{body}");
        assert!(!turn.releases, "{body}: nothing may leave");
    }
    for body in ["start", "Unstop", "REPRENDRE", "réabonnez-moi"] {
        let mut stopped = state.clone();
        let turn = say(&mut stopped, &rules, body, at(3));
        assert_eq!((outcome(&turn), stopped.opted_out, turn.releases), (Outcome::OptedIn, false, true), "{body}");
    }
}

#[test]
fn i6_a_word_that_may_be_a_start_begins_a_flow_anew_that_is_going_on() {
    let rules = super::flows::with_flows();
    for (before, word, outcome_then, text) in [
        ("rdv", "recommencer", Outcome::AnsweredFlow, "D'accord, on recommence. Quel jour vous arrange ?"),
        ("rdv", "RECOMMENCER !", Outcome::AnsweredFlow, "D'accord, on recommence. Quel jour vous arrange ?"),
        ("rdv", "start over", Outcome::AnsweredFlow, "D'accord, on recommence. Quel jour vous arrange ?"),
        ("rdv", "start", Outcome::OptedIn, ""),
        ("rdv", "reprendre", Outcome::OptedIn, ""),
        ("bonjour", "recommencer", Outcome::OptedIn, ""),
    ] {
        let mut state = client();
        say(&mut state, &rules, before, at(0));
        let turn = say(&mut state, &rules, word, at(60));
        assert_eq!(outcome(&turn), outcome_then, "{before}, {word}");
        let said = turn.outbox.first().map_or("", |draft| draft.message.body.as_str());
        assert!(text.is_empty() || said == text, "{word}: {said}");
    }
    // Who said STOP is in no flow: it is what it always was, and what the provider read as START stays one.
    let mut state = client();
    say(&mut state, &rules, "rdv", at(0));
    say(&mut state, &rules, "stop", at(10));
    assert_eq!(outcome(&say(&mut state, &rules, "start over", at(20))), Outcome::SilentOptedOut);
    assert_eq!(outcome(&say(&mut state, &rules, "recommencer", at(30))), Outcome::OptedIn);
    assert!(!state.opted_out);
    say(&mut state, &rules, "rdv", at(40));
    let mut told = inbound(&state, "recommencer", at(50));
    told.content.details.provider_consent = Some(ProviderConsent::Start);
    assert_eq!(outcome(&decide(&state, &told, &rules, &(), at(50))), Outcome::OptedIn);
    // While a person answers, no flow is begun.
    say(&mut state, &rules, "un conseiller svp", at(60));
    assert_eq!(outcome(&say(&mut state, &rules, "recommencer", at(70))), Outcome::OptedIn);
}

#[test]
fn i6_a_start_that_a_later_stop_overtook_is_no_start() {
    let rules = rules();
    let mut before = client();
    say(&mut before, &rules, "bonjour", at(0));
    // START was said at 10, STOP at 14, and the node that had the STOP reached the database first.
    for was_silent in [false, true] {
        let mut state = before.clone();
        if was_silent {
            say(&mut state, &rules, "stop", at(5));
        }
        say(&mut state, &rules, "stop", at(14));
        let late = decide(&state, &inbound(&state, "start", at(10)), &rules, &(), at(20));
        assert_eq!(outcome(&late), Outcome::SilentOptedOut);
        assert!(late.consent.is_none() && late.outbox.is_empty());
        commit(&mut state, &late);
        assert!(state.opted_out && !late.releases);
        assert_eq!(outcome(&say(&mut state, &rules, "start", at(21))), Outcome::OptedIn, "said after it");
    }
    // The other way round the STOP counts, whenever it comes.
    let mut state = before;
    say(&mut state, &rules, "start", at(14));
    let late = decide(&state, &inbound(&state, "stop", at(10)), &rules, &(), at(20));
    assert_eq!(outcome(&late), Outcome::OptedOut);
}

#[test]
fn i6_a_first_message_brings_the_welcome_once() {
    use OutboundKind::{Help, OptInConfirmation, OptOutConfirmation, Reply, Welcome};
    for (body, expected) in [
        ("bonjour", vec![Reply, Welcome]),
        ("horaires", vec![Reply, Welcome]),
        ("oui", vec![Reply, Welcome]),
        ("confirmer", vec![Reply, Welcome]),
        ("aide", vec![Help, Welcome]),
        ("start", vec![OptInConfirmation, Welcome]),
        ("stop", vec![OptOutConfirmation]),
    ] {
        let (mut state, rules) = (client(), asking());
        let turn = say(&mut state, &rules, body, at(0));
        assert_eq!(kinds(&turn), expected, "{body}");
        assert_eq!(events(&turn).contains(&EventType::Welcomed), expected.contains(&Welcome), "{body}");
        let behind: Vec<bool> =
            turn.outbox.iter().map(|d| matches!(d.start, Start::Queued { behind: true, .. })).collect();
        assert_eq!(behind, [false, true][..expected.len()], "{body}: the welcome follows the answer");
        if expected.contains(&Welcome) {
            assert_eq!(kinds(&say(&mut state, &rules, "horaires", at(100))), [Reply], "{body}: not again");
        }
    }
    let mut state = client();
    assert_eq!(kinds(&say(&mut state, &rules(), "bonjour", at(0))), [Reply], "who does not ask for it says nothing");
}

#[test]
fn i6_who_is_silent_or_sells_is_not_welcomed() {
    let rules = asking();
    let mut stopped = State { opted_out: true, ..client() };
    assert_eq!(kinds(&say(&mut stopped, &rules, "bonjour", at(0))), []);
    let mut back = State { opted_out: true, ..client() };
    let turn = say(&mut back, &rules, "start", at(0));
    assert_eq!(kinds(&turn), [OutboundKind::OptInConfirmation, OutboundKind::Welcome]);
    let mut confirmed = State { confirmed: true, ..client() };
    assert_eq!(kinds(&say(&mut confirmed, &rules, "bonjour", at(0))), [OutboundKind::Reply]);
    let mut seller = state(&format!("whatsapp:{SELLER}"));
    assert_eq!(kinds(&say(&mut seller, &rules, "bonjour", at(0))), []);
}

#[test]
fn i6_who_was_welcomed_confirms_with_a_whole_message() {
    for (body, confirms) in [
        ("CONFIRMER", true),
        ("confirm", true),
        ("Je confirme !", true),
        ("oui", true),
        ("YES", true),
        ("oui merci", false),
        ("bonjour", false),
        ("start", false),
    ] {
        let (mut state, rules) = (client(), asking());
        say(&mut state, &rules, "bonjour", at(0));
        let turn = say(&mut state, &rules, body, at(1));
        assert_eq!(state.confirmed, confirms, "{body}");
        if !confirms {
            continue;
        }
        assert_eq!(outcome(&turn), Outcome::Confirmed);
        assert_eq!(turn.consent, Some(ConsentChange::Confirm { address: state.key.address.clone() }));
        assert_eq!(events(&turn), [EventType::Confirmed, EventType::MessageRouted]);
        assert_eq!(turn.outbox.len(), 1);
        assert_eq!(
            turn.outbox[0].message.body,
            "Institut Belle : merci, c'est confirmé. Répondez STOP à tout moment pour ne plus rien recevoir."
        );
        assert!(turn.releases, "what waits for this may leave");
        let again = say(&mut state, &rules, body, at(2));
        assert_eq!((outcome(&again), &again.consent), (Outcome::AnsweredFallback, &None), "{body}: once");
    }
}

#[test]
fn i6_a_yes_counts_also_while_a_person_has_the_conversation() {
    let (mut state, rules) = (client(), asking());
    say(&mut state, &rules, "bonjour", at(0));
    state.conversation.as_mut().unwrap().handler = Handler::Human;
    assert_eq!(outcome(&say(&mut state, &rules, "oui", at(1))), Outcome::Confirmed);
    assert_eq!(outcome(&say(&mut state, &rules, "oui", at(2))), Outcome::SilentHuman);
}

#[test]
fn the_welcome_is_the_tenants_own() {
    let replies = Replies {
        welcome: Some("{{ tenant.name }} : d'accord pour nos messages ? CONFIRMER ou STOP.".into()),
        confirmed: Some("Merci {{ contact.name }} !".into()),
        ..Replies::default()
    };
    let rules = Rules::new(RulesSource { double_opt_in: true, replies, ..source() }).unwrap();
    let mut state = client();
    let first = say(&mut state, &rules, "bonjour", at(0));
    assert_eq!(first.outbox[0].message.body, "Institut Belle : d'accord pour nos messages ? CONFIRMER ou STOP.");
    assert_eq!(outcome(&first), Outcome::SilentNoRule, "there is no fallback: the welcome goes alone");
    assert_eq!(say(&mut state, &rules, "oui", at(1)).outbox[0].message.body, "Merci !");
}
