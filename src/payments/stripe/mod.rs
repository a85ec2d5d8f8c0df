//! Stripe: direct charges on tenants' connected accounts, over its HTTP API.
//!
//! An event is a hint: it says where to look, and the truth is fetched. Order, repetition and loss of events therefore change
//! nothing that one look does not put right.

mod checkout;
mod client;
mod event;
mod objects;
mod signature;
#[cfg(feature = "lab")]
pub mod simulator;
#[cfg(test)]
mod tests;
mod truth;

pub use self::checkout::CheckoutRequest;
pub use self::client::{EventPage, Stripe, StripeError};
pub use self::event::{Event, EventError, Subject};
pub use self::objects::{AccountLink, Charge, CheckoutSession, ConnectedAccount, PortalSession, WebhookEndpoint};
pub use self::signature::{SIGNATURE_HEADER, SignatureError, sign, verify};
pub use self::truth::Truth;

/// The version of the API that requests ask for. Both the shapes of this version and of older ones are read, because webhooks
/// come in the version of the account or the endpoint.
pub const API_VERSION: &str = "2025-03-31.basil";
