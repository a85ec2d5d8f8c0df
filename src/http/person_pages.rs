//! `/same-person/{tenant}/{token}`: the page of a link that goes to a mailbox. It asks whether the mailbox is a contact's.
//!
//! To open it changes nothing: mail programs and scanners open links. The button does.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;

use super::problem::HttpProblem;
use super::routes::{Routes, nothing_here};
use super::state::HttpState;
use super::visitor_page::{html, language, pick};
use crate::service::person_links::{PersonLinks, PersonQuestion};
use crate::store::operator::Linked;

const TEMPLATE: &str = include_str!("person_pages/page.html");

type Path = web::Path<(String, String)>;

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get_or_post("/same-person/{tenant}/{token}", ask, confirm);
}

fn links(state: &HttpState) -> Result<&PersonLinks, HttpProblem> {
    state.deps.api.person_links.as_ref().ok_or_else(nothing_here)
}

async fn question(state: &HttpState, path: &Path) -> Result<PersonQuestion, HttpProblem> {
    let now = state.deps.clock.now();
    links(state)?.question(&TenantId::new(&path.0), &path.1, now).await?.ok_or_else(nothing_here)
}

async fn ask(state: web::Data<HttpState>, request: HttpRequest, path: Path) -> Result<HttpResponse, HttpProblem> {
    let question = question(&state, &path).await?;
    let language = language(&request, question.language);
    Ok(render(language, &question, None))
}

async fn confirm(state: web::Data<HttpState>, request: HttpRequest, path: Path) -> Result<HttpResponse, HttpProblem> {
    let question = question(&state, &path).await?;
    let language = language(&request, question.language);
    let now = state.deps.clock.now();
    let linked = links(&state)?.confirm(&TenantId::new(&path.0), &path.1, now).await?.ok_or_else(nothing_here)?;
    // One that was used by somebody else holds as little as one that is too old.
    match linked {
        Linked::Done | Linked::Before => {
            let told = pick(language, "C'est fait : nous savons que c'est vous.", "Done: we know that it is you.");
            Ok(render(language, &question, Some(told)))
        }
        Linked::Taken | Linked::Nobody => Err(nothing_here()),
    }
}

fn render(language: Language, question: &PersonQuestion, told: Option<&str>) -> HttpResponse {
    let page = context! {
        language => language.as_str(),
        seller => &question.tenant,
        told => told,
        mailbox => &question.mailbox,
        known => &question.known,
        title => pick(language, "Est-ce bien vous ?", "Is it you?"),
        ask => pick(language, "Cette adresse e-mail et celles-ci sont-elles à la même personne ?", "Do this e-mail address and these belong to one person?"),
        yes => pick(language, "Oui, c'est moi", "Yes, it is me"),
        no => pick(language, "Sinon, fermez cette page : rien ne change.", "If not, close this page: nothing changes."),
    };
    html(TEMPLATE, page)
}
