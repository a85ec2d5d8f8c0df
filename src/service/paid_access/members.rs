//! What the tenant's people do: look at members, grant, revoke, cancel, refund, reconcile, connect an account.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{LedgerEntry, Until};
use palabre_actors::domain::ids::TenantId;
use serde_json::json;
use uuid::Uuid;

use super::asking::Person;
use super::checkout::{Buyer, blank};
use super::orders::Order;
use super::{AccessError, PaidAccess};
use crate::config::Plan;
use crate::gateway::channel_event::SubscriptionChange;
use crate::service::permissions::Permission::{AccessRead, AccessWrite, PaymentRead, PaymentRefund};
use crate::service::{Caller, ServiceError, audit};
use crate::store::operator::Tenants;
use crate::store::paid_access::{
    AccessChat, AccessFigures, AccessGrant, ChatMember, GrantState, MonthlyRevenue, Payer, PaymentEventFilter,
    PaymentEventLine, Subscription, SubscriptionFilter,
};

/// A member, with their places in chats.
#[derive(Clone, Debug)]
pub struct MemberView {
    pub subscription: Subscription,
    pub places: Vec<AccessGrant>,
}

/// The plans of these tenants.
///
/// # Errors
/// [`AccessError`]
pub fn plans(caller: &Caller, access: &PaidAccess, tenants: &Tenants) -> Result<Vec<(TenantId, Plan)>, AccessError> {
    caller.require(AccessRead)?;
    let among = caller.among(tenants)?;
    let mut found: Vec<_> = access
        .creators
        .now()
        .iter()
        .filter(|(tenant, _)| among.contains(tenant))
        .flat_map(|(tenant, seller)| seller.access.plans.iter().map(move |plan| (tenant.clone(), plan.clone())))
        .collect();
    found.sort_by(|(tenant, plan), (other, another)| (tenant.as_str(), &plan.id).cmp(&(other.as_str(), &another.id)));
    Ok(found)
}

/// The members of these tenants, the newest first.
///
/// # Errors
/// [`AccessError`]
pub async fn members(
    caller: &Caller,
    access: &PaidAccess,
    tenants: &Tenants,
    filter: &SubscriptionFilter,
    limit: usize,
) -> Result<Vec<MemberView>, AccessError> {
    caller.require(AccessRead)?;
    let among = caller.among(tenants)?;
    let found = access.store.subscriptions(&among, filter, limit).await?;
    let ids: Vec<Uuid> = found.iter().map(|row| row.id).collect();
    let places = access.store.access_grants(&ids).await?;
    let view = |subscription: Subscription| {
        let places = places.iter().filter(|place| place.subscription == subscription.id).cloned().collect();
        MemberView { subscription, places }
    };
    Ok(found.into_iter().map(view).collect())
}

/// What payment systems told, the newest first.
///
/// # Errors
/// [`AccessError`]
pub async fn events(
    caller: &Caller,
    access: &PaidAccess,
    tenants: &Tenants,
    filter: &PaymentEventFilter,
    limit: usize,
) -> Result<Vec<PaymentEventLine>, AccessError> {
    caller.require(AccessRead)?;
    let among = caller.among(tenants)?;
    Ok(access.store.payment_events(&among, filter, limit).await?)
}

/// One member, with their places in chats.
///
/// # Errors
/// [`AccessError`]
pub async fn member_of(caller: &Caller, access: &PaidAccess, id: Uuid) -> Result<MemberView, AccessError> {
    let subscription = find(caller, access, AccessRead, id).await?;
    let places = access.store.access_grants(&[id]).await?;
    Ok(MemberView { subscription, places })
}

/// What this member was seen to be in paid chats.
///
/// # Errors
/// [`AccessError`]
pub async fn seen_in_chats(
    caller: &Caller,
    access: &PaidAccess,
    row: &Subscription,
) -> Result<Vec<ChatMember>, AccessError> {
    caller.require(AccessRead)?;
    caller.within(&row.tenant)?;
    let mut seen = access.store.chat_members(&Tenants::Of(vec![row.tenant.clone()])).await?;
    seen.retain(|member| Some(&member.address) == row.address.as_ref());
    Ok(seen)
}

