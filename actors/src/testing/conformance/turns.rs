//! Cases of `Turns` and `RecipientStatuses`.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use futures_util::future::join_all;

use super::Subject;
use super::fixture::{Customer, at, behind, now, queued, turn};
use crate::domain::address::Address;
use crate::domain::conversation::ConversationStatus;
use crate::domain::event::EventType;
use crate::domain::ids::{ChannelId, LiveSessionId};
use crate::domain::message::{OutboundKind, Role};
use crate::domain::status::OutboxState;
use crate::domain::turn::{ConsentChange, SessionChange};
use crate::ports::{Loaded, PortError, PortErrorKind, Settled, Settlement};
use crate::testing::fakes::InboundState;

fn is_conflict(result: &Result<(), PortError>) -> bool {
    matches!(result, Err(error) if error.kind == PortErrorKind::Conflict)
}

pub async fn i4_a_turn_commits_as_one(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let message = customer.sends(store, "SM1", 0).await;
    let nobody = customer.state(store).await;
    assert!(nobody.contact.is_none() && nobody.conversation.is_none() && !nobody.opted_out);
    let mut turn = turn(&nobody, &message, 1).answered(now(1));
    turn.conversation.recent_answers = vec![at(0), at(1)];
    turn.conversation.timer_at = Some(at(600));
    turn.conversation.status = ConversationStatus::InProgress;
    store.commit(turn.clone()).await.expect("commits");

    let loaded = customer.loaded(store).await;
    assert!(loaded.state.contact == Some(turn.contact.clone()));
    assert_eq!(loaded.state.conversation.as_ref(), Some(&turn.conversation));
    assert!(loaded.waiting.is_empty() && loaded.open_rows);
    let rows = store.snapshot().await;
    let [inbound] = &rows.inbound[..] else { panic!("one row") };
    assert_eq!((inbound.state, inbound.role), (InboundState::Processed, Some(Role::Client)));
    assert_eq!((inbound.conversation, inbound.processed_at), (Some(turn.conversation.id), Some(at(1))));
    assert_eq!(inbound.reason.as_deref(), Some("answered_fallback"));
    let [answer] = &rows.outbound[..] else { panic!("one row") };
    let drafted = &turn.outbox[0].message;
    assert_eq!((answer.state, answer.message.id, answer.message.attempts), (OutboxState::Sending, drafted.id, 1));
    assert_eq!((answer.message.in_reply_to, answer.lease_until), (Some(message.id), Some(at(61))));
    assert_eq!((&answer.message.body, &answer.message.to), (&drafted.body, &drafted.to));
    assert_eq!(rows.sessions.len(), 1);
    assert_eq!((rows.sessions[0].conversation, rows.sessions[0].opened_at), (turn.conversation.id, at(1)));
    assert_eq!(rows.addresses, [(customer.0.tenant.clone(), customer.0.address.clone(), turn.contact.id)]);
    let types: Vec<_> = rows.events.iter().map(|event| event.event_type).collect();
    assert_eq!(types, [EventType::WebhookReceived, EventType::MessageRouted]);
    assert_eq!(rows.events[1].entity_id, Some(message.id.0));
}

pub async fn i4_a_conflict_writes_nothing(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let first = customer.sends(store, "SM1", 0).await;
    let early = customer.state(store).await;
    store.commit(turn(&early, &first, 1)).await.expect("commits");
    let second = customer.sends(store, "SM2", 2).await;
    let before = format!("{:?}", store.snapshot().await);

    let mut late = turn(&early, &second, 3).answered(now(3));
    late.live_session = Some(LiveSessionId::fresh());
    late.consent = Some(ConsentChange::OptOut { address: customer.0.address.clone() });
    late.alias = Some(Address::from_normalised("whatsapp:FR.1"));
    assert!(is_conflict(&store.commit(late).await), "a conversation of its own, beside the one that is there");
    let mut ahead = turn(&customer.state(store).await, &second, 3).answered(queued(3));
    ahead.expected_version += 1;
    assert!(is_conflict(&store.commit(ahead).await), "a version that is not there yet");
    let mut lost = turn(&customer.state(store).await, &second, 3);
    lost.conversation.id = crate::domain::ids::ConversationId::fresh();
    assert!(is_conflict(&store.commit(lost).await), "a conversation that is not there");
    assert_eq!(format!("{:?}", store.snapshot().await), before);
}

