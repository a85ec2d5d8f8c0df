//! What every actor shares: the outside as they see it, the exit guard, the restart budget, the admission permit, names
//! of metrics.

pub mod admission;
mod context;
pub mod exit;
pub mod fair_limit;
pub mod metric;
mod nodes;
pub mod restart_budget;

pub use context::{ActorContext, Outage, Ports, Settings, TenantProfile};
pub use nodes::LiveNodes;
