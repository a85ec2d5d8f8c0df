//! Requests of people and programs to a conversation.

mod action;
mod booking;
mod handling;
mod offer;
mod placing;
mod reply;
mod schedule;
mod send;

use super::builder::{begin, note};
use super::{Turn, places};
use crate::domain::Timestamp;
use crate::domain::action::Action;
use crate::domain::conversation::{Assignee, Contact, State};
use crate::domain::event::{ActorType, EntityType, EventType, Payload, PayloadBuilder};
use crate::domain::ids::{ContactId, CorrelationId, TimerId};
use crate::domain::loop_watch::LoopWatch;
use crate::domain::rules::Rules;

pub use self::booking::{BookingAct, BookingRequest};
pub(super) use self::handling::take_over;
pub use self::offer::OfferCancellation;
pub use self::placing::Placing;
pub use self::reply::{Reply, Seen};
pub use self::schedule::ScheduledMessage;
pub(super) use self::send::write_message;
pub use self::send::{Refused, SendRequest, decide_send};

/// Something that is asked of a conversation, and by whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub by: Requester,
    /// The flow it belongs to.
    pub correlation: CorrelationId,
    /// What is asked.
    pub command: Command,
}

impl Request {
    /// Whether what it writes must not be written twice under its key.
    #[must_use]
    pub fn has_idempotency_key(&self) -> bool {
        match &self.command {
            Command::Send(message) | Command::Reply(Reply { message, .. }) => message.idempotency_key.is_some(),
            _ => false,
        }
    }

    /// Whether it is decided on what is booked, which has to be read anew for it.
    #[must_use]
    pub const fn needs_agenda(&self) -> bool {
        matches!(self.command, Command::Booking(_) | Command::CancelOffer(_) | Command::Place(_))
    }
}

/// Who asks. `Debug` does not show the name (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct Requester {
    /// A person of the tenant ([`ActorType::Agent`]), or a program or an operator ([`ActorType::Operator`]).
    pub actor_type: ActorType,
    /// The id of the person or of the key, as it stands in events (`actor`). What looks like personal data is left out there.
    pub name: Option<String>,
}

impl std::fmt::Debug for Requester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requester").field("actor_type", &self.actor_type).finish_non_exhaustive()
    }
}

impl Requester {
    /// A payload that begins with who did it.
    fn payload(&self) -> PayloadBuilder {
        match &self.name {
            Some(name) => Payload::builder().text("actor", name),
            None => Payload::builder(),
        }
    }
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Write this message.
    Send(SendRequest),
    /// Write what a person answers, and take the conversation over with the same commit (I14).
    Reply(Reply),
    /// Write this message at that time. A time that has passed writes it now.
    SendAt {
        /// When.
        at: Timestamp,
        /// What.
        message: ScheduledMessage,
    },
    /// This timer is not to fire.
    CancelTimer(TimerId),
    /// Have the provider do this.
    Act(Action),
    /// A person takes the conversation over: the bot is silent from now on, but for consent (I14).
    HandOver {
        /// The bot gets it back by itself then.
        hand_back_at: Option<Timestamp>,
    },
    /// The bot gets the conversation back.
    HandBack,
    /// It is this person's to answer, or nobody's.
    Assign(Option<Assignee>),
    /// It is done. The contact's next message opens it again. Who answers does not change.
    Resolve,
    /// It is not done after all.
    Reopen,
    /// The contact gets no more answers, and nobody is called. It lasts until it is lifted, or a person answers.
    Block,
    /// The contact is answered again.
    Unblock,
    /// A person does something with the customer's bookings.
    Booking(BookingRequest),
    /// A person puts the contact on a step of a flow.
    Place(Placing),
    /// A person calls an offer of the customer off.
    CancelOffer(OfferCancellation),
}

/// Decides what a request leads to. `None`: it is so already, nothing is to be written.
///
/// # Errors
/// [`Refused`]: nothing is to be written.
pub fn decide_request(
    state: &State,
    request: &Request,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Turn>, Refused> {
    let by = &request.by;
    match &request.command {
        Command::Send(message) => {
            write_message(state, message, rules, now, (by.actor_type, by.name.as_deref())).map(Some)
        }
        Command::Reply(reply) => reply::decide(state, by, reply, rules, now).map(Some),
        Command::SendAt { at, message } => schedule::decide(state, (request, *at), message, rules, now).map(Some),
        Command::CancelTimer(timer) => Ok(Some(schedule::cancel(open(state, request, now), *timer))),
        Command::Act(action) => Ok(Some(action::decide(open(state, request, now), by, action))),
        Command::HandOver { hand_back_at } => Ok(handling::hand_over(open(state, request, now), by, *hand_back_at)),
        Command::HandBack => Ok(handling::hand_back(open(state, request, now), by)),
        Command::Assign(to) => Ok(handling::assign(open(state, request, now), by, to.as_ref())),
        Command::Resolve => Ok(handling::resolve(open(state, request, now), by)),
        Command::Reopen => Ok(handling::reopen(open(state, request, now), by)),
        Command::Block => Ok(handling::block(open(state, request, now), by)),
        Command::Unblock => Ok(handling::unblock(open(state, request, now), by)),
        Command::Booking(asked) => {
            let mut turn = booking::decide(state, (request, asked), rules, now)?;
            if let Some(turn) = &mut turn {
                places::pass_on(turn, state, rules);
            }
            Ok(turn)
        }
        Command::Place(asked) => {
            let mut turn = placing::decide(state, (request, asked), rules, now)?;
            places::pass_on(&mut turn, state, rules);
            Ok(Some(turn))
        }
        Command::CancelOffer(asked) => offer::decide(state, (request, asked), rules, now),
    }
}

/// The turn of a request before anything is decided.
fn open(state: &State, request: &Request, now: Timestamp) -> Turn {
    let mut turn = begin(state, contact(state), request.correlation, now);
    if is_a_look(&request.command) {
        turn.conversation.watch = LoopWatch::default();
    }
    turn
}

/// Whether a person has looked at the conversation: then the contact is answered again, robot or not.
const fn is_a_look(command: &Command) -> bool {
    matches!(
        command,
        Command::HandOver { .. }
            | Command::HandBack
            | Command::Assign(_)
            | Command::Resolve
            | Command::Reopen
            | Command::Unblock
    )
}

fn contact(state: &State) -> Contact {
    state.contact.clone().unwrap_or_else(|| Contact { id: ContactId::fresh(), name: None })
}

/// Something that happened to the conversation itself.
fn note_conversation(turn: &mut Turn, event_type: EventType, by: &Requester, payload: PayloadBuilder) {
    let conversation = turn.conversation.id.0;
    note(turn, event_type, EntityType::Conversation, conversation, by.actor_type, payload.finish());
}
