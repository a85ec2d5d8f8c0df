//! Files that are sent: uploaded ones, and those that anybody may read at a URL.

use bytes::Bytes;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::presentation::{FilePlace, SentFile};
use url::Url;
use uuid::Uuid;

use super::MediaAccess;
use crate::media::{allows, kind_of, safe_name};
use crate::service::permissions::Permission::MessageSend;
use crate::service::{Caller, ServiceError, Tenants, audit};
use crate::store::operator::{NewUpload, Operator};

/// The longest URL, in bytes.
const LONGEST_URL: usize = 2_000;

/// A file that somebody leaves to be sent.
pub struct Uploaded {
    pub name: Option<String>,
    /// What it is said to be; the bytes decide.
    pub content_type: String,
    pub bytes: Bytes,
}

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadOutcome {
    Stored {
        id: Uuid,
        name: String,
        content_type: String,
        size: u64,
    },
    /// The tenant takes no such file: `too_large`, `type`, `empty`.
    Refused(&'static str),
}

/// A file of a message that is asked for.
#[derive(Clone)]
pub struct FileToSend {
    pub place: FilePlace,
    /// Of a file at a URL.
    pub content_type: Option<String>,
    pub name: Option<String>,
}

impl MediaAccess {
    /// The largest file that a tenant takes. `None`: there is no such tenant.
    #[must_use]
    pub fn most_bytes(&self, tenant: &TenantId) -> Option<usize> {
        self.tenants.get(tenant).and_then(|tenant| usize::try_from(tenant.media.max_bytes).ok())
    }

    /// A place among those that upload at once. `None`: there are enough.
    #[must_use]
    pub fn begin_upload(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        std::sync::Arc::clone(&self.uploads).try_acquire_owned().ok()
    }
}

/// Keeps a file that is to be sent.
///
/// # Errors
/// [`ServiceError`]
pub async fn upload(
    caller: &Caller,
    store: &Operator,
    access: &MediaAccess,
    tenant: &TenantId,
    file: Uploaded,
) -> Result<UploadOutcome, ServiceError> {
    caller.require(MessageSend)?;
    caller.within(tenant)?;
    let known = access.tenants.get(tenant).ok_or(ServiceError::UnknownTenant)?;
    let size = file.bytes.len() as u64;
    if size == 0 {
        return Ok(UploadOutcome::Refused("empty"));
    }
    if size > known.media.max_bytes {
        return Ok(UploadOutcome::Refused("too_large"));
    }
    let content_type = kind_of(&file.bytes, &file.content_type);
    if !allows(&known.media.types, &content_type) {
        return Ok(UploadOutcome::Refused("type"));
    }
    let id = Uuid::now_v7();
    audit::note(caller, store, tenant, "media.upload", ("media", &id.to_string())).await?;
    let name = safe_name(file.name.as_deref(), &id.to_string(), &content_type);
    let hash = access.storage.put(tenant.as_str(), file.bytes).await.map_err(|error| {
        tracing::warn!(media.id = %id, error = &error as &dyn std::error::Error, "an uploaded file was not kept");
        ServiceError::Busy
    })?;
    let upload = NewUpload { id, name: &name, content_type: &content_type, size, hash: &hash };
    store.add_upload(tenant, upload, access.clock.now()).await?;
    Ok(UploadOutcome::Stored { id, name, content_type, size })
}

/// The files of a message, checked: uploads are the tenant's and there, URLs may be read by anybody.
///
/// # Errors
/// [`ServiceError`]: `Invalid` when a file cannot be sent.
pub async fn files_to_send(
    store: &Operator,
    tenant: &TenantId,
    files: Vec<FileToSend>,
) -> Result<Vec<SentFile>, ServiceError> {
    const BAD: ServiceError = ServiceError::Invalid("media");
    let mut sent = Vec::with_capacity(files.len());
    for file in files {
        sent.push(match file.place {
            FilePlace::Upload(id) => {
                let id: Uuid = id.parse().map_err(|_| BAD)?;
                let row = store.media(&Tenants::Of(vec![tenant.clone()]), id).await?;
                let row = row.filter(|row| row.state == "stored").ok_or(BAD)?;
                let name = file.name.or(row.name);
                SentFile {
                    place: FilePlace::Upload(id.to_string()),
                    name: safe_name(name.as_deref(), &id.to_string(), &row.content_type),
                    content_type: row.content_type,
                }
            }
            FilePlace::Url(url) => {
                let parsed = Url::parse(&url).ok().filter(|parsed| parsed.scheme() == "https" && parsed.has_host());
                let parsed = parsed.filter(|_| url.len() <= LONGEST_URL).ok_or(BAD)?;
                let content_type = file.content_type.filter(|kind| is_media_type(kind)).ok_or(BAD)?;
                let last =
                    parsed.path_segments().and_then(|mut steps| steps.next_back()).unwrap_or_default().to_owned();
                let name = file.name.or_else(|| Some(last).filter(|last| !last.is_empty()));
                SentFile {
                    name: safe_name(name.as_deref(), "file", &content_type),
                    place: FilePlace::Url(url),
                    content_type,
                }
            }
        });
    }
    Ok(sent)
}

/// `image/png`
fn is_media_type(text: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".+-".contains(&byte))
    };
    text.len() <= 100 && text.split_once('/').is_some_and(|(family, rest)| is_name(family) && is_name(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_types() {
        for (text, expected) in [
            ("image/png", true),
            ("application/vnd.ms-excel", true),
            ("image/", false),
            ("image", false),
            ("image/png; charset=x", false),
            ("image/png\r\nX: 1", false),
            ("Image/PNG", false),
        ] {
            assert_eq!(is_media_type(text), expected, "{text}");
        }
    }
}
