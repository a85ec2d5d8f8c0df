//! Files that a configuration was read from, and what tells that one of them changed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use palabre_actors::domain::ids::TenantId;
use sha2::{Digest as _, Sha256};

use crate::digest::hex;

/// Characters of a version: enough to tell two apart, few enough to read out.
const VERSION_CHARACTERS: usize = 12;

/// What a configuration was read from.
#[derive(Clone, Debug, Default)]
pub struct ConfigFiles {
    /// The daemon's own file.
    pub(super) main: String,
    /// The folder of the tenants' files.
    pub folder: Option<PathBuf>,
    /// The tenants' files as they count, by name.
    pub(super) texts: BTreeMap<String, String>,
    /// Everything else that was read for them: secrets and flows.
    others: BTreeSet<PathBuf>,
    /// Those of them that are secrets.
    secrets: BTreeSet<PathBuf>,
    /// What each tenant was made of, its secrets included.
    digests: BTreeMap<TenantId, String>,
    /// Which file each tenant stands in.
    places: BTreeMap<TenantId, String>,
    /// Of all tenants together, without their secrets.
    version: String,
}

/// How files look from outside. Two that differ mean that a file may have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesStamp(Vec<(PathBuf, Option<(SystemTime, u64)>)>);

impl ConfigFiles {
    /// Names the tenants' configuration: the same files give the same version on every node.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the daemon's own file said this.
    #[must_use]
    pub fn is_main(&self, text: &str) -> bool {
        self.main == text
    }

    /// Whether a tenant is made of the very same files in another reading.
    #[must_use]
    pub fn is_same(&self, other: &Self, tenant: &TenantId) -> bool {
        self.digests.get(tenant).is_some_and(|digest| other.digests.get(tenant) == Some(digest))
    }

    /// The files that secrets were read from.
    pub fn secrets(&self) -> impl Iterator<Item = &Path> {
        self.secrets.iter().map(PathBuf::as_path)
    }

    /// The names of the tenants' files.
    pub fn tenants(&self) -> impl Iterator<Item = &Path> {
        self.texts.keys().map(Path::new)
    }

    /// The file that a tenant stands in, and its text.
    #[must_use]
    pub fn of_tenant(&self, tenant: &TenantId) -> Option<(&Path, &str)> {
        let name = self.places.get(tenant)?;
        Some((Path::new(name), self.texts.get(name)?))
    }

    /// How the files look now.
    #[must_use]
    pub fn stamp(&self) -> FilesStamp {
        let mut paths = self.others.clone();
        if let Some(folder) = &self.folder {
            paths.extend(tenant_paths(folder).unwrap_or_default());
        }
        let look = |path: PathBuf| {
            let metadata = std::fs::metadata(&path).ok();
            let seen = metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len())));
            (path, seen)
        };
        FilesStamp(paths.into_iter().map(look).collect())
    }
}

/// The paths of the tenants' files, sorted.
///
/// # Errors
/// The folder cannot be read.
pub fn tenant_paths(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    // Editors leave hidden copies beside the file that they write.
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && !hidden(path));
    paths.sort();
    Ok(paths)
}

/// Collects what is read.
#[derive(Debug, Default)]
pub(super) struct FilesRead(RefCell<Collected>);

#[derive(Debug, Default)]
struct Collected {
    files: ConfigFiles,
    /// Of the tenant that is being read: everything, and everything that is no secret.
    tenant: Sha256,
    open: Sha256,
    /// Of the tenants read so far.
    version: Sha256,
}

impl FilesRead {
    /// The daemon's own file was read.
    pub(super) fn main(&self, text: &str, folder: Option<&Path>) {
        let mut collected = self.0.borrow_mut();
        text.clone_into(&mut collected.files.main);
        collected.files.folder = folder.map(Path::to_owned);
    }

    /// A file of the tenant that is being read, or a secret of the daemon.
    pub(super) fn note(&self, path: &Path, content: &[u8], is_secret: bool) {
        let mut collected = self.0.borrow_mut();
        collected.files.others.insert(path.to_owned());
        if is_secret {
            collected.files.secrets.insert(path.to_owned());
        }
        feed(&mut collected.tenant, path.as_os_str().as_encoded_bytes(), content);
        if !is_secret {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            feed(&mut collected.open, name, content);
        }
    }

    /// A tenant's file begins.
    pub(super) fn begin(&self, name: &str, text: &str) {
        let mut collected = self.0.borrow_mut();
        collected.files.texts.insert(name.to_owned(), text.to_owned());
        (collected.tenant, collected.open) = (Sha256::new(), Sha256::new());
        feed(&mut collected.tenant, name.as_bytes(), text.as_bytes());
        // Nodes may keep their files in different folders.
        let name = Path::new(name).file_name().unwrap_or_default().as_encoded_bytes();
        feed(&mut collected.open, name, text.as_bytes());
    }

    /// All files of a tenant were read.
    pub(super) fn end(&self, name: &str, tenant: Option<&TenantId>) {
        let mut collected = self.0.borrow_mut();
        let open = std::mem::take(&mut collected.open).finalize();
        collected.version.update(open);
        let digest = hex(std::mem::take(&mut collected.tenant).finalize().as_slice());
        if let Some(tenant) = tenant {
            collected.files.digests.insert(tenant.clone(), digest);
            collected.files.places.insert(tenant.clone(), name.to_owned());
        }
    }

    pub(super) fn finish(self) -> ConfigFiles {
        let Collected { mut files, version, .. } = self.0.into_inner();
        files.version = hex(version.finalize().as_slice());
        files.version.truncate(VERSION_CHARACTERS);
        files
    }
}

/// With lengths, so that nothing moves from one file to the next unseen.
fn feed(hash: &mut Sha256, name: &[u8], content: &[u8]) {
    for part in [name, content] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
}
