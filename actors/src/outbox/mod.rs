//! The outbox dispatcher: sends what turns hand it, claims what waits, looks into what is unknown.
//!
//! The dispatcher owns plain books (who has something due, when); the sending itself runs beside it on the I/O runtime
//! and settles on its own, so nothing is lost when this actor is rebuilt.

mod delivery;
pub mod desk;
pub mod messages;
mod pace;
mod policy;
mod unknowns;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, SpawnHandle, WeakAddr, WrapFuture};
use tracing::warn;

use self::desk::{Desk, Slot, Unsettled};
use self::messages::{Dispatch, Drain, MeetPeers, Settled};
use crate::domain::Timestamp;
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::kit::Outside;
use crate::ports::{Claim, PortError, Settled as Result_};

/// Rows claimed at once for one tenant.
const CLAIM_LIMIT: usize = 64;
/// Known due moments; beyond it the sweep finds them.
const DUE_LIMIT: usize = 100_000;

/// The actor: one per shard, for the shard's tenants.
pub struct Dispatcher {
    outside: Arc<Outside>,
    desk: Arc<Desk>,
    /// Whether a tenant belongs to this shard.
    owns: Box<dyn Fn(&TenantId) -> bool>,
    /// Whether this shard also does what a node does once: leases that ran out, unknown rows.
    first: bool,
    /// The other shards' dispatchers.
    peers: Vec<WeakAddr<Self>>,
    due: BTreeSet<(Timestamp, TenantId)>,
    tenants: HashMap<TenantId, Lane>,
    alarm: Option<(Timestamp, SpawnHandle)>,
    draining: bool,
}

/// What the dispatcher knows of a tenant's rows.
#[derive(Default)]
struct Lane {
    /// A claim is under way.
    claiming: bool,
    /// Rows wait behind others, or without a place: look again after the next settlement.
    more: bool,
}

impl Dispatcher {
    /// A dispatcher for the tenants that `owns` names.
    #[must_use]
    pub fn new(outside: Arc<Outside>, desk: Arc<Desk>, owns: Box<dyn Fn(&TenantId) -> bool>, first: bool) -> Self {
        Self {
            outside,
            desk,
            owns,
            first,
            peers: Vec::new(),
            due: BTreeSet::new(),
            tenants: HashMap::new(),
            alarm: None,
            draining: false,
        }
    }

    fn send(&self, message: Outbound, slot: Slot, unsettled: Option<Unsettled>, me: Addr<Self>) {
        let outside = Arc::clone(&self.outside);
        let tenant = message.tenant.clone();
        self.outside.io.spawn(async move {
            let settled = delivery::deliver(outside, message, slot).await;
            let again_at = match settled {
                Result_::Later { at, .. } | Result_::Unknown { ask_at: at, .. } => {
                    unsettled.into_iter().for_each(Unsettled::hand_back);
                    Some(at)
                }
                Result_::Sent(_) | Result_::Suppressed { .. } | Result_::Dead { .. } => None,
            };
            me.do_send(Settled { tenant, again_at });
        });
    }

    fn note_due(&mut self, tenant: TenantId, at: Timestamp) {
        if self.due.len() < DUE_LIMIT {
            self.due.insert((at, tenant));
        }
    }

