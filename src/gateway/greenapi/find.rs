//! Asks Green-API whether it took a message (I5).
//!
//! What it took waits in its queue (`showMessagesQueue`), then stands in the chat's history (`getChatHistory`), which may be
//! two minutes behind. So "absent" is believed only when that long has passed since the outcome became unknown; until then the
//! question is asked again. Neither list has our id: a message is recognised by its chat, its text and its time.

use std::borrow::Cow;

use chrono::TimeDelta;
use palabre_actors::domain::send::{
    Found, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass, numbered,
};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use super::send::{GreenGateway, refused};
use super::{LABEL, chat_of};
use crate::gateway::call::{CallFailure, Reply};
use crate::gateway::lenient::{List, Object, Text};

/// Green-API's clock may be behind ours by this much.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(1);

/// How many messages of the chat are looked through, the newest first.
const COUNT: u32 = 100;

/// The most of a list that is read.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChatQuestion<'a> {
    chat_id: &'a str,
    count: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Queued<'a> {
    #[serde(borrow, rename = "idMessage", alias = "messageID")]
    id: Text<'a>,
    #[serde(borrow)]
    body: Object<QueuedBody<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct QueuedBody<'a> {
    #[serde(borrow, rename = "chatId")]
    chat: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Past<'a> {
    #[serde(borrow, rename = "type")]
    direction: Text<'a>,
    #[serde(borrow, rename = "idMessage")]
    id: Text<'a>,
    #[serde(borrow)]
    timestamp: Text<'a>,
    #[serde(borrow, rename = "textMessage")]
    text: Text<'a>,
    #[serde(borrow, rename = "extendedTextMessage")]
    extended: Object<ExtendedText<'a>>,
    #[serde(borrow, rename = "sendByApi")]
    by_api: Text<'a>,
    #[serde(borrow, rename = "statusMessage")]
    status: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ExtendedText<'a> {
    #[serde(borrow)]
    text: Text<'a>,
}

/// Looks a message up in the queue, then in the history of its chat.
pub(super) async fn find(gateway: &GreenGateway, outbound: OutboundRequest<'_>) -> Result<Found, SendError> {
    let text = match &outbound.content {
        OutboundContent::Text(text) => Cow::Borrowed(*text),
        OutboundContent::Choices { text, choices } => Cow::Owned(numbered(text, choices)),
        OutboundContent::Template { .. } | OutboundContent::Action(_) => return Ok(Found::CannotTell),
    };
    let chat = chat_of(outbound.to);
    let waited = gateway.unknown.waited(outbound.message.id);
    let queue = gateway.get("showMessagesQueue", MAX_LIST_BYTES).await;
    let Some(queue) = answered(queue)? else { return Ok(Found::CannotTell) };
    let question = ChatQuestion { chat_id: &chat, count: COUNT };
    let history = gateway.ask("getChatHistory", &question, MAX_LIST_BYTES).await;
    let Some(history) = answered(history)? else { return Ok(Found::CannotTell) };
    let since = outbound.message.generation.since - CLOCK_SKEW;
    let is_replay = outbound.message.generation.number > 0;
    match search(&queue.body, &history.body, (&chat, text.trim()), (since.timestamp(), is_replay)) {
        Some(receipts) if !receipts.is_empty() => {
            gateway.unknown.end(outbound.message.id);
            Ok(Found::Taken(receipts))
        }
        // It is asked twice before that is believed, so what is known of the time stays.
        Some(_) if waited >= gateway.journal_delay => Ok(Found::Absent),
        Some(_) => Err(SendError {
            class: SendErrorClass::Retry { after: Some(gateway.journal_delay.saturating_sub(waited)) },
            code: None,
            throttled: false,
            detail: format!("{LABEL} may not show yet what it took"),
        }),
        None => Ok(Found::CannotTell),
    }
}

