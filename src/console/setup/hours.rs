//! The step about opening hours.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::hours::Country;
use serde::Serialize;

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, SetupStep, StepQuery, Trouble};
use super::{access, after, shown, step_page, written};
use crate::service::setup::{self, HoursAnswers};

/// As the file calls them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[derive(Serialize)]
struct DayLine<'a> {
    key: &'static str,
    hours: &'a str,
}

/// `GET /console/setup/hours`
pub(super) async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    let (answers, trouble) = written(&member, &state, HoursAnswers::of).await?;
    page(&member, &state, &query, &answers, &trouble)
}

fn page(
    member: &Member,
    state: &ConsoleState,
    query: &StepQuery,
    answers: &HoursAnswers,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    let days: Vec<DayLine<'_>> = DAYS.iter().zip(&answers.days).map(|(key, hours)| DayLine { key, hours }).collect();
    let context = context! {
        days => shown(days),
        countries => shown(Country::ALL.iter().map(|country| country.as_str()).collect::<Vec<_>>()),
        holidays => answers.holidays.as_str(),
        closed_on => answers.closed_on.as_str(),
        closed_reply => answers.closed_reply.as_str(),
    };
    step_page(member, state, (SetupStep::Hours, query), trouble, context)
}

/// `POST /console/setup/hours`
pub(super) async fn save(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let answers = HoursAnswers {
        days: DAYS.map(|day| fields.line(day, 200)),
        holidays: fields.line("holidays", 4),
        closed_on: fields.text("closed_on", 2_000),
        closed_reply: fields.text("closed_reply", 2_000),
    };
    let done = setup::set_hours(&member.caller, access(&state)?, &member.tenant, &answers).await;
    let step = (SetupStep::Hours, fields.line("alone", 20));
    after(&member, &state, step, done, |query, trouble| page(&member, &state, query, &answers, trouble)).await
}
