//! The faults of the provider while daemons are killed, drawn by the simulator's seed.

use std::time::Duration;

use crate::gateway::simulator::{CallbackPlan, Fault, Faults, Rule};
use crate::lab::host::Host;

/// How many faults one message meets at most. The daemon's waits double from two seconds on, and the end is waited for.
const FAULTS_PER_MESSAGE: u32 = 3;
/// A share of lists that is answered all the same.
const LISTS_SPARED: f64 = 0.8;
/// Longer than the channels' `timeout`.
const TOO_LATE: Duration = Duration::from_millis(1_600);

/// Sets the faults and callbacks. `hesitation`: how long the provider takes at most between reading a send and having it in its list. While the
/// daemon asks sooner than that what became of a send, it may be told that there is none, and sends it again: no provider
/// without an idempotency key can be protected from that. It must stay below `runtime.ask_after`, however soon a killed
/// daemon is back.
pub(super) fn apply(host: &Host, hesitation: Duration) {
    let rules = [
        Rule::sometimes(0.03, Fault::DropBeforeReading),
        Rule::sometimes(0.04, Fault::ResetBeforeTaking),
        Rule::sometimes(0.05, Fault::TakeThenReset),
        Rule::sometimes(0.02, Fault::TakeThenHalfAnswer),
        Rule::sometimes(0.04, Fault::TooManyRequests { retry_after_secs: Some(1) }),
        Rule::sometimes(0.02, Fault::TooManyRequests { retry_after_secs: None }),
        Rule::sometimes(0.03, Fault::ServerError(503)),
        Rule::sometimes(0.04, Fault::TakeThenServerError(502)),
        Rule::sometimes(0.02, Fault::TakeThenWait(TOO_LATE)),
        Rule { probability: 0.5, ..Rule::hesitant(hesitation) },
        Rule::sometimes(0.2, Fault::TakeThenWait(Duration::from_millis(300))),
    ];
    host.set_faults(&Faults {
        list_status: Some(503),
        list_spared: LISTS_SPARED,
        per_message: Some(FAULTS_PER_MESSAGE),
        ..Faults::of(rules)
    });
    let (usual, soon) = (CallbackPlan::usual(), Duration::from_millis(300));
    host.set_callbacks(&[
        (4, CallbackPlan { late: soon, ..usual.clone() }),
        (2, CallbackPlan { before_answer: true, copies: 2, shuffled: true, ..usual.clone() }),
        (2, CallbackPlan { copies: 3, shuffled: true, late: soon * 2, ..usual }),
        (1, CallbackPlan { error_code: Some(30_003), late: soon, ..CallbackPlan::of(["sent", "undelivered"]) }),
        (1, CallbackPlan::of(["delivered"])),
        (1, CallbackPlan::of([])),
    ]);
}

/// Ends all faults; callbacks that are due still come.
pub(super) fn clear(host: &Host) {
    host.set_faults(&Faults::none());
}
