//! Maintenance actor: starts each service and runs it again, one actor per shard.

use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler};

use super::super::dispatch::Dispatcher;
use super::super::limits::SenderPool;
use super::super::reconcile::Reconciler;
use crate::domain::ids::TenantId;
use crate::runtime::ActorContext;
use crate::runtime::exit::Drain;

/// Runs the outbox's maintenance for a shard's tenants.
pub struct Maintenance {
    pub(super) context: Arc<ActorContext>,
    pub(super) pool: Arc<SenderPool>,
    pub(super) dispatcher: Addr<Dispatcher>,
    pub(super) reconciler: Arc<Reconciler>,
    /// Whether a tenant belongs to this shard.
    pub(super) owns: Box<dyn Fn(&TenantId) -> bool>,
    /// Whether this is the first shard, which also runs what a node does once.
    pub(super) first: bool,
    pub(super) draining: bool,
}

impl Maintenance {
    /// Maintenance for the tenants for which `owns` is true.
    #[must_use]
    pub fn new(
        context: Arc<ActorContext>,
        pool: Arc<SenderPool>,
        dispatcher: Addr<Dispatcher>,
        owns: Box<dyn Fn(&TenantId) -> bool>,
        first: bool,
    ) -> Self {
        let reconciler = Reconciler::new(Arc::clone(&context), Arc::clone(&pool));
        Self { context, pool, dispatcher, reconciler, owns, first, draining: false }
    }
}

impl Actor for Maintenance {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.create_counters();
        self.sweep(ctx);
        if self.first {
            // A request of the process before this one may reach its provider only now. The provider is not asked about it
            // before it can know it (I5).
            ctx.run_later(self.context.settings.ask_after, Self::reconcile);
            self.maintain_after(1, ctx);
            self.maintain_quota_leases(ctx);
        }
    }
}

impl Handler<Drain> for Maintenance {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Context<Self>) {
        self.draining = true;
    }
}
