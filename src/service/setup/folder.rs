//! The folder of the tenants' files: a text is checked as the daemon checks it, then takes its place at once.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use palabre_actors::domain::ids::TenantId;

use super::TenantFileError;
use crate::config::{Config, ConfigErrors, Environment, Loaded, Problem, Severity};
use crate::gateway::PROVIDERS;

/// The tenants' files, and what they are checked with.
#[derive(Clone, Debug)]
pub struct TenantFolder {
    /// The daemon's file.
    main: PathBuf,
    environment: Environment,
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
        Self { main: main.to_owned(), environment }
    }

    /// The folder that secrets and relative paths are looked up in.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.main.parent().unwrap_or(Path::new("")).to_owned()
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

    /// Checks a text and puts it in its place: whoever reads the file finds all of the old text, or all of the new.
    /// `was`: what was changed; another text there now is somebody else's change, which is not lost.
    ///
    /// # Errors
    /// [`TenantFileError`]: the file is as it was.
    pub fn write(&self, path: &Path, text: &str, was: Option<&str>) -> Result<(), TenantFileError> {
        self.check(path, text)?;
        let now = match std::fs::read_to_string(path) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(TenantFileError::Io(error)),
        };
        if now.as_deref() != was {
            return Err(TenantFileError::Changed);
        }
        put(path, text.as_bytes(), Rights::OfTheFile).map_err(TenantFileError::Io)
    }

    /// Writes a secret beside the configuration, for its owner's eyes alone. Answers the path to name in a file.
    ///
    /// # Errors
    /// [`TenantFileError`]
    pub fn write_secret(&self, name: &str, secret: &str) -> Result<String, TenantFileError> {
        let folder = self.root().join("secrets");
        std::fs::create_dir_all(&folder).map_err(TenantFileError::Io)?;
        put(&folder.join(name), secret.as_bytes(), Rights::Private).map_err(TenantFileError::Io)?;
        Ok(format!("secrets/{name}"))
    }
}

enum Rights {
    /// Those that the file has; a new one may be read by everybody, as files of a configuration are.
    OfTheFile,
    Private,
}

fn put(path: &Path, content: &[u8], rights: Rights) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = path.parent().unwrap_or(Path::new(""));
    // A hidden name: no half-written file is taken for a tenant's.
    let mut file = tempfile::Builder::new().prefix(".palabre-").tempfile_in(folder)?;
    file.write_all(content)?;
    let mode = match rights {
        Rights::Private => 0o600,
        Rights::OfTheFile => std::fs::metadata(path).map_or(0o644, |metadata| metadata.permissions().mode()),
    };
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}
