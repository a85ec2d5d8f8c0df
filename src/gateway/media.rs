//! Files of messages at a provider: where each is, what it takes to read it, and reading it.

mod fetch;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::presentation::SentFile;
use palabre_actors::domain::send::{FILE_UNSUPPORTED, SendError};
use palabre_actors::ports::Pending;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::{Origin, Url};

pub use self::fetch::{FetchError, FetchLimits, Fetched, Fetcher};
use super::lenient::beginning;

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

/// Files on their way out.
pub trait SentFiles: Send + Sync {
    /// Where the provider may read a file, for a day.
    fn link<'a>(&'a self, tenant: &'a TenantId, file: &'a SentFile) -> Pending<'a, Result<String, SendError>>;

    fn read<'a>(&'a self, tenant: &'a TenantId, file: &'a SentFile) -> Pending<'a, Result<Bytes, SendError>>;
}

/// How a channel's gateway gets at the files of its messages. `Default`: it does not, and no file is sent.
#[derive(Clone, Default)]
pub struct FilesOut(Option<Arc<dyn SentFiles>>);

/// No file is sent.
pub(super) static NO_FILES: FilesOut = FilesOut(None);

impl FilesOut {
    #[must_use]
    pub fn of(files: Arc<dyn SentFiles>) -> Self {
        Self(Some(files))
    }

    /// The one file of a message with where the provider reads it. `None`: it has none.
    pub(super) async fn linked<'m>(&self, message: &'m Outbound) -> Result<Option<(&'m SentFile, String)>, SendError> {
        let Some(file) = only(message)? else { return Ok(None) };
        Ok(Some((file, self.known()?.link(&message.tenant, file).await?)))
    }

    /// The one file of a message with its bytes. `None`: it has none.
    pub(super) async fn whole<'m>(&self, message: &'m Outbound) -> Result<Option<(&'m SentFile, Bytes)>, SendError> {
        let Some(file) = only(message)? else { return Ok(None) };
        Ok(Some((file, self.known()?.read(&message.tenant, file).await?)))
    }

    /// All files of a message with their bytes.
    pub(super) async fn all<'m>(&self, message: &'m Outbound) -> Result<Vec<(&'m SentFile, Bytes)>, SendError> {
        let mut read = Vec::with_capacity(message.files().len());
        for file in message.files() {
            read.push((file, self.known()?.read(&message.tenant, file).await?));
        }
        Ok(read)
    }

    fn known(&self) -> Result<&Arc<dyn SentFiles>, SendError> {
        self.0.as_ref().ok_or_else(|| SendError::of_file(FILE_UNSUPPORTED))
    }
}

impl std::fmt::Debug for FilesOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FilesOut({})", self.0.is_some())
    }
}

/// One message of a messenger holds one file: several would be several messages, of which some may be lost.
fn only(message: &Outbound) -> Result<Option<&SentFile>, SendError> {
    match message.files() {
        [] => Ok(None),
        [file] => Ok(Some(file)),
        _ => Err(SendError::of_file(FILE_UNSUPPORTED)),
    }
}

/// The name of a file as it is kept: as the provider says it, up to a length.
pub(super) fn file_name(name: &str) -> String {
    beginning(name, MAX_NAME_BYTES)
}
