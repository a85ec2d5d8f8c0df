//! What is told of messages that wait.

use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::{Outbox, Settled, Settlement};
use palabre_actors::testing::conformance::fixture::{Customer, at, now, queued};

use super::{fresh, postgres};
use crate::store::Store;
use crate::store::operator::Tenants;

#[tokio::test]
async fn the_oldest_message_that_is_due_is_told_for_each_tenant() {
    let (store, _folder) = fresh().await;
    oldest(&store).await;
}

#[tokio::test]
async fn the_oldest_message_that_is_due_is_told_for_each_tenant_by_postgresql() {
    let (store, _database) = postgres::fresh().await;
    oldest(&store).await;
}

async fn oldest(store: &Store) {
    let both = Tenants::Of(["belle", "taxi"].map(TenantId::new).into());
    let due = async |before| {
        let mut due = store.operator().oldest_due(&both, at(before)).await.unwrap();
        due.sort();
        due
    };
    assert_eq!(due(1_000).await, []);
    let sending = Customer::of("belle", 1).is_answered(store, "SM1", 0, now(0)).await;
    Customer::of("belle", 2).is_answered(store, "SM2", 0, queued(300)).await;
    Customer::of("belle", 3).is_answered(store, "SM3", 0, queued(200)).await;
    Customer::of("taxi", 1).is_answered(store, "SM4", 0, queued(400)).await;
    let (belle, taxi) = (TenantId::new("belle"), TenantId::new("taxi"));
    assert_eq!(due(200).await, [], "one is with a sender, none is due yet");
    assert_eq!(due(500).await, [(belle.clone(), at(200)), (taxi, at(400))]);
    let result = Settled::Snooze { at: at(100), reason: "paced".to_owned() };
    let settlement = Settlement { message: sending, result, via: None, cost_micros: 0, at: at(1) };
    store.settle(settlement.into()).await.unwrap();
    assert_eq!(due(400).await, [(belle, at(100))]);
}
