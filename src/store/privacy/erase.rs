//! Erasure: what no sender has begun is called back, messages are blanked page by page, and one transaction deletes the rest.
//!
//! Every step may be repeated: the contact's own row goes last, so an erasure that was cut short begins again.

use std::collections::{BTreeMap, BTreeSet};

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{CorrelationId, OutboundId};
use palabre_actors::domain::status::Transition;
use palabre_actors::ports::Notification;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

use super::catalogue::{Blank, Erasure, PersonalTable, TABLES};
use super::person::DataSubject;
use crate::store::StoreError;
use crate::store::composed::{Params, execute, query};
use crate::store::database::Tx;
use crate::store::events::{self, EventReason, Events, OutboundRef};
use crate::store::operator::Operator;
use crate::store::silence::AddressKey;
use crate::store::statement::{Dialect, SqlExecutor, text, time};
use crate::store::values::Row;
use crate::store::writer::{QueueKey, unblock_heads};

/// Messages that one transaction blanks: a few milliseconds, so that webhooks do not wait for it.
pub(super) const PAGE: usize = 300;
/// Why a message that waited is not sent.
const REASON: &str = "erased";

/// What an erasure did, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErasureReport {
    /// Rows that were deleted or blanked, by table.
    pub rows: BTreeMap<String, u64>,
    /// Messages that were called back before a sender began them, and dead letters.
    pub cancelled_messages: u64,
    /// Bookings to come that were cancelled.
    pub cancelled_bookings: u64,
    /// Texts of others in which an address of the person stood.
    pub mentions: u64,
    /// Rows that stay for as long as the law asks, by table.
    pub held: BTreeMap<String, u64>,
    /// Lines of files in which something of the person stood.
    pub lines: u64,
    /// Contacts that were one person: their ids name nobody any more.
    pub contacts: BTreeSet<String>,
    /// Whether the person had said STOP, so that a hash of each address stays.
    pub keeps_silence: bool,
    /// Whether the database's file was written anew. `Some(false)`: it is too large for that beside a running daemon, or was in
    /// use.
    pub is_rewritten: Option<bool>,
}

impl ErasureReport {
    fn add(&mut self, table: &str, rows: u64) {
        if rows > 0 {
            *self.rows.entry(table.to_owned()).or_default() += rows;
        }
    }
}

impl Operator {
    /// Calls back what waits to be sent to the person, or tells others of them.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; what was called back stays so.
    pub async fn call_back(&self, person: &DataSubject, at: Timestamp) -> Result<u64, StoreError> {
        let ids: Vec<&str> = person.outbound.iter().chain(&person.about).map(String::as_str).collect();
        let mut cancelled = 0;
        for page in ids.chunks(PAGE) {
            let tx = self.begin().await?;
            cancelled += call_back_page(&tx, person, page, at).await?;
            tx.commit().await?;
        }
        let params = Params::default()
            .with("tenant", text(person.tenant.as_str()))
            .with("now", time(at))
            .with("reason", text(REASON))
            .with_list("ids", person.inbound.iter().map(String::as_str));
        let waiting = "UPDATE messages_in SET state = 'dead', reason = {reason}, processed_at = {now} \
            WHERE tenant_id = {tenant} AND id IN {ids} AND processed_at IS NULL";
        execute(self.writes(), waiting, &params).await?;
        if cancelled > 0 {
            self.notify_nodes(Notification::tenant(&person.tenant));
        }
        Ok(cancelled)
    }

