//! Rule: STOP, START, CONFIRMER and HELP, also while a person has the conversation (I6).

use super::Ruling;
use crate::domain::consent::Keyword;
use crate::domain::conversation::{Handler, State};
use crate::domain::event::{ActorType, EventType, Payload};
use crate::domain::flow::phrases;
use crate::domain::message::{Inbound, Notice, OutboundKind};
use crate::domain::rules::TextName;
use crate::domain::turn::builder::TurnBuilder;
use crate::domain::turn::flows::running;
use crate::domain::turn::heard::Heard;
use crate::domain::turn::{ConsentChange, Outcome};

pub(super) const NAME: &str = "consent";

pub(super) fn apply(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>) -> Ruling {
    let state = heard.state;
    let asked_to_confirm = turn.rules.source().double_opt_in && state.welcomed && !state.confirmed;
    let confirmed = heard.message.content.details.provider_consent.is_some();
    let at_provider = matches!(heard.message.content.details.notice, Some(Notice::Marketing { .. }));
    let outcome = match heard.keyword {
        Some(Keyword::Stop) if !state.opted_out => turn.opt_out(confirmed),
        Some(Keyword::Start) if state.opted_out && !is_overtaken(state, heard.message) => turn.opt_in(confirmed),
        Some(Keyword::Start) if !state.opted_out && !confirmed && restarts_flow(turn, heard) => return Ruling::Pass,
        Some(Keyword::Start) if !state.opted_out => turn.opt_in_again(confirmed),
        Some(Keyword::Confirm) if asked_to_confirm && !state.opted_out => turn.confirm(),
        Some(Keyword::Help) if !state.opted_out => turn.help(confirmed),
        Some(Keyword::StopMarketing) if !state.opted_out => turn.marketing(false, at_provider),
        Some(Keyword::StartMarketing) if !state.opted_out => turn.marketing(true, at_provider),
        _ => return Ruling::Pass,
    };
    Ruling::Done(outcome)
}

/// Whether a later word of the conversation had its turn before this one: what nodes kept while the database was away comes
/// in no order of theirs. Whoever is silent has said something else since then, so an overtaken START is none (I6).
fn is_overtaken(state: &State, message: &Inbound) -> bool {
    let last = state.conversation.as_ref().and_then(|conversation| conversation.last_inbound_at);
    last.is_some_and(|last| message.received_at < last)
}

/// Whether a word that could be a START begins the flow anew that is going on: `recommencer`. Whoever said STOP is in no flow.
fn restarts_flow(turn: &TurnBuilder<'_>, heard: &Heard<'_>) -> bool {
    let conversation = &turn.turn.conversation;
    let said = || phrases::said(heard.folded);
    conversation.handler == Handler::Bot
        && turn.rules.flows().is_some()
        && running(conversation).is_some()
        && phrases::restarts(&said())
}

impl TurnBuilder<'_> {
    fn opt_out(&mut self, confirmed: bool) -> Outcome {
        self.turn.consent = Some(ConsentChange::OptOut { address: self.turn.key.address.clone() });
        self.consent_event(EventType::OptedOut, confirmed);
        if !confirmed {
            self.say(TextName::OptOut, OutboundKind::OptOutConfirmation);
        }
        Outcome::OptedOut
    }

    fn opt_in(&mut self, confirmed: bool) -> Outcome {
        self.consent_to_messages(confirmed);
        if !confirmed {
            self.say(TextName::OptIn, OutboundKind::OptInConfirmation);
        }
        Outcome::OptedIn
    }

    /// START from someone who, as far as this state knows, never said STOP. It is recorded all the same, because the STOP
    /// may have come in through another channel since. Nothing bounds how often START can be said, so this confirmation
    /// counts as an automatic answer.
    fn opt_in_again(&mut self, confirmed: bool) -> Outcome {
        self.consent_to_messages(confirmed);
        if !confirmed && self.may_answer() {
            self.say(TextName::OptIn, OutboundKind::OptInConfirmation);
            self.note_answer();
        }
        Outcome::OptedIn
    }

    fn consent_to_messages(&mut self, confirmed: bool) {
        self.turn.consent = Some(ConsentChange::OptIn { address: self.turn.key.address.clone() });
        self.consent_event(EventType::OptedIn, confirmed);
    }

    fn consent_event(&mut self, event_type: EventType, confirmed: bool) {
        let payload = Payload::builder().flag("provider_confirmed", confirmed).finish();
        self.contact_event(event_type, ActorType::Contact, payload);
    }

    fn confirm(&mut self) -> Outcome {
        self.turn.consent = Some(ConsentChange::Confirm { address: self.turn.key.address.clone() });
        self.contact_event(EventType::Confirmed, ActorType::Contact, Payload::EMPTY);
        self.say(TextName::Confirmed, OutboundKind::OptInConfirmation);
        Outcome::Confirmed
    }

    /// Nothing bounds how often it can be said, so the confirmation counts as an automatic answer. Who said it by a setting of
    /// the provider's gets none.
    fn marketing(&mut self, wanted: bool, at_provider: bool) -> Outcome {
        self.turn.consent = Some(ConsentChange::Marketing { address: self.turn.key.address.clone(), wanted });
        let event_type = if wanted { EventType::OptedIn } else { EventType::OptedOut };
        let payload = Payload::builder().word("scope", "marketing").flag("provider_confirmed", at_provider).finish();
        self.contact_event(event_type, ActorType::Contact, payload);
        if !at_provider && self.may_answer() {
            let text = if wanted { TextName::MarketingResumed } else { TextName::MarketingStopped };
            self.say(text, OutboundKind::Reply);
            self.note_answer();
        }
        if wanted { Outcome::MarketingResumed } else { Outcome::MarketingStopped }
    }

    fn help(&mut self, answered: bool) -> Outcome {
        if answered {
            return Outcome::AnsweredHelp;
        }
        self.answer(TextName::Help, OutboundKind::Help, Outcome::AnsweredHelp)
    }
}
