//! Sender pool: send permits, and each tenant's channels and quota, shared by all actors of a node.
//!
//! A conversation asks the pool without waiting. A turn whose message gets a permit writes its row as `sending`, which saves
//! the claim; without a permit the row is `pending` and the dispatcher claims it later. So there are never more rows in
//! `sending` than permits.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use super::channel_health::{Availability, ChannelHealth};
use super::fair_semaphore::{FairSemaphore, SemaphorePermit, Share};
use super::leases::Leases;
use super::quota::Quota;
use crate::domain::Timestamp;
use crate::domain::channel::RateLimit;
use crate::domain::conversation::ConversationKey;
use crate::domain::ids::{ChannelId, OutboundId, TenantId};
use crate::domain::message::Outbound;
use crate::domain::rate_limit::per_second;
use crate::domain::turn::Outcome;
use crate::ports::{ChannelKey, Pause};
use crate::runtime::{ActorContext, TenantProfile};

/// How long a message may hold its send permit while it waits for its rate limits. No more messages of a channel get a permit
/// than its rate limits let through in that time.
pub(crate) const MAX_RATE_LIMIT_WAIT: Duration = Duration::from_secs(1);

/// The senders of a node.
pub struct SenderPool {
    semaphore: Arc<FairSemaphore>,
    leases: Arc<Leases>,
    tenants: ArcSwap<HashMap<TenantId, Arc<TenantSenders>>>,
    closing: AtomicBool,
}

/// A tenant's channels and quota on this node.
pub(crate) struct TenantSenders {
    pub(crate) id: TenantId,
    pub(crate) profile: Arc<TenantProfile>,
    pub(crate) quota: Arc<Quota>,
    pub(crate) leases: Arc<Leases>,
    /// The rate limit of all the tenant's sends together.
    pub(crate) limit: RateLimit,
    channels: HashMap<ChannelId, Arc<ChannelHealth>>,
    /// Messages whose outcome on a fallback channel is unknown.
    unknown_on_fallback: Arc<Mutex<HashSet<OutboundId>>>,
    /// Held by the one message of a channel that waits for its rate limits; the others wait for the lock.
    rate_limit_turns: HashMap<ChannelId, tokio::sync::Mutex<()>>,
}

impl SenderPool {
    /// A pool for the tenants that the node serves.
    #[must_use]
    pub fn new(context: &ActorContext) -> Arc<Self> {
        let total = context.settings.senders.clamp(1, Semaphore::MAX_PERMITS);
        let pool = Arc::new(Self {
            semaphore: FairSemaphore::new(total, &HashMap::new()),
            leases: Leases::new(context.settings.lease),
            tenants: ArcSwap::default(),
            closing: AtomicBool::new(false),
        });
        pool.serve(context);
        pool
    }

    /// Takes over the tenants that the node serves now. Whoever stays keeps its quota, pauses and permits. Returns the
    /// tenants whose quota was replaced or is not used any more.
    pub(crate) fn serve(&self, context: &ActorContext) -> Vec<Arc<TenantSenders>> {
        let profiles = context.tenants.all();
        let before = self.tenants.load_full();
        let senders = |(id, profile): (&TenantId, &Arc<TenantProfile>)| {
            let senders = match before.get(id) {
                Some(known) if Arc::ptr_eq(&known.profile, profile) => Arc::clone(known),
                known => TenantSenders::new(id, profile, context, (Arc::clone(&self.leases), known)),
            };
            (id.clone(), senders)
        };
        let senders: HashMap<TenantId, Arc<TenantSenders>> = profiles.iter().map(senders).collect();
        let goes_on = |known: &TenantSenders| {
            senders.get(&known.id).is_some_and(|senders| Arc::ptr_eq(&senders.quota, &known.quota))
        };
        let replaced = before.values().filter(|known| !goes_on(known)).cloned().collect();
        self.tenants.store(Arc::new(senders));
        let shares = profiles.iter().map(|(id, profile)| (id.clone(), share(profile))).collect();
        self.semaphore.serve(&shares);
        replaced
    }

    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// A permit for one message of the channel, if one is free right now and the channel, or its fallback, is available.
    #[must_use]
    pub fn reserve(&self, channel_key: &ChannelKey, now: Timestamp) -> Option<SendPermit> {
        let senders = self.tenant(&channel_key.tenant)?;
        // The message that probes a half-open breaker is claimed for that; nothing else is sent meanwhile.
        if senders.availability(&channel_key.channel, now) != Availability::Ready {
            return None;
        }
        Some(SendPermit { senders, inner: self.semaphore.take(channel_key)? })
    }

