//! Sends, and their outcomes when connections fail.

use std::time::Duration;

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule, Simulator, SimulatorConfig, When};
use palabre::gateway::twilio::{Kind, TwilioAccount};
use palabre_actors::domain::message::Generation;
use palabre_actors::domain::send::{Found, SendError, SendErrorClass};
use palabre_actors::ports::Gateway;

use super::{ACCOUNT, PUBLIC, TOKEN, account, gateway, message, simulated_account, text};

const TO: &str = "whatsapp:+33612345678";
const BODY: &str = "Ouvert demain à 9 h";

fn simulator() -> Simulator {
    Simulator::start(SimulatorConfig::new([simulated_account()])).unwrap()
}

fn holds_nothing_personal(error: &SendError) {
    let text = format!("{error} {error:?}");
    for secret in ["33612345678", "14155238886", "Ouvert", TOKEN, ACCOUNT, "http", "127.0.0.1"] {
        assert!(!text.contains(secret), "{text} shows {secret}");
    }
}

#[tokio::test]
async fn a_message_arrives_as_it_was_written() {
    let simulator = simulator();
    let bodies = ["a", "a+b & c=d?%41", "é\u{1F600}\n\t\"x\"", "  spaces  ", "=&=&", "\u{202E}rtl\u{0}nul"];
    for (kind, to, wire_to, wire_from) in [
        (Kind::Whatsapp, TO, TO, "whatsapp:+14155238886"),
        (Kind::Whatsapp, "whatsapp:US.1234", "whatsapp:US.1234", "whatsapp:+14155238886"),
        (Kind::Sms, "sms:+33612345678", "+33612345678", "+14155238886"),
    ] {
        let gateway = gateway(kind, account(&simulator.base_url()));
        for body in bodies {
            let message = message(to, body);
            let receipt = gateway.send(text(&message)).await.unwrap();
            let sent = simulator.sends().pop().unwrap();
            assert_eq!(sent.sid, receipt.provider_message_id.as_str());
            assert_eq!(sent.body, body);
            assert_eq!(sent.to, wire_to);
            assert_eq!(sent.from.as_deref(), Some(wire_from));
            assert_eq!(sent.mid.as_deref(), Some(message.id.to_string().as_str()));
            let callback = format!("{PUBLIC}/webhooks/{}/belle/status?mid={}#rc=5&rp=all", kind.provider(), message.id);
            assert_eq!(sent.status_callback, Some(callback));
        }
    }
}

#[tokio::test]
async fn a_messaging_service_goes_with_every_message() {
    let simulator = simulator();
    let service = "MG00000000000000000000000000000007";
    let account = TwilioAccount { messaging_service_sid: Some(service.to_owned()), ..account(&simulator.base_url()) };
    gateway(Kind::Whatsapp, account).send(text(&message(TO, BODY))).await.unwrap();
    assert_eq!(simulator.sends()[0].messaging_service_sid.as_deref(), Some(service));
}

