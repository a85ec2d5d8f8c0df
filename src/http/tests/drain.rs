//! Tests of the drain: requests in flight are answered before the server stops.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

const MESSAGE: &str = "/webhooks/twilio-whatsapp/belle-wa";
const FORM: &str = "MessageSid=SM1&Body=Bonjour";

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish() {
    let server = TestServer::open();
    let (gate, arrived) = server.reception.close_gate();
    let signature = fakes::sign(&format!("{BASE}{MESSAGE}"), FORM.as_bytes());
    // The client would keep its connection.
    let request = client::post(MESSAGE, &[("X-Twilio-Signature", &signature)], FORM.as_bytes());
    let request = String::from_utf8(request).unwrap().replace("Connection: close\r\n", "");
    let client = tokio::spawn(client::exchange_open(server.running.addr, request));
    arrived.acquire().await.unwrap().forget();

    let (addr, health, reception) = (server.running.addr, server.health.clone(), server.reception.clone());
    let stop = tokio::spawn(server.running.stop());
    while health.phase() != Phase::Draining {
        tokio::task::yield_now().await;
    }
    assert!(reception.accepted.lock().unwrap().is_empty());
    gate.add_permits(1);

    let reply = client.await.unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (200, "<Response/>"));
    assert_eq!(reply.header("connection"), Some("close"));
    stop.await.unwrap();
    assert_eq!(reception.accepted.lock().unwrap().len(), 1);
    assert!(TcpStream::connect(addr).is_err(), "the listener is gone");
}

#[tokio::test]
async fn a_stop_is_announced_while_requests_are_still_taken() {
    // So long that only an announced stop lets anybody in.
    let server = TestServer::open_with(|deps| deps.notice = Duration::from_secs(600));
    let (addr, health, reception) = (server.running.addr, server.health.clone(), server.reception.clone());
    let stop = tokio::spawn(server.running.stop());
    while health.phase() != Phase::Draining {
        tokio::task::yield_now().await;
    }
    // New connections, whose clients would keep them.
    let ready = client::exchange_open(addr, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()).await;
    assert_eq!((ready.status, ready.header("connection")), (503, Some("close")));
    let signature = fakes::sign(&format!("{BASE}{MESSAGE}"), FORM.as_bytes());
    let request = client::post(MESSAGE, &[("X-Twilio-Signature", &signature)], FORM.as_bytes());
    let request = String::from_utf8(request).unwrap().replace("Connection: close\r\n", "");
    let taken = client::exchange_open(addr, request).await;
    assert_eq!((taken.status, taken.header("connection")), (200, Some("close")));
    assert_eq!(reception.accepted.lock().unwrap().len(), 1);
    assert!(!stop.is_finished());
    stop.abort();
}

#[tokio::test]
async fn idle_connections_do_not_hold_a_stop_up() {
    let server = TestServer::open();
    let addr = server.running.addr;
    let mut idle = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).unwrap();
        assert!(piece[..count].starts_with(b"HTTP/1.1 200"));
        stream
    })
    .await
    .unwrap();
    // With a drain time of ten minutes, this ends only when the idle connection is closed.
    server.running.stop().await;
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).unwrap_or(0), 0);
}

#[test]
fn it_runs_inside_an_actix_system() {
    let system = actix_rt::System::new();
    system.block_on(async {
        let server = TestServer::open();
        assert_eq!(server.post(MESSAGE, FORM).await.status, 200);
        server.running.stop().await;
    });
}
