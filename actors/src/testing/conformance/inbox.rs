//! Cases of `Inbox`.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use futures_util::future::join_all;
use serde_json::json;

use super::Subject;
use super::fixture::{Customer, accept, at, turn};
use crate::domain::action::Action;
use crate::domain::address::Address;
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::{ProviderMessageId, TenantId};
use crate::domain::message::{
    Button, ContactCard, Content, Details, ListChoice, Location, Media, NewInbound, Notice, ProviderConsent,
};
use crate::ports::Acceptance;
use crate::testing::fakes::InboundState;

pub async fn i1_an_accepted_message_has_its_row_and_its_event(store: &impl Subject) {
    let new = Customer::of("belle", 1).writes("SM1", 0);
    let message = accept(store, new.clone()).await;
    let rows = store.snapshot().await;
    let [row] = &rows.inbound[..] else { panic!("one row") };
    assert_eq!((row.message.id, row.message.correlation), (message.id, new.correlation));
    assert_eq!((row.message.received_at, row.state), (at(0), InboundState::Accepted));
    assert_eq!((&row.message.from, &row.message.to), (&new.from, &new.to));
    assert!(row.role.is_none() && row.conversation.is_none() && row.processed_at.is_none() && row.reason.is_none());
    let [event] = &rows.events[..] else { panic!("one event") };
    assert_eq!(event.event_type, EventType::WebhookReceived);
    assert_eq!((event.entity_type, event.entity_id), (EntityType::MessageIn, Some(message.id.0)));
    assert_eq!((event.correlation, event.actor_type), (new.correlation, ActorType::Provider));
    assert_eq!((&event.tenant, event.created_at), (&new.tenant, at(0)));
}

pub async fn i2_a_repeat_is_ignored_and_told(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let first = customer.sends(store, "SM1", 0).await;
    let again = store.accept(vec![customer.writes("SM1", 5)]).await.pop();
    let Some(Ok(Acceptance::Duplicate { first: told })) = again else { panic!("{again:?}") };
    assert_eq!(told, first.correlation);
    let rows = store.snapshot().await;
    assert_eq!(rows.inbound.len(), 1);
    let [event] = &rows.events_of(EventType::IdempotentIgnored).collect::<Vec<_>>()[..] else { panic!("one event") };
    assert_eq!((event.entity_id, event.correlation), (None, first.correlation));
    assert_eq!(event.payload, json!({ "provider_message_id": "SM1", "reason": "duplicate_detected" }));
}

pub async fn i2_fifty_copies_in_one_batch_are_one_message(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let mut batch: Vec<_> = (0..50).map(|second| customer.writes("SM1", second)).collect();
    batch.insert(20, customer.writes("SM2", 20));
    let first = batch[0].correlation;
    let answers = store.accept(batch).await;
    let mut new = Vec::new();
    for (position, answer) in answers.into_iter().enumerate() {
        match answer.expect("accepts") {
            Acceptance::New(message) => new.push((position, message.provider_message_id.as_str().to_owned())),
            Acceptance::Duplicate { first: told } => assert_eq!(told, first),
            Acceptance::Spooled => panic!("a store keeps nothing beside itself"),
        }
    }
    assert_eq!(new, [(0, "SM1".to_owned()), (20, "SM2".to_owned())]);
    let rows = store.snapshot().await;
    assert_eq!(rows.inbound.len(), 2);
    assert_eq!(rows.count(EventType::WebhookReceived), 2);
    assert_eq!(rows.count(EventType::IdempotentIgnored), 49);
}

pub async fn i2_fifty_copies_at_once_are_one_message(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let answers = join_all((0..50).map(|second| store.accept(vec![customer.writes("SM1", second)]))).await;
    let answers: Vec<_> = answers.into_iter().flatten().map(|answer| answer.expect("accepts")).collect();
    let new: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Acceptance::New(message) => Some(message.correlation),
            Acceptance::Duplicate { .. } | Acceptance::Spooled => None,
        })
        .collect();
    let [first] = new[..] else { panic!("{} are new", new.len()) };
    let rows = store.snapshot().await;
    assert_eq!(rows.inbound.len(), 1);
    assert_eq!(rows.count(EventType::IdempotentIgnored), 49);
    assert!(rows.events.iter().all(|event| event.correlation == first));
}

