//! Tests of two nodes on one database.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::poll;
use palabre_actors::domain::ids::{NodeId, OutboundId, ProviderMessageId};
use palabre_actors::domain::message::{Inbound, Outbound};
use palabre_actors::domain::send::Receipt;
use palabre_actors::domain::status::{DeliveryStatus, OutboxState};
use palabre_actors::ports::{
    Acceptance, Advanced, Claim, Claimable, EndedLeases, Inbox, Outbox, PortErrorKind, Settled, Settlement,
    StatusUpdate, Turns,
};
use palabre_actors::testing::conformance::fixture::{Customer, at, behind, callback, node, now, queued, turn};
use palabre_testbed::postgres::Database;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, TransactionTrait as _};

use super::fresh;
use crate::store::Store;
use crate::store::writer::{OutboxChange, Sharded, WriterShard};

async fn two_nodes() -> (Store, Store, Database) {
    let (first, database) = fresh().await;
    let second = Store::open(&database.url(), false).await.unwrap();
    (first, second, database)
}

/// What has the same one is written by the same writer, on a machine of whatever size.
fn key(what: &impl Sharded) -> u64 {
    let WriterShard::Of(key) = what.shard() else { panic!("something to accept") };
    key % 12
}

fn delivered(message: &Outbound) -> StatusUpdate {
    callback(message, DeliveryStatus::Delivered, 3)
}

fn taken(id: OutboundId) -> Settled {
    Settled::Sent(Receipt { provider_message_id: ProviderMessageId::new(&format!("SM{id}")) })
}

#[tokio::test]
async fn i2_one_webhook_at_two_nodes_is_one_message() {
    let (first, second, database) = two_nodes().await;
    let customers: Vec<_> = (0..40).map(|n| Customer::of("belle", n)).collect();
    // The same lists in opposite orders: whoever waits for the other must not be waited for.
    let list = || customers.iter().map(|customer| customer.writes(&format!("SM{:?}", customer.0.address), 0));
    let both = [(&first, list().collect::<Vec<_>>()), (&second, list().rev().collect())];
    let answers = join_all(both.into_iter().map(|(store, batch)| store.accept(batch))).await;
    let answers: Vec<_> = answers.into_iter().flatten().map(Result::unwrap).collect();
    let new = answers.iter().filter(|answer| matches!(answer, Acceptance::New(_))).count();
    assert_eq!((answers.len(), new), (80, 40));
    assert_eq!(database.psql("SELECT count(*), count(DISTINCT provider_message_id) FROM messages_in"), "40|40");
    assert_eq!(database.psql("SELECT count(*) FROM event_log WHERE event_type = 'idempotent_ignored'"), "40");
}

#[tokio::test]
async fn i3_ids_grow_from_node_to_node() {
    let (first, second, database) = two_nodes().await;
    let customer = Customer::of("belle", 1);
    let mut ids = Vec::new();
    for n in 0..20 {
        let store = if n % 2 == 0 { &first } else { &second };
        ids.push(customer.sends(store, &format!("SM{n}"), n).await.id);
    }
    assert!(ids.is_sorted_by(|before, after| before < after), "{ids:?}");
    // The server's clock stands an hour back: ids go on where they were.
    database.psql("SELECT setval('inbound_ticks', last_value + 3600000000) FROM inbound_ticks");
    let ahead = customer.sends(&first, "ahead", 0).await.id;
    assert!(ahead < customer.sends(&second, "after", 0).await.id);
}

#[tokio::test]
async fn i3_no_message_overtakes_one_that_another_node_accepted() {
    let (first, second, _database) = two_nodes().await;
    let customer = Customer::of("belle", 1);
    let state = customer.state(&second).await;
    let early = customer.sends(&first, "SM1", 0).await;
    let late = customer.sends(&second, "SM2", 1).await;
    // The second node has the conversation in memory, and does not know of the first message.
    let overtaking = second.commit(turn(&state, &late, 2).answered(now(2))).await.unwrap_err();
    assert_eq!(overtaking.kind, PortErrorKind::Conflict);
    let loaded = customer.loaded(&second).await;
    assert_eq!(loaded.waiting.iter().map(|message| message.id).collect::<Vec<_>>(), [early.id, late.id]);
    second.commit(turn(&loaded.state, &early, 3)).await.unwrap();
    second.commit(turn(&customer.state(&second).await, &late, 4)).await.unwrap();
}

#[tokio::test]
async fn i4_a_newcomer_at_two_nodes_is_one_contact_and_has_one_turn() {
    let (first, second, database) = two_nodes().await;
    let turn_at = async |store: &Store, customer: &Customer, message: &Inbound| {
        store.commit(turn(&customer.state(store).await, message, 1).answered(now(1))).await.is_ok()
    };
    let races = (0..40).map(async |n| {
        let customer = Customer::of(if n % 2 == 0 { "belle" } else { "taxi" }, n);
        let message = customer.sends(&first, &format!("SM{n}"), 0).await;
        let (one, other) = tokio::join!(turn_at(&first, &customer, &message), turn_at(&second, &customer, &message));
        assert!(one != other, "one of them wins");
    });
    join_all(races).await;
    let rows = "SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM contact_addresses), \
        (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages_out)";
    assert_eq!(database.psql(rows), "40|40|40|40");
}

