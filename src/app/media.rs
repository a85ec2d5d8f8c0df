//! Fetches the files of messages, after their turns: a few at once, and no tenant takes all places.

mod attempt;
mod outgoing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use metrics::{counter, gauge};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::Clock;
use tokio::runtime::Handle;
use tokio::task::{Id, JoinHandle, JoinSet};
use tracing::{debug, info, warn};

use self::attempt::Attempts;
use super::StartError;
use crate::config::{Config, TenantDirectory};
use crate::gateway::BuildError;
use crate::gateway::client;
use crate::gateway::media::{Fetcher, FilesOut};
use crate::media::{MediaLinks, MediaStorage};
use crate::service::media::MediaAccess;
use crate::service::person_links::PersonLinks;
use crate::store::operator::Operator;
use crate::store::{DueMedia, MediaClaim, MediaOutcome, Store, StoreError, UnwantedMedia};
use crate::telemetry::metrics as names;

/// Files that are fetched at once, and of one tenant.
const AT_ONCE: usize = 8;
const OF_ONE_TENANT: usize = 4;
/// A file that nobody settled so long was being fetched by a process that ended: longer than [`attempt::TIMEOUT`], what it takes
/// to find out where the file is, and two writes.
const LEASE: TimeDelta = TimeDelta::seconds(150);
/// How often the table is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// How soon after the database refused.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it is counted what waits.
const GAUGE_EVERY: Duration = Duration::from_secs(15);
/// How often it is looked for files that are not to be kept any more: erased ones, and, less often, those of deleted messages.
const EXPIRED_EVERY: Duration = Duration::from_mins(1);
const LEFT_EVERY: Duration = Duration::from_hours(1);
/// Files that are deleted at once.
const DELETED_AT_ONCE: usize = 200;

/// Fetches files, and deletes those that are not to be kept any more.
struct MediaWorker {
    store: Store,
    storage: MediaStorage,
    attempts: Attempts,
    /// How long uploads are kept. `None`: for ever.
    keep_uploads: Option<TimeDelta>,
    clock: Arc<dyn Clock>,
}

/// What the daemon's parts need of files.
pub(super) struct MediaParts {
    storage: MediaStorage,
    links: MediaLinks,
    fetcher: Fetcher,
    /// Of those who ask the provider where a file is, and of the bucket.
    client: reqwest::Client,
    /// For the gateways.
    pub(super) out: FilesOut,
}

impl MediaParts {
    pub(super) fn new(config: &Config, store: Operator, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let client = client::new().map_err(BuildError::from)?;
        let fetcher = Fetcher::new().map_err(BuildError::from)?;
        let storage = MediaStorage::of(&config.media, &client)?;
        let links = MediaLinks::new(storage.clone(), config.http.public_base_url.clone());
        let out = outgoing::files_out(store, storage.clone(), links.clone(), fetcher.clone(), clock);
        Ok(Self { storage, links, fetcher, client, out })
    }

    /// Links by which contacts show that an address is theirs: their key is with the files.
    pub(super) fn person_links(&self, config: &Config, store: Operator, tenants: TenantDirectory) -> PersonLinks {
        PersonLinks::new(store, self.storage.clone(), tenants, config.http.public_base_url.clone())
    }

    /// For API and console.
    pub(super) fn access(&self, tenants: TenantDirectory, clock: Arc<dyn Clock>) -> MediaAccess {
        MediaAccess::new(self.storage.clone(), self.links.clone(), tenants, clock)
    }

    /// Fetches and deletes for as long as the daemon runs.
    pub(super) fn follow(
        &self,
        (config, tenants): (&Config, TenantDirectory),
        store: &Store,
        clock: Arc<dyn Clock>,
        io: &Handle,
    ) -> JoinHandle<()> {
        let worker = Arc::new(MediaWorker {
            store: store.clone(),
            attempts: Attempts {
                tenants,
                storage: self.storage.clone(),
                fetcher: self.fetcher.clone(),
                client: self.client.clone(),
                public_base_url: config.http.public_base_url.clone(),
            },
            storage: self.storage.clone(),
            keep_uploads: config.retention.messages.and_then(|kept| TimeDelta::from_std(kept).ok()),
            clock,
        });
        io.spawn(run(worker))
    }
}

/// When something is done now and then.
struct Interval {
    every: Duration,
    last: Option<Instant>,
}

impl Interval {
    const fn of(every: Duration) -> Self {
        Self { every, last: None }
    }

    fn is_due(&mut self) -> bool {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= self.every);
        if is_due {
            self.last = Some(Instant::now());
        }
        is_due
    }
}

async fn run(worker: Arc<MediaWorker>) {
    let mut fetching: JoinSet<()> = JoinSet::new();
    let mut whose: HashMap<Id, TenantId> = HashMap::new();
    let (mut counted, mut expired, mut left) =
        (Interval::of(GAUGE_EVERY), Interval::of(EXPIRED_EVERY), Interval::of(LEFT_EVERY));
    let mut is_failing = false;
    loop {
        let mut wait = EVERY;
        if worker.store.is_admitted() {
            match worker.begin(&mut fetching, &mut whose).await {
                Ok(()) => is_failing = false,
                Err(error) => {
                    wait = AGAIN;
                    tell(&error, is_failing);
                    is_failing = true;
                }
            }
            if counted.is_due() {
                worker.count().await;
            }
            if expired.is_due() {
                worker.delete_expired().await;
            }
            if left.is_due() {
                worker.delete_left().await;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            Some(ended) = fetching.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => error.id(),
                };
                whose.remove(&id);
            }
        }
    }
}

