//! Pure types and decisions: no async, no I/O, `now` is always an argument.
//!
//! A conversation's whole behaviour is [`turn::decide`]: state and message in, a [`turn::Turn`] out, which the store
//! commits as one (I4). Everything else here is what that function speaks about.

pub mod action;
pub mod address;
pub mod assistant;
pub mod booking;
pub mod breaker;
pub mod budget;
pub mod channel;
pub mod claim;
pub mod consent;
pub mod conversation;
pub mod dates;
pub mod entitlement;
pub mod event;
pub mod faq;
pub mod fare;
pub mod flow;
pub mod folding;
pub mod hours;
pub mod ids;
pub mod language;
pub mod late_failure;
pub mod lead;
pub mod live;
pub mod loop_watch;
pub mod message;
pub mod mood;
mod number_words;
pub mod offer;
pub mod party;
pub mod person_link;
pub mod prepared;
pub mod presentation;
pub mod printable;
pub mod quota_lease;
pub mod rate_limit;
pub mod retry;
mod rule_error;
pub mod rules;
pub mod send;
pub mod slots;
pub mod status;
pub mod stemming;
pub mod template;
pub mod timer;
pub mod turn;
pub mod typography;
pub mod waiting;
pub mod words;

/// A time in UTC. Microseconds are kept in both databases; anything finer is cut off.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
