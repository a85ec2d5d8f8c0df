//! Checks an installation from outside of its daemon: what is wrong with it, and what to do about that.
//!
//! Each module is one check. Nothing is changed and nothing is sent. No finding shows a secret, an address of a contact or a
//! text (I10). What providers say of their channels comes from the providers' own folders ([`Provider::checks`]).
//!
//! [`Provider::checks`]: crate::gateway::Provider::checks

mod audit;
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
mod media;
mod messages;
mod paid_chats;
mod payments;
mod public_url;
mod redis;
mod sign_in;
mod spool;

use std::path::Path;
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;

pub use self::finding::{DoctorFinding, DoctorText};
pub use self::limits::open_files_needed;
pub use self::public_url::{CertificateSeen, certificate_of};
use super::permissions::Permission::{ConfigReload, SettingWrite};
use super::setup::TenantFolder;
use super::{Caller, ServiceError, Tenants};
use crate::config::{Config, Loaded, Tenant};
use crate::gateway::client::{self, ClientError};
use crate::store::operator::{NodeRow, Operator};
use crate::store::sqlite_path;

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
    /// The database, where it is open. `None`: it is opened.
    pub store: Option<&'a Operator>,
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

/// Makes every check that is the caller's: whoever runs the installation has all of it looked at, people of one tenant what is
/// theirs. They are in a fixed order; those that ask over the network run at once.
///
/// # Errors
/// [`DoctorError`]: the caller may not, or no request can be made at all.
pub async fn examine(caller: &Caller, of: &Installation<'_>) -> Result<Vec<DoctorFinding>, DoctorError> {
    let is_whole = caller.tenants == Tenants::All;
    caller.require(if is_whole { ConfigReload } else { SettingWrite })?;
    caller.among(&of.among())?;
    if !is_whole && of.tenant.is_none() {
        return Err(ServiceError::UnknownTenant.into());
    }
    let client = client::with_certificates()?;
    let mut findings = if is_whole { around(of, &client).await } else { Vec::new() };
    let opened = if of.store.is_none() { open(of).await } else { None };
    if let Some(store) = of.store.or(opened.as_ref()) {
        if is_whole {
            findings.extend(calendars::check(of, store).await);
        }
        findings.extend(messages::check(caller, of, store).await?);
        findings.extend(paid_chats::check(caller, of, store).await?);
        findings.extend(audit::check(caller, of, store).await?);
    }
    let (channels, payments) = futures_util::join!(channels::check(of, &client), payments::check(of, &client));
    Ok([findings, channels, payments].concat())
}

/// What concerns all tenants.
async fn around(of: &Installation<'_>, client: &reqwest::Client) -> Vec<DoctorFinding> {
    let database = database::ask(of).await;
    let (daemon, public_url, clock, redis, media, sign_in) = futures_util::join!(
        daemon::check(of, client),
        public_url::check(of, client),
        clock::check(of, client, &database),
        redis::check(of),
        media::check(of, client),
        sign_in::check(of, client),
    );
    [
        configuration::check(of),
        daemon,
        public_url,
        clock,
        database::check(of, &database),
        redis,
        spool::check(of),
        files::check(of),
        media,
        sign_in.into_iter().collect(),
        limits::check(of),
    ]
    .concat()
}

/// The nodes of the installation, by their heartbeats.
///
/// # Errors
/// [`ServiceError`]: they are shown to whoever runs it.
pub async fn nodes(caller: &Caller, store: &Operator) -> Result<Vec<NodeRow>, ServiceError> {
    caller.require_for_all(ConfigReload)?;
    Ok(store.nodes().await?)
}

/// A database that is not there, or does not answer, is another check's.
async fn open(of: &Installation<'_>) -> Option<Operator> {
    let url = &of.config().database.url;
    if sqlite_path(url).is_some_and(|file| !file.exists()) {
        return None;
    }
    Operator::open(url).await.ok()
}

/// Reads the configuration anew, and makes every check that is the caller's. A configuration that does not hold is all that
/// is told: to whoever runs the installation with each of its mistakes, to others without.
///
/// # Errors
/// As [`examine`].
pub async fn examine_files(
    caller: &Caller,
    (folder, store): (&TenantFolder, &Operator),
    tenant: Option<&TenantId>,
    now: Timestamp,
) -> Result<Vec<DoctorFinding>, DoctorError> {
    let is_whole = caller.tenants == Tenants::All;
    caller.require(if is_whole { ConfigReload } else { SettingWrite })?;
    match folder.loaded() {
        Ok(loaded) => {
            let of = Installation { path: folder.main(), loaded: &loaded, tenant, store: Some(store), now };
            examine(caller, &of).await
        }
        Err(errors) if is_whole => {
            Ok(errors.problems.iter().map(|problem| DoctorFinding::of_problem("configuration", problem)).collect())
        }
        Err(_) => Ok(vec![configuration::refused()]),
    }
}
