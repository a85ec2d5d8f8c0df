//! What the forms of the FAQ's page do.

use actix_web::{HttpResponse, web};
use palabre_actors::domain::faq::content_words;
use palabre_actors::domain::rules::Language;
use serde::{Deserialize, Serialize};

use super::super::csv_file::csv_file;
use super::super::{ConsoleError, ConsoleState, Form, Member, Page};
use super::{FaqQuery, FormState, edit_page, page, tenant};
use crate::service::ServiceError;
use crate::service::faq::{self, LineProblem, NewEntry};
use crate::store::{FaqRow, phrases};

/// Words of a question that a new entry begins with.
const MOST_WORDS: usize = 2;

/// An entry as its form has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct EntryForm {
    /// Empty: a new one.
    id: String,
    question: String,
    keywords: String,
    about: String,
    answer: String,
    language: String,
    /// A box that is not checked is not sent.
    enabled: String,
}

impl EntryForm {
    /// A new entry with a question that customers asked, and the words that say what it is about: one or two, since more
    /// would each ask for something else.
    pub(super) fn asking(question: &str) -> Self {
        let words = content_words(question);
        let keywords: Vec<String> =
            if words.len() <= MOST_WORDS { words.iter().map(|word| word.to_lowercase()).collect() } else { Vec::new() };
        let question = question.trim().to_owned();
        Self { question, keywords: keywords.join(", "), enabled: "yes".to_owned(), ..Self::default() }
    }

    /// An entry that is there.
    pub(super) fn of(row: &FaqRow) -> Self {
        Self {
            id: row.id.clone(),
            question: row.question.clone(),
            keywords: row.keywords.join(", "),
            about: row.about.join(", "),
            answer: row.answer.clone(),
            language: row.language.clone().unwrap_or_default(),
            enabled: if row.enabled { "yes".to_owned() } else { String::new() },
        }
    }

    fn entry(&self) -> NewEntry {
        NewEntry {
            id: Some(self.id.clone()).filter(|id| !id.is_empty()),
            question: self.question.clone(),
            keywords: phrases(&self.keywords),
            about: phrases(&self.about),
            answer: self.answer.clone(),
            language: Some(self.language.clone()).filter(|language| !language.is_empty()),
            enabled: !self.enabled.is_empty(),
        }
    }
}

/// `POST /console/faq`
pub async fn save(member: Member, state: web::Data<ConsoleState>, form: Form<EntryForm>) -> Result<Page, ConsoleError> {
    let (tenant, store) = (tenant(&state, &member)?, &state.deps.store);
    let (form, is_new) = (form.0.clone(), form.0.id.is_empty());
    if !is_new {
        // A form names an entry that is there; programs may choose ids, pages may not.
        faq::entry(&member.caller, store, &member.tenant, &form.id).await?;
    }
    let put = faq::put(&member.caller, store, (&member.tenant, &tenant.rules), form.entry(), state.now()).await;
    match put {
        Ok(_) => Ok(Page::see(if is_new { "/console/faq?done=added" } else { "/console/faq?done=saved" })),
        Err(ServiceError::NotValid { field, .. }) => {
            let around = FormState { form, is_open: true, wrong: Some(field), ..FormState::default() };
            if is_new {
                page(&member, &state, &FaqQuery::default(), around).await
            } else {
                edit_page(&member, &state, around)
            }
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SwitchForm {
    on: bool,
}

/// `POST /console/faq/{id}/switch`
pub async fn switch(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<SwitchForm>,
) -> Result<Page, ConsoleError> {
    let entry = (&member.tenant, id.as_str());
    faq::switch(&member.caller, &state.deps.store, entry, form.0.on, state.now()).await?;
    Ok(Page::see(if form.0.on { "/console/faq?done=on" } else { "/console/faq?done=off" }))
}

/// `POST /console/faq/{id}/delete`
pub async fn delete(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    _form: Form<FaqQuery>,
) -> Result<Page, ConsoleError> {
    faq::delete(&member.caller, &state.deps.store, &member.tenant, &id).await?;
    Ok(Page::see("/console/faq?done=deleted"))
}

/// `GET /console/faq/export`: the entries of the table as CSV.
pub async fn export(member: Member, state: web::Data<ConsoleState>) -> Result<HttpResponse, ConsoleError> {
    let csv = faq::export(&member.caller, &state.deps.store, &member.tenant).await?;
    Ok(csv_file(&format!("faq-{}.csv", member.tenant), &csv))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ImportForm {
    csv: String,
    /// A box that is not checked is not sent.
    replace: String,
}

/// `POST /console/faq/import`
pub async fn import(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<ImportForm>,
) -> Result<Page, ConsoleError> {
    let (tenant, ImportForm { csv, replace }) = (tenant(&state, &member)?, form.0);
    let (rules, how) = ((&member.tenant, &*tenant.rules), (!replace.is_empty(), false));
    let imported = faq::import(&member.caller, &state.deps.store, rules, csv.as_bytes(), how, state.now()).await?;
    if imported.problems.is_empty() {
        let (added, changed) = (imported.added, imported.changed + imported.removed);
        return Ok(Page::see(&format!("/console/faq?done=imported&added={added}&changed={changed}")));
    }
    let told = |(line, problem): &(usize, LineProblem)| {
        let text = state.text(&member, "faq", &format!("line_{}", problem.word()));
        let column = match problem {
            LineProblem::UnknownColumn(name) => name.as_str(),
            _ => "",
        };
        state
            .text(&member, "faq", "line")
            .replace("{line}", &line.to_string())
            .replace("{why}", &text)
            .replace("{column}", column)
    };
    let problems = imported.problems.iter().map(told).collect();
    page(
        &member,
        &state,
        &FaqQuery::default(),
        FormState { form: EntryForm::asking(""), csv, problems, ..FormState::default() },
    )
    .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TradeForm {
    trade: String,
    language: String,
}

/// `POST /console/faq/template`
pub async fn load_template(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<TradeForm>,
) -> Result<Page, ConsoleError> {
    let tenant = tenant(&state, &member)?;
    let language: Language = form.0.language.parse().map_err(|_| ConsoleError::BadForm)?;
    let template = (form.0.trade.as_str(), language);
    let rules = (&member.tenant, &*tenant.rules);
    let added = faq::add_template(&member.caller, &state.deps.store, rules, template, state.now()).await?;
    let added = added.ok_or(ConsoleError::BadForm)?;
    Ok(Page::see(&format!("/console/faq?done=template&added={added}")))
}
