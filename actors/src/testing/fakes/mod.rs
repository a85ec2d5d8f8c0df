//! In-memory implementations of the ports. They keep the ports' promises, can be told to break them, and let a test
//! wait for what it expects instead of sleeping.

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
    UsageRow,
};
pub use store::{FakeStore, Fault, Op};
