//! Jobs of the writer, and the batch that one transaction writes.

use std::sync::Arc;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::message::{Inbound, NewInbound, Outbound};
use palabre_actors::domain::turn::Turn;
use palabre_actors::ports::{
    Acceptance, Advanced, Claim, ClaimUnknown, EndedLeases, ExpediteRetries, MaintenanceReport, Pause, PortError,
    PortErrorKind, Settlement, StatusUpdate,
};
use sea_orm::DbErr;
use tokio::sync::oneshot;

use super::changes::OnLocked;
use super::{Ids, Transaction};
use crate::store::error::port_error;
use crate::store::events::Events;
use crate::store::retention::OldRows;
use crate::store::statement::Dialect;

pub(in crate::store) type TaskAnswer<T> = oneshot::Sender<Result<T, PortError>>;

/// An input to write, its result, and the caller that waits for it.
#[derive(Debug)]
pub(in crate::store) struct Task<I, O> {
    pub input: I,
    /// The result, once the transaction holds it. `None`: not written yet.
    pub output: Option<Result<O, PortErrorKind>>,
    answer: TaskAnswer<O>,
}

impl<I, O> Task<I, O> {
    pub fn new(input: I, answer: TaskAnswer<O>) -> Self {
        Self { input, output: None, answer }
    }

    /// Whether the caller has given up: nothing needs to be written for it.
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn answer(self) {
        let output = self.output.unwrap_or(Err(PortErrorKind::Corrupt));
        // The caller may have given up.
        let _ = self.answer.send(output.map_err(PortError::from));
    }

    fn fail(self, error: &Arc<DbErr>, kind: PortErrorKind) {
        let _ = self.answer.send(Err(PortError::new(kind, Arc::clone(error))));
    }

    /// Answers directly, without `output`.
    pub fn send(self, output: O) {
        let _ = self.answer.send(Ok(output));
    }
}

/// An accepted message to dead-letter.
#[derive(Debug)]
pub(in crate::store) struct DeadLetter {
    pub message: Inbound,
    pub reason: &'static str,
    pub at: Timestamp,
}

/// An outcome or a callback of an outbound message. Both kinds stay in the order in which they came.
#[derive(Debug)]
pub(in crate::store) enum OutboxChange {
    Settle(Arc<Settlement>),
    Advance(StatusUpdate),
}

/// A statement over many rows.
#[derive(Debug)]
pub(in crate::store) enum Sweep {
    Claim(Claim),
    ExpediteRetries(ExpediteRetries),
    ClaimUnknown(ClaimUnknown),
    ExpireLeases(EndedLeases),
    Maintain { now: Timestamp, cursors: ScanCursors },
    Pause(Pause, Timestamp),
    PostChannelNotice(Pause, Timestamp),
    CloseIdleLive { tenant: TenantId, idle_since: Timestamp, now: Timestamp },
    DeleteOld(OldRows),
}

/// Scan cursors of maintenance: the tenant and conversation that each scan looked at last. A call looks at one page,
/// so that it costs the same however much waits.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct ScanCursors {
    pub deferred: (String, String),
    /// The tenant alone.
    pub held: String,
    pub queues: (String, String),
}

#[derive(Debug)]
pub(in crate::store) enum Swept {
    Rows(Vec<Outbound>),
    Count(u64),
    MaintenanceReport(MaintenanceReport, ScanCursors),
}

impl Swept {
    pub fn into_rows(self) -> Result<Vec<Outbound>, PortError> {
        match self {
            Self::Rows(rows) => Ok(rows),
            Self::Count(_) | Self::MaintenanceReport(..) => Err(PortErrorKind::Corrupt.into()),
        }
    }

    pub fn into_count(self) -> Result<u64, PortError> {
        match self {
            Self::Count(count) => Ok(count),
            Self::Rows(_) | Self::MaintenanceReport(..) => Err(PortErrorKind::Corrupt.into()),
        }
    }

    pub fn into_maintenance(self) -> Result<(MaintenanceReport, ScanCursors), PortError> {
        match self {
            Self::MaintenanceReport(report, cursors) => Ok((report, cursors)),
            Self::Rows(_) | Self::Count(_) => Err(PortErrorKind::Corrupt.into()),
        }
    }
}

pub(in crate::store) type AcceptTask = Task<Vec<NewInbound>, Vec<Result<Acceptance, PortError>>>;

#[derive(Debug)]
pub(in crate::store) enum WriteJob {
    Accept(AcceptTask),
    DeadLetter(Task<Box<DeadLetter>, ()>),
    Turn(Task<Box<Turn>, ()>),
    OutboxChange(Task<OutboxChange, Advanced>),
    Sweep(Task<Sweep, Swept>),
    /// The log is long: checkpoint what is left of it, so that it begins anew.
    BeginLog,
    Close(oneshot::Sender<()>),
}

