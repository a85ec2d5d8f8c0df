//! Tests: every reason has its words, its row in the handbook, and advice that fits.

use std::collections::BTreeSet;

use palabre_actors::domain::send::SendErrorClass;
use palabre_actors::domain::status::OutboxState;

use super::*;

#[test]
fn every_reason_is_told_twice_and_once_each() {
    for reason in REASONS {
        assert_ne!(in_(Language::En, reason.means), in_(Language::Fr, reason.means), "{}", reason.word);
    }
    assert_eq!(REASONS.iter().map(|reason| reason.word).collect::<BTreeSet<_>>().len(), REASONS.len());
}

#[test]
fn the_handbook_lists_every_reason_and_no_other() {
    let handbook = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/outbox.md"));
    let (_, table) = handbook.split_once("## Every reason").unwrap();
    let listed: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let ours: Vec<&str> = REASONS.iter().map(|reason| reason.word).collect();
    assert_eq!(listed.iter().collect::<BTreeSet<_>>(), ours.iter().collect::<BTreeSet<_>>());
    assert_eq!(listed.len(), ours.len(), "each once");
}

#[test]
fn the_classes_of_send_errors_are_among_them() {
    for class in [
        SendErrorClass::Retry { after: None },
        SendErrorClass::Reject,
        SendErrorClass::OptedOut,
        SendErrorClass::WindowClosed,
        SendErrorClass::Unknown,
        SendErrorClass::Misconfigured,
    ] {
        assert!(ours(class.as_str()).is_some(), "{class:?}");
    }
}

#[test]
fn codes_are_told_in_words() {
    let told = |reason| last_error(reason, Language::En);
    assert!(told("63016").contains("24-hour"));
    assert!(told("exhausted:20429").contains("too many requests"), "{}", told("exhausted:20429"));
    assert!(told("opted_out").contains("STOP"));
    assert!(told("99999").contains("99999"));
    assert_eq!(told("exhausted:503").rsplit("because ").next(), Some("the provider answered 503 (HTTP)"));
    assert!(last_error("exhausted:30003", Language::Fr).contains("injoignable"));
    assert_eq!(what_to_do("paced", &Case::default(), Language::Fr), None);
}

#[test]
fn advice_fits_the_message_at_hand() {
    let (dead, pending) = (OutboxState::Dead, OutboxState::Pending);
    let case = |fallback, state| Case::sample("belle-wa", fallback, state);
    let table = [
        ("exhausted:20003", case(None, dead), "auth_token of belle-wa", "restart, then `palabre outbox replay 0000"),
        ("20003", case(None, pending), "auth_token of belle-wa", "restart, and it goes by itself"),
        ("misconfigured", case(None, pending), "those of belle-wa", "restart, and it goes by itself"),
        ("unknown_template", case(None, dead), "[[templates]]", "restart, then `palabre outbox replay 0000"),
        ("paused", case(None, pending), "resume belle-wa`", ""),
        ("30002", case(None, pending), "resume belle-wa`", ""),
        ("63012", case(None, pending), "tried again by itself", ""),
        ("30003", case(None, OutboxState::Failed), "later: `palabre outbox replay 0000", ""),
        ("breaker_open", case(None, pending), "a fallback_channel of belle-wa would", ""),
        ("breaker_open", case(Some("belle-sms"), pending), "belle-sms cannot take it", "by itself"),
    ];
    for (reason, case, one, other) in table {
        let told = what_to_do(reason, &case, Language::En).unwrap();
        assert!(told.contains(one) && told.contains(other), "{reason}: {told}");
    }
}

#[test]
fn no_place_of_any_advice_stays_open() {
    let codes = gateway::PROVIDERS.iter().flat_map(|provider| provider.codes()).map(|code| code.code.to_owned());
    let words = REASONS.iter().map(|reason| reason.word.to_owned());
    let cases = OutboxState::ALL.iter().map(|state| Case::sample("belle-wa", Some("belle-sms"), *state));
    let cases: Vec<_> = cases.chain([Case::default()]).collect();
    for reason in codes.chain(words) {
        for (case, language) in cases.iter().flat_map(|case| [(case, Language::En), (case, Language::Fr)]) {
            let told = what_to_do(&reason, case, language).unwrap_or_default();
            assert!(!told.contains(['{', '}']), "{reason}: {told}");
        }
    }
}
