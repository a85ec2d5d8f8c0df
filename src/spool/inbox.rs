//! The way of a webhook's message, and of a status callback: into the database, or here while that is away.
//!
//! Order (I3) rests on two rules. While anything is held here, everything goes behind it. And when the database fails, all
//! that is with it at that moment is handed over at once, in the order in which it was handed to the database, before
//! anything that comes later: whoever waits for the database stops waiting. What it takes after all it takes once, by the
//! dedupe key (I2).

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

use super::clerk::{self, Answer, Append, Board, Job};
use super::kept::{self, Brought};
use super::metric;
use super::patience::Patience;
use super::{Spool, SpoolError, Stock};

/// The database's inbox, with the spool behind it. Clones share it.
#[derive(Clone)]
pub struct Spooled {
    pub(super) store: Arc<dyn Inbox>,
    pub(super) desk: Arc<Desk>,
}

/// What the clones share.
pub(super) struct Desk {
    pub jobs: Sender<Job>,
    pub board: Arc<Board>,
    course: Mutex<Course>,
}

/// Who is where.
#[derive(Default)]
struct Course {
    /// The database has not been reached yet: nothing goes there.
    shut: bool,
    next: u64,
    /// What is with the database, in the order in which it was handed over.
    direct: BTreeMap<u64, Direct>,
    /// Since when it has been away.
    away: Option<Instant>,
}

/// What one webhook, or several together, brought, and the database has.
struct Direct {
    brought: Vec<Brought>,
    kept: Answer,
}

/// Which way messages go.
enum Way {
    /// They were handed to the spool, but for those that are marked: their tenants have their share of it. Whether the others
    /// are kept.
    Spool(oneshot::Receiver<bool>, Vec<bool>),
    /// To the database; what the spool says, should they go there all the same.
    Store(Ticket, oneshot::Receiver<bool>),
}

/// Messages with the database; dropped, they are forgotten.
struct Ticket {
    desk: Arc<Desk>,
    number: u64,
}

impl Spooled {
    /// Before the database's inbox. With `shut`, nothing goes there until [`Spooled::open_store`].
    ///
    /// # Errors
    /// [`SpoolError::Thread`]
    pub fn new(spool: Spool, store: Arc<dyn Inbox>, shut: bool) -> Result<Self, SpoolError> {
        let (jobs, board) = clerk::start(spool.files, spool.max_bytes)?;
        let course = Mutex::new(Course { shut, away: shut.then(Instant::now), ..Course::default() });
        Ok(Self { store, desk: Arc::new(Desk { jobs, board, course }) })
    }

    /// The database is there: what is kept may go there.
    pub fn open_store(&self) {
        self.desk.lock().shut = false;
        self.desk.board.kept.notify_one();
    }

    /// Kept by one tenant alone, or by several of which none may take all the room. Without a word, it is several.
    #[must_use]
    pub fn for_tenants(self, count: usize) -> Self {
        self.desk.board.shares().alone = count < 2;
        self
    }

