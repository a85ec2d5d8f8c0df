//! The one HTTP client through which every channel sends.

use std::time::Duration;

use crate::http_client;

/// Connections kept open towards one host: as many as messages are sent at once.
const IDLE_CONNECTIONS: usize = 256;

/// How long an unused connection is kept. Common servers close theirs after five seconds, and a request that crosses
/// such a close has an unknown outcome, which costs far more than a new connection: let go first.
const IDLE_TIME: Duration = Duration::from_secs(4);

/// How long a connection may take to open. Until then surely nothing was sent.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be made")]
pub struct ClientError(#[from] reqwest::Error);

/// Makes the client.
///
/// # Errors
/// [`ClientError`] when the system has no trusted certificates, for one.
pub fn new() -> Result<reqwest::Client, ClientError> {
    Ok(builder().build()?)
}

/// Makes a client that shows whose certificate answered ([`reqwest::tls::TlsInfo`]), for those who look at a set-up.
///
/// # Errors
/// As [`new`].
pub fn with_certificates() -> Result<reqwest::Client, ClientError> {
    Ok(builder().tls_info(true).build()?)
}

pub(super) fn builder() -> reqwest::ClientBuilder {
    http_client::builder()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_TIME)
        .connect_timeout(CONNECT_TIME)
}
