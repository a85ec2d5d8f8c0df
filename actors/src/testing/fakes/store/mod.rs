//! Fake store: all store ports in memory.

mod consents;
mod conversation_queue;
mod inbox;
mod late_failures;
mod merging;
mod outbox;
mod quota_leases;
mod scarce;
mod settlements;
mod turns;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use super::rows::{
    ConsentRow, ConversationRow, EventRow, InboundRow, LiveSessionRow, OutboundRow, SessionRow, Snapshot, TimerRow,
    UsageRow,
};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::conversation::Contact;
use crate::domain::event::{ActorType, EntityType, EventType};
use crate::domain::ids::{
    ChannelId, ContactId, ConversationId, CorrelationId, InboundId, NodeId, OutboundId, SessionId, TenantId, TimerId,
};
use crate::ports::{
    ChannelKey, OptIn, Pause, Pending, PortError, PortErrorKind, RecipientStatus, RecipientStatuses, Usage,
};

/// The operations that can be made to fail, one name per method of the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of the ports' methods")]
pub enum Op {
    Accept,
    Backlog,
    TenantsBehind,
    DeadLetter,
    Load,
    Agenda,
    Live,
    Commit,
    DueTurns,
    DueTimers,
    KeyOf,
    SamePerson,
    CloseIdleLiveSessions,
    Claim,
    Settle,
    Advance,
    DueOutbox,
    ExpireLeases,
    ClaimUnknown,
    OwnedByOthers,
    AwaitsTwin,
    ExpediteRetries,
    HeldBefore,
    OptIn,
    Maintain,
    Usage,
    Pauses,
    Pause,
    PostChannelNotice,
    LeaseQuota,
    Wanted,
    RecipientStatus,
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and this is the error.
    Fail(PortErrorKind),
    /// It happens, and the answer is lost: the caller sees `Timeout`.
    LoseAnswer,
    /// It waits for [`FakeStore::release`], then goes on.
    Hang,
}

/// An in-memory store that keeps the ports' promises. Clones share the rows.
#[derive(Clone, Debug)]
pub struct FakeStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    data: Mutex<Data>,
    faults: Mutex<HashMap<Op, VecDeque<Fault>>>,
    calls: Mutex<HashMap<Op, usize>>,
    progress: watch::Sender<u64>,
    released: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Data {
    inbound: BTreeMap<InboundId, InboundRow>,
    dedupe: HashMap<(TenantId, ChannelId, String), InboundId>,
    outbound: BTreeMap<OutboundId, OutboundRow>,
    conversations: BTreeMap<ConversationId, ConversationRow>,
    contacts: BTreeMap<ContactId, Contact>,
    addresses: BTreeMap<(TenantId, Address), ContactId>,
    sessions: BTreeMap<SessionId, SessionRow>,
    live_sessions: Vec<LiveSessionRow>,
    timers: BTreeMap<TimerId, TimerRow>,
    opt_outs: Vec<(TenantId, Address)>,
    consents: Vec<ConsentRow>,
    welcomed: BTreeMap<ContactId, Timestamp>,
    confirmed: BTreeMap<ContactId, Timestamp>,
    usage: BTreeMap<(TenantId, Timestamp, ChannelId), Usage>,
    pauses: BTreeMap<ChannelKey, Pause>,
    notices: BTreeMap<ChannelKey, Pause>,
    holds: BTreeMap<(TenantId, NodeId), quota_leases::NodeLease>,
    events: Vec<EventRow>,
    scarce: scarce::Scarce,
}

impl FakeStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            data: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
            progress: watch::Sender::new(0),
            released: watch::Sender::new(0),
        }))
    }

    /// The next call of an operation fails like this; several faults queue up.
    pub fn fault(&self, op: Op, fault: Fault) {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner).entry(op).or_default().push_back(fault);
    }

    /// Lets every operation that hangs now go on.
    pub fn release(&self) {
        self.0.released.send_modify(|count| *count += 1);
    }

    /// How often an operation was called, failures included.
    #[must_use]
    pub fn calls(&self, op: Op) -> usize {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).get(&op).copied().unwrap_or_default()
    }

    /// All rows as they stand.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.lock().snapshot()
    }

    /// Comes back, with the rows, when they are as the test expects.
    pub async fn wait(&self, done: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let mut progress = self.0.progress.subscribe();
        loop {
            let snapshot = self.snapshot();
            if done(&snapshot) || progress.changed().await.is_err() {
                return snapshot;
            }
        }
    }

    /// Comes back when an operation was called so many times in all.
    pub async fn wait_calls(&self, op: Op, count: usize) {
        let mut progress = self.0.progress.subscribe();
        while self.calls(op) < count {
            if progress.changed().await.is_err() {
                return;
            }
        }
    }

    /// Writes an opt-out that no turn wrote.
    pub fn opt_out(&self, tenant: &TenantId, address: &Address) {
        self.lock().record_opt_out(tenant, address);
    }

    /// Replays a message, as an operator does; no effect where `Replay` is not allowed.
    pub fn replay(&self, id: OutboundId, at: Timestamp) {
        self.lock().replay(id, at);
        self.0.progress.send_modify(|count| *count += 1);
    }

    /// The last notice of each channel.
    #[must_use]
    pub fn notices(&self) -> Vec<Pause> {
        self.lock().notices.values().cloned().collect()
    }

    /// The message that was asked for with this key.
    #[must_use]
    pub fn asked_before(&self, tenant: &TenantId, key: &str) -> Option<OutboundId> {
        self.lock().asked_before(tenant, key)
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        self.0.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T>(
        &self,
        op: Op,
        apply: impl FnOnce(&mut Data) -> Result<T, PortError> + Send + 'static,
    ) -> Pending<'_, Result<T, PortError>>
    where
        T: Send + 'static,
    {
        *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(op).or_default() += 1;
        let fault = {
            let mut faults = self.0.faults.lock().unwrap_or_else(PoisonError::into_inner);
            faults.get_mut(&op).and_then(VecDeque::pop_front)
        };
        let mut released = self.0.released.subscribe();
        self.0.progress.send_modify(|count| *count += 1);
        Box::pin(async move {
            match fault {
                Some(Fault::Fail(kind)) => return Err(PortError::from(kind)),
                Some(Fault::Hang) => {
                    released.changed().await.map_err(|_| PortError::from(PortErrorKind::Unavailable))?;
                }
                Some(Fault::LoseAnswer) | None => {}
            }
            let result = apply(&mut self.lock());
            self.0.progress.send_modify(|count| *count += 1);
            if fault == Some(Fault::LoseAnswer) { Err(PortError::from(PortErrorKind::Timeout)) } else { result }
        })
    }
}

