//! One keep-alive HTTP/1.1 connection that posts finished requests. It does nothing else, because it shares its cores
//! with what it measures.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Providers give up after 15 seconds or so.
const DEADLINE: Duration = Duration::from_secs(15);

/// More headers than any answer of ours has.
const MOST_HEADERS: usize = 32;

/// A longer answer is no answer to a webhook.
const MOST_BYTES: usize = 64 * 1024;

/// Why a request brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum Broken {
    /// Nothing was written.
    #[error("no connection")]
    NoConnection,
    /// It ended before the answer was whole.
    #[error("connection cut")]
    Cut,
    #[error("no answer in time")]
    TimedOut,
    /// What came is no HTTP/1.1 answer with a length.
    #[error("unreadable answer")]
    Unreadable,
}

/// A connection that opens itself when it is needed.
#[derive(Debug)]
pub(super) struct Connection {
    peer: SocketAddr,
    stream: Option<TcpStream>,
    incoming: Vec<u8>,
}

/// An answer's status, and whether the connection may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    keeps: bool,
}

impl Connection {
    /// To this peer, not open yet.
    pub(super) fn to(peer: SocketAddr) -> Self {
        Self { peer, stream: None, incoming: Vec::with_capacity(4 * 1024) }
    }

    /// Posts a request and reads its answer's status.
    ///
    /// # Errors
    /// [`Broken`]; but for [`Broken::NoConnection`], the request may have had its effect.
    pub(super) async fn post(&mut self, request: &[u8]) -> Result<u16, Broken> {
        let answered = tokio::time::timeout(DEADLINE, self.post_in_time(request)).await;
        let answer = answered.unwrap_or(Err(Broken::TimedOut));
        if !answer.is_ok_and(|answer| answer.keeps) {
            self.stream = None;
        }
        answer.map(|answer| answer.status)
    }

    async fn post_in_time(&mut self, request: &[u8]) -> Result<Answer, Broken> {
        if let Some(stream) = self.stream.as_mut() {
            let answer = exchange(stream, request, &mut self.incoming).await;
            // A server may close an idle connection at any moment; the request is not to blame, and it is repeated as
            // every client does (RFC 9112, 9.3.1). Should it have had its effect, the repetition changes nothing.
            if !matches!(answer, Err(Broken::Cut)) || !self.incoming.is_empty() {
                return answer;
            }
        }
        let stream = TcpStream::connect(self.peer).await.map_err(|_| Broken::NoConnection)?;
        // Requests are written whole, so there is nothing to gather; without it the last segment would wait.
        stream.set_nodelay(true).map_err(|_| Broken::NoConnection)?;
        exchange(self.stream.insert(stream), request, &mut self.incoming).await
    }
}

async fn exchange(stream: &mut TcpStream, request: &[u8], incoming: &mut Vec<u8>) -> Result<Answer, Broken> {
    incoming.clear();
    stream.write_all(request).await.map_err(|_| Broken::Cut)?;
    loop {
        let read = stream.read_buf(incoming).await.map_err(|_| Broken::Cut)?;
        if read == 0 {
            return Err(Broken::Cut);
        }
        if let Some(answer) = parse(incoming)? {
            return Ok(answer);
        }
        if incoming.len() > MOST_BYTES {
            return Err(Broken::Unreadable);
        }
    }
}

/// The answer, once it is whole.
fn parse(incoming: &[u8]) -> Result<Option<Answer>, Broken> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(head) = response.parse(incoming) else { return Err(Broken::Unreadable) };
    let httparse::Status::Complete(head) = head else { return Ok(None) };
    let status = response.code.ok_or(Broken::Unreadable)?;
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value)
    };
    let length = header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
    let length: usize = match (length, status) {
        (Some(length), _) => length,
        (None, 204 | 304) => 0,
        _ => return Err(Broken::Unreadable),
    };
    let closes = header("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    let keeps = !closes && response.version == Some(1);
    Ok((incoming.len() >= head.saturating_add(length)).then_some(Answer { status, keeps }))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: y\r\n\r\n<Re/>";
        for cut in 1..whole.len() {
            assert_eq!(parse(&whole[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(parse(whole), Ok(Some(Answer { status: 200, keeps: true })));
    }

    #[test]
    fn statuses_and_endings() {
        for (answer, expected) in [
            ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Ok(Some((503, false)))),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Ok(Some((200, false)))),
            ("HTTP/1.1 204 No Content\r\n\r\n", Ok(Some((204, true)))),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Broken::Unreadable)),
            ("SSH-2.0-OpenSSH_9.2\r\n", Err(Broken::Unreadable)),
        ] {
            let parsed = parse(answer.as_bytes()).map(|parsed| parsed.map(|parsed| (parsed.status, parsed.keeps)));
            assert_eq!(parsed, expected, "{answer}");
        }
    }

    async fn answer(listener: &TcpListener, with: &[u8], times: usize) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 256];
        for _ in 0..times {
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(with).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_connection_that_the_server_closed_is_opened_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::to(listener.local_addr().unwrap());
        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let server = async {
            answer(&listener, ok, 2).await;
            answer(&listener, ok, 1).await;
        };
        let client = async {
            for _ in 0..3 {
                assert_eq!(connection.post(b"POST / HTTP/1.1\r\n\r\n").await, Ok(200));
            }
        };
        tokio::join!(server, client);
    }

    #[tokio::test]
    async fn a_cut_is_told_from_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::to(listener.local_addr().unwrap());
        let posted = async { connection.post(b"POST / HTTP/1.1\r\n\r\n").await };
        let (posted, ()) = tokio::join!(posted, answer(&listener, b"HTTP/1.1 200 OK\r\n", 1));
        assert_eq!(posted, Err(Broken::Cut));
        drop(listener);
        assert_eq!(connection.post(b"POST / HTTP/1.1\r\n\r\n").await, Err(Broken::NoConnection));
    }
}
