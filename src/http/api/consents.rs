//! The consent ledger.

use palabre_actors::domain::ids::TenantId;
use utoipa::IntoParams;

use super::asks::Asked;
use super::caller::Scope;
use super::documents::{Consent, Consents, Refused};
use super::{Call, Told, told};

/// Which part of the ledger.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the parameters as the description has them; `Asked` reads them")]
pub(super) struct Part {
    /// Of this tenant alone.
    tenant: Option<String>,
    /// How many, at most 500; 50 unless given.
    limit: Option<usize>,
    /// Later than this one: `next` of the page before.
    after: Option<String>,
}

/// Who consented to what, when, and what proves it: the oldest first. Rows are never changed.
#[utoipa::path(get, path = "/api/v1/consents", tag = "consents", params(Part), security(("key" = ["read"])), responses(
    (status = 200, body = Consents),
    (status = 401, body = Refused), (status = 403, body = Refused), (status = 404, body = Refused),
    (status = 422, body = Refused)
))]
pub(super) async fn list(call: Call<'_>) -> Told {
    call.caller.may(Scope::Read)?;
    let asked = Asked::read(call.query, &["tenant", "limit", "after"])?;
    let tenant = asked.which.tenant.as_deref().map(TenantId::new);
    let tenants = call.caller.among(tenant.as_ref())?;
    let rows = call.operator().consents(&tenants, None, asked.after, asked.limit).await?;
    if rows.is_empty() && asked.after.is_none() {
        call.found_nothing(asked.which.tenant.as_deref(), None)?;
    }
    let next = rows.last().filter(|_| rows.len() >= asked.limit).map(|row| row.id.to_string());
    let content = call.caller.content();
    told(&Consents { consents: rows.iter().map(|row| Consent::of(row, content)).collect(), next })
}
