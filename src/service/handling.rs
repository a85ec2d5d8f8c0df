//! Answering conversations, and who answers them.

use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::conversation::Assignee;
use palabre_actors::domain::event::ActorType;
use palabre_actors::domain::ids::{ConversationId, CorrelationId, OutboundId, TenantId};
use palabre_actors::domain::message::Category;
use palabre_actors::domain::presentation::{Presentation, SentFile};
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::domain::turn::{Command, Reply, Request, Requester, Seen, SendRequest};
use palabre_actors::engine::Performed;
use uuid::Uuid;

use super::conversations::find;
use super::messages::{AskedBefore, NotSent, Outgoing, asked_before, says_the_same};
use super::permissions::Permission::{ConversationRead, ConversationWrite, MessageSend};
use super::{Caller, ServiceError, Tenants, Who, audit};
use crate::store::conversations::{ConversationRow, Timeline, TimelinePage, TimelineSide};
use crate::store::operator::{Item, Operator};

/// Messages that a stale reply is told of, at most.
const MOST_NEWS: usize = 50;
/// Messages among which it is looked for the one that is being answered.
const NEWEST: usize = 10;

/// The tables, and the way to the conversations of the running daemon.
#[derive(Clone, Copy)]
pub struct ConversationAccess<'a> {
    pub store: &'a Operator,
    pub outgoing: &'a dyn Outgoing,
}

/// What a person answers. It never stands in a log.
pub struct NewReply {
    /// What to say, while free text may be sent.
    pub text: Option<String>,
    /// What to say otherwise.
    pub template: Option<TemplateUse>,
    /// Whether it passes when the budget is spent.
    pub urgent: bool,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// Files that go with the text, or alone.
    pub files: Vec<SentFile>,
    /// The same key is the same message.
    pub idempotency_key: Option<String>,
    /// How far the person had read. `None`: nobody knows, and the reply is never stale.
    pub seen: Option<Seen>,
    /// The last message that the person had read: a stale reply is told of those after it.
    pub last_message: Option<Uuid>,
    /// Send it even if it is stale.
    pub is_forced: bool,
}

/// What became of a reply.
#[derive(Debug)]
pub enum ReplyOutcome {
    /// It is durable, and sent in its turn.
    Taken {
        id: OutboundId,
        /// The conversation's version after it.
        version: i64,
    },
    /// It was asked for before, under the same key.
    TakenBefore(OutboundId),
    /// The key was used for another message.
    KeyReused,
    /// Nothing was written, because the conversation went on since it was read. What came since, for callers who may read it.
    Stale(Option<Box<(ConversationRow, Timeline)>>),
}

/// Answers a contact, and takes the conversation over from the bot. Whoever only may send messages may not silence the bot, so it
/// needs both permissions.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn reply(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
    reply: NewReply,
) -> Result<ReplyOutcome, ServiceError> {
    caller.require(MessageSend)?;
    caller.require(ConversationWrite)?;
    let tenant = find(caller, at.store, id).await?.tenant;
    audit::note(caller, at.store, &tenant, "conversation.reply", ("conversation", &id.to_string())).await?;
    let (key, text, template) = (reply.idempotency_key.clone(), reply.text.clone(), reply.template.clone());
    let is_same = |first: &Item| is_of(first, id) && says_the_same(first, text.as_deref(), template.as_ref());
    let before = || asked_before(at.store, &tenant, key.as_deref(), is_same);
    if let Some(before) = before().await? {
        return Ok(before.into());
    }
    let last_message = reply.last_message;
    match perform(caller, at, (tenant.clone(), id), command(reply)).await {
        Ok(performed) => {
            let id = performed.message.ok_or(ServiceError::NotDone(NotSent::KeyTaken))?;
            Ok(ReplyOutcome::Taken { id, version: performed.version })
        }
        Err(ServiceError::NotDone(NotSent::KeyTaken)) => {
            before().await?.map(ReplyOutcome::from).ok_or(ServiceError::NotDone(NotSent::KeyTaken))
        }
        Err(ServiceError::NotDone(NotSent::Stale)) => {
            Ok(ReplyOutcome::Stale(news(caller, at.store, id, last_message).await?.map(Box::new)))
        }
        Err(error) => Err(error),
    }
}

impl From<AskedBefore> for ReplyOutcome {
    fn from(before: AskedBefore) -> Self {
        match before {
            AskedBefore::Same(id) => Self::TakenBefore(id),
            AskedBefore::Other => Self::KeyReused,
        }
    }
}

fn is_of(first: &Item, id: ConversationId) -> bool {
    first.conversation == id.0
}

fn command(reply: NewReply) -> Command {
    let message = SendRequest {
        text: reply.text,
        template: reply.template,
        choices: Vec::new(),
        presentation: (!reply.files.is_empty()).then(|| Presentation { files: reply.files, ..Presentation::default() }),
        category: Category::Transactional,
        urgent: reply.urgent,
        send_at: None,
        expires_at: reply.expires_at,
        idempotency_key: reply.idempotency_key,
        correlation: CorrelationId::fresh(),
    };
    Command::Reply(Reply { message, seen: reply.seen, forced: reply.is_forced })
}

/// The conversation as it is now, and the messages after the last one that the caller has read; the newest ones when nobody
/// says which that was. `None`: the caller may not read it.
async fn news(
    caller: &Caller,
    store: &Operator,
    id: ConversationId,
    last_message: Option<Uuid>,
) -> Result<Option<(ConversationRow, Timeline)>, ServiceError> {
    if !caller.may(ConversationRead) {
        return Ok(None);
    }
    let conversation = find(caller, store, id).await?;
    let page = TimelinePage { after: last_message, before: None, side: TimelineSide::Newest, limit: MOST_NEWS };
    let timeline = store.timeline(&conversation, page).await?;
    Ok(Some((conversation, timeline)))
}

