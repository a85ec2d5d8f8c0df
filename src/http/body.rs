//! Reads a request's body up to a limit and within a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};

/// A whole body must have come by then: providers send theirs at once, and a client that drips holds a connection.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// Buffers start no larger than this, whatever `Content-Length` announces.
const FIRST_BUFFER_BYTES: usize = SMALL_BODY_BYTES;

/// What every request may bring without asking: providers send a few kB.
pub const SMALL_BODY_BYTES: usize = 16 * 1024;

/// What larger bodies take of memory, all of them together. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct LargeBodies(Arc<(AtomicUsize, usize)>);

/// What one body takes of it, given back on drop: after the body.
#[derive(Debug)]
pub(super) struct MemoryShare<'a> {
    of: &'a LargeBodies,
    bytes: usize,
}

impl LargeBodies {
    /// Of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new((AtomicUsize::new(0), limit)))
    }

    /// The share of a body that has not come yet.
    pub(super) const fn share(&self) -> MemoryShare<'_> {
        MemoryShare { of: self, bytes: 0 }
    }
}

impl MemoryShare<'_> {
    /// Counts a body that has come to `length` bytes.
    fn grow(&mut self, length: usize) -> Result<(), BodyError> {
        let more = length.saturating_sub(SMALL_BODY_BYTES).saturating_sub(self.bytes);
        let (used, limit) = &*self.of.0;
        // Counted before it is compared; the drop takes it back.
        self.bytes += more;
        if used.fetch_add(more, Ordering::Relaxed) + more > *limit { Err(BodyError::Crowded) } else { Ok(()) }
    }
}

impl Drop for MemoryShare<'_> {
    fn drop(&mut self) {
        self.of.0.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Larger than the limit. The rest was not read.
    TooLarge,
    /// It ended before its announced length, or its framing is broken.
    Truncated,
    /// It did not come in time.
    Slow,
    /// Too much of memory is with other large bodies.
    Crowded,
}

/// The whole body, if it has at most `limit` bytes and comes within the deadline. What is left unread closes
/// the connection.
pub(super) async fn read(
    headers: &HeaderMap,
    payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
    limit: usize,
    deadline: Duration,
    share: &mut MemoryShare<'_>,
) -> Result<Bytes, BodyError> {
    let announced = announced(headers);
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge);
    }
    match tokio::time::timeout(deadline, collect(payload, announced, limit, share)).await {
        Ok(body) => body,
        Err(_elapsed) => Err(BodyError::Slow),
    }
}

/// Whether it says of itself that it is not too large.
pub(super) fn is_said_to_fit(headers: &HeaderMap, limit: usize) -> bool {
    announced(headers).is_some_and(|length| length <= limit as u64)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(
    payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
    announced: Option<u64>,
    limit: usize,
    share: &mut MemoryShare<'_>,
) -> Result<Bytes, BodyError> {
    let Some(first) = next(payload, limit).await? else { return Ok(Bytes::new()) };
    share.grow(first.len())?;
    // The usual webhook comes in one piece, which needs no copy.
    let Some(second) = next(payload, limit - first.len()).await? else { return Ok(first) };
    share.grow(first.len() + second.len())?;
    let announced = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut body = BytesMut::with_capacity(announced.min(FIRST_BUFFER_BYTES).max(first.len() + second.len()));
    body.extend_from_slice(&first);
    body.extend_from_slice(&second);
    while let Some(piece) = next(payload, limit - body.len()).await? {
        share.grow(body.len() + piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// The next piece, if it is not longer than what is left of the limit.
async fn next(
    payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
    left: usize,
) -> Result<Option<Bytes>, BodyError> {
    match payload.next().await {
        Some(Ok(piece)) if piece.len() > left => Err(BodyError::TooLarge),
        Some(Ok(piece)) => Ok(Some(piece)),
        Some(Err(error)) => Err(classify(&error)),
        None => Ok(None),
    }
}

fn classify(error: &PayloadError) -> BodyError {
    match error {
        PayloadError::Overflow => BodyError::TooLarge,
        _ => BodyError::Truncated,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::dev;
    use actix_web::test::TestRequest;
    use actix_web::web::Payload;
    use futures_util::stream::{self, LocalBoxStream};

    use super::*;

    async fn read_pieces(
        announced: Option<usize>,
        pieces: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
        deadline: Duration,
    ) -> Result<Bytes, BodyError> {
        let request = TestRequest::post();
        let request = match announced {
            Some(length) => request.insert_header((header::CONTENT_LENGTH, length)),
            None => request,
        };
        let request = request.to_http_request();
        let pieces: LocalBoxStream<'static, _> = Box::pin(pieces);
        let mut payload = dev::Payload::Stream { payload: pieces };
        let mut payload = Payload::from_request(&request, &mut payload).await.unwrap();
        let large = LargeBodies::new(usize::MAX);
        read(request.headers(), &mut payload, 8, deadline, &mut large.share()).await
    }

    fn pieces(pieces: &[&'static str]) -> impl Stream<Item = Result<Bytes, PayloadError>> + use<> {
        stream::iter(pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect::<Vec<_>>())
    }

    /// What is announced, what comes, what is read.
    type Case = (Option<usize>, &'static [&'static str], Result<&'static str, BodyError>);

    #[tokio::test]
    async fn bodies_up_to_the_limit() {
        let table: [Case; 9] = [
            (Some(8), &["12345678"], Ok("12345678")),
            (Some(8), &["1234", "5678"], Ok("12345678")),
            (None, &["1234", "5678"], Ok("12345678")),
            (Some(0), &[], Ok("")),
            (None, &[], Ok("")),
            (Some(9), &[], Err(BodyError::TooLarge)),
            (None, &["123456789"], Err(BodyError::TooLarge)),
            (None, &["1234", "56789"], Err(BodyError::TooLarge)),
            (Some(usize::MAX), &["1"], Err(BodyError::TooLarge)),
        ];
        for (announced, given, expected) in table {
            let body = read_pieces(announced, pieces(given), DEADLINE).await;
            assert_eq!(body.as_deref(), expected.map(str::as_bytes).as_ref().copied(), "{announced:?} {given:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = pieces(&["1"]).chain(stream::pending());
        assert_eq!(read_pieces(Some(8), endless, Duration::from_millis(1)).await, Err(BodyError::Slow));
    }

    #[tokio::test]
    async fn a_broken_body_is_cut_short() {
        let broken = pieces(&["1"]).chain(stream::iter([Err(PayloadError::Incomplete(None))]));
        assert_eq!(read_pieces(Some(8), broken, DEADLINE).await, Err(BodyError::Truncated));
    }
}
