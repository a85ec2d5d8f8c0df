//! Rule: a flow that is going on gets the message, or one begins with it.

use chrono::TimeDelta;

use super::Ruling;
use crate::domain::flow::{Saying, Scene};
use crate::domain::message::OutboundKind;
use crate::domain::rate_limit::{may_answer, note_answer};
use crate::domain::rules::{Facts, TextName};
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::flows::{keep, running};
use crate::domain::turn::heard::Heard;
use crate::domain::turn::{NoticeReason, Outcome};

pub(super) const NAME: &str = "flow";

/// A flow may answer so many times as often as the tenant's other automatic answers: customers answer it quickly, and an
/// unanswered answer would lose them.
const OFTEN: u32 = 4;

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let rules = turn.rules;
    let Some(flows) = rules.flows() else { return Ruling::Pass };
    let running = running(&turn.turn.conversation);
    let limit = rules.source().per_contact_per_minute.saturating_mul(if running.is_some() { OFTEN } else { 1 });
    if !may_answer(&turn.turn.conversation.recent_answers, limit, turn.turn.at) {
        return if running.is_some() { Ruling::Done(Outcome::RateLimited) } else { Ruling::Pass };
    }
    let knows = |text: &str| !rules.read_faq(text).answers.is_empty();
    let name = turn.turn.contact.name.clone();
    let address = &turn.turn.key.address;
    let phone = address.is_phone().then(|| address.path().to_owned());
    let scene = Scene {
        now: turn.turn.at,
        text: heard.text,
        folded: heard.folded,
        location: heard.message.content.details.location.as_ref(),
        agenda: &heard.state.agenda,
        contact_name: name.as_deref(),
        phone: phone.as_deref(),
        knows: &knows,
    };
    let Some(mut made) = flows.listen(running.as_ref(), &scene) else { return Ruling::Pass };
    let sayings = std::mem::take(&mut made.sayings);
    let nothing = sayings.is_empty() && !made.hand_over;
    let (hand_over, late) = (made.hand_over, made.late);
    keep(&mut turn.turn, flows, made, running.is_some(), &heard.state.agenda);
    if nothing {
        // The flow is gone from the configuration.
        return Ruling::Pass;
    }
    let facts = Facts { body: heard.text, contact_name: name.as_deref() };
    let texts: Vec<String> = sayings
        .into_iter()
        .map(|saying| match saying {
            Saying::Text(text) => text,
            Saying::Answer { then } => {
                let entry = rules.read_faq(heard.text).answers.first().copied();
                turn.answered_by.extend(entry);
                let answer = entry.and_then(|entry| rules.write(TextName::Answer(entry), &facts)?.ok());
                answer.map_or_else(|| then.clone(), |answer| format!("{answer}\n{then}"))
            }
        })
        .collect();
    turn.write(&texts.join("\n"), OutboundKind::Reply);
    note_answer(&mut turn.turn.conversation.recent_answers, limit, turn.turn.at);
    match (hand_over, late) {
        (true, true) => turn.call_people(NoticeReason::Late),
        (true, false) => turn.call_people(NoticeReason::Flow),
        (false, true) => turn.notify_people(NoticeReason::Late, TimeDelta::zero()),
        (false, false) => {}
    }
    Ruling::Done(if hand_over { Outcome::HandedOver } else { Outcome::AnsweredFlow })
}
