//! Messages that a [`super::Conversation`] takes.

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use crate::domain::conversation::ConversationKey;
use crate::domain::ids::{OutboundId, TimerId};
use crate::domain::message::Inbound;
use crate::domain::timer::Timer;
use crate::domain::turn::{Refused, Request};
use crate::runtime::TenantProfile;
use crate::runtime::admission::Permit;

/// An accepted message for this conversation, in order of acceptance.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// The message.
    pub message: Inbound,
    /// Its admission permit, kept until its turn ends.
    pub permit: Permit,
}

/// A request to a conversation.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Perform {
    /// The conversation.
    pub key: ConversationKey,
    /// The request.
    pub request: Request,
    /// Gets the answer, once the request's turn is durable or refused.
    pub answer: oneshot::Sender<Result<Performed, SendRefusal>>,
}

/// The result of a request that was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Performed {
    /// Whether anything was written; it may have been so already.
    pub changed: bool,
    /// The version of the conversation after it; 0 when there is none.
    pub version: i64,
    /// The row of the outbox that was written.
    pub message: Option<OutboundId>,
    /// The timer that was set.
    pub timer: Option<TimerId>,
}

/// Why a request was not met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// It must not be, or cannot be, sent.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The configuration does not have this tenant.
    #[error("no such tenant")]
    UnknownTenant,
    /// The tenant does not have this channel.
    #[error("the tenant has no such channel")]
    UnknownChannel,
    /// The tenant has no such conversation.
    #[error("the tenant has no such conversation")]
    UnknownConversation,
    /// A message with this idempotency key was written before.
    #[error("a message with this idempotency key was written before")]
    AskedBefore,
    /// Too much waits already.
    #[error("too much waits already")]
    Overloaded,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
    /// The store or the conversation did not answer. It may have been written all the same: ask again, for a message with
    /// the same idempotency key.
    #[error("the request may or may not have been met")]
    Unavailable,
}

/// A timer of a conversation has come.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake {
    /// The conversation.
    pub key: ConversationKey,
    /// The timer.
    pub due: Due,
}

/// A timer that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// `conversations.timer_at`: the session may have been idle for too long.
    Session,
    /// A row of `timers`.
    Timer(Timer),
}

/// The stored state was changed by another turn or node: the conversation reads it again before its next turn.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reread;

/// The tenant's configuration changed: the next turn is decided by this profile.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Adopt(pub Arc<TenantProfile>);

/// The parent asks whether the conversation may leave memory. It answers with [`Idle`] when it has nothing to do.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AskIdle;

/// The answer to [`AskIdle`] of a conversation that has nothing to do.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Idle {
    /// The conversation.
    pub key: ConversationKey,
    /// Its instance.
    pub generation: u64,
    /// How many messages it had taken from its mailbox: if the parent sent more, they are still on their way.
    pub taken: u64,
}

/// The parent took the conversation off its list: it stops.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Retire;
