//! Arguments of handlers: whoever is signed in, and forms that our pages sent.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use futures_util::StreamExt as _;
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use palabre_actors::domain::rules::Language;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq as _;

use super::{ConsoleError, ConsoleState, Member, cookies};
use crate::service::Permission;
use crate::service::people::{self, Place, SignedIn, Token};

/// The longest form: a FAQ of some hundred entries.
const LONGEST_FORM_BYTES: usize = 256 * 1024;

/// How long a form's body may take: a slow client holds a connection.
const BODY_WITHIN: Duration = Duration::from_secs(10);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl FromRequest for Member {
    type Error = ConsoleError;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let state = request.app_data::<web::Data<ConsoleState>>().ok_or(ConsoleError::NotFound)?;
            let (person, token) = signed_in(&request).await?;
            let tenant = match person.place() {
                Place::Tenant(tenant) => tenant,
                Place::Unchosen => return Err(ConsoleError::ChooseTenant { next: here(&request) }),
                Place::Nowhere if may_make_tenants(state, &person) => return Err(ConsoleError::NoTenantYet),
                Place::Nowhere => return Err(ConsoleError::Nowhere),
            };
            Ok(Self {
                user: person.user.id,
                name: person.user.name.clone(),
                language: person.user.language,
                role: person.role(&tenant),
                caller: person.caller(&tenant),
                csrf: token.csrf(),
                sees_all: person.sees_all,
                session: person.session.id,
                tenants: person.tenants.clone(),
                tenant,
                person,
            })
        }
        .boxed_local()
    }
}

/// Whether this person makes tenants: whoever runs an installation whose tenants stand in files that are followed.
pub(super) fn may_make_tenants(state: &ConsoleState, person: &SignedIn) -> bool {
    let may_write = || person.of_installation().is_some_and(|caller| caller.may(Permission::SettingWrite));
    state.deps.setup.is_some() && may_write()
}

/// Somebody who is signed in, whichever tenant they look at, with the token of their session.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) person: SignedIn,
    pub(super) token: Token,
}

impl FromRequest for Visitor {
    type Error = ConsoleError;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let (person, token) = signed_in(&request).await?;
            Ok(Self { person, token })
        }
        .boxed_local()
    }
}

/// The language of whoever is signed in, for the pages that tell of an error.
#[derive(Clone, Copy)]
pub(super) struct SignedInLanguage(pub(super) Language);

async fn signed_in(request: &HttpRequest) -> Result<(SignedIn, Token), ConsoleError> {
    let state = request.app_data::<web::Data<ConsoleState>>().ok_or(ConsoleError::NotFound)?;
    let not_signed_in = || ConsoleError::SignIn { next: here(request) };
    let token = cookies::session(request, state).ok_or_else(not_signed_in)?;
    let person = people::signed_in(&state.deps.people, &token).await?.ok_or_else(not_signed_in)?;
    request.extensions_mut().insert(SignedInLanguage(person.user.language));
    Ok((person, token))
}

/// Where a request wanted to go, if one can be led there.
fn here(request: &HttpRequest) -> Option<String> {
    let path = request.uri().path_and_query().map(|path| path.as_str())?;
    (request.method().is_safe()).then(|| local_path(path).map(ToOwned::to_owned)).flatten()
}

/// A path of the console. Anything that could lead elsewhere is none.
pub(super) fn local_path(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("/console")?;
    let is_ours = rest.is_empty() || rest.starts_with(['/', '?']);
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && text.len() <= 2_000;
    (is_ours && is_plain && !text.contains("//") && !text.contains("/..")).then_some(text)
}

/// The fields of a form that a page of ours sent, from within the session of whoever sends it. As an argument it refuses every
/// other. The form carries the session's [`Member::csrf`] in its field `csrf`.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = ConsoleError;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let state = request.app_data::<web::Data<ConsoleState>>().ok_or(ConsoleError::NotFound)?;
            let token = cookies::session(&request, state).ok_or(ConsoleError::StaleForm)?;
            fields(&request, payload, &token).await.map(Self)
        }
        .boxed_local()
    }
}

/// The fields of a form that is sent before there is a session. The browser holds the token of the form in a cookie.
#[derive(Debug)]
pub(super) struct OpenForm<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for OpenForm<T> {
    type Error = ConsoleError;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let token = cookies::form(&request).ok_or(ConsoleError::StaleForm)?;
            fields(&request, payload, &token).await.map(Self)
        }
        .boxed_local()
    }
}

/// A field of a form whose value `Debug` does not show.
#[derive(Debug)]
pub(super) struct Hidden(pub(super) SecretString);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(SecretString::from(String::deserialize(deserializer)?)))
    }
}

async fn fields<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    token: &Token,
) -> Result<T, ConsoleError> {
    let site = request.headers().get(SEC_FETCH_SITE).map(header::HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return Err(ConsoleError::StaleForm);
    }
    let body = tokio::time::timeout(BODY_WITHIN, body(payload)).await.map_err(|_| ConsoleError::BadForm)??;
    let csrf = form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "csrf").map(|(_, value)| value);
    let is_ours = csrf.is_some_and(|csrf| csrf.as_bytes().ct_eq(token.csrf().as_bytes()).into());
    if !is_ours {
        return Err(ConsoleError::StaleForm);
    }
    // A form's body has the form of a query string.
    web::Query::from_query(&body).map(web::Query::into_inner).map_err(|_| ConsoleError::BadForm)
}

async fn body(mut payload: Payload) -> Result<String, ConsoleError> {
    let mut body = Vec::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| ConsoleError::BadForm)?;
        if body.len() + piece.len() > LONGEST_FORM_BYTES {
            return Err(ConsoleError::BadForm);
        }
        body.extend_from_slice(&piece);
    }
    String::from_utf8(body).map_err(|_| ConsoleError::BadForm)
}

/// The language that a browser asks for, before anybody is signed in.
pub(super) fn asked_language(request: &HttpRequest) -> Language {
    let asked = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|line| line.to_str().ok()).unwrap_or_default();
    let mut words = asked.split(',').filter_map(|word| word.trim().get(..2));
    words.find_map(|word| word.to_ascii_lowercase().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn nothing_leads_elsewhere() {
        for path in ["/console", "/console/conversations", "/console?x=1", "/console/a?next=b&c=%2F", "/console/é"] {
            assert_eq!(local_path(path).is_some(), path.is_ascii(), "{path}");
        }
        for path in [
            "",
            "/",
            "//evil.example",
            "/\\evil.example",
            "/console//evil.example",
            "/console\\evil.example",
            "/console@evil.example",
            "/consoleevil",
            "https://evil.example/console",
            "/console/\r\nSet-Cookie: x",
            "/console/\t/evil",
            "/console/../../evil",
            "/api/v1/outbox",
            " /console",
        ] {
            assert_eq!(local_path(path), None, "{path:?}");
        }
        assert_eq!(local_path(&format!("/console/{}", "a".repeat(3_000))), None);
    }

    #[test]
    fn the_first_language_that_we_speak_is_taken() {
        for (asked, expected) in [
            ("fr-FR,fr;q=0.9,en;q=0.8", Language::Fr),
            ("en-GB,en;q=0.9", Language::En),
            ("de,en;q=0.7,fr;q=0.3", Language::En),
            ("de", Language::Fr),
            ("", Language::Fr),
            ("é", Language::Fr),
        ] {
            let request = TestRequest::get().insert_header((header::ACCEPT_LANGUAGE, asked)).to_http_request();
            assert_eq!(asked_language(&request), expected, "{asked}");
        }
    }
}
