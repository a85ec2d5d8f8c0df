//! The outbox dispatcher: sends what turns hand it, claims what waits, looks into what is unknown.
//!
//! The dispatcher owns plain books (which lane has something due, when); the sending itself runs beside it on the I/O runtime
//! and settles on its own, so nothing is lost when this actor is rebuilt.

mod channel_health;
mod checks;
mod delivery;
mod failover;
mod fair_semaphore;
mod in_flight;
mod leases;
mod maintenance;
pub mod messages;
mod policy;
mod quota;
mod quota_lease;
mod rate_limiter;
mod reconcile;
mod routing;
pub mod sender_pool;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, SpawnHandle, WeakAddr, WrapFuture};
use tracing::warn;

use self::channel_health::Availability;
use self::delivery::Leased;
pub(crate) use self::maintenance::count_lost;
use self::messages::{Dispatch, Drain, MeetPeers, Settled};
pub use self::rate_limiter::LocalRateLimiter;
use self::reconcile::Reconciler;
use self::sender_pool::{InFlightGuard, SendPermit, SenderPool};
use crate::domain::Timestamp;
use crate::domain::ids::TenantId;
use crate::ports::{ChannelKey, Claim, Claimable, NOTICE_TTL, Pause, PortError, Settled as Result_};
use crate::runtime::ActorContext;

/// Rows claimed at once for one lane.
const CLAIM_LIMIT: usize = 64;
/// Known due moments of one lane; beyond it the sweep finds them.
const DUE_LIMIT: usize = 1_024;

/// The actor: one per shard, for the shard's tenants.
pub struct Dispatcher {
    context: Arc<ActorContext>,
    pool: Arc<SenderPool>,
    /// Whether a tenant belongs to this shard.
    owns: Box<dyn Fn(&TenantId) -> bool>,
    /// Whether this shard also does what a node does once: leases that ran out, unknown rows.
    first: bool,
    /// The other shards' dispatchers.
    peers: Vec<WeakAddr<Self>>,
    due: BTreeSet<(Timestamp, ChannelKey)>,
    queues: HashMap<ChannelKey, ChannelQueue>,
    reconciler: Arc<Reconciler>,
    alarm: Option<(Timestamp, SpawnHandle)>,
    draining: bool,
}

/// What the dispatcher knows of a lane's rows.
#[derive(Default)]
struct ChannelQueue {
    /// A claim is under way.
    claiming: bool,
    /// Rows wait behind others, or without a place: look again after the next settlement.
    more: bool,
    /// Its known due moments.
    noted: usize,
    /// Until when it rests, and why, as it was written down last, and when that was.
    rest: Option<(Rest, Timestamp)>,
}

