//! Fetching one file: within a size, through redirects that are checked one by one.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, Request, Response, StatusCode};
use url::Url;

use super::MediaPlace;
use crate::gateway::client::ClientError;
use crate::gateway::guarded_client;
use crate::http_client::{self, UnreadBody};

/// Redirects that are followed: from an API to the storage behind it.
const REDIRECTS: usize = 5;

/// What a file may cost.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    pub most_bytes: u64,
    /// For the whole of it, redirects included.
    pub timeout: Duration,
}

/// A whole file.
#[derive(Clone)]
pub struct Fetched {
    pub bytes: Bytes,
    /// What the server calls it.
    pub content_type: String,
}

/// Shows nothing of the content.
impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Why there is no file. None of these shows the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL, or one that it leads to, is none that may be asked.
    #[error("the file's URL leads to no public host")]
    Forbidden,
    #[error("the file is too large")]
    TooLarge,
    /// The server says that it has the file no more.
    #[error("the server has the file no more")]
    Gone,
    /// The server knows no such file: it may know it a moment later.
    #[error("the server has no such file")]
    NotFound,
    /// The server wants other credentials.
    #[error("the server refuses the credentials")]
    Denied,
    /// Worth another try.
    #[error("the file could not be fetched")]
    Unreachable,
}

/// Fetches files. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Fetcher {
    guarded: Client,
    trusting: Client,
}

impl Fetcher {
    /// # Errors
    /// [`ClientError`]: the HTTP clients could not be made.
    pub fn new() -> Result<Self, ClientError> {
        Ok(Self { guarded: guarded_client::new(false)?, trusting: guarded_client::new(true)? })
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn fetch(&self, place: MediaPlace, limits: FetchLimits) -> Result<Fetched, FetchError> {
        let following = self.follow(place, limits.most_bytes);
        tokio::time::timeout(limits.timeout, following).await.unwrap_or(Err(FetchError::Unreachable))
    }

    async fn follow(&self, place: MediaPlace, most_bytes: u64) -> Result<Fetched, FetchError> {
        let own = place.url.origin();
        // Only whoever begins at the provider's API may be led there: no other host can point to our network.
        let is_at_home = place.trusted.as_ref() == Some(&own);
        let mut url = place.url;
        for _ in 0..=REDIRECTS {
            let is_own = url.origin() == own;
            let client = self.client_for(&url, is_at_home && is_own)?;
            let mut request = Request::new(Method::GET, url.clone());
            if is_own {
                request.headers_mut().clone_from(&place.headers);
            }
            let response = client.execute(request).await.map_err(|error| unanswered(&error))?;
            match response.status() {
                StatusCode::OK => return read(response, most_bytes).await,
                status if status.is_redirection() => {
                    let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
                    url = target.and_then(|target| url.join(target).ok()).ok_or(FetchError::Unreachable)?;
                }
                status => return Err(refused(status)),
            }
        }
        Err(FetchError::Unreachable)
    }

    /// Who may ask for a URL. A host that is an address is looked at here: nothing resolves it.
    fn client_for(&self, url: &Url, is_trusted: bool) -> Result<&Client, FetchError> {
        if is_trusted {
            return Ok(&self.trusting);
        }
        let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
        match guarded_client::check(url, false) {
            Ok(()) if is_plain => Ok(&self.guarded),
            _ => Err(FetchError::Forbidden),
        }
    }
}

fn unanswered(error: &reqwest::Error) -> FetchError {
    if guarded_client::is_not_public(error) { FetchError::Forbidden } else { FetchError::Unreachable }
}

fn refused(status: StatusCode) -> FetchError {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FetchError::Denied,
        StatusCode::NOT_FOUND => FetchError::NotFound,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => FetchError::Unreachable,
        status if status.is_client_error() => FetchError::Gone,
        _ => FetchError::Unreachable,
    }
}

async fn read(response: Response, most: u64) -> Result<Fetched, FetchError> {
    if response.content_length().is_some_and(|length| length > most) {
        return Err(FetchError::TooLarge);
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|text| text.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let most_bytes = usize::try_from(most).unwrap_or(usize::MAX);
    let bytes = http_client::body(response, most_bytes).await.map_err(|unread| match unread {
        UnreadBody::TooLong => FetchError::TooLarge,
        UnreadBody::Broken(_) => FetchError::Unreachable,
    })?;
    Ok(Fetched { bytes: bytes.freeze(), content_type })
}
