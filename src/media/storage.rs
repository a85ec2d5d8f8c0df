//! Where files are kept: by the SHA-256 of their bytes, each tenant's apart.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::bucket::{BucketError, MediaBucket};
use super::folder::MediaFolder;
use crate::config::MediaSettings;
use crate::digest::hex;

/// Files that were kept within this time are not deleted: somebody may be writing down that they are there.
const SETTLES_WITHIN: Duration = Duration::from_mins(10);

/// The name of the key of links: no tenant is called so.
const LINK_KEY: &str = ".link-key";

/// Keeps files. Clones share it.
#[derive(Clone)]
pub struct MediaStorage {
    backend: MediaBackend,
    link_key: Arc<OnceCell<Vec<u8>>>,
}

#[derive(Clone, Debug)]
enum MediaBackend {
    Folder(MediaFolder),
    Bucket(MediaBucket),
}

/// Shows no key.
impl fmt::Debug for MediaStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaStorage").field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// Files could not be kept, read or deleted. It shows neither tenant nor content.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("the media folder refused")]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// A bug, or somebody wrote to the table: such a name may lead anywhere.
    #[error("a tenant's id or a hash has another form")]
    BadName,
}

impl MediaStorage {
    /// Where the configuration says.
    ///
    /// # Errors
    /// [`StorageError`]: the settings of the bucket make no URL.
    pub fn of(settings: &MediaSettings, client: &reqwest::Client) -> Result<Self, StorageError> {
        match &settings.bucket {
            Some(bucket) => Ok(Self::at(MediaBackend::Bucket(MediaBucket::new(bucket, client.clone())?))),
            None => Ok(Self::in_folder(MediaFolder::new(settings.dir.clone()))),
        }
    }

    /// In a folder, which is made when it is not there.
    #[must_use]
    pub fn in_folder(folder: MediaFolder) -> Self {
        Self::at(MediaBackend::Folder(folder))
    }

    fn at(backend: MediaBackend) -> Self {
        Self { backend, link_key: Arc::default() }
    }

    /// Whether files can be read there. Nothing is written.
    ///
    /// # Errors
    /// [`StorageError`]
    pub async fn probe(&self) -> Result<(), StorageError> {
        match &self.backend {
            MediaBackend::Folder(folder) => on_disk(folder, |folder| folder.get(LINK_KEY)).await.map(drop),
            MediaBackend::Bucket(bucket) => Ok(bucket.get(LINK_KEY).await.map(drop)?),
        }
    }

    /// The key that links are signed with: made once, and kept with the files.
    ///
    /// # Errors
    /// [`StorageError`]
    pub async fn link_key(&self) -> Result<Vec<u8>, StorageError> {
        let making = async || match &self.backend {
            MediaBackend::Folder(folder) => on_disk(folder, |folder| folder.secret(LINK_KEY)).await,
            MediaBackend::Bucket(bucket) => Ok(bucket.secret(LINK_KEY).await?),
        };
        Ok(self.link_key.get_or_try_init(making).await?.clone())
    }

    /// Keeps bytes durably, and returns their hash. The same bytes of a tenant are kept once.
    ///
    /// # Errors
    /// [`StorageError`]
    pub async fn put(&self, tenant: &str, bytes: Bytes) -> Result<String, StorageError> {
        let hash = hex(&Sha256::digest(&bytes));
        let name = name_of(tenant, &hash)?;
        match &self.backend {
            MediaBackend::Folder(folder) => on_disk(folder, move |folder| folder.put(&name, &bytes)).await?,
            MediaBackend::Bucket(bucket) => bucket.put(&name, bytes).await?,
        }
        Ok(hash)
    }

    /// The bytes of a hash. `None`: there are none.
    ///
    /// # Errors
    /// [`StorageError`]
    pub async fn get(&self, tenant: &str, hash: &str) -> Result<Option<Bytes>, StorageError> {
        let name = name_of(tenant, hash)?;
        match &self.backend {
            MediaBackend::Folder(folder) => {
                Ok(on_disk(folder, move |folder| folder.get(&name)).await?.map(Bytes::from))
            }
            MediaBackend::Bucket(bucket) => Ok(bucket.get(&name).await?),
        }
    }

