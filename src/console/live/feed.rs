//! Reads new events once for all consoles of a node, and passes them on.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use palabre_actors::domain::ids::TenantId;
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};
use uuid::Uuid;

use super::presence::{OutgoingPresence, Presence, PresenceNote, from_text};
use crate::store::StoreError;
use crate::store::conversations::{FeedPosition, FeedRow};
use crate::store::operator::Operator;

/// How often the event log is read while a console is open: one question for all tenants that somebody looks at. With the
/// commit, a message is on the screen within a second, whatever node took it.
const EVERY: Duration = Duration::from_millis(300);
/// What other nodes are to be told of presence is collected so long.
const COLLECT: Duration = Duration::from_millis(100);
/// A channel that could not show that somebody is typing is not asked again for so long.
const NOT_SHOWN: Duration = Duration::from_secs(30);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(2);
/// Events of one reading.
const BATCH: usize = 1_000;
/// Events that a slow browser may be behind before it reads its page anew.
const BEHIND: usize = 512;
/// Ids that are remembered, because PostgreSQL's events of the last seconds are read again.
const REMEMBERED: usize = 50_000;

/// What a console hears.
#[derive(Debug)]
pub enum LiveEvent {
    Changed(FeedRow),
    /// Who looks at a conversation, or that its customer writes, as JSON.
    Presence(String),
}

/// The feed of a node. Clones share it.
#[derive(Clone)]
pub struct LiveFeed(Arc<Shared>);

struct Shared {
    tenants: Mutex<BTreeMap<TenantId, broadcast::Sender<Arc<LiveEvent>>>>,
    presence: Mutex<Presence>,
    /// What other nodes are to be told of it. Unset: this node is alone.
    outgoing: OnceLock<Mutex<OutgoingPresence>>,
    noted: Notify,
    /// Until when customers see that somebody is typing, or it is not tried.
    typing_shown: Mutex<BTreeMap<(TenantId, Uuid), Instant>>,
    wanted: Notify,
    closed: watch::Sender<bool>,
}

/// One console's share of the feed.
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<LiveEvent>>,
    closed: watch::Receiver<bool>,
}

impl Subscription {
    /// The next event. `Closed`: the node stops.
    pub async fn next(&mut self) -> Result<Arc<LiveEvent>, RecvError> {
        let Self { receiver, closed } = self;
        tokio::select! {
            _ = closed.wait_for(|closed| *closed) => Err(RecvError::Closed),
            event = receiver.recv() => event,
        }
    }
}

impl std::fmt::Debug for LiveFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveFeed").finish_non_exhaustive()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LiveFeed {
    /// Starts the task that reads. It reads nothing while no console is open.
    #[must_use]
    pub fn start(store: Operator, io: &Handle) -> Self {
        let shared = Arc::new(Shared {
            tenants: Mutex::default(),
            presence: Mutex::default(),
            outgoing: OnceLock::new(),
            noted: Notify::new(),
            typing_shown: Mutex::default(),
            wanted: Notify::new(),
            closed: watch::Sender::new(false),
        });
        let feed = Self(Arc::clone(&shared));
        io.spawn(async move {
            let mut closed = shared.closed.subscribe();
            tokio::select! {
                _ = closed.wait_for(|closed| *closed) => {}
                () = read(&shared, &store) => {}
            }
        });
        feed
    }

    /// Ends every stream, so that a stop need not wait for browsers.
    pub fn close(&self) {
        self.0.closed.send_replace(true);
    }

    pub(super) fn subscribe(&self, tenant: &TenantId) -> Subscription {
        let receiver = match lock(&self.0.tenants).entry(tenant.clone()) {
            std::collections::btree_map::Entry::Occupied(sender) => sender.get().subscribe(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let (sender, receiver) = broadcast::channel(BEHIND);
                place.insert(sender);
                receiver
            }
        };
        self.0.wanted.notify_one();
        Subscription { receiver, closed: self.0.closed.subscribe() }
    }

    /// Somebody looks at a conversation on this node, writes, or has gone.
    pub(super) fn note(&self, note: PresenceNote) {
        self.0.take(note.clone());
        if let Some(outgoing) = self.0.outgoing.get() {
            lock(outgoing).add(note);
            self.0.noted.notify_one();
        }
    }

    /// The customer of a conversation is writing.
    pub fn customer_types(&self, tenant: &TenantId, conversation: Uuid) {
        self.note(PresenceNote::customer_types(tenant.clone(), conversation));
    }

    /// Whether somebody may look at a tenant's conversations, here or on another node.
    #[must_use]
    pub fn is_watched(&self, tenant: &TenantId) -> bool {
        let is_here = || lock(&self.0.tenants).get(tenant).is_some_and(|sender| sender.receiver_count() > 0);
        self.0.outgoing.get().is_some() || is_here()
    }

    /// Whether the customer of a conversation is to be shown now that somebody is typing. Nobody else is told so for a while.
    pub(super) fn typing_is_due(&self, tenant: &TenantId, conversation: Uuid) -> bool {
        let (mut shown, now) = (lock(&self.0.typing_shown), Instant::now());
        shown.retain(|_, until| *until > now);
        let place = (tenant.clone(), conversation);
        let is_due = !shown.contains_key(&place);
        if is_due {
            shown.insert(place, now + NOT_SHOWN);
        }
        is_due
    }

    /// The customer sees for so long that somebody is typing.
    pub(super) fn typing_lasts(&self, tenant: &TenantId, conversation: Uuid, lasts: Duration) {
        lock(&self.0.typing_shown).insert((tenant.clone(), conversation), Instant::now() + lasts);
    }

    /// Whether somebody has a conversation open, on any node, as far as is known. `who` as the audit log names them.
    #[must_use]
    pub fn is_looked_at(&self, tenant: &TenantId, conversation: Uuid, who: &str) -> bool {
        lock(&self.0.presence).has(&(tenant.clone(), conversation), who, Instant::now())
    }

    /// There are other nodes: what they are to be told is collected from now on.
    pub fn share(&self) {
        let _ = self.0.outgoing.set(Mutex::default());
    }

    /// Resolves with the texts that other nodes are to be told, once there are any.
    pub async fn to_tell(&self, from: &str) -> Vec<String> {
        loop {
            let Some(outgoing) = self.0.outgoing.get() else { return std::future::pending().await };
            if lock(outgoing).is_empty() {
                self.0.noted.notified().await;
            }
            tokio::time::sleep(COLLECT).await;
            let texts = lock(outgoing).texts(from, Instant::now());
            if !texts.is_empty() {
                return texts;
            }
        }
    }

    /// Another node told something, perhaps of presence.
    pub fn receive(&self, text: &str, own: &str) {
        from_text(text, own).into_iter().for_each(|note| self.0.take(note));
    }
}

