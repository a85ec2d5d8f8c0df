//! The inbox of a tenant: who waits for a person, what was said last, what happened to a conversation.

use std::collections::BTreeMap;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::conversation::{ConversationStatus, Handler};
use palabre_actors::domain::ids::{ChannelId, ConversationId, TenantId};
use palabre_actors::domain::message::Details;
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql::inbox as sql;
use super::{AssignedTo, ConversationRow, MessageRow};
use crate::store::StoreError;
use crate::store::operator::{LAST_ID, Operator, endless};
use crate::store::search::sql as index;
use crate::store::statement::{Value, all, change, column, count, flag, id, text, text_or_null, time, time_or_null};
use crate::store::values::{Row, corrupt};

/// A conversation as the inbox lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct InboxRow {
    pub conversation: ConversationRow,
    /// Since when the contact waits for a person.
    pub waiting_since: Option<Timestamp>,
    /// Somebody put it aside until then.
    pub snoozed_until: Option<Timestamp>,
    snoozed_at: Option<Timestamp>,
    pub labels: Vec<String>,
}

/// Which conversations of one tenant.
#[derive(Clone, Debug)]
pub struct InboxFilter {
    pub tenant: TenantId,
    pub status: Option<ConversationStatus>,
    pub handler: Option<Handler>,
    pub channel: Option<ChannelId>,
    pub assignee: Option<AssignedTo>,
    /// Beside the assignee's: those who wait for a person, and are nobody's yet.
    pub or_nobodys: bool,
    pub label: Option<String>,
    /// Those that are blocked and no others; otherwise none of them.
    pub is_blocked: bool,
    pub now: Timestamp,
}

/// Which part of one of the inbox's lists: after a row of it.
#[derive(Clone, Copy, Debug)]
pub struct InboxPage {
    pub after: Option<(Timestamp, ConversationId)>,
    pub limit: usize,
}

/// How many wait for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxCounts {
    pub waiting: i64,
    /// Those of them that are one person's to answer, or anybody's.
    pub mine: i64,
}

/// What happened to a message or a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageEventRow {
    pub event_type: String,
    pub entity: Option<Uuid>,
    pub actor_type: String,
    pub payload: serde_json::Value,
    pub at: Timestamp,
}

impl InboxRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let labels: Option<String> = row.get(18)?;
        Ok(Self {
            conversation: ConversationRow::read(row)?,
            waiting_since: row.time_or_null(15)?,
            snoozed_until: row.time_or_null(16)?,
            snoozed_at: row.time_or_null(17)?,
            labels: labels.unwrap_or_default().lines().map(ToOwned::to_owned).collect(),
        })
    }

    /// Whether it is put aside, and the contact has not written since.
    #[must_use]
    pub fn is_snoozed(&self, now: Timestamp) -> bool {
        self.snoozed_until.is_some_and(|until| until > now)
            && self.snoozed_at.is_some_and(|at| self.conversation.last_inbound_at.is_none_or(|last| last <= at))
    }

    /// Whether somebody at the other end waits for a person.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        self.waiting_since.filter(|_| !self.is_snoozed(now))
    }
}

impl InboxFilter {
    fn values(&self) -> Vec<Value> {
        let assignee = self.assignee.as_ref().map(|assignee| match assignee {
            AssignedTo::Nobody => "",
            AssignedTo::Person(name) => name,
        });
        vec![
            text(self.tenant.as_str()),
            text_or_null(self.status.map(ConversationStatus::as_str)),
            text_or_null(self.channel.as_ref().map(ChannelId::as_str)),
            text_or_null(assignee),
            text_or_null(self.handler.map(Handler::as_str)),
            text_or_null(self.label.as_deref()),
            time(self.now),
        ]
    }
}

