//! Task that fetches the files of messages, after their turns: a few at once, and no tenant takes all places.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use metrics::counter;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::message::Generation;
use palabre_actors::domain::retry::{Retry, RetryPolicy};
use palabre_actors::ports::Clock;
use reqwest::Url;
use tokio::runtime::Handle;
use tokio::task::{Id, JoinHandle, JoinSet};
use tracing::{debug, info, warn};

use crate::config::{Config, TenantMedia};
use crate::gateway::client::{self, ClientError};
use crate::gateway::media::{MediaMissing, MediaPlace, MediaSource};
use crate::gateway::{self, BuildError, Wiring};
use crate::media::{FetchError, FetchRequest, Fetcher, MediaFolder, allows, kind_of};
use crate::store::{DueMedia, MediaClaim, MediaOutcome, Store, StoreError};
use crate::telemetry::metrics as names;

/// Files that are fetched at once, and of one tenant.
const AT_ONCE: usize = 8;
const OF_ONE_TENANT: usize = 4;
/// How long a file may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A file that nobody settled so long was being fetched by a process that ended.
const CLAIMED_FOR: TimeDelta = TimeDelta::seconds(150);
/// How often the table is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// How soon after the database refused.
const AGAIN: Duration = Duration::from_secs(5);
/// How often files are looked for whose messages were deleted, and how many at a time.
const TIDY_EVERY: Duration = Duration::from_hours(1);
const TIDIED: usize = 500;

/// What a channel's files need.
struct ChannelMedia {
    source: Option<Arc<dyn MediaSource>>,
    /// The host of its API.
    trusted: Option<String>,
}

/// Fetches files.
struct MediaWorker {
    store: Store,
    folder: MediaFolder,
    fetcher: Fetcher,
    channels: HashMap<ChannelId, ChannelMedia>,
    tenants: HashMap<TenantId, TenantMedia>,
    clock: Arc<dyn Clock>,
}

/// Fetches for as long as the daemon runs.
pub(super) fn follow(
    config: &Config,
    store: &Store,
    clock: Arc<dyn Clock>,
    io: &Handle,
) -> Result<JoinHandle<()>, BuildError> {
    let client = client::new()?;
    let wiring = Wiring { client: &client, public_base_url: config.http.public_base_url.as_deref() };
    let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels).map(|channel| {
        let source = gateway::provider(channel.provider.name()).and_then(|known| known.media(channel, wiring));
        let trusted = channel.provider.api_base_url.as_deref().and_then(|base| Url::parse(base).ok());
        let trusted = trusted.and_then(|base| base.host_str().map(str::to_owned));
        (channel.id.clone(), ChannelMedia { source, trusted })
    });
    let worker = Arc::new(MediaWorker {
        store: store.clone(),
        folder: MediaFolder::new(config.media.dir.clone()),
        fetcher: Fetcher::new().map_err(ClientError::from)?,
        channels: channels.collect(),
        tenants: config.tenants.iter().map(|tenant| (tenant.id.clone(), tenant.media.clone())).collect(),
        clock,
    });
    Ok(io.spawn(run(worker)))
}

async fn run(worker: Arc<MediaWorker>) {
    let mut running: JoinSet<()> = JoinSet::new();
    let mut whose: HashMap<Id, TenantId> = HashMap::new();
    let mut tidied = Instant::now();
    let mut is_failing = false;
    loop {
        let mut wait = EVERY;
        if worker.store.is_admitted() && running.len() < AT_ONCE {
            match worker.claim(AT_ONCE - running.len(), &whose).await {
                Ok(claimed) => {
                    is_failing = false;
                    for due in claimed {
                        let (tenant, worker) = (due.tenant.clone(), Arc::clone(&worker));
                        whose.insert(running.spawn(async move { worker.fetch(due).await }).id(), tenant);
                    }
                }
                Err(error) => {
                    wait = AGAIN;
                    if error.is_away() || is_failing {
                        debug!(error = &error as &dyn std::error::Error, "files of messages wait");
                    } else {
                        warn!(error = &error as &dyn std::error::Error, "files of messages wait, trying again");
                    }
                    is_failing = true;
                }
            }
        }
        if tidied.elapsed() >= TIDY_EVERY {
            tidied = Instant::now();
            worker.tidy().await;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            Some(ended) = running.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => error.id(),
                };
                whose.remove(&id);
            }
        }
    }
}

impl MediaWorker {
    async fn claim(&self, free: usize, whose: &HashMap<Id, TenantId>) -> Result<Vec<DueMedia>, StoreError> {
        let mut busy: HashMap<&TenantId, usize> = HashMap::new();
        for tenant in whose.values() {
            *busy.entry(tenant).or_default() += 1;
        }
        let full = busy.into_iter().filter(|(_, files)| *files >= OF_ONE_TENANT).map(|(tenant, _)| tenant.clone());
        let without: Vec<TenantId> = full.collect();
        let now = self.clock.now();
        let claim = MediaClaim { limit: free, of_one_tenant: OF_ONE_TENANT, without: &without };
        self.store.claim_media(claim, (now, now + CLAIMED_FOR)).await
    }

