//! `/console/faq`: the questions that the bot answers, what it would answer, and what it could not.

mod forms;
mod shown;

use std::sync::Arc;

use actix_web::web;
use minijinja::{Value, context};
use palabre_actors::domain::folding::fold;
use serde::Deserialize;

use self::forms::EntryForm;
pub(super) use self::shown::groups;
use self::shown::{FaqTelling, entry_line, tried};
use super::display::shown;
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Member, Page};
use crate::config::Tenant;
use crate::service::Permission;
use crate::service::faq::{self, ListedEntry, TRADES};

/// Groups of unanswered questions that the page shows; the figures show more.
const MOST_GROUPS: usize = 8;
/// The longest text that is tried out, in characters.
const LONGEST_TRIAL: usize = 1_000;

/// What stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FaqQuery {
    /// Words that entries must have.
    q: String,
    /// What a customer would write.
    r#try: String,
    /// A question that the form begins with.
    question: String,
    /// What was just done.
    done: String,
    /// How many entries that added and changed.
    added: usize,
    changed: usize,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/faq", list);
    routes.post("/faq", forms::save);
    routes.get("/faq/export", forms::export);
    routes.post("/faq/import", forms::import);
    routes.post("/faq/template", forms::load_template);
    routes.get("/faq/{id}", edit);
    routes.post("/faq/{id}/switch", forms::switch);
    routes.post("/faq/{id}/delete", forms::delete);
}

/// `GET /console/faq`
pub async fn list(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<FaqQuery>,
) -> Result<Page, ConsoleError> {
    let form = EntryForm::asking(&query.question);
    page(&member, &state, &query, FormState { is_open: !query.question.is_empty(), form, ..FormState::default() }).await
}

/// What a form that did not hold leaves on the page.
#[derive(Default)]
struct FormState {
    form: EntryForm,
    /// The form is unfolded.
    is_open: bool,
    /// What does not hold of it.
    wrong: Option<&'static str>,
    /// The table that was not taken over, and the lines that do not hold.
    csv: String,
    problems: Vec<String>,
}

fn tenant(state: &ConsoleState, member: &Member) -> Result<Arc<Tenant>, ConsoleError> {
    state.tenant(&member.tenant).ok_or(ConsoleError::NotFound)
}

async fn page(
    member: &Member,
    state: &ConsoleState,
    query: &FaqQuery,
    around: FormState,
) -> Result<Page, ConsoleError> {
    let (tenant, store) = (tenant(state, member)?, &state.deps.store);
    let (caller, rules) = (&member.caller, (&member.tenant, &*tenant.rules));
    let display = state.display(member);
    let entries = faq::list(caller, store, rules).await?;
    let today = display.now.with_timezone(&display.timezone).date_naive();
    let answers = faq::answers(caller, store, (&member.tenant, display.timezone), (today, display.now)).await?;
    let names = state.names(member).await?;
    let telling = FaqTelling { state, member, tenant: &tenant, display: &display, names: &names, answers: &answers };
    let words: Vec<String> = fold(&query.q).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let lines: Vec<_> = entries.iter().filter(|entry| fits(entry, &words)).map(|it| entry_line(it, &telling)).collect();
    let text: String = query.r#try.trim().chars().take(LONGEST_TRIAL).collect();
    let tried = match text.as_str() {
        "" => None,
        text => Some(tried(&faq::try_out(caller, Some(store), rules, text, display.now).await?, text, &telling)),
    };
    let unanswered = match caller.may(Permission::ContentRead) {
        true => faq::unanswered(caller, store, rules, faq::counted_since(display.now)).await?,
        false => Vec::new(),
    };
    let may_write = caller.may(Permission::FaqWrite);
    let count = |number: usize, key: &str| state.text(member, "faq", key).replace("{count}", &number.to_string());
    let done =
        state.pages.texts().find(member.language, "faq", &format!("done_{}", query.done)).map(|done| {
            done.replace("{added}", &query.added.to_string()).replace("{changed}", &query.changed.to_string())
        });
    let context = context! {
        entries => shown(lines),
        total => entries.len(),
        q => query.q.as_str(),
        tried => tried.map(shown),
        try_text => text.as_str(),
        more_groups => unanswered.len() > MOST_GROUPS,
        groups => shown(groups(&unanswered[..unanswered.len().min(MOST_GROUPS)], &count)),
        may_write,
        done,
        trades => shown(trades(state, member)),
        csv => around.csv.as_str(),
        problems => shown(&around.problems),
        ..form_context(&around, entries.is_empty())
    };
    state.page(("faq/list.html", "faq"), member, context)
}

/// What the form's template needs.
fn form_context(around: &FormState, is_first: bool) -> Value {
    context! {
        form => shown(&around.form),
        is_open => around.is_open || is_first,
        wrong => around.wrong,
    }
}

fn fits(entry: &ListedEntry, words: &[String]) -> bool {
    let row = &entry.row;
    let text = fold(&format!("{} {} {}", row.question, row.keywords.join(" "), row.answer));
    words.iter().all(|word| text.contains(word.as_str()))
}

/// Trades with entries to begin with, and what they are called.
fn trades(state: &ConsoleState, member: &Member) -> Vec<(&'static str, String)> {
    TRADES.iter().map(|trade| (*trade, state.text(member, "faq", &format!("trade_{trade}")))).collect()
}

/// `GET /console/faq/{id}`
pub async fn edit(member: Member, state: web::Data<ConsoleState>, id: web::Path<String>) -> Result<Page, ConsoleError> {
    let row = faq::entry(&member.caller, &state.deps.store, &member.tenant, &id).await?;
    edit_page(&member, &state, FormState { form: EntryForm::of(&row), is_open: true, ..FormState::default() })
}

fn edit_page(member: &Member, state: &ConsoleState, around: FormState) -> Result<Page, ConsoleError> {
    let may_write = member.caller.may(Permission::FaqWrite);
    state.page(("faq/edit.html", "faq"), member, context! { may_write, ..form_context(&around, false) })
}
