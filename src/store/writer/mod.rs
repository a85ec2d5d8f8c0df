//! The one writer. All that waits goes into one transaction, and one fsync makes it durable; answers follow the commit,
//! never precede it (I1). While one transaction commits, the next one gathers by itself, so there is no delay to tune.

mod accept;
mod batch;
mod changes;
mod connection;
mod consents;
mod conversation_queue;
mod outbox_row;
mod shards;
mod sweeps;
mod turns;
mod write_scheduler;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future;
use palabre_actors::ports::{PortError, PortErrorKind};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::{mpsc, oneshot};

pub(super) use self::accept::{Ids, all_failed};
use self::batch::Batch;
pub(super) use self::batch::{Burial, Change, Job, Rounds, Sweep, Swept, Task};
pub(super) use self::connection::{Failure, WriterConnection};
pub(super) use self::consents::{contact_of, unsettle};
pub(super) use self::conversation_queue::{Line, hold_back, line_up, promote};
pub(super) use self::shards::{Sharded, WriterShard};
use self::write_scheduler::WriteScheduler;
use super::error::{is_answer, is_collision, is_poison};
use super::link::Link;
use super::sqlite::checkpoints::{self, Written};

/// Jobs that may wait for the writer; whoever brings more waits with them.
const QUEUE: usize = 4096;
/// Messages accepted in one transaction. Larger ones save nothing and answer later.
const ROWS_AT_ONCE: usize = 1024;
/// From so many messages to accept in one transaction on, it is a flood, and the rest gets a share of it.
const FLOOD: usize = 64;
/// The same on a server, for which the writer gathers them. With 256 that wait for their answers, a third to a half are in
/// each transaction.
const SERVER_FLOOD: usize = 80;
/// With so many rows of the rest nobody waits for more.
const CROWD: usize = 128;
/// A lane to a server waits for company before a transaction, whose twenty statements cost the same for one row as for
/// thirty: so long for each row of the last one, which tells how many are coming.
const GATHER: Duration = Duration::from_micros(500);
/// Twenty-five milliseconds are the most.
const GATHER_ROWS: usize = 50;
/// Ten, while webhooks wait for their answers.
const WEBHOOK_ROWS: usize = 20;
/// With fewer rows than that nobody else is coming, and waiting is only lateness.
const BUSY: usize = 4;
/// How often a batch that was in another's way is tried again as a whole.
const COLLISIONS: usize = 3;
/// The longest that anyone waits for an answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The way to the writers.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    intake: mpsc::Sender<Job>,
    shards: Vec<mpsc::Sender<Job>>,
}

/// What a writer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Everything: the only one.
    All,
    /// It accepts messages.
    Intake,
    /// What comes of them.
    Rest,
}

impl Part {
    /// Whether it waits for company: from how many rows on nobody waits for more, and how many of the last transaction's
    /// count. A file's transactions cost next to nothing by themselves.
    const fn gathers(self) -> Option<(usize, usize)> {
        match self {
            Self::All => None,
            Self::Intake => Some((FLOOD, WEBHOOK_ROWS)),
            Self::Rest => Some((CROWD, GATHER_ROWS)),
        }
    }
}

