//! Handshake of a webhook URL.

/// The answer to a provider that makes sure of a webhook URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// 200, with this text.
    Echo(String),
    /// 403
    Refused,
    /// 405: the provider asks no such thing.
    Unsupported,
}
