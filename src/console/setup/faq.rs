//! The step about answers: those of the trade are read over.

use std::sync::Arc;

use actix_web::web;
use minijinja::context;
use serde::Serialize;

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, SetupStep, StepQuery, Trouble};
use super::{saved, shown, step_page};
use crate::config::Tenant;
use crate::service::faq::{self, ListedEntry, NewEntry};
use crate::service::{Permission, ServiceError};

/// Entries that the step shows; the FAQ's own page has them all.
const MOST: usize = 40;
/// The longest answer, in characters.
const LONGEST: usize = 4_000;

#[derive(Serialize)]
struct AnswerLine {
    id: String,
    question: String,
    answer: String,
}

/// `GET /console/setup/faq`
pub(super) async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::FaqWrite)?;
    let entries = entries(&member, &state).await?;
    let lines =
        entries.into_iter().map(|it| AnswerLine { id: it.row.id, question: it.row.question, answer: it.row.answer });
    page(&member, &state, &query, lines.collect(), &Trouble::default())
}

fn page(
    member: &Member,
    state: &ConsoleState,
    query: &StepQuery,
    answers: Vec<AnswerLine>,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    step_page(member, state, (SetupStep::Faq, query), trouble, context! { answers => shown(answers) })
}

fn tenant(member: &Member, state: &ConsoleState) -> Result<Arc<Tenant>, ConsoleError> {
    state.tenant(&member.tenant).ok_or(ConsoleError::NotFound)
}

/// Those that answer.
async fn entries(member: &Member, state: &ConsoleState) -> Result<Vec<ListedEntry>, ConsoleError> {
    let tenant = tenant(member, state)?;
    let listed = faq::list(&member.caller, &state.deps.store, (&member.tenant, &tenant.rules)).await?;
    let answers = listed.into_iter().filter(|entry| entry.row.enabled && !entry.replaced);
    Ok(answers.take(MOST).collect())
}

/// `POST /console/setup/faq`
pub(super) async fn save(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    member.caller.require(Permission::FaqWrite)?;
    let entries = entries(&member, &state).await?;
    let (mut wrong, mut lines) = (Vec::new(), Vec::new());
    for at in fields.numbers("id").into_iter().take(MOST) {
        let (id, answer) = (fields.line(&format!("id_{at}"), 100), fields.text(&format!("answer_{at}"), LONGEST));
        let Some(entry) = entries.iter().find(|entry| entry.row.id == id) else { continue };
        match change(&member, &state, entry, &answer).await {
            Ok(()) => {}
            Err(ConsoleError::Service(ServiceError::NotValid { .. })) => wrong.push(format!("answer_{}", lines.len())),
            Err(error) => return Err(error),
        }
        lines.push(AnswerLine { id, question: entry.row.question.clone(), answer });
    }
    let alone = fields.line("alone", 20);
    if wrong.is_empty() {
        return saved(&member, &state, SetupStep::Faq, &alone).await;
    }
    let query = StepQuery { alone, ..StepQuery::default() };
    let told = Some(state.text(&member, "setup", "others_saved"));
    page(&member, &state, &query, lines, &Trouble { wrong, told })
}

/// Writes an answer that was changed. One that was emptied is switched off.
async fn change(member: &Member, state: &ConsoleState, entry: &ListedEntry, answer: &str) -> Result<(), ConsoleError> {
    let (caller, store, row) = (&member.caller, &state.deps.store, &entry.row);
    if answer == row.answer.trim() {
        return Ok(());
    }
    if answer.is_empty() && !entry.configured {
        return Ok(faq::switch(caller, store, (&member.tenant, &row.id), false, state.now()).await?);
    }
    let tenant = tenant(member, state)?;
    let new = NewEntry {
        // What stands in the file stays there: the table's entry of the same question answers in its place.
        id: (!entry.configured).then(|| row.id.clone()),
        question: row.question.clone(),
        keywords: row.keywords.clone(),
        about: row.about.clone(),
        answer: answer.to_owned(),
        language: if entry.configured { None } else { row.language.clone() },
        enabled: true,
    };
    faq::put(caller, store, (&member.tenant, &tenant.rules), new, state.now()).await?;
    Ok(())
}
