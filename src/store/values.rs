//! Conversions between the domain's types and columns.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, NaiveTime, SecondsFormat, Timelike, Utc};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::booking::Booking;
use palabre_actors::domain::conversation::{Assignee, BotMemory, Contact, Conversation, ConversationKey, Session};
use palabre_actors::domain::ids::{ChannelId, LiveSessionId, ProviderMessageId, TenantId};
use palabre_actors::domain::live::{LiveClient, OrderLine, Ordered};
use palabre_actors::domain::loop_watch::LoopWatch;
use palabre_actors::domain::message::{Content, Details, Generation, Inbound, Outbound};
use palabre_actors::domain::offer::Offer;
use palabre_actors::domain::party::{Party, Places};
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::domain::timer::Timer;
use palabre_actors::domain::waiting::WaitingEntry;
use palabre_actors::ports::{ChannelKey, DueTimer};
use sea_orm::{ColIdx, DbErr, FromQueryResult, QueryResult, TryGetable};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dialect::Dialect;
pub(super) use super::error::corrupt;
use super::timestamp_list::parse_timestamps;

/// `2026-11-21T03:55:00.123456Z`: the order of the texts is the order of time.
pub(super) fn time_text(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub(super) fn parse_time(text: &str) -> Result<Timestamp, DbErr> {
    DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).map_err(|_| corrupt("a time"))
}

pub(super) struct Row {
    columns: QueryResult,
    dialect: Dialect,
}

impl Row {
    pub const fn of(columns: QueryResult, dialect: Dialect) -> Self {
        Self { columns, dialect }
    }

    /// Reads by column names, for the cold paths.
    pub fn model<M: FromQueryResult>(&self) -> Result<M, DbErr> {
        M::from_query_result(&self.columns, "")
    }

    pub fn get<T: TryGetable>(&self, column: impl ColIdx) -> Result<T, DbErr> {
        self.columns.try_get_by(column)
    }

    /// A column that holds a word or an id.
    pub fn parse<T: FromStr>(&self, column: impl ColIdx) -> Result<T, DbErr> {
        let text: String = self.get(column)?;
        text.parse().map_err(|_| corrupt("a word or an id"))
    }

