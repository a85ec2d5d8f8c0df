//! Leads: who asked to be called back.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{LeadId, TenantId};
use palabre_actors::domain::lead::LeadState;

use super::permissions::Permission::{ContentRead, LeadRead, LeadWrite};
use super::sheet::cell;
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::operator::{LeadRow, Operator};

/// Leads of these tenants, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    state: Option<LeadState>,
    page: (Option<LeadId>, usize),
) -> Result<Vec<LeadRow>, ServiceError> {
    caller.require(LeadRead)?;
    Ok(store.leads(&caller.among(tenants)?, state, page).await?)
}

/// Leads that are read at once for a file.
const AT_ONCE: usize = 500;

/// How many leads of a tenant stand where.
///
/// # Errors
/// [`ServiceError`]
pub async fn counts(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
) -> Result<Vec<(LeadState, i64)>, ServiceError> {
    caller.require(LeadRead)?;
    caller.within(tenant)?;
    Ok(store.lead_counts(tenant).await?)
}

/// Leads of a tenant as a spreadsheet reads them. That they are taken away is noted.
///
/// # Errors
/// [`ServiceError`]
pub async fn export(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    state: Option<LeadState>,
) -> Result<String, ServiceError> {
    for permission in [LeadRead, ContentRead] {
        caller.require(permission)?;
    }
    caller.within(tenant)?;
    audit::note(caller, store, tenant, "lead.export", ("tenant", tenant.as_str())).await?;
    let tenants = Tenants::Of(vec![tenant.clone()]);
    let (mut before, mut rows) = (None, Vec::new());
    loop {
        let page = store.leads(&tenants, state, (before, AT_ONCE)).await?;
        let last = page.last().map(|row| row.id);
        let is_full = page.len() == AT_ONCE;
        rows.extend(page);
        match last {
            Some(last) if is_full => before = Some(last),
            _ => break,
        }
    }
    Ok(as_csv(&rows, true))
}

/// A header and a line for each. A cell that a spreadsheet would take for a formula gets an apostrophe in front.
#[must_use]
pub fn as_csv(leads: &[LeadRow], shows_people: bool) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    let seen = |text: Option<&str>| cell(text.filter(|_| shows_people).unwrap_or_default());
    let head = ["id", "tenant_id", "created_at", "state", "urgent", "name", "email", "phone", "need", "source"];
    // Writing to memory cannot fail.
    let _ = out.write_record(head);
    for lead in leads {
        let _ = out.write_record([
            lead.id.to_string(),
            lead.tenant.to_string(),
            lead.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            lead.state.as_str().to_owned(),
            lead.urgent.to_string(),
            seen(lead.name.as_deref()),
            seen(lead.email.as_deref()),
            seen(lead.phone.as_deref()),
            seen(Some(&lead.need)),
            cell(&lead.source),
        ]);
    }
    String::from_utf8(out.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// Says where a lead stands.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn mark(
    caller: &Caller,
    store: &Operator,
    (tenant, lead): (&TenantId, LeadId),
    state: LeadState,
    at: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(LeadWrite)?;
    caller.within(tenant)?;
    audit::note(caller, store, tenant, "lead.mark", ("lead", &lead.to_string())).await?;
    let found = store.set_lead_state(tenant, lead, state, at).await?;
    if found { Ok(()) } else { Err(ServiceError::NotFound("lead")) }
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::ids::{ContactId, ConversationId};

    use super::*;

    #[test]
    fn leads_are_written_as_a_spreadsheet_reads_them() {
        let nil = uuid::Uuid::nil();
        let lead = LeadRow {
            id: LeadId(nil),
            tenant: TenantId::new("martin"),
            conversation: ConversationId(nil),
            contact: ContactId(nil),
            name: Some("Diallo, Aïssatou".into()),
            email: None,
            phone: Some("+33612345678".into()),
            need: "une \"fuite\"".into(),
            urgent: true,
            state: LeadState::New,
            source: "lead".into(),
            created_at: "2026-11-30T09:00:00Z".parse().unwrap(),
        };
        let expected = "id,tenant_id,created_at,state,urgent,name,email,phone,need,source\n\
            00000000-0000-0000-0000-000000000000,martin,2026-11-30T09:00:00Z,new,true,\"Diallo, Aïssatou\",,'+33612345678,\"une \"\"fuite\"\"\",lead\n";
        assert_eq!(as_csv(std::slice::from_ref(&lead), true), expected);
        let masked = as_csv(&[lead], false);
        assert!(!masked.contains("Diallo") && !masked.contains("+336") && !masked.contains("fuite"), "{masked}");
    }
}
