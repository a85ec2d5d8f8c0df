//! `/calendar/{token}`: the bookings of a resource, for other calendars. The link is the key.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use super::problem::HttpProblem;
use super::routes::{Routes, nothing_here};
use super::state::HttpState;
use crate::service::calendar;

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/calendar/{token}", feed);
}

async fn feed(state: web::Data<HttpState>, token: web::Path<String>) -> Result<HttpResponse, HttpProblem> {
    let api = &state.deps.api;
    let store = api.operator.as_ref().ok_or_else(nothing_here)?;
    let found = calendar::behind(store, &token, state.deps.clock.now()).await?;
    let Some((tenant, resource, rows)) = found else { return Err(nothing_here()) };
    let tenant = api.tenants.as_ref().and_then(|tenants| tenants.get(&tenant));
    let service = |id: &str| {
        let flows = tenant.as_ref().and_then(|tenant| tenant.rules.flows());
        flows.and_then(|flows| flows.service(id)).map_or_else(|| id.to_owned(), |service| service.name.clone())
    };
    let ics = calendar::as_ics(&resource, &rows, service);
    Ok(HttpResponse::Ok()
        .content_type("text/calendar; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "private, max-age=300"))
        .body(ics))
}
