//! A person puts a contact on a step of a flow.

use super::flows::with_flows;
use super::*;
use crate::domain::booking::BookingState;
use crate::domain::event::ActorType;
use crate::domain::flow::Running;

fn place(state: &State, flow: &str, step: &str, now: Timestamp) -> Result<Turn, Refused> {
    let request = Request {
        by: Requester { actor_type: ActorType::Agent, name: Some("user:awa".into()) },
        correlation: CorrelationId::fresh(),
        command: Command::Place(Placing { flow: flow.to_owned(), step: step.to_owned() }),
    };
    assert!(request.needs_agenda());
    decide_request(state, &request, &with_flows(), now).map(|turn| turn.expect("a turn"))
}

fn keep(state: &mut State, turn: &Turn) {
    commit(state, turn);
    let agenda = Arc::make_mut(&mut state.agenda);
    turn.effects.bookings.iter().for_each(|change| agenda.apply(change));
}

fn step_of(state: &State) -> Option<(String, String)> {
    let flow = state.conversation.as_ref()?.flow.as_ref()?;
    let running: Running = serde_json::from_value(flow.state.clone()).ok()?;
    Some((running.flow, running.step))
}

#[test]
fn a_contact_goes_on_where_a_person_puts_them() {
    let mut state = client();
    say(&mut state, &with_flows(), "bonjour", at(0));
    let turn = place(&state, "ride", "destination", at(10)).unwrap();
    assert_eq!(turn.outbox[0].message.body, "Où allez-vous ?");
    assert!(events(&turn).contains(&EventType::FlowStarted));
    assert!(turn.events.iter().any(|event| event.actor_type == ActorType::Agent));
    keep(&mut state, &turn);
    assert_eq!(step_of(&state), Some(("ride".into(), "destination".into())));
    let answered = say(&mut state, &with_flows(), "aéroport", at(20));
    assert_eq!(answered.outbox[0].message.body, "Maintenant, ou à quelle heure ?");
}

#[test]
fn i14_the_bot_has_the_conversation_again_and_what_was_kept_is_free() {
    let mut state = client();
    let turn = say(&mut state, &with_flows(), "rdv dans deux jours 15h", at(0));
    turn.effects.bookings.iter().for_each(|change| Arc::make_mut(&mut state.agenda).apply(change));
    assert_eq!(state.agenda.mine[0].state, BookingState::Held);
    state.conversation.as_mut().unwrap().handler = Handler::Human;
    let turn = place(&state, "ride", "pickup", at(10)).unwrap();
    assert!(events(&turn).contains(&EventType::FlowAbandoned) && events(&turn).contains(&EventType::HandedBack));
    assert!(events(&turn).contains(&EventType::BookingCancelled));
    keep(&mut state, &turn);
    assert!(state.agenda.busy.is_empty());
    assert_eq!(state.conversation.as_ref().unwrap().handler, Handler::Bot);
}

#[test]
fn i6_who_said_stop_is_put_nowhere_and_steps_that_are_not_there_are_refused() {
    let state = State { opted_out: true, ..client() };
    assert_eq!(place(&state, "ride", "pickup", at(0)).unwrap_err(), Refused::OptedOut);
    for (flow, step) in [("ride", "nowhere"), ("nothing", "pickup"), ("", "")] {
        assert_eq!(place(&client(), flow, step, at(0)).unwrap_err(), Refused::UnknownStep, "{flow}/{step}");
    }
}
