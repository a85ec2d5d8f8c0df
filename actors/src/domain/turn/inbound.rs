//! What an inbound message leads to.

use super::builder::TurnBuilder;
use super::{ConsentChange, Outcome, Turn};
use crate::domain::Timestamp;
use crate::domain::consent::Keyword;
use crate::domain::conversation::{ConversationStatus, Handler, State};
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::folding::fold;
use crate::domain::ids::LiveSessionId;
use crate::domain::message::{Content, Inbound, OutboundKind, ProviderConsent, Role};
use crate::domain::rate_limit::{CONTACT_WINDOW, may_answer, note_answer};
use crate::domain::rules::{Rules, SellerBook, TextName};

/// Decides what an inbound message leads to. Pure: the same arguments give the same turn, but for fresh ids.
///
/// The rules, in this order: consent keywords, whoever has the conversation; silence for those who said STOP (I6); a
/// seller keeps the live session open; a person who has the conversation answers it; FAQ, then fallback, both within
/// `per_contact_per_minute` (I7). Where the tenant asks for double opt-in, whatever a contact writes first on a channel also
/// brings the welcome, once, unless one went out through that channel already. Drafts start as [`super::Start::Queued`], due now.
#[must_use]
pub fn decide(state: &State, message: &Inbound, rules: &Rules, sellers: &dyn SellerBook, now: Timestamp) -> Turn {
    let role = role(message, rules, sellers);
    let mut passage = TurnBuilder::open(state, message, rules, now);
    let text = heard(&message.content);
    let folded = fold(text);
    let keyword = asked(rules, text, &folded, &message.content);
    let asked_to_confirm = rules.source().double_opt_in && state.welcomed && !state.confirmed;
    let confirmed = message.content.details.provider_consent.is_some();
    let outcome = match keyword {
        Some(Keyword::Stop) if !state.opted_out => passage.opt_out(confirmed),
        Some(Keyword::Start) if state.opted_out && !is_overtaken(state, message) => passage.opt_in(confirmed),
        Some(Keyword::Start) if !state.opted_out => passage.opt_in_again(confirmed),
        Some(Keyword::Confirm) if asked_to_confirm && !state.opted_out => passage.confirm(),
        Some(Keyword::Help) if !state.opted_out => passage.help(confirmed),
        _ if role == Role::Seller => passage.seller(state.opted_out),
        _ if state.opted_out => Outcome::SilentOptedOut,
        _ => passage.client(&folded),
    };
    let silenced = match passage.turn.consent {
        Some(ConsentChange::OptOut { .. }) => true,
        Some(ConsentChange::OptIn { .. } | ConsentChange::Confirm { .. }) => false,
        None => state.opted_out,
    };
    if rules.source().double_opt_in && role == Role::Client && !silenced && !state.welcomed && !state.confirmed {
        passage.welcome();
    }
    passage.turn.releases = !silenced;
    passage.close(role, outcome)
}

/// Whether a later word of the conversation had its turn before this one: what nodes kept while the database was away comes
/// in no order of theirs. Whoever is silent has said something else since then, so an overtaken START is none (I6).
fn is_overtaken(state: &State, message: &Inbound) -> bool {
    let last = state.conversation.as_ref().and_then(|conversation| conversation.last_inbound_at);
    last.is_some_and(|last| message.received_at < last)
}

/// Whether a message says STOP, as its turn will read it: what is queued before it then waits for nothing.
#[must_use]
pub fn says_stop(message: &Inbound, rules: &Rules) -> bool {
    let text = heard(&message.content);
    asked(rules, text, &fold(text), &message.content) == Some(Keyword::Stop)
}

fn role(message: &Inbound, rules: &Rules, sellers: &dyn SellerBook) -> Role {
    let addresses = std::iter::once(&message.from).chain(&message.content.details.alias);
    let is_seller = addresses
        .into_iter()
        .any(|address| rules.is_seller(address) || sellers.is_registered(&message.tenant, address));
    if is_seller { Role::Seller } else { Role::Client }
}

/// What they said: a button says what is on it.
fn heard(content: &Content) -> &str {
    match &content.details.button {
        Some(button) if content.body.trim().is_empty() => &button.text,
        _ => &content.body,
    }
}

