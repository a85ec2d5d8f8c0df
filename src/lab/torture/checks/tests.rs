//! Tests of the checks: each finds the fault that was put into sound evidence.

mod history;

use super::*;
use crate::gateway::simulator::SentMessage;
use crate::lab::torture::fixtures::Said;
use crate::lab::torture::ledger::Posted;
use crate::lab::torture::stalls::Stall;
use crate::store::RowReference;
use crate::store::entity::{event_log, message_in, message_out};
use chrono::{DateTime, TimeDelta, Utc};

/// A run in which one contact wrote twice, said STOP, wrote, said START and wrote again, and all was well.
fn sound() -> Evidence {
    let mut evidence = Evidence::default();
    let said = [Said::Text, Said::Text, Said::Stop, Said::Text, Said::Start, Said::Text];
    for (number, said) in said.into_iter().enumerate() {
        let at = moment(number as i64 * 10_000);
        let (posted, row) = exchange(number, said, at);
        for event_type in ["webhook_received", "message_routed"] {
            evidence.dump.events.push(event(&row.id, "message_in", event_type, "system", at));
        }
        evidence.dump.references.push(RowReference {
            table: "messages_in".into(),
            id: row.id.clone(),
            tenant: "a".into(),
            to_table: "conversations".into(),
            to_tenant: Some("a".into()),
        });
        evidence.posts.posted.push(posted);
        if number != 3 {
            answer(&mut evidence, number, &row, at);
        }
        evidence.dump.inbound.push(row);
    }
    evidence
}

fn moment(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_262_400, 0).unwrap() + TimeDelta::milliseconds(ms)
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

fn exchange(number: usize, said: Said, at: DateTime<Utc>) -> (Posted, message_in::Model) {
    let posted = Posted {
        provider_id: format!("SM{number}"),
        tenant: "a".into(),
        channel: "a-wa".into(),
        contact: 1,
        said,
        mark: format!("m-1-{number}"),
        begun: at,
        acknowledged: Some(at + TimeDelta::milliseconds(5)),
        posts: 2,
        acknowledgements: 1,
    };
    let reasons =
        ["answered_fallback", "answered_fallback", "opted_out", "silent_opted_out", "opted_in", "answered_fallback"];
    let row = message_in::Model {
        id: format!("in-{number}"),
        tenant_id: "a".into(),
        channel_id: "a-wa".into(),
        conversation_id: Some("conversation".into()),
        provider_message_id: posted.provider_id.clone(),
        from: "whatsapp:+33612000001".into(),
        to: "whatsapp:+14155230001".into(),
        body: posted.mark.clone(),
        profile_name: None,
        details: None,
        role: Some("client".into()),
        state: "processed".into(),
        reason: Some(reasons[number].into()),
        correlation_id: format!("flow-{number}"),
        created_at: text(at),
        processed_at: Some(text(at + TimeDelta::milliseconds(8))),
    };
    (posted, row)
}

fn answer(evidence: &mut Evidence, number: usize, cause: &message_in::Model, at: DateTime<Utc>) {
    let (written, taken) = (at + TimeDelta::milliseconds(8), at + TimeDelta::milliseconds(20));
    let kind = ["reply", "reply", "opt_out_confirmation", "", "opt_in_confirmation", "reply"][number];
    let row = message_out::Model {
        id: format!("out-{number}"),
        tenant_id: "a".into(),
        channel_id: "a-wa".into(),
        conversation_id: "conversation".into(),
        in_reply_to: Some(cause.id.clone()),
        to: cause.from.clone(),
        body: String::new(),
        kind: kind.into(),
        state: "delivered".into(),
        attempts: 1,
        next_attempt_at: text(written),
        lease_owner: None,
        lease_until: None,
        provider_message_id: Some(format!("SMout{number}")),
        blocked_reason: None,
        last_error: None,
        correlation_id: cause.correlation_id.clone(),
        created_at: text(written),
        sent_at: Some(text(taken)),
        updated_at: text(taken),
    };
    for (event_type, actor) in [("message_sent", "system"), ("message_delivered", "provider")] {
        evidence.dump.events.push(event(&row.id, "message_out", event_type, actor, taken));
    }
    let body = if kind == "reply" { format!("Reçu : m-1-{number}") } else { kind.to_owned() };
    evidence.sends.push(SentMessage {
        sequence: number as u64,
        at: std::time::Instant::now(),
        created_at: taken,
        id: format!("SMout{number}"),
        message_id: Some(row.id.clone()),
        channel: Some("a-wa".into()),
        to: cause.from.clone(),
        from: None,
        text: body,
        template: None,
        file: None,
    });
    evidence.dump.outbound.push(row);
}

