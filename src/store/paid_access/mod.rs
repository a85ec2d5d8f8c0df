//! Tables of paid access: plans, subscriptions with their ledgers, events of payment systems, chats and places in them.

mod chats;
mod events;
mod grants;
mod sql;
mod subscriptions;
#[cfg(test)]
mod tests;

pub use self::chats::AccessChat;
pub use self::events::{AppliedEvent, Money, NewPaymentEvent, PaymentEvent, PaymentEventLine};
pub use self::grants::{AccessGrant, GrantState};
pub use self::subscriptions::{Payer, Subscription, SubscriptionFilter};
