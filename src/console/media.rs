//! `/console/media/{id}`: a file of a message.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Member};
use crate::service::media;

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/media/{id}", show);
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
    let range = request.headers().get("Range").and_then(|range| range.to_str().ok());
    let answer = file.answer(range);
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    for header in answer.headers {
        response.insert_header(header);
    }
    Ok(response.body(answer.body))
}
