//! Tenants that a node serves. All of them are replaced at once, while the actors run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::domain::budget::BudgetPolicy;
use crate::domain::channel::ChannelProfile;
use crate::domain::ids::{ChannelId, TenantId};
use crate::domain::rules::Rules;

/// A tenant's configuration, as the actors use it.
#[derive(Clone)]
pub struct TenantProfile {
    /// Rules of its conversations.
    pub rules: Arc<Rules>,
    /// The time zone of its day.
    pub timezone: chrono_tz::Tz,
    /// Sends in any second (I7).
    pub per_second: u32,
    /// Sends in a day (I7).
    pub per_day: u32,
    /// Its weight where tenants compete for senders; 1 is ordinary.
    pub weight: u32,
    /// Its budget.
    pub budget: BudgetPolicy,
    /// Whether messages that the contact did not ask for wait for the double opt-in.
    pub double_opt_in: bool,
    /// How long a deferred message waits for the contact before it expires.
    pub deferred_for: Duration,
    /// Its channels.
    pub channels: HashMap<ChannelId, Arc<ChannelProfile>>,
}

/// The profiles of a node's tenants. Whoever looks one up sees all of one configuration, or all of the next.
#[derive(Default)]
pub struct ServedTenants(ArcSwap<HashMap<TenantId, Arc<TenantProfile>>>);

/// What a new configuration changed, by tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantChanges {
    /// Tenants that were not served before.
    pub added: Vec<TenantId>,
    /// Tenants whose profile is another.
    pub changed: Vec<TenantId>,
    /// Tenants that are not served any more: what waits for them stays in the store.
    pub removed: Vec<TenantId>,
}

impl ServedTenants {
    /// These tenants.
    #[must_use]
    pub fn new(tenants: HashMap<TenantId, Arc<TenantProfile>>) -> Self {
        Self(ArcSwap::from_pointee(tenants))
    }

    /// The tenant's profile; `None`: the node does not serve it.
    #[must_use]
    pub fn get(&self, tenant: &TenantId) -> Option<Arc<TenantProfile>> {
        self.0.load().get(tenant).cloned()
    }

    /// Whether the node serves a tenant.
    #[must_use]
    pub fn contains(&self, tenant: &TenantId) -> bool {
        self.0.load().contains_key(tenant)
    }

    /// All of them, as they are now.
    #[must_use]
    pub fn all(&self) -> Arc<HashMap<TenantId, Arc<TenantProfile>>> {
        self.0.load_full()
    }

    /// Serves these tenants from now on. A profile that is the very same as before counts as unchanged.
    pub(crate) fn replace(&self, tenants: HashMap<TenantId, Arc<TenantProfile>>) -> TenantChanges {
        let tenants = Arc::new(tenants);
        let before = self.0.swap(Arc::clone(&tenants));
        let mut changes = TenantChanges::default();
        for (tenant, profile) in &*tenants {
            match before.get(tenant) {
                None => changes.added.push(tenant.clone()),
                Some(known) if !Arc::ptr_eq(known, profile) => changes.changed.push(tenant.clone()),
                Some(_) => {}
            }
        }
        changes.removed = before.keys().filter(|tenant| !tenants.contains_key(*tenant)).cloned().collect();
        changes
    }
}
