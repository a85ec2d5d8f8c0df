//! Looking at the outbox.

use std::fmt;

use chrono::TimeDelta;
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::ports::NOTICE_TTL;

use super::*;
use crate::store::Wait;
use crate::store::entity::event_log;
use crate::store::history::first_id_of;
use crate::store::link::{self, id, integer, rows, text, text_or_null, time, time_or_null};
use crate::store::sql::MESSAGE_EVENTS;
use crate::store::values::{Row, corrupt, number};

/// The clocks that made a row's id and its `created_at` are the same, and a turn is decided within this time.
const DECISION: TimeDelta = TimeDelta::minutes(1);

/// Which rows of the outbox.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Whose.
    pub tenants: Tenants,
    /// Through which channel.
    pub channel: Option<ChannelId>,
    /// In which states; none: those that need a look ([`Filter::NEED_A_LOOK`]).
    pub states: Vec<OutboxState>,
    /// For which reason: a word of ours or a provider's code, also as the last reason of an exhausted message.
    pub reason: Option<String>,
    /// Written for what.
    pub kind: Option<OutboundKind>,
    /// Written then or later.
    pub since: Option<Timestamp>,
    /// Written before then.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// States that do not pass by themselves, or not soon.
    pub const NEED_A_LOOK: &'static [OutboxState] =
        &[OutboxState::Dead, OutboxState::Failed, OutboxState::Unknown, OutboxState::Deferred];

    /// The states that are meant.
    #[must_use]
    pub fn wanted(&self) -> &[OutboxState] {
        if self.states.is_empty() { Self::NEED_A_LOOK } else { &self.states }
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

/// Which part of a long list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Rows older than this one: the last of the page before.
    pub before: Option<Uuid>,
    /// How many at most.
    pub limit: usize,
}

/// A row of the outbox. `Debug` shows neither address nor text (I10).
#[derive(Clone, PartialEq)]
pub struct Item {
    /// Its id.
    pub id: OutboundId,
    /// Whose.
    pub tenant: TenantId,
    /// The channel it was written for.
    pub channel: ChannelId,
    /// The conversation, whose line it stands in.
    pub conversation: Uuid,
    /// Who gets it.
    pub to: Address,
    /// The text.
    pub body: String,
    /// The template that says it outside of the window.
    pub template: Option<TemplateUse>,
    /// Written for what.
    pub kind: OutboundKind,
    /// Where it stands.
    pub state: OutboxState,
    /// Why it stands there: a word of ours or a provider's code. In a list, of a row that waits and was never claimed: what
    /// it waits for at this moment.
    pub reason: Option<String>,
    /// Attempts begun, in all its lives.
    pub attempts: u32,
    /// Which life it is in: each replay begins another.
    pub generation: u32,
    /// Whether a hard stop of the budget lets it pass.
    pub urgent: bool,
    /// Not before.
    pub next_attempt_at: Timestamp,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// What the provider calls it.
    pub provider_message_id: Option<String>,
    /// The channel that took over.
    pub sent_via: Option<ChannelId>,
    /// What it cost, in millionths of the tenant's currency.
    pub cost_micros: i64,
    /// The flow it belongs to.
    pub correlation: CorrelationId,
    /// When it was written.
    pub created_at: Timestamp,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// The message that it answers.
    pub in_reply_to: Option<Uuid>,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// A row and what happened to it, in the order of time.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The row.
    pub item: Item,
    /// Its events.
    pub events: Vec<event_log::Model>,
}

/// How many rows share tenant, channel, state and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Whose.
    pub tenant: TenantId,
    /// Through which channel.
    pub channel: ChannelId,
    /// Where they stand.
    pub state: OutboxState,
    /// Why, as in a list.
    pub reason: Option<String>,
    /// How many.
    pub messages: u64,
    /// When the oldest was written.
    pub oldest: Timestamp,
    /// When the newest was written.
    pub newest: Timestamp,
}

