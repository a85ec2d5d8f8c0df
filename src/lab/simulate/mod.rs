//! Load driver, and a simulated provider for manual trials, for a daemon that runs already.
//!
//! The load driver does everything on one thread, because it shares its cores with what it measures: [`mod@drive`] posts
//! [`webhooks`] over keep-alive [`connection`]s when the [`schedule`] says so, [`sink`] takes the replies, the [`ledger`]
//! knows which message each belongs to, and [`report`] shows what was measured.

mod connection;
mod drive;
mod ledger;
pub(crate) mod manual;
mod measurements;
mod process;
mod progress;
mod report;
mod schedule;
mod setup;
mod sink;
mod target;
#[cfg(test)]
mod tests;
mod webhooks;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::LocalSet;

use self::drive::drive;
pub(crate) use self::drive::{Load, Pace};
use self::process::Process;
use self::progress::{Progress, Snapshot};
pub(crate) use self::report::LoadReport;
pub(crate) use self::schedule::Schedule;
pub(crate) use self::setup::{MOST_TENANTS, Setup};
use self::target::Target;
pub(crate) use self::target::warnings;
use self::webhooks::MOST_CONTACTS;
use crate::config::Config;

/// What keeps a run from starting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    BadTarget(#[from] target::BadTarget),
    #[error("{0} channels have room for {1} conversations: ask for fewer, or set up more tenants")]
    TooManyConversations(usize, u64),
    #[error("nothing answers on {0}: start the daemon first, `palabre serve` with the same --config")]
    NoDaemon(SocketAddr, #[source] io::Error),
    #[error("the provider's side cannot listen on {0} (the channels' api_base_url)")]
    ProviderPort(SocketAddr, #[source] io::Error),
    #[error("the webhooks could not be laid out")]
    Webhooks(#[from] crate::gateway::simulator::SimulatorError),
    #[error("the operating system gave no runtime")]
    Runtime(#[source] io::Error),
}

/// Drives a load against the daemon of a configuration. `pid`: its process, when it is not found by its port.
///
/// # Errors
/// [`RunError`]
pub(crate) fn run(config: &Config, load: &Load, pid: Option<u32>, quiet: bool) -> Result<LoadReport, RunError> {
    let target = Target::of(config)?;
    // One thread: see the module's documentation.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Runtime)?;
    LocalSet::new().block_on(&runtime, against(&target, load, pid, quiet))
}

async fn against(target: &Target, load: &Load, pid: Option<u32>, quiet: bool) -> Result<LoadReport, RunError> {
    let room = target.senders.len() as u64 * u64::from(MOST_CONTACTS);
    if u64::from(load.conversations) > room {
        return Err(RunError::TooManyConversations(target.senders.len(), room));
    }
    let knock = tokio::net::TcpStream::connect(target.daemon).await;
    knock.map_err(|error| RunError::NoDaemon(target.daemon, error))?;
    let mut listeners = Vec::with_capacity(target.providers.len());
    for (address, _) in &target.providers {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.map_err(|error| RunError::ProviderPort(*address, error))?);
    }
    let daemon = pid.map(Process).or_else(|| Process::listening_on(target.daemon));
    let progress = (!quiet).then(Progress::new);
    let tell = move |snapshot: &Snapshot| {
        if let Some(progress) = &progress {
            progress.tell(snapshot);
        }
    };
    Ok(drive(target, load, listeners, daemon, tell).await?)
}
