//! Privacy: exports and erasures of persons (I16), and what retention would delete.

mod archive;
mod container;
mod download;
mod readme;
mod record;
mod tenants;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ContactId, TenantId};
use palabre_actors::domain::rules::Language;
use palabre_actors::ports::Clock;
use tokio::sync::Notify;
use uuid::Uuid;

pub use self::archive::{ArchiveProblem, Checked, check};
pub use self::download::{DownloadLink, file, follow, link};
pub use self::record::record;
pub use self::tenants::{TenantErased, TenantError, erase_tenant, export_tenant};
pub use self::work::{RequestOutcome, WorkError};
use super::permissions::Permission::{PrivacyErase, PrivacyExport};
use super::{Caller, ServiceError, Tenants, audit};
use crate::config::{Privacy as PrivacyConfig, Retention};
use crate::store::conversations::ContactRow;
use crate::store::operator::Operator;
use crate::store::privacy::{PersonCounts, PrivacyRequest, RequestKind, RetentionPreview, Traces};

/// Requests that a contact's page shows.
const LISTED: usize = 10;
/// Whoever works on a request says so at least this often.
pub const HELD_FOR: TimeDelta = TimeDelta::minutes(5);

/// Files of this node that may tell of persons.
pub trait PersonalFiles: Send + Sync {
    /// Whether nothing waits in a file for the database: a person who is erased before would come back with it.
    fn are_read(&self) -> bool;

    /// Takes a person out of files. Answers how many lines that were.
    ///
    /// # Errors
    /// A file cannot be read or written.
    fn forget(&self, traces: &Traces) -> std::io::Result<u64>;
}

/// A node without files of persons.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl PersonalFiles for NoFiles {
    fn are_read(&self) -> bool {
        true
    }

    fn forget(&self, _: &Traces) -> std::io::Result<u64> {
        Ok(0)
    }
}

/// What exports and erasures need. Clones share it.
#[derive(Clone)]
pub struct PersonalData {
    pub store: Operator,
    pub clock: Arc<dyn Clock>,
    pub files: Arc<dyn PersonalFiles>,
    /// Woken when something is asked for.
    pub asked: Arc<Notify>,
    /// Where exports lie until they are deleted.
    pub export_dir: PathBuf,
    /// How long that is.
    pub export_retention: Duration,
}

impl std::fmt::Debug for PersonalData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonalData").field("export_dir", &self.export_dir).finish_non_exhaustive()
    }
}

/// Which person is meant.
#[derive(Clone, Debug)]
pub enum Whom {
    Contact(ContactId),
    Address(TenantId, Address),
}

impl PersonalData {
    #[must_use]
    pub fn new(store: Operator, files: Arc<dyn PersonalFiles>, clock: Arc<dyn Clock>, config: &PrivacyConfig) -> Self {
        let (export_dir, export_retention) = (config.export_dir.clone(), config.export_retention);
        Self { store, clock, files, asked: Arc::new(Notify::new()), export_dir, export_retention }
    }

