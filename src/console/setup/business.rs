//! The step about the business: its name, language, clock and own numbers.

use actix_web::web;
use minijinja::{Value, context};

use super::{ConsoleError, ConsoleState, Fields, Form, Member, Page, SetupStep, StepQuery, Trouble};
use super::{access, after, shown, step_page, written};
use crate::service::setup::{self, BusinessAnswers};

/// Clocks that are offered; every other of the IANA database may be typed in.
pub(in crate::console) const TIME_ZONES: [&str; 24] = [
    "Europe/Paris",
    "Europe/Brussels",
    "Europe/Luxembourg",
    "Europe/Zurich",
    "Europe/London",
    "Africa/Abidjan",
    "Africa/Algiers",
    "Africa/Bamako",
    "Africa/Casablanca",
    "Africa/Conakry",
    "Africa/Dakar",
    "Africa/Douala",
    "Africa/Kinshasa",
    "Africa/Tunis",
    "America/Cayenne",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Toronto",
    "America/New_York",
    "Indian/Antananarivo",
    "Indian/Mayotte",
    "Indian/Reunion",
    "Pacific/Noumea",
    "Pacific/Tahiti",
];

/// `GET /console/setup/business`
pub(super) async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<StepQuery>,
) -> Result<Page, ConsoleError> {
    let (answers, trouble) = written(&member, &state, BusinessAnswers::of).await?;
    page(&member, &state, &query, &answers, &trouble)
}

fn page(
    member: &Member,
    state: &ConsoleState,
    query: &StepQuery,
    answers: &BusinessAnswers,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    step_page(member, state, (SetupStep::Business, query), trouble, context(answers))
}

fn context(answers: &BusinessAnswers) -> Value {
    context! {
        name => answers.name.as_str(),
        language => answers.language.as_str(),
        timezone => answers.timezone.as_str(),
        phones => answers.phones.as_str(),
        zones => shown(TIME_ZONES),
    }
}

/// `POST /console/setup/business`
pub(super) async fn save(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let fields = form.0;
    let answers = BusinessAnswers {
        name: fields.line("name", 80),
        language: fields.line("language", 2),
        timezone: fields.line("timezone", 64),
        phones: fields.text("phones", 1_000),
    };
    let done = setup::set_business(&member.caller, access(&state)?, &member.tenant, &answers).await;
    let step = (SetupStep::Business, fields.line("alone", 20));
    after(&member, &state, step, done, |query, trouble| page(&member, &state, query, &answers, trouble)).await
}
