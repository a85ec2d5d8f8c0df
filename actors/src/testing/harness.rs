//! A whole house on one arbiter, with fakes for every port and paused time: `now` moves when nothing else can.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::fakes::{FakeGateway, FakeGateways, FakeStore, Snapshot};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::ids::{ChannelId, CorrelationId, NodeId, ProviderMessageId, TenantId};
use crate::domain::message::{Content, NewInbound};
use crate::domain::rules::{FaqEntry, Replies, Rules, RulesSource, SellerBook};
use crate::house::{Foundation, House};
use crate::ingress::{Accepted, Refusal};
use crate::kit::{Outside, Ports, Settings, TenantProfile};
use crate::ports::Clock;

/// Wall time that follows tokio's, which tests pause.
#[derive(Debug)]
pub struct TokioClock {
    base: Timestamp,
    start: Instant,
}

impl TokioClock {
    /// Starts at `base`.
    #[must_use]
    pub fn at(base: Timestamp) -> Self {
        Self { base, start: Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.base + TimeDelta::from_std(self.start.elapsed()).unwrap_or_default()
    }
}

/// Nobody is a seller, and an address that ends in `666` makes every decision about it panic.
#[derive(Debug)]
pub struct CursedBook;

impl SellerBook for CursedBook {
    fn is_registered(&self, _: &TenantId, address: &Address) -> bool {
        assert!(!address.as_str().ends_with("666"), "a decision about this address panics");
        false
    }
}

/// The house under test.
pub struct Harness {
    /// Its store.
    pub store: FakeStore,
    /// Its providers.
    pub gateways: FakeGateways,
    /// Its actors.
    pub house: House,
}

impl Harness {
    /// Starts a house with the tenants `a` and `b`, each with a channel of its name. Call it inside an actix System, with
    /// paused time.
    #[must_use]
    pub fn start(adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(FakeStore::new(), FakeGateways::default(), adjust)
    }

    /// The same on a store that has a past.
    #[must_use]
    pub fn start_on(store: FakeStore, gateways: FakeGateways, adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        adjust(&mut settings);
        let ports = Ports {
            clock: Arc::new(TokioClock::at(noon())),
            inbox: Arc::new(store.clone()),
            turns: Arc::new(store.clone()),
            outbox: Arc::new(store.clone()),
            consent: Arc::new(store.clone()),
            gateways: Arc::new(gateways.clone()),
            sellers: Arc::new(CursedBook),
        };
        let tenants: HashMap<_, _> = ["a", "b"]
            .into_iter()
            .map(|id| {
                let id = TenantId::new(id);
                let profile = TenantProfile {
                    rules: Arc::new(rules(&id)),
                    timezone: chrono_tz::Europe::Paris,
                    per_second: 1_000,
                    per_day: 100_000,
                };
                // Asked for once, it is there.
                let _ = gateways.of(&ChannelId::new(id.as_str()));
                (id, profile)
            })
            .collect();
        let outside = Outside {
            ports,
            tenants,
            settings,
            node: NodeId::new(&uuid::Uuid::now_v7().to_string()),
            io: tokio::runtime::Handle::current(),
            residents: std::sync::atomic::AtomicUsize::new(0),
        };
        let foundation = Foundation::new(outside, 1);
        let shard = foundation.start_shard(0);
        Self { store, gateways, house: foundation.house(vec![shard]) }
    }

    /// The provider of a tenant's channel.
    #[must_use]
    pub fn provider(&self, tenant: &str) -> Arc<FakeGateway> {
        self.gateways.of(&ChannelId::new(tenant))
    }

    /// A message that was never seen before.
    #[must_use]
    pub fn message(&self, tenant: &str, from: &str, body: &str) -> NewInbound {
        NewInbound {
            tenant: TenantId::new(tenant),
            channel: ChannelId::new(tenant),
            provider_message_id: ProviderMessageId::new(&format!("SM{}", uuid::Uuid::now_v7().simple())),
            from: Address::from_normalised(&format!("whatsapp:{from}")),
            to: Address::from_normalised("whatsapp:+14155238886"),
            content: Content { body: body.to_owned(), ..Content::default() },
            correlation: CorrelationId::fresh(),
            received_at: noon(),
        }
    }

    /// A contact writes.
    ///
    /// # Errors
    /// The house's refusal.
    pub async fn post(&self, tenant: &str, from: &str, body: &str) -> Result<Accepted, Refusal> {
        self.house.accept(self.message(tenant, from, body)).await
    }

    /// Waits until the store looks as wanted, for ten virtual minutes at most; then the caller's assertion tells.
    pub async fn until(&self, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let snapshot = tokio::time::timeout(Duration::from_secs(600), self.store.wait(&wanted)).await;
        snapshot.unwrap_or_else(|_| self.store.snapshot())
    }
}

/// 2026-11-21 12:00 UTC
#[must_use]
pub fn noon() -> Timestamp {
    chrono::DateTime::from_timestamp(1_795_262_400, 0).unwrap_or_default()
}

/// The fallback echoes the message, so that a test sees which message an answer belongs to.
fn rules(tenant: &TenantId) -> Rules {
    let source = RulesSource {
        tenant: tenant.clone(),
        tenant_name: format!("Tenant {tenant}"),
        faq: vec![FaqEntry {
            question: "Hours?".to_owned(),
            keywords: vec!["hours".to_owned()],
            answer: "From nine to five.".to_owned(),
            template: None,
        }],
        replies: Replies { fallback: Some("You said: {{ message.body }}".to_owned()), ..Replies::default() },
        double_opt_in: false,
        templates: Vec::new(),
        per_contact_per_minute: 1_000,
        session_idle: Duration::from_secs(1_800),
        live_session_idle: Duration::from_secs(7_200),
        language: crate::domain::rules::Language::En,
        sellers: std::collections::HashSet::new(),
        keywords: crate::domain::rules::ExtraKeywords::default(),
    };
    #[expect(clippy::expect_used, reason = "fixed texts that compile")]
    Rules::new(source).expect("the harness' own rules hold")
}