fn event(entity: &str, entity_type: &str, event_type: &str, actor: &str, at: DateTime<Utc>) -> event_log::Model {
    // Drawn one after the other, as the writer does.
    let id = uuid::Uuid::now_v7().to_string();
    event_log::Model {
        id,
        tenant_id: "a".into(),
        event_type: event_type.into(),
        entity_type: entity_type.into(),
        entity_id: Some(entity.into()),
        correlation_id: "flow".into(),
        actor_type: actor.into(),
        payload: if actor == "system" { r#"{"reason":"taken","attempt":1}"# } else { "{}" }.into(),
        created_at: text(at),
    }
}

fn failing(evidence: &Evidence) -> Vec<&'static str> {
    all(evidence).into_iter().filter(|verdict| !verdict.holds).map(|verdict| verdict.name).collect()
}

#[track_caller]
fn caught_by(check: &str, doctor: impl FnOnce(&mut Evidence)) {
    let mut evidence = sound();
    doctor(&mut evidence);
    let failing = failing(&evidence);
    assert!(failing.contains(&check), "{check} is not among {failing:?}");
}

fn outbound(evidence: &mut Evidence, number: usize) -> &mut message_out::Model {
    evidence.dump.outbound.iter_mut().find(|row| row.id == format!("out-{number}")).unwrap()
}

fn suppress(evidence: &mut Evidence, number: usize) {
    let row = outbound(evidence, number);
    (row.state, row.last_error) = ("suppressed".into(), Some("opted_out".into()));
    let id = row.id.clone();
    evidence.sends.retain(|sent| sent.message_id.as_ref() != Some(&id));
    evidence.dump.events.retain(|event| event.entity_id.as_ref() != Some(&id));
    evidence
        .dump
        .events
        .push(because("opted_out", event(&id, "message_out", "message_suppressed", "system", moment(0))));
}

