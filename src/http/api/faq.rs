//! FAQ entries.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use palabre_actors::domain::ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::call::{Call, Json, PathId, Query, ToOperate, ToRead};
use super::params::{QueryParams, names_of};
use super::problems::{BodyProblems, CallProblems, SearchProblems, UnknownId, invalid};
use super::visibility::rfc3339;
use super::{Reply, reply, reply_with};
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::faq::{self, ListedEntry, NewEntry, Tried, UnansweredGroup};

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get_or_post("/api/v1/faq", list, put);
    routes.get("/api/v1/faq/unanswered", unanswered);
    routes.post("/api/v1/faq/try", try_out);
    routes.post("/api/v1/faq/{id}/delete", delete);
}

/// A question with a known answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FaqItem {
    /// `faq[2]` of the tenant's file, or the row's id.
    pub id: String,
    /// Whose it is.
    pub tenant_id: String,
    /// The question.
    pub question: String,
    /// Words and phrases that ask it.
    pub keywords: Vec<String>,
    /// What it answers, in the words of the lexicon; read from question and keywords when empty.
    pub about: Vec<String>,
    /// The answer: a template.
    pub answer: String,
    /// `fr`, `en` or null.
    pub language: Option<String>,
    /// Whether it answers.
    pub enabled: bool,
    /// `config` (the tenant's file, where alone it can be changed), `console`, `api`, `import`, `template` or `hand`.
    pub source: String,
    /// Who wrote it last: `user:…`, `key:…` or `command-line`; null where that is not known.
    pub author: Option<String>,
    /// Whether it answers nothing although it is enabled, because it does not hold.
    pub broken: bool,
    /// Whether it is the file's, and one of the table with the same question answers in its place.
    pub replaced: bool,
    /// When it was changed; null for those of the file.
    pub updated_at: Option<String>,
}

impl FaqItem {
    /// Describes an entry.
    #[must_use]
    pub fn of(entry: &ListedEntry) -> Self {
        let row = entry.row.clone();
        Self {
            id: row.id,
            tenant_id: row.tenant.to_string(),
            question: row.question,
            keywords: row.keywords,
            about: row.about,
            answer: row.answer,
            language: row.language,
            enabled: row.enabled,
            source: row.source,
            author: row.author,
            broken: entry.broken,
            replaced: entry.replaced,
            updated_at: (!entry.configured).then(|| rfc3339(row.updated_at)),
        }
    }
}

/// The entries of a tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FaqItems {
    /// Those of the tenant's file first.
    pub entries: Vec<FaqItem>,
}

/// An entry to write.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFaqItem {
    /// Whose it is to be; may be left out when the key is for one tenant alone.
    #[serde(default)]
    tenant: Option<String>,
    /// The row that it replaces; a new one unless given.
    #[serde(default)]
    id: Option<String>,
    /// The question.
    question: String,
    /// Words and phrases that ask it.
    #[serde(default)]
    keywords: Vec<String>,
    /// What it answers, in the words of the lexicon.
    #[serde(default)]
    about: Vec<String>,
    /// The answer: a template.
    answer: String,
    /// `fr` or `en`.
    #[serde(default)]
    language: Option<String>,
    /// Whether it answers; yes unless given.
    #[serde(default)]
    enabled: Option<bool>,
}

/// A message to try out.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FaqTrial {
    /// Of which tenant; may be left out when the key is for one tenant alone.
    #[serde(default)]
    tenant: Option<String>,
    /// What a customer would write.
    text: String,
}

/// How a message would be answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FaqTried {
    /// What the FAQ makes of it: `answered`, `offered` (a menu of the closest) or `none`.
    pub outcome: &'static str,
    /// The rule that decides; another one than `faq` may come before it, or after it.
    pub rule: String,
    /// What comes of the message, as `messages_in.reason` has it.
    pub reason: &'static str,
    /// What would be written to a contact who is new.
    pub texts: Vec<String>,
    /// The entries that answer or are offered.
    pub entries: Vec<FaqScore>,
    /// What the message asks for, in the words of the lexicon, with how surely (0 to 100).
    pub concepts: Vec<FaqConcept>,
    /// Every entry that the message concerns, the highest score first.
    pub scores: Vec<FaqScore>,
}

