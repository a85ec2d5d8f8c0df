//! Channels whose provider is simulated: where they send to, and where their daemon is.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use palabre_actors::domain::address::{HomeCountry, Scheme};
use palabre_actors::domain::printable::is_obeyed;
use palabre_actors::domain::template::Template;

use super::super::target;
use super::ManualError;
use crate::config::Config;
use crate::gateway::simulator::{Daemon, SentMessage, Simulation};
use crate::lab::host::simulation_of;

/// A number of the range that France keeps for films and books: nobody has it.
const NOBODY: &str = "+33639980101";
/// What a provider of one's own is called in a configuration.
const HERE: &str = "http://127.0.0.1:4010";

/// The channels and their surroundings.
pub(super) struct HostedChannels {
    /// Where the daemon listens, and what its webhooks are signed for.
    pub(super) daemon: Daemon,
    pub(super) listens: SocketAddr,
    /// Where the channels look for their provider, and what simulates it there.
    pub(super) providers: BTreeMap<SocketAddr, &'static dyn Simulation>,
    pub(super) channels: Vec<HostedChannel>,
    /// What the provider has approved.
    pub(super) templates: Vec<Template>,
}

#[derive(Clone, Debug)]
pub(super) struct HostedChannel {
    pub(super) id: String,
    pub(super) tenant: String,
    pub(super) scheme: Scheme,
    /// What a number without `+` means.
    pub(super) country: Option<HomeCountry>,
    pub(super) address: String,
    /// Where its provider is simulated.
    pub(super) provider: SocketAddr,
}

/// Channels whose provider is not on this machine: their ids, the key, its value.
#[derive(Debug)]
pub(crate) struct Elsewhere(Vec<(String, &'static str, String)>);

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no provider is simulated: these channels send to a real provider, or to another machine")?;
        for (channel, key, value) in &self.0 {
            writeln!(f, "  {channel}: {key} is {value}")?;
        }
        writeln!(f, "in a copy of the configuration that is for trying, give each of them (and no backup elsewhere)")?;
        writeln!(f, "  api_base_url = \"{HERE}\"")?;
        write!(f, "then start the daemon with it, and this again")
    }
}

impl HostedChannels {
    /// Reads it out of a configuration.
    ///
    /// # Errors
    /// [`ManualError`]
    pub(super) fn of(config: &Config) -> Result<Self, ManualError> {
        let listens = target::daemon_at(config.http.listen).map_err(ManualError::Daemon)?;
        let reached_at = format!("http://{listens}");
        let public_base_url = config.http.public_base_url.clone().unwrap_or_else(|| reached_at.clone());
        let mut hosted = Self {
            daemon: Daemon { public_base_url, reached_at },
            listens,
            providers: BTreeMap::new(),
            channels: Vec::new(),
            templates: Vec::new(),
        };
        let mut elsewhere = Vec::new();
        for tenant in &config.tenants {
            hosted.templates.extend(tenant.rules.source().templates.iter().cloned());
            for channel in &tenant.channels {
                let Some(simulation) = simulation_of(channel) else { continue };
                let urls = simulation.base_urls(channel);
                let at: Vec<_> = urls.iter().map(|(key, url)| target::provider_at(key, url)).collect();
                for ((key, url), _) in urls.iter().zip(&at).filter(|(_, at)| at.is_err()) {
                    elsewhere.push((channel.id.to_string(), *key, url.clone()));
                }
                let Some(Ok(provider)) = at.first() else { continue };
                hosted.providers.insert(*provider, simulation);
                hosted.channels.push(HostedChannel {
                    id: channel.id.to_string(),
                    tenant: tenant.name.clone(),
                    scheme: channel.address.scheme(),
                    country: tenant.country,
                    address: channel.address.as_str().to_owned(),
                    provider: *provider,
                });
            }
        }
        if elsewhere.is_empty() { Ok(hosted) } else { Err(ManualError::Elsewhere(Elsewhere(elsewhere))) }
    }

