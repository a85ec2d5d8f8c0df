//! Tests of the real server on port 0, with fakes behind it, over raw bytes.

mod client;
mod fakes;

mod api;
mod connections;
mod discreet;
mod drain;
mod health;
mod overload;
mod pages;
mod webhooks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use self::client::{Reply, exchange};
use self::fakes::{FakeReceivers, FakeReception, FixedClock};
use super::api::ApiDeps;
use super::health::{Health, Phase};
use super::{Deadlines, HttpDeps, Listeners, serve};
use crate::config;
use crate::service::channels::ConfiguredChannels;
use crate::telemetry::metrics;

const LIMIT: usize = 64 * 1024;
const BASE: &str = "https://hooks.example.com";

/// One listener on any port, one worker, no limits that a test does not ask for.
pub(super) fn http_config() -> config::Http {
    config::Http {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        admin_listen: None,
        public_base_url: Some(BASE.to_owned()),
        trusted_proxies: Vec::new(),
        max_body_bytes: LIMIT,
        workers: 1,
        max_connections: 1_000,
        large_bodies_bytes: 16 * LIMIT,
        failures_per_minute: 0,
    }
}

/// A running server and what is behind it.
struct TestServer {
    running: Listeners,
    reception: Arc<FakeReception>,
    health: Arc<Health>,
}

impl TestServer {
    /// One listener, ready.
    fn open() -> Self {
        Self::open_with(|_| {})
    }

    fn open_with(change: impl FnOnce(&mut HttpDeps)) -> Self {
        // Channels look up their counters when they are made.
        let metrics = metrics::install().unwrap();
        let reception = Arc::new(FakeReception::default());
        let health = Arc::new(Health::new());
        let mut deps = HttpDeps {
            config: http_config(),
            deadlines: Deadlines::default(),
            // Long: a test whose stop waits for it hangs, and says so.
            drain: Duration::from_secs(600),
            notice: Duration::ZERO,
            clock: Arc::new(FixedClock),
            receivers: Arc::new(FakeReceivers::new()),
            reception: reception.clone(),
            health: health.clone(),
            metrics,
            api: ApiDeps {
                keys: Arc::new([]),
                channels: ConfiguredChannels::default(),
                privacy: None,
                reload: None,
                tenants: None,
                operator: None,
                outgoing: Arc::new(fakes::FakeOutgoing::default()),
                access: None,
                faq: crate::store::StoredFaq::beside(std::collections::HashMap::new()),
                person_links: None,
                media: crate::service::media::MediaAccess::nowhere(Arc::new(FixedClock)),
                clock: Arc::new(FixedClock),
            },
            console: None,
        };
        change(&mut deps);
        let running = serve(deps).unwrap();
        health.enter(Phase::Ready);
        Self { running, reception, health }
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path).await
    }

    async fn ask(&self, method: &str, path: &str) -> Reply {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        exchange(self.running.addr, request).await
    }

    /// A form, signed as [`fakes::sign`] does for the public URL.
    async fn post(&self, path: &str, body: &str) -> Reply {
        let signature = fakes::sign(&format!("{BASE}{path}"), body.as_bytes());
        self.post_with(path, &[("X-Twilio-Signature", &signature)], body.as_bytes()).await
    }

    async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        exchange(self.running.addr, client::post(path, headers, body)).await
    }
}
