//! The batch of jobs that one transaction writes.

use std::sync::Arc;

use palabre_actors::domain::turn::Turn;
use palabre_actors::ports::{Advanced, PortErrorKind};
use sea_orm::DbErr;

use super::changes::OnLocked;
use super::job::{AcceptTask, DeadLetter, OutboxChange, Sweep, Swept, Task, WriteJob};
use super::{Ids, Transaction};
use crate::store::error::port_error;
use crate::store::events::Events;
use crate::store::statement::Dialect;

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
