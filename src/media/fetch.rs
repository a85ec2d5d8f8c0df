//! Fetching one file: within a size, through redirects that are checked one by one.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Client, Request, Response, StatusCode, Url, redirect};
use url::Host;

use super::guard::{PublicResolver, is_public};

/// Redirects that are followed: from an API to the storage behind it.
const REDIRECTS: usize = 5;
/// How long a connection may take to open.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// What to fetch.
#[derive(Clone)]
pub struct FetchRequest {
    pub url: String,
    /// They go to the host of `url` alone, not where it redirects to.
    pub headers: HeaderMap,
    /// The host of the provider's API as the configuration has it, which may be anywhere.
    pub trusted: Option<String>,
    pub most_bytes: u64,
    pub timeout: Duration,
}

/// A whole file.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub bytes: Bytes,
    /// What the server calls it.
    pub content_type: String,
}

/// Why there is no file. None of these shows the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL is none that may be asked.
    #[error("the file's URL leads to no public host")]
    Forbidden,
    #[error("the file is too large")]
    TooLarge,
    /// The server says that it has no such file, or not for us.
    #[error("the server has no such file")]
    Gone,
    /// Worth another try.
    #[error("the file could not be fetched")]
    Unreachable,
}

/// Fetches files.
#[derive(Clone, Debug)]
pub struct Fetcher {
    guarded: Client,
    trusting: Client,
}

impl Fetcher {
    /// # Errors
    /// The HTTP clients could not be made.
    pub fn new() -> Result<Self, reqwest::Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .referer(false)
                .http1_only()
                .connect_timeout(CONNECT_TIME)
                .user_agent(concat!("palabre/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self {
            guarded: builder().dns_resolver(std::sync::Arc::new(PublicResolver)).build()?,
            trusting: builder().build()?,
        })
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        let within = request.timeout;
        tokio::time::timeout(within, self.follow(request)).await.unwrap_or(Err(FetchError::Unreachable))
    }

    async fn follow(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        let mut url = Url::parse(&request.url).map_err(|_| FetchError::Forbidden)?;
        let own = url.origin();
        for _ in 0..=REDIRECTS {
            let client = self.client(&url, request.trusted.as_deref())?;
            let mut asked = Request::new(reqwest::Method::GET, url.clone());
            if url.origin() == own {
                asked.headers_mut().clone_from(&request.headers);
            }
            let response = client.execute(asked).await.map_err(|error| refused(&error))?;
            let status = response.status();
            if status.is_redirection() {
                let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
                url = target.and_then(|target| url.join(target).ok()).ok_or(FetchError::Gone)?;
                continue;
            }
            return match status {
                StatusCode::OK => read(response, request.most_bytes).await,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(FetchError::Unreachable),
                status if status.is_client_error() => Err(FetchError::Gone),
                _ => Err(FetchError::Unreachable),
            };
        }
        Err(FetchError::Gone)
    }

    /// Who may ask for a URL. A host that is an address is not resolved, so it is looked at here.
    fn client(&self, url: &Url, trusted: Option<&str>) -> Result<&Client, FetchError> {
        if trusted.is_some() && url.host_str() == trusted {
            return Ok(&self.trusting);
        }
        let is_allowed = match url.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        let is_plain = url.username().is_empty() && url.password().is_none();
        if matches!(url.scheme(), "https" | "http") && is_allowed && is_plain {
            Ok(&self.guarded)
        } else {
            Err(FetchError::Forbidden)
        }
    }
}

fn refused(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(deeper) = cause {
        if deeper.is::<super::guard::NotPublic>() {
            return FetchError::Forbidden;
        }
        cause = deeper.source();
    }
    FetchError::Unreachable
}

async fn read(mut response: Response, most: u64) -> Result<Fetched, FetchError> {
    if response.content_length().is_some_and(|length| length > most) {
        return Err(FetchError::TooLarge);
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|text| text.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| FetchError::Unreachable)? {
        if (bytes.len() + chunk.len()) as u64 > most {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Fetched { bytes: bytes.freeze(), content_type })
}
