//! Rule: what a seller commands of the live session: its end, a pause, figures, a message to everybody in it.

use super::Ruling;
use crate::domain::conversation::Handler;
use crate::domain::live::{LiveCommand, LiveKnowledge, LiveText, live_command};
use crate::domain::message::Role;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::{Lookup, Outcome, live};

pub(super) const NAME: &str = "live_command";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    // Not to who said STOP (I6), nor while a person has the conversation (I14). PAUSE of a driver is the driver's.
    let silent = heard.state.opted_out || turn.turn.conversation.handler == Handler::Human;
    let drives = || turn.rules.flows().is_some_and(|flows| flows.driver(&turn.turn.key.address).is_some());
    if heard.role != Role::Seller || silent || drives() {
        return Ruling::Pass;
    }
    let Some(command) = live_command(heard.text, heard.folded) else { return Ruling::Pass };
    if command == LiveCommand::Help {
        turn.live_says(LiveText::Help);
        return Ruling::Done(Outcome::LiveCommand);
    }
    match &heard.state.prepared.live {
        LiveKnowledge::Unknown => turn.turn.lookup = Some(Lookup::Live { clients: true }),
        LiveKnowledge::Closed => turn.live_says(LiveText::NoLive),
        LiveKnowledge::Open(session) => live::obey(turn, heard, session, &command),
    }
    Ruling::Done(Outcome::LiveCommand)
}
