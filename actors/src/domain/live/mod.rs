//! Live sales: what a seller commands while a live session is open, and what clients order in it.

use std::fmt;

use super::Timestamp;
use super::address::Identity;
use super::ids::{ConversationId, LiveSessionId, OrderLineId};
use super::words::stored_words;

mod commands;
mod orders;
mod texts;

pub use self::commands::{LiveCommand, live_command};
pub use self::orders::{OrderTalk, Ordered, order_talk};
pub use self::texts::LiveText;

/// How many clients of a live session are written to at its end, or by DIFFUSE: one commit sets a timer for each.
pub const MOST_CLIENTS: usize = 2_000;

/// What a turn knows of the tenant's open live session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LiveKnowledge {
    /// It was not looked up: a rule that needs it asks for it ([`super::turn::Lookup::Live`]).
    #[default]
    Unknown,
    /// No live session is open.
    Closed,
    /// One is open.
    Open(Box<LiveSession>),
}

/// The tenant's open live session, with who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// Its row.
    pub id: LiveSessionId,
    /// When its first message came.
    pub opened_at: Timestamp,
    /// Whether the seller takes no orders for now.
    pub paused: bool,
    /// Lines of this session that were not cancelled, in the order in which they were written.
    pub lines: Vec<OrderLine>,
    /// Conversations whose contact wrote since it opened. Looked up for sellers alone.
    pub clients: Vec<LiveClient>,
}

impl LiveSession {
    /// Lines of one conversation.
    pub fn lines_of(&self, conversation: ConversationId) -> impl Iterator<Item = &OrderLine> {
        self.lines.iter().filter(move |line| line.conversation == conversation)
    }

    /// How many pieces of each reference were ordered, the most wanted first.
    #[must_use]
    pub fn by_reference(&self) -> Vec<(String, u32)> {
        let mut counted: Vec<(String, u32)> = Vec::new();
        for line in &self.lines {
            match counted.iter_mut().find(|(reference, _)| *reference == line.what.reference) {
                Some((_, count)) => *count = count.saturating_add(line.what.quantity),
                None => counted.push((line.what.reference.clone(), line.what.quantity)),
            }
        }
        counted.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        counted
    }

    /// How many people have ordered something.
    #[must_use]
    pub fn buyers(&self) -> usize {
        let mut who: Vec<ConversationId> = self.lines.iter().map(|line| line.conversation).collect();
        who.sort_unstable();
        who.dedup();
        who.len()
    }
}

/// Somebody who wrote during a live session. `Debug` does not show who (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct LiveClient {
    /// Where they wrote.
    pub conversation: ConversationId,
    /// Who they are.
    pub person: Identity,
    /// The name they last showed.
    pub name: Option<String>,
    /// Whether they asked something in this session that nobody has answered.
    pub waits: bool,
    /// Whether they want no advertising.
    pub no_marketing: bool,
}

impl fmt::Debug for LiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveClient").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

/// A row of `order_lines`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// Its row.
    pub id: OrderLineId,
    /// In which live session.
    pub session: LiveSessionId,
    /// Who ordered.
    pub conversation: ConversationId,
    /// The article, its size and how many of it.
    pub what: Ordered,
}

/// Where an order line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// The client said that they take it.
    Noted,
    /// The client does not want it after all.
    Cancelled,
}

stored_words!(OrderState { Noted => "noted", Cancelled => "cancelled" });

/// A change of the tenant's order lines, part of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderChange {
    /// A new row.
    Note(OrderLine),
    /// The client does not want it.
    Cancel(OrderLineId),
}

/// A change of the tenant's live session, part of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveChange {
    /// No orders for now.
    Pause(LiveSessionId),
    /// Orders again.
    Resume(LiveSessionId),
    /// It is over.
    Close {
        /// The session that ends.
        id: LiveSessionId,
        /// Clients who wrote in the session.
        clients: u32,
        /// How many of them asked something that nobody has answered.
        unanswered: u32,
    },
}
