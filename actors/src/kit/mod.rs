//! What every actor shares: the outside as they see it, the exit guard, the restart budget, the admission permit, names
//! of metrics.

pub mod admission;
pub mod budget;
pub mod exit;
pub mod metric;
mod nodes;
mod outside;
pub mod waiting;

pub use nodes::LiveNodes;
pub use outside::{Outage, Outside, Ports, Settings, TenantProfile};
