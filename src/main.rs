//! Entry point: parses the arguments, turns the outcome into an exit code.

use std::process::ExitCode;

/// What one thread allocates another frees here all the time (a webhook's message, a statement's values), which costs the C
/// library's allocator a tenth of a busy daemon's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    palabre::cli::run()
}
