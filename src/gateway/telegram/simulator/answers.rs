//! What calls of the simulated Bot API name, and what a refusal looks like.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

pub(super) fn chat_of(parameters: &Value) -> Option<i64> {
    let chat = &parameters["chat_id"];
    chat.as_i64().or_else(|| chat.as_str()?.parse().ok())
}

pub(super) fn refusal(status: u16, description: &str, parameters: &Value) -> HttpResponse {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = json!({ "ok": false, "error_code": status, "description": description });
    if !parameters.is_null() {
        answer["parameters"] = parameters.clone();
    }
    HttpResponse::build(code).json(answer)
}
