//! Lines on standard output and standard error. A closed stream is ignored: nobody reads it any more.

use std::fmt::Arguments;
use std::io::Write as _;

/// On standard output.
pub(super) fn print_line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// On standard error.
pub(super) fn print_error_line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