    /// Claims for every tenant whose time has come, and sets the alarm for the next.
    fn work_off(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let now = self.outside.now();
        let mut come = Vec::new();
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            come.extend(self.due.pop_first().map(|(_, tenant)| tenant));
        }
        come.dedup();
        for tenant in come {
            self.claim(tenant, ctx);
        }
        let next = self.due.first().map(|(at, _)| *at);
        if next.is_some() && self.alarm.as_ref().is_none_or(|(at, _)| next < Some(*at)) {
            self.set_alarm(next, ctx);
        }
    }

    fn set_alarm(&mut self, at: Option<Timestamp>, ctx: &mut Context<Self>) {
        if let Some((_, handle)) = self.alarm.take() {
            ctx.cancel_future(handle);
        }
        if let Some(at) = at {
            let wait = (at - self.outside.now()).to_std().unwrap_or(Duration::ZERO);
            let handle = ctx.run_later(wait, |dispatcher, ctx| {
                dispatcher.alarm = None;
                dispatcher.work_off(ctx);
            });
            self.alarm = Some((at, handle));
        }
    }

    /// Claims rows of a tenant: as many as there are free places.
    fn claim(&mut self, tenant: TenantId, ctx: &mut Context<Self>) {
        let now = self.outside.now();
        if let Some(until) = self.desk.page(&tenant).and_then(|page| page.pace.used_up_until(now)) {
            self.note_due(tenant, until);
            return;
        }
        let lane = self.tenants.entry(tenant.clone()).or_default();
        lane.more = true;
        if lane.claiming {
            return;
        }
        lane.claiming = true;
        // What is queued from here on is news: this claim may miss it.
        lane.more = false;
        let (outside, desk) = (Arc::clone(&self.outside), Arc::clone(&self.desk));
        let (of, tenant_again) = (tenant.clone(), tenant.clone());
        let claiming = async move {
            let slots = desk.reserve_in_line(&of, CLAIM_LIMIT).await;
            if slots.is_empty() {
                return Ok((Vec::new(), slots, true));
            }
            let now = outside.now();
            let claim = Claim {
                tenant: of,
                node: outside.node.clone(),
                now,
                lease_until: Outside::later(now, outside.settings.lease),
                limit: slots.len(),
            };
            let rows = outside.within_deadline(outside.ports.outbox.claim(claim)).await?;
            // What was claimed may have others behind it, and so may what is being sent already.
            let others_are_sending = desk.page(&tenant_again).is_some_and(|page| page.sending() > slots.len());
            let more = !rows.is_empty() || others_are_sending;
            Ok((rows, slots, more))
        };
        ctx.spawn(claiming.into_actor(self).map(move |claimed, dispatcher, ctx| {
            dispatcher.claimed(tenant, claimed, ctx);
        }));
    }

    fn claimed(
        &mut self,
        tenant: TenantId,
        claimed: Result<(Vec<Outbound>, Vec<Slot>, bool), PortError>,
        ctx: &mut Context<Self>,
    ) {
        let lane = self.tenants.entry(tenant.clone()).or_default();
        lane.claiming = false;
        match claimed {
            Ok((rows, slots, more)) => {
                // News came while the claim ran: claim again now. Otherwise whatever is left waits for a settlement.
                let news = std::mem::replace(&mut lane.more, more);
                let full = !rows.is_empty() && rows.len() == slots.len();
                for (message, slot) in rows.into_iter().zip(slots) {
                    self.send(message, slot, None, ctx.address());
                }
                if (news || full) && !self.draining {
                    self.claim(tenant, ctx);
                }
            }
            Err(error) => {
                warn!(tenant.id = %tenant, error = %error, "claim failed, trying again");
                let at = Outside::later(self.outside.now(), Duration::from_millis(500));
                self.note_due(tenant, at);
                self.work_off(ctx);
            }
        }
    }

    /// Asks the store what nobody told us about: rows that were due while we were away, or that another process wrote.
    fn sweep(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let outside = Arc::clone(&self.outside);
        let sweeping = async move { outside.within_deadline(outside.ports.outbox.due()).await };
        ctx.spawn(sweeping.into_actor(self).map(|due, dispatcher, ctx| {
            match due {
                Ok(due) => {
                    for (tenant, at) in due {
                        if (dispatcher.owns)(&tenant) {
                            dispatcher.note_due(tenant, at);
                        }
                    }
                    dispatcher.work_off(ctx);
                }
                Err(error) => warn!(error = %error, "outbox sweep failed, trying again"),
            }
            let every = dispatcher.outside.settings.sweep_every;
            ctx.run_later(every, Self::sweep);
        }));
    }
}

impl Dispatcher {
    /// Tells the dispatcher that owns the tenant that rows of it were settled.
    fn wake_owner(&mut self, tenant: TenantId, ctx: &mut Context<Self>) {
        if (self.owns)(&tenant) {
            self.note_due(tenant, self.outside.now());
            self.work_off(ctx);
        } else {
            for peer in self.peers.iter().filter_map(WeakAddr::upgrade) {
                peer.do_send(Settled { tenant: tenant.clone(), again_at: Some(self.outside.now()) });
            }
        }
    }

    /// What a node does once: rows whose lease ran out become unknown, and unknown rows are looked into. Apart from the
    /// sweep, because a provider that hangs may hold this up.
    fn inspect(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let outside = Arc::clone(&self.outside);
        let inspecting = async move {
            let now = outside.now();
            let expired = outside.within_deadline(outside.ports.outbox.expire_leases(&outside.node, now)).await?;
            if expired > 0 {
                warn!(messages = expired, "leases ran out, asking the providers what became of these messages");
            }
            unknowns::look_into(&outside).await
        };
        ctx.spawn(inspecting.into_actor(self).map(|settled, dispatcher, ctx| {
            match settled {
                Ok(tenants) => tenants.into_iter().for_each(|tenant| dispatcher.wake_owner(tenant, ctx)),
                Err(error) => warn!(error = %error, "unknown messages could not be looked into, trying again"),
            }
            ctx.run_later(dispatcher.outside.settings.sweep_every, Self::inspect);
        }));
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
        self.sweep(ctx);
        if self.first {
            self.inspect(ctx);
        }
    }
}

impl Handler<Dispatch> for Dispatcher {
    type Result = ();

    fn handle(&mut self, dispatch: Dispatch, ctx: &mut Context<Self>) {
        match dispatch {
            Dispatch::Now { message, slot, unsettled } => self.send(message, slot, Some(unsettled), ctx.address()),
            Dispatch::Queued { tenant, not_before } => {
                self.note_due(tenant, not_before);
                self.work_off(ctx);
            }
        }
    }
}

impl Handler<Settled> for Dispatcher {
    type Result = ();

    fn handle(&mut self, settled: Settled, ctx: &mut Context<Self>) {
        if !(self.owns)(&settled.tenant) {
            return;
        }
        if let Some(at) = settled.again_at {
            self.note_due(settled.tenant.clone(), at);
            self.work_off(ctx);
        }
        if !self.draining && self.tenants.get(&settled.tenant).is_some_and(|lane| lane.more && !lane.claiming) {
            self.claim(settled.tenant, ctx);
        }
    }
}

impl Handler<MeetPeers> for Dispatcher {
    type Result = ();

    fn handle(&mut self, MeetPeers(peers): MeetPeers, _: &mut Context<Self>) {
        self.peers = peers;
    }
}

impl Handler<Drain> for Dispatcher {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Context<Self>) {
        self.draining = true;
    }
}
