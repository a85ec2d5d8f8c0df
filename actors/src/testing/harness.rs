//! Harness: an engine on one arbiter, with a fake for every port and paused time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::fakes::{FakeGateway, FakeGateways, FakeRateLimiter, FakeStore, Snapshot};
use crate::domain::Timestamp;
use crate::domain::address::{Address, Identity};
use crate::domain::assistant::{AssistantQuestion, AssistantReply, AssistantSilence};
use crate::domain::budget::BudgetPolicy;
use crate::domain::channel::{ChannelProfile, ChannelTemplate};
use crate::domain::ids::{ChannelId, ConversationId, CorrelationId, NodeId, OutboundId, ProviderMessageId, TenantId};
use crate::domain::message::{Category, Content, Generation, NewInbound, Outbound, OutboundKind};
use crate::domain::rules::{AssistantPolicy, FaqEntry, Replies, Rules, RulesSource, SellerBook};
use crate::domain::template::Template;
use crate::domain::turn::SendRequest;
use crate::engine::{Engine, EngineBuilder, SendRefusal};
use crate::ingress::{Accepted, Refusal};
use crate::ports::{Assistant, Clock, Inbox, Outbox, Pending, QuotaLeases, RecipientStatuses, Turns};
use crate::runtime::{ActorContext, LiveNodes, Outage, Ports, ServedTenants, Settings, TenantProfile, TypingCalls};

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

/// Thinks for as long as the plan says.
#[derive(Debug)]
struct FakeAssistant(HashMap<TenantId, Duration>);

impl FakeAssistant {
    fn of(plan: &Plan) -> Self {
        Self(plan.tenants.iter().filter_map(|(name, plan)| Some((TenantId::new(name), plan.thinks_for?))).collect())
    }
}

impl Assistant for FakeAssistant {
    fn ask(&self, question: AssistantQuestion) -> Pending<'_, AssistantReply> {
        Box::pin(async move {
            let Some(time) = self.0.get(&question.tenant) else {
                return AssistantReply::Silent(AssistantSilence::Absent);
            };
            tokio::time::sleep(*time).await;
            AssistantReply::Answer("Yes.".to_owned())
        })
    }
}

/// A seller book without sellers. An address that ends in `666` makes every decision about it panic.
#[derive(Debug)]
pub struct PanickingBook;

impl SellerBook for PanickingBook {
    fn is_registered(&self, _: &TenantId, person: &Identity) -> bool {
        assert!(!person.as_str().ends_with("666"), "a decision about this address panics");
        false
    }
}

/// An engine under test.
pub struct Harness {
    /// Its store.
    pub store: FakeStore,
    /// Its providers.
    pub gateways: FakeGateways,
    /// Its rate limiter.
    pub rate_limiter: FakeRateLimiter,
    /// The live nodes.
    pub nodes: LiveNodes,
    /// The engine.
    pub engine: Engine,
}

/// How the harness is to be built.
#[derive(Debug)]
pub struct Plan {
    /// Limits and durations.
    pub settings: Settings,
    /// Its tenants, `a` and `b` unless more are added, each with a channel of its name.
    pub tenants: BTreeMap<String, TenantPlan>,
    /// Whether other nodes may work on the store.
    pub shared: bool,
}

/// How a tenant is to be built.
#[derive(Clone, Debug)]
pub struct TenantPlan {
    /// Sends in any second.
    pub per_second: u32,
    /// Sends in a day.
    pub per_day: u32,
    /// Its share of the senders.
    pub weight: u32,
    /// What it may spend.
    pub budget: BudgetPolicy,
    /// Whether contacts must confirm.
    pub double_opt_in: bool,
    /// It has an assistant that answers "Yes." after so long.
    pub thinks_for: Option<Duration>,
    /// Its channels, by name.
    pub channels: BTreeMap<String, ChannelProfile>,
}

impl Plan {
    /// Another tenant, with a channel of its name.
    pub fn add(&mut self, tenant: &str) -> &mut TenantPlan {
        self.tenants.entry(tenant.to_owned()).or_insert_with(|| TenantPlan {
            per_second: 1_000,
            per_day: 100_000,
            weight: 1,
            budget: BudgetPolicy::default(),
            double_opt_in: false,
            thinks_for: None,
            channels: BTreeMap::from([(tenant.to_owned(), ChannelProfile::default())]),
        })
    }

    /// A tenant's channel of its own name.
    #[expect(clippy::expect_used, reason = "every tenant of a plan has it")]
    pub fn channel(&mut self, tenant: &str) -> &mut ChannelProfile {
        self.add(tenant).channels.get_mut(tenant).expect("a channel of the tenant's name")
    }
}

