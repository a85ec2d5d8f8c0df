//! Writes a configuration for load tests: generous limits, a simulated provider on this machine, answers that repeat the
//! message.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use palabre_actors::domain::address::Scheme;

use crate::gateway::simulator::SampleChannel;
use crate::lab::host::{numbered_address, simulation_at};

/// More would not fit the numbers that senders get.
pub(crate) const MOST_TENANTS: u16 = 9_999;

/// What to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) tenants: u16,
    /// Whose channels; `None`: those of the first provider with WhatsApp.
    pub(crate) provider: Option<&'static str>,
    /// Of the daemon.
    pub(crate) port: u16,
    /// Of the provider's side.
    pub(crate) provider_port: u16,
}

/// Why nothing usable was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// Somebody's configuration is there.
    #[error("{0} is there already: name a new folder")]
    Exists(PathBuf),
    /// The file system.
    #[error("{0} could not be written")]
    Write(PathBuf, #[source] io::Error),
}

impl Setup {
    /// Writes `palabre.toml`, `tenants/` and `secrets/` into a folder, and tells where the first one is. Nothing that
    /// exists is touched.
    ///
    /// # Errors
    /// [`SetupError`]
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, SetupError> {
        let main = folder.join("palabre.toml");
        let (tenants, secrets) = (folder.join("tenants"), folder.join("secrets"));
        for path in [&main, &tenants, &secrets] {
            if path.exists() {
                return Err(SetupError::Exists(path.clone()));
            }
        }
        for path in [&tenants, &secrets] {
            fs::create_dir_all(path).map_err(|error| SetupError::Write(path.clone(), error))?;
        }
        for number in 1..=self.tenants {
            // It opens nothing but this setup, so it need not be a cryptographer's.
            let token = format!("{:032x}\n", fastrand::u128(..));
            write(&secrets.join(format!("load-{number:04}.token")), 0o600, &token)?;
            write(&tenants.join(format!("load-{number:04}.toml")), 0o644, &self.tenant(number))?;
        }
        write(&main, 0o644, &self.main())?;
        Ok(main)
    }

    fn main(&self) -> String {
        let port = self.port;
        format!(
            r#"# Written by `palabre simulate setup`, for `palabre serve` and `palabre simulate run`. Not for real customers.
[http]
listen = "127.0.0.1:{port}"
public_base_url = "http://127.0.0.1:{port}"

[database]
url = "sqlite://palabre.db"

[tenants]
dir = "tenants"
"#
        )
    }

    fn tenant(&self, number: u16) -> String {
        let mut text = format!(
            r#"# Written by `palabre simulate setup`.
id = "load-{number:04}"
name = "Load {number:04}"
language = "fr"
timezone = "Europe/Paris"

{channel}
[limits]
per_second = 100000
per_contact_per_minute = 100000
per_day = 100000000

[loops]
enabled = false

"#,
            channel = channel(number, self.provider, self.provider_port)
        );
        for (question, keywords, answer) in FAQ {
            // Writing into a String cannot fail.
            let _ = write!(
                text,
                "[[faq]]\nquestion = \"{question}\"\nkeywords = {keywords:?}\nanswer = \"{answer} (« {{{{ message.body }}}} »)\"\n\n"
            );
        }
        text.push_str("[replies]\n# The driver knows a reply by what it repeats of the message.\n");
        text.push_str(
            "fallback = \"Merci {{ contact.name }}, {{ tenant.name }} a bien reçu votre message : « {{ message.body }} »\"\n",
        );
        text
    }
}

