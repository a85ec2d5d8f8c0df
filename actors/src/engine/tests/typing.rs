//! Somebody is typing: shown while the assistant thinks, whatever the provider makes of it.

use std::time::Duration;

use tokio::time::Instant;

use super::delivery::texts;
use super::{ANNE, all_processed, all_sent, paused};
use crate::domain::address::Address;
use crate::domain::ids::{ChannelId, ProviderMessageId, TenantId};
use crate::domain::send::{SendError, SendErrorClass};
use crate::ports::ChannelKey;
use crate::testing::fakes::Answer;
use crate::testing::harness::Harness;

const ANSWER: &str = "I am the automatic assistant of Tenant a. Yes.";

/// A tenant whose assistant thinks for so many seconds, on a channel that shows for five that somebody is typing.
fn thinking_for(seconds: u64) -> Harness {
    Harness::build(|plan| {
        plan.channel("a").typing = Some(Duration::from_secs(5));
        plan.add("a").thinks_for = Some(Duration::from_secs(seconds));
    })
}

/// After how many seconds it was shown.
fn shown(harness: &Harness, begun: Instant) -> Vec<u64> {
    harness.provider("a").typing().into_iter().map(|(_, at)| (at - begun).as_secs()).collect()
}

#[test]
fn it_is_shown_until_the_answer_is_there() {
    paused(async {
        let (harness, begun) = (thinking_for(12), Instant::now());
        harness.post("a", ANNE, "something else").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(shown(&harness, begun), [0, 5, 10]);
        assert!(harness.provider("a").typing().iter().all(|(to, _)| to.as_str() == format!("whatsapp:{ANNE}")));
        harness.post("a", ANNE, "hours").await.unwrap();
        harness.until(|now| all_sent(now, 2)).await;
        assert_eq!(texts(&harness, "a"), [ANSWER, "From nine to five."]);
        assert_eq!(shown(&harness, begun).len(), 3, "what is known at once is answered at once");
    });
}

#[test]
fn it_delays_and_fails_nothing() {
    for answer in [Answer::Hang, Answer::Panic] {
        paused(async {
            let (harness, begun) = (thinking_for(3), Instant::now());
            harness.provider("a").answer_typing(answer.clone());
            harness.post("a", ANNE, "something else").await.unwrap();
            harness.until(|now| all_sent(now, 1)).await;
            assert_eq!(begun.elapsed().as_secs(), 3);
            assert_eq!(texts(&harness, "a"), [ANSWER]);
            assert_eq!(shown(&harness, begun), [0]);
        });
    }
}

#[test]
fn i6_nothing_is_shown_after_a_stop() {
    paused(async {
        let (harness, begun) = (thinking_for(12), Instant::now());
        harness.post("a", ANNE, "something else").await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        harness.post("a", ANNE, "STOP").await.unwrap();
        harness.until(all_processed).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(shown(&harness, begun), [0]);
    });
}

#[test]
fn i6_a_person_who_types_is_shown_where_the_channel_can_and_not_after_a_stop() {
    paused(async {
        let (harness, begun) = (thinking_for(1), Instant::now());
        harness.post("a", ANNE, "hours").await.unwrap();
        harness.until(|now| all_sent(now, 1)).await;
        let engine = harness.engine.clone();
        let show = async |tenant: &str| {
            let channel_key = ChannelKey { tenant: TenantId::new(tenant), channel: ChannelId::new(tenant) };
            let to = Address::from_normalised(&format!("whatsapp:{ANNE}"));
            engine.show_typing(&channel_key, to, ProviderMessageId::new("1")).await
        };
        assert_eq!(show("a").await, Some(Duration::from_secs(5)));
        assert_eq!(show("b").await, None, "there is no such channel");
        harness.provider("a").answer_typing(Answer::Panic);
        assert_eq!(show("a").await, None);
        harness.provider("a").answer_typing(Answer::Take);
        assert_eq!(shown(&harness, begun).len(), 2);
        harness.post("a", ANNE, "STOP").await.unwrap();
        harness.until(all_processed).await;
        assert_eq!(show("a").await, None);
        assert_eq!(shown(&harness, begun).len(), 2);
    });
}

#[test]
fn a_channel_that_is_broken_shows_nothing() {
    paused(async {
        let harness = thinking_for(12);
        let class = SendErrorClass::Suspended { after: Duration::from_secs(3_600) };
        let refused = SendError { class, code: None, throttled: false, detail: String::new() };
        harness.provider("a").choose(move |_| Some(Answer::Refuse(refused.clone())));
        harness.post("a", ANNE, "hours").await.unwrap();
        harness.provider("a").wait_begun(1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        harness.post("a", ANNE, "something else").await.unwrap();
        harness.until(all_processed).await;
        assert!(harness.provider("a").typing().is_empty());
    });
}