#[tokio::test]
async fn i5_two_nodes_never_claim_the_same_row() {
    let (first, second, _database) = two_nodes().await;
    join_all((0..120).map(async |n| {
        Customer::of("belle", n).is_answered(&first, &format!("SM{n}"), 0, queued(0)).await;
    }))
    .await;
    let claim_all = async |store: &Store, name: &str| {
        let mut claimed = Vec::new();
        loop {
            let channel_key = Customer::of("belle", 1).channel_key();
            let (node, now, lease_until) = (NodeId::new(name), at(10), at(70));
            let rows = store
                .claim(Claim {
                    channel_key,
                    which: Claimable::Heads,
                    keep_order: true,
                    node,
                    now,
                    lease_until,
                    limit: 7,
                })
                .await
                .unwrap();
            if rows.is_empty() {
                return claimed;
            }
            claimed.extend(rows.into_iter().map(|row| row.id));
        }
    };
    let (one, other) = tokio::join!(claim_all(&first, "node-1"), claim_all(&second, "node-2"));
    let all: HashSet<_> = one.iter().chain(&other).collect();
    assert_eq!((one.len() + other.len(), all.len()), (120, 120));
}

#[tokio::test]
async fn a_line_has_a_head_whatever_two_nodes_do_at_once() {
    let (first, second, database) = two_nodes().await;
    join_all((0..60).map(async |n| {
        let customer = Customer::of("belle", n);
        let ahead = customer.is_answered(&first, &format!("SM{n}-a"), 0, now(0)).await;
        let message = customer.sends(&second, &format!("SM{n}-b"), 1).await;
        let state = customer.state(&second).await;
        let settlement = Settlement { result: taken(ahead.id), message: ahead, via: None, cost_micros: 0, at: at(2) };
        let next = turn(&state, &message, 2).answered(behind(2));
        // One node adds a row behind the head while the other sees the head off.
        let (settled, committed) = tokio::join!(first.settle(settlement.into()), second.commit(next));
        settled.unwrap();
        committed.unwrap();
    }))
    .await;
    let orphans = "SELECT count(*) FILTER (WHERE behind), count(*) FROM messages_out WHERE state = 'pending'";
    assert_eq!(database.psql(orphans), "0|60");
}

/// Keeps a row until the end of the transaction, as another node's turn does.
async fn kept(database: &Database, row: &Outbound) -> DatabaseTransaction {
    let tx = sea_orm::Database::connect(database.url()).await.unwrap().begin().await.unwrap();
    let keep = format!("SELECT id FROM messages_out WHERE id = '{}' FOR UPDATE", row.id);
    tx.execute_unprepared(&keep).await.unwrap();
    tx
}

/// Until the one who asked for a row that somebody keeps stands there.
async fn a_writer_waits(database: &Database) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while database.psql(waiting) != "1" {
        tokio::task::yield_now().await;
    }
}

/// A turn that waited for the row of a callback in its batch, while whoever has that row waits for the head of the turn's
/// line, would stand still until the database notices, and all other webhooks with it.
#[tokio::test]
async fn a_turn_waits_for_no_row_of_a_callback_beside_it() {
    let (first, database) = fresh().await;
    let customer = Customer::of("belle", 0);
    customer.is_answered(&first, "SM-a", 0, now(0)).await;
    let message = customer.sends(&first, "SM-b", 1).await;
    let turn = Box::new(turn(&customer.state(&first).await, &message, 2).answered(behind(2)));
    // Two rows whose callbacks the writer of that turn writes.
    let mut others = Vec::new();
    for n in 1.. {
        let row = Customer::of("belle", n).is_answered(&first, &format!("SM{n}"), 0, now(0)).await;
        if key(&OutboxChange::Advance(delivered(&row))) == key(&turn) {
            others.push(row);
        }
        if others.len() == 2 {
            break;
        }
    }
    let [busy, held] = [&others[0], &others[1]];
    let (occupied, kept) = (kept(&database, busy).await, kept(&database, held).await);
    let mut first_callback = pin!(first.advance(delivered(busy)));
    assert!(poll!(&mut first_callback).is_pending());
    a_writer_waits(&database).await;
    // The writer is occupied, so these two become one transaction.
    let mut committed = pin!(first.commit(*turn));
    let mut advanced = pin!(first.advance(delivered(held)));
    assert!(poll!(&mut committed).is_pending() && poll!(&mut advanced).is_pending());
    occupied.commit().await.unwrap();
    assert_eq!(first_callback.await.unwrap(), Advanced::Arrived(OutboxState::Delivered));
    committed.await.unwrap();
    assert!(poll!(&mut advanced).is_pending(), "somebody has its row");
    kept.commit().await.unwrap();
    assert_eq!(advanced.await.unwrap(), Advanced::Arrived(OutboxState::Delivered));
}