impl Shared {
    fn take(&self, note: PresenceNote) {
        let PresenceNote { tenant, conversation, who, is_typing, is_gone } = note;
        match who {
            None => self.tell(&tenant, &serde_json::json!({ "conversation": conversation, "customer": true })),
            Some(who) => {
                self.tell_changes(|presence, now| presence.note((tenant, conversation), who, (is_typing, is_gone), now))
            }
        }
    }

    /// Changes who is there, and tells those who look.
    fn tell_changes(&self, change: impl FnOnce(&mut Presence, Instant) -> Vec<(TenantId, Uuid)>) {
        let told: Vec<_> = {
            let mut presence = lock(&self.presence);
            let changed = change(&mut presence, Instant::now());
            changed.into_iter().map(|place| (presence.of(&place), place)).collect()
        };
        for (people, (tenant, conversation)) in told {
            self.tell(&tenant, &serde_json::json!({ "conversation": conversation, "people": people }));
        }
    }

    fn tell(&self, tenant: &TenantId, told: &serde_json::Value) {
        if let Some(sender) = lock(&self.tenants).get(tenant) {
            // Nobody listens: nobody need be told.
            let _ = sender.send(Arc::new(LiveEvent::Presence(told.to_string())));
        }
    }

    /// Tenants that somebody looks at; those that nobody looks at any more are forgotten.
    fn watched(&self) -> Vec<TenantId> {
        let mut tenants = lock(&self.tenants);
        tenants.retain(|_, sender| sender.receiver_count() > 0);
        tenants.keys().cloned().collect()
    }

    fn pass_on(&self, row: FeedRow) {
        if let Some(sender) = lock(&self.tenants).get(&row.tenant) {
            // Nobody listens any more: nothing is missed.
            let _ = sender.send(Arc::new(LiveEvent::Changed(row)));
        }
    }
}

async fn read(shared: &Shared, store: &Operator) {
    let mut position = None;
    let mut recent = Recent::default();
    loop {
        let tenants = shared.watched();
        if tenants.is_empty() {
            // Whoever comes next reads what they missed by themselves.
            position = None;
            shared.wanted.notified().await;
            continue;
        }
        shared.tell_changes(Presence::expire);
        match step(shared, store, &tenants, (&mut position, &mut recent)).await {
            Ok(BATCH..) => {}
            Ok(_) => tokio::time::sleep(EVERY).await,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "live updates stand still, trying again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Reads what is new once. Answers how many rows there were.
async fn step(
    shared: &Shared,
    store: &Operator,
    tenants: &[TenantId],
    (position, recent): (&mut Option<FeedPosition>, &mut Recent),
) -> Result<usize, StoreError> {
    let from = match position {
        Some(from) => *from,
        None => *position.insert(store.feed_end().await?),
    };
    let (rows, next) = store.feed(tenants, from, BATCH).await?;
    *position = Some(next);
    let mut fresh = 0;
    for row in rows {
        if recent.add(row.id) {
            fresh += 1;
            shared.pass_on(row);
        }
    }
    Ok(fresh)
}

/// Ids that were passed on.
#[derive(Default)]
struct Recent {
    known: HashSet<Uuid>,
    order: VecDeque<Uuid>,
}

impl Recent {
    /// Whether it is new.
    fn add(&mut self, id: Uuid) -> bool {
        if !self.known.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_read_again_is_passed_on_once() {
        let mut recent = Recent::default();
        let first = Uuid::now_v7();
        assert!(recent.add(first) && !recent.add(first));
        for _ in 0..REMEMBERED {
            recent.add(Uuid::now_v7());
        }
        assert!(recent.order.len() <= REMEMBERED && recent.known.len() == recent.order.len());
    }
}
