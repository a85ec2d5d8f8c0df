//! Tests: the documented defaults, the reference and the samples agree with the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use figment::error::Kind;
use figment::value::{Dict, Tag, Value};
use palabre_actors::domain::faq::FaqIndex;
use serde::de::DeserializeOwned;

use crate::config::raw::*;
use crate::config::raw_flows::{RawBooking, RawCalendar, RawDriver, RawFlow, RawRides, RawService};
use crate::config::raw_plans::{RawImprint, RawPlan, RawStripe, RawStripeAccount};
use crate::config::raw_webhooks::{RawWebhook, RawWebhookTargets};
use crate::config::{COMMON_KEYS, Config, DEFAULTS, Environment};
use crate::gateway::PROVIDERS;

const REFERENCE: &str = include_str!("../../../docs/configuration.md");

/// The keys that a raw type knows, as serde itself tells them to whoever tries another.
fn keys<T: DeserializeOwned>(table: &str) -> BTreeSet<String> {
    let unknown = Dict::from([("no such key".to_owned(), Value::from(1))]);
    let Err(error) = Value::Dict(Tag::Default, unknown).deserialize::<T>() else { panic!("{table} takes any key") };
    let Kind::UnknownField(_, known) = error.kind else { panic!("{table}: {error}") };
    known.iter().map(|key| format!("{table}{key}")).collect()
}

fn of_daemon() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    all.extend(keys::<RawHttp>("http."));
    all.extend(keys::<RawDatabase>("database."));
    all.extend(keys::<RawRedis>("redis."));
    all.extend(keys::<RawSpool>("spool."));
    all.extend(keys::<RawRetention>("retention."));
    all.extend(keys::<RawMedia>("media."));
    all.extend(keys::<RawTenants>("tenants."));
    all.extend(keys::<RawConsole>("console."));
    all.extend(keys::<RawPrivacy>("privacy."));
    all.extend(keys::<RawLogs>("logs."));
    all.extend(keys::<RawRuntime>("runtime."));
    all.extend(keys::<RawStripe>("stripe."));
    all.extend(keys::<RawWebhookTargets>("webhooks."));
    all.extend(keys::<RawSentry>("sentry."));
    all.extend(keys::<RawOtlp>("otlp."));
    assert!(all.remove("console.oidc"));
    all.extend(keys::<RawOidc>("console.oidc."));
    assert!(all.remove("media.s3"));
    all.extend(keys::<RawMediaBucket>("media.s3."));
    let keys_of_keys = keys::<RawApiKey>("api.keys.");
    for key in keys::<RawApi>("api.") {
        assert_eq!(key, "api.keys");
        all.extend(keys_of_keys.clone());
    }
    let tables: BTreeSet<String> = all.iter().filter_map(|key| key.split('.').next().map(str::to_owned)).collect();
    assert_eq!(tables, keys::<RawConfig>(""), "a table is missing here");
    all
}

fn of_channels() -> BTreeSet<String> {
    let mut all = keys::<RawChannel>("channels.");
    let common: BTreeSet<String> = COMMON_KEYS.iter().map(|key| format!("channels.{key}")).collect();
    assert_eq!(all, common, "the keys that are told apart from providers' own");
    all.extend(PROVIDERS.iter().flat_map(|provider| provider.keys()).map(|key| format!("channels.{key}")));
    for (table, keys) in [
        ("channels.retry", keys::<RawRetry>("channels.retry.")),
        ("channels.breaker", keys::<RawBreaker>("channels.breaker.")),
    ] {
        assert!(all.remove(table), "{table}");
        all.extend(keys);
    }
    all
}

fn of_tenants() -> BTreeSet<String> {
    let mut all = keys::<RawTenant>("");
    let mut tables = BTreeSet::new();
    for (table, keys) in [
        ("channels", of_channels()),
        ("budget", keys::<RawBudget>("budget.")),
        ("consent", keys::<RawConsent>("consent.")),
        ("outbox", keys::<RawTenantOutbox>("outbox.")),
        ("templates", keys::<RawTemplate>("templates.")),
        ("limits", keys::<RawLimits>("limits.")),
        ("session", keys::<RawSession>("session.")),
        ("live_session", keys::<RawSession>("live_session.")),
        ("keywords", keys::<RawKeywords>("keywords.")),
        ("faq", keys::<RawFaq>("faq.")),
        ("replies", keys::<RawReplies>("replies.")),
        ("stripe", keys::<RawStripeAccount>("stripe.")),
        ("plans", keys::<RawPlan>("plans.")),
        ("imprint", keys::<RawImprint>("imprint.")),
        ("hours", keys::<RawHours>("hours.")),
        ("services", keys::<RawService>("services.")),
        ("booking", keys::<RawBooking>("booking.")),
        ("flows", keys::<RawFlow>("flows.")),
        ("calendars", keys::<RawCalendar>("calendars.")),
        ("rides", keys::<RawRides>("rides.")),
        ("drivers", keys::<RawDriver>("drivers.")),
        ("loops", keys::<RawLoops>("loops.")),
        ("escalation", keys::<RawEscalation>("escalation.")),
        ("notify", keys::<RawNotify>("notify.")),
        ("journal", keys::<RawJournal>("journal.")),
        ("webhooks", keys::<RawWebhook>("webhooks.")),
        ("media", keys::<RawTenantMedia>("media.")),
        ("crm", keys::<RawCrm>("crm.")),
        ("assistant", keys::<RawAssistant>("assistant.")),
    ] {
        assert!(all.remove(table), "{table}");
        tables.extend(keys);
    }
    all.extend(tables);
    all
}