/// Until when nothing of a lane is claimed, and why.
type Rest = (Timestamp, &'static str);

impl Dispatcher {
    /// A dispatcher for the tenants that `owns` names.
    #[must_use]
    pub fn new(
        context: Arc<ActorContext>,
        pool: Arc<SenderPool>,
        owns: Box<dyn Fn(&TenantId) -> bool>,
        first: bool,
    ) -> Self {
        let reconciler = Reconciler::new(Arc::clone(&context), Arc::clone(&pool));
        Self {
            context,
            pool,
            owns,
            first,
            peers: Vec::new(),
            due: BTreeSet::new(),
            queues: HashMap::new(),
            reconciler,
            alarm: None,
            draining: false,
        }
    }

    fn send(&self, leased: Leased, permit: SendPermit, in_flight: Option<InFlightGuard>, me: Addr<Self>) {
        let context = Arc::clone(&self.context);
        let message = &leased.message;
        let channel_key = ChannelKey { tenant: message.tenant.clone(), channel: message.channel.clone() };
        self.context.io.spawn(async move {
            let settled = delivery::deliver(context, leased, permit).await;
            let again_at = match settled {
                Result_::Later { at, .. } | Result_::Unknown { ask_at: at, .. } => {
                    in_flight.into_iter().for_each(InFlightGuard::requeue);
                    Some(at)
                }
                Result_::Deferred { .. } => {
                    in_flight.into_iter().for_each(InFlightGuard::defer);
                    None
                }
                // What is held comes back by itself: nothing that the contact says has to do with it.
                Result_::Sent(_)
                | Result_::Found(_)
                | Result_::Held { .. }
                | Result_::Suppressed { .. }
                | Result_::Dead { .. } => {
                    in_flight.into_iter().for_each(InFlightGuard::done);
                    None
                }
            };
            me.do_send(Settled { channel_key, again_at });
        });
    }

    fn note_due(&mut self, channel_key: ChannelKey, at: Timestamp) {
        // Rows of tenants that left the configuration stay in the store.
        if self.pool.tenant(&channel_key.tenant).is_none() {
            return;
        }
        let known = self.queues.entry(channel_key.clone()).or_default();
        if known.noted < DUE_LIMIT && self.due.insert((at, channel_key)) {
            known.noted += 1;
        }
    }

    /// Claims for every lane whose time has come, and sets the alarm for the next.
    fn work_off(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let now = self.context.now();
        let mut come = BTreeSet::new();
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, channel_key)) = self.due.pop_first() else { break };
            if let Some(known) = self.queues.get_mut(&channel_key) {
                known.noted = known.noted.saturating_sub(1);
            }
            come.insert(channel_key);
        }
        for channel_key in come {
            self.claim(channel_key, ctx);
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
            let wait = (at - self.context.now()).to_std().unwrap_or(Duration::ZERO);
            let handle = ctx.run_later(wait, |dispatcher, ctx| {
                dispatcher.alarm = None;
                dispatcher.work_off(ctx);
            });
            self.alarm = Some((at, handle));
        }
    }

    /// Which rows of a lane it is worth to claim, and how many: none while its way is shut, and few while its day is used
    /// up, so that nothing is claimed only to be put back.
    fn worth_claiming(&mut self, channel_key: &ChannelKey) -> Option<(Claimable, usize)> {
        let now = self.context.now();
        let senders = self.pool.tenant(&channel_key.tenant)?;
        let availability = senders.availability(&channel_key.channel, now);
        let rest = match availability {
            Availability::Shut(until, reason) => Some((until, reason)),
            Availability::Ready | Availability::One => senders.quota.used_up_until(now).map(|until| (until, "per_day")),
        };
        self.write_rest(channel_key, rest, now);
        if let Some((until, _)) = rest {
            self.note_due(channel_key.clone(), until);
        }
        let which = if rest.is_some() { Claimable::QuotaExempt } else { Claimable::Heads };
        match availability {
            Availability::Shut(..) => None,
            Availability::One => Some((which, 1)),
            Availability::Ready => Some((which, CLAIM_LIMIT)),
        }
    }

    /// Writes down, for people, that a lane rests, or that it does not any more before its time (I11): rows that are not
    /// claimed have no other trace of it. Once, whatever waits, and again now and then, because other nodes cannot know
    /// whether this one is still there.
    fn write_rest(&mut self, channel_key: &ChannelKey, shut: Option<Rest>, now: Timestamp) {
        let (known, told_at) = self.queues.get(channel_key).and_then(|known| known.rest).unzip();
        let rest = match shut {
            Some((_, "breaker_open" | "per_day")) => shut,
            // A pause stands in a table of its own, and a message that tries the way is back in a moment.
            Some(_) => return,
            None => None,
        };
        let heard = told_at.is_none_or(|at| ActorContext::later(at, NOTICE_TTL / 3) > now);
        if rest == known && heard {
            return;
        }
        self.queues.entry(channel_key.clone()).or_default().rest = rest.map(|rest| (rest, now));
        let told = rest.or_else(|| known.filter(|(until, _)| *until > now).map(|(_, reason)| (now, reason)));
        let Some((until, reason)) = told else { return };
        let (context, channel_key) = (Arc::clone(&self.context), channel_key.clone());
        self.context.io.spawn(async move {
            let rest = Pause { channel_key, reason: reason.to_owned(), until };
            if let Err(error) = context.within_deadline(context.ports.outbox.post_channel_notice(rest, now)).await {
                warn!(error = %error, "why a channel rests is not written down, explain will not know");
            }
        });
    }

    /// Claims rows of a lane: as many as it gets places.
    fn claim(&mut self, key: ChannelKey, ctx: &mut Context<Self>) {
        let worth = self.worth_claiming(&key);
        let channel_key = self.queues.entry(key.clone()).or_default();
        channel_key.more = true;
        let Some((which, most)) = worth.filter(|_| !channel_key.claiming) else { return };
        channel_key.claiming = true;
        // What is queued from here on is news: this claim may miss it.
        channel_key.more = false;
        let (context, pool, of) = (Arc::clone(&self.context), Arc::clone(&self.pool), key.clone());
        let claiming = async move {
            let permits = pool.reserve_in_turn(&of, most).await;
            let account = pool.tenant(&of.tenant).and_then(|senders| senders.account(&of.channel));
            let now = context.now();
            let claim = Claim {
                keep_order: account.is_none_or(|account| account.profile.keep_order),
                channel_key: of,
                which,
                node: context.node.clone(),
                now,
                lease_until: ActorContext::later(now, context.settings.lease),
                limit: permits.len(),
            };
            let lease_until = claim.lease_until;
            let rows = context.within_deadline(context.ports.outbox.claim(claim)).await;
            let leased = |message| Leased { message, lease_until };
            match rows {
                Ok(rows) => Ok((rows.into_iter().map(leased).collect(), permits)),
                Err(error) => {
                    // Perhaps rows are claimed, and nobody will ever be told of them.
                    pool.leases().lose(lease_until);
                    Err(error)
                }
            }
        };
        ctx.spawn(claiming.into_actor(self).map(move |claimed, dispatcher, ctx| {
            dispatcher.claimed(key, claimed, ctx);
        }));
    }

    fn claimed(
        &mut self,
        key: ChannelKey,
        claimed: Result<(Vec<Leased>, Vec<SendPermit>), PortError>,
        ctx: &mut Context<Self>,
    ) {
        let channel_key = self.queues.entry(key.clone()).or_default();
        channel_key.claiming = false;
        match claimed {
            Ok((rows, permits)) => {
                // What was claimed may have others behind it, and so may what is being sent already.
                let more = !rows.is_empty() || self.pool.sending_of(&key) > permits.len();
                // News came while the claim ran: claim again now. Otherwise whatever is left waits for a settlement.
                let news = std::mem::replace(&mut channel_key.more, more);
                let full = !rows.is_empty() && rows.len() == permits.len();
                for (leased, permit) in rows.into_iter().zip(permits) {
                    self.send(leased, permit, None, ctx.address());
                }
                if (news || full) && !self.draining {
                    self.claim(key, ctx);
                }
            }
            Err(error) => {
                if self.context.outage.is_news(&error) {
                    warn!(tenant.id = %key.tenant, channel.id = %key.channel, error = %error, "claim failed, trying again");
                }
                let at = ActorContext::later(self.context.now(), Duration::from_millis(500));
                self.note_due(key, at);
                self.work_off(ctx);
            }
        }
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
        self.count_none_lost();
        self.sweep(ctx);
        if self.first {
            // What the process before this one had on the wire when it was killed may reach its provider only now: nobody
            // is asked about it before the provider can know (I5).
            ctx.run_later(self.context.settings.ask_after, Self::inspect);
            self.tend_after(1, ctx);
            self.keep_reserves(ctx);
        }
    }
}

