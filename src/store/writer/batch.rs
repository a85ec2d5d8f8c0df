//! What waits for the writer, by kind.

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

use super::changes::Taken;
use super::{Ids, Transaction};
use crate::store::error::port_error;
use crate::store::events::Events;
use crate::store::link::Dialect;
use crate::store::retention::Strip;

/// Where an answer goes.
pub(in crate::store) type Answer<T> = oneshot::Sender<Result<T, PortError>>;

/// Something to write, what came of it, and who waits for that.
#[derive(Debug)]
pub(in crate::store) struct Task<I, O> {
    pub input: I,
    /// The answer, once the transaction holds it. `None`: not reached.
    pub output: Option<Result<O, PortErrorKind>>,
    answer: Answer<O>,
}

impl<I, O> Task<I, O> {
    pub fn new(input: I, answer: Answer<O>) -> Self {
        Self { input, output: None, answer }
    }

    /// Whoever asked has given up; nothing needs to be written for them.
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn answer(self) {
        let output = self.output.unwrap_or(Err(PortErrorKind::Corrupt));
        // Whoever asked may have given up.
        let _ = self.answer.send(output.map_err(PortError::from));
    }

    fn fail(self, error: &Arc<DbErr>, kind: PortErrorKind) {
        let _ = self.answer.send(Err(PortError::new(kind, Arc::clone(error))));
    }

    /// Replaces the answer that is not there yet.
    pub fn send(self, output: O) {
        let _ = self.answer.send(Ok(output));
    }
}

/// A message to set aside.
#[derive(Debug)]
pub(in crate::store) struct Burial {
    pub message: Inbound,
    pub reason: &'static str,
    pub at: Timestamp,
}

/// News of an outbound message. Both kinds stay in the order in which they came.
#[derive(Debug)]
pub(in crate::store) enum Change {
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
    Tend { now: Timestamp, rounds: Rounds },
    Pause(Pause, Timestamp),
    Rest(Pause, Timestamp),
    CloseIdleLive { tenant: TenantId, idle_since: Timestamp, now: Timestamp },
    Forget(Strip),
}

/// Where `tend` goes on: the tenant and conversation that it looked at last. It goes round, a page at a time, so that a
/// call costs the same however much waits.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Rounds {
    pub deferred: (String, String),
    /// A tenant alone.
    pub held: String,
    pub lines: (String, String),
}

/// What a [`Sweep`] brought.
#[derive(Debug)]
pub(in crate::store) enum Swept {
    Rows(Vec<Outbound>),
    Count(u64),
    MaintenanceReport(MaintenanceReport, Rounds),
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

    pub fn into_tended(self) -> Result<(MaintenanceReport, Rounds), PortError> {
        match self {
            Self::MaintenanceReport(tended, rounds) => Ok((tended, rounds)),
            Self::Rows(_) | Self::Count(_) => Err(PortErrorKind::Corrupt.into()),
        }
    }
}

pub(in crate::store) type AcceptTask = Task<Vec<NewInbound>, Vec<Result<Acceptance, PortError>>>;

/// One thing to write.
#[derive(Debug)]
pub(in crate::store) enum Job {
    Accept(AcceptTask),
    DeadLetter(Task<Box<Burial>, ()>),
    Turn(Task<Box<Turn>, ()>),
    Change(Task<Change, Advanced>),
    Sweep(Task<Sweep, Swept>),
    /// The log is long: copy what is left of it, so that it begins anew.
    BeginLog,
    Close(oneshot::Sender<()>),
}

/// What one transaction writes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    accepts: Vec<AcceptTask>,
    burials: Vec<Task<Box<Burial>, ()>>,
    turns: Vec<Task<Box<Turn>, ()>>,
    changes: Vec<Task<Change, Advanced>>,
    sweeps: Vec<Task<Sweep, Swept>>,
    rows: usize,
}