#[tokio::test]
async fn every_failure_has_its_class() {
    let simulator = simulator();
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    let retry = |seconds: Option<u64>| SendErrorClass::Retry { after: seconds.map(Duration::from_secs) };
    let refuse = |status, code| Fault::Refuse { status, code };
    let table = [
        (Fault::TooManyRequests { retry_after_secs: None }, retry(None), false),
        (Fault::TooManyRequests { retry_after_secs: Some(7) }, retry(Some(7)), false),
        (Fault::TooManyRequests { retry_after_secs: Some(u64::MAX) }, retry(Some(86_400)), false),
        (Fault::ServerError(500), SendErrorClass::Unknown, false),
        (Fault::ServerError(503), SendErrorClass::Unknown, false),
        (Fault::TakeThenServerError(502), SendErrorClass::Unknown, true),
        (Fault::DropBeforeReading, SendErrorClass::Unknown, false),
        (Fault::ResetBeforeTaking, SendErrorClass::Unknown, false),
        (Fault::TakeThenReset, SendErrorClass::Unknown, true),
        (Fault::TakeThenHalfAnswer, SendErrorClass::Unknown, true),
        (refuse(400, 63016), SendErrorClass::WindowClosed, false),
        (refuse(400, 21610), SendErrorClass::OptedOut, false),
        (refuse(403, 21610), SendErrorClass::OptedOut, false),
        (refuse(400, 63033), SendErrorClass::OptedOut, false),
        (refuse(400, 20003), SendErrorClass::Misconfigured, false),
        (refuse(401, 99999), SendErrorClass::Misconfigured, false),
        (refuse(403, 99999), SendErrorClass::Misconfigured, false),
        (refuse(404, 20404), SendErrorClass::Reject, false),
        (refuse(400, 21211), SendErrorClass::Reject, false),
        (refuse(400, 12345), SendErrorClass::Reject, false),
        (refuse(400, 63012), retry(None), false),
        (refuse(400, 63018), retry(Some(3_600)), false),
        (refuse(302, 99999), SendErrorClass::Misconfigured, false),
    ];
    for (fault, class, taken) in table {
        let before = simulator.taken();
        simulator.set_faults(Faults::of([Rule::once(fault.clone())]));
        let error = gateway.send(text(&message(TO, BODY))).await.unwrap_err();
        assert_eq!(error.class, class, "{fault:?}");
        assert_eq!(simulator.taken() > before, taken, "{fault:?}");
        holds_nothing_personal(&error);
        // The next one passes: no fault outlives its request.
        gateway.send(text(&message(TO, BODY))).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_there_means_surely_not_sent() {
    let simulator = simulator();
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    gateway.send(text(&message(TO, BODY))).await.unwrap();
    simulator.go_away();
    // The pool may have a connection left that it has not seen closed: its fate is unknown. Then none is left.
    let mut classes = Vec::new();
    for _ in 0..3 {
        let error = gateway.send(text(&message(TO, BODY))).await.unwrap_err();
        holds_nothing_personal(&error);
        classes.push(error.class);
    }
    assert_eq!(classes.last(), Some(&SendErrorClass::Retry { after: None }));
    assert!(gateway.find(text(&message(TO, BODY))).await.is_err());
    simulator.come_back().unwrap();
    gateway.send(text(&message(TO, BODY))).await.unwrap();
}

#[tokio::test]
async fn no_answer_in_time_leaves_the_outcome_open() {
    let simulator = simulator();
    let hasty = TwilioAccount { timeout: Duration::from_millis(200), ..account(&simulator.base_url()) };
    let gateway = gateway(Kind::Whatsapp, hasty);
    simulator.set_faults(Faults::of([Rule::slow(Duration::from_secs(60)).when(When::BodyContains("slow".into()))]));
    let error = gateway.send(text(&message(TO, "slow"))).await.unwrap_err();
    assert_eq!(error.class, SendErrorClass::Unknown);
    holds_nothing_personal(&error);
    gateway.send(text(&message(TO, BODY))).await.unwrap();
}

#[tokio::test]
async fn wrong_credentials_are_our_own_fault() {
    let simulator = simulator();
    let stranger =
        TwilioAccount { auth_token: secrecy::SecretString::from("another"), ..account(&simulator.base_url()) };
    let gateway = gateway(Kind::Whatsapp, stranger);
    let error = gateway.send(text(&message(TO, BODY))).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (SendErrorClass::Misconfigured, Some("20003")));
    let error = gateway.find(text(&message(TO, BODY))).await.unwrap_err();
    assert_eq!(error.class, SendErrorClass::Misconfigured);
    assert_eq!(simulator.taken(), 0);
}

#[tokio::test]
async fn an_unknown_outcome_can_be_asked_about() {
    let simulator = simulator();
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    gateway.send(text(&message("whatsapp:+33600000001", BODY))).await.unwrap();

    simulator.set_faults(Faults::of([Rule::once(Fault::TakeThenReset), Rule::once(Fault::ResetBeforeTaking)]));
    let taken = message(TO, BODY);
    assert_eq!(gateway.send(text(&taken)).await.unwrap_err().class, SendErrorClass::Unknown);
    let sid = simulator.sends().pop().unwrap().sid;
    let Found::Taken(receipts) = gateway.find(text(&taken)).await.unwrap() else { panic!("not found") };
    assert_eq!(receipts[0].provider_message_id.as_str(), sid);

    let lost = message(TO, "another text");
    assert_eq!(gateway.send(text(&lost)).await.unwrap_err().class, SendErrorClass::Unknown);
    assert_eq!(gateway.find(text(&lost)).await.unwrap(), Found::Absent);

    // The same text again, much later: the earlier message is not it.
    let mut later = message(TO, BODY);
    later.generation = Generation::first(later.created_at + chrono::TimeDelta::minutes(5));
    assert_eq!(gateway.find(text(&later)).await.unwrap(), Found::Absent);
}

#[tokio::test]
async fn the_newest_of_the_same_text_is_meant() {
    let simulator = simulator();
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    let message = message(TO, BODY);
    for _ in 0..2 {
        gateway.send(text(&message)).await.unwrap();
    }
    let sends = simulator.sends();
    // RFC 2822 counts in seconds: two within the same one cannot be told apart, and the list has the newest first.
    let Found::Taken(receipts) = gateway.find(text(&message)).await.unwrap() else { panic!("not found") };
    assert_eq!(receipts[0].provider_message_id.as_str(), sends[1].sid);
}

#[tokio::test]
async fn a_list_that_is_not_there_tells_nothing() {
    let simulator = simulator();
    let gateway = gateway(Kind::Whatsapp, account(&simulator.base_url()));
    for (status, told) in [(403, true), (404, true), (405, true), (200, true), (302, true), (429, false), (500, false)]
    {
        simulator.set_faults(Faults { list_status: Some(status), ..Faults::none() });
        match gateway.find(text(&message(TO, BODY))).await {
            Ok(found) => assert!(told && found == Found::CannotTell, "{status}: {found:?}"),
            Err(error) => {
                assert!(!told && matches!(error.class, SendErrorClass::Retry { .. }), "{status}: {error}");
                holds_nothing_personal(&error);
            }
        }
    }
}
