//! The target of a load: a daemon, its channels, and where it sends to. All of it is on this machine, or the run is refused.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

use super::ledger::Matching;
use crate::config::{Channel, Config, Tenant};
use crate::gateway::simulator::Simulation;
use crate::lab::host::simulation_of;

/// What a load is driven against.
pub(super) struct Target {
    /// Where webhooks are posted.
    pub(super) daemon: SocketAddr,
    /// What stands in front of their path in what is signed.
    pub(super) base_url: String,
    /// Where the daemon looks for its providers, and what simulates each.
    pub(super) providers: Vec<(SocketAddr, &'static dyn Simulation)>,
    /// The channels that receive messages. Never empty.
    pub(super) senders: Vec<Sender>,
    /// How replies find their messages.
    pub(super) matching: Matching,
    /// Tenants with a sender.
    pub(super) tenants: usize,
}

/// A channel that customers write to, and what simulates its provider.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) channel: Channel,
    pub(super) simulation: &'static dyn Simulation,
}

/// Why a configuration cannot be driven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTarget {
    /// Load goes to this machine alone.
    #[error("{key} is {value}, which is not on this machine: a load test never leaves it (expected {expected})")]
    NotLoopback {
        /// The configuration's key.
        key: String,
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// There is no telling where the daemon listens.
    #[error("http.listen has port 0, so nobody knows where the daemon listens: give it a port")]
    NoPort,
    /// Nobody would answer.
    #[error(
        "no tenant has a channel and a [replies] fallback: nothing would be answered, and nothing could be counted"
    )]
    NobodyAnswers,
}

impl Target {
    /// Reads the target out of a daemon's configuration. Channels of tenants that answer nothing are left out.
    ///
    /// # Errors
    /// [`BadTarget`]
    pub(super) fn of(config: &Config) -> Result<Self, BadTarget> {
        let daemon = daemon_at(config.http.listen)?;
        let base_url = config.http.public_base_url.clone().unwrap_or_else(|| format!("http://{daemon}"));
        let answering: Vec<&Tenant> = config.tenants.iter().filter(|tenant| fallback(tenant).is_some()).collect();
        let mut providers = BTreeMap::new();
        let mut senders = Vec::new();
        for channel in answering.iter().flat_map(|tenant| &tenant.channels) {
            let Some(simulation) = simulation_of(channel) else { continue };
            if let Some((key, base_url)) = simulation.base_urls(channel).into_iter().next() {
                providers.insert(provider_at(&format!("{key} of channel {}", channel.id), &base_url)?, simulation);
            }
            senders.push(Sender { channel: channel.clone(), simulation });
        }
        if senders.is_empty() {
            return Err(BadTarget::NobodyAnswers);
        }
        let echoes = answering.iter().all(|tenant| tells_what_it_answers(tenant));
        let matching = if echoes { Matching::ByToken } else { Matching::InOrder };
        let providers = providers.into_iter().collect();
        Ok(Self { daemon, base_url, providers, senders, matching, tenants: answering.len() })
    }
}

/// What in a configuration will hold replies back at this load, so that they will look lost.
pub(crate) fn warnings(config: &Config, per_second: f64, conversations: u32) -> Vec<String> {
    let tenants = config.tenants.len().max(1) as f64;
    let per_tenant = per_second / tenants;
    let per_contact = per_second * 60.0 / f64::from(conversations.max(1));
    let slow = config.tenants.iter().filter(|tenant| f64::from(tenant.limits.per_second) < per_tenant).count();
    let strict = |tenant: &&Tenant| f64::from(tenant.rules.source().per_contact_per_minute) < per_contact;
    let strict = config.tenants.iter().filter(strict).count();
    let mut warnings = Vec::new();
    if slow > 0 {
        warnings.push(format!(
            "{slow} tenants may send fewer than {per_tenant:.0} messages a second: replies will queue up"
        ));
    }
    if strict > 0 {
        warnings.push(format!(
            "{strict} tenants answer one contact fewer than {per_contact:.0} times a minute: withheld answers will count \
             as lost (more --conversations spread the load)"
        ));
    }
    warnings
}

fn fallback(tenant: &Tenant) -> Option<&str> {
    tenant.rules.source().replies.fallback.as_deref()
}

/// Whether every text that the driver's messages may bring about repeats the message.
fn tells_what_it_answers(tenant: &Tenant) -> bool {
    let source = tenant.rules.source();
    let mut texts = source.faq.iter().map(|entry| entry.answer.as_str()).chain(fallback(tenant));
    texts.all(|text| text.contains("message.body"))
}

pub(super) fn daemon_at(listen: SocketAddr) -> Result<SocketAddr, BadTarget> {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    if !ip.to_canonical().is_loopback() {
        return Err(BadTarget::NotLoopback {
            key: "http.listen".to_owned(),
            value: listen.to_string(),
            expected: "127.0.0.1:8080, say",
        });
    }
    if listen.port() == 0 { Err(BadTarget::NoPort) } else { Ok(SocketAddr::new(ip, listen.port())) }
}

