//! A bucket of S3-compatible storage, with the names of the media folder.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig};
use secrecy::ExposeSecret as _;

use super::folder::new_secret;
use crate::config::MediaBucketSettings;

/// How long one operation may take with all its attempts: less than what a node has for a file (`LEASE` of the media worker).
const DEADLINE: Duration = Duration::from_secs(60);
/// Attempts after the first.
const RETRIES: usize = 3;
/// When the first attempt is so old, no other follows.
const RETRY_FOR: Duration = Duration::from_secs(30);

/// What a bucket did not do. Errors of `object_store` show names of files: only their kind is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    #[error("the bucket refuses the key")]
    Denied,
    #[error("there is no such bucket")]
    Missing,
    #[error("the bucket does not answer")]
    Away,
    /// Somebody wrote something else under a name of ours.
    #[error("the bucket holds something else under a name of ours")]
    Foreign,
}

/// A bucket. Clones share its connections.
#[derive(Clone)]
pub(super) struct MediaBucket {
    store: Arc<AmazonS3>,
    /// Before every name, without slashes around it; may be empty.
    prefix: String,
}

/// Hands out a client that exists.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl MediaBucket {
    /// # Errors
    /// [`BucketError`]: the settings make no URL, which the configuration's checks refuse earlier.
    pub fn new(settings: &MediaBucketSettings, client: reqwest::Client) -> Result<Self, BucketError> {
        // Servers of one's own are asked with the bucket in the path. Amazon's hosts are names of buckets, which a dot would
        // take out of the certificate.
        let is_host = settings.endpoint.is_none() && !settings.bucket.contains('.');
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_access_key_id(settings.access_key.expose_secret())
            .with_secret_access_key(settings.secret_key.expose_secret())
            .with_virtual_hosted_style_request(is_host)
            .with_retry(RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() })
            .with_http_connector(Connector(client));
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build().map_err(|_| BucketError::Away)?;
        Ok(Self { store: Arc::new(store), prefix: settings.prefix.clone() })
    }

    /// Keeps bytes. What is there already is written again, and counts as new.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), BucketError> {
        let place = self.place(name);
        let put = within(self.store.put(&place, bytes.into())).await?;
        put.map(drop).map_err(|error| told(&error))
    }

    /// Bytes that nobody can guess, under a name: made when they are not there. Whoever makes them first has made them for all.
    pub async fn secret(&self, name: &str) -> Result<Vec<u8>, BucketError> {
        if let Some(known) = self.get(name).await? {
            return checked(&known);
        }
        let made = new_secret().map_err(|_| BucketError::Away)?;
        let place = self.place(name);
        let only_new = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match within(self.store.put_opts(&place, Bytes::copy_from_slice(&made).into(), only_new)).await? {
            Ok(_) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(told(&error)),
        }
        // Another node may have been first.
        let kept = self.get(name).await?.ok_or(BucketError::Away)?;
        checked(&kept)
    }

    /// The bytes of a name. `None`: there are none.
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>, BucketError> {
        let place = self.place(name);
        let reading = async { self.store.get(&place).await?.bytes().await };
        match within(reading).await? {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { source, .. }) if !is_without_bucket(&*source) => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    /// When the bytes were kept, the last time. `None`: there are none.
    pub async fn kept_at(&self, name: &str) -> Result<Option<SystemTime>, BucketError> {
        let place = self.place(name);
        match within(self.store.head(&place)).await? {
            Ok(known) => Ok(Some(known.last_modified.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    /// Deletes the bytes of a name; that they are not there is no error.
    pub async fn remove(&self, name: &str) -> Result<(), BucketError> {
        let place = self.place(name);
        match within(self.store.delete(&place)).await? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }

    fn place(&self, name: &str) -> Path {
        if self.prefix.is_empty() { Path::from(name) } else { Path::from(format!("{}/{name}", self.prefix)) }
    }
}

/// Shows no key.
impl fmt::Debug for MediaBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaBucket").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, BucketError> {
    tokio::time::timeout(DEADLINE, work).await.map_err(|_| BucketError::Away)
}

fn checked(secret: &[u8]) -> Result<Vec<u8>, BucketError> {
    if secret.len() == super::folder::SECRET_BYTES { Ok(secret.to_vec()) } else { Err(BucketError::Foreign) }
}

fn told(error: &Error) -> BucketError {
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => BucketError::Denied,
        // A file that is not there is no error of any operation: what is missing is the bucket.
        Error::NotFound { .. } => BucketError::Missing,
        _ => BucketError::Away,
    }
}

/// Whether a 404 is about the bucket; the answer's document says so.
fn is_without_bucket(error: &dyn std::error::Error) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.to_string().contains("NoSuchBucket") {
            return true;
        }
        next = error.source();
    }
    false
}
