//! The outbox dispatcher: sends what turns hand it, claims what waits, looks into what is unknown.
//!
//! The dispatcher owns plain books (which lane has something due, when); the sending itself runs beside it on the I/O runtime
//! and settles on its own, so nothing is lost when this actor is rebuilt.

mod account;
mod allowance;
mod delivery;
pub mod desk;
mod gates;
mod haste;
mod leases;
mod letters;
pub mod messages;
mod pacing;
mod places;
mod policy;
mod reserve;
mod tally;
mod unknowns;
mod upkeep;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, SpawnHandle, WeakAddr, WrapFuture};
use tracing::warn;

use self::account::Readiness;
use self::delivery::Leased;
use self::desk::{Desk, Slot, Unsettled};
use self::messages::{Dispatch, Drain, MeetPeers, Settled};
pub use self::pacing::LocalPacing;
use self::unknowns::Inquiry;
pub(crate) use self::upkeep::count_lost;
use crate::domain::Timestamp;
use crate::domain::ids::TenantId;
use crate::kit::Outside;
use crate::ports::{Claim, Claimable, LaneKey, Pause, PortError, REST_HOLDS, Settled as Result_};

/// Rows claimed at once for one lane.
const CLAIM_LIMIT: usize = 64;
/// Known due moments of one lane; beyond it the sweep finds them.
const DUE_LIMIT: usize = 1_024;

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
    due: BTreeSet<(Timestamp, LaneKey)>,
    lanes: HashMap<LaneKey, Lane>,
    inquiry: Arc<Inquiry>,
    alarm: Option<(Timestamp, SpawnHandle)>,
    draining: bool,
}

/// What the dispatcher knows of a lane's rows.
#[derive(Default)]
struct Lane {
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
    pub fn new(outside: Arc<Outside>, desk: Arc<Desk>, owns: Box<dyn Fn(&TenantId) -> bool>, first: bool) -> Self {
        let inquiry = Inquiry::new(Arc::clone(&outside), Arc::clone(&desk));
        Self {
            outside,
            desk,
            owns,
            first,
            peers: Vec::new(),
            due: BTreeSet::new(),
            lanes: HashMap::new(),
            inquiry,
            alarm: None,
            draining: false,
        }
    }

    fn send(&self, leased: Leased, slot: Slot, unsettled: Option<Unsettled>, me: Addr<Self>) {
        let outside = Arc::clone(&self.outside);
        let message = &leased.message;
        let lane = LaneKey { tenant: message.tenant.clone(), channel: message.channel.clone() };
        self.outside.io.spawn(async move {
            let settled = delivery::deliver(outside, leased, slot).await;
            let again_at = match settled {
                Result_::Later { at, .. } | Result_::Unknown { ask_at: at, .. } => {
                    unsettled.into_iter().for_each(Unsettled::hand_back);
                    Some(at)
                }
                Result_::Deferred { .. } => {
                    unsettled.into_iter().for_each(Unsettled::step_out);
                    None
                }
                // What is held comes back by itself: nothing that the contact says has to do with it.
                Result_::Sent(_)
                | Result_::Found(_)
                | Result_::Held { .. }
                | Result_::Suppressed { .. }
                | Result_::Dead { .. } => {
                    unsettled.into_iter().for_each(Unsettled::done);
                    None
                }
            };
            me.do_send(Settled { lane, again_at });
        });
    }

    fn note_due(&mut self, lane: LaneKey, at: Timestamp) {
        // Rows of tenants that left the configuration stay in the store.
        if self.desk.page(&lane.tenant).is_none() {
            return;
        }
        let known = self.lanes.entry(lane.clone()).or_default();
        if known.noted < DUE_LIMIT && self.due.insert((at, lane)) {
            known.noted += 1;
        }
    }

