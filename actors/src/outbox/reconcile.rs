//! Messages whose fate is unknown: ask the provider, then decide (I5).
//!
//! Each lane asks by itself, a few at a time, so a provider that hangs holds up its own lane alone (I9).

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use metrics::counter;

use super::channel_health::ChannelHealth;
use super::sender_pool::{SenderPool, TenantSenders};
use super::{delivery, policy, routing};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::ids::ChannelId;
use crate::domain::message::Outbound;
use crate::domain::send::{Found, OutboundRequest, Receipt, SendError, SendErrorClass};
use crate::ports::{ChannelKey, ClaimUnknown, Gateway, PortError, Settled};
use crate::runtime::{ActorContext, metric};

/// Unknown rows leased at once.
const CLAIM_LIMIT: usize = 64;
/// Questions of one lane under way at once.
const ASKING_LIMIT: usize = 8;
/// Leased rows of one lane that wait for their question. More are asked about when their lease has run out.
const WAITING_LIMIT: usize = 256;

/// Who asks about what.
pub(super) struct Reconciler {
    context: Arc<ActorContext>,
    pool: Arc<SenderPool>,
    channel_keys: Mutex<HashMap<ChannelKey, Asking>>,
}

#[derive(Default)]
struct Asking {
    under_way: usize,
    /// With the end of their leases.
    waiting: VecDeque<(Outbound, Timestamp)>,
}

/// Told of a lane whose row was settled, and when the lane wants another look.
pub(super) type Tell = Arc<dyn Fn(ChannelKey, Timestamp) + Send + Sync>;

impl Reconciler {
    pub(super) fn new(context: Arc<ActorContext>, pool: Arc<SenderPool>) -> Arc<Self> {
        Arc::new(Self { context, pool, channel_keys: Mutex::default() })
    }

