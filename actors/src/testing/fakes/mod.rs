//! Fakes: in-memory implementations of the ports, with scripted failures and signals to wait for.

mod clock;
mod gateway;
mod rate_limit;
mod rows;
mod store;

pub use clock::FakeClock;
pub use gateway::{Answer, FakeGateway, FakeGateways, Said, Taken};
pub use rate_limit::{FakeRateLimiter, RateLimiterFault};
pub use rows::{
    ConsentRow, ConversationRow, EventRow, InboundRow, InboundState, LiveSessionRow, OutboundRow, SessionRow, Snapshot,
    TimerRow, UsageRow,
};
pub use store::{FakeStore, Fault, Op};