impl Handler<Dispatch> for Dispatcher {
    type Result = ();

    fn handle(&mut self, dispatch: Dispatch, ctx: &mut Context<Self>) {
        match dispatch {
            Dispatch::Now { message, lease_until, permit, in_flight } => {
                self.send(Leased { message, lease_until }, permit, Some(in_flight), ctx.address());
            }
            Dispatch::Queued { channel_key, not_before } => {
                self.note_due(channel_key, not_before);
                self.work_off(ctx);
            }
        }
    }
}

impl Handler<Settled> for Dispatcher {
    type Result = ();

    fn handle(&mut self, settled: Settled, ctx: &mut Context<Self>) {
        if !(self.owns)(&settled.channel_key.tenant) {
            // The first shard looks into unknown rows for all of them.
            for peer in self.peers.iter().filter_map(WeakAddr::upgrade) {
                peer.do_send(settled.clone());
            }
            return;
        }
        self.expedite(&settled.channel_key.tenant, ctx);
        if let Some(at) = settled.again_at {
            self.note_due(settled.channel_key.clone(), at);
            self.work_off(ctx);
        }
        if !self.draining
            && self
                .queues
                .get(&settled.channel_key)
                .is_some_and(|channel_key| channel_key.more && !channel_key.claiming)
        {
            self.claim(settled.channel_key, ctx);
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
