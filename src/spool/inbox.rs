//! Inbox with a spool: messages and callbacks go to the database, or to the spool.
//!
//! Order (I3) rests on two rules. While the spool holds anything, everything goes behind it. And when the database
//! fails, all that is with it at that moment is handed to the spool at once, in the order in which it was handed to
//! the database, before anything that comes later: callers stop waiting for the database. What it commits after all
//! is recognised by the dedupe key (I2).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::counter;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{InboundId, TenantId};
use palabre_actors::domain::message::{Inbound, NewInbound};
use palabre_actors::ports::{Acceptance, Advanced, Inbox, Pending, PortError, PortErrorKind, StatusUpdate};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{info, warn};

use super::entry::{self, SpoolEntry};
use super::metric;
use super::retry_deadline::RetryDeadline;
use super::writer::{self, Append, AppendAnswer, SpoolJob, SpoolState};
use super::{SpoolError, SpoolFolder, SpoolStats};

/// The database's inbox with the spool behind it. Clones share it.
#[derive(Clone)]
pub struct SpooledInbox {
    pub(super) store: Arc<dyn Inbox>,
    pub(super) router: Arc<Router>,
}

pub(super) struct Router {
    pub jobs: Sender<SpoolJob>,
    pub state: Arc<SpoolState>,
    routes: Mutex<Routes>,
}

/// Which way entries go.
#[derive(Default)]
struct Routes {
    /// The database has not been reached since the start: nothing goes there.
    store_closed: bool,
    next: u64,
    /// What is with the database, in the order in which it was handed over.
    direct: BTreeMap<u64, InStore>,
    away: Option<Instant>,
}

/// A batch that is with the database.
struct InStore {
    entries: Vec<SpoolEntry>,
    appended: AppendAnswer,
}

enum Route {
    /// To the spool, except for entries marked `true`, whose tenants have used their share up. The receiver gets
    /// whether the others were appended.
    Spool(oneshot::Receiver<bool>, Vec<bool>),
    /// To the database; the receiver gets the spool's answer if the batch goes there after all.
    Store(InStoreGuard, oneshot::Receiver<bool>),
}

/// Guard of a batch that is with the database; dropping it removes the batch.
struct InStoreGuard {
    router: Arc<Router>,
    number: u64,
}

impl SpooledInbox {
    /// Puts the spool before the database's inbox. With `store_closed`, nothing goes to the database until
    /// [`SpooledInbox::open_store`].
    ///
    /// # Errors
    /// [`SpoolError::Thread`]
    pub fn new(spool: SpoolFolder, store: Arc<dyn Inbox>, store_closed: bool) -> Result<Self, SpoolError> {
        let (jobs, state) = writer::start(spool.files, spool.max_bytes)?;
        let routes = Mutex::new(Routes { store_closed, away: store_closed.then(Instant::now), ..Routes::default() });
        Ok(Self { store, router: Arc::new(Router { jobs, state, routes }) })
    }

    /// The database was reached: the spool may be drained into it.
    pub fn open_store(&self) {
        self.router.lock().store_closed = false;
        self.router.state.appended.notify_one();
    }

    /// Sets the number of tenants: of several, none may take all the space. The default is several.
    #[must_use]
    pub fn for_tenants(self, count: usize) -> Self {
        self.router.state.shares().alone = count < 2;
        self
    }

    #[must_use]
    pub fn is_store_closed(&self) -> bool {
        self.router.lock().store_closed
    }

    #[must_use]
    pub fn stats(&self) -> SpoolStats {
        self.router.state.stats()
    }

    async fn take(&self, messages: Vec<NewInbound>) -> Vec<Result<Acceptance, PortError>> {
        let count = messages.len();
        let entries = messages.iter().cloned().map(Box::new).map(SpoolEntry::Message).collect();
        let (mut guard, mut appended) = match self.router.route(entries) {
            Route::Spool(appended, refused) => {
                let appended = appended.await.unwrap_or(false);
                return refused.into_iter().map(|refused| answer(appended && !refused)).collect();
            }
            Route::Store(guard, appended) => (guard, appended),
        };
        let asked = self.accept_until_deadline(messages);
        let mut results = tokio::select! {
            // Another batch failed: everything that is with the database goes to the spool.
            appended = &mut appended => return same_answer(count, appended),
            results = asked => results,
        };
        if !results.iter().any(is_away) {
            guard.stored();
            return results;
        }
        let why = results.iter().find_map(|result| result.as_ref().err().filter(|error| error.is_transient()));
        guard.fail_over(results.iter().map(is_away), why);
        let appended = appended.await;
        for result in results.iter_mut().filter(|result| is_away(result)) {
            *result = answer(appended.as_ref().is_ok_and(|appended| *appended));
        }
        results
    }