    /// The path of an export's file.
    #[must_use]
    pub fn path_of(&self, file: &str) -> Option<PathBuf> {
        let is_name = Path::new(file).file_name().is_some_and(|name| name == file);
        is_name.then(|| self.export_dir.join(file))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Asks for an export of everything that is known of a person. `works`: the caller works on it at once.
///
/// # Errors
/// [`ServiceError`]
pub async fn request_export(
    caller: &Caller,
    data: &PersonalData,
    whom: &Whom,
    (language, works): (Language, bool),
) -> Result<PrivacyRequest, ServiceError> {
    caller.require(PrivacyExport)?;
    let ContactRow { tenant, id: contact, .. } = found(caller, data, whom).await?;
    audit::note(caller, &data.store, &tenant, "contact.export", ("contact", &contact.to_string())).await?;
    add(caller, data, (&tenant, contact), RequestKind::Export, (language, works)).await
}

/// Asks for a person's erasure. A person with a running subscription is not erased: nobody could end it any more.
///
/// # Errors
/// [`ServiceError`]: `NotValid` when a subscription runs.
pub async fn request_erasure(
    caller: &Caller,
    data: &PersonalData,
    whom: &Whom,
    (language, works): (Language, bool),
) -> Result<PrivacyRequest, ServiceError> {
    caller.require(PrivacyErase)?;
    let ContactRow { tenant, id: contact, .. } = found(caller, data, whom).await?;
    let person = data.store.person(&tenant, contact).await?.ok_or(ServiceError::NotFound("contact"))?;
    if person.counts().running_subscriptions > 0 {
        let reason = "a subscription of theirs is running: end it first (palabre access revoke), then erase".to_owned();
        return Err(ServiceError::NotValid { field: "contact", reason });
    }
    audit::note(caller, &data.store, &tenant, "contact.erase", ("contact", &contact.to_string())).await?;
    add(caller, data, (&tenant, contact), RequestKind::Erase, (language, works)).await
}

/// A contact, and how much there is of them.
///
/// # Errors
/// [`ServiceError`]
pub async fn extent(
    caller: &Caller,
    data: &PersonalData,
    whom: &Whom,
) -> Result<(ContactRow, PersonCounts), ServiceError> {
    may_look(caller)?;
    let row = found(caller, data, whom).await?;
    audit::look(caller, &data.store, &row.tenant, "contact.look", ("contact", &row.id.to_string())).await?;
    let person = data.store.person(&row.tenant, row.id).await?.ok_or(ServiceError::NotFound("contact"))?;
    Ok((row, person.counts()))
}

/// Requests of the tenants that a caller sees, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn requests(
    caller: &Caller,
    data: &PersonalData,
    tenants: &Tenants,
    (before, limit): (Option<Uuid>, usize),
) -> Result<Vec<PrivacyRequest>, ServiceError> {
    may_look(caller)?;
    Ok(data.store.privacy_requests(&caller.among(tenants)?, before, limit).await?)
}

/// One request.
///
/// # Errors
/// [`ServiceError`]
pub async fn request(caller: &Caller, data: &PersonalData, id: Uuid) -> Result<PrivacyRequest, ServiceError> {
    may_look(caller)?;
    let found = data.store.privacy_request(&caller.tenants, id).await?;
    found.ok_or(ServiceError::NotFound("request"))
}

/// Requests about a contact, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn requests_of(
    caller: &Caller,
    data: &PersonalData,
    (tenant, contact): (&TenantId, ContactId),
) -> Result<Vec<PrivacyRequest>, ServiceError> {
    may_look(caller)?;
    caller.within(tenant)?;
    Ok(data.store.privacy_requests_of((tenant, contact), LISTED).await?)
}

/// Whoever may ask for something may see what became of it.
fn may_look(caller: &Caller) -> Result<(), ServiceError> {
    if caller.may(PrivacyErase) { Ok(()) } else { caller.require(PrivacyExport) }
}

/// How many rows of each class there are, and how many of them its retention would delete today.
///
/// # Errors
/// [`ServiceError`]
pub async fn plan(
    caller: &Caller,
    data: &PersonalData,
    retention: Retention,
    privacy: &PrivacyConfig,
) -> Result<Vec<(Option<Duration>, RetentionPreview)>, ServiceError> {
    caller.require(PrivacyExport)?;
    let now = data.now();
    let classes = [
        ("messages_in", retention.messages),
        ("messages_out", retention.messages),
        ("media", shorter(retention.media, retention.messages)),
        ("event_log", retention.events),
        ("audit_log", privacy.audit_retention),
        ("payment_events", privacy.payment_retention),
    ];
    let mut plan = Vec::new();
    for (table, kept) in classes {
        let before = kept.and_then(|kept| now.checked_sub_signed(TimeDelta::from_std(kept).ok()?));
        if let Some(preview) = data.store.preview_retention(table, before).await? {
            plan.push((kept, preview));
        }
    }
    Ok(plan)
}

/// Files go with their messages at the latest.
fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

async fn found(caller: &Caller, data: &PersonalData, whom: &Whom) -> Result<ContactRow, ServiceError> {
    let unknown = ServiceError::NotFound("contact");
    let contact = match whom {
        Whom::Contact(contact) => *contact,
        Whom::Address(tenant, address) => {
            caller.within(tenant)?;
            data.store.contact_behind(tenant, address).await?.ok_or(unknown)?
        }
    };
    data.store.contact(&caller.tenants, contact).await?.ok_or(ServiceError::NotFound("contact"))
}

async fn add(
    caller: &Caller,
    data: &PersonalData,
    (tenant, contact): (&TenantId, ContactId),
    kind: RequestKind,
    (language, works): (Language, bool),
) -> Result<PrivacyRequest, ServiceError> {
    let now = data.now();
    let (by, held) = (caller.who.to_string(), works.then(|| now + HELD_FOR));
    let id = data.store.add_privacy_request((tenant, contact), kind, (&by, language.as_str()), (now, held)).await?;
    data.asked.notify_one();
    data.store.privacy_request_by_id(id).await?.ok_or(ServiceError::NotFound("request"))
}
