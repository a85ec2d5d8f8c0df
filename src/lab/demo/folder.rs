//! The demo's folder: a configuration as an operator writes one, the database, the logs. Temporary unless it is kept.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::fixtures::{BUSINESSES, Business};

/// What the tenants' files have in the place of the simulator's URL.
const PLACEHOLDER: &str = "http://simulator.invalid";

/// The URL that signatures are made for; webhooks reach the daemon on this machine all the same.
pub(super) const PUBLIC_BASE_URL: &str = "https://palabre.example";

/// The folder. Dropping it removes it, unless it is kept.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Removes the folder when it is dropped.
    temporary: Option<tempfile::TempDir>,
    tokens: Vec<(&'static Business, SecretString)>,
    api_key: SecretString,
}

impl Folder {
    /// A new folder, or the given one, which may hold no demo yet.
    ///
    /// # Errors
    /// When the operating system says no.
    pub fn open(keep: Option<&Path>) -> io::Result<Self> {
        let tokens = BUSINESSES.iter().map(|business| (*business, secret())).collect();
        let api_key = secret();
        let Some(path) = keep else {
            let temporary = tempfile::Builder::new().prefix("palabre-demo-").tempdir()?;
            return Ok(Self { path: temporary.path().to_owned(), temporary: Some(temporary), tokens, api_key });
        };
        fs::create_dir_all(path)?;
        let folder = Self { path: std::path::absolute(path)?, temporary: None, tokens, api_key };
        if folder.config().exists() || folder.path.join("palabre.db").exists() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the folder holds a palabre already: name another one",
            ));
        }
        Ok(folder)
    }

    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    /// `palabre.toml`
    pub fn config(&self) -> PathBuf {
        self.path.join("palabre.toml")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("palabre.log")
    }

    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(|(_, token)| token.expose_secret()).chain([self.api_key.expose_secret()])
    }

    /// The key to the API, for whoever sits in front of the demo.
    pub fn api_key(&self) -> &str {
        self.api_key.expose_secret()
    }

    /// Writes the configuration. `base_url`: where the simulator of a provider listens.
    ///
    /// # Errors
    /// When the operating system says no.
    pub fn write_configuration(&self, listen: SocketAddr, base_url: impl Fn(&str) -> String) -> io::Result<()> {
        fs::write(self.config(), main(listen))?;
        fs::create_dir_all(self.path.join("tenants"))?;
        fs::create_dir_all(self.path.join("secrets"))?;
        for (business, token) in &self.tokens {
            let file = business.file.replace(PLACEHOLDER, &base_url(provider_in(business.file)));
            fs::write(self.path.join("tenants").join(format!("{}.toml", business.id)), file)?;
            private(&self.path.join("secrets").join(business.secret))?.write_all(token.expose_secret().as_bytes())?;
        }
        private(&self.path.join("secrets").join("api-key"))?.write_all(self.api_key().as_bytes())?;
        Ok(())
    }
}

/// The provider of a tenant's file; all its channels have one simulator.
fn provider_in(file: &str) -> &str {
    let named = file.lines().find_map(|line| line.strip_prefix("provider = \"")?.strip_suffix('"'));
    named.unwrap_or_default()
}

fn secret() -> SecretString {
    SecretString::from(Uuid::now_v7().simple().to_string())
}

/// A file for its owner's eyes.
fn private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
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
    fn the_configuration_holds_and_has_every_desk() {
        let folder = Folder::open(None).unwrap();
        folder.write_configuration(SocketAddr::from(([127, 0, 0, 1], 0)), |_| "http://127.0.0.1:1".to_owned()).unwrap();
        let config = Config::load(&folder.config(), &Environment::default()).unwrap().config;
        assert_eq!(config.tenants.len(), BUSINESSES.len());
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

    #[test]
    fn a_folder_is_removed_unless_it_is_kept() {
        let path = Folder::open(None).unwrap().path.clone();
        assert!(!path.exists());
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("kept");
        let folder = Folder::open(Some(&path)).unwrap();
        folder.write_configuration(SocketAddr::from(([127, 0, 0, 1], 0)), |_| "http://127.0.0.1:1".to_owned()).unwrap();
        drop(folder);
        assert!(path.join("palabre.toml").exists());
        assert_eq!(Folder::open(Some(&path)).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
