//! Jobs of the writer, and the tasks whose callers wait for a result.

use std::sync::Arc;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::message::{Inbound, NewInbound, Outbound};
use palabre_actors::domain::turn::Turn;
use palabre_actors::ports::{
    Acceptance, Advanced, Claim, ClaimUnknown, EndedLeases, ExpediteRetries, MaintenanceReport, Pause, PortError,
    PortErrorKind, SamePerson, Settlement, StatusUpdate, Union,
};
use sea_orm::DbErr;
use tokio::sync::oneshot;

use crate::store::retention::OldRows;

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
    pub fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    pub fn answer(self) {
        let output = self.output.unwrap_or(Err(PortErrorKind::Corrupt));
        // The caller may have given up.
        let _ = self.answer.send(output.map_err(PortError::from));
    }

    pub fn fail(self, error: &Arc<DbErr>, kind: PortErrorKind) {
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
    Unite(SamePerson),
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
    Union(Union),
}

impl Swept {
    pub fn into_rows(self) -> Result<Vec<Outbound>, PortError> {
        match self {
            Self::Rows(rows) => Ok(rows),
            Self::Count(_) | Self::MaintenanceReport(..) | Self::Union(_) => Err(PortErrorKind::Corrupt.into()),
        }
    }

    pub fn into_count(self) -> Result<u64, PortError> {
        match self {
            Self::Count(count) => Ok(count),
            Self::Rows(_) | Self::MaintenanceReport(..) | Self::Union(_) => Err(PortErrorKind::Corrupt.into()),
        }
    }

    pub fn into_maintenance(self) -> Result<(MaintenanceReport, ScanCursors), PortError> {
        match self {
            Self::MaintenanceReport(report, cursors) => Ok((report, cursors)),
            Self::Rows(_) | Self::Count(_) | Self::Union(_) => Err(PortErrorKind::Corrupt.into()),
        }
    }

    pub fn into_union(self) -> Result<Union, PortError> {
        match self {
            Self::Union(union) => Ok(union),
            Self::Rows(_) | Self::Count(_) | Self::MaintenanceReport(..) => Err(PortErrorKind::Corrupt.into()),
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
