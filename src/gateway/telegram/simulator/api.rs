//! The simulated Bot API.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use chrono::Utc;
use serde_json::{Value, json};

use super::answers::{chat_of, refusal};
use super::{ApiCall, World, chats, lock};
use crate::gateway::simulator::{Drawn, Fault, SentMessage, Socket};

/// The longest text: UTF-16 units.
const MAX_TEXT_UNITS: usize = 4_096;

/// `POST /bot{token}/{method}`
pub(super) async fn call(
    world: Data<World>,
    path: Path<(String, String)>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let (token, method) = path.into_inner();
    if world.fate.drops_connection() {
        return cut(&request);
    }
    let Some(bot) = lock(&world.bots).get(&token).map(|bot| bot.id.clone()) else {
        return refusal(401, "Unauthorized", &Value::Null);
    };
    let parameters: Value = match request.content_type() {
        "multipart/form-data" => parts(&body),
        _ if body.is_empty() => json!({}),
        _ => serde_json::from_slice(&body).unwrap_or_default(),
    };
    let file = parameters["file"].as_str().map(str::to_owned);
    let text = parameters[if file.is_some() { "caption" } else { "text" }].as_str().unwrap_or_default();
    let to = chat_of(&parameters).map(|chat| format!("telegram:{chat}")).unwrap_or_default();
    let is_file = file.is_some()
        && matches!(method.as_str(), "sendPhoto" | "sendDocument" | "sendAudio" | "sendVideo" | "sendVoice");
    let is_send = method == "sendMessage" || is_file;
    let drawn =
        if is_send { world.fate.of_send((&format!("telegram:{bot}"), &to), text, None) } else { Drawn::default() };
    if drawn.delay > Duration::ZERO {
        tokio::time::sleep(drawn.delay).await;
    }
    match drawn.fault {
        Some(Fault::DropBeforeReading | Fault::ResetBeforeTaking) => return cut(&request),
        Some(Fault::TooManyRequests { retry_after_secs }) => {
            let wait = retry_after_secs.unwrap_or(1);
            let said = format!("Too Many Requests: retry after {wait}");
            return refusal(429, &said, &json!({ "retry_after": wait }));
        }
        Some(Fault::ServerError(status)) => return refusal(status, "Internal Server Error", &Value::Null),
        Some(Fault::Refuse { status: 403, .. }) => {
            return refusal(403, "Forbidden: bot was blocked by the user", &Value::Null);
        }
        Some(Fault::Refuse { status, .. }) => return refusal(status, "Bad Request: chat not found", &Value::Null),
        _ => {}
    }
    let planned = {
        let mut refusals = lock(&world.refusals);
        let at = refusals.iter().position(|(of, _)| *of == method);
        at.and_then(|at| refusals.remove(at))
    };
    if let Some((_, answer)) = planned {
        let status = answer["error_code"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
        return refusal(status, answer["description"].as_str().unwrap_or_default(), &answer["parameters"]);
    }
    if is_send && !is_file && text.is_empty() {
        return refusal(400, "Bad Request: message text is empty", &Value::Null);
    }
    if is_send && text.encode_utf16().count() > MAX_TEXT_UNITS {
        return refusal(400, "Bad Request: message is too long", &Value::Null);
    }
    if let Some(refused) = chats::refuses(&world, &bot, &method, &parameters) {
        return refused;
    }
    let result = result_of(&world, (&token, &bot), &method, &parameters).await;
    // A poll is a question without an end.
    if method != "getUpdates" {
        chats::apply(&world, &method, &parameters);
        world.note(ApiCall { bot: bot.clone(), method: method.clone(), parameters: parameters.clone() });
    }
    if is_send {
        take(&world, (&token, &bot), &to, (text, file), &result);
    }
    let answer = json!({ "ok": true, "result": result }).to_string();
    match drawn.fault {
        Some(Fault::TakeThenReset | Fault::TakeThenHalfAnswer) => return cut(&request),
        Some(Fault::TakeThenServerError(status)) => return refusal(status, "Bad Gateway", &Value::Null),
        Some(Fault::TakeThenWait(late)) => tokio::time::sleep(late).await,
        _ => {}
    }
    HttpResponse::Ok().content_type("application/json").body(answer)
}

/// `GET /file/bot{token}/photos/{name}`
pub(super) async fn file(world: Data<World>, path: Path<(String, String)>, request: HttpRequest) -> HttpResponse {
    let (token, name) = path.into_inner();
    if !lock(&world.bots).contains_key(&token) {
        return refusal(401, "Unauthorized", &Value::Null);
    }
    world.files.answer(&name, &request).await
}

async fn result_of(world: &World, (token, bot): (&str, &str), method: &str, parameters: &Value) -> Value {
    match method {
        "getMe" => json!({
            "id": bot.parse::<i64>().unwrap_or_default(),
            "is_bot": true,
            "first_name": "Simulated",
            "username": "simulated_bot",
            "can_join_groups": true,
            "can_read_all_group_messages": true,
            "supports_inline_queries": false,
        }),
        "getFile" => json!({
            "file_id": parameters["file_id"],
            "file_unique_id": parameters["file_id"],
            "file_path": format!("photos/{}", parameters["file_id"].as_str().unwrap_or_default()),
        }),
        "sendMessage" | "sendPhoto" | "sendDocument" | "sendAudio" | "sendVideo" | "sendVoice" => {
            let chat = chat_of(parameters).unwrap_or_default();
            let kind = if chat > 0 { "private" } else { "supergroup" };
            json!({
                "message_id": world.next_message(),
                "from": { "id": bot.parse::<i64>().unwrap_or_default(), "is_bot": true, "first_name": "Simulated" },
                "chat": { "id": chat, "type": kind },
                "date": Utc::now().timestamp(),
                "text": parameters["text"],
            })
        }
        "setWebhook" => {
            if let Some(bot) = lock(&world.bots).get_mut(token) {
                bot.webhook = parameters.clone();
                bot.secret = parameters["secret_token"].as_str().map(str::to_owned);
            }
            true.into()
        }
        "deleteWebhook" => {
            if let Some(bot) = lock(&world.bots).get_mut(token) {
                bot.webhook = Value::Null;
            }
            true.into()
        }
        "getWebhookInfo" => {
            let bots = lock(&world.bots);
            let webhook = bots.get(token).map(|bot| bot.webhook.clone()).unwrap_or_default();
            let elsewhere = world.misconfigured.load(Ordering::SeqCst).then_some("https://elsewhere.example.com/bot");
            json!({
                "url": elsewhere.or(webhook["url"].as_str()).unwrap_or_default(),
                "has_custom_certificate": false,
                "pending_update_count": 0,
                "max_connections": webhook["max_connections"].as_u64().unwrap_or(40),
                "allowed_updates": webhook["allowed_updates"],
            })
        }
        "createChatInviteLink" => json!({
            "invite_link": format!("https://t.me/+simulated{}", world.next_message()),
            "creator": { "id": bot.parse::<i64>().unwrap_or_default(), "is_bot": true, "first_name": "Simulated" },
            "creates_join_request": parameters["creates_join_request"],
            "is_primary": false,
            "is_revoked": false,
        }),
        "createInvoiceLink" => format!("https://t.me/$simulated{}", world.next_message()).into(),
        "getChatMember" => chats::member(world, bot, parameters),
        "getStarTransactions" => chats::transactions(world, parameters),
        "getUpdates" => updates(world, token, parameters).await,
        _ => true.into(),
    }
}

/// Waits for updates as long as it is asked to. An offset confirms everything before it.
async fn updates(world: &World, token: &str, parameters: &Value) -> Value {
    let offset = parameters["offset"].as_i64().unwrap_or_default();
    let limit = parameters["limit"].as_u64().unwrap_or(100);
    let until = Instant::now() + Duration::from_secs(parameters["timeout"].as_u64().unwrap_or_default());
    loop {
        let news = world.new_updates.notified();
        let found: Vec<Value> = {
            let mut bots = lock(&world.bots);
            let Some(bot) = bots.get_mut(token) else { return json!([]) };
            bot.updates.retain(|update| update["update_id"].as_i64().unwrap_or_default() >= offset);
            bot.updates.iter().take(usize::try_from(limit).unwrap_or(100)).cloned().collect()
        };
        let left = until.saturating_duration_since(Instant::now());
        if !found.is_empty() || left.is_zero() {
            return found.into();
        }
        let _ = tokio::time::timeout(left, news).await;
    }
}

fn take(
    world: &Arc<World>,
    (token, bot): (&str, &str),
    to: &str,
    (text, file): (&str, Option<String>),
    result: &Value,
) {
    let number = result["message_id"].as_i64().unwrap_or_default();
    let channel = lock(&world.bots).get(token).map(|bot| bot.channel.clone());
    (world.on_sent)(SentMessage {
        sequence: u64::try_from(number).unwrap_or_default(),
        at: Instant::now(),
        created_at: Utc::now(),
        id: super::super::message_id(result["chat"]["id"].as_i64().unwrap_or_default(), number).as_str().to_owned(),
        message_id: None,
        channel,
        to: to.to_owned(),
        from: Some(format!("telegram:{bot}")),
        text: text.to_owned(),
        template: None,
        file,
    });
}

/// The fields of a form with a file: `file` is its name, `file_bytes` its length.
fn parts(body: &[u8]) -> Value {
    let end = body.windows(2).position(|pair| pair == b"\r\n").unwrap_or_default();
    let (boundary, mut fields) = (&body[..end], serde_json::Map::new());
    let mut starts: Vec<usize> = Vec::new();
    if !boundary.is_empty() {
        starts.extend((0..body.len()).filter(|at| body[*at..].starts_with(boundary)));
    }
    for pair in starts.windows(2) {
        let part = &body[pair[0] + boundary.len()..pair[1]];
        let Some(middle) = part.windows(4).position(|blank| blank == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..middle]).into_owned();
        let value = part[middle + 4..].strip_suffix(b"\r\n").unwrap_or_default();
        let quoted = |key: &str| head.split_once(key)?.1.split('"').next().map(str::to_owned);
        match (quoted(" name=\""), quoted("filename=\"")) {
            (_, Some(file)) => {
                fields.insert("file".to_owned(), file.into());
                fields.insert("file_bytes".to_owned(), value.len().into());
            }
            (Some(name), None) => {
                fields.insert(name, String::from_utf8_lossy(value).into_owned().into());
            }
            (None, None) => {}
        }
    }
    fields.into()
}

/// Cuts the connection; the response that is returned reaches nobody.
fn cut(request: &HttpRequest) -> HttpResponse {
    if let Some(socket) = request.conn_data::<Socket>() {
        socket.cut();
    }
    HttpResponse::InternalServerError().force_close().finish()
}
