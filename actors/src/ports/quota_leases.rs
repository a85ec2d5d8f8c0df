//! What each node may send of a tenant's day and budget.

use std::time::Duration;

use super::{Pending, PortError};
use crate::domain::Timestamp;
use crate::domain::budget::Usage;
use crate::domain::ids::{NodeId, TenantId};
use crate::domain::quota_lease::{QuotaDemand, QuotaLimits, QuotaUsage};

/// Where nodes that share a store keep what each of them holds of a tenant's day and budget (I7). One node alone has no
/// need of it.
pub trait QuotaLeases: Send + Sync {
    /// Counts what went out, what may have gone out and what other nodes hold, and gives what [`QuotaLimits::grant`] says, all
    /// at one moment: who asks for the same tenant meanwhile waits. From then on the node holds what it was given beside
    /// what it says it holds. Where there is less than it needs, the others hear of it ([`QuotaLeases::wanted`]). What a node
    /// held that is gone longer than its leases last is nobody's.
    ///
    /// A question whose answer is lost may have been granted; the next one says what is really held.
    fn lease(&self, ask: LeaseRequest) -> Pending<'_, Result<LeaseGrant, PortError>>;

    /// The tenants of which others want what the node holds.
    fn wanted<'a>(&'a self, node: &'a NodeId) -> Pending<'a, Result<Vec<TenantId>, PortError>>;
}

/// A question for more.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// Of whose day and budget.
    pub tenant: TenantId,
    /// For whom.
    pub node: NodeId,
    /// Which limits hold.
    pub limits: QuotaLimits,
    /// How much of them.
    pub demand: QuotaDemand,
    /// The caller's now.
    pub now: Timestamp,
    /// How long rows are leased: what a node that is gone had on the wire is looked into after that.
    pub lease: Duration,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseGrant {
    /// What was counted.
    pub counted: QuotaUsage,
    /// What the node may use up from now on, beside what it had.
    pub given: Usage,
}
