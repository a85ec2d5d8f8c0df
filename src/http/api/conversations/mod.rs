//! Conversations: lists, one with its messages, searches.

pub(super) mod handling;
mod params;
mod responses;

use palabre_actors::domain::ids::{ChannelId, ConversationId, TenantId};

use self::params::{ConversationParams, SearchParams, TimelineParams};
pub use self::responses::{Contact, Contacts, Conversation, ConversationMessages, Conversations, SearchFound};
use super::call::{Call, PathId, Query, ToOperate, ToRead, WholeBody};
use super::params::{PageBefore, page_of, uuid};
use super::problems::{CallProblems, SearchProblems, UnknownId, invalid};
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::{Tenants, conversations};
use crate::store::conversations::{AssignedTo, ConversationFilter, ConversationPage, TimelinePage, TimelineSide};
use crate::store::search::SearchPage;

/// Adds the routes. Fixed paths come first: `{id}` would take them for ids.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/conversations", list);
    routes.get("/api/v1/conversations/search", search);
    routes.get("/api/v1/conversations/{id}", show);
    routes.get("/api/v1/conversations/{id}/messages", messages);
    routes.post("/api/v1/conversations/{id}/read", read);
    handling::mount(routes);
}

/// Conversations that fit, those with the newest messages first.
#[utoipa::path(get, path = "/api/v1/conversations", operation_id = "list_conversations", tag = "conversations",
    params(ConversationParams, PageBefore), security(("key" = ["read"])), responses(
    (status = 200, body = Conversations, description = "A page of conversations"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query((which, page)): Query<(ConversationParams, PageBefore)>) -> Reply {
    let caller = call.caller.service();
    let before = match page.before {
        Some(id) => Some(conversations::show(caller, &call.operator, ConversationId(id)).await?.place()),
        None => None,
    };
    let filter = ConversationFilter {
        tenants: named(which.tenant.as_deref()),
        status: which.status,
        handler: which.handler,
        channel: which.channel.as_deref().map(ChannelId::new),
        assignee: which.assignee.map(|who| if who.is_empty() { AssignedTo::Nobody } else { AssignedTo::Person(who) }),
    };
    let limit = page_of(page.limit);
    let rows = conversations::list(caller, &call.operator, &filter, ConversationPage { before, limit }).await?;
    if rows.is_empty() && page.before.is_none() {
        call.found_nothing(which.tenant.as_deref(), which.channel.as_deref())?;
    }
    reply(&Conversations::of(&rows, limit, call.caller.visibility()))
}

/// One conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", operation_id = "show_conversation", tag = "conversations",
    params(("id" = String, Path, description = "The conversation")), security(("key" = ["read"])), responses(
    (status = 200, body = Conversation, description = "The conversation"), CallProblems, UnknownId
))]
pub(super) async fn show(call: Call<ToRead>, id: PathId) -> Reply {
    let row = conversations::show(call.caller.service(), &call.operator, conversation_id(&id)?).await?;
    reply(&Conversation::of(&row, call.caller.visibility()))
}

/// A part of a conversation's messages, in and out, in the order of time. No message is left out.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/messages", operation_id = "list_conversation_messages",
    tag = "conversations", params(("id" = String, Path, description = "The conversation"), TimelineParams),
    security(("key" = ["read"])), responses(
    (status = 200, body = ConversationMessages, description = "A page of messages, the oldest first"), CallProblems, UnknownId
))]
pub(super) async fn messages(call: Call<ToRead>, id: PathId, Query(part): Query<TimelineParams>) -> Reply {
    let side = if part.after.is_some() && part.before.is_none() { TimelineSide::Oldest } else { TimelineSide::Newest };
    let page = TimelinePage { after: part.after, before: part.before, side, limit: page_of(part.limit) };
    let found = conversations::messages(call.caller.service(), &call.operator, conversation_id(&id)?, page).await?;
    reply(&ConversationMessages::of(&found.0, &found.1, call.caller.visibility()))
}

/// Contacts by name and number, messages by their words. When no message has the words, those are shown that have words spelt
/// alike. Needs `read-content` as well: what may not be seen may not be guessed either.
#[utoipa::path(get, path = "/api/v1/conversations/search", operation_id = "search_conversations", tag = "conversations",
    params(SearchParams), security(("key" = ["read", "read-content"])), responses(
    (status = 200, body = SearchFound, description = "Contacts and messages that fit"), CallProblems, SearchProblems
))]
pub(super) async fn search(call: Call<ToRead>, Query(asked): Query<SearchParams>) -> Reply {
    let query = asked.q.filter(|query| !query.trim().is_empty());
    let query = query.ok_or(invalid("q", "nothing to look for", "a name, a number, or words of a message"))?;
    let page = SearchPage { before: asked.before, limit: page_of(asked.limit) };
    let tenants = named(asked.tenant.as_deref());
    let found = conversations::search(call.caller.service(), &call.operator, &tenants, &query, page).await?;
    reply(&SearchFound::of(&found, call.caller.visibility()))
}

/// Somebody has read the conversation: it has no unread messages until the contact writes again.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/read", operation_id = "read_conversation", tag = "conversations",
    params(("id" = String, Path, description = "The conversation")), security(("key" = ["operate"])), responses(
    (status = 200, body = Conversation, description = "The conversation as it is now"), CallProblems, UnknownId
))]
pub(super) async fn read(call: Call<ToOperate>, id: PathId, _body: WholeBody) -> Reply {
    let (caller, id) = (call.caller.service(), conversation_id(&id)?);
    let row = conversations::mark_read(caller, &call.operator, id).await?;
    reply(&Conversation::of(&row, call.caller.visibility()))
}

fn conversation_id(id: &PathId) -> Result<ConversationId, HttpProblem> {
    uuid("id", &id.0).map(ConversationId)
}

/// The tenants that a request names.
pub(super) fn named(tenant: Option<&str>) -> Tenants {
    tenant.map_or(Tenants::All, |tenant| Tenants::Of(vec![TenantId::new(tenant)]))
}
