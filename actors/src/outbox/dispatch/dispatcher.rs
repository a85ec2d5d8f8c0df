//! Dispatcher: the actor that claims due rows and starts their sends, one per shard.
//!
//! It keeps plain data in memory: which channel has something due, and when. Sends run on the I/O runtime and settle on
//! their own, so nothing is lost when this actor ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler, SpawnHandle, WeakRecipient};

use super::super::limits::{SendPermit, SenderPool};
use super::super::send::{self, LeasedRow};
use super::in_flight::InFlightGuard;
use super::messages::{ChannelChanged, Dispatch, Look, MeetPeers, Swept};
use crate::domain::Timestamp;
use crate::domain::ids::TenantId;
use crate::ports::{ChannelKey, Settled};
use crate::runtime::ActorContext;
use crate::runtime::exit::Drain;

/// Claims and sends the rows of a shard's tenants.
pub struct Dispatcher {
    pub(super) context: Arc<ActorContext>,
    pub(super) pool: Arc<SenderPool>,
    /// Whether a tenant belongs to this shard.
    pub(super) owns: Box<dyn Fn(&TenantId) -> bool>,
    peers: Vec<WeakRecipient<ChannelChanged>>,
    pub(super) due: BTreeSet<(Timestamp, ChannelKey)>,
    pub(super) queues: HashMap<ChannelKey, ChannelQueue>,
    pub(super) alarm: Option<(Timestamp, SpawnHandle)>,
    pub(super) draining: bool,
}

/// What the dispatcher knows of one channel's rows.
#[derive(Default)]
pub(super) struct ChannelQueue {
    /// A claim is under way.
    pub(super) claiming: bool,
    /// Rows wait behind others, or for a permit: claim again after the next settlement.
    pub(super) more: bool,
    /// Number of its entries in `due`.
    pub(super) due_entries: usize,
    /// The last notice that was posted, and when.
    pub(super) notice: Option<(Unavailable, Timestamp)>,
}

/// Until when nothing of a channel is claimed, and the reason.
pub(super) type Unavailable = (Timestamp, &'static str);

impl Dispatcher {
    /// A dispatcher for the tenants for which `owns` is true.
    #[must_use]
    pub fn new(context: Arc<ActorContext>, pool: Arc<SenderPool>, owns: Box<dyn Fn(&TenantId) -> bool>) -> Self {
        Self {
            context,
            pool,
            owns,
            peers: Vec::new(),
            due: BTreeSet::new(),
            queues: HashMap::new(),
            alarm: None,
            draining: false,
        }
    }

    pub(super) fn send(&self, row: LeasedRow, permit: SendPermit, in_flight: Option<InFlightGuard>, me: Addr<Self>) {
        let context = Arc::clone(&self.context);
        let message = &row.message;
        let channel_key = ChannelKey { tenant: message.tenant.clone(), channel: message.channel.clone() };
        self.context.io.spawn(async move {
            let again_at = match send::deliver(context, row, permit).await {
                Settled::Retry { at, .. } | Settled::Snooze { at, .. } | Settled::Unknown { ask_at: at, .. } => {
                    in_flight.into_iter().for_each(InFlightGuard::requeue);
                    Some(at)
                }
                Settled::Deferred { .. } => {
                    in_flight.into_iter().for_each(InFlightGuard::defer);
                    None
                }
                // A held row comes back when the tenant may spend again, whatever the contact writes.
                Settled::Sent(_)
                | Settled::Found(_)
                | Settled::Held { .. }
                | Settled::Suppressed { .. }
                | Settled::Dead { .. } => {
                    in_flight.into_iter().for_each(InFlightGuard::done);
                    None
                }
            };
            me.do_send(ChannelChanged { channel_key, again_at });
        });
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
    }
}

impl Handler<Dispatch> for Dispatcher {
    type Result = ();

    fn handle(&mut self, dispatch: Dispatch, ctx: &mut Context<Self>) {
        match dispatch {
            Dispatch::Now { message, lease_until, permit, in_flight } => {
                self.send(LeasedRow { message, lease_until }, permit, Some(in_flight), ctx.address());
            }
            Dispatch::Queued { channel_key, not_before } => {
                self.note_due(channel_key, not_before);
                self.claim_due(ctx);
            }
        }
    }
}

impl Handler<ChannelChanged> for Dispatcher {
    type Result = ();

    fn handle(&mut self, changed: ChannelChanged, ctx: &mut Context<Self>) {
        if !(self.owns)(&changed.channel_key.tenant) {
            // The first shard reconciles the unknown rows of all shards.
            for peer in self.peers.iter().filter_map(WeakRecipient::upgrade) {
                peer.do_send(changed.clone());
            }
            return;
        }
        self.expedite_retries(&changed.channel_key.tenant, ctx);
        if let Some(at) = changed.again_at {
            self.note_due(changed.channel_key.clone(), at);
            self.claim_due(ctx);
        }
        if !self.draining && self.queues.get(&changed.channel_key).is_some_and(|queue| queue.more && !queue.claiming) {
            self.claim(changed.channel_key, ctx);
        }
    }
}

impl Handler<Swept> for Dispatcher {
    type Result = ();

    fn handle(&mut self, Swept(due): Swept, ctx: &mut Context<Self>) {
        for (channel_key, at) in due {
            self.note_due(channel_key, at);
        }
        self.expedite_all_retries(ctx);
        self.claim_due(ctx);
    }
}

impl Handler<Look> for Dispatcher {
    type Result = ();

    fn handle(&mut self, Look(channel_keys): Look, ctx: &mut Context<Self>) {
        if !self.draining {
            self.look(channel_keys, ctx);
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

    /// No more claims begin; what is being sent may finish.
    fn handle(&mut self, _: Drain, _: &mut Context<Self>) {
        self.draining = true;
    }
}
