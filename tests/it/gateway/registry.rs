//! Tests of the registry: it finds channels.

use std::sync::Arc;
use std::time::Duration;

use palabre::config::{
    Api, Channel, Config, Database, Http, Limits, LogFormat, Logs, ProviderAccount, Runtime, Sales, Tenant, TenantMedia,
};
use palabre::gateway::twilio::Kind;
use palabre::gateway::{BuildError, Registry};
use palabre_actors::domain::address::Address;
use palabre_actors::domain::budget::BudgetPolicy;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::ports::Gateways;

use super::{ACCOUNT, account};
use palabre_actors::domain::rules::{ExtraKeywords, Language, Replies, Rules, RulesSource};

fn channel(id: &str, provider: ProviderAccount, address: &str) -> Channel {
    Channel {
        id: ChannelId::new(id),
        tenant: TenantId::new("institut-belle"),
        address: Address::from_normalised(address),
        provider,
        profile: Arc::default(),
    }
}

fn config(channels: Vec<Channel>) -> Config {
    let id = TenantId::new("institut-belle");
    let rules = RulesSource {
        tenant: id.clone(),
        tenant_name: "Institut Belle".to_owned(),
        language: Language::Fr,
        sellers: Default::default(),
        double_opt_in: false,
        templates: Vec::new(),
        faq: Vec::new(),
        replies: Replies::default(),
        keywords: ExtraKeywords::default(),
        longest_text: 1_600,
        per_contact_per_minute: 5,
        loops: None,
        session_idle: Duration::from_secs(1_800),
        live_session_idle: Duration::from_secs(1_800),
    };
    let tenant = Tenant {
        id,
        name: "Institut Belle".to_owned(),
        timezone: chrono_tz::Europe::Paris,
        channels,
        limits: Limits { weight: 1, per_second: 10, per_day: 1_000 },
        budget: BudgetPolicy::default(),
        notify: Vec::new(),
        deferred_for: Duration::from_secs(60),
        rules: Arc::new(Rules::new(rules).unwrap()),
        assistant: None,
        faq_places: Vec::new(),
        access: Sales::default(),
        journal: None,
        webhooks: Vec::new(),
        country: None,
        crm: None,
        calendars: Vec::new(),
        media: TenantMedia::default(),
    };
    Config {
        http: Http {
            listen: ([127, 0, 0, 1], 0).into(),
            admin_listen: None,
            public_base_url: Some(super::PUBLIC.to_owned()),
            trusted_proxies: Vec::new(),
            max_body_bytes: 1 << 20,
            workers: 1,
            max_connections: 100,
            large_bodies_bytes: 1,
            failures_per_minute: 0,
        },
        redis: None,
        spool: None,
        retention: palabre::config::Retention::default(),
        privacy: palabre::config::Privacy::default(),
        console: palabre::config::Console {
            enabled: false,
            base_url: None,
            session_idle: Duration::from_secs(600),
            session_lasts: Duration::from_secs(600),
            push: false,
            push_key: None,
            oidc: None,
        },
        otlp: None,
        sentry: None,
        database: Database { url: "sqlite://x.db".to_owned(), migrate: true },
        logs: Logs { format: LogFormat::Json, level: "info".to_owned() },
        runtime: Runtime {
            shards: 1,
            max_in_flight: 1,
            max_in_flight_per_tenant: 1,
            max_waiting_webhooks: 1,
            senders: 1,
            passivate_after: Duration::from_secs(1),
            sweep_every: Duration::from_secs(2),
            watch_every: Duration::from_secs(30),
            ask_after: Duration::from_secs(2),
            lease: Duration::from_secs(60),
            max_resident_conversations: 1,
            drain: Duration::from_secs(1),
            drain_notice: Duration::ZERO,
        },
        api: Api::default(),
        stripe: None,
        webhooks: palabre::config::WebhookTargets::default(),
        media: palabre::config::MediaSettings { dir: "media".into(), bucket: None },
        tenants: vec![tenant],
    }
}

fn both() -> Vec<Channel> {
    let account = account("http://127.0.0.1:1");
    vec![
        channel("belle-wa", account.clone().of_channel(Kind::Whatsapp), "whatsapp:+14155238886"),
        channel("belle-sms", account.of_channel(Kind::Sms), "sms:+14155238886"),
    ]
}

#[test]
fn a_channel_is_found_by_its_path_and_its_provider() {
    let registry = Registry::build(&config(both())).unwrap();
    assert!(registry.receiver("twilio-whatsapp", "belle-wa").is_some());
    assert!(registry.receiver("twilio-sms", "belle-sms").is_some());
    assert!(registry.receiver("twilio-sms", "belle-wa").is_none());
    assert!(registry.receiver("twilio-sms", "nobody").is_none());
    assert!(registry.get(&ChannelId::new("belle-wa")).is_some());
    assert!(registry.get(&ChannelId::new("nobody")).is_none());
    assert_eq!(registry.channels().count(), 2);
}

#[test]
fn a_channel_is_found_by_its_exact_account_and_address() {
    let registry = Registry::build(&config(both())).unwrap();
    let table = [
        ("twilio", "whatsapp:+14155238886", Some("belle-wa")),
        ("twilio", "+14155238886", Some("belle-sms")),
        ("twilio-sms", "+14155238886", Some("belle-sms")),
        ("twilio-sms", "whatsapp:+14155238886", None),
        ("telegram", "+14155238886", None),
        ("", "+14155238886", None),
        ("twilio", "+14155238887", None),
        ("twilio", "14155238886", None),
    ];
    for (provider, address, expected) in table {
        assert_eq!(registry.channel_of_account(provider, ACCOUNT, address), expected, "{provider} {address}");
    }
    assert_eq!(registry.channel_of_account("twilio", "AC2", "+14155238886"), None);
}

#[test]
fn two_channels_may_not_claim_the_same() {
    let twice = |second: Channel| {
        let error = Registry::build(&config(both().into_iter().chain([second]).collect())).err();
        assert!(matches!(error, Some(BuildError::Claimed { .. })), "{error:?}");
    };
    let account = account("http://127.0.0.1:1");
    twice(channel("belle-wa", account.clone().of_channel(Kind::Sms), "sms:+14155238887"));
    twice(channel("other", account.of_channel(Kind::Sms), "sms:+14155238886"));
}

#[test]
fn an_account_that_cannot_work_is_named() {
    for (base, sid) in [("ftp://x", ACCOUNT), ("nonsense", ACCOUNT), ("http://127.0.0.1", "")] {
        let mut account = account(base);
        account.account_sid = sid.to_owned();
        let channel = channel("belle-sms", account.of_channel(Kind::Sms), "sms:+14155238886");
        let error = Registry::build(&config(vec![channel])).err();
        assert!(matches!(error, Some(BuildError::Account { .. })), "{error:?}");
    }
}

#[test]
fn a_channel_whose_provider_nobody_knows_has_a_reason_of_its_own() {
    let mut registry = Registry::build(&config(both())).unwrap();
    registry.note_stored([("belle-wa", "twilio-whatsapp"), ("old-sms", "twilio-sms"), ("pigeons", "carrier-pigeon")]);
    let missing = |channel| registry.missing(&ChannelId::new(channel));
    assert_eq!(missing("old-sms"), "channel_not_configured");
    assert_eq!(missing("pigeons"), "provider_unknown");
    assert_eq!(missing("never-heard-of"), "channel_not_configured");
}
