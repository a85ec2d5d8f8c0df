//! Rule: the tenant's assistant answers what the FAQ does not know, or hands over when it does not know either.

use super::Ruling;
use crate::domain::assistant::{AssistantKnowledge, AssistantQuestion, AssistantReply, does_not_know, introduction};
use crate::domain::message::OutboundKind;
use crate::domain::rules::{Facts, TextName};
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::{Lookup, NoticeReason, Outcome};

pub(in crate::domain::turn) const NAME: &str = "assistant";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let Some(policy) = turn.rules.assistant() else { return Ruling::Pass };
    let is_said = heard.text.chars().any(char::is_alphanumeric);
    if !is_said || !turn.may_answer() {
        return Ruling::Pass;
    }
    let reply = match &heard.state.prepared.assistant {
        AssistantKnowledge::Unknown => {
            turn.turn.lookup = Some(Lookup::Assistant(question(turn, heard)));
            return Ruling::Done(Outcome::AnsweredAssistant);
        }
        AssistantKnowledge::Told(reply) => reply,
    };
    let source = turn.rules.source();
    match reply {
        AssistantReply::Silent(why) => {
            turn.assistant = Some(*why);
            Ruling::Pass
        }
        AssistantReply::Answer(answer) => {
            let mut memory = turn.memory();
            let text = if memory.met_assistant {
                answer.clone()
            } else {
                format!("{} {answer}", introduction(source.language, &source.tenant_name))
            };
            memory.met_assistant = true;
            memory.misses = 0;
            turn.remember(memory);
            turn.write(&text, OutboundKind::Reply);
            turn.note_answer();
            Ruling::Done(Outcome::AnsweredAssistant)
        }
        AssistantReply::HandOver => {
            let is_closed = turn.rules.is_closed(turn.turn.at);
            let text = does_not_know(source.language, policy.person.as_deref(), is_closed);
            Ruling::Done(turn.escalate_saying(NoticeReason::Assistant, &text))
        }
    }
}

/// What it is asked: the message, and what the tenant tells everybody.
fn question(turn: &TurnBuilder<'_>, heard: &Heard<'_>) -> AssistantQuestion {
    let source = turn.rules.source();
    let facts = Facts { body: "", contact_name: None };
    let faq = source.faq.iter().enumerate().filter_map(|(at, entry)| {
        let answer = turn.rules.write(TextName::Answer(at), &facts)?.ok()?;
        Some((entry.question.clone(), answer))
    });
    AssistantQuestion {
        tenant: source.tenant.clone(),
        tenant_name: source.tenant_name.clone(),
        language: source.language,
        text: heard.text.to_owned(),
        faq: faq.collect(),
        longest: source.longest_text,
    }
}
