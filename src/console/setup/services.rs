//! The step about what can be booked.

use actix_web::web;
use minijinja::context;
use serde::Serialize;

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, SetupStep, StepQuery, Trouble};
use super::{access, after, shown, step_page, written};
use crate::service::setup::{self, ServiceAnswers};

/// Empty rows at the end of the form.
const FREE_ROWS: usize = 2;
/// Rows at most.
const MOST: usize = 60;

#[derive(Serialize)]
struct ServiceLine<'a> {
    id: &'a str,
    name: &'a str,
    duration: &'a str,
    price: &'a str,
    resources: &'a str,
}

impl<'a> ServiceLine<'a> {
    fn of(service: &'a ServiceAnswers) -> Self {
        let ServiceAnswers { id, name, duration, price, resources } = service;
        Self { id, name, duration, price, resources }
    }
}

/// `GET /console/setup/services`
pub(super) async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    let (answers, trouble) = written(&member, &state, setup::services).await?;
    page(&member, &state, &query, answers, &trouble)
}

fn page(
    member: &Member,
    state: &ConsoleState,
    query: &StepQuery,
    mut answers: Vec<ServiceAnswers>,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    let named = answers.iter().filter(|service| !service.name.is_empty()).count();
    answers.resize(answers.len().max(named + FREE_ROWS), ServiceAnswers::default());
    let lines: Vec<ServiceLine<'_>> = answers.iter().map(ServiceLine::of).collect();
    step_page(member, state, (SetupStep::Services, query), trouble, context! { services => shown(lines) })
}

/// `POST /console/setup/services`
pub(super) async fn save(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let service = |at: usize| ServiceAnswers {
        id: fields.line(&format!("id_{at}"), 64),
        name: fields.line(&format!("name_{at}"), 80),
        duration: fields.line(&format!("duration_{at}"), 40),
        price: fields.line(&format!("price_{at}"), 40),
        resources: fields.line(&format!("resources_{at}"), 400),
    };
    let answers: Vec<ServiceAnswers> = fields.numbers("name").into_iter().take(MOST).map(service).collect();
    let done = setup::set_services(&member.caller, access(&state)?, &member.tenant, &answers).await;
    let step = (SetupStep::Services, fields.line("alone", 20));
    after(&member, &state, step, done, |query, trouble| page(&member, &state, query, answers, trouble)).await
}
