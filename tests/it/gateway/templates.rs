//! Templates, replays, windows, and endpoint failover.

use std::collections::HashMap;
use std::time::Duration;

use palabre::gateway::twilio::simulator::{Fault, Faults, InboundMessage, Policy, Rule, Simulator, SimulatorConfig};
use palabre::gateway::twilio::{Kind, TwilioAccount};
use palabre_actors::domain::message::{Generation, Outbound};
use palabre_actors::domain::send::{Found, SendErrorClass};
use palabre_actors::ports::Gateway;

use super::{ACCOUNT, PUBLIC, account, gateway, message, simulated_account, template, text};

const CONTACT: &str = "whatsapp:+33612345678";
const SENDER: &str = "whatsapp:+14155238886";
const HX: &str = "HX00000000000000000000000000000001";

fn simulator() -> Simulator {
    let simulator = Simulator::start(SimulatorConfig::new([simulated_account()])).unwrap();
    // Twilio posts nothing here; a contact's message is only noted.
    simulator.set_daemon(palabre::gateway::twilio::simulator::Daemon::at(PUBLIC));
    simulator
}

fn policy() -> Policy {
    let templates = HashMap::from([(HX.to_owned(), "Bonjour {{1}}, à {{2}} !".to_owned())]);
    Policy { window: Some(Duration::from_secs(86_400)), templates, ..Policy::default() }
}

fn writes(simulator: &Simulator, kind: Kind, from: &str, to: &str, body: &str) {
    simulator.sign(&InboundMessage::text(kind, "belle", ACCOUNT, from, to, body)).unwrap();
}