/// What is free is settled at once; what another transaction has is waited for afterwards, alone.
#[tokio::test]
async fn what_was_sent_is_settled_whoever_has_its_neighbours() {
    let (store, database) = fresh().await;
    let settles = |row: &Outbound| {
        let (result, message) = (taken(row.id), row.clone());
        Arc::new(Settlement { result, message, via: None, cost_micros: 5, at: at(2) })
    };
    let first = Customer::of("belle", 0).is_answered(&store, "SM0", 0, now(0)).await;
    let shard = key(&OutboxChange::Settle(settles(&first)));
    let is_near = |row: &Outbound| key(&OutboxChange::Settle(settles(row))) == shard;
    // Two more that the same writer settles, and one whose callback it writes as well.
    let (mut others, mut twice) = (Vec::new(), None);
    for n in 1.. {
        let row = Customer::of("belle", n).is_answered(&store, &format!("SM{n}"), 0, now(0)).await;
        if is_near(&row) && key(&OutboxChange::Advance(delivered(&row))) == shard {
            twice = twice.or(Some(row));
        } else if is_near(&row) {
            others.push(row);
        }
        if others.len() >= 2 && twice.is_some() {
            break;
        }
    }
    let (free, held, twice) = (&others[0], &others[1], twice.unwrap());
    let mut nobodies = std::iter::repeat_with(|| delivered(&Outbound { id: OutboundId::fresh(), ..first.clone() }));
    let nobody = nobodies.find(|update| key(&OutboxChange::Advance(update.clone())) == shard).unwrap();

    let (occupied, kept) = (kept(&database, &first).await, kept(&database, held).await);
    let mut settled_first = pin!(store.settle(settles(&first)));
    assert!(poll!(&mut settled_first).is_pending());
    a_writer_waits(&database).await;
    // The writer is occupied, so these become one transaction.
    let mut settled_held = pin!(store.settle(settles(held)));
    let mut settled_free = pin!(store.settle(settles(free)));
    let mut settled_twice = pin!(store.settle(settles(&twice)));
    let mut told_twice = pin!(store.advance(delivered(&twice)));
    let mut told_nobody = pin!(store.advance(nobody));
    assert!(poll!(&mut settled_held).is_pending() && poll!(&mut settled_free).is_pending());
    assert!(poll!(&mut settled_twice).is_pending() && poll!(&mut told_twice).is_pending());
    assert!(poll!(&mut told_nobody).is_pending());
    occupied.commit().await.unwrap();
    settled_first.await.unwrap();
    settled_free.await.unwrap();
    settled_twice.await.unwrap();
    assert_eq!(told_twice.await.unwrap(), Advanced::Arrived(OutboxState::Delivered));
    assert!(poll!(&mut settled_held).is_pending(), "somebody has its row");
    kept.commit().await.unwrap();
    settled_held.await.unwrap();
    assert_eq!(told_nobody.await.unwrap(), Advanced::NoSuchMessage);

    let ids = [&first, free, held, &twice].map(|row| format!("'{}'", row.id)).join(", ");
    let states = format!(
        "SELECT state, provider_message_id = 'SM' || id, cost_micros, lease_owner IS NULL FROM messages_out WHERE id IN ({ids}) ORDER BY 1"
    );
    assert_eq!(database.psql(&states), "delivered|t|5|t\nsent|t|5|t\nsent|t|5|t\nsent|t|5|t");
    assert_eq!(database.psql("SELECT count(*) FROM event_log WHERE event_type = 'message_sent'"), "4");
    let usage = store.usage(&first.tenant, at(0)).await.unwrap();
    assert_eq!((usage.messages, usage.cost_micros), (4, 20));
}

#[tokio::test]
async fn what_every_node_sent_is_counted() {
    let (first, second, _database) = two_nodes().await;
    let customers: Vec<_> = (0..30).map(|n| Customer::of("belle", n)).collect();
    join_all(customers.iter().enumerate().map(async |(n, customer)| {
        let store = if n % 2 == 0 { &first } else { &second };
        let message = customer.is_answered(store, &format!("SM{n}"), 0, now(0)).await;
        let result = taken(message.id);
        store.settle(Settlement { result, message, via: None, cost_micros: 5, at: at(1) }.into()).await.unwrap();
    }))
    .await;
    let usage = first.usage(&customers[0].0.tenant, at(0)).await.unwrap();
    assert_eq!((usage.messages, usage.cost_micros), (30, 150));
    assert_eq!(
        first
            .expire_leases(EndedLeases { node: node(), now: at(1_000), lost: Vec::new(), held: Vec::new() })
            .await
            .unwrap(),
        0
    );
}
