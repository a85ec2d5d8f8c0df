//! Fair semaphore: permits shared by tenants, by weight, and by each tenant's channels.
//!
//! A tenant gets a permit only while it holds fewer than its weight times the free permits, and a channel only while it
//! holds fewer than its tenant's remainder. So some permits stay free however much one tenant has to send, and a first
//! message never waits behind another tenant's backlog (I9). Waiters get permits in turn: tenant after tenant by weight, and
//! channel after channel within a tenant, not in order of arrival.
//!
//! While nothing waits, a permit costs a few atomic operations and no lock.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use crate::domain::ids::{ChannelId, TenantId};
use crate::ports::ChannelKey;

/// All send permits of a node.
pub(super) struct FairSemaphore {
    total: usize,
    free: AtomicUsize,
    tenants: ArcSwap<HashMap<TenantId, Arc<TenantShare>>>,
    /// Number of waiters, read without the lock: while it is 0, a free permit need not be granted to anyone.
    waiting: AtomicUsize,
    queue: Mutex<WaitQueue>,
    changed: tokio::sync::Notify,
}

/// A tenant's permits.
struct TenantShare {
    weight: usize,
    counts: Arc<PermitCounts>,
    rate_limited_max: usize,
    channels: HashMap<ChannelId, Arc<ChannelShare>>,
    /// For channels that the configuration does not have.
    unknown_channel: Arc<ChannelShare>,
}

/// A channel's permits.
struct ChannelShare {
    counts: Arc<PermitCounts>,
    rate_limited_max: usize,
}

/// Permits of a tenant or of a channel. They are counted on when its share becomes another.
#[derive(Default)]
struct PermitCounts {
    held: AtomicUsize,
    /// Of these, permits whose messages still wait for their rate limits.
    rate_limited: AtomicUsize,
    /// Permits that were ever granted.
    granted: AtomicUsize,
}

/// What a tenant is entitled to.
pub(super) struct Share {
    /// The tenant's weight where tenants compete; 1 is ordinary.
    pub(super) weight: u32,
    /// How many of its messages may hold a permit while they wait for their rate limits. They are leased already.
    pub(super) rate_limited_max: usize,
    /// How many of each channel's messages may hold one meanwhile.
    pub(super) channels: HashMap<ChannelId, usize>,
}

/// The waiters. The tenant, and the channel, at the front of a ring has the next turn.
#[derive(Default)]
struct WaitQueue {
    ring: VecDeque<TenantId>,
    tenants: HashMap<TenantId, WaitingTenant>,
}

#[derive(Default)]
struct WaitingTenant {
    /// Permits that the tenant got in this turn.
    granted: usize,
    ring: VecDeque<ChannelId>,
    channels: HashMap<ChannelId, VecDeque<oneshot::Sender<SemaphorePermit>>>,
}

/// One permit; dropping it gives it back.
pub(super) struct SemaphorePermit {
    semaphore: Arc<FairSemaphore>,
    tenant: Arc<TenantShare>,
    channel: Arc<ChannelShare>,
    /// Whether its message still waits for its rate limits.
    rate_limited: bool,
}

impl ChannelShare {
    fn new(rate_limited_max: usize, before: Option<&Self>) -> Arc<Self> {
        let counts = before.map(|before| Arc::clone(&before.counts)).unwrap_or_default();
        Arc::new(Self { counts, rate_limited_max: rate_limited_max.max(1) })
    }
}

impl TenantShare {
    fn new(share: &Share, before: Option<&Self>) -> Arc<Self> {
        let channels = share.channels.iter().map(|(channel, limit)| {
            let before = before.and_then(|before| before.channels.get(channel));
            (channel.clone(), ChannelShare::new(*limit, before.map(|channel| &**channel)))
        });
        Arc::new(Self {
            weight: share.weight.max(1) as usize,
            counts: before.map(|before| Arc::clone(&before.counts)).unwrap_or_default(),
            rate_limited_max: share.rate_limited_max.max(1),
            channels: channels.collect(),
            unknown_channel: ChannelShare::new(1, before.map(|before| &*before.unknown_channel)),
        })
    }

    fn channel(&self, channel: &ChannelId) -> &Arc<ChannelShare> {
        self.channels.get(channel).unwrap_or(&self.unknown_channel)
    }

    /// Whether the channel may get one more permit while `free` are free.
    fn may_take(&self, channel: &ChannelShare, free: usize) -> bool {
        let held = self.counts.held.load(Ordering::SeqCst);
        let allowed = self.weight.saturating_mul(free);
        free > 0
            && held < allowed
            && (self.channels.len() < 2 || channel.counts.held.load(Ordering::SeqCst) < allowed - held)
            && self.counts.rate_limited.load(Ordering::SeqCst) < self.rate_limited_max
            && channel.counts.rate_limited.load(Ordering::SeqCst) < channel.rate_limited_max
    }
}

