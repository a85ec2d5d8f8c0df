//! The senders' places, in plain counters: who may take one, and who gets the next.
//!
//! A tenant may take a place only while it holds fewer than its weight times the free ones, and each of its channels
//! only while it holds fewer than what that leaves: however much one of them has to send, some places stay free, so a
//! first message never waits behind anybody's backlog (I9). Those who wait are served in turn, by weight, tenant after
//! tenant and channel after channel; never in the order in which they came.
//!
//! While nobody waits, a place costs a few atomic operations and no lock.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::ids::{ChannelId, TenantId};
use crate::ports::ChannelKey;

/// All places of a node.
pub(super) struct FairSemaphore {
    total: usize,
    free: AtomicUsize,
    tenants: HashMap<TenantId, Arc<TenantShare>>,
    /// Lanes that wait. Read without the lock: while it is 0, nobody needs to be told of a free place.
    waiting: AtomicUsize,
    line: Mutex<WaitQueue>,
    changed: tokio::sync::Notify,
}

/// What a tenant holds.
pub(super) struct TenantShare {
    weight: usize,
    held: AtomicUsize,
    unpaced: AtomicUsize,
    unpaced_limit: usize,
    channel_keys: HashMap<ChannelId, Arc<ChannelShare>>,
    /// Messages of channels that the configuration does not have.
    stray: Arc<ChannelShare>,
}

/// What one of its channels holds.
pub(super) struct ChannelShare {
    held: AtomicUsize,
    unpaced: AtomicUsize,
    unpaced_limit: usize,
    /// Places that its messages ever got.
    served: AtomicUsize,
}

/// How a tenant takes part.
pub(super) struct Share {
    /// Its share where tenants compete; 1 is ordinary.
    pub(super) weight: u32,
    /// Its messages that may wait for their permits at once: they are leased already.
    pub(super) unpaced_limit: usize,
    /// The same for each channel.
    pub(super) channel_keys: HashMap<ChannelId, usize>,
}

/// Who waits, and whose turn it is.
#[derive(Default)]
struct WaitQueue {
    /// Tenants with lanes that wait; the first one's turn it is.
    ring: VecDeque<TenantId>,
    tenants: HashMap<TenantId, WaitingTenant>,
}

#[derive(Default)]
struct WaitingTenant {
    /// Places that it got in this turn.
    served: usize,
    /// Its lanes that wait; the first one's turn it is.
    ring: VecDeque<ChannelId>,
    channel_keys: HashMap<ChannelId, VecDeque<oneshot::Sender<SemaphorePermit>>>,
}

/// One place; given back when it is dropped.
pub(super) struct SemaphorePermit {
    semaphore: Arc<FairSemaphore>,
    tenant: Arc<TenantShare>,
    channel_key: Arc<ChannelShare>,
    unpaced: bool,
}

impl ChannelShare {
    fn new(unpaced_limit: usize) -> Arc<Self> {
        let none = || AtomicUsize::new(0);
        Arc::new(Self { held: none(), unpaced: none(), unpaced_limit: unpaced_limit.max(1), served: none() })
    }
}

impl TenantShare {
    fn new(share: &Share) -> Arc<Self> {
        let channel_keys =
            share.channel_keys.iter().map(|(channel, limit)| (channel.clone(), ChannelShare::new(*limit)));
        Arc::new(Self {
            weight: share.weight.max(1) as usize,
            held: AtomicUsize::new(0),
            unpaced: AtomicUsize::new(0),
            unpaced_limit: share.unpaced_limit.max(1),
            channel_keys: channel_keys.collect(),
            stray: ChannelShare::new(1),
        })
    }

    fn channel_key(&self, channel: &ChannelId) -> &Arc<ChannelShare> {
        self.channel_keys.get(channel).unwrap_or(&self.stray)
    }

    /// Whether one more place may go to this lane, when so many are free.
    fn may_take(&self, channel_key: &ChannelShare, free: usize) -> bool {
        let held = self.held.load(Ordering::SeqCst);
        let allowed = self.weight.saturating_mul(free);
        free > 0
            && held < allowed
            && (self.channel_keys.len() < 2 || channel_key.held.load(Ordering::SeqCst) < allowed - held)
            && self.unpaced.load(Ordering::SeqCst) < self.unpaced_limit
            && channel_key.unpaced.load(Ordering::SeqCst) < channel_key.unpaced_limit
    }
}

impl FairSemaphore {
    pub(super) fn new(total: usize, shares: &HashMap<TenantId, Share>) -> Arc<Self> {
        Arc::new(Self {
            total,
            free: AtomicUsize::new(total),
            tenants: shares.iter().map(|(tenant, share)| (tenant.clone(), TenantShare::new(share))).collect(),
            waiting: AtomicUsize::new(0),
            line: Mutex::default(),
            changed: tokio::sync::Notify::new(),
        })
    }

    pub(super) fn knows(&self, tenant: &TenantId) -> bool {
        self.tenants.contains_key(tenant)
    }

    /// A place for one message of the lane, if it may have one right now.
    pub(super) fn take(self: &Arc<Self>, channel_key: &ChannelKey) -> Option<SemaphorePermit> {
        let tenant = self.tenants.get(&channel_key.tenant)?;
        self.take_for(tenant, tenant.channel_key(&channel_key.channel))
    }

