//! Check of messages: those that wait longer than they should, and those that were given up.

use chrono::TimeDelta;
use palabre_actors::domain::status::OutboxState;

use super::super::permissions::Permission::OutboxRead;
use super::finding::{DoctorFinding, text};
use super::{Caller, Installation, ServiceError};
use crate::store::StoreError;
use crate::store::operator::{Filter, Operator};

const CHECK: &str = "messages";

/// An answer is written within seconds.
const LATE: TimeDelta = TimeDelta::minutes(1);
/// Dead letters of long ago were looked at, or are nobody's concern any more.
const RECENT: TimeDelta = TimeDelta::days(1);

pub(super) async fn check(
    caller: &Caller,
    of: &Installation<'_>,
    store: &Operator,
) -> Result<Vec<DoctorFinding>, ServiceError> {
    caller.require(OutboxRead)?;
    match counted(store, of).await {
        Ok(findings) => Ok(findings),
        Err(error) => Ok(vec![DoctorFinding::doubtful(
            CHECK,
            text(format!("they cannot be counted: {error}"), format!("on ne peut pas les compter : {error}")),
            text("ask again, and look at the database", "redemander, et regarder la base"),
        )]),
    }
}

async fn counted(store: &Operator, of: &Installation<'_>) -> Result<Vec<DoctorFinding>, StoreError> {
    let mut findings = Vec::new();
    let (unanswered, _) = store.unanswered_since(&of.among(), of.now - LATE).await?;
    if unanswered > 0 {
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(
                format!("{unanswered} messages have waited for their answer for more than a minute"),
                format!("{unanswered} messages attendent leur réponse depuis plus d'une minute"),
            ),
            text(
                "look whether the daemon runs, and at \"Answers are late\" in docs/operations.md",
                "regarder si le serveur tourne, et « Answers are late » dans docs/operations.md",
            ),
        ));
    }
    let filter = Filter { tenants: of.among(), since: Some(of.now - RECENT), ..Filter::default() };
    let counts = store.counts(&filter, of.now).await?;
    let of_states = |states: &[OutboxState]| -> u64 {
        counts.iter().filter(|count| states.contains(&count.state)).map(|count| count.messages).sum()
    };
    let dead = of_states(&[OutboxState::Dead, OutboxState::Failed]);
    if dead > 0 {
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(
                format!("{dead} messages of the last day were given up or not delivered"),
                format!("{dead} messages du dernier jour ont été abandonnés ou non remis"),
            ),
            text(
                "`palabre outbox list --by-reason` says why, and what to do",
                "`palabre outbox list --by-reason --language fr` dit pourquoi, et quoi faire",
            ),
        ));
    }
    let waiting = of_states(&[OutboxState::Pending, OutboxState::Unknown]);
    if waiting > 0 {
        findings.push(DoctorFinding::doubtful(
            CHECK,
            text(
                format!("{waiting} messages wait longer than they should to be sent"),
                format!("{waiting} messages attendent trop longtemps avant de partir"),
            ),
            text(
                "`palabre outbox list --state pending --by-reason` says for what",
                "`palabre outbox list --state pending --by-reason --language fr` dit quoi",
            ),
        ));
    }
    if findings.is_empty() {
        findings.push(DoctorFinding::good(
            CHECK,
            text(
                "none waits too long, none was given up today",
                "aucun n'attend trop, aucun n'a été abandonné aujourd'hui",
            ),
        ));
    }
    Ok(findings)
}
