//! Use cases that the API and the command line share.
//!
//! One function a use case, its caller first. Authorisation is decided here and nowhere else ([`Caller::require`] and
//! [`Caller::among`]), and every change passes `audit::note`. What a use case answers with are the store's own types; how they
//! are shown, and how a refusal is told, is left to whoever asked.

pub mod analytics;
mod attempts;
pub mod audit;
pub mod backup;
pub mod bookings;
pub mod broadcasts;
pub mod busy;
pub mod calendar;
mod caller;
pub mod canned_replies;
pub mod channels;
pub mod consents;
pub mod contacts;
pub mod conversations;
pub mod crm;
pub mod dealings;
pub mod doctor;
pub mod events_out;
pub mod faq;
pub mod flows;
pub mod handling;
pub mod inbox;
pub mod leads;
pub mod live_sessions;
pub mod media;
pub mod messages;
pub mod offers;
pub mod outbox;
pub mod paid_access;
pub mod people;
pub mod permissions;
pub mod person_links;
pub mod privacy;
pub mod push;
pub mod reload;
pub mod setup;
mod sheet;
pub mod waiting;

pub use self::caller::{Caller, Who};
pub use self::permissions::{Permission, Permissions};
pub use crate::store::operator::Tenants;

use self::messages::NotSent;
use self::people::Weakness;
use crate::store::StoreError;

/// Why a use case was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The caller may not do this.
    #[error("not allowed: the permission {} is missing", .0.as_str())]
    Denied(Permission),
    /// The caller sees no tenant of this name.
    #[error("no such tenant")]
    UnknownTenant,
    /// The caller sees no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A value does not hold. The reason repeats nothing of a customer.
    #[error("{field}: {reason}")]
    NotValid { field: &'static str, reason: String },
    /// A search names no tenant, and the caller sees too many to search them all.
    #[error("too many tenants to search at once: name one")]
    TooManyTenants,
    /// The conversation did not do it.
    #[error("refused: {0:?}")]
    NotDone(NotSent),
    /// What was given for this field does not hold.
    #[error("the {0} does not hold")]
    Invalid(&'static str),
    /// The password is too easy to guess.
    #[error("the password is too easy to guess: {0:?}")]
    WeakPassword(Weakness),
    /// Too much is asked at once: it may be asked again.
    #[error("too much is asked at once")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}
