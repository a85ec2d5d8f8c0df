//! The step at which the tenant is tried out, as its customers.

use actix_web::web;
use minijinja::context;

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, SetupStep, StepQuery, Trouble};
use super::{access, deps, heard, saved, shown, step_page};
use crate::service::setup;
use crate::service::{Permission, faq};

/// Questions that are proposed.
const QUESTIONS: usize = 3;

/// `GET /console/setup/trial`
pub(super) async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::SettingWrite)?;
    page(&member, &state, &query, &Trouble::default()).await
}

async fn page(
    member: &Member,
    state: &ConsoleState,
    query: &StepQuery,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    let (caller, store) = (&member.caller, &state.deps.store);
    let activity = setup::activity(caller, store, &member.tenant).await?;
    let tenant = state.tenant(&member.tenant).ok_or(ConsoleError::NotFound)?;
    let entries = faq::list(caller, store, (&member.tenant, &tenant.rules)).await?;
    let questions = entries.into_iter().filter(|entry| entry.row.enabled).map(|entry| entry.row.question);
    let context = context! {
        has_phone => state.test_channel(&member.tenant).is_some(),
        questions => shown(questions.take(QUESTIONS).collect::<Vec<_>>()),
        is_tried => heard(state, member, &activity, true),
    };
    step_page(member, state, (SetupStep::Trial, query), trouble, context)
}

/// `POST /console/setup/trial`: adds a test phone, or goes on.
pub(super) async fn save(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let alone = fields.line("alone", 20);
    if fields.is_checked("on") {
        member.caller.require(Permission::SettingWrite)?;
        return saved(&member, &state, SetupStep::Trial, &alone).await;
    }
    match setup::add_test_phone(&member.caller, access(&state)?, &member.tenant).await {
        Ok(()) => {
            deps(&state)?.reload.reload().await;
            Ok(Page::see("/console/setup/trial"))
        }
        Err(error) => {
            let query = StepQuery { alone, ..StepQuery::default() };
            page(&member, &state, &query, &Trouble::of(&state, member.language, error)?).await
        }
    }
}
