//! Entry point: chooses the allocator, parses the arguments, turns the outcome into an exit code.

use std::process::ExitCode;

/// What many threads allocate and others free, the C library gives back slowly: a tenth of all work at 3,000 messages a
/// second (docs/load.md).
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    palabre::cli::run()
}
