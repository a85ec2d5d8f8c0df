//! What a contact has to do with the tenant beside their messages: bookings, requests, rides, what they bought, their record in the CRM.

use palabre_actors::domain::ids::TenantId;

use super::permissions::Permission::{AccessRead, BookingRead, ContactRead, LeadRead};
use super::{Caller, ServiceError};
use crate::store::conversations::ContactRow;
use crate::store::crm::CrmLink;
use crate::store::operator::{BookingRow, LeadRow, OfferRow, Operator};
use crate::store::paid_access::Subscription;

/// Of each kind, as many as a card has room for.
const MOST: usize = 5;

/// The newest of each kind, as far as the caller may see them.
#[derive(Debug, Default)]
pub struct Dealings {
    /// The latest first.
    pub bookings: Vec<BookingRow>,
    pub leads: Vec<LeadRow>,
    /// What they asked for that goes to whoever takes it: rides.
    pub offers: Vec<OfferRow>,
    pub subscriptions: Vec<Subscription>,
    pub crm: Option<CrmLink>,
}

/// The dealings of a contact of a tenant.
///
/// # Errors
/// [`ServiceError`]
pub async fn of(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    contact: &ContactRow,
) -> Result<Dealings, ServiceError> {
    caller.require(ContactRead)?;
    caller.within(tenant)?;
    let id = contact.id;
    let mut dealings = Dealings { crm: store.crm_link(tenant, id).await?, ..Dealings::default() };
    if caller.may(BookingRead) {
        dealings.bookings = store.bookings_of(tenant, id, MOST).await?;
        dealings.offers = store.offers_of(tenant, id, MOST).await?;
    }
    if caller.may(LeadRead) {
        dealings.leads = store.leads_of(tenant, id, MOST).await?;
    }
    if caller.may(AccessRead) {
        for address in &contact.addresses {
            dealings.subscriptions.extend(store.subscriptions_of_member(tenant, address).await?);
        }
        dealings.subscriptions.sort_by_key(|row| std::cmp::Reverse(row.id));
        dealings.subscriptions.truncate(MOST);
    }
    Ok(dealings)
}
