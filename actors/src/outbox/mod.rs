//! Outbox: sends the messages that turns wrote, and settles their rows.
//!
//! Five modules, whose imports run one way: `limits <- send <- reconcile <- dispatch <- maintenance`. Each file is private
//! to its module; a module's `mod.rs` lists what the later ones may use.
//!
//! A row's way: a turn writes it, `dispatch` claims it (or is handed it already leased), `limits` grants a send permit,
//! `send` checks, calls the gateway and settles. A row whose outcome is unknown goes through `reconcile`. `maintenance` finds
//! what nobody reported.

mod account_news;
pub mod dispatch;
mod limits;
mod maintenance;
mod reconcile;
mod send;

pub(crate) use self::account_news::heed;
pub use self::dispatch::{Dispatcher, InFlightCounter, InFlightGuard};
pub use self::limits::{FailingChannel, LocalRateLimiter, SendPermit, SenderPool};
pub use self::maintenance::Maintenance;
pub(crate) use self::send::{count_lost, suspend};
