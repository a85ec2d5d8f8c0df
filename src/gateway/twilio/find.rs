//! Asks Twilio whether it took a message (I5).
//!
//! The list of messages carries neither our id nor the callback's URL, so a message is recognised by who, what and when.
//! Of a template the list shows what it became with its variables, and we do not know its text: all that can be known is
//! that each value of a variable stands in it. (Rich templates show no text at all.) So each message to the contact
//! at that time may be ours, unless it lacks a value; the caller takes out those whose id another message of ours has.

use std::cmp::Reverse;

use palabre_actors::domain::send::{
    Found, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass, numbered,
};
use reqwest::{Method, Request, StatusCode, Url};
use serde::Deserialize;

use super::LABEL;
use super::send::{TwilioGateway, refused};
use crate::gateway::call::{CallFailure, read};

/// Twilio's clock may be behind ours by this much.
const CLOCK_SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// How many of the contact's messages are looked through, the newest first. Twilio's default is 50, its maximum 1,000.
const PAGE_SIZE: &str = "100";

/// The most of a list that is read.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;

/// Looks a message up. [`Found::Taken`] names all messages that fit, the newest first: as a conversation's messages leave
/// one after the other, an older one of the same text is an earlier message of ours. The caller knows which ids it has
/// seen.
pub(super) async fn find(gateway: &TwilioGateway, outbound: OutboundRequest<'_>) -> Result<Found, SendError> {
    let retry = |failure: CallFailure| failure.error(LABEL, SendErrorClass::Retry { after: None });
    let request = |url: Url| Request::new(Method::GET, query(gateway, &outbound, url));
    let response = gateway.call(request).await.map_err(retry)?;
    let status = response.status();
    let headers = response.headers().clone();
    match status {
        StatusCode::OK => {}
        StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED => return Err(refused(status, &headers, b"")),
        status if status.is_server_error() => {
            let error = refused(status, &headers, b"");
            return Err(SendError { class: SendErrorClass::Retry { after: None }, ..error });
        }
        // Not found, not allowed, not that method: this server has no list of messages.
        _ => return Ok(Found::CannotTell),
    }
    let reply = read(response, MAX_LIST_BYTES).await.map_err(retry)?;
    Ok(search(&reply, &outbound))
}

fn query(gateway: &TwilioGateway, outbound: &OutboundRequest<'_>, mut url: Url) -> Url {
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("To", &super::send::wire(gateway.kind, outbound.to));
        if let Some(from) = &gateway.from {
            query.append_pair("From", from);
        }
        // The parameter's name is `DateSent>`; a day in UTC is all it takes.
        let since = outbound.message.generation.since - CLOCK_SKEW;
        query.append_pair("DateSent>", &since.format("%Y-%m-%d").to_string());
        query.append_pair("PageSize", PAGE_SIZE);
    }
    url
}

#[derive(Deserialize)]
struct List {
    messages: Vec<Listed>,
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    sid: Option<String>,
    body: Option<String>,
    direction: Option<String>,
    status: Option<String>,
    date_created: Option<String>,
}

fn search(reply: &[u8], outbound: &OutboundRequest<'_>) -> Found {
    let Ok(list) = serde_json::from_slice::<List>(reply) else { return Found::CannotTell };
    let generation = outbound.message.generation;
    let mut candidates = Vec::new();
    for listed in list.messages.iter().filter(|listed| fits(listed, &outbound.content)) {
        let date = listed.date_created.as_deref().and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
        let (Some(date), Some(sid)) = (date, listed.sid.as_deref()) else { return Found::CannotTell };
        // What failed is the reason for another generation, not its outcome.
        let from_an_earlier_generation = generation.number > 0 && has_failed(listed);
        if date >= generation.since - CLOCK_SKEW && !from_an_earlier_generation {
            candidates.push((date, sid));
        }
    }
    // Twilio lists the newest first, in whole seconds: among equals its order stays.
    candidates.sort_by_key(|(date, _)| Reverse(*date));
    let receipts = || candidates.iter().map(|(_, sid)| Receipt::received(sid)).collect::<Option<Vec<_>>>();
    match candidates.as_slice() {
        [] if list.next_page_uri.is_some() => Found::CannotTell,
        [] => Found::Absent,
        _ => receipts().map_or(Found::CannotTell, Found::Taken),
    }
}

fn fits(listed: &Listed, content: &OutboundContent<'_>) -> bool {
    let shown = listed.body.as_deref().unwrap_or_default().trim();
    let same = match content {
        // Twilio trims what it stores.
        OutboundContent::Text(text) => shown == text.trim(),
        OutboundContent::Choices { text, choices } => shown == numbered(text, choices).trim(),
        OutboundContent::Template { variables, .. } => {
            shown.is_empty() || variables.iter().all(|(_, value)| shown.contains(value.trim()))
        }
        OutboundContent::Action(_) => false,
    };
    same && listed.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound"))
}

fn has_failed(listed: &Listed) -> bool {
    matches!(listed.status.as_deref(), Some("failed" | "undelivered" | "canceled"))
}
