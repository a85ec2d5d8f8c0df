//! The senders' places and the tenants' pace: a shared book that a conversation may ask without waiting.
//!
//! A turn whose message gets a place writes its row as already being sent, which saves the claim; without a place the
//! row is pending and the dispatcher claims it later. So the rows in `sending` are never more than there are places.
//! Every gate here fails closed: without a place, a token or a day's budget nothing is sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pace::Pace;
use crate::domain::ids::TenantId;
use crate::kit::Outside;

/// The book of a node.
pub struct Desk {
    places: Arc<Semaphore>,
    total: usize,
    tenants: HashMap<TenantId, Arc<TenantDesk>>,
}

/// A tenant's page in it.
pub struct TenantDesk {
    /// Its tokens and its day.
    pub(super) pace: Pace,
    sending: AtomicUsize,
    limit: usize,
}

impl Desk {
    /// A book for the node's tenants.
    #[must_use]
    pub fn new(outside: &Outside) -> Arc<Self> {
        let now = outside.now();
        let total = outside.settings.senders.clamp(1, Semaphore::MAX_PERMITS);
        let tenants = outside
            .tenants
            .iter()
            .map(|(id, profile)| {
                // Half of the places at most, so that one tenant's slow provider leaves the other half (I9); and not
                // more than a second's worth, because what waits for a token here is leased already.
                let per_second = usize::try_from(profile.per_second).unwrap_or(usize::MAX);
                let limit = total.div_ceil(2).min(per_second.max(8));
                let pace = Pace::new(id.clone(), profile, now);
                (id.clone(), Arc::new(TenantDesk { pace, sending: AtomicUsize::new(0), limit }))
            })
            .collect();
        Arc::new(Self { places: Arc::new(Semaphore::new(total)), total, tenants })
    }

    /// A place for one message of the tenant, if one is free right now.
    #[must_use]
    pub fn reserve(&self, tenant: &TenantId) -> Option<Slot> {
        let page = self.tenants.get(tenant)?;
        if page.sending.load(Ordering::Relaxed) >= page.limit {
            return None;
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Slot::new(page, place))
    }

    /// Waits in line for a place, then takes up to `most` of those that are free. In line means: before any later
    /// [`Desk::reserve`], so that what queued is not starved by what comes new.
    pub(super) async fn reserve_in_line(&self, tenant: &TenantId, most: usize) -> Vec<Slot> {
        let Some(page) = self.tenants.get(tenant) else { return Vec::new() };
        let room = page.limit.saturating_sub(page.sending.load(Ordering::Relaxed)).min(most);
        if room == 0 {
            return Vec::new();
        }
        let Ok(first) = Arc::clone(&self.places).acquire_owned().await else { return Vec::new() };
        let mut slots = vec![Slot::new(page, first)];
        while slots.len() < room
            && let Ok(place) = Arc::clone(&self.places).try_acquire_owned()
        {
            slots.push(Slot::new(page, place));
        }
        slots
    }

    /// A tenant's page.
    pub(super) fn page(&self, tenant: &TenantId) -> Option<&Arc<TenantDesk>> {
        self.tenants.get(tenant)
    }

    /// How many messages are being sent.
    #[must_use]
    pub fn sending(&self) -> usize {
        self.total - self.places.available_permits().min(self.total)
    }

    /// Resolves when nothing is being sent.
    pub async fn drained(&self) {
        let all = u32::try_from(self.total).unwrap_or(u32::MAX);
        // Never closed, so the error cannot come; either way nothing is left to wait for.
        drop(self.places.acquire_many(all).await);
    }
}

impl TenantDesk {
    /// How many of its messages hold a place.
    pub(super) fn sending(&self) -> usize {
        self.sending.load(Ordering::Relaxed)
    }
}

/// A sender's place, given back when it is dropped.
pub struct Slot {
    page: Arc<TenantDesk>,
    _place: OwnedSemaphorePermit,
}

impl Slot {
    fn new(page: &Arc<TenantDesk>, place: OwnedSemaphorePermit) -> Self {
        page.sending.fetch_add(1, Ordering::Relaxed);
        Self { page: Arc::clone(page), _place: place }
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.page.pace
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.page.sending.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many messages of a conversation are with senders, and whether one came back to wait in the store.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Tallied>);

#[derive(Debug, Default)]
struct Tallied {
    count: AtomicUsize,
    handed_back: AtomicBool,
}

/// One of them; dropped when its row is settled.
#[derive(Debug)]
pub struct Unsettled(Arc<Tallied>);

impl Tally {
    /// One more.
    #[must_use]
    pub fn count_one(&self) -> Unsettled {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        Unsettled(Arc::clone(&self.0))
    }

    /// Whether none is with a sender.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    /// Whether one came back since this was asked last. Ask it after [`Tally::is_zero`].
    #[must_use]
    pub fn take_handed_back(&self) -> bool {
        self.0.handed_back.swap(false, Ordering::AcqRel)
    }
}

impl Unsettled {
    /// Its row waits in the store for another attempt or another look: what comes next must queue behind it.
    pub(super) fn hand_back(self) {
        self.0.handed_back.store(true, Ordering::Release);
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}
