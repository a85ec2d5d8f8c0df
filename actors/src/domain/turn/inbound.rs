//! Decision about an inbound message.

use super::builder::{TurnBuilder, outbound, put};
use super::flows;
use super::heard::Heard;
use super::rules::route;
use super::{ConsentChange, Turn, places, waiting};
use crate::domain::Timestamp;
use crate::domain::action::Action;
use crate::domain::address::{Address, Identity};
use crate::domain::consent::Keyword;
use crate::domain::conversation::State;
use crate::domain::event::{ActorType, EventType, Payload};
use crate::domain::folding::fold;
use crate::domain::message::{Content, Inbound, Notice, Outbound, OutboundKind, ProviderConsent, Role};
use crate::domain::rules::{Rules, SellerBook, TextName};

/// Decides what an inbound message leads to. Pure: the same arguments give the same turn, but for fresh ids.
///
/// The rules of [`super::rules`] are asked in their order. Where the tenant asks for double opt-in, whatever a contact writes
/// first on a channel also brings the welcome, once, unless one went out through that channel already. Drafts start as
/// [`super::Start::Queued`], due now.
#[must_use]
pub fn decide(state: &State, message: &Inbound, rules: &Rules, sellers: &dyn SellerBook, now: Timestamp) -> Turn {
    let role = role(state, message, rules, sellers);
    let mut builder = TurnBuilder::open(state, message, rules, now);
    let text = said(&message.content);
    let folded = fold(text);
    let keyword = keyword(rules, text, &folded, &message.content);
    // Everybody's first words are that button; they ask for messages again only where there was a STOP before.
    let keyword = keyword.filter(|_| state.opted_out || message.content.details.start.is_none());
    if let Some(action) = &message.content.details.acknowledge {
        builder.acknowledge(action);
    }
    let (rule, outcome) = route(&mut builder, &Heard { state, message, role, sellers, text, folded: &folded, keyword });
    let silenced = match builder.turn.consent {
        Some(ConsentChange::OptOut { .. }) => true,
        Some(ConsentChange::OptIn { .. } | ConsentChange::Confirm { .. }) => false,
        Some(ConsentChange::Marketing { .. }) | None => state.opted_out,
    };
    if matches!(builder.turn.consent, Some(ConsentChange::OptOut { .. })) {
        flows::leave(&mut builder.turn, &state.agenda, "opted_out");
        waiting::leave_list(&mut builder.turn, &state.agenda);
    }
    places::pass_on(&mut builder.turn, state, rules);
    if rules.source().double_opt_in && role == Role::Client && !silenced && !state.welcomed && !state.confirmed {
        builder.welcome();
    }
    builder.turn.releases = !silenced && !message.content.details.written_on_phone;
    builder.close(role, rule, outcome)
}

/// Whether a message says STOP, as its turn will read it: what is queued before it then waits for nothing.
#[must_use]
pub fn says_stop(message: &Inbound, rules: &Rules) -> bool {
    let text = said(&message.content);
    keyword(rules, text, &fold(text), &message.content) == Some(Keyword::Stop)
}

/// A seller is one by any of their addresses.
fn role(state: &State, message: &Inbound, rules: &Rules, sellers: &dyn SellerBook) -> Role {
    if message.content.details.written_on_phone {
        return Role::Seller;
    }
    let is_seller = |person: &Identity| rules.is_seller(person) || sellers.is_registered(&message.tenant, person);
    let alias = message.content.details.alias.as_ref().map(Address::identity);
    let is_seller = is_seller(&state.key.person) || alias.iter().chain(&state.identities).any(is_seller);
    if is_seller { Role::Seller } else { Role::Client }
}

/// What they said: what was pressed says what is on it, whatever the provider shows as the text.
fn said(content: &Content) -> &str {
    let details = &content.details;
    let pressed = details.button.as_ref().map(|button| button.text.as_str());
    let picked = details.list_choice.as_ref().map(|choice| choice.title.as_str());
    let said = pressed.into_iter().chain(picked).find(|text| !text.trim().is_empty());
    said.unwrap_or(&content.body)
}

/// What the program behind what was pressed calls it: a tenant's own STOP button may say anything.
fn meant(content: &Content) -> Option<&str> {
    let details = &content.details;
    let payload = details.button.as_ref().map(|button| button.payload.as_str());
    payload.or(details.list_choice.as_ref().map(|choice| choice.id.as_str())).filter(|text| !text.is_empty())
}

/// The provider's reading and ours. They differ when an operator gave the provider words of its own; STOP wins either
/// way (I6).
fn keyword(rules: &Rules, text: &str, folded: &str, content: &Content) -> Option<Keyword> {
    if content.details.written_on_phone {
        // The contact did not say it.
        return None;
    }
    if let Some(Notice::Marketing { wanted }) = content.details.notice {
        return Some(if wanted { Keyword::StartMarketing } else { Keyword::StopMarketing });
    }
    let mut ours = rules.keywords().read(text, folded);
    if ours.is_none()
        && let Some(meant) = meant(content)
    {
        ours = rules.keywords().read(meant, &fold(meant)).filter(|meant| *meant == Keyword::Stop);
    }
    match content.details.provider_consent {
        Some(ProviderConsent::Stop) => Some(Keyword::Stop),
        Some(_) if ours == Some(Keyword::Stop) => ours,
        Some(ProviderConsent::Start) => Some(Keyword::Start),
        Some(ProviderConsent::Help) => Some(Keyword::Help),
        None => ours,
    }
}

impl TurnBuilder<'_> {
    /// Ahead of what the turn says: the contact's app waits for it. Nobody has answered the contact by it.
    fn acknowledge(&mut self, action: &Action) {
        let status = self.turn.conversation.status;
        let row = outbound(&self.turn, String::new(), OutboundKind::Action);
        put(&mut self.turn, Outbound { action: Some(action.clone()), ..row }, None);
        self.turn.conversation.status = status;
    }

    /// Comes once for each contact and channel, so it is no automatic answer that a minute could hold too many of.
    fn welcome(&mut self) {
        self.contact_event(EventType::Welcomed, ActorType::Bot, Payload::EMPTY);
        self.say(TextName::Welcome, OutboundKind::Welcome);
    }
}