impl TenantPlan {
    fn profile(&self, id: &TenantId) -> TenantProfile {
        let channels = self.channels.iter().map(|(name, channel)| (ChannelId::new(name), Arc::new(channel.clone())));
        TenantProfile {
            rules: Arc::new(rules(id, self)),
            timezone: chrono_tz::Europe::Paris,
            per_second: self.per_second,
            per_day: self.per_day,
            weight: self.weight,
            budget: self.budget.clone(),
            double_opt_in: self.double_opt_in,
            deferred_for: Duration::from_secs(7 * 24 * 60 * 60),
            channels: channels.collect(),
        }
    }
}

impl Harness {
    /// Starts an engine with the tenants `a` and `b`, each with a channel of its name. Call it inside an actix System, with
    /// paused time.
    #[must_use]
    pub fn start(adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(FakeStore::new(), FakeGateways::default(), adjust)
    }

    /// Does so on a store that has rows already.
    #[must_use]
    pub fn start_on(store: FakeStore, gateways: FakeGateways, adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::build_on(store, gateways, |plan| adjust(&mut plan.settings))
    }

    /// Starts an engine as planned.
    #[must_use]
    pub fn build(adjust: impl FnOnce(&mut Plan)) -> Self {
        Self::build_on(FakeStore::new(), FakeGateways::default(), adjust)
    }

    /// Does so on a store that has rows already.
    #[must_use]
    pub fn build_on(store: FakeStore, gateways: FakeGateways, adjust: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan { settings: Settings::default(), tenants: BTreeMap::new(), shared: false };
        plan.add("a");
        plan.add("b");
        adjust(&mut plan);
        let (rate_limiter, nodes) = (FakeRateLimiter::default(), LiveNodes::default());
        let ports = Ports {
            quota_leases: plan.shared.then(|| Arc::new(store.clone()) as Arc<dyn QuotaLeases>),
            rate_limiter: Arc::new(rate_limiter.clone()),
            assistant: Arc::new(FakeAssistant::of(&plan)),
            ..ports(&store, Arc::new(TokioClock::at(noon())), &gateways)
        };
        let engine = engine(plan, ports, &gateways, nodes.clone());
        Self { store, gateways, rate_limiter, nodes, engine }
    }

    /// Requests a message to a contact, on the tenant's channel of its name.
    ///
    /// # Errors
    /// The engine's refusal.
    pub async fn send(&self, tenant: &str, to: &str, request: SendRequest) -> Result<OutboundId, SendRefusal> {
        let address = Address::from_normalised(&format!("whatsapp:{to}"));
        self.engine.send(TenantId::new(tenant), ChannelId::new(tenant), address, request).await
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
            id_per_chat: false,
            from: Address::from_normalised(&format!("whatsapp:{from}")),
            to: Address::from_normalised("whatsapp:+14155238886"),
            content: Content { body: body.to_owned(), ..Content::default() },
            correlation: CorrelationId::fresh(),
            received_at: noon(),
            spooled: false,
        }
    }

    /// A contact writes.
    ///
    /// # Errors
    /// The engine's refusal.
    pub async fn post(&self, tenant: &str, from: &str, body: &str) -> Result<Accepted, Refusal> {
        self.engine.accept(self.message(tenant, from, body)).await
    }

    /// Waits until the store looks as wanted, for ten virtual minutes at most; then the caller's assertion tells.
    pub async fn until(&self, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let snapshot = tokio::time::timeout(Duration::from_secs(600), self.store.wait(&wanted)).await;
        snapshot.unwrap_or_else(|_| self.store.snapshot())
    }
}

/// An engine with the tenants `a` and `b` on whatever store. Call it where local tasks can be spawned.
#[must_use]
pub fn engine_on<S>(store: &S, clock: Arc<dyn Clock>, gateways: &FakeGateways, settings: Settings) -> Engine
where
    S: Inbox + Turns + Outbox + RecipientStatuses + Clone + 'static,
{
    let mut plan = Plan { settings, tenants: BTreeMap::new(), shared: false };
    plan.add("a");
    plan.add("b");
    engine(plan, ports(store, clock, gateways), gateways, LiveNodes::default())
}

