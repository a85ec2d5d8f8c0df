//! Tests of a read replica: it answers operators' queries, and takes no change.

use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::testing::conformance::fixture::{Customer, at, now};
use palabre_testbed::postgres::{Options, Server};

use crate::store::operator::{Filter, Operator, OperatorReason, ReplayOptions, Tenants};
use crate::store::{HistoryReader, Store, StoreError};

#[tokio::test]
async fn a_replica_answers_questions_and_takes_no_change() {
    let server = Server::start(Options::default());
    server.create("palabre");
    let store = Store::open(&server.url("palabre"), true).await.unwrap();
    let customer = Customer::of("belle", 1);
    let answer = customer.is_answered(&store, "SM1", 0, now(0)).await.id;

    let replica = server.replica();
    let tenants = Tenants::Of(vec![TenantId::new("belle")]);
    let filter = Filter { tenants: tenants.clone(), states: vec![OutboxState::Sending], ..Filter::default() };
    let operator = Operator::open(&replica.url("palabre")).await.unwrap();
    assert_eq!(operator.show(&tenants, answer).await.unwrap().unwrap().item.id, answer);
    let counted = operator.counts(&filter, at(9)).await.unwrap();
    assert_eq!(counted.iter().map(|count| count.messages).sum::<u64>(), 1);
    let history = HistoryReader::open(&replica.url("palabre")).await.unwrap();
    assert!(history.explain(&answer.to_string()).await.unwrap().is_some());

    let options = ReplayOptions { reason: OperatorReason::unsaid(), per_second: 1, unordered: [].into(), at: at(9) };
    let refused = operator.replay(&tenants, answer, &options).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly(_)), "{refused}");
    assert!(Store::open(&replica.url("palabre"), false).await.is_err_and(|error| error.is_away()));
    store.close().await.unwrap();
}
