//! The step about agreement: whether customers confirm first, and what STOP answers.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::rules::{Facts, TextName};
use serde::Serialize;

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, SetupStep, StepQuery, Trouble};
use super::{access, after, shown, step_page, written};
use crate::service::setup::{self, ConsentAnswers};

/// A text that may be written otherwise.
#[derive(Serialize)]
struct TextLine<'a> {
    key: &'static str,
    text: &'a str,
    /// What customers read as things stand.
    now: String,
}

/// `GET /console/setup/consent`
pub(super) async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    let (answers, trouble) = written(&member, &state, ConsentAnswers::of).await?;
    page(&member, &state, &query, &answers, &trouble)
}

fn page(
    member: &Member,
    state: &ConsoleState,
    query: &StepQuery,
    answers: &ConsentAnswers,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    let tenant = state.tenant(&member.tenant);
    let facts = Facts { body: "", contact_name: None };
    let said = |name: TextName| {
        let written = tenant.as_ref().and_then(|tenant| tenant.rules.write(name, &facts));
        written.and_then(Result::ok).unwrap_or_default()
    };
    let texts = [
        TextLine { key: "welcome", text: &answers.welcome, now: said(TextName::Welcome) },
        TextLine { key: "opt_out", text: &answers.opt_out, now: said(TextName::OptOut) },
        TextLine { key: "opt_in", text: &answers.opt_in, now: said(TextName::OptIn) },
    ];
    let context = context! { is_asked => answers.is_asked, texts => shown(texts) };
    step_page(member, state, (SetupStep::Consent, query), trouble, context)
}

/// `POST /console/setup/consent`
pub(super) async fn save(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let answers = ConsentAnswers {
        is_asked: fields.line("asks", 3) == "yes",
        welcome: fields.text("welcome", 1_000),
        opt_out: fields.text("opt_out", 1_000),
        opt_in: fields.text("opt_in", 1_000),
    };
    let done = setup::set_consent(&member.caller, access(&state)?, &member.tenant, &answers).await;
    let step = (SetupStep::Consent, fields.line("alone", 20));
    after(&member, &state, step, done, |query, trouble| page(&member, &state, query, &answers, trouble)).await
}
