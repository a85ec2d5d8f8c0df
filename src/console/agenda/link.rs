//! Links to the bookings of a resource, for the calendar of somebody's phone.

use actix_web::{HttpRequest, web};
use minijinja::context;
use serde::Deserialize;

use super::super::{ConsoleError, ConsoleState, Form, Member, Page};
use super::Shop;
use crate::service::{Permission, calendar};

/// Which resource.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LinkForm {
    with: String,
}

/// `GET /console/bookings/calendar`
pub async fn form(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    page(&member, &state, None)
}

/// `POST /console/bookings/calendar`: the link is shown this once.
pub async fn make(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    form: Form<LinkForm>,
) -> Result<Page, ConsoleError> {
    let shop = Shop::of(&member, &state)?;
    let with = shop.resources().into_iter().find(|resource| *resource == form.0.with).ok_or(ConsoleError::NotFound)?;
    let token = calendar::make_link(&member.caller, &state.deps.people, &member.tenant, &with).await?;
    let base = state.deps.public_base_url.clone().unwrap_or_else(|| state.base_url(&request));
    let link = format!("{}/calendar/{}", base.trim_end_matches('/'), token.as_str());
    page(&member, &state, Some((with, link)))
}

fn page(member: &Member, state: &ConsoleState, made: Option<(String, String)>) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::KeyWrite)?;
    let shop = Shop::of(member, state)?;
    let (of, link) = made.unzip();
    let context = context! { resources => shop.resources(), of, link };
    state.page(("agenda/link.html", "bookings"), member, context)
}
