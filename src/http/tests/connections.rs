//! Tests of connections' deadlines and shares, over raw sockets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::*;

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// A server whose deadlines end while a test waits for them.
fn impatient() -> TestServer {
    TestServer::open_with(|deps| {
        // actix-web's own clock is up to half a second old.
        let short = Duration::from_millis(1_500);
        deps.deadlines = Deadlines { head: short, body: short, idle: Duration::from_secs(600), ..deps.deadlines };
    })
}

/// A connection on which something was asked and answered.
async fn used(server: &TestServer) -> TcpStream {
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    ask(&mut stream).await;
    stream
}

async fn ask(stream: &mut TcpStream) {
    stream.write_all(HEALTH.as_bytes()).await.unwrap();
    let answer = answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The head and the body of an answer that says how long it is.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let count = stream.read_buf(&mut bytes).await.unwrap();
        assert!(count > 0, "the connection ended: {text}");
    }
}

/// Whatever comes until the server ends the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends it as well.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn every_requests_head_has_its_deadline() {
    let server = impatient();
    let mut first = TcpStream::connect(server.running.addr).await.unwrap();
    first.write_all(b"GET /healthz HT").await.unwrap();
    assert!(rest(&mut first).await.starts_with("HTTP/1.1 408"), "the head of the first request");
    for answered in 1..3 {
        let mut stream = used(&server).await;
        for _ in 1..answered {
            ask(&mut stream).await;
        }
        stream.write_all(b"GET /healthz HT").await.unwrap();
        assert_eq!(rest(&mut stream).await, "", "the head of a later request, after {answered}");
    }
    // A head that comes in pieces within its time is a request like any other.
    let server = TestServer::open();
    let mut stream = used(&server).await;
    for piece in [HEALTH.split_at(9).0, HEALTH.split_at(9).1] {
        stream.write_all(piece.as_bytes()).await.unwrap();
    }
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn who_drips_a_head_gains_no_time() {
    let server = impatient();
    let mut stream = used(&server).await;
    let (mut reading, mut writing) = stream.split();
    let dripping = async {
        // Each byte is a sign of life, and all of them are no head.
        let mut drips = tokio::time::interval(Duration::from_millis(20));
        loop {
            drips.tick().await;
            if writing.write_all(b"G").await.is_err() {
                break;
            }
        }
    };
    let ended = async {
        let mut bytes = Vec::new();
        let _ = reading.read_to_end(&mut bytes).await;
    };
    tokio::select! {
        () = dripping => {}
        () = ended => {}
    }
}

#[tokio::test]
async fn every_requests_body_has_its_deadline() {
    let server = impatient();
    let mut stream = used(&server).await;
    let head = "POST /webhooks/twilio-whatsapp/belle-wa HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: x\r\nContent-Length: 90\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"MessageSid=").await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn idle_connections_end_by_themselves() {
    let server = TestServer::open_with(|deps| deps.deadlines.idle = Duration::from_millis(1100));
    let mut stream = used(&server).await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn one_address_holds_a_share_of_the_connections() {
    let server = TestServer::open_with(|deps| deps.config.max_connections = 12);
    let from = |address: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((address, 0))).unwrap();
        socket.connect(server.running.addr)
    };
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = from([127, 0, 0, 2]).await.unwrap();
        ask(&mut stream).await;
        held.push(stream);
    }
    for _ in 0..20 {
        let mut stream = from([127, 0, 0, 2]).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
    }
    ask(&mut from([127, 0, 0, 3]).await.unwrap()).await;
    // What it holds works on, and what it gives back may be taken again.
    ask(&mut held[0]).await;
    drop(held.pop());
    loop {
        let mut stream = from([127, 0, 0, 2]).await.unwrap();
        stream.write_all(HEALTH.as_bytes()).await.unwrap();
        if answer(&mut stream).await.starts_with("HTTP/1.1 200") {
            break;
        }
    }
    let metrics = server.get("/metrics").await.body;
    let counted = metrics.lines().find(|line| line.contains("reason=\"too_many\"")).unwrap();
    assert!(!counted.ends_with(" 0"), "{counted}");
}

#[tokio::test]
async fn listed_proxies_hold_what_they_need() {
    let server = TestServer::open_with(|deps| {
        deps.config.max_connections = 12;
        deps.config.trusted_proxies = vec![config::Cidr { address: [127, 0, 0, 1].into(), prefix: 32 }];
    });
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(used(&server).await);
    }
}

#[tokio::test]
async fn what_is_not_http_is_counted() {
    let server = TestServer::open();
    let counted = async || {
        let metrics = server.get("/metrics").await.body;
        let line = metrics.lines().find(|line| line.contains("reason=\"malformed\"")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = counted().await;
    for request in ["\u{16}\u{3}\u{1}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
    }
    assert!(counted().await >= before + 3);
}
