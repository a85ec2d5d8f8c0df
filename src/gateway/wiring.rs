//! What channels are connected with, and what comes of it.

use std::any::Any;
use std::sync::Arc;

use palabre_actors::ports::Gateway;

use super::Receiver;
use super::media::{FilesOut, NO_FILES};
use crate::config::Channel;

/// What channels are connected with.
#[derive(Clone, Copy, Debug)]
pub struct Wiring<'a> {
    pub client: &'a reqwest::Client,
    /// Where providers find us, without a trailing slash.
    pub public_base_url: Option<&'a str>,
    /// How files are sent.
    pub files: &'a FilesOut,
}

impl<'a> Wiring<'a> {
    /// For those who send nothing.
    #[must_use]
    pub const fn without_files(client: &'a reqwest::Client, public_base_url: Option<&'a str>) -> Self {
        Self { client, public_base_url, files: &NO_FILES }
    }
}

/// A channel's ways in and out.
pub struct ChannelConnection {
    /// Our sender as the provider writes it.
    pub sender: String,
    /// `None`: the provider posts no webhooks.
    pub receiver: Option<Arc<dyn Receiver>>,
    pub gateway: Arc<dyn Gateway>,
}

/// Settings that make no connection; the configuration's own checks refuse most of them earlier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnectError(pub String);

/// A channel's settings, as the provider that made them reads them.
pub(super) fn settings<T: Any>(channel: &Channel) -> Result<&T, ConnectError> {
    channel.provider.settings().ok_or_else(|| ConnectError("the settings are another provider's".to_owned()))
}
