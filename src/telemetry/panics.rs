//! Panics in the logs and metrics.

use std::any::Any;
use std::panic::PanicHookInfo;
use std::sync::Once;

use super::metrics;

/// Replaces a payload that is not a literal.
const WITHHELD: &str = "(withheld: it was formatted at run time)";

/// Sends panics to the log and the metrics instead of standard error, from now on and for the whole process.
/// Repeated calls change nothing.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(report)));
}

fn report(info: &PanicHookInfo<'_>) {
    ::metrics::counter!(metrics::PROCESS_PANICS).increment(1);
    let thread = std::thread::current();
    tracing::error!(
        panic.location = info.location().map(tracing::field::display),
        panic.payload = literal(info.payload()),
        thread.name = thread.name(),
        "panicked"
    );
}

fn literal(payload: &dyn Any) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or(WITHHELD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literals_are_shown() {
        assert_eq!(literal(&"index out of reach"), "index out of reach");
        assert_eq!(literal(&String::from("+33612345678 wrote: call me")), WITHHELD);
        assert_eq!(literal(&42_u8), WITHHELD);
    }
}
