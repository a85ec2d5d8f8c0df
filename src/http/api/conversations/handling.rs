//! Answering a conversation, and who answers it.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use palabre_actors::domain::conversation::Assignee;
use palabre_actors::domain::turn::Seen;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoResponses, ToSchema};

use super::super::call::{Call, Json, PathId, ToOperate, ToSend, WholeBody};
use super::super::messages::{UseOfTemplate, expiry, key, said};
use super::super::params::{lasting, timestamp, uuid};
use super::super::problems::{self, BodyProblems, CallProblems, ErrorBody, UnknownId, invalid};
use super::super::{Reply, reply as answer, reply_with};
use super::conversation_id;
use super::responses::{Conversation, ConversationMessage};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::handling::{self, ConversationAccess, NewReply, ReplyOutcome};
use crate::store::conversations::ConversationRow;

/// The longest name of a person.
const LONGEST_NAME: usize = 100;

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.post("/api/v1/conversations/{id}/reply", reply);
    routes.post("/api/v1/conversations/{id}/assign", assign);
    routes.post("/api/v1/conversations/{id}/hand-over", hand_over);
    routes.post("/api/v1/conversations/{id}/hand-back", hand_back);
    routes.post("/api/v1/conversations/{id}/resolve", resolve);
    routes.post("/api/v1/conversations/{id}/reopen", reopen);
    routes.post("/api/v1/conversations/{id}/block", block);
    routes.post("/api/v1/conversations/{id}/unblock", unblock);
}

/// What a person answers: a text, a template, or both (the template is for when the window is closed).
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct NewConversationReply {
    /// What to say, while free text may be sent.
    #[serde(default)]
    pub text: Option<String>,
    /// What to say otherwise.
    #[serde(default)]
    pub template: Option<UseOfTemplate>,
    /// The `version` of the conversation that was read. When anything happened since, a colleague's reply too, this one is refused as stale.
    #[serde(default)]
    #[schema(example = 7)]
    pub version: Option<i64>,
    /// The `last_inbound_at` that was read, instead of `version`: the reply is stale only when the contact has written since.
    #[serde(default)]
    #[schema(example = "2026-11-30T08:00:00.000000Z")]
    pub last_inbound_at: Option<String>,
    /// The last message that was read: the answer to a stale reply begins after it.
    #[serde(default)]
    pub last_message: Option<String>,
    /// Send it even if it is stale.
    #[serde(default)]
    pub force: bool,
    /// Whether it passes when the budget is spent.
    #[serde(default)]
    pub urgent: bool,
    /// After so long it is not sent any more: `"2h"`.
    #[serde(default)]
    #[schema(example = "24h")]
    pub expires_in: Option<String>,
}

/// A reply that was taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AcceptedReply {
    /// The message: `GET /api/v1/outbox/{id}` tells what became of it.
    pub id: String,
    /// The conversation's version after it, for the next reply; null when the reply was asked for before.
    pub version: Option<i64>,
}

/// Why a reply is stale, and what came since it was written.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StaleReply {
    /// `stale`
    pub error: String,
    /// What to do.
    pub hint: String,
    /// `version`
    pub field: String,
    /// How it stands now.
    pub conversation: Conversation,
    /// The messages after `last_message`, the newest 50 at most, in the order of time; the newest 50 when it was not given.
    pub messages: Vec<ConversationMessage>,
}

/// Whose a conversation is to be.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct Assignment {
    /// The name or the id of a person, as your program knows them; null for nobody.
    #[serde(deserialize_with = "given")]
    #[schema(required, example = "awa")]
    pub assignee: Option<String>,
}

/// A field that must be there, though it may be null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// For how long a person has a conversation.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct HandOver {
    /// After so long the bot gets it back by itself, such as `"2h"`; only a hand-back ends it unless given.
    #[serde(rename = "for", default)]
    #[schema(example = "2h")]
    pub lasting: Option<String>,
}

/// What a reply may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(in crate::http::api) enum ReplyProblems {
    /// `stale`: the conversation went on since it was read (`conversation` and `messages` for keys with `read`), or the
    /// `Idempotency-Key` was used for another message
    #[response(status = 409)]
    Stale(StaleReply),
}

