//! `/console/setup`: from a trade to the first answer, a step at a time. Each step may be come back to later, alone.

mod business;
mod connect;
mod connected;
mod consent;
mod faq;
mod fields;
mod hours;
mod people;
mod services;
mod trial;

use actix_web::http::StatusCode;
use actix_web::web;
use minijinja::{Value, context};
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::rules::Language;
use serde::{Deserialize, Serialize};
use tracing::error;

pub(super) use self::business::TIME_ZONES;
pub(super) use self::fields::Fields;
use super::display::shown;
use super::routes::PageRoutes;
use super::state::SetupDeps;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::config::Severity;
use crate::service::Permission;
use crate::service::setup::{self, SetupAccess, SetupStep, TenantDocument, TenantFileError};
use crate::store::operator::ChannelActivity;

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/setup", overview);
    routes.get("/setup/business", business::show);
    routes.post("/setup/business", business::save);
    routes.get("/setup/hours", hours::show);
    routes.post("/setup/hours", hours::save);
    routes.get("/setup/services", services::show);
    routes.post("/setup/services", services::save);
    routes.get("/setup/people", people::show);
    routes.post("/setup/people", people::save);
    routes.get("/setup/faq", faq::show);
    routes.post("/setup/faq", faq::save);
    routes.get("/setup/trial", trial::show);
    routes.post("/setup/trial", trial::save);
    routes.get("/setup/consent", consent::show);
    routes.post("/setup/consent", consent::save);
    routes.get("/setup/channel", connect::show);
    routes.post("/setup/channel", connect::save);
    connected::mount(routes);
}

/// What stands in the address of a step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StepQuery {
    /// Where it leads back to, when it is looked at alone: `setup`.
    alone: String,
    done: String,
    provider: String,
    channel: String,
}

/// What did not hold of a form.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Names of the fields that are wrong.
    pub(super) wrong: Vec<String>,
    /// What is told of the whole.
    pub(super) told: Option<String>,
}

impl Trouble {
    pub(super) fn at(field: impl Into<String>) -> Self {
        Self { wrong: vec![field.into()], told: None }
    }

    /// Why nothing was written, in somebody's language.
    pub(super) fn of(state: &ConsoleState, language: Language, failure: TenantFileError) -> Result<Self, ConsoleError> {
        let text = |key| state.pages.texts().get(language, "setup", key);
        let told = |text: String| Self { told: Some(text), wrong: Vec::new() };
        Ok(match failure {
            TenantFileError::Service(denied) => return Err(denied.into()),
            TenantFileError::Fields(wrong) => Self { wrong, told: None },
            TenantFileError::Taken(_) => Self { told: Some(text("taken").to_owned()), ..Self::at("name") },
            TenantFileError::Changed => told(text("changed").to_owned()),
            TenantFileError::NoFile => told(text("no_file").to_owned()),
            TenantFileError::UnknownTrade(_) => Self::at("trade"),
            TenantFileError::Refused(problems) => {
                let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
                let reasons: Vec<&str> = errors.map(|problem| problem.reason.as_str()).collect();
                told(text("refused").replace("{why}", &reasons.join("; ")))
            }
            failed @ (TenantFileError::Io(_) | TenantFileError::Folder(_)) => {
                error!(error = &failed as &dyn std::error::Error, "a tenant's file was not written");
                told(text("not_written").to_owned())
            }
        })
    }

    /// Whether everything held.
    pub(super) fn is_none(&self) -> bool {
        self.wrong.is_empty() && self.told.is_none()
    }
}

/// The files that the pages write.
pub(super) fn deps(state: &ConsoleState) -> Result<&SetupDeps, ConsoleError> {
    state.deps.setup.as_ref().ok_or(ConsoleError::NotFound)
}

pub(super) fn access(state: &ConsoleState) -> Result<SetupAccess<'_>, ConsoleError> {
    Ok(SetupAccess { store: &state.deps.store, folder: &deps(state)?.folder })
}

/// What a tenant's file says for a step; nothing, with why, where it cannot be read.
async fn written<T: Default>(
    member: &Member,
    state: &ConsoleState,
    of: impl FnOnce(&TenantDocument) -> T,
) -> Result<(T, Trouble), ConsoleError> {
    member.caller.require(Permission::SettingWrite)?;
    match setup::document(&member.caller, &deps(state)?.folder, &member.tenant).await {
        Ok((_, document)) => Ok((of(&document), Trouble::default())),
        Err(error) => Ok((T::default(), Trouble::of(state, member.language, error)?)),
    }
}

