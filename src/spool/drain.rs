//! Drain: entries go into the database, the oldest first, page by page.
//!
//! A page leaves the spool after the commit; a kill between the two repeats it, which the dedupe keys recognise.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::Utc;
use futures_util::{StreamExt as _, stream};
use metrics::gauge;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::message::{Generation, Inbound, NewInbound};
use palabre_actors::domain::retry::{Retry, RetryPolicy};
use palabre_actors::ports::{Acceptance, Advanced, PortError, PortErrorKind, StatusUpdate};
use tokio::sync::oneshot;
use tracing::{error, info};

use super::entry::{self, SpoolEntry};
use super::files::{RawEntry, SpoolPage};
use super::inbox::SpooledInbox;
use super::writer::SpoolJob;
use super::{SpoolError, metric};

/// How long the database may take for a page. The store's own deadline is shorter; this one is for a store that
/// hangs.
const DEADLINE: Duration = Duration::from_secs(15);
/// Callbacks that are applied at once: they share a transaction.
const CALLBACKS_AT_ONCE: usize = 64;
/// How often the age of the oldest entry is recorded.
const RECORD_AGE_EVERY: Duration = Duration::from_secs(1);
/// The longest wait before the database is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Drained {
    /// New messages, in order: to be processed.
    pub new: Vec<Inbound>,
    /// Tenants of messages that were in the database already: their tenant actor may not know of them.
    pub known: BTreeSet<TenantId>,
}

enum PageOutcome {
    /// What the database took, what it refuses for good, and the tenant and size of every entry.
    Taken(Drained, Vec<RawEntry>, Vec<(TenantId, u64)>),
    Away,
}

impl SpooledInbox {
    /// Empties the spool whenever it holds something: passes on the messages that went into the database, and applies
    /// the status callbacks. Runs until its task ends.
    ///
    /// # Errors
    /// The folder cannot be read any more: its entries stay there, and new ones are appended.
    pub async fn drain<F>(
        self,
        on_drained: impl Fn(Drained) + Send + Sync,
        apply: impl Fn(StatusUpdate) -> F + Send + Sync,
    ) -> Result<(), SpoolError>
    where
        F: Future<Output = Result<Advanced, PortError>> + Send,
    {
        let showing = async {
            loop {
                self.record_age();
                tokio::time::sleep(RECORD_AGE_EVERY).await;
            }
        };
        tokio::select! {
            done = self.drain_pages(&on_drained, &apply) => done.inspect_err(|error| {
                error!(error = error as &dyn std::error::Error, "the spool is not drained any more, start the daemon again");
            }),
            () = showing => Ok(()),
        }
    }

    async fn drain_pages<F>(
        &self,
        on_drained: &(impl Fn(Drained) + Send + Sync),
        apply: &(impl Fn(StatusUpdate) -> F + Send + Sync),
    ) -> Result<(), SpoolError>
    where
        F: Future<Output = Result<Advanced, PortError>> + Send,
    {
        let (mut failures, mut drained) = (0, 0);
        loop {
            if self.router.outstanding() == 0 || self.is_store_closed() {
                self.router.state.appended.notified().await;
                continue;
            }
            let page = self.page().await?;
            if page.entries.is_empty() && self.stats().records == 0 {
                // It is still on its way to the disk.
                self.router.state.appended.notified().await;
                continue;
            }
            let records = page.entries.len() as u64;
            let PageOutcome::Taken(taken, refused, owners) = self.store_page(&page, apply).await else {
                failures += 1;
                tokio::time::sleep(wait_after(failures)).await;
                continue;
            };
            failures = 0;
            if let Some(away) = self.router.is_back() {
                info!(
                    elapsed_ms = millis(away),
                    spool.records = self.stats().records,
                    "the database is back, the spool is drained"
                );
            }
            // Before the next webhook can find the spool empty and overtake them.
            on_drained(taken);
            self.advance(page, refused).await?;
            self.router.release(&owners);
            drained += records;
            if self.router.outstanding() == 0 {
                info!(messages = drained, "the spool is empty");
                drained = 0;
            }
        }
    }

