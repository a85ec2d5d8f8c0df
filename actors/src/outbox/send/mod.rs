//! Sending one message: its route, its checks, the gateway call, and the settlement of its row.

mod checks;
mod content;
mod dead_letters;
mod delivery;
mod policy;
mod routing;
mod settlement;

pub(crate) use self::content::{cost_micros, fallback_carries, free_content, template_content};
pub(crate) use self::dead_letters::{count_dead, count_lost, count_none_lost};
pub(crate) use self::delivery::{LeasedRow, deliver, suspend};
pub(crate) use self::policy::reconciled;
pub(crate) use self::routing::retry_on_fallback;
pub(crate) use self::settlement::{AttemptOutcome, UNCONFIGURED_WAIT, settle};
