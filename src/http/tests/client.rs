//! A client that sends the bytes it is given, right or wrong.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// An answer, read to the end of the connection.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let value: serde_json::Value = serde_json::from_str(&self.body).expect(&self.body);
        if let Some(error) = value["error"].as_str() {
            let is_code = error.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            assert!(is_code && !error.is_empty(), "every error is a code: {error}");
        }
        value
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer, but {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect(head);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }
}

/// A POST that closes its connection; a form unless the headers say otherwise.
pub(super) fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: inner.example\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request.push_str("Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n");
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut request = request.into_bytes();
    request.extend_from_slice(body);
    request
}

/// Sends, closes its sending half, and reads to the end.
pub(super) async fn exchange(addr: SocketAddr, request: impl AsRef<[u8]> + Send + 'static) -> Reply {
    talk(addr, request, true).await
}

/// Sends and reads to the end, without closing its half: the server has to.
pub(super) async fn exchange_open(addr: SocketAddr, request: impl AsRef<[u8]> + Send + 'static) -> Reply {
    talk(addr, request, false).await
}

async fn talk(addr: SocketAddr, request: impl AsRef<[u8]> + Send + 'static, half_close: bool) -> Reply {
    let bytes = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        // The server may have answered and closed before it heard everything.
        let sent = stream.write_all(request.as_ref());
        if half_close && sent.is_ok() {
            let _already_closed = stream.shutdown(Shutdown::Write);
        }
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            bytes.extend_from_slice(&piece[..count]);
        }
        bytes
    });
    Reply::parse(&bytes.await.unwrap())
}
