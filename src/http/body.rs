//! Reads a request's body up to a limit and within a time.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;

/// A whole body must have come by then: providers send theirs at once, and a client that drips holds a connection.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// Buffers start no larger than this, whatever `Content-Length` announces.
const FIRST_BUFFER_BYTES: usize = 64 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Larger than the limit. The rest was not read.
    TooLarge,
    /// It ended before its announced length, or its framing is broken.
    Truncated,
    /// It did not come in time.
    Slow,
}

/// The whole body, if it has at most `limit` bytes and comes within the deadline. What is left unread closes
/// the connection.
pub(super) async fn read(
    headers: &HeaderMap,
    payload: &mut Payload,
    limit: usize,
    deadline: Duration,
) -> Result<Bytes, BodyError> {
    let announced = announced(headers);
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge);
    }
    match tokio::time::timeout(deadline, collect(payload, announced, limit)).await {
        Ok(body) => body,
        Err(_elapsed) => Err(BodyError::Slow),
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(payload: &mut Payload, announced: Option<u64>, limit: usize) -> Result<Bytes, BodyError> {
    let Some(first) = next(payload, limit).await? else { return Ok(Bytes::new()) };
    // The usual webhook comes in one piece, which needs no copy.
    let Some(second) = next(payload, limit - first.len()).await? else { return Ok(first) };
    let announced = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut body = BytesMut::with_capacity(announced.min(FIRST_BUFFER_BYTES).max(first.len() + second.len()));
    body.extend_from_slice(&first);
    body.extend_from_slice(&second);
    while let Some(piece) = next(payload, limit - body.len()).await? {
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// The next piece, if it is not longer than what is left of the limit.
async fn next(payload: &mut Payload, left: usize) -> Result<Option<Bytes>, BodyError> {
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
    use futures_util::stream::{self, LocalBoxStream, Stream};

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
        read(request.headers(), &mut payload, 8, deadline).await
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
