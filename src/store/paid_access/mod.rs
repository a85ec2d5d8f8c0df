//! Tables of paid access: plans, subscriptions with their ledgers, events of payment systems, places in chats.

mod events;
mod grants;
mod sql;
mod subscriptions;
#[cfg(test)]
mod tests;

pub use self::events::{NewPaymentEvent, PaymentEvent, PaymentEventLine};
pub use self::grants::{AccessGrant, GrantState};
pub use self::subscriptions::{Payer, Subscription, SubscriptionFilter};
