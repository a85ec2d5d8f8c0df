//! Tables of broadcasts: what is said to many contacts, and who of them was written to.

mod sql;

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, ConversationId, OutboundId, TenantId};
use palabre_actors::domain::status::OutboxState;
use palabre_actors::domain::template::TemplateUse;
use sea_orm::DbErr;
use uuid::Uuid;

use super::StoreError;
use super::operator::{Operator, Tenants};
use super::statement::{Value, all, change, count, id, id_or_null, integer, text, text_or_null, time, time_or_null};
use super::values::{Row, corrupt};

/// Where a broadcast stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BroadcastState {
    /// Recipients wait, and are written to at its pace.
    Running,
    /// Somebody or its budget stopped it.
    Stopped,
    /// Nobody waits any more.
    Done,
}

impl BroadcastState {
    const ALL: [Self; 3] = [Self::Running, Self::Stopped, Self::Done];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }
}

impl std::str::FromStr for BroadcastState {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(())
    }
}

/// Who is meant, and on which channel. All that are given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub tenant: TenantId,
    pub channel: ChannelId,
    /// Conversations with this label.
    pub label: Option<String>,
    /// Those whose contact wrote since then.
    pub seen_since: Option<Timestamp>,
}

/// A row of `broadcasts`. `Debug` shows no text (I10).
#[derive(Clone, PartialEq)]
pub struct BroadcastRow {
    pub id: Uuid,
    pub segment: Segment,
    pub text: Option<String>,
    pub template: Option<TemplateUse>,
    pub per_minute: u32,
    /// In millionths of the tenant's currency.
    pub budget_micros: Option<i64>,
    pub state: BroadcastState,
    /// Why it was stopped.
    pub reason: Option<String>,
    /// Who started it, as the audit log names them.
    pub started_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl fmt::Debug for BroadcastRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastRow").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// Somebody of a segment. `Debug` shows no address (I10).
#[derive(Clone, PartialEq)]
pub struct Candidate {
    pub conversation: ConversationId,
    pub address: Address,
    /// When they last wrote on this channel.
    pub last_inbound_at: Option<Timestamp>,
    /// They said STOP, by any of their addresses.
    pub opted_out: bool,
    /// They said STOP PROMOTIONS, and nothing since that wants advertising again.
    pub stopped_marketing: bool,
    /// They confirmed that they want to be written to, by any of their addresses.
    pub confirmed: bool,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientOutcome {
    /// The outbox has their message.
    Asked(OutboundId),
    /// They are not written to: why.
    Refused(String),
}

/// How many recipients are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportLine {
    /// `waiting`, `asked` or `refused`.
    pub state: String,
    /// Why they are not written to, or why their message is where it is.
    pub reason: Option<String>,
    /// Where their messages are.
    pub message: Option<OutboxState>,
    pub count: i64,
    pub cost_micros: i64,
}

impl Operator {
    /// Who is in a segment, after a conversation, in the order of the conversations.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn segment(
        &self,
        segment: &Segment,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Candidate>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let values = [
            text(segment.tenant.as_str()),
            text(segment.channel.as_str()),
            text_or_null(segment.label.as_deref()),
            time_or_null(segment.seen_since),
            text(after),
            count(limit),
        ];
        let rows = all(self.reads(), sql::SEGMENT_PAGE, values).await?;
        Ok(rows.iter().map(Candidate::read).collect::<Result<_, DbErr>>()?)
    }

    /// Writes a broadcast down with its recipients: those of the segment as it is now.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused. Recipients without their broadcast mean nothing.
    pub async fn start_broadcast(&self, row: &BroadcastRow) -> Result<(), StoreError> {
        let segment = &row.segment;
        let of_segment = || {
            [
                text(segment.tenant.as_str()),
                text(segment.channel.as_str()),
                text_or_null(segment.label.as_deref()),
                time_or_null(segment.seen_since),
            ]
        };
        let recipients = of_segment().into_iter().chain([id(row.id), time(row.created_at)]);
        change(self.writes(), sql::FILL_BROADCAST, recipients.collect::<Vec<_>>()).await?;
        let template = row.template.as_ref().map(serde_json::to_string).transpose();
        let template = template.map_err(|_| StoreError::from(corrupt("a template")))?;
        let rest = [
            text_or_null(row.text.as_deref()),
            text_or_null(template),
            integer(row.per_minute),
            Value::Number(row.budget_micros),
            text(row.started_by.as_str()),
            time(row.created_at),
        ];
        let values = [id(row.id)].into_iter().chain(of_segment()).chain(rest);
        change(self.writes(), sql::START_BROADCAST, values.collect::<Vec<_>>()).await?;
        Ok(())
    }

    /// Takes the broadcasts that are due, for until then: no other node takes them meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_broadcasts(
        &self,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Vec<BroadcastRow>, StoreError> {
        // A look costs the writers nothing.
        if all(self.reads(), sql::DUE_BROADCASTS, [time(now)]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let rows = all(self.writes(), sql::CLAIM_BROADCASTS, [time(now), time(until)]).await?;
        Ok(rows.iter().map(BroadcastRow::read).collect::<Result<_, DbErr>>()?)
    }

    /// Lets a broadcast go on at a time.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn rest_broadcast(&self, row: &BroadcastRow, until: Timestamp) -> Result<(), StoreError> {
        let values = [text(row.segment.tenant.as_str()), id(row.id), time(until)];
        change(self.writes(), sql::REST_BROADCAST, values).await?;
        Ok(())
    }

