//! Which tenants a running engine serves.

use std::collections::HashMap;
use std::sync::Arc;

use tracing::debug;

use super::Engine;
use crate::domain::ids::TenantId;
use crate::ingress::messages::Redeliver;
use crate::outbox::dispatch::messages::Look;
use crate::ports::ChannelKey;
use crate::runtime::{TenantChanges, TenantProfile};
use crate::supervisor::messages::TenantsChanged;

impl Engine {
    /// The tenants that are served now.
    #[must_use]
    pub fn tenants(&self) -> Arc<HashMap<TenantId, Arc<TenantProfile>>> {
        self.builder.context.tenants.all()
    }

    /// Serves these tenants from now on, without losing a turn or a send that is under way. A profile that is the very same
    /// as before counts as unchanged. The gateways of new channels must be there already.
    pub fn serve(&self, tenants: HashMap<TenantId, Arc<TenantProfile>>) -> Arc<TenantChanges> {
        let context = &self.builder.context;
        let changes = Arc::new(context.tenants.replace(tenants));
        let replaced = self.builder.pool.serve(context);
        let tenants = context.tenants.all();
        for limit in [&self.waiting, &self.asking] {
            limit.serve(tenants.iter().map(|(tenant, profile)| (tenant, profile.weight)));
        }
        for shard in &*self.shards {
            shard.supervisor.do_send(TenantsChanged(Arc::clone(&changes)));
        }
        // Messages that waited in the store for a tenant that is back.
        for tenant in &changes.added {
            self.shard(tenant).ingress.do_send(Redeliver(tenant.clone()));
        }
        let changed = changes.added.iter().chain(&changes.changed).filter_map(|tenant| tenants.get_key_value(tenant));
        let channel_keys: Vec<ChannelKey> =
            changed.flat_map(|(tenant, profile)| channel_keys(tenant, profile)).collect();
        if let Some(first) = self.shards.first().filter(|_| !channel_keys.is_empty()) {
            first.dispatcher.do_send(Look(channel_keys));
        }
        if !replaced.is_empty() {
            let context = Arc::clone(context);
            context.io.clone().spawn(async move {
                for senders in replaced {
                    if let Err(error) = senders.quota.return_lease(&context).await {
                        debug!(tenant.id = %senders.id, error = %error, "quota lease not given back, it runs out by itself");
                    }
                }
            });
        }
        changes
    }
}

fn channel_keys<'a>(tenant: &'a TenantId, profile: &'a TenantProfile) -> impl Iterator<Item = ChannelKey> + 'a {
    profile.channels.keys().map(|channel| ChannelKey { tenant: tenant.clone(), channel: channel.clone() })
}
