//! A person's reply: it takes the conversation over, and is refused when it is stale (I14).

use super::Requester;
use super::handling::{lift_block, take_over};
use super::send::{Refused, SendRequest, write_message};
use crate::domain::Timestamp;
use crate::domain::conversation::{Handler, State};
use crate::domain::rules::Rules;
use crate::domain::turn::Turn;

/// A person's answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What to say.
    pub message: SendRequest,
    /// What the person had seen of the conversation. `None`: nobody knows, and the answer is never stale.
    pub seen: Option<Seen>,
    /// Send it even so.
    pub forced: bool,
}

/// How far somebody had read a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// As of this version of the conversation: whatever changed since makes an answer stale, a colleague's too.
    Version(i64),
    /// All that the contact had written until then.
    InboundUntil(Timestamp),
}

impl Seen {
    fn is_stale(self, state: &State) -> bool {
        let Some(conversation) = &state.conversation else { return false };
        match self {
            Self::Version(version) => conversation.version > version,
            Self::InboundUntil(until) => conversation.last_inbound_at.is_some_and(|last| last > until),
        }
    }
}

pub(super) fn decide(
    state: &State,
    by: &Requester,
    reply: &Reply,
    rules: &Rules,
    now: Timestamp,
) -> Result<Turn, Refused> {
    if !reply.forced && reply.seen.is_some_and(|seen| seen.is_stale(state)) {
        return Err(Refused::Stale);
    }
    let mut turn = write_message(state, &reply.message, rules, now, (by.actor_type, by.name.as_deref()))?;
    turn.marks_read = true;
    lift_block(&mut turn, by);
    if turn.conversation.handler == Handler::Bot {
        take_over(&mut turn, by, Some("replied"));
    }
    Ok(turn)
}