impl Writer {
    /// Starts the writer on its connection, and what copies the log back on the other. It ends when every `Writer` is gone
    /// or [`Writer::close`] was called.
    pub fn start(conn: WriterConnection, copies: DatabaseConnection, ids: Ids) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let written = Written::default();
        let writer = jobs.downgrade();
        let copying = checkpoints::run(copies, written.clone(), async move || {
            if let Some(jobs) = writer.upgrade() {
                // The writer is gone, and so is its log soon.
                let _ = jobs.send(Job::BeginLog).await;
            }
        });
        tokio::spawn(async move {
            tokio::select! {
                () = run(conn, queue, ids, written, Part::All, Arc::new(WriteScheduler::new(FLOOD))) => {}
                () = copying => {}
            }
        });
        Self { intake: jobs.clone(), shards: vec![jobs] }
    }

    /// Starts writers for a database that several may write to at once: one that accepts, and the others for what comes of
    /// it, so that each has few kinds of statements with many rows each. What concerns one conversation goes to one of the
    /// others, so that it keeps its order and they keep out of each other's way.
    pub fn start_shards(intake: WriterConnection, conns: impl IntoIterator<Item = WriterConnection>) -> Self {
        let scheduler = Arc::new(WriteScheduler::new(SERVER_FLOOD));
        let shard = |conn, part| {
            let (jobs, queue) = mpsc::channel(QUEUE);
            tokio::spawn(run(conn, queue, Ids::Shared, Written::default(), part, Arc::clone(&scheduler)));
            jobs
        };
        Self {
            intake: shard(intake, Part::Intake),
            shards: conns.into_iter().map(|conn| shard(conn, Part::Rest)).collect(),
        }
    }

    fn shard(&self, shard: WriterShard) -> Result<&mpsc::Sender<Job>, PortError> {
        let WriterShard::Of(key) = shard else { return Ok(&self.intake) };
        let shards = self.shards.len().max(1) as u64;
        let at = usize::try_from(key % shards).unwrap_or_default();
        self.shards.get(at).ok_or_else(|| PortErrorKind::Unavailable.into())
    }

    /// Hands something over and waits until it is committed.
    ///
    /// # Errors
    /// `Timeout`: no answer in time, and the outcome is unknown. `Unavailable`: the writer is gone or the database
    /// refused; for everything else see the ports.
    pub async fn ask<I: Sharded, O>(&self, input: I, job: impl FnOnce(Task<I, O>) -> Job) -> Result<O, PortError> {
        let jobs = self.shard(input.shard())?;
        let (answer, answered) = oneshot::channel();
        let asked = async {
            let job = job(Task::new(input, answer));
            jobs.send(job).await.map_err(|_| PortError::from(PortErrorKind::Unavailable))?;
            answered.await.map_err(|_| PortError::from(PortErrorKind::Unavailable))?
        };
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or_else(|_| Err(PortErrorKind::Timeout.into()))
    }

    fn all(&self) -> impl Iterator<Item = &mpsc::Sender<Job>> {
        std::iter::once(&self.intake).chain(&self.shards)
    }

    /// Whether anybody is there to write.
    pub fn is_alive(&self) -> bool {
        self.all().all(|jobs| !jobs.is_closed())
    }

    /// Lets the writers finish what waits, and takes nothing more.
    pub async fn close(&self) {
        for jobs in self.all() {
            let (answer, closed) = oneshot::channel();
            if jobs.send(Job::Close(answer)).await.is_ok() {
                // An error means that the writer is gone already.
                let _ = closed.await;
            }
        }
    }
}

async fn run(
    mut conn: WriterConnection,
    mut queue: mpsc::Receiver<Job>,
    mut ids: Ids,
    written: Written,
    part: Part,
    scheduler: Arc<WriteScheduler>,
) {
    let mut waiting = Waiting::default();
    let mut drained = Vec::with_capacity(ROWS_AT_ONCE);
    let mut closing = Vec::new();
    let mut committed = Batch::default();
    let mut away = false;
    let mut rows = 0;
    loop {
        if let Some((crowd, most)) = part.gathers()
            && (BUSY..crowd).contains(&rows)
            && waiting.is_empty()
            && queue.len() < crowd
        {
            mem::take(&mut committed).answer();
            tokio::time::sleep(GATHER * u32::try_from(rows.min(most)).unwrap_or_default()).await;
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
                Job::Close(answer) => {
                    queue.close();
                    closing.push(answer);
                }
                Job::BeginLog => {
                    mem::take(&mut committed).answer();
                    // Nobody writes meanwhile, so it reaches the end, and the next transaction begins the log anew. When a
                    // reader holds it up, the next time is soon.
                    if let WriterConnection::Sqlite(conn) = &conn
                        && let Err(error) = checkpoints::copy(conn.idle()).await
                    {
                        tracing::warn!(error = %error, "the log was not copied back, trying again");
                    }
                }
                job => waiting.push(job),
            }
        }
        let mut portion = None;
        if part == Part::Rest && !waiting.is_empty() {
            if scheduler.is_flood() {
                mem::take(&mut committed).answer();
            }
            portion = Some(scheduler.portion().await);
        }
        let batch = waiting.next_batch(|accepts| portion.unwrap_or_else(|| scheduler.note(accepts)));
        if !batch.is_empty() {
            rows = batch.rows();
            written.note(rows);
            // The database is at work on the next before the last are told: they wake whom they can, and it would have to
            // wait for its turn behind them.
            let told = mem::take(&mut committed);
            let write = write(&mut conn, &mut ids, batch, &mut away);
            (committed, ()) = future::join(write, async { told.answer() }).await;
        }
    }
    mem::take(&mut committed).answer();
    conn.give_back().await;
    for answer in closing {
        // Whoever asked need not wait for it.
        let _ = answer.send(());
    }
}

