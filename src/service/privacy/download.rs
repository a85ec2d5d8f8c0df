//! Files of exports: read by whoever may, and by links that end.

use std::path::Path;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::super::permissions::Permission::PrivacyExport;
use super::super::{Caller, Permissions, ServiceError, Tenants, Who, audit};
use super::{PersonalData, archive};
use crate::store::privacy::PrivacyRequest;

/// How long a link is good.
const LINK_FOR: TimeDelta = TimeDelta::minutes(15);

/// What makes a link to a file: whoever has it may read the file until it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct DownloadLink {
    /// Seconds since 1970.
    pub until: i64,
    pub signature: String,
}

impl std::fmt::Debug for DownloadLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DownloadLink").field("until", &self.until).finish_non_exhaustive()
    }
}

/// A link to the file of an export. `None`: it has none, or none any more.
///
/// # Errors
/// [`ServiceError`]
pub async fn link(
    caller: &Caller,
    data: &PersonalData,
    request: &PrivacyRequest,
) -> Result<Option<DownloadLink>, ServiceError> {
    if !caller.may(PrivacyExport) || !has_file(request, data.now()) {
        return Ok(None);
    }
    let until = (data.now() + LINK_FOR).timestamp();
    let signature = archive::sign(&data.signing_key().await?, &signed(request.id, until));
    Ok(Some(DownloadLink { until, signature }))
}

/// The file behind a link. A link that is wrong or has ended leads to nothing.
///
/// # Errors
/// [`ServiceError`]
pub async fn follow(data: &PersonalData, id: Uuid, link: &DownloadLink) -> Result<Vec<u8>, ServiceError> {
    let unknown = || ServiceError::NotFound("request");
    let expected = archive::sign(&data.signing_key().await?, &signed(id, link.until));
    let is_right = bool::from(expected.as_bytes().ct_eq(link.signature.as_bytes()));
    if !is_right || link.until <= data.now().timestamp() {
        return Err(unknown());
    }
    let request = data.store.privacy_request_by_id(id).await?.ok_or_else(unknown)?;
    let holder = Caller {
        who: Who::Key("download-link".into()),
        tenants: Tenants::Of(vec![request.tenant.clone()]),
        permissions: Permissions::of(&[PrivacyExport]),
    };
    read(&holder, data, &request).await
}

/// The file of an export.
///
/// # Errors
/// [`ServiceError`]
pub async fn file(caller: &Caller, data: &PersonalData, id: Uuid) -> Result<Vec<u8>, ServiceError> {
    caller.require(PrivacyExport)?;
    let found = data.store.privacy_request(&caller.tenants, id).await?;
    read(caller, data, &found.ok_or(ServiceError::NotFound("request"))?).await
}

async fn read(caller: &Caller, data: &PersonalData, request: &PrivacyRequest) -> Result<Vec<u8>, ServiceError> {
    let unknown = || ServiceError::NotFound("file");
    let name = request.file.as_deref().filter(|_| has_file(request, data.now())).ok_or_else(unknown)?;
    let path = data.path_of(name).ok_or_else(unknown)?;
    audit::note(caller, &data.store, &request.tenant, "contact.export.read", ("request", &request.id.to_string()))
        .await?;
    // Another node may have made it.
    let read = tokio::task::spawn_blocking(move || std::fs::read(Path::new(&path))).await;
    read.map_err(std::io::Error::other).flatten().map_err(|_| unknown())
}

fn has_file(request: &PrivacyRequest, now: Timestamp) -> bool {
    request.file.is_some() && request.expires_at.is_some_and(|at| at > now)
}

fn signed(id: Uuid, until: i64) -> Vec<u8> {
    format!("file {id} until {until}").into_bytes()
}