    /// How it is used.
    pub(super) fn directions(&self, post: SocketAddr, config: &Path) -> String {
        let mut lines = Vec::new();
        for provider in self.providers.keys() {
            lines.push(format!("a provider is simulated; the channels' api_base_url is \"http://{provider}\""));
        }
        lines.push(format!("webhooks go to {}, signed for {}", self.daemon.reached_at, self.daemon.public_base_url));
        for channel in &self.channels {
            lines.push(format!("  {:<16} {} ({})", channel.id, channel.tenant, channel.address));
        }
        let channel = self.channels.first().map_or("CHANNEL", |channel| channel.id.as_str());
        lines.push(
            "Type CHANNEL NUMBER TEXT to write as a customer, then further texts alone; ? says this again:".to_owned(),
        );
        lines.push(format!("  {channel} {NOBODY} Bonjour"));
        lines.push("or let a script post it:".to_owned());
        lines.push(format!(
            "  curl http://{post}/ -d '{{\"channel\": \"{channel}\", \"from\": \"{NOBODY}\", \"text\": \"Bonjour\"}}'"
        ));
        lines.push(format!(
            "palabre explain SM… --config {} tells a message's history. Ctrl-C ends it.",
            config.display()
        ));
        lines.join("\n")
    }
}

/// A message that the daemon sent, in a line.
pub(super) fn received(sent: &SentMessage) -> String {
    let template = sent.template.as_ref().map(|id| format!("  (template {id})")).unwrap_or_default();
    format!("← {}{template}", line(sent.channel.as_deref().unwrap_or("?"), &sent.to, &sent.text))
}

/// Who writes to whom, and what: on one line, without what a terminal would obey.
pub(super) fn line(channel: &str, contact: &str, text: &str) -> String {
    let visible = text.chars().map(|c| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() });
    format!("{channel:<16} {contact:<24} “{}”", visible.collect::<String>())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lab::simulate::tests::{environment, sample_channel};

    /// A tenant with a WhatsApp and an SMS channel; the first one sends to these URLs.
    pub(in super::super) fn hosted(
        listen: &str,
        base_url: Option<&str>,
        backup: Option<&str>,
    ) -> Result<HostedChannels, String> {
        let mut whatsapp = sample_channel("belle-wa", Scheme::Whatsapp, base_url.unwrap_or_default());
        if base_url.is_none() {
            whatsapp = whatsapp.replace("api_base_url = \"\"\n", "");
        }
        if let Some(backup) = backup {
            whatsapp.push_str(&format!("backup_api_base_url = \"{backup}\"\n"));
        }
        let sms = sample_channel("belle-sms", Scheme::Sms, "http://127.0.0.1:4010");
        let tenant = format!("id = \"belle\"\nname = \"Institut Belle\"\nreplies.fallback = \"ok\"\n{whatsapp}{sms}");
        let main = format!("[http]\nlisten = \"{listen}\"");
        let config =
            Config::from_toml_texts(&main, &[("belle.toml", &tenant)], &environment(), &crate::gateway::PROVIDERS)
                .unwrap()
                .config;
        HostedChannels::of(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_real_provider_is_never_played_for() {
        let here = Some("http://127.0.0.1:4010");
        for (base_url, backup, told) in [
            (None, None, "belle-wa: api_base_url is https://"),
            (Some("https://api.example.com"), None, "belle-wa: api_base_url is https://api.example.com"),
            (Some("http://10.0.0.1:4010"), None, "belle-wa: api_base_url is http://10.0.0.1:4010"),
            (Some("https://127.0.0.1:4010"), None, "belle-wa: api_base_url is https://127.0.0.1:4010"),
            (here, Some("https://api.example.com"), "belle-wa: backup_api_base_url is https://api.example.com"),
        ] {
            let refused = hosted("127.0.0.1:8080", base_url, backup).err().unwrap();
            assert!(
                refused.contains(told) && refused.contains("api_base_url = \"http://127.0.0.1:4010\""),
                "{refused}"
            );
            assert!(!refused.contains("belle-sms"), "{refused}");
        }
        assert!(hosted("127.0.0.1:0", here, None).err().unwrap().contains("port"));
        assert!(hosted("192.0.2.1:8080", here, None).err().unwrap().contains("http.listen"));
    }

    #[test]
    fn channels_find_their_provider() {
        let hosted = hosted("0.0.0.0:8080", Some("http://localhost:4012"), None).unwrap();
        assert_eq!(hosted.providers.len(), 2);
        assert_eq!(hosted.daemon, Daemon::at("http://127.0.0.1:8080"));
        let told = hosted.directions("127.0.0.1:4011".parse().unwrap(), Path::new("palabre.toml"));
        for part in ["http://127.0.0.1:4010", "http://127.0.0.1:4012", "belle-sms", "belle-wa +33639980101 Bonjour"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
