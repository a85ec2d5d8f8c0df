//! Every row, for those who check what was written (`palabre demo`). Reads whole tables: only for small databases.

use std::collections::BTreeMap;

use super::entity::{event_log, message_in, message_out};
use super::link::all;
use super::{Archive, StoreError, sql};

/// What the tables hold.
#[derive(Clone, Default)]
pub struct Census {
    /// `messages_in`, in the order of acceptance.
    pub inbound: Vec<message_in::Model>,
    /// `messages_out`, in the order of writing.
    pub outbound: Vec<message_out::Model>,
    /// `event_log`, in the order of time.
    pub events: Vec<event_log::Model>,
    /// `conversations`: their versions, by id.
    pub versions: BTreeMap<String, i64>,
    /// Every reference from one row to another.
    pub links: Vec<Link>,
}

/// A row that refers to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The table of the row.
    pub table: String,
    /// The row.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The table that it refers to.
    pub to_table: String,
    /// Whose the other row is; `None` when there is no such row.
    pub to_tenant: Option<String>,
}

impl Archive {
    /// Reads everything.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn census(&self) -> Result<Census, StoreError> {
        let mut census = Census {
            inbound: self.models(sql::ALL_INBOUND, []).await?,
            outbound: self.models(sql::ALL_OUTBOUND, []).await?,
            events: self.models(sql::ALL_EVENTS, []).await?,
            ..Census::default()
        };
        for row in all(&self.conn, sql::VERSIONS, []).await? {
            census.versions.insert(row.get(0)?, row.get(1)?);
        }
        for row in all(&self.conn, sql::LINKS, []).await? {
            census.links.push(Link {
                table: row.get(0)?,
                id: row.get(1)?,
                tenant: row.get(2)?,
                to_table: row.get(3)?,
                to_tenant: row.get(4)?,
            });
        }
        Ok(census)
    }
}
