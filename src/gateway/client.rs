//! The one HTTP client through which every channel sends.

use std::time::Duration;

use reqwest::redirect;

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

/// No redirect is followed and nothing is repeated behind our back: whether a message may be sent again
/// is the outbox's decision (I5). The environment's proxies are ignored.
pub(super) fn builder() -> reqwest::ClientBuilder {
    // The first to install one wins, whoever it is; they are all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_TIME)
        .connect_timeout(CONNECT_TIME)
        .user_agent(concat!("palabre/", env!("CARGO_PKG_VERSION")))
}
