//! Tests of delivery through the outbox.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use super::{ANNE, BOB, all_sent, paused};
use crate::domain::address::{Address, Scheme};
use crate::domain::channel::{BreakerPolicy, ChannelProfile, ChannelTemplate, RateLimit};
use crate::domain::event::EventType;
use crate::domain::ids::{ChannelId, TenantId};
use crate::domain::message::OutboundKind;
use crate::domain::send::{Found, SendError, SendErrorClass};
use crate::domain::status::OutboxState;
use crate::domain::template::TemplateUse;
use crate::domain::turn::{Refused, SendRequest};
use crate::engine::SendRefusal;
use crate::ports::{ChannelKey, LimitKey, Outbox, Pause, PortErrorKind};
use crate::testing::fakes::{Answer, Fault, InboundState, Op, OutboundRow, RateLimiterFault, Said, Snapshot};
use crate::testing::harness::{Harness, Plan, noon, request};

fn away() -> Answer {
    let class = SendErrorClass::Retry { after: None };
    Answer::Refuse(SendError { class, code: Some("503".to_owned()), throttled: false, detail: String::new() })
}

pub(super) fn texts(harness: &Harness, channel: &str) -> Vec<String> {
    let taken = harness.gateways.of(&ChannelId::new(channel)).taken();
    taken.into_iter().map(|message| message.body).collect()
}

pub(super) fn row<'a>(snapshot: &'a Snapshot, body: &str) -> &'a OutboundRow {
    snapshot.outbound.iter().find(|row| row.message.body == body).expect("it was written")
}

pub(super) fn in_state(snapshot: &Snapshot, body: &str, state: OutboxState) -> bool {
    snapshot.outbound.iter().any(|row| row.message.body == body && row.state == state)
}

fn row_is(snapshot: &Snapshot, body: &str, reason: &str) -> bool {
    let given =
        |row: &OutboundRow| row.blocked_reason.as_ref().or(row.last_error.as_ref()).is_some_and(|it| it == reason);
    snapshot.outbound.iter().any(|row| row.message.body == body && given(row))
}

fn quick_breaker() -> BreakerPolicy {
    BreakerPolicy { consecutive_failures: 3, open_for: Duration::from_secs(30), ..BreakerPolicy::default() }
}

/// `rappel` with one place.
fn templates() -> BTreeMap<String, ChannelTemplate> {
    let known = ChannelTemplate { content_id: "HX1".to_owned(), variable_names: vec!["prenom".to_owned()] };
    BTreeMap::from([("rappel".to_owned(), known)])
}

fn rappel(text: Option<&str>) -> SendRequest {
    let variables = BTreeMap::from([("prenom".to_owned(), "Anne".to_owned())]);
    let template = Some(TemplateUse { name: "rappel".to_owned(), variables });
    SendRequest { text: text.map(str::to_owned), template, ..request("") }
}

#[test]
fn i9_a_backlog_behind_a_provider_that_hangs_keeps_nobodys_first_message_waiting() {
    paused(async {
        let harness = Harness::build(|plan| {
            plan.settings.senders = 16;
            plan.add("c");
        });
        for tenant in ["a", "b"] {
            harness.provider(tenant).choose(|_| Some(Answer::Hang));
            for n in 0..100 {
                harness.post(tenant, &format!("+336100000{n:02}"), "hello").await.unwrap();
            }
        }
        harness.provider("a").wait_begun(8).await;
        harness.provider("b").wait_begun(4).await;
        harness.post("c", BOB, "hello").await.unwrap();
        harness.provider("c").wait_taken(1).await;
        assert!(harness.provider("a").begun().len() + harness.provider("b").begun().len() < 16);
    });
}

