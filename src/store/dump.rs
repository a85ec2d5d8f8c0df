//! Dump of every row, for checks (`palabre demo`).
//!
//! It reads whole tables: only for small databases.

use std::collections::BTreeMap;

use super::entity::{event_log, message_in, message_out};
use super::statement::all;
use super::{HistoryReader, StoreError, sql};

#[derive(Clone, Default)]
pub struct Dump {
    /// `messages_in`, in the order of acceptance.
    pub inbound: Vec<message_in::Model>,
    /// `messages_out`, in the order of writing.
    pub outbound: Vec<message_out::Model>,
    /// `event_log`, in the order of time.
    pub events: Vec<event_log::Model>,
    /// `conversations`: their versions, by id.
    pub versions: BTreeMap<String, i64>,
    /// Every reference from one row to another.
    pub references: Vec<RowReference>,
}

/// A reference from a row to another row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowReference {
    pub table: String,
    pub id: String,
    /// The tenant of the row.
    pub tenant: String,
    pub to_table: String,
    /// The tenant of the other row; `None` when there is no such row.
    pub to_tenant: Option<String>,
}

impl HistoryReader {
    /// Reads every row.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn dump(&self) -> Result<Dump, StoreError> {
        let mut dump = Dump {
            inbound: self.models(sql::ALL_INBOUND, []).await?,
            outbound: self.models(sql::ALL_OUTBOUND, []).await?,
            events: self.models(sql::ALL_EVENTS, []).await?,
            ..Dump::default()
        };
        for row in all(&self.conn, sql::VERSIONS, []).await? {
            dump.versions.insert(row.get(0)?, row.get(1)?);
        }
        for row in all(&self.conn, sql::LINKS, []).await? {
            dump.references.push(RowReference {
                table: row.get(0)?,
                id: row.get(1)?,
                tenant: row.get(2)?,
                to_table: row.get(3)?,
                to_tenant: row.get(4)?,
            });
        }
        Ok(dump)
    }
}
