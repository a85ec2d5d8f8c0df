//! Members of a plan as a table for a spreadsheet.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;

use super::{AccessError, MemberView, PaidAccess, members};
use crate::service::permissions::Permission::AccessRead;
use crate::service::sheet::cell;
use crate::service::{Caller, audit};
use crate::store::operator::Tenants;
use crate::store::paid_access::SubscriptionFilter;

/// The members of a tenant for a file of their own, which the audit log shows.
///
/// # Errors
/// [`AccessError`]
pub async fn exported(
    caller: &Caller,
    access: &PaidAccess,
    tenant: &TenantId,
    filter: &SubscriptionFilter,
    limit: usize,
) -> Result<Vec<MemberView>, AccessError> {
    caller.require(AccessRead)?;
    caller.within(tenant)?;
    audit::note(caller, &access.store, tenant, "access.export", ("tenant", tenant.as_str())).await?;
    members(caller, access, &Tenants::Of(vec![tenant.clone()]), filter, limit).await
}

/// Members as CSV: a line for each, addresses and e-mails only where they may be seen.
#[must_use]
pub fn as_csv(members: &[MemberView], shows_people: bool) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    let moment =
        |at: Option<Timestamp>| at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default();
    let head = ["id", "plan", "state", "paid_with", "since", "paid_until", "grace_until", "chats", "member", "email"];
    // Writing to memory cannot fail.
    let _ = out.write_record(head);
    for one in members {
        let row = &one.subscription;
        let chats: Vec<&str> = one.places.iter().map(|place| place.state.as_str()).collect();
        let address = row.address.as_ref().filter(|_| shows_people).map_or("", Address::as_str);
        let email = row.email.as_deref().filter(|_| shows_people).unwrap_or_default();
        let _ = out.write_record([
            row.id.to_string(),
            cell(&row.plan),
            row.state.as_str().to_owned(),
            row.payer.as_str().to_owned(),
            moment(Some(row.created_at)),
            moment(row.current_period_end),
            moment(row.grace_until),
            chats.join(" "),
            cell(address),
            cell(email),
        ]);
    }
    String::from_utf8(out.into_inner().unwrap_or_default()).unwrap_or_default()
}
