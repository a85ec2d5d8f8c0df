//! What a contact has to do with the tenant beside their messages: bookings, requests, rides, what they bought, their record in the CRM.

use futures_util::future::try_join_all;
use futures_util::try_join;
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
    // One after the other, a page would wait for each.
    let bookings =
        async { if caller.may(BookingRead) { store.bookings_of(tenant, id, MOST).await } else { Ok(Vec::new()) } };
    let offers =
        async { if caller.may(BookingRead) { store.offers_of(tenant, id, MOST).await } else { Ok(Vec::new()) } };
    let leads = async { if caller.may(LeadRead) { store.leads_of(tenant, id, MOST).await } else { Ok(Vec::new()) } };
    let addresses = contact.addresses.iter().filter(|_| caller.may(AccessRead));
    let subscriptions = try_join_all(addresses.map(|address| store.subscriptions_of_member(tenant, address)));
    let crm = store.crm_link(tenant, id);
    let (bookings, offers, leads, subscriptions, crm) = try_join!(bookings, offers, leads, subscriptions, crm)?;
    let mut subscriptions: Vec<Subscription> = subscriptions.into_iter().flatten().collect();
    subscriptions.sort_by_key(|row| std::cmp::Reverse(row.id));
    subscriptions.truncate(MOST);
    Ok(Dealings { bookings, leads, offers, subscriptions, crm })
}
