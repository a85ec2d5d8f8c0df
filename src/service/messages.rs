//! Sending a message that somebody asks for.

use std::borrow::Cow;
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, ConversationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Category, Choice};
use palabre_actors::domain::presentation::Presentation;
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::domain::turn::Request;
use palabre_actors::engine::Performed;
use palabre_actors::ports::Pending;

use super::permissions::Permission::MessageSend;
use super::{Caller, ServiceError, Who, audit};
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
    /// What the contact may choose from, below the text.
    pub choices: Vec<Choice>,
    /// What it has beside its text.
    pub presentation: Option<Presentation>,
    /// What it is about.
    pub category: Category,
    /// Whether it passes when the budget is spent.
    pub urgent: bool,
    /// Not before.
    pub send_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// The same key is the same message.
    pub idempotency_key: Option<String>,
}

/// Takes messages to send, and what else is asked of conversations.
pub trait Outgoing: Send + Sync {
    /// Makes a message durable; it is sent in its turn.
    fn send(&self, message: OutgoingMessage) -> Pending<'_, Result<OutboundId, NotSent>>;

    /// Has the provider do something that is no message, durably, in the conversation with this address.
    fn act(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        with: Address,
        action: Action,
    ) -> Pending<'_, Result<OutboundId, NotSent>>;

    /// Has a conversation do what is asked of it, durably.
    fn request(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        request: Request,
    ) -> Pending<'_, Result<Performed, NotSent>>;

    /// The same in the conversation with this address, which need not be there yet, where that is possible.
    fn request_of(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        with: Address,
        request: Request,
    ) -> Pending<'_, Result<Performed, NotSent>> {
        let _ = (tenant, channel, with, request);
        Box::pin(async { Err(NotSent::UnknownConversation) })
    }

    /// Shows a contact that somebody is typing, where that is possible. Answers for how long; `None`: it is not shown.
    fn show_typing(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        to: Address,
        in_reply_to: ProviderMessageId,
    ) -> Pending<'_, Option<Duration>> {
        let _ = (tenant, channel, to, in_reply_to);
        Box::pin(std::future::ready(None))
    }
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
    /// The conversation went on since the person who answers read it.
    Stale,
    /// The tenant has no such conversation.
    UnknownConversation,
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
    // What programs send stands in the event log under the key's name, and there may be thousands a second.
    if !matches!(caller.who, Who::Key(_)) {
        audit::note(caller, store, &message.tenant, "message.send", ("channel", message.channel.as_str())).await?;
    }
    let key = message.idempotency_key.as_deref();
    let before = || asked_before(store, &message.tenant, key, |first| is_same(first, &message));
    if let Some(before) = before().await? {
        return Ok(before.into());
    }
    if message.category == Category::Marketing && store.stopped_marketing(&message.tenant, &message.to).await? {
        return Ok(SendOutcome::NotSent(NotSent::Refused {
            word: "marketing_stopped",
            hint: "the contact said STOP PROMOTIONS: only RESUME PROMOTIONS, or START, ends that; transactional messages still go".into(),
            field: None,
        }));
    }
    match outgoing.send(message.clone()).await {
        Ok(id) => Ok(SendOutcome::Taken(id)),
        // Two copies raced, and the other one was first. One that is gone by now was deleted by its retention.
        Err(NotSent::KeyTaken) => {
            Ok(before().await?.map_or(SendOutcome::NotSent(NotSent::KeyTaken), SendOutcome::from))
        }
        Err(why) => Ok(SendOutcome::NotSent(why)),
    }
}

/// What a key was used for before.
pub(super) enum AskedBefore {
    /// The same message.
    Same(OutboundId),
    /// Another one.
    Other,
}

impl From<AskedBefore> for SendOutcome {
    fn from(before: AskedBefore) -> Self {
        match before {
            AskedBefore::Same(id) => Self::TakenBefore(id),
            AskedBefore::Other => Self::KeyReused,
        }
    }
}

/// What an idempotency key of a tenant was used for before, if there is a key and it was.
pub(super) async fn asked_before(
    store: &Operator,
    tenant: &TenantId,
    key: Option<&str>,
    is_same: impl Fn(&Item) -> bool,
) -> Result<Option<AskedBefore>, ServiceError> {
    let Some(key) = key else { return Ok(None) };
    let first = store.by_key(tenant, key).await?;
    Ok(first.map(|first| if is_same(&first) { AskedBefore::Same(first.id) } else { AskedBefore::Other }))
}

fn is_same(first: &Item, message: &OutgoingMessage) -> bool {
    first.to == message.to && says_the_same(first, message.text.as_deref(), message.template.as_ref())
}

/// Whether a row of the outbox has this text and this template.
pub(super) fn says_the_same(first: &Item, text: Option<&str>, template: Option<&TemplateUse>) -> bool {
    let template = template.map(TemplateUse::on_one_line);
    first.body == text.map(str::trim).unwrap_or_default() && first.template == template
}
