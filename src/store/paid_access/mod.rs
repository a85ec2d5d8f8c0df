//! Tables of paid access: plans, subscriptions with their ledgers, events of payment systems, chats and places in them.

mod changes;
mod chat_members;
mod chats;
mod events;
mod figures;
mod grants;
mod sql;
mod subscriptions;
#[cfg(test)]
mod tests;

pub use palabre_actors::domain::entitlement::Money;

pub use self::chat_members::{ChatFinding, ChatMember, SeenMembers};
pub use self::chats::AccessChat;
pub use self::events::{AppliedEvent, NewPaymentEvent, PaymentEvent, PaymentEventFilter, PaymentEventLine};
pub use self::figures::{AccessFigures, MonthlyRevenue};
pub use self::grants::{AccessGrant, GrantState};
pub use self::subscriptions::{Payer, Subscription, SubscriptionFilter};
