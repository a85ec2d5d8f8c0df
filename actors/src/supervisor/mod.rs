//! Supervisor of a shard: starts its tenants when they are needed, and rebuilds those that panicked.
//!
//! A tenant that exceeds its restart budget is quarantined, so that no other tenant is affected (I9).

pub mod messages;

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler, WeakRecipient};
use metrics::counter;
use tokio::time::Instant;
use tracing::{error, warn};

use self::messages::{Deliver, MeetIngress, Perform, RereadTenant, TenantExited, TenantsChanged, Wake};
use crate::domain::ids::TenantId;
use crate::ingress::messages::Redeliver;
use crate::outbox::{Dispatcher, SenderPool};
use crate::runtime::exit::{Exit, start_guarded};
use crate::runtime::restart_budget::{RestartBudget, RestartDecision};
use crate::runtime::{ActorContext, metric};
use crate::tenant::Tenant;

/// Supervises a shard's tenants.
pub struct Supervisor {
    context: Arc<ActorContext>,
    dispatcher: Addr<Dispatcher>,
    pool: Arc<SenderPool>,
    ingress: Option<WeakRecipient<Redeliver>>,
    tenants: HashMap<TenantId, TenantEntry>,
    generations: u64,
}

struct TenantEntry {
    child: Option<Addr<Tenant>>,
    generation: u64,
    budget: RestartBudget,
}

impl Supervisor {
    /// A supervisor whose tenants are not started yet.
    #[must_use]
    pub fn new(context: Arc<ActorContext>, dispatcher: Addr<Dispatcher>, pool: Arc<SenderPool>) -> Self {
        Self { context, dispatcher, pool, ingress: None, tenants: HashMap::new(), generations: 0 }
    }

    /// The tenant, started when it is not in memory; `None` while it is quarantined, recovers, or is not configured.
    fn running(&mut self, tenant: &TenantId, ctx: &Context<Self>) -> Option<&Addr<Tenant>> {
        if !self.tenants.contains_key(tenant) {
            let (child, generation) = self.start_child(tenant, ctx)?;
            let entry = TenantEntry { child: Some(child), generation, budget: RestartBudget::default() };
            self.tenants.insert(tenant.clone(), entry);
        }
        self.tenants.get(tenant).and_then(|entry| entry.child.as_ref())
    }

    fn start_child(&mut self, id: &TenantId, ctx: &Context<Self>) -> Option<(Addr<Tenant>, u64)> {
        let Some(profile) = self.context.tenants.get(id) else {
            warn!(tenant.id = %id, "tenant not configured, its messages stay in the store");
            return None;
        };
        self.generations += 1;
        let generation = self.generations;
        let tenant = Tenant::new(
            id.clone(),
            profile,
            Arc::clone(&self.context),
            self.dispatcher.clone(),
            Arc::clone(&self.pool),
        );
        let (me, of) = (ctx.address(), id.clone());
        let child = start_guarded(tenant, move |exit| me.do_send(TenantExited { tenant: of, generation, exit }));
        Some((child, generation))
    }

    fn rebuild(&mut self, id: &TenantId, ctx: &Context<Self>) {
        let started = self.start_child(id, ctx);
        if let (Some((child, generation)), Some(entry)) = (started, self.tenants.get_mut(id)) {
            entry.child = Some(child);
            entry.generation = generation;
        }
        // The messages that the old instance had in memory are in the store.
        if let Some(ingress) = self.ingress.as_ref().and_then(WeakRecipient::upgrade) {
            ingress.do_send(Redeliver(id.clone()));
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
    }
}

impl Handler<MeetIngress> for Supervisor {
    type Result = ();

    fn handle(&mut self, MeetIngress(ingress): MeetIngress, _: &mut Context<Self>) {
        self.ingress = Some(ingress);
    }
}

impl Handler<Deliver> for Supervisor {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, ctx: &mut Context<Self>) {
        let tenant = deliver.message.tenant.clone();
        if let Some(child) = self.running(&tenant, ctx) {
            child.do_send(deliver);
        }
    }
}

impl Handler<Perform> for Supervisor {
    type Result = ();

    fn handle(&mut self, perform: Perform, ctx: &mut Context<Self>) {
        // Dropped while the tenant recovers, which answers the caller with `Unavailable`.
        let tenant = perform.key.tenant.clone();
        if let Some(child) = self.running(&tenant, ctx) {
            child.do_send(perform);
        }
    }
}

impl Handler<Wake> for Supervisor {
    type Result = ();

    fn handle(&mut self, wake: Wake, ctx: &mut Context<Self>) {
        let tenant = wake.key.tenant.clone();
        if let Some(child) = self.running(&tenant, ctx) {
            child.do_send(wake);
        }
    }
}

impl Handler<RereadTenant> for Supervisor {
    type Result = ();

    fn handle(&mut self, RereadTenant(tenant): RereadTenant, _: &mut Context<Self>) {
        if let Some(child) = self.tenants.get(&tenant).and_then(|entry| entry.child.as_ref()) {
            child.do_send(crate::tenant::messages::Reread);
        }
    }
}

impl Handler<TenantsChanged> for Supervisor {
    type Result = ();

    fn handle(&mut self, TenantsChanged(changes): TenantsChanged, _: &mut Context<Self>) {
        for id in &changes.changed {
            let child = self.tenants.get(id).and_then(|entry| entry.child.as_ref());
            if let (Some(child), Some(profile)) = (child, self.context.tenants.get(id)) {
                child.do_send(crate::tenant::messages::Adopt(profile));
            }
        }
        // Their conversations finish what they have and leave memory when they are idle; the tenant goes with the last.
        for id in &changes.removed {
            self.tenants.remove(id);
        }
    }
}

impl Handler<TenantExited> for Supervisor {
    type Result = ();

    fn handle(&mut self, exited: TenantExited, ctx: &mut Context<Self>) {
        let Some(entry) = self.tenants.get_mut(&exited.tenant).filter(|entry| entry.generation == exited.generation)
        else {
            return;
        };
        entry.child = None;
        if exited.exit == Exit::Stopped {
            self.tenants.remove(&exited.tenant);
            return;
        }
        counter!(metric::PANICS, "actor" => "tenant").increment(1);
        let after = match entry.budget.spend(Instant::now()) {
            RestartDecision::Restart { after } => {
                error!(tenant.id = %exited.tenant, "tenant panicked, rebuilding it");
                after
            }
            RestartDecision::Quarantine { after } => {
                counter!(metric::QUARANTINED).increment(1);
                error!(
                    tenant.id = %exited.tenant,
                    "tenant quarantined, its restart budget is used up; its messages wait in the store"
                );
                after
            }
        };
        ctx.run_later(after, move |supervisor, ctx| supervisor.rebuild(&exited.tenant, ctx));
    }
}
