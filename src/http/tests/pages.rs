//! Tests of routes for pages: streams, redirects, cookies, and errors that actix-web makes itself.

use actix_web::body::to_bytes;
use actix_web::http::header;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse};
use futures_util::stream;

use super::*;
use crate::http::routes::Routes;

async fn events() -> HttpResponse {
    let events = ["data: first\n\n", "data: second\n\n"].map(|event| Ok::<_, actix_web::Error>(Bytes::from(event)));
    HttpResponse::Ok().content_type("text/event-stream").streaming(stream::iter(events))
}

async fn moved() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, "/new"))
        .insert_header((header::SET_COOKIE, "session=1; HttpOnly; SameSite=Lax"))
        .finish()
}

async fn page() -> HttpResponse {
    let cache = (header::CACHE_CONTROL, "max-age=60");
    HttpResponse::Ok().content_type("text/html; charset=utf-8").insert_header(cache).body("<h1>Palabre</h1>")
}

async fn number(number: web::Path<u32>, body: web::Json<u32>) -> String {
    format!("{number} {body}")
}

fn routes(config: &mut web::ServiceConfig) {
    let mut routes = Routes::new(config, Arc::new(Health::new()));
    routes.get("/events", events);
    routes.get("/old", moved);
    routes.get("/page", page);
    routes.post("/numbers/{number}", number);
}

#[actix_web::test]
async fn a_handler_may_stream() {
    let app = init_service(App::new().configure(routes)).await;
    let response = call_service(&app, TestRequest::get().uri("/events").to_request()).await;
    assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), "text/event-stream");
    let body = to_bytes(response.into_body()).await.unwrap();
    assert_eq!(body, "data: first\n\ndata: second\n\n");
}

#[actix_web::test]
async fn a_handler_may_redirect_set_cookies_and_let_pages_be_kept() {
    let app = init_service(App::new().configure(routes)).await;
    let response = call_service(&app, TestRequest::get().uri("/old").to_request()).await;
    assert_eq!(response.status().as_u16(), 303);
    assert_eq!(response.headers().get(header::LOCATION).unwrap(), "/new");
    assert_eq!(response.headers().get(header::SET_COOKIE).unwrap(), "session=1; HttpOnly; SameSite=Lax");
    assert_eq!(response.headers().get(header::CACHE_CONTROL).unwrap(), "no-store");
    let response = call_service(&app, TestRequest::get().uri("/page").to_request()).await;
    assert_eq!(response.headers().get(header::CACHE_CONTROL).unwrap(), "max-age=60");
}

#[actix_web::test]
async fn errors_of_actix_web_have_the_shape_of_all_errors_and_quote_nothing() {
    let app = init_service(App::new().configure(routes)).await;
    for (path, body, status) in [("/numbers/secret", "1", 404), ("/numbers/1", "\"secret\"", 400)] {
        let request = TestRequest::post().uri(path).insert_header(header::ContentType::json()).set_payload(body);
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        let body = to_bytes(response.into_body()).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(problem["error"].is_string() && problem["hint"].is_string(), "{problem}");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
}

#[actix_web::test]
async fn a_path_with_percent_encoding_or_a_trailing_slash_is_another_path() {
    let app = init_service(App::new().configure(routes)).await;
    for path in ["/pag%65", "/page/", "/numbers/%31", "//page"] {
        let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        assert_eq!(response.status().as_u16(), 404, "{path}");
    }
}

#[actix_web::test]
async fn who_follows_a_link_that_leads_nowhere_sees_a_page_and_programs_get_json() {
    let server = TestServer::open();
    let asked = async |method: &str, path: &str, language: &str| {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAccept-Language: {language}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        exchange(server.running.addr, request).await
    };
    for (method, path, language, status, title) in [
        ("GET", "/p/belle/premium", "fr-FR,fr;q=0.9", 404, "Rien ici"),
        ("GET", "/p/belle/premium", "en", 404, "Nothing here"),
        ("GET", "/p/belle/premium/own?s=x", "en", 404, "Nothing here"),
        ("GET", "/p/belle/premium/withdraw", "de", 404, "Rien ici"),
        ("GET", "/same-person/belle/x", "en", 404, "Nothing here"),
        // Without a form, and by the wrong method.
        ("POST", "/p/belle/premium/buy", "en", 415, "This could not be read"),
        ("GET", "/p/belle/premium/buy", "en", 405, "This could not be read"),
    ] {
        let page = asked(method, path, language).await;
        assert_eq!(page.status, status, "{path}: {}", page.body);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        assert!(page.body.contains(title) && !page.body.contains("belle"), "{path}: {}", page.body);
    }
    assert_eq!(asked("GET", "/p/belle/premium/buy", "en").await.header("allow"), Some("POST"));
    for path in ["/api/v1/nothing", "/calendar/x", "/p/belle"] {
        let answer = asked("GET", path, "en").await;
        assert!(answer.status == 404 && answer.json()["error"].is_string(), "{path}: {}", answer.body);
    }
}
