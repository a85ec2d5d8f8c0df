//! What may be said to a [`super::Supervisor`].

use actix::{Message, WeakRecipient};

use crate::domain::conversation::ConversationKey;
use crate::domain::ids::TenantId;
use crate::ingress::messages::Redeliver;
use crate::runtime::exit::Exit;

pub use crate::conversation::messages::{Compose, Deliver};

/// A conversation's timer has come.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake(pub ConversationKey);

/// Somebody else changed what a tenant's conversations hold in memory.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reread(pub TenantId);

/// A tenant ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ChildExited {
    /// Which.
    pub tenant: TenantId,
    /// Which instance of it.
    pub generation: u64,
    /// How.
    pub exit: Exit,
}

/// The ingress, which brings a tenant's messages back from the store. Sent once, before anything else.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MeetIngress(pub WeakRecipient<Redeliver>);
