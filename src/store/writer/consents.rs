//! Consent ledger, and the opt-outs that follow from it (I6).

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Identity};
use palabre_actors::domain::ids::{ContactId, ConversationId, CorrelationId, OutboundId, TenantId};
use palabre_actors::domain::message::OutboundKind;
use palabre_actors::domain::turn::{ConsentChange, Turn};
use palabre_actors::ports::Settlement;
use sea_orm::DbErr;
use uuid::Uuid;

use super::Transaction;
use super::conversation_queue::{Awaited, release, suppress};
use super::outbox_row::FailoverSend;
use crate::store::events::{self, Events};
use crate::store::insert::Rows;
use crate::store::sql;
use crate::store::statement::{Value, all, change, id, id_or_null, list, text, text_or_null, time};
use crate::store::values::Row;

/// Writes the consent changes of a wave of turns: welcomes first, then what contacts said.
pub(super) async fn apply(tx: &impl Transaction, turns: &[&Turn], events: &mut Events) -> Result<(), DbErr> {
    let mut ledger = Rows::of(sql::CONSENTS);
    for turn in turns {
        for draft in turn.outbox.iter().filter(|draft| draft.message.kind == OutboundKind::Welcome) {
            let proof = Some(draft.message.id.to_string());
            ledger.push(said(turn, "welcomed", turn.key.address.as_str(), proof, turn.at));
            change(tx, sql::WELCOMED, [id(turn.contact.id), time(turn.at)]).await?;
        }
        if let Some(consent) = &turn.consent {
            let (what, address) = match consent {
                ConsentChange::OptOut { address } => ("opted_out", address),
                ConsentChange::OptIn { address } => ("opted_in", address),
                ConsentChange::Confirm { address } => ("confirmed", address),
                ConsentChange::Marketing { address, wanted: true } => ("opted_in", address),
                ConsentChange::Marketing { address, wanted: false } => ("opted_out", address),
            };
            let proof = turn.consumed.as_ref().map(|consumed| consumed.id.to_string());
            let row = said(turn, what, address.as_str(), proof, said_at(turn));
            if matches!(consent, ConsentChange::Marketing { .. }) {
                change(tx, sql::MARKETING_LEDGER, row).await?;
            } else {
                ledger.push(row);
            }
            changed(tx, turn, consent, events).await?;
        }
    }
    ledger.insert_later(tx).await
}

/// When the contact sent the message of the turn.
fn said_at(turn: &Turn) -> Timestamp {
    turn.consumed.as_ref().map_or(turn.at, |consumed| consumed.said_at)
}

fn said(turn: &Turn, what: &'static str, address: &str, proof: Option<String>, at: Timestamp) -> [Value; 9] {
    [
        id(Uuid::now_v7()),
        text(turn.key.tenant.as_str()),
        text(turn.key.channel.as_str()),
        id(turn.contact.id),
        text(address),
        text(what),
        text("message"),
        text_or_null(proof),
        time(at),
    ]
}

async fn changed(
    tx: &impl Transaction,
    turn: &Turn,
    consent: &ConsentChange,
    events: &mut Events,
) -> Result<(), DbErr> {
    let tenant = &turn.key.tenant;
    match consent {
        ConsentChange::OptOut { address } => {
            let message = turn.consumed.as_ref().map(|consumed| consumed.id.to_string());
            list_opt_out(tx, (tenant, address), ("message", message), said_at(turn)).await?;
            let person = address.identity();
            invalidate_conversations(tx, (tenant, &person), Some(turn.conversation.id), turn.at).await?;
            suppress(tx, tenant, &person, turn.at, events).await
        }
        // The ledger says it; a message of the kind asks it right before it is sent.
        ConsentChange::Marketing { .. } => Ok(()),
        ConsentChange::OptIn { address } => {
            let person = address.identity();
            change(tx, sql::OPT_IN, [text(tenant.as_str()), text(person.as_str())]).await?;
            invalidate_conversations(tx, (tenant, &person), Some(turn.conversation.id), turn.at).await
        }
        ConsentChange::Confirm { address } => {
            let person = address.identity();
            let values = [text(tenant.as_str()), text(person.as_str()), time(turn.at)];
            change(tx, sql::CONFIRMED, values).await?;
            invalidate_conversations(tx, (tenant, &person), Some(turn.conversation.id), turn.at).await?;
            // Rows that wait for the confirmation on another channel, where the welcome was meant for, are released
            // as well.
            let waiting = all(tx, sql::UNCONFIRMED, [text(tenant.as_str()), text(person.as_str())]).await?;
            let line = |row: &Row| Ok(((tenant.as_str().to_owned(), row.get(0)?), turn.at));
            let lines: Vec<_> = waiting.iter().map(line).collect::<Result<_, DbErr>>()?;
            release(tx, Awaited::Contact, &lines, events).await.map(|_| ())
        }
    }
}

