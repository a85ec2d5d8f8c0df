//! Group commit: one or a few tasks write everything, batch by batch.
//!
//! A writer puts all jobs that wait into one transaction, one fsync makes it durable, and answers follow the commit,
//! never precede it (I1). While one transaction commits, the jobs of the next one queue up. On a file that is all. On
//! a server a writer also lingers before a transaction: half a millisecond for each row of the transaction before, 25
//! ms at most ([`LINGER_PER_ROW`]), because its twenty round trips cost the same for one row as for thirty.

mod accept;
mod batch;
mod changes;
mod connection;
mod consents;
mod conversation_queue;
mod job;
mod late_failures;
mod merging;
mod outage;
mod outbox_row;
mod scarce;
mod shards;
mod sweeps;
mod timers;
mod turns;
mod waiting;
mod write_scheduler;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future;
use palabre_actors::ports::{PortError, PortErrorKind};
use sea_orm::DatabaseConnection;
use tokio::sync::{mpsc, oneshot};

pub(super) use self::accept::{Ids, all_failed};
use self::batch::Batch;
pub(super) use self::connection::{TransactFailure, WriterConnection};
pub(super) use self::consents::{contact_of, invalidate_conversations, list_opt_out};
pub(super) use self::conversation_queue::{QueueKey, reorder, suppress_unsent, unblock_heads};
pub(super) use self::job::{DeadLetter, OutboxChange, ScanCursors, Sweep, Swept, Task, WriteJob};
pub(super) use self::merging::{Merge, MergeReason, insert_address, merge, settle_consent, unite};
use self::outage::Outage;
pub(super) use self::shards::{Sharded, WriterShard};
use self::write_scheduler::WriteScheduler;
use super::error::{is_collision, is_poison};
use super::sqlite::checkpoints::{self, LogGrowth};
use super::statement::SqlExecutor;
use super::write_health::WriteHealth;

/// Jobs that may wait for a writer. A caller that brings one more waits for a place.
const QUEUE: usize = 4096;
/// Messages accepted in one transaction. Larger batches save nothing and answer later.
const ROWS_AT_ONCE: usize = 1024;
/// With so many messages to accept in one transaction the file is overloaded, and other rows get a share of it.
const OVERLOAD_ROWS: usize = 64;
/// The same for a server, whose writer lingers for messages. With 256 webhooks that wait for their answers, a third
/// to a half of them are in each transaction.
const SERVER_OVERLOAD_ROWS: usize = 80;
/// Target batch of the writers that accept nothing: with so many rows they wait for no more.
const TARGET_BATCH: usize = 128;
/// How long a writer to a server lingers for each row of its last transaction, which tells how many are coming. A
/// transaction's twenty statements cost the same for one row as for thirty.
const LINGER_PER_ROW: Duration = Duration::from_micros(500);
/// Rows of the last transaction that count at most: 25 ms.
const LINGER_ROWS: usize = 50;
/// Rows that count at most on the writer that accepts: 10 ms, because webhooks wait for their answers.
const WEBHOOK_LINGER_ROWS: usize = 20;
/// After a transaction with fewer rows than this the writer does not linger: the next job comes alone.
const LINGER_FROM_ROWS: usize = 4;
/// How often a batch that collided with another node's transaction is tried again as a whole.
const COLLISIONS: usize = 3;
/// The longest that a caller waits for an answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Sends jobs to the writers.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    intake: mpsc::Sender<WriteJob>,
    shards: Vec<mpsc::Sender<WriteJob>>,
}

/// Which jobs a writer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriterRole {
    /// Everything: the single writer of a file.
    All,
    /// Accepting messages.
    Intake,
    /// Everything that follows: turns, outcomes, claims, sweeps.
    Rest,
}

impl WriterRole {
    /// Target batch, and how many rows of the last transaction count. `None`: the writer does not linger, because a
    /// file's transactions cost next to nothing by themselves.
    const fn linger(self) -> Option<(usize, usize)> {
        match self {
            Self::All => None,
            Self::Intake => Some((OVERLOAD_ROWS, WEBHOOK_LINGER_ROWS)),
            Self::Rest => Some((TARGET_BATCH, LINGER_ROWS)),
        }
    }
}

