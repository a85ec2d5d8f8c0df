//! Cache of `faq_entries`: a row counts within seconds, however it came into the table.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::{FaqEntry, Rules, RulesBook};
use sea_orm::DbErr;

use super::database::DatabasePool;
use super::statement::{all, text};
use super::values::Row;
use super::{Store, StoreError, sql};

/// How often it is asked whether the table changed: one row a tenant that has entries.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A row of `faq_entries`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaqRow {
    pub id: String,
    pub tenant: TenantId,
    pub question: String,
    pub keywords: Vec<String>,
    /// Concepts of the lexicon.
    pub about: Vec<String>,
    pub answer: String,
    /// `fr`, `en`, or none.
    pub language: Option<String>,
    /// Whether it answers.
    pub enabled: bool,
    /// How it came in: `hand`, `api`, `import`.
    pub source: String,
    pub updated_at: Timestamp,
}

impl FaqRow {
    pub(super) fn of(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.tenant(1)?,
            question: row.get(2)?,
            keywords: phrases(&row.get::<String>(3)?),
            about: phrases(&row.get::<String>(4)?),
            answer: row.get(5)?,
            language: row.get(6)?,
            enabled: row.get(7)?,
            source: row.get(8)?,
            updated_at: row.time(9)?,
        })
    }

    /// As rules have it.
    #[must_use]
    pub fn entry(&self) -> FaqEntry {
        let Self { id, question, keywords, about, answer, .. } = self.clone();
        FaqEntry { id, question, keywords, about, answer, template: None }
    }
}

/// Words and phrases as people write them into one cell: a line each, or between commas or semicolons.
pub(crate) fn phrases(text: &str) -> Vec<String> {
    let phrases = text.split(['\n', ',', ';', '|']).map(str::trim).filter(|phrase| !phrase.is_empty());
    phrases.map(str::to_owned).collect()
}

/// Count, last change and length of a tenant's entries: what tells that they changed.
type Mark = (i64, String, i64);

#[derive(Debug)]
struct OfTenant {
    mark: Mark,
    /// The configuration's rules with the rows. `None`: no row holds.
    rules: Option<Arc<Rules>>,
}

/// The tenants' rules with their rows of `faq_entries`. Clones share it.
#[derive(Clone, Debug)]
pub struct StoredFaq(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    configured: HashMap<TenantId, Arc<Rules>>,
    stored: RwLock<HashMap<TenantId, OfTenant>>,
}

impl StoredFaq {
    /// Nothing stored yet, beside the configuration's rules.
    #[must_use]
    pub fn beside(configured: HashMap<TenantId, Arc<Rules>>) -> Self {
        Self(Arc::new(Shared { configured, stored: RwLock::default() }))
    }

    /// The rules of a tenant, with its rows or without any; `None`: the configuration has no such tenant.
    #[must_use]
    pub fn of(&self, tenant: &TenantId) -> Option<Arc<Rules>> {
        self.rules(tenant).or_else(|| self.0.configured.get(tenant).cloned())
    }

    async fn refresh(&self, conn: &DatabasePool) -> Result<(), DbErr> {
        let mut marks: HashMap<TenantId, Mark> = HashMap::new();
        for row in all(conn, sql::FAQ_MARKS, []).await? {
            marks.insert(row.tenant(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
        }
        let stale: Vec<TenantId> = {
            let mut stored = self.0.stored.write().unwrap_or_else(PoisonError::into_inner);
            stored.retain(|tenant, _| marks.contains_key(tenant));
            let known = |tenant: &TenantId, mark: &Mark| stored.get(tenant).is_some_and(|known| known.mark == *mark);
            marks.iter().filter(|(tenant, mark)| !known(tenant, mark)).map(|(tenant, _)| tenant.clone()).collect()
        };
        for tenant in stale {
            let Some(mark) = marks.remove(&tenant) else { continue };
            let rows = all(conn, sql::FAQ_OF_TENANT, [text(tenant.as_str())]).await?;
            let rows: Vec<FaqRow> = rows.iter().map(FaqRow::of).collect::<Result<_, _>>()?;
            let configured = self.0.configured.get(&tenant);
            let rules = configured.and_then(|configured| with_rows(configured, &rows)).map(Arc::new);
            self.0.stored.write().unwrap_or_else(PoisonError::into_inner).insert(tenant, OfTenant { mark, rules });
        }
        Ok(())
    }
}

impl RulesBook for StoredFaq {
    fn rules(&self, tenant: &TenantId) -> Option<Arc<Rules>> {
        let stored = self.0.stored.read().unwrap_or_else(PoisonError::into_inner);
        stored.get(tenant)?.rules.clone()
    }
}

/// The rules with the rows that hold. One that does not (a broken template, a concept that nobody knows) is left out, and
/// logged by its id.
fn with_rows(configured: &Rules, rows: &[FaqRow]) -> Option<Rules> {
    let first = configured.source().faq.len();
    let mut rows: BTreeMap<usize, FaqEntry> =
        rows.iter().filter(|row| row.enabled).map(FaqRow::entry).enumerate().collect();
    while !rows.is_empty() {
        let places: Vec<usize> = rows.keys().copied().collect();
        match configured.with_entries(rows.values().cloned().collect()) {
            Ok(rules) => return Some(rules),
            Err(errors) => {
                let before = rows.len();
                for error in errors {
                    let place = error.field.strip_prefix("faq[").and_then(|rest| rest.split(']').next());
                    let place = place.and_then(|place| place.parse::<usize>().ok());
                    let Some(place) = place.and_then(|place| places.get(place.checked_sub(first)?)) else { continue };
                    if let Some(left_out) = rows.remove(place) {
                        tracing::warn!(
                            faq_entry.id = left_out.id,
                            "a row of faq_entries does not hold, and answers nothing"
                        );
                    }
                }
                if rows.len() == before {
                    return None;
                }
            }
        }
    }
    None
}

impl Store {
    /// Reads `faq_entries` now, and again and again for as long as `stored` lives.
    ///
    /// # Errors
    /// [`StoreError`]: the table cannot be read.
    pub async fn keep_faq_fresh(&self, stored: &StoredFaq) -> Result<(), StoreError> {
        stored.refresh(&self.0.reads).await?;
        tokio::spawn(follow(self.0.reads.clone(), Arc::downgrade(&stored.0)));
        Ok(())
    }
}

async fn follow(conn: DatabasePool, stored: Weak<Shared>) {
    let mut failing = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(stored) = stored.upgrade().map(StoredFaq) else { return };
        match stored.refresh(&conn).await {
            Ok(()) => failing = false,
            Err(DbErr::ConnectionAcquire(_)) => return,
            Err(error) => {
                // Logged once for each outage; the entries known so far stay in force.
                if !failing {
                    tracing::warn!(error = %error, "faq_entries cannot be read");
                }
                failing = true;
            }
        }
    }
}
