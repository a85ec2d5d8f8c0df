//! Backups: an installation's data in one file, and back again.
//!
//! `archive` is the file, `sealed` its encryption. PostgreSQL has tools of its own: of an installation on it, a backup holds the
//! files alone.

mod archive;
mod sealed;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use palabre_actors::domain::Timestamp;
use secrecy::SecretString;

use self::archive::ArchiveWriter;
pub use self::archive::BackupManifest;
use self::sealed::{SealedReader, SealedWriter};
use super::permissions::Permission::PrivacyExport;
use super::{Caller, ServiceError, audit};
use crate::config::Config;
use crate::store::operator::{Operator, Tenants};
use crate::store::{
    SnapshotContent, SnapshotError, StoreError, examine_snapshot, prepare_restored, snapshot, sqlite_path,
};

const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;
/// The database's name in an archive.
const DATABASE: &str = "palabre.db";

/// A backup could not be made, or is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is there already: a backup writes over nothing", .0.display())]
    Exists(PathBuf),
    #[error("{} is encrypted: name the file with its passphrase (--passphrase-file)", .0.display())]
    Sealed(PathBuf),
}

impl BackupError {
    /// Whether the backup itself is at fault, and not what is around it.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        match self {
            Self::Snapshot(_) => true,
            Self::File { source, .. } => {
                // Tar's own complaints have no kind.
                matches!(
                    source.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other
                )
            }
            _ => false,
        }
    }
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupContent {
    pub manifest: BackupManifest,
    /// `None`: of an installation on PostgreSQL.
    pub database: Option<SnapshotContent>,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path, source }
}

