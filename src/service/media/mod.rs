//! Files of messages: who may read one, who may leave one to be sent, and how it is served.

mod card_cache;
mod sending;
mod serving;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::message::ContactCard;
use palabre_actors::ports::Clock;
use tokio::sync::Semaphore;
use uuid::Uuid;

use self::card_cache::CardCache;
pub use self::sending::{FileToSend, UploadOutcome, Uploaded, files_to_send, upload};
pub use self::serving::{MediaAnswer, ServedMedia};
use super::permissions::Permission::{ContentRead, ConversationRead};
use super::{Caller, ServiceError, Tenants, audit};
use crate::config::TenantDirectory;
use crate::media::{MediaFolder, MediaLinks, MediaStorage, StorageError};
use crate::store::operator::{MediaRow, Operator};

/// The largest card that is read, with its picture, and the most of one look.
const LARGEST_CARD: u64 = 256 * 1024;
const MOST_CARDS: usize = 20;

/// Files that are uploaded at once: each is held in memory.
const UPLOADS_AT_ONCE: usize = 4;

const NOT_FOUND: ServiceError = ServiceError::NotFound("media");

/// What the surfaces need of files. Clones share it.
#[derive(Clone)]
pub struct MediaAccess {
    storage: MediaStorage,
    links: MediaLinks,
    /// What each tenant takes.
    tenants: TenantDirectory,
    uploads: Arc<Semaphore>,
    cards: Arc<CardCache>,
    clock: Arc<dyn Clock>,
}

impl MediaAccess {
    /// No tenant takes files: for tests of other things.
    #[must_use]
    pub fn nowhere(clock: Arc<dyn Clock>) -> Self {
        let storage = MediaStorage::in_folder(MediaFolder::new("media".into()));
        Self::new(storage.clone(), MediaLinks::new(storage, None), TenantDirectory::default(), clock)
    }

    #[must_use]
    pub fn new(storage: MediaStorage, links: MediaLinks, tenants: TenantDirectory, clock: Arc<dyn Clock>) -> Self {
        let uploads = Arc::new(Semaphore::new(UPLOADS_AT_ONCE));
        Self { storage, links, tenants, uploads, cards: Arc::default(), clock }
    }
}

impl fmt::Debug for MediaAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaAccess").field("storage", &self.storage).finish_non_exhaustive()
    }
}

/// The files of a message, in the order in which they came.
///
/// # Errors
/// [`ServiceError`]
pub async fn of_message(caller: &Caller, store: &Operator, message: Uuid) -> Result<Vec<MediaRow>, ServiceError> {
    caller.require(ConversationRead)?;
    caller.require(ContentRead)?;
    Ok(store.media_of(&caller.tenants, &[message]).await?.remove(&message).unwrap_or_default())
}

/// Reads a file. One that is not there yet, was not taken, or is another tenant's is not found.
///
/// # Errors
/// [`ServiceError`]
pub async fn read(
    caller: &Caller,
    store: &Operator,
    access: &MediaAccess,
    media: Uuid,
) -> Result<ServedMedia, ServiceError> {
    caller.require(ConversationRead)?;
    caller.require(ContentRead)?;
    let row = store.media(&caller.tenants, media).await?.ok_or(NOT_FOUND)?;
    audit::look(caller, store, &row.tenant, "media.look", ("media", &media.to_string())).await?;
    served(access, row).await
}

/// The cards of people in these files, which come with messages that the caller is shown ([`super::inbox::thread`]).
pub async fn cards(access: &MediaAccess, files: &BTreeMap<Uuid, Vec<MediaRow>>) -> BTreeMap<Uuid, Vec<ContactCard>> {
    let is_card = |row: &&MediaRow| {
        let is_vcard = ContactCard::is_media_type(&row.content_type);
        is_vcard && row.state == "stored" && row.size.is_some_and(|size| size <= LARGEST_CARD)
    };
    let mut cards: BTreeMap<Uuid, Vec<ContactCard>> = BTreeMap::new();
    for row in files.values().flatten().filter(is_card).take(MOST_CARDS) {
        let Some(message) = row.message else { continue };
        // One that cannot be read is still a file that can be opened, or that says why not.
        let Some(of_file) = cards_in(access, row).await else { continue };
        cards.entry(message).or_default().extend(of_file);
    }
    cards
}

