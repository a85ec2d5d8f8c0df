//! Files on their way out, for the gateways: links to them, or their bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::presentation::{FilePlace, SentFile};
use palabre_actors::domain::send::{FILE_GONE, FILE_NOT_READ, FILE_UNREACHABLE, FILE_UNSUPPORTED, SendError};
use palabre_actors::ports::{Clock, Pending};
use tracing::warn;
use uuid::Uuid;

use crate::gateway::media::{FetchError, FetchLimits, Fetcher, FilesOut, MediaPlace, SentFiles};
use crate::media::{MediaLinks, MediaStorage};
use crate::service::Tenants;
use crate::store::operator::{MediaRow, Operator};

/// What is read of a URL for a gateway that needs the bytes: no messenger and no mail server takes more.
const LIMITS: FetchLimits = FetchLimits { most_bytes: 50 * 1024 * 1024, timeout: Duration::from_secs(30) };

/// Gets at files that are sent.
struct OutgoingFiles {
    store: Operator,
    storage: MediaStorage,
    links: MediaLinks,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
}

/// What the gateways are given.
pub(super) fn files_out(
    store: Operator,
    storage: MediaStorage,
    links: MediaLinks,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
) -> FilesOut {
    FilesOut::of(Arc::new(OutgoingFiles { store, storage, links, fetcher, clock }))
}

impl OutgoingFiles {
    async fn find(&self, tenant: &TenantId, upload: &str) -> Result<MediaRow, SendError> {
        let gone = || SendError::of_file(FILE_GONE);
        let id: Uuid = upload.parse().map_err(|_| gone())?;
        let found = self.store.media(&Tenants::Of(vec![tenant.clone()]), id).await;
        // A database that is away now is back later.
        let row = found.map_err(|_| SendError::of_file(FILE_NOT_READ))?;
        row.filter(|row| row.state == "stored").ok_or_else(gone)
    }

    async fn linked(&self, tenant: &TenantId, file: &SentFile) -> Result<String, SendError> {
        let upload = match &file.place {
            FilePlace::Url(url) => return Ok(url.clone()),
            FilePlace::Upload(upload) => upload,
        };
        let row = self.find(tenant, upload).await?;
        let (id, now) = (row.id.to_string(), self.clock.now().timestamp());
        match self.links.link((tenant.as_str(), &id), &file.name, now).await {
            Ok(link) => link.ok_or_else(|| SendError::of_file(FILE_UNREACHABLE)),
            Err(error) => {
                warn!(media.id = %row.id, error = &error as &dyn std::error::Error, "no link to a file could be made");
                Err(SendError::of_file(FILE_NOT_READ))
            }
        }
    }

    async fn bytes(&self, tenant: &TenantId, file: &SentFile) -> Result<Bytes, SendError> {
        let upload = match &file.place {
            FilePlace::Url(url) => return self.fetched(url).await,
            FilePlace::Upload(upload) => upload,
        };
        let row = self.find(tenant, upload).await?;
        let hash = row.hash.ok_or_else(|| SendError::of_file(FILE_GONE))?;
        match self.storage.get(tenant.as_str(), &hash).await {
            Ok(bytes) => bytes.ok_or_else(|| SendError::of_file(FILE_GONE)),
            Err(error) => {
                warn!(media.id = %row.id, error = &error as &dyn std::error::Error, "a file could not be read");
                Err(SendError::of_file(FILE_NOT_READ))
            }
        }
    }

    async fn fetched(&self, url: &str) -> Result<Bytes, SendError> {
        let place = MediaPlace::public(url).ok_or_else(|| SendError::of_file(FILE_UNSUPPORTED))?;
        let fetched = self.fetcher.fetch(place, LIMITS).await.map_err(|error| {
            SendError::of_file(match error {
                FetchError::Unreachable => FILE_NOT_READ,
                FetchError::Gone | FetchError::NotFound | FetchError::Denied => FILE_GONE,
                FetchError::Forbidden | FetchError::TooLarge => FILE_UNSUPPORTED,
            })
        })?;
        Ok(fetched.bytes)
    }
}

impl SentFiles for OutgoingFiles {
    fn link<'a>(&'a self, tenant: &'a TenantId, file: &'a SentFile) -> Pending<'a, Result<String, SendError>> {
        Box::pin(self.linked(tenant, file))
    }

    fn read<'a>(&'a self, tenant: &'a TenantId, file: &'a SentFile) -> Pending<'a, Result<Bytes, SendError>> {
        Box::pin(self.bytes(tenant, file))
    }
}
