//! The second step of a sign-in: a code.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, web};
use minijinja::context;
use serde::Deserialize;

use super::login::{device, signed_in};
use super::routes::PageRoutes;
use super::session::{Hidden, asked_language, local_path};
use super::{ConsoleError, ConsoleState, Form, Page, cookies};
use crate::service::people::{self, SignIn, Visitor};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/code", page);
    routes.post("/code", enter);
}

#[derive(Deserialize)]
struct Next {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Entered {
    code: Hidden,
    next: Option<String>,
}

async fn page(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    query: web::Query<Next>,
) -> Result<Page, ConsoleError> {
    form(&state, &request, (query.next.as_deref(), None))
}

fn form(
    state: &ConsoleState,
    request: &HttpRequest,
    (next, wrong): (Option<&str>, Option<&str>),
) -> Result<Page, ConsoleError> {
    let next = next.and_then(local_path);
    let token = cookies::session(request, state);
    let token = token.ok_or_else(|| ConsoleError::SignIn { next: next.map(ToOwned::to_owned) })?;
    let shown = context! { csrf => token.csrf(), next => next.unwrap_or("/console"), wrong };
    state.bare("people/enter_code.html", asked_language(request), shown)
}

async fn enter(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    Form(entered): Form<Entered>,
) -> Result<Page, ConsoleError> {
    let token = cookies::session(&request, &state).ok_or(ConsoleError::StaleForm)?;
    let device = device(&request);
    let visitor = Visitor { source: state.connection(&request).source, device: &device };
    let next = entered.next.as_deref();
    match people::enter_code(&state.deps.people, &token, &entered.code.0, visitor).await? {
        SignIn::Done(token) | SignIn::NeedsCode(token) => {
            Ok(signed_in(&state, &request, &token, next.and_then(local_path).unwrap_or("/console")))
        }
        SignIn::Wrong => {
            let page = form(&state, &request, (next, Some("wrong")))?;
            Ok(page.with_status(StatusCode::UNAUTHORIZED))
        }
        SignIn::Later(wait) => {
            let page = form(&state, &request, (next, Some("later")))?;
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            Ok(page.with_status(StatusCode::TOO_MANY_REQUESTS).with_header(header::RETRY_AFTER, Some(seconds)))
        }
    }
}
