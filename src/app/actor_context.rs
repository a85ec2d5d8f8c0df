//! What every actor is handed: the ports, the tenants, the settings.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use palabre_actors::domain::ids::NodeId;
use palabre_actors::ports::Clock;
use palabre_actors::runtime::{ActorContext, LiveNodes, Outage, Ports, ServedTenants, Settings, TypingCalls};

use super::cluster::Cluster;
use super::tenants::profile_of;
use crate::config::Config;
use crate::gateway::CurrentRegistry;
use crate::store::{Sellers, Store, StoredFaq};

pub(super) fn ports(
    store: &Store,
    (sellers, faq): (Sellers, StoredFaq),
    registry: &Arc<CurrentRegistry>,
    clock: Arc<dyn Clock>,
    cluster: &Cluster,
) -> Ports {
    let port = || Arc::new(store.clone());
    Ports {
        clock,
        inbox: port(),
        turns: port(),
        outbox: port(),
        quota_leases: cluster.quota_leases(),
        recipients: port(),
        rate_limiter: cluster.rate_limiter(),
        gateways: Arc::clone(registry) as _,
        sellers: Arc::new(sellers),
        rules: Arc::new(faq),
        assistant: Arc::new(()),
    }
}

pub(super) fn actor_context(
    config: &Config,
    ports: Ports,
    (node, nodes): (NodeId, LiveNodes),
    io: tokio::runtime::Handle,
) -> ActorContext {
    let tenants = config.tenants.iter().map(|tenant| (tenant.id.clone(), Arc::new(profile_of(tenant)))).collect();
    let runtime = &config.runtime;
    let settings = Settings {
        max_in_flight: runtime.max_in_flight,
        max_in_flight_per_tenant: runtime.max_in_flight_per_tenant,
        max_waiting_webhooks: runtime.max_waiting_webhooks,
        senders: runtime.senders,
        passivate_after: runtime.passivate_after,
        max_resident_conversations: runtime.max_resident_conversations,
        sweep_every: runtime.sweep_every,
        ask_after: runtime.ask_after,
        lease: runtime.lease,
        ..Settings::default()
    };
    ActorContext {
        ports,
        tenants: ServedTenants::new(tenants),
        settings,
        node,
        nodes,
        io,
        residents: AtomicUsize::new(0),
        outage: Outage::default(),
        typing: TypingCalls::default(),
    }
}
