//! Messages that an [`super::Ingress`] takes.

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

/// Messages that were spooled are in the store now, in this order: deliver them.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Arrived(pub Vec<Inbound>);

/// A tenant has room in memory again: deliver what waits in the store.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RoomFreed(pub TenantId);

/// A tenant's actor lost what it held in memory: deliver it again from the store.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Redeliver(pub TenantId);