pub async fn i4_a_message_has_one_turn(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let message = customer.sends(store, "SM1", 0).await;
    store.commit(turn(&customer.state(store).await, &message, 1)).await.expect("commits");
    let again = turn(&customer.state(store).await, &message, 2).answered(now(2));
    let before = format!("{:?}", store.snapshot().await);
    assert!(is_conflict(&store.commit(again).await));
    let stranger = Customer::of("taxi", 1);
    let theirs = stranger.sends(store, "SM1", 0).await;
    let stolen = turn(&customer.state(store).await, &theirs, 2);
    assert!(is_conflict(&store.commit(stolen).await), "another tenant's message");
    assert!(format!("{:?}", store.snapshot().await.outbound) == "[]" && before.contains("Processed"));
}

pub async fn i4_of_many_turns_at_once_one_wins(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    for round in 0..3 {
        customer.sends(store, &format!("SM{round}-a"), 0).await;
        customer.sends(store, &format!("SM{round}-b"), 1).await;
        let Loaded { state, waiting, .. } = customer.loaded(store).await;
        // Some are about a message that is not the oldest: a store that several nodes share lets none of those win.
        let turns: Vec<_> = (0..20).zip(waiting.iter().take(2).cycle()).collect();
        let turns: Vec<_> = turns.into_iter().map(|(n, message)| turn(&state, message, n).answered(now(n))).collect();
        let results = join_all(turns.into_iter().map(|turn| store.commit(turn))).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(results.iter().filter(|result| is_conflict(result)).count(), 19);
        let version = customer.state(store).await.conversation.expect("is there").version;
        assert_eq!((version, store.snapshot().await.outbound.len()), (round + 1, version as usize));
    }
}

pub async fn i4_a_conflict_is_its_own_alone(store: &impl Subject) {
    let mut turns = Vec::new();
    for n in 0..30 {
        let customer = Customer::of(if n % 2 == 0 { "belle" } else { "taxi" }, n);
        let message = customer.sends(store, &format!("SM{n}"), 0).await;
        let mut turn = turn(&customer.state(store).await, &message, 1).answered(now(1));
        if n % 10 == 3 {
            turn.expected_version = 7;
        }
        turns.push(turn);
    }
    let results = join_all(turns.into_iter().map(|turn| store.commit(turn))).await;
    for (n, result) in results.iter().enumerate() {
        assert_eq!(is_conflict(result), n % 10 == 3, "turn {n}: {result:?}");
    }
    let rows = store.snapshot().await;
    assert_eq!((rows.conversations.len(), rows.outbound.len()), (27, 27));
    assert_eq!(rows.count(EventType::MessageRouted), 27);
}

pub async fn i4_two_newcomers_with_one_address_are_one_contact(store: &impl Subject) {
    let here = Customer::of("belle", 1);
    let mut there = here.clone();
    there.0.channel = ChannelId::new("belle-wa-2");
    let (first, second) = (here.sends(store, "SM1", 0).await, there.sends(store, "SM2", 0).await);
    let turns = [turn(&here.state(store).await, &first, 1), turn(&there.state(store).await, &second, 1)];
    let results = join_all(turns.into_iter().map(|turn| store.commit(turn))).await;
    assert_eq!(results.iter().filter(|result| is_conflict(result)).count(), 1);
    for (customer, message) in [(&here, &first), (&there, &second)] {
        let state = customer.state(store).await;
        assert!(state.contact.is_some(), "known on both channels");
        if state.conversation.is_none() {
            store.commit(turn(&state, message, 2)).await.expect("commits with the contact that is there");
        }
    }
    let rows = store.snapshot().await;
    assert_eq!((rows.addresses.len(), rows.conversations.len()), (1, 2));
    assert_eq!(rows.conversations[0].contact, rows.conversations[1].contact);
}

