//! What may be said to an [`super::Ingress`].

use actix::Message;
use tokio::sync::oneshot;

use super::{Accepted, Refusal};
use crate::domain::ids::TenantId;
use crate::domain::message::{Inbound, NewInbound};

/// A webhook's message: make it durable, then answer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Accept {
    /// The message.
    pub message: NewInbound,
    /// Answered after the commit.
    pub answer: oneshot::Sender<Result<Accepted, Refusal>>,
}

/// Messages that were kept beside the store are in it now, in this order: set them on their way.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Arrived(pub Vec<Inbound>);

/// A tenant's lane has room: bring back what waits in the store.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Room(pub TenantId);

/// A tenant's actor lost what it held in memory: bring it back from the store.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Redeliver(pub TenantId);