    /// Whether the database has not been reached yet.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.desk.lock().shut
    }

    /// How much is kept.
    #[must_use]
    pub fn stock(&self) -> Stock {
        self.desk.board.stock()
    }

    async fn take(&self, messages: Vec<NewInbound>) -> Vec<Result<Acceptance, PortError>> {
        let count = messages.len();
        let brought = messages.iter().cloned().map(Box::new).map(Brought::Message).collect();
        let (mut ticket, mut kept) = match self.desk.enter(brought) {
            Way::Spool(kept, over) => {
                let kept = kept.await.unwrap_or(false);
                return over.into_iter().map(|over| answer(kept && !over)).collect();
            }
            Way::Store(ticket, kept) => (ticket, kept),
        };
        let asked = self.insist(messages);
        let mut results = tokio::select! {
            // The database failed somebody else: everything that is with it is kept here.
            kept = &mut kept => return vec_of(count, kept),
            results = asked => results,
        };
        if !results.iter().any(is_away) {
            ticket.done();
            return results;
        }
        let why = results.iter().find_map(|result| result.as_ref().err().filter(|error| error.is_transient()));
        ticket.turn(results.iter().map(is_away), why);
        let kept = kept.await;
        for result in results.iter_mut().filter(|result| is_away(result)) {
            *result = answer(kept.as_ref().is_ok_and(|kept| *kept));
        }
        results
    }

    /// Asks the database, and asks it again for what it could not take, until the patience is at its end. What was written
    /// although its answer was lost is known by its dedupe key then.
    async fn insist(&self, messages: Vec<NewInbound>) -> Vec<Result<Acceptance, PortError>> {
        let mut results = failed(messages.len(), PortErrorKind::Timeout);
        let mut patience = Patience::begin();
        loop {
            let open: Vec<usize> = (0..messages.len()).filter(|at| results.get(*at).is_some_and(is_away)).collect();
            let asked = open.iter().filter_map(|at| messages.get(*at)).cloned().collect();
            let Ok(answers) = patience.with(self.store.accept(asked)).await else { return results };
            for (at, answer) in open.into_iter().zip(answers) {
                if let Some(result) = results.get_mut(at) {
                    *result = answer;
                }
            }
            if !results.iter().any(is_away) || !patience.lasts().await {
                return results;
            }
        }
    }
}

/// The same for a status callback.
async fn insist_on<F>(apply: impl Fn() -> F) -> Result<Advanced, PortError>
where
    F: Future<Output = Result<Advanced, PortError>>,
{
    let mut patience = Patience::begin();
    loop {
        let result = patience.with(apply()).await.unwrap_or_else(|_| Err(PortErrorKind::Timeout.into()));
        if !is_away(&result) || !patience.lasts().await {
            return result;
        }
    }
}

/// Whether the same again may do better.
fn is_away<T>(result: &Result<T, PortError>) -> bool {
    result.as_ref().is_err_and(PortError::is_transient)
}

impl Spooled {
    /// Applies a status callback to the database by `apply`, or keeps it while that is away, behind all that is kept already.
    /// One that does not carry our id is looked for by the provider's, which no index leads to; it is not kept.
    ///
    /// # Errors
    /// What `apply` says. `Unavailable`: the database is away, and it is not kept.
    pub async fn status<F>(&self, update: StatusUpdate, apply: impl Fn(StatusUpdate) -> F) -> Result<(), PortError>
    where
        F: Future<Output = Result<Advanced, PortError>>,
    {
        if update.id.is_none() {
            return apply(update).await.map(drop);
        }
        let is_kept = |kept: Result<bool, _>| if kept.unwrap_or(false) { Ok(()) } else { Err(unavailable()) };
        let (mut ticket, mut kept) = match self.desk.enter(vec![Brought::Status(update.clone())]) {
            // One that is over its tenant's share was not handed over, and nobody answers.
            Way::Spool(kept, _) => return is_kept(kept.await),
            Way::Store(ticket, kept) => (ticket, kept),
        };
        let asked = insist_on(|| apply(update.clone()));
        let result = tokio::select! {
            kept = &mut kept => return is_kept(kept),
            result = asked => result,
        };
        match result {
            Err(error) if error.is_transient() => {
                ticket.turn([true].into_iter(), Some(&error));
                is_kept(kept.await)
            }
            result => {
                ticket.done();
                result.map(drop)
            }
        }
    }
}

fn unavailable() -> PortError {
    PortErrorKind::Unavailable.into()
}

fn vec_of(count: usize, kept: Result<bool, oneshot::error::RecvError>) -> Vec<Result<Acceptance, PortError>> {
    let kept = kept.unwrap_or(false);
    (0..count).map(|_| answer(kept)).collect()
}

fn answer(kept: bool) -> Result<Acceptance, PortError> {
    if kept { Ok(Acceptance::Spooled) } else { Err(unavailable()) }
}

fn failed(count: usize, kind: PortErrorKind) -> Vec<Result<Acceptance, PortError>> {
    (0..count).map(|_| Err(kind.into())).collect()
}

impl Desk {
    /// Since when the database has been away, when that is over.
    pub(super) fn is_back(&self) -> Option<Duration> {
        self.lock().away.take().map(|since| since.elapsed())
    }

