//! Channels: lists them, pauses and resumes them.

use actix_web::http::StatusCode;
use palabre_actors::domain::ids::ChannelId;
use palabre_actors::ports::Pause;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::{Call, Json, PathId, ToOperate, ToRead, WholeBody};
use super::params::{lasting, reason};
use super::problems::{BodyProblems, CallProblems, UnknownId};
use super::visibility::rfc3339;
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service;
use crate::store::operator;

/// The channel in the path.
pub(super) const UNKNOWN: HttpProblem = HttpProblem::at(
    "id",
    StatusCode::NOT_FOUND,
    "unknown channel",
    "this key sees no channel with this id: GET /api/v1/channels",
);

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/channels", list);
    routes.post("/api/v1/channels/{id}/pause", pause);
    routes.post("/api/v1/channels/{id}/resume", resume);
}

/// A channel, and whether it is paused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelState {
    /// Its id.
    pub channel_id: String,
    /// Whose.
    pub tenant_id: String,
    /// What its addresses begin with: `whatsapp`, `sms`, …
    pub scheme: String,
    /// Why it sends nothing, when it does not.
    pub paused: Option<ChannelPause>,
}

/// A pause.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelPause {
    /// A word or a code.
    pub reason: String,
    /// Until when; null: until somebody resumes it.
    pub until: Option<String>,
}

impl ChannelPause {
    /// Describes a pause.
    #[must_use]
    pub fn of(pause: &Pause) -> Self {
        let until = (pause.until < operator::endless()).then(|| rfc3339(pause.until));
        Self { reason: pause.reason.clone(), until }
    }
}

/// The channels that a key sees.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelList {
    /// In the order of the configuration.
    pub channels: Vec<ChannelState>,
}

/// A pause that is asked for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseRequest {
    /// For how long, such as `"2h"`; until somebody resumes it unless given.
    #[serde(rename = "for")]
    #[schema(example = "2h")]
    pub lasting: Option<String>,
    /// Why: a few words or a ticket's number.
    pub reason: Option<String>,
}

/// The channels that this key sees.
#[utoipa::path(get, path = "/api/v1/channels", operation_id = "list_channels", tag = "channels",
    security(("key" = ["read"])), responses(
    (status = 200, body = ChannelList, description = "The channels, in the order of the configuration"), CallProblems
))]
pub(super) async fn list(call: Call<ToRead>) -> Reply {
    let configured = call.api.channels.now();
    let channels = service::channels::list(call.caller.service(), &call.operator, &configured, call.now()).await?;
    let channels = channels.into_iter().map(|(channel, pause)| ChannelState {
        channel_id: channel.id.to_string(),
        tenant_id: channel.tenant.to_string(),
        scheme: channel.scheme.to_string(),
        paused: pause.as_ref().map(ChannelPause::of),
    });
    reply(&ChannelList { channels: channels.collect() })
}

/// Lets a channel send nothing: its messages wait, or go by its fallback channel.
#[utoipa::path(post, path = "/api/v1/channels/{id}/pause", operation_id = "pause_channel", tag = "channels",
    request_body = PauseRequest, params(("id" = String, Path, description = "The channel")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = ChannelState, description = "The channel, paused"), CallProblems, UnknownId, BodyProblems
))]
pub(super) async fn pause(call: Call<ToOperate>, PathId(id): PathId, Json(asked): Json<PauseRequest>) -> Reply {
    let now = call.now();
    let until = match asked.lasting.as_deref() {
        Some(given) => now + lasting("for", given)?,
        None => operator::endless(),
    };
    let reason = reason(asked.reason.as_deref())?;
    let mut channel = channel(&call, &id)?;
    let (caller, id) = (call.caller.service(), ChannelId::new(&id));
    let pause = service::channels::pause(caller, &call.operator, &id, &reason, (until, now)).await?;
    channel.paused = Some(ChannelPause::of(&pause));
    reply(&channel)
}

/// Ends a channel's pause.
#[utoipa::path(post, path = "/api/v1/channels/{id}/resume", operation_id = "resume_channel", tag = "channels",
    params(("id" = String, Path, description = "The channel")), security(("key" = ["operate"])), responses(
    (status = 200, body = ChannelState, description = "The channel, which sends again"), CallProblems, UnknownId
))]
pub(super) async fn resume(call: Call<ToOperate>, PathId(id): PathId, _body: WholeBody) -> Reply {
    let channel = channel(&call, &id)?;
    service::channels::resume(call.caller.service(), &call.operator, &ChannelId::new(&id)).await?;
    reply(&channel)
}

fn channel(call: &Call<ToOperate>, id: &str) -> Result<ChannelState, HttpProblem> {
    let configured = call.api.channels.now();
    let mut channels = configured.iter().filter(|channel| call.caller.sees(&channel.tenant));
    let channel = channels.find(|channel| channel.id.as_str() == id).ok_or(UNKNOWN)?;
    Ok(ChannelState {
        channel_id: channel.id.to_string(),
        tenant_id: channel.tenant.to_string(),
        scheme: channel.scheme.to_string(),
        paused: None,
    })
}
