//! Does what was asked for: an export's file, or an erasure.

use std::collections::HashSet;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::rules::Language;
use uuid::Uuid;

use super::{HELD_FOR, PersonalData, archive};
use crate::store::StoreError;
use crate::store::privacy::{DataSubject, DoneFile, ErasureReport, PrivacyRequest, RequestChange, RequestKind, Traces};

/// A request that failed so often is given up.
const MOST_ATTEMPTS: i64 = 5;
/// Time to the next attempt.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How long messages that are with a sender are waited for, and how often they are looked at.
const SENDING: (Duration, u32) = (Duration::from_millis(500), 240);
/// Progress from which on the contact may be deleted.
const FORGETTING: i64 = 70;
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
    #[error("a journal cannot be read or written")]
    Journal(#[source] std::io::Error),
    #[error("messages wait in the spool for the database")]
    Spooled,
    #[error("a message to them is with a sender")]
    Sending,
    #[error("the export cannot be put together")]
    Archive(#[from] archive::ArchiveError),
}

/// What came of a request.
#[derive(Debug)]
pub enum RequestOutcome {
    Exported { file: String },
    Erased(ErasureReport),
}

impl PersonalData {
    /// Works on the oldest request that nobody works on. `None`: there is none.
    ///
    /// # Errors
    /// [`StoreError`]: the request could not be read or changed.
    pub async fn work_on_next(
        &self,
    ) -> Result<Option<(PrivacyRequest, Result<RequestOutcome, WorkError>)>, StoreError> {
        let now = self.now();
        let Some(request) = self.store.claim_privacy_request(now, now + HELD_FOR).await? else { return Ok(None) };
        let outcome = self.work_on(&request).await;
        Ok(Some((request, outcome)))
    }

    /// Works on a request that the caller holds, and writes down what came of it.
    ///
    /// # Errors
    /// [`WorkError`]: it is tried again, or was given up.
    pub async fn work_on(&self, request: &PrivacyRequest) -> Result<RequestOutcome, WorkError> {
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

    async fn export(&self, request: &PrivacyRequest) -> Result<RequestOutcome, WorkError> {
        let person = self.store.person(&request.tenant, request.contact).await?.ok_or(WorkError::Gone)?;
        self.progress(request, 20).await?;
        let tables = self.store.export_person(&person).await?;
        self.progress(request, 60).await?;
        let language = request.language.parse().unwrap_or(Language::En);
        let key = self.signing_key().await?;
        let name = self.store.tenant_name(&request.tenant).await?;
        let name = name.as_deref().unwrap_or(request.tenant.as_str());
        let archive = archive::build((request, name), &tables, (key.as_slice(), language), self.now())?;
        let file = format!("{}.zip", request.id);
        let path = self.path_of(&file).ok_or(WorkError::Gone)?;
        write_private(&path, &archive.bytes).map_err(WorkError::File)?;
        let kept = TimeDelta::from_std(self.export_retention).unwrap_or(TimeDelta::days(7));
        let done = DoneFile {
            name: &file,
            bytes: i64::try_from(archive.bytes.len()).unwrap_or(i64::MAX),
            sha256: &archive.sha256,
            expires_at: self.now() + kept,
        };
        if self.store.person(&request.tenant, request.contact).await?.is_none() {
            // They were erased while it was made.
            std::fs::remove_file(&path).map_err(WorkError::File)?;
            return Err(WorkError::Gone);
        }
        let report = serde_json::json!({ "tables": archive.counts }).to_string();
        self.store.end_privacy_request(request, (&report, Some(done)), self.now()).await?;
        Ok(RequestOutcome::Exported { file })
    }

    async fn erase(&self, request: &PrivacyRequest) -> Result<RequestOutcome, WorkError> {
        let Some(person) = self.store.person(&request.tenant, request.contact).await? else {
            // Whoever worked on it before deleted the contact, and was ended before the rest.
            let report: ErasureReport = serde_json::from_str(&request.report).unwrap_or_default();
            if request.progress < FORGETTING || report.contacts.is_empty() {
                return Err(WorkError::Gone);
            }
            return self.end(request, report).await;
        };
        let mut report = ErasureReport { contacts: person.contacts().clone(), ..ErasureReport::default() };
        report.cancelled_messages = self.store.call_back(&person, self.now()).await?;
        self.progress(request, 10).await?;
        self.wait_for_senders(&person).await?;
        // What came or was written meanwhile is found now.
        let person = self.store.person(&request.tenant, request.contact).await?.ok_or(WorkError::Gone)?;
        report.cancelled_messages += self.store.call_back(&person, self.now()).await?;
        self.progress(request, 20).await?;
        self.store.blank_messages(&person, &mut report).await?;
        self.progress(request, 50).await?;
        let changed = self.store.take_out_mentions(&person, &mut report).await?;
        for (id, file) in self.store.export_files(Some(&person), self.now()).await? {
            self.delete_file(id, &file).await?;
        }
        self.progress(request, 60).await?;
        self.store.leave_index(&person, &changed).await?;
        report.lines = self.forget_in_files(person.traces()).await?;
        let told = serde_json::to_string(&report).unwrap_or_default();
        self.progress_with(request, (FORGETTING, Some(&told))).await?;
        self.store.forget_person(&person, &mut report, self.now()).await?;
        // A turn that was under way may have written into the conversation until then.
        let late = self.store.late_messages(&person).await?;
        report.cancelled_messages += self.store.call_back(&late, self.now()).await?;
        self.store.blank_messages(&late, &mut report).await?;
        self.store.leave_index(&late, &[]).await?;
        report.lines += self.forget_in_files(late.traces()).await?;
        self.end(request, report).await
    }

    /// What is left to do once the contact is deleted.
    async fn end(&self, request: &PrivacyRequest, mut report: ErasureReport) -> Result<RequestOutcome, WorkError> {
        let store = &self.store;
        store.leave_index_for_good(&report.contacts).await?;
        self.progress(request, 90).await?;
        report.is_rewritten = store.scrub().await?;
        let told = serde_json::to_string(&report).unwrap_or_else(|_| "{}".to_owned());
        store.end_privacy_request(request, (&told, None), self.now()).await?;
        Ok(RequestOutcome::Erased(report))
    }

    /// Waits until no message to the person is with a sender, and nothing waits in the spool.
    async fn wait_for_senders(&self, person: &DataSubject) -> Result<(), WorkError> {
        let (pause, looks) = SENDING;
        for _ in 0..looks {
            if self.files.are_read() && self.store.being_sent(person, self.now()).await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
        }
        Err(if self.files.are_read() { WorkError::Sending } else { WorkError::Spooled })
    }

    /// Takes a person out of this node's files.
    async fn forget_in_files(&self, traces: Traces) -> Result<u64, WorkError> {
        let files = Arc::clone(&self.files);
        let done = tokio::task::spawn_blocking(move || files.forget(&traces)).await;
        done.map_err(std::io::Error::other).flatten().map_err(WorkError::Journal)
    }

    /// Takes out of this node's files who was erased, maybe by another node: those of `lately` that are `settled`, once each.
    ///
    /// # Errors
    /// [`WorkError`]: the same again goes on.
    pub async fn follow_erasures(
        &self,
        lately: TimeDelta,
        settled: TimeDelta,
        followed: &mut HashSet<Uuid>,
    ) -> Result<(), WorkError> {
        let now = self.now();
        for request in self.store.erasures_since(now - lately).await? {
            let is_settled = request.finished_at.is_some_and(|at| at <= now - settled);
            if !is_settled || !followed.insert(request.id) {
                continue;
            }
            let report: ErasureReport = serde_json::from_str(&request.report).unwrap_or_default();
            let traces = self.store.erased_traces(&request.tenant, report.contacts).await?;
            if let Err(error) = self.forget_in_files(traces).await {
                followed.remove(&request.id);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Deletes exports that are kept no longer, also those whose request was cut short.
    ///
    /// # Errors
    /// [`WorkError`]
    pub async fn delete_old_exports(&self) -> Result<(), WorkError> {
        for (id, file) in self.store.export_files(None, self.now()).await? {
            self.delete_file(id, &file).await?;
        }
        let Ok(entries) = std::fs::read_dir(&self.export_dir) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_ours =
                name.to_str().and_then(|name| name.strip_suffix(".zip")).is_some_and(|id| id.parse::<Uuid>().is_ok());
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
            if is_ours && age.is_some_and(|age| age > self.export_retention) {
                std::fs::remove_file(entry.path()).map_err(WorkError::File)?;
            }
        }
        Ok(())
    }

    async fn delete_file(&self, id: Uuid, file: &str) -> Result<(), WorkError> {
        if let Some(path) = self.path_of(file) {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(WorkError::File(error)),
                _ => {}
            }
        }
        Ok(self.store.forget_export_file(id).await?)
    }

    async fn progress(&self, request: &PrivacyRequest, progress: i64) -> Result<(), StoreError> {
        self.progress_with(request, (progress, None)).await
    }

    async fn progress_with(
        &self,
        request: &PrivacyRequest,
        (progress, report): (i64, Option<&str>),
    ) -> Result<(), StoreError> {
        let now = self.now();
        let change = RequestChange::Progress { progress, held_until: now + HELD_FOR, report };
        self.store.change_privacy_request(request.id, change, now).await
    }

    /// The key that exports are signed with.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn signing_key(&self) -> Result<Vec<u8>, StoreError> {
        // Each UUIDv7 has 74 random bits.
        let fresh: String = (0..4).map(|_| Uuid::now_v7().simple().to_string()).collect();
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