#[test]
fn while_a_channel_is_broken_another_takes_over_and_hands_back() {
    paused(async {
        let harness = Harness::build(|plan| {
            let channel = plan.channel("a");
            channel.fallback = Some(ChannelId::new("a-sms"));
            channel.breaker = quick_breaker();
            let sms = ChannelProfile { scheme: Scheme::Sms, cost_micros: 7, ..ChannelProfile::default() };
            plan.add("a").channels.insert("a-sms".to_owned(), sms);
        });
        harness.provider("a").choose(|_| Some(away()));
        harness.post("a", ANNE, "one").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        let sms = harness.gateways.of(&ChannelId::new("a-sms")).requests();
        let got: Vec<_> = sms.iter().map(|request| (request.to.as_str(), request.said.clone())).collect();
        assert_eq!(got, [("sms:+33611111111", Said::Text("You said: one".to_owned()))]);
        let sent = row(&snapshot, "You said: one");
        assert_eq!((sent.via.clone(), sent.cost_micros), (Some(ChannelId::new("a-sms")), 7));
        assert_eq!(harness.provider("a").begun().len(), 3, "nothing more knocks at the broken one");

        harness.post("a", BOB, "two").await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(harness.provider("a").begun().len(), 3);

        harness.provider("a").choose(|_| None);
        tokio::time::sleep(Duration::from_secs(31)).await;
        harness.post("a", ANNE, "three").await.unwrap();
        harness.until(|now| all_sent(now, 3)).await;
        assert_eq!(texts(&harness, "a"), ["You said: three"]);
    });
}

fn with_sms(plan: &mut Plan) {
    plan.channel("a").fallback = Some(ChannelId::new("a-sms"));
    plan.channel("a").breaker = quick_breaker();
    let sms = ChannelProfile { scheme: Scheme::Sms, ..ChannelProfile::default() };
    plan.add("a").channels.insert("a-sms".to_owned(), sms);
}

/// The provider names a time that is far away.
fn away_for_long() -> Answer {
    let class = SendErrorClass::Retry { after: Some(Duration::from_secs(3_600)) };
    Answer::Refuse(SendError { class, code: Some("63012".to_owned()), throttled: false, detail: String::new() })
}

#[test]
fn i5_what_failed_before_a_channel_broke_takes_the_other_way_when_it_does() {
    paused(async {
        let harness = Harness::build(with_sms);
        let chloe = "+33633333333";
        harness.provider("a").script([Answer::Lose]);
        harness.provider("a").hang_finds(true);
        harness.post("a", chloe, "lost").await.unwrap();
        harness.until(|now| in_state(now, "You said: lost", OutboxState::Unknown)).await;
        harness.provider("a").choose(|_| Some(away_for_long()));
        harness.post("a", ANNE, "one").await.unwrap();
        let snapshot = harness.until(|now| row_is(now, "You said: one", "63012")).await;
        assert_eq!(row(&snapshot, "You said: one").state, OutboxState::Pending);
        harness.post("a", ANNE, "behind").await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(texts(&harness, "a-sms").is_empty(), "two in a row do not break it");

        harness.post("a", BOB, "two").await.unwrap();
        let begun = tokio::time::Instant::now();
        harness.until(|now| all_sent(now, 3)).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        let mut sent = texts(&harness, "a-sms");
        sent.sort();
        assert_eq!(sent, ["You said: behind", "You said: one", "You said: two"]);
        assert_eq!(harness.provider("a").begun().len(), 3, "nothing knocks at the broken one");
        tokio::time::sleep(Duration::from_secs(300)).await;
        let snapshot = harness.store.snapshot();
        assert_eq!(row(&snapshot, "You said: lost").state, OutboxState::Unknown, "nobody knows: it goes nowhere");
        assert_eq!(texts(&harness, "a-sms").len(), 3);
    });
}

#[test]
fn what_fails_on_the_other_way_as_well_is_left_alone_for_its_time() {
    paused(async {
        let harness = Harness::build(with_sms);
        harness.provider("a").choose(|_| Some(away_for_long()));
        harness.gateways.of(&ChannelId::new("a-sms")).choose(|_| Some(away_for_long()));
        for (n, to) in [ANNE, BOB, "+33633333333"].into_iter().enumerate() {
            harness.post("a", to, &format!("{n}")).await.unwrap();
        }
        let attempts = |now: &Snapshot| now.outbound.iter().map(|row| row.message.attempts).sum::<u32>();
        harness.until(|now| attempts(now) == 6).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(attempts(&harness.store.snapshot()), 6, "each once by either way");
        assert_eq!(harness.gateways.of(&ChannelId::new("a-sms")).begun().len(), 3);
    });
}

