//! Errors as whoever follows a link sees them: a page that says what to do.
//!
//! Nothing of the request is repeated in it, and nothing tells whether a tenant or a plan is there (I10).

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use minijinja::context;
use palabre_actors::domain::rules::Language;

use super::problem::HttpProblem;
use super::visitor_page::{html, language};

const TEMPLATE: &str = include_str!("problem_page/page.html");

/// The page of a problem, in the visitor's language.
pub(super) fn of(request: &HttpRequest, problem: &HttpProblem) -> HttpResponse {
    let language = language(request, Language::default());
    let (title, advice) = words(problem.status, language);
    let wait = problem.retry_seconds().map(|seconds| waiting(seconds, language));
    let mut page = html(TEMPLATE, context! { language => language.as_str(), title, advice, wait });
    // The template's own failure stays one.
    if page.status() == StatusCode::OK {
        *page.status_mut() = problem.status;
    }
    let headers = page.headers_mut();
    if let Some(methods) = problem.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    if let Some(seconds) = problem.retry_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    page
}

/// What happened, and what to do.
fn words(status: StatusCode, language: Language) -> (&'static str, &'static str) {
    match (status.as_u16(), language) {
        (404, Language::Fr) => (
            "Rien ici",
            "Ce lien est incomplet ou trop ancien, ou ce qu'il montrait n'existe plus. Demandez-en un au vendeur.",
        ),
        (404, Language::En) => (
            "Nothing here",
            "This link is incomplete or too old, or what it showed is gone. Ask the seller for another one.",
        ),
        (429, Language::Fr) => (
            "Un instant",
            "Trop de paiements commencés d'ici en peu de temps. Rien n'a été débité : revenez en arrière et réessayez.",
        ),
        (429, Language::En) => (
            "One moment",
            "Too many payments were begun from here in a short time. Nothing was charged: go back and try again.",
        ),
        (500.., Language::Fr) => ("Ça ne répond pas", "Réessayez dans un moment. Le lien reste valable."),
        (500.., Language::En) => ("No answer at the moment", "Try again in a while. The link stays good."),
        (_, Language::Fr) => ("Cela n'a pas pu être lu", "Revenez en arrière, rechargez la page et réessayez."),
        (_, Language::En) => ("This could not be read", "Go back, load the page again and try once more."),
    }
}

fn waiting(seconds: u64, language: Language) -> String {
    match (seconds, language) {
        (..=90, Language::Fr) => format!("Dans {seconds} s."),
        (..=90, Language::En) => format!("In {seconds} s."),
        (_, Language::Fr) => format!("Dans {} min.", seconds.div_ceil(60)),
        (_, Language::En) => format!("In {} min.", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::body::MessageBody as _;
    use actix_web::test::TestRequest;

    use super::*;

    fn shown(wanted: &str, problem: &HttpProblem) -> (HttpResponse<()>, String) {
        let request = TestRequest::get().insert_header((header::ACCEPT_LANGUAGE, wanted)).to_http_request();
        let (answer, body) = of(&request, problem).into_parts();
        (answer, String::from_utf8(body.try_into_bytes().unwrap().to_vec()).unwrap())
    }

    #[test]
    fn every_status_has_a_page_in_both_languages() {
        let table = [
            (404, "fr-SN,fr;q=0.9", "Rien ici"),
            (404, "en-GB", "Nothing here"),
            (404, "pl", "Rien ici"),
            (429, "fr", "Un instant"),
            (429, "EN", "One moment"),
            (503, "fr", "Ça ne répond pas"),
            (400, "en", "This could not be read"),
            (405, "", "Cela n&#x27;a pas pu être lu"),
        ];
        for (status, wanted, title) in table {
            let status = StatusCode::from_u16(status).unwrap();
            let (answer, body) = shown(wanted, &HttpProblem::new(status, "secret", "secret"));
            assert_eq!(answer.status(), status, "{wanted}");
            assert_eq!(answer.headers().get(header::CONTENT_TYPE).unwrap(), "text/html; charset=utf-8", "{wanted}");
            assert!(body.contains(title) && body.contains("/p/plan.css") && !body.contains("secret"), "{body}");
        }
    }

    #[test]
    fn a_page_says_when_to_come_again() {
        let wait = Duration::from_millis(19_001);
        let problem = HttpProblem::new(StatusCode::TOO_MANY_REQUESTS, "", "").retry_after(wait);
        let (answer, body) = shown("fr", &problem);
        assert_eq!(answer.headers().get(header::RETRY_AFTER).unwrap(), "20");
        assert!(body.contains("Dans 20 s."), "{body}");
        assert_eq!(waiting(91, Language::En), "In 2 min.");
    }
}
