//! Tests of the check of histories: what it finds, and what it must accept.

use super::*;

/// Writes another history of a row, which ends in the given state.
fn rewritten(evidence: &mut Evidence, number: usize, state: &str, history: &[(&str, &str, &str)]) {
    let id = format!("out-{number}");
    evidence.dump.events.retain(|event| event.entity_id.as_ref() != Some(&id));
    for (word, actor, payload) in history {
        let event = event(&id, "message_out", &format!("message_{word}"), actor, moment(11_000));
        evidence.dump.events.push(event_log::Model { payload: (*payload).to_owned(), ..event });
    }
    outbound(evidence, number).state = state.into();
}

const WHY: &str = r#"{"reason":"why","attempt":1}"#;
const GATE: &str = r#"{"reason":"breaker_open"}"#;

#[test]
fn i8_histories_that_lead_elsewhere_or_back_are_caught() {
    let check = "forward";
    let news = |evidence: &mut Evidence, word: &str, actor: &str| {
        evidence.dump.events.push(event("out-0", "message_out", word, actor, moment(70_000)));
    };
    for (word, actor) in [
        ("message_sent", "system"),
        ("message_suppressed", "system"),
        ("message_dead", "system"),
        ("message_postponed", "system"),
        ("message_claimed", "system"),
        ("message_replayed", "system"),
        ("message_requeued", "system"),
        ("message_released", "system"),
        ("message_cancelled", "system"),
        ("message_queued", "system"),
        ("message_eaten", "system"),
        ("message_eaten", "provider"),
        ("message_read", "provider"),
    ] {
        caught_by(check, |evidence| news(evidence, word, actor));
    }
    caught_by(check, |evidence| outbound(evidence, 0).state = "sent".into());
    caught_by(check, |evidence| evidence.dump.events.retain(|event| event.entity_id.as_deref() != Some("out-0")));
    caught_by(check, |evidence| _ = evidence.dump.outbound.remove(0));
}

#[test]
fn i8_steps_that_the_state_machine_does_not_know_are_caught() {
    let breaches: [&[(&str, &str, &str)]; 7] = [
        // Two claims, and nothing between them that was told before.
        &[("claimed", "system", WHY), ("claimed", "system", WHY), ("sent", "system", WHY)],
        &[
            ("claimed", "system", WHY),
            ("postponed", "system", WHY),
            ("claimed", "system", WHY),
            ("claimed", "system", WHY),
        ],
        // What nobody knows is asked about, not claimed; what waits for the contact is released first.
        &[("unknown", "system", WHY), ("claimed", "system", WHY), ("sent", "system", WHY)],
        &[
            ("unknown", "system", WHY),
            ("deferred", "system", WHY),
            ("released", "system", WHY),
            ("sent", "system", WHY),
        ],
        &[("deferred", "system", WHY), ("claimed", "system", WHY), ("sent", "system", WHY)],
        &[("postponed", "system", WHY), ("released", "system", WHY), ("sent", "system", WHY)],
        // What the provider has is not sent again, not even by a person.
        &[("sent", "system", WHY), ("replayed", "system", WHY), ("sent", "system", WHY)],
    ];
    for history in breaches {
        caught_by("forward", |evidence| rewritten(evidence, 0, "sent", history));
    }
}

#[test]
fn i11_events_without_a_reason_and_ends_that_no_event_explains_are_caught() {
    for payload in ["{}", r#"{"reason":""}"#, "nonsense"] {
        caught_by("forward", |evidence| rewritten(evidence, 0, "sent", &[("sent", "system", payload)]));
    }
    caught_by("forward", |evidence| {
        rewritten(evidence, 0, "dead", &[("dead", "system", WHY)]);
        outbound(evidence, 0).last_error = Some("another".into());
    });
    caught_by("forward", |evidence| {
        rewritten(evidence, 0, "failed", &[("sent", "system", WHY), ("failed", "provider", r#"{"code":"30003"}"#)]);
        outbound(evidence, 0).last_error = None;
    });
}

#[test]
fn i8_late_callbacks_and_full_histories_hold() {
    let mut evidence = sound();
    for word in ["message_sent", "message_failed", "message_delivered"] {
        evidence.dump.events.push(event("out-0", "message_out", word, "provider", moment(70_000)));
    }
    // Ids order it: claims and postponements before the receipt.
    let asked_about = [
        ("queued", "system", "{}"),
        ("claimed", "system", WHY),
        ("unknown", "system", WHY),
        ("unknown", "system", WHY),
        ("postponed", "system", WHY),
        ("claimed", "system", WHY),
        ("sent", "system", WHY),
        ("delivered", "provider", "{}"),
    ];
    rewritten(&mut evidence, 1, "delivered", &asked_about);
    // A check that fails again and again is told once; the callback comes before the receipt.
    let waits = [
        ("postponed", "system", GATE),
        ("claimed", "system", WHY),
        ("claimed", "system", WHY),
        ("deferred", "system", GATE),
        ("released", "system", WHY),
        ("claimed", "system", WHY),
        ("failed", "provider", r#"{"code":"30003"}"#),
        ("sent", "system", WHY),
    ];
    rewritten(&mut evidence, 5, "failed", &waits);
    outbound(&mut evidence, 5).last_error = Some("30003".into());
    // What failed late comes back, as often as it may; news of the life before come late.
    let requeued = [
        ("claimed", "system", WHY),
        ("failed", "provider", r#"{"code":"30001"}"#),
        ("requeued", "system", r#"{"reason":"30001","life":1,"wait_seconds":30}"#),
        ("sent", "system", r#"{"reason":"earlier_life","attempt":1}"#),
        ("failed", "provider", r#"{"code":"30001","reason":"earlier_life"}"#),
        ("claimed", "system", WHY),
        ("sent", "system", WHY),
        ("failed", "provider", r#"{"code":"63016"}"#),
        ("requeued", "system", r#"{"reason":"63016","life":2,"wait_seconds":0}"#),
        ("deferred", "system", r#"{"reason":"63016"}"#),
        ("released", "system", WHY),
        ("claimed", "system", WHY),
        ("sent", "system", WHY),
        ("delivered", "provider", "{}"),
    ];
    rewritten(&mut evidence, 2, "delivered", &requeued);
    assert_eq!(failing(&evidence), Vec::<&str>::new());
}