impl Writer {
    /// Starts the writer of a file on its connection, and the task that checkpoints the log on the other. Both end
    /// when every `Writer` is gone or [`Writer::close`] was called.
    pub fn start(conn: WriterConnection, checkpointer: DatabaseConnection, ids: Ids, health: Arc<WriteHealth>) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let log_growth = LogGrowth::default();
        let writer = jobs.downgrade();
        let checkpoints = checkpoints::run(checkpointer, log_growth.clone(), async move || {
            if let Some(jobs) = writer.upgrade() {
                // An error means that the writer has ended.
                let _ = jobs.send(WriteJob::BeginLog).await;
            }
        });
        tokio::spawn(async move {
            let outage = Outage::of(health);
            let scheduler = Arc::new(WriteScheduler::new(OVERLOAD_ROWS));
            tokio::select! {
                () = run((conn, queue), ids, log_growth, WriterRole::All, scheduler, outage) => {}
                () = checkpoints => {}
            }
        });
        Self { intake: jobs.clone(), shards: vec![jobs] }
    }

    /// Starts the writers of a database that takes several connections: one that accepts, and shards for everything
    /// else, so that each has few kinds of statements with many rows each. All jobs of one conversation go to the
    /// same shard: they keep their order, and shards do not lock each other's rows.
    pub fn start_shards(
        intake: WriterConnection,
        conns: impl IntoIterator<Item = WriterConnection>,
        health: &Arc<WriteHealth>,
    ) -> Self {
        let scheduler = Arc::new(WriteScheduler::new(SERVER_OVERLOAD_ROWS));
        let shard = |conn, role| {
            let (jobs, queue) = mpsc::channel(QUEUE);
            let outage = Outage::of(Arc::clone(health));
            let (growth, scheduler) = (LogGrowth::default(), Arc::clone(&scheduler));
            tokio::spawn(run((conn, queue), Ids::Shared, growth, role, scheduler, outage));
            jobs
        };
        Self {
            intake: shard(intake, WriterRole::Intake),
            shards: conns.into_iter().map(|conn| shard(conn, WriterRole::Rest)).collect(),
        }
    }

    fn shard(&self, shard: WriterShard) -> Result<&mpsc::Sender<WriteJob>, PortError> {
        let WriterShard::Of(key) = shard else { return Ok(&self.intake) };
        let shards = self.shards.len().max(1) as u64;
        let at = usize::try_from(key % shards).unwrap_or_default();
        self.shards.get(at).ok_or_else(|| PortErrorKind::Unavailable.into())
    }

    /// Sends a job and waits until it is committed.
    ///
    /// # Errors
    /// `Timeout`: no answer in time, and the outcome is unknown. `Unavailable`: the writer is gone or the database
    /// refused; for everything else see the ports.
    pub async fn ask<I: Sharded, O>(&self, input: I, job: impl FnOnce(Task<I, O>) -> WriteJob) -> Result<O, PortError> {
        let jobs = self.shard(input.shard())?;
        let (answer, answered) = oneshot::channel();
        let asked = async {
            let job = job(Task::new(input, answer));
            jobs.send(job).await.map_err(|_| PortError::from(PortErrorKind::Unavailable))?;
            answered.await.map_err(|_| PortError::from(PortErrorKind::Unavailable))?
        };
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or_else(|_| Err(PortErrorKind::Timeout.into()))
    }

    fn all(&self) -> impl Iterator<Item = &mpsc::Sender<WriteJob>> {
        std::iter::once(&self.intake).chain(&self.shards)
    }

    /// Whether every writer is running.
    pub fn is_alive(&self) -> bool {
        self.all().all(|jobs| !jobs.is_closed())
    }

    /// Lets the writers finish the jobs that wait. They take no more.
    pub async fn close(&self) {
        for jobs in self.all() {
            let (answer, closed) = oneshot::channel();
            if jobs.send(WriteJob::Close(answer)).await.is_ok() {
                // An error means that the writer is gone already.
                let _ = closed.await;
            }
        }
    }
}

async fn run(
    (mut conn, mut queue): (WriterConnection, mpsc::Receiver<WriteJob>),
    mut ids: Ids,
    log_growth: LogGrowth,
    role: WriterRole,
    scheduler: Arc<WriteScheduler>,
    mut outage: Outage,
) {
    let mut waiting = WaitingJobs::default();
    let mut drained = Vec::with_capacity(ROWS_AT_ONCE);
    let mut closing = Vec::new();
    let mut committed = Batch::default();
    let mut rows = 0;
    loop {
        if let Some((target, most)) = role.linger()
            && (LINGER_FROM_ROWS..target).contains(&rows)
            && waiting.is_empty()
            && queue.len() < target
        {
            mem::take(&mut committed).answer();
            tokio::time::sleep(LINGER_PER_ROW * u32::try_from(rows.min(most)).unwrap_or_default()).await;
        }
        if waiting.is_empty() && queue.is_empty() {
            mem::take(&mut committed).answer();
        }
        if waiting.is_empty() {
            if queue.recv_many(&mut drained, ROWS_AT_ONCE).await == 0 {
                break;
            }
        } else {
            drained.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(ROWS_AT_ONCE));
        }
        for job in drained.drain(..) {
            match job {
                WriteJob::Close(answer) => {
                    queue.close();
                    closing.push(answer);
                }
                WriteJob::BeginLog => {
                    mem::take(&mut committed).answer();
                    // The writer is idle here, so the checkpoint reaches the end of the log, and the next transaction
                    // begins it anew. When a reader holds it up, the checkpointer asks again soon.
                    if let WriterConnection::Sqlite(conn) = &conn
                        && let Err(error) = checkpoints::copy(conn.idle()).await
                    {
                        tracing::warn!(error = %error, "the write-ahead log was not checkpointed, trying again");
                    }
                }
                job => waiting.push(job),
            }
        }
        let mut quantum = None;
        if role == WriterRole::Rest && !waiting.is_empty() {
            if scheduler.is_overloaded() {
                mem::take(&mut committed).answer();
            }
            quantum = Some(scheduler.quantum().await);
        }
        let batch = waiting.next_batch(|accepts| quantum.unwrap_or_else(|| scheduler.note(accepts)));
        if !batch.is_empty() {
            rows = batch.rows();
            log_growth.note(rows);
            // The next transaction is sent before the answers of the last one: these wake their callers, and the
            // statements would wait behind them.
            let answered = mem::take(&mut committed);
            let write = write(&mut conn, &mut ids, batch, &mut outage);
            (committed, ()) = future::join(write, async { answered.answer() }).await;
        }
    }
    mem::take(&mut committed).answer();
    conn.release().await;
    for answer in closing {
        // The caller may have stopped waiting.
        let _ = answer.send(());
    }
}