#[test]
fn every_key_stands_in_the_default_file() {
    // What stands behind a single `#` without a space is a key that is left out.
    let whole: String = DEFAULTS
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n");
    let document: toml_edit::Document<String> = toml_edit::Document::parse(whole).expect("it parses");
    let mut found = BTreeSet::new();
    for (table, item) in document.iter() {
        for (key, item) in item.as_table().expect("tables only").iter() {
            let inner: Vec<&str> = match (item.as_array_of_tables(), item.as_table()) {
                (Some(tables), _) => tables.iter().flat_map(|table| table.iter()).map(|(inner, _)| inner).collect(),
                (None, Some(table)) => table.iter().map(|(inner, _)| inner).collect(),
                (None, None) => {
                    found.insert(format!("{table}.{key}"));
                    continue;
                }
            };
            found.extend(inner.into_iter().map(|inner| format!("{table}.{key}.{inner}")));
        }
    }
    assert_eq!(found, of_daemon());
}

#[test]
fn every_key_stands_in_the_reference_and_nothing_else() {
    let sections: BTreeMap<&str, BTreeSet<String>> = REFERENCE
        .split("\n## ")
        .map(|section| {
            // A row may name several keys that are explained together.
            let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
            let keys = cells.flat_map(|cell| cell.split('`').step_by(2)).filter(|key| !key.is_empty());
            (section.lines().next().unwrap_or_default(), keys.map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(sections["The daemon: palabre.toml"], of_daemon());
    assert_eq!(sections["A tenant: tenants/*.toml"], of_tenants());
}

#[test]
fn the_reference_names_the_defaults_of_the_default_file() {
    let document: toml_edit::Document<&str> = toml_edit::Document::parse(DEFAULTS).expect("it parses");
    for (table, item) in document.iter() {
        for (key, value) in item.as_table().expect("tables only").iter() {
            let default = value.as_value().map(|value| value.clone().decorated("", "").to_string());
            let row = format!("| `{table}.{key}` | `{}` |", default.unwrap_or_default());
            assert!(REFERENCE.contains(&row), "{row}");
        }
    }
}

#[test]
fn the_samples_hold() {
    let environment = Environment::from_iter([
        ("BELLE_TWILIO_TOKEN", "a"),
        ("MARTIN_TWILIO_TOKEN", "b"),
        ("FATOU_TWILIO_TOKEN", "c"),
        ("BLEU_TWILIO_TOKEN", "d"),
        ("BELLE_AWA_CALENDAR", "https://calendar.example/awa.ics"),
    ]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/palabre.toml");
    let loaded = Config::load(&path, &environment, &PROVIDERS).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.warnings, []);
    let tenants: Vec<&str> = loaded.config.tenants.iter().map(|tenant| tenant.id.as_str()).collect();
    assert_eq!(tenants, ["chez-fatou", "institut-belle", "martin-plomberie", "taxi-bleu"]);
    for tenant in &loaded.config.tenants {
        let faq = &tenant.rules.source().faq;
        let index = FaqIndex::new(faq);
        for (at, entry) in faq.iter().enumerate() {
            let found = index.read_by_meaning(&entry.question).answers;
            assert!(found.contains(&at), "{}: `{}` finds {found:?}", tenant.id, entry.question);
        }
    }
}

/// The shape that other programs were told of.
#[test]
fn the_published_shape_holds() {
    let main = r#"
        [http]
        listen = "127.0.0.1:8080"
        admin_listen = "127.0.0.1:9090"
        public_base_url = "https://hooks.example.com"
        trusted_proxies = ["127.0.0.1/32"]
        [database]
        url = "sqlite://palabre.db"
        [redis]
        url = "redis://127.0.0.1:6379"
        [tenants]
        dir = "tenants"
        [logs]
        format = "json"
    "#;
    let tenant = r#"
        id = "institut-belle"
        name = "Institut Belle"
        language = "fr"
        timezone = "Europe/Paris"
        sellers = ["+33612345678"]

        [[channels]]
        id = "belle-wa"
        provider = "twilio-whatsapp"
        address = "whatsapp:+14155238886"
        account_sid = "AC00000000000000000000000000000001"
        auth_token = { env = "BELLE_TWILIO_TOKEN" }
        api_base_url = "https://api.twilio.com"

        [limits]
        per_second = 10
        per_contact_per_minute = 5
        per_day = 1000

        [[faq]]
        question = "Quels sont vos horaires ?"
        keywords = ["horaires", "ouvert", "ouverture"]
        answer = "Nous sommes ouverts du mardi au samedi, de 9 h à 19 h."

        [replies]
        fallback = "Merci {{ contact.name }}, nous avons bien reçu votre message."
    "#;
    let environment = Environment::from_iter([("BELLE_TWILIO_TOKEN", "a")]);
    let loaded = Config::from_toml_texts(main, &[("institut-belle.toml", tenant)], &environment, &PROVIDERS);
    let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.config.tenants.len(), 1);
}
