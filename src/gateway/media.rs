//! Files of messages at a provider: where each is, what it takes to read it, and reading it.

mod fetch;
#[cfg(test)]
mod tests;

use palabre_actors::ports::Pending;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::{Origin, Url};

pub use self::fetch::{FetchError, FetchLimits, Fetched, Fetcher};
use super::lenient::without_nul;

/// The longest name of a file that is kept.
const MAX_NAME_BYTES: usize = 255;

/// Where a file is now.
#[derive(Clone)]
pub struct MediaPlace {
    pub(super) url: Url,
    /// What the request needs; it goes to the origin of `url` alone.
    pub(super) headers: HeaderMap,
    /// The origin of the provider's API, as the configuration has it: it may be anywhere.
    pub(super) trusted: Option<Origin>,
}

/// Why nobody knows where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaMissing {
    #[error("the provider has no such file any more")]
    Gone,
    #[error("the file is larger than what the provider hands out")]
    TooLarge,
    #[error("the provider did not say where the file is")]
    Later,
}

/// Tells where a channel's files are.
pub trait MediaSource: Send + Sync {
    /// Where the file is that a decoded message names by this URL.
    fn locate<'a>(&'a self, url: &'a str) -> Pending<'a, Result<MediaPlace, MediaMissing>>;
}

impl MediaPlace {
    /// At a URL that anybody may read. `None`: it is no URL.
    #[must_use]
    pub fn public(url: &str) -> Option<Self> {
        Some(Self { url: Url::parse(url).ok()?, headers: HeaderMap::new(), trusted: None })
    }

    /// The request carries this in `Authorization`.
    #[must_use]
    pub fn with_authorization(mut self, authorization: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(authorization) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    /// A file at the origin of the provider's API is read wherever that is: the operator named it.
    #[must_use]
    pub fn trusting(mut self, api_base_url: &str) -> Self {
        self.trusted = Url::parse(api_base_url).ok().map(|base| base.origin());
        self
    }
}

/// Shows nothing: the URL may be all that it takes to read the file.
impl std::fmt::Debug for MediaPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaPlace").finish_non_exhaustive()
    }
}

/// The name of a file as it is kept: as the provider says it, up to a length.
pub(super) fn file_name(name: &str) -> String {
    without_nul(&name[..name.floor_char_boundary(MAX_NAME_BYTES)])
}
