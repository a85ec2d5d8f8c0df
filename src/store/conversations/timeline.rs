//! A conversation's messages, in and out, in the order of time.
//!
//! No index of the tables of messages leads to a conversation's: it would be written at a random place by every message. The
//! search index, which is filled behind the messages, knows them up to its position; what is newer is read from the tables
//! themselves, and so is what still waits for its turn. Together nothing is missing, however far behind the index is.

use std::collections::{BTreeMap, BTreeSet};

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::OutboundKind;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::domain::turn::Outcome;
use sea_orm::DbErr;
use uuid::Uuid;

use super::{ConversationRow, sql, uuid_text};
use crate::store::StoreError;
use crate::store::operator::{LAST_ID, Operator};
use crate::store::search::sql as index;
use crate::store::statement::{SqlText, Value, all, column, count, id, text};
use crate::store::values::Row;

/// A message, in or out. `Debug` does not show the text (I10).
#[derive(Clone, PartialEq)]
pub struct MessageRow {
    pub id: Uuid,
    pub tenant: TenantId,
    /// Not known while a message that came in waits for its turn.
    pub conversation: Option<Uuid>,
    pub channel: ChannelId,
    pub is_outbound: bool,
    /// It came in: a person of the business wrote it on the channel's own phone.
    pub written_on_phone: bool,
    pub body: String,
    /// The state of `messages_in` or `messages_out`.
    pub state: String,
    /// Why it stands there.
    pub reason: Option<String>,
    /// In: the role of who wrote. Out: what it was written for.
    pub kind: Option<String>,
    /// When it had its turn, or when the provider took it.
    pub passed_at: Option<Timestamp>,
    pub correlation: CorrelationId,
    pub created_at: Timestamp,
}

impl std::fmt::Debug for MessageRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageRow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// From which end of what is asked for a page is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimelineSide {
    /// The last messages before a point: scrolling up.
    Newest,
    /// The first messages after a point: scrolling down, or what is new.
    Oldest,
}

/// Which part of a conversation's messages.
#[derive(Clone, Copy, Debug)]
pub struct TimelinePage {
    /// Later than this one.
    pub after: Option<Uuid>,
    /// Earlier than this one.
    pub before: Option<Uuid>,
    pub side: TimelineSide,
    pub limit: usize,
}

/// A part of a conversation's messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The oldest first.
    pub messages: Vec<MessageRow>,
    /// The message before which there are more, when a page was cut at that end.
    pub earlier: Option<Uuid>,
    /// The message after which there are more.
    pub later: Option<Uuid>,
}