fn tell(error: &StoreError, is_failing: bool) {
    if error.is_away() || is_failing {
        debug!(error = error as &dyn std::error::Error, "files of messages wait");
    } else {
        warn!(error = error as &dyn std::error::Error, "files of messages wait, trying again");
    }
}

impl MediaWorker {
    /// Begins to fetch what is due, as far as there are places.
    async fn begin(
        self: &Arc<Self>,
        fetching: &mut JoinSet<()>,
        whose: &mut HashMap<Id, TenantId>,
    ) -> Result<(), StoreError> {
        let free = AT_ONCE.saturating_sub(fetching.len());
        if free == 0 {
            return Ok(());
        }
        let mut busy: HashMap<&TenantId, usize> = HashMap::new();
        for tenant in whose.values() {
            *busy.entry(tenant).or_default() += 1;
        }
        let full = busy.into_iter().filter(|(_, files)| *files >= OF_ONE_TENANT);
        let without: Vec<TenantId> = full.map(|(tenant, _)| tenant.clone()).collect();
        let now = self.clock.now();
        let claim = MediaClaim { limit: free, of_one_tenant: OF_ONE_TENANT, without: &without };
        for due in self.store.claim_media(claim, (now, now + LEASE)).await? {
            let (tenant, worker) = (due.tenant.clone(), Arc::clone(self));
            whose.insert(fetching.spawn(async move { worker.fetch(due).await }).id(), tenant);
        }
        Ok(())
    }

    async fn fetch(&self, due: DueMedia) {
        let outcome = self.attempts.attempt(&due, &*self.clock).await;
        let word = match &outcome {
            MediaOutcome::Stored { .. } => "stored",
            MediaOutcome::Refused(_) => "refused",
            MediaOutcome::Failed(_) => "failed",
            MediaOutcome::Later(..) => "later",
        };
        match self.store.settle_media(&due, &outcome, self.clock.now()).await {
            Ok(true) => {
                let labels = [("tenant", due.tenant.as_str().to_owned()), ("outcome", word.to_owned())];
                counter!(names::MEDIA_FILES, &labels).increment(1);
            }
            // Another node took it over when the lease was over.
            Ok(false) => debug!(media.id = %due.id, "a file was fetched twice"),
            // It is claimed again when the lease is over.
            Err(error) => {
                debug!(media.id = %due.id, error = &error as &dyn std::error::Error, "what became of a file was not written");
            }
        }
    }

    async fn count(&self) {
        if let Ok(waiting) = self.store.waiting_media().await {
            #[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
            gauge!(names::MEDIA_WAITING).set(waiting as f64);
        }
    }

    /// Deletes the bytes of files that were erased.
    async fn delete_expired(&self) {
        match self.store.expired_media(DELETED_AT_ONCE).await {
            Ok(files) => {
                let deleted = self.delete(files).await;
                let written = self.store.forget_bytes(&deleted).await;
                self.tell_deleted(&deleted, written);
            }
            Err(error) => tell(&error, false),
        }
    }

    /// Deletes files of messages that retention deleted, and old uploads.
    async fn delete_left(&self) {
        let uploads: Option<Timestamp> = self.keep_uploads.map(|kept| self.clock.now() - kept);
        loop {
            let files = match self.store.left_media(uploads, DELETED_AT_ONCE).await {
                Ok(files) => files,
                Err(error) => return tell(&error, false),
            };
            let found = files.len();
            let deleted = self.delete(files).await;
            let written = self.store.forget_media(&deleted).await;
            let is_over = written.is_err() || found < DELETED_AT_ONCE || deleted.is_empty();
            self.tell_deleted(&deleted, written);
            if is_over {
                return;
            }
        }
    }

    /// Deletes bytes, and returns the files whose bytes are gone, or another file's. The bytes go before the row: what is
    /// interrupted is found again.
    async fn delete(&self, files: Vec<UnwantedMedia>) -> Vec<uuid::Uuid> {
        let mut deleted = Vec::with_capacity(files.len());
        for file in files {
            let Some(hash) = &file.hash else {
                deleted.push(file.id);
                continue;
            };
            match self.storage.remove(file.tenant.as_str(), hash).await {
                Ok(true) => deleted.push(file.id),
                Ok(false) => {}
                Err(error) => {
                    warn!(media.id = %file.id, error = &error as &dyn std::error::Error, "a file was not deleted, trying again");
                }
            }
        }
        deleted
    }

    fn tell_deleted(&self, deleted: &[uuid::Uuid], written: Result<(), StoreError>) {
        match written {
            Ok(()) if deleted.is_empty() => {}
            Ok(()) => info!(media.files = deleted.len(), "files that are not to be kept any more were deleted"),
            Err(error) => tell(&error, false),
        }
    }
}
