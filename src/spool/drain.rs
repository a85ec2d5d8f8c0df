//! The way back: what is kept goes into the database, the oldest first, a page at a time. What was taken leaves the spool
//! after the commit; a kill between the two repeats a page, which the dedupe keys recognise.

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

use super::clerk::Job;
use super::files::{Entry, Page};
use super::inbox::Spooled;
use super::kept::{self, Brought};
use super::{SpoolError, metric};

/// How long the database may take for a page. Its own deadline is shorter; this one holds should it forget.
const DEADLINE: Duration = Duration::from_secs(15);
/// Callbacks that are applied at once: they share a transaction.
const CALLBACKS_AT_ONCE: usize = 64;
/// How often the age of the oldest message is shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// The longest wait before the database is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What went into the database.
#[derive(Debug, Default)]
pub struct Drained {
    /// New messages, in order: to be processed.
    pub new: Vec<Inbound>,
    /// Tenants of messages that were in the database already: perhaps nobody was told of them.
    pub known: BTreeSet<TenantId>,
}

/// What the database said to a page.
enum Said {
    /// What it took, what it refuses for good, and whose all of it was.
    Taken(Drained, Vec<Entry>, Vec<(TenantId, u64)>),
    Away,
}

impl Spooled {
    /// Empties the spool whenever something is in it: tells of the messages that went into the database, and applies the
    /// status callbacks. Ends with its task.
    ///
    /// # Errors
    /// The folder cannot be read any more: what it holds stays there, and all that comes goes there as well.
    pub async fn drain<F>(
        self,
        tell: impl Fn(Drained) + Send + Sync,
        apply: impl Fn(StatusUpdate) -> F + Send + Sync,
    ) -> Result<(), SpoolError>
    where
        F: Future<Output = Result<Advanced, PortError>> + Send,
    {
        let showing = async {
            loop {
                self.show_age();
                tokio::time::sleep(SHOW_EVERY).await;
            }
        };
        tokio::select! {
            done = self.work_off(&tell, &apply) => done.inspect_err(|error| {
                error!(error = error as &dyn std::error::Error, "the spool is not emptied any more, start the daemon again");
            }),
            () = showing => Ok(()),
        }
    }

    async fn work_off<F>(
        &self,
        tell: &(impl Fn(Drained) + Send + Sync),
        apply: &(impl Fn(StatusUpdate) -> F + Send + Sync),
    ) -> Result<(), SpoolError>
    where
        F: Future<Output = Result<Advanced, PortError>> + Send,
    {
        let (mut failures, mut drained) = (0, 0);
        loop {
            if self.desk.held() == 0 || self.is_shut() {
                self.desk.board.kept.notified().await;
                continue;
            }
            let page = self.page().await?;
            if page.entries.is_empty() && self.stock().records == 0 {
                // It is still on its way to the disk.
                self.desk.board.kept.notified().await;
                continue;
            }
            let records = page.entries.len() as u64;
            let Said::Taken(taken, refused, whose) = self.hand_over(&page, apply).await else {
                failures += 1;
                tokio::time::sleep(wait_after(failures)).await;
                continue;
            };
            failures = 0;
            if let Some(away) = self.desk.is_back() {
                info!(
                    elapsed_ms = millis(away),
                    spool.records = self.stock().records,
                    "the database is back, the spool is emptied"
                );
            }
            // Before the next webhook may find the spool empty, and go past.
            tell(taken);
            self.advance(page, refused).await?;
            self.desk.release(&whose);
            drained += records;
            if self.desk.held() == 0 {
                info!(messages = drained, "the spool is empty");
                drained = 0;
            }
        }
    }

    async fn page(&self) -> Result<Page, SpoolError> {
        let (answer, page) = oneshot::channel();
        self.desk.jobs.send(Job::Peek(answer)).map_err(|_| SpoolError::Gone)?;
        page.await.map_err(|_| SpoolError::Gone)?
    }

    async fn advance(&self, page: Page, refused: Vec<Entry>) -> Result<(), SpoolError> {
        let (done, advanced) = oneshot::channel();
        let records = page.entries.len() as u64;
        let job = Job::Advance { upto: page.upto, records, refused, done };
        self.desk.jobs.send(job).map_err(|_| SpoolError::Gone)?;
        advanced.await.map_err(|_| SpoolError::Gone)?
    }

    /// The messages of a page, and then its callbacks, which are about messages that went out before: together, for each only
    /// moves its message forward (I8).
    async fn hand_over<F>(&self, page: &Page, apply: &(impl Fn(StatusUpdate) -> F + Sync)) -> Said
    where
        F: Future<Output = Result<Advanced, PortError>> + Send,
    {
        let (mut messages, mut callbacks, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut whose = Vec::with_capacity(page.entries.len());
        for entry in &page.entries {
            let brought = kept::decode(entry);
            whose.extend(brought.as_ref().map(|brought| (brought.tenant().clone(), entry.bytes())));
            match brought {
                Some(Brought::Message(new)) => messages.push((entry, *new)),
                Some(Brought::Status(update)) => callbacks.push((entry, update)),
                None => refused.push(entry.clone()),
            }
        }
        let mut taken = Drained::default();
        let results = self.ask(messages.iter().map(|(_, new)| new.clone()).collect()).await;
        if results.iter().any(|result| result.as_ref().is_err_and(PortError::is_transient)) {
            return Said::Away;
        }
        for (result, (entry, new)) in results.into_iter().zip(messages) {
            match result {
                Ok(Acceptance::New(message)) => taken.new.push(message),
                Ok(Acceptance::Duplicate { .. } | Acceptance::Spooled) => _ = taken.known.insert(new.tenant),
                Err(_) => refused.push(entry.clone()),
            }
        }
        let (entries, updates): (Vec<&Entry>, Vec<StatusUpdate>) = callbacks.into_iter().unzip();
        let asked = updates.into_iter().map(|update| tokio::time::timeout(DEADLINE, apply(update)));
        let applied: Vec<_> = stream::iter(asked).buffered(CALLBACKS_AT_ONCE).collect().await;
        for (entry, applied) in entries.into_iter().zip(applied) {
            let applied = applied.unwrap_or_else(|_| Err(PortErrorKind::Timeout.into()));
            match applied {
                Ok(_) => {}
                Err(error) if error.is_transient() => return Said::Away,
                Err(_) => refused.push(entry.clone()),
            }
        }
        Said::Taken(taken, refused, whose)
    }

    async fn ask(&self, messages: Vec<NewInbound>) -> Vec<Result<Acceptance, PortError>> {
        let count = messages.len();
        if count == 0 {
            return Vec::new();
        }
        tokio::time::timeout(DEADLINE, self.store.accept(messages))
            .await
            .unwrap_or_else(|_| (0..count).map(|_| Err(PortErrorKind::Timeout.into())).collect())
    }

    fn show_age(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = self.stock().oldest_ms.and_then(|oldest| u64::try_from(oldest).ok());
        let age = oldest.map_or(Duration::ZERO, |oldest| now.saturating_sub(Duration::from_millis(oldest)));
        gauge!(metric::OLDEST_SECONDS).set(age.as_secs_f64());
    }
}

/// The schedule of failed sends, without an end and with short waits: what waits behind them is a customer.
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
