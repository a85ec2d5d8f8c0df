//! `/console/webhooks`: where events go out to and how that does, and whether the journal is written.

use actix_web::web;
use minijinja::{Value, context};
use palabre_actors::domain::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::setup::Fields;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::journal::JournalFolder;
use crate::service::{Permission, events_out};
use crate::store::events_out::{DeliveryFilter, EndpointRow, EndpointState, EventDelivery};

/// Events that are shown.
const LATEST: usize = 20;

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/webhooks", list);
    routes.post("/webhooks/{id}/enable", enable);
    routes.post("/webhooks/{id}/replay", replay);
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WebhooksQuery {
    /// What was just done.
    done: String,
}

#[derive(Serialize)]
struct EndpointLine {
    id: String,
    /// The URL may carry a token: its host alone is shown.
    host: Option<String>,
    events: Vec<String>,
    is_disabled: bool,
    why: Option<String>,
    waiting: u64,
    dead: u64,
    oldest: Option<String>,
    delivered: Option<String>,
    machine: Option<String>,
}

#[derive(Serialize)]
struct DeliveryLine {
    #[serde(rename = "type")]
    event_type: String,
    endpoint: String,
    state: String,
    why: Option<String>,
    attempts: u32,
    time: String,
    machine: String,
}

/// `GET /console/webhooks`
pub async fn list(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<WebhooksQuery>,
) -> Result<Page, ConsoleError> {
    let (caller, store) = (&member.caller, &state.deps.store);
    let tenants = member.own_tenant();
    let rows = events_out::endpoints(caller, store, &tenants).await?;
    let filter = DeliveryFilter { tenants, ..DeliveryFilter::default() };
    let deliveries = events_out::deliveries(caller, store, &filter, (None, LATEST)).await?;
    let display = state.display(&member);
    let endpoints: Vec<EndpointLine> = rows.iter().map(|row| line(&member, &state, &display, row)).collect();
    let deliveries: Vec<DeliveryLine> = deliveries.iter().map(|row| delivery(&member, &state, &display, row)).collect();
    let context = context! {
        endpoints => shown(endpoints),
        deliveries => shown(deliveries),
        journal => journal(&member, &state).await,
        may_write => caller.may(Permission::WebhookWrite),
        done => state.pages.texts().find(member.language, "webhooks", &format!("done_{}", query.done)),
    };
    state.page(("webhooks.html", "webhooks"), &member, context)
}

fn line(member: &Member, state: &ConsoleState, display: &Display, row: &EndpointRow) -> EndpointLine {
    let tenant = state.tenant(&member.tenant);
    let configured = tenant.as_ref().and_then(|tenant| tenant.webhooks.iter().find(|of| of.id == row.endpoint.id));
    EndpointLine {
        id: row.endpoint.id.clone(),
        host: configured.and_then(|endpoint| endpoint.url.host_str()).map(ToOwned::to_owned),
        events: row.events.clone(),
        is_disabled: row.state == EndpointState::Disabled,
        why: row.reason.clone(),
        waiting: row.waiting,
        dead: row.dead,
        oldest: row.oldest.map(|at| display.since(at)),
        delivered: row.delivered_at.map(|at| display.moment(at)),
        machine: row.delivered_at.map(Display::machine),
    }
}

fn delivery(member: &Member, state: &ConsoleState, display: &Display, row: &EventDelivery) -> DeliveryLine {
    DeliveryLine {
        event_type: row.event_type.clone(),
        endpoint: row.endpoint.id.clone(),
        state: state.text(member, "webhooks", &format!("state_{}", row.state.as_str())),
        why: row.last_error.clone(),
        attempts: row.attempts,
        time: display.short(row.occurred_at),
        machine: Display::machine(row.occurred_at),
    }
}

/// What there is of a journal. `None`: the tenant has none.
async fn journal(member: &Member, state: &ConsoleState) -> Option<Value> {
    let folder = JournalFolder::new(state.tenant(&member.tenant)?.journal.as_ref()?.dir.clone());
    let days = match web::block(move || folder.days()).await {
        Ok(Ok(days)) => days,
        Ok(Err(error)) => {
            warn!(tenant.id = %member.tenant, error = &error as &dyn std::error::Error, "the journal's folder cannot be read");
            Vec::new()
        }
        Err(_) => Vec::new(),
    };
    Some(context! { files => days.len(), last => days.last().map(ToString::to_string) })
}

/// `POST /console/webhooks/{id}/enable`
pub async fn enable(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    _: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let tenants = member.own_tenant();
    events_out::enable(&member.caller, &state.deps.store, (&tenants, &id), state.now()).await?;
    Ok(Page::see("/console/webhooks?done=enabled"))
}

/// `POST /console/webhooks/{id}/replay`: everything that was given up.
pub async fn replay(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    _: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let tenants = member.own_tenant();
    let times = (Timestamp::UNIX_EPOCH, state.now());
    events_out::replay(&member.caller, &state.deps.store, (&tenants, &id), None, times).await?;
    Ok(Page::see("/console/webhooks?done=replayed"))
}
