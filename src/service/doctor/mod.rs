//! Checks an installation from outside of its daemon: what is wrong with it, and what to do about that.
//!
//! Each module is one check. Nothing is changed and nothing is sent. No finding shows a secret, an address of a contact or a
//! text (I10). What providers say of their channels comes from the providers' own folders ([`Provider::checks`]).
//!
//! [`Provider::checks`]: crate::gateway::Provider::checks

mod calendars;
mod certificate;
mod channels;
mod clock;
mod configuration;
mod daemon;
mod database;
mod files;
mod finding;
mod limits;
mod messages;
mod payments;
mod public_url;
mod redis;
mod spool;

use std::path::Path;
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;

pub use self::finding::{DoctorFinding, DoctorText};
pub use self::limits::open_files_needed;
use super::permissions::Permission::ConfigReload;
use super::{Caller, ServiceError, Tenants};
use crate::config::{Config, Loaded, Tenant};
use crate::gateway::client::{self, ClientError};

/// How long one question over the network may take.
const ASK_TIME: Duration = Duration::from_secs(10);

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Installation<'a> {
    /// The daemon's own file.
    pub path: &'a Path,
    pub loaded: &'a Loaded,
    /// The one tenant whose channels are asked about. `None`: all.
    pub tenant: Option<&'a TenantId>,
    pub now: Timestamp,
}

impl<'a> Installation<'a> {
    fn config(&self) -> &'a Config {
        &self.loaded.config
    }

    fn tenants(&self) -> impl Iterator<Item = &'a Tenant> {
        let named = self.tenant;
        self.loaded.config.tenants.iter().filter(move |tenant| named.is_none_or(|named| tenant.id == *named))
    }

    fn among(&self) -> Tenants {
        self.tenant.map_or(Tenants::All, |tenant| Tenants::Of(vec![tenant.clone()]))
    }
}

/// The examination could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Makes every check. They are in a fixed order; those that ask over the network run at once.
///
/// # Errors
/// [`DoctorError`]: the caller may not, or no request can be made at all.
pub async fn examine(caller: &Caller, of: &Installation<'_>) -> Result<Vec<DoctorFinding>, DoctorError> {
    caller.require(ConfigReload)?;
    let client = client::with_certificates()?;
    let (daemon, public_url, clock, database, redis, channels, payments, calendars) = futures_util::join!(
        daemon::check(of, &client),
        public_url::check(of, &client),
        clock::check(of, &client),
        database::check(of),
        redis::check(of),
        channels::check(of, &client),
        payments::check(of, &client),
        calendars::check(of),
    );
    let messages = messages::check(caller, of).await?;
    let mut findings = configuration::check(of);
    for more in [
        daemon,
        public_url,
        clock,
        database,
        redis,
        spool::check(of),
        files::check(of),
        limits::check(of),
        messages,
        channels,
        payments,
        calendars,
    ] {
        findings.extend(more);
    }
    Ok(findings)
}