#[test]
fn what_failed_before_a_pause_takes_the_other_way_and_waits_until_there_is_one() {
    paused(async {
        let harness = Harness::build(with_sms);
        harness.provider("a").choose(|_| Some(away_for_long()));
        harness.post("a", ANNE, "one").await.unwrap();
        harness.until(|now| row_is(now, "You said: one", "63012")).await;
        let channel_key = |channel| ChannelKey { tenant: TenantId::new("a"), channel: ChannelId::new(channel) };
        let pause = |channel, until| Pause { channel_key: channel_key(channel), reason: "operator".to_owned(), until };
        for channel in ["a-sms", "a"] {
            harness.store.pause(pause(channel, noon() + TimeDelta::days(1)), noon()).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(texts(&harness, "a-sms").is_empty());
        harness.store.fault(Op::ExpediteRetries, Fault::Fail(PortErrorKind::Unavailable));
        harness.store.pause(pause("a-sms", noon()), noon()).await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(texts(&harness, "a-sms"), ["You said: one"]);
    });
}

#[test]
fn i6_who_stopped_on_one_channel_gets_nothing_on_the_other_either() {
    paused(async {
        let harness = Harness::build(|plan| {
            let channel = plan.channel("a");
            channel.fallback = Some(ChannelId::new("a-sms"));
            channel.breaker = BreakerPolicy { consecutive_failures: 1, ..quick_breaker() };
            let sms = ChannelProfile { scheme: Scheme::Sms, ..ChannelProfile::default() };
            plan.add("a").channels.insert("a-sms".to_owned(), sms);
        });
        harness.store.opt_out(&TenantId::new("a"), &Address::from_normalised(&format!("sms:{ANNE}")));
        harness.provider("a").choose(|_| Some(away()));
        harness.post("a", ANNE, "one").await.unwrap();
        let processed = |now: &Snapshot| now.inbound.iter().any(|row| row.state == InboundState::Processed);
        let snapshot = harness.until(processed).await;
        assert!(snapshot.outbound.is_empty(), "a phone number is one person");
        assert!(texts(&harness, "a").is_empty() && texts(&harness, "a-sms").is_empty());
    });
}

#[test]
fn a_channel_that_rests_for_long_says_so_again_for_as_long() {
    paused(async {
        let harness = Harness::build(|plan| {
            plan.channel("a").breaker = BreakerPolicy { open_for: Duration::from_secs(300), ..quick_breaker() };
        });
        harness.provider("a").choose(|_| Some(away()));
        for n in 0..5 {
            harness.post("a", &format!("+336100000{n:02}"), "hello").await.unwrap();
        }
        harness.provider("a").wait_begun(3).await;
        tokio::time::sleep(Duration::from_secs(250)).await;
        let said = harness.store.calls(Op::PostChannelNotice);
        assert!((4..=5).contains(&said), "at once, and every minute: {said}");
        let [notice] = &harness.store.notices()[..] else { panic!("one channel has a notice") };
        assert!(notice.until > noon() + TimeDelta::seconds(290), "each time to the same end");
    });
}

#[test]
fn a_broken_channel_rests_tries_one_message_and_goes_on() {
    paused(async {
        let harness = Harness::build(|plan| plan.channel("a").breaker = quick_breaker());
        harness.provider("a").choose(|_| Some(away()));
        for n in 0..20 {
            harness.post("a", &format!("+336100000{n:02}"), "hello").await.unwrap();
        }
        harness.provider("a").wait_begun(3).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let begun = harness.provider("a").begun().len();
        let claims = harness.store.snapshot().events_of(EventType::MessageClaimed).count();
        let [notice] = &harness.store.notices()[..] else { panic!("one channel has a notice") };
        assert_eq!((notice.channel_key.channel.as_str(), notice.reason.as_str()), ("a", "breaker_open"));
        assert!(notice.until > noon() + TimeDelta::seconds(2), "and the notice says until when");
        harness.post("a", BOB, "me too").await.unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(harness.provider("a").begun().len(), begun, "open: nothing is tried");
        assert_eq!(
            harness.store.calls(Op::PostChannelNotice),
            1,
            "once, however much waits and however often that is looked at"
        );
        let later = harness.store.snapshot().events_of(EventType::MessageClaimed).count();
        assert_eq!(later, claims, "and nothing is claimed only to be put back");
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(harness.provider("a").begun().len(), begun + 1, "half-open: one message tries the way");
        harness.provider("a").choose(|_| None);
        let snapshot = harness.until(|now| all_sent(now, 21)).await;
        assert!(all_sent(&snapshot, 21), "closed: everything goes");
        assert_eq!(harness.provider("a").taken().len(), 21);
    });
}

#[test]
fn i3_what_waited_for_the_contact_goes_first_when_they_write() {
    paused(async {
        let harness = Harness::build(|plan| plan.channel("a").window = Some(Duration::from_secs(60)));
        harness.post("a", ANNE, "zero").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        tokio::time::sleep(Duration::from_secs(100)).await;
        for text in ["one", "two"] {
            harness.send("a", ANNE, request(text)).await.unwrap();
        }
        let snapshot = harness.until(|now| in_state(now, "two", OutboxState::Deferred)).await;
        let waiting = row(&snapshot, "one");
        assert_eq!((waiting.state, waiting.blocked_reason.as_deref()), (OutboxState::Deferred, Some("window_closed")));
        assert!(waiting.message.expires_at.is_some(), "not for ever");
        let mut message = harness.message("a", ANNE, "here I am");
        message.received_at = noon() + TimeDelta::seconds(110);
        harness.engine.accept(message).await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 4)).await;
        assert_eq!(texts(&harness, "a"), ["You said: zero", "one", "two", "You said: here I am"]);
        assert_eq!(snapshot.events_of(EventType::MessageReleased).count(), 2);
    });
}

