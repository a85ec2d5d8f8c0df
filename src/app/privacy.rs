//! Task of exports and erasures: works on what was asked for, and takes who was erased out of this node's files.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::SystemClock;
use crate::config::{Config, TenantDirectory};
use crate::journal::JournalFolder;
use crate::service::privacy::{PersonalData, PersonalFiles, RequestOutcome, WorkError};
use crate::spool::SpooledInbox;
use crate::store::StoreError;
use crate::store::operator::Operator;
use crate::store::privacy::Traces;

/// How often the table is looked at; what this node is asked for is begun at once.
const EVERY: Duration = Duration::from_secs(5);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(30);
/// Of erasures that other nodes did, those that are so old are not looked at again: this node was not away for longer.
const LOOKED_BACK: TimeDelta = TimeDelta::days(7);
/// A line of a journal that was being written while its person was erased is there by then.
const SETTLED: TimeDelta = TimeDelta::seconds(15);

/// The journals of this node, and its spool.
pub(crate) struct NodeFiles {
    journals: Box<dyn Fn() -> Vec<PathBuf> + Send + Sync>,
    spooled: Option<SpooledInbox>,
}

impl NodeFiles {
    /// Beside a daemon, whose spool is its own.
    fn beside(config: &Config) -> Self {
        let folders: Vec<PathBuf> = config.tenants.iter().filter_map(folder_of).collect();
        Self { journals: Box::new(move || folders.clone()), spooled: None }
    }

    /// Of a daemon, whose tenants change.
    pub(super) fn of(tenants: TenantDirectory, spooled: Option<SpooledInbox>) -> Self {
        let journals = move || tenants.all().iter().filter_map(|tenant| folder_of(tenant)).collect();
        Self { journals: Box::new(journals), spooled }
    }
}

/// What commands know of persons, beside a daemon or without one.
pub(crate) fn beside(operator: Operator, config: &Config) -> PersonalData {
    PersonalData::new(operator, Arc::new(NodeFiles::beside(config)), Arc::new(SystemClock), &config.privacy)
}

fn folder_of(tenant: &crate::config::Tenant) -> Option<PathBuf> {
    tenant.journal.as_ref().map(|journal| journal.dir.clone())
}

impl fmt::Debug for NodeFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeFiles").finish_non_exhaustive()
    }
}

impl PersonalFiles for NodeFiles {
    fn are_read(&self) -> bool {
        self.spooled.as_ref().is_none_or(|spooled| spooled.stats().records == 0)
    }

    fn forget(&self, traces: &Traces) -> io::Result<u64> {
        // Several tenants may share a folder.
        let folders: HashSet<PathBuf> = (self.journals)().into_iter().collect();
        let mut lines = 0;
        for folder in folders {
            lines += JournalFolder::new(folder).forget(|line| {
                let (message, contact) = (line.message_id.to_string(), line.contact_id.map(|id| id.to_string()));
                let texts = [line.from.as_deref(), line.to.as_deref(), line.body.as_deref()];
                line.tenant_id == traces.tenant.as_str() && traces.are_in(&message, contact.as_deref(), &texts)
            })?;
        }
        Ok(lines)
    }
}

/// Works for as long as the daemon does.
pub(super) fn work(data: PersonalData, io: &Handle) -> JoinHandle<()> {
    io.spawn(async move {
        let mut followed: HashSet<Uuid> = HashSet::new();
        loop {
            let wait = match step(&data, &mut followed).await {
                Ok(true) => Duration::ZERO,
                Ok(false) => EVERY,
                Err(error) if error.is_away() => {
                    debug!(error = &error as &dyn std::error::Error, "requests of persons wait for the database");
                    AGAIN
                }
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "requests of persons were not read, trying again");
                    AGAIN
                }
            };
            let _ = tokio::time::timeout(wait, data.asked.notified()).await;
        }
    })
}

/// Works on one request. Answers whether there was one.
async fn step(data: &PersonalData, followed: &mut HashSet<Uuid>) -> Result<bool, StoreError> {
    if let Some((request, outcome)) = data.work_on_next().await? {
        let (id, kind) = (request.id.to_string(), request.kind.as_str());
        match outcome {
            Ok(RequestOutcome::Exported { .. }) => info!(request.id = id, request.kind = kind, "a person was exported"),
            Ok(RequestOutcome::Erased(_)) => info!(request.id = id, request.kind = kind, "a person was erased"),
            Err(WorkError::Store(error)) => return Err(error),
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                request.id = id,
                request.kind = kind,
                request.attempts = request.attempts,
                "a request of a person was not met"
            ),
        }
        return Ok(true);
    }
    match data.follow_erasures(LOOKED_BACK, SETTLED, followed).await {
        Ok(()) => Ok(false),
        Err(WorkError::Store(error)) => Err(error),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "this node's files may still have somebody who was erased");
            Ok(false)
        }
    }
}
