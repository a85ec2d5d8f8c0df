//! Shows contacts that somebody is typing while something slow runs. Best effort: it delays nothing and fails nothing.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;

use super::ActorContext;
use crate::domain::address::Address;
use crate::domain::ids::{ChannelId, ProviderMessageId};
use crate::domain::send::TypingNotice;

/// What a call may take. A provider that is slower is slower than what is waited for.
const CALL: Duration = Duration::from_secs(2);

/// Who is shown that somebody is typing, and how long it lasts there.
#[derive(Clone, Debug)]
pub struct Typing {
    /// The channel on which they wrote.
    pub channel: ChannelId,
    /// Who sees it.
    pub to: Address,
    /// The message that is being answered, as the provider calls it.
    pub in_reply_to: Option<ProviderMessageId>,
    /// How long the provider shows it.
    pub lasts: Duration,
}

impl ActorContext {
    /// Does something slow. Until it is done, the contact is shown that somebody is typing.
    pub async fn while_typing<T>(&self, typing: Option<Typing>, slow: impl Future<Output = T>) -> T {
        let Some(typing) = typing else { return slow.await };
        let mut slow = pin!(slow);
        let showing = AssertUnwindSafe(self.keep_showing(&typing)).catch_unwind();
        tokio::select! {
            biased;
            done = &mut slow => return done,
            // The gateway panicked.
            _ = showing => {}
        }
        slow.await
    }

    /// Shows it once.
    pub async fn show_typing(&self, typing: &Typing) {
        let Some(_permit) = self.typing.begin() else { return };
        let Some(gateway) = self.ports.gateways.get(&typing.channel) else { return };
        let notice = TypingNotice { to: &typing.to, in_reply_to: typing.in_reply_to.as_ref() };
        if let Some(shown) = gateway.show_typing(notice) {
            let _ = tokio::time::timeout(CALL, shown).await;
        }
    }

    async fn keep_showing(&self, typing: &Typing) {
        loop {
            self.show_typing(typing).await;
            tokio::time::sleep(typing.lasts).await;
        }
    }
}