    pub(super) fn held(&self) -> u64 {
        self.board.held.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, brought: Vec<Brought>) -> Way {
        let (answer, kept) = oneshot::channel();
        let mut course = self.lock();
        if course.shut || self.held() > 0 {
            let over = self.keep(&brought, answer, true);
            return Way::Spool(kept, over);
        }
        let number = course.next;
        course.next += 1;
        course.direct.insert(number, Direct { brought, kept: answer });
        Way::Store(Ticket { desk: Arc::clone(self), number }, kept)
    }

    /// Hands something to the spool, and answers what of it not: with `by_share`, what is over its tenant's share. Called with
    /// the course locked, so that nothing comes between.
    fn keep(&self, brought: &[Brought], answer: Answer, by_share: bool) -> Vec<bool> {
        let (mut encoded, mut whose, mut over) = (Vec::new(), Vec::new(), Vec::with_capacity(brought.len()));
        let stock = self.board.stock();
        let mut shares = self.board.shares();
        for each in brought {
            let (tenant, begun) = (each.tenant(), encoded.len());
            if kept::encode(each, &mut encoded).is_err() {
                // Nothing that a gateway makes; the whole batch is refused, as nobody was promised anything yet.
                whose.iter().for_each(|(tenant, bytes)| shares.release(tenant, *bytes));
                return vec![true; brought.len()];
            }
            let bytes = (encoded.len() - begun) as u64;
            over.push(by_share && !shares.admits(tenant, bytes, stock.bytes, stock.max_bytes));
            if over.last() == Some(&true) {
                encoded.truncate(begun);
                if shares.is_news(tenant) {
                    warn!(tenant.id = %tenant, "the tenant's share of the spool is used up, its webhooks are refused");
                }
            } else {
                shares.add(tenant, bytes);
                whose.push((tenant.clone(), bytes));
            }
        }
        let records = whose.len() as u64;
        counter!(metric::REFUSED).increment(over.len() as u64 - records);
        // Without any, the answer is dropped, and the webhooks are refused.
        if records > 0 {
            self.board.held.fetch_add(records, Ordering::SeqCst);
            if self.jobs.send(Job::Append(Append { encoded, whose, answer })).is_err() {
                self.board.held.fetch_sub(records, Ordering::SeqCst);
            }
        }
        over
    }

    /// What is in the database takes no room any more.
    pub(super) fn release(&self, whose: &[(TenantId, u64)]) {
        // Nothing is added meanwhile.
        let _course = self.lock();
        let mut shares = self.board.shares();
        whose.iter().for_each(|(tenant, bytes)| shares.release(tenant, *bytes));
        if self.held() == 0 {
            shares.clear();
        }
    }
}

impl Ticket {
    /// The database took it. When it had been away, and nothing could be kept meanwhile, that is over.
    fn done(&mut self) {
        let mut course = self.desk.lock();
        course.direct.remove(&self.number);
        if course.away.is_some() && self.desk.held() == 0 {
            course.away = None;
            info!("the database is back");
        }
    }

    /// The database failed: all that is with it goes to the spool, and of this batch what is said to.
    fn turn(&mut self, failed: impl Iterator<Item = bool>, why: Option<&PortError>) {
        let mut course = self.desk.lock();
        if let Some(own) = course.direct.get_mut(&self.number) {
            let mut failed = failed;
            own.brought.retain(|_| failed.next().unwrap_or(true));
        }
        if course.away.is_none() {
            course.away = Some(Instant::now());
            let cause = why.and_then(|error| error.source.as_deref()).map(tracing::field::display);
            warn!(error = why.map(tracing::field::display), cause, "the database is away, messages go to the spool");
        }
        for direct in std::mem::take(&mut course.direct).into_values() {
            // Few, and theirs is order: the shares are kept by what comes after them. Whoever waits for one that cannot be
            // kept at all is refused.
            let _ = self.desk.keep(&direct.brought, direct.kept, false);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.desk.lock().direct.remove(&self.number);
    }
}

impl Inbox for Spooled {
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

impl fmt::Debug for Spooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spooled").field("stock", &self.stock()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
