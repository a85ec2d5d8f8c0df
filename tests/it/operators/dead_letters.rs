//! Dead letters: found, explained, replayed, cancelled.

use palabre::gateway::twilio::simulator::{Fault, Faults, Rule, When};
use serde_json::json;

use super::*;
use crate::daemon::moment;

/// From now on Twilio refuses texts with this in them, for good.
fn refuse(office: &Office, part: &str) {
    let rule = Rule::always(Fault::Refuse { status: 400, code: 21408 });
    office.world.twilio.set_faults(Faults::of([rule.when(When::BodyContains(part.to_owned()))]));
}

#[tokio::test]
async fn a_dead_letter_is_found_told_replayed_and_arrives_once() {
    let office = Office::open();
    refuse(&office, "RDV");
    let by_api = office.send("sms:+33612345678", "RDV à 9 h").await;
    let by_command = office.send("sms:+33687654321", "RDV à 10 h").await;
    for id in [&by_api, &by_command] {
        office.until_state(id, "dead").await;
    }

    let (_, page) = office.get(CRM, "/api/v1/outbox?state=dead&reason=21408").await;
    let found: Vec<_> = page["messages"].as_array().expect("a list").iter().map(|m| m["id"].clone()).collect();
    assert_eq!(found, [json!(by_command), json!(by_api)], "the newest first");
    assert_eq!(page["messages"][0]["to"], "sms:+336…21", "i10");
    let (_, counts) = office.get(CRM, "/api/v1/outbox/counts").await;
    assert_eq!((&counts["total"], &counts["counts"][0]["reason"]), (&json!(2), &json!("21408")));
    let listed = office.palabre_ok(&["outbox", "list"]);
    assert!(listed.contains(&by_api) && listed.contains("21408") && !listed.contains(ANNE), "{listed}");
    let shown = office.palabre_ok(&["outbox", "show", &by_command]);
    assert!(shown.contains("dead") && shown.contains("21408") && !shown.contains("RDV"), "{shown}");

    office.world.twilio.set_faults(Faults::none());
    let replay = format!("/api/v1/outbox/{by_api}/replay");
    let (status, message) = office.post(OPS, &replay, &json!({ "reason": "ticket 4711" })).await;
    assert_eq!((status, &message["life"]), (200, &json!(1)), "{message}");
    office.palabre_ok(&["outbox", "replay", &by_command, "--note", "ticket 4712"]);
    office.until_state(&by_api, "sent").await;
    office.until_state(&by_command, "sent").await;
    assert_eq!((office.taken("RDV à 9 h"), office.taken("RDV à 10 h")), (1, 1));
    let (status, problem) = office.post(OPS, &replay, &json!({})).await;
    assert_eq!((status, &problem["hint"]), (409, &json!("the provider has it")));
    assert_eq!(office.palabre(&["outbox", "replay", &by_command]).code, 1);

    let sql = format!("SELECT provider_message_id FROM messages_out WHERE id = '{by_command}'");
    let theirs: String = office.world.value(&sql).await;
    let shown = office.palabre_ok(&["outbox", "show", &theirs, "--language", "fr"]);
    for part in [&by_command, "le fournisseur a pris le message", "demandé par l'API", "sms:+336…21#"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    let english = office.palabre_ok(&["explain", &by_command]);
    let french = office.palabre_ok(&["explain", &by_command, "--language", "fr"]);
    for (story, parts) in [
        (
            english,
            ["somebody asked for the message", "a dead letter now", "ticket 4712", "the provider took the message"],
        ),
        (french, ["quelqu'un a demandé l'envoi", "désormais une lettre morte", "ticket 4712", "le fournisseur a pris"]),
    ] {
        let places: Vec<_> =
            parts.iter().map(|part| story.find(part).unwrap_or_else(|| panic!("{part}: {story}"))).collect();
        assert!(places.is_sorted(), "in the order of time: {story}");
        assert!(story.contains("21408") && !story.contains("RDV") && !story.contains(BOB), "{story}");
    }
}

#[tokio::test]
async fn i6_a_replayed_confirmation_of_a_stop_goes_to_nobody() {
    let office = Office::open();
    office.meet(ANNE).await;
    office.world.twilio.set_faults(Faults::of([Rule::once(Fault::Refuse { status: 400, code: 21408 })]));
    office.world.write(BELLE, ANNE, "STOP").await;
    office.world.until("SELECT count(*) FROM messages_out WHERE state = 'dead'", 1).await;
    let id: String = office.world.value("SELECT id FROM messages_out WHERE kind = 'opt_out_confirmation'").await;
    let taken = office.world.twilio.taken();
    for word in ["bonjour", "START"] {
        office.palabre_ok(&["outbox", "replay", &id]);
        office.until_state(&id, "suppressed").await;
        let reason: String =
            office.world.value(&format!("SELECT last_error FROM messages_out WHERE id = '{id}'")).await;
        assert_eq!(reason, "confirmed_once");
        assert_eq!(office.world.twilio.taken(), taken, "before their {word}");
        // Their START is answered; what the STOP was answered with is not to be heard after it.
        office.world.write(BELLE, ANNE, word).await;
        office.world.until("SELECT count(*) FROM messages_in WHERE state = 'accepted'", 0).await;
    }
    office.palabre_ok(&["outbox", "replay", &id]);
    office.until_state(&id, "suppressed").await;
    let said = office.palabre_ok(&["explain", &id, "--language", "fr"]);
    assert!(said.contains("rejouée, elle n'est pas envoyée"), "{said}");
}

#[tokio::test]
async fn a_providers_id_finds_what_went_out_and_what_came_in() {
    let office = Office::open();
    office.meet(ANNE).await;
    let came_in: String = office.world.value("SELECT provider_message_id FROM messages_in").await;
    let went_out: String = office.world.value("SELECT id FROM messages_out").await;
    let shown = office.palabre(&["outbox", "show", &came_in]);
    assert_eq!(
        (shown.code, shown.err.contains("came in"), shown.err.contains(&went_out)),
        (1, true, true),
        "{}",
        shown.err
    );
    let theirs: String = office.world.value("SELECT provider_message_id FROM messages_out").await;
    let cancelled = office.palabre(&["outbox", "cancel", &theirs]);
    assert!(
        cancelled.code == 1 && cancelled.err.contains(&went_out) && cancelled.err.contains("is sent"),
        "{}",
        cancelled.err
    );
}

/// Both numbers begin and end alike.
#[tokio::test]
async fn i10_people_who_look_alike_are_told_apart_without_their_numbers() {
    let office = Office::open();
    refuse(&office, "RDV");
    for who in ["+33612345678", "+33619876578"] {
        let id = office.send(&format!("sms:{who}"), "RDV").await;
        office.until_state(&id, "dead").await;
    }
    let listed = office.palabre_ok(&["outbox", "list"]);
    let masks: std::collections::BTreeSet<_> =
        listed.lines().filter_map(|line| line.split_whitespace().last()).filter(|cell| cell.contains('…')).collect();
    assert_eq!(masks.len(), 2, "{listed}");
    assert!(masks.iter().all(|mask| mask.starts_with("sms:+336…78#") && mask.chars().count() == 16), "{listed}");
}

#[tokio::test]
async fn a_replay_by_filter_is_due_a_few_at_a_time() {
    let office = Office::open();
    refuse(&office, "RDV");
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(office.send(&format!("sms:+3361234560{n}"), &format!("RDV {n}")).await);
    }
    office.world.until("SELECT count(*) FROM messages_out WHERE state = 'dead'", 6).await;
    office.world.twilio.set_faults(Faults::none());
    let filter = ["outbox", "replay", "--reason", "21408", "--tenant", "belle", "--per-second", "4"];
    let dry = office.palabre_ok(&[&filter[..], &["--dry-run"]].concat());
    assert!(dry.contains("6 messages would be replayed"), "{dry}");
    assert_eq!(office.world.value::<i64>("SELECT count(*) FROM messages_out WHERE state = 'dead'").await, 6);
    let unasked = office.palabre(&filter);
    assert_eq!((unasked.code, unasked.err.contains("--yes")), (1, true), "nobody is there to say yes: {}", unasked.err);
    office.palabre_ok(&[&filter[..], &["--yes"]].concat());

    office.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 6).await;
    // A life begins when it becomes due.
    let due = office
        .world
        .rows(&format!("SELECT {} FROM messages_out ORDER BY id", moment("life_since")), |row| {
            let at: String = row.try_get_by_index(0).expect("a moment");
            chrono::DateTime::parse_from_rfc3339(&at).expect("RFC 3339")
        })
        .await;
    let apart: Vec<_> = due.windows(2).map(|pair| (pair[1] - pair[0]).num_microseconds()).collect();
    assert_eq!(apart, [Some(250_000); 5]);
    for n in 0..6 {
        assert_eq!(office.taken(&format!("RDV {n}")), 1);
    }
    assert_eq!(ids.len(), 6);

    let (status, none) = office.post(OPS, "/api/v1/outbox/replay", &json!({ "filter": { "reason": "21408" } })).await;
    assert_eq!((status, none), (200, json!({ "messages": 0, "dry_run": false })));
}

