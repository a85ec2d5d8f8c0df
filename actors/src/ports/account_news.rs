//! News of a sender account.

use std::time::Duration;

use super::ChannelKey;

/// What a provider says of a sender account by itself, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountNews {
    /// Whose account.
    pub channel_key: ChannelKey,
    /// The provider's code for it ([`super::Gateway::class_of`]).
    pub code: String,
    /// For how long it can send nothing; `None`: it works.
    pub suspended_for: Option<Duration>,
}