#[test]
fn context_the_window_a_template_says_it() {
    paused(async {
        let harness = Harness::build(|plan| {
            plan.channel("a").window = Some(Duration::from_secs(60));
            plan.channel("a").templates = templates();
        });
        harness.post("a", ANNE, "zero").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        harness.send("a", ANNE, rappel(Some("inside"))).await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        tokio::time::sleep(Duration::from_secs(100)).await;
        harness.send("a", ANNE, rappel(Some("outside"))).await.unwrap();
        // Somebody who never wrote.
        harness.send("a", BOB, rappel(None)).await.unwrap();
        harness.until(|now| all_sent(now, 4)).await;
        let said: Vec<_> = harness.provider("a").requests().into_iter().map(|request| request.said).collect();
        let template = Said::Template("HX1".to_owned(), vec!["Anne".to_owned()]);
        assert_eq!(said[1..], [Said::Text("inside".to_owned()), template.clone(), template]);
    });
}

#[test]
fn when_the_provider_finds_the_window_closed_the_template_goes_in_the_same_attempt() {
    paused(async {
        let harness = Harness::build(|plan| plan.channel("a").templates = templates());
        let closed = SendError {
            class: SendErrorClass::WindowClosed,
            code: Some("63016".to_owned()),
            throttled: false,
            detail: String::new(),
        };
        harness.provider("a").script([Answer::Refuse(closed.clone())]);
        harness.send("a", ANNE, rappel(Some("text"))).await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(row(&snapshot, "text").message.attempts, 1);
        let template = Said::Template("HX1".to_owned(), vec!["Anne".to_owned()]);
        assert_eq!(harness.provider("a").requests()[0].said, template);

        harness.provider("a").script([Answer::Refuse(closed)]);
        harness.send("a", ANNE, request("without")).await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "without", OutboxState::Deferred)).await;
        let refused = row(&snapshot, "without");
        assert_eq!(
            (refused.state, refused.blocked_reason.as_deref()),
            (OutboxState::Deferred, Some("63016")),
            "whose word it is"
        );
    });
}

#[test]
fn i3_i5_a_sender_that_is_killed_is_looked_into_and_nothing_overtakes_its_message() {
    paused(async {
        let harness = Harness::build(|_| {});
        harness.post("a", ANNE, "zero").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        harness.rate_limiter.script([RateLimiterFault::Panic]);
        harness.post("a", ANNE, "one").await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        harness.post("a", ANNE, "two").await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(texts(&harness, "a"), ["You said: zero"], "its lease has not run out yet");
        let snapshot = harness.until(|now| all_sent(now, 3)).await;
        assert_eq!(texts(&harness, "a"), ["You said: zero", "You said: one", "You said: two"]);
        assert_eq!(snapshot.events_of(EventType::MessageUnknown).count(), 1);
        assert_eq!(harness.engine.sending(), 0, "its place came back");
    });
}

