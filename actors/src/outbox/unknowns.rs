//! Messages whose fate is unknown: ask the provider, then decide (I5).
//!
//! Each lane asks by itself, a few at a time, so a provider that hangs holds up its own lane alone (I9).

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use metrics::counter;

use super::account::Account;
use super::desk::{Desk, TenantDesk};
use super::{delivery, letters, policy};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::ids::ChannelId;
use crate::domain::message::Outbound;
use crate::domain::send::{Found, Letter, Receipt, SendError, SendErrorClass};
use crate::kit::{Outside, metric};
use crate::ports::{ClaimUnknown, Gateway, LaneKey, PortError, Settled};

/// Unknown rows leased at once.
const CLAIM_LIMIT: usize = 64;
/// Questions of one lane under way at once.
const ASKING_LIMIT: usize = 8;
/// Leased rows of one lane that wait for their question. More are asked about when their lease has run out.
const WAITING_LIMIT: usize = 256;

/// Who asks about what.
pub(super) struct Inquiry {
    outside: Arc<Outside>,
    desk: Arc<Desk>,
    lanes: Mutex<HashMap<LaneKey, Asking>>,
}

#[derive(Default)]
struct Asking {
    under_way: usize,
    /// With the end of their leases.
    waiting: VecDeque<(Outbound, Timestamp)>,
}

/// Told of a lane whose row was settled, and when the lane wants another look.
pub(super) type Tell = Arc<dyn Fn(LaneKey, Timestamp) + Send + Sync>;

impl Inquiry {
    pub(super) fn new(outside: Arc<Outside>, desk: Arc<Desk>) -> Arc<Self> {
        Arc::new(Self { outside, desk, lanes: Mutex::default() })
    }

