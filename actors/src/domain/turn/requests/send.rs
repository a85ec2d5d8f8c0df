//! Request to send a message.

use std::fmt;

use super::contact;
use crate::domain::Timestamp;
use crate::domain::booking::BookingRefused;
use crate::domain::conversation::State;
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::ids::CorrelationId;
use crate::domain::message::{Category, Choice, Outbound};
use crate::domain::presentation::Presentation;
use crate::domain::rules::Rules;
use crate::domain::send::numbered;
use crate::domain::template::TemplateUse;
use crate::domain::turn::Turn;
use crate::domain::turn::builder::{begin, note, outbound, put, schedule};

/// A message that somebody asks for. `Debug` does not show the text.
#[derive(Clone)]
pub struct SendRequest {
    /// What to say while free text may be sent.
    pub text: Option<String>,
    /// What to say otherwise, or always when there is no text.
    pub template: Option<TemplateUse>,
    /// What the contact may choose from, below the text.
    pub choices: Vec<Choice>,
    /// What it has beside its text.
    pub presentation: Option<Presentation>,
    /// What it is about.
    pub category: Category,
    /// Whether a hard stop of the budget lets it pass.
    pub urgent: bool,
    /// No attempt begins before that. In the past it is as if it were not there.
    pub send_at: Option<Timestamp>,
    /// No attempt begins after that.
    pub expires_at: Option<Timestamp>,
    /// The same key of a tenant is the same message, however often it is asked for.
    pub idempotency_key: Option<String>,
    /// The flow it belongs to.
    pub correlation: CorrelationId,
}

impl fmt::Debug for SendRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendRequest")
            .field("text_bytes", &self.text.as_ref().map(String::len))
            .field("template", &self.template)
            .field("urgent", &self.urgent)
            .field("send_at", &self.send_at)
            .field("expires_at", &self.expires_at)
            .field("correlation", &self.correlation)
            .finish_non_exhaustive()
    }
}

/// Why a message that was asked for is not written. It names no text and no value (I10).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The contact said STOP (I6).
    #[error("the contact said STOP")]
    OptedOut,
    /// There is neither text nor template nor file.
    #[error("neither text nor template nor file: nothing to send")]
    Empty,
    /// The text is longer than a message may be.
    #[error("the text has {length} characters; a message holds {most}")]
    TooLong {
        /// Its length, in UTF-16 units.
        length: usize,
        /// The longest that the tenant's channels carry.
        most: usize,
    },
    /// It was to expire before it was asked for.
    #[error("expires_at has passed already")]
    Expired,
    /// The tenant has no such template.
    #[error("the tenant has no such template")]
    UnknownTemplate,
    /// The channel's provider does not know the template, and there is no text instead.
    #[error("the template is not for this channel, and there is no text")]
    TemplateNotForChannel,
    /// The template's places that nothing was given for.
    #[error("the template needs {}", .0.join(", "))]
    MissingVariables(Vec<String>),
    /// More was given than the template has places.
    #[error("the template has places for {} only", if .0.is_empty() { "nothing".to_owned() } else { .0.join(", ") })]
    UnknownVariables(Vec<String>),
    /// Somebody wrote or changed something that the person who answers had not seen (I14).
    #[error("the conversation went on since it was read")]
    Stale,
    /// Somebody took the offer, or it ended.
    #[error("the offer was taken, or is over")]
    OfferOver,
    /// The tenant has no such step of a flow.
    #[error("the tenant has no such step of a flow")]
    UnknownStep,
    /// The booking is left as it is.
    #[error(transparent)]
    Booking(#[from] BookingRefused),
}

impl Refused {
    /// The reason as a word, for answers that programs read.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::Empty => "empty",
            Self::TooLong { .. } => "too_long",
            Self::Expired => "expired",
            Self::UnknownTemplate => "unknown_template",
            Self::TemplateNotForChannel => "template_not_for_channel",
            Self::MissingVariables(_) => "missing_variables",
            Self::UnknownVariables(_) => "unknown_variables",
            Self::Stale => "stale",
            Self::OfferOver => "offer_over",
            Self::UnknownStep => "unknown_step",
            Self::Booking(why) => why.as_str(),
        }
    }
}

/// Decides what a request to send leads to: a turn that uses no message up and writes one, kind
/// [`Category::kind`], start [`crate::domain::turn::Start::Queued`], due now, or [`crate::domain::turn::Start::Scheduled`]. Its history begins with `message_queued` (I11).
/// Whether the contact confirmed (double opt-in) is checked right before the send: until then the message waits.
///
/// # Errors
/// [`Refused`]: nothing is to be written.
pub fn decide_send(state: &State, request: &SendRequest, rules: &Rules, now: Timestamp) -> Result<Turn, Refused> {
    write_message(state, request, rules, now, (ActorType::Operator, None))
}

/// The same, asked for by whomever.
pub(in crate::domain::turn) fn write_message(
    state: &State,
    request: &SendRequest,
    rules: &Rules,
    now: Timestamp,
    (actor_type, actor): (ActorType, Option<&str>),
) -> Result<Turn, Refused> {
    if state.opted_out {
        return Err(Refused::OptedOut);
    }
    let send_at = request.send_at.filter(|at| *at > now);
    if request.expires_at.is_some_and(|at| at <= send_at.unwrap_or(now)) {
        return Err(Refused::Expired);
    }
    let text = request.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let length = text.map_or(0, |text| match request.choices.as_slice() {
        [] => text.encode_utf16().count(),
        choices => numbered(text, choices).encode_utf16().count(),
    });
    let most = rules.source().longest_text;
    if length > most {
        return Err(Refused::TooLong { length, most });
    }
    let has_files = request.presentation.as_ref().is_some_and(|shown| !shown.files.is_empty());
    match &request.template {
        Some(template) => check(template, state, text.is_some() || has_files, rules)?,
        None if text.is_none() && !has_files => return Err(Refused::Empty),
        None => {}
    }
    let mut turn = begin(state, contact(state), request.correlation, now);
    let message = Outbound {
        template: request.template.as_ref().map(TemplateUse::on_one_line),
        choices: request.choices.clone(),
        presentation: request.presentation.clone().filter(|shown| !shown.is_empty()).map(Box::new),
        urgent: request.urgent,
        expires_at: request.expires_at,
        ..outbound(&turn, text.unwrap_or_default().to_owned(), request.category.kind())
    };
    let mut payload = Payload::builder().word("kind", message.kind.as_str());
    if let Some(template) = &message.template {
        payload = payload.text("template", &template.name);
    }
    if let Some(actor) = actor {
        payload = payload.text("actor", actor);
    }
    let row = message.id.0;
    match send_at {
        Some(at) => schedule(&mut turn, message, at, request.idempotency_key.clone()),
        None => put(&mut turn, message, request.idempotency_key.clone()),
    }
    note(&mut turn, EventType::MessageQueued, EntityType::MessageOut, row, actor_type, payload.finish());
    Ok(turn)
}

fn check(template: &TemplateUse, state: &State, has_text: bool, rules: &Rules) -> Result<(), Refused> {
    let known = rules.template(&template.name).ok_or(Refused::UnknownTemplate)?;
    if !has_text && !known.is_for(&state.key.channel) {
        return Err(Refused::TemplateNotForChannel);
    }
    let missing = known.missing(&template.variables);
    if !missing.is_empty() {
        return Err(Refused::MissingVariables(missing.into_iter().map(str::to_owned).collect()));
    }
    if !known.unknown(&template.variables).is_empty() {
        return Err(Refused::UnknownVariables(known.variables.clone()));
    }
    Ok(())
}
