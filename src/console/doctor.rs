//! `/console/doctor`: what is wrong, and what to do about it. The same examination as `palabre doctor`.

use actix_web::web;
use minijinja::context;
use serde::Serialize;

use super::display::shown;
use super::home::Nothing;
use super::routes::PageRoutes;
use super::setup::deps;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::gateway::SetupLevel;
use crate::service::doctor::{DoctorError, DoctorFinding, examine_files};
use crate::service::{Permission, ServiceError};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/doctor", ask);
    routes.post("/doctor", examine);
}

/// A finding, as the page shows it.
#[derive(Serialize)]
struct FindingLine<'a> {
    /// What was looked at, in words.
    name: String,
    subject: Option<&'a str>,
    level: &'static str,
    what: &'a str,
    todo: Option<&'a str>,
}

/// `GET /console/doctor`: nothing is asked of anybody yet.
async fn ask(member: Member, state: web::Data<ConsoleState>) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::SettingWrite)?;
    state.page(("doctor.html", "doctor"), &member, context! { findings => () })
}

/// `POST /console/doctor`: providers are asked, so it is a form that does it.
async fn examine(member: Member, state: web::Data<ConsoleState>, _: Form<Nothing>) -> Result<Page, ConsoleError> {
    let folder = &deps(&state)?.folder;
    // Whoever runs the installation has all of it looked at.
    let of_installation = member.person.of_installation().filter(|caller| caller.may(Permission::ConfigReload));
    let tenant = of_installation.is_none().then_some(&member.tenant);
    let caller = of_installation.as_ref().unwrap_or(&member.caller);
    let mut findings = match examine_files(caller, (folder, &state.deps.store), tenant, chrono::Utc::now()).await {
        Ok(findings) => findings,
        Err(DoctorError::Service(error)) => return Err(error.into()),
        // This machine trusts no authority.
        Err(DoctorError::Client(_)) => return Err(ServiceError::Busy.into()),
    };
    findings.sort_by_key(|found| match found.level {
        SetupLevel::Wrong => 0,
        SetupLevel::Doubtful => 1,
        SetupLevel::Good => 2,
    });
    let is_ready = findings.iter().all(|found| found.level != SetupLevel::Wrong);
    let lines: Vec<FindingLine<'_>> = findings.iter().map(|found| line(&member, &state, found)).collect();
    let context = context! {
        findings => shown(lines),
        is_ready,
        is_whole => of_installation.is_some(),
        at => state.display(&member).moment(state.now()),
    };
    state.page(("doctor.html", "doctor"), &member, context)
}

fn line<'a>(member: &Member, state: &ConsoleState, found: &'a DoctorFinding) -> FindingLine<'a> {
    FindingLine {
        name: state.text(member, "doctor", &format!("check_{}", found.check)),
        subject: found.subject.as_deref(),
        level: match found.level {
            SetupLevel::Good => "good",
            SetupLevel::Doubtful => "doubtful",
            SetupLevel::Wrong => "wrong",
        },
        what: found.what.of(member.language),
        todo: found.todo.as_ref().map(|todo| todo.of(member.language)),
    }
}
