//! The media folder: files by their hash, each tenant's apart.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Where files are kept. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFolder(PathBuf);

impl MediaFolder {
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Keeps bytes durably, and answers their hash. What is there already is kept once.
    ///
    /// # Errors
    /// The disk refused.
    pub fn put(&self, tenant: &str, bytes: &[u8]) -> io::Result<String> {
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.path(tenant, &hash)?;
        if path.exists() {
            return Ok(hash);
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()?;
        Ok(hash)
    }

    /// The bytes of a hash.
    ///
    /// # Errors
    /// There are none, or the disk refused.
    pub fn get(&self, tenant: &str, hash: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(tenant, hash)?)
    }

    /// Deletes the bytes of a hash; that they are not there is no error.
    ///
    /// # Errors
    /// The disk refused.
    pub fn remove(&self, tenant: &str, hash: &str) -> io::Result<()> {
        match fs::remove_file(self.path(tenant, hash)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A hash has 64 digits, and a tenant's id is a slug: nothing else makes a path.
    fn path(&self, tenant: &str, hash: &str) -> io::Result<PathBuf> {
        let is_slug =
            !tenant.is_empty() && tenant.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match hash.get(..2).filter(|_| is_slug && is_hash) {
            Some(first) => Ok(self.0.join(tenant).join(first).join(hash)),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_once_and_paths_lead_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let folder = MediaFolder::new(dir.path().join("media"));
        let hash = folder.put("belle", b"one").unwrap();
        assert_eq!(folder.put("belle", b"one").unwrap(), hash);
        assert_eq!(folder.get("belle", &hash).unwrap(), b"one");
        assert!(folder.get("taxi", &hash).is_err(), "each tenant has its own");
        for (tenant, name) in
            [("belle", "../../palabre.db"), ("..", &hash), ("", &hash), ("belle/..", &hash), ("belle", "")]
        {
            assert_eq!(folder.get(tenant, name).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{tenant} {name}");
        }
        folder.remove("belle", &hash).unwrap();
        folder.remove("belle", &hash).unwrap();
        assert!(folder.get("belle", &hash).is_err());
    }
}
