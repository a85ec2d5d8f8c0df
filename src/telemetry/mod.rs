//! Telemetry: log lines ([`logs`]), metrics ([`metrics`]), panics ([`panics`]), and what is told to others ([`observer`]): errors
//! to Sentry, traces to a collector.
//!
//! Nothing here may name a person (I10); `docs/operations.md` has the never-log list.

mod discreet;
mod error_reports;
mod export_runtime;
pub mod logs;
pub mod metrics;
pub mod observer;
pub mod panics;
mod process;
mod span_record;
mod traces;

use std::error::Error;
use std::fmt::Write as _;

/// An error with its causes, as a field has it.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _infallible = write!(chain, ": {cause}");
        source = cause.source();
    }
    chain
}