impl FairSemaphore {
    pub(super) fn new(total: usize, shares: &HashMap<TenantId, Share>) -> Arc<Self> {
        let semaphore = Arc::new(Self {
            total,
            free: AtomicUsize::new(total),
            tenants: ArcSwap::default(),
            waiting: AtomicUsize::new(0),
            queue: Mutex::default(),
            changed: tokio::sync::Notify::new(),
        });
        semaphore.serve(shares);
        semaphore
    }

    /// These tenants with these shares from now on. Permits that are held go on counting; who waits for a tenant that left
    /// gets none.
    pub(super) fn serve(self: &Arc<Self>, shares: &HashMap<TenantId, Share>) {
        let before = self.tenants.load();
        let share = |(tenant, share): (&TenantId, &Share)| {
            (tenant.clone(), TenantShare::new(share, before.get(tenant).map(|before| &**before)))
        };
        self.tenants.store(Arc::new(shares.iter().map(share).collect()));
        let gone = {
            let mut queue = self.lock();
            let gone = queue.forget(|tenant| !shares.contains_key(tenant));
            self.waiting.fetch_sub(gone.len(), Ordering::SeqCst);
            gone
        };
        drop(gone);
        self.grant();
    }

    fn knows(&self, tenant: &TenantId) -> bool {
        self.tenants.load().contains_key(tenant)
    }

    /// A permit for one message of the channel, if one may be granted right now.
    pub(super) fn take(self: &Arc<Self>, channel_key: &ChannelKey) -> Option<SemaphorePermit> {
        let tenants = self.tenants.load();
        let tenant = tenants.get(&channel_key.tenant)?;
        self.take_for(tenant, tenant.channel(&channel_key.channel))
    }

