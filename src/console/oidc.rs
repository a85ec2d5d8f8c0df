//! The sign-in through a provider: leaving for it, and coming back.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, web};
use serde::Deserialize;

use super::login::{Next, device, form, local, outcome};
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Page, cookies};
use crate::service::people::{self, AWAY_AT_MOST, Back, OidcOutcome, Visitor};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/login/oidc", leave);
    routes.get("/login/oidc/back", come_back);
}

/// What the provider appends to the address.
#[derive(Deserialize)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

async fn leave(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    query: web::Query<Next>,
) -> Result<Page, ConsoleError> {
    let oidc = state.deps.oidc.as_ref().ok_or(ConsoleError::NotFound)?;
    let next = local(query.next.as_deref());
    match people::leave(&state.deps.people, oidc, next).await? {
        Some(leaving) => {
            let is_https = state.connection(&request).is_https;
            let cookie = cookies::keep_pass(is_https, &leaving.pass, AWAY_AT_MOST);
            Ok(Page::see(&leaving.to).with_header(header::SET_COOKIE, cookie))
        }
        None => refused(&state, &request, (next, "oidc_away"), StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn come_back(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    answer: web::Query<Answer>,
) -> Result<Page, ConsoleError> {
    let oidc = state.deps.oidc.as_ref().ok_or(ConsoleError::NotFound)?;
    let (device, is_https) = (device(&request), state.connection(&request).is_https);
    let visitor = Visitor { source: state.connection(&request).source, device: &device };
    let pass = cookies::pass(&request, &state);
    let back = Back {
        pass: pass.as_ref(),
        state: answer.state.as_deref(),
        code: answer.code.as_deref(),
        error: answer.error.as_deref(),
        issuer: answer.iss.as_deref(),
    };
    let (came, next) = people::come_back(&state.deps.people, oidc, back, visitor).await?;
    let next = local(next.as_deref());
    let page = match came {
        OidcOutcome::Known(known) => outcome(&state, &request, known, ("", next)),
        OidcOutcome::Again => refused(&state, &request, (next, "oidc_again"), StatusCode::BAD_REQUEST),
        OidcOutcome::Declined => refused(&state, &request, (next, "oidc_declined"), StatusCode::FORBIDDEN),
        OidcOutcome::Away => refused(&state, &request, (next, "oidc_away"), StatusCode::SERVICE_UNAVAILABLE),
        OidcOutcome::NotAccepted => refused(&state, &request, (next, "oidc_not_accepted"), StatusCode::BAD_GATEWAY),
        OidcOutcome::Unverified => refused(&state, &request, (next, "oidc_unverified"), StatusCode::FORBIDDEN),
        OidcOutcome::Unknown => refused(&state, &request, (next, "oidc_unknown"), StatusCode::FORBIDDEN),
    }?;
    // Shown once: the same address opened again begins nothing.
    Ok(page.with_header(header::SET_COOKIE, cookies::forget_pass(is_https)))
}

fn refused(
    state: &ConsoleState,
    request: &HttpRequest,
    (next, word): (&str, &str),
    status: StatusCode,
) -> Result<Page, ConsoleError> {
    Ok(form(state, request, ("", next, Some(word)))?.with_status(status))
}
