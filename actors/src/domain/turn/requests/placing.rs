//! Request to put a contact on a step of a flow.

use super::{Refused, Request, handling, open};
use crate::domain::Timestamp;
use crate::domain::conversation::State;
use crate::domain::flow::Saying;
use crate::domain::message::OutboundKind;
use crate::domain::rules::Rules;
use crate::domain::turn::Turn;
use crate::domain::turn::builder::{cut, outbound, put_unasked};
use crate::domain::turn::flows::{keep, leave, running, scene_of};

/// A contact goes on at a step of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placing {
    /// The flow's name.
    pub flow: String,
    /// The step's id.
    pub step: String,
}

/// The flow that was going on ends, and what it kept is free. The bot has the conversation again: a person asked for that.
pub(super) fn decide(
    state: &State,
    (request, asked): (&Request, &Placing),
    rules: &Rules,
    now: Timestamp,
) -> Result<Turn, Refused> {
    if state.opted_out {
        return Err(Refused::OptedOut);
    }
    let flows = rules.flows().ok_or(Refused::UnknownStep)?;
    let mut turn = open(state, request, now);
    let before = running(&turn.conversation);
    let made = flows.put_on(&asked.flow, &asked.step, before.as_ref(), &scene_of(&turn, state));
    let mut made = made.ok_or(Refused::UnknownStep)?;
    leave(&mut turn, &state.agenda, "placed");
    if let Some(back) = handling::hand_back(turn.clone(), &request.by) {
        turn = back;
    }
    let texts: Vec<String> = std::mem::take(&mut made.sayings)
        .into_iter()
        .map(|saying| match saying {
            Saying::Text(text) | Saying::Answer { then: text } => text,
        })
        .collect();
    if !texts.is_empty() {
        let body = cut(&texts.join("\n"), rules.source().longest_text);
        let message = outbound(&turn, body, OutboundKind::Manual);
        put_unasked(&mut turn, message, (request.by.actor_type, request.by.payload()));
    }
    keep(&mut turn, flows, made, false, &state.agenda);
    Ok(turn)
}
