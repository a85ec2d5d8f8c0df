//! Links of invitations, and of forgotten passwords.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, web};
use minijinja::context;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::home::Nothing;
use super::login::{device, form_token, signed_in};
use super::routes::PageRoutes;
use super::session::{Hidden, OpenForm, Visitor as SignedInVisitor};
use super::{ConsoleError, ConsoleState, Form, Page, cookies};
use crate::service::ServiceError;
use crate::service::people::{self, Accepted, InvitationShown, Token, Visitor, Weakness};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/invitation/{token}", page);
    routes.post("/invitation/{token}", accept);
    routes.post("/invitation/{token}/join", join);
}

#[derive(Deserialize)]
struct Chosen {
    password: Hidden,
    again: Hidden,
}

async fn page(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<Page, ConsoleError> {
    let token = Token::shown(&path);
    let shown = people::invitation(&state.deps.people, &token).await?;
    let reader = match cookies::session(&request, &state) {
        Some(session) => people::signed_in(&state.deps.people, &session).await?.map(|person| (person, session)),
        None => None,
    };
    if shown.asks_for_password {
        return form(&state, &request, (&shown, &token), None);
    }
    match reader {
        Some((person, session)) if person.user.id == shown.user.id => {
            let told = context! {
                name => shown.user.name.as_str(), email => shown.user.email.as_str(), tenant => tenant(&shown), token => token.as_str(),
                csrf => session.csrf(), stage => "join", wrong => None::<&str>,
            };
            state.bare("people/invitation.html", shown.user.language, told)
        }
        // Somebody else is signed in here: they sign out first.
        Some((_, session)) => {
            let told = context! {
                name => shown.user.name.as_str(), email => "", tenant => tenant(&shown), token => token.as_str(),
                csrf => session.csrf(), stage => "other", wrong => None::<&str>,
            };
            state.bare("people/invitation.html", shown.user.language, told)
        }
        None => Err(ConsoleError::SignIn { next: Some(format!("/console/invitation/{}", token.as_str())) }),
    }
}

fn form(
    state: &ConsoleState,
    request: &HttpRequest,
    (shown, token): (&InvitationShown, &Token),
    wrong: Option<&str>,
) -> Result<Page, ConsoleError> {
    let (csrf, cookie) = form_token(state, request)?;
    let told = context! {
        name => shown.user.name.as_str(), email => shown.user.email.as_str(), tenant => tenant(shown), token => token.as_str(),
        csrf => csrf.csrf(), stage => "password", wrong,
    };
    let page = state.bare("people/invitation.html", shown.user.language, told)?;
    Ok(page.with_header(header::SET_COOKIE, cookie))
}

/// The tenant that invites, if it is one.
fn tenant(shown: &InvitationShown) -> Option<&str> {
    shown.link.tenant.as_ref().map(palabre_actors::domain::ids::TenantId::as_str)
}

async fn accept(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    path: web::Path<String>,
    OpenForm(chosen): OpenForm<Chosen>,
) -> Result<Page, ConsoleError> {
    let token = Token::shown(&path);
    let device = device(&request);
    let visitor = Visitor { source: state.connection(&request).source, device: &device };
    let wrong = if chosen.password.0.expose_secret() == chosen.again.0.expose_secret() {
        match people::accept(&state.deps.people, &token, &chosen.password.0, visitor).await {
            Ok(Accepted::SignedIn(session)) => return Ok(signed_in(&state, &request, &session, "/console")),
            Ok(Accepted::NeedsCode(session)) => return Ok(signed_in(&state, &request, &session, "/console/code")),
            Ok(Accepted::Joined) => return Ok(Page::see("/console")),
            Err(ServiceError::WeakPassword(why)) => weakness(why),
            Err(error) => return Err(error.into()),
        }
    } else {
        "different"
    };
    let shown = people::invitation(&state.deps.people, &token).await?;
    Ok(form(&state, &request, (&shown, &token), Some(wrong))?.with_status(StatusCode::BAD_REQUEST))
}

async fn join(
    visitor: SignedInVisitor,
    state: web::Data<ConsoleState>,
    path: web::Path<String>,
    _: Form<Nothing>,
) -> Result<Page, ConsoleError> {
    people::join_as(&state.deps.people, &Token::shown(&path), visitor.person.user.id).await?;
    Ok(Page::see("/console"))
}

/// The word under which the texts say what is wrong with a password.
pub(super) const fn weakness(why: Weakness) -> &'static str {
    match why {
        Weakness::TooShort => "too_short",
        Weakness::TooLong => "too_long",
        Weakness::Monotonous => "monotonous",
        Weakness::Own => "own",
    }
}
