//! Live sessions: who sold what, as it happens.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{LiveSessionId, TenantId};

use super::permissions::Permission::LeadRead;
use super::sheet::cell;
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::operator::{LiveSessionSummary, Operator, OrderLineRow};

/// Lines of one session that are listed at most.
pub const MOST_LINES: usize = 5_000;

/// Live sessions of these tenants, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    page: (Option<Timestamp>, usize),
) -> Result<Vec<LiveSessionSummary>, ServiceError> {
    caller.require(LeadRead)?;
    Ok(store.live_sessions(&caller.among(tenants)?, None, page).await?)
}

/// One session and its lines, the newest first.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn one(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    session: LiveSessionId,
) -> Result<(LiveSessionSummary, Vec<OrderLineRow>), ServiceError> {
    caller.require(LeadRead)?;
    let tenants = caller.among(tenants)?;
    let found = store.live_sessions(&tenants, Some(session), (None, 1)).await?;
    let found = found.into_iter().next().ok_or(ServiceError::NotFound("live session"))?;
    let own = Tenants::Of(vec![found.tenant.clone()]);
    let lines = store.order_lines(&own, Some(session), MOST_LINES).await?;
    Ok((found, lines))
}

/// The same to be taken away as a file: that is noted.
///
/// # Errors
/// [`ServiceError`]
pub async fn export(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    session: LiveSessionId,
) -> Result<Vec<OrderLineRow>, ServiceError> {
    let (_, lines) = one(caller, store, &Tenants::Of(vec![tenant.clone()]), session).await?;
    audit::note(caller, store, tenant, "order.export", ("live_session", &session.to_string())).await?;
    Ok(lines)
}

/// Lines as a spreadsheet reads them. A cell that it would take for a formula gets an apostrophe in front.
#[must_use]
pub fn as_csv(lines: &[OrderLineRow], shows_people: bool) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = out.write_record(["time", "reference", "size", "quantity", "state", "name", "address", "id"]);
    for line in lines {
        let name = line.contact_name.as_deref().filter(|_| shows_people).unwrap_or_default();
        let address = line.address.as_ref().filter(|_| shows_people).map_or("", |address| address.as_str());
        let _ = out.write_record([
            line.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            cell(&line.reference),
            cell(line.size.as_deref().unwrap_or_default()),
            line.quantity.to_string(),
            line.state.as_str().to_owned(),
            cell(name),
            cell(address),
            line.id.to_string(),
        ]);
    }
    String::from_utf8(out.into_inner().unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::address::Address;
    use palabre_actors::domain::ids::{ContactId, ConversationId, OrderLineId};
    use palabre_actors::domain::live::OrderState;

    use super::*;

    #[test]
    fn orders_are_written_as_a_spreadsheet_reads_them() {
        let line = OrderLineRow {
            id: OrderLineId(uuid::Uuid::nil()),
            tenant: TenantId::new("fatou"),
            session: LiveSessionId(uuid::Uuid::nil()),
            conversation: ConversationId(uuid::Uuid::nil()),
            contact: ContactId(uuid::Uuid::nil()),
            contact_name: Some("=Nadia, la 1re".to_owned()),
            address: Some(Address::from_normalised("sms:+33612345678")),
            reference: "R12".to_owned(),
            size: Some("M".to_owned()),
            quantity: 2,
            state: OrderState::Noted,
            created_at: Timestamp::default(),
        };
        let lines = as_csv(std::slice::from_ref(&line), true);
        let row = "1970-01-01T00:00:00Z,R12,M,2,noted,\"'=Nadia, la 1re\",sms:+33612345678,00000000";
        assert!(lines.lines().nth(1).is_some_and(|line| line.starts_with(row)), "{lines}");
        let masked = as_csv(&[line], false);
        assert!(!masked.contains("Nadia") && !masked.contains("+336"), "{masked}");
    }
}
