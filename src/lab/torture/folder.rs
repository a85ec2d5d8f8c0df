//! Writes the configuration of a torture into its folder.

use std::io;
use std::path::Path;

use secrecy::SecretString;

use super::fixtures::{BUSINESSES, TortureSender, tenant_id};
use crate::gateway::simulator::SampleChannel;
use crate::lab::folder::{RunFolder, fresh_secret};
use crate::lab::host::simulation_at;

/// The folder of a torture, and the secrets in it.
#[derive(Debug)]
pub(super) struct TortureFolder {
    pub(super) run: RunFolder,
    /// By business.
    tokens: Vec<SecretString>,
}

impl TortureFolder {
    /// A temporary folder, or the given one.
    ///
    /// # Errors
    /// When the operating system refuses, or the folder is in use.
    pub(super) fn open(keep: Option<&Path>) -> io::Result<Self> {
        let tokens = (0..BUSINESSES).map(|_| fresh_secret()).collect();
        Ok(Self { run: RunFolder::open("palabre-torture-", keep)?, tokens })
    }

    /// Writes the configuration: on a database of its own, or on SQLite in the folder.
    ///
    /// # Errors
    /// When the operating system says no.
    pub(super) fn write_configuration(
        &self,
        senders: &[TortureSender],
        base_url: impl Fn(&str) -> String,
        (database, public_url): (Option<&str>, &str),
    ) -> io::Result<()> {
        self.run.write_config(&main(database.unwrap_or("sqlite://palabre.db"), public_url))?;
        for (business, token) in self.tokens.iter().enumerate() {
            let tenant = tenant_id(business);
            self.run.write_tenant(&tenant, &tenant_file(business, senders, &base_url))?;
            self.run.write_secret(&format!("{tenant}.token"), token)?;
        }
        Ok(())
    }
}

/// Short waits, so that what a kill leaves behind is looked into before the next one.
fn main(database: &str, public_url: &str) -> String {
    format!(
        r#"# Written by `palabre torture`.
[http]
listen = "127.0.0.1:0"
public_base_url = "{public_url}"

[database]
url = {database:?}

[runtime]
sweep_every = "250ms"
ask_after = "500ms"
watch_every = "1s"
lease = "5s"
passivate_after = "2s"
drain = "5s"
"#
    )
}

/// A breaker that the fault profile opens now and then, and that closes soon.
const SENSITIVE_BREAKER: &str = r#"consecutive_failures = 3
error_rate = 0.6
sample = 8
period = "5s"
open_for = "700ms""#;
/// A breaker that never opens, so that sends meet the faults.
const TOLERANT_BREAKER: &str = "consecutive_failures = 10000\nsample = 10000";

/// Limits that limit nothing, and answers that repeat the message: each can be told from every other.
fn tenant_file(business: usize, senders: &[TortureSender], base_url: &impl Fn(&str) -> String) -> String {
    let tenant = tenant_id(business);
    let mut text = format!(
        r#"# Written by `palabre torture`.
id = "{tenant}"
name = "Torture {number}"
language = "fr"
timezone = "Europe/Paris"

[limits]
per_second = 100000
per_contact_per_minute = 100000
per_day = 100000000

[loops]
enabled = false

[replies]
fallback = "Reçu : {{{{ message.body }}}}"
"#,
        number = business + 1
    );
    for sender in senders.iter().filter(|sender| sender.business == business) {
        let Some((simulation, provider)) = simulation_at(sender.provider, sender.scheme) else { continue };
        let id = sender.channel();
        let (address, secret_file) = (sender.address(), format!("secrets/{tenant}.token"));
        let account = u32::try_from(business + 1).unwrap_or(u32::MAX);
        let base_url = base_url(provider);
        let (id, address, secret_file, base_url) = (&*id, &*address, &*secret_file, &*base_url);
        let sample = SampleChannel { id, provider, address, account, secret_file, base_url };
        text.push_str(&format!(
            "\n{channel}timeout = \"1s\"\nper_second = 10000\npair = \"off\"\n{fallback}\n[channels.retry]\n\
             initial = \"1s\"\ncap = \"2s\"\nmax_attempts = 1000\n\n[channels.breaker]\n{breaker}\n",
            channel = simulation.channel_toml(&sample),
            fallback = sender
                .fallback()
                .map(|other| format!("fallback_channel = \"{}\"\n", other.channel()))
                .unwrap_or_default(),
            breaker = if sender.has_sensitive_breaker() { SENSITIVE_BREAKER } else { TOLERANT_BREAKER },
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};
    use crate::lab::folder::PUBLIC_BASE_URL;

    #[test]
    fn the_configuration_holds_and_has_every_sender() {
        let folder = TortureFolder::open(None).unwrap();
        let senders = TortureSender::all(true);
        folder.write_configuration(&senders, |_| "http://127.0.0.1:1".to_owned(), (None, PUBLIC_BASE_URL)).unwrap();
        let loaded = Config::load(&folder.run.config(), &Environment::default(), &crate::gateway::PROVIDERS).unwrap();
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        assert!(senders.len() >= 4 * BUSINESSES, "a channel of every provider");
        for sender in senders {
            let tenant = loaded.config.tenants.iter().find(|tenant| tenant.id.as_str() == sender.tenant()).unwrap();
            let channel = tenant.channels.iter().find(|channel| channel.id.as_str() == sender.channel()).unwrap();
            assert_eq!(channel.address.as_str(), sender.address());
        }
    }
}
