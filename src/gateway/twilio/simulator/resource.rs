//! JSON of Twilio's API, as its OpenAPI description says (`api.v2010.account.message`, `ListMessageResponse`).

use serde::Serialize;

use super::ledger::Sent;

/// The version in every URL of the API.
pub(super) const API_VERSION: &str = "2010-04-01";

#[derive(Serialize)]
pub(super) struct MessageResource<'a> {
    account_sid: &'a str,
    api_version: &'static str,
    body: &'a str,
    date_created: &'a str,
    date_sent: Option<&'a str>,
    date_updated: &'a str,
    direction: &'static str,
    error_code: Option<u32>,
    error_message: Option<&'a str>,
    from: Option<&'a str>,
    messaging_service_sid: Option<&'a str>,
    num_media: &'static str,
    num_segments: &'static str,
    price: Option<&'a str>,
    price_unit: Option<&'a str>,
    sid: &'a str,
    status: &'a str,
    subresource_uris: Subresources,
    to: &'a str,
    uri: String,
}

#[derive(Serialize)]
struct Subresources {
    media: String,
}

impl<'a> MessageResource<'a> {
    /// As it stands; `date` is when it was made, as RFC 2822 has it.
    pub fn of(sent: &'a Sent, date: &'a str, status: &'a str) -> Self {
        let path = format!("/{API_VERSION}/Accounts/{}/Messages/{}", sent.account_sid, sent.sid);
        Self {
            account_sid: &sent.account_sid,
            api_version: API_VERSION,
            body: &sent.body,
            date_created: date,
            date_sent: (status != "queued").then_some(date),
            date_updated: date,
            direction: "outbound-api",
            error_code: None,
            error_message: None,
            from: sent.from.as_deref(),
            messaging_service_sid: sent.messaging_service_sid.as_deref(),
            num_media: "0",
            num_segments: "1",
            price: None,
            price_unit: None,
            sid: &sent.sid,
            status,
            subresource_uris: Subresources { media: format!("{path}/Media.json") },
            to: &sent.to,
            uri: format!("{path}.json"),
        }
    }
}

/// A page of messages.
#[derive(Serialize)]
pub(super) struct ListResource<'a> {
    pub end: usize,
    pub first_page_uri: String,
    pub next_page_uri: Option<String>,
    pub page: usize,
    pub page_size: usize,
    pub previous_page_uri: Option<String>,
    pub messages: Vec<MessageResource<'a>>,
    pub start: usize,
    pub uri: String,
}

/// A refusal.
#[derive(Serialize)]
pub(super) struct ErrorResource {
    code: u32,
    message: &'static str,
    more_info: String,
    status: u16,
}

impl ErrorResource {
    pub fn new(status: u16, code: u32, message: &'static str) -> Self {
        Self { code, message, more_info: format!("https://www.twilio.com/docs/errors/{code}"), status }
    }
}