async fn cards_in(access: &MediaAccess, row: &MediaRow) -> Option<Vec<ContactCard>> {
    if let Some(known) = access.cards.get(row.id, Instant::now()) {
        return Some(known);
    }
    let bytes = access.storage.get(row.tenant.as_str(), row.hash.as_ref()?).await.ok()??;
    let cards = ContactCard::of_vcards(&String::from_utf8_lossy(&bytes));
    access.cards.put(row.id, &cards, Instant::now());
    Some(cards)
}

/// Reads a file by a signed link, as providers do.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when the link is not ours, or not good any more.
pub async fn read_by_link(
    store: &Operator,
    access: &MediaAccess,
    (tenant, media): (&str, Uuid),
    proof: (i64, &str),
) -> Result<ServedMedia, ServiceError> {
    let file = media.to_string();
    let holds = access.links.holds((tenant, &file), proof, access.clock.now().timestamp()).await;
    if !holds.map_err(|error| unread(media, &error))? {
        return Err(NOT_FOUND);
    }
    let tenants = Tenants::Of(vec![TenantId::new(tenant)]);
    served(access, store.media(&tenants, media).await?.ok_or(NOT_FOUND)?).await
}

async fn served(access: &MediaAccess, row: MediaRow) -> Result<ServedMedia, ServiceError> {
    let hash = row.hash.clone().filter(|_| row.state == "stored").ok_or(NOT_FOUND)?;
    let bytes = access.storage.get(row.tenant.as_str(), &hash).await.map_err(|error| unread(row.id, &error))?;
    Ok(ServedMedia { row, bytes: bytes.ok_or(NOT_FOUND)? })
}

fn unread(media: Uuid, error: &StorageError) -> ServiceError {
    tracing::warn!(media.id = %media, error = error as &dyn std::error::Error, "a file could not be read");
    NOT_FOUND
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    struct Midnight;

    impl Clock for Midnight {
        fn now(&self) -> palabre_actors::domain::Timestamp {
            chrono::DateTime::UNIX_EPOCH
        }
    }

    #[tokio::test]
    async fn a_card_is_read_once_while_its_file_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let storage = MediaStorage::in_folder(MediaFolder::new(folder.path().join("media")));
        let hash = storage.put("belle", Bytes::from_static(b"BEGIN:VCARD\nFN:Awa\nTEL:+33612345678\nEND:VCARD")).await;
        let links = MediaLinks::new(storage.clone(), None);
        let access = MediaAccess::new(storage, links, TenantDirectory::default(), Arc::new(Midnight));
        let message = Uuid::from_u128(7);
        let mut row = MediaRow {
            id: Uuid::from_u128(1),
            tenant: TenantId::new("belle"),
            message: Some(message),
            state: "stored".to_owned(),
            reason: None,
            content_type: "text/vcard".to_owned(),
            size: Some(60),
            hash: Some(hash.unwrap()),
            name: None,
            created_at: chrono::DateTime::UNIX_EPOCH,
        };
        let files = |row: &MediaRow| BTreeMap::from([(message, vec![row.clone()])]);
        let first = cards(&access, &files(&row)).await;
        assert_eq!(first[&message][0].name, "Awa");
        folder.close().unwrap();
        assert_eq!(cards(&access, &files(&row)).await, first, "nothing is read again");
        row.state = "expired".to_owned();
        assert!(cards(&access, &files(&row)).await.is_empty(), "what the row does not promise is not shown");
    }
}
