//! `/console/live`: live sessions with their orders, as they happen.

use actix_web::{HttpResponse, web};
use minijinja::context;
use palabre_actors::domain::ids::LiveSessionId;
use palabre_actors::domain::live::OrderState;
use serde::Serialize;

use super::csv_file::csv_file;
use super::display::{Display, shown};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Member, Page};
use crate::service::{Permission, live_sessions};
use crate::store::operator::{LiveSessionSummary, OrderLineRow};

/// Sessions of the list.
const SESSIONS: usize = 50;

#[derive(Serialize)]
struct SessionLine {
    id: String,
    opened: String,
    machine: String,
    is_open: bool,
    is_paused: bool,
    /// How long it went on, or goes on.
    long: String,
    clients: Option<i64>,
    unanswered: Option<i64>,
    buyers: i64,
    pieces: i64,
}

#[derive(Serialize)]
struct OrderShown {
    conversation: String,
    who: String,
    time: String,
    machine: String,
    reference: String,
    size: Option<String>,
    quantity: i64,
    is_cancelled: bool,
}

#[derive(Serialize)]
struct ReferenceShown {
    reference: String,
    pieces: i64,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/live", list);
    routes.get("/live/{id}", one);
    routes.get("/live/{id}/orders.csv", orders_csv);
}

/// `GET /console/live`: the sessions, and the orders of the one that goes on.
pub async fn list(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    let tenants = member.own_tenant();
    let rows = live_sessions::list(&member.caller, &state.deps.store, &tenants, (None, SESSIONS)).await?;
    let open = rows.iter().find(|row| row.closed_at.is_none()).map(|row| row.id);
    let lines = match open {
        Some(open) => live_sessions::one(&member.caller, &state.deps.store, &tenants, open).await?.1,
        None => Vec::new(),
    };
    page(&member, &state, (&rows, false), open, &lines)
}

/// `GET /console/live/{id}`
pub async fn one(member: Member, state: web::Data<ConsoleState>, id: web::Path<String>) -> Result<Page, ConsoleError> {
    let id: LiveSessionId = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let tenants = member.own_tenant();
    let (found, lines) = live_sessions::one(&member.caller, &state.deps.store, &tenants, id).await?;
    page(&member, &state, (&[found], true), Some(id), &lines)
}

/// `GET /console/live/{id}/orders.csv`
pub async fn orders_csv(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let id: LiveSessionId = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let lines = live_sessions::export(&member.caller, &state.deps.store, &member.tenant, id).await?;
    let csv = live_sessions::as_csv(&lines, member.caller.may(Permission::ContentRead));
    Ok(csv_file("orders.csv", &csv))
}

fn page(
    member: &Member,
    state: &ConsoleState,
    (rows, is_one): (&[LiveSessionSummary], bool),
    chosen: Option<LiveSessionId>,
    lines: &[OrderLineRow],
) -> Result<Page, ConsoleError> {
    let display = state.display(member);
    let sessions: Vec<SessionLine> = rows.iter().map(|row| session_line(&display, row)).collect();
    let orders: Vec<OrderShown> = lines.iter().map(|line| order_shown(member, state, &display, line)).collect();
    let context = context! {
        sessions => shown(sessions),
        chosen => chosen.map(|id| id.to_string()),
        orders => shown(orders),
        references => shown(by_reference(lines)),
        is_one,
    };
    state.page(("sales.html", "live"), member, context)
}

fn session_line(display: &Display, row: &LiveSessionSummary) -> SessionLine {
    SessionLine {
        id: row.id.to_string(),
        opened: display.moment(row.opened_at),
        machine: Display::machine(row.opened_at),
        is_open: row.closed_at.is_none(),
        is_paused: row.paused_at.is_some() && row.closed_at.is_none(),
        long: display.lasting(row.closed_at.unwrap_or(display.now) - row.opened_at),
        clients: row.clients,
        unanswered: row.unanswered,
        buyers: row.buyers,
        pieces: row.pieces,
    }
}

fn order_shown(member: &Member, state: &ConsoleState, display: &Display, line: &OrderLineRow) -> OrderShown {
    let who = state.seen_person(member, line.contact_name.as_deref(), line.address.as_ref());
    OrderShown {
        conversation: line.conversation.to_string(),
        who: who.unwrap_or_default(),
        time: display.short(line.created_at),
        machine: Display::machine(line.created_at),
        reference: line.reference.clone(),
        size: line.size.clone(),
        quantity: line.quantity,
        is_cancelled: line.state == OrderState::Cancelled,
    }
}

/// How many pieces of each, the most wanted first.
fn by_reference(lines: &[OrderLineRow]) -> Vec<ReferenceShown> {
    let mut counted: Vec<ReferenceShown> = Vec::new();
    for line in lines.iter().filter(|line| line.state == OrderState::Noted) {
        match counted.iter_mut().find(|one| one.reference == line.reference) {
            Some(one) => one.pieces += line.quantity,
            None => counted.push(ReferenceShown { reference: line.reference.clone(), pieces: line.quantity }),
        }
    }
    counted.sort_by(|one, other| other.pieces.cmp(&one.pieces).then_with(|| one.reference.cmp(&other.reference)));
    counted
}
