//! Answering: a text or a template, refused when it is stale (I14).

use std::collections::BTreeMap;

use actix_web::web;
use palabre_actors::domain::template::TemplateUse;
use palabre_actors::domain::turn::Seen;
use serde::Deserialize;
use uuid::Uuid;

use super::conversation::{TalkOutcome, TalkQuery, id_of, page};
use super::inbox::InboxQuery;
use super::media;
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::ServiceError;
use crate::service::handling::{self, NewReply, ReplyOutcome};
use crate::service::messages::NotSent;

/// What a place of a template may hold, in characters.
pub(super) const LONGEST_VALUE: usize = 500;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReplyForm {
    text: String,
    /// The version of the conversation that was read.
    version: Option<i64>,
    /// The last message that was read.
    last_message: Option<Uuid>,
    /// The same form sent twice is one message.
    key: String,
    /// Send it although something came in.
    force: bool,
    /// The file that was attached.
    file: String,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.post("/conversations/{id}/reply", reply);
    routes.post("/conversations/{id}/template", template);
}

/// `POST /console/conversations/{id}/reply`
pub async fn reply(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    query: web::Query<InboxQuery>,
    form: Form<ReplyForm>,
) -> Result<Page, ConsoleError> {
    send(&member, &state, (&id, &query), form.0, None).await
}

/// `POST /console/conversations/{id}/template`: its name, and a value for each place (`v.prenom`).
pub async fn template(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    query: web::Query<InboxQuery>,
    form: Form<BTreeMap<String, String>>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let values = fields.iter().filter_map(|(name, value)| {
        Some((name.strip_prefix("v.")?.to_owned(), value.chars().take(LONGEST_VALUE).collect()))
    });
    let template = TemplateUse { name: field("template"), variables: values.collect() };
    let form = ReplyForm {
        version: field("version").parse().ok(),
        last_message: field("last_message").parse().ok(),
        key: field("key"),
        force: field("force") == "true",
        ..ReplyForm::default()
    };
    send(&member, &state, (&id, &query), form, Some(template)).await
}

async fn send(
    member: &Member,
    state: &ConsoleState,
    (id, query): (&str, &InboxQuery),
    form: ReplyForm,
    template: Option<TemplateUse>,
) -> Result<Page, ConsoleError> {
    let conversation = id_of(id)?;
    let files = match media::attached(member, state, &form.file).await? {
        Ok(files) => files,
        Err(refused) => {
            let refused = Some(state.text(member, "talk", refused));
            let outcome = TalkOutcome { text: form.text, refused, ..TalkOutcome::default() };
            return page(member, state, (id, query, &TalkQuery::default()), outcome).await;
        }
    };
    let new = NewReply {
        files,
        text: Some(form.text.clone()).filter(|text| !text.trim().is_empty()),
        template,
        urgent: true,
        expires_at: None,
        idempotency_key: Some(form.key.clone()).filter(|key| is_key(key)),
        seen: form.version.map(Seen::Version),
        last_message: form.last_message,
        is_forced: form.force,
    };
    let refused = match handling::reply(&member.caller, state.access(), conversation, new).await {
        Ok(ReplyOutcome::Taken { .. } | ReplyOutcome::TakenBefore(_)) => {
            let suffix = query.suffix();
            let joint = if suffix.is_empty() { "?" } else { "&" };
            return Ok(Page::see(&format!("/console/conversations/{conversation}{suffix}{joint}done=sent#end")));
        }
        Ok(ReplyOutcome::Stale(_)) => {
            let stale_after = Some(form.last_message);
            let outcome = TalkOutcome { text: form.text, file: form.file, stale_after, refused: None };
            return page(member, state, (id, query, &TalkQuery::default()), outcome).await;
        }
        Ok(ReplyOutcome::KeyReused) => "refused_key",
        Err(ServiceError::NotDone(why)) => refusal(&why),
        Err(error) => return Err(error.into()),
    };
    let refused = Some(state.text(member, "talk", refused));
    let outcome = TalkOutcome { text: form.text, file: form.file, refused, stale_after: None };
    page(member, state, (id, query, &TalkQuery::default()), outcome).await
}

/// What the API takes as an idempotency key.
fn is_key(key: &str) -> bool {
    (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The key of the sentence that says why nothing was sent.
fn refusal(why: &NotSent) -> &'static str {
    match why {
        NotSent::Refused { word: "opted_out", .. } => "refused_opted_out",
        NotSent::Refused { word: "empty", .. } => "refused_empty",
        NotSent::Refused { word: "too_long", .. } => "refused_too_long",
        NotSent::Refused {
            word: "unknown_template" | "template_not_for_channel" | "missing_variables" | "unknown_variables",
            ..
        } => "refused_template",
        NotSent::Later { .. } => "refused_later",
        NotSent::KeyTaken => "refused_key",
        _ => "refused_other",
    }
}
