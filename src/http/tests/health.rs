//! Tests of the health endpoints.

use std::sync::atomic::{AtomicBool, Ordering};

use palabre_actors::ports::Pending;

use super::*;
use crate::http::health::{Condition, HealthSource};

struct Store(Arc<AtomicBool>);

impl HealthSource for Store {
    fn check(&self) -> Pending<'_, Condition> {
        let up = self.0.load(Ordering::SeqCst);
        Box::pin(async move { if up { Condition::Up } else { Condition::Down("refuses") } })
    }
}

/// Never answers.
struct Hanging;

impl HealthSource for Hanging {
    fn check(&self) -> Pending<'_, Condition> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn readiness_follows_the_phase_and_the_store() {
    let server = TestServer::open();
    let up = Arc::new(AtomicBool::new(true));
    server.health.register("store", true, Arc::new(Store(up.clone())));

    assert_eq!(server.get("/readyz").await.status, 200);
    server.health.enter(Phase::Starting);
    let reply = server.get("/readyz").await;
    assert_eq!((reply.status, reply.json()["hint"].as_str()), (503, Some("still starting")));
    server.health.enter(Phase::Ready);
    up.store(false, Ordering::SeqCst);
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/api/health").await.status, 503);
    up.store(true, Ordering::SeqCst);
    assert_eq!(server.get("/readyz").await.status, 200);
    server.health.enter(Phase::Draining);
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_hanging_part_is_reported_and_holds_nothing_up() {
    let server = TestServer::open();
    server.health.register("store", true, Arc::new(Store(Arc::new(AtomicBool::new(true)))));
    server.health.register("provider", false, Arc::new(Hanging));

    let reply = server.get("/api/health").await;
    let body = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!(body["status"], "degraded");
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert!(body["uptime_s"].is_u64());
    assert_eq!(body["components"]["store"]["status"], "up");
    assert!(body["components"]["store"]["latency_ms"].is_number());
    assert_eq!(body["components"]["provider"]["status"], "down");
    assert_eq!(body["components"]["provider"]["reason"], "no answer in time");
    assert_eq!(server.get("/readyz").await.status, 200);

    server.health.register("second store", true, Arc::new(Hanging));
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/api/health").await.json()["status"], "down");
}

#[tokio::test]
async fn metrics_stay_on_the_admin_listener_when_there_is_one() {
    let server = TestServer::open_with(|deps| deps.config.admin_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0))));
    assert_ne!(server.running.addr, server.running.admin_addr);
    let admin = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        exchange(server.running.admin_addr, request)
    };
    assert_eq!(server.get("/metrics").await.status, 404);
    assert_eq!(admin("/metrics").await.status, 200);
    for path in ["/healthz", "/readyz", "/api/health"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
        assert_eq!(admin(path).await.status, 200, "{path}");
    }
    assert_eq!(admin("/webhooks/twilio-sms/status-check").await.status, 404);
    let post = client::post("/webhooks/twilio-whatsapp/belle-wa", &[], b"");
    assert_eq!(exchange(server.running.admin_addr, post).await.status, 404);
    server.running.stop().await;
}

#[tokio::test]
async fn metrics_tell_of_requests_and_the_process() {
    let server = TestServer::open();
    assert_eq!(server.running.addr, server.running.admin_addr);
    server.get("/healthz").await;
    let reply = server.get("/metrics").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "palabre_http_requests_total{route=\"/healthz\",status=\"200\"}",
        "palabre_http_request_seconds_bucket{route=\"/healthz\",le=\"0.015\"}",
        "palabre_http_in_flight_count",
        "palabre_process_resident_memory_bytes",
        "palabre_process_cpu_seconds_total",
        "palabre_process_open_fds_count",
        "palabre_logs_dropped_lines_total",
        "palabre_process_build_info{version=",
    ] {
        assert!(reply.body.contains(line), "{line} in {}", reply.body);
    }
}

#[tokio::test]
async fn heads_have_no_bodies() {
    let server = TestServer::open();
    let reply = server.ask("HEAD", "/healthz").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_taken_port_is_an_error_and_leaves_nothing_half_up() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = socket.local_addr().unwrap();
    let mut deps = None;
    TestServer::open_with(|its| deps = Some(its.clone())).running.stop().await;
    let mut deps = deps.unwrap();
    deps.config.admin_listen = Some(taken);
    assert_eq!(serve(deps).unwrap_err().address, taken);
}
