//! What the figures of a tenant are made of, and those that were made.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;
use uuid::Uuid;

use super::StoreError;
use super::operator::Operator;
use super::statement::{SqlText, all, change, text, time};
use super::values::{Row, first_id_of};
use super::{postgres, sqlite};

macro_rules! texts {
    ($($name:ident)*) => {
        $(const $name: SqlText = SqlText { sqlite: sqlite::figures::$name, postgres: postgres::figures::$name };)*
    };
}

texts! { CAME WENT STOPPED ACHIEVED SPENT KEPT KEEP }

/// How far an id may be from the moment of its row: one clock makes both, and a message may wait in the spool meanwhile.
const APART: TimeDelta = TimeDelta::hours(6);

/// A message of a day, in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayMessage {
    /// Not known of a message that had no turn.
    pub conversation: Option<Uuid>,
    pub at: Timestamp,
    pub is_outbound: bool,
    /// In: what came of it. Out: why it was written.
    pub kind: Option<String>,
    /// Out: where it stands.
    pub state: Option<String>,
}

/// What came of a day's conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayAchieved {
    /// How many messages each FAQ entry answered, by the entries' ids.
    pub answers: BTreeMap<String, u64>,
    pub bookings: u64,
    pub leads: u64,
    /// What the messages out cost, in millionths of the tenant's currency.
    pub cost_micros: u64,
}

impl Operator {
    /// Every message of a tenant between two moments, in the order of time.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn day_messages(
        &self,
        tenant: &TenantId,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<DayMessage>, StoreError> {
        let values = || {
            [
                text(tenant.as_str()),
                text(first_id_of(since - APART)),
                text(first_id_of(until + APART)),
                time(since),
                time(until),
            ]
        };
        let came = |row: &Row| -> Result<DayMessage, DbErr> {
            Ok(DayMessage {
                conversation: row.parse_or_null(0)?,
                at: row.time(1)?,
                is_outbound: false,
                kind: row.get(2)?,
                state: None,
            })
        };
        let went = |row: &Row| -> Result<DayMessage, DbErr> {
            Ok(DayMessage {
                conversation: row.parse_or_null(0)?,
                at: row.time(1)?,
                is_outbound: true,
                kind: row.get(2)?,
                state: row.get(3)?,
            })
        };
        let mut messages: Vec<DayMessage> =
            all(self.reads(), CAME, values()).await?.iter().map(came).collect::<Result<_, DbErr>>()?;
        for row in all(self.reads(), WENT, values()).await? {
            messages.push(went(&row)?);
        }
        messages.sort_by_key(|message| (message.at, message.is_outbound));
        Ok(messages)
    }

    /// How many contacts of a tenant said STOP between two moments.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn day_opt_outs(
        &self,
        tenant: &TenantId,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<i64, StoreError> {
        let rows = all(self.reads(), STOPPED, [text(tenant.as_str()), time(since), time(until)]).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.get(0))?)
    }

    /// What came of a tenant's conversations between two moments.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn day_achieved(
        &self,
        tenant: &TenantId,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<DayAchieved, StoreError> {
        let values = [
            text(tenant.as_str()),
            text(first_id_of(since - APART)),
            text(first_id_of(until + APART)),
            time(since),
            time(until),
        ];
        let mut achieved = DayAchieved::default();
        for row in all(self.reads(), ACHIEVED, values).await? {
            let number = u64::try_from(row.get::<i64>(3)?).unwrap_or_default();
            match row.get::<String>(0)?.as_str() {
                "booking_confirmed" => achieved.bookings += number,
                "lead_captured" => achieved.leads += number,
                _ => {
                    let entries = [row.get::<Option<String>>(1)?, row.get::<Option<String>>(2)?];
                    for entry in entries.into_iter().flatten() {
                        *achieved.answers.entry(entry).or_default() += number;
                    }
                }
            }
        }
        let spent = all(self.reads(), SPENT, [text(tenant.as_str()), time(since), time(until)]).await?;
        let spent: i64 = spent.first().map_or(Ok(0), |row| row.get(0))?;
        achieved.cost_micros = u64::try_from(spent).unwrap_or_default();
        Ok(achieved)
    }

    /// Figures of days that were kept: day, figures as JSON, when they were made.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn kept_figures(
        &self,
        tenant: &TenantId,
        (first, last): (&str, &str),
    ) -> Result<Vec<(String, String, Timestamp)>, StoreError> {
        let rows = all(self.reads(), KEPT, [text(tenant.as_str()), text(first), text(last)]).await?;
        let read = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.time(2)?));
        Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
    }

    /// Keeps the figures of a day.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn keep_figures(
        &self,
        tenant: &TenantId,
        (day, figures): (&str, &str),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        change(self.writes(), KEEP, [text(tenant.as_str()), text(day), text(figures), time(at)]).await?;
        Ok(())
    }
}
