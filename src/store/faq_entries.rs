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
    /// How it came in: `hand`, `api`, `console`, `import`, `template`.
    pub source: String,
    pub updated_at: Timestamp,
    /// Who wrote it last, as the audit log names them; none of a row that was inserted by hand.
    pub author: Option<String>,
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
            author: row.get(10)?,
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

/// So often at least the rows themselves are read: a change by hand may leave count, time and length as they were.
const READ_EVERY: u32 = 5;

/// Count, last change and length of a tenant's entries: what tells that they changed.
type Mark = (i64, String, i64);

#[derive(Debug)]
struct OfTenant {
    mark: Mark,
    rows: Vec<FaqRow>,
    /// The configuration's rules with the rows. `None`: no row holds.
    rules: Option<Arc<Rules>>,
}

/// The tenants' rules with their rows of `faq_entries`. Clones share it.
#[derive(Clone, Debug)]
pub struct StoredFaq(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    configured: RwLock<HashMap<TenantId, Arc<Rules>>>,
    stored: RwLock<HashMap<TenantId, OfTenant>>,
}

impl StoredFaq {
    /// Nothing stored yet, beside the configuration's rules.
    #[must_use]
    pub fn beside(configured: HashMap<TenantId, Arc<Rules>>) -> Self {
        Self(Arc::new(Shared { configured: RwLock::new(configured), stored: RwLock::default() }))
    }

    /// Another configuration counts from now on. Where a tenant's rules are others, its rows are put beside them at once.
    pub fn configure(&self, configured: HashMap<TenantId, Arc<Rules>>) {
        let mut stored = self.0.stored.write().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.0.configured.write().unwrap_or_else(PoisonError::into_inner);
        for (tenant, of) in &mut *stored {
            let (before, now) = (known.get(tenant), configured.get(tenant));
            if before.map(Arc::as_ptr) != now.map(Arc::as_ptr) {
                of.rules = now.and_then(|rules| with_rows(rules, &of.rows).0).map(Arc::new);
            }
        }
        *known = configured;
    }

    /// The rules of a tenant as its file has them, without rows; `None`: the configuration has no such tenant.
    #[must_use]
    pub fn configured(&self, tenant: &TenantId) -> Option<Arc<Rules>> {
        self.0.configured.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    /// Reads what changed, or everything.
    async fn refresh(&self, conn: &DatabasePool, everything: bool) -> Result<(), DbErr> {
        let mut marks: HashMap<TenantId, Mark> = HashMap::new();
        for row in all(conn, sql::FAQ_MARKS, []).await? {
            marks.insert(row.tenant(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
        }
        let stale: Vec<TenantId> = {
            let mut stored = self.0.stored.write().unwrap_or_else(PoisonError::into_inner);
            stored.retain(|tenant, _| marks.contains_key(tenant));
            let known = |tenant: &TenantId, mark: &Mark| {
                !everything && stored.get(tenant).is_some_and(|known| known.mark == *mark)
            };
            marks.iter().filter(|(tenant, mark)| !known(tenant, mark)).map(|(tenant, _)| tenant.clone()).collect()
        };
        for tenant in stale {
            let Some(mark) = marks.remove(&tenant) else { continue };
            let rows = all(conn, sql::FAQ_OF_TENANT, [text(tenant.as_str())]).await?;
            let rows: Vec<FaqRow> = rows.iter().map(FaqRow::of).collect::<Result<_, _>>()?;
            if self.has(&tenant, &rows) {
                continue;
            }
            // Locked before the rules are looked up: a configuration that comes meanwhile finds these rows.
            let mut stored = self.0.stored.write().unwrap_or_else(PoisonError::into_inner);
            let (rules, left_out) = match self.configured(&tenant) {
                Some(configured) => with_rows(&configured, &rows),
                None => (None, Vec::new()),
            };
            for id in left_out {
                tracing::warn!(faq_entry.id = id, "a row of faq_entries does not hold, and answers nothing");
            }
            stored.insert(tenant, OfTenant { mark, rows, rules: rules.map(Arc::new) });
        }
        Ok(())
    }

    fn has(&self, tenant: &TenantId, rows: &[FaqRow]) -> bool {
        let stored = self.0.stored.read().unwrap_or_else(PoisonError::into_inner);
        stored.get(tenant).is_some_and(|known| known.rows == rows)
    }
}

impl RulesBook for StoredFaq {
    fn rules(&self, tenant: &TenantId) -> Option<Arc<Rules>> {
        let stored = self.0.stored.read().unwrap_or_else(PoisonError::into_inner);
        stored.get(tenant)?.rules.clone()
    }
}

/// The rules with the rows that answer and hold, and the ids of those that do not (a broken template, a concept that nobody
/// knows). No rules: no row is left.
#[must_use]
pub fn with_rows(configured: &Rules, rows: &[FaqRow]) -> (Option<Rules>, Vec<String>) {
    let mut rows: BTreeMap<usize, FaqEntry> =
        rows.iter().filter(|row| row.enabled).map(FaqRow::entry).enumerate().collect();
    let mut left_out = Vec::new();
    while !rows.is_empty() {
        let places: Vec<usize> = rows.keys().copied().collect();
        let entries: Vec<FaqEntry> = rows.values().cloned().collect();
        let first = configured.entries_beside(&entries).count();
        let errors = match configured.with_entries(entries) {
            Ok(rules) => return (Some(rules), left_out),
            Err(errors) => errors,
        };
        let before = rows.len();
        for error in errors {
            let place = error.field.strip_prefix("faq[").and_then(|rest| rest.split(']').next());
            let place = place.and_then(|place| place.parse::<usize>().ok());
            let Some(place) = place.and_then(|place| places.get(place.checked_sub(first)?)) else { continue };
            left_out.extend(rows.remove(place).map(|entry| entry.id));
        }
        if rows.len() == before {
            left_out.extend(rows.into_values().map(|entry| entry.id));
            break;
        }
    }
    (None, left_out)
}

impl Store {
    /// Reads `faq_entries` now, and again and again for as long as `stored` lives.
    ///
    /// # Errors
    /// [`StoreError`]: the table cannot be read.
    pub async fn keep_faq_fresh(&self, stored: &StoredFaq) -> Result<(), StoreError> {
        stored.refresh(&self.0.reads, true).await?;
        tokio::spawn(follow(self.0.reads.clone(), Arc::downgrade(&stored.0)));
        Ok(())
    }
}

async fn follow(conn: DatabasePool, stored: Weak<Shared>) {
    let (mut failing, mut looks) = (false, 0_u32);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(stored) = stored.upgrade().map(StoredFaq) else { return };
        looks = looks.wrapping_add(1);
        match stored.refresh(&conn, looks.is_multiple_of(READ_EVERY)).await {
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
