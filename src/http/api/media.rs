//! `/api/v1/media`: files that came with messages.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::call::{Call, PathId, Query, ToRead, ToSend};
use super::messages::tenant;
use super::params::{QueryParams, names_of, uuid};
use super::problems::{self, BodyProblems, CallProblems, UnknownId, UnknownName};
use super::visibility::rfc3339;
use super::{ApiDeps, Reply, reply, reply_with};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::media::{self, MediaAnswer, UploadOutcome, Uploaded};
use crate::store::operator::MediaRow;

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get_or_post("/api/v1/media", list, upload);
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

/// A file that is kept and may be sent: its id goes into `media` of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UploadedMedia {
    pub id: String,
    /// What its bytes show.
    pub content_type: String,
    /// As the contact will see it.
    pub name: String,
    /// In bytes.
    pub size: u64,
}

/// Whose a file is, and what it is called.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadParams {
    /// May be left out when the key sees one tenant alone.
    tenant: Option<String>,
    /// `tarifs.pdf`
    name: Option<String>,
}

impl QueryParams for UploadParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "tenant" => self.tenant = Some(value.to_owned()),
            "name" => self.name = Some(value.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Leaves a file to be sent. The body is the file; `Content-Type` says what it is, and the bytes decide.
#[utoipa::path(post, path = "/api/v1/media", operation_id = "upload_media", tag = "messages",
    params(UploadParams), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    security(("key" = ["send"])), responses(
    (status = 201, body = UploadedMedia, description = "It is kept"), CallProblems, UnknownName, BodyProblems
))]
pub(super) async fn upload(
    call: Call<ToSend>,
    Query(asked): Query<UploadParams>,
    request: HttpRequest,
    payload: Payload,
) -> Reply {
    let tenant = tenant(&call.api, &call.caller, asked.tenant.as_deref(), None)?;
    let access = &call.api.media;
    let most = access.most_bytes(&tenant).ok_or(problems::UNKNOWN_TENANT)?;
    let _place = access.begin_upload().ok_or(TOO_MANY)?;
    let bytes = match tokio::time::timeout(UPLOAD_WITHIN, payload.to_bytes_limited(most)).await {
        Ok(Ok(Ok(bytes))) => bytes,
        Ok(Err(_)) => return Err(refused("too_large")),
        Ok(Ok(Err(_))) | Err(_) => return Err(problems::NOT_A_BODY),
    };
    let content_type = request.headers().get("Content-Type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let file = Uploaded { name: asked.name, content_type: content_type.to_owned(), bytes };
    match media::upload(call.caller.service(), &call.operator, access, &tenant, file).await? {
        UploadOutcome::Stored { id, name, content_type, size } => {
            reply_with(StatusCode::CREATED, &UploadedMedia { id: id.to_string(), content_type, name, size })
        }
        UploadOutcome::Refused(why) => Err(refused(why)),
    }
}

/// How long a file may take to come.
const UPLOAD_WITHIN: Duration = Duration::from_secs(60);

const TOO_MANY: HttpProblem = problems::later("too many uploads", "a few files at once: try again");

fn refused(why: &str) -> HttpProblem {
    match why {
        "too_large" => HttpProblem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "file too large",
            "the tenant's media.max_bytes says how large a file may be",
        ),
        "empty" => problems::NOT_A_BODY,
        _ => HttpProblem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "type not taken",
            "the tenant's media.types says which files it takes, by what their bytes show",
        ),
    }
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
    Ok(served(file.answer(range)))
}

fn served(answer: MediaAnswer) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    for header in answer.headers {
        response.insert_header(header);
    }
    response.body(answer.body)
}

/// What a link has: the tenant, the file, until when it is good, the signature, and a name that says nothing.
type LinkPath = Path<(String, String, i64, String, String)>;

/// `GET /media/{tenant}/{file}/{until}/{signature}/{name}`: a file by a signed link, as providers read it.
pub(in crate::http) async fn linked(api: Data<ApiDeps>, path: LinkPath, request: HttpRequest) -> Reply {
    let (tenant, file, until, signature, _) = path.into_inner();
    let store = api.operator.as_ref().ok_or(problems::UNAVAILABLE)?;
    let file: Uuid = file.parse().map_err(|_| problems::NOT_FOUND)?;
    let file = media::read_by_link(store, &api.media, (&tenant, file), (until, &signature)).await?;
    let range = request.headers().get("Range").and_then(|range| range.to_str().ok());
    Ok(served(file.answer(range)))
}