    /// How many messages to the person are with a sender at the moment.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn being_sent(&self, person: &DataSubject, now: Timestamp) -> Result<u64, StoreError> {
        let ids = person.outbound.iter().chain(&person.about).map(String::as_str);
        let params =
            Params::default().with("tenant", text(person.tenant.as_str())).with("now", time(now)).with_list("ids", ids);
        let sql = "SELECT count(*) FROM messages_out WHERE tenant_id = {tenant} AND id IN {ids} AND state = 'sending' \
            AND lease_until >= {now}";
        let rows = query(self.reads(), sql, &params).await?;
        let sending: i64 = rows.first().map(|row| row.get(0)).transpose()?.unwrap_or_default();
        Ok(u64::try_from(sending).unwrap_or_default())
    }

    /// Blanks the person's messages, and what was told to others of them.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; what was blanked stays so.
    pub async fn blank_messages(&self, person: &DataSubject, report: &mut ErasureReport) -> Result<(), StoreError> {
        for (table, ids, blanks) in [
            ("messages_deleted", &person.inbound, Blanks::All),
            ("messages_in", &person.inbound, Blanks::All),
            ("messages_once", &person.inbound, Blanks::All),
            ("messages_out", &person.outbound, Blanks::All),
            ("messages_out", &person.about, Blanks::Words),
        ] {
            let Some(table) = table_of(table).filter(|table| is_here(table, self.writes())) else { continue };
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            for page in ids.chunks(PAGE) {
                let tx = self.begin().await?;
                report.add(table.name, blank_page(&tx, person, table, (page, blanks)).await?);
                tx.commit().await?;
            }
        }
        for (condition, ids) in [
            ("correlation_id IN {ids}", &person.flows),
            ("correlation_id IN {ids} AND entity_id IN {outbound}", &person.sent_flows),
        ] {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            for page in ids.chunks(PAGE) {
                let tx = self.begin().await?;
                blank_events(&tx, person, (condition, page)).await?;
                tx.commit().await?;
            }
        }
        self.blank_kept_ids(person, report).await
    }

    /// Ids of messages that retention deleted: WhatsApp's have the number in them.
    async fn blank_kept_ids(&self, person: &DataSubject, report: &mut ErasureReport) -> Result<(), StoreError> {
        let table = match self.writes().dialect() {
            Dialect::Sqlite => "messages_deleted",
            Dialect::Postgres => "messages_once",
        };
        let position = position(self.writes().dialect());
        for needle in person.id_needles() {
            let params =
                Params::default().with("tenant", text(person.tenant.as_str())).with("needle", text(needle.as_str()));
            let sql = format!(
                "UPDATE {table} SET provider_message_id = 'erased:' || id \
                WHERE tenant_id = {{tenant}} AND {position}(provider_message_id, {{needle}}) > 0"
            );
            report.add(table, execute(self.writes(), &sql, &params).await?);
        }
        Ok(())
    }

    /// Deletes the person: everything that is left of them, in one transaction. What stays is a hash of each address, where they
    /// had said STOP, and what the law wants kept.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn forget_person(
        &self,
        person: &DataSubject,
        report: &mut ErasureReport,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = AddressKey::of(self.reads(), self.writes()).await?;
        let mut without_marketing = Vec::new();
        for address in person.addresses() {
            if self.stopped_marketing(&person.tenant, &address).await? {
                without_marketing.push(address.identity());
            }
        }
        let tx = self.begin().await?;
        let params = person.params().with("now", time(at));
        let stop = "SELECT source, created_at FROM opt_outs WHERE tenant_id = {tenant} \
            AND (address IN {addresses} OR identity IN {identities}) ORDER BY created_at LIMIT 1";
        if let Some(row) = query(&tx, stop, &params).await?.first() {
            report.keeps_silence = true;
            for identity in person.identities() {
                keep_silence(&tx, &params, ("all", key.digest(&person.tenant, &identity).as_str()), row).await?;
            }
        }
        let stopped = "SELECT source, created_at FROM consents WHERE tenant_id = {tenant} AND scope = 'marketing' \
            AND what = 'opted_out' AND address IN {addresses} ORDER BY id DESC LIMIT 1";
        if !without_marketing.is_empty()
            && let Some(row) = query(&tx, stopped, &params).await?.first()
        {
            for identity in &without_marketing {
                keep_silence(&tx, &params, ("marketing", key.digest(&person.tenant, identity).as_str()), row).await?;
            }
        }
        let to_come = "UPDATE bookings SET state = 'cancelled', updated_at = {now} WHERE tenant_id = {tenant} \
            AND contact_id IN {contacts} AND state IN ('held', 'confirmed') AND starts_at > {now}";
        report.cancelled_bookings += execute(&tx, to_come, &params).await?;
        for table in TABLES.iter().filter(|table| is_here(table, &tx)) {
            forget_in(&tx, table, &params, report).await?;
        }
        tx.commit().await?;
        report.contacts.clone_from(&person.contacts);
        self.notify_nodes(Notification::tenant(&person.tenant));
        Ok(())
    }
}

/// Which columns are blanked.
#[derive(Clone, Copy)]
enum Blanks {
    All,
    /// Of rows that belong to others.
    Words,
}

pub(super) fn table_of(name: &str) -> Option<&'static PersonalTable> {
    TABLES.iter().find(|table| table.name == name)
}

pub(super) fn is_here(table: &PersonalTable, executor: &impl SqlExecutor) -> bool {
    table.only_in.is_none_or(|dialect| executor.dialect() == dialect)
}

async fn call_back_page(tx: &Tx, person: &DataSubject, ids: &[&str], at: Timestamp) -> Result<u64, DbErr> {
    let params = Params::default()
        .with("tenant", text(person.tenant.as_str()))
        .with("now", time(at))
        .with("reason", text(REASON))
        .with_list("ids", ids.iter().copied());
    let sql = "UPDATE messages_out SET state = 'cancelled', blocked_reason = NULL, last_error = {reason}, lease_owner = NULL, \
        lease_until = NULL, updated_at = {now} WHERE tenant_id = {tenant} AND id IN {ids} \
        AND (state IN ('pending', 'deferred', 'unknown', 'dead', 'failed') OR (state = 'sending' AND lease_until < {now})) RETURNING id, correlation_id, conversation_id";
    let rows = query(tx, sql, &params).await?;
    let mut events = Events::none();
    let mut queues: BTreeSet<QueueKey> = BTreeSet::new();
    for row in &rows {
        let reference = OutboundRef {
            tenant: &person.tenant,
            message: row.parse::<OutboundId>(0)?,
            correlation: row.parse::<CorrelationId>(1)?,
        };
        events.push(&events::outbound(reference, Transition::Cancel, EventReason::of(REASON), at));
        queues.insert((person.tenant.as_str().to_owned(), row.get(2)?));
    }
    unblock_heads(tx, &queues).await?;
    events.into_rows().insert(tx).await?;
    Ok(rows.len() as u64)
}

