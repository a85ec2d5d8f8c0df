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

    /// Checks a text and puts it in its place: whoever reads the file finds none, or all of it.
    ///
    /// # Errors
    /// [`TenantFileError`]: there is no file.
    pub fn write_new(&self, path: &Path, text: &str) -> Result<(), TenantFileError> {
        self.check(path, text)?;
        put(path, text.as_bytes()).map_err(TenantFileError::Io)
    }
}

/// Writes a file that everybody may read, as files of a configuration are. One that is there meanwhile stays.
fn put(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = path.parent().unwrap_or(Path::new(""));
    // A hidden name: no half-written file is taken for a tenant's.
    let mut file = tempfile::Builder::new().prefix(".palabre-").tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}