    /// Whether the channel is available: all that its messages may lack is a permit.
    pub(crate) fn is_open(&self, channel_key: &ChannelKey, now: Timestamp) -> bool {
        self.tenant(&channel_key.tenant)
            .is_some_and(|senders| senders.availability(&channel_key.channel, now) == Availability::Ready)
    }

    /// Waits in turn for a permit, then takes up to `limit` of those that are free.
    pub(crate) async fn reserve_in_turn(&self, channel_key: &ChannelKey, limit: usize) -> Vec<SendPermit> {
        let Some(first) = self.semaphore.wait(channel_key).await else { return Vec::new() };
        // Looked up after the wait, during which the configuration may have changed.
        let Some(senders) = self.tenant(&channel_key.tenant) else { return Vec::new() };
        let permit = |inner| SendPermit { senders: Arc::clone(&senders), inner };
        let mut permits = vec![permit(first)];
        while permits.len() < limit
            && let Some(inner) = self.semaphore.take(channel_key)
        {
            permits.push(permit(inner));
        }
        permits
    }

    pub(crate) fn tenant(&self, tenant: &TenantId) -> Option<Arc<TenantSenders>> {
        self.tenants.load().get(tenant).cloned()
    }

    /// The health of a channel.
    pub(crate) fn channel(&self, channel_key: &ChannelKey) -> Option<Arc<ChannelHealth>> {
        self.tenants.load().get(&channel_key.tenant)?.channel(&channel_key.channel).cloned()
    }

    /// Counts a message of the conversation that had its turn.
    pub(crate) fn count_turn(&self, key: &ConversationKey, outcome: Outcome) {
        let tenants = self.tenants.load();
        let health = tenants.get(&key.tenant).and_then(|senders| senders.channel(&key.channel));
        if let Some(health) = health {
            health.count_turn(outcome);
        }
    }

    /// All tenants, as they are now.
    pub(crate) fn tenants(&self) -> Arc<HashMap<TenantId, Arc<TenantSenders>>> {
        self.tenants.load_full()
    }

    /// Takes over which channels are paused, as the store answered at `asked_at`. A channel that it did not name is not
    /// paused any more.
    pub(crate) fn adopt_pauses(&self, pauses: &[Pause], asked_at: Timestamp) {
        for health in self.tenants.load().values().flat_map(|senders| senders.channels.values()) {
            let pause = pauses.iter().find(|pause| pause.channel_key == health.channel_key);
            health.adopt_pause(pause.map_or_else(Timestamp::default, |pause| pause.until), asked_at);
        }
    }

    /// Number of a channel's messages that are being sent.
    pub(crate) fn sending_of(&self, channel_key: &ChannelKey) -> usize {
        self.semaphore.held(channel_key)
    }

    /// Number of permits that a channel ever got. While it grows, waiting for one gets somewhere.
    pub(crate) fn granted(&self, channel_key: &ChannelKey) -> usize {
        self.semaphore.granted(channel_key)
    }

