//! Whose provider is played: the channels of a configuration, where they look for their provider, and where their daemon is.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::template::Template;
use secrecy::ExposeSecret as _;

use super::super::target;
use super::ManualError;
use crate::config::Config;
use crate::gateway::twilio::Kind;
use crate::gateway::twilio::simulator::{Account, Daemon, Sent};

/// A number of the range that France keeps for films and books: nobody has it.
const NOBODY: &str = "+33639980101";
/// What a provider of one's own is called in a configuration.
const HERE: &str = "http://127.0.0.1:4010";

/// The channels and their surroundings.
#[derive(Debug)]
pub(super) struct HostedChannels {
    /// Where the daemon listens, and what its webhooks are signed for.
    pub(super) daemon: Daemon,
    pub(super) listens: SocketAddr,
    /// Where the channels look for their provider, and the accounts that it must know.
    pub(super) providers: BTreeMap<SocketAddr, Vec<Account>>,
    pub(super) channels: Vec<Line>,
    /// What templates say, by the provider's ids.
    pub(super) templates: HashMap<String, String>,
}

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) channel: String,
    pub(super) tenant: String,
    pub(super) kind: Kind,
    pub(super) scheme: Scheme,
    pub(super) account_sid: String,
    /// Its address as Twilio writes it.
    pub(super) wire: String,
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
            templates: HashMap::new(),
        };
        let mut elsewhere = Vec::new();
        for tenant in &config.tenants {
            for template in &tenant.rules.source().templates {
                hosted.templates.insert(template.content_id.clone(), numbered(template));
            }
            for channel in &tenant.channels {
                let Some((kind, account)) = Kind::of(&channel.provider) else { continue };
                if let Some(backup) = account.backup_api_base_url.as_ref().filter(|backup| !is_here(backup)) {
                    elsewhere.push((channel.id.to_string(), "backup_api_base_url", backup.clone()));
                }
                let Ok(provider) = target::provider_at("api_base_url", &account.api_base_url) else {
                    elsewhere.push((channel.id.to_string(), "api_base_url", account.api_base_url.clone()));
                    continue;
                };
                let known = Account::new(&account.account_sid, account.auth_token.expose_secret());
                hosted.providers.entry(provider).or_default().push(known);
                hosted.channels.push(Line {
                    channel: channel.id.to_string(),
                    tenant: tenant.name.clone(),
                    kind,
                    scheme: channel.address.scheme(),
                    account_sid: account.account_sid.clone(),
                    wire: kind.wire(&channel.address),
                    provider,
                });
            }
        }
        if elsewhere.is_empty() { Ok(hosted) } else { Err(ManualError::Elsewhere(Elsewhere(elsewhere))) }
    }

    /// How it is used.
    pub(super) fn directions(&self, post: SocketAddr, config: &Path) -> String {
        let mut lines = Vec::new();
        for provider in self.providers.keys() {
            lines.push(format!("a provider is played; the channels' api_base_url is \"http://{provider}\""));
        }
        lines.push(format!("webhooks go to {}, signed for {}", self.daemon.reached_at, self.daemon.public_base_url));
        for line in &self.channels {
            lines.push(format!("  {:<16} {} ({})", line.channel, line.tenant, line.wire));
        }
        let channel = self.channels.first().map_or("CHANNEL", |line| line.channel.as_str());
        lines.push(
            "Type CHANNEL NUMBER TEXT to write as a customer, then further texts alone; ? says this again:".to_owned(),
        );
        lines.push(format!("  {channel} {NOBODY} Bonjour"));
        lines.push("or let a script post it:".to_owned());
        lines.push(format!(
            "  curl http://{post}/ -d '{{\"channel\": \"{channel}\", \"from\": \"{NOBODY}\", \"text\": \"Bonjour\"}}'"
        ));
        lines.push(format!(
            "palabre explain SM… --config {} tells a message's story. Ctrl-C ends it.",
            config.display()
        ));
        lines.join("\n")
    }

    /// A message that the daemon sent, in a line.
    pub(super) fn received(&self, sent: &Sent) -> String {
        let from = sent.from.as_deref();
        let of_account = |line: &&Line| line.account_sid == sent.account_sid;
        let own = self.channels.iter().filter(of_account).find(|line| Some(line.wire.as_str()) == from);
        let channel = own.or_else(|| self.channels.iter().find(of_account)).map_or("?", |line| line.channel.as_str());
        let template = sent.content_sid.as_ref().map(|sid| format!("  (template {sid})")).unwrap_or_default();
        format!("← {}{template}", line(channel, &sent.to, &sent.body))
    }
}

