//! `palabre serve`: the daemon.

use std::io::IsTerminal as _;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use super::{exit, warned};
use crate::app::{self, ConfigSource, RunningDaemon, StartError};
use crate::config::{Config, Environment, Loaded};
use crate::gateway::PROVIDERS;
use crate::telemetry;
use crate::telemetry::observer::Observer;

/// Runs until SIGTERM or SIGINT; a second one ends it at once. SIGHUP reads the tenants' files again.
pub(super) fn run(path: &Path) -> u8 {
    let environment = Environment::from_process();
    let Some(Loaded { config, files, .. }) = warned(Config::load(path, &environment, &PROVIDERS)) else {
        return exit::FOUND_WRONG;
    };
    let source = ConfigSource { path: path.to_owned(), environment, files };
    let observer = match Observer::of(config.sentry.as_ref(), config.otlp.as_ref()) {
        Ok(observer) => observer,
        Err(error) => return super::complain(&error),
    };
    let (observer, told) = observer.unzip();
    let logs = match telemetry::logs::install(&config.logs, observer) {
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
        match app::start(config, Some(source), metrics).await {
            Ok(running) => until_told(running).await,
            Err(error) => not_started(&error),
        }
    });
    drop(told);
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
    let hangup = signal(SignalKind::hangup());
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (terminate, interrupt, hangup) else {
        error!("the operating system takes no signal handler");
        return exit::FAILED;
    };
    let fatal = loop {
        tokio::select! {
            _ = terminate.recv() => break false,
            _ = interrupt.recv() => break false,
            () = running.fatal() => break true,
            _ = hangup.recv() => {
                let status = running.reload().await;
                info!(config.version = status.version, refused = status.refused.len(), "told to read the tenants' files");
            }
        }
    };
    tokio::select! {
        finished = running.stop() => info!(finished, "bye"),
        _ = terminate.recv() => error!("told twice, leaving at once"),
        _ = interrupt.recv() => error!("told twice, leaving at once"),
    }
    if fatal { exit::FAILED } else { exit::OK }
}