impl Operator {
    /// Conversations whose contacts wait for a person, the longest wait first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn inbox_waiting(&self, filter: &InboxFilter, page: InboxPage) -> Result<Vec<InboxRow>, StoreError> {
        let (at, after) = page.after.map_or((Timestamp::UNIX_EPOCH, String::new()), |(at, id)| (at, id.to_string()));
        let mut values = filter.values();
        values.extend([time(at), text(after), count(page.limit), flag(filter.or_nobodys), flag(filter.is_blocked)]);
        self.inbox_rows(sql::WAITING, values).await
    }

    /// The other conversations, those with the newest messages first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn inbox_others(&self, filter: &InboxFilter, page: InboxPage) -> Result<Vec<InboxRow>, StoreError> {
        let (at, before) = page.after.map_or_else(|| (endless(), LAST_ID.to_owned()), |(at, id)| (at, id.to_string()));
        let mut values = filter.values();
        values.extend([time(at), text(before), count(page.limit), flag(filter.or_nobodys), flag(filter.is_blocked)]);
        self.inbox_rows(sql::OTHERS, values).await
    }

    /// One conversation as the inbox lists it. `None`: the tenant has no such conversation.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn inbox_row(&self, tenant: &TenantId, of: ConversationId) -> Result<Option<InboxRow>, StoreError> {
        Ok(self.inbox_rows(sql::ONE, vec![text(tenant.as_str()), id(of)]).await?.into_iter().next())
    }

    async fn inbox_rows(
        &self,
        sql: crate::store::statement::SqlText,
        values: Vec<Value>,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let rows = all(self.reads(), sql, values).await?;
        Ok(rows.iter().map(InboxRow::read).collect::<Result<_, _>>()?)
    }

    /// How many of a tenant's contacts wait for a person, and for this person.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn inbox_counts(&self, tenant: &TenantId, me: &str, now: Timestamp) -> Result<InboxCounts, StoreError> {
        let rows = all(self.reads(), sql::COUNTS, [text(tenant.as_str()), text(me), time(now)]).await?;
        let Some(row) = rows.first() else { return Ok(InboxCounts::default()) };
        Ok(InboxCounts { waiting: row.get(0)?, mine: row.get(1)? })
    }

    /// The same of each of these tenants in which anybody waits.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn inbox_counts_of_tenants(
        &self,
        tenants: &[&TenantId],
        me: &str,
        now: Timestamp,
    ) -> Result<BTreeMap<TenantId, InboxCounts>, StoreError> {
        let rows = all(self.reads(), sql::COUNTS_OF_TENANTS, [column(tenants), text(me), time(now)]).await?;
        let read = |row: &Row| {
            let tenant = TenantId::new(&row.get::<String>(0)?);
            Ok((tenant, InboxCounts { waiting: row.get(1)?, mine: row.get(2)? }))
        };
        Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
    }

    /// The newest message of each of these conversations of a tenant.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn newest_messages(
        &self,
        tenant: &TenantId,
        conversations: &[ConversationId],
    ) -> Result<BTreeMap<Uuid, MessageRow>, StoreError> {
        let mut newest: BTreeMap<String, (String, bool)> = BTreeMap::new();
        let mut take = |conversation: String, message: String, is_outbound: bool| {
            let known = newest.get(&conversation).is_some_and(|(known, _)| *known >= message);
            if !known {
                newest.insert(conversation, (message, is_outbound));
            }
        };
        // The position first: what the index gets afterwards is found in both.
        let mut tail = ("0".to_owned(), "0".to_owned());
        if let Some(search) = self.index() {
            if let Some(row) = all(search, index::POSITIONS, []).await?.first() {
                tail = (row.get(3)?, row.get(4)?);
            }
            for row in all(search, sql::NEWEST_INDEXED, [column(conversations)]).await? {
                take(row.get(0)?, row.get(1)?, row.get(2)?);
            }
        }
        for (sql, from, is_outbound) in [(sql::NEWEST_INBOUND, tail.0, false), (sql::NEWEST_OUTBOUND, tail.1, true)] {
            for row in all(self.reads(), sql, [text(from), column(conversations)]).await? {
                take(row.get(0)?, row.get(1)?, is_outbound);
            }
        }
        let ids: BTreeMap<String, bool> = newest.into_values().collect();
        let messages = self.messages(&column([tenant.as_str()]), &ids).await?;
        Ok(messages.into_iter().filter_map(|row| Some((row.conversation?, row))).collect())
    }

    /// What came with these messages beside their texts, by their ids.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn inbound_details(
        &self,
        tenant: &TenantId,
        messages: &[Uuid],
    ) -> Result<BTreeMap<Uuid, Details>, StoreError> {
        let rows = all(self.reads(), sql::INBOUND_DETAILS, [text(tenant.as_str()), column(messages)]).await?;
        let mut details = BTreeMap::new();
        for row in &rows {
            let read = serde_json::from_str(&row.get::<String>(1)?).map_err(|_| corrupt("message details"))?;
            details.insert(row.parse(0)?, read);
        }
        Ok(details)
    }

    /// What happened in these flows of a tenant, in the order of time.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn flow_events(&self, tenant: &TenantId, flows: &[Uuid]) -> Result<Vec<MessageEventRow>, StoreError> {
        let rows = all(self.reads(), sql::FLOW_EVENTS, [text(tenant.as_str()), column(flows)]).await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }

    /// What people did with a conversation of a tenant, in the order of time.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn conversation_events(
        &self,
        tenant: &TenantId,
        of: ConversationId,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<MessageEventRow>, StoreError> {
        let values = [text(tenant.as_str()), id(of), time(since), time(until)];
        let rows = all(self.reads(), sql::CONVERSATION_EVENTS, values).await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }

    /// Puts a conversation aside until then, or takes it back (`None`).
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn snooze(
        &self,
        tenant: &TenantId,
        of: ConversationId,
        until: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let values = [text(tenant.as_str()), id(of), time_or_null(until), time(at)];
        change(self.writes(), sql::SNOOZE, values).await?;
        Ok(())
    }
}

fn event(row: &Row) -> Result<MessageEventRow, DbErr> {
    Ok(MessageEventRow {
        event_type: row.get(0)?,
        entity: row.parse_or_null(1)?,
        actor_type: row.get(2)?,
        payload: serde_json::from_str(&row.get::<String>(3)?).map_err(|_| corrupt("a payload"))?,
        at: row.time(4)?,
    })
}
