//! Late failures: what a callback's code does beside the row's state (I5, I6, I8).
//!
//! They are rare, so that a message that arrives pays nothing for them: what they need to know is read for them alone.

use std::collections::BTreeSet;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{CorrelationId, OutboundId, TenantId};
use palabre_actors::domain::late_failure::{FailedRow, LateConsequence, LateFailure};
use palabre_actors::domain::message::{Generation, OutboundKind};
use palabre_actors::domain::send::SendErrorClass;
use palabre_actors::domain::status::{OutboxState, Transition};
use palabre_actors::ports::{Advanced, StatusUpdate};
use sea_orm::DbErr;

use super::Transaction;
use super::consents::{ProviderOptOut, invalidate_conversations, record_provider_opt_out};
use super::conversation_queue::reorder;
use super::outbox_row::OutboxRow;
use crate::store::events::{self, EventReason, Events, OutboundRef};
use crate::store::sql;
use crate::store::statement::{all, change, id, list, text, text_or_null, time, time_or_null};
use crate::store::values::{Row, StoredTemplate, corrupt, number};

/// A message of which a callback says in this batch that it failed after its provider had taken it.
pub(super) struct LateFailed {
    /// The position of its change in the batch.
    pub at: usize,
    pub message: OutboundId,
    pub tenant: TenantId,
    pub failure: LateFailure,
    pub code: String,
    pub when: Timestamp,
}

/// Acts on the failures, in their order. Returns the positions of those whose row does not stay failed, and how they end.
pub(super) async fn act(
    tx: &impl Transaction,
    failed: Vec<LateFailed>,
    events: &mut Events,
) -> Result<Vec<(usize, Advanced)>, DbErr> {
    let mut ends = Vec::new();
    for late in failed {
        let found = all(tx, sql::LATE_FAILURE, [id(late.message)]).await?;
        let Some(row) = found.first() else { continue };
        let row = StoredRow::read(row)?;
        // What they said after it was sent is newer than what the provider knew then.
        if late.failure.class == SendErrorClass::OptedOut && !row.opted_in_since {
            record_opt_out(tx, &late, &row, events).await?;
        }
        // A success in the same batch came after the failure.
        if row.state != OutboxState::Failed {
            continue;
        }
        if let Some(advanced) = begin_generation(tx, &late, row, events).await? {
            ends.push((late.at, advanced));
        }
    }
    Ok(ends)
}

/// Columns as `sql::LATE_FAILURE` selects them.
struct StoredRow {
    state: OutboxState,
    channel: String,
    conversation: String,
    to: Address,
    correlation: CorrelationId,
    template: Option<StoredTemplate>,
    failed: FailedRow,
    /// The contact said START after the message was sent.
    opted_in_since: bool,
}

impl StoredRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let template: Option<String> = row.get(5)?;
        let template: Option<StoredTemplate> =
            template.as_deref().map(serde_json::from_str).transpose().map_err(|_| corrupt("a template"))?;
        let was_template = row.get::<String>(6)?.is_empty() || template.as_ref().is_some_and(|template| template.only);
        let generation = Generation {
            number: number(row.get(8)?)?,
            since: row.time_or_null(9)?.map_or_else(|| row.time(11), Ok)?,
            attempts_before: number(row.get(10)?)?,
        };
        Ok(Self {
            state: row.parse(0)?,
            channel: row.get(1)?,
            conversation: row.get(2)?,
            to: row.address(3)?,
            correlation: row.parse(4)?,
            failed: FailedRow {
                kind: row.parse::<OutboundKind>(14)?,
                template: template.as_ref().map(|template| template.template.name.clone()),
                was_template,
                attempts: number(row.get(7)?)?,
                generation,
                expires_at: row.time_or_null(12)?,
                sent_at: row.time_or_null(13)?,
                on_own_channel: row.get::<Option<String>>(15)?.is_none(),
            },
            template,
            opted_in_since: row.get(16)?,
        })
    }
}

/// The provider said only after it had taken a message that the contact is on its opt-out list.
async fn record_opt_out(
    tx: &impl Transaction,
    late: &LateFailed,
    row: &StoredRow,
    events: &mut Events,
) -> Result<(), DbErr> {
    let refused = ProviderOptOut {
        tenant: &late.tenant,
        channel: &row.channel,
        address: &row.to,
        message: late.message,
        correlation: row.correlation,
        at: late.when,
    };
    record_provider_opt_out(tx, refused, events).await
}

/// Puts the message back into its conversation queue, or lets it wait for the contact, as another generation. `None`: it stays
/// failed.
async fn begin_generation(
    tx: &impl Transaction,
    late: &LateFailed,
    row: StoredRow,
    events: &mut Events,
) -> Result<Option<Advanced>, DbErr> {
    let reason = late.code.as_str();
    let (state, due, expires_at, as_template) = match late.failure.consequence(&row.failed, late.when) {
        LateConsequence::Stays => return Ok(None),
        LateConsequence::Requeue { at, as_template } => (OutboxState::Pending, at, row.failed.expires_at, as_template),
        LateConsequence::AwaitContact { since, expires_at } => (OutboxState::Deferred, since, Some(expires_at), false),
    };
    let template = row.template.map(|template| StoredTemplate { only: template.only || as_template, ..template });
    let template = template.map(|template| serde_json::to_string(&template)).transpose();
    let template = template.map_err(|_| corrupt("a template"))?;
    let waits = state == OutboxState::Deferred;
    let values = [
        id(late.message),
        text(state.as_str()),
        time(due),
        time_or_null(expires_at),
        text_or_null(waits.then_some(reason)),
        text(reason),
        text_or_null(template),
        time(late.when),
    ];
    change(tx, sql::REQUEUE, [list([values])]).await?;
    // A conversation in memory takes its queue for what it was: its next message would overtake this one (I3).
    invalidate_conversations(tx, (&late.tenant, &row.to.identity()), None, late.when).await?;
    let reference = OutboundRef { tenant: &late.tenant, message: late.message, correlation: row.correlation };
    let life = row.failed.generation.number + 1;
    events.push(&events::requeued(reference, reason, life, (due, late.when)));
    if waits {
        events.push(&events::outbound(reference, Transition::Defer, EventReason::of(reason), late.when));
        return Ok(Some(Advanced::To(OutboxState::Deferred)));
    }
    if late.failure.channel.keep_order {
        let queue = (late.tenant.as_str().to_owned(), row.conversation);
        reorder(tx, &BTreeSet::from([queue])).await?;
    }
    Ok(Some(Advanced::Requeued(due)))
}

impl LateFailed {
    /// A callback about a row, if its code is to be acted on.
    pub fn of(at: usize, row: &OutboxRow, update: &StatusUpdate) -> Option<Self> {
        let failure = update.failure.clone()?;
        let code = update.code.clone()?;
        Some(Self { at, message: row.id, tenant: update.tenant.clone(), failure, code, when: update.at })
    }
}
