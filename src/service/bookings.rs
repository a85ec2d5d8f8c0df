//! Bookings: who comes when.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::booking::BookingState;

use super::permissions::Permission::BookingRead;
use super::{Caller, ServiceError, Tenants};
use crate::store::operator::{BookingRow, Operator};

/// Bookings of these tenants that begin within a time, in order.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    within: (Timestamp, Timestamp),
    (state, limit): (Option<BookingState>, usize),
) -> Result<Vec<BookingRow>, ServiceError> {
    caller.require(BookingRead)?;
    Ok(store.bookings(&caller.among(tenants)?, within, state, limit).await?)
}
