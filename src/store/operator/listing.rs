//! Lists of the outbox, and single rows.

use std::fmt;

use chrono::TimeDelta;
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::ports::NOTICE_TTL;

use super::*;
use crate::store::BlockedReason;
use crate::store::entity::event_log;
use crate::store::sql::MESSAGE_EVENTS;
use crate::store::statement::{self, id, integer, rows, text, text_or_null, time, time_or_null};
use crate::store::values::first_id_of;
use crate::store::values::{Row, corrupt, number};

/// How far a row's id may be from its `created_at`: one clock makes both, and a turn is decided within this time.
const DECISION: TimeDelta = TimeDelta::minutes(1);

/// A message that waits since before then waits longer than it should.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Selects rows of the outbox.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub tenants: Tenants,
    pub channel: Option<ChannelId>,
    /// None: those that need a look ([`Filter::NEED_A_LOOK`]), and of those that wait what waits longer than it should.
    pub states: Vec<OutboxState>,
    /// A word of ours or a provider's code, also as the last reason of an exhausted message.
    pub reason: Option<String>,
    pub kind: Option<OutboundKind>,
    /// Created then or later.
    pub since: Option<Timestamp>,
    /// Created before then.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// States that do not end by themselves, or not soon.
    pub const NEED_A_LOOK: &'static [OutboxState] =
        &[OutboxState::Dead, OutboxState::Failed, OutboxState::Unknown, OutboxState::Deferred];

    /// These, and what waits.
    const OR_WAITS: &'static [OutboxState] =
        &[OutboxState::Dead, OutboxState::Failed, OutboxState::Unknown, OutboxState::Deferred, OutboxState::Pending];

    /// The states, with the default.
    #[must_use]
    pub fn wanted(&self) -> &[OutboxState] {
        if self.states.is_empty() { Self::OR_WAITS } else { &self.states }
    }

    /// Whether of those that wait only what waits longer than it should is meant.
    #[must_use]
    pub fn late_alone(&self) -> bool {
        self.states.is_empty()
    }

    pub(super) fn values(&self, among: Value, states: &[OutboxState]) -> Vec<Value> {
        vec![
            among,
            column(states.iter().map(|state| state.as_str())),
            text_or_null(self.channel.as_ref().map(ChannelId::as_str)),
            text_or_null(self.reason.as_deref()),
            text_or_null(self.kind.map(OutboundKind::as_str)),
            time_or_null(self.since),
            time_or_null(self.until),
        ]
    }
}

/// A page of a list.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// Rows older than this one: the last of the page before.
    pub before: Option<Uuid>,
    pub limit: usize,
}

/// A row of the outbox. `Debug` shows neither address nor text (I10).
#[derive(Clone, PartialEq)]
pub struct Item {
    pub id: OutboundId,
    pub tenant: TenantId,
    /// The channel that it was written for.
    pub channel: ChannelId,
    /// The conversation whose queue it is in.
    pub conversation: Uuid,
    pub to: Address,
    pub body: String,
    /// The template that is used outside of the window.
    pub template: Option<TemplateUse>,
    pub kind: OutboundKind,
    pub state: OutboxState,
    /// A word of ours or a provider's code. In a list, of a row that waits and was never claimed: its blocked reason
    /// now.
    pub reason: Option<String>,
    /// Attempts begun, in all generations.
    pub attempts: u32,
    /// Each replay begins another generation.
    pub generation: u32,
    /// Whether a hard stop of the budget lets it pass.
    pub urgent: bool,
    pub next_attempt_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub provider_message_id: Option<String>,
    /// The channel that took over (failover).
    pub sent_via: Option<ChannelId>,
    /// In millionths of the tenant's currency.
    pub cost_micros: i64,
    pub correlation: CorrelationId,
    pub created_at: Timestamp,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub in_reply_to: Option<Uuid>,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// A row and its events, in the order of time.
#[derive(Clone, Debug)]
pub struct ItemWithEvents {
    pub item: Item,
    pub events: Vec<event_log::Model>,
}

/// How many rows share tenant, channel, state and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxCount {
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub state: OutboxState,
    /// As in a list.
    pub reason: Option<String>,
    pub messages: u64,
    pub oldest: Timestamp,
    pub newest: Timestamp,
}

