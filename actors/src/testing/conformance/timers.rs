//! Cases of timers, and of what else a turn writes beside messages.

#![expect(missing_docs, reason = "each function is a test, and its name says what holds")]

use std::sync::Arc;
use std::time::Duration;

use tokio::task::LocalSet;

use super::Subject;
use super::fixture::{Customer, at, claim, queued, settle, taken, turn};
use crate::domain::action::Action;
use crate::domain::address::Address;
use crate::domain::conversation::{Assignee, ConversationKey, ConversationStatus, FlowState, Handler};
use crate::domain::event::ActorType;
use crate::domain::ids::{ChannelId, ConversationId, CorrelationId, InboundId, ProviderMessageId, TenantId, TimerId};
use crate::domain::message::{Category, Choice, Content, NewInbound, OutboundKind};
use crate::domain::status::OutboxState;
use crate::domain::timer::{Timer, TimerChange, TimerKind};
use crate::domain::turn::{Command, ConsentChange, Request, Requester, ScheduledMessage, Turn};
use crate::ports::{DueTimer, PortErrorKind};
use crate::runtime::Settings;
use crate::testing::fakes::{FakeClock, FakeGateways, Snapshot};
use crate::testing::harness::engine_on;

fn timer(kind: TimerKind, seconds: i64) -> Timer {
    Timer {
        id: TimerId::fresh(),
        kind,
        fires_at: at(seconds),
        payload: r#"{"text":"C'est l'heure","urgent":true}"#.to_owned(),
        correlation: CorrelationId::fresh(),
        created_at: at(0),
    }
}

/// A turn that uses no message up.
async fn quiet(store: &impl Subject, customer: &Customer, seconds: i64) -> Turn {
    let message = customer.writes("none", 0).accepted_as(InboundId::fresh());
    Turn { consumed: None, events: Vec::new(), ..turn(&customer.state(store).await, &message, seconds) }
}

async fn due(store: &impl Subject, seconds: i64, limit: usize) -> Vec<DueTimer> {
    store.due_timers(at(seconds), limit).await.expect("lists")
}

/// A conversation that had a turn, which set these timers.
async fn with(store: &impl Subject, customer: &Customer, timers: &[&Timer]) {
    let message = customer.sends(store, &format!("SM{}", uuid::Uuid::now_v7()), 0).await;
    let mut turn = turn(&customer.state(store).await, &message, 0);
    turn.timers = timers.iter().map(|timer| TimerChange::Set((*timer).clone())).collect();
    store.commit(turn).await.expect("commits");
}

pub async fn timers_are_due_in_the_order_of_their_times(store: &impl Subject) {
    let (anne, bob) = (Customer::of("belle", 1), Customer::of("taxi", 2));
    let (late, soon, next) = (timer(TimerKind::Send, 30), timer(TimerKind::HandBack, 10), timer(TimerKind::Send, 20));
    with(store, &anne, &[&late, &soon]).await;
    with(store, &bob, &[&next]).await;
    let of = |customer: &Customer, timer: &Timer| DueTimer { key: customer.0.clone(), timer: timer.clone() };
    assert_eq!(due(store, 9, 10).await, []);
    assert_eq!(due(store, 10, 10).await, [of(&anne, &soon)]);
    assert_eq!(due(store, 99, 10).await, [of(&anne, &soon), of(&bob, &next), of(&anne, &late)]);
    assert_eq!(due(store, 99, 2).await.len(), 2);
    assert_eq!(store.snapshot().await.timers.len(), 3);
}

pub async fn i4_a_timer_fires_once(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let timer = timer(TimerKind::Send, 10);
    with(store, &customer, &[&timer]).await;
    let fires = async |seconds| {
        let turn = quiet(store, &customer, seconds).await;
        Turn { fired: Some(timer.id), ..turn }.answered(queued(seconds))
    };
    // Two nodes have read the same state.
    let (first, second) = (fires(10).await, fires(10).await);
    store.commit(first).await.expect("commits");
    let lost = store.commit(second).await.expect_err("the version moved");
    assert_eq!(lost.kind, PortErrorKind::Conflict);
    // Nor does it, whoever has read the newer one.
    let late = store.commit(fires(11).await).await.expect_err("the timer is gone");
    assert_eq!(late.kind, PortErrorKind::Conflict);
    let snapshot = store.snapshot().await;
    assert_eq!((snapshot.timers.len(), snapshot.outbound.len()), (0, 1));
    assert_eq!(customer.state(store).await.conversation.expect("a conversation").version, 2);
}

