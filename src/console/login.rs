//! The sign-in.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, web};
use minijinja::context;
use serde::Deserialize;

use super::routes::PageRoutes;
use super::session::{Hidden, OpenForm, asked_language, local_path};
use super::{ConsoleError, ConsoleState, Page, cookies};
use crate::service::people::{self, SignIn, Token, Visitor};

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/login", page);
    routes.post("/login", sign_in);
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(super) struct Next {
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: Hidden,
    next: Option<String>,
}

async fn page(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    query: web::Query<Next>,
) -> Result<Page, ConsoleError> {
    let next = local(query.next.as_deref());
    if let Some(token) = cookies::session(&request, &state)
        && people::signed_in(&state.deps.people, &token).await?.is_some()
    {
        return Ok(Page::see(next));
    }
    form(&state, &request, ("", next, None))
}

/// The form, with what was typed and what was wrong with it.
pub(super) fn form(
    state: &ConsoleState,
    request: &HttpRequest,
    (email, next, wrong): (&str, &str, Option<&str>),
) -> Result<Page, ConsoleError> {
    let (token, cookie) = form_token(state, request)?;
    let oidc = state.deps.oidc.as_ref().map(|oidc| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        context! { href => format!("/console/login/oidc?{query}"), name => oidc.name() }
    });
    let shown = context! { csrf => token.csrf(), email, next, wrong, oidc };
    let page = state.bare("people/login.html", asked_language(request), shown)?;
    Ok(page.with_header(header::SET_COOKIE, cookie))
}

/// The token of forms that this browser has, or a fresh one and its cookie.
pub(super) fn form_token(
    state: &ConsoleState,
    request: &HttpRequest,
) -> Result<(Token, Option<HeaderValue>), ConsoleError> {
    if let Some(token) = cookies::form(request) {
        return Ok((token, None));
    }
    let token = Token::fresh()?;
    let cookie = cookies::keep_form(state.connection(request).is_https, &token);
    Ok((token, cookie))
}

async fn sign_in(
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    OpenForm(typed): OpenForm<Credentials>,
) -> Result<Page, ConsoleError> {
    let next = local(typed.next.as_deref());
    let device = device(&request);
    let visitor = Visitor { source: state.connection(&request).source, device: &device };
    let came = people::sign_in(&state.deps.people, &typed.email, &typed.password.0, visitor).await?;
    outcome(&state, &request, came, (&typed.email, next))
}

/// What a sign-in leads to; `email` is what was typed.
pub(super) fn outcome(
    state: &ConsoleState,
    request: &HttpRequest,
    came: SignIn,
    (email, next): (&str, &str),
) -> Result<Page, ConsoleError> {
    match came {
        SignIn::Done(token) => Ok(signed_in(state, request, &token, next)),
        SignIn::NeedsCode(token) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
            Ok(signed_in(state, request, &token, &format!("/console/code?{query}")))
        }
        SignIn::Wrong => {
            let page = form(state, request, (email, next, Some("wrong")))?;
            Ok(page.with_status(StatusCode::UNAUTHORIZED))
        }
        SignIn::Later(wait) => {
            let page = form(state, request, (email, next, Some("later")))?;
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            Ok(page.with_status(StatusCode::TOO_MANY_REQUESTS).with_header(header::RETRY_AFTER, Some(seconds)))
        }
    }
}

/// Leads on, with a session in the browser.
pub(super) fn signed_in(state: &ConsoleState, request: &HttpRequest, token: &Token, next: &str) -> Page {
    let is_https = state.connection(request).is_https;
    let cookie = cookies::keep_session(is_https, token, state.deps.people.sessions.lasts);
    Page::see(next).with_header(header::SET_COOKIE, cookie)
}

pub(super) fn local(next: Option<&str>) -> &str {
    next.and_then(local_path).unwrap_or("/console")
}

/// Browser and system in a few words: enough to know one's own devices by.
pub(super) fn device(request: &HttpRequest) -> String {
    let agent = request.headers().get(header::USER_AGENT).and_then(|line| line.to_str().ok()).unwrap_or_default();
    let first =
        |words: &[(&str, &'static str)]| words.iter().find(|(word, _)| agent.contains(word)).map(|(_, name)| *name);
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn devices_are_told_apart() {
        for (agent, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox · Linux"),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                "Chrome · Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari · iPhone",
            ),
            ("curl/8.0", "?"),
        ] {
            let request = TestRequest::get().insert_header((header::USER_AGENT, agent)).to_http_request();
            assert_eq!(device(&request), expected, "{agent}");
        }
    }
}