    /// Accepts messages, and tries again what the database could not take, until the retry deadline. A message that
    /// was committed although its answer was lost is recognised by its dedupe key.
    async fn accept_until_deadline(&self, messages: Vec<NewInbound>) -> Vec<Result<Acceptance, PortError>> {
        let mut results = failed(messages.len(), PortErrorKind::Timeout);
        let mut deadline = RetryDeadline::begin();
        loop {
            let open: Vec<usize> = (0..messages.len()).filter(|at| results.get(*at).is_some_and(is_away)).collect();
            let asked = open.iter().filter_map(|at| messages.get(*at)).cloned().collect();
            let Ok(answers) = deadline.with(self.store.accept(asked)).await else { return results };
            for (at, answer) in open.into_iter().zip(answers) {
                if let Some(result) = results.get_mut(at) {
                    *result = answer;
                }
            }
            if !results.iter().any(is_away) || !deadline.wait_for_retry().await {
                return results;
            }
        }
    }
}

/// Applies a status callback within its deadline.
async fn apply_until_deadline<F>(apply: impl Fn() -> F) -> Result<Advanced, PortError>
where
    F: Future<Output = Result<Advanced, PortError>>,
{
    let mut deadline = RetryDeadline::begin();
    loop {
        let result = deadline.with(apply()).await.unwrap_or_else(|_| Err(PortErrorKind::Timeout.into()));
        if !is_away(&result) || !deadline.wait_for_retry().await {
            return result;
        }
    }
}

/// Whether another try may succeed.
fn is_away<T>(result: &Result<T, PortError>) -> bool {
    result.as_ref().is_err_and(PortError::is_transient)
}

impl SpooledInbox {
    /// Applies a status callback by `apply`, or spools it while the database is away, behind all that is in the
    /// spool. A callback without our id is found by the provider's, which no index has; it is not spooled.
    ///
    /// # Errors
    /// What `apply` returns. `Unavailable`: the database is away, and it was not spooled.
    pub async fn status<F>(&self, update: StatusUpdate, apply: impl Fn(StatusUpdate) -> F) -> Result<(), PortError>
    where
        F: Future<Output = Result<Advanced, PortError>>,
    {
        if update.id.is_none() {
            return apply(update).await.map(drop);
        }
        let is_kept = |appended: Result<bool, _>| if appended.unwrap_or(false) { Ok(()) } else { Err(unavailable()) };
        let (mut guard, mut appended) = match self.router.route(vec![SpoolEntry::Status(update.clone())]) {
            // An entry over its tenant's share was not handed over, and gets no answer.
            Route::Spool(appended, _) => return is_kept(appended.await),
            Route::Store(guard, appended) => (guard, appended),
        };
        let asked = apply_until_deadline(|| apply(update.clone()));
        let result = tokio::select! {
            appended = &mut appended => return is_kept(appended),
            result = asked => result,
        };
        match result {
            Err(error) if error.is_transient() => {
                guard.fail_over([true].into_iter(), Some(&error));
                is_kept(appended.await)
            }
            result => {
                guard.stored();
                result.map(drop)
            }
        }
    }
}

fn unavailable() -> PortError {
    PortErrorKind::Unavailable.into()
}

fn same_answer(count: usize, appended: Result<bool, oneshot::error::RecvError>) -> Vec<Result<Acceptance, PortError>> {
    let appended = appended.unwrap_or(false);
    (0..count).map(|_| answer(appended)).collect()
}

fn answer(appended: bool) -> Result<Acceptance, PortError> {
    if appended { Ok(Acceptance::Spooled) } else { Err(unavailable()) }
}

fn failed(count: usize, kind: PortErrorKind) -> Vec<Result<Acceptance, PortError>> {
    (0..count).map(|_| Err(kind.into())).collect()
}

impl Router {
    /// How long the database was away, once when that is over.
    pub(super) fn is_back(&self) -> Option<Duration> {
        self.lock().away.take().map(|since| since.elapsed())
    }

