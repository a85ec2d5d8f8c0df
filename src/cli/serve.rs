//! `palabre serve`: the daemon.

use std::io::IsTerminal as _;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use super::{exit, load};
use crate::app::{self, RunningDaemon, StartError};
use crate::telemetry;

/// Runs until SIGTERM or SIGINT; a second one ends it at once.
pub(super) fn run(config: &Path) -> u8 {
    let Some(config) = load(config) else { return exit::FOUND_WRONG };
    let logs = match telemetry::logs::install(&config.logs) {
        Ok(logs) => logs,
        Err(error) => return super::complain(&error),
    };
    super::files::warn_of_few(&config);
    telemetry::panics::install();
    let metrics = match telemetry::metrics::install() {
        Ok(metrics) => metrics,
        Err(error) => return super::complain(&error),
    };
    let waiter = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(waiter) => waiter,
        Err(error) => return super::complain(&error),
    };
    let code = waiter.block_on(async {
        match app::start(config, metrics).await {
            Ok(running) => until_told(running).await,
            Err(error) => not_started(&error),
        }
    });
    drop(logs);
    code
}

/// Says it once to each who listens: the log, unless it goes to a terminal, and a person at a terminal. Who has neither, the
/// log being turned off, gets it on standard error all the same.
fn not_started(error: &StartError) -> u8 {
    let watched = std::io::stderr().is_terminal();
    let is_logged = !std::io::stdout().is_terminal() && tracing::event_enabled!(tracing::Level::ERROR);
    if is_logged {
        error!(error = error as &dyn std::error::Error, "not started");
    }
    if watched || !is_logged { super::complain(error) } else { exit::FAILED }
}

async fn until_told(running: RunningDaemon) -> u8 {
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        error!("the operating system takes no signal handler");
        return exit::FAILED;
    };
    let fatal = tokio::select! {
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
        () = running.fatal() => true,
    };
    tokio::select! {
        finished = running.stop() => info!(finished, "bye"),
        _ = terminate.recv() => error!("told twice, leaving at once"),
        _ = interrupt.recv() => error!("told twice, leaving at once"),
    }
    if fatal { exit::FAILED } else { exit::OK }
}