/// What handling may be refused for, besides its path and its body.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(in crate::http::api) enum HandlingProblems {
    /// The key sees nothing with this id
    #[response(status = 404)]
    NotFound(ErrorBody),
}

/// Answers the contact as a person: the bot is silent from then on, and nothing is unread. It is durable when the answer comes,
/// and sent in its turn. Needs `operate` as well as `send`.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/reply", operation_id = "reply_to_conversation",
    tag = "conversations", request_body = NewConversationReply, params(("id" = String, Path, description = "The conversation"),
    ("Idempotency-Key" = Option<String>, Header, description = "1 to 64 visible characters of your choice")),
    security(("key" = ["send", "operate"])), responses(
    (status = 202, body = AcceptedReply, description = "It is durable"),
    (status = 200, body = AcceptedReply, description = "It was asked for before, under the same key"),
    CallProblems, HandlingProblems, BodyProblems, ReplyProblems
))]
pub(in crate::http::api) async fn reply(
    call: Call<ToSend>,
    request: HttpRequest,
    id: PathId,
    Json(asked): Json<NewConversationReply>,
) -> Reply {
    let id = conversation_id(&id)?;
    let new = new_reply(&call, &request, asked)?;
    match handling::reply(call.caller.service(), access(&call), id, new).await? {
        ReplyOutcome::Taken { id, version } => {
            reply_with(StatusCode::ACCEPTED, &AcceptedReply { id: id.to_string(), version: Some(version) })
        }
        ReplyOutcome::TakenBefore(id) => answer(&AcceptedReply { id: id.to_string(), version: None }),
        ReplyOutcome::KeyReused => Err(problems::KEY_REUSED),
        ReplyOutcome::Stale(None) => Err(problems::STALE),
        ReplyOutcome::Stale(Some(news)) => {
            let (row, timeline) = *news;
            let visibility = call.caller.visibility();
            let told = StaleReply {
                error: problems::STALE.error.to_owned(),
                hint: problems::STALE.hint.into_owned(),
                field: "version".to_owned(),
                conversation: Conversation::of(&row, visibility),
                messages: timeline.messages.iter().map(|row| ConversationMessage::of(row, visibility)).collect(),
            };
            reply_with(StatusCode::CONFLICT, &told)
        }
    }
}

fn new_reply(call: &Call<ToSend>, request: &HttpRequest, asked: NewConversationReply) -> Result<NewReply, HttpProblem> {
    let seen = match (asked.version, asked.last_inbound_at.as_deref()) {
        (Some(_), Some(_)) => {
            return Err(invalid("last_inbound_at", "two versions", "give `version` or `last_inbound_at`, not both"));
        }
        (Some(version), None) => Some(Seen::Version(version)),
        (None, Some(at)) => Some(Seen::InboundUntil(timestamp("last_inbound_at", at)?)),
        (None, None) => None,
    };
    Ok(NewReply {
        template: said(asked.text.as_deref(), asked.template, false)?,
        text: asked.text,
        files: Vec::new(),
        urgent: asked.urgent,
        expires_at: expiry(call.now(), asked.expires_in.as_deref())?,
        idempotency_key: key(request.headers())?,
        seen,
        last_message: asked.last_message.as_deref().map(|id| uuid("last_message", id)).transpose()?,
        is_forced: asked.force,
    })
}

/// Gives the conversation to a person, or to nobody. Who answers does not change: see `hand-over`.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/assign", operation_id = "assign_conversation",
    tag = "conversations", request_body = Assignment, params(("id" = String, Path, description = "The conversation")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Conversation, description = "The conversation as it is now"),
    CallProblems, HandlingProblems, BodyProblems
))]
pub(in crate::http::api) async fn assign(call: Call<ToOperate>, id: PathId, Json(asked): Json<Assignment>) -> Reply {
    let id = conversation_id(&id)?;
    let to = asked.assignee.as_deref().map(assignee).transpose()?;
    let row = handling::assign(call.caller.service(), access(&call), id, to).await?;
    changed(&call, &row)
}