pub async fn i4_a_turn_that_loses_leaves_the_timers_as_they_were(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let (kept, wanted) = (timer(TimerKind::Send, 10), timer(TimerKind::HandBack, 20));
    with(store, &customer, &[&kept]).await;
    let mut stale = quiet(store, &customer, 5).await;
    stale.expected_version += 7;
    stale.timers = vec![TimerChange::Cancel(kept.id), TimerChange::Set(wanted)];
    stale.fired = Some(kept.id);
    assert_eq!(store.commit(stale).await.expect_err("stale").kind, PortErrorKind::Conflict);
    let timers: Vec<_> = due(store, 99, 10).await.into_iter().map(|due| due.timer).collect();
    assert_eq!(timers, [kept]);
}

pub async fn timers_are_cancelled_one_by_one_or_by_kind(store: &impl Subject) {
    let (anne, bob) = (Customer::of("belle", 1), Customer::of("belle", 2));
    let [one, two, three] = [1, 2, 3].map(|seconds| timer(TimerKind::Send, seconds));
    let (back, elsewhere) = (timer(TimerKind::HandBack, 4), timer(TimerKind::Send, 5));
    with(store, &anne, &[&one, &two, &three, &back]).await;
    with(store, &bob, &[&elsewhere]).await;
    let left = async || due(store, 99, 10).await.into_iter().map(|due| due.timer.id).collect::<Vec<_>>();
    let change = async |changes: Vec<TimerChange>| {
        let turn = quiet(store, &anne, 0).await;
        store.commit(Turn { timers: changes, ..turn }).await.expect("commits");
    };
    change(vec![TimerChange::Cancel(two.id), TimerChange::Cancel(elsewhere.id)]).await;
    assert_eq!(left().await, [one.id, three.id, back.id, elsewhere.id], "not another conversation's");
    let replacing = timer(TimerKind::Send, 6);
    change(vec![TimerChange::Set(replacing.clone()), TimerChange::CancelAll(TimerKind::Send)]).await;
    assert_eq!(left().await, [back.id, elsewhere.id, replacing.id], "what is set is set after what is cancelled");
}

pub async fn who_answers_and_what_a_flow_remembers_come_back(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let flow = FlowState { version: 3, state: serde_json::json!({"step": "when", "tries": 2}) };
    with(store, &customer, &[]).await;
    let mut turn = quiet(store, &customer, 1).await;
    turn.conversation.assignee = Some(Assignee::new("Awa"));
    turn.conversation.flow = Some(Arc::new(flow));
    turn.conversation.handler = Handler::Human;
    turn.conversation.status = ConversationStatus::Resolved;
    let written = turn.conversation.clone();
    store.commit(turn).await.expect("commits");
    assert_eq!(customer.state(store).await.conversation, Some(written.clone()));
    let newcomer = Customer::of("belle", 2);
    let message = newcomer.sends(store, "SM2", 0).await;
    let mut turn = super::fixture::turn(&newcomer.state(store).await, &message, 0);
    (turn.conversation.assignee, turn.conversation.flow) = (written.assignee, written.flow);
    let written = turn.conversation.clone();
    store.commit(turn).await.expect("commits");
    assert_eq!(newcomer.state(store).await.conversation, Some(written), "with the first turn, too");
}

pub async fn a_conversation_is_found_by_its_id_within_its_tenant(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    with(store, &customer, &[]).await;
    let id = customer.state(store).await.conversation.expect("a conversation").id;
    let key = async |tenant, id| store.key_of(&TenantId::new(tenant), id).await.expect("answers");
    assert_eq!(key("belle", id).await, Some(customer.0.clone()));
    assert_eq!(key("taxi", id).await, None, "I9");
    assert_eq!(key("belle", ConversationId::fresh()).await, None);
}