    async fn page(&self) -> Result<SpoolPage, SpoolError> {
        let (answer, page) = oneshot::channel();
        self.router.jobs.send(SpoolJob::Peek(answer)).map_err(|_| SpoolError::Gone)?;
        page.await.map_err(|_| SpoolError::Gone)?
    }

    async fn advance(&self, page: SpoolPage, refused: Vec<RawEntry>) -> Result<(), SpoolError> {
        let (done, advanced) = oneshot::channel();
        let records = page.entries.len() as u64;
        let job = SpoolJob::Advance { upto: page.upto, records, refused, done };
        self.router.jobs.send(job).map_err(|_| SpoolError::Gone)?;
        advanced.await.map_err(|_| SpoolError::Gone)?
    }

    /// Stores the messages of a page, and then its callbacks, which are about messages that were sent before.
    /// Callbacks are applied together, for each only moves its message forward (I8).
    async fn store_page<F>(&self, page: &SpoolPage, apply: &(impl Fn(StatusUpdate) -> F + Sync)) -> PageOutcome
    where
        F: Future<Output = Result<Advanced, PortError>> + Send,
    {
        let (mut messages, mut callbacks, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut owners = Vec::with_capacity(page.entries.len());
        for entry in &page.entries {
            let decoded = entry::decode(entry);
            owners.extend(decoded.as_ref().map(|decoded| (decoded.tenant().clone(), entry.bytes())));
            match decoded {
                Some(SpoolEntry::Message(new)) => messages.push((entry, *new)),
                Some(SpoolEntry::Status(update)) => callbacks.push((entry, update)),
                None => refused.push(entry.clone()),
            }
        }
        let mut taken = Drained::default();
        let results = self.accept(messages.iter().map(|(_, new)| new.clone()).collect()).await;
        if results.iter().any(|result| result.as_ref().is_err_and(PortError::is_transient)) {
            return PageOutcome::Away;
        }
        for (result, (entry, new)) in results.into_iter().zip(messages) {
            match result {
                Ok(Acceptance::New(message)) => taken.new.push(message),
                Ok(Acceptance::Duplicate { .. } | Acceptance::Spooled) => _ = taken.known.insert(new.tenant),
                Err(_) => refused.push(entry.clone()),
            }
        }
        let (entries, updates): (Vec<&RawEntry>, Vec<StatusUpdate>) = callbacks.into_iter().unzip();
        let asked = updates.into_iter().map(|update| tokio::time::timeout(DEADLINE, apply(update)));
        let applied: Vec<_> = stream::iter(asked).buffered(CALLBACKS_AT_ONCE).collect().await;
        for (entry, applied) in entries.into_iter().zip(applied) {
            let applied = applied.unwrap_or_else(|_| Err(PortErrorKind::Timeout.into()));
            match applied {
                Ok(_) => {}
                Err(error) if error.is_transient() => return PageOutcome::Away,
                Err(_) => refused.push(entry.clone()),
            }
        }
        PageOutcome::Taken(taken, refused, owners)
    }

    async fn accept(&self, messages: Vec<NewInbound>) -> Vec<Result<Acceptance, PortError>> {
        let count = messages.len();
        if count == 0 {
            return Vec::new();
        }
        tokio::time::timeout(DEADLINE, self.store.accept(messages))
            .await
            .unwrap_or_else(|_| (0..count).map(|_| Err(PortErrorKind::Timeout.into())).collect())
    }

    fn record_age(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = self.stats().oldest_ms.and_then(|oldest| u64::try_from(oldest).ok());
        let age = oldest.map_or(Duration::ZERO, |oldest| now.saturating_sub(Duration::from_millis(oldest)));
        gauge!(metric::OLDEST_SECONDS).set(age.as_secs_f64());
    }
}

/// The retry policy of sends, without an end and with short waits: customers wait.
fn wait_after(failures: u32) -> Duration {
    let policy = RetryPolicy {
        initial: Duration::from_millis(500),
        cap: LONGEST_WAIT,
        max_attempts: u32::MAX,
        max_age: Duration::MAX,
        ..RetryPolicy::default()
    };
    let now = Utc::now();
    match policy.next(Generation::first(now), failures, now, None) {
        Retry::At(at) => (at - now).to_std().unwrap_or(LONGEST_WAIT),
        Retry::Exhausted => LONGEST_WAIT,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