pub async fn i6_stop_holds_back_what_nobody_began(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let begun = customer.is_answered(store, "SM1", 0, now(0)).await;
    let waiting = customer.is_answered(store, "SM2", 1, queued(1)).await;
    let other = Customer::of("belle", 2).is_answered(store, "SM3", 1, queued(1)).await;
    let stop = customer.sends(store, "SM4", 2).await;
    let mut turn = turn(&customer.state(store).await, &stop, 2)
        .answered_with(OutboundKind::OptOutConfirmation, queued(2))
        .answered(queued(2));
    turn.consent = Some(ConsentChange::OptOut { address: customer.0.address.clone() });
    let (confirmation, same_turn) = (turn.outbox[0].message.id, turn.outbox[1].message.id);
    store.commit(turn).await.expect("commits");

    let rows = store.snapshot().await;
    let state = |id| rows.sent_row(id).state;
    assert_eq!(state(begun.id), OutboxState::Sending, "the recipient check is for that one");
    assert_eq!(state(waiting.id), OutboxState::Suppressed);
    assert_eq!(rows.sent_row(waiting.id).last_error.as_deref(), Some("opted_out"));
    assert_eq!(state(same_turn), OutboxState::Suppressed);
    assert_eq!((state(confirmation), state(other.id)), (OutboxState::Pending, OutboxState::Pending));
    let events: Vec<_> = rows.events_of(EventType::MessageSuppressed).collect();
    assert_eq!(events.len(), 2);
    let event = events.iter().find(|event| event.entity_id == Some(waiting.id.0)).expect("its event");
    assert_eq!(event.correlation, waiting.correlation);
    assert!(customer.recipient_status(store).await.opted_out);
    assert!(customer.state(store).await.opted_out);
    assert!(!Customer::of("belle", 2).recipient_status(store).await.opted_out);
    assert_eq!(rows.opt_outs, [(customer.0.tenant.clone(), customer.0.address.clone())]);
}

pub async fn i6_a_phone_number_is_one_person_on_every_channel(store: &impl Subject) {
    let on_whatsapp = Customer::of("belle", 1);
    let waiting = on_whatsapp.is_answered(store, "SM1", 0, queued(0)).await;
    let by_sms = on_whatsapp.by("belle-sms", "sms:+33612340001");
    let says = async |id: &str, seconds, consent: fn(Address) -> ConsentChange| {
        let message = by_sms.sends(store, id, seconds).await;
        let mut turn = turn(&by_sms.state(store).await, &message, seconds);
        turn.consent = Some(consent(by_sms.0.address.clone()));
        store.commit(turn).await.expect("commits");
    };
    let version = on_whatsapp.state(store).await.conversation.expect("a conversation").version;
    says("SM2", 1, |address| ConsentChange::OptOut { address }).await;
    assert_eq!(store.snapshot().await.sent_row(waiting.id).state, OutboxState::Suppressed);
    assert!(on_whatsapp.recipient_status(store).await.opted_out && on_whatsapp.state(store).await.opted_out);
    assert!(!Customer::of("taxi", 1).recipient_status(store).await.opted_out, "another tenant's business");
    says("SM3", 2, |address| ConsentChange::OptIn { address }).await;
    assert!(!on_whatsapp.recipient_status(store).await.opted_out && !on_whatsapp.state(store).await.opted_out);
    let now = on_whatsapp.state(store).await.conversation.expect("a conversation").version;
    assert_eq!(now, version + 2, "whoever has it in memory reads it again");
}

