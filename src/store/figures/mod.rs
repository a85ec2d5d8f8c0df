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

texts! { CAME WENT STOPPED ANSWERED KEPT KEEP }

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

    /// How many messages of a tenant each FAQ entry answered between two moments, by the entries' ids.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn day_answers(
        &self,
        tenant: &TenantId,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let values = [
            text(tenant.as_str()),
            text(first_id_of(since - APART)),
            text(first_id_of(until + APART)),
            time(since),
            time(until),
        ];
        let mut answers = BTreeMap::new();
        for row in all(self.reads(), ANSWERED, values).await? {
            let messages = u64::try_from(row.get::<i64>(2)?).unwrap_or_default();
            let entries = [Some(row.get::<String>(0)?), row.get::<Option<String>>(1)?];
            for entry in entries.into_iter().flatten() {
                *answers.entry(entry).or_default() += messages;
            }
        }
        Ok(answers)
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
