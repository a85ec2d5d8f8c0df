//! Record of processing of a tenant, filled from the configuration.

use std::time::Duration;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::flow::Flows;
use palabre_actors::domain::rules::Language;
use serde::Serialize;
use url::Url;

use crate::config::{Config, Tenant};

const TEMPLATE: &str = include_str!("record.md");

#[derive(Serialize)]
struct ChannelNamed {
    id: String,
    provider: &'static str,
    host: Option<String>,
}

#[derive(Serialize)]
struct EndpointNamed {
    id: String,
    host: Option<String>,
    reveal: bool,
}

/// The record of a tenant, as Markdown.
///
/// # Errors
/// The template is wrong: a bug, which a test finds.
pub fn record(
    config: &Config,
    tenant: &Tenant,
    language: Language,
    now: Timestamp,
) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.add_template("record.md", TEMPLATE)?;
    let channels: Vec<ChannelNamed> = tenant
        .channels
        .iter()
        .map(|channel| ChannelNamed {
            id: channel.id.as_str().to_owned(),
            provider: channel.provider.name(),
            host: channel.provider.api_base_url.as_deref().and_then(host),
        })
        .collect();
    let webhooks: Vec<EndpointNamed> = tenant
        .webhooks
        .iter()
        .map(|endpoint| EndpointNamed {
            id: endpoint.id.clone(),
            host: endpoint.url.host_str().map(ToOwned::to_owned),
            reveal: endpoint.reveal,
        })
        .collect();
    let flows = tenant.rules.flows();
    let kept = |kept: Option<Duration>| lasting(kept, language);
    environment.get_template("record.md")?.render(context! {
        fr => language == Language::Fr,
        id => tenant.id.as_str(),
        name => tenant.name.as_str(),
        made_at => now.format("%Y-%m-%d").to_string(),
        services => names(flows.map(Flows::services).unwrap_or_default(), |service| service.name.as_str()),
        flows => names(flows.map(Flows::all).unwrap_or_default(), |flow| flow.name.as_str()),
        plans => names(&tenant.access.plans, |plan| plan.name.as_str()),
        channels => Value::from(Serde(channels)),
        webhooks => Value::from(Serde(webhooks)),
        stripe => config.stripe.is_some() && !tenant.access.plans.is_empty(),
        stripe_host => config.stripe.as_ref().and_then(|stripe| host(&stripe.api_base_url)),
        assistant => tenant.assistant.as_ref().map(|assistant| host(&assistant.base_url).unwrap_or_default()),
        crm => tenant.crm.as_ref().map(|crm| context! {
            host => crm.source.url().and_then(Url::host_str),
            log_emails => crm.log_emails,
        }),
        notified => tenant.notify.len(),
        kept => context! {
            messages => kept(config.retention.messages),
            events => kept(config.retention.events),
            media => kept(super::shorter(config.retention.media, config.retention.messages)),
            audit => kept(config.privacy.audit_retention),
            payments => kept(config.privacy.payment_retention),
            exports => kept(Some(config.privacy.export_retention)),
        },
        database => if config.database.is_server() { "PostgreSQL" } else { "SQLite" },
        redis => config.redis.is_some(),
        spool => config.spool.is_some(),
        journal => tenant.journal.as_ref().map(|journal| context! { reveal => journal.reveal }),
    })
}

fn names<'a, T>(of: &'a [T], name: impl Fn(&'a T) -> &'a str) -> Vec<String> {
    of.iter().map(|one| name(one).to_owned()).collect()
}

fn host(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(ToOwned::to_owned)
}

fn lasting(kept: Option<Duration>, language: Language) -> String {
    match (kept, language) {
        (None, Language::Fr) => "sans limite".to_owned(),
        (None, Language::En) => "without limit".to_owned(),
        (Some(kept), Language::Fr) => format!("{} jours", kept.as_secs() / 86_400),
        (Some(kept), Language::En) => format!("{} days", kept.as_secs() / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use crate::gateway::PROVIDERS;

    const TENANT: &str = "id = \"belle\"\nname = \"Belle\"\nlanguage = \"fr\"\ntimezone = \"Europe/Paris\"\n\
        replies.fallback = \"Merci.\"\n\
        [[channels]]\nid = \"belle-try\"\nprovider = \"sandbox\"\naddress = \"sandbox:belle\"\n\
        [assistant]\nbase_url = \"https://llm.example.com/v1\"\nmodel = \"m\"\n\
        [crm]\nprovider = \"http\"\nbase_url = \"https://crm.example.com/find\"\n";

    #[test]
    fn everybody_who_is_told_something_is_named_and_how_long_files_stay() {
        let main = "[retention]\nmessages = \"400d\"\nmedia = \"30d\"\n";
        let tenants = [("belle.toml", TENANT)];
        let loaded = Config::from_toml_texts(main, &tenants, &Environment::default(), &PROVIDERS).unwrap();
        let now = Timestamp::from_timestamp(1_795_233_300, 0).unwrap();
        for (language, words) in [
            (
                Language::En,
                ["the assistant, at llm.example.com", "the CRM, at crm.example.com", "files of messages | 30 days"],
            ),
            (
                Language::Fr,
                ["l'assistant, à llm.example.com", "le CRM, à crm.example.com", "fichiers des messages | 30 jours"],
            ),
        ] {
            let text = record(&loaded.config, &loaded.config.tenants[0], language, now).unwrap();
            for word in words {
                assert!(text.contains(word), "{word}: {text}");
            }
        }
    }
}
