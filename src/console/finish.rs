//! What every answer of the console has: its headers, and a page where something went wrong.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, web};
use minijinja::context;

use super::session::{SignedInLanguage, asked_language};
use super::{ConsoleError, ConsoleState};

/// Nothing runs, loads or is sent that is not ours, and nobody shows our pages inside theirs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Links of invitations stand in paths.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

pub(super) async fn finish(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?;
    if let Some(page) = told(&response) {
        response = response.into_response(page);
    }
    add_headers(response.headers_mut());
    Ok(response)
}

/// The page that tells of an error. `None`: there is none, or it leads elsewhere.
fn told(response: &ServiceResponse) -> Option<actix_web::HttpResponse> {
    let error = response.response().error()?;
    let word = match error.as_error::<ConsoleError>() {
        Some(error) => {
            if response.status().is_server_error() {
                tracing::error!(error = %error, "the console could not answer");
            }
            error.told().ok()?
        }
        // An extractor of actix-web's own: its text may quote the request.
        None if response.status() == actix_web::http::StatusCode::NOT_FOUND => "not_found",
        None => "bad_form",
    };
    let request = response.request();
    let state = request.app_data::<web::Data<ConsoleState>>()?;
    let signed_in = request.extensions().get::<SignedInLanguage>().map(|language| language.0);
    let language = signed_in.unwrap_or_else(|| asked_language(request));
    match state.bare("error.html", language, context! { word }) {
        Ok(page) => Some(page.with_status(response.status()).respond()),
        Err(error) => {
            tracing::error!(error = %error, "the page of an error was not made");
            None
        }
    }
}

fn add_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