pub async fn i2_the_same_id_elsewhere_is_another_message(store: &impl Subject) {
    let here = Customer::of("belle", 1).sends(store, "SM1", 0).await;
    let there = Customer::of("taxi", 1).sends(store, "SM1", 0).await;
    let mut other_channel = Customer::of("belle", 1);
    other_channel.0.channel = Customer::of("taxi", 1).0.channel;
    let elsewhere = other_channel.sends(store, "SM1", 0).await;
    assert!(here.id < there.id && there.id < elsewhere.id);
}

pub async fn i2_an_id_of_one_chat_may_be_another_message_in_another(store: &impl Subject) {
    let (anne, bob) = (Customer::of("belle", 1), Customer::of("belle", 2));
    let of_chat = |customer: &Customer, seconds| NewInbound { id_per_chat: true, ..customer.writes("3EB0", seconds) };
    // In one batch, and in one of its own.
    let answers = store.accept(vec![of_chat(&anne, 0), of_chat(&bob, 1), of_chat(&bob, 2), of_chat(&anne, 3)]).await;
    let is_new = |answer: &Result<Acceptance, _>| matches!(answer, Ok(Acceptance::New(_)));
    assert_eq!(answers.iter().map(is_new).collect::<Vec<_>>(), [true, true, false, false]);
    assert!(!is_new(&store.accept(vec![of_chat(&bob, 4)]).await[0]), "a repeat of the second chat's");
    let rows = store.snapshot().await;
    let keys: Vec<_> = rows.inbound.iter().map(|row| row.message.provider_message_id.as_str()).collect();
    assert!(keys[0] == "3EB0" && keys[1].starts_with("3EB0.") && !keys[1].contains("336"), "{keys:?}");

    // The same message under the private id of the same chat, which nobody has told of yet.
    let private = Address::from_normalised("whatsapp:123456789012345@lid");
    let hidden = NewInbound { from: private.clone(), ..of_chat(&anne, 5) };
    assert!(!is_new(&store.accept(vec![hidden.clone()]).await[0]));
    let mut other = hidden;
    other.content.body = "something else".into();
    assert!(is_new(&store.accept(vec![other]).await[0]), "another text is another person's");

    // An alias that a turn has told of.
    let carl = Customer::of("belle", 3);
    let message = carl.sends(store, "SM1", 6).await;
    let mut told = turn(&carl.state(store).await, &message, 6);
    told.alias = Some(Address::from_normalised("whatsapp:987654321098765@lid"));
    store.commit(told).await.expect("commits");
    let first = NewInbound { id_per_chat: true, ..carl.writes("3EB1", 7) };
    let mut again = NewInbound { from: Address::from_normalised("whatsapp:987654321098765@lid"), ..first.clone() };
    again.content.body = "edited meanwhile".into();
    assert!(is_new(&store.accept(vec![first]).await[0]) && !is_new(&store.accept(vec![again]).await[0]));
}

pub async fn i3_ids_grow_in_the_order_of_acceptance(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let mut ids = Vec::new();
    for batch in 0..5 {
        // Times of receipt may go back; the order of acceptance counts.
        let batch: Vec<_> = (0..40).map(|n| customer.writes(&format!("SM{batch}-{n}"), 100 - n)).collect();
        for answer in store.accept(batch).await {
            let Acceptance::New(message) = answer.expect("accepts") else { panic!("all are new") };
            ids.push((message.id, message.provider_message_id));
        }
    }
    assert!(ids.is_sorted());
    let waiting = customer.loaded(store).await.waiting;
    assert!(waiting.iter().map(|message| &message.id).eq(ids.iter().map(|(id, _)| id)));
    assert!(waiting.iter().map(|message| &message.provider_message_id).eq(ids.iter().map(|(_, name)| name)));
}