/// What came in by month, and how many members came and went since then.
///
/// # Errors
/// [`AccessError`]
pub async fn revenue(
    caller: &Caller,
    access: &PaidAccess,
    tenants: &Tenants,
    since: Timestamp,
) -> Result<(Vec<MonthlyRevenue>, AccessFigures), AccessError> {
    caller.require(PaymentRead)?;
    let among = caller.among(tenants)?;
    Ok((access.store.monthly_revenue(&among).await?, access.store.access_figures(&among, since).await?))
}

/// How it stands with the chats of these tenants, and who is not where they should be.
///
/// # Errors
/// [`AccessError`]
pub async fn chats(
    caller: &Caller,
    access: &PaidAccess,
    tenants: &Tenants,
) -> Result<(Vec<AccessChat>, Vec<ChatMember>), AccessError> {
    caller.require(AccessRead)?;
    let among = caller.among(tenants)?;
    let mut seen = access.store.chat_members(&among).await?;
    seen.retain(|member| member.finding.is_some());
    Ok((access.store.access_chats(&among).await?, seen))
}

/// Sends a member new ways in to the chats in which they are not.
///
/// # Errors
/// [`AccessError`]
pub async fn invite_again(caller: &Caller, access: &PaidAccess, id: Uuid, now: Timestamp) -> Result<(), AccessError> {
    let row = find(caller, access, AccessWrite, id).await?;
    note(caller, access, &row, "access.invite").await?;
    for place in access.store.access_grants(&[id]).await? {
        if place.state == GrantState::Invited {
            access.store.move_access_grant(place.id, (GrantState::Invited, GrantState::Out), None, now).await?;
        }
    }
    Ok(access.store.check_subscriptions(&[id], now).await?)
}