    /// Claims for every lane whose time has come, and sets the alarm for the next.
    fn work_off(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let now = self.outside.now();
        let mut come = BTreeSet::new();
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, lane)) = self.due.pop_first() else { break };
            if let Some(known) = self.lanes.get_mut(&lane) {
                known.noted = known.noted.saturating_sub(1);
            }
            come.insert(lane);
        }
        for lane in come {
            self.claim(lane, ctx);
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

    /// Which rows of a lane it is worth to claim, and how many: none while its way is shut, and few while its day is used
    /// up, so that nothing is claimed only to be put back.
    fn worth_claiming(&mut self, lane: &LaneKey) -> Option<(Claimable, usize)> {
        let now = self.outside.now();
        let page = self.desk.page(&lane.tenant)?;
        let readiness = page.readiness(&lane.channel, now);
        let rest = match readiness {
            Readiness::Shut(until, reason) => Some((until, reason)),
            Readiness::Ready | Readiness::One => page.allowance.used_up_until(now).map(|until| (until, "per_day")),
        };
        self.write_rest(lane, rest, now);
        if let Some((until, _)) = rest {
            self.note_due(lane.clone(), until);
        }
        let which = if rest.is_some() { Claimable::Duties } else { Claimable::Heads };
        match readiness {
            Readiness::Shut(..) => None,
            Readiness::One => Some((which, 1)),
            Readiness::Ready => Some((which, CLAIM_LIMIT)),
        }
    }

    /// Writes down, for people, that a lane rests, or that it does not any more before its time (I11): rows that are not
    /// claimed have no other trace of it. Once, whatever waits, and again now and then, because other nodes cannot know
    /// whether this one is still there.
    fn write_rest(&mut self, lane: &LaneKey, shut: Option<Rest>, now: Timestamp) {
        let (known, told_at) = self.lanes.get(lane).and_then(|known| known.rest).unzip();
        let rest = match shut {
            Some((_, "breaker_open" | "per_day")) => shut,
            // A pause stands in a table of its own, and a message that tries the way is back in a moment.
            Some(_) => return,
            None => None,
        };
        let heard = told_at.is_none_or(|at| Outside::later(at, REST_HOLDS / 3) > now);
        if rest == known && heard {
            return;
        }
        self.lanes.entry(lane.clone()).or_default().rest = rest.map(|rest| (rest, now));
        let told = rest.or_else(|| known.filter(|(until, _)| *until > now).map(|(_, reason)| (now, reason)));
        let Some((until, reason)) = told else { return };
        let (outside, lane) = (Arc::clone(&self.outside), lane.clone());
        self.outside.io.spawn(async move {
            let rest = Pause { lane, reason: reason.to_owned(), until };
            if let Err(error) = outside.within_deadline(outside.ports.outbox.rest(rest, now)).await {
                warn!(error = %error, "why a channel rests is not written down, explain will not know");
            }
        });
    }

    /// Claims rows of a lane: as many as it gets places.
    fn claim(&mut self, key: LaneKey, ctx: &mut Context<Self>) {
        let worth = self.worth_claiming(&key);
        let lane = self.lanes.entry(key.clone()).or_default();
        lane.more = true;
        let Some((which, most)) = worth.filter(|_| !lane.claiming) else { return };
        lane.claiming = true;
        // What is queued from here on is news: this claim may miss it.
        lane.more = false;
        let (outside, desk, of) = (Arc::clone(&self.outside), Arc::clone(&self.desk), key.clone());
        let claiming = async move {
            let slots = desk.reserve_in_turn(&of, most).await;
            let account = desk.page(&of.tenant).and_then(|page| page.account(&of.channel));
            let now = outside.now();
            let claim = Claim {
                keep_order: account.is_none_or(|account| account.profile.keep_order),
                lane: of,
                which,
                node: outside.node.clone(),
                now,
                lease_until: Outside::later(now, outside.settings.lease),
                limit: slots.len(),
            };
            let lease_until = claim.lease_until;
            let rows = outside.within_deadline(outside.ports.outbox.claim(claim)).await;
            let leased = |message| Leased { message, lease_until };
            match rows {
                Ok(rows) => Ok((rows.into_iter().map(leased).collect(), slots)),
                Err(error) => {
                    // Perhaps rows are claimed, and nobody will ever be told of them.
                    desk.leases().lose(lease_until);
                    Err(error)
                }
            }
        };
        ctx.spawn(claiming.into_actor(self).map(move |claimed, dispatcher, ctx| {
            dispatcher.claimed(key, claimed, ctx);
        }));
    }

    fn claimed(&mut self, key: LaneKey, claimed: Result<(Vec<Leased>, Vec<Slot>), PortError>, ctx: &mut Context<Self>) {
        let lane = self.lanes.entry(key.clone()).or_default();
        lane.claiming = false;
        match claimed {
            Ok((rows, slots)) => {
                // What was claimed may have others behind it, and so may what is being sent already.
                let more = !rows.is_empty() || self.desk.sending_of(&key) > slots.len();
                // News came while the claim ran: claim again now. Otherwise whatever is left waits for a settlement.
                let news = std::mem::replace(&mut lane.more, more);
                let full = !rows.is_empty() && rows.len() == slots.len();
                for (leased, slot) in rows.into_iter().zip(slots) {
                    self.send(leased, slot, None, ctx.address());
                }
                if (news || full) && !self.draining {
                    self.claim(key, ctx);
                }
            }
            Err(error) => {
                if self.outside.outage.is_news(&error) {
                    warn!(tenant.id = %key.tenant, channel.id = %key.channel, error = %error, "claim failed, trying again");
                }
                let at = Outside::later(self.outside.now(), Duration::from_millis(500));
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
            ctx.run_later(self.outside.settings.ask_after, Self::inspect);
            self.tend_after(1, ctx);
            self.keep_reserves(ctx);
        }
    }
}

impl Handler<Dispatch> for Dispatcher {
    type Result = ();

    fn handle(&mut self, dispatch: Dispatch, ctx: &mut Context<Self>) {
        match dispatch {
            Dispatch::Now { message, lease_until, slot, unsettled } => {
                self.send(Leased { message, lease_until }, slot, Some(unsettled), ctx.address());
            }
            Dispatch::Queued { lane, not_before } => {
                self.note_due(lane, not_before);
                self.work_off(ctx);
            }
        }
    }
}

impl Handler<Settled> for Dispatcher {
    type Result = ();

    fn handle(&mut self, settled: Settled, ctx: &mut Context<Self>) {
        if !(self.owns)(&settled.lane.tenant) {
            // The first shard looks into unknown rows for all of them.
            for peer in self.peers.iter().filter_map(WeakAddr::upgrade) {
                peer.do_send(settled.clone());
            }
            return;
        }
        self.hasten(&settled.lane.tenant, ctx);
        if let Some(at) = settled.again_at {
            self.note_due(settled.lane.clone(), at);
            self.work_off(ctx);
        }
        if !self.draining && self.lanes.get(&settled.lane).is_some_and(|lane| lane.more && !lane.claiming) {
            self.claim(settled.lane, ctx);
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
