//! Quota leases: what each node may send of a tenant's day and budget.

use std::time::Duration;

use super::{Pending, PortError};
use crate::domain::Timestamp;
use crate::domain::budget::Usage;
use crate::domain::ids::{NodeId, TenantId};
use crate::domain::quota_lease::{QuotaDemand, QuotaLimits, QuotaUsage};

/// Quota leases of nodes that share a store (I7). A node alone needs none.
pub trait QuotaLeases: Send + Sync {
    /// Counts what went out, what may have gone out and what other nodes hold, and grants what [`QuotaLimits::grant`] says, in
    /// one transaction: requests for the same tenant wait for each other. From then on the node holds the grant beside what
    /// the request says it holds. When the grant is less than the node needs, the other nodes are asked to give back
    /// ([`QuotaLeases::wanted`]). The lease of a node that is gone for longer than its row leases last is void.
    ///
    /// A request whose answer is lost may have been granted; the next request says what is really held.
    fn lease(&self, ask: LeaseRequest) -> Pending<'_, Result<LeaseGrant, PortError>>;

    /// The tenants whose quota other nodes want back from the node.
    fn wanted<'a>(&'a self, node: &'a NodeId) -> Pending<'a, Result<Vec<TenantId>, PortError>>;
}

/// A request for more.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// The tenant of the quota.
    pub tenant: TenantId,
    /// The node that asks.
    pub node: NodeId,
    /// The tenant's limits.
    pub limits: QuotaLimits,
    /// What the node needs and holds.
    pub demand: QuotaDemand,
    /// The caller's now.
    pub now: Timestamp,
    /// How long rows are leased: after that, rows that a lost node was sending are reconciled.
    pub lease: Duration,
}

/// The answer to a [`LeaseRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseGrant {
    /// What the store counted.
    pub counted: QuotaUsage,
    /// What the node may send from now on, beside what it held.
    pub given: Usage,
}
