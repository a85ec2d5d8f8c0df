//! Does what was asked for: an export's file, or an erasure.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::rules::Language;

use super::{HELD_FOR, PrivacyDesk, archive};
use crate::store::StoreError;
use crate::store::privacy::{DoneFile, ErasureReport, PrivacyRequest, RequestChange, RequestKind};

/// A request that failed so often is given up.
const MOST_ATTEMPTS: i64 = 5;
/// Time to the next attempt.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How long messages that are with a sender are waited for, and how often they are looked at.
const SENDING: (Duration, u32) = (Duration::from_millis(500), 240);
const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// Why a request was not done. No text names the person.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the contact is not there any more")]
    Gone,
    #[error("the export cannot be written into privacy.export_dir")]
    File(#[source] std::io::Error),
    #[error("the export cannot be put together")]
    Archive(#[from] archive::ArchiveError),
}

/// What came of a request.
#[derive(Debug)]
pub enum Outcome {
    Exported { file: String },
    Erased(ErasureReport),
}

impl PrivacyDesk {
    /// Works on the oldest request that nobody works on. `None`: there is none.
    ///
    /// # Errors
    /// [`StoreError`]: the request could not be read or changed.
    pub async fn work_on_next(&self) -> Result<Option<(PrivacyRequest, Result<Outcome, WorkError>)>, StoreError> {
        let now = self.now();
        let Some(request) = self.store.claim_privacy_request(now, now + HELD_FOR).await? else { return Ok(None) };
        let outcome = self.work_on(&request).await;
        Ok(Some((request, outcome)))
    }

    /// Works on a request that the caller holds, and writes down what came of it.
    ///
    /// # Errors
    /// [`WorkError`]: it is tried again, or was given up.
    pub async fn work_on(&self, request: &PrivacyRequest) -> Result<Outcome, WorkError> {
        let done = match request.kind {
            RequestKind::Export => self.export(request).await,
            RequestKind::Erase => self.erase(request).await,
        };
        if let Err(error) = &done {
            let (now, text) = (self.now(), error.to_string());
            let is_over = matches!(error, WorkError::Gone) || request.attempts >= MOST_ATTEMPTS;
            let change = match is_over {
                true => RequestChange::Failed { error: &text },
                false => RequestChange::Again { error: &text, at: now + AGAIN },
            };
            self.store.change_privacy_request(request.id, change, now).await?;
        }
        done
    }

    async fn export(&self, request: &PrivacyRequest) -> Result<Outcome, WorkError> {
        let person = self.store.person(&request.tenant, request.contact).await?.ok_or(WorkError::Gone)?;
        self.progress(request, 20).await?;
        let tables = self.store.export_person(&person).await?;
        self.progress(request, 60).await?;
        let language = request.language.parse().unwrap_or(Language::En);
        let key = self.signing_key().await?;
        let archive = archive::build(request, &tables, (key.as_slice(), language), self.now())?;
        let file = format!("{}.zip", request.id);
        let path = self.path_of(&file).ok_or(WorkError::Gone)?;
        write_private(&path, &archive.bytes).map_err(WorkError::File)?;
        self.store.note_export(&person, self.now()).await?;
        let kept = TimeDelta::from_std(self.export_retention).unwrap_or(TimeDelta::days(7));
        let done = DoneFile {
            name: &file,
            bytes: i64::try_from(archive.bytes.len()).unwrap_or(i64::MAX),
            sha256: &archive.sha256,
            expires_at: self.now() + kept,
        };
        let report = serde_json::json!({ "tables": archive.counts }).to_string();
        let change = RequestChange::Done { report: &report, file: Some(done) };
        self.store.change_privacy_request(request.id, change, self.now()).await?;
        Ok(Outcome::Exported { file })
    }

    async fn erase(&self, request: &PrivacyRequest) -> Result<Outcome, WorkError> {
        let store = &self.store;
        let person = store.person(&request.tenant, request.contact).await?.ok_or(WorkError::Gone)?;
        let mut report =
            ErasureReport { cancelled_messages: store.call_back(&person, self.now()).await?, ..Default::default() };
        self.progress(request, 10).await?;
        let (pause, looks) = SENDING;
        for _ in 0..looks {
            if store.being_sent(&person).await? == 0 {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        // What came or was written meanwhile is found now.
        let person = store.person(&request.tenant, request.contact).await?.ok_or(WorkError::Gone)?;
        report.cancelled_messages += store.call_back(&person, self.now()).await?;
        self.progress(request, 20).await?;
        store.blank_messages(&person, &mut report).await?;
        self.progress(request, 60).await?;
        let changed = store.take_out_mentions(&person, &mut report).await?;
        self.progress(request, 70).await?;
        for (id, file) in store.export_files(Some((&request.tenant, request.contact)), self.now()).await? {
            self.delete_file(id, &file).await?;
        }
        store.forget_person(&person, &mut report, self.now()).await?;
        self.progress(request, 80).await?;
        store.leave_index(&person, &changed).await?;
        self.progress(request, 90).await?;
        report.is_rewritten = store.scrub().await?;
        let told = serde_json::to_string(&report).unwrap_or_else(|_| "{}".to_owned());
        let change = RequestChange::Done { report: &told, file: None };
        store.change_privacy_request(request.id, change, self.now()).await?;
        Ok(Outcome::Erased(report))
    }

    /// Deletes exports that are kept no longer. Returns how many.
    ///
    /// # Errors
    /// [`WorkError`]
    pub async fn delete_old_exports(&self) -> Result<usize, WorkError> {
        let old = self.store.export_files(None, self.now()).await?;
        for (id, file) in &old {
            self.delete_file(*id, file).await?;
        }
        Ok(old.len())
    }

    async fn delete_file(&self, id: uuid::Uuid, file: &str) -> Result<(), WorkError> {
        if let Some(path) = self.path_of(file) {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(WorkError::File(error)),
                _ => {}
            }
        }
        Ok(self.store.forget_export_file(id).await?)
    }

    async fn progress(&self, request: &PrivacyRequest, progress: i64) -> Result<(), StoreError> {
        let now = self.now();
        let change = RequestChange::Progress { progress, held_until: now + HELD_FOR };
        self.store.change_privacy_request(request.id, change, now).await
    }

    /// The key that exports are signed with.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn signing_key(&self) -> Result<Vec<u8>, StoreError> {
        // Each UUIDv7 has 74 random bits.
        let fresh: String = (0..4).map(|_| uuid::Uuid::now_v7().simple().to_string()).collect();
        Ok(self.store.installation_value("export_key", &fresh).await?.into_bytes())
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(path)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}
