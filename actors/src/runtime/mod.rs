//! Runtime: helpers that all actors share.

pub mod admission;
mod context;
pub mod exit;
pub mod fair_limit;
pub mod metric;
mod nodes;
pub mod restart_budget;
mod served_tenants;
pub mod spans;
mod typing;

pub use context::{ActorContext, Outage, Ports, Settings, TypingCalls};
pub use nodes::LiveNodes;
pub use served_tenants::{ServedTenants, TenantChanges, TenantProfile};
pub use typing::Typing;