/// The provider's reading and ours. They differ when an operator gave the provider words of its own; STOP wins either
/// way (I6).
fn asked(rules: &Rules, text: &str, folded: &str, content: &Content) -> Option<Keyword> {
    let ours = rules.keywords().read(text, folded);
    match content.details.provider_consent {
        Some(ProviderConsent::Stop) => Some(Keyword::Stop),
        Some(_) if ours == Some(Keyword::Stop) => ours,
        Some(ProviderConsent::Start) => Some(Keyword::Start),
        Some(ProviderConsent::Help) => Some(Keyword::Help),
        None => ours,
    }
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

    fn contact_event(&mut self, event_type: EventType, actor_type: ActorType, payload: Payload) {
        self.note(event_type, EntityType::Contact, self.turn.contact.id.0, actor_type, payload);
    }

    fn confirm(&mut self) -> Outcome {
        self.turn.consent = Some(ConsentChange::Confirm { address: self.turn.key.address.clone() });
        self.contact_event(EventType::Confirmed, ActorType::Contact, Payload::EMPTY);
        self.say(TextName::Confirmed, OutboundKind::OptInConfirmation);
        Outcome::Confirmed
    }

    /// Comes once for each contact and channel, so it is no automatic answer that a minute could hold too many of.
    fn welcome(&mut self) {
        self.contact_event(EventType::Welcomed, ActorType::Bot, Payload::EMPTY);
        self.say(TextName::Welcome, OutboundKind::Welcome);
    }

    fn help(&mut self, answered: bool) -> Outcome {
        if answered {
            return Outcome::AnsweredHelp;
        }
        self.answer(TextName::Help, OutboundKind::Help, Outcome::AnsweredHelp)
    }

    fn seller(&mut self, opted_out: bool) -> Outcome {
        self.turn.live_session = Some(LiveSessionId::fresh());
        if !opted_out {
            self.say(TextName::Seller, OutboundKind::Reply);
        }
        Outcome::Seller
    }

    fn client(&mut self, folded: &str) -> Outcome {
        if self.turn.conversation.status == ConversationStatus::Resolved {
            self.turn.conversation.status = ConversationStatus::InProgress;
        }
        if self.turn.conversation.handler == Handler::Human {
            return Outcome::SilentHuman;
        }
        match self.rules.question(folded) {
            Some(entry) => self.answer(TextName::Answer(entry), OutboundKind::Reply, Outcome::AnsweredFaq),
            None => self.answer(TextName::Fallback, OutboundKind::Reply, Outcome::AnsweredFallback),
        }
    }

    /// An automatic answer, if there is one and the contact's window has room for it (I7).
    fn answer(&mut self, text: TextName, kind: OutboundKind, outcome: Outcome) -> Outcome {
        if !self.rules.has(text) {
            return Outcome::SilentNoRule;
        }
        if !self.may_answer() {
            let payload = Payload::builder()
                .word("limiter", "per_contact_per_minute")
                .number("limit", self.rules.source().per_contact_per_minute)
                .number("window_s", CONTACT_WINDOW.num_seconds())
                .finish();
            let conversation = self.turn.conversation.id.0;
            self.note(EventType::RateLimited, EntityType::Conversation, conversation, ActorType::System, payload);
            return Outcome::RateLimited;
        }
        match self.say(text, kind) {
            Said::Something => {
                self.note_answer();
                outcome
            }
            Said::Nothing => Outcome::SilentNoRule,
            Said::TemplateFailed => Outcome::SilentTemplateError,
        }
    }

    fn may_answer(&self) -> bool {
        may_answer(&self.turn.conversation.recent_answers, self.rules.source().per_contact_per_minute, self.turn.at)
    }

    fn note_answer(&mut self) {
        let limit = self.rules.source().per_contact_per_minute;
        note_answer(&mut self.turn.conversation.recent_answers, limit, self.turn.at);
    }
}

/// What became of a text that was to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A draft stands in the turn.
    Something,
    /// There is no such text, or it rendered to nothing.
    Nothing,
    /// It broke on this message.
    TemplateFailed,
}
