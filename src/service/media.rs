//! Files of messages: who may read one, and how it is served.

use uuid::Uuid;

use super::permissions::Permission::{ContentRead, ConversationRead};
use super::{Caller, ServiceError, audit};
use crate::media::{MediaFolder, shows_inline};
use crate::store::MediaRow;
use crate::store::operator::Operator;

/// A file with the headers that it is to be served with.
#[derive(Debug)]
pub struct ServedMedia {
    pub content_type: String,
    /// `Content-Disposition`
    pub disposition: String,
    pub bytes: Vec<u8>,
}

/// The policy of a served file: nothing in it runs, loads, or is part of us.
pub const MEDIA_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// The files of a message.
///
/// # Errors
/// [`ServiceError`]
pub async fn of_message(caller: &Caller, store: &Operator, message: Uuid) -> Result<Vec<MediaRow>, ServiceError> {
    for permission in [ConversationRead, ContentRead] {
        caller.require(permission)?;
    }
    Ok(store.media_of_message(&caller.tenants, message).await?)
}

/// Reads a file. One that is not there yet, was not taken, or is another tenant's is not found.
///
/// # Errors
/// [`ServiceError`]
pub async fn read(
    caller: &Caller,
    store: &Operator,
    folder: &MediaFolder,
    media: Uuid,
) -> Result<ServedMedia, ServiceError> {
    for permission in [ConversationRead, ContentRead] {
        caller.require(permission)?;
    }
    let row = store.media(&caller.tenants, media).await?.ok_or(ServiceError::NotFound("media"))?;
    let hash = row.hash.clone().filter(|_| row.state == "stored").ok_or(ServiceError::NotFound("media"))?;
    audit::look(caller, store, &row.tenant, "media.look", ("media", &media.to_string())).await?;
    let (folder, tenant) = (folder.clone(), row.tenant.clone());
    let read = tokio::task::spawn_blocking(move || folder.get(tenant.as_str(), &hash)).await;
    let bytes = read.ok().and_then(Result::ok).ok_or(ServiceError::NotFound("media"))?;
    let shown = if shows_inline(&row.content_type) { "inline" } else { "attachment" };
    let disposition = format!("{shown}; filename=\"{}.{}\"", row.id, ending(&row.content_type));
    Ok(ServedMedia { content_type: row.content_type, disposition, bytes })
}

/// What files of a type are called.
fn ending(content_type: &str) -> &str {
    match content_type {
        "image/jpeg" => "jpg",
        "text/plain" => "txt",
        "audio/mpeg" => "mp3",
        "application/octet-stream" => "bin",
        other => {
            let rest = other.rsplit(['/', '.', '+', '-']).next().unwrap_or_default();
            if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric()) { rest } else { "bin" }
        }
    }
}