    fn take_for(self: &Arc<Self>, tenant: &Arc<TenantShare>, channel: &Arc<ChannelShare>) -> Option<SemaphorePermit> {
        let taken = self
            .free
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| tenant.may_take(channel, free).then(|| free - 1));
        taken.ok()?;
        for counts in [&tenant.counts, &channel.counts] {
            for count in [&counts.held, &counts.rate_limited, &counts.granted] {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
        Some(SemaphorePermit {
            semaphore: Arc::clone(self),
            tenant: Arc::clone(tenant),
            channel: Arc::clone(channel),
            rate_limited: true,
        })
    }

    /// Waits in turn for a permit. `None` for a tenant that this node does not serve.
    pub(super) async fn wait(self: &Arc<Self>, channel_key: &ChannelKey) -> Option<SemaphorePermit> {
        if !self.knows(&channel_key.tenant) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        {
            let mut queue = self.lock();
            queue.join(channel_key, sender);
            self.waiting.fetch_add(1, Ordering::SeqCst);
        }
        // A permit may be free already.
        self.grant();
        receiver.await.ok()
    }

    /// Grants the free permits to the waiters, in turn.
    fn grant(self: &Arc<Self>) {
        // Without a free permit no tenant's turn ends.
        while self.waiting.load(Ordering::SeqCst) > 0 && self.free.load(Ordering::SeqCst) > 0 {
            let granted = {
                let mut queue = self.lock();
                let mut left = 0;
                let next = queue.next(|channel_key| self.take(channel_key), |tenant| self.weight(tenant), &mut left);
                self.waiting.fetch_sub(left + usize::from(next.is_some()), Ordering::SeqCst);
                next
            };
            let Some((waiter, permit)) = granted else { return };
            // A waiter that left in this moment drops the permit, outside of the lock, and the next one gets it.
            drop(waiter.send(permit));
        }
    }

    fn weight(&self, tenant: &TenantId) -> usize {
        self.tenants.load().get(tenant).map_or(1, |tenant| tenant.weight)
    }

    /// Number of permits that are held.
    pub(super) fn taken(&self) -> usize {
        self.total - self.free.load(Ordering::SeqCst).min(self.total)
    }

    /// Number of permits that a channel holds.
    pub(super) fn held(&self, channel_key: &ChannelKey) -> usize {
        self.count(channel_key, |counts| &counts.held)
    }

    /// Number of permits that a channel ever got.
    pub(super) fn granted(&self, channel_key: &ChannelKey) -> usize {
        self.count(channel_key, |counts| &counts.granted)
    }

    fn count(&self, channel_key: &ChannelKey, of: impl Fn(&PermitCounts) -> &AtomicUsize) -> usize {
        let tenants = self.tenants.load();
        let tenant = tenants.get(&channel_key.tenant);
        tenant.map_or(0, |tenant| of(&tenant.channel(&channel_key.channel).counts).load(Ordering::SeqCst))
    }

    /// Resolves when every permit is free.
    pub(super) async fn drained(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.taken() == 0 {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, WaitQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SemaphorePermit {
    /// Its message got through its rate limits: another message of the channel may wait for them.
    pub(super) fn rate_limit_passed(&mut self) {
        if std::mem::take(&mut self.rate_limited) {
            self.channel.counts.rate_limited.fetch_sub(1, Ordering::SeqCst);
            self.tenant.counts.rate_limited.fetch_sub(1, Ordering::SeqCst);
            self.semaphore.grant();
        }
    }
}

impl Drop for SemaphorePermit {
    fn drop(&mut self) {
        if std::mem::take(&mut self.rate_limited) {
            self.channel.counts.rate_limited.fetch_sub(1, Ordering::SeqCst);
            self.tenant.counts.rate_limited.fetch_sub(1, Ordering::SeqCst);
        }
        self.channel.counts.held.fetch_sub(1, Ordering::SeqCst);
        self.tenant.counts.held.fetch_sub(1, Ordering::SeqCst);
        self.semaphore.free.fetch_add(1, Ordering::SeqCst);
        self.semaphore.grant();
        self.semaphore.changed.notify_waiters();
    }
}

impl WaitQueue {
    fn join(&mut self, channel_key: &ChannelKey, waiter: oneshot::Sender<SemaphorePermit>) {
        let tenant = self.tenants.entry(channel_key.tenant.clone()).or_insert_with(|| {
            self.ring.push_back(channel_key.tenant.clone());
            WaitingTenant::default()
        });
        let waiters = tenant.channels.entry(channel_key.channel.clone()).or_insert_with(|| {
            tenant.ring.push_back(channel_key.channel.clone());
            VecDeque::new()
        });
        waiters.push_back(waiter);
    }

    /// Takes the waiters of some tenants off the list.
    fn forget(&mut self, is_gone: impl Fn(&TenantId) -> bool) -> Vec<oneshot::Sender<SemaphorePermit>> {
        self.ring.retain(|tenant| !is_gone(tenant));
        let gone = self.tenants.extract_if(|tenant, _| is_gone(tenant));
        gone.flat_map(|(_, tenant)| tenant.channels.into_values().flatten()).collect()
    }

    /// The next waiter in turn that may take a permit, with the permit. Counts in `left` the waiters that went away.
    fn next(
        &mut self,
        take: impl Fn(&ChannelKey) -> Option<SemaphorePermit>,
        weight: impl Fn(&TenantId) -> usize,
        left: &mut usize,
    ) -> Option<(oneshot::Sender<SemaphorePermit>, SemaphorePermit)> {
        for _ in 0..self.ring.len() {
            let id = self.ring.front()?.clone();
            let Some(tenant) = self.tenants.get_mut(&id) else {
                self.ring.pop_front();
                continue;
            };
            let found = tenant.next(|channel| take(&ChannelKey { tenant: id.clone(), channel: channel.clone() }), left);
            tenant.granted += usize::from(found.is_some());
            // A tenant's turn ends when it got as many as its weight, or cannot take more.
            if found.is_none() || tenant.granted >= weight(&id) {
                tenant.granted = 0;
                self.ring.rotate_left(1);
            }
            if tenant.ring.is_empty() {
                self.tenants.remove(&id);
                self.ring.retain(|other| *other != id);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

impl WaitingTenant {
    fn next(
        &mut self,
        take: impl Fn(&ChannelId) -> Option<SemaphorePermit>,
        left: &mut usize,
    ) -> Option<(oneshot::Sender<SemaphorePermit>, SemaphorePermit)> {
        for _ in 0..self.ring.len() {
            let channel = self.ring.pop_front()?;
            let Some(waiters) = self.channels.get_mut(&channel) else { continue };
            // Granting a permit to each of thousands that left would recurse: each drop grants the next.
            while waiters.front().is_some_and(oneshot::Sender::is_closed) {
                waiters.pop_front();
                *left += 1;
            }
            if waiters.is_empty() {
                self.channels.remove(&channel);
                continue;
            }
            let permit = take(&channel);
            let waiter = if permit.is_some() { waiters.pop_front() } else { None };
            if waiters.is_empty() {
                self.channels.remove(&channel);
            } else {
                self.ring.push_back(channel);
            }
            if let (Some(waiter), Some(permit)) = (waiter, permit) {
                return Some((waiter, permit));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
