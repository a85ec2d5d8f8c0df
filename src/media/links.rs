//! Signed links to files, by which a provider reads what is sent.

use subtle::ConstantTimeEq as _;

use super::{MediaStorage, StorageError};
use crate::digest::{hex, hmac_sha256};

/// How long a link is good: messages may wait that long at a provider until the contact's phone is reached.
const LASTS_SECS: i64 = 24 * 3_600;
/// Bytes of the signature that stand in a link: 128 bits cannot be guessed.
const SIGNATURE_BYTES: usize = 16;

/// Makes and checks links. The key is kept with the files, so that all nodes have the same.
#[derive(Clone, Debug)]
pub struct MediaLinks {
    storage: MediaStorage,
    /// Where providers find us, without a trailing slash.
    base: Option<String>,
}

impl MediaLinks {
    #[must_use]
    pub const fn new(storage: MediaStorage, public_base_url: Option<String>) -> Self {
        Self { storage, base: public_base_url }
    }

    /// The link of a file, good for a day from `now` on (seconds since 1970). `None`: nobody outside finds us.
    ///
    /// # Errors
    /// [`StorageError`]: the key could not be read.
    pub async fn link(
        &self,
        (tenant, file): (&str, &str),
        name: &str,
        now: i64,
    ) -> Result<Option<String>, StorageError> {
        let Some(base) = &self.base else { return Ok(None) };
        let until = now + LASTS_SECS;
        let signature = self.signature((tenant, file), until).await?;
        // Some providers show the end of it, and none needs more than its ending.
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        let name: String = name.chars().map(plain).collect();
        Ok(Some(format!("{base}/media/{tenant}/{file}/{until}/{signature}/{name}")))
    }

    /// Whether a link is ours and good at that moment.
    ///
    /// # Errors
    /// [`StorageError`]: the key could not be read.
    pub async fn holds(
        &self,
        (tenant, file): (&str, &str),
        (until, claimed): (i64, &str),
        now: i64,
    ) -> Result<bool, StorageError> {
        let signature = self.signature((tenant, file), until).await?;
        Ok(bool::from(signature.as_bytes().ct_eq(claimed.as_bytes())) && now < until)
    }

    async fn signature(&self, (tenant, file): (&str, &str), until: i64) -> Result<String, StorageError> {
        let key = self.storage.link_key().await?;
        // Neither a tenant's id nor a file's has a line break.
        let text = format!("media\n{tenant}\n{file}\n{until}\n");
        Ok(hex(&hmac_sha256(&key, &[text.as_bytes()])[..SIGNATURE_BYTES]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaFolder;

    #[tokio::test]
    async fn a_link_holds_for_its_file_and_its_time_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = || MediaStorage::in_folder(MediaFolder::new(dir.path().join("media")));
        let links = MediaLinks::new(folder(), Some("https://x.example".to_owned()));
        let link = links.link(("belle", "7"), "été 1.png", 1_000).await.unwrap().unwrap();
        let parts: Vec<&str> = link.strip_prefix("https://x.example/media/").unwrap().split('/').collect();
        let [tenant, file, until, signature, name] = parts[..] else { panic!("{link}") };
        assert_eq!((tenant, file, name), ("belle", "7", "_t__1.png"));
        let until: i64 = until.parse().unwrap();
        assert_eq!(until, 1_000 + LASTS_SECS);
        // Another process has the same key.
        let others = MediaLinks::new(folder(), None);
        for (of, until, claimed, now, expected) in [
            (("belle", "7"), until, signature, 2_000, true),
            (("belle", "7"), until, signature, until, false),
            (("belle", "7"), until + 1, signature, 2_000, false),
            (("belle", "8"), until, signature, 2_000, false),
            (("taxi", "7"), until, signature, 2_000, false),
            (("belle", "7"), until, "", 2_000, false),
            (("belle", "7"), until, &signature[1..], 2_000, false),
        ] {
            assert_eq!(others.holds(of, (until, claimed), now).await.unwrap(), expected, "{of:?} {until} {now}");
        }
        assert!(others.link(("belle", "7"), "a", 1_000).await.unwrap().is_none(), "nobody outside finds us");
    }
}
