//! Buying: the page on which a plan is paid by card, and the page on which it is managed.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{Ledger, SubscriptionState};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;
use uuid::Uuid;

use super::apply::METADATA;
use super::asking::only;
use super::{AccessError, PaidAccess};
use crate::config::{Every, Plan};
use crate::payments::stripe::CheckoutRequest;
use crate::store::paid_access::{Payer, Subscription};

/// Who buys what.
#[derive(Clone)]
pub struct Buyer {
    pub tenant: TenantId,
    pub plan: String,
    pub language: Language,
    /// Who may enter, as the bot's channel addresses them. `None`: they claim it after they have paid.
    pub member: Option<Address>,
}

/// Where to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutPage {
    /// On this page, for this subscription.
    At(String, Uuid),
    /// Nowhere: it is paid already.
    AlreadyPaid,
}

/// Makes a page on which a plan is paid. Anybody may ask.
///
/// # Errors
/// [`AccessError`]
pub async fn buy(access: &PaidAccess, buyer: &Buyer, now: Timestamp) -> Result<CheckoutPage, AccessError> {
    let plan = &access.plan(&buyer.tenant, &buyer.plan).ok_or(AccessError::UnknownPlan)?;
    let amount = plan.price.ok_or(AccessError::NotSoldSo)?;
    let seller = access.creators.get(&buyer.tenant).ok_or(AccessError::UnknownPlan)?;
    let account = seller.access.stripe_account.as_deref().ok_or(AccessError::NotByCard)?;
    let stripe = access.stripe()?;
    let (mut customer, mut has_had) = (None, false);
    if let Some(member) = &buyer.member {
        for known in access.store.subscriptions_of_member(&buyer.tenant, member).await? {
            let is_paid = known.ledger.entitlement(plan.terms(), now).state == SubscriptionState::Active;
            if known.plan == plan.id && is_paid && known.payer != Payer::Hand {
                return Ok(CheckoutPage::AlreadyPaid);
            }
            // Who has tried it, or had it, pays from the first day on.
            has_had |=
                known.plan == plan.id && !(known.ledger.payments().is_empty() && known.ledger.provider().is_none());
            customer = known.provider_customer.or(customer);
        }
    }
    let row = pending(plan, buyer, account, now);
    access.store.add_subscription(&row).await?;
    let id = row.id.to_string();
    let page = access.page_of(&buyer.tenant, &plan.id).unwrap_or_default();
    let token = access.links().map(|links| links.claim(row.id)).unwrap_or_default();
    let back = |given: &Option<String>, step: &str| given.clone().unwrap_or_else(|| format!("{page}/{step}?s={token}"));
    let metadata = [(METADATA, id.as_str()), ("palabre_tenant", buyer.tenant.as_str()), ("palabre_plan", &plan.id)];
    let request = CheckoutRequest {
        name: &plan.name,
        currency: plan.currency.as_str(),
        amount,
        every: (plan.every != Every::Once).then(|| plan.every.as_str()),
        trial_days: if has_had { 0 } else { plan.trial.as_secs() / (24 * 60 * 60) },
        tax: plan.tax,
        promotion_codes: plan.promotion_codes,
        locale: buyer.language.as_str(),
        success_url: &back(&access.success_url, "paid"),
        cancel_url: &back(&access.cancel_url, "cancelled"),
        metadata: &metadata,
        customer: customer.as_deref(),
        idempotency_key: &id,
    };
    let session = stripe.checkout(account, &request).await?;
    let url = session.url.ok_or(crate::payments::stripe::StripeError::Unreadable)?;
    Ok(CheckoutPage::At(url, row.id))
}

fn pending(plan: &Plan, buyer: &Buyer, account: &str, now: Timestamp) -> Subscription {
    Subscription {
        account: Some(account.to_owned()),
        bound_at: buyer.member.is_some().then_some(now),
        ..blank(plan, buyer, Payer::Stripe, now)
    }
}

/// A subscription of which nothing is paid.
pub(super) fn blank(plan: &Plan, buyer: &Buyer, payer: Payer, now: Timestamp) -> Subscription {
    Subscription {
        id: Uuid::now_v7(),
        tenant: buyer.tenant.clone(),
        plan: plan.id.clone(),
        channel: plan.bot.clone(),
        address: buyer.member.clone(),
        contact: None,
        language: buyer.language,
        state: SubscriptionState::Pending,
        current_period_end: None,
        grace_until: None,
        payer,
        provider_subscription: None,
        provider_customer: None,
        provider_payment: None,
        account: None,
        email: None,
        ledger: Ledger::default(),
        told: std::collections::BTreeSet::default(),
        version: 1,
        next_check_at: None,
        bound_at: None,
        created_at: now,
        invoiced_at: None,
        receipt_url: None,
        pay_url: None,
        moved_at: None,
    }
}

/// The page on which a payer by card sees, changes and ends what they pay. Whoever asks has proved that it is theirs.
///
/// # Errors
/// [`AccessError`]
pub async fn manage(access: &PaidAccess, tenant: &TenantId, subscription: Uuid) -> Result<String, AccessError> {
    let row = access.store.subscription(&only(tenant), subscription).await?.ok_or(AccessError::UnknownSubscription)?;
    let (Some(account), Some(customer)) = (&row.account, &row.provider_customer) else {
        return Err(AccessError::NotSoldSo);
    };
    let back = access.page_of(tenant, &row.plan).unwrap_or_default();
    Ok(access.stripe()?.portal(account, customer, &back).await?.url)
}

/// Binds what was paid to whoever may enter by it, who has proved that it is theirs. `false`: somebody else has it.
///
/// # Errors
/// [`AccessError`]
pub async fn claim(
    access: &PaidAccess,
    tenant: &TenantId,
    subscription: Uuid,
    member: &Address,
    now: Timestamp,
) -> Result<bool, AccessError> {
    let row = access.store.subscription(&only(tenant), subscription).await?.ok_or(AccessError::UnknownSubscription)?;
    if let Some(bound) = &row.address {
        return Ok(bound == member);
    }
    let bind = |row: &mut Subscription| {
        if row.address.is_none() {
            row.address = Some(member.clone());
            row.bound_at = Some(now);
        }
    };
    access.change(tenant, subscription, now, bind).await?;
    let bound = access.store.subscription(&only(tenant), subscription).await?.and_then(|row| row.address);
    Ok(bound.as_ref() == Some(member))
}
