//! The folder of a run: a configuration as an operator writes one, the database, the daemon's log. Temporary unless it is
//! kept.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use uuid::Uuid;

use super::fixtures::{BUSINESSES, TortureSender, tenant_id};
use crate::gateway::simulator::SampleChannel;
use crate::lab::host::simulation_named;

/// What signatures are made for; webhooks reach the daemon on this machine all the same.
pub(super) const PUBLIC_BASE_URL: &str = "https://palabre.example";

/// The folder. Dropping it removes it, unless it is kept.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    temporary: Option<TempDir>,
    /// By business.
    tokens: Vec<SecretString>,
}

impl Folder {
    /// A new folder, or the given one, which may hold no palabre yet.
    ///
    /// # Errors
    /// When the operating system says no.
    pub(super) fn open(keep: Option<&Path>) -> io::Result<Self> {
        let tokens = (0..BUSINESSES).map(|_| SecretString::from(Uuid::now_v7().simple().to_string())).collect();
        let Some(path) = keep else {
            let temporary = tempfile::Builder::new().prefix("palabre-torture-").tempdir()?;
            return Ok(Self { path: temporary.path().to_owned(), temporary: Some(temporary), tokens });
        };
        fs::create_dir_all(path)?;
        let folder = Self { path: std::path::absolute(path)?, temporary: None, tokens };
        if folder.config().exists() || folder.path.join("palabre.db").exists() {
            let text = "the folder holds a palabre already: name another one";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Ok(folder)
    }

    /// Keeps it from here on, and tells where it is.
    pub(super) fn keep(&mut self) -> &Path {
        if let Some(temporary) = self.temporary.take() {
            self.path = temporary.keep();
        }
        &self.path
    }

    /// Where it is, when it stays.
    pub(super) fn kept(&self) -> Option<&Path> {
        self.temporary.is_none().then_some(self.path.as_path())
    }

    /// `palabre.toml`
    pub(super) fn config(&self) -> PathBuf {
        self.path.join("palabre.toml")
    }

    /// Everything that every daemon of the run said.
    pub(super) fn log(&self) -> PathBuf {
        self.path.join("palabre.log")
    }

    /// Writes the configuration: on a database of its own, or on SQLite in the folder.
    ///
    /// # Errors
    /// When the operating system says no.
    pub(super) fn write_configuration(
        &self,
        base_url: impl Fn(&str) -> String,
        database: Option<&str>,
    ) -> io::Result<()> {
        fs::write(self.config(), main(database.unwrap_or("sqlite://palabre.db")))?;
        let (tenants, secrets) = (self.path.join("tenants"), self.path.join("secrets"));
        fs::create_dir_all(&tenants)?;
        fs::create_dir_all(&secrets)?;
        for (business, token) in self.tokens.iter().enumerate() {
            let tenant = tenant_id(business);
            fs::write(tenants.join(format!("{tenant}.toml")), tenant_file(business, &base_url))?;
            let file = secrets.join(format!("{tenant}.token"));
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(file)?;
            file.write_all(token.expose_secret().as_bytes())?;
        }
        Ok(())
    }
}

/// Short waits, so that what a kill leaves behind is looked into before the next one.
fn main(database: &str) -> String {
    format!(
        r#"# Written by `palabre torture`.
[http]
listen = "127.0.0.1:0"
public_base_url = "{PUBLIC_BASE_URL}"

[database]
url = {database:?}

[runtime]
sweep_every = "250ms"
ask_after = "500ms"
lease = "5s"
passivate_after = "2s"
drain = "5s"
"#
    )
}

/// A breaker that the weather opens now and then, and that closes soon.
const SENSITIVE_BREAKER: &str = r#"consecutive_failures = 3
error_rate = 0.6
sample = 8
period = "5s"
open_for = "700ms""#;
/// A breaker that no weather opens: sends must meet it.
const TOLERANT_BREAKER: &str = "consecutive_failures = 10000\nsample = 10000";

/// Limits that limit nothing, and answers that repeat the message: each can be told from every other.
fn tenant_file(business: usize, base_url: &impl Fn(&str) -> String) -> String {
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

[replies]
fallback = "Reçu : {{{{ message.body }}}}"
"#,
        number = business + 1
    );
    for sender in TortureSender::all().filter(|sender| sender.business == business) {
        let (id, provider) = (sender.channel(), sender.provider());
        let Some(simulation) = simulation_named(provider) else { continue };
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

    #[test]
    fn the_configuration_holds_and_has_every_desk() {
        let folder = Folder::open(None).unwrap();
        folder.write_configuration(|_| "http://127.0.0.1:1".to_owned(), None).unwrap();
        let loaded = Config::load(&folder.config(), &Environment::default()).unwrap();
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        for sender in TortureSender::all() {
            let tenant = loaded.config.tenants.iter().find(|tenant| tenant.id.as_str() == sender.tenant()).unwrap();
            let channel = tenant.channels.iter().find(|channel| channel.id.as_str() == sender.channel()).unwrap();
            assert_eq!(channel.provider.name(), sender.provider());
            assert_eq!(channel.address.as_str(), sender.address());
        }
    }

    #[test]
    fn a_folder_goes_unless_it_is_kept() {
        let path = Folder::open(None).unwrap().path.clone();
        assert!(!path.exists());
        let mut folder = Folder::open(None).unwrap();
        let path = folder.keep().to_owned();
        drop(folder);
        assert!(path.exists());
        fs::remove_dir_all(&path).unwrap();
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("kept");
        Folder::open(Some(&path)).unwrap().write_configuration(|_| "http://127.0.0.1:1".to_owned(), None).unwrap();
        assert_eq!(Folder::open(Some(&path)).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
