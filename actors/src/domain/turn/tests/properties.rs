//! Properties of random conversations: I6, I7, I10, and the shape of every turn.

use proptest::prelude::*;

use super::*;
use crate::domain::event::looks_personal;

const BODIES: &[&str] = &[
    "stop",
    "Arrêt !",
    "start",
    "REPRENDRE",
    "oui",
    "CONFIRMER",
    "aide",
    "horaires",
    "bonjour",
    "STOP PLEASE",
    "",
    "un bug",
];

/// One step: what is said, how many milliseconds later, and who has the conversation then.
fn step() -> impl Strategy<Value = (String, i64, bool)> {
    let body = prop_oneof![
        4 => proptest::sample::select(BODIES).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    (body, 0_i64..40_000, proptest::bool::weighted(0.1))
}

fn conversation() -> impl Strategy<Value = Vec<(String, i64, bool)>> {
    proptest::collection::vec(step(), 1..40)
}

fn play(steps: Vec<(String, i64, bool)>, seller: bool, each: impl FnMut(&State, &Turn)) {
    play_by(&rules(), steps, seller, each);
}

fn play_by(rules: &Rules, steps: Vec<(String, i64, bool)>, seller: bool, mut each: impl FnMut(&State, &Turn)) {
    let mut state = if seller { state(&format!("whatsapp:{SELLER}")) } else { client() };
    let mut now = at(0);
    for (body, later_ms, human) in steps {
        now += TimeDelta::milliseconds(later_ms);
        if let Some(conversation) = &mut state.conversation {
            conversation.handler = if human { Handler::Human } else { Handler::Bot };
        }
        if let Some(turn) = decide_session_timer(&state, rules, now) {
            each(&state, &turn);
            commit(&mut state, &turn);
        }
        let turn = decide(&state, &inbound(&state, &body, now), rules, &(), now);
        each(&state, &turn);
        commit(&mut state, &turn);
    }
}

fn silenced(before: &State, turn: &Turn) -> bool {
    match turn.consent {
        Some(ConsentChange::OptOut { .. }) => true,
        Some(ConsentChange::OptIn { .. }) => false,
        _ => before.opted_out,
    }
}

proptest! {
    #[test]
    fn i6_nothing_but_one_confirmation_goes_to_who_said_stop(steps in conversation(), seller in any::<bool>()) {
        let mut wrong = Vec::new();
        play(steps, seller, |before, turn| {
            let opts_out = matches!(turn.consent, Some(ConsentChange::OptOut { .. }));
            let opts_in = matches!(turn.consent, Some(ConsentChange::OptIn { .. }));
            let right = match (before.opted_out, opts_out, opts_in) {
                (_, true, _) => !before.opted_out && kinds(turn) == [OutboundKind::OptOutConfirmation],
                (true, _, true) => kinds(turn) == [OutboundKind::OptInConfirmation],
                (true, _, false) => turn.outbox.is_empty(),
                (false, _, _) => !kinds(turn).contains(&OutboundKind::OptOutConfirmation),
            };
            if !right {
                wrong.push(format!("{:?}", turn.consumed));
            }
        });
        prop_assert!(wrong.is_empty(), "{:?}", wrong);
    }

    #[test]
    fn i6_a_contact_is_welcomed_once_and_confirms_once(steps in conversation()) {
        let rules = Rules::new(RulesSource { double_opt_in: true, ..source() }).unwrap();
        let (mut wrong, mut welcomes, mut confirmed) = (Vec::new(), 0, 0);
        play_by(&rules, steps, false, |before, turn| {
            let confirms = matches!(turn.consent, Some(ConsentChange::Confirm { .. }));
            welcomes += kinds(turn).iter().filter(|kind| **kind == OutboundKind::Welcome).count();
            confirmed += usize::from(confirms);
            let silent = before.opted_out && !matches!(turn.consent, Some(ConsentChange::OptIn { .. }));
            if (silent && !turn.outbox.is_empty()) || (confirms && (!before.welcomed || before.opted_out)) {
                wrong.push(format!("{:?}", turn.consumed));
            }
        });
        prop_assert!(wrong.is_empty(), "{:?}", wrong);
        prop_assert!(welcomes <= 1 && confirmed <= 1);
    }

    #[test]
    fn i7_no_minute_holds_more_automatic_answers_than_allowed(steps in conversation()) {
        let mut answers = Vec::new();
        play(steps, false, |_, turn| {
            let automatic = kinds(turn).iter().any(|kind| matches!(kind, OutboundKind::Reply | OutboundKind::Help));
            if automatic {
                answers.push(turn.at);
            }
        });
        for start in &answers {
            let minute = answers.iter().filter(|at| *at >= start && **at - *start < TimeDelta::seconds(60));
            prop_assert!(minute.count() <= 3);
        }
    }

    #[test]
    fn i10_no_event_and_no_debug_text_tells_on_anyone(steps in conversation()) {
        let mut told = Vec::new();
        play(steps, false, |_, turn| {
            for event in &turn.events {
                let payload: serde_json::Value = serde_json::from_str(event.payload.as_json()).unwrap();
                let texts = payload.as_object().unwrap().values().filter_map(serde_json::Value::as_str);
                told.extend(texts.filter(|text| looks_personal(text)).map(str::to_owned));
            }
            let shown = format!("{turn:?}");
            if shown.contains("612345678") || shown.contains("bien reçu") {
                told.push(shown);
            }
        });
        prop_assert!(told.is_empty(), "{:?}", told);
    }

    #[test]
    fn every_turn_is_whole(steps in conversation(), seller in any::<bool>()) {
        let mut wrong = Vec::new();
        play(steps, seller, |before, turn| {
            let mut open = before.conversation.as_ref().and_then(|c| c.session.as_ref()).map(|s| s.id);
            for change in &turn.sessions {
                open = match change {
                    SessionChange::Close(id) if open == Some(*id) => None,
                    SessionChange::Open(id) if open.is_none() => Some(*id),
                    _ => { wrong.push("sessions"); open }
                };
            }
            let c = &turn.conversation;
            let checks = [
                ("session", open == c.session.as_ref().map(|s| s.id)),
                ("timer", c.session.is_some() == c.timer_at.is_some()),
                ("contact", before.contact.as_ref().is_none_or(|known| known.id == turn.contact.id)),
                ("conversation", before.conversation.as_ref().is_none_or(|known| known.id == c.id)),
                ("one draft", turn.outbox.len() <= 1),
                ("releases", turn.releases == turn.consumed.as_ref().is_some_and(|_| !silenced(before, turn))),
                ("texts", turn.outbox.iter().all(|d| !d.message.body.is_empty())),
                ("kept answers", c.recent_answers.len() <= 3),
                ("correlation", turn.events.iter().all(|e| e.correlation == turn.correlation)),
                ("routed", turn.consumed.is_some() == events(turn).contains(&EventType::MessageRouted)),
            ];
            wrong.extend(checks.iter().filter(|(_, holds)| !holds).map(|(what, _)| *what));
        });
        prop_assert!(wrong.is_empty(), "{:?}", wrong);
    }

    #[test]
    fn deciding_never_panics(body in any::<String>(), name in proptest::option::of(any::<String>()), opted_out in any::<bool>()) {
        let state = State { opted_out, ..client() };
        let mut message = inbound(&state, &body, at(0));
        message.content.profile_name = name;
        let _ = decide(&state, &message, &rules(), &(), at(0));
    }
}