/// Who writes to whom, and what: on one line, without what a terminal would obey.
pub(super) fn line(channel: &str, contact: &str, text: &str) -> String {
    let visible = text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() });
    format!("{channel:<16} {contact:<24} “{}”", visible.collect::<String>())
}

fn is_here(base_url: &str) -> bool {
    target::provider_at("backup_api_base_url", base_url).is_ok()
}

/// A template's text with `{{1}}` in its variable_names, as the provider has it.
fn numbered(template: &Template) -> String {
    let place = |name: &str| template.variables.iter().position(|known| known == name.trim()).map(|at| at + 1);
    let Some(body) = &template.body else {
        let variable_names: Vec<String> =
            (1..=template.variables.len()).map(|number| format!("{{{{{number}}}}}")).collect();
        return format!("[{}] {}", template.name, variable_names.join(", ")).trim_end().to_owned();
    };
    let (mut text, mut rest) = (String::new(), body.as_str());
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, further)) = after.split_once("}}") else { break };
        text.push_str(before);
        match place(name) {
            Some(number) => text.push_str(&format!("{{{{{number}}}}}")),
            None => text.push_str(name),
        }
        rest = further;
    }
    text + rest
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Environment;

    /// A tenant with a WhatsApp and an SMS channel; these keys stand in the first one.
    pub(in super::super) fn hosted(listen: &str, keys: &str) -> Result<HostedChannels, String> {
        let channel = |id: &str, provider: &str, address: &str, keys: &str| {
            format!(
                "[[channels]]\nid = \"{id}\"\nprovider = \"{provider}\"\naddress = \"{address}\"\n\
                 account_sid = \"AC00000000000000000000000000000001\"\nauth_token = {{ env = \"TOKEN\" }}\n{keys}\n"
            )
        };
        let here = "api_base_url = \"http://127.0.0.1:4010\"";
        let tenant = format!(
            "id = \"belle\"\nname = \"Institut Belle\"\nreplies.fallback = \"ok\"\n{}{}\
             [[templates]]\nname = \"rappel\"\ncontent_sid = \"HX00000000000000000000000000000001\"\n\
             variables = [\"prenom\", \"heure\"]\nbody = \"À {{{{ heure }}}}, {{{{prenom}}}} !\"\n",
            channel("belle-wa", "twilio-whatsapp", "whatsapp:+14155238886", keys),
            channel("belle-sms", "twilio-sms", "+33755000000", here)
        );
        let environment = Environment::from_iter([("TOKEN", "secret")]);
        let main = format!("[http]\nlisten = \"{listen}\"");
        let config = Config::from_toml_texts(&main, &[("belle.toml", &tenant)], &environment).unwrap().config;
        HostedChannels::of(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_real_provider_is_never_played_for() {
        for (keys, told) in [
            ("", "belle-wa: api_base_url is https://api.twilio.com"),
            ("api_base_url = \"https://api.twilio.com\"", "belle-wa: api_base_url is https://api.twilio.com"),
            ("api_base_url = \"http://10.0.0.1:4010\"", "belle-wa: api_base_url is http://10.0.0.1:4010"),
            ("api_base_url = \"https://127.0.0.1:4010\"", "belle-wa: api_base_url is https://127.0.0.1:4010"),
            (
                "api_base_url = \"http://127.0.0.1:4010\"\nbackup_api_base_url = \"https://api.twilio.com\"",
                "belle-wa: backup_api_base_url is https://api.twilio.com",
            ),
        ] {
            let refused = hosted("127.0.0.1:8080", keys).unwrap_err();
            assert!(
                refused.contains(told) && refused.contains("api_base_url = \"http://127.0.0.1:4010\""),
                "{refused}"
            );
            assert!(!refused.contains("belle-sms"), "{refused}");
        }
        let here = "api_base_url = \"http://127.0.0.1:4010\"";
        assert!(hosted("127.0.0.1:0", here).unwrap_err().contains("port"));
        assert!(hosted("192.0.2.1:8080", here).unwrap_err().contains("http.listen"));
    }

    #[test]
    fn channels_find_their_provider() {
        let hosted = hosted("0.0.0.0:8080", "api_base_url = \"http://localhost:4012\"").unwrap();
        assert_eq!(hosted.providers.len(), 2);
        assert_eq!(hosted.daemon, Daemon::at("http://127.0.0.1:8080"));
        assert_eq!(hosted.templates["HX00000000000000000000000000000001"], "À {{2}}, {{1}} !");
        let told = hosted.directions("127.0.0.1:4011".parse().unwrap(), Path::new("palabre.toml"));
        for part in ["http://127.0.0.1:4010", "http://127.0.0.1:4012", "belle-sms", "belle-wa +33639980101 Bonjour"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