/// The channel of a tenant, without limits.
fn channel(number: u16, provider: Option<&'static str>, provider_port: u16) -> String {
    let Some((simulation, provider)) = simulation_at(provider, Scheme::Whatsapp) else { return String::new() };
    let scheme = simulation.providers().iter().find(|(name, _)| *name == provider).map(|(_, scheme)| *scheme);
    let scheme = scheme.unwrap_or(Scheme::Whatsapp);
    let text = simulation.channel_toml(&SampleChannel {
        id: &format!("load-{number:04}-wa"),
        provider,
        address: &numbered_address(scheme, format_args!("1415523{number:04}")),
        account: u32::from(number),
        secret_file: &format!("secrets/load-{number:04}.token"),
        base_url: &format!("http://127.0.0.1:{provider_port}"),
    });
    let unlimited = [("per_second", "per_second = 10000\n"), ("pair", "pair = \"off\"\n")];
    let is_there = |key: &str| text.lines().any(|line| line.starts_with(key));
    let more: String = unlimited.into_iter().filter(|(key, _)| !is_there(key)).map(|(_, line)| line).collect();
    text + &more
}

const FAQ: [(&str, &[&str], &str); 3] = [
    (
        "Quels sont vos horaires ?",
        &["horaires", "ouvert", "ouverture"],
        "Nous sommes ouverts du mardi au samedi, de 9 h à 19 h.",
    ),
    ("Où êtes-vous ?", &["adresse", "où êtes-vous"], "Nous sommes au 12, rue des Lilas."),
    ("Quels sont vos tarifs ?", &["tarif", "tarifs", "prix"], "Nos tarifs sont affichés à l'entrée."),
];

fn write(path: &Path, mode: u32, text: &str) -> Result<(), SetupError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| SetupError::Write(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::ledger::Matching;
    use super::super::target::{Target, warnings};
    use super::*;
    use crate::config::{Config, Environment};
    use crate::gateway::PROVIDERS;

    const SETUP: Setup = Setup { tenants: 3, provider: None, port: 18_080, provider_port: 14_010 };

    #[test]
    fn secrets_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        SETUP.write(folder.path()).unwrap();
        let secrets: Vec<_> = fs::read_dir(folder.path().join("secrets")).unwrap().map(Result::unwrap).collect();
        assert_eq!(secrets.len(), 3);
        for secret in secrets {
            assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read_to_string(secret.path()).unwrap().len(), 33);
        }
    }

    #[test]
    fn nothing_that_exists_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("palabre.toml"), "mine").unwrap();
        assert!(matches!(SETUP.write(folder.path()), Err(SetupError::Exists(_))));
        assert_eq!(fs::read_to_string(folder.path().join("palabre.toml")).unwrap(), "mine");
        assert!(!folder.path().join("secrets").exists());
    }

    #[test]
    fn channels_of_every_simulated_provider_can_be_driven() {
        for (provider, _) in crate::gateway::simulations().into_iter().flat_map(|simulation| simulation.providers()) {
            let folder = tempfile::tempdir().unwrap();
            let main = Setup { provider: Some(*provider), ..SETUP }.write(folder.path()).unwrap();
            let loaded = Config::load(&main, &Environment::default(), &PROVIDERS).unwrap();
            let target = Target::of(&loaded.config).unwrap();
            assert!(target.senders.iter().all(|sender| sender.channel.provider.name() == *provider), "{provider}");
            assert_eq!((target.senders.len(), target.matching), (3, Matching::ByToken), "{provider}");
            assert!(warnings(&loaded.config, 10_000.0, 1_000).is_empty(), "{provider}");
        }
    }

    #[test]
    fn what_is_written_holds_and_can_be_driven() {
        let folder = tempfile::tempdir().unwrap();
        let main = SETUP.write(folder.path()).unwrap();
        let loaded = Config::load(&main, &Environment::default(), &PROVIDERS).unwrap();
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        let target = Target::of(&loaded.config).unwrap();
        assert_eq!(target.daemon, "127.0.0.1:18080".parse().unwrap());
        let at: Vec<_> = target.providers.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, ["127.0.0.1:14010".parse().unwrap()]);
        assert_eq!((target.senders.len(), target.tenants), (3, 3));
        assert_eq!(target.matching, Matching::ByToken);
        assert!(warnings(&loaded.config, 10_000.0, 1_000).is_empty());
        let warnings = warnings(&loaded.config, 1_000_000.0, 1);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
