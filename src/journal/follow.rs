//! Writing journals: reads what was committed since each one's position, and appends it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use metrics::{counter, gauge};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{NodeId, TenantId};
use palabre_actors::ports::Clock;
use tracing::{info, warn};
use uuid::Uuid;

use super::{JournalFolder, JournalLine, day_of};
use crate::store::{JournalPosition, JournalRow, Store, StoreError};
use crate::telemetry::metrics as names;

/// How long a node has a journal after it last said so. A node that ended without a word is followed after it.
const LEASE: Duration = Duration::from_secs(15);
/// How often it says so, and keeps how far it is. After an end without a word so much is read again, and known by its ids.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// A journal that cannot be written is in the log so often.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// A tenant that has a journal.
#[derive(Clone, Debug)]
pub struct JournalTenant {
    pub tenant: TenantId,
    pub folder: JournalFolder,
    pub zone: chrono_tz::Tz,
    /// Whether lines show addresses and texts.
    pub reveal: bool,
}

/// Journals that cannot be written.
#[derive(Debug, Default)]
pub struct JournalsHealth(Mutex<BTreeMap<TenantId, StoppedJournal>>);

/// A journal that stands still.
#[derive(Clone, Debug)]
pub struct StoppedJournal {
    pub since: Timestamp,
    /// The kind of the operating system's error.
    pub reason: String,
}

impl JournalsHealth {
    /// Those that stand still now.
    #[must_use]
    pub fn failing(&self) -> BTreeMap<TenantId, StoppedJournal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, tenant: &TenantId, stopped: Option<StoppedJournal>) {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match stopped {
            Some(stopped) => {
                failing.entry(tenant.clone()).or_insert(stopped);
            }
            None => {
                failing.remove(tenant);
            }
        }
    }
}

/// A journal of this node.
struct Journal {
    tenant: JournalTenant,
    position: JournalPosition,
    /// Events that are in the files and may be read again. `None`: the files could not be read so far.
    written: Option<HashSet<Uuid>>,
}

/// The journals of an installation, as one node writes them.
pub struct Journals {
    tenants: Vec<JournalTenant>,
    store: Store,
    node: NodeId,
    clock: Arc<dyn Clock>,
    health: Arc<JournalsHealth>,
    own: BTreeMap<TenantId, Journal>,
    renewed: Option<Instant>,
    /// When it was last in the log that a journal cannot be written.
    said: BTreeMap<TenantId, Instant>,
}

impl std::fmt::Debug for Journals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journals").field("tenants", &self.tenants.len()).finish_non_exhaustive()
    }
}

impl Journals {
    #[must_use]
    pub fn new(
        tenants: Vec<JournalTenant>,
        (store, node): (Store, NodeId),
        clock: Arc<dyn Clock>,
        health: Arc<JournalsHealth>,
    ) -> Self {
        Self { tenants, store, node, clock, health, own: BTreeMap::new(), renewed: None, said: BTreeMap::new() }
    }

    /// Writes what was committed since the last step. Answers whether more is there already. What cannot be written to disk is
    /// said and tried again; it is no error.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, or is away.
    pub async fn step(&mut self) -> Result<bool, StoreError> {
        if self.renewed.is_none_or(|renewed| renewed.elapsed() >= RENEW_EVERY) {
            self.renew().await?;
        }
        // Journals that are equally far are read together: usually all of them.
        let mut groups: BTreeMap<JournalPosition, Vec<TenantId>> = BTreeMap::new();
        for (tenant, journal) in self.own.iter().filter(|(_, journal)| journal.written.is_some()) {
            groups.entry(journal.position.clone()).or_default().push(tenant.clone());
        }
        let mut has_more = false;
        for (position, tenants) in groups {
            let revealed = |tenant: &&TenantId| self.own.get(*tenant).is_some_and(|journal| journal.tenant.reveal);
            let revealed: Vec<TenantId> = tenants.iter().filter(revealed).cloned().collect();
            let page = self.store.journal_page(&position, (&tenants, &revealed), self.clock.now()).await?;
            let mut rows: BTreeMap<TenantId, Vec<JournalRow>> = BTreeMap::new();
            for row in page.rows {
                rows.entry(row.tenant.clone()).or_default().push(row);
            }
            for tenant in tenants {
                let rows = rows.remove(&tenant).unwrap_or_default();
                let behind = if page.has_more { rows.last().map(|row| row.created_at) } else { None };
                // One that stands still is not asked for more at once.
                has_more |= self.write(&tenant, rows, &page.next, behind).await && page.has_more;
            }
        }
        Ok(has_more)
    }

