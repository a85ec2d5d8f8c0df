//! What the daemon says about itself: log lines ([`logs`]), numbers ([`metrics`]) and the last words of a panicking
//! thread ([`panics`]). Nothing here may name a person (I10); `docs/operations.md` has the never-log list.

pub mod logs;
pub mod metrics;
pub mod panics;
mod process;
