//! `/console/media/{id}`: a file that came with a message.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use uuid::Uuid;

use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Member};
use crate::service::media::{self, MEDIA_POLICY};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/media/{id}", show);
}

/// `GET /console/media/{id}`
pub async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let id: Uuid = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let file = media::read(&member.caller, &state.deps.store, &state.deps.media, id).await?;
    Ok(HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((header::CONTENT_DISPOSITION, file.disposition))
        .insert_header((header::CONTENT_SECURITY_POLICY, MEDIA_POLICY))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .body(file.bytes))
}
