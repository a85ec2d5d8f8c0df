//! Runtime: helpers that all actors share.

pub mod admission;
mod context;
pub mod exit;
pub mod fair_limit;
pub mod metric;
mod nodes;
pub mod restart_budget;

pub use context::{ActorContext, Outage, Ports, Settings, TenantProfile};
pub use nodes::LiveNodes;
