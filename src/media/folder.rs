//! The media folder: files by their hash, each tenant's apart.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Nobody guesses 256 bits.
pub(super) const SECRET_BYTES: usize = 32;

/// A folder of files. A name is `{tenant}/{first two digits}/{hash}`, made by [`super::MediaStorage`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFolder(PathBuf);

impl MediaFolder {
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Keeps bytes durably. What is there already is kept as it is, and counts as new.
    ///
    /// # Errors
    /// The disk refused.
    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        match File::options().write(true).open(&path) {
            Ok(there) if there.metadata()?.len() == bytes.len() as u64 => return there.set_modified(SystemTime::now()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // Of another length: whoever wrote it was interrupted, or the disk lost its end.
            _ => {}
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        make(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }

    /// Bytes that nobody can guess, under a name: made when they are not there. Whoever makes them first has made them for all.
    ///
    /// # Errors
    /// The disk refused, or somebody wrote something else there.
    pub fn secret(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.0.join(name);
        if !path.exists() {
            make(&self.0)?;
            // Readable by this user alone, as temporary files are.
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            file.write_all(&new_secret()?)?;
            file.as_file().sync_all()?;
            if let Err(error) = file.persist_noclobber(&path)
                && error.error.kind() != io::ErrorKind::AlreadyExists
            {
                return Err(error.error);
            }
        }
        let secret = fs::read(path)?;
        if secret.len() == SECRET_BYTES { Ok(secret) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// The bytes of a name. `None`: there are none.
    ///
    /// # Errors
    /// The disk refused.
    pub fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When the bytes were kept, the last time. `None`: there are none.
    ///
    /// # Errors
    /// The disk refused.
    pub fn kept_at(&self, name: &str) -> io::Result<Option<SystemTime>> {
        match fs::metadata(self.0.join(name)) {
            Ok(known) => known.modified().map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the bytes of a name; that they are not there is no error.
    ///
    /// # Errors
    /// The disk refused.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Bytes that nobody can guess.
pub(super) fn new_secret() -> io::Result<[u8; SECRET_BYTES]> {
    let mut secret = [0; SECRET_BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut secret).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(secret)
}

/// Makes a folder that other users of the machine cannot read; files are made so as well.
fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
