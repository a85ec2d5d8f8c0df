//! The audit log: a chain of rows for each tenant, each with a hash that covers it and the one before.
//!
//! Rows name people and things by ids alone, so that nobody's erasure breaks a chain. Retention deletes rows at the beginning of
//! a chain and keeps the hash before the first that is left, so that the rest can still be verified.

mod looks;
mod sql;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::event::Payload;
use palabre_actors::domain::ids::{CorrelationId, TenantId};
use sea_orm::DbErr;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub(super) use self::looks::RecentLooks;
use super::StoreError;
use super::database::Tx;
use super::operator::{LAST_ID, Operator, Tenants};
use super::statement::{all, change, column, count, id, integer, list, text, text_or_null, time, time_or_null};
use super::values::{Row, time_text};

/// Rows that are verified, or deleted, at once.
const PAGE_ROWS: usize = 1_000;

/// What somebody did.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// `None`: it concerns the installation.
    pub tenant: Option<TenantId>,
    /// `user:…`, `key:…` or `command-line`.
    pub actor: String,
    /// `outbox.replay`, `session.begin`, …
    pub action: Cow<'static, str>,
    pub entity_type: Cow<'static, str>,
    /// An id, never an address or a text (I10).
    pub entity_id: String,
    pub correlation: CorrelationId,
    pub at: Timestamp,
    /// Details, free of personal data.
    pub metadata: Payload,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    pub id: Uuid,
    /// `None`: the installation.
    pub tenant: Option<TenantId>,
    /// Its place in the tenant's chain, from 1 on.
    pub position: i64,
    pub actor: String,
    pub action: String,
    pub entity_type: String,
    pub entity_id: String,
    pub correlation: CorrelationId,
    pub at: Timestamp,
    /// JSON.
    pub metadata: String,
    /// Hexadecimal.
    pub hash: String,
}

/// Which rows are meant.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub actor: Option<String>,
    /// An action (`outbox.replay`), or the word before its dot (`outbox`).
    pub action: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Older than this row.
    pub before: Option<Uuid>,
}

/// The end of a chain, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// `None`: the installation's.
    pub tenant: Option<TenantId>,
    pub position: i64,
    pub hash: String,
    /// The first position that retention has left.
    pub kept_from: i64,
    /// The hash before it.
    pub kept_after: String,
}

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// The row at this position is not the one that was written.
    Changed(i64),
    /// There is no row at this position.
    Missing(i64),
    /// The chain ends elsewhere than its head says.
    Head,
}

/// What a verification found in one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditVerdict {
    pub head: AuditHead,
    /// How many rows were read.
    pub rows: u64,
    pub fault: Option<AuditFault>,
    /// Whether a hash that was asked for stands in the chain; `None`: it was not asked for.
    pub has_hash: Option<bool>,
}

impl Operator {
    /// Appends rows, each to the chain of its tenant, all or none.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn append_audit(&self, mut entries: Vec<AuditEntry>) -> Result<(), StoreError> {
        // One order of tenants for all: two that lock the same heads do not wait for each other for ever.
        entries.sort_by(|one, other| one.tenant.cmp(&other.tenant));
        let tx = self.begin().await?;
        for chain in entries.chunk_by(|one, other| one.tenant == other.tenant) {
            append(&tx, chain).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Rows of these tenants that fit, the newest first; with `installation`, those of no tenant as well.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn audit(
        &self,
        (tenants, installation): (&Tenants, bool),
        filter: &AuditFilter,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let mut chains = self.ids_of(tenants).await?;
        if installation {
            chains.push(String::new());
        }
        let values = [
            column(chains),
            text_or_null(filter.actor.as_deref()),
            text_or_null(filter.action.as_deref()),
            time_or_null(filter.since),
            time_or_null(filter.until),
            filter.before.map_or_else(|| text(LAST_ID), id),
            count(limit),
        ];
        let rows = all(self.reads(), sql::LIST, values).await?;
        Ok(rows.iter().map(AuditRow::read).collect::<Result<_, DbErr>>()?)
    }

    /// The ends of all chains.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn audit_heads(&self) -> Result<Vec<AuditHead>, StoreError> {
        let rows = all(self.reads(), sql::HEADS, []).await?;
        let head = |row: &Row| {
            Ok(AuditHead {
                tenant: tenant_of(&row.get::<String>(0)?),
                position: row.get(1)?,
                hash: row.get(2)?,
                kept_from: row.get(3)?,
                kept_after: row.get(4)?,
            })
        };
        Ok(rows.iter().map(head).collect::<Result<_, DbErr>>()?)
    }

