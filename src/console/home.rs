//! Where one comes in, and goes out.

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use minijinja::context;

use super::routes::PageRoutes;
use super::session::Visitor;
use super::{ConsoleError, ConsoleState, Form, Member, Page, cookies};
use crate::service::people;

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("", page);
    routes.post("/logout", sign_out);
}

async fn page(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    state.page(("home.html", ""), &member, context! {})
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