#[tokio::test]
async fn what_waits_for_the_contact_is_called_back_and_never_sent() {
    let office = Office::open();
    let (anne, bob) = ("whatsapp:+33612345678", "whatsapp:+33687654321");
    let called_back = office.send(anne, "promotion").await;
    let waits = office.send(anne, "rappel").await;
    let by_api = office.send(bob, "promotion").await;
    for id in [&called_back, &waits, &by_api] {
        office.until_state(id, "deferred").await;
    }
    let listed = office.palabre_ok(&["outbox", "list", "--reason", "window_closed"]);
    assert!([&called_back, &waits, &by_api].iter().all(|id| listed.contains(id.as_str())), "{listed}");
    let shown = office.palabre_ok(&["outbox", "show", &waits, "--language", "fr"]);
    assert!(shown.contains("contact a écrit  jamais") && shown.contains("différé (deferred)"), "{shown}");
    let listed = office.palabre_ok(&["outbox", "list", "--language", "fr"]);
    assert!(listed.contains(" différé ") && listed.contains("états : différé (deferred)"), "{listed}");
    assert!(listed.contains("seul un modèle peut partir (window_closed)"), "{listed}");
    office.palabre_ok(&["outbox", "cancel", &called_back, "--note", "wrong list"]);
    let (status, message) = office.post(OPS, &format!("/api/v1/outbox/{by_api}/cancel"), &json!({})).await;
    assert_eq!((status, &message["state"]), (200, &json!("cancelled")));

    office.world.write(BELLE, ANNE, "Bonjour").await;
    office.world.write(BELLE, BOB, "Bonjour").await;
    office.until_state(&waits, "sent").await;
    office.world.until("SELECT count(*) FROM messages_out WHERE state = 'sent'", 3).await;
    assert_eq!((office.taken("rappel"), office.taken("promotion")), (1, 0));
    assert_eq!(
        (office.state(&called_back).await.as_str(), office.state(&by_api).await.as_str()),
        ("cancelled", "cancelled")
    );
    let twice = office.palabre(&["outbox", "cancel", &called_back]);
    assert_eq!((twice.code, twice.err.contains("can only be replayed")), (1, true), "{}", twice.err);
}