#[derive(Debug, Default)]
pub(super) struct Batch {
    accepts: Vec<AcceptTask>,
    dead_letters: Vec<Task<Box<DeadLetter>, ()>>,
    turns: Vec<Task<Box<Turn>, ()>>,
    changes: Vec<Task<OutboxChange, Advanced>>,
    sweeps: Vec<Task<Sweep, Swept>>,
    rows: usize,
}

impl Batch {
    pub fn push(&mut self, job: WriteJob) {
        match job {
            WriteJob::Accept(task) if !task.is_abandoned() => {
                self.rows += task.input.len();
                self.accepts.push(task);
            }
            WriteJob::DeadLetter(task) if !task.is_abandoned() => self.dead_letters.push(task),
            WriteJob::Turn(task) if !task.is_abandoned() => {
                self.rows += 1;
                self.turns.push(task);
            }
            // A settlement is written even when its caller gave up: the message was sent.
            WriteJob::OutboxChange(task) => {
                self.rows += 1;
                self.changes.push(task);
            }
            WriteJob::Sweep(task) if !task.is_abandoned() => self.sweeps.push(task),
            WriteJob::Accept(_)
            | WriteJob::DeadLetter(_)
            | WriteJob::Turn(_)
            | WriteJob::Sweep(_)
            | WriteJob::BeginLog
            | WriteJob::Close(_) => {}
        }
    }

    /// Rows to write, roughly.
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn tasks(&self) -> usize {
        self.accepts.len() + self.dead_letters.len() + self.turns.len() + self.changes.len() + self.sweeps.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tasks() == 0
    }

    pub fn is_single(&self) -> bool {
        self.tasks() == 1
    }

    /// Writes everything, and keeps the result of each task.
    pub async fn apply(&mut self, tx: &impl Transaction, ids: &mut Ids) -> Result<(), DbErr> {
        let mut events = Events::none();
        super::accept::apply(tx, &mut self.accepts, ids, &mut events).await?;
        super::sweeps::dead_letter(tx, &mut self.dead_letters, &mut events).await?;
        super::turns::apply(tx, &mut self.turns, &mut events).await?;
        // The turns have locked the heads of their queues by now. Two transactions that each hold some heads and wait
        // for the other's would stand still until the database detects the deadlock a second later, and every job
        // behind them as well.
        let shared = tx.dialect() == Dialect::Postgres;
        let on_locked = if shared && !self.turns.is_empty() { OnLocked::Skip } else { OnLocked::Wait };
        super::changes::apply(tx, &mut self.changes, on_locked, &mut events).await?;
        super::sweeps::apply(tx, &mut self.sweeps, &mut events).await?;
        events.into_rows().insert_at_last(tx).await
    }

    /// Takes the changes of rows that another transaction had locked, to be written in a batch of their own. Only
    /// after the commit.
    pub fn left(&mut self) -> Self {
        let left = self.changes.extract_if(.., |task| task.output.is_none()).collect::<Vec<_>>();
        Self { rows: left.len(), changes: left, ..Self::default() }
    }

    /// Answers every task. Only after the commit.
    pub fn answer(self) {
        self.accepts.into_iter().for_each(Task::answer);
        self.dead_letters.into_iter().for_each(Task::answer);
        self.turns.into_iter().for_each(Task::answer);
        self.changes.into_iter().for_each(Task::answer);
        self.sweeps.into_iter().for_each(Task::answer);
    }

    /// Answers every task that nothing was written, or with `kind` when the outcome is another one.
    pub fn fail(self, error: &DbErr, kind: Option<PortErrorKind>) {
        let kind = kind.unwrap_or_else(|| port_error(error.clone()).kind);
        let error = Arc::new(error.clone());
        self.accepts.into_iter().for_each(|task| task.fail(&error, kind));
        self.dead_letters.into_iter().for_each(|task| task.fail(&error, kind));
        self.turns.into_iter().for_each(|task| task.fail(&error, kind));
        self.changes.into_iter().for_each(|task| task.fail(&error, kind));
        self.sweeps.into_iter().for_each(|task| task.fail(&error, kind));
    }

    /// One batch for each task, in the order in which they are written.
    pub fn split(self) -> impl Iterator<Item = Self> {
        let accepts = self.accepts.into_iter().map(WriteJob::Accept);
        let dead_letters = self.dead_letters.into_iter().map(WriteJob::DeadLetter);
        let turns = self.turns.into_iter().map(WriteJob::Turn);
        let changes = self.changes.into_iter().map(WriteJob::OutboxChange);
        let sweeps = self.sweeps.into_iter().map(WriteJob::Sweep);
        accepts.chain(dead_letters).chain(turns).chain(changes).chain(sweeps).map(|job| {
            let mut single = Self::default();
            single.push(job);
            single
        })
    }

    /// The task, when the batch is one list of several messages to accept.
    pub fn as_single_accept(&mut self) -> Option<AcceptTask> {
        let many = self.is_single() && self.accepts.first().is_some_and(|task| task.input.len() > 1);
        if many { self.accepts.pop() } else { None }
    }
}
