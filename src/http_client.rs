//! What every HTTP client begins with, and how much of an answer is read: TLS by ring, no request but ours.

use bytes::BytesMut;
use reqwest::{ClientBuilder, Response, redirect, retry};

/// Why an answer's body was not read to its end.
#[derive(Debug)]
pub(crate) enum UnreadBody {
    /// It has more bytes than may be read.
    TooLong,
    Broken(reqwest::Error),
}

/// No redirect is followed and nothing is repeated behind our back: whether a message may be sent again is the outbox's decision
/// (I5). The environment's proxies are ignored.
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

/// Reads an answer's body, up to so many bytes.
pub(crate) async fn body(mut answer: Response, most_bytes: usize) -> Result<BytesMut, UnreadBody> {
    let announced = answer.content_length().map_or(1_024, |length| length.min(65_536) as usize);
    let mut body = BytesMut::with_capacity(announced);
    while let Some(chunk) = answer.chunk().await.map_err(UnreadBody::Broken)? {
        if body.len() + chunk.len() > most_bytes {
            return Err(UnreadBody::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
