//! Shows in open consoles that a customer is writing, where their channel tells.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::ports::{Pending, PortError};
use uuid::Uuid;

use crate::console::LiveFeed;
use crate::gateway::channel_event::{ChannelEvent, ChannelEventKind, ChannelEvents};
use crate::store::operator::Operator;

/// Whoever writes is told of every few seconds, and on several nodes each time is a question to the database otherwise.
const LASTS: Duration = Duration::from_secs(10);
/// Writers that are remembered at once; more are looked up each time.
const MOST: usize = 4_096;

pub(super) struct CustomersTyping {
    feed: LiveFeed,
    operator: Operator,
    lookups: Lookups,
}

impl CustomersTyping {
    pub(super) fn new(feed: LiveFeed, operator: Operator) -> Self {
        Self { feed, operator, lookups: Lookups::default() }
    }

    async fn conversation(&self, event: &ChannelEvent, from: &Address) -> Option<Uuid> {
        let writer = (event.tenant.clone(), event.channel.clone(), from.clone());
        if let Some(known) = self.lookups.get(&writer, Instant::now()) {
            return known;
        }
        let found = self.operator.conversation_with(&event.tenant, &event.channel, from).await.ok()?;
        self.lookups.put(writer, found, Instant::now());
        found
    }
}

impl ChannelEvents for CustomersTyping {
    /// Never fails: it is worth no repetition.
    fn take(&self, event: ChannelEvent) -> Pending<'_, Result<(), PortError>> {
        Box::pin(async move {
            let ChannelEventKind::Typing { from } = &event.kind else { return Ok(()) };
            if self.feed.is_watched(&event.tenant)
                && let Some(conversation) = self.conversation(&event, from).await
            {
                self.feed.customer_types(&event.tenant, conversation);
            }
            Ok(())
        })
    }
}

/// Who writes, on which channel.
type Writer = (TenantId, ChannelId, Address);

/// The conversations of those who wrote just now, also that there is none.
#[derive(Default)]
struct Lookups(Mutex<HashMap<Writer, (Instant, Option<Uuid>)>>);

impl Lookups {
    fn get(&self, writer: &Writer, now: Instant) -> Option<Option<Uuid>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(writer).filter(|(until, _)| *until > now).map(|(_, found)| *found)
    }

    fn put(&self, writer: Writer, found: Option<Uuid>, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (until, _)| *until > now);
        if known.len() < MOST {
            known.insert(writer, (now + LASTS, found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(tenant: &str, number: usize) -> Writer {
        let address = Address::from_normalised(&format!("sms:+336{number:08}"));
        (TenantId::new(tenant), ChannelId::new("tg"), address)
    }

    #[test]
    fn who_writes_is_looked_up_once_in_a_while() {
        let (lookups, now, talk) = (Lookups::default(), Instant::now(), Some(Uuid::from_u128(1)));
        assert_eq!(lookups.get(&writer("belle", 1), now), None);
        lookups.put(writer("belle", 1), talk, now);
        lookups.put(writer("belle", 2), None, now);
        let late = now + LASTS - Duration::from_millis(1);
        assert_eq!(lookups.get(&writer("belle", 1), late), Some(talk));
        assert_eq!(lookups.get(&writer("belle", 2), late), Some(None), "nobody's");
        assert_eq!(lookups.get(&writer("taxi", 1), late), None, "i9");
        assert_eq!(lookups.get(&writer("belle", 1), now + LASTS), None);
        lookups.put(writer("belle", 3), None, now + LASTS);
        assert_eq!(lookups.0.lock().unwrap().len(), 1, "what is too old is forgotten");
    }

    #[test]
    fn memory_is_bounded() {
        let (lookups, now) = (Lookups::default(), Instant::now());
        (0..MOST + 10).for_each(|number| lookups.put(writer("belle", number), None, now));
        assert_eq!(lookups.0.lock().unwrap().len(), MOST);
    }
}