/// Makes a backup of an installation into a new file, whether its daemon runs or not. Each tenant's audit log says so.
///
/// # Errors
/// [`BackupError`]; the file is not left behind then.
pub async fn make(
    caller: &Caller,
    config: &Config,
    file: &Path,
    passphrase: Option<&SecretString>,
    now: Timestamp,
) -> Result<BackupManifest, BackupError> {
    caller.require(PrivacyExport)?;
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let store = Operator::open(&config.database.url).await?;
    audit::note_in_all(caller, &store, &Tenants::All, "backup.make", ("installation", "backup")).await?;
    // Beside the backup, where there is room for it.
    let unfinished = beside(file, ".unfinished");
    let copy = beside(file, ".database");
    let made = write(config, &unfinished, &copy, passphrase, now).await;
    let _ = fs::remove_file(&copy);
    match made {
        Ok(manifest) => {
            fs::rename(&unfinished, file).map_err(at(file))?;
            sync_folder_of(file);
            Ok(manifest)
        }
        Err(error) => {
            let _ = fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

async fn write(
    config: &Config,
    file: &Path,
    copy: &Path,
    passphrase: Option<&SecretString>,
    now: Timestamp,
) -> Result<BackupManifest, BackupError> {
    let _ = fs::remove_file(copy);
    let _ = fs::remove_file(file);
    let is_file = sqlite_path(&config.database.url).is_some();
    if is_file {
        snapshot(&config.database.url, copy).await?;
    }
    let out = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(file).map_err(at(file))?;
    let pack = |into: &mut dyn io::Write| -> Result<BackupManifest, BackupError> {
        let mut archive = ArchiveWriter::new(into, now);
        if is_file {
            let database = File::open(copy).map_err(at(copy))?;
            archive.add(DATABASE, &database).map_err(at(copy))?;
        }
        for (name, folder) in folders(config) {
            for path in files_of(&folder).map_err(at(&folder))? {
                add(&mut archive, &name, &folder, &path)?;
            }
        }
        let (_, manifest) = archive.finish().map_err(at(file))?;
        Ok(manifest)
    };
    let out = BufWriter::with_capacity(256 * 1024, out);
    let (out, manifest) = match passphrase {
        Some(passphrase) => {
            let mut sealed = SealedWriter::new(out, passphrase).map_err(at(file))?;
            let manifest = pack(&mut sealed)?;
            (sealed.finish().map_err(at(file))?, manifest)
        }
        None => {
            let mut out = out;
            let manifest = pack(&mut out)?;
            (out, manifest)
        }
    };
    let out = out.into_inner().map_err(|error| at(file)(error.into_error()))?;
    out.sync_all().map_err(at(file))?;
    Ok(manifest)
}

/// What is saved beside the database: a name in the archive, and the folder.
fn folders(config: &Config) -> Vec<(String, PathBuf)> {
    let spool = config.spool.as_ref().map(|spool| ("spool".to_owned(), spool.dir.clone()));
    let journals = config.tenants.iter().filter_map(|tenant| {
        let journal = tenant.journal.as_ref()?;
        Some((format!("journal/{}", tenant.id.as_str()), journal.dir.clone()))
    });
    let media = config.media.folder().map(|folder| ("media".to_owned(), folder.to_owned()));
    spool.into_iter().chain(media).chain(journals).collect()
}

fn add<W: io::Write>(
    archive: &mut ArchiveWriter<W>,
    name: &str,
    folder: &Path,
    path: &Path,
) -> Result<(), BackupError> {
    let file = match File::open(path) {
        Ok(file) => file,
        // The spool was emptied meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(path)(error)),
    };
    let inside = path.strip_prefix(folder).unwrap_or(path);
    archive.add(&format!("{name}/{}", inside.display()), &file).map_err(at(path))
}

/// The plain files of a folder and of those in it, sorted. A folder that is not there has none.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(files_of(&entry.path())?);
        } else if kind.is_file() && entry.file_name() != "lock" {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a whole backup: every checksum, and its database from the first page to the last. Nothing is kept.
///
/// # Errors
/// [`BackupError`]: it is damaged, or the passphrase is another one.
pub async fn check(file: &Path, passphrase: Option<&SecretString>) -> Result<BackupContent, BackupError> {
    let folder = tempfile::Builder::new()
        .prefix(".palabre-check-")
        .tempdir_in(file.parent().filter(|outer| !outer.as_os_str().is_empty()).unwrap_or(Path::new(".")))
        .map_err(at(file))?;
    unpack(file, passphrase, folder.path()).await
}

/// Restores a backup into a new folder, and prepares its database for a daemon. Answers also how many messages providers are
/// going to be asked about.
///
/// # Errors
/// [`BackupError`]; the folder is not left behind then.
pub async fn restore(
    file: &Path,
    passphrase: Option<&SecretString>,
    into: &Path,
    now: Timestamp,
) -> Result<(BackupContent, u64), BackupError> {
    if fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::Exists(into.to_owned()));
    }
    let unfinished = beside(into, ".unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    DirBuilder::new().mode(PRIVATE_FOLDER).create(&unfinished).map_err(at(&unfinished))?;
    let restored = async {
        let content = unpack(file, passphrase, &unfinished).await?;
        let suspects = match content.database {
            Some(_) => prepare_restored(&unfinished.join(DATABASE), now).await?,
            None => 0,
        };
        Ok::<_, BackupError>((content, suspects))
    };
    match restored.await {
        Ok(done) => {
            let _ = fs::remove_dir(into);
            fs::rename(&unfinished, into).map_err(at(into))?;
            sync_folder_of(into);
            Ok(done)
        }
        Err(error) => {
            let _ = fs::remove_dir_all(&unfinished);
            Err(error)
        }
    }
}

/// Prepares the database of a configuration that was restored by other means, and on which no daemon runs. Answers how many
/// messages providers are going to be asked about.
///
/// # Errors
/// [`BackupError`]
pub async fn prepare(caller: &Caller, config: &Config, now: Timestamp) -> Result<u64, BackupError> {
    caller.require(PrivacyExport)?;
    let store = Operator::open(&config.database.url).await?;
    audit::note_installation(caller, &store, "backup.restored", ("installation", "database")).await?;
    Ok(store.prepare_restored(now).await?)
}

async fn unpack(file: &Path, passphrase: Option<&SecretString>, into: &Path) -> Result<BackupContent, BackupError> {
    let manifest = archive::read(opened(file, passphrase)?, |path, content| {
        let target = into.join(path);
        if let Some(folder) = target.parent() {
            DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder)?;
        }
        let mut out = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&target)?;
        io::copy(content, &mut out)?;
        out.sync_all()
    })
    .map_err(at(file))?;
    let database = into.join(DATABASE);
    let database = if database.exists() { Some(examine_snapshot(&database).await?) } else { None };
    Ok(BackupContent { manifest, database })
}

fn opened(file: &Path, passphrase: Option<&SecretString>) -> Result<Box<dyn Read>, BackupError> {
    let mut from = BufReader::with_capacity(256 * 1024, File::open(file).map_err(at(file))?);
    let mut mark = [0; sealed::MARK.len()];
    from.read_exact(&mut mark).map_err(at(file))?;
    if mark != *sealed::MARK {
        return Ok(Box::new(io::Cursor::new(mark).chain(from)));
    }
    let passphrase = passphrase.ok_or_else(|| BackupError::Sealed(file.to_owned()))?;
    Ok(Box::new(SealedReader::new(from, passphrase).map_err(at(file))?))
}

/// The path with an ending behind its name: `palabre.db-wal`.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The name must survive a power cut, too.
fn sync_folder_of(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        // What cannot be synced is there all the same.
        let _ = folder.sync_all();
    }
}
