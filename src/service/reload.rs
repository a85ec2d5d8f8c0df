//! Reload: the tenants' files are taken over while the daemon runs.

use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Pending;

use super::permissions::Permission::ConfigReload;
use super::{Caller, ServiceError, audit};
use crate::config::Problem;
use crate::store::operator::Operator;

/// Which configuration of the tenants counts, and what does not hold of what the files say now.
#[derive(Clone, Debug, Default)]
pub struct ReloadStatus {
    /// Names the files that count: the same on every node that has the same files.
    pub version: String,
    /// How many tenants are served.
    pub tenants: usize,
    /// Since when this version counts.
    pub since: Option<Timestamp>,
    /// What is wrong with the files now. Empty: everything that they say counts.
    pub refused: Vec<Problem>,
    /// Since when something is.
    pub refused_since: Option<Timestamp>,
    /// Whether the database, or something else that passes by itself, is in the way.
    pub waits: bool,
    /// Whether the daemon's own file says something else than at the start: that counts from the next start on.
    pub needs_restart: bool,
}

/// What takes the files over.
pub trait Reload: Send + Sync {
    /// Reads the files now. Resolves when what they say counts, or is refused.
    fn reload(&self) -> Pending<'_, ReloadStatus>;

    fn status(&self) -> ReloadStatus;
}

/// Reads the tenants' files now, instead of when the daemon next looks at them.
///
/// # Errors
/// [`ServiceError`]: `Denied` as well for whoever does not see all tenants.
pub async fn reload(caller: &Caller, store: &Operator, reload: &dyn Reload) -> Result<ReloadStatus, ServiceError> {
    caller.require_for_all(ConfigReload)?;
    audit::note_installation(caller, store, "config.reload", ("configuration", "tenants")).await?;
    Ok(reload.reload().await)
}

/// Which configuration counts.
///
/// # Errors
/// [`ServiceError`]
pub fn status(caller: &Caller, reload: &dyn Reload) -> Result<ReloadStatus, ServiceError> {
    caller.require_for_all(ConfigReload)?;
    Ok(reload.status())
}
