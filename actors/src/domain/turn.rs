//! A conversation's turns: what a message, a timer or a request changes. Decided here, committed by the store as one.

use super::Timestamp;
use super::address::Address;
use super::booking::BookingChange;
use super::claim::ClaimChange;
use super::conversation::{Contact, Conversation, ConversationKey};
use super::event::Event;
use super::ids::{CorrelationId, InboundId, LiveSessionId, NodeId, SessionId, TimerId};
use super::lead::Lead;
use super::live::{LiveChange, OrderChange};
use super::message::{Outbound, Role};
use super::offer::OfferChange;
use super::timer::TimerChange;
use super::waiting::WaitingChange;
use super::words::stored_words;

mod answers;
mod builder;
mod escalation;
mod flows;
mod heard;
mod inbound;
mod live;
mod offers;
mod places;
mod preview;
mod requests;
mod rules;
mod timer;
mod waiting;

pub use self::escalation::{NoticeReason, PeopleNotice};
pub use self::inbound::{decide, says_stop};
pub use self::preview::{Preview, preview};
pub use self::requests::{
    BookingAct, BookingRequest, Command, OfferCancellation, Placing, Refused, Reply, Request, Requester,
    ScheduledMessage, Seen, SendRequest, decide_request, decide_send,
};
pub use self::rules::rule_names;
pub use self::timer::{decide_session_timer, decide_timer};
pub use super::prepared::{Lookup, Prepared};

/// All that a turn changes. The store commits it as one (I4): either every part of it holds afterwards, or none.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Which conversation.
    pub key: ConversationKey,
    /// The message that this turn uses up; `None` when a timer or a request led to it.
    pub consumed: Option<Consumed>,
    /// The timer that led to it: its row goes with the commit. A commit that finds it gone is a `Conflict`, because the timer
    /// fired on another node, or was cancelled.
    pub fired: Option<TimerId>,
    /// The flow.
    pub correlation: CorrelationId,
    /// When it was decided.
    pub at: Timestamp,
    /// The version that the decision was made on; 0 when the conversation is new. The commit fails with
    /// `Conflict` when the stored version is another.
    pub expected_version: i64,
    /// The contact after the turn.
    pub contact: Contact,
    /// The contact is new, or goes by another name than before. One that is as it was is not written.
    pub contact_changed: bool,
    /// `key.address` is another spelling than the conversation had before.
    pub respelled: bool,
    /// A second address of the contact that this message revealed, unless it was known.
    pub alias: Option<Address>,
    /// The conversation after the turn; its version is `expected_version + 1`.
    pub conversation: Conversation,
    /// Sessions that close and open, in this order.
    pub sessions: Vec<SessionChange>,
    /// A seller's message: open the tenant's live session under this id if none is open, else keep it alive. The store
    /// writes the `live_session_opened` event when it did open one.
    pub live_session: Option<LiveSessionId>,
    /// A change of consent. With [`ConsentChange::OptOut`] the store also suppresses every row to that address that no
    /// sender has begun, in the same transaction, each with its `message_suppressed` event (I6).
    pub consent: Option<ConsentChange>,
    /// The contact wrote: rows of the conversation that wait for that go back into the queue, ahead of what this turn
    /// writes, each with its `message_released` event.
    pub releases: bool,
    /// A person answers: what the contact wrote until now counts as read.
    pub marks_read: bool,
    /// It was decided in the knowledge that rows of the conversation wait for the contact. A turn that would release what
    /// it does not know of is a `Conflict`: its messages may overtake what waited.
    pub knows_deferred: bool,
    /// Messages to send, and actions.
    pub outbox: Vec<Draft>,
    /// Timers that are set or cancelled.
    pub timers: Vec<TimerChange>,
    /// Bookings, leads, offers, and claims on what is scarce.
    pub effects: Effects,
    /// What happened.
    pub events: Vec<Event>,
    /// It cannot be decided without this. Such a turn is not committed: what it asks for is looked up, and the message is
    /// decided again.
    pub lookup: Option<Lookup>,
}

/// Rows of a turn beside its messages, timers and events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// What it takes and gives back. What is given back is free before anything is taken.
    pub claims: Vec<ClaimChange>,
    /// Bookings.
    pub bookings: Vec<BookingChange>,
    /// Leads.
    pub leads: Vec<Lead>,
    /// Offers, and who takes them.
    pub offers: Vec<OfferChange>,
    /// Who waits for a time.
    pub waiting: Vec<WaitingChange>,
    /// Lines of orders in a live session.
    pub orders: Vec<OrderChange>,
    /// What becomes of the live session.
    pub live: Vec<LiveChange>,
    /// Labels that the conversation gets, for its people.
    pub labels: Vec<&'static str>,
}

/// How the turn used a message up.
#[derive(Clone, Debug)]
pub struct Consumed {
    /// Which message.
    pub id: InboundId,
    /// When its webhook came in, which may be long before the turn: it was kept while the database was away.
    pub said_at: Timestamp,
    /// Who wrote it.
    pub role: Role,
    /// What came of it: a word for `messages_in.reason` (I11).
    pub outcome: Outcome,
}

