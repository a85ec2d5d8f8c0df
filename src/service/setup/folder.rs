//! The folder of the tenants' files: a text is checked as the daemon checks it, then takes its place at once.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use palabre_actors::domain::ids::TenantId;
use secrecy::{ExposeSecret as _, SecretString};

use super::TenantFileError;
use crate::config::{Config, ConfigErrors, Environment, Loaded, Problem, Severity};
use crate::gateway::PROVIDERS;

/// The folder of secrets that people typed in, beside the daemon's file.
const SECRETS: &str = "secrets";
/// The folder below the tenants' with the version of each file before its last change.
const PREVIOUS: &str = ".previous";

/// The tenants' files, and what they are checked with. Clones share it.
#[derive(Clone, Debug)]
pub struct TenantFolder {
    /// The daemon's file.
    main: PathBuf,
    environment: Environment,
    /// One file is written at a time.
    turn: Arc<Mutex<()>>,
}

/// The version of a tenant's file before its last change.
#[derive(Clone, Debug)]
pub struct PreviousVersion {
    pub text: String,
    /// When it was replaced.
    pub replaced_at: Option<SystemTime>,
}

/// A tenant's file as it stands.
#[derive(Clone, Debug)]
pub struct TenantFile {
    pub path: PathBuf,
    pub text: String,
}

impl TenantFolder {
    #[must_use]
    pub fn of(main: &Path, environment: Environment) -> Self {
        Self { main: main.to_owned(), environment, turn: Arc::default() }
    }

