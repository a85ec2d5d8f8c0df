//! Maintenance: what is done for the outbox at intervals.

mod conversation_queues;
mod gauges;
mod quota_leases;
mod reconciliation;
mod scheduler;
mod sweep;

pub use self::scheduler::Maintenance;