impl Operator {
    /// Rows that fit, newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn list(&self, filter: &Filter, page: PageRequest, now: Timestamp) -> Result<Vec<Item>, StoreError> {
        let among = self.among(&filter.tenants).await?;
        let mut values = filter.values(among.clone(), filter.wanted());
        values.push(page.before.map_or_else(|| text(LAST_ID), id));
        values.push(filter.since.map_or_else(|| text(""), |since| text(first_id_of(since - DECISION))));
        values.push(integer(page.limit));
        let late = filter.late_alone();
        if late {
            values.extend([text(first_id_of(now - LATE_AFTER)), time(now)]);
        }
        let rows = rows(&self.reads, sql::newest(self.reads.dialect(), filter.wanted(), late), values).await?;
        let mut items = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        if items.iter().any(Item::needs_blocked_reason) {
            let channel_blocks = self.channel_blocks(among, now).await?;
            for (item, row) in items.iter_mut().zip(&rows).filter(|(item, _)| item.needs_blocked_reason()) {
                item.reason = Some(channel_blocks.word(item, row.get(23)?, now));
            }
        }
        Ok(items)
    }

    /// Messages to whoever has this address, by any of their addresses and in whatever state, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn list_to(
        &self,
        tenants: &Tenants,
        address: &Address,
        page: PageRequest,
    ) -> Result<Vec<Item>, StoreError> {
        let before = page.before.map_or_else(|| text(LAST_ID), id);
        let person = text(address.identity().as_str());
        let values = [self.among(tenants).await?, person, before, integer(page.limit)];
        let rows = all(&self.reads, sql::TO_PERSON, values).await?;
        Ok(rows.iter().map(item).collect::<Result<_, _>>()?)
    }

    /// The newest message from or to whoever has this address. `None`: nothing was said.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn latest_with(&self, tenants: &Tenants, address: &Address) -> Result<Option<String>, StoreError> {
        let values = [self.among(tenants).await?, text(address.identity().as_str())];
        let rows = all(&self.reads, sql::LATEST_OF_PERSON, values).await?;
        Ok(rows.first().map(|row| row.get(0)).transpose()?)
    }

    /// How many rows fit, by tenant, channel, state and reason, the most first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn counts(&self, filter: &Filter, now: Timestamp) -> Result<Vec<OutboxCount>, StoreError> {
        let among = self.among(&filter.tenants).await?;
        let mut values = filter.values(among.clone(), filter.wanted());
        values.extend([time(now), time(now - NOTICE_TTL)]);
        let late = filter.late_alone();
        if late {
            values.push(text(first_id_of(now - LATE_AFTER)));
        }
        let rows = rows(&self.reads, sql::counts(self.reads.dialect(), filter.wanted(), late), values).await?;
        let mut counts = rows.iter().map(count).collect::<Result<Vec<_>, _>>()?;
        let is_due = |count: &OutboxCount| count.reason.as_deref() == Some(blocked_reasons::TURN);
        if counts.iter().any(is_due) {
            let channel_blocks = self.channel_blocks(among, now).await?;
            for count in counts.iter_mut().filter(|count| is_due(count)) {
                count.reason = Some(channel_blocks.of_due(&count.channel));
            }
            counts = merged(counts);
        }
        Ok(counts)
    }

    /// Why a row is not sent now. `None`: it is not pending, or there is no such row. The caller has already checked
    /// that the row may be seen ([`Operator::show`]).
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn blocked_reason(&self, id: OutboundId, now: Timestamp) -> Result<Option<BlockedReason>, StoreError> {
        crate::store::blocked_reason::blocked_reason(&self.reads, id, now).await
    }

    /// When a row's contact last wrote in its conversation. `None`: never.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn contact_wrote(&self, item: &Item) -> Result<Option<Timestamp>, StoreError> {
        let conversation = item.conversation.to_string();
        crate::store::blocked_reason::contact_wrote(&self.reads, item.tenant.as_str(), &conversation).await
    }

    /// One row with its events. `None`: these tenants have no such row.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn show(&self, tenants: &Tenants, id: OutboundId) -> Result<Option<ItemWithEvents>, StoreError> {
        let Some(item) = self.item(tenants, id).await? else { return Ok(None) };
        let flow = [text(item.tenant.as_str()), statement::id(item.correlation), statement::id(item.id)];
        let events = all(&self.reads, MESSAGE_EVENTS, flow).await?;
        Ok(Some(ItemWithEvents { events: events.iter().map(Row::model).collect::<Result<_, _>>()?, item }))
    }

    /// The message that has an idempotency key. `None`: the key is not used yet.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn by_key(&self, tenant: &TenantId, key: &str) -> Result<Option<Item>, StoreError> {
        let rows = all(&self.reads, sql::ASKED_BEFORE, [text(tenant.as_str()), text(key)]).await?;
        match rows.first() {
            Some(row) => self.item(&Tenants::Of(vec![tenant.clone()]), row.parse(0)?).await,
            None => Ok(None),
        }
    }

    pub(super) async fn item(&self, tenants: &Tenants, message: OutboundId) -> Result<Option<Item>, StoreError> {
        let among = self.among(tenants).await?;
        let rows = all(&self.reads, sql::ITEM, [among, id(message)]).await?;
        Ok(rows.first().map(item).transpose()?)
    }
}

