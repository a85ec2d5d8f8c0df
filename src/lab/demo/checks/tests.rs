//! Evidence that is sound, and doctored copies of it: each check must tell them apart.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Verdict, all};
use crate::gateway::simulator::SentMessage;
use crate::lab::demo::evidence::{Evidence, Explained, TenantFacts};
use crate::lab::demo::journal::{Callback, Expected, Meant, Observations, Post};
use crate::store::entity::{event_log, message_in, message_out};
use crate::store::{Dump, RowReference};

const BELLE: &str = "institut-belle";
const BLEU: &str = "taxi-bleu";
const DESK: &str = "whatsapp:+15005550101";
const PHONE: &str = "whatsapp:+33639980001";

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_236_300, 0).unwrap() + TimeDelta::milliseconds(milliseconds)
}

fn text(milliseconds: i64) -> String {
    at(milliseconds).to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// A customer asks, writes a message that comes twice, says STOP, writes into the silence; another is rate-limited.
struct Course {
    evidence: Evidence,
    epoch: Instant,
}

impl Course {
    fn sound() -> Evidence {
        let mut course = Self { evidence: empty(), epoch: Instant::now() };
        course.exchange(1, 0, "answered_faq", Some("reply"));
        course.exchange(2, 1_000, "answered_fallback", Some("reply"));
        course.copy_of(2, 1_500);
        course.exchange(3, 2_000, "opted_out", Some("opt_out_confirmation"));
        course.exchange(4, 3_000, "silent_opted_out", None);
        course.exchange(5, 4_000, "rate_limited", None);
        course.forgery();
        course.evidence
    }

    /// A message, its turn, and perhaps its answer, which is read in the end.
    fn exchange(&mut self, n: i64, when: i64, outcome: &str, answer: Option<&str>) {
        let id = format!("in-{n}");
        self.post(n, when, Meant::Message);
        self.event("webhook_received", "message_in", Some(&id), n, "provider", when);
        self.event("message_routed", "message_in", Some(&id), n, "bot", when + 2);
        if outcome == "opted_out" {
            self.event("opted_out", "contact", Some("contact"), n, "contact", when + 2);
        }
        self.evidence.dump.inbound.push(inbound(n, when, outcome));
        self.explained(&id);
        self.explained(&format!("SM{n}"));
        *self.evidence.dump.versions.entry("conversation".to_owned()).or_default() += 1;
        let line = (DESK.to_owned(), PHONE.to_owned());
        let expected: &mut Expected = self.evidence.observed.expected.entry(line).or_default();
        expected.at_least += usize::from(answer.is_some());
        expected.at_most += usize::from(answer.is_some());
        if let Some(kind) = answer {
            self.answer(n, when, kind);
        }
    }

    fn answer(&mut self, n: i64, when: i64, kind: &str) {
        let id = format!("out-{n}");
        self.evidence.dump.outbound.push(outbound(n, when, kind));
        self.evidence.observed.sends.push(sent(n, when + 10, self.epoch));
        self.event("message_sent", "message_out", Some(&id), n, "system", when + 12);
        let reports =
            [("read", "message_read"), ("delivered", "message_delivered"), ("delivered", "message_delivered")];
        for (status, event_type) in reports {
            self.evidence.observed.callbacks.push(Callback { message: id.clone(), status, answered: Some(200) });
            self.evidence.observed.states.push((id.clone(), "read".to_owned()));
            self.event(event_type, "message_out", Some(&id), n, "provider", when + 20);
        }
        self.explained(&id);
    }

    fn copy_of(&mut self, n: i64, when: i64) {
        self.post(n, when, Meant::Copy);
        self.event("idempotent_ignored", "message_in", None, n, "provider", when);
        self.evidence.dump.events.last_mut().unwrap().payload = format!(r#"{{"provider_message_id":"SM{n}"}}"#);
    }

    fn forgery(&mut self) {
        self.post(99, 5_000, Meant::Forgery(401));
        self.evidence.observed.posts.last_mut().unwrap().status = Some(401);
    }

    fn post(&mut self, n: i64, when: i64, meant: Meant) {
        self.evidence.observed.posts.push(Post {
            channel: "belle-wa",
            tenant: BELLE,
            provider_id: format!("SM{n}"),
            from: PHONE.to_owned(),
            text: format!("le message numéro {n}"),
            meant,
            at: self.epoch + Duration::from_millis(when.unsigned_abs()),
            took: Duration::from_millis(5),
            status: Some(200),
            answer: "<Response/>".to_owned(),
            durable: Some(true),
        });
    }

    fn event(&mut self, event_type: &str, entity_type: &str, entity: Option<&str>, n: i64, actor: &str, when: i64) {
        self.evidence.dump.events.push(event_log::Model {
            id: format!("event-{}", self.evidence.dump.events.len()),
            tenant_id: BELLE.to_owned(),
            event_type: event_type.to_owned(),
            entity_type: entity_type.to_owned(),
            entity_id: entity.map(str::to_owned),
            correlation_id: format!("flow-{n}"),
            actor_type: actor.to_owned(),
            payload: "{}".to_owned(),
            created_at: text(when),
        });
    }

    fn explained(&mut self, id: &str) {
        let explained = Explained { knows_it: true, why: Some("because".to_owned()) };
        self.evidence.explained.insert(id.to_owned(), explained);
    }
}

fn empty() -> Evidence {
    let tenant = |id: &str, channel: &str, address: &str| TenantFacts {
        id: id.to_owned(),
        channels: vec![channel.to_owned()],
        addresses: vec![address.to_owned()],
        per_second: 2,
        per_contact_per_minute: 2,
        per_day: 10,
    };
    let link = RowReference {
        table: "conversations".to_owned(),
        id: "conversation".to_owned(),
        tenant: BELLE.to_owned(),
        to_table: "contacts".to_owned(),
        to_tenant: Some(BELLE.to_owned()),
    };
    Evidence {
        observed: Observations::default(),
        dump: Dump { references: vec![link], ..Dump::default() },
        tenants: vec![tenant(BELLE, "belle-wa", DESK), tenant(BLEU, "bleu-wa", "whatsapp:+15005550104")],
        secrets: vec!["33639980001".to_owned(), "le message numéro 1".to_owned()],
        said: vec![("the logs", r#"{"message":"ready"}"#.to_owned())],
        explained: HashMap::new(),
        story: None,
    }
}

fn inbound(n: i64, when: i64, outcome: &str) -> message_in::Model {
    message_in::Model {
        id: format!("in-{n}"),
        tenant_id: BELLE.to_owned(),
        channel_id: "belle-wa".to_owned(),
        conversation_id: Some("conversation".to_owned()),
        provider_message_id: format!("SM{n}"),
        from: PHONE.to_owned(),
        to: DESK.to_owned(),
        body: format!("le message numéro {n}"),
        profile_name: None,
        details: None,
        role: Some("client".to_owned()),
        state: "processed".to_owned(),
        reason: Some(outcome.to_owned()),
        correlation_id: format!("flow-{n}"),
        created_at: text(when),
        processed_at: Some(text(when + 2)),
    }
}

fn outbound(n: i64, when: i64, kind: &str) -> message_out::Model {
    message_out::Model {
        id: format!("out-{n}"),
        tenant_id: BELLE.to_owned(),
        channel_id: "belle-wa".to_owned(),
        conversation_id: "conversation".to_owned(),
        in_reply_to: Some(format!("in-{n}")),
        to: PHONE.to_owned(),
        body: "Nous sommes ouverts.".to_owned(),
        kind: kind.to_owned(),
        state: "read".to_owned(),
        attempts: 1,
        next_attempt_at: text(when),
        lease_owner: None,
        lease_until: None,
        provider_message_id: Some(format!("SMout{n}")),
        blocked_reason: None,
        last_error: None,
        correlation_id: format!("flow-{n}"),
        created_at: text(when + 2),
        sent_at: Some(text(when + 10)),
        updated_at: text(when + 20),
    }
}

fn sent(n: i64, when: i64, epoch: Instant) -> SentMessage {
    SentMessage {
        sequence: n.unsigned_abs(),
        at: epoch + Duration::from_millis(when.unsigned_abs()),
        created_at: at(when),
        id: format!("SMout{n}"),
        message_id: Some(format!("out-{n}")),
        channel: Some("belle-wa".to_owned()),
        to: PHONE.to_owned(),
        from: Some(DESK.to_owned()),
        text: "Nous sommes ouverts.".to_owned(),
        template: None,
        file: None,
    }
}

fn failing(evidence: &Evidence) -> Vec<&'static str> {
    let broken = |verdict: &Verdict| !verdict.holds;
    all(evidence).iter().filter(|verdict| broken(verdict)).map(|verdict| verdict.name).collect()
}

/// What a doctored copy must be caught by; others may notice as well.
#[track_caller]
fn caught_by(name: &str, doctor: impl FnOnce(&mut Evidence)) {
    let mut evidence = Course::sound();
    doctor(&mut evidence);
    let failing = failing(&evidence);
    assert!(failing.contains(&name), "{failing:?} instead of {name}");
}

#[test]
fn sound_evidence_breaks_nothing() {
    let verdicts = all(&Course::sound());
    let broken: Vec<_> = verdicts.iter().filter(|verdict| !verdict.holds).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    let ids: Vec<_> = verdicts.iter().map(|verdict| verdict.id).collect();
    assert_eq!(ids, ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", ""]);
}

#[test]
fn no_evidence_proves_nothing() {
    let failing = failing(&Evidence { dump: Dump::default(), said: Vec::new(), ..empty() });
    let names: Vec<_> = all(&Course::sound()).iter().map(|verdict| verdict.name).collect();
    assert_eq!(failing, names);
}

#[test]
fn breaches_are_told_without_content() {
    let mut evidence = Course::sound();
    evidence.dump.events[0].payload = r#"{"to":"+33639980001"}"#.to_owned();
    evidence.observed.sends.clear();
    let told = serde_json::to_string(&all(&evidence)).unwrap();
    assert!(!told.contains("33639980001") && !told.contains("le message"), "{told}");
}

#[test]
fn i1_lost_and_forged_webhooks_are_caught() {
    caught_by("durable ack", |evidence| _ = evidence.dump.inbound.pop());
    caught_by("durable ack", |evidence| evidence.observed.posts[0].durable = Some(false));
    caught_by("durable ack", |evidence| evidence.observed.posts.last_mut().unwrap().status = Some(200));
    caught_by("durable ack", |evidence| evidence.observed.posts.last_mut().unwrap().provider_id = "SM1".to_owned());
}

#[test]
fn i2_repetitions_are_caught() {
    caught_by("once in", |evidence| evidence.dump.inbound.push(inbound(2, 1_600, "answered_faq")));
    caught_by("once in", |evidence| evidence.dump.events.retain(|event| event.event_type != "idempotent_ignored"));
    caught_by("once in", |evidence| {
        let ignored = evidence.dump.events.iter_mut().find(|event| event.event_type == "idempotent_ignored");
        ignored.unwrap().correlation_id = "flow-of-the-copy".to_owned();
    });
    caught_by("once in", |evidence| {
        let mut second = outbound(2, 1_000, "reply");
        second.id = "out-2b".to_owned();
        evidence.dump.outbound.push(second);
    });
}

#[test]
fn i3_overtaking_is_caught() {
    caught_by("ordered", |evidence| evidence.dump.inbound[0].processed_at = Some(text(1_900)));
    caught_by("ordered", |evidence| {
        evidence.dump.inbound[0].processed_at = None;
    });
    caught_by("ordered", |evidence| {
        evidence.dump.inbound[0].provider_message_id = "SM2".to_owned();
        evidence.dump.inbound[1].provider_message_id = "SM1".to_owned();
    });
}

#[test]
fn i4_half_turns_are_caught() {
    caught_by("atomic turn", |evidence| evidence.dump.versions.clear());
    caught_by("atomic turn", |evidence| evidence.dump.versions.values_mut().for_each(|version| *version = 1));
    caught_by("atomic turn", |evidence| _ = evidence.dump.outbound.remove(0));
    caught_by("atomic turn", |evidence| evidence.dump.events.retain(|event| event.event_type != "message_routed"));
    caught_by("atomic turn", |evidence| evidence.dump.inbound[0].state = "accepted".to_owned());
    caught_by("atomic turn", |evidence| evidence.dump.inbound[3].reason = Some("answered_faq".to_owned()));
    caught_by("atomic turn", |evidence| evidence.dump.inbound[0].role = None);
    caught_by("atomic turn", |evidence| evidence.dump.outbound[0].in_reply_to = None);
}

#[test]
fn i5_second_sends_are_caught() {
    caught_by("once out", |evidence| {
        let again = evidence.observed.sends[0].clone();
        evidence.observed.sends.push(again);
    });
    caught_by("once out", |evidence| _ = evidence.observed.sends.pop());
    caught_by("once out", |evidence| evidence.observed.sends[0].message_id = None);
    caught_by("once out", |evidence| evidence.observed.sends[0].message_id = Some("nobody's".to_owned()));
    caught_by("once out", |evidence| evidence.dump.outbound[0].state = "suppressed".to_owned());
}

#[test]
fn i6_writing_after_stop_is_caught() {
    let late = |evidence: &mut Evidence, kind: &str| {
        evidence.dump.outbound.push(outbound(4, 3_000, kind));
        let epoch = Instant::now();
        evidence.observed.sends.push(sent(4, 3_010, epoch));
    };
    caught_by("silence", |evidence| late(evidence, "reply"));
    caught_by("silence", |evidence| late(evidence, "manual"));
    caught_by("silence", |evidence| late(evidence, "opt_out_confirmation"));
    // Begun before the STOP, and far too late to have been on the wire already.
    caught_by("silence", |evidence| evidence.observed.sends[1].created_at = at(2_900));
}

#[test]
fn i6_what_was_on_the_wire_or_follows_a_start_is_no_breach() {
    let mut evidence = Course::sound();
    evidence.observed.sends[1].created_at = at(2_100);
    assert!(!failing(&evidence).contains(&"silence"));
    let mut course = Course { evidence: Course::sound(), epoch: Instant::now() };
    course.exchange(6, 70_000, "opted_in", Some("opt_in_confirmation"));
    course.event("opted_in", "contact", Some("contact"), 6, "contact", 70_002);
    course.exchange(7, 71_000, "answered_faq", Some("reply"));
    assert_eq!(failing(&course.evidence), Vec::<&str>::new());
}

#[test]
fn i7_full_windows_are_caught() {
    let crowd = |evidence: &mut Evidence| evidence.observed.sends.iter_mut().for_each(|sent| sent.created_at = at(500));
    caught_by("paced", crowd);
    caught_by("paced", |evidence| evidence.tenants[0].per_day = 2);
    caught_by("paced", |evidence| evidence.tenants[0].per_contact_per_minute = 1);
    caught_by("paced", |evidence| {
        evidence.dump.inbound.iter_mut().for_each(|row| row.reason = Some("answered_faq".to_owned()));
    });
}

#[test]
fn i8_falling_states_and_lost_history_are_caught() {
    caught_by("forward", |evidence| evidence.observed.states.push(("out-1".to_owned(), "delivered".to_owned())));
    caught_by("forward", |evidence| evidence.dump.outbound[0].state = "delivered".to_owned());
    caught_by("forward", |evidence| {
        let late = evidence.dump.events.iter().rposition(|event| event.event_type == "message_delivered");
        evidence.dump.events.remove(late.unwrap());
    });
    caught_by("forward", |evidence| evidence.observed.callbacks[0].answered = Some(500));
    caught_by("forward", |evidence| evidence.observed.callbacks[0].answered = None);
}

#[test]
fn i9_crossed_tenants_are_caught() {
    caught_by("apart", |evidence| evidence.dump.references[0].to_tenant = Some(BLEU.to_owned()));
    caught_by("apart", |evidence| evidence.dump.references[0].to_tenant = None);
    caught_by("apart", |evidence| evidence.observed.sends[0].channel = Some("bleu-wa".to_owned()));
    caught_by("apart", |evidence| evidence.observed.sends[0].from = Some("whatsapp:+15005550104".to_owned()));
    caught_by("apart", |evidence| evidence.observed.sends[0].to = "whatsapp:+33639980002".to_owned());
    caught_by("apart", |evidence| evidence.dump.outbound[0].to = "whatsapp:+33639980002".to_owned());
}

#[test]
fn i10_whatever_is_said_aloud_is_caught() {
    caught_by("discreet", |evidence| evidence.dump.events[0].payload = r#"{"to":"+33639980001"}"#.to_owned());
    caught_by("discreet", |evidence| evidence.dump.outbound[0].last_error = Some("no such +33639980001".to_owned()));
    caught_by("discreet", |evidence| evidence.said[0].1.push_str("body: le message numéro 1"));
    caught_by("discreet", |evidence| evidence.observed.posts[0].answer = "bad From 33639980001".to_owned());
    caught_by("discreet", |evidence| evidence.said.clear());
}

#[test]
fn i11_open_ends_are_caught() {
    caught_by("explained", |evidence| evidence.dump.inbound[0].state = "accepted".to_owned());
    caught_by("explained", |evidence| evidence.dump.inbound[0].reason = None);
    caught_by("explained", |evidence| evidence.dump.outbound[0].state = "sending".to_owned());
    caught_by("explained", |evidence| evidence.dump.outbound[0].state = "lost".to_owned());
    caught_by("explained", |evidence| evidence.dump.outbound[0].state = "dead".to_owned());
    caught_by("explained", |evidence| _ = evidence.explained.remove("SM1"));
    caught_by("explained", |evidence| evidence.explained.get_mut("out-1").unwrap().why = None);
}

#[test]
fn missing_and_surplus_answers_are_caught() {
    caught_by("answered", |evidence| _ = evidence.observed.sends.pop());
    caught_by("answered", |evidence| {
        let again = evidence.observed.sends[0].clone();
        evidence.observed.sends.push(again);
    });
}
