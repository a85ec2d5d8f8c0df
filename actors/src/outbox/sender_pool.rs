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

use super::channel_health::{Availability, ChannelHealth};
use super::fair_semaphore::{FairSemaphore, SemaphorePermit, Share};
pub use super::in_flight::{InFlightCounter, InFlightGuard};
use super::leases::Leases;
use super::quota::Quota;
use super::routing;
use crate::domain::Timestamp;
use crate::domain::channel::RateLimit;
use crate::domain::ids::{ChannelId, OutboundId, TenantId};
use crate::domain::message::Outbound;
use crate::domain::rate_limit::per_second;
use crate::ports::{ChannelKey, Pause, Settled};
use crate::runtime::{ActorContext, TenantProfile};

/// How long a message may keep its place while it waits for its permits: no more are let in than pass in that time.
pub(super) const PACED_WITHIN: Duration = Duration::from_secs(1);

/// The book of a node.
pub struct SenderPool {
    semaphore: Arc<FairSemaphore>,
    leases: Arc<Leases>,
    tenants: HashMap<TenantId, Arc<TenantSenders>>,
    closing: AtomicBool,
}

/// A tenant's page in it.
pub(super) struct TenantSenders {
    pub(super) id: TenantId,
    pub(super) profile: TenantProfile,
    pub(super) quota: Quota,
    pub(super) leases: Arc<Leases>,
    /// What all its sends together are under.
    pub(super) limit: RateLimit,
    accounts: HashMap<ChannelId, Arc<ChannelHealth>>,
    /// Messages of which nobody knows whether the account that took over has them.
    lost_elsewhere: Mutex<HashSet<OutboundId>>,
    /// Those of a channel that wait for permits do so one after another.
    turnstiles: HashMap<ChannelId, tokio::sync::Mutex<()>>,
}

impl SenderPool {
    /// A book for the node's tenants.
    #[must_use]
    pub fn new(context: &ActorContext) -> Arc<Self> {
        let total = context.settings.senders.clamp(1, Semaphore::MAX_PERMITS);
        let shares: HashMap<_, _> = context.tenants.iter().map(|(id, profile)| (id.clone(), share(profile))).collect();
        let leases = Leases::new(context.settings.lease);
        let senders =
            |(id, profile): (&TenantId, _)| (id.clone(), TenantSenders::new(id, profile, context, Arc::clone(&leases)));
        let tenants = context.tenants.iter().map(senders).collect();
        Arc::new(Self {
            semaphore: FairSemaphore::new(total, &shares),
            leases,
            tenants,
            closing: AtomicBool::new(false),
        })
    }

    /// Which rows are in hand, and which leases are nobody's.
    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// A place for one message of the lane, if one is free right now and the way is open.
    #[must_use]
    pub fn reserve(&self, channel_key: &ChannelKey, now: Timestamp) -> Option<SendPermit> {
        let senders = self.tenants.get(&channel_key.tenant)?;
        // A message that tries whether a broken account works again is claimed for that; nothing else passes.
        if senders.availability(&channel_key.channel, now) != Availability::Ready {
            return None;
        }
        Some(SendPermit { senders: Arc::clone(senders), inner: self.semaphore.take(channel_key)? })
    }

    /// Whether the lane's way is open: all that its messages may lack is a place.
    pub(crate) fn is_open(&self, channel_key: &ChannelKey, now: Timestamp) -> bool {
        self.tenants
            .get(&channel_key.tenant)
            .is_some_and(|senders| senders.availability(&channel_key.channel, now) == Availability::Ready)
    }

    /// Waits in turn for a place, then takes up to `most` of those that are free.
    pub(crate) async fn reserve_in_turn(&self, channel_key: &ChannelKey, most: usize) -> Vec<SendPermit> {
        let Some(senders) = self.tenants.get(&channel_key.tenant) else { return Vec::new() };
        let Some(first) = self.semaphore.wait(channel_key).await else { return Vec::new() };
        let permit = |inner| SendPermit { senders: Arc::clone(senders), inner };
        let mut permits = vec![permit(first)];
        while permits.len() < most
            && let Some(inner) = self.semaphore.take(channel_key)
        {
            permits.push(permit(inner));
        }
        permits
    }

    /// A tenant's page.
    pub(super) fn tenant(&self, tenant: &TenantId) -> Option<&Arc<TenantSenders>> {
        self.tenants.get(tenant)
    }

    /// The pages of the tenants.
    pub(super) fn tenants(&self) -> impl Iterator<Item = &Arc<TenantSenders>> {
        self.tenants.values()
    }

