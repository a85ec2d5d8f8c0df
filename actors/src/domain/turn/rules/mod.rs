//! The routing pipeline: the rules that an inbound message passes, in their order.
//!
//! The first rule that answers [`Ruling::Done`] decides what came of the message; its name stands in `message_routed`. A rule
//! that passes may still have changed the turn. To add a rule: a file with a `NAME` and an `apply`, one line in [`RULES`], one
//! sentence in each language for `palabre explain`.

mod assistant;
mod blocked;
mod consent;
mod driver;
mod escalation;
mod fallback;
mod faq;
mod flow;
mod human_handler;
mod live_command;
mod live_order;
mod menu;
mod no_text;
mod notice;
mod opted_out;
mod own_phone;
mod rating;
mod reopen;
mod seller;
mod silent_loop;
mod start_link;
mod stop_request;

pub(super) use self::assistant::NAME as ASSISTANT;
use super::Outcome;
use super::builder::TurnBuilder;
use super::heard::Heard;

/// What a rule makes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// The next rule decides.
    Pass,
    /// This came of the message.
    Done(Outcome),
}

/// One step of the pipeline.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    /// As it stands in `message_routed`.
    pub(super) name: &'static str,
    apply: fn(&mut TurnBuilder<'_>, &Heard<'_>) -> Ruling,
}

const fn rule(name: &'static str, apply: fn(&mut TurnBuilder<'_>, &Heard<'_>) -> Ruling) -> Rule {
    Rule { name, apply }
}

/// All rules, first to last. Of what a contact says, consent is asked first, so that a STOP wins over whatever else goes on
/// (I6); what a person of the business wrote on their phone is not the contact's word, and what a seller commands in a live
/// session is no START or HELP. The human handler stands before every
/// rule that speaks of its own accord (I14); the fallback answers whatever reaches it.
const RULES: &[Rule] = &[
    rule(own_phone::NAME, own_phone::apply),
    rule(live_command::NAME, live_command::apply),
    rule(consent::NAME, consent::apply),
    rule(driver::NAME, driver::apply),
    rule(seller::NAME, seller::apply),
    rule(opted_out::NAME, opted_out::apply),
    rule(blocked::NAME, blocked::apply),
    rule(notice::NAME, notice::apply),
    rule(reopen::NAME, reopen::apply),
    rule(human_handler::NAME, human_handler::apply),
    rule(stop_request::NAME, stop_request::apply),
    rule(escalation::NAME, escalation::apply),
    rule(start_link::NAME, start_link::apply),
    rule(silent_loop::NAME, silent_loop::apply),
    rule(live_order::NAME, live_order::apply),
    rule(rating::NAME, rating::apply),
    rule(flow::NAME, flow::apply),
    rule(no_text::NAME, no_text::apply),
    rule(menu::NAME, menu::apply),
    rule(faq::NAME, faq::apply),
    rule(assistant::NAME, assistant::apply),
    rule(fallback::NAME, fallback::apply),
];

/// The names of the rules that may stand in `message_routed`, in their order.
pub fn rule_names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

/// Asks the rules in order. Answers what came of the message, and the name of the rule that decided.
pub(super) fn route(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> (&'static str, Outcome) {
    for rule in RULES {
        if let Ruling::Done(outcome) = (rule.apply)(turn, heard) {
            return (rule.name, outcome);
        }
    }
    (fallback::NAME, Outcome::SilentNoRule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_is_asked_first_of_a_contact_and_the_fallback_last() {
        let names: Vec<_> = rule_names().collect();
        assert_eq!(
            names,
            [
                "own_phone",
                "live_command",
                "consent",
                "driver",
                "seller",
                "opted_out",
                "blocked",
                "notice",
                "reopen",
                "human_handler",
                "stop_request",
                "escalation",
                "start_link",
                "silent_loop",
                "live_order",
                "rating",
                "flow",
                "no_text",
                "menu",
                "faq",
                "assistant",
                "fallback"
            ]
        );
    }
}