    /// Leases every unknown row that is due, and has the providers asked. Does not wait for their answers: `tell` hears
    /// of each.
    pub(super) async fn look_into(self: &Arc<Self>, tell: &Tell) -> Result<(), PortError> {
        loop {
            let now = self.outside.now();
            let lease_until = Outside::later(now, self.outside.settings.lease);
            let node = self.outside.node.clone();
            let claim = ClaimUnknown { node, now, lease_until, limit: CLAIM_LIMIT };
            let rows = self.outside.within_deadline(self.outside.ports.outbox.claim_unknown(claim)).await?;
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
        let lane = LaneKey { tenant: message.tenant.clone(), channel: message.channel.clone() };
        let begin = {
            let mut lanes = self.lock();
            let asking = lanes.entry(lane.clone()).or_default();
            if asking.waiting.len() < WAITING_LIMIT {
                asking.waiting.push_back((message, lease_until));
            }
            let begin = asking.under_way < ASKING_LIMIT;
            asking.under_way += usize::from(begin);
            begin
        };
        if begin {
            let (inquiry, tell) = (Arc::clone(self), Arc::clone(tell));
            self.outside.io.spawn(async move { inquiry.work_off(lane, tell).await });
        }
    }

    /// Asks about one row of the lane after another, until none waits.
    async fn work_off(self: Arc<Self>, lane: LaneKey, tell: Tell) {
        while let Some((message, lease_until)) = self.next(&lane) {
            // Its lease may have run out while it waited here: then it is leased again, to whoever comes first.
            if self.outside.now() >= lease_until {
                continue;
            }
            let asked = async {
                let outcome = self.ask(&message).await;
                let again_at = match &outcome.result {
                    Settled::Later { at, .. } | Settled::Unknown { ask_at: at, .. } => *at,
                    // It left its line: what queued behind it may go now.
                    _ => self.outside.now(),
                };
                delivery::settle(&self.outside, message, outcome).await;
                again_at
            };
            // A panic leaves the row's lease to run out, and it is looked into again.
            match AssertUnwindSafe(asked).catch_unwind().await {
                Ok(again_at) => tell(lane.clone(), again_at),
                Err(_) => counter!(metric::PANICS, "actor" => "inquiry").increment(1),
            }
        }
    }

    fn next(&self, lane: &LaneKey) -> Option<(Outbound, Timestamp)> {
        let mut lanes = self.lock();
        let asking = lanes.get_mut(lane)?;
        let next = asking.waiting.pop_front();
        if next.is_none() {
            asking.under_way = asking.under_way.saturating_sub(1);
            if asking.under_way == 0 {
                lanes.remove(lane);
            }
        }
        next
    }

    async fn ask(&self, message: &Outbound) -> delivery::Outcome {
        let outside = &*self.outside;
        let page = self.desk.page(&message.tenant);
        let account = page.and_then(|page| page.account(&message.channel));
        let gateway = outside.ports.gateways.get(&message.channel);
        let (Some(page), Some(account), Some(gateway)) = (page, account, gateway) else {
            let ask_at = Outside::later(outside.now(), delivery::UNCONFIGURED_WAIT);
            return Settled::Unknown { ask_at, reason: "channel_not_configured".to_owned() }.into();
        };
        let mut found = self.find_again(message, (page, account), &*gateway, &message.to).await;
        let (mut asked, mut on_unknown) = (account, gateway.on_unknown());
        // Another account may have taken over: only when that does not have it either, it is repeated.
        if matches!(found, Ok(Found::Absent | Found::CannotTell))
            && let Some(other) = account.profile.fallback.as_ref().and_then(|fallback| page.account(fallback))
            && let Some(to) = message.to.on(other.profile.scheme)
            && let Some(gateway) = outside.ports.gateways.get(&other.lane.channel)
            && letters::carries(message, &other.profile)
        {
            let there = self.find_again(message, (page, other), &*gateway, &to).await;
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
        let now = outside.now();
        let mut result = policy::reconciled(found, on_unknown, message, retry, now, &outside.settings);
        if !matches!(result, Settled::Unknown { .. }) && !page.was_lost_elsewhere(message.id) {
            result = page.again(message, result, now);
        }
        let cost_micros = if matches!(result, Settled::Found(_)) { asked.profile.cost_micros } else { 0 };
        let via = (asked.lane.channel != message.channel).then(|| asked.as_via());
        delivery::Outcome { result, via, cost_micros }
    }

    /// Asks a second time before it is believed that a provider does not have a message. One that stood still answers what
    /// it was asked meanwhile in any order: the first question may have overtaken the message, the second comes after both.
    async fn find_again(
        &self,
        message: &Outbound,
        there: (&TenantDesk, &Account),
        gateway: &dyn Gateway,
        to: &Address,
    ) -> Result<Found, SendError> {
        let found = self.find(message, there, gateway, to).await;
        if !matches!(found, Ok(Found::Absent)) {
            return found;
        }
        let settings = &self.outside.settings;
        tokio::time::sleep(settings.ask_after.min(settings.lease / 4)).await;
        self.find(message, there, gateway, to).await
    }

    /// What one account's provider has of a message, in any form in which it may have gone there, without the twins that
    /// other rows own.
    async fn find(
        &self,
        message: &Outbound,
        (page, account): (&TenantDesk, &Account),
        gateway: &dyn Gateway,
        to: &Address,
    ) -> Result<Found, SendError> {
        let channel = &account.lane.channel;
        let free = letters::free_form(message, &account.profile);
        let template = letters::template(message, &account.profile).filter(|form| Some(form) != free.as_ref());
        let through = page.leaving_through(channel);
        let mut cannot_tell = free.is_none() && template.is_none();
        for form in free.into_iter().chain(template) {
            match gateway.find(Letter { message, channel, to, form }).await? {
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
        let outside = &*self.outside;
        let later = |code: &str, detail: &str| SendError {
            class: SendErrorClass::Retry { after: Some(outside.settings.ask_after) },
            code: Some(code.to_owned()),
            detail: detail.to_owned(),
        };
        let unavailable = |_| later("twins_unavailable", "the store could not say whose these receipts are");
        let awaits_twin = outside.within_deadline(outside.ports.outbox.awaits_twin(message, through)).await;
        if awaits_twin.map_err(unavailable)? {
            return Err(later("twin_first", "another message to this contact may own these receipts"));
        }
        let ids: Vec<_> = receipts.iter().map(|receipt| receipt.provider_message_id.clone()).collect();
        let owned = outside.within_deadline(outside.ports.outbox.owned_by_others(message, &ids)).await;
        let owned = owned.map_err(unavailable)?;
        Ok(receipts.into_iter().find(|receipt| !owned.contains(&receipt.provider_message_id)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LaneKey, Asking>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
