//! Consent and window of recipients.

use super::{Pending, PortError};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::ids::{ChannelId, TenantId};

/// Consent and window of recipients, asked right before the gateway call.
pub trait RecipientStatuses: Send + Sync {
    /// The status of an address. It is the last check before the gateway call, and an error keeps the message back: it fails
    /// closed (I6).
    fn recipient_status(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Pending<'_, Result<RecipientStatus, PortError>>;

    /// The double opt-in of the person, as a channel sees it. Asked only for tenants that require it.
    fn opt_in(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Pending<'_, Result<OptIn, PortError>>;

    /// Whether the person said STOP PROMOTIONS, by any address, and nothing since that wants advertising again. Asked only for
    /// advertising; an error keeps it back.
    fn stopped_marketing(&self, tenant: &TenantId, address: &Address) -> Pending<'_, Result<bool, PortError>>;
}

/// A person's double opt-in, as one channel sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptIn {
    /// A welcome asked the contact on this channel: it was written for the channel, or left through it as the fallback. The
    /// consent ledger has a row of it, with this channel and an address of the contact.
    pub asked: bool,
    /// The contact, or another one with the same phone number, confirmed on any channel: a number is one person.
    pub confirmed: bool,
}

/// Consent and window of a recipient on a tenant's channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecipientStatus {
    /// This address or another of the same contact said STOP.
    pub opted_out: bool,
    /// When the contact last wrote on this channel.
    pub last_inbound_at: Option<Timestamp>,
}
