//! FAQ entries: those of the configuration and those of the table, trying them out, and what none of them answered.

mod columns;
mod groups;
mod problems;
mod table;
mod templates;
mod tried;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::{FaqEntry, Rules};

pub use self::groups::{UnansweredGroup, unanswered};
pub use self::problems::LineProblem;
pub use self::table::{Imported, add_template, export, import};
pub use self::templates::{TRADES, template};
pub use self::tried::{Tried, try_out};
use super::permissions::Permission::{FaqRead, FaqWrite};
use super::{Caller, ServiceError, Who, analytics, audit};
use crate::store::operator::Operator;
use crate::store::{FaqRow, StoredFaq, with_rows};

/// The longest question, and the longest answer, in bytes.
const LONGEST: usize = 8 * 1024;
/// Days over which it is counted how often an entry answered.
pub const COUNTED_DAYS: u64 = 30;

/// An entry, wherever it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    pub row: FaqRow,
    /// It stands in the tenant's file, and can be changed there alone.
    pub configured: bool,
    /// It is switched on, and answers nothing all the same, because it does not hold.
    pub broken: bool,
    /// It is the file's, and an entry of the table with the same question answers in its place.
    pub replaced: bool,
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

/// The entries of a tenant: those of its file first. `rules` are those of the file.
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
    let stored = store.faq_entries(tenant).await?;
    let (whole, left_out) = with_rows(rules, &stored);
    let answers =
        |entry: &FaqEntry| whole.as_ref().is_none_or(|whole| whole.source().faq.iter().any(|it| it.id == entry.id));
    let configured = rules.source().faq.iter().map(|entry| ListedEntry {
        row: row_of(tenant, entry, rules),
        configured: true,
        broken: false,
        replaced: !answers(entry),
    });
    let listed =
        |row: FaqRow| ListedEntry { broken: left_out.contains(&row.id), row, configured: false, replaced: false };
    let mut entries: Vec<ListedEntry> = configured.collect();
    entries.extend(stored.into_iter().map(listed));
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
        author: None,
    }
}

/// How often each entry answered in the last [`COUNTED_DAYS`] days, by the entries' ids.
///
/// # Errors
/// [`ServiceError`]
pub async fn answers(
    caller: &Caller,
    store: &Operator,
    (tenant, timezone): (&TenantId, Tz),
    (today, now): (NaiveDate, Timestamp),
) -> Result<BTreeMap<String, u64>, ServiceError> {
    caller.require(FaqRead)?;
    let days = analytics::days(caller, store, (tenant, timezone), (today, COUNTED_DAYS), now).await?;
    Ok(analytics::DayFigures::together(days.iter().map(|(_, figures)| figures)).answers)
}

/// The first of the days over which unanswered questions are grouped, unless somebody asks for others.
#[must_use]
pub fn counted_since(now: Timestamp) -> Timestamp {
    now.checked_sub_days(Days::new(COUNTED_DAYS)).unwrap_or(now)
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
    let row = checked(caller, (tenant, rules), entry, source_of(caller), at)?;
    audit::note(caller, store, tenant, "faq.put", ("faq_entry", &row.id)).await?;
    if !store.put_faq_entry(&row).await? {
        return Err(ServiceError::NotFound("entry"));
    }
    Ok(row)
}

/// How an entry came in that this caller wrote.
const fn source_of(caller: &Caller) -> &'static str {
    match caller.who {
        Who::User(_) => "console",
        Who::Key(_) => "api",
        Who::CommandLine => "hand",
    }
}

/// The row of an entry that holds.
fn checked(
    caller: &Caller,
    (tenant, rules): (&TenantId, &Rules),
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
        keywords.push(question.trim().to_owned());
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
        author: Some(caller.who.to_string()),
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

/// One entry of the table.
///
/// # Errors
/// [`ServiceError::NotFound`]
pub async fn entry(caller: &Caller, store: &Operator, tenant: &TenantId, id: &str) -> Result<FaqRow, ServiceError> {
    caller.require(FaqRead)?;
    caller.within(tenant)?;
    let rows = store.faq_entries(tenant).await?;
    rows.into_iter().find(|row| row.id == id).ok_or(ServiceError::NotFound("entry"))
}

/// Switches an entry of the table on or off.
///
/// # Errors
/// [`ServiceError::NotFound`]
pub async fn switch(
    caller: &Caller,
    store: &Operator,
    (tenant, id): (&TenantId, &str),
    enabled: bool,
    at: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(FaqWrite)?;
    let row = entry(caller, store, tenant, id).await?;
    let action = if enabled { "faq.enable" } else { "faq.disable" };
    audit::note(caller, store, tenant, action, ("faq_entry", id)).await?;
    store.put_faq_entry(&FaqRow { enabled, updated_at: at, ..row }).await?;
    Ok(())
}

/// Deletes an entry of the table.
///
/// # Errors
/// [`ServiceError::NotFound`]
pub async fn delete(caller: &Caller, store: &Operator, tenant: &TenantId, id: &str) -> Result<(), ServiceError> {
    caller.require(FaqWrite)?;
    entry(caller, store, tenant, id).await?;
    audit::note(caller, store, tenant, "faq.delete", ("faq_entry", id)).await?;
    store.delete_faq_entry(tenant, id).await?;
    Ok(())
}

/// The rules of a tenant as its file has them, when the caller sees it.
///
/// # Errors
/// [`ServiceError::UnknownTenant`]
pub fn rules_of(caller: &Caller, faq: &StoredFaq, tenant: &TenantId) -> Result<Arc<Rules>, ServiceError> {
    caller.within(tenant)?;
    faq.configured(tenant).ok_or(ServiceError::UnknownTenant)
}