    pub fn parse_or_null<T: FromStr>(&self, column: impl ColIdx) -> Result<Option<T>, DbErr> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|_| corrupt("a word or an id"))).transpose()
    }

    pub fn time(&self, column: impl ColIdx) -> Result<Timestamp, DbErr> {
        match self.dialect {
            Dialect::Sqlite => parse_time(&self.get::<String>(column)?),
            Dialect::Postgres => self.get(column),
        }
    }

    pub fn time_or_null(&self, column: impl ColIdx) -> Result<Option<Timestamp>, DbErr> {
        match self.dialect {
            Dialect::Sqlite => self.get::<Option<String>>(column)?.as_deref().map(parse_time).transpose(),
            Dialect::Postgres => self.get(column),
        }
    }

    pub fn tenant(&self, column: impl ColIdx) -> Result<TenantId, DbErr> {
        Ok(TenantId::new(&self.get::<String>(column)?))
    }

    pub fn channel(&self, column: impl ColIdx) -> Result<ChannelId, DbErr> {
        Ok(ChannelId::new(&self.get::<String>(column)?))
    }

    /// The first two columns: tenant and channel.
    pub fn channel_key(&self) -> Result<ChannelKey, DbErr> {
        Ok(ChannelKey { tenant: self.tenant(0)?, channel: self.channel(1)? })
    }

    pub fn address(&self, column: impl ColIdx) -> Result<Address, DbErr> {
        Ok(Address::from_normalised(&self.get::<String>(column)?))
    }

    /// Columns as `sql::BACKLOG` selects them.
    pub fn inbound(&self) -> Result<Inbound, DbErr> {
        Ok(Inbound {
            id: self.parse(0)?,
            tenant: self.tenant(1)?,
            channel: self.channel(2)?,
            provider_message_id: ProviderMessageId::new(&self.get::<String>(3)?),
            from: self.address(4)?,
            to: self.address(5)?,
            content: content(self.get(6)?, self.get(7)?, self.get::<Option<String>>(8)?.as_deref())?,
            correlation: self.parse(9)?,
            received_at: self.time(10)?,
        })
    }

    /// Columns as `sql::outbox::message!` names them.
    pub fn outbound(&self) -> Result<Outbound, DbErr> {
        let created_at = self.time(10)?;
        let (template, action): (Option<String>, Option<String>) = (self.get(11)?, self.get(17)?);
        let presentation: Option<String> = self.get(19)?;
        let template: Option<StoredTemplate> =
            template.as_deref().map(serde_json::from_str).transpose().map_err(|_| corrupt("a template"))?;
        let only_template = template.as_ref().is_some_and(|template| template.only);
        let choices: Option<String> = self.get(18)?;
        Ok(Outbound {
            id: self.parse(0)?,
            tenant: self.tenant(1)?,
            channel: self.channel(2)?,
            conversation: self.parse(3)?,
            in_reply_to: self.parse_or_null(4)?,
            to: self.address(5)?,
            body: if only_template { String::new() } else { self.get(6)? },
            kind: self.parse(7)?,
            correlation: self.parse(8)?,
            attempts: number(self.get(9)?)?,
            created_at,
            template: template.map(|template| template.template),
            urgent: self.get(12)?,
            expires_at: self.time_or_null(13)?,
            generation: Generation {
                number: number(self.get(14)?)?,
                since: self.time_or_null(15)?.unwrap_or(created_at),
                attempts_before: number(self.get(16)?)?,
            },
            choices: choices.as_deref().map_or(Ok(Vec::new()), serde_json::from_str).map_err(|_| corrupt("choices"))?,
            action: action.as_deref().map(serde_json::from_str).transpose().map_err(|_| corrupt("an action"))?,
            presentation: presentation
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(|_| corrupt("a presentation"))?,
        })
    }

    /// Columns as `sql::DUE_TIMERS` selects them. `None`: a kind that this version does not know.
    pub fn due_timer(&self) -> Result<Option<DueTimer>, DbErr> {
        let Ok(kind) = self.get::<String>(4)?.parse() else { return Ok(None) };
        Ok(Some(DueTimer {
            key: ConversationKey::new(self.tenant(0)?, self.channel(1)?, self.address(2)?),
            timer: Timer {
                id: self.parse(3)?,
                kind,
                fires_at: self.time(5)?,
                payload: self.get(6)?,
                correlation: self.parse(7)?,
                created_at: self.time(8)?,
            },
        }))
    }

    /// Columns as `sql::OPEN_OFFERS` selects them.
    pub fn open_offer(&self) -> Result<Offer, DbErr> {
        Ok(Offer {
            id: self.parse(0)?,
            conversation: self.parse(1)?,
            text: self.get(2)?,
            details: serde_json::from_str(&self.get::<String>(3)?).map_err(|_| corrupt("an offer"))?,
            expires_at: self.time(4)?,
            state: self.parse(5)?,
        })
    }

    /// Columns as `sql::WAITING_AGENDA` selects them.
    pub fn waiting_entry(&self) -> Result<WaitingEntry, DbErr> {
        Ok(WaitingEntry {
            id: self.parse(0)?,
            conversation: self.parse(1)?,
            service: self.get(2)?,
            resource: self.get(3)?,
            from: self.time(4)?,
            until: self.time(5)?,
            hours: self.hours(6)?,
            replaces: self.parse_or_null(8)?,
            state: self.parse(9)?,
            since: self.time(10)?,
            is_mine: self.get(11)?,
            people: number(self.get(12)?)?,
        })
    }

    /// Two columns of hours, or none.
    pub fn hours(&self, first: usize) -> Result<Option<(NaiveTime, NaiveTime)>, DbErr> {
        let (from, until): (Option<String>, Option<String>) = (self.get(first)?, self.get(first + 1)?);
        let hour = |text: String| text.parse::<NaiveTime>().map_err(|_| corrupt("an hour"));
        from.zip(until).map(|(from, until)| Ok((hour(from)?, hour(until)?))).transpose()
    }

    /// Columns as `sql::LIVE_LINES` selects them.
    pub fn order_line(&self, session: LiveSessionId) -> Result<OrderLine, DbErr> {
        let what = Ordered { reference: self.get(2)?, size: self.get(3)?, quantity: number(self.get(4)?)? };
        Ok(OrderLine { id: self.parse(0)?, session, conversation: self.parse(1)?, what })
    }

    /// Columns as `sql::LIVE_CLIENTS` selects them.
    pub fn live_client(&self, session: LiveSessionId) -> Result<LiveClient, DbErr> {
        let memory: Option<String> = self.get(3)?;
        let memory: BotMemory = memory
            .map_or(Ok(BotMemory::default()), |memory| serde_json::from_str(&memory))
            .map_err(|_| corrupt("a memory"))?;
        Ok(LiveClient {
            conversation: self.parse(0)?,
            person: self.address(1)?.identity(),
            name: self.get(2)?,
            waits: memory.live_question == Some(session),
            no_marketing: self.get(4)?,
        })
    }

    /// Two columns: how many people come, and their places.
    pub fn party(&self, first: usize) -> Result<Party, DbErr> {
        Ok(Party { people: number(self.get(first)?)?, places: Places::from_bits(self.get(first + 1)?) })
    }

    /// Columns as `sql::AGENDA` selects them.
    pub fn booking(&self) -> Result<Booking, DbErr> {
        Ok(Booking {
            id: self.parse(0)?,
            service: self.get(1)?,
            resource: self.get(2)?,
            starts_at: self.time(3)?,
            ends_at: self.time(4)?,
            free_at: self.time(5)?,
            state: self.parse(6)?,
            party: self.party(8)?,
        })
    }

    /// Columns as `sql::LOAD` selects them, from the contact's id on.
    pub fn contact(&self) -> Result<Option<Contact>, DbErr> {
        let id = self.parse_or_null(1)?;
        let name = self.get(2)?;
        Ok(id.map(|id| Contact { id, name }))
    }

    /// Columns as `sql::LOAD` selects them, from the conversation's id on.
    pub fn conversation(&self) -> Result<Option<Conversation>, DbErr> {
        let Some(id) = self.parse_or_null(3)? else { return Ok(None) };
        let session = self.parse_or_null(7)?.zip(self.time_or_null(8)?);
        let (flow, memory): (Option<String>, Option<String>) = (self.get(13)?, self.get(14)?);
        Ok(Some(Conversation {
            id,
            version: self.get(4)?,
            status: self.parse(5)?,
            handler: self.parse(6)?,
            session: session.map(|(id, opened_at)| Session { id, opened_at }),
            recent_answers: parse_timestamps(&self.get::<String>(9)?)?,
            timer_at: self.time_or_null(10)?,
            last_inbound_at: self.time_or_null(11)?,
            watch: LoopWatch::default(),
            assignee: self.get::<Option<String>>(12)?.as_deref().map(Assignee::new),
            flow: flow.as_deref().map(serde_json::from_str).transpose().map_err(|_| corrupt("a flow"))?.map(Arc::new),
            memory: memory
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(|_| corrupt("the bot's memory"))?
                .map(Arc::new),
        }))
    }
}

