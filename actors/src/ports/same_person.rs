//! Two addresses of one person.

use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::ids::{CorrelationId, TenantId};
use crate::domain::words::stored_words;

/// What showed that two addresses are one person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownBy {
    /// The provider named both in one message.
    Webhook,
    /// The person sent their own card, and the provider vouches for it.
    Card,
    /// The person opened a signed link that was made for another address of theirs.
    Link,
}

stored_words!(ShownBy { Webhook => "webhook", Card => "card", Link => "link" });

/// Two addresses that turned out to be one person's.
#[derive(Clone, Debug)]
pub struct SamePerson {
    /// The tenant.
    pub tenant: TenantId,
    /// The addresses.
    pub addresses: [Address; 2],
    /// The proof that they are one person's.
    pub shown_by: ShownBy,
    /// The flow of the message.
    pub correlation: CorrelationId,
    /// The moment at which they were found to be one person's.
    pub at: Timestamp,
}

/// What became of two addresses of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Union {
    /// Neither is known yet: the first turn writes both.
    Strangers,
    /// They were one contact's before.
    Before,
    /// They are one contact's now.
    Made,
}
