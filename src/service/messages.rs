//! Sending a message that somebody asks for.

use std::borrow::Cow;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, OutboundId, TenantId};
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::ports::Pending;

use super::permissions::Permission::MessageSend;
use super::{Caller, ServiceError, audit};
use crate::store::operator::{Item, Operator};

/// A message that somebody asks for. It never stands in a log.
#[derive(Clone)]
pub struct OutgoingMessage {
    /// Who sends.
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub to: Address,
    /// What to say, while free text may be sent.
    pub text: Option<String>,
    /// What to say otherwise.
    pub template: Option<TemplateUse>,
    /// Whether it passes when the budget is spent.
    pub urgent: bool,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// The same key is the same message.
    pub idempotency_key: Option<String>,
}

/// Takes messages to send.
pub trait Outgoing: Send + Sync {
    /// Makes a message durable; it is sent in its turn.
    fn send(&self, message: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>>;
}

/// Why nothing was written. Its texts repeat nothing of it (I10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The rules say no: a word, and what to do.
    Refused {
        /// `opted_out`, `unknown_template`, …
        word: &'static str,
        /// For people.
        hint: Cow<'static, str>,
        /// Which field is meant, where it is one: `template.variables.heure`.
        field: Option<Cow<'static, str>>,
    },
    /// Another message has this idempotency key.
    KeyTaken,
    /// Nothing is promised: try again.
    Later {
        /// `overloaded`, `stopping`, `unavailable`
        word: &'static str,
        /// For people.
        hint: &'static str,
    },
}

/// What became of a message that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is durable, and sent in its turn.
    Taken(OutboundId),
    /// It was asked for before, under the same key.
    TakenBefore(OutboundId),
    /// The key was used for another message.
    KeyReused,
    /// Nothing was written.
    NotSent(NotSent),
}

/// Asks for a message. The same idempotency key is the same message, however often it is asked for.
///
/// # Errors
/// [`ServiceError`]
pub async fn send(
    caller: &Caller,
    store: &Operator,
    outgoing: &dyn Outgoing,
    message: OutgoingMessage,
) -> Result<SendOutcome, ServiceError> {
    caller.require(MessageSend)?;
    caller.within(&message.tenant)?;
    audit::note(caller, "message.send", &message.channel);
    if let Some(before) = asked_before(store, &message).await? {
        return Ok(before);
    }
    match outgoing.send(message.clone()).await {
        Ok(id) => Ok(SendOutcome::Taken(id)),
        // Two copies raced, and the other one was first. One that is gone by now was deleted by its retention.
        Err(NotSent::KeyTaken) => {
            Ok(asked_before(store, &message).await?.unwrap_or(SendOutcome::NotSent(NotSent::KeyTaken)))
        }
        Err(why) => Ok(SendOutcome::NotSent(why)),
    }
}

async fn asked_before(store: &Operator, message: &OutgoingMessage) -> Result<Option<SendOutcome>, ServiceError> {
    let Some(key) = &message.idempotency_key else { return Ok(None) };
    let first = store.by_key(&message.tenant, key).await?;
    let told = |first: Item| {
        if is_same(&first, message) { SendOutcome::TakenBefore(first.id) } else { SendOutcome::KeyReused }
    };
    Ok(first.map(told))
}

fn is_same(first: &Item, message: &OutgoingMessage) -> bool {
    let text = message.text.as_deref().map(str::trim).unwrap_or_default();
    let template = message.template.as_ref().map(TemplateUse::on_one_line);
    first.to == message.to && first.body == text && first.template == template
}
