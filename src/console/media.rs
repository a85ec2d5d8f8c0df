//! `/console/media`: files of messages, and those that are to be sent.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};
use palabre_actors::domain::presentation::{FilePlace, SentFile};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Member};
use crate::service::ServiceError;
use crate::service::media::{self, FileToSend, UploadOutcome, Uploaded};

/// How long a file may take to come.
const UPLOAD_WITHIN: Duration = Duration::from_secs(60);
/// What a page of ours sends with a file: the session's [`Member::csrf`].
const CSRF: HeaderName = HeaderName::from_static("x-csrf");

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/media/{id}", show);
    routes.post("/media", attach);
}

/// `GET /console/media/{id}`
pub async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let id: Uuid = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let file = media::read(&member.caller, &state.deps.store, &state.deps.media, id).await?;
    let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
    let answer = file.answer(range);
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    for header in answer.headers {
        response.insert_header(header);
    }
    Ok(response.body(answer.body))
}

/// What a file is called.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UploadQuery {
    name: Option<String>,
}

/// `POST /console/media`: the composer's file. The body is the file, and the answer says in words what became of it.
pub async fn attach(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    query: web::Query<UploadQuery>,
    payload: Payload,
) -> Result<HttpResponse, ConsoleError> {
    let shown = request.headers().get(CSRF).map(header::HeaderValue::as_bytes).unwrap_or_default();
    if !bool::from(shown.ct_eq(member.csrf.as_bytes())) {
        return Err(ConsoleError::StaleForm);
    }
    let access = &state.deps.media;
    let refused = |status: StatusCode, key: &str| {
        Ok(HttpResponse::build(status).json(json!({ "error": state.text(&member, "talk", key) })))
    };
    let most = access.most_bytes(&member.tenant).ok_or(ConsoleError::NotFound)?;
    let Some(_place) = access.begin_upload() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "refused_later");
    };
    let bytes = match tokio::time::timeout(UPLOAD_WITHIN, payload.to_bytes_limited(most)).await {
        Ok(Ok(Ok(bytes))) => bytes,
        Ok(Err(_)) => return refused(StatusCode::PAYLOAD_TOO_LARGE, "attach_too_large"),
        Ok(Ok(Err(_))) | Err(_) => return refused(StatusCode::BAD_REQUEST, "attach_failed"),
    };
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let file = Uploaded { name: query.into_inner().name, content_type, bytes };
    match media::upload(&member.caller, &state.deps.store, access, &member.tenant, file).await? {
        UploadOutcome::Stored { id, name, .. } => Ok(HttpResponse::Created().json(json!({ "id": id, "name": name }))),
        UploadOutcome::Refused("too_large") => refused(StatusCode::PAYLOAD_TOO_LARGE, "attach_too_large"),
        UploadOutcome::Refused("type") => refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "attach_type"),
        UploadOutcome::Refused(_) => refused(StatusCode::BAD_REQUEST, "attach_failed"),
    }
}

/// The file that the composer's form names. `Err`: it is not there any more.
pub(super) async fn attached(
    member: &Member,
    state: &ConsoleState,
    file: &str,
) -> Result<Result<Vec<SentFile>, &'static str>, ConsoleError> {
    if file.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let file = FileToSend { place: FilePlace::Upload(file.to_owned()), content_type: None, name: None };
    match media::files_to_send(&state.deps.store, &member.tenant, vec![file]).await {
        Ok(files) => Ok(Ok(files)),
        Err(ServiceError::Invalid(_)) => Ok(Err("attach_failed")),
        Err(error) => Err(error.into()),
    }
}