pub async fn i6_stop_counts_for_every_address_of_the_contact(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let alias = Address::from_normalised("whatsapp:FR.77");
    let message = customer.sends(store, "SM1", 0).await;
    let mut first = turn(&customer.state(store).await, &message, 0).answered(queued(0));
    first.alias = Some(alias.clone());
    let waiting = first.outbox[0].message.id;
    store.commit(first).await.expect("commits");

    let by_alias = customer.by("belle-wa", alias.as_str());
    let stop = by_alias.sends(store, "SM2", 1).await;
    let state = by_alias.state(store).await;
    assert_eq!(state.conversation.as_ref().map(|conversation| conversation.version), Some(1), "the same conversation");
    let mut turn = turn(&state, &stop, 1);
    turn.consent = Some(ConsentChange::OptOut { address: alias.clone() });
    store.commit(turn).await.expect("commits");

    assert_eq!(store.snapshot().await.sent_row(waiting).state, OutboxState::Suppressed);
    for who in [&by_alias, &customer] {
        assert!(who.recipient_status(store).await.opted_out);
    }
    assert!(customer.state(store).await.opted_out && by_alias.state(store).await.opted_out);
}

pub async fn start_lifts_the_stop(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let address = customer.0.address.clone();
    let changes = [
        (ConsentChange::OptOut { address: address.clone() }, true),
        (ConsentChange::OptOut { address: address.clone() }, true),
        (ConsentChange::OptIn { address: address.clone() }, false),
        (ConsentChange::OptIn { address: address.clone() }, false),
        (ConsentChange::OptOut { address: address.clone() }, true),
    ];
    for (n, (change, silent)) in (0..).zip(changes) {
        let message = customer.sends(store, &format!("SM{n}"), n).await;
        let mut turn = turn(&customer.state(store).await, &message, n);
        turn.consent = Some(change);
        store.commit(turn).await.expect("commits");
        assert_eq!(customer.recipient_status(store).await.opted_out, silent);
        assert_eq!(customer.state(store).await.opted_out, silent);
    }
    assert_eq!(store.snapshot().await.opt_outs.len(), 1);
}

pub async fn i9_a_stop_is_for_one_tenant(store: &impl Subject) {
    let (here, there) = (Customer::of("belle", 1), Customer::of("taxi", 1));
    let waiting = there.is_answered(store, "SM1", 0, queued(0)).await;
    let stop = here.sends(store, "SM2", 1).await;
    let mut turn = turn(&here.state(store).await, &stop, 1);
    turn.consent = Some(ConsentChange::OptOut { address: here.0.address.clone() });
    store.commit(turn).await.expect("commits");
    assert!(!there.recipient_status(store).await.opted_out);
    assert!(!there.state(store).await.opted_out);
    assert_eq!(store.snapshot().await.sent_row(waiting.id).state, OutboxState::Pending);
}

pub async fn i3_a_turn_releases_what_it_knows_of(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let waits = customer.is_answered(store, "SM1", 0, now(0)).await;
    let result = Settled::Deferred { reason: "window_closed".into() };
    let settlement = Settlement { message: waits.clone(), result, via: None, cost_micros: 0, at: at(1) };
    store.settle(settlement.into()).await.expect("settles");
    let message = customer.sends(store, "SM2", 2).await;
    let mut ignorant = turn(&customer.state(store).await, &message, 3).answered(now(3));
    ignorant.releases = true;
    assert!(is_conflict(&store.commit(ignorant.clone()).await), "its answer would overtake what waits");
    assert!(customer.loaded(store).await.deferred);
    assert_eq!(store.snapshot().await.sent_row(waits.id).state, OutboxState::Deferred);

    let mut informed = turn(&customer.state(store).await, &message, 4).answered(behind(4));
    (informed.releases, informed.knows_deferred) = (true, true);
    store.commit(informed.clone()).await.expect("commits");
    let rows = store.snapshot().await;
    assert_eq!(rows.sent_row(waits.id).state, OutboxState::Pending);
    assert!(rows.sent_row(informed.outbox[0].message.id).behind);
}