#[test]
fn i5_a_duplicate_candidate_of_the_same_text_proves_nothing() {
    paused(async {
        let harness = Harness::build(|_| {});
        harness.send("a", ANNE, request("same")).await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        harness.provider("a").script([Answer::Lose]);
        harness.send("a", ANNE, request("same")).await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(texts(&harness, "a"), ["same", "same"], "the first one's receipt is not the second one's");
        harness.provider("a").script([Answer::TakeAndLose]);
        harness.send("a", ANNE, request("same")).await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 3)).await;
        assert_eq!(texts(&harness, "a").len(), 3, "found among duplicate candidates, and not repeated");
        let mut ids: Vec<_> = snapshot.outbound.iter().map(|row| row.provider_message_id.clone()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 3, "each owns a receipt of its own");
    });
}

#[test]
fn i9_a_provider_that_does_not_answer_questions_holds_up_its_own_channel_key_alone() {
    paused(async {
        let harness = Harness::build(|_| {});
        harness.provider("a").hang_finds(true);
        harness.provider("a").choose(|_| Some(Answer::Lose));
        for n in 0..90 {
            harness.post("a", &format!("+336100000{n:02}"), "hello").await.unwrap();
        }
        harness.until(|now| now.events_of(EventType::MessageUnknown).count() == 90).await;
        harness.provider("b").script([Answer::Lose]);
        harness.post("b", BOB, "hello").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert!(all_sent(&snapshot, 1));
        assert_eq!(harness.provider("a").asked().len(), 8, "a few at a time");
    });
}

#[test]
fn i3_requests_and_answers_of_a_conversation_leave_in_the_order_in_which_they_were_written() {
    paused(async {
        let harness = Harness::build(|_| {});
        harness.provider("a").script([Answer::Hang]);
        harness.post("a", ANNE, "zero").await.unwrap();
        harness.provider("a").wait_begun(1).await;
        harness.send("a", ANNE, request("one")).await.unwrap();
        harness.post("a", ANNE, "two").await.unwrap();
        harness.until(|now| now.outbound.len() == 3).await;
        harness.send("a", ANNE, request("three")).await.unwrap();
        harness.provider("a").release();
        let snapshot = harness.until(|now| all_sent(now, 4)).await;
        assert_eq!(texts(&harness, "a"), ["You said: zero", "one", "You said: two", "three"]);
        assert_eq!(row(&snapshot, "one").message.kind, OutboundKind::Manual);
    });
}

#[test]
fn a_request_is_refused_with_its_reason() {
    paused(async {
        let harness = Harness::build(|_| {});
        let keyed = SendRequest { idempotency_key: Some("k".to_owned()), ..request("once") };
        harness.send("a", ANNE, keyed.clone()).await.unwrap();
        assert_eq!(harness.send("a", ANNE, keyed).await, Err(SendRefusal::AskedBefore));
        harness.post("a", ANNE, "STOP").await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        let refused = Err(SendRefusal::Refused(Refused::OptedOut));
        assert_eq!(harness.send("a", ANNE, request("psst")).await, refused);
        assert_eq!(harness.send("nobody", ANNE, request("x")).await, Err(SendRefusal::UnknownTenant));
        let (tenant, to) = (TenantId::new("a"), Address::from_normalised(ANNE));
        let elsewhere = harness.engine.send(tenant, ChannelId::new("b"), to, request("x")).await;
        assert_eq!(elsewhere, Err(SendRefusal::UnknownChannel));
        harness.engine.drain().await;
        assert_eq!(harness.send("a", BOB, request("x")).await, Err(SendRefusal::Stopping));
        assert_eq!(harness.store.snapshot().outbound.len(), 2);
    });
}