/// What waits for the writer: messages to accept first, and of the rest as much as there is room for. Of that, what is on its
/// way out goes before what begins: so a backlog is answered from its first message on, and not when all of it is decided.
/// Each kind keeps its own order.
#[derive(Default)]
struct Waiting {
    accepts: VecDeque<Job>,
    /// Outcomes, callbacks, claims.
    outgoing: VecDeque<Job>,
    /// Turns, burials.
    others: VecDeque<Job>,
}

impl Waiting {
    fn push(&mut self, job: Job) {
        let waiting = match job {
            Job::Accept(_) => &mut self.accepts,
            Job::Change(_) | Job::Sweep(_) => &mut self.outgoing,
            Job::DeadLetter(_) | Job::Turn(_) | Job::BeginLog | Job::Close(_) => &mut self.others,
        };
        waiting.push_back(job);
    }

    fn is_empty(&self) -> bool {
        self.accepts.is_empty() && self.outgoing.is_empty() && self.others.is_empty()
    }

    /// `room` says how many others go with so many accepts.
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

/// Writes a batch as one; when that fails because of an entry, writes the entries one by one, so that a poisonous one
/// fails alone. Answers what is committed and nobody was told of yet. That the database is `away` is said once, and once
/// that it is back.
async fn write(conn: &mut WriterConnection, ids: &mut Ids, mut batch: Batch, away: &mut bool) -> Batch {
    let begun = Instant::now();
    let rows = batch.rows();
    let Err(failure) = transact(conn, ids, &mut batch).await else {
        metrics::histogram!("palabre_store_batch_rows").record(rows as f64);
        metrics::histogram!("palabre_store_commit_seconds").record(begun.elapsed().as_secs_f64());
        if mem::take(away) {
            tracing::info!("a writer reached the database again");
        }
        let left = batch.left();
        if left.is_empty() {
            return batch;
        }
        batch.answer();
        return Box::pin(write(conn, ids, left, away)).await;
    };
    let error = match failure {
        Failure::Before(error) => error,
        Failure::AtCommit(error) => {
            note(&error, rows, away);
            batch.fail(&error, Some(PortErrorKind::Timeout));
            return Batch::default();
        }
    };
    note(&error, rows, away);
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
        Box::pin(write(conn, ids, single, away)).await.answer();
    }
    Batch::default()
}

fn note(error: &DbErr, rows: usize, away: &mut bool) {
    metrics::counter!("palabre_store_failed_batches_total").increment(1);
    // Whatever the database itself says is about this batch.
    if !is_answer(error) && mem::replace(away, true) {
        tracing::debug!(error = %error, batch.rows = rows, "a batch could not be written, the database is still away");
        return;
    }
    tracing::error!(error = %error, batch.rows = rows, "a batch could not be written");
}

/// Writes a batch. When another node's transaction was in its way, the same again does better.
async fn transact(conn: &mut WriterConnection, ids: &mut Ids, batch: &mut Batch) -> Result<(), Failure> {
    let mut collisions = 0;
    loop {
        match conn.transact(async |tx| batch.apply(tx, ids).await).await {
            Err(Failure::Before(error)) if is_collision(&error) && collisions < COLLISIONS => {
                collisions += 1;
                metrics::counter!("palabre_store_collisions_total").increment(1);
            }
            done => return done,
        }
    }
}

/// Where a batch is written: a transaction.
pub(super) trait Transaction: Link {}
impl<T: Link> Transaction for T {}