pub async fn live_sessions_open_once_and_close_when_idle(store: &impl Subject) {
    let ids = [(); 4].map(|()| LiveSessionId::fresh());
    for (n, (tenant, id)) in (0..).zip([("live", ids[0]), ("live", ids[1]), ("taxi", ids[2])]) {
        let seller = Customer::of(tenant, 1);
        let message = seller.sends(store, &format!("SM{n}"), n).await;
        let mut turn = turn(&seller.state(store).await, &message, n);
        turn.live_session = Some(id);
        store.commit(turn).await.expect("commits");
    }
    let rows = store.snapshot().await;
    assert_eq!(rows.live_sessions.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    assert_eq!((rows.live_sessions[0].opened_at, rows.live_sessions[0].last_message_at), (at(0), at(1)));
    assert_eq!(rows.count(EventType::LiveSessionOpened), 2);

    let tenant = Customer::of("live", 1).0.tenant;
    assert_eq!(store.close_idle_live_sessions(&tenant, at(1), at(100)).await.expect("closes"), 0, "not idle yet");
    assert_eq!(store.close_idle_live_sessions(&tenant, at(50), at(100)).await.expect("closes"), 1);
    assert_eq!(store.close_idle_live_sessions(&tenant, at(50), at(100)).await.expect("closes"), 0);
    let seller = Customer::of("live", 1);
    let message = seller.sends(store, "SM9", 200).await;
    let mut turn = turn(&seller.state(store).await, &message, 200);
    turn.live_session = Some(ids[3]);
    store.commit(turn).await.expect("commits");
    let rows = store.snapshot().await;
    let open: Vec<_> = rows.live_sessions.iter().filter(|row| row.closed_at.is_none()).map(|row| row.id).collect();
    assert_eq!(open, [ids[2], ids[3]]);
    let [closed] = &rows.events_of(EventType::LiveSessionClosed).collect::<Vec<_>>()[..] else { panic!("one event") };
    assert_eq!((closed.entity_id, &closed.tenant, closed.created_at), (Some(ids[0].0), &tenant, at(100)));
}

pub async fn sessions_close(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let message = customer.sends(store, "SM1", 0).await;
    store.commit(turn(&customer.state(store).await, &message, 0)).await.expect("commits");
    let state = customer.state(store).await;
    let session = state.conversation.as_ref().and_then(|conversation| conversation.session.clone()).expect("open");
    let mut timer = turn(&state, &message, 3600);
    timer.consumed = None;
    timer.sessions = vec![SessionChange::Close(session.id)];
    timer.conversation.session = None;
    store.commit(timer).await.expect("a timer's turn uses no message up");
    let rows = store.snapshot().await;
    assert_eq!(rows.sessions[0].closed_at, Some(at(3600)));
    let conversation = customer.state(store).await.conversation.expect("is there");
    assert_eq!((conversation.session, conversation.version), (None, 2));
}

pub async fn a_contact_goes_by_the_name_they_last_showed(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let shown = async || customer.state(store).await.contact.expect("is there").name;
    for (second, (name, changed, expected)) in
        [("Alice", true, "Alice"), ("Alicia", true, "Alicia"), ("Nobody", false, "Alicia")].into_iter().enumerate()
    {
        let seconds = i64::try_from(second).expect("few");
        let message = customer.sends(store, &format!("SM{second}"), seconds).await;
        let mut turn = turn(&customer.state(store).await, &message, seconds);
        turn.contact.name = Some(name.to_owned());
        turn.contact_changed = changed;
        store.commit(turn).await.expect("commits");
        assert_eq!(shown().await.as_deref(), Some(expected));
    }
}

pub async fn timers_come_due_in_order(store: &impl Subject) {
    for (n, timer) in [(1, Some(30)), (2, Some(10)), (3, None), (4, Some(20)), (5, Some(99))] {
        let customer = Customer::of("belle", n);
        let message = customer.sends(store, &format!("SM{n}"), 0).await;
        let mut turn = turn(&customer.state(store).await, &message, 0);
        turn.conversation.timer_at = timer.map(at);
        store.commit(turn).await.expect("commits");
    }
    let due = async |seconds, limit| crate::ports::Turns::due(store, at(seconds), limit).await.expect("lists");
    let keys = |numbers: &[u32]| numbers.iter().map(|n| Customer::of("belle", *n).0).collect::<Vec<_>>();
    assert_eq!(due(9, 10).await, keys(&[]));
    assert_eq!(due(30, 10).await, keys(&[2, 4, 1]));
    assert_eq!(due(30, 2).await, keys(&[2, 4]));
}