/// The same event for another reason; of no attempt.
fn because(reason: &str, event: event_log::Model) -> event_log::Model {
    event_log::Model { payload: format!(r#"{{"reason":"{reason}"}}"#), ..event }
}

#[test]
fn a_sound_run_holds() {
    let verdicts = all(&sound());
    assert!(verdicts.iter().all(|verdict| verdict.holds), "{verdicts:#?}");
}

#[test]
fn nothing_at_all_proves_nothing() {
    assert!(failing(&Evidence::default()).len() >= 7);
}

#[test]
fn i1_i2_unacknowledged_missing_surplus_and_refused_messages_are_caught() {
    let check = "accepted once";
    caught_by(check, |evidence| evidence.posts.posted[0].acknowledged = None);
    caught_by(check, |evidence| _ = evidence.dump.inbound.remove(1));
    caught_by(check, |evidence| evidence.dump.inbound.push(evidence.dump.inbound[0].clone()));
    caught_by(check, |evidence| evidence.dump.inbound[0].provider_message_id = "SMother".into());
    caught_by(check, |evidence| evidence.posts.turned_away.push((401, "SM1".into())));
}

#[test]
fn i4_half_turns_are_caught() {
    let check = "whole turns";
    caught_by(check, |evidence| evidence.dump.inbound[0].state = "accepted".into());
    caught_by(check, |evidence| evidence.dump.inbound[0].conversation_id = None);
    caught_by(check, |evidence| evidence.dump.inbound[0].reason = Some("silent_opted_out".into()));
    caught_by(check, |evidence| _ = evidence.dump.events.remove(1));
    caught_by(check, |evidence| evidence.dump.events.push(evidence.dump.events[0].clone()));
    caught_by(check, |evidence| evidence.dump.references[0].to_tenant = None);
    caught_by(check, |evidence| evidence.dump.inbound[0].tenant_id = "b".into());
}

#[test]
fn i5_lost_answers_are_caught() {
    let check = "none lost";
    caught_by(check, |evidence| _ = evidence.sends.remove(0));
    caught_by(check, |evidence| _ = evidence.dump.outbound.remove(0));
    caught_by(check, |evidence| outbound(evidence, 0).kind = "manual".into());
    caught_by(check, |evidence| evidence.sends[0].text = "Reçu : m-1-1".into());
    // Suppressed, and no STOP came after it; or the STOP's own confirmation; or for another reason.
    caught_by(check, |evidence| suppress(evidence, 5));
    caught_by(check, |evidence| suppress(evidence, 2));
    caught_by(check, |evidence| {
        suppress(evidence, 0);
        outbound(evidence, 0).last_error = Some("21610".into());
    });
    caught_by(check, |evidence| outbound(evidence, 0).state = "suppressed".into());
    caught_by(check, |evidence| outbound(evidence, 0).in_reply_to = Some("in-3".into()));
}

#[test]
fn i6_an_answer_that_a_stop_held_back_is_not_lost() {
    let mut evidence = sound();
    suppress(&mut evidence, 1);
    assert_eq!(failing(&evidence), Vec::<&str>::new());
}

#[test]
fn i5_repeated_sends_are_caught_by_row_and_by_mark() {
    let check = "none twice";
    let again = |evidence: &mut Evidence| {
        let mut again = evidence.sends[0].clone();
        again.sequence = 99;
        evidence.sends.push(again);
    };
    caught_by(check, again);
    caught_by(check, |evidence| {
        again(evidence);
        // Another row of ours, the same text.
        evidence.sends[5].message_id = Some("out-1".into());
        evidence.sends.remove(1);
    });
    caught_by(check, |evidence| evidence.sends[0].message_id = Some("out-77".into()));
    caught_by(check, |evidence| evidence.sends[0].message_id = None);
}

#[test]
fn i3_what_overtakes_is_caught() {
    let check = "ordered";
    caught_by(check, |evidence| evidence.sends[0].sequence = 50);
    caught_by(check, |evidence| evidence.dump.inbound[0].id = "in-9".into());
    caught_by(check, |evidence| evidence.dump.inbound[0].processed_at = Some(text(moment(90_000))));
}

/// The row of the first message gets an id that was made then.
fn first_row_made(evidence: &mut Evidence, at: DateTime<Utc>) {
    let made = uuid::Timestamp::from_unix(uuid::NoContext, at.timestamp().unsigned_abs(), at.timestamp_subsec_nanos());
    let (old, id) = ("in-0", uuid::Uuid::new_v7(made).to_string());
    evidence.dump.inbound[0].id.clone_from(&id);
    for answer in evidence.dump.outbound.iter_mut().filter(|row| row.in_reply_to.as_deref() == Some(old)) {
        answer.in_reply_to = Some(id.clone());
    }
    for event in evidence.dump.events.iter_mut().filter(|event| event.entity_id.as_deref() == Some(old)) {
        event.entity_id = Some(id.clone());
    }
    for reference in evidence.dump.references.iter_mut().filter(|reference| reference.id == old) {
        reference.id.clone_from(&id);
    }
}

#[test]
fn i3_what_waited_on_several_nodes_disks_has_no_order() {
    let mut evidence = sound();
    (evidence.sends[0].sequence, evidence.sends[1].sequence) = (1, 0);
    assert_eq!(failing(&evidence), ["ordered"]);
    // Its webhook had its answer 5 ms after it began; the row came later.
    first_row_made(&mut evidence, moment(9_000));
    assert_eq!(failing(&evidence), ["ordered"], "one node's spool keeps the order");
    evidence.nodes = 3;
    assert_eq!(failing(&evidence), Vec::<&str>::new());
    let mut evidence = sound();
    (evidence.sends[0].sequence, evidence.sends[1].sequence) = (1, 0);
    first_row_made(&mut evidence, moment(3));
    evidence.nodes = 3;
    assert_eq!(failing(&evidence), ["ordered"], "the row was there before the answer: no spool had it");
}

#[test]
fn i3_what_a_wrong_clock_wrote_is_no_time() {
    // The one conversation says nothing of silence then.
    let mut evidence = sound();
    evidence.dump.inbound[0].processed_at = Some(text(moment(15_000)));
    assert_eq!(failing(&evidence), ["ordered"]);
    evidence.skewed.push((moment(-5_000), moment(5_000)));
    assert_eq!(failing(&evidence), ["silence"]);
    // Elsewhere times count, and the order of the provider counts everywhere.
    evidence.skewed[0] = (moment(30_000), moment(45_000));
    assert_eq!(failing(&evidence), ["ordered", "silence"]);
    evidence.skewed[0] = (moment(-5_000), moment(5_000));
    (evidence.sends[0].sequence, evidence.sends[1].sequence) = (1, 0);
    assert_eq!(failing(&evidence), ["ordered", "silence"]);
}

#[test]
fn i3_webhooks_that_overlap_have_no_order() {
    let mut evidence = sound();
    evidence.posts.posted[0].acknowledged = Some(moment(10_001));
    evidence.sends[0].sequence = 1;
    evidence.sends[1].sequence = 0;
    assert_eq!(failing(&evidence), Vec::<&str>::new());
}

#[test]
fn i6_whatever_breaks_the_silence_is_caught() {
    let check = "silence";
    // Too late to have been on the wire when STOP was said.
    caught_by(check, |evidence| evidence.sends[1].created_at = moment(22_000));
    // A second confirmation.
    caught_by(check, |evidence| evidence.sends.push(evidence.sends[2].clone()));
    // A row that was written in the silence.
    caught_by(check, |evidence| outbound(evidence, 1).created_at = text(moment(25_000)));
    caught_by(check, |evidence| evidence.posts.posted.retain(|posted| posted.said != Said::Stop));
}

#[test]
fn i6_what_was_on_the_wire_is_no_breach_nor_what_a_standstill_held_up() {
    let mut evidence = sound();
    evidence.sends[1].created_at = moment(21_000);
    assert!(!failing(&evidence).contains(&"silence"));
    evidence.sends[1].created_at = moment(25_000);
    assert!(failing(&evidence).contains(&"silence"));
    evidence.stalls.push(Stall { from: moment(20_500), length: TimeDelta::seconds(4) });
    assert!(!failing(&evidence).contains(&"silence"));
}

#[test]
fn i11_open_ends_and_dead_letters_are_caught() {
    for state in ["pending", "sending", "unknown", "deferred", "dead", "nowhere"] {
        caught_by("settled", |evidence| outbound(evidence, 0).state = state.into());
    }
    caught_by("settled", |evidence| outbound(evidence, 0).state = "failed".into());
    caught_by("settled", |evidence| evidence.dump.inbound[0].state = "accepted".into());
}

#[test]
fn a_daemon_that_ends_by_itself_is_caught() {
    caught_by("alive", |evidence| evidence.ended.push("the daemon ended by itself: exit status: 70".into()));
}