    /// Reads a chain from its beginning to its end, and says whether each row is the one that was written. `hash` is one that
    /// was noted elsewhere, such as in the log of an earlier day.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn verify_audit(&self, head: AuditHead, hash: Option<&str>) -> Result<AuditVerdict, StoreError> {
        let mut reading = Reading { at: head.kept_from - 1, before: head.kept_after.clone(), rows: 0 };
        let mut has_hash = hash.map(|hash| hash == head.kept_after);
        let verdict = |rows, fault, has_hash| AuditVerdict { head: head.clone(), rows, fault, has_hash };
        loop {
            let values = [text(chain_word(head.tenant.as_ref())), integer(reading.at), count(PAGE_ROWS)];
            let rows = all(self.reads(), sql::CHAIN, values).await?;
            for row in &rows {
                let row = AuditRow::read(row)?;
                // Rows that were appended since the head was read are not its business.
                if row.position > head.position {
                    break;
                }
                if let Some(fault) = reading.fault(&row) {
                    return Ok(verdict(reading.rows, Some(fault), has_hash));
                }
                has_hash = has_hash.map(|has| has || hash == Some(row.hash.as_str()));
            }
            if rows.len() < PAGE_ROWS || reading.at >= head.position {
                break;
            }
        }
        let fault = match (reading.at, &reading.before) {
            (at, _) if at < head.position => Some(AuditFault::Missing(at + 1)),
            (_, hash) if *hash != head.hash => Some(AuditFault::Head),
            _ => None,
        };
        Ok(verdict(reading.rows, fault, has_hash))
    }

    /// Deletes rows that are older, in their order from the beginning of each chain. The last row of a chain stays. Returns how
    /// many were deleted.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn forget_audit(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for head in self.audit_heads().await? {
            while let Some(rows) = self.forget_page(&head, before).await? {
                deleted += rows;
            }
        }
        Ok(deleted)
    }

    async fn forget_page(&self, head: &AuditHead, before: Timestamp) -> Result<Option<u64>, StoreError> {
        let chain = || text(chain_word(head.tenant.as_ref()));
        let tx = self.begin().await?;
        all(&tx, sql::LOCK_HEAD, [chain()]).await?;
        let rows = all(&tx, sql::OLD, [chain(), time(before), count(PAGE_ROWS)]).await?;
        let last: Option<i64> = rows.first().map(|row| row.get(0)).transpose()?.flatten();
        let Some(last) = last.map(|last| last.min(head.position - 1)).filter(|last| *last >= head.kept_from) else {
            return Ok(None);
        };
        let rows = all(&tx, sql::HASH_AT, [chain(), integer(last)]).await?;
        let Some(hash) = rows.first().map(|row| row.get::<String>(0)).transpose()? else { return Ok(None) };
        let deleted = change(&tx, sql::FORGET, [chain(), integer(last)]).await?;
        change(&tx, sql::KEEP_FROM, [chain(), integer(last + 1), text(hash)]).await?;
        tx.commit().await?;
        Ok((deleted > 0).then_some(deleted))
    }
}

/// Appends rows of one tenant.
async fn append(tx: &Tx, entries: &[AuditEntry]) -> Result<(), DbErr> {
    let Some(tenant) = entries.first().map(|entry| entry.tenant.as_ref()) else { return Ok(()) };
    let chain = chain_word(tenant);
    all(tx, sql::MAKE_HEAD, [text(chain)]).await?;
    let rows = all(tx, sql::LOCK_HEAD, [text(chain)]).await?;
    let (mut position, mut hash) = match rows.first() {
        Some(row) => (row.get::<i64>(0)?, row.get::<String>(1)?),
        None => (0, String::new()),
    };
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        position += 1;
        let row = AuditRow {
            id: Uuid::now_v7(),
            tenant: entry.tenant.clone(),
            position,
            actor: entry.actor.clone(),
            action: entry.action.clone().into_owned(),
            entity_type: entry.entity_type.clone().into_owned(),
            entity_id: entry.entity_id.clone(),
            correlation: entry.correlation,
            at: entry.at,
            metadata: entry.metadata.as_json().to_owned(),
            hash: String::new(),
        };
        hash = row.hash_after(&hash);
        rows.push(AuditRow { hash: hash.clone(), ..row });
    }
    let cells = rows.into_iter().map(|row| {
        [
            id(row.id),
            text(chain),
            integer(row.position),
            text(row.actor),
            text(row.action),
            text(row.entity_type),
            text(row.entity_id),
            id(row.correlation),
            time(row.at),
            text(row.metadata),
            text(row.hash),
        ]
    });
    change(tx, sql::APPEND, [list(cells)]).await?;
    change(tx, sql::SET_HEAD, [text(chain), integer(position), text(hash)]).await?;
    Ok(())
}

/// How far a chain was read.
struct Reading {
    at: i64,
    /// The hash of the row there.
    before: String,
    rows: u64,
}

impl Reading {
    /// Goes on to the next row, unless something is wrong with it.
    fn fault(&mut self, row: &AuditRow) -> Option<AuditFault> {
        if row.position != self.at + 1 {
            return Some(AuditFault::Missing(self.at + 1));
        }
        if row.hash != row.hash_after(&self.before) {
            return Some(AuditFault::Changed(row.position));
        }
        self.at = row.position;
        self.before.clone_from(&row.hash);
        self.rows += 1;
        None
    }
}

impl AuditRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            tenant: tenant_of(&row.get::<String>(1)?),
            position: row.get(2)?,
            actor: row.get(3)?,
            action: row.get(4)?,
            entity_type: row.get(5)?,
            entity_id: row.get(6)?,
            correlation: row.parse(7)?,
            at: row.time(8)?,
            metadata: row.get(9)?,
            hash: row.get(10)?,
        })
    }

    /// SHA-256 over the hash before and every column, each with its length before it: no two rows are the same bytes.
    fn hash_after(&self, before: &str) -> String {
        let mut hasher = Sha256::new();
        let (id, correlation) = (self.id.to_string(), self.correlation.to_string());
        let (position, at) = (self.position.to_string(), time_text(self.at));
        for part in [
            before,
            &id,
            chain_word(self.tenant.as_ref()),
            &position,
            &self.actor,
            &self.action,
            &self.entity_type,
            &self.entity_id,
            &correlation,
            &at,
            &self.metadata,
        ] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.finalize().iter().fold(String::with_capacity(64), |mut hash, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hash, "{byte:02x}");
            hash
        })
    }
}

fn chain_word(tenant: Option<&TenantId>) -> &str {
    tenant.map_or("", TenantId::as_str)
}

fn tenant_of(word: &str) -> Option<TenantId> {
    (!word.is_empty()).then(|| TenantId::new(word))
}
