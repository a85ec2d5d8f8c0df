//! Webhooks that bring several things.

use std::collections::VecDeque;

use super::super::request_log::{Outcome, Record};
use super::super::{Accepted, HttpDeps, Refusal};
use super::within_deadline;
use crate::gateway::Received;

/// All of a batch, in its order. The first that is refused ends it: the provider comes again with the whole, and what was
/// taken is a duplicate then.
pub(super) async fn take_all(deps: &HttpDeps, record: &Record, parts: Vec<Received>) -> Result<Outcome, Refusal> {
    let mut outcome = Outcome::Ignored;
    let mut parts = VecDeque::from(parts);
    while let Some(part) = parts.pop_front() {
        match part {
            Received::Message(message) => match within_deadline(deps.reception.accept(*message)).await? {
                Accepted::New | Accepted::Spooled => outcome = Outcome::Accepted,
                Accepted::Duplicate { first } if outcome != Outcome::Accepted => {
                    record.first.set(Some(first));
                    outcome = Outcome::Duplicate;
                }
                Accepted::Duplicate { .. } => {}
            },
            Received::Status(update) => {
                within_deadline(deps.reception.status(update)).await?;
                if outcome == Outcome::Ignored {
                    outcome = Outcome::Status;
                }
            }
            Received::Event(event) => {
                within_deadline(deps.reception.event(*event)).await?;
                if outcome == Outcome::Ignored {
                    outcome = Outcome::Event;
                }
            }
            Received::Account(news) => within_deadline(deps.reception.account(news)).await?,
            Received::Nothing => {}
            Received::Shared { own, .. } => parts.push_front(*own),
            Received::Batch(more) => more.into_iter().rev().for_each(|part| parts.push_front(part)),
        }
    }
    Ok(outcome)
}