impl Operator {
    /// Who wrote a message that came in, and what the provider calls it. `None`: there is none, or they were erased.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn inbound_origin(
        &self,
        tenant: &TenantId,
        message: Uuid,
    ) -> Result<Option<(Address, ProviderMessageId)>, StoreError> {
        let rows = all(self.reads(), sql::INBOUND_ORIGIN, [text(tenant.as_str()), id(message)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some((row.address(0)?, ProviderMessageId::new(&row.get::<String>(1)?))))
    }

    /// A part of the messages of a conversation that the caller has seen.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn timeline(&self, conversation: &ConversationRow, page: TimelinePage) -> Result<Timeline, StoreError> {
        let after = page.after.map(uuid_text).unwrap_or_default();
        let before = page.before.map_or_else(|| LAST_ID.to_owned(), uuid_text);
        // One more than the page tells whether there are more.
        let mut ids = self.timeline_ids(conversation, (&after, &before), page.side, page.limit + 1).await?;
        let is_cut = ids.len() > page.limit;
        match page.side {
            TimelineSide::Newest if is_cut => drop(ids.pop_first()),
            TimelineSide::Oldest if is_cut => drop(ids.pop_last()),
            TimelineSide::Newest | TimelineSide::Oldest => {}
        }
        let end = match page.side {
            TimelineSide::Newest => ids.first_key_value(),
            TimelineSide::Oldest => ids.last_key_value(),
        };
        let end = end.filter(|_| is_cut).and_then(|(id, _)| id.parse().ok());
        let (earlier, later) = if page.side == TimelineSide::Newest { (end, None) } else { (None, end) };
        let among = column([conversation.tenant.as_str()]);
        Ok(Timeline { messages: self.messages(&among, &ids).await?, earlier, later })
    }

    /// Ids of the conversation's messages between two others, with whether they went out; the last or first so many.
    async fn timeline_ids(
        &self,
        conversation: &ConversationRow,
        (after, before): (&str, &str),
        side: TimelineSide,
        limit: usize,
    ) -> Result<BTreeMap<String, bool>, StoreError> {
        let mut ids = BTreeMap::new();
        let of_this = [text(conversation.tenant.as_str()), id(conversation.id)];
        let mut parts = self.ids(sql::PARTS, of_this.into()).await?;
        parts.insert(conversation.id.to_string());
        // The position first: what the index gets afterwards is found in both.
        let mut tail = ("0".to_owned(), "0".to_owned());
        if let Some(search) = self.index() {
            if let Some(row) = all(search, index::POSITIONS, []).await?.first() {
                tail = (row.get(3)?, row.get(4)?);
            }
            let sql = match side {
                TimelineSide::Newest => index::TIMELINE_NEWEST,
                TimelineSide::Oldest => index::TIMELINE_OLDEST,
            };
            for part in &parts {
                for row in all(search, sql, [text(&**part), text(after), text(before), count(limit)]).await? {
                    ids.insert(row.get(0)?, row.get(1)?);
                }
            }
        }
        let (tenant, channel) = (conversation.tenant.as_str(), conversation.channel.as_str());
        let waiting = vec![text(tenant), text(channel), text(conversation.address.identity().as_str())];
        let mut tails = vec![(sql::WAITING, waiting, false)];
        for part in &parts {
            tails.push((index::INBOUND_TAIL, vec![text(&*tail.0), text(&**part)], false));
            tails.push((index::OUTBOUND_TAIL, vec![text(&*tail.1), text(&**part)], true));
        }
        for (sql, values, is_outbound) in tails {
            let found = self.ids(sql, values).await?;
            ids.extend(found.into_iter().filter(|id| &**id > after && &**id < before).map(|id| (id, is_outbound)));
        }
        while ids.len() > limit {
            match side {
                TimelineSide::Newest => ids.pop_first(),
                TimelineSide::Oldest => ids.pop_last(),
            };
        }
        Ok(ids)
    }

    async fn ids(&self, sql: SqlText, values: Vec<Value>) -> Result<BTreeSet<String>, DbErr> {
        all(self.reads(), sql, values).await?.iter().map(|row| row.get(0)).collect()
    }

    /// Messages by their ids, each with whether it went out, the oldest first. Those that are gone are left out.
    pub(super) async fn messages(&self, among: &Value, ids: &BTreeMap<String, bool>) -> Result<Vec<MessageRow>, DbErr> {
        let mut messages = Vec::with_capacity(ids.len());
        for (sql, is_outbound) in [(sql::INBOUND, false), (sql::OUTBOUND, true)] {
            let wanted = ids.iter().filter(|(_, outbound)| **outbound == is_outbound).map(|(id, _)| id);
            for row in &all(self.reads(), sql, [among.clone(), column(wanted)]).await? {
                messages.push(MessageRow::read(row, is_outbound)?);
            }
        }
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }
}

impl MessageRow {
    /// What a person of the business wrote on the channel's own phone came in, and is shown as what went out.
    fn read(row: &Row, is_outbound: bool) -> Result<Self, DbErr> {
        let reason: Option<String> = row.get(6)?;
        let on_phone = !is_outbound && reason.as_deref() == Some(Outcome::WrittenOnPhone.as_str());
        let (state, kind): (String, Option<String>) = match on_phone {
            true => (OutboxState::Sent.as_str().to_owned(), Some(OutboundKind::Manual.as_str().to_owned())),
            false => (row.get(5)?, row.get(7)?),
        };
        Ok(Self {
            id: row.parse(0)?,
            tenant: row.tenant(1)?,
            conversation: row.parse_or_null(2)?,
            channel: row.channel(3)?,
            is_outbound: is_outbound || on_phone,
            written_on_phone: on_phone,
            body: row.get(4)?,
            state,
            reason,
            kind,
            passed_at: row.time_or_null(8)?,
            correlation: row.parse(9)?,
            created_at: row.time(10)?,
        })
    }
}