impl Default for FakeStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Data {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            inbound: self.inbound.values().cloned().collect(),
            outbound: self.outbound.values().cloned().collect(),
            conversations: self.conversations.values().cloned().collect(),
            addresses: self.addresses.iter().map(|((t, a), c)| (t.clone(), a.clone(), *c)).collect(),
            sessions: self.sessions.values().cloned().collect(),
            live_sessions: self.live_sessions.clone(),
            timers: self.timers.values().cloned().collect(),
            opt_outs: self.opt_outs.clone(),
            consents: self.consents.clone(),
            welcomed: self.welcomed.iter().map(|(contact, at)| (*contact, *at)).collect(),
            confirmed: self.confirmed.iter().map(|(contact, at)| (*contact, *at)).collect(),
            usage: self.usage.iter().map(UsageRow::from).collect(),
            pauses: self.pauses.values().cloned().collect(),
            events: self.events.clone(),
        }
    }

    fn is_opted_out(&self, tenant: &TenantId, address: &Address) -> bool {
        let person = self.person(tenant, address);
        self.opt_outs.iter().any(|(t, a)| t == tenant && person.contains(&a.identity()))
    }

    fn recipient_status(&self, tenant: &TenantId, channel: &ChannelId, address: &Address) -> RecipientStatus {
        let contact = self.contact_of(tenant, &address.identity());
        let row = contact.and_then(|contact| self.conversation_with(tenant, channel, contact));
        RecipientStatus {
            opted_out: self.is_opted_out(tenant, address),
            last_inbound_at: row.and_then(|row| row.conversation.last_inbound_at),
        }
    }

    fn opt_in(&self, tenant: &TenantId, channel: &ChannelId, address: &Address) -> OptIn {
        let contact = self.contact_of(tenant, &address.identity());
        let is_theirs = |other: &Address| {
            other == address
                || (contact.is_some() && self.addresses.get(&(tenant.clone(), other.clone())).copied() == contact)
        };
        OptIn {
            asked: self.consents.iter().any(|row| {
                row.what == "welcomed"
                    && row.tenant == *tenant
                    && row.channel.as_ref() == Some(channel)
                    && is_theirs(&row.address)
            }),
            confirmed: contact.is_some_and(|contact| self.confirmed.contains_key(&contact)),
        }
    }

    /// The conversation with a contact on a channel that goes on.
    fn conversation_with(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        contact: ContactId,
    ) -> Option<&ConversationRow> {
        let mut rows = self.conversations.values().filter(|row| row.merged_into.is_none());
        rows.find(|row| row.tenant == *tenant && row.channel == *channel && row.contact == contact)
    }

    fn record_opt_out(&mut self, tenant: &TenantId, address: &Address) -> bool {
        let row = (tenant.clone(), address.clone());
        let new = !self.opt_outs.contains(&row);
        if new {
            self.opt_outs.push(row);
        }
        new
    }

    fn log(&mut self, event: StoreEvent<'_>) {
        self.events.push(EventRow {
            tenant: event.tenant.clone(),
            event_type: event.event_type,
            entity_type: event.entity.0,
            entity_id: event.entity.1,
            correlation: event.correlation,
            actor_type: event.actor_type,
            payload: event.payload,
            created_at: event.at,
        });
    }
}

/// An event that the store itself writes.
struct StoreEvent<'a> {
    tenant: &'a TenantId,
    event_type: EventType,
    entity: (EntityType, Option<Uuid>),
    correlation: CorrelationId,
    actor_type: ActorType,
    payload: serde_json::Value,
    at: Timestamp,
}

impl RecipientStatuses for FakeStore {
    fn recipient_status(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Pending<'_, Result<RecipientStatus, PortError>> {
        let (tenant, channel, address) = (tenant.clone(), channel.clone(), address.clone());
        self.run(Op::RecipientStatus, move |data| Ok(data.recipient_status(&tenant, &channel, &address)))
    }

    fn opt_in(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Pending<'_, Result<OptIn, PortError>> {
        let (tenant, channel, address) = (tenant.clone(), channel.clone(), address.clone());
        self.run(Op::OptIn, move |data| Ok(data.opt_in(&tenant, &channel, &address)))
    }

    fn stopped_marketing(&self, tenant: &TenantId, address: &Address) -> Pending<'_, Result<bool, PortError>> {
        let (tenant, address) = (tenant.clone(), address.clone());
        self.run(Op::OptIn, move |data| Ok(data.stopped_marketing(&tenant, &address)))
    }
}
