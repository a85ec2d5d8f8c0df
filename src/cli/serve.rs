//! `palabre serve`: the daemon.

use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use super::{exit, load};
use crate::app::{self, Running};
use crate::telemetry;

/// Runs until SIGTERM or SIGINT; a second one ends it at once.
pub(super) fn run(config: &Path) -> u8 {
    let Some(config) = load(config) else { return exit::FOUND_WRONG };
    let logs = match telemetry::logs::install(&config.logs) {
        Ok(logs) => logs,
        Err(error) => return super::complain(&error),
    };
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
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "not started");
                super::complain(&error)
            }
        }
    });
    drop(logs);
    code
}

async fn until_told(running: Running) -> u8 {
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        error!("the operating system takes no signal handler");
        return exit::FAILED;
    };
    let collapsed = tokio::select! {
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
        () = running.collapsed() => true,
    };
    tokio::select! {
        finished = running.stop() => info!(finished, "bye"),
        _ = terminate.recv() => error!("told twice, leaving at once"),
        _ = interrupt.recv() => error!("told twice, leaving at once"),
    }
    if collapsed { exit::FAILED } else { exit::OK }
}
