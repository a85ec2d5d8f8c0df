//! Messages that a [`super::Supervisor`] takes.

use std::sync::Arc;

use actix::{Message, WeakRecipient};

use crate::domain::ids::TenantId;
use crate::ingress::messages::Redeliver;
use crate::runtime::TenantChanges;
use crate::runtime::exit::Exit;

pub use crate::conversation::messages::{Deliver, Perform, Wake};

/// Another process changed what a tenant's conversations hold in memory.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RereadTenant(pub TenantId);

/// The configuration changed: which tenants are others now, or are not served any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TenantsChanged(pub Arc<TenantChanges>);

/// A tenant ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TenantExited {
    /// The tenant.
    pub tenant: TenantId,
    /// Its instance.
    pub generation: u64,
    /// How it ended.
    pub exit: Exit,
}

/// The ingress, which brings a tenant's messages back from the store. Sent once, before anything else.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MeetIngress(pub WeakRecipient<Redeliver>);