impl Operator {
    /// Rows that fit, newest first, as they stand at this moment.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn list(&self, filter: &Filter, page: Page, now: Timestamp) -> Result<Vec<Item>, StoreError> {
        let among = self.among(&filter.tenants).await?;
        let mut values = filter.values(among.clone(), filter.wanted());
        values.push(page.before.map_or_else(|| text(LAST_ID), id));
        values.push(filter.since.map_or_else(|| text(""), |since| text(first_id_of(since - DECISION))));
        values.push(integer(page.limit));
        let rows = rows(&self.reads, sql::newest(self.reads.dialect(), filter.wanted()), values).await?;
        let mut items = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        if items.iter().any(Item::waits_unsaid) {
            let holds = self.holds(among, now).await?;
            for (item, row) in items.iter_mut().zip(&rows).filter(|(item, _)| item.waits_unsaid()) {
                item.reason = Some(holds.word(item, row.get(23)?, now));
            }
        }
        Ok(items)
    }

    /// How many rows fit, by tenant, channel, state and reason, the most first, as they stand at this moment.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn counts(&self, filter: &Filter, now: Timestamp) -> Result<Vec<Count>, StoreError> {
        let among = self.among(&filter.tenants).await?;
        let mut values = filter.values(among.clone(), filter.wanted());
        values.extend([time(now), time(now - NOTICE_TTL)]);
        let rows = rows(&self.reads, sql::counts(self.reads.dialect(), filter.wanted()), values).await?;
        let mut counts = rows.iter().map(count).collect::<Result<Vec<_>, _>>()?;
        let is_due = |count: &Count| count.reason.as_deref() == Some(blocked_reasons::TURN);
        if counts.iter().any(is_due) {
            let holds = self.holds(among, now).await?;
            for count in counts.iter_mut().filter(|count| is_due(count)) {
                count.reason = Some(holds.of_due(&count.channel));
            }
            counts = together(counts);
        }
        Ok(counts)
    }

    /// What holds a row back at this moment. `None`: it is not pending, or there is no such row. Whoever asks has seen
    /// the row ([`Operator::show`]).
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn waits(&self, id: OutboundId, now: Timestamp) -> Result<Option<Wait>, StoreError> {
        crate::store::blocked_reason::waits(&self.reads, id, now).await
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
    pub async fn show(&self, tenants: &Tenants, id: OutboundId) -> Result<Option<Shown>, StoreError> {
        let Some(item) = self.item(tenants, id).await? else { return Ok(None) };
        let flow = [text(item.tenant.as_str()), link::id(item.correlation), link::id(item.id)];
        let events = all(&self.reads, MESSAGE_EVENTS, flow).await?;
        Ok(Some(Shown { events: events.iter().map(Row::model).collect::<Result<_, _>>()?, item }))
    }

    /// The message that was asked for under an idempotency key. `None`: nobody used the key yet.
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
    /// Whether it waits, and nobody who was at it said why.
    fn waits_unsaid(&self) -> bool {
        self.state == OutboxState::Pending && self.reason.is_none()
    }
}

fn count(row: &Row) -> Result<Count, DbErr> {
    Ok(Count {
        tenant: row.tenant(0)?,
        channel: row.channel(1)?,
        state: row.parse(2)?,
        reason: row.get(3)?,
        messages: u64::try_from(row.get::<i64>(4)?).map_err(|_| corrupt("a count"))?,
        oldest: row.time(5)?,
        newest: row.time(6)?,
    })
}

/// Counts of which two are the same become one: some were told that they wait for their channel, others wait for it now.
fn together(counts: Vec<Count>) -> Vec<Count> {
    let mut merged: Vec<Count> = Vec::with_capacity(counts.len());
    for count in counts {
        let is_same = |known: &&mut Count| {
            (&known.tenant, &known.channel, known.state, &known.reason)
                == (&count.tenant, &count.channel, count.state, &count.reason)
        };
        match merged.iter_mut().find(is_same) {
            Some(known) => {
                known.messages += count.messages;
                known.oldest = known.oldest.min(count.oldest);
                known.newest = known.newest.max(count.newest);
            }
            None => merged.push(count),
        }
    }
    merged.sort_by_key(|count| std::cmp::Reverse(count.messages));
    merged
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
