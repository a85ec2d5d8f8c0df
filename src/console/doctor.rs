//! `/console/doctor`: what waits and was not sent, the nodes, and the same examination as `palabre doctor`.

use actix_web::web;
use minijinja::{Value, context};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use serde::{Deserialize, Serialize};

use super::display::{Display, shown};
use super::home::Nothing;
use super::outbox::{LOST, PER_SECOND, manner};
use super::routes::PageRoutes;
use super::setup::deps;
use super::timeline::why;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::gateway::SetupLevel;
use crate::service::doctor::{self, DoctorError, DoctorFinding, examine_files};
use crate::service::{Caller, Permission, ServiceError, Tenants, outbox};
use crate::store::operator::{Filter, NodeRow, OutboxCount};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/doctor", ask);
    routes.post("/doctor", examine);
    routes.post("/doctor/replay", replay);
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DoctorQuery {
    done: String,
}

/// Messages of a channel that need a look, in one line.
#[derive(Serialize)]
struct StuckLine {
    tenant: String,
    channel: String,
    state: &'static str,
    state_text: String,
    messages: u64,
    since: String,
    why: Option<String>,
    can_replay: bool,
    /// Of the tenant that is looked at: where they stand one by one.
    href: Option<&'static str>,
}

#[derive(Serialize)]
struct NodeLine {
    id: String,
    since: String,
    seen: String,
    is_alive: bool,
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

/// Whoever runs the installation sees all of it. `None`: their own tenant alone.
fn of_installation(member: &Member) -> Option<Caller> {
    member.person.of_installation().filter(|caller| caller.may(Permission::ConfigReload))
}

/// `GET /console/doctor`: nothing is asked of anybody yet.
async fn ask(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<DoctorQuery>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::SettingWrite)?;
    let done = state.pages.texts().find(member.language, "doctor", &format!("done_{}", query.done));
    let standing = standing(&member, &state).await?;
    state.page(("doctor.html", "doctor"), &member, context! { findings => (), done, ..standing })
}

/// `POST /console/doctor`: providers are asked, so it is a form that does it.
async fn examine(member: Member, state: web::Data<ConsoleState>, _: Form<Nothing>) -> Result<Page, ConsoleError> {
    let folder = &deps(&state)?.folder;
    let of_installation = of_installation(&member);
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
    let examined = context! {
        findings => shown(lines),
        is_ready,
        is_whole => of_installation.is_some(),
        at => state.display(&member).moment(state.now()),
        done => (),
    };
    let standing = standing(&member, &state).await?;
    state.page(("doctor.html", "doctor"), &member, context! { ..examined, ..standing })
}

#[derive(Deserialize)]
struct ReplayForm {
    tenant: String,
    channel: String,
}

/// `POST /console/doctor/replay`: what a channel did not send goes out again.
async fn replay(
    member: Member,
    state: web::Data<ConsoleState>,
    Form(which): Form<ReplayForm>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::SettingWrite)?;
    let of_installation = of_installation(&member);
    let filter = Filter {
        tenants: Tenants::Of(vec![TenantId::new(&which.tenant)]),
        channel: Some(ChannelId::new(&which.channel)),
        states: LOST.to_vec(),
        ..Filter::default()
    };
    let caller = of_installation.as_ref().unwrap_or(&member.caller);
    outbox::replay_all(caller, &state.deps.store, &filter, &manner(&state, PER_SECOND)).await?;
    Ok(Page::see("/console/doctor?done=replayed"))
}

/// What the database says without anybody being asked: what waits and was not sent, and who works on it.
async fn standing(member: &Member, state: &ConsoleState) -> Result<Value, ConsoleError> {
    let (store, display) = (&state.deps.store, state.display(member));
    let of_installation = of_installation(member);
    let caller = of_installation.as_ref().unwrap_or(&member.caller);
    let tenants = if of_installation.is_some() { Tenants::All } else { member.own_tenant() };
    let mut counts = outbox::counts(caller, store, &Filter { tenants, ..Filter::default() }, display.now).await?;
    counts.sort_by_key(|count| (!LOST.contains(&count.state), count.oldest));
    let stuck: Vec<StuckLine> = counts.iter().map(|count| stuck((member, state), caller, &display, count)).collect();
    let nodes = match &of_installation {
        Some(caller) => doctor::nodes(caller, store).await?,
        None => Vec::new(),
    };
    let nodes: Vec<NodeLine> = nodes.iter().map(|node| node_line(&display, node)).collect();
    Ok(context! { stuck => shown(stuck), nodes => shown(nodes), shows_tenants => of_installation.is_some() })
}

fn stuck(
    (member, state): (&Member, &ConsoleState),
    caller: &Caller,
    display: &Display,
    count: &OutboxCount,
) -> StuckLine {
    let word = count.state.as_str();
    let is_lost = LOST.contains(&count.state);
    let place = if is_lost { "/console/outbox" } else { "/console/outbox?list=waiting" };
    StuckLine {
        tenant: count.tenant.to_string(),
        channel: count.channel.to_string(),
        state: word,
        state_text: state.text(member, "state", word),
        messages: count.messages,
        since: display.since(count.oldest),
        why: count.reason.as_deref().map(|reason| why(state.pages.texts(), display, reason)),
        can_replay: is_lost && caller.may(Permission::OutboxWrite),
        href: (count.tenant == member.tenant).then_some(place),
    }
}

fn node_line(display: &Display, node: &NodeRow) -> NodeLine {
    NodeLine {
        id: node.id.clone(),
        since: display.since(node.started_at),
        seen: display.since(node.seen_at),
        is_alive: node.is_alive,
    }
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
