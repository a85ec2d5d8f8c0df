//! Rule: the FAQ entries that the message asks for answer; when it is not sure which, they are offered.

use super::Ruling;
use crate::domain::message::OutboundKind;
use crate::domain::rules::{BotText, TextName};
use crate::domain::turn::Outcome;
use crate::domain::turn::builder::{Said, TurnBuilder};
use crate::domain::turn::heard::Heard;

pub(super) const NAME: &str = "faq";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let reading = turn.rules.read_faq(heard.text);
    if !reading.answers.is_empty() {
        forget_misses(turn);
        turn.answered_by.clone_from(&reading.answers);
        let texts: Vec<TextName> = reading.answers.into_iter().map(TextName::Answer).collect();
        return Ruling::Done(turn.answer_all(&texts, OutboundKind::Reply, Outcome::AnsweredFaq));
    }
    if reading.offers.is_empty() || !turn.may_answer() {
        return Ruling::Pass;
    }
    offer(turn, &reading.offers)
}

fn forget_misses(turn: &mut TurnBuilder<'_>) {
    if turn.turn.conversation.memory.as_ref().is_some_and(|memory| memory.misses > 0) {
        let mut memory = turn.memory();
        memory.misses = 0;
        turn.remember(memory);
    }
}

/// A menu. The next message may pick from it.
fn offer(turn: &mut TurnBuilder<'_>, offers: &[usize]) -> Ruling {
    let faq = &turn.rules.source().faq;
    let offered: Vec<_> = offers.iter().filter_map(|entry| faq.get(*entry)).collect();
    let lines: Vec<String> =
        offered.iter().enumerate().map(|(at, entry)| format!("{} {}", at + 1, entry.question)).collect();
    let mut memory = turn.memory();
    memory.menu = offered.iter().map(|entry| entry.id.clone()).collect();
    match turn.say_with(BotText::Menu, &lines, OutboundKind::Reply) {
        Said::Something => {
            turn.note_answer();
            turn.remember(memory);
            Ruling::Done(Outcome::OfferedFaq)
        }
        _ => Ruling::Pass,
    }
}
