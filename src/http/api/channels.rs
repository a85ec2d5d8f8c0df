//! Channels: which there are, and whether they are paused.

use actix_web::http::StatusCode;
use palabre_actors::domain::ids::ChannelId;

use super::asks::{self, PauseOf};
use super::caller::Scope;
use super::documents::{Channel, Channels, PausedFor, Refused};
use super::{Call, Told, told};
use crate::http::problem::Problem;
use crate::store::operator;

/// The channel in the path.
const UNKNOWN: Problem = Problem::at(
    "id",
    StatusCode::NOT_FOUND,
    "unknown channel",
    "this key sees no channel with this id: GET /api/v1/channels",
);

/// The channels that this key sees.
#[utoipa::path(get, path = "/api/v1/channels", tag = "channels", security(("key" = ["read"])), responses(
    (status = 200, body = Channels), (status = 401, body = Refused), (status = 403, body = Refused)
))]
pub(super) async fn list(call: Call<'_>) -> Told {
    call.caller.may(Scope::Read)?;
    let pauses = call.operator().pauses(&call.caller.tenants).await?;
    let now = call.now();
    let channels = call.api.channels.iter().filter(|channel| call.caller.sees(&channel.tenant)).map(|channel| {
        let pause = pauses.iter().find(|pause| pause.channel_key.channel == channel.id && pause.until > now);
        Channel {
            channel_id: channel.id.to_string(),
            tenant_id: channel.tenant.to_string(),
            scheme: channel.scheme.to_string(),
            paused: pause.map(PausedFor::of),
        }
    });
    told(&Channels { channels: channels.collect() })
}

/// Lets a channel send nothing: its messages wait, or go by its fallback channel.
#[utoipa::path(post, path = "/api/v1/channels/{id}/pause", tag = "channels", request_body = PauseOf,
    params(("id" = String, Path, description = "The channel")), security(("key" = ["operate"])), responses(
    (status = 200, body = Channel),
    (status = 400, body = Refused), (status = 401, body = Refused), (status = 403, body = Refused),
    (status = 404, body = Refused), (status = 422, body = Refused)
))]
pub(super) async fn pause(call: Call<'_>) -> Told {
    call.caller.may(Scope::Operate)?;
    let asked: PauseOf = asks::json(call.body)?;
    let now = call.now();
    let until = match asked.lasting.as_deref() {
        Some(lasting) => now + asks::lasting("for", lasting)?,
        None => operator::endless(),
    };
    let reason = asks::reason(asked.reason.as_deref())?;
    let mut channel = channel(&call)?;
    let id = ChannelId::new(call.id);
    let pause = call.operator().pause(&call.caller.tenants, &id, &reason, (until, now)).await?;
    channel.paused = Some(PausedFor::of(&pause.ok_or(UNKNOWN)?));
    told(&channel)
}

/// Ends a channel's pause.
#[utoipa::path(post, path = "/api/v1/channels/{id}/resume", tag = "channels",
    params(("id" = String, Path, description = "The channel")), security(("key" = ["operate"])), responses(
    (status = 200, body = Channel), (status = 401, body = Refused), (status = 403, body = Refused),
    (status = 404, body = Refused)
))]
pub(super) async fn resume(call: Call<'_>) -> Told {
    call.caller.may(Scope::Operate)?;
    let channel = channel(&call)?;
    let resumed = call.operator().resume(&call.caller.tenants, &ChannelId::new(call.id)).await?;
    resumed.ok_or(UNKNOWN)?;
    told(&channel)
}

fn channel(call: &Call<'_>) -> Result<Channel, Problem> {
    let mut channels = call.api.channels.iter().filter(|channel| call.caller.sees(&channel.tenant));
    let channel = channels.find(|channel| channel.id.as_str() == call.id).ok_or(UNKNOWN)?;
    Ok(Channel {
        channel_id: channel.id.to_string(),
        tenant_id: channel.tenant.to_string(),
        scheme: channel.scheme.to_string(),
        paused: None,
    })
}