fn ports<S>(store: &S, clock: Arc<dyn Clock>, gateways: &FakeGateways) -> Ports
where
    S: Inbox + Turns + Outbox + RecipientStatuses + Clone + 'static,
{
    Ports {
        clock,
        inbox: Arc::new(store.clone()),
        turns: Arc::new(store.clone()),
        outbox: Arc::new(store.clone()),
        quota_leases: None,
        recipients: Arc::new(store.clone()),
        rate_limiter: Arc::new(FakeRateLimiter::default()),
        gateways: Arc::new(gateways.clone()),
        sellers: Arc::new(PanickingBook),
        rules: Arc::new(()),
        assistant: Arc::new(()),
    }
}

fn engine(plan: Plan, ports: Ports, gateways: &FakeGateways, nodes: LiveNodes) -> Engine {
    let mut tenants = HashMap::new();
    for (name, tenant) in &plan.tenants {
        let id = TenantId::new(name);
        tenants.insert(id.clone(), Arc::new(tenant.profile(&id)));
        for channel in tenant.channels.keys() {
            // Asked for once, it is there.
            let _ = gateways.of(&ChannelId::new(channel));
        }
    }
    let context = ActorContext {
        ports,
        tenants: ServedTenants::new(tenants),
        settings: plan.settings,
        node: NodeId::new(&uuid::Uuid::now_v7().to_string()),
        nodes,
        io: tokio::runtime::Handle::current(),
        residents: std::sync::atomic::AtomicUsize::new(0),
        outage: Outage::default(),
        typing: TypingCalls::default(),
    };
    let builder = EngineBuilder::new(context, 1);
    let shard = builder.start_shard(0);
    builder.build(vec![shard])
}

/// 2026-11-21 12:00 UTC
#[must_use]
pub fn noon() -> Timestamp {
    chrono::DateTime::from_timestamp(1_795_262_400, 0).unwrap_or_default()
}

/// A request to send this text.
#[must_use]
pub fn request(text: &str) -> SendRequest {
    SendRequest {
        text: Some(text.to_owned()),
        template: None,
        choices: Vec::new(),
        presentation: None,
        category: Category::default(),
        urgent: true,
        send_at: None,
        expires_at: None,
        idempotency_key: None,
        correlation: CorrelationId::fresh(),
    }
}

/// A message in its first attempt.
#[must_use]
pub fn outbound() -> Outbound {
    Outbound {
        id: OutboundId::fresh(),
        tenant: TenantId::new("a"),
        channel: ChannelId::new("a"),
        conversation: ConversationId::fresh(),
        in_reply_to: None,
        to: Address::from_normalised("whatsapp:+33612345678"),
        body: "hello".to_owned(),
        template: None,
        choices: Vec::new(),
        action: None,
        presentation: None,
        kind: OutboundKind::Reply,
        urgent: true,
        expires_at: None,
        generation: Generation::first(noon()),
        correlation: CorrelationId::fresh(),
        attempts: 1,
        created_at: noon(),
    }
}

/// The fallback echoes the message, so that a test sees which message an answer belongs to.
fn rules(tenant: &TenantId, plan: &TenantPlan) -> Rules {
    let source = RulesSource {
        tenant: tenant.clone(),
        tenant_name: format!("Tenant {tenant}"),
        faq: vec![FaqEntry {
            question: "Hours?".to_owned(),
            keywords: vec!["hours".to_owned()],
            answer: "From nine to five.".to_owned(),
            ..FaqEntry::default()
        }],
        replies: Replies { fallback: Some("You said: {{ message.body }}".to_owned()), ..Replies::default() },
        double_opt_in: plan.double_opt_in,
        templates: templates(plan),
        longest_text: 1_600,
        per_contact_per_minute: 1_000,
        loops: None,
        session_idle: Duration::from_secs(1_800),
        live_session_idle: Duration::from_secs(7_200),
        language: crate::domain::rules::Language::En,
        sellers: std::collections::HashSet::new(),
        keywords: crate::domain::rules::ExtraKeywords::default(),
    };
    #[expect(clippy::expect_used, reason = "fixed texts that compile")]
    let rules = Rules::new(source).expect("the harness' own rules hold");
    match plan.thinks_for {
        Some(_) => rules.with_assistant(AssistantPolicy { person: None }),
        None => rules,
    }
}

/// The templates that the plan's channels know.
fn templates(plan: &TenantPlan) -> Vec<Template> {
    let known = plan.channels.values().flat_map(|channel| &channel.templates);
    let known: BTreeMap<_, _> = known.collect();
    let template = |(name, known): (&String, &ChannelTemplate)| Template {
        name: name.clone(),
        language: "fr".to_owned(),
        content_id: known.content_id.clone(),
        variables: known.variable_names.clone(),
        body: None,
        channels: Vec::new(),
    };
    known.into_iter().map(template).collect()
}