    /// Deletes the bytes of a hash, and returns whether they are gone: those that were kept a moment ago are not deleted.
    ///
    /// # Errors
    /// [`StorageError`]
    pub async fn remove(&self, tenant: &str, hash: &str) -> Result<bool, StorageError> {
        let name = name_of(tenant, hash)?;
        match &self.backend {
            MediaBackend::Folder(folder) => {
                let removing = move |folder: MediaFolder| match folder.kept_at(&name)? {
                    Some(kept_at) if is_fresh(kept_at) => Ok(false),
                    Some(_) => folder.remove(&name).map(|()| true),
                    None => Ok(true),
                };
                on_disk(folder, removing).await
            }
            MediaBackend::Bucket(bucket) => match bucket.kept_at(&name).await? {
                Some(kept_at) if is_fresh(kept_at) => Ok(false),
                Some(_) => Ok(bucket.remove(&name).await.map(|()| true)?),
                None => Ok(true),
            },
        }
    }
}

/// A clock that was set back makes files of the future: they are as fresh.
fn is_fresh(kept_at: SystemTime) -> bool {
    SystemTime::now().duration_since(kept_at).map_or(true, |age| age < SETTLES_WITHIN)
}

async fn on_disk<T: Send + 'static>(
    folder: &MediaFolder,
    work: impl FnOnce(MediaFolder) -> io::Result<T> + Send + 'static,
) -> Result<T, StorageError> {
    let folder = folder.clone();
    let done = tokio::task::spawn_blocking(move || work(folder)).await;
    Ok(done.map_err(io::Error::other)??)
}

/// A hash has 64 digits, and a tenant's id is a slug: nothing else makes a name.
fn name_of(tenant: &str, hash: &str) -> Result<String, StorageError> {
    let is_slug =
        !tenant.is_empty() && tenant.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match hash.get(..2).filter(|_| is_slug && is_hash) {
        Some(first) => Ok(format!("{tenant}/{first}/{hash}")),
        None => Err(StorageError::BadName),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn storage() -> (tempfile::TempDir, MediaStorage) {
        let dir = tempfile::tempdir().unwrap();
        let storage = MediaStorage::in_folder(MediaFolder::new(dir.path().join("media")));
        (dir, storage)
    }

    #[tokio::test]
    async fn bytes_are_kept_once_and_each_tenant_has_its_own() {
        let (dir, storage) = storage();
        let hash = storage.put("belle", Bytes::from_static(b"one")).await.unwrap();
        assert_eq!(storage.put("belle", Bytes::from_static(b"one")).await.unwrap(), hash);
        assert_eq!(storage.get("belle", &hash).await.unwrap().unwrap(), "one");
        assert!(storage.get("taxi", &hash).await.unwrap().is_none());
        // What was written by halves is written again.
        let path = dir.path().join("media/belle").join(&hash[..2]).join(&hash);
        std::fs::write(&path, b"o").unwrap();
        storage.put("belle", Bytes::from_static(b"one")).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[tokio::test]
    async fn i9_names_lead_nowhere_else() {
        let (_dir, storage) = storage();
        let hash = storage.put("belle", Bytes::from_static(b"one")).await.unwrap();
        for (tenant, name) in
            [("belle", "../../palabre.db"), ("..", &hash), ("", &hash), ("belle/..", &hash), ("belle", "")]
        {
            let refused = storage.get(tenant, name).await.unwrap_err();
            assert!(matches!(refused, StorageError::BadName), "{tenant} {name}");
        }
    }

    #[tokio::test]
    async fn what_was_kept_a_moment_ago_is_not_deleted() {
        let (dir, storage) = storage();
        let hash = storage.put("belle", Bytes::from_static(b"one")).await.unwrap();
        assert!(!storage.remove("belle", &hash).await.unwrap());
        let path = dir.path().join("media/belle").join(&hash[..2]).join(&hash);
        let long_ago = SystemTime::now() - Duration::from_hours(2);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        // Kept again, it is new.
        storage.put("belle", Bytes::from_static(b"one")).await.unwrap();
        assert!(!storage.remove("belle", &hash).await.unwrap());
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        assert!(storage.remove("belle", &hash).await.unwrap());
        assert!(storage.remove("belle", &hash).await.unwrap(), "that it is gone is no error");
        assert!(storage.get("belle", &hash).await.unwrap().is_none());
    }
}