    pub(super) fn outstanding(&self) -> u64 {
        self.state.outstanding.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn route(self: &Arc<Self>, entries: Vec<SpoolEntry>) -> Route {
        let (answer, appended) = oneshot::channel();
        let mut routes = self.lock();
        if routes.store_closed || self.outstanding() > 0 {
            let refused = self.append(&entries, answer, true);
            return Route::Spool(appended, refused);
        }
        let number = routes.next;
        routes.next += 1;
        routes.direct.insert(number, InStore { entries, appended: answer });
        Route::Store(InStoreGuard { router: Arc::clone(self), number }, appended)
    }

    /// Hands entries to the spool. Returns which were refused: with `by_share`, those over their tenant's share.
    /// Called with the routes locked, so that nothing comes between.
    fn append(&self, entries: &[SpoolEntry], answer: AppendAnswer, by_share: bool) -> Vec<bool> {
        let (mut encoded, mut owners, mut refused) = (Vec::new(), Vec::new(), Vec::with_capacity(entries.len()));
        let stats = self.state.stats();
        let mut shares = self.state.shares();
        for each in entries {
            let (tenant, begun) = (each.tenant(), encoded.len());
            if entry::encode(each, &mut encoded).is_err() {
                // No gateway makes such an entry; the whole batch is refused, as no webhook was answered yet.
                owners.iter().for_each(|(tenant, bytes)| shares.release(tenant, *bytes));
                return vec![true; entries.len()];
            }
            let bytes = (encoded.len() - begun) as u64;
            refused.push(by_share && !shares.admits(tenant, bytes, stats.bytes, stats.max_bytes));
            if refused.last() == Some(&true) {
                encoded.truncate(begun);
                if shares.is_first_refusal(tenant) {
                    warn!(tenant.id = %tenant, "the tenant's share of the spool is used up, its webhooks are refused");
                }
            } else {
                shares.add(tenant, bytes);
                owners.push((tenant.clone(), bytes));
            }
        }
        let records = owners.len() as u64;
        counter!(metric::REFUSED).increment(refused.len() as u64 - records);
        // Without any, the answer is dropped, and the webhooks are refused.
        if records > 0 {
            self.state.outstanding.fetch_add(records, Ordering::SeqCst);
            if self.jobs.send(SpoolJob::Append(Append { encoded, owners, answer })).is_err() {
                self.state.outstanding.fetch_sub(records, Ordering::SeqCst);
            }
        }
        refused
    }

    /// Takes what is in the database off the tenants' shares.
    pub(super) fn release(&self, owners: &[(TenantId, u64)]) {
        // With the routes locked, nothing is added meanwhile.
        let _course = self.lock();
        let mut shares = self.state.shares();
        owners.iter().for_each(|(tenant, bytes)| shares.release(tenant, *bytes));
        if self.outstanding() == 0 {
            shares.clear();
        }
    }
}

impl InStoreGuard {
    /// The database took the batch. When it had been away and the spool is empty, the outage is over.
    fn stored(&mut self) {
        let mut routes = self.router.lock();
        routes.direct.remove(&self.number);
        if routes.away.is_some() && self.router.outstanding() == 0 {
            routes.away = None;
            info!("the database is back");
        }
    }

    /// The database failed: all that is with it goes to the spool, and of this batch the failed entries.
    fn fail_over(&mut self, failed: impl Iterator<Item = bool>, why: Option<&PortError>) {
        let mut routes = self.router.lock();
        if let Some(own) = routes.direct.get_mut(&self.number) {
            let mut failed = failed;
            own.entries.retain(|_| failed.next().unwrap_or(true));
        }
        if routes.away.is_none() {
            routes.away = Some(Instant::now());
            let cause = why.and_then(|error| error.source.as_deref()).map(tracing::field::display);
            warn!(error = why.map(tracing::field::display), cause, "the database is away, messages go to the spool");
        }
        for direct in std::mem::take(&mut routes.direct).into_values() {
            // They are few and must keep their order, so shares are not checked. A batch that cannot be appended is
            // refused.
            let _ = self.router.append(&direct.entries, direct.appended, false);
        }
    }
}

impl Drop for InStoreGuard {
    fn drop(&mut self) {
        self.router.lock().direct.remove(&self.number);
    }
}

impl Inbox for SpooledInbox {
    fn accept(&self, batch: Vec<NewInbound>) -> Pending<'_, Vec<Result<Acceptance, PortError>>> {
        Box::pin(self.take(batch))
    }

    fn backlog(
        &self,
        tenant: &TenantId,
        after: Option<InboundId>,
        limit: usize,
    ) -> Pending<'_, Result<Vec<Inbound>, PortError>> {
        self.store.backlog(tenant, after, limit)
    }

    fn tenants_behind(&self, accepted_before: Timestamp) -> Pending<'_, Result<Vec<TenantId>, PortError>> {
        self.store.tenants_behind(accepted_before)
    }

    fn dead_letter(
        &self,
        message: &Inbound,
        reason: &'static str,
        at: Timestamp,
    ) -> Pending<'_, Result<(), PortError>> {
        self.store.dead_letter(message, reason, at)
    }
}

impl fmt::Debug for SpooledInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpooledInbox").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