#[tokio::test]
async fn a_template_goes_by_its_id_and_without_a_body() {
    let simulator = simulator();
    simulator.set_policy(policy());
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    let message = message(CONTACT, "texte libre");
    gateway.send(template(&message, HX, &["Camille & \"co\"", "9 h"])).await.unwrap();
    let sent = simulator.sends().pop().unwrap();
    assert_eq!(sent.content_sid.as_deref(), Some(HX));
    assert_eq!(sent.content_variables.as_deref(), Some(r#"{"1":"Camille & \"co\"","2":"9 h"}"#));
    assert_eq!(sent.body, "Bonjour Camille & \"co\", à 9 h !", "what became of it, and nothing of the text");
    assert_eq!(sent.mid, Some(message.id.to_string()));

    for (request, code) in
        [(template(&message, HX, &["Camille"]), "21656"), (template(&message, "HX0", &["Camille", "9 h"]), "21655")]
    {
        let error = gateway.send(request).await.unwrap_err();
        assert_eq!((error.class, error.code.as_deref()), (SendErrorClass::Reject, Some(code)));
        assert!(!error.to_string().contains("Camille"));
    }
}

#[tokio::test]
async fn free_text_passes_within_the_window_only() {
    let simulator = simulator();
    simulator.set_policy(policy());
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    let message = message(CONTACT, "Ouvert demain");
    let closed = gateway.send(text(&message)).await.unwrap_err();
    assert_eq!((closed.class, closed.code.as_deref()), (SendErrorClass::WindowClosed, Some("63016")));
    writes(&simulator, Kind::Whatsapp, CONTACT, SENDER, "bonjour");
    gateway.send(text(&message)).await.unwrap();
    simulator.close_window(CONTACT);
    assert_eq!(gateway.send(text(&message)).await.unwrap_err().class, SendErrorClass::WindowClosed);
    gateway.send(template(&message, HX, &["Camille", "9 h"])).await.unwrap();
}

#[tokio::test]
async fn stop_and_limits_are_the_providers_own() {
    let simulator = simulator();
    simulator.set_policy(Policy { obeys_stop: true, most_per_sender: Some(2), ..Policy::default() });
    let gateway = gateway(Kind::Sms, account(&simulator.base_url()));
    let message = message("sms:+33612345678", "Ouvert demain");
    let says = |body| writes(&simulator, Kind::Sms, "+33612345678", "+14155238886", body);
    says("Stop");
    let stopped = gateway.send(text(&message)).await.unwrap_err();
    assert_eq!((stopped.class, stopped.code.as_deref()), (SendErrorClass::OptedOut, Some("21610")));
    says("STOP PLEASE");
    says("start");
    gateway.send(text(&message)).await.unwrap();
    gateway.send(text(&message)).await.unwrap();
    let limited = gateway.send(text(&message)).await.unwrap_err();
    assert_eq!(limited.class, SendErrorClass::Retry { after: Some(Duration::from_secs(3_600)) });
    assert_eq!(limited.code.as_deref(), Some("63018"));
}

fn in_another_life(message: Outbound, number: u32) -> Outbound {
    Outbound {
        generation: Generation { number, since: chrono::Utc::now(), attempts_before: 3 },
        attempts: 4,
        ..message
    }
}

#[tokio::test]
async fn the_callback_says_which_life_it_is_about() {
    let simulator = simulator();
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    let first = message(CONTACT, "x");
    let third = in_another_life(message(CONTACT, "x"), 2);
    for (message, more) in [(first, ""), (third, "&life=2")] {
        gateway.send(text(&message)).await.unwrap();
        let sent = simulator.sends().pop().unwrap();
        let callback = format!("{PUBLIC}/webhooks/twilio-whatsapp/belle/status?mid={}{more}#rc=5&rp=all", message.id);
        assert_eq!(sent.status_callback, Some(callback));
        assert_eq!(sent.mid, Some(message.id.to_string()));
    }
}

#[tokio::test]
async fn an_unknown_error_on_the_way_is_worth_one_more_try() {
    let simulator = simulator();
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    let refused = |attempts: u32, generation: Generation| {
        simulator.set_faults(Faults::of([Rule::once(Fault::Refuse { status: 400, code: 30008 })]));
        let message = Outbound { attempts, generation, ..message(CONTACT, "x") };
        async { gateway.send(text(&{ message })).await.unwrap_err().class }
    };
    let first = Generation::first(chrono::Utc::now());
    assert!(matches!(refused(1, first).await, SendErrorClass::Retry { .. }));
    assert_eq!(refused(2, first).await, SendErrorClass::Reject);
    let second = Generation { number: 1, attempts_before: 2, ..first };
    assert!(matches!(refused(3, second).await, SendErrorClass::Retry { .. }), "another life, another first try");
}

#[tokio::test]
async fn i5_whatever_fits_is_a_candidate_the_newest_first() {
    let simulator = simulator();
    simulator.set_policy(Policy { window: None, ..policy() });
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    let message = message(CONTACT, "Ouvert demain");
    let found = async |request| match gateway.find(request).await.unwrap() {
        Found::Taken(receipts) => receipts.iter().map(|r| r.provider_message_id.to_string()).collect(),
        Found::Absent => Vec::new(),
        Found::CannotTell => panic!("the list is there"),
    };
    assert_eq!(found(text(&message)).await, [""; 0]);
    let send = async |request| gateway.send(request).await.unwrap().provider_message_id.to_string();
    let one = send(text(&message)).await;
    let something_else = super::message(CONTACT, "Autre chose");
    let other = send(text(&something_else)).await;
    let two = send(text(&message)).await;
    let camille = send(template(&message, HX, &["Camille", "9 h"])).await;
    let domi = send(template(&message, HX, &["Dominique", "9 h"])).await;
    assert_eq!(found(text(&message)).await, [two.clone(), one.clone()]);
    assert_eq!(found(template(&message, HX, &["Camille", "9 h"])).await, std::slice::from_ref(&camille));
    assert_eq!(
        found(template(&message, HX, &["9 h"])).await,
        [domi.clone(), camille.clone()],
        "nothing tells them apart"
    );
    assert_eq!(found(template(&message, HX, &[])).await, [domi, camille, two, other, one], "nor anything at all");
    let later = Outbound {
        generation: Generation {
            number: 1,
            since: chrono::Utc::now() + chrono::TimeDelta::minutes(2),
            attempts_before: 1,
        },
        ..message.clone()
    };
    assert_eq!(found(text(&later)).await, [""; 0], "what an earlier life sent is not this one's");
}

#[tokio::test]
async fn what_cannot_be_connected_to_is_gone_round() {
    let (usual, backup) = (simulator(), simulator());
    let both = TwilioAccount { backup_api_base_url: Some(backup.base_url()), ..account(&usual.base_url()) };
    let gateway = gateway(Kind::Whatsapp, both);
    let message = message(CONTACT, "x");
    gateway.send(text(&message)).await.unwrap();
    assert_eq!((usual.taken(), backup.taken()), (1, 0));

    // A pooled connection that breaks leaves the outcome open: only where none can be made is the way free.
    usual.go_away();
    // (Until the last worker is gone, one that is kept alive may even be served.)
    let mut calls = 0;
    while backup.taken() == 0 {
        calls += 1;
        assert!(calls < 10, "nobody is there, and the other way is not taken");
        let before = usual.taken();
        match gateway.send(text(&message)).await {
            Ok(_) => assert_eq!(usual.taken() + backup.taken(), before + 1, "one message, one taker"),
            Err(error) => {
                assert_eq!(error.class, SendErrorClass::Unknown);
                assert_eq!(backup.taken(), 0, "an open outcome is never repeated elsewhere");
            }
        }
    }
    usual.come_back().unwrap();
    let before = usual.taken();
    gateway.send(text(&message)).await.unwrap();
    assert_eq!((usual.taken(), backup.taken()), (before, 2), "the backup stays first for a while");
    let Found::Taken(receipts) = gateway.find(text(&message)).await.unwrap() else { panic!("not found") };
    assert_eq!(receipts.len(), 2, "the backup is asked as well");
}

#[tokio::test]
async fn an_answer_of_the_usual_way_is_an_answer() {
    let (usual, backup) = (simulator(), simulator());
    let both = TwilioAccount { backup_api_base_url: Some(backup.base_url()), ..account(&usual.base_url()) };
    let gateway = gateway(Kind::Whatsapp, both);
    for fault in [Fault::ServerError(503), Fault::TakeThenReset, Fault::TooManyRequests { retry_after_secs: None }] {
        usual.set_faults(Faults::of([Rule::once(fault)]));
        gateway.send(text(&message(CONTACT, "x"))).await.unwrap_err();
    }
    assert_eq!(backup.taken(), 0);
}
