//! Telemetry: log lines ([`logs`]), metrics ([`metrics`]), panics ([`panics`]).
//!
//! Nothing here may name a person (I10); `docs/operations.md` has the never-log list.

pub mod logs;
pub mod metrics;
pub mod panics;
mod process;
