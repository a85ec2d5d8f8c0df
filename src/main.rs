//! Entry point: parses the arguments, turns the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    palabre::cli::run()
}
