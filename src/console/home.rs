//! Where one comes in, and goes out: who waits, whether everything goes out, and where else to go.

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use minijinja::context;

use super::routes::PageRoutes;
use super::session::Visitor;
use super::{ConsoleError, ConsoleState, Form, Member, Page, cookies, inbox, outbox};
use crate::service::{Permission, people};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("", page);
    routes.post("/logout", sign_out);
}

/// Of those who wait, as many as a phone shows at once.
const WAITING: usize = 5;

async fn page(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    let may = |permission| member.caller.may(permission);
    let sees_waiting = may(Permission::ConversationRead) && may(Permission::ContentRead);
    let waiting = if sees_waiting {
        inbox::first_waiting(&member, &state, WAITING).await?
    } else {
        context! { waiting => () }
    };
    let lost = if may(Permission::OutboxRead) { outbox::lost(&member, &state).await? } else { 0 };
    state.page(("home.html", ""), &member, context! { sees_waiting, lost, ..waiting })
}

/// A form without fields of its own.
#[derive(serde::Deserialize)]
pub(super) struct Nothing {}

async fn sign_out(
    visitor: Visitor,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    _: Form<Nothing>,
) -> Result<Page, ConsoleError> {
    people::sign_out(&state.deps.people, &visitor.token).await?;
    let is_https = state.connection(&request).is_https;
    Ok(Page::see("/console/login").with_header(header::SET_COOKIE, cookies::forget_session(is_https)))
}
