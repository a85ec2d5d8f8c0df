//! The senders' places, the tenants' allowances and the sender accounts: a shared book that a conversation may ask
//! without waiting.
//!
//! A turn whose message gets a place writes its row as already being sent, which saves the claim; without a place the
//! row is pending and the dispatcher claims it later. So the rows in `sending` are never more than there are places.
//! Every gate here fails closed: without a place, a permit or a day's budget nothing is sent.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::account::{Account, Readiness};
use super::allowance::Allowance;
use super::leases::Leases;
use super::letters;
use super::places::{Place, Places, Share};
pub use super::tally::{Tally, Unsettled};
use crate::domain::Timestamp;
use crate::domain::channel::Quota;
use crate::domain::ids::{ChannelId, OutboundId, TenantId};
use crate::domain::message::Outbound;
use crate::domain::pacing::per_second;
use crate::kit::{Outside, TenantProfile};
use crate::ports::{LaneKey, Pause, Settled};

/// How long a message may keep its place while it waits for its permits: no more are let in than pass in that time.
pub(super) const PACED_WITHIN: Duration = Duration::from_secs(1);

/// The book of a node.
pub struct Desk {
    places: Arc<Places>,
    leases: Arc<Leases>,
    tenants: HashMap<TenantId, Arc<TenantDesk>>,
    closing: AtomicBool,
}

/// A tenant's page in it.
pub(super) struct TenantDesk {
    pub(super) id: TenantId,
    pub(super) profile: TenantProfile,
    pub(super) allowance: Allowance,
    pub(super) leases: Arc<Leases>,
    /// What all its sends together are under.
    pub(super) quota: Quota,
    accounts: HashMap<ChannelId, Arc<Account>>,
    /// Messages of which nobody knows whether the account that took over has them.
    lost_elsewhere: Mutex<HashSet<OutboundId>>,
    /// Those of a channel that wait for permits do so one after another.
    turnstiles: HashMap<ChannelId, tokio::sync::Mutex<()>>,
}

impl Desk {
    /// A book for the node's tenants.
    #[must_use]
    pub fn new(outside: &Outside) -> Arc<Self> {
        let total = outside.settings.senders.clamp(1, Semaphore::MAX_PERMITS);
        let shares: HashMap<_, _> = outside.tenants.iter().map(|(id, profile)| (id.clone(), share(profile))).collect();
        let leases = Leases::new(outside.settings.lease);
        let page =
            |(id, profile): (&TenantId, _)| (id.clone(), TenantDesk::new(id, profile, outside, Arc::clone(&leases)));
        let tenants = outside.tenants.iter().map(page).collect();
        Arc::new(Self { places: Places::new(total, &shares), leases, tenants, closing: AtomicBool::new(false) })
    }

    /// Which rows are in hand, and which leases are nobody's.
    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// A place for one message of the lane, if one is free right now and the way is open.
    #[must_use]
    pub fn reserve(&self, lane: &LaneKey, now: Timestamp) -> Option<Slot> {
        let page = self.tenants.get(&lane.tenant)?;
        // A message that tries whether a broken account works again is claimed for that; nothing else passes.
        if page.readiness(&lane.channel, now) != Readiness::Ready {
            return None;
        }
        Some(Slot { page: Arc::clone(page), place: self.places.take(lane)? })
    }

    /// Whether the lane's way is open: all that its messages may lack is a place.
    pub(crate) fn is_open(&self, lane: &LaneKey, now: Timestamp) -> bool {
        self.tenants.get(&lane.tenant).is_some_and(|page| page.readiness(&lane.channel, now) == Readiness::Ready)
    }

    /// Waits in turn for a place, then takes up to `most` of those that are free.
    pub(crate) async fn reserve_in_turn(&self, lane: &LaneKey, most: usize) -> Vec<Slot> {
        let Some(page) = self.tenants.get(&lane.tenant) else { return Vec::new() };
        let Some(first) = self.places.wait(lane).await else { return Vec::new() };
        let slot = |place| Slot { page: Arc::clone(page), place };
        let mut slots = vec![slot(first)];
        while slots.len() < most
            && let Some(place) = self.places.take(lane)
        {
            slots.push(slot(place));
        }
        slots
    }

    /// A tenant's page.
    pub(super) fn page(&self, tenant: &TenantId) -> Option<&Arc<TenantDesk>> {
        self.tenants.get(tenant)
    }

    /// The pages of the tenants.
    pub(super) fn pages(&self) -> impl Iterator<Item = &Arc<TenantDesk>> {
        self.tenants.values()
    }

    /// Takes over which channels are paused, as the store said when it was asked: those that are not named are not paused
    /// any more.
    pub(super) fn adopt_pauses(&self, pauses: &[Pause], asked_at: Timestamp) {
        for account in self.tenants.values().flat_map(|page| page.accounts.values()) {
            let pause = pauses.iter().find(|pause| pause.lane == account.lane);
            account.adopt_pause(pause.map_or_else(Timestamp::default, |pause| pause.until), asked_at);
        }
    }

    /// How many of a lane's messages are being sent.
    pub(super) fn sending_of(&self, lane: &LaneKey) -> usize {
        self.places.held(lane)
    }

    /// How many places a lane's messages ever got: while it grows, whoever waits gets on.
    pub(crate) fn served(&self, lane: &LaneKey) -> usize {
        self.places.served(lane)
    }

