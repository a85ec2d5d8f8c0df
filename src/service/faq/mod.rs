//! FAQ entries: those of the configuration and those of the table, trying them out, and what none of them answered.

mod groups;
mod table;
mod templates;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::faq::FaqExplanation;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::{FaqEntry, Rules};

pub use self::groups::UnansweredGroup;
pub use self::table::{Imported, export, import};
pub use self::templates::{TRADES, template};
use super::permissions::Permission::{ContentRead, FaqRead, FaqWrite};
use super::{Caller, ServiceError, audit};
use crate::store::operator::Operator;
use crate::store::{FaqRow, StoredFaq};

/// The longest question, and the longest answer, in bytes.
const LONGEST: usize = 8 * 1024;
/// Messages that are looked at for groups of unanswered questions.
const MOST_UNANSWERED: usize = 5_000;

/// An entry, wherever it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    pub row: FaqRow,
    /// It stands in the tenant's file, and can be changed there alone.
    pub configured: bool,
}

/// An entry that is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewEntry {
    /// The row that it replaces; a new one unless given.
    pub id: Option<String>,
    pub question: String,
    pub keywords: Vec<String>,
    pub about: Vec<String>,
    pub answer: String,
    pub language: Option<String>,
    pub enabled: bool,
}

/// How a message would be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub explanation: FaqExplanation,
    /// The entries that the explanation counts by their places.
    pub entries: Vec<FaqEntry>,
}

/// The entries of a tenant: those of its file first.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    (tenant, rules): (&TenantId, &Rules),
) -> Result<Vec<ListedEntry>, ServiceError> {
    caller.require(FaqRead)?;
    caller.within(tenant)?;
    let configured = rules.source().faq.iter().filter(|entry| entry.id.starts_with("faq["));
    let mut entries: Vec<ListedEntry> =
        configured.map(|entry| ListedEntry { row: row_of(tenant, entry, rules), configured: true }).collect();
    let stored = store.faq_entries(tenant).await?;
    entries.extend(stored.into_iter().map(|row| ListedEntry { row, configured: false }));
    Ok(entries)
}

fn row_of(tenant: &TenantId, entry: &FaqEntry, rules: &Rules) -> FaqRow {
    let FaqEntry { id, question, keywords, about, answer, .. } = entry.clone();
    FaqRow {
        id,
        tenant: tenant.clone(),
        question,
        keywords,
        about,
        answer,
        language: Some(rules.source().language.as_str().to_owned()),
        enabled: true,
        source: "config".to_owned(),
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

/// Writes an entry. It answers within seconds, on every node.
///
/// # Errors
/// [`ServiceError::NotValid`]: a text does not hold, or it asks for nothing; nothing was written.
pub async fn put(
    caller: &Caller,
    store: &Operator,
    (tenant, rules): (&TenantId, &Rules),
    entry: NewEntry,
    at: Timestamp,
) -> Result<FaqRow, ServiceError> {
    caller.require(FaqWrite)?;
    caller.within(tenant)?;
    let row = checked(tenant, rules, entry, "api", at)?;
    audit::note(caller, store, tenant, "faq.put", ("faq_entry", &row.id)).await?;
    if !store.put_faq_entry(&row).await? {
        return Err(ServiceError::NotFound("entry"));
    }
    Ok(row)
}

/// The row of an entry that holds.
fn checked(
    tenant: &TenantId,
    rules: &Rules,
    entry: NewEntry,
    source: &'static str,
    at: Timestamp,
) -> Result<FaqRow, ServiceError> {
    let not_valid = |field: &'static str, reason: String| ServiceError::NotValid { field, reason };
    let NewEntry { id, question, mut keywords, about, answer, language, enabled } = entry;
    for (field, text) in [("question", &question), ("answer", &answer)] {
        if text.trim().is_empty() {
            return Err(not_valid(field, "is empty".to_owned()));
        }
        if text.len() > LONGEST {
            return Err(not_valid(field, format!("is longer than {LONGEST} bytes")));
        }
    }
    if language.as_deref().is_some_and(|language| !["fr", "en"].contains(&language)) {
        return Err(not_valid("language", "must be fr or en".to_owned()));
    }
    // A question says what it asks; its own words stand in when nothing else does.
    if keywords.is_empty() && about.is_empty() {
        keywords.push(question.clone());
    }
    let row = FaqRow {
        id: id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
        tenant: tenant.clone(),
        question: question.trim().to_owned(),
        keywords,
        about,
        answer: answer.trim().to_owned(),
        language,
        enabled,
        source: source.to_owned(),
        updated_at: at,
    };
    // Alone beside the file's entries: rows that are there already do not matter to it.
    if let Err(errors) = rules.with_entries(vec![row.entry()])
        && let Some(error) = errors.first()
    {
        let field = ["keywords", "about", "answer"].into_iter().find(|field| error.field.contains(field));
        return Err(not_valid(field.unwrap_or("question"), error.message.clone()));
    }
    Ok(row)
}

/// Deletes an entry of the table.
///
/// # Errors
/// [`ServiceError`]
pub async fn delete(caller: &Caller, store: &Operator, tenant: &TenantId, id: &str) -> Result<(), ServiceError> {
    caller.require(FaqWrite)?;
    caller.within(tenant)?;
    if !store.faq_entries(tenant).await?.iter().any(|row| row.id == id) {
        return Err(ServiceError::NotFound("entry"));
    }
    audit::note(caller, store, tenant, "faq.delete", ("faq_entry", id)).await?;
    store.delete_faq_entry(tenant, id).await?;
    Ok(())
}

/// How a message would be answered, and why.
///
/// # Errors
/// [`ServiceError`]
pub fn try_out(caller: &Caller, (tenant, rules): (&TenantId, &Rules), text: &str) -> Result<Tried, ServiceError> {
    caller.require(FaqRead)?;
    caller.within(tenant)?;
    Ok(Tried { explanation: rules.explain_faq(text), entries: rules.source().faq.clone() })
}

/// The messages since then that no entry answered, alike ones together, the largest groups first.
///
/// # Errors
/// [`ServiceError`]
pub async fn unanswered(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    since: Timestamp,
) -> Result<Vec<UnansweredGroup>, ServiceError> {
    caller.require(FaqRead)?;
    caller.require(ContentRead)?;
    caller.within(tenant)?;
    audit::look(caller, store, tenant, "faq.unanswered", ("tenant", tenant.as_str())).await?;
    Ok(groups::grouped(store.unanswered(tenant, since, MOST_UNANSWERED).await?))
}

/// The rules of a tenant, when the caller sees it.
///
/// # Errors
/// [`ServiceError::UnknownTenant`]
pub fn rules_of(caller: &Caller, faq: &StoredFaq, tenant: &TenantId) -> Result<std::sync::Arc<Rules>, ServiceError> {
    caller.within(tenant)?;
    faq.of(tenant).ok_or(ServiceError::UnknownTenant)
}
