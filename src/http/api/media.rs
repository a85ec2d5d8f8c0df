//! `/api/v1/media`: files that came with messages.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::call::{Call, PathId, Query, ToRead};
use super::params::{QueryParams, names_of, uuid};
use super::problems::{CallProblems, UnknownId};
use super::visibility::rfc3339;
use super::{Reply, reply};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::media;
use crate::store::operator::MediaRow;

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/media", list);
    routes.get("/api/v1/media/{id}", read);
}

/// A file of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MediaFile {
    pub id: String,
    pub tenant_id: String,
    /// The message that it came with; `null`: it was uploaded.
    pub message_id: Option<String>,
    /// `waiting`, `stored`, `refused`, `failed` or `expired`.
    pub state: String,
    /// Why it is not there: `too_large`, `type`, `not_public`, `not_wanted`, `gone`, …
    pub reason: Option<String>,
    /// What its bytes show once it is stored; before, what the provider says.
    pub content_type: String,
    /// As its sender called it: not to be believed.
    pub name: Option<String>,
    /// In bytes, once it is stored.
    pub size: Option<u64>,
    pub created_at: String,
}

impl MediaFile {
    fn of(row: MediaRow) -> Self {
        Self {
            id: row.id.to_string(),
            tenant_id: row.tenant.to_string(),
            message_id: row.message.map(|message| message.to_string()),
            state: row.state,
            reason: row.reason,
            content_type: row.content_type,
            name: row.name,
            size: row.size,
            created_at: rfc3339(row.created_at),
        }
    }
}

/// The files of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MediaFiles {
    pub media: Vec<MediaFile>,
}

/// Which message's.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MediaParams {
    /// The message's id.
    message: String,
}

impl QueryParams for MediaParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        if name != "message" {
            return Ok(false);
        }
        self.message = value.to_owned();
        Ok(true)
    }
}

/// The files of a message, in the order in which they came.
#[utoipa::path(get, path = "/api/v1/media", operation_id = "list_media", tag = "conversations",
    params(MediaParams), security(("key" = ["read", "read-content"])), responses(
    (status = 200, body = MediaFiles, description = "The message's files"), CallProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query(which): Query<MediaParams>) -> Reply {
    let message: Uuid = uuid("message", &which.message)?;
    let rows = media::of_message(call.caller.service(), &call.operator, message).await?;
    reply(&MediaFiles { media: rows.into_iter().map(MediaFile::of).collect() })
}

/// The bytes of a file that is stored. A `Range` of bytes is understood.
#[utoipa::path(get, path = "/api/v1/media/{id}", operation_id = "read_media", tag = "conversations",
    params(("id" = String, Path, description = "The file's id")), security(("key" = ["read", "read-content"])), responses(
    (status = 200, body = Vec<u8>, description = "The file", content_type = "application/octet-stream"),
    (status = 206, description = "The part of it that was asked for"), CallProblems, UnknownId
))]
pub(super) async fn read(call: Call<ToRead>, id: PathId, request: HttpRequest) -> Reply {
    let id: Uuid = uuid("id", &id.0)?;
    let file = media::read(call.caller.service(), &call.operator, &call.api.media, id).await?;
    let range = request.headers().get("Range").and_then(|range| range.to_str().ok());
    let answer = file.answer(range);
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    for header in answer.headers {
        response.insert_header(header);
    }
    Ok(response.body(answer.body))
}
