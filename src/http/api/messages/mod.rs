//! Sending a message that somebody asks for.

mod addressing;
mod files;
mod presentation;

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::message::{Category, Choice};
use palabre_actors::domain::template::TemplateUse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(super) use self::addressing::{channel_and_address, tenant};
use self::presentation::shown;
use super::call::{Call, Json, ToSend};
use super::params::{lasting, timestamp};
use super::problems::{self, BodyProblems, CallProblems, KeyConflict, UnknownName, invalid};
use super::{Reply, reply, reply_with};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::messages::{self, NotSent, OutgoingMessage, SendOutcome};

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.post("/api/v1/messages", send);
}

/// A message to send: a text, a template, or both (the template is for when the window is closed).
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMessage {
    /// Who sends. May be left out when the key sees one tenant alone, or `channel` says it.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Through which channel. May be left out when one channel of the tenant fits `to`.
    #[serde(default)]
    pub channel: Option<String>,
    /// A phone number (`+33612345678`) or an address (`whatsapp:+33612345678`, `sms:+33612345678`).
    #[schema(example = "whatsapp:+33612345678")]
    pub to: String,
    /// What to say, while free text may be sent.
    #[serde(default)]
    pub text: Option<String>,
    /// The subject of an e-mail.
    #[serde(default)]
    pub subject: Option<String>,
    /// The same as `text`, as HTML, for e-mail. Without `text`, the text is made of it.
    #[serde(default)]
    pub html: Option<String>,
    /// What to say otherwise.
    #[serde(default)]
    pub template: Option<UseOfTemplate>,
    /// What the contact may choose from, below the text: buttons, a list or numbered lines, as the provider has them. Ten at
    /// most.
    #[serde(default)]
    pub choices: Vec<NewChoice>,
    /// A file that goes with `text`, or alone; ten with an e-mail. No template and no choice goes with one.
    #[serde(default)]
    pub media: Vec<NewFile>,
    /// What it is about: `transactional` (unless given), or `marketing`, which does not go to who said STOP PROMOTIONS.
    #[serde(default)]
    pub category: MessageCategory,
    /// Whether it passes when the budget is spent.
    #[serde(default)]
    pub urgent: bool,
    /// When to send it, within a year: until then it waits outside its conversation's queue.
    #[serde(default)]
    #[schema(example = "2026-12-24T09:00:00+01:00")]
    pub send_at: Option<String>,
    /// So long after it was asked for, or after `send_at`, it is not sent any more: `"2h"`.
    #[serde(default)]
    #[schema(example = "24h")]
    pub expires_in: Option<String>,
}

/// A file of a message: uploaded (`id`), or at a URL that anybody may read (`url`, with its `content_type`).
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFile {
    /// What `POST /api/v1/media` answered.
    #[serde(default)]
    pub id: Option<String>,
    /// By https. A provider that takes links is given this one; else the file is fetched when it is sent.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    #[schema(example = "image/jpeg")]
    pub content_type: Option<String>,
    /// What the contact sees it called.
    #[serde(default)]
    pub name: Option<String>,
}

/// One of the answers that a message offers.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChoice {
    /// What comes back when it is chosen; the label when it is left out.
    #[serde(default)]
    #[schema(example = "oui")]
    pub id: Option<String>,
    /// What the contact reads.
    #[schema(example = "Oui")]
    pub label: String,
}

/// What a message is about.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MessageCategory {
    /// Something that the contact has going on.
    #[default]
    Transactional,
    /// Advertising.
    Marketing,
}

impl From<MessageCategory> for Category {
    fn from(category: MessageCategory) -> Self {
        match category {
            MessageCategory::Transactional => Self::Transactional,
            MessageCategory::Marketing => Self::Marketing,
        }
    }
}

/// A template of the tenant's configuration, and what stands in its places.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct UseOfTemplate {
    /// Its name.
    pub name: String,
    /// By the names (or numbers) of its places.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A message that was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AcceptedMessage {
    /// Its id: `GET /api/v1/outbox/{id}` tells what became of it.
    pub id: String,
}

/// Asks for a message. It is durable when the answer comes, and sent in its turn: `GET /api/v1/outbox/{id}` tells what
/// became of it. The same `Idempotency-Key` is the same message, however often it is asked for.
#[utoipa::path(post, path = "/api/v1/messages", operation_id = "send_message", tag = "messages", request_body = NewMessage,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 64 visible characters of your choice")),
    security(("key" = ["send"])), responses(
    (status = 202, body = AcceptedMessage, description = "It is durable"),
    (status = 200, body = AcceptedMessage, description = "It was asked for before, under the same key"),
    CallProblems, UnknownName, BodyProblems, KeyConflict
))]
pub(super) async fn send(call: Call<ToSend>, request: HttpRequest, Json(asked): Json<NewMessage>) -> Reply {
    let files = files::asked(&asked)?;
    let mut message = message(&call, request.headers(), asked)?;
    files::add(&call, &mut message, files).await?;
    answered(messages::send(call.caller.service(), &call.operator, &*call.api.outgoing, message).await?)
}

/// What became of a message, as whoever asked for it reads it.
pub(super) fn answered(outcome: SendOutcome) -> Reply {
    match outcome {
        SendOutcome::Taken(id) => reply_with(StatusCode::ACCEPTED, &AcceptedMessage { id: id.to_string() }),
        SendOutcome::TakenBefore(id) => reply(&AcceptedMessage { id: id.to_string() }),
        SendOutcome::KeyReused => Err(problems::KEY_REUSED),
        SendOutcome::NotSent(why) => Err(not_sent(why)),
    }
}