fn assignee(name: &str) -> Result<Assignee, HttpProblem> {
    let name = name.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    let bad = invalid("assignee", "bad assignee", "1 to 100 characters without line breaks, or null for nobody");
    if fits { Ok(Assignee::new(name)) } else { Err(bad) }
}

/// Gives the conversation to a person: the bot is silent, but for STOP and START, until `for` is over or it is handed back.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/hand-over", operation_id = "hand_over_conversation",
    tag = "conversations", request_body = HandOver, params(("id" = String, Path, description = "The conversation")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Conversation, description = "The conversation as it is now"),
    CallProblems, HandlingProblems, BodyProblems
))]
pub(in crate::http::api) async fn hand_over(call: Call<ToOperate>, id: PathId, Json(asked): Json<HandOver>) -> Reply {
    let id = conversation_id(&id)?;
    let lasts = asked.lasting.as_deref().map(|given| lasting("for", given)).transpose()?;
    let until = lasts.map(|lasts| call.now() + lasts);
    let row = handling::hand_over(call.caller.service(), access(&call), id, until).await?;
    changed(&call, &row)
}

/// Gives the conversation back to the bot, which answers from the contact's next message on.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/hand-back", operation_id = "hand_back_conversation",
    tag = "conversations", params(("id" = String, Path, description = "The conversation")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Conversation, description = "The conversation as it is now"), CallProblems, UnknownId
))]
pub(in crate::http::api) async fn hand_back(call: Call<ToOperate>, id: PathId, _body: WholeBody) -> Reply {
    let row = handling::hand_back(call.caller.service(), access(&call), conversation_id(&id)?).await?;
    changed(&call, &row)
}

/// Marks the conversation as done, until the contact writes again. Who answers does not change.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/resolve", operation_id = "resolve_conversation",
    tag = "conversations", params(("id" = String, Path, description = "The conversation")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Conversation, description = "The conversation as it is now"), CallProblems, UnknownId
))]
pub(in crate::http::api) async fn resolve(call: Call<ToOperate>, id: PathId, _body: WholeBody) -> Reply {
    let row = handling::resolve(call.caller.service(), access(&call), conversation_id(&id)?).await?;
    changed(&call, &row)
}

/// Opens a conversation that was resolved.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/reopen", operation_id = "reopen_conversation",
    tag = "conversations", params(("id" = String, Path, description = "The conversation")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Conversation, description = "The conversation as it is now"), CallProblems, UnknownId
))]
pub(in crate::http::api) async fn reopen(call: Call<ToOperate>, id: PathId, _body: WholeBody) -> Reply {
    let row = handling::reopen(call.caller.service(), access(&call), conversation_id(&id)?).await?;
    changed(&call, &row)
}

/// Blocks the contact on all their channels: their messages are kept, the bot gives no answer, nobody is called, and broadcasts
/// leave them out. A hand-over or a reply ends it for that conversation.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/block", operation_id = "block_contact",
    tag = "conversations", params(("id" = String, Path, description = "A conversation with the contact")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Conversation, description = "The conversation as it is now"), CallProblems, UnknownId
))]
pub(in crate::http::api) async fn block(call: Call<ToOperate>, id: PathId, _body: WholeBody) -> Reply {
    let row = handling::block(call.caller.service(), access(&call), conversation_id(&id)?).await?;
    changed(&call, &row)
}

/// Ends that the contact is blocked, on all their channels.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/unblock", operation_id = "unblock_contact",
    tag = "conversations", params(("id" = String, Path, description = "A conversation with the contact")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = Conversation, description = "The conversation as it is now"), CallProblems, UnknownId
))]
pub(in crate::http::api) async fn unblock(call: Call<ToOperate>, id: PathId, _body: WholeBody) -> Reply {
    let row = handling::unblock(call.caller.service(), access(&call), conversation_id(&id)?).await?;
    changed(&call, &row)
}

fn access<S>(call: &Call<S>) -> ConversationAccess<'_> {
    ConversationAccess { store: &call.operator, outgoing: &*call.api.outgoing }
}

fn changed<S>(call: &Call<S>, row: &ConversationRow) -> Reply {
    answer(&Conversation::of(row, call.caller.visibility()))
}
