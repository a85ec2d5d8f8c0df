//! `/console/replies`: the canned replies of a tenant.

use actix_web::web;
use minijinja::context;
use serde::Deserialize;
use uuid::Uuid;

use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::canned_replies;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RepliesQuery {
    /// What was just done.
    done: String,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/replies", list);
    routes.post("/replies", keep);
    routes.post("/replies/{id}/delete", delete);
}

/// `GET /console/replies`
pub async fn list(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<RepliesQuery>,
) -> Result<Page, ConsoleError> {
    let replies = canned_replies::list(&member.caller, &state.deps.store, &member.tenant).await?;
    let done = match query.done.as_str() {
        key @ ("saved" | "deleted") => Some(state.text(&member, "replies", key)),
        _ => None,
    };
    let replies: Vec<_> = replies
        .into_iter()
        .map(|reply| context! { id => reply.id.to_string(), shortcut => reply.shortcut, body => reply.body })
        .collect();
    state.page(("replies.html", "replies"), &member, context! { replies, done })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CannedReplyForm {
    shortcut: String,
    body: String,
}

/// `POST /console/replies`
pub async fn keep(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<CannedReplyForm>,
) -> Result<Page, ConsoleError> {
    let reply = (form.0.shortcut.as_str(), form.0.body.as_str());
    let kept = canned_replies::keep(&member.caller, &state.deps.store, &member.tenant, reply, state.now()).await?;
    Ok(Page::see(if kept { "/console/replies?done=saved" } else { "/console/replies" }))
}

/// `POST /console/replies/{id}/delete`
pub async fn delete(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    _form: Form<RepliesQuery>,
) -> Result<Page, ConsoleError> {
    let id: Uuid = id.parse().map_err(|_| ConsoleError::NotFound)?;
    canned_replies::remove(&member.caller, &state.deps.store, &member.tenant, id).await?;
    Ok(Page::see("/console/replies?done=deleted"))
}