/// Records welcomes that left through another channel than their own (failover): the ledger says that they asked the
/// contact there, and conversations in memory are invalidated.
pub(super) async fn record_failover_welcomes(tx: &impl Transaction, left: Vec<FailoverSend>) -> Result<(), DbErr> {
    if left.is_empty() {
        return Ok(());
    }
    let at = left.iter().map(|left| left.at).max().unwrap_or_default();
    let rows = left.iter().map(|left| {
        let scheme = text(left.scheme.as_str());
        [id(left.message), id(Uuid::now_v7()), text(left.channel.as_str()), scheme, time(left.at)]
    });
    for row in &all(tx, sql::WELCOMED_BY, [list(rows)]).await? {
        invalidate_conversations(tx, (&row.tenant(0)?, &row.address(1)?.identity()), None, at).await?;
    }
    Ok(())
}

/// A message that its provider refused, at once or later, because the contact is on the provider's own opt-out list.
pub(super) struct ProviderOptOut<'a> {
    pub tenant: &'a TenantId,
    pub channel: &'a str,
    pub address: &'a Address,
    pub message: OutboundId,
    pub correlation: CorrelationId,
    pub at: Timestamp,
}

impl<'a> From<&'a Settlement> for ProviderOptOut<'a> {
    fn from(settlement: &'a Settlement) -> Self {
        let message = &settlement.message;
        Self {
            tenant: &message.tenant,
            channel: message.channel.as_str(),
            address: &message.to,
            message: message.id,
            correlation: message.correlation,
            at: settlement.at,
        }
    }
}

/// The contact is on the provider's opt-out list, and goes on ours too.
pub(super) async fn record_provider_opt_out(
    tx: &impl Transaction,
    refused: ProviderOptOut<'_>,
    events: &mut Events,
) -> Result<(), DbErr> {
    let ProviderOptOut { tenant, channel, address, message, correlation, at } = refused;
    let (proof, person) = (message.to_string(), address.identity());
    if list_opt_out(tx, (tenant, address), ("provider", Some(proof.clone())), at).await? {
        let contact = contact_of(tx, tenant, &person).await?;
        let mut ledger = Rows::of(sql::CONSENTS);
        ledger.push([
            id(Uuid::now_v7()),
            text(tenant.as_str()),
            text(channel),
            id_or_null(contact),
            text(address.as_str()),
            text("opted_out"),
            text("provider"),
            text(proof),
            time(at),
        ]);
        ledger.insert(tx).await?;
        invalidate_conversations(tx, (tenant, &person), None, at).await?;
        let contact = contact.map(|contact| contact.0);
        events.push(&events::opted_out_at_provider(tenant, contact, correlation, at));
    }
    suppress(tx, tenant, &person, at, events).await
}

/// Puts an address on the list of those who said STOP, by whose word and by which message. Answers whether it was not there.
pub(in crate::store) async fn list_opt_out(
    tx: &impl Transaction,
    (tenant, address): (&TenantId, &Address),
    (source, message): (&str, Option<String>),
    at: Timestamp,
) -> Result<bool, DbErr> {
    let values = [
        id(Uuid::now_v7()),
        text(tenant.as_str()),
        text(address.as_str()),
        text(source),
        text_or_null(message),
        time(at),
        text(address.identity().as_str()),
    ];
    Ok(change(tx, sql::OPT_OUT, values).await? > 0)
}

/// Makes conversations in memory read the person again, by their version; except for the one whose turn it is, which knows.
pub(in crate::store) async fn invalidate_conversations(
    tx: &impl Transaction,
    (tenant, person): (&TenantId, &Identity),
    but: Option<ConversationId>,
    at: Timestamp,
) -> Result<(), DbErr> {
    let values = [text(tenant.as_str()), text(person.as_str()), time(at), id_or_null(but)];
    change(tx, sql::INVALIDATE_CONVERSATIONS, values).await.map(drop)
}

/// The contact that a person is.
pub(in crate::store) async fn contact_of(
    tx: &impl Transaction,
    tenant: &TenantId,
    person: &Identity,
) -> Result<Option<ContactId>, DbErr> {
    let rows = all(tx, sql::CONTACT_OF, [text(tenant.as_str()), text(person.as_str())]).await?;
    rows.first().map(|row| row.parse(0)).transpose()
}
