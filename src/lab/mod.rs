//! The lab: simulated providers and the tools that run Palabre against them.
//!
//! `demo` runs everything in one process and checks every invariant. `simulate` plays a provider by hand, or drives a
//! load and measures it. `torture` kills daemons under load and checks what is left.

pub(crate) mod demo;
mod folder;
mod host;
mod printer;
pub(crate) mod simulate;
pub(crate) mod torture;
mod verdict;
mod waiting;
