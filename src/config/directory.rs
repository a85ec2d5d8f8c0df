//! The tenants that the daemon serves now. All of them are replaced at once when their files changed.

use std::sync::Arc;

use arc_swap::ArcSwap;
use palabre_actors::domain::ids::{ChannelId, TenantId};

use super::{Channel, Tenant};

/// The tenants of the configuration. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct TenantDirectory(Arc<ArcSwap<Vec<Arc<Tenant>>>>);

impl TenantDirectory {
    #[must_use]
    pub fn new(tenants: Vec<Tenant>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(tenants.into_iter().map(Arc::new).collect())))
    }

    /// All of them, as they are now, in the order of their files' names.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<Arc<Tenant>>> {
        self.0.load_full()
    }

    /// A tenant. `None`: it is not configured, or not any more.
    #[must_use]
    pub fn get(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.0.load().iter().find(|tenant| tenant.id == *id).cloned()
    }

    #[must_use]
    pub fn channel(&self, tenant: &TenantId, id: &ChannelId) -> Option<Channel> {
        self.get(tenant)?.channels.iter().find(|channel| channel.id == *id).cloned()
    }

    /// Serves these tenants from now on.
    pub fn replace(&self, tenants: Vec<Arc<Tenant>>) {
        self.0.store(Arc::new(tenants));
    }
}
