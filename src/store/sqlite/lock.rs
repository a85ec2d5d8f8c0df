//! Lock that gives a database file to one daemon.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::store::{StoreError, postgres};

/// Readable for its owner alone: the file holds personal data.
const PRIVATE: u32 = 0o600;

/// Held while a daemon has a SQLite database: a second daemon would take the first one's sends for those of a dead
/// process and repeat them (I5). The operating system releases the lock however the process ends. PostgreSQL is
/// shared by any number of daemons and needs no lock.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not used")] Option<File>);

impl Lock {
    /// Locks the database of a `sqlite:` URL, and makes its file, readable for its owner alone, when there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another daemon has it, [`StoreError::File`] when the files cannot be made.
    pub fn take(url: &str) -> Result<Self, StoreError> {
        if postgres::is_ours(url) {
            return Ok(Self(None));
        }
        let database = path_of(url).ok_or(StoreError::UnsupportedUrl)?;
        let mut beside = database.clone().into_os_string();
        beside.push(".lock");
        let path = PathBuf::from(beside);
        let file = open_private(path.clone())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { database }),
            Err(TryLockError::Error(source)) => return Err(StoreError::File { path, source }),
        }
        open_private(database)?;
        Ok(Self(Some(file)))
    }
}

/// Makes the file of a `sqlite:` URL, readable for its owner alone, when there is none.
///
/// # Errors
/// [`StoreError::File`] when it cannot be made.
pub fn make_private(url: &str) -> Result<(), StoreError> {
    open_private(path_of(url).ok_or(StoreError::UnsupportedUrl)?).map(drop)
}

/// SQLite gives its log and its shared memory the permissions of the database's file.
fn open_private(path: PathBuf) -> Result<File, StoreError> {
    let file = OpenOptions::new().create(true).append(true).mode(PRIVATE).open(&path);
    file.map_err(|source| StoreError::File { path, source })
}

/// The file that a `sqlite:` URL names.
pub(crate) fn path_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    (!path.is_empty()).then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_database_is_had_by_one_daemon_and_read_by_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("palabre.db");
        let url = format!("sqlite://{}?mode=rwc", database.display());
        let first = Lock::take(&url).unwrap();
        assert!(matches!(Lock::take(&url), Err(StoreError::InUse { .. })));
        assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o777, PRIVATE);
        drop(first);
        Lock::take(&url).unwrap();
    }

    #[tokio::test]
    async fn what_migrate_makes_is_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("palabre.db");
        crate::store::Store::migrate(&format!("sqlite://{}", database.display())).await.unwrap();
        assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o777, PRIVATE);
    }
}