    /// The folder that secrets and relative paths are looked up in.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.main.parent().unwrap_or(Path::new("")).to_owned()
    }

    /// The daemon's file.
    pub(in crate::service) fn main(&self) -> &Path {
        &self.main
    }

    /// All files as they are now.
    pub(in crate::service) fn loaded(&self) -> Result<Loaded, ConfigErrors> {
        self.load(None)
    }

    fn load(&self, with: Option<(&Path, &str)>) -> Result<Loaded, ConfigErrors> {
        match with {
            None => Config::load(&self.main, &self.environment, &PROVIDERS),
            Some(with) => Config::load_with(&self.main, &self.environment, &PROVIDERS, with),
        }
    }

    fn folder(&self) -> Result<PathBuf, TenantFileError> {
        let folder = Config::tenants_folder(&self.main, &self.environment);
        folder.ok_or_else(|| {
            TenantFileError::Folder("the daemon's configuration does not hold: `palabre check`".to_owned())
        })
    }

    /// The file of a tenant. `None`: there is none that holds.
    ///
    /// # Errors
    /// [`TenantFileError`]: a file cannot be read.
    pub fn file(&self, tenant: &TenantId) -> Result<Option<TenantFile>, TenantFileError> {
        let paths = crate::config::tenant_paths(&self.folder()?).map_err(TenantFileError::Io)?;
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(TenantFileError::Io)?;
            let id = text.parse::<toml_edit::DocumentMut>().ok();
            let id = id.and_then(|document| Some(document.get("id")?.as_str()?.to_owned()));
            if id.as_deref() == Some(tenant.as_str()) {
                return Ok(Some(TenantFile { path, text }));
            }
        }
        Ok(None)
    }

    /// The path of a new tenant's file.
    pub(super) fn new_path(&self, tenant: &str) -> Result<PathBuf, TenantFileError> {
        Ok(self.folder()?.join(format!("{tenant}.toml")))
    }

    /// Whether a text holds where it is to stand, among all other files. Problems that were there before are no reason.
    ///
    /// # Errors
    /// [`TenantFileError::Refused`] with everything that is wrong with it.
    pub fn check(&self, path: &Path, text: &str) -> Result<(), TenantFileError> {
        let Err(after) = self.load(Some((path, text))) else { return Ok(()) };
        let before = self.load(None).err().map(|errors| errors.problems).unwrap_or_default();
        let is_new = |problem: &Problem| problem.severity == Severity::Error && !before.contains(problem);
        let problems: Vec<Problem> = after.problems.into_iter().filter(is_new).collect();
        if problems.is_empty() { Ok(()) } else { Err(TenantFileError::Refused(problems)) }
    }

    /// Checks a text and puts it in its place: whoever reads the file finds none, or all of it.
    ///
    /// # Errors
    /// [`TenantFileError`]: there is no file.
    pub fn write_new(&self, path: &Path, text: &str) -> Result<(), TenantFileError> {
        self.check(path, text)?;
        // Everybody may read it, as files of a configuration are.
        put(path, text.as_bytes(), Permissions::from_mode(0o644), false).map_err(TenantFileError::Io)
    }

    /// Puts a text that was checked in the place of another, and keeps that one.
    ///
    /// # Errors
    /// [`TenantFileError::Changed`]: somebody else wrote the file meanwhile.
    pub(super) fn replace(&self, before: &TenantFile, text: &str) -> Result<(), TenantFileError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the name is a link, the file that it leads to is written.
        let path = std::fs::canonicalize(&before.path).map_err(TenantFileError::Io)?;
        if std::fs::read_to_string(&path).map_err(TenantFileError::Io)? != before.text {
            return Err(TenantFileError::Changed);
        }
        let forgotten = self.previous(before)?.map(|previous| previous.text).unwrap_or_default();
        let permissions = std::fs::metadata(&path).map_err(TenantFileError::Io)?.permissions();
        let kept = previous_path(&before.path);
        if let Some(folder) = kept.parent() {
            std::fs::create_dir_all(folder).map_err(TenantFileError::Io)?;
        }
        put(&kept, before.text.as_bytes(), permissions.clone(), true).map_err(TenantFileError::Io)?;
        put(&path, text.as_bytes(), permissions, true).map_err(TenantFileError::Io)?;
        let gone = secrets_in(&forgotten).into_iter();
        let gone: Vec<String> = gone.filter(|path| !before.text.contains(path) && !text.contains(path)).collect();
        self.forget_secrets(&gone)
    }

    /// The version of a file before its last change.
    ///
    /// # Errors
    /// [`TenantFileError::Io`]
    pub fn previous(&self, of: &TenantFile) -> Result<Option<PreviousVersion>, TenantFileError> {
        let path = previous_path(&of.path);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let replaced_at = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
                Ok(Some(PreviousVersion { text, replaced_at }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(TenantFileError::Io(error)),
        }
    }

    /// Writes a secret of a channel into a file of its own that only the daemon's user reads. Answers its path as a
    /// configuration names it.
    pub(super) fn write_secret(
        &self,
        (channel, key): (&str, &str),
        secret: &SecretString,
    ) -> Result<String, TenantFileError> {
        let folder = self.root().join(SECRETS);
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&folder).map_err(TenantFileError::Io)?;
        // Another name each time: what an earlier version of the file names stays until that is gone.
        let unique = uuid::Uuid::now_v7().simple().to_string();
        let name = format!("{channel}.{key}.{}", unique.get(24..).unwrap_or_default());
        put(&folder.join(&name), secret.expose_secret().trim().as_bytes(), Permissions::from_mode(0o600), true)
            .map_err(TenantFileError::Io)?;
        Ok(format!("{SECRETS}/{name}"))
    }

    /// Deletes files of secrets that nothing names any more.
    pub(super) fn forget_secrets(&self, paths: &[String]) -> Result<(), TenantFileError> {
        for path in paths {
            match std::fs::remove_file(self.root().join(path)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(TenantFileError::Io(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn previous_path(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new("")).join(PREVIOUS);
    folder.join(path.file_name().unwrap_or_default())
}

/// The files of secrets in a text that were written here: `secrets/belle-wa.auth_token.0f3a9c1b`.
fn secrets_in(text: &str) -> Vec<String> {
    let quoted = text.split('"').filter(|part| part.starts_with("secrets/"));
    let is_ours = |path: &&str| {
        let mut parts = path.trim_start_matches("secrets/").rsplitn(3, '.');
        let (unique, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let channel = parts.next().unwrap_or_default();
        unique.len() == 8
            && unique.bytes().all(|byte| byte.is_ascii_hexdigit())
            && [key, channel].iter().all(|text| !text.is_empty() && is_plain(text))
    };
    quoted.filter(is_ours).map(ToOwned::to_owned).collect()
}

/// Writes a file at once: whoever reads it finds what was there, or all of this. It has a hidden name until then, so that no
/// half-written file is taken for a tenant's.
fn put(path: &Path, content: &[u8], permissions: Permissions, replaces: bool) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut file = tempfile::Builder::new().prefix(".palabre-").tempfile_in(folder)?;
    file.write_all(content)?;
    // Not when it is made: the process' mask would take some away.
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    let put = if replaces { file.persist(path) } else { file.persist_noclobber(path) };
    put.map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}
