//! `/console/tenants/new`: whoever runs the installation makes a tenant, as the first step of its set-up.

use actix_web::http::StatusCode;
use actix_web::web;
use minijinja::context;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;

use super::display::shown;
use super::routes::PageRoutes;
use super::session::Visitor;
use super::setup::{Fields, TIME_ZONES, Trouble, deps};
use super::state::SetupDeps;
use super::{ConsoleError, ConsoleState, Form, Page};
use crate::service::permissions::Permission::SettingWrite;
use crate::service::setup::{self, NewTenant, TenantFileError, trades};
use crate::service::{Caller, ServiceError, faq, people};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/tenants/new", page);
    routes.post("/tenants/new", make);
}

/// What the form has.
#[derive(Default)]
struct NewTenantAnswers {
    trade: String,
    name: String,
    language: String,
    timezone: String,
    phone: String,
}

/// Who makes tenants: whoever sees all of them.
fn operator(visitor: &Visitor) -> Result<Caller, ConsoleError> {
    let caller = visitor.person.of_installation().ok_or(ServiceError::Denied(SettingWrite))?;
    caller.require(SettingWrite)?;
    Ok(caller)
}

/// `GET /console/tenants/new`
async fn page(visitor: Visitor, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    operator(&visitor)?;
    deps(&state)?;
    let language = visitor.person.user.language.as_str().to_owned();
    let answers = NewTenantAnswers { language, timezone: TIME_ZONES[0].to_owned(), ..NewTenantAnswers::default() };
    shown_page(&visitor, &state, &answers, &Trouble::default())
}

fn shown_page(
    visitor: &Visitor,
    state: &ConsoleState,
    answers: &NewTenantAnswers,
    trouble: &Trouble,
) -> Result<Page, ConsoleError> {
    let language = visitor.person.user.language;
    let trades: Vec<(&str, &str)> = trades::ALL.iter().map(|trade| (trade.id, trade.name(language))).collect();
    let context = context! {
        csrf => visitor.token.csrf(),
        trades => shown(trades),
        zones => shown(TIME_ZONES),
        has_others => !visitor.person.tenants.is_empty(),
        trade => answers.trade.as_str(),
        name => answers.name.as_str(),
        language => answers.language.as_str(),
        timezone => answers.timezone.as_str(),
        phone => answers.phone.as_str(),
        wrong => shown(&trouble.wrong),
        told => trouble.told.as_deref(),
    };
    let page = state.bare("setup/new.html", language, context)?;
    Ok(if trouble.is_none() { page } else { page.with_status(StatusCode::BAD_REQUEST) })
}

/// `POST /console/tenants/new`
async fn make(visitor: Visitor, state: web::Data<ConsoleState>, form: Form<Fields>) -> Result<Page, ConsoleError> {
    let caller = operator(&visitor)?;
    let SetupDeps { folder, reload } = deps(&state)?;
    let fields = form.0;
    let answers = NewTenantAnswers {
        trade: fields.line("trade", 40),
        name: fields.line("name", 80),
        language: fields.line("language", 2),
        timezone: fields.line("timezone", 64),
        phone: fields.line("phone", 40),
    };
    let language: Language = answers.language.parse().map_err(|_| ConsoleError::BadForm)?;
    let new = NewTenant {
        id: setup::id_of(&answers.name),
        name: answers.name.clone(),
        trade: answers.trade.clone(),
        language,
        timezone: answers.timezone.clone(),
        phone: Some(answers.phone.clone()).filter(|phone| !phone.is_empty()),
        // They stand in the table, where the next steps change them.
        with_faq: false,
    };
    if let Err(failure) = setup::create(&caller, Some(&state.deps.store), folder, &new).await {
        return refused(&visitor, &state, &answers, failure);
    }
    reload.reload().await;
    let tenant = TenantId::new(&new.id);
    // Their tenants are those of the database, where it stands by now.
    let person = people::signed_in(&state.deps.people, &visitor.token).await?;
    let person = person.ok_or(ConsoleError::SignIn { next: None })?;
    if let Some(made) = state.tenant(&tenant) {
        let (caller, rules) = (person.caller(&tenant), (&tenant, &*made.rules));
        let template = (answers.trade.as_str(), language);
        faq::add_template(&caller, &state.deps.store, rules, template, state.now()).await?;
        people::look_at(&state.deps.people, &person, &tenant).await?;
    }
    Ok(Page::see("/console/setup?done=made"))
}

fn refused(
    visitor: &Visitor,
    state: &ConsoleState,
    answers: &NewTenantAnswers,
    failure: TenantFileError,
) -> Result<Page, ConsoleError> {
    let mut trouble = Trouble::of(state, visitor.person.user.language, setup::at_answers(failure))?;
    // The file has a list of numbers, the form asks for one.
    for field in trouble.wrong.iter_mut().filter(|field| *field == "phones") {
        "phone".clone_into(field);
    }
    shown_page(visitor, state, answers, &trouble)
}
