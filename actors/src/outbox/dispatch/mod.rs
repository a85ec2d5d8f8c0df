//! Dispatch: claims due rows channel by channel and hands them to senders.

mod claims;
mod dispatcher;
mod failover;
mod in_flight;
pub mod messages;
mod schedule;

pub use self::dispatcher::Dispatcher;
pub use self::in_flight::{InFlightCounter, InFlightGuard};
