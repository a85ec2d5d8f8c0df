//! Tests of failures that a callback reports: the engine acts on the code as on an answer's.

use std::time::Duration;

use chrono::TimeDelta;

use super::delivery::{in_state, row, texts};
use super::{ANNE, all_sent, paused};
use crate::domain::event::EventType;
use crate::domain::ids::{ChannelId, TenantId};
use crate::domain::message::Outbound;
use crate::domain::send::SendErrorClass;
use crate::domain::status::{DeliveryStatus, OutboxState};
use crate::ports::{Advanced, StatusUpdate};
use crate::testing::harness::{Harness, noon};

const HOUR: Duration = Duration::from_secs(3_600);

/// What the provider says of a message that it took.
fn failed(harness: &Harness, message: &Outbound, code: &str) -> StatusUpdate {
    let receipt = harness.provider("a").receipt(message.id).expect("it was taken");
    StatusUpdate {
        tenant: TenantId::new("a"),
        channel: ChannelId::new("a"),
        scheme: message.to.scheme(),
        id: Some(message.id),
        provider_message_id: receipt.provider_message_id,
        status: DeliveryStatus::Failed,
        generation: Some(message.generation.number),
        code: Some(code.to_owned()),
        failure: None,
        pricing: None,
        at: noon(),
    }
}

/// One message, taken by a provider that knows this code.
async fn sent(code: &str, class: SendErrorClass) -> (Harness, Outbound) {
    let harness = Harness::start(|_| {});
    harness.provider("a").knows_code(code, class);
    harness.post("a", ANNE, "one").await.unwrap();
    harness.until(|now| all_sent(now, 1)).await;
    let message = harness.provider("a").taken().remove(0);
    (harness, message)
}

#[test]
fn i5_what_may_pass_is_sent_again_with_a_generation_of_its_own() {
    paused(async {
        let (harness, message) = sent("30022", SendErrorClass::Retry { after: None }).await;
        let failed = failed(&harness, &message, "30022");
        assert!(matches!(harness.engine.advance(failed.clone()).await.unwrap(), Advanced::Requeued(_)));
        harness.provider("a").wait_taken(2).await;
        let taken = harness.provider("a").taken();
        assert_eq!((taken[1].id, taken[1].generation.number), (message.id, 1));
        let snapshot = harness.until(|now| all_sent(now, 1)).await;
        assert_eq!(snapshot.events_of(EventType::MessageRequeued).count(), 1);
        assert_eq!(harness.engine.advance(failed).await.unwrap(), Advanced::Unchanged(OutboxState::Sent));
        assert_eq!(texts(&harness, "a").len(), 2, "a repeated callback sends nothing");
    });
}

#[test]
fn a_code_that_bounds_hours_waits_for_hours() {
    paused(async {
        let (harness, message) = sent("63018", SendErrorClass::Retry { after: Some(HOUR) }).await;
        harness.engine.advance(failed(&harness, &message, "63018")).await.unwrap();
        let snapshot = harness.until(|now| in_state(now, "You said: one", OutboxState::Pending)).await;
        assert_eq!(row(&snapshot, "You said: one").next_attempt_at, noon() + TimeDelta::hours(1));
        tokio::time::sleep(HOUR + Duration::from_secs(3)).await;
        harness.provider("a").wait_taken(2).await;
    });
}

#[test]
fn an_account_that_is_suspended_pauses_its_channel() {
    paused(async {
        let (harness, message) = sent("30002", SendErrorClass::Suspended { after: HOUR }).await;
        let failed = failed(&harness, &message, "30002");
        harness.engine.advance(failed.clone()).await.unwrap();
        let pauses = harness.store.snapshot().pauses;
        let pauses: Vec<_> =
            pauses.iter().map(|pause| (pause.channel_key.channel.as_str(), pause.reason.as_str())).collect();
        assert_eq!(pauses, [("a", "30002")]);
        harness.post("a", ANNE, "two").await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(texts(&harness, "a").len(), 1, "nothing leaves while the channel is paused");
        // A callback that is repeated does not prolong the pause.
        harness.engine.advance(failed).await.unwrap();
        tokio::time::sleep(HOUR).await;
        harness.provider("a").wait_taken(3).await;
        let order: Vec<_> = harness.provider("a").taken().into_iter().map(|message| message.body).collect();
        assert_eq!(order, ["You said: one", "You said: one", "You said: two"]);
    });
}

#[test]
fn what_never_passes_stays_failed_and_unknown_codes_too() {
    paused(async {
        let (harness, message) = sent("30005", SendErrorClass::Reject).await;
        for code in ["99999", "30005"] {
            let failed = StatusUpdate { code: Some(code.to_owned()), ..failed(&harness, &message, code) };
            harness.engine.advance(failed).await.unwrap();
            assert_eq!(row(&harness.store.snapshot(), "You said: one").state, OutboxState::Failed, "{code}");
        }
        tokio::time::sleep(HOUR).await;
        assert_eq!(texts(&harness, "a").len(), 1);
    });
}