    /// The daemon stops: nobody is to wait for long any more.
    pub fn close_soon(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn closes_soon(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// How many messages are being sent.
    #[must_use]
    pub fn sending(&self) -> usize {
        self.places.taken()
    }

    /// Resolves when nothing is being sent.
    pub async fn drained(&self) {
        self.places.drained().await;
    }
}

impl TenantDesk {
    fn new(id: &TenantId, profile: &TenantProfile, outside: &Outside, leases: Arc<Leases>) -> Arc<Self> {
        let accounts = profile.channels.iter().map(|(channel, of)| {
            let lane = LaneKey { tenant: id.clone(), channel: channel.clone() };
            (channel.clone(), Account::new(lane, Arc::clone(of)))
        });
        let turnstiles = profile.channels.keys().map(|channel| (channel.clone(), tokio::sync::Mutex::default()));
        Arc::new(Self {
            id: id.clone(),
            profile: profile.clone(),
            allowance: Allowance::new(id, profile, outside),
            leases,
            quota: per_second(profile.per_second),
            accounts: accounts.collect(),
            turnstiles: turnstiles.collect(),
            lost_elsewhere: Mutex::default(),
        })
    }

    /// A sender account of the tenant.
    pub(super) fn account(&self, channel: &ChannelId) -> Option<&Arc<Account>> {
        self.accounts.get(channel)
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.values()
    }

    /// The channels whose messages may leave through an account: its own, and those that it takes over for.
    pub(super) fn leaving_through(&self, channel: &ChannelId) -> Vec<ChannelId> {
        let leaves = |account: &&Arc<Account>| {
            account.lane.channel == *channel || account.profile.fallback.as_ref() == Some(channel)
        };
        self.accounts.values().filter(leaves).map(|account| account.lane.channel.clone()).collect()
    }

    /// The account that takes over for a channel right now, if one does.
    pub(super) fn standing_in(&self, channel: &ChannelId, now: Timestamp) -> Option<&Arc<Account>> {
        let account = self.account(channel)?;
        let other = self.account(account.profile.fallback.as_ref()?)?;
        let takes_over = account.readiness(now) != Readiness::Ready && other.readiness(now) == Readiness::Ready;
        takes_over.then_some(other)
    }

    /// When a message that failed on its own channel is to be tried again: at once while another one takes over that can
    /// carry it, because that one has done nothing to be left alone.
    pub(super) fn again(&self, message: &Outbound, result: Settled, now: Timestamp) -> Settled {
        let other = self.standing_in(&message.channel, now);
        let carries = |other: &&Arc<Account>| {
            message.to.on(other.profile.scheme).is_some() && letters::carries(message, &other.profile)
        };
        match result {
            Settled::Later { reason, counted: true, .. } if other.filter(carries).is_some() => {
                Settled::Later { at: now, reason, counted: true }
            }
            result => result,
        }
    }

    /// Nobody knows whether the account that took over has it.
    pub(super) fn lose_elsewhere(&self, message: OutboundId) {
        self.lost_elsewhere.lock().unwrap_or_else(PoisonError::into_inner).insert(message);
    }

    /// Whether it was lost there, which is answered once.
    pub(super) fn was_lost_elsewhere(&self, message: OutboundId) -> bool {
        self.lost_elsewhere.lock().unwrap_or_else(PoisonError::into_inner).remove(&message)
    }

    /// Whether a spent budget holds such a message.
    pub(super) fn is_stoppable(&self, message: &Outbound) -> bool {
        !message.urgent && self.profile.budget.hard_stop
    }

    pub(super) fn keeps_order(&self, channel: &ChannelId) -> bool {
        self.account(channel).is_none_or(|account| account.profile.keep_order)
    }

    pub(super) fn turnstile(&self, channel: &ChannelId) -> Option<&tokio::sync::Mutex<()>> {
        self.turnstiles.get(channel)
    }

    /// What a channel lets through, by itself or by the one that takes over for it.
    pub(super) fn readiness(&self, channel: &ChannelId, now: Timestamp) -> Readiness {
        let Some(account) = self.account(channel) else { return Readiness::Ready };
        let own = account.readiness(now);
        let fallback = || account.profile.fallback.as_ref().and_then(|fallback| self.account(fallback));
        match own {
            Readiness::Shut(..) | Readiness::One
                if fallback().is_some_and(|other| other.readiness(now) == Readiness::Ready) =>
            {
                Readiness::Ready
            }
            own => own,
        }
    }
}

/// A sender's place, given back when it is dropped.
pub struct Slot {
    page: Arc<TenantDesk>,
    place: Place,
}

impl Slot {
    pub(super) fn page(&self) -> &Arc<TenantDesk> {
        &self.page
    }

    /// Its message has its permits.
    pub(super) fn paced(&mut self) {
        self.place.paced();
    }
}

fn share(profile: &TenantProfile) -> Share {
    let of_channel = |channel: &ChannelId| {
        let account = profile.channels.get(channel).and_then(|of| of.account);
        account.map_or(usize::MAX, passing)
    };
    Share {
        weight: profile.weight,
        unpaced_limit: passing(per_second(profile.per_second)),
        lanes: profile.channels.keys().map(|channel| (channel.clone(), of_channel(channel))).collect(),
    }
}

/// How many permits there are within [`PACED_WITHIN`]; one at least.
fn passing(quota: Quota) -> usize {
    let within = PACED_WITHIN.as_nanos() / quota.every.as_nanos().max(1);
    usize::try_from(within).unwrap_or(usize::MAX).saturating_add(quota.burst.saturating_sub(1) as usize).max(1)
}