impl Batch {
    pub fn push(&mut self, job: Job) {
        match job {
            Job::Accept(task) if !task.is_abandoned() => {
                self.rows += task.input.len();
                self.accepts.push(task);
            }
            Job::DeadLetter(task) if !task.is_abandoned() => self.burials.push(task),
            Job::Turn(task) if !task.is_abandoned() => {
                self.rows += 1;
                self.turns.push(task);
            }
            // A settlement counts even when nobody waits for it any more: the message was sent.
            Job::Change(task) => {
                self.rows += 1;
                self.changes.push(task);
            }
            Job::Sweep(task) if !task.is_abandoned() => self.sweeps.push(task),
            Job::Accept(_) | Job::DeadLetter(_) | Job::Turn(_) | Job::Sweep(_) | Job::BeginLog | Job::Close(_) => {}
        }
    }

    /// Roughly how much there is to write.
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn tasks(&self) -> usize {
        self.accepts.len() + self.burials.len() + self.turns.len() + self.changes.len() + self.sweeps.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tasks() == 0
    }

    pub fn is_single(&self) -> bool {
        self.tasks() == 1
    }

    /// Writes everything, and keeps what came of each.
    pub async fn apply(&mut self, tx: &impl Transaction, ids: &mut Ids) -> Result<(), DbErr> {
        let mut events = Events::none();
        super::accept::apply(tx, &mut self.accepts, ids, &mut events).await?;
        super::sweeps::dead_letter(tx, &mut self.burials, &mut events).await?;
        super::turns::apply(tx, &mut self.turns, &mut events).await?;
        // A turn holds the heads of its lines by now. Two transactions that hold some each and wait for the other's would
        // stand still until the database notices, a second later, and all that waits for either of them as well.
        let shared = tx.dialect() == Dialect::Postgres;
        let taken = if shared && !self.turns.is_empty() { Taken::Leave } else { Taken::Wait };
        super::changes::apply(tx, &mut self.changes, taken, &mut events).await?;
        super::sweeps::apply(tx, &mut self.sweeps, &mut events).await?;
        events.into_rows().insert_at_last(tx).await
    }

    /// Changes of rows that another transaction had, to be written by themselves. Only after the commit.
    pub fn left(&mut self) -> Self {
        let left = self.changes.extract_if(.., |task| task.output.is_none()).collect::<Vec<_>>();
        Self { rows: left.len(), changes: left, ..Self::default() }
    }

    /// Tells everyone what came of it. Only after the commit.
    pub fn answer(self) {
        self.accepts.into_iter().for_each(Task::answer);
        self.burials.into_iter().for_each(Task::answer);
        self.turns.into_iter().for_each(Task::answer);
        self.changes.into_iter().for_each(Task::answer);
        self.sweeps.into_iter().for_each(Task::answer);
    }

    /// Tells everyone that nothing was written, or, with a kind, what else there is to say.
    pub fn fail(self, error: &DbErr, kind: Option<PortErrorKind>) {
        let kind = kind.unwrap_or_else(|| port_error(error.clone()).kind);
        let error = Arc::new(error.clone());
        self.accepts.into_iter().for_each(|task| task.fail(&error, kind));
        self.burials.into_iter().for_each(|task| task.fail(&error, kind));
        self.turns.into_iter().for_each(|task| task.fail(&error, kind));
        self.changes.into_iter().for_each(|task| task.fail(&error, kind));
        self.sweeps.into_iter().for_each(|task| task.fail(&error, kind));
    }

    /// One batch for each task, in the order in which they are written.
    pub fn split(self) -> impl Iterator<Item = Self> {
        let accepts = self.accepts.into_iter().map(Job::Accept);
        let burials = self.burials.into_iter().map(Job::DeadLetter);
        let turns = self.turns.into_iter().map(Job::Turn);
        let changes = self.changes.into_iter().map(Job::Change);
        let sweeps = self.sweeps.into_iter().map(Job::Sweep);
        accepts.chain(burials).chain(turns).chain(changes).chain(sweeps).map(|job| {
            let mut single = Self::default();
            single.push(job);
            single
        })
    }

    /// The task, when there is nothing but one list of several messages to accept.
    pub fn as_single_accept(&mut self) -> Option<AcceptTask> {
        let many = self.is_single() && self.accepts.first().is_some_and(|task| task.input.len() > 1);
        if many { self.accepts.pop() } else { None }
    }
}