    /// Leases every unknown row that is due, and has the providers asked. Does not wait for their answers: `tell` hears
    /// of each.
    pub(super) async fn look_into(self: &Arc<Self>, tell: &Tell) -> Result<(), PortError> {
        loop {
            let now = self.context.now();
            let lease_until = ActorContext::later(now, self.context.settings.lease);
            let node = self.context.node.clone();
            let claim = ClaimUnknown { node, now, lease_until, limit: CLAIM_LIMIT };
            let rows = self.context.within_deadline(self.context.ports.outbox.claim_unknown(claim)).await?;
            let full = rows.len() == CLAIM_LIMIT;
            for message in rows {
                self.enqueue(message, lease_until, tell);
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn enqueue(self: &Arc<Self>, message: Outbound, lease_until: Timestamp, tell: &Tell) {
        let channel_key = ChannelKey { tenant: message.tenant.clone(), channel: message.channel.clone() };
        let begin = {
            let mut channel_keys = self.lock();
            let asking = channel_keys.entry(channel_key.clone()).or_default();
            if asking.waiting.len() < WAITING_LIMIT {
                asking.waiting.push_back((message, lease_until));
            }
            let begin = asking.under_way < ASKING_LIMIT;
            asking.under_way += usize::from(begin);
            begin
        };
        if begin {
            let (reconciler, tell) = (Arc::clone(self), Arc::clone(tell));
            self.context.io.spawn(async move { reconciler.work_off(channel_key, tell).await });
        }
    }

    /// Asks about one row of the lane after another, until none waits.
    async fn work_off(self: Arc<Self>, channel_key: ChannelKey, tell: Tell) {
        while let Some((message, lease_until)) = self.next(&channel_key) {
            // Its lease may have run out while it waited here: then it is leased again, to whoever comes first.
            if self.context.now() >= lease_until {
                continue;
            }
            let asked = async {
                let outcome = self.ask(&message).await;
                let again_at = match &outcome.result {
                    Settled::Later { at, .. } | Settled::Unknown { ask_at: at, .. } => *at,
                    // It left its line: what queued behind it may go now.
                    _ => self.context.now(),
                };
                delivery::settle(&self.context, message, outcome).await;
                again_at
            };
            // A panic leaves the row's lease to run out, and it is looked into again.
            match AssertUnwindSafe(asked).catch_unwind().await {
                Ok(again_at) => tell(channel_key.clone(), again_at),
                Err(_) => counter!(metric::PANICS, "actor" => "inquiry").increment(1),
            }
        }
    }

    fn next(&self, channel_key: &ChannelKey) -> Option<(Outbound, Timestamp)> {
        let mut channel_keys = self.lock();
        let asking = channel_keys.get_mut(channel_key)?;
        let next = asking.waiting.pop_front();
        if next.is_none() {
            asking.under_way = asking.under_way.saturating_sub(1);
            if asking.under_way == 0 {
                channel_keys.remove(channel_key);
            }
        }
        next
    }

    async fn ask(&self, message: &Outbound) -> delivery::Outcome {
        let context = &*self.context;
        let senders = self.pool.tenant(&message.tenant);
        let account = senders.and_then(|senders| senders.account(&message.channel));
        let gateway = context.ports.gateways.get(&message.channel);
        let (Some(senders), Some(account), Some(gateway)) = (senders, account, gateway) else {
            let ask_at = ActorContext::later(context.now(), delivery::UNCONFIGURED_WAIT);
            return Settled::Unknown { ask_at, reason: "channel_not_configured".to_owned() }.into();
        };
        let mut found = self.find_again(message, (senders, account), &*gateway, &message.to).await;
        let (mut asked, mut on_unknown) = (account, gateway.on_unknown());
        // Another account may have taken over: only when that does not have it either, it is repeated.
        if matches!(found, Ok(Found::Absent | Found::CannotTell))
            && let Some(other) = account.profile.fallback.as_ref().and_then(|fallback| senders.account(fallback))
            && let Some(to) = message.to.on(other.profile.scheme)
            && let Some(gateway) = context.ports.gateways.get(&other.channel_key.channel)
            && routing::carries(message, &other.profile)
        {
            let there = self.find_again(message, (senders, other), &*gateway, &to).await;
            // Who could not be asked is asked again; who cannot tell says nothing that the other has not said.
            let says_more = match (&found, &there) {
                (_, Ok(Found::Absent)) | (Ok(Found::CannotTell), Ok(Found::CannotTell)) => false,
                (_, Ok(Found::Taken(_) | Found::CannotTell) | Err(_)) => true,
            };
            if says_more {
                (found, asked, on_unknown) = (there, other, gateway.on_unknown());
            }
        }
        let retry = &account.profile.retry;
        let now = context.now();
        let mut result = policy::reconciled(found, on_unknown, message, retry, now, &context.settings);
        if !matches!(result, Settled::Unknown { .. }) && !senders.was_lost_elsewhere(message.id) {
            result = senders.again(message, result, now);
        }
        let cost_micros = if matches!(result, Settled::Found(_)) { asked.profile.cost_micros } else { 0 };
        let via = (asked.channel_key.channel != message.channel).then(|| asked.as_via());
        delivery::Outcome { result, via, cost_micros }
    }

    /// Asks a second time before it is believed that a provider does not have a message. One that stood still answers what
    /// it was asked meanwhile in any order: the first question may have overtaken the message, the second comes after both.
    async fn find_again(
        &self,
        message: &Outbound,
        there: (&TenantSenders, &ChannelHealth),
        gateway: &dyn Gateway,
        to: &Address,
    ) -> Result<Found, SendError> {
        let found = self.find(message, there, gateway, to).await;
        if !matches!(found, Ok(Found::Absent)) {
            return found;
        }
        let settings = &self.context.settings;
        tokio::time::sleep(settings.ask_after.min(settings.lease / 4)).await;
        self.find(message, there, gateway, to).await
    }

    /// What one account's provider has of a message, in any form in which it may have gone there, without the twins that
    /// other rows own.
    async fn find(
        &self,
        message: &Outbound,
        (senders, account): (&TenantSenders, &ChannelHealth),
        gateway: &dyn Gateway,
        to: &Address,
    ) -> Result<Found, SendError> {
        let channel = &account.channel_key.channel;
        let free = routing::free_form(message, &account.profile);
        let template = routing::template(message, &account.profile).filter(|form| Some(form) != free.as_ref());
        let through = senders.leaving_through(channel);
        let mut cannot_tell = free.is_none() && template.is_none();
        for form in free.into_iter().chain(template) {
            match gateway.find(OutboundRequest { message, channel, to, form }).await? {
                Found::Taken(receipts) => {
                    if let Some(receipt) = self.ours(message, &through, receipts).await? {
                        return Ok(Found::Taken(vec![receipt]));
                    }
                }
                Found::Absent => {}
                Found::CannotTell => cannot_tell = true,
            }
        }
        Ok(if cannot_tell { Found::CannotTell } else { Found::Absent })
    }

    /// The first of the receipts that no other row owns, or could own: while a twin is on the wire, or is unknown and
    /// older, what nobody owns may be its own.
    async fn ours(
        &self,
        message: &Outbound,
        through: &[ChannelId],
        receipts: Vec<Receipt>,
    ) -> Result<Option<Receipt>, SendError> {
        let context = &*self.context;
        let later = |code: &str, detail: &str| SendError {
            class: SendErrorClass::Retry { after: Some(context.settings.ask_after) },
            code: Some(code.to_owned()),
            throttled: false,
            detail: detail.to_owned(),
        };
        let unavailable = |_| later("twins_unavailable", "the store could not say whose these receipts are");
        let awaits_duplicate_candidate =
            context.within_deadline(context.ports.outbox.awaits_duplicate_candidate(message, through)).await;
        if awaits_duplicate_candidate.map_err(unavailable)? {
            return Err(later("twin_first", "another message to this contact may own these receipts"));
        }
        let ids: Vec<_> = receipts.iter().map(|receipt| receipt.provider_message_id.clone()).collect();
        let owned = context.within_deadline(context.ports.outbox.owned_by_others(message, &ids)).await;
        let owned = owned.map_err(unavailable)?;
        Ok(receipts.into_iter().find(|receipt| !owned.contains(&receipt.provider_message_id)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelKey, Asking>> {
        self.channel_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
