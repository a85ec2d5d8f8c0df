//! Long polling: `getUpdates` from a durable offset.
//!
//! <https://core.telegram.org/bots/api#getupdates>: an offset confirms every update before it, so it is only asked for when
//! those are in the store.

use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::CorrelationId;
use palabre_actors::ports::Pending;
use serde::Serialize;
use serde_json::value::RawValue;
use tracing::warn;

use super::call::{Api, CallError};
use super::decode::Reader;
use super::update::Update;
use super::{ALLOWED_UPDATES, TelegramBot};
use crate::config::Channel;
use crate::gateway::polling::{PollError, Polled, Poller};
use crate::gateway::{ConnectError, Received};

/// How long Telegram waits for an update before it answers with none.
const WAIT: Duration = Duration::from_secs(20);

/// The most updates of one answer: as many as Telegram gives.
const MOST: u32 = 100;

/// A bot that is polled.
pub(super) struct BotPoller {
    api: Api,
    reader: Reader,
    /// What an answer may take beyond [`WAIT`].
    timeout: Duration,
}

#[derive(Serialize)]
struct GetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    limit: u32,
    timeout: u64,
    allowed_updates: &'static [&'static str],
}

impl BotPoller {
    pub fn new(client: reqwest::Client, channel: &Channel, bot: &TelegramBot) -> Result<Self, ConnectError> {
        Ok(Self { api: Api::new(client, bot)?, reader: Reader::new(channel, bot), timeout: bot.timeout })
    }

    async fn updates(&self, offset: Option<i64>, now: Timestamp) -> Result<Polled, PollError> {
        let asked = GetUpdates { offset, limit: MOST, timeout: WAIT.as_secs(), allowed_updates: ALLOWED_UPDATES };
        let read = |raw: &RawValue| serde_json::from_str::<Vec<Box<RawValue>>>(raw.get()).ok();
        let updates = self.api.call_within(WAIT + self.timeout, "getUpdates", &asked, read).await;
        let updates = updates.map_err(|error| match error {
            CallError::Refused(refusal) => PollError::Refused(match refusal.status {
                409 => "the bot has a webhook, or another program polls it: run `palabre telegram delete-webhook`",
                401 | 404 => "bot_token is not a bot's",
                429 => "too many questions",
                _ => "Telegram's reason is not known",
            }),
            _ => PollError::Away,
        })?;
        let mut polled = Polled { received: Vec::with_capacity(updates.len()), next: None };
        for raw in &updates {
            let Ok(update) = serde_json::from_str::<Update<'_>>(raw.get()) else {
                warn!("an update without a number is left out");
                continue;
            };
            let received = self.reader.update(&update, CorrelationId::fresh(), now).unwrap_or_else(|rejection| {
                warn!(reason = %rejection, "an update that cannot be read is left out");
                Received::Nothing
            });
            polled.received.push(received);
            polled.next = polled.next.max(update.update_id.checked_add(1));
        }
        Ok(polled)
    }
}

impl Poller for BotPoller {
    fn poll(&self, position: Option<i64>, now: Timestamp) -> Pending<'_, Result<Polled, PollError>> {
        Box::pin(self.updates(position, now))
    }
}