/// Jobs that wait for a writer. Messages to accept go first. Of the others, outcomes and claims go before turns, so
/// that a backlog is answered from its first message on and not only when all of it is decided. Each kind keeps its
/// own order.
#[derive(Default)]
struct WaitingJobs {
    accepts: VecDeque<WriteJob>,
    /// Outcomes, callbacks, claims, sweeps.
    outgoing: VecDeque<WriteJob>,
    /// Turns, dead letters.
    others: VecDeque<WriteJob>,
}

impl WaitingJobs {
    fn push(&mut self, job: WriteJob) {
        let waiting = match job {
            WriteJob::Accept(_) => &mut self.accepts,
            WriteJob::OutboxChange(_) | WriteJob::Sweep(_) => &mut self.outgoing,
            WriteJob::DeadLetter(_) | WriteJob::Turn(_) | WriteJob::BeginLog | WriteJob::Close(_) => &mut self.others,
        };
        waiting.push_back(job);
    }

    fn is_empty(&self) -> bool {
        self.accepts.is_empty() && self.outgoing.is_empty() && self.others.is_empty()
    }

    /// `room` maps the number of accepted messages to how many other rows go with them.
    fn next_batch(&mut self, room: impl FnOnce(usize) -> usize) -> Batch {
        let mut batch = Batch::default();
        while batch.rows() < ROWS_AT_ONCE
            && let Some(job) = self.accepts.pop_front()
        {
            batch.push(job);
        }
        let accepts = batch.rows();
        let room = room(accepts);
        while batch.rows() < accepts + room
            && let Some(job) = self.outgoing.pop_front().or_else(|| self.others.pop_front())
        {
            batch.push(job);
        }
        batch
    }
}

/// Writes a batch in one transaction; when an entry makes it fail, writes the entries one by one, so that the
/// poisonous one fails alone. Returns the tasks that are committed and not answered yet.
async fn write(conn: &mut WriterConnection, ids: &mut Ids, mut batch: Batch, outage: &mut Outage) -> Batch {
    let begun = Instant::now();
    let rows = batch.rows();
    let Err(failure) = transact(conn, ids, &mut batch).await else {
        metrics::histogram!("palabre_store_batch_rows").record(rows as f64);
        metrics::histogram!("palabre_store_commit_seconds").record(begun.elapsed().as_secs_f64());
        outage.over();
        let left = batch.left();
        if left.is_empty() {
            return batch;
        }
        batch.answer();
        return Box::pin(write(conn, ids, left, outage)).await;
    };
    let error = match failure {
        TransactFailure::Before(error) => error,
        TransactFailure::AtCommit(error) => {
            outage.note(&error, rows);
            batch.fail(&error, Some(PortErrorKind::Timeout));
            return Batch::default();
        }
    };
    outage.note(&error, rows);
    if !is_poison(&error) {
        batch.fail(&error, None);
        return Batch::default();
    }
    if let Some(entries) = batch.as_single_accept() {
        accept::one_by_one(conn, ids, entries).await;
        return Batch::default();
    }
    if batch.is_single() {
        batch.fail(&error, None);
        return Batch::default();
    }
    for single in batch.split() {
        Box::pin(write(conn, ids, single, outage)).await.answer();
    }
    Batch::default()
}

/// Writes a batch, again when another node's transaction collided with it.
async fn transact(conn: &mut WriterConnection, ids: &mut Ids, batch: &mut Batch) -> Result<(), TransactFailure> {
    let mut collisions = 0;
    loop {
        match conn.transact(async |tx| batch.apply(tx, ids).await).await {
            Err(TransactFailure::Before(error)) if is_collision(&error) && collisions < COLLISIONS => {
                collisions += 1;
                metrics::counter!("palabre_store_collisions_total").increment(1);
            }
            done => return done,
        }
    }
}

pub(super) trait Transaction: SqlExecutor {}
impl<T: SqlExecutor> Transaction for T {}