/// Gives somebody access by hand, until then or for ever.
///
/// # Errors
/// [`AccessError`]
pub async fn grant(
    caller: &Caller,
    access: &PaidAccess,
    (tenant, plan): (&TenantId, &str),
    member: &Address,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Uuid, AccessError> {
    caller.require(AccessWrite)?;
    caller.within(tenant)?;
    let plan = &access.plan(tenant, plan).ok_or(AccessError::UnknownPlan)?;
    let language = access.creators.get(tenant).map_or_else(Default::default, |seller| seller.language);
    let buyer = Buyer { tenant: tenant.clone(), plan: plan.id.clone(), language, member: Some(member.clone()) };
    let mut row = blank(plan, &buyer, Payer::Hand, now);
    let until = until.map_or(Until::Forever, Until::At);
    row.ledger.record(LedgerEntry::Granted { grant: row.id.to_string(), at: now, until });
    row.bound_at = Some(now);
    row.next_check_at = Some(now);
    note(caller, access, &row, "access.grant").await?;
    access.store.add_subscription(&row).await?;
    Ok(row.id)
}

/// Ends a member's access at once, and the renewal of what they pay. What they paid is not given back.
///
/// # Errors
/// [`AccessError`]
pub async fn revoke(caller: &Caller, access: &PaidAccess, id: Uuid, now: Timestamp) -> Result<(), AccessError> {
    let row = find(caller, access, AccessWrite, id).await?;
    note(caller, access, &row, "access.revoke").await?;
    access.enter(&row.tenant, id, &[LedgerEntry::Revoked { at: now }], now).await?;
    if row.payer != Payer::Hand && access.terms(&row.tenant, &row.plan).renews {
        // Nobody pays on for what they were put out of.
        access.order(&row, Order::End, now).await?;
    }
    Ok(())
}

/// Ends a subscription at the end of what is paid, or at once.
///
/// # Errors
/// [`AccessError`]
pub async fn cancel(
    caller: &Caller,
    access: &PaidAccess,
    id: Uuid,
    at_once: bool,
    now: Timestamp,
) -> Result<(), AccessError> {
    let row = find(caller, access, AccessWrite, id).await?;
    note(caller, access, &row, "access.cancel").await?;
    if row.payer == Payer::Stars {
        // The bot does it, and a bot is the daemon's.
        member(&row)?;
        row.provider_payment.as_ref().ok_or(AccessError::NothingPaid)?;
        access.subscription_changed((&row.tenant, now), row.id, SubscriptionChange::Cancelled).await?;
        access.order(&row, Order::Cancel, now).await?;
    } else {
        access.end_renewal(&row, at_once, now).await?;
    }
    if at_once {
        access.enter(&row.tenant, id, &[LedgerEntry::Revoked { at: now }], now).await?;
    }
    Ok(())
}

impl PaidAccess {
    /// Has the payment system renew a subscription no more.
    pub(super) async fn end_renewal(
        &self,
        row: &Subscription,
        at_once: bool,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        match (row.payer, &row.account, &row.provider_subscription) {
            (Payer::Stripe, Some(account), Some(subscription)) => {
                let stripe = self.stripe()?;
                stripe.cancel(account, subscription, at_once).await?;
                self.refresh(stripe, (&row.tenant, account), subscription, now).await?;
            }
            (Payer::Stars, _, _) => {
                let charge = row.provider_payment.clone().ok_or(AccessError::NothingPaid)?;
                self.ask_about(member(row)?, "cancel_subscription", json!({ "charge": charge })).await?;
                self.subscription_changed((&row.tenant, now), row.id, SubscriptionChange::Cancelled).await?;
            }
            _ => return Err(AccessError::NotSoldSo),
        }
        Ok(())
    }
}

/// Gives the last payment back, which ends what it paid for.
///
/// # Errors
/// [`AccessError`]
pub async fn refund(caller: &Caller, access: &PaidAccess, id: Uuid, now: Timestamp) -> Result<(), AccessError> {
    let row = find(caller, access, PaymentRefund, id).await?;
    let payment = row.provider_payment.clone().ok_or(AccessError::NothingPaid)?;
    note(caller, access, &row, "payment.refund").await?;
    match (row.payer, &row.account, &row.provider_subscription) {
        (Payer::Stripe, Some(account), Some(bought)) => {
            let stripe = access.stripe()?;
            stripe.refund(account, &payment).await?;
            if bought == &payment {
                let entry = LedgerEntry::Refunded { payment };
                access.enter(&row.tenant, id, &[entry], now).await?;
            } else {
                access.refresh(stripe, (&row.tenant, account), bought, now).await?;
            }
        }
        (Payer::Stars, _, _) => {
            member(&row)?;
            access.order(&row, Order::Refund, now).await?;
            access.enter(&row.tenant, id, &[LedgerEntry::Refunded { payment }], now).await?;
        }
        _ => return Err(AccessError::NothingPaid),
    }
    Ok(())
}

/// A page on which a tenant's connected account is completed; the account is made when there is none. Returns the account and
/// the page.
///
/// # Errors
/// [`AccessError`]
pub async fn connect(caller: &Caller, access: &PaidAccess, tenant: &TenantId) -> Result<(String, String), AccessError> {
    caller.require(AccessWrite)?;
    caller.within(tenant)?;
    let stripe = access.stripe()?;
    audit::note(caller, &access.store, tenant, "access.connect", ("tenant", tenant.as_str())).await?;
    let known = access.creators.get(tenant).and_then(|seller| seller.access.stripe_account.clone());
    let account = match known {
        Some(account) => account,
        None => stripe.create_account(tenant.as_str()).await?.id,
    };
    let back = access.public_base_url.clone().unwrap_or_else(|| "https://dashboard.stripe.com".to_owned());
    let page = stripe.account_link(&account, &back).await?;
    Ok((account, page.url))
}

pub(super) async fn find(
    caller: &Caller,
    access: &PaidAccess,
    permission: crate::service::Permission,
    id: Uuid,
) -> Result<Subscription, AccessError> {
    caller.require(permission)?;
    let found = access.store.subscription(&caller.tenants, id).await?;
    found.ok_or_else(|| ServiceError::NotFound("subscription").into())
}

fn member(row: &Subscription) -> Result<Person<'_>, AccessError> {
    row.member().ok_or(AccessError::UnknownSubscription)
}

pub(super) async fn note(
    caller: &Caller,
    access: &PaidAccess,
    row: &Subscription,
    action: &'static str,
) -> Result<(), AccessError> {
    let id = row.id.to_string();
    Ok(audit::note(caller, &access.store, &row.tenant, action, ("subscription", &id)).await?)
}
