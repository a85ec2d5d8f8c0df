//! One attempt to fetch a file, and what comes of it.

use std::time::Duration;

use palabre_actors::domain::message::Generation;
use palabre_actors::domain::retry::{Retry, RetryPolicy};
use palabre_actors::ports::Clock;
use tracing::warn;

use crate::config::{Channel, TenantDirectory, TenantMedia};
use crate::gateway::media::{FetchError, FetchLimits, Fetched, Fetcher, MediaMissing, MediaPlace};
use crate::gateway::{self, Wiring};
use crate::media::{MediaStorage, allows, kind_of};
use crate::store::{DueMedia, MediaOutcome};

/// How long a file may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts until a server that does not know a file is believed: some tell of a file before they have it.
const UNTIL_BELIEVED: u32 = 5;

/// After 5 s, 15 s, 45 s … half an hour: for a day at most.
const RETRY: RetryPolicy = RetryPolicy {
    initial: Duration::from_secs(5),
    multiplier: 3.0,
    cap: Duration::from_mins(30),
    max_attempts: 50,
    max_age: Duration::from_hours(24),
};

/// Makes attempts.
pub(super) struct Attempts {
    pub(super) tenants: TenantDirectory,
    pub(super) storage: MediaStorage,
    pub(super) fetcher: Fetcher,
    /// Of those who ask the provider where a file is.
    pub(super) client: reqwest::Client,
    pub(super) public_base_url: Option<String>,
}

/// Why an attempt brought nothing.
enum Failure {
    Refused(&'static str),
    Failed(&'static str),
    Again(&'static str),
}

impl Attempts {
    pub(super) async fn attempt(&self, due: &DueMedia, clock: &dyn Clock) -> MediaOutcome {
        match self.fetch(due).await {
            Ok(outcome) => outcome,
            Err(Failure::Refused(why)) => MediaOutcome::Refused(why),
            Err(Failure::Failed(why)) => MediaOutcome::Failed(why),
            Err(Failure::Again(why)) => {
                match RETRY.next(Generation::first(due.created_at), due.attempts, clock.now(), None) {
                    Retry::At(at) => MediaOutcome::Later(why, at),
                    Retry::Exhausted => MediaOutcome::Failed(why),
                }
            }
        }
    }

    async fn fetch(&self, due: &DueMedia) -> Result<MediaOutcome, Failure> {
        let (tenant, channel) = (self.tenants.get(&due.tenant), self.tenants.channel(&due.tenant, &due.channel));
        let (Some(tenant), Some(channel)) = (tenant, channel) else {
            // Its file may have been taken away for a moment.
            return Err(Failure::Again("channel_not_configured"));
        };
        let wanted = &tenant.media;
        if !wanted.fetch {
            return Err(Failure::Refused("not_wanted"));
        }
        let place = self.locate(&channel, &due.url).await?;
        let limits = FetchLimits { most_bytes: wanted.max_bytes, timeout: TIMEOUT };
        let fetched = self.fetcher.fetch(place, limits).await.map_err(|error| match error {
            FetchError::Forbidden => Failure::Refused("not_public"),
            FetchError::TooLarge => Failure::Refused("too_large"),
            FetchError::Gone => Failure::Failed("gone"),
            FetchError::NotFound if due.attempts >= UNTIL_BELIEVED => Failure::Failed("gone"),
            FetchError::NotFound => Failure::Again("gone"),
            FetchError::Denied => Failure::Again("denied"),
            FetchError::Unreachable => Failure::Again("unreachable"),
        })?;
        self.keep(due, wanted, fetched).await
    }

    async fn locate(&self, channel: &Channel, url: &str) -> Result<MediaPlace, Failure> {
        let wiring = Wiring::without_files(&self.client, self.public_base_url.as_deref());
        let source = gateway::provider(channel.provider.name()).and_then(|known| known.media(channel, wiring));
        let found = match source {
            Some(source) => source.locate(url).await,
            None => MediaPlace::public(url).ok_or(MediaMissing::Gone),
        };
        found.map_err(|missing| match missing {
            MediaMissing::Gone => Failure::Failed("gone"),
            MediaMissing::TooLarge => Failure::Refused("too_large"),
            MediaMissing::Later => Failure::Again("provider"),
        })
    }

    async fn keep(&self, due: &DueMedia, wanted: &TenantMedia, fetched: Fetched) -> Result<MediaOutcome, Failure> {
        if fetched.bytes.is_empty() {
            return Err(Failure::Refused("empty"));
        }
        let declared = if due.declared_type.is_empty() { &fetched.content_type } else { &due.declared_type };
        let content_type = kind_of(&fetched.bytes, declared);
        if !allows(&wanted.types, &content_type) {
            return Err(Failure::Refused("type"));
        }
        let size = fetched.bytes.len() as u64;
        match self.storage.put(due.tenant.as_str(), fetched.bytes).await {
            Ok(hash) => Ok(MediaOutcome::Stored { content_type, size, hash }),
            Err(error) => {
                warn!(media.id = %due.id, error = &error as &dyn std::error::Error, "a file was not kept, trying again");
                Err(Failure::Again("disk"))
            }
        }
    }
}
