//! Cases of `Outbox::usage`.

#![expect(missing_docs, reason = "each case says in its name what it shows")]

use super::Subject;
use super::fixture::{Customer, at, now, settle, taken};
use crate::domain::ids::TenantId;
use crate::ports::Usage;

pub async fn sent_messages_are_counted(store: &impl Subject) {
    let belle = TenantId::new("belle");
    for n in 0..4 {
        let message = Customer::of("belle", n).is_answered(store, &format!("SM{n}"), 0, now(0)).await;
        settle(store, &message, taken(&format!("SMout{n}")), i64::from(n)).await;
        Customer::of("taxi", n).is_answered(store, &format!("SM{n}"), 0, now(0)).await;
    }
    let usage = async |tenant: &TenantId, seconds| store.usage(tenant, at(seconds)).await.expect("counts");
    assert_eq!(usage(&belle, 0).await, Usage { messages: 4, cost_micros: 28 });
    assert_eq!(usage(&belle, 1200).await, Usage::default());
    assert_eq!(usage(&TenantId::new("taxi"), 0).await, Usage::default());
}
