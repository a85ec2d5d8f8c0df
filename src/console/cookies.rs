//! Cookies: that of the session, that of a form which is sent without one, and that of who is away at the sign-in provider.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};

use super::ConsoleState;
use crate::service::people::Token;

/// Browsers take a cookie of this name over TLS and for the whole host alone, so that nobody plants another one.
const SESSION_OVER_TLS: &str = "__Host-palabre_session";
const SESSION: &str = "palabre_session";
const FORM: &str = "palabre_form";
const PASS_OVER_TLS: &str = "__Host-palabre_oidc";
const PASS: &str = "palabre_oidc";

/// The token of the session.
pub(super) fn session(request: &HttpRequest, state: &ConsoleState) -> Option<Token> {
    let name = if state.connection(request).is_https { SESSION_OVER_TLS } else { SESSION };
    read(request, name)
}

/// The token of the forms that are sent before there is a session.
pub(super) fn form(request: &HttpRequest) -> Option<Token> {
    read(request, FORM)
}

/// What whoever comes back from the sign-in provider left with.
pub(super) fn pass(request: &HttpRequest, state: &ConsoleState) -> Option<Token> {
    read(request, if state.connection(request).is_https { PASS_OVER_TLS } else { PASS })
}

/// Keeps a session's token in the browser, for so long.
pub(super) fn keep_session(is_https: bool, token: &Token, lasts: Duration) -> Option<HeaderValue> {
    keep((SESSION_OVER_TLS, SESSION), is_https, token.as_str(), lasts)
}

/// Forgets the session's token.
pub(super) fn forget_session(is_https: bool) -> Option<HeaderValue> {
    keep((SESSION_OVER_TLS, SESSION), is_https, "", Duration::ZERO)
}

/// Keeps what whoever leaves for the sign-in provider comes back with, for so long.
pub(super) fn keep_pass(is_https: bool, pass: &Token, lasts: Duration) -> Option<HeaderValue> {
    keep((PASS_OVER_TLS, PASS), is_https, pass.as_str(), lasts)
}

/// Forgets that pass.
pub(super) fn forget_pass(is_https: bool) -> Option<HeaderValue> {
    keep((PASS_OVER_TLS, PASS), is_https, "", Duration::ZERO)
}

/// `Lax`: it is sent when another site, such as the sign-in provider, leads here.
fn keep((over_tls, plain): (&str, &str), is_https: bool, held: &str, lasts: Duration) -> Option<HeaderValue> {
    let (name, secure) = if is_https { (over_tls, "; Secure") } else { (plain, "") };
    let seconds = lasts.as_secs();
    value(format!("{name}={held}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"))
}

/// Keeps the token of forms until the browser is closed.
pub(super) fn keep_form(is_https: bool, token: &Token) -> Option<HeaderValue> {
    let secure = if is_https { "; Secure" } else { "" };
    value(format!("{FORM}={}; Path=/console; HttpOnly; SameSite=Strict{secure}", token.as_str()))
}

fn value(text: String) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(text).ok()
}

fn read(request: &HttpRequest, name: &str) -> Option<Token> {
    let lines = request.headers().get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let (_, token) = cookies.find(|(own, token)| *own == name && !token.is_empty())?;
    Some(Token::shown(token))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        for (line, expected) in [
            ("palabre_form=abc", Some("abc")),
            ("other=1; palabre_form=abc; more=2", Some("abc")),
            ("xpalabre_form=abc", None),
            ("palabre_form=", None),
            ("palabre_form", None),
            ("", None),
        ] {
            let request = TestRequest::get().insert_header((header::COOKIE, line)).to_http_request();
            assert_eq!(form(&request), expected.map(Token::shown), "{line}");
        }
    }

    #[test]
    fn the_sessions_cookie_is_for_us_alone() {
        let token = Token::shown("abc");
        let cookie = keep_session(true, &token, Duration::from_hours(1)).unwrap();
        assert_eq!(cookie, "__Host-palabre_session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure");
        let cookie = keep_session(false, &token, Duration::from_hours(1)).unwrap();
        assert_eq!(cookie, "palabre_session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600");
    }
}