#[test]
fn a_paused_channel_sends_nothing_until_it_is_resumed() {
    paused(async {
        let harness = Harness::build(|_| {});
        let channel_key = ChannelKey { tenant: TenantId::new("a"), channel: ChannelId::new("a") };
        let pause = Pause { channel_key, reason: "operator".to_owned(), until: noon() + TimeDelta::days(9) };
        harness.store.pause(pause.clone(), noon()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        harness.post("a", ANNE, "one").await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(texts(&harness, "a").is_empty());
        harness.store.pause(Pause { until: noon(), ..pause }, noon()).await.unwrap();
        assert!(all_sent(&harness.until(|now| all_sent(now, 1)).await, 1));
    });
}

#[test]
fn a_provider_that_suspends_a_channel_pauses_it() {
    paused(async {
        let harness = Harness::build(|_| {});
        let class = SendErrorClass::Suspended { after: Duration::from_secs(120) };
        let suspended = SendError { class, code: Some("yellow".to_owned()), throttled: false, detail: String::new() };
        harness.provider("a").script([Answer::Refuse(suspended)]);
        harness.post("a", ANNE, "one").await.unwrap();
        harness.until(|now| !now.pauses.is_empty()).await;
        harness.post("a", BOB, "two").await.unwrap();
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert_eq!(harness.provider("a").begun().len(), 1);
        assert_eq!(harness.store.snapshot().pauses[0].reason, "yellow");
        assert!(all_sent(&harness.until(|now| all_sent(now, 2)).await, 2));
    });
}

#[test]
fn i7_pair_account_and_tenant_are_paced_together() {
    paused(async {
        let harness = Harness::build(|plan| {
            plan.add("a").per_second = 5;
            plan.channel("a").pair = Some(RateLimit { every: Duration::from_secs(6), burst: 2 });
        });
        harness.rate_limiter.script([RateLimiterFault::Fail(PortErrorKind::Unavailable)]);
        for n in 0..4 {
            harness.send("a", ANNE, request(&format!("anne {n}"))).await.unwrap();
            harness.send("a", BOB, request(&format!("bob {n}"))).await.unwrap();
        }
        assert!(all_sent(&harness.until(|now| all_sent(now, 8)).await, 8), "closed for a moment, then open");
        let taken = harness.rate_limiter.taken();
        let of = |wanted: fn(&LimitKey) -> bool| {
            let mut times: Vec<_> = taken
                .iter()
                .filter(|(limits, _)| limits.iter().any(|limit| wanted(&limit.key)))
                .map(|(_, at)| *at)
                .collect();
            times.sort();
            times
        };
        let tenant = of(|key| matches!(key, LimitKey::Tenant(_)));
        assert_eq!(tenant.len(), 8);
        assert!(tenant.windows(2).all(|pair| pair[1] - pair[0] >= TimeDelta::milliseconds(200)));
        let anne = of(|key| matches!(key, LimitKey::Pair(_, to) if to.path() == ANNE));
        assert!(anne.windows(3).all(|three| three[2] - three[0] >= TimeDelta::seconds(6)), "{anne:?}");
    });
}

#[test]
fn where_contacts_must_confirm_what_they_did_not_ask_for_waits() {
    paused(async {
        let harness = Harness::build(|plan| plan.add("a").double_opt_in = true);
        harness.send("a", ANNE, request("news")).await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "news", OutboxState::Deferred)).await;
        assert_eq!(row(&snapshot, "news").blocked_reason.as_deref(), Some("not_confirmed"));
        assert!(harness.provider("a").begun().is_empty());
    });
}

#[test]
fn a_message_that_expired_is_a_dead_letter() {
    paused(async {
        let harness = Harness::build(|plan| plan.channel("a").breaker = quick_breaker());
        harness.provider("a").script([away()]);
        let soon = noon() + TimeDelta::milliseconds(400);
        harness.send("a", ANNE, SendRequest { expires_at: Some(soon), ..request("late") }).await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "late", OutboxState::Dead)).await;
        assert_eq!(row(&snapshot, "late").last_error.as_deref(), Some("expired"));
        assert!(texts(&harness, "a").is_empty());
    });
}

#[test]
fn i5_while_the_one_that_took_over_cannot_be_asked_nothing_is_repeated() {
    paused(async {
        let harness = Harness::build(|plan| {
            plan.channel("a").fallback = Some(ChannelId::new("a-sms"));
            let sms = ChannelProfile { scheme: Scheme::Sms, ..ChannelProfile::default() };
            plan.add("a").channels.insert("a-sms".to_owned(), sms);
        });
        harness.provider("a").script([Answer::Lose]);
        harness.provider("a").script_finds([Ok(Found::CannotTell)]);
        let class = SendErrorClass::Retry { after: None };
        let error = SendError { class, code: Some("503".to_owned()), throttled: false, detail: String::new() };
        harness.gateways.of(&ChannelId::new("a-sms")).script_finds([Err(error)]);
        harness.post("a", ANNE, "one").await.unwrap();
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(snapshot.events_of(EventType::MessageUnknown).count(), 2, "asked again before it is sent again");
        assert_eq!(harness.provider("a").begun().len(), 2);
    });
}
