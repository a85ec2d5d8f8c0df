//! Comparing a journal's files with the database.

use std::collections::HashMap;
use std::io;

use chrono::{Days, NaiveDate, TimeDelta};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use uuid::Uuid;

use super::JournalFolder;
use super::files::start_of;
use crate::store::StoreError;
use crate::store::operator::Operator;

/// What is younger may be on its way into the file.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(3);

/// What a day's file and the database say of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayVerdict {
    pub day: NaiveDate,
    /// Lines that the database has as well.
    pub lines: u64,
    /// Messages and events that the database has and the file has not.
    pub missing: Vec<(Uuid, String)>,
    /// Messages and events that the file has and the database has not.
    pub surplus: Vec<(Uuid, String)>,
    /// Of those that the file has alone, how many are older than what the database keeps.
    pub forgotten: u64,
    /// Lines that stand there once more: another node, or a kill, wrote them again.
    pub repeated: u64,
    /// Lines that are no JSON of ours.
    pub unreadable: u64,
}

impl DayVerdict {
    /// Whether the file says what the database says.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty() && self.unreadable == 0
    }
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a journal's file cannot be read")]
    File(#[from] io::Error),
}

/// Compares a day. `since`: the journal is written since then. `kept_from`: the database keeps events from then on.
///
/// # Errors
/// [`VerifyError`]
pub async fn verify(
    operator: &Operator,
    (tenant, zone): (&TenantId, chrono_tz::Tz),
    folders: &[JournalFolder],
    day: NaiveDate,
    (since, kept_from, now): (Timestamp, Option<Timestamp>, Timestamp),
) -> Result<DayVerdict, VerifyError> {
    let start = start_of(day, zone);
    let end = day.checked_add_days(Days::new(1)).map_or(now, |next| start_of(next, zone));
    let facts = operator.journal_facts(tenant, (start, end)).await?;
    let mut expected: HashMap<(Uuid, String), (Timestamp, bool)> =
        facts.into_iter().map(|fact| ((fact.message, fact.event), (fact.created_at, false))).collect();
    let mut verdict = DayVerdict {
        day,
        lines: 0,
        missing: Vec::new(),
        surplus: Vec::new(),
        forgotten: 0,
        repeated: 0,
        unreadable: 0,
    };
    let mut surplus: HashMap<(Uuid, String), Timestamp> = HashMap::new();
    for folder in folders {
        let unreadable = folder.read(day, |line| {
            if line.tenant_id != tenant.as_str() {
                return;
            }
            let key = (line.message_id, line.event);
            match expected.get_mut(&key) {
                Some((_, found)) if *found => verdict.repeated += 1,
                Some((_, found)) => {
                    *found = true;
                    verdict.lines += 1;
                }
                None => {
                    surplus.insert(key, line.created_at);
                }
            }
        })?;
        verdict.unreadable += unreadable;
    }
    for (key, at) in surplus {
        match kept_from {
            Some(kept_from) if at < kept_from => verdict.forgotten += 1,
            _ => verdict.surplus.push(key),
        }
    }
    let settled = now - ON_ITS_WAY;
    let missing = expected.into_iter().filter(|(_, (at, found))| !found && (since..settled).contains(at));
    verdict.missing = missing.map(|(key, _)| key).collect();
    verdict.missing.sort_unstable();
    verdict.surplus.sort_unstable();
    Ok(verdict)
}