/// What came of an inbound message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A FAQ entry answered.
    AnsweredFaq,
    /// Several FAQ entries may be meant: a menu of them was written.
    OfferedFaq,
    /// The tenant is closed, and said so.
    AnsweredClosed,
    /// A voice note or a picture: what to do instead was said.
    AnsweredNoText,
    /// Nothing but a picture again, or a sign such as a thumb: silence.
    SilentNoText,
    /// They seem to want no more messages: they were asked.
    AskedToStop,
    /// A person is called, and they were told.
    Escalated,
    /// The tenant's assistant answered.
    AnsweredAssistant,
    /// The fallback answered.
    AnsweredFallback,
    /// HELP was answered.
    AnsweredHelp,
    /// A flow went on.
    AnsweredFlow,
    /// A flow called a person.
    HandedOver,
    /// STOP: recorded and confirmed (or confirmed by the provider).
    OptedOut,
    /// START: recorded.
    OptedIn,
    /// No more advertising: recorded. Other messages go on.
    MarketingStopped,
    /// Advertising again: recorded.
    MarketingResumed,
    /// They confirmed what the welcome asked (double opt-in): recorded.
    Confirmed,
    /// They said STOP before: silence.
    SilentOptedOut,
    /// A person has the conversation: silence.
    SilentHuman,
    /// The tenant's people blocked the contact: silence.
    SilentBlocked,
    /// A seller wrote.
    Seller,
    /// A seller commanded something of the live session.
    LiveCommand,
    /// A client ordered in a live session, or did not want it after all.
    AnsweredOrder,
    /// A client asked during a live session what nobody could answer: they were told that the seller will.
    AnsweredLive,
    /// Too many automatic answers to this contact in a minute: silence.
    RateLimited,
    /// The contact answers each of our answers at once, as a robot does: silence.
    SilentLoop,
    /// No rule fits and there is no fallback: silence.
    SilentNoRule,
    /// A template of the tenant failed on this message: silence, and an operator should look.
    SilentTemplateError,
    /// They came by a link to a plan: what sells it answers.
    OpenedLink,
    /// Nothing that asks for an answer (a reaction, an edit, a call): silence.
    SilentNotice,
    /// A person of the business wrote on the channel's own phone, and has the conversation from then on.
    WrittenOnPhone,
}

stored_words!(Outcome {
    AnsweredFaq => "answered_faq",
    OfferedFaq => "offered_faq",
    AnsweredClosed => "answered_closed",
    AnsweredNoText => "answered_no_text",
    SilentNoText => "silent_no_text",
    AskedToStop => "asked_to_stop",
    Escalated => "escalated",
    AnsweredAssistant => "answered_assistant",
    AnsweredFallback => "answered_fallback",
    AnsweredHelp => "answered_help",
    AnsweredFlow => "answered_flow",
    HandedOver => "handed_over",
    OptedOut => "opted_out",
    OptedIn => "opted_in",
    MarketingStopped => "marketing_stopped",
    MarketingResumed => "marketing_resumed",
    Confirmed => "confirmed",
    SilentOptedOut => "silent_opted_out",
    SilentHuman => "silent_human",
    SilentBlocked => "silent_blocked",
    Seller => "seller",
    LiveCommand => "live_command",
    AnsweredOrder => "answered_order",
    AnsweredLive => "answered_live",
    RateLimited => "rate_limited",
    SilentLoop => "silent_loop",
    SilentNoRule => "silent_no_rule",
    SilentTemplateError => "silent_template_error",
    OpenedLink => "opened_link",
    SilentNotice => "silent_notice",
    WrittenOnPhone => "written_on_phone",
});

/// A session that opens or closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// A new row.
    Open(SessionId),
    /// Ends the row.
    Close(SessionId),
}

/// A change of consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentChange {
    /// The address said STOP.
    OptOut {
        /// Which address.
        address: Address,
    },
    /// The address said START.
    OptIn {
        /// Which address.
        address: Address,
    },
    /// The contact confirmed what the welcome asked (double opt-in).
    Confirm {
        /// Which address.
        address: Address,
    },
    /// The contact does not want advertising, or wants it again. It changes nothing about other messages.
    Marketing {
        /// Which address.
        address: Address,
        /// Whether they want it.
        wanted: bool,
    },
}

/// A message to send, and how it starts its life.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The message.
    pub message: Outbound,
    /// How its row starts.
    pub start: Start,
    /// Given by whoever asked for the message: the same key of a tenant is the same message, and a turn that brings it
    /// again is a `Conflict`.
    pub idempotency_key: Option<String>,
}

/// How an outbox row starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// `sending`, leased to this node until then: a send permit is reserved, and it goes out right after the commit.
    Now {
        /// The leasing node.
        node: NodeId,
        /// When the lease runs out.
        lease_until: Timestamp,
    },
    /// `pending`: the dispatcher claims it, not before this moment.
    Queued {
        /// `next_attempt_at`
        not_before: Timestamp,
        /// Others of the conversation queue are before it (`messages_out.behind`).
        behind: bool,
    },
    /// `deferred`, [`HeldReason::Scheduled`]: it joins the conversation's queue at this moment, and holds up nothing before.
    ///
    /// [`HeldReason::Scheduled`]: crate::domain::status::HeldReason::Scheduled
    Scheduled(Timestamp),
}

#[cfg(test)]
mod tests;
