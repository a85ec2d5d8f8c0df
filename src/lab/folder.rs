//! The folder of a run: configuration, secrets, database and log. Temporary unless it is kept.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use uuid::Uuid;

/// The URL that signatures are made for; webhooks reach the daemon on this machine all the same.
pub(super) const PUBLIC_BASE_URL: &str = "https://palabre.example";

/// A run's folder. Dropping it removes it, unless it is kept.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl RunFolder {
    /// A new temporary folder, or the given one, which may hold no palabre yet.
    ///
    /// # Errors
    /// When the operating system refuses, or the folder is in use.
    pub(super) fn open(prefix: &str, keep: Option<&Path>) -> io::Result<Self> {
        let Some(path) = keep else {
            let temporary = tempfile::Builder::new().prefix(prefix).tempdir()?;
            return Ok(Self { path: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        fs::create_dir_all(path)?;
        let folder = Self { path: std::path::absolute(path)?, temporary: None };
        if folder.config().exists() || folder.path.join("palabre.db").exists() {
            let text = "the folder holds a palabre already: name another one";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Ok(folder)
    }

    /// Keeps it from here on.
    pub(super) fn keep(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            self.path = temporary.keep();
        }
    }

    /// Where it is, when it is kept.
    pub(super) fn kept(&self) -> Option<&Path> {
        self.temporary.is_none().then_some(self.path.as_path())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// `palabre.toml`
    pub(super) fn config(&self) -> PathBuf {
        self.path.join("palabre.toml")
    }

    /// What every daemon of the run logged.
    pub(super) fn log(&self) -> PathBuf {
        self.path.join("palabre.log")
    }

    /// Writes `palabre.toml`, and makes the folders of tenants and secrets.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(super) fn write_config(&self, text: &str) -> io::Result<()> {
        fs::write(self.config(), text)?;
        fs::create_dir_all(self.path.join("tenants"))?;
        fs::create_dir_all(self.path.join("secrets"))
    }

    /// Writes a tenant's file.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(super) fn write_tenant(&self, id: &str, text: &str) -> io::Result<()> {
        fs::write(self.path.join("tenants").join(format!("{id}.toml")), text)
    }

    /// Writes a secret's file, which its owner alone may read.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(super) fn write_secret(&self, name: &str, secret: &SecretString) -> io::Result<()> {
        let path = self.path.join("secrets").join(name);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(secret.expose_secret().as_bytes())
    }
}

/// A secret that nobody else has.
pub(super) fn fresh_secret() -> SecretString {
    SecretString::from(Uuid::now_v7().simple().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_removed_unless_it_is_kept() {
        let path = RunFolder::open("palabre-test-", None).unwrap().path.clone();
        assert!(!path.exists());
        let mut folder = RunFolder::open("palabre-test-", None).unwrap();
        folder.keep();
        let path = folder.kept().unwrap().to_owned();
        drop(folder);
        assert!(path.exists());
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_folder_in_use_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("kept");
        RunFolder::open("palabre-test-", Some(&path)).unwrap().write_config("").unwrap();
        assert!(path.join("palabre.toml").exists());
        let refused = RunFolder::open("palabre-test-", Some(&path)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    }
}
