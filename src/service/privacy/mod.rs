//! Privacy: exports and erasures of persons (I16), and what retention would delete.

mod archive;
mod container;
mod page;
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
use uuid::Uuid;

pub use self::archive::{ArchiveProblem, Checked, check};
pub use self::work::{Outcome, WorkError};
use super::permissions::Permission::{PrivacyErase, PrivacyExport};
use super::{Caller, ServiceError, Tenants, audit};
use crate::config::{Privacy as PrivacyConfig, Retention};
use crate::store::operator::Operator;
use crate::store::privacy::{PersonCounts, PrivacyRequest, RequestKind, RetentionPreview};

/// Whoever works on a request says so at least this often.
pub const HELD_FOR: TimeDelta = TimeDelta::minutes(5);

/// What exports and erasures need. Clones share it.
#[derive(Clone)]
pub struct PrivacyDesk {
    pub store: Operator,
    pub clock: Arc<dyn Clock>,
    /// Where exports lie until they are deleted.
    pub export_dir: PathBuf,
    /// How long that is.
    pub export_retention: Duration,
}

impl std::fmt::Debug for PrivacyDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivacyDesk").field("export_dir", &self.export_dir).finish_non_exhaustive()
    }
}

/// Which person is meant.
#[derive(Clone, Debug)]
pub enum Whom {
    Contact(ContactId),
    Address(TenantId, Address),
}

impl PrivacyDesk {
    #[must_use]
    pub fn new(store: Operator, clock: Arc<dyn Clock>, config: &PrivacyConfig) -> Self {
        Self { store, clock, export_dir: config.export_dir.clone(), export_retention: config.export_retention }
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
    desk: &PrivacyDesk,
    whom: &Whom,
    (language, works): (Language, bool),
) -> Result<PrivacyRequest, ServiceError> {
    caller.require(PrivacyExport)?;
    let (tenant, contact) = found(caller, desk, whom).await?;
    audit::note(caller, &desk.store, &tenant, "contact.export", ("contact", &contact.to_string())).await?;
    add(caller, desk, (&tenant, contact), RequestKind::Export, (language, works)).await
}

/// Asks for a person's erasure. A person with a running subscription is not erased: nobody could end it any more.
///
/// # Errors
/// [`ServiceError`]: `NotValid` when a subscription runs.
pub async fn request_erasure(
    caller: &Caller,
    desk: &PrivacyDesk,
    whom: &Whom,
    (language, works): (Language, bool),
) -> Result<PrivacyRequest, ServiceError> {
    caller.require(PrivacyErase)?;
    let (tenant, contact) = found(caller, desk, whom).await?;
    let person = desk.store.person(&tenant, contact).await?.ok_or(ServiceError::NotFound("contact"))?;
    if person.counts().running_subscriptions > 0 {
        let reason = "a subscription of theirs is running: end it first (palabre access revoke), then erase".to_owned();
        return Err(ServiceError::NotValid { field: "contact", reason });
    }
    audit::note(caller, &desk.store, &tenant, "contact.erase", ("contact", &contact.to_string())).await?;
    add(caller, desk, (&tenant, contact), RequestKind::Erase, (language, works)).await
}

/// How much there is of a person.
///
/// # Errors
/// [`ServiceError`]
pub async fn extent(caller: &Caller, desk: &PrivacyDesk, whom: &Whom) -> Result<PersonCounts, ServiceError> {
    caller.require(PrivacyErase)?;
    let (tenant, contact) = found(caller, desk, whom).await?;
    let person = desk.store.person(&tenant, contact).await?.ok_or(ServiceError::NotFound("contact"))?;
    Ok(person.counts())
}

/// Requests of the tenants that a caller sees, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn requests(
    caller: &Caller,
    desk: &PrivacyDesk,
    (before, limit): (Option<Uuid>, usize),
) -> Result<Vec<PrivacyRequest>, ServiceError> {
    caller.require(PrivacyExport)?;
    Ok(desk.store.privacy_requests(&caller.among(&Tenants::All)?, before, limit).await?)
}

/// One request.
///
/// # Errors
/// [`ServiceError`]
pub async fn request(caller: &Caller, desk: &PrivacyDesk, id: Uuid) -> Result<PrivacyRequest, ServiceError> {
    caller.require(PrivacyExport)?;
    let found = desk.store.privacy_request(&caller.tenants, id).await?;
    found.ok_or(ServiceError::NotFound("request"))
}

/// How many rows of each class there are, and how many of them its retention would delete today.
///
/// # Errors
/// [`ServiceError`]
pub async fn plan(
    caller: &Caller,
    desk: &PrivacyDesk,
    retention: Retention,
    privacy: &PrivacyConfig,
) -> Result<Vec<(Option<Duration>, RetentionPreview)>, ServiceError> {
    caller.require(PrivacyExport)?;
    let now = desk.now();
    let classes = [
        ("messages_in", retention.messages),
        ("messages_out", retention.messages),
        ("event_log", retention.events),
        ("audit_log", privacy.audit_retention),
        ("payment_events", privacy.payment_retention),
    ];
    let mut plan = Vec::new();
    for (table, kept) in classes {
        let before = kept.and_then(|kept| now.checked_sub_signed(TimeDelta::from_std(kept).ok()?));
        if let Some(preview) = desk.store.preview_retention(table, before).await? {
            plan.push((kept, preview));
        }
    }
    Ok(plan)
}

async fn found(caller: &Caller, desk: &PrivacyDesk, whom: &Whom) -> Result<(TenantId, ContactId), ServiceError> {
    let unknown = ServiceError::NotFound("contact");
    let contact = match whom {
        Whom::Contact(contact) => *contact,
        Whom::Address(tenant, address) => {
            caller.within(tenant)?;
            desk.store.contact_at(tenant, address).await?.ok_or(unknown)?
        }
    };
    let row = desk.store.contact(&caller.tenants, contact).await?.ok_or(ServiceError::NotFound("contact"))?;
    Ok((row.tenant, row.id))
}

async fn add(
    caller: &Caller,
    desk: &PrivacyDesk,
    (tenant, contact): (&TenantId, ContactId),
    kind: RequestKind,
    (language, works): (Language, bool),
) -> Result<PrivacyRequest, ServiceError> {
    let now = desk.now();
    let (by, held) = (caller.who.to_string(), works.then(|| now + HELD_FOR));
    let id = desk.store.add_privacy_request((tenant, contact), kind, (&by, language.as_str()), (now, held)).await?;
    desk.store.privacy_request_by_id(id).await?.ok_or(ServiceError::NotFound("request"))
}
