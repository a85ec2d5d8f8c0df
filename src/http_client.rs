//! What every HTTP client begins with: TLS by ring, and no request but those that we make.

use reqwest::{ClientBuilder, redirect, retry};

/// No redirect is followed and nothing is repeated behind our back: whether a message may be sent again is the outbox's decision (I5). The
/// environment's proxies are ignored.
pub(crate) fn builder() -> ClientBuilder {
    // The first to install one wins, whoever it is; they are all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ClientBuilder::new()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .http1_only()
        .user_agent(concat!("palabre/", env!("CARGO_PKG_VERSION")))
}
