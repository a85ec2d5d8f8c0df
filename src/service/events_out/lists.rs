//! What people and keys see of events out, and what they may do about them.

use palabre_actors::domain::Timestamp;
use uuid::Uuid;

use crate::service::permissions::Permission::{SettingRead, WebhookWrite};
use crate::service::{Caller, ServiceError, Tenants, audit};
use crate::store::events_out::{DeliveryFilter, EndpointRow, EventDelivery};
use crate::store::operator::Operator;

/// Endpoints of these tenants, and how they do.
///
/// # Errors
/// [`ServiceError`]
pub async fn endpoints(caller: &Caller, store: &Operator, tenants: &Tenants) -> Result<Vec<EndpointRow>, ServiceError> {
    caller.require(SettingRead)?;
    Ok(store.endpoints(&caller.among(tenants)?).await?)
}

/// Deliveries that fit, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn deliveries(
    caller: &Caller,
    store: &Operator,
    filter: &DeliveryFilter,
    page: (Option<Uuid>, usize),
) -> Result<Vec<EventDelivery>, ServiceError> {
    caller.require(SettingRead)?;
    let filter = DeliveryFilter { tenants: caller.among(&filter.tenants)?, ..filter.clone() };
    Ok(store.deliveries(&filter, page).await?)
}

/// Sends one event to an endpoint again, or everything that is dead there since then. Answers how many.
///
/// # Errors
/// [`ServiceError`]
pub async fn replay(
    caller: &Caller,
    store: &Operator,
    (tenants, endpoint): (&Tenants, &str),
    event: Option<Uuid>,
    (since, now): (Timestamp, Timestamp),
) -> Result<u64, ServiceError> {
    caller.require(WebhookWrite)?;
    let tenants = noted(caller, store, (tenants, endpoint), "webhook.replay").await?;
    Ok(store.replay_deliveries((&tenants, endpoint), event, since, now).await?)
}

/// Lets events go out again to an endpoint that had answered 410. Answers whether it was disabled.
///
/// # Errors
/// [`ServiceError`]
pub async fn enable(
    caller: &Caller,
    store: &Operator,
    (tenants, endpoint): (&Tenants, &str),
    now: Timestamp,
) -> Result<bool, ServiceError> {
    caller.require(WebhookWrite)?;
    let tenants = noted(caller, store, (tenants, endpoint), "webhook.enable").await?;
    Ok(store.enable_endpoint(&tenants, endpoint, now).await?)
}

/// Notes a change of the endpoints of this name that the caller sees, and returns whose they are.
async fn noted(
    caller: &Caller,
    store: &Operator,
    (tenants, endpoint): (&Tenants, &str),
    action: &'static str,
) -> Result<Tenants, ServiceError> {
    let mut of = Vec::new();
    for row in store.endpoints(&caller.among(tenants)?).await? {
        if row.endpoint.id == endpoint {
            audit::note(caller, store, &row.endpoint.tenant, action, ("webhook", endpoint)).await?;
            of.push(row.endpoint.tenant);
        }
    }
    if of.is_empty() { Err(ServiceError::NotFound("webhook")) } else { Ok(Tenants::Of(of)) }
}