impl Item {
    /// Whether it waits without a reason of its own.
    fn needs_blocked_reason(&self) -> bool {
        self.state == OutboxState::Pending && self.reason.is_none()
    }
}

fn count(row: &Row) -> Result<OutboxCount, DbErr> {
    Ok(OutboxCount {
        tenant: row.tenant(0)?,
        channel: row.channel(1)?,
        state: row.parse(2)?,
        reason: row.get(3)?,
        messages: u64::try_from(row.get::<i64>(4)?).map_err(|_| corrupt("a count"))?,
        oldest: row.time(5)?,
        newest: row.time(6)?,
    })
}

/// Merges counts with the same key: rows whose stored reason is the channel's, and rows that wait for the channel
/// now.
fn merged(counts: Vec<OutboxCount>) -> Vec<OutboxCount> {
    let mut distinct: Vec<OutboxCount> = Vec::with_capacity(counts.len());
    for count in counts {
        let is_same = |known: &&mut OutboxCount| {
            (&known.tenant, &known.channel, known.state, &known.reason)
                == (&count.tenant, &count.channel, count.state, &count.reason)
        };
        match distinct.iter_mut().find(is_same) {
            Some(known) => {
                known.messages += count.messages;
                known.oldest = known.oldest.min(count.oldest);
                known.newest = known.newest.max(count.newest);
            }
            None => distinct.push(count),
        }
    }
    distinct.sort_by_key(|count| std::cmp::Reverse(count.messages));
    distinct
}

/// Columns as `sql::ITEM` selects them.
fn item(row: &Row) -> Result<Item, DbErr> {
    let template: Option<String> = row.get(6)?;
    let template = template.map(|json| serde_json::from_str(&json).map_err(|_| corrupt("a template"))).transpose()?;
    Ok(Item {
        id: row.parse(0)?,
        tenant: row.tenant(1)?,
        channel: row.channel(2)?,
        conversation: row.parse(3)?,
        to: row.address(4)?,
        body: row.get(5)?,
        template,
        kind: row.parse(7)?,
        state: row.parse(8)?,
        reason: row.get(9)?,
        attempts: number(row.get(10)?)?,
        generation: number(row.get(11)?)?,
        urgent: row.get(12)?,
        next_attempt_at: row.time(13)?,
        expires_at: row.time_or_null(14)?,
        provider_message_id: row.get(15)?,
        sent_via: row.get::<Option<String>>(16)?.as_deref().map(ChannelId::new),
        cost_micros: row.get(17)?,
        correlation: row.parse(18)?,
        created_at: row.time(19)?,
        sent_at: row.time_or_null(20)?,
        updated_at: row.time(21)?,
        in_reply_to: row.parse_or_null(22)?,
    })
}