pub(super) fn number(stored: i64) -> Result<u32, DbErr> {
    u32::try_from(stored).map_err(|_| corrupt("a small number"))
}

/// `2026-11-21T03:45:00Z`: the quarter of an hour of a time, as `usage` has it.
pub(super) fn quarter_text(at: Timestamp) -> String {
    let minutes = at.minute() / 15 * 15;
    format!("{}{minutes:02}:00Z", at.format("%Y-%m-%dT%H:"))
}

/// The smallest id of that millisecond: no UUIDv7 of it or later is smaller.
pub(super) fn first_id_of(at: Timestamp) -> String {
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(millis << 80).to_string()
}

pub(super) fn content(body: String, profile_name: Option<String>, details: Option<&str>) -> Result<Content, DbErr> {
    let details = details.map_or_else(|| Ok(Details::default()), serde_json::from_str);
    Ok(Content { body, profile_name, details: details.map_err(|_| corrupt("message details"))? })
}

pub(super) fn details_text(details: &Details) -> Result<Option<String>, DbErr> {
    if details.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(details).map(Some).map_err(|_| corrupt("message details"))
}

/// A message's template as its column has it.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredTemplate {
    #[serde(flatten)]
    pub template: TemplateUse,
    /// The provider refused the message's text because the window is closed: only the template may go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only: bool,
}

/// An inbound message that waits for its turn, as `sql::LOAD` packs it into JSON.
#[derive(Deserialize)]
pub(super) struct PackedInbound(String, String, String, String, Option<String>, Option<String>, String, String, String);

impl PackedInbound {
    pub fn inbound(self, tenant: &TenantId, channel: &ChannelId) -> Result<Inbound, DbErr> {
        Ok(Inbound {
            id: self.0.parse().map_err(|_| corrupt("an id"))?,
            tenant: tenant.clone(),
            channel: channel.clone(),
            provider_message_id: ProviderMessageId::new(&self.1),
            from: Address::from_normalised(&self.8),
            to: Address::from_normalised(&self.2),
            content: content(self.3, self.4, self.5.as_deref())?,
            correlation: self.6.parse().map_err(|_| corrupt("an id"))?,
            received_at: parse_time(&self.7)?,
        })
    }
}