async fn blank_page(
    tx: &Tx,
    person: &DataSubject,
    table: &PersonalTable,
    (ids, blanks): (&[&str], Blanks),
) -> Result<u64, DbErr> {
    let params = Params::default().with("tenant", text(person.tenant.as_str())).with_list("ids", ids.iter().copied());
    let set = match blanks {
        Blanks::All => settings(table.blanks()),
        Blanks::Words => settings(table.blank_words()),
    };
    let sql = format!("UPDATE \"{}\" SET {set} WHERE tenant_id = {{tenant}} AND id IN {{ids}}", table.name);
    execute(tx, &sql, &params).await
}

/// Providers' ids in events: some are made from a phone number.
async fn blank_events(tx: &Tx, person: &DataSubject, (condition, ids): (&str, &[&str])) -> Result<(), DbErr> {
    let params = Params::default()
        .with("tenant", text(person.tenant.as_str()))
        .with_list("outbound", person.outbound.iter().map(String::as_str))
        .with_list("ids", ids.iter().copied());
    let without = match tx.dialect() {
        Dialect::Sqlite => "json_remove(payload, '$.provider_message_id')",
        Dialect::Postgres => "payload - 'provider_message_id'",
    };
    let has_one = match tx.dialect() {
        Dialect::Sqlite => "payload->>'$.provider_message_id' IS NOT NULL",
        Dialect::Postgres => "payload->>'provider_message_id' IS NOT NULL",
    };
    for table in ["event_log", "webhook_deliveries"] {
        let sql = format!(
            "UPDATE {table} SET payload = {without} WHERE {condition} AND tenant_id = {{tenant}} AND {has_one}"
        );
        execute(tx, &sql, &params).await?;
    }
    Ok(())
}

fn settings(blanks: impl Iterator<Item = (&'static str, Blank)>) -> String {
    let set = blanks.map(|(column, blank)| match blank {
        Blank::Null => format!("\"{column}\" = NULL"),
        Blank::Empty => format!("\"{column}\" = ''"),
        Blank::Mark => format!("\"{column}\" = 'erased:' || id"),
        Blank::Expired => format!("\"{column}\" = 'expired'"),
    });
    set.collect::<Vec<_>>().join(", ")
}

/// What the catalogue says of one table. Messages were blanked before, page by page.
async fn forget_in(tx: &Tx, table: &PersonalTable, params: &Params, report: &mut ErasureReport) -> Result<(), DbErr> {
    let (name, whose) = (table.name, table.whose);
    let theirs = format!("tenant_id = {{tenant}} AND ({whose})");
    match table.erasure {
        Erasure::Delete if name == "consents" => {
            // The ledger lets go of rows that name nobody.
            let set = settings(table.blanks());
            execute(tx, &format!("UPDATE consents SET {set} WHERE {theirs}"), params).await?;
            let forgotten = "DELETE FROM consents WHERE tenant_id = {tenant} AND address = ''";
            report.add(name, execute(tx, forgotten, params).await?);
        }
        Erasure::Delete => {
            report.add(name, execute(tx, &format!("DELETE FROM \"{name}\" WHERE {theirs}"), params).await?);
        }
        Erasure::Blank if !name.starts_with("messages_") => {
            let set = settings(table.blanks());
            report.add(name, execute(tx, &format!("UPDATE \"{name}\" SET {set} WHERE {theirs}"), params).await?);
        }
        Erasure::Hold => {
            let rows = query(tx, &format!("SELECT count(*) FROM \"{name}\" WHERE {theirs}"), params).await?;
            let held: i64 = rows.first().map(|row| row.get(0)).transpose()?.unwrap_or_default();
            if held > 0 {
                report.held.insert(name.to_owned(), u64::try_from(held).unwrap_or_default());
            }
        }
        Erasure::Blank | Erasure::Keep | Erasure::Index => {}
    }
    Ok(())
}

async fn keep_silence(tx: &Tx, params: &Params, (scope, digest): (&str, &str), said: &Row) -> Result<u64, DbErr> {
    let params = params
        .clone()
        .with("digest", text(digest))
        .with("scope", text(scope))
        .with("source", text(said.get::<String>(0)?))
        .with("said_at", time(said.time(1)?));
    let sql = "INSERT INTO erased_addresses (tenant_id, digest, scope, source, said_at, erased_at) \
        VALUES ({tenant}, {digest}, {scope}, {source}, {said_at}, {now}) ON CONFLICT (tenant_id, digest, scope) DO NOTHING";
    execute(tx, sql, &params).await
}

/// The function that tells where one text stands in another.
pub(super) fn position(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "instr",
        Dialect::Postgres => "strpos",
    }
}