/// A step's page.
fn step_page(
    member: &Member,
    state: &ConsoleState,
    (step, query): (SetupStep, &StepQuery),
    trouble: &Trouble,
    page: Value,
) -> Result<Page, ConsoleError> {
    let template = match step {
        SetupStep::Business => "setup/business.html",
        SetupStep::Hours => "setup/hours.html",
        SetupStep::Services => "setup/services.html",
        SetupStep::People => "setup/people.html",
        SetupStep::Faq => "setup/faq.html",
        SetupStep::Trial => "setup/trial.html",
        SetupStep::Consent => "setup/consent.html",
        SetupStep::Channel => "setup/channel.html",
    };
    let context = context! {
        step => step.as_str(),
        number => step.number(),
        steps => SetupStep::ALL.len(),
        alone => query.alone == "setup",
        next => step.next().map(|next| format!("/console/setup/{}", next.as_str())),
        wrong => shown(&trouble.wrong),
        told => trouble.told.as_deref(),
        ..page
    };
    let page = state.page((template, "setup"), member, context)?;
    Ok(if trouble.is_none() { page } else { page.with_status(StatusCode::BAD_REQUEST) })
}

/// What was written counts from now on, and the next step comes.
async fn saved(member: &Member, state: &ConsoleState, step: SetupStep, alone: &str) -> Result<Page, ConsoleError> {
    let (caller, store) = (&member.caller, &state.deps.store);
    setup::confirm(caller, store, &member.tenant, step, state.now()).await?;
    deps(state)?.reload.reload().await;
    Ok(match step.next() {
        Some(next) if alone.is_empty() => Page::see(&format!("/console/setup/{}", next.as_str())),
        _ => Page::see("/console/setup?done=saved"),
    })
}

/// What follows a form: the next page where its step was written, else the same page with what did not hold.
/// `alone` is the form's.
async fn after(
    member: &Member,
    state: &ConsoleState,
    (step, alone): (SetupStep, String),
    done: Result<(), TenantFileError>,
    page: impl FnOnce(&StepQuery, &Trouble) -> Result<Page, ConsoleError>,
) -> Result<Page, ConsoleError> {
    match done {
        Ok(()) => saved(member, state, step, &alone).await,
        Err(error) => {
            let query = StepQuery { alone, ..StepQuery::default() };
            page(&query, &Trouble::of(state, member.language, error)?)
        }
    }
}

#[derive(Serialize)]
struct StepLine {
    key: &'static str,
    is_done: bool,
}

/// `GET /console/setup`
async fn overview(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::SettingWrite)?;
    deps(&state)?;
    let (caller, store) = (&member.caller, &state.deps.store);
    let confirmed = setup::confirmed(caller, store, &member.tenant).await?;
    let activity = setup::activity(caller, store, &member.tenant).await?;
    let is_done = |step: SetupStep| match step {
        SetupStep::Trial => heard(&state, &member, &activity, true),
        SetupStep::Channel => heard(&state, &member, &activity, false),
        step => confirmed.contains(&step),
    };
    let steps: Vec<StepLine> =
        SetupStep::ALL.iter().map(|(step, key)| StepLine { key, is_done: is_done(*step) }).collect();
    let next = steps.iter().find(|step| !step.is_done).map(|step| format!("/console/setup/{}", step.key));
    let has_begun = steps.iter().any(|step| step.is_done);
    let done = state.pages.texts().find(member.language, "setup", &format!("done_{}", query.done));
    state.page(("setup/overview.html", "setup"), &member, context! { steps => shown(steps), next, has_begun, done })
}

/// Whether something came in by a test phone of the tenant, or by another channel.
fn heard(state: &ConsoleState, member: &Member, activity: &[ChannelActivity], by_test_phone: bool) -> bool {
    let is_test_phone = |of: &ChannelActivity| {
        let channel = state.channel(&member.tenant, &of.channel);
        channel.map(|channel| channel.address.scheme() == Scheme::Sandbox)
    };
    activity.iter().any(|of| of.last_inbound_at.is_some() && is_test_phone(of) == Some(by_test_phone))
}
