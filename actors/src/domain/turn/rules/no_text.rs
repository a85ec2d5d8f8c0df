//! Rule: a voice note, a picture or a sign without words (a thumb, a heart) has an answer of its own, once in a session.

use super::Ruling;
use crate::domain::conversation::OnceSaid;
use crate::domain::message::OutboundKind;
use crate::domain::rules::{BotText, TextName};
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "no_text";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    if heard.text.chars().any(char::is_alphanumeric) || asks(heard.text) {
        return Ruling::Pass;
    }
    let details = &heard.message.content.details;
    let once = match details.media.first() {
        Some(media) if media.content_type.starts_with("audio/") => OnceSaid::Voice,
        Some(_) => OnceSaid::Picture,
        // A place may be an answer to somebody; nothing at all is for the fallback.
        None if details.location.is_some() || heard.text.trim().is_empty() => return Ruling::Pass,
        None => OnceSaid::Sign,
    };
    let mut memory = turn.memory();
    let session = turn.turn.conversation.session.as_ref().map(|session| session.id);
    if memory.session != session {
        memory.said.clear();
        memory.session = session;
    }
    if memory.said.contains(&once) {
        return Ruling::Done(Outcome::SilentNoText);
    }
    memory.said.push(once);
    turn.remember(memory);
    let text = match once {
        OnceSaid::Voice => BotText::Voice,
        OnceSaid::Picture => BotText::Picture,
        OnceSaid::Sign => BotText::Sign,
    };
    Ruling::Done(turn.answer(TextName::Bot(text), OutboundKind::Reply, Outcome::AnsweredNoText))
}

/// "?" alone is impatience, and an answer is due.
fn asks(text: &str) -> bool {
    text.contains('?')
}