    /// Ends a broadcast that goes on. Whether it did.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn end_broadcast(
        &self,
        (tenant, broadcast): (&TenantId, Uuid),
        state: BroadcastState,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [text(tenant.as_str()), id(broadcast), text(state.as_str()), text_or_null(reason), time(now)];
        Ok(change(self.writes(), sql::END_BROADCAST, values).await? > 0)
    }

    /// Who of a broadcast waits. Those who cannot be reached any more are dropped first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn waiting_recipients(
        &self,
        row: &BroadcastRow,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Candidate>, StoreError> {
        let which = || [text(row.segment.tenant.as_str()), id(row.id)];
        let gone = which().into_iter().chain([time(now)]);
        change(self.writes(), sql::DROP_GONE_RECIPIENTS, gone.collect::<Vec<_>>()).await?;
        let waiting = which().into_iter().chain([count(limit)]);
        let rows = all(self.reads(), sql::WAITING_RECIPIENTS, waiting.collect::<Vec<_>>()).await?;
        Ok(rows.iter().map(Candidate::read).collect::<Result<_, DbErr>>()?)
    }

    /// Notes what became of one who waited.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn settle_recipient(
        &self,
        row: &BroadcastRow,
        conversation: ConversationId,
        outcome: &RecipientOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (state, reason, message) = match outcome {
            RecipientOutcome::Asked(message) => ("asked", None, Some(*message)),
            RecipientOutcome::Refused(reason) => ("refused", Some(reason.as_str()), None),
        };
        let values = [
            text(row.segment.tenant.as_str()),
            id(row.id),
            id(conversation),
            text(state),
            text_or_null(reason),
            id_or_null(message),
            time(now),
        ];
        change(self.writes(), sql::SETTLE_RECIPIENT, values).await?;
        Ok(())
    }

    /// Broadcasts, the newest first; or the one of an id.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn broadcasts(
        &self,
        tenants: &Tenants,
        broadcast: Option<Uuid>,
        (before, limit): (Option<Uuid>, usize),
    ) -> Result<Vec<BroadcastRow>, StoreError> {
        let mut found = Vec::new();
        for tenant in self.ids_of(tenants).await? {
            let values = [text(tenant.as_str()), id_or_null(broadcast), id_or_null(before), count(limit)];
            for row in &all(self.reads(), sql::LIST_BROADCASTS, values).await? {
                found.push(BroadcastRow::read(row)?);
            }
        }
        found.sort_by_key(|row| std::cmp::Reverse(row.id));
        found.truncate(limit);
        Ok(found)
    }

    /// How far a broadcast is, and what became of its messages.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn broadcast_report(&self, tenant: &TenantId, broadcast: Uuid) -> Result<Vec<ReportLine>, StoreError> {
        let rows = all(self.reads(), sql::BROADCAST_REPORT, [text(tenant.as_str()), id(broadcast)]).await?;
        Ok(rows.iter().map(ReportLine::read).collect::<Result<_, DbErr>>()?)
    }

    /// How many were written to so far.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn broadcast_asked(&self, tenant: &TenantId, broadcast: Uuid) -> Result<u64, StoreError> {
        let rows = all(self.reads(), sql::BROADCAST_ASKED, [text(tenant.as_str()), id(broadcast)]).await?;
        let asked: i64 = rows.first().map(|row| row.get(0)).transpose()?.unwrap_or_default();
        Ok(u64::try_from(asked).unwrap_or_default())
    }

    /// Messages of a broadcast that have not left.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn unsent_of_broadcast(
        &self,
        tenant: &TenantId,
        broadcast: Uuid,
        limit: usize,
    ) -> Result<Vec<OutboundId>, StoreError> {
        let values = [text(tenant.as_str()), id(broadcast), count(limit)];
        let rows = all(self.reads(), sql::UNSENT_OF_BROADCAST, values).await?;
        Ok(rows.iter().map(|row| row.parse(0)).collect::<Result<_, DbErr>>()?)
    }
}

impl BroadcastRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let template: Option<String> = row.get(6)?;
        let template = template.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id: row.parse(0)?,
            segment: Segment {
                tenant: TenantId::new(&row.get::<String>(1)?),
                channel: ChannelId::new(&row.get::<String>(2)?),
                label: row.get(3)?,
                seen_since: row.time_or_null(4)?,
            },
            text: row.get(5)?,
            template: template.map_err(|_| corrupt("a template"))?,
            per_minute: u32::try_from(row.get::<i64>(7)?).unwrap_or(1).max(1),
            budget_micros: row.get(8)?,
            state: row.get::<String>(9)?.parse().map_err(|()| corrupt("a broadcast's state"))?,
            reason: row.get(10)?,
            started_by: row.get(11)?,
            created_at: row.time(12)?,
            updated_at: row.time(13)?,
        })
    }
}

impl Candidate {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            conversation: row.parse(0)?,
            address: Address::from_normalised(&row.get::<String>(1)?),
            last_inbound_at: row.time_or_null(2)?,
            opted_out: row.get(3)?,
            stopped_marketing: row.get(4)?,
            confirmed: row.get(5)?,
        })
    }
}

impl ReportLine {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let message: Option<String> = row.get(2)?;
        Ok(Self {
            state: row.get(0)?,
            reason: row.get(1)?,
            message: message.map(|state| state.parse().map_err(|_| corrupt("a state"))).transpose()?,
            count: row.get(3)?,
            cost_micros: row.get(4)?,
        })
    }
}