pub(super) fn provider_at(key: &str, base_url: &str) -> Result<SocketAddr, BadTarget> {
    let at = || {
        let url = Url::parse(base_url).ok().filter(|url| url.scheme() == "http" && url.path() == "/")?;
        let host = url.host_str()?.trim_matches(['[', ']']);
        let ip = if host == "localhost" { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { host.parse().ok()? };
        let port = url.port_or_known_default().filter(|port| *port != 0)?;
        ip.to_canonical().is_loopback().then_some(SocketAddr::new(ip, port))
    };
    at().ok_or_else(|| BadTarget::NotLoopback {
        key: key.to_owned(),
        value: base_url.to_owned(),
        expected: "http://127.0.0.1:4010, say",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::simulate::tests::{environment, sample_channel};
    use palabre_actors::domain::address::Scheme;

    /// A configuration with one tenant, whose channel's provider is here and whose replies are these.
    fn config(listen: &str, api_base_url: &str, replies: &str) -> Config {
        let main = format!("[http]\nlisten = \"{listen}\"");
        let tenant = format!("id = \"a\"\n{}{replies}", sample_channel("a-sms", Scheme::Sms, api_base_url));
        Config::from_toml_texts(&main, &[("a.toml", &tenant)], &environment(), &crate::gateway::PROVIDERS)
            .unwrap()
            .config
    }

    fn refused(listen: &str, api_base_url: &str, replies: &str) -> BadTarget {
        Target::of(&config(listen, api_base_url, replies)).err().unwrap()
    }

    const ECHO: &str = "[replies]\nfallback = \"« {{ message.body }} »\"";

    #[test]
    fn only_this_machine_is_driven() {
        let target = Target::of(&config("0.0.0.0:8080", "http://localhost:4010", ECHO)).unwrap();
        assert_eq!(target.base_url, "http://127.0.0.1:8080");
        assert_eq!(target.senders.first().map(|sender| sender.channel.id.as_str()), Some("a-sms"));
        let abroad = refused("127.0.0.1:8080", "https://api.example.com", ECHO);
        assert!(abroad.to_string().contains("api_base_url of channel a-sms"), "{abroad}");
        let abroad = refused("192.0.2.1:8080", "http://localhost:4010", ECHO);
        assert!(abroad.to_string().contains("http.listen"), "{abroad}");
    }

    #[test]
    fn replies_that_repeat_nothing_are_matched_in_order() {
        let matching = |replies| Target::of(&config("127.0.0.1:1", "http://127.0.0.1:2", replies)).unwrap().matching;
        assert_eq!(matching(ECHO), Matching::ByToken);
        assert_eq!(matching("[replies]\nfallback = \"Merci\""), Matching::InOrder);
        let faq = format!("[[faq]]\nquestion = \"?\"\nkeywords = [\"horaires\"]\nanswer = \"9 h\"\n{ECHO}");
        assert_eq!(matching(&faq), Matching::InOrder);
    }

    #[test]
    fn silence_cannot_be_measured() {
        assert_eq!(refused("127.0.0.1:8080", "http://127.0.0.1:4010", ""), BadTarget::NobodyAnswers);
    }

    #[test]
    fn the_provider_is_on_this_machine() {
        for (base_url, expected) in [
            ("http://127.0.0.1:4010", "127.0.0.1:4010"),
            ("http://127.8.9.1:4010", "127.8.9.1:4010"),
            ("http://localhost:4010", "127.0.0.1:4010"),
            ("http://[::1]:4010", "[::1]:4010"),
            ("http://127.0.0.1", "127.0.0.1:80"),
        ] {
            assert_eq!(provider_at("key", base_url), Ok(expected.parse().unwrap()), "{base_url}");
        }
    }

    #[test]
    fn any_other_provider_is_refused() {
        for base_url in [
            "https://api.example.com",
            "http://api.example.com",
            "https://127.0.0.1:4010",
            "http://10.0.0.1:4010",
            "http://0.0.0.0:4010",
            "http://[::ffff:10.0.0.1]:4010",
            "http://localhost.example.com:4010",
            "http://127.0.0.1.example.com:4010",
            "http://127.0.0.1@example.com:4010",
            "http://127.0.0.1:0",
            "http://127.0.0.1:4010/api",
            "127.0.0.1:4010",
            "",
        ] {
            let refused = provider_at("api_base_url of channel a", base_url).unwrap_err();
            assert!(refused.to_string().contains("api_base_url of channel a"), "{refused}");
            assert!(refused.to_string().contains("not on this machine"), "{refused}");
        }
    }

    #[test]
    fn the_daemon_is_on_this_machine() {
        for (listen, expected) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(daemon_at(listen.parse().unwrap()), Ok(expected.parse().unwrap()), "{listen}");
        }
        for listen in ["10.0.0.1:8080", "192.0.2.1:8080", "[2001:db8::1]:8080"] {
            assert!(matches!(daemon_at(listen.parse().unwrap()), Err(BadTarget::NotLoopback { .. })), "{listen}");
        }
        assert_eq!(daemon_at("127.0.0.1:0".parse().unwrap()), Err(BadTarget::NoPort));
    }
}