    fn take_for(
        self: &Arc<Self>,
        tenant: &Arc<TenantShare>,
        channel_key: &Arc<ChannelShare>,
    ) -> Option<SemaphorePermit> {
        let taken = self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| {
            tenant.may_take(channel_key, free).then(|| free - 1)
        });
        taken.ok()?;
        for count in [&tenant.held, &channel_key.held, &tenant.unpaced, &channel_key.unpaced, &channel_key.served] {
            count.fetch_add(1, Ordering::SeqCst);
        }
        Some(SemaphorePermit {
            semaphore: Arc::clone(self),
            tenant: Arc::clone(tenant),
            channel_key: Arc::clone(channel_key),
            unpaced: true,
        })
    }

    /// Waits in turn for a place. `None` when the tenant is not ours.
    pub(super) async fn wait(self: &Arc<Self>, channel_key: &ChannelKey) -> Option<SemaphorePermit> {
        if !self.knows(&channel_key.tenant) {
            return None;
        }
        let (tell, told) = oneshot::channel();
        {
            let mut line = self.lock();
            line.join(channel_key, tell);
            self.waiting.fetch_add(1, Ordering::SeqCst);
        }
        // One may be free already.
        self.serve();
        told.await.ok()
    }

    /// Gives what is free to those who wait, in turn.
    fn serve(self: &Arc<Self>) {
        // Without a free place nobody's turn is over.
        while self.waiting.load(Ordering::SeqCst) > 0 && self.free.load(Ordering::SeqCst) > 0 {
            let served = {
                let mut line = self.lock();
                let mut left = 0;
                let next = line.next(|channel_key| self.take(channel_key), |tenant| self.weight(tenant), &mut left);
                self.waiting.fetch_sub(left + usize::from(next.is_some()), Ordering::SeqCst);
                next
            };
            let Some((tell, permit)) = served else { return };
            // Whoever waited may be gone in this moment: the place comes back then, outside of the lock, and goes to the next.
            drop(tell.send(permit));
        }
    }

    fn weight(&self, tenant: &TenantId) -> usize {
        self.tenants.get(tenant).map_or(1, |senders| senders.weight)
    }

    /// How many places are taken.
    pub(super) fn taken(&self) -> usize {
        self.total - self.free.load(Ordering::SeqCst).min(self.total)
    }

    /// How many of a lane's messages hold a place.
    pub(super) fn held(&self, channel_key: &ChannelKey) -> usize {
        self.tenants
            .get(&channel_key.tenant)
            .map_or(0, |tenant| tenant.channel_key(&channel_key.channel).held.load(Ordering::SeqCst))
    }

    /// How many places a lane's messages ever got.
    pub(super) fn served(&self, channel_key: &ChannelKey) -> usize {
        self.tenants
            .get(&channel_key.tenant)
            .map_or(0, |tenant| tenant.channel_key(&channel_key.channel).served.load(Ordering::Relaxed))
    }

    /// Resolves when every place is free.
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
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SemaphorePermit {
    /// Its message has its permits: another one of the lane may wait for its own.
    pub(super) fn paced(&mut self) {
        if std::mem::take(&mut self.unpaced) {
            self.channel_key.unpaced.fetch_sub(1, Ordering::SeqCst);
            self.tenant.unpaced.fetch_sub(1, Ordering::SeqCst);
            self.semaphore.serve();
        }
    }
}

impl Drop for SemaphorePermit {
    fn drop(&mut self) {
        if std::mem::take(&mut self.unpaced) {
            self.channel_key.unpaced.fetch_sub(1, Ordering::SeqCst);
            self.tenant.unpaced.fetch_sub(1, Ordering::SeqCst);
        }
        self.channel_key.held.fetch_sub(1, Ordering::SeqCst);
        self.tenant.held.fetch_sub(1, Ordering::SeqCst);
        self.semaphore.free.fetch_add(1, Ordering::SeqCst);
        self.semaphore.serve();
        self.semaphore.changed.notify_waiters();
    }
}

impl WaitQueue {
    fn join(&mut self, channel_key: &ChannelKey, tell: oneshot::Sender<SemaphorePermit>) {
        let tenant = self.tenants.entry(channel_key.tenant.clone()).or_insert_with(|| {
            self.ring.push_back(channel_key.tenant.clone());
            WaitingTenant::default()
        });
        let waiters = tenant.channel_keys.entry(channel_key.channel.clone()).or_insert_with(|| {
            tenant.ring.push_back(channel_key.channel.clone());
            VecDeque::new()
        });
        waiters.push_back(tell);
    }

    /// The next in turn that may take a place, with the place. Counts those that left the line meanwhile.
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
            tenant.served += usize::from(found.is_some());
            // Its turn ends when it got its weight, or cannot take more.
            if found.is_none() || tenant.served >= weight(&id) {
                tenant.served = 0;
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
            let Some(waiters) = self.channel_keys.get_mut(&channel) else { continue };
            // A place for each of thousands that gave up would come back from each, one within the other.
            while waiters.front().is_some_and(oneshot::Sender::is_closed) {
                waiters.pop_front();
                *left += 1;
            }
            if waiters.is_empty() {
                self.channel_keys.remove(&channel);
                continue;
            }
            let permit = take(&channel);
            let tell = if permit.is_some() { waiters.pop_front() } else { None };
            if waiters.is_empty() {
                self.channel_keys.remove(&channel);
            } else {
                self.ring.push_back(channel);
            }
            if let (Some(tell), Some(permit)) = (tell, permit) {
                return Some((tell, permit));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