    /// Keeps how far the journals are, and lets other nodes have them at once.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn release(&mut self) -> Result<(), StoreError> {
        self.renew().await?;
        self.store.release_journals(&self.node).await
    }

    async fn renew(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let leased = self.lease(now).await?;
        self.own.retain(|tenant, _| leased.iter().any(|(own, _)| own == tenant));
        let mut has_begun = false;
        for (tenant, position) in leased {
            if self.own.contains_key(&tenant) {
                continue;
            }
            let Some(configured) = self.tenants.iter().find(|one| one.tenant == tenant).cloned() else { continue };
            let written = self.last_events(&configured).await;
            let position = match position {
                Some(position) => position,
                None => {
                    has_begun = true;
                    let last = written.as_ref().and_then(|written| written.iter().max().copied());
                    self.store.journal_start(last, now).await?
                }
            };
            info!(tenant.id = %tenant, "this node writes the journal");
            self.own.insert(tenant, Journal { tenant: configured, position, written });
        }
        let unread: Vec<JournalTenant> =
            self.own.values().filter(|own| own.written.is_none()).map(|own| own.tenant.clone()).collect();
        for tenant in unread {
            let written = self.last_events(&tenant).await;
            if let Some(journal) = self.own.get_mut(&tenant.tenant) {
                journal.written = written;
            }
        }
        if has_begun {
            // Where a journal begins is kept before anything is written.
            self.lease(now).await?;
        }
        self.renewed = Some(Instant::now());
        Ok(())
    }

    async fn lease(&self, now: Timestamp) -> Result<Vec<(TenantId, Option<JournalPosition>)>, StoreError> {
        let position = |one: &JournalTenant| self.own.get(&one.tenant).map(|own| own.position.clone());
        let journals: Vec<_> = self.tenants.iter().map(|one| (one.tenant.clone(), position(one))).collect();
        self.store.lease_journals(&journals, &self.node, (now, now + LEASE)).await
    }

    /// The events that stand at the ends of a journal's files. `None`: they cannot be read, which is said.
    async fn last_events(&mut self, tenant: &JournalTenant) -> Option<HashSet<Uuid>> {
        let folder = tenant.folder.clone();
        match blocking(move || folder.last_events()).await {
            Ok(written) => Some(written),
            Err(error) => {
                self.stands(&tenant.tenant, &error);
                None
            }
        }
    }

    /// Appends rows to the files of their days and moves the position, or says why not. Answers whether they are durable.
    async fn write(
        &mut self,
        tenant: &TenantId,
        rows: Vec<JournalRow>,
        next: &JournalPosition,
        behind: Option<Timestamp>,
    ) -> bool {
        let Some(Journal { tenant: configured, position, written: Some(written) }) = self.own.get_mut(tenant) else {
            return false;
        };
        let mut days: BTreeMap<NaiveDate, (Vec<u8>, Vec<Uuid>)> = BTreeMap::new();
        for row in rows.into_iter().filter(|row| !written.contains(&row.id)) {
            let (id, day) = (row.id, day_of(row.created_at, configured.zone));
            let (lines, ids) = days.entry(day).or_default();
            // Its fields are texts and times: that cannot fail.
            if serde_json::to_writer(&mut *lines, &JournalLine::of(row)).is_ok() {
                lines.push(b'\n');
                ids.push(id);
            }
        }
        for (day, (lines, ids)) in days {
            let folder = configured.folder.clone();
            if let Err(error) = blocking(move || folder.append(day, &lines)).await {
                self.stands(tenant, &error);
                return false;
            }
            counter!(names::JOURNAL_LINES, "tenant" => tenant.as_str().to_owned()).increment(ids.len() as u64);
            written.extend(ids);
        }
        *position = next.clone();
        match next.complete_before() {
            Some(complete) => written.retain(|id| *id >= complete),
            None => written.clear(),
        }
        if self.said.remove(tenant).is_some() {
            info!(tenant.id = %tenant, "the journal is written again");
        }
        self.health.note(tenant, None);
        let seconds = behind.map_or(0.0, |at| (self.clock.now() - at).as_seconds_f64().max(0.0));
        gauge!(names::JOURNAL_BEHIND_SECONDS, "tenant" => tenant.as_str().to_owned()).set(seconds);
        true
    }

    /// Notes that a journal cannot be written.
    fn stands(&mut self, tenant: &TenantId, error: &std::io::Error) {
        counter!(names::JOURNAL_FAILURES, "tenant" => tenant.as_str().to_owned()).increment(1);
        let now = self.clock.now();
        self.health.note(tenant, Some(StoppedJournal { since: now, reason: error.kind().to_string() }));
        let since = self.health.failing().get(tenant).map_or(now, |stopped| stopped.since);
        let seconds = (now - since).as_seconds_f64().max(0.0);
        gauge!(names::JOURNAL_BEHIND_SECONDS, "tenant" => tenant.as_str().to_owned()).set(seconds);
        if self.said.get(tenant).is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said.insert(tenant.clone(), Instant::now());
            warn!(
                tenant.id = %tenant,
                error = error as &dyn std::error::Error,
                "the journal cannot be written, it catches up when it can"
            );
        }
    }
}

/// Files are not touched on an asynchronous worker.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}