pub async fn an_action_comes_back_as_it_was_and_passes_a_stop(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let action = Action { kind: "invite_link".into(), arguments: serde_json::json!({"chat": -100, "days": [1, 2]}) };
    with(store, &customer, &[]).await;
    let mut turn = quiet(store, &customer, 1).await.answered_with(OutboundKind::Action, queued(1));
    turn.outbox[0].message.action = Some(action.clone());
    let choices = vec![Choice { id: "oui".into(), label: "Oui, \"volontiers\" é".into() }];
    turn.outbox[0].message.choices = choices.clone();
    let row = turn.outbox[0].message.id;
    store.commit(turn).await.expect("commits");
    let mut stop = quiet(store, &customer, 2).await;
    stop.consent = Some(ConsentChange::OptOut { address: customer.0.address.clone() });
    store.commit(stop).await.expect("commits");
    let claimed = claim(store, "belle", 3, 10).await;
    assert_eq!((claimed.len(), claimed[0].id, claimed[0].kind), (1, row, OutboundKind::Action));
    assert_eq!((claimed[0].action.as_ref(), &claimed[0].choices), (Some(&action), &choices));
    settle(store, &claimed[0], taken("link"), 4).await;
    let snapshot = store.snapshot().await;
    assert_eq!(
        (snapshot.sent_row(row).state, snapshot.sent_row(row).message.action.as_ref()),
        (OutboxState::Sent, Some(&action))
    );
}

/// Anne's conversation on the channel of tenant `a`.
fn anne() -> ConversationKey {
    ConversationKey::new(TenantId::new("a"), ChannelId::new("a"), Address::from_normalised("whatsapp:+33612345678"))
}

fn says(id: &str) -> NewInbound {
    let ConversationKey { tenant, channel, address, .. } = anne();
    NewInbound {
        tenant,
        channel,
        provider_message_id: ProviderMessageId::new(id),
        id_per_chat: false,
        from: address,
        to: Address::from_normalised("whatsapp:+14155238886"),
        content: Content { body: id.to_owned(), ..Content::default() },
        correlation: CorrelationId::fresh(),
        received_at: at(0),
        spooled: false,
    }
}

/// Looks again and again until the rows are as wanted; the caller's assertion tells when they never are.
async fn until(store: &impl Subject, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let looking = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            let snapshot = store.snapshot().await;
            if wanted(&snapshot) {
                return snapshot;
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(20), looking).await {
        Ok(snapshot) => snapshot,
        Err(_) => store.snapshot().await,
    }
}

pub async fn i3_an_answer_does_not_overtake_what_a_timer_wrote<S: Subject + Clone + 'static>(store: &S) {
    let race = async {
        let (clock, gateways) = (FakeClock::at(at(0)), FakeGateways::default());
        // Time goes on by itself, and jumps when the timer is to come.
        let ticking = clock.clone();
        tokio::task::spawn_local(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(2));
            loop {
                tick.tick().await;
                ticking.advance(Duration::from_millis(2));
            }
        });
        let settings = Settings { sweep_every: Duration::from_millis(20), ..Settings::default() };
        let engine = engine_on(store, Arc::new(clock.clone()), &gateways, settings);
        let provider = gateways.of(&ChannelId::new("a"));
        engine.accept(says("hello")).await.expect("accepts");
        let snapshot = until(store, |now| now.outbound.iter().any(|row| row.state == OutboxState::Sent)).await;
        let message = ScheduledMessage {
            text: Some("reminder".into()),
            template: None,
            choices: Vec::new(),
            presentation: None,
            category: Category::default(),
            urgent: true,
            expires_at: None,
        };
        let request = Request {
            by: Requester { actor_type: ActorType::Operator, name: None },
            correlation: CorrelationId::fresh(),
            command: Command::SendAt { at: at(30), message },
        };
        let conversation = snapshot.conversations[0].conversation.id;
        engine.request(&anne().tenant, conversation, request).await.expect("sets a timer");
        // What is under way holds the timer's message back: it queues.
        provider.script([crate::testing::fakes::Answer::Hang]);
        engine.accept(says("one")).await.expect("accepts");
        provider.wait_begun(2).await;
        clock.advance(Duration::from_secs(31));
        until(store, |now| now.outbound.len() == 3).await;
        provider.release();
        provider.wait_taken(2).await;
        engine.accept(says("two")).await.expect("accepts");
        provider.wait_taken(4).await;
        let said: Vec<_> = provider.taken().into_iter().map(|message| message.body).collect();
        assert_eq!(said, ["You said: hello", "You said: one", "reminder", "You said: two"]);
        until(store, |now| now.outbound.iter().all(|row| row.state == OutboxState::Sent)).await;
        engine.drain().await;
    };
    let race = LocalSet::new().run_until(tokio::time::timeout(Duration::from_secs(60), race)).await;
    assert!(race.is_ok(), "it came to a standstill: {:#?}", store.snapshot().await.outbound);
}