/// A whole answer; `None`: this server has no such list.
fn answered(reply: Result<Reply, CallFailure>) -> Result<Option<Reply>, SendError> {
    let retry = SendErrorClass::Retry { after: None };
    let reply = reply.map_err(|failure| failure.error(LABEL, retry))?;
    match reply.status {
        StatusCode::OK => Ok(Some(reply)),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
        status => Err(SendError { class: retry, ..refused(status, &reply.headers) }),
    }
}

/// The messages of a chat with that text, the newest first. `None`: a list cannot be read.
fn search(
    queue: &[u8],
    history: &[u8],
    (chat, text): (&str, &str),
    (since, is_replay): (i64, bool),
) -> Option<Vec<Receipt>> {
    let queue: List<Object<Queued<'_>>> = serde_json::from_slice(queue).ok()?;
    let history: List<Object<Past<'_>>> = serde_json::from_slice(history).ok()?;
    let receipt = |id: &Text<'_>| id.get().and_then(Receipt::received);
    let waiting = queue.as_slice().iter().filter_map(Object::get).filter(|queued| {
        let body = queued.body.get();
        body.is_some_and(|body| body.chat.or_empty() == chat && body.message.or_empty().trim() == text)
    });
    let mut found: Vec<Receipt> = waiting.filter_map(|queued| receipt(&queued.id)).collect();
    let mut past: Vec<(i64, Receipt)> = Vec::new();
    for entry in history.as_slice().iter().filter_map(Object::get) {
        let shown = entry.text.get().or_else(|| entry.extended.get().and_then(|extended| extended.text.get()));
        let is_ours = entry.direction.or_empty() == "outgoing" && entry.by_api.or_empty() != "false";
        if !is_ours || shown.unwrap_or_default().trim() != text {
            continue;
        }
        let at: i64 = entry.timestamp.or_empty().parse().ok()?;
        // What failed before a replay is the reason for the replay, not its outcome.
        let failed_before = is_replay && matches!(entry.status.or_empty(), "failed" | "noAccount" | "notInGroup");
        if at >= since && !failed_before {
            past.extend(receipt(&entry.id).map(|receipt| (at, receipt)));
        }
    }
    past.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    found.extend(past.into_iter().map(|(_, receipt)| receipt));
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i5_a_message_is_recognised_by_its_chat_its_text_and_its_time() {
        let queue =
            br#"[{"idMessage": "Q1", "type": "sendMessage", "body": {"chatId": "1@c.us", "message": "Bonjour"}},
            {"idMessage": "Q2", "body": {"chatId": "2@c.us", "message": "Bonjour"}}, 7]"#;
        let history = br#"[{"type": "outgoing", "idMessage": "H1", "timestamp": 100, "textMessage": "Bonjour ", "sendByApi": true},
            {"type": "outgoing", "idMessage": "H2", "timestamp": 120, "extendedTextMessage": {"text": "Bonjour"}},
            {"type": "outgoing", "idMessage": "H3", "timestamp": 130, "textMessage": "Bonjour", "sendByApi": false},
            {"type": "incoming", "idMessage": "H4", "timestamp": 130, "textMessage": "Bonjour"},
            {"type": "outgoing", "idMessage": "H5", "timestamp": 99, "textMessage": "Bonjour"},
            {"type": "outgoing", "idMessage": "H6", "timestamp": 140, "textMessage": "Bonjour", "statusMessage": "failed"}]"#;
        let ids = |is_replay| {
            let found = search(queue, history, ("1@c.us", "Bonjour"), (100, is_replay)).unwrap();
            found.iter().map(|receipt| receipt.provider_message_id.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids(false), ["Q1", "H6", "H2", "H1"]);
        assert_eq!(ids(true), ["Q1", "H2", "H1"], "what failed is why it was replayed");
        assert!(search(b"<html>", b"[]", ("1@c.us", "x"), (0, false)).is_none());
        let no_time = br#"[{"type": "outgoing", "idMessage": "H1", "textMessage": "x"}]"#;
        assert!(search(b"[]", no_time, ("1@c.us", "x"), (0, false)).is_none(), "it cannot tell");
    }
}