pub async fn content_comes_back_as_it_was(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let mut new = customer.writes("SM1", 0);
    new.content = Content {
        body: "Où êtes-vous ? \"ici\" \\ 'là' 🌳\n\t[1,2] {\"a\":null}".into(),
        profile_name: Some("Élodie \"L'Artisane\"".into()),
        details: Details {
            media: vec![Media {
                url: "https://example.com/a?b=c&d".into(),
                content_type: "image/jpeg".into(),
                ..Media::default()
            }],
            button: Some(Button { text: "Oui ✓".into(), payload: "yes".into() }),
            location: Some(Location {
                latitude: 48.8566,
                longitude: 2.3522,
                label: Some("Paris".into()),
                address: None,
            }),
            reply_to: None,
            alias: Some(Address::from_normalised("whatsapp:FR.99")),
            list_choice: Some(ListChoice { id: "3".into(), title: "Manucure ✓".into() }),
            form: Some("{\"date\": \"2026-12-01\"}".into()),
            other: [("Forwarded".to_owned(), "true".to_owned())].into(),
            provider_consent: Some(ProviderConsent::Help),
            start: Some("abc".into()),
            acknowledge: Some(Action { kind: "answer".into(), arguments: serde_json::json!({ "query": "1" }) }),
            cards: vec![ContactCard { name: "Awa".into(), phones: vec!["+224620000001".into()] }],
            notice: Some(Notice::Reaction { to: ProviderMessageId::new("SM0"), emoji: "👍".into() }),
            written_on_phone: true,
        },
    };
    let content = new.content.clone();
    accept(store, new).await;
    let mut empty = customer.writes("SM2", 1);
    empty.content = Content::default();
    accept(store, empty).await;
    let loaded = customer.loaded(store).await.waiting;
    let listed = store.backlog(&customer.0.tenant, None, 10).await.expect("lists");
    for messages in [loaded, listed] {
        assert!(messages[0].content == content && messages[1].content == Content::default());
        assert_eq!((&messages[0].from, messages[0].received_at), (&customer.0.address, at(0)));
    }
}

pub async fn the_backlog_has_what_had_no_turn(store: &impl Subject) {
    let (alice, bob, carol) = (Customer::of("belle", 1), Customer::of("belle", 2), Customer::of("taxi", 3));
    let mut ids = Vec::new();
    for n in 0..6 {
        let who = if n % 2 == 0 { &alice } else { &bob };
        ids.push(who.sends(store, &format!("SM{n}"), n).await);
        carol.sends(store, &format!("SM{n}"), 100 + n).await;
    }
    store.commit(turn(&alice.state(store).await, &ids[0], 10)).await.expect("commits");
    let belle = &alice.0.tenant;
    let page = async |after, limit| {
        let page = store.backlog(belle, after, limit).await.expect("lists");
        page.into_iter().map(|message| message.id).collect::<Vec<_>>()
    };
    let left: Vec<_> = ids[1..].iter().map(|message| message.id).collect();
    assert_eq!(page(None, 100).await, left);
    assert_eq!(page(None, 2).await, left[..2]);
    assert_eq!(page(Some(left[1]), 2).await, left[2..4]);
    assert_eq!(page(Some(left[4]), 2).await, []);
    let behind = async |seconds| store.tenants_behind(at(seconds)).await.expect("lists");
    assert_eq!(behind(0).await, []);
    assert_eq!(behind(50).await, [TenantId::new("belle")]);
    assert_eq!(behind(500).await, [TenantId::new("belle"), TenantId::new("taxi")]);
}

pub async fn a_buried_message_is_dead(store: &impl Subject) {
    let customer = Customer::of("belle", 1);
    let poisonous = customer.sends(store, "SM1", 0).await;
    let fine = customer.sends(store, "SM2", 1).await;
    store.dead_letter(&poisonous, "poisonous", at(2)).await.expect("buries");
    store.dead_letter(&poisonous, "poisonous", at(3)).await.expect("has no effect");
    let loaded = customer.loaded(store).await;
    assert_eq!(loaded.waiting.iter().map(|message| message.id).collect::<Vec<_>>(), [fine.id]);
    store.commit(turn(&loaded.state, &fine, 4)).await.expect("commits");
    store.dead_letter(&fine, "poisonous", at(5)).await.expect("has no effect");
    let late = turn(&customer.state(store).await, &poisonous, 6);
    assert!(store.commit(late).await.is_err(), "the dead have no turn");
    let rows = store.snapshot().await;
    let [dead, processed] = &rows.inbound[..] else { panic!("two rows") };
    assert_eq!((dead.state, dead.reason.as_deref()), (InboundState::Dead, Some("poisonous")));
    assert_eq!((dead.processed_at, processed.state), (Some(at(2)), InboundState::Processed));
    let [event] = &rows.events_of(EventType::MessageDead).collect::<Vec<_>>()[..] else { panic!("one event") };
    assert_eq!((event.entity_type, event.entity_id), (EntityType::MessageIn, Some(poisonous.id.0)));
    assert_eq!((event.correlation, &event.payload), (poisonous.correlation, &json!({ "reason": "poisonous" })));
}