/// A concept and how surely a message asks for it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FaqConcept {
    /// Its name, as `about` has it.
    pub name: &'static str,
    /// 0 to 100.
    pub score: u8,
}

/// An entry and its score.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FaqScore {
    /// The entry.
    pub id: String,
    /// Its question.
    pub question: String,
    /// 0 to 115; from 60 on it may answer.
    pub score: u8,
}

impl FaqTried {
    /// Describes a trial.
    #[must_use]
    pub fn of(tried: &Tried) -> Self {
        let explanation = &tried.explanation;
        let scored = |entry: usize| {
            let score = explanation.scores.iter().find(|(scored, _)| *scored == entry).map_or(0, |(_, score)| *score);
            let entry = tried.entries.get(entry).cloned().unwrap_or_default();
            FaqScore { id: entry.id, question: entry.question, score }
        };
        let reading = &explanation.reading;
        let (outcome, entries) = match (reading.answers.as_slice(), reading.offers.as_slice()) {
            ([], []) => ("none", &[][..]),
            ([], offers) => ("offered", offers),
            (answers, _) => ("answered", answers),
        };
        Self {
            outcome,
            rule: tried.preview.rule.clone(),
            reason: tried.preview.outcome.as_str(),
            texts: tried.preview.texts.clone(),
            entries: entries.iter().map(|entry| scored(*entry)).collect(),
            concepts: explanation.concepts.iter().map(|(name, score)| FaqConcept { name, score: *score }).collect(),
            scores: explanation.scores.iter().map(|(entry, _)| scored(*entry)).collect(),
        }
    }
}

/// Messages that no entry answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnansweredItems {
    /// The largest groups first.
    pub groups: Vec<UnansweredItem>,
}

/// Messages that ask for the same and got no answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnansweredItem {
    /// How many messages.
    pub count: usize,
    /// Of how many customers.
    pub customers: usize,
    /// When the last one came.
    pub last: String,
    /// Some of them, the newest first.
    pub examples: Vec<String>,
}

impl UnansweredItem {
    /// Describes a group.
    #[must_use]
    pub fn of(group: &UnansweredGroup) -> Self {
        let UnansweredGroup { count, customers, last, examples, .. } = group.clone();
        Self { count, customers, last: rfc3339(last), examples }
    }
}

/// Which tenant's entries.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FaqFilter {
    /// Of this tenant; may be left out when the key is for one tenant alone.
    tenant: Option<String>,
}

impl QueryParams for FaqFilter {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "tenant" => self.tenant = Some(value.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The tenant that is meant: the one that is named, or the key's only one.
fn tenant<S>(call: &Call<S>, named: Option<&str>) -> Result<TenantId, HttpProblem> {
    const NOT_NAMED: HttpProblem = invalid("tenant", "missing tenant", "the key is for several tenants: name one");
    match (named, call.caller.only_tenant()) {
        (Some(named), _) => Ok(TenantId::new(named)),
        (None, Some(only)) => Ok(only.clone()),
        (None, None) => Err(NOT_NAMED),
    }
}

/// The entries of a tenant: those of its file, and those of the table.
#[utoipa::path(get, path = "/api/v1/faq", operation_id = "list_faq", tag = "faq", params(FaqFilter),
    security(("key" = ["read"])), responses(
    (status = 200, body = FaqItems, description = "The entries"), CallProblems, SearchProblems
))]
pub(super) async fn list(call: Call<ToRead>, Query(asked): Query<FaqFilter>) -> Reply {
    let tenant = tenant(&call, asked.tenant.as_deref())?;
    let caller = call.caller.service();
    let rules = faq::rules_of(caller, &call.api.faq, &tenant)?;
    let entries = faq::list(caller, &call.operator, (&tenant, &rules)).await?;
    reply(&FaqItems { entries: entries.iter().map(FaqItem::of).collect() })
}

