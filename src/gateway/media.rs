//! Files of messages at a provider: where each is, and what it takes to read it.

use palabre_actors::ports::Pending;
use reqwest::header::{HeaderMap, HeaderValue};

/// Where a file is now.
#[derive(Clone)]
pub struct MediaPlace {
    pub url: String,
    /// What the request needs; never to be logged.
    pub headers: HeaderMap,
}

/// Why nobody knows where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaMissing {
    #[error("the provider has no such file any more")]
    Gone,
    #[error("the provider did not say where the file is")]
    Later,
}

/// Tells where a channel's files are.
pub trait MediaSource: Send + Sync {
    /// Where the file is that a decoded message names by this URL.
    fn locate<'a>(&'a self, url: &'a str) -> Pending<'a, Result<MediaPlace, MediaMissing>>;
}

impl MediaPlace {
    /// At a URL that anybody may read.
    #[must_use]
    pub fn public(url: &str) -> Self {
        Self { url: url.to_owned(), headers: HeaderMap::new() }
    }

    /// At a URL that wants this in `Authorization`.
    #[must_use]
    pub fn with(url: &str, authorization: &str) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(mut value) = HeaderValue::from_str(authorization) {
            value.set_sensitive(true);
            headers.insert(reqwest::header::AUTHORIZATION, value);
        }
        Self { url: url.to_owned(), headers }
    }
}

impl std::fmt::Debug for MediaPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaPlace").finish_non_exhaustive()
    }
}
