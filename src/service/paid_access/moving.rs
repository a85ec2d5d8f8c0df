//! Moves of a purchase to another account: by the tenant's people, or by the payer themselves when a cooling time is over.
//!
//! Of several who want it, one gets it (I12): the row is changed under its version, and the account that it leaves gets a row of
//! its own in the same transaction, which has its places and no right to them.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{Ledger, LedgerEntry, SubscriptionState, Until};
use palabre_actors::domain::ids::TenantId;
use uuid::Uuid;

use super::apply::TRIES;
use super::asking::only;
use super::links::Links;
use super::members::{find, note};
use super::own::MEMBER;
use super::{AccessError, PaidAccess};
use crate::service::Caller;
use crate::service::permissions::Permission::AccessWrite;
use crate::store::paid_access::{AppliedEvent, NewPaymentEvent, Payer, Subscription};

/// How long a purchase stays with an account before its payer may move it, and how long after a move nobody moves it again.
const COOLING: TimeDelta = TimeDelta::days(30);
/// What the event of a payer's own move is called.
const MOVED: &str = "member.move";

/// Gives a purchase to another account: the old one is out, the new one in. Nobody gives it on within the cooling time.
///
/// # Errors
/// [`AccessError`]; `MovedLately`: it was moved already, by somebody who was faster or some days ago.
pub async fn move_to(
    caller: &Caller,
    access: &PaidAccess,
    id: Uuid,
    to: &Address,
    now: Timestamp,
) -> Result<(), AccessError> {
    let row = find(caller, access, AccessWrite, id).await?;
    if row.payer == Payer::Stars || row.is_left_behind() {
        // Stars are paid by the account that enters, and what was left behind is nobody's.
        return Err(AccessError::NotSoldSo);
    }
    if row.moved_at.is_some_and(|moved_at| now < moved_at + COOLING) {
        return Err(AccessError::MovedLately);
    }
    if access
        .plan(&row.tenant, &row.plan)
        .is_some_and(|plan| plan.chats.iter().any(|chat| chat.scheme() != to.scheme()))
    {
        return Err(AccessError::NotSoldSo);
    }
    note(caller, access, &row, "access.move").await?;
    if access.rebind(row, to, now).await? { Ok(()) } else { Err(AccessError::MovedLately) }
}

impl Subscription {
    /// Whether it is what an account was left with when its purchase was moved to another one.
    pub(super) fn is_left_behind(&self) -> bool {
        self.payer == Payer::Hand && self.provider_subscription.is_some()
    }
}

impl PaidAccess {
    /// Moves a purchase to whoever sends its payer's signed token. `false`: the token does not hold, or it is too soon.
    pub(super) async fn moves_here(
        &self,
        (tenant, now): (&TenantId, Timestamp),
        token: &str,
        to: &Address,
    ) -> Result<bool, AccessError> {
        let Some(id) = Links::moved(token) else { return Ok(false) };
        let Some(row) = self.store.subscription(&only(tenant), id).await? else { return Ok(false) };
        let Some(bound_at) = row.bound_at else { return Ok(false) };
        if row.address.as_ref() == Some(to) {
            // Whoever sends it twice has it.
            return Ok(true);
        }
        let holds = self.links().is_some_and(|links| links.may_move(token, id, bound_at));
        if !holds || self.move_from(&row).is_none_or(|from| now < from) {
            return Ok(false);
        }
        let key = format!("{id}:{MOVED}:{}", bound_at.timestamp());
        if !self.rebind(row, to, now).await? {
            return Ok(false);
        }
        let event = NewPaymentEvent {
            provider: MEMBER,
            provider_event_id: key.clone(),
            kind: MOVED.to_owned(),
            is_live: true,
            account: Some(tenant.to_string()),
            about: (None, None),
            subject: ("subscription", Some(key)),
            received_at: now,
            applied: Some(AppliedEvent {
                outcome: "applied",
                tenant: Some(tenant.clone()),
                subscription: Some(id),
                money: None,
            }),
        };
        self.store.keep_payment_event(&event).await?;
        Ok(true)
    }

    /// From when on the payer may move what they bought. `None`: it is not theirs to move.
    pub(super) fn move_from(&self, row: &Subscription) -> Option<Timestamp> {
        let bound_at = row.bound_at.filter(|_| row.payer == Payer::Stripe && row.address.is_some())?;
        Some(bound_at + COOLING)
    }

    /// What the payer sends the bot from another account, and from when on it holds.
    pub(super) fn move_token(&self, row: &Subscription) -> Option<(String, Timestamp)> {
        let (from, bound_at) = (self.move_from(row)?, row.bound_at?);
        Some((self.links()?.moving(row.id, bound_at), from))
    }

    /// Binds a purchase to another account. `false`: somebody else has moved it meanwhile.
    async fn rebind(&self, row: Subscription, to: &Address, now: Timestamp) -> Result<bool, AccessError> {
        let (id, tenant, bound_at, address) = (row.id, only(&row.tenant), row.bound_at, row.address.clone());
        let mut row = row;
        for _ in 0..TRIES {
            if row.address.as_ref() == Some(to) {
                return Ok(true);
            }
            if (row.bound_at, &row.address) != (bound_at, &address) {
                return Ok(false);
            }
            let left = row.address.clone().map(|old| left_behind(&row, old, now));
            let moved = Subscription {
                address: Some(to.clone()),
                contact: None,
                bound_at: Some(now),
                moved_at: left.as_ref().map(|_| now).or(row.moved_at),
                next_check_at: Some(now),
                ..row
            };
            if self.store.move_subscription(&moved, left.as_ref(), now).await? {
                return Ok(true);
            }
            // An event of its payment may have come meanwhile: that is no reason to refuse.
            row = self.store.subscription(&tenant, id).await?.ok_or(AccessError::UnknownSubscription)?;
        }
        Err(AccessError::Busy)
    }
}

/// What the old account is left with: places in chats, and no right to them any more.
fn left_behind(row: &Subscription, old: Address, now: Timestamp) -> Subscription {
    let mut ledger = Ledger::default();
    let id = Uuid::now_v7();
    let at = row.bound_at.unwrap_or(row.created_at);
    ledger.record(LedgerEntry::Granted { grant: id.to_string(), at, until: Until::At(now) });
    Subscription {
        id,
        address: Some(old),
        state: SubscriptionState::Expired,
        current_period_end: Some(now),
        grace_until: None,
        payer: Payer::Hand,
        provider_subscription: Some(format!("moved:{}:{}", row.id, row.version)),
        provider_customer: None,
        provider_payment: None,
        account: None,
        ledger,
        told: std::collections::BTreeSet::default(),
        version: 1,
        next_check_at: Some(now),
        created_at: now,
        invoiced_at: None,
        receipt_url: None,
        pay_url: None,
        moved_at: None,
        ..row.clone()
    }
}