/// Adds an entry, or replaces the one of that id. It answers within seconds.
#[utoipa::path(post, path = "/api/v1/faq", operation_id = "put_faq", tag = "faq", request_body = NewFaqItem,
    security(("key" = ["operate"])), responses(
    (status = 201, body = FaqItem, description = "The entry"), CallProblems, UnknownId, BodyProblems
))]
pub(super) async fn put(call: Call<ToOperate>, Json(asked): Json<NewFaqItem>) -> Reply {
    let tenant = tenant(&call, asked.tenant.as_deref())?;
    let caller = call.caller.service();
    let rules = faq::rules_of(caller, &call.api.faq, &tenant)?;
    let entry = NewEntry {
        id: asked.id,
        question: asked.question,
        keywords: asked.keywords,
        about: asked.about,
        answer: asked.answer,
        language: asked.language,
        enabled: asked.enabled.unwrap_or(true),
    };
    let row = faq::put(caller, &call.operator, (&tenant, &rules), entry, call.now()).await?;
    reply_with(
        StatusCode::CREATED,
        &FaqItem::of(&ListedEntry { row, configured: false, broken: false, replaced: false }),
    )
}

/// Deletes an entry of the table. Those of the tenant's file are changed there.
#[utoipa::path(post, path = "/api/v1/faq/{id}/delete", operation_id = "delete_faq", tag = "faq",
    params(("id" = String, Path, description = "The entry"), FaqFilter),
    security(("key" = ["operate"])), responses(
    (status = 204, description = "It is gone"), CallProblems, UnknownId, BodyProblems
))]
pub(super) async fn delete(call: Call<ToOperate>, PathId(id): PathId, Query(asked): Query<FaqFilter>) -> Reply {
    let tenant = tenant(&call, asked.tenant.as_deref())?;
    faq::delete(call.caller.service(), &call.operator, &tenant, &id).await?;
    Ok(actix_web::HttpResponse::NoContent().finish())
}

/// Shows how a message would be answered, and why. Nothing is sent.
#[utoipa::path(post, path = "/api/v1/faq/try", operation_id = "try_faq", tag = "faq", request_body = FaqTrial,
    security(("key" = ["read"])), responses(
    (status = 200, body = FaqTried, description = "How it would be answered"), CallProblems, UnknownId, BodyProblems
))]
pub(super) async fn try_out(call: Call<ToRead>, Json(asked): Json<FaqTrial>) -> Reply {
    let tenant = tenant(&call, asked.tenant.as_deref())?;
    let caller = call.caller.service();
    let rules = faq::rules_of(caller, &call.api.faq, &tenant)?;
    let tried = faq::try_out(caller, Some(&call.operator), (&tenant, &rules), &asked.text, call.now()).await?;
    reply(&FaqTried::of(&tried))
}

/// What no entry answered in the last 30 days, alike messages together. Needs the scope `read-content` as well.
#[utoipa::path(get, path = "/api/v1/faq/unanswered", operation_id = "unanswered_faq", tag = "faq", params(FaqFilter),
    security(("key" = ["read"])), responses(
    (status = 200, body = UnansweredItems, description = "The groups"), CallProblems, SearchProblems
))]
pub(super) async fn unanswered(call: Call<ToRead>, Query(asked): Query<FaqFilter>) -> Reply {
    let tenant = tenant(&call, asked.tenant.as_deref())?;
    let caller = call.caller.service();
    let rules = faq::rules_of(caller, &call.api.faq, &tenant)?;
    let since = faq::counted_since(call.now());
    let groups = faq::unanswered(caller, &call.operator, (&tenant, &rules), since).await?;
    reply(&UnansweredItems { groups: groups.iter().map(UnansweredItem::of).collect() })
}

/// What is told of a value that does not hold.
pub(super) fn not_valid(field: &'static str, reason: String) -> HttpProblem {
    HttpProblem { hint: Cow::Owned(reason), ..invalid(field, "not valid", "") }
}