    /// Takes over which channels are paused, as the store said when it was asked: those that are not named are not paused
    /// any more.
    pub(super) fn adopt_pauses(&self, pauses: &[Pause], asked_at: Timestamp) {
        for account in self.tenants.values().flat_map(|senders| senders.accounts.values()) {
            let pause = pauses.iter().find(|pause| pause.channel_key == account.channel_key);
            account.adopt_pause(pause.map_or_else(Timestamp::default, |pause| pause.until), asked_at);
        }
    }

    /// How many of a lane's messages are being sent.
    pub(super) fn sending_of(&self, channel_key: &ChannelKey) -> usize {
        self.semaphore.held(channel_key)
    }

    /// How many places a lane's messages ever got: while it grows, whoever waits gets on.
    pub(crate) fn served(&self, channel_key: &ChannelKey) -> usize {
        self.semaphore.served(channel_key)
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
        self.semaphore.taken()
    }

    /// Resolves when nothing is being sent.
    pub async fn drained(&self) {
        self.semaphore.drained().await;
    }
}

impl TenantSenders {
    fn new(id: &TenantId, profile: &TenantProfile, context: &ActorContext, leases: Arc<Leases>) -> Arc<Self> {
        let accounts = profile.channels.iter().map(|(channel, of)| {
            let channel_key = ChannelKey { tenant: id.clone(), channel: channel.clone() };
            (channel.clone(), ChannelHealth::new(channel_key, Arc::clone(of)))
        });
        let turnstiles = profile.channels.keys().map(|channel| (channel.clone(), tokio::sync::Mutex::default()));
        Arc::new(Self {
            id: id.clone(),
            profile: profile.clone(),
            quota: Quota::new(id, profile, context),
            leases,
            limit: per_second(profile.per_second),
            accounts: accounts.collect(),
            turnstiles: turnstiles.collect(),
            lost_elsewhere: Mutex::default(),
        })
    }

    /// A sender account of the tenant.
    pub(super) fn account(&self, channel: &ChannelId) -> Option<&Arc<ChannelHealth>> {
        self.accounts.get(channel)
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = &Arc<ChannelHealth>> {
        self.accounts.values()
    }

    /// The channels whose messages may leave through an account: its own, and those that it takes over for.
    pub(super) fn leaving_through(&self, channel: &ChannelId) -> Vec<ChannelId> {
        let leaves = |account: &&Arc<ChannelHealth>| {
            account.channel_key.channel == *channel || account.profile.fallback.as_ref() == Some(channel)
        };
        self.accounts.values().filter(leaves).map(|account| account.channel_key.channel.clone()).collect()
    }

    /// The account that takes over for a channel right now, if one does.
    pub(super) fn standing_in(&self, channel: &ChannelId, now: Timestamp) -> Option<&Arc<ChannelHealth>> {
        let account = self.account(channel)?;
        let other = self.account(account.profile.fallback.as_ref()?)?;
        let takes_over =
            account.availability(now) != Availability::Ready && other.availability(now) == Availability::Ready;
        takes_over.then_some(other)
    }

    /// When a message that failed on its own channel is to be tried again: at once while another one takes over that can
    /// carry it, because that one has done nothing to be left alone.
    pub(super) fn again(&self, message: &Outbound, result: Settled, now: Timestamp) -> Settled {
        let other = self.standing_in(&message.channel, now);
        let carries = |other: &&Arc<ChannelHealth>| {
            message.to.on(other.profile.scheme).is_some() && routing::carries(message, &other.profile)
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
    pub(super) fn availability(&self, channel: &ChannelId, now: Timestamp) -> Availability {
        let Some(account) = self.account(channel) else { return Availability::Ready };
        let own = account.availability(now);
        let fallback = || account.profile.fallback.as_ref().and_then(|fallback| self.account(fallback));
        match own {
            Availability::Shut(..) | Availability::One
                if fallback().is_some_and(|other| other.availability(now) == Availability::Ready) =>
            {
                Availability::Ready
            }
            own => own,
        }
    }
}

/// A sender's place, given back when it is dropped.
pub struct SendPermit {
    senders: Arc<TenantSenders>,
    inner: SemaphorePermit,
}

impl SendPermit {
    pub(super) fn senders(&self) -> &Arc<TenantSenders> {
        &self.senders
    }

    /// Its message has its permits.
    pub(super) fn paced(&mut self) {
        self.inner.paced();
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
        channel_keys: profile.channels.keys().map(|channel| (channel.clone(), of_channel(channel))).collect(),
    }
}

/// How many permits there are within [`PACED_WITHIN`]; one at least.
fn passing(limit: RateLimit) -> usize {
    let within = PACED_WITHIN.as_nanos() / limit.every.as_nanos().max(1);
    usize::try_from(within).unwrap_or(usize::MAX).saturating_add(limit.burst.saturating_sub(1) as usize).max(1)
}
