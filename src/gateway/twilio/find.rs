//! Asking Twilio whether it took a message (I5).
//!
//! The list of messages carries neither our id nor the callback's URL, so a message is recognised by who, what and when.

use palabre_actors::domain::ids::ProviderMessageId;
use palabre_actors::domain::message::Outbound;
use palabre_actors::domain::send::{Found, Receipt, SendError, SendErrorClass};
use reqwest::{Method, Request, StatusCode, Url};
use serde::Deserialize;

use super::send::{Broken, TwilioGateway, read, refused};

/// Twilio's clock may be behind ours by this much.
const CLOCK_SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// How many of the contact's messages are looked through, the newest first. Twilio's default is 50, its maximum 1,000.
const PAGE_SIZE: &str = "100";

/// The most of a list that is read.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;

/// Looks a message up. [`Found::Taken`] names the newest message that fits: as a conversation's messages leave one after
/// the other, an older one of the same text is an earlier message of ours. The caller knows which ids it has seen.
pub(super) async fn find(gateway: &TwilioGateway, message: &Outbound) -> Result<Found, SendError> {
    let retry = |broken: Broken| broken.error(SendErrorClass::Retry { after: None });
    let response = gateway.call(Request::new(Method::GET, query(gateway, message))).await.map_err(retry)?;
    let status = response.status();
    let headers = response.headers().clone();
    match status {
        StatusCode::OK => {}
        StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED => return Err(refused(status, &headers, b"")),
        status if status.is_server_error() => {
            let error = refused(status, &headers, b"");
            return Err(SendError { class: SendErrorClass::Retry { after: None }, ..error });
        }
        // Not found, not allowed, not that method: whoever answers has no such list.
        _ => return Ok(Found::CannotTell),
    }
    let reply = read(response, MAX_LIST_BYTES).await.map_err(retry)?;
    Ok(search(&reply, message))
}

fn query(gateway: &TwilioGateway, message: &Outbound) -> Url {
    let mut url = gateway.url.clone();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("To", &super::send::wire(gateway.kind, &message.to));
        if let Some(from) = &gateway.from {
            query.append_pair("From", from);
        }
        // The parameter's name is `DateSent>`; a day in UTC is all it takes.
        let since = message.created_at - CLOCK_SKEW;
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
    date_created: Option<String>,
}

fn search(reply: &[u8], message: &Outbound) -> Found {
    let Ok(list) = serde_json::from_slice::<List>(reply) else { return Found::CannotTell };
    let since = message.created_at - CLOCK_SKEW;
    let mut newest = None;
    // Twilio trims what it stores.
    let same = |listed: &&Listed| {
        listed.body.as_deref().map(str::trim) == Some(message.body.trim())
            && listed.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound"))
    };
    for listed in list.messages.iter().filter(same) {
        let date = listed.date_created.as_deref().and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
        let (Some(date), Some(sid)) = (date, listed.sid.as_deref()) else { return Found::CannotTell };
        if date >= since && newest.is_none_or(|(known, _)| date > known) {
            newest = Some((date, sid));
        }
    }
    match newest {
        Some((_, sid)) => Found::Taken(Receipt { provider_message_id: ProviderMessageId::new(sid) }),
        None if list.next_page_uri.is_some() => Found::CannotTell,
        None => Found::Absent,
    }
}
