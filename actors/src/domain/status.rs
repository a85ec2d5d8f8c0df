//! The states of a message in `messages_out`, and how they may change (I8).

use serde::{Deserialize, Serialize};

/// Where an outbound message stands. Every row is in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// Waits for a sender, until `next_attempt_at` at least.
    Pending,
    /// A sender of the leasing node is at it, or about to be.
    Sending,
    /// An attempt may or may not have reached the provider: asked about before anything is repeated (I5).
    Unknown,
    /// The provider took it.
    Sent,
    /// It reached the contact's device.
    Delivered,
    /// The contact opened it.
    Read,
    /// The provider took it and could not deliver it.
    Failed,
    /// Waits for the contact to write.
    Deferred,
    /// A gate held it back for good: the contact opted out (I6).
    Suppressed,
    /// Will not be tried again unless replayed.
    Dead,
    /// A person called it back.
    Cancelled,
}

/// What a provider's status callback says, in our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Taken by the provider, on its way (`queued`, `accepted`, `sending`, `sent`, …).
    Sent,
    /// On the contact's device.
    Delivered,
    /// Opened.
    Read,
    /// Not delivered (`failed`, `undelivered`, `canceled`).
    Failed,
}