    async fn fetch(&self, due: DueMedia) {
        let outcome = match self.attempt(&due).await {
            Ok(outcome) => outcome,
            Err(why) => self.later(&due, why),
        };
        let word = match &outcome {
            MediaOutcome::Stored { .. } => "stored",
            MediaOutcome::Refused(_) => "refused",
            MediaOutcome::Failed(_) => "failed",
            MediaOutcome::Later(..) => "later",
        };
        counter!(names::MEDIA_FILES, "tenant" => due.tenant.as_str().to_owned(), "outcome" => word).increment(1);
        if let Err(error) = self.store.settle_media(&due, &outcome, self.clock.now()).await {
            // It is claimed again.
            debug!(media.id = %due.id, error = &error as &dyn std::error::Error, "what became of a file was not written");
        }
    }

    /// The error is a reason to try again.
    async fn attempt(&self, due: &DueMedia) -> Result<MediaOutcome, &'static str> {
        let (Some(tenant), Some(channel)) = (self.tenants.get(&due.tenant), self.channels.get(&due.channel)) else {
            return Ok(MediaOutcome::Failed("channel_not_configured"));
        };
        if !tenant.fetch {
            return Ok(MediaOutcome::Refused("not_wanted"));
        }
        let place = match &channel.source {
            Some(source) => source.locate(&due.media.url).await,
            None => Ok(MediaPlace::public(&due.media.url)),
        };
        let place = match place {
            Ok(place) => place,
            Err(MediaMissing::Gone) => return Ok(MediaOutcome::Failed("gone")),
            Err(MediaMissing::Later) => return Err("provider"),
        };
        let request = FetchRequest {
            url: place.url,
            headers: place.headers,
            trusted: channel.trusted.clone(),
            most_bytes: tenant.max_bytes,
            timeout: TIMEOUT,
        };
        let fetched = match self.fetcher.fetch(request).await {
            Ok(fetched) => fetched,
            Err(FetchError::Forbidden) => return Ok(MediaOutcome::Refused("not_public")),
            Err(FetchError::TooLarge) => return Ok(MediaOutcome::Refused("too_large")),
            Err(FetchError::Gone) => return Ok(MediaOutcome::Failed("gone")),
            Err(FetchError::Unreachable) => return Err("unreachable"),
        };
        let declared = if due.media.content_type.is_empty() { &fetched.content_type } else { &due.media.content_type };
        let content_type = kind_of(&fetched.bytes, declared);
        if !allows(&tenant.types, &content_type) {
            return Ok(MediaOutcome::Refused("type"));
        }
        let size = fetched.bytes.len() as u64;
        let (folder, tenant) = (self.folder.clone(), due.tenant.clone());
        let kept = tokio::task::spawn_blocking(move || folder.put(tenant.as_str(), &fetched.bytes)).await;
        match kept {
            Ok(Ok(hash)) => Ok(MediaOutcome::Stored { content_type, size, hash }),
            Ok(Err(error)) => {
                warn!(media.id = %due.id, error = &error as &dyn std::error::Error, "a file was not kept, trying again");
                Err("disk")
            }
            Err(_) => Err("disk"),
        }
    }

    fn later(&self, due: &DueMedia, why: &'static str) -> MediaOutcome {
        let policy = RetryPolicy {
            initial: Duration::from_secs(5),
            cap: Duration::from_mins(30),
            max_attempts: 12,
            max_age: Duration::from_hours(24),
            ..RetryPolicy::default()
        };
        match policy.next(Generation::first(due.created_at), due.attempts, self.clock.now(), None) {
            Retry::At(at) => MediaOutcome::Later(why, at),
            Retry::Exhausted => MediaOutcome::Failed(why),
        }
    }

    /// Deletes files whose messages were deleted.
    async fn tidy(&self) {
        match self.store.forget_media(TIDIED).await {
            Ok(unused) => {
                let (files, folder) = (unused.len(), self.folder.clone());
                let removing = tokio::task::spawn_blocking(move || {
                    unused.iter().try_for_each(|(tenant, hash)| folder.remove(tenant.as_str(), hash))
                });
                if let Ok(Err(error)) = removing.await {
                    warn!(error = &error as &dyn std::error::Error, "files of deleted messages were not deleted");
                } else if files > 0 {
                    info!(media.files = files, "files of deleted messages were deleted");
                }
            }
            Err(error) => {
                debug!(error = &error as &dyn std::error::Error, "files of deleted messages were not looked for");
            }
        }
    }
}