/// Why nothing was written.
pub(super) fn not_sent(why: NotSent) -> HttpProblem {
    match why {
        NotSent::Refused { word, hint, field } => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            HttpProblem { field, ..HttpProblem::new(status, word, "").hinting(hint) }
        }
        NotSent::Later { word, hint } => problems::later(word, hint),
        NotSent::Stale => problems::STALE,
        NotSent::UnknownConversation => problems::NOT_FOUND,
        NotSent::KeyTaken => problems::UNAVAILABLE,
    }
}

fn message(call: &Call<ToSend>, headers: &HeaderMap, asked: NewMessage) -> Result<OutgoingMessage, HttpProblem> {
    let tenant = tenant(&call.api, &call.caller, asked.tenant.as_deref(), asked.channel.as_deref())?;
    let (sender, to) = channel_and_address(&call.api, &tenant, asked.channel.as_deref(), &asked.to)?;
    let choices = choices(asked.text.as_deref(), asked.choices)?;
    let (text, presentation) = shown(asked.text, asked.subject, asked.html)?;
    let template = said(text.as_deref(), asked.template, !asked.media.is_empty())?;
    let send_at = send_at(call.now(), asked.send_at.as_deref())?;
    let expires_at = expiry(send_at.unwrap_or(call.now()), asked.expires_in.as_deref())?;
    Ok(OutgoingMessage {
        channel: sender.id.clone(),
        tenant,
        to,
        text,
        template,
        choices,
        presentation,
        category: asked.category.into(),
        urgent: asked.urgent,
        send_at,
        expires_at,
        idempotency_key: key(headers)?,
    })
}

/// The template of a message, which must say something.
pub(in crate::http::api) fn said(
    text: Option<&str>,
    template: Option<UseOfTemplate>,
    has_files: bool,
) -> Result<Option<TemplateUse>, HttpProblem> {
    let template = template.map(|template| TemplateUse { name: template.name, variables: template.variables });
    let values = template.iter().flat_map(|template| template.variables.values().map(String::as_str));
    if text.into_iter().chain(values).any(|text| text.contains('\0')) {
        return Err(invalid("text", "bad text", "a text has no NUL characters"));
    }
    if text.is_none_or(|text| text.trim().is_empty()) && template.is_none() && !has_files {
        return Err(invalid("text", "nothing to say", "give `text`, `template`, or both"));
    }
    Ok(template)
}

/// The choices of a message, which stand below a text.
fn choices(text: Option<&str>, asked: Vec<NewChoice>) -> Result<Vec<Choice>, HttpProblem> {
    const MOST: usize = 10;
    const BAD: HttpProblem = invalid(
        "choices",
        "bad choices",
        "ten at most, below a `text`; a label has 1 to 72 characters, an id 1 to 200 without spaces around it",
    );
    let of = |choice: NewChoice| {
        let label = choice.label.trim().to_owned();
        let id = choice.id.unwrap_or_else(|| label.clone());
        let fits = (1..=72).contains(&label.chars().count()) && (1..=200).contains(&id.len()) && id.trim() == id;
        (fits && ![&id, &label].iter().any(|text| text.contains('\0'))).then_some(Choice { id, label }).ok_or(BAD)
    };
    let has_text = text.is_some_and(|text| !text.trim().is_empty());
    if asked.len() > MOST || (!asked.is_empty() && !has_text) {
        return Err(BAD);
    }
    asked.into_iter().map(of).collect()
}

/// When a message is to be sent. A time in the past is now, as clocks differ.
fn send_at(now: Timestamp, given: Option<&str>) -> Result<Option<Timestamp>, HttpProblem> {
    const YEAR: TimeDelta = TimeDelta::days(366);
    const TOO_LATE: HttpProblem = invalid("send_at", "too late", "within a year");
    let at = given.map(|given| timestamp("send_at", given)).transpose()?;
    if at.is_some_and(|at| at > now + YEAR) { Err(TOO_LATE) } else { Ok(at.filter(|at| *at > now)) }
}

/// When a message is not to be sent any more.
pub(super) fn expiry(now: Timestamp, given: Option<&str>) -> Result<Option<Timestamp>, HttpProblem> {
    Ok(given.map(|given| lasting("expires_in", given)).transpose()?.map(|given| now + given))
}

pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, HttpProblem> {
    const BAD: HttpProblem = invalid(
        "Idempotency-Key",
        "bad idempotency key",
        "1 to 64 visible characters, and not whom it goes to (`+33…`, `…@…`): a UUID or an order's id is good",
    );
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().map_err(|_| BAD)?.trim();
    let fits = (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) && !names_somebody(key);
    if fits { Ok(Some(key.to_owned())) } else { Err(BAD) }
}

/// Whether a key is an address: of two messages to one person the second would be taken for the first again.
fn names_somebody(key: &str) -> bool {
    let number = key.rsplit(':').next().unwrap_or_default();
    let digits = number.strip_prefix('+').map(|digits| digits.bytes().filter(u8::is_ascii_digit).count());
    key.contains('@') || digits.is_some_and(|digits| digits >= 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_whatever_does_not_name_somebody() {
        let uuid = "reminder-5f2c9a1e-0b7d-4e21-9c55-77de01a4b2f3-1";
        for key in ["order-17953410", "20261122-0942", "179534101", uuid, "a+b"] {
            assert!(!names_somebody(key), "{key}");
        }
        for key in ["+33612345678", "whatsapp:+33612345678", "sms:+33612345678", "anne@example.org"] {
            assert!(names_somebody(key), "{key}");
        }
    }
}