    /// Announces that the daemon stops: long waits for a permit are to end.
    pub fn close_soon(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn closes_soon(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Number of messages that are being sent.
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
    fn new(
        id: &TenantId,
        profile: &Arc<TenantProfile>,
        context: &ActorContext,
        (leases, before): (Arc<Leases>, Option<&Arc<Self>>),
    ) -> Arc<Self> {
        let channels = profile.channels.iter().map(|(channel, of)| {
            let channel_key = ChannelKey { tenant: id.clone(), channel: channel.clone() };
            let health = match before.and_then(|before| before.channel(channel)) {
                Some(known) if *known.profile == **of => Arc::clone(known),
                Some(known) => ChannelHealth::succeeding(known, Arc::clone(of)),
                None => ChannelHealth::new(channel_key, Arc::clone(of)),
            };
            (channel.clone(), health)
        });
        let same_quota = before.filter(|before| Quota::has_same_limits(&before.profile, profile));
        let turns = profile.channels.keys().map(|channel| (channel.clone(), tokio::sync::Mutex::default()));
        Arc::new(Self {
            id: id.clone(),
            profile: Arc::clone(profile),
            quota: same_quota
                .map_or_else(|| Arc::new(Quota::new(id, profile, context)), |before| Arc::clone(&before.quota)),
            leases,
            limit: per_second(profile.per_second),
            channels: channels.collect(),
            rate_limit_turns: turns.collect(),
            unknown_on_fallback: before.map(|before| Arc::clone(&before.unknown_on_fallback)).unwrap_or_default(),
        })
    }

    pub(crate) fn channel(&self, channel: &ChannelId) -> Option<&Arc<ChannelHealth>> {
        self.channels.get(channel)
    }

    pub(crate) fn channels(&self) -> impl Iterator<Item = &Arc<ChannelHealth>> {
        self.channels.values()
    }

    /// The channels whose messages may leave through a channel: itself, and those that have it as their fallback.
    pub(crate) fn channels_sending_through(&self, channel: &ChannelId) -> Vec<ChannelId> {
        let sends_through = |health: &&Arc<ChannelHealth>| {
            health.channel_key.channel == *channel || health.profile.fallback.as_ref() == Some(channel)
        };
        self.channels.values().filter(sends_through).map(|health| health.channel_key.channel.clone()).collect()
    }

    /// The fallback of a channel, when the channel is not available and the fallback is.
    pub(crate) fn active_fallback(&self, channel: &ChannelId, now: Timestamp) -> Option<&Arc<ChannelHealth>> {
        let health = self.channel(channel)?;
        let fallback = self.channel(health.profile.fallback.as_ref()?)?;
        let takes_over =
            health.availability(now) != Availability::Ready && fallback.availability(now) == Availability::Ready;
        takes_over.then_some(fallback)
    }

    /// Notes that a message's outcome on a fallback channel is unknown.
    pub(crate) fn note_unknown_on_fallback(&self, message: OutboundId) {
        self.unknown_on_fallback.lock().unwrap_or_else(PoisonError::into_inner).insert(message);
    }

    /// Whether a message's outcome on a fallback channel was unknown. Forgets it.
    pub(crate) fn take_unknown_on_fallback(&self, message: OutboundId) -> bool {
        self.unknown_on_fallback.lock().unwrap_or_else(PoisonError::into_inner).remove(&message)
    }

    /// Whether a spent budget holds such a message.
    pub(crate) fn is_stoppable(&self, message: &Outbound) -> bool {
        !message.urgent && self.profile.budget.hard_stop
    }

    pub(crate) fn keeps_order(&self, channel: &ChannelId) -> bool {
        self.channel(channel).is_none_or(|health| health.profile.keep_order)
    }

    /// The lock under which messages of a channel wait for their rate limits one after another.
    pub(crate) fn rate_limit_turn(&self, channel: &ChannelId) -> Option<&tokio::sync::Mutex<()>> {
        self.rate_limit_turns.get(channel)
    }

    /// What a channel may send now, by itself or through its fallback.
    pub(crate) fn availability(&self, channel: &ChannelId, now: Timestamp) -> Availability {
        let Some(health) = self.channel(channel) else { return Availability::Ready };
        let own = health.availability(now);
        let fallback = || health.profile.fallback.as_ref().and_then(|fallback| self.channel(fallback));
        match own {
            Availability::Shut(..) | Availability::One
                if fallback().is_some_and(|fallback| fallback.availability(now) == Availability::Ready) =>
            {
                Availability::Ready
            }
            own => own,
        }
    }
}

/// The right to send one message; dropping it gives it back.
pub struct SendPermit {
    senders: Arc<TenantSenders>,
    inner: SemaphorePermit,
}

impl SendPermit {
    pub(crate) fn senders(&self) -> &Arc<TenantSenders> {
        &self.senders
    }

    /// Its message got through its rate limits.
    pub(crate) fn rate_limit_passed(&mut self) {
        self.inner.rate_limit_passed();
    }
}

fn share(profile: &TenantProfile) -> Share {
    let of_channel = |channel: &ChannelId| {
        let limit = profile.channels.get(channel).and_then(|of| of.account);
        limit.map_or(usize::MAX, within_max_wait)
    };
    Share {
        weight: profile.weight,
        rate_limited_max: within_max_wait(per_second(profile.per_second)),
        channels: profile.channels.keys().map(|channel| (channel.clone(), of_channel(channel))).collect(),
    }
}

/// How many messages a rate limit lets through within [`MAX_RATE_LIMIT_WAIT`]; one at least.
fn within_max_wait(limit: RateLimit) -> usize {
    let within = MAX_RATE_LIMIT_WAIT.as_nanos() / limit.every.as_nanos().max(1);
    usize::try_from(within).unwrap_or(usize::MAX).saturating_add(limit.burst.saturating_sub(1) as usize).max(1)
}
