//! Set-up: makes a tenant's file from answers, and changes it.
//!
//! What it writes is what people write by hand: the same keys, the same checks, with comments.

mod business;
mod change;
mod channels;
mod consent;
mod document;
mod draft;
mod folder;
mod hours;
mod replies;
mod ruling;
mod services;
mod steps;
#[cfg(test)]
mod tests;
pub mod trades;

use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::{FaqEntry, Language};

pub use self::business::{BusinessAnswers, set_business};
pub use self::change::{SetupAccess, document, previous, undo};
pub use self::channels::{ChannelAnswers, ConnectedChannel, add_test_phone, connect, make_up_anew};
pub use self::consent::{ConsentAnswers, set_consent};
pub use self::document::TenantDocument;
pub use self::folder::{PreviousVersion, TenantFile, TenantFolder};
pub use self::hours::{HoursAnswers, set_hours};
pub use self::replies::{HandoverAnswers, REPLIES, replies, set_handover, set_replies};
pub use self::ruling::{RulingLine, ruling_lines};
pub use self::services::{ServiceAnswers, services, set_services};
pub use self::steps::{SetupStep, activity, confirm, confirmed};
pub use self::trades::Trade;
use super::permissions::Permission::SettingWrite;
use super::{Caller, ServiceError, audit, faq};
use crate::config::Problem;
use crate::store::operator::Operator;
use crate::store::phrases;

/// What a new tenant is made of.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its slug.
    pub id: String,
    /// The name that customers know.
    pub name: String,
    /// One of [`faq::TRADES`].
    pub trade: String,
    pub language: Language,
    /// IANA.
    pub timezone: String,
    /// A number of its people, with its country.
    pub phone: Option<String>,
    /// Whether the answers of its trade stand in the file. Else they are for the table, where pages change them.
    pub with_faq: bool,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum TenantFileError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The answers make no file that holds.
    #[error("{}", told(.0))]
    Refused(Vec<Problem>),
    /// These answers do not hold; nothing was written.
    #[error("{}: not valid", .0.join(", "))]
    Fields(Vec<String>),
    /// Somebody else wrote the file meanwhile.
    #[error("the file was changed meanwhile")]
    Changed,
    #[error("the tenant has no such file")]
    NoFile,
    #[error("there is no trade `{0}`")]
    UnknownTrade(String),
    /// There is a tenant, or a file, of that name.
    #[error("there is a tenant `{0}` already")]
    Taken(String),
    #[error("{0}")]
    Folder(String),
    #[error("the tenants' folder: {0}")]
    Io(#[source] std::io::Error),
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect()
}

/// Makes an id of a name: `Institut Belle` is `institut-belle`.
#[must_use]
pub fn id_of(name: &str) -> String {
    let mut id = String::new();
    for part in palabre_actors::domain::folding::fold(name).split(|c: char| !c.is_ascii_alphanumeric()) {
        if !part.is_empty() {
            if !id.is_empty() {
                id.push('-');
            }
            id.push_str(&part.to_ascii_lowercase());
        }
    }
    id.truncate(64);
    id
}

/// The text of a new tenant's file.
///
/// # Errors
/// [`TenantFileError::UnknownTrade`]
pub fn draft(new: &NewTenant) -> Result<String, TenantFileError> {
    let trade = Trade::named(&new.trade).ok_or_else(|| TenantFileError::UnknownTrade(new.trade.clone()))?;
    draft::text(new, trade)
}

/// Writes the file of a new tenant. It counts as soon as the daemon sees it. For whoever sees all tenants. `store`: where it is
/// noted, if there is a database already.
///
/// # Errors
/// [`TenantFileError`]: nothing was written.
pub async fn create(
    caller: &Caller,
    store: Option<&Operator>,
    folder: &TenantFolder,
    new: &NewTenant,
) -> Result<TenantFile, TenantFileError> {
    caller.require_for_all(SettingWrite)?;
    let text = draft(new)?;
    let path = folder.new_path(&new.id)?;
    if path.exists() || folder.file(&TenantId::new(&new.id))?.is_some() {
        return Err(TenantFileError::Taken(new.id.clone()));
    }
    let checked = (path.clone(), text.clone());
    change::blocking(folder, move |folder| folder.check(&checked.0, &checked.1)).await?;
    if let Some(store) = store {
        audit::note_installation(caller, store, "tenant.create", ("tenant", &new.id)).await?;
    }
    folder.write_new(&path, &text)?;
    Ok(TenantFile { path, text })
}

/// Why [`create`] refused, told at the answers that do not hold, where each problem comes from one.
#[must_use]
pub fn at_answers(error: TenantFileError) -> TenantFileError {
    change::at_fields(error, &business::field_of)
}

/// The stem, or the stem with the first number that nothing is called by yet.
fn unused(stem: String, ids: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{stem}-{number}"));
    std::iter::once(stem.clone()).chain(numbered).find(|id| !ids.contains(id)).unwrap_or(stem)
}

/// The FAQ entries that a trade begins with.
fn faq_entries(trade: &str, language: Language) -> Result<Vec<FaqEntry>, TenantFileError> {
    let csv = faq::template(trade, language).ok_or_else(|| TenantFileError::UnknownTrade(trade.to_owned()))?;
    let records = csv::Reader::from_reader(csv.as_bytes()).into_records();
    let cell = |record: &csv::StringRecord, at: usize| record.get(at).unwrap_or_default().to_owned();
    let entry = |record: csv::StringRecord| FaqEntry {
        question: cell(&record, 0),
        keywords: phrases(&cell(&record, 1)),
        answer: cell(&record, 2),
        ..FaqEntry::default()
    };
    Ok(records.filter_map(Result::ok).map(entry).collect())
}
