//! Pages of the public listener: how they are rendered, and in which language.

use std::sync::OnceLock;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use minijinja::{AutoEscape, Environment, Value};
use palabre_actors::domain::rules::Language;

/// Nothing but our own style; the form may lead to the payment system's page.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn html(template: &str, context: Value) -> HttpResponse {
    static PAGES: OnceLock<Environment<'static>> = OnceLock::new();
    let pages = PAGES.get_or_init(|| {
        let mut pages = Environment::new();
        pages.set_auto_escape_callback(|_| AutoEscape::Html);
        pages
    });
    match pages.render_str(template, context) {
        Ok(html) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(html),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the template of a public page does not hold");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// The visitor's language, where it is one of ours; else that of whose page it is.
pub(super) fn language(request: &HttpRequest, fallback: Language) -> Language {
    let wanted =
        request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = wanted.split(',').next().unwrap_or_default().trim().get(..2).unwrap_or_default();
    first.to_ascii_lowercase().parse().unwrap_or(fallback)
}

pub(super) const fn pick(language: Language, french: &'static str, english: &'static str) -> &'static str {
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}
