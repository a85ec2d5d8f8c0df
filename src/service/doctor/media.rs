//! Check of the bucket that has the files of messages.

use super::Installation;
use super::finding::{DoctorFinding, text};
use crate::media::{BucketError, MediaStorage, StorageError};

const CHECK: &str = "media";

/// A folder is looked at with the other files.
pub(super) async fn check(of: &Installation<'_>, client: &reqwest::Client) -> Vec<DoctorFinding> {
    let media = &of.config().media;
    let Some(bucket) = &media.bucket else { return Vec::new() };
    let asked = match MediaStorage::of(media, client) {
        Ok(storage) => storage.probe().await,
        Err(error) => Err(error),
    };
    let found = match asked {
        Ok(()) => DoctorFinding::good(CHECK, text("the bucket answers", "le bucket répond")),
        Err(StorageError::Bucket(BucketError::Denied)) => DoctorFinding::wrong(
            CHECK,
            text("the bucket refuses the key", "le bucket refuse la clé"),
            text(
                "compare media.s3.access_key, secret_key and region with the storage's; the key needs to read, write and delete objects",
                "comparer media.s3.access_key, secret_key et region avec ceux du stockage ; la clé doit lire, écrire et supprimer des objets",
            ),
        ),
        Err(StorageError::Bucket(BucketError::Missing)) => DoctorFinding::wrong(
            CHECK,
            text("there is no such bucket", "ce bucket n'existe pas"),
            text("make it, or correct media.s3.bucket", "le créer, ou corriger media.s3.bucket"),
        ),
        Err(_) => DoctorFinding::wrong(
            CHECK,
            text("the bucket does not answer", "le bucket ne répond pas"),
            text("check media.s3.endpoint and the network", "vérifier media.s3.endpoint et le réseau"),
        ),
    };
    vec![found.about(bucket.bucket.clone())]
}
