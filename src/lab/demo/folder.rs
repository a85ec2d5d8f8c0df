//! Writes the configuration of the demo into its folder.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::fixtures::{BUSINESSES, Business};
use super::journey;
use crate::lab::folder::{PUBLIC_BASE_URL, RunFolder, fresh_secret};

/// What the tenants' files have in the place of the simulator's URL.
const PLACEHOLDER: &str = "http://simulator.invalid";

/// The demo's folder, and the secrets in it.
#[derive(Debug)]
pub(super) struct DemoFolder {
    pub run: RunFolder,
    tokens: Vec<(&'static Business, SecretString)>,
    /// Those of the story's tenant, with their names.
    story: Vec<(&'static str, SecretString)>,
    api_key: SecretString,
}

impl DemoFolder {
    /// A temporary folder, or the given one.
    ///
    /// # Errors
    /// When the operating system refuses, or the folder is in use.
    pub fn open(keep: Option<&Path>) -> io::Result<Self> {
        let tokens = BUSINESSES.iter().map(|business| (*business, fresh_secret())).collect();
        let secret = |name: &'static str| {
            let fresh = fresh_secret();
            // A bot's token begins with its id.
            let is_token = name == journey::BOT_TOKEN;
            let text = if is_token {
                format!("{}:{}", journey::BOT, fresh.expose_secret())
            } else {
                fresh.expose_secret().to_owned()
            };
            (name, SecretString::from(text))
        };
        let story = journey::SECRETS.map(secret).into();
        Ok(Self { run: RunFolder::open("palabre-demo-", keep)?, tokens, story, api_key: fresh_secret() })
    }

    /// Every secret in the folder.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        let story = self.story.iter().map(|(_, secret)| secret.expose_secret());
        self.tokens.iter().map(|(_, token)| token.expose_secret()).chain(story).chain([self.api_key.expose_secret()])
    }

    /// The key to the API, for whoever sits in front of the demo.
    pub fn api_key(&self) -> &str {
        self.api_key.expose_secret()
    }

    /// Writes the configuration. `base_url`: where the simulator of a provider listens; `mail`: the port of the mail server.
    ///
    /// # Errors
    /// When the operating system says no.
    pub fn write_configuration(
        &self,
        listen: SocketAddr,
        base_url: impl Fn(&str) -> String,
        mail: u16,
    ) -> io::Result<()> {
        self.run.write_config(&main(listen))?;
        for (business, token) in &self.tokens {
            let file = business.file.replace(PLACEHOLDER, &base_url(provider_in(business.file)));
            self.run.write_tenant(business.id, &file)?;
            self.run.write_secret(business.secret, token)?;
        }
        self.run.write_tenant(journey::TENANT, &journey::file(&base_url, mail))?;
        for (name, secret) in &self.story {
            self.run.write_secret(name, secret)?;
        }
        self.run.write_secret("api-key", &self.api_key)
    }
}

/// The provider of a tenant's file; all its channels have one simulator.
fn provider_in(file: &str) -> &str {
    let named = file.lines().find_map(|line| line.strip_prefix("provider = \"")?.strip_suffix('"'));
    named.unwrap_or_default()
}

fn main(listen: SocketAddr) -> String {
    let admin = SocketAddr::new(listen.ip(), 0);
    format!(
        r#"# Written by `palabre demo`.
[http]
listen = "{listen}"
admin_listen = "{admin}"
public_base_url = "{PUBLIC_BASE_URL}"

[database]
url = "sqlite://palabre.db"

[logs]
level = "palabre=debug,palabre_actors=debug,info"

[runtime]
drain = "5s"

[[api.keys]]
name = "demo"
key = {{ file = "secrets/api-key" }}
tenants = ["*"]
scopes = ["read", "read-content", "send", "operate"]
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};
    use crate::lab::demo::fixtures::{CUSTOMERS, SENDERS};

    #[test]
    fn the_configuration_holds_and_has_every_sender() {
        let folder = DemoFolder::open(None).unwrap();
        folder
            .write_configuration(SocketAddr::from(([127, 0, 0, 1], 0)), |_| "http://127.0.0.1:1".to_owned(), 25)
            .unwrap();
        let config =
            Config::load(&folder.run.config(), &Environment::default(), &crate::gateway::PROVIDERS).unwrap().config;
        assert_eq!(config.tenants.len(), BUSINESSES.len() + 1);
        for sender in SENDERS {
            let tenant = config.tenants.iter().find(|tenant| tenant.id.as_str() == sender.business.id).unwrap();
            let channel = tenant.channels.iter().find(|channel| channel.id.as_str() == sender.channel).unwrap();
            assert_eq!(channel.address.as_str(), sender.address);
        }
        let mut people: Vec<&str> = CUSTOMERS.iter().map(|customer| customer.from).collect();
        people.sort_unstable();
        people.dedup();
        assert_eq!(people.len(), CUSTOMERS.len());
    }
}