/// Gives a conversation to a person, or to nobody. Who answers does not change. Answers how it stands now.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn assign(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
    to: Option<Assignee>,
) -> Result<ConversationRow, ServiceError> {
    change(caller, at, id, ("conversation.assign", Command::Assign(to))).await
}

/// A person answers from now on, and the bot is silent, until that time or until it is handed back.
///
/// # Errors
/// As [`assign`].
pub async fn hand_over(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
    hand_back_at: Option<Timestamp>,
) -> Result<ConversationRow, ServiceError> {
    change(caller, at, id, ("conversation.hand_over", Command::HandOver { hand_back_at })).await
}

/// The bot answers again.
///
/// # Errors
/// As [`assign`].
pub async fn hand_back(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
) -> Result<ConversationRow, ServiceError> {
    change(caller, at, id, ("conversation.hand_back", Command::HandBack)).await
}

/// It is done, until the contact writes again.
///
/// # Errors
/// As [`assign`].
pub async fn resolve(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
) -> Result<ConversationRow, ServiceError> {
    change(caller, at, id, ("conversation.resolve", Command::Resolve)).await
}

/// It is not done after all.
///
/// # Errors
/// As [`assign`].
pub async fn reopen(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
) -> Result<ConversationRow, ServiceError> {
    change(caller, at, id, ("conversation.reopen", Command::Reopen)).await
}

/// The contact of a conversation gets no more answers, on all their channels, and nobody is called. Advertising to many leaves
/// them out as well.
///
/// # Errors
/// As [`assign`].
pub async fn block(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
) -> Result<ConversationRow, ServiceError> {
    change_all(caller, at, id, ("conversation.block", Command::Block)).await
}

/// The contact of a conversation is answered again, on all their channels.
///
/// # Errors
/// As [`assign`].
pub async fn unblock(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
) -> Result<ConversationRow, ServiceError> {
    change_all(caller, at, id, ("conversation.unblock", Command::Unblock)).await
}

/// The same of every conversation with the contact of this one, which comes last.
async fn change_all(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
    (action, command): (&'static str, Command),
) -> Result<ConversationRow, ServiceError> {
    caller.require(ConversationWrite)?;
    let row = find(caller, at.store, id).await?;
    let contact = at.store.contact(&Tenants::Of(vec![row.tenant]), row.contact).await?;
    let all = contact.into_iter().flat_map(|contact| contact.conversations).map(|row| row.id);
    for other in all.filter(|other| *other != row.id) {
        change(caller, at, other, (action, command.clone())).await?;
    }
    change(caller, at, row.id, (action, command)).await
}

/// The contact sees that a person is typing, where their channel can show it. Answers for how long; `None`: it is not shown.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn show_typing(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
) -> Result<Option<Duration>, ServiceError> {
    caller.require(MessageSend)?;
    caller.require(ConversationWrite)?;
    let row = find(caller, at.store, id).await?;
    if row.is_blocked {
        return Ok(None);
    }
    let page = TimelinePage { after: None, before: None, side: TimelineSide::Newest, limit: NEWEST };
    let timeline = at.store.timeline(&row, page).await?;
    let answered = timeline.messages.iter().rev().find(|message| !message.is_outbound);
    let Some(answered) = answered else { return Ok(None) };
    let Some((from, known_as)) = at.store.inbound_origin(&row.tenant, answered.id).await? else { return Ok(None) };
    Ok(at.outgoing.show_typing(row.tenant, answered.channel.clone(), from, known_as).await)
}

async fn change(
    caller: &Caller,
    at: ConversationAccess<'_>,
    id: ConversationId,
    (action, command): (&'static str, Command),
) -> Result<ConversationRow, ServiceError> {
    caller.require(ConversationWrite)?;
    let tenant = find(caller, at.store, id).await?.tenant;
    audit::note(caller, at.store, &tenant, action, ("conversation", &id.to_string())).await?;
    perform(caller, at, (tenant, id), command).await?;
    find(caller, at.store, id).await
}

async fn perform(
    caller: &Caller,
    at: ConversationAccess<'_>,
    (tenant, id): (TenantId, ConversationId),
    command: Command,
) -> Result<Performed, ServiceError> {
    let correlation = match &command {
        Command::Reply(reply) => reply.message.correlation,
        _ => CorrelationId::fresh(),
    };
    answered(at.outgoing.request(tenant, id, asked_by(caller, correlation, command)).await)
}

/// What a conversation is asked in the name of whoever asks.
pub(super) fn asked_by(caller: &Caller, correlation: CorrelationId, command: Command) -> Request {
    let actor_type = match caller.who {
        Who::User(_) => ActorType::Agent,
        Who::Key(_) | Who::CommandLine => ActorType::Operator,
    };
    Request { by: Requester { actor_type, name: Some(caller.who.to_string()) }, correlation, command }
}

/// What a conversation answered; one that is not there is as one of another tenant.
pub(super) fn answered(done: Result<Performed, NotSent>) -> Result<Performed, ServiceError> {
    match done {
        Err(NotSent::UnknownConversation) => Err(ServiceError::NotFound("conversation")),
        done => done.map_err(ServiceError::NotDone),
    }
}
