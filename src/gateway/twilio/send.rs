//! Sends messages through Twilio's REST API, and classifies each outcome.
//!
//! `POST {base}/2010-04-01/Accounts/{sid}/Messages.json`, basic authentication, a form; 201 with the message, or an error
//! as `{code, message, more_info, status}` (Twilio's OpenAPI description, `twilio_api_v2010`). There is no idempotency
//! parameter: once a request may have been written, its outcome is unknown until Twilio is asked (`find`). Only a call
//! for which no connection could be made goes to the backup at once: surely nothing was written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::send::{
    OnUnknown, OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass, numbered as numbered_choices,
};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::decode::{GENERATION_PARAMETER, MESSAGE_ID_PARAMETER};
use super::endpoint_failover::EndpointFailover;
use super::{Kind, LABEL, REPEAT_OVERRIDE, TwilioAccount, codes};
use crate::config::Channel;
use crate::gateway::call::{self, CallFailure, read};
use crate::gateway::media::FilesOut;

/// The most of a reply that is read; a message is about one kilobyte.
const MAX_REPLY_BYTES: usize = 256 * 1024;

/// The least time that a call by the other way gets, however long the first took to fail.
const SHORTEST_SECOND_CALL: Duration = Duration::from_secs(1);

/// One channel's way to Twilio. What every message of the channel has in common is written once, here.
pub struct TwilioGateway {
    client: reqwest::Client,
    pub(super) kind: Kind,
    endpoints: EndpointFailover,
    authorization: HeaderValue,
    /// `From=…&MessagingServiceSid=…&StatusCallback=…%3Fmid%3D`, ready for the id to follow.
    opening: String,
    has_callback: bool,
    /// How Twilio writes the sender; `None` when the service picks it.
    pub(super) from: Option<String>,
    timeout: Duration,
    pub(super) on_unknown: OnUnknown,
    pub(super) files: FilesOut,
}

/// The channel's settings make no usable gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAccount {
    /// `api_base_url`, `backup_api_base_url`
    #[error("api_base_url or backup_api_base_url is not an http or https URL")]
    ApiBaseUrl,
    /// `account_sid`, `auth_token`
    #[error("account_sid or auth_token is empty or has characters that no header can carry")]
    Credentials,
}

impl TwilioGateway {
    /// A channel's gateway. `public_base_url` (without a trailing slash) is where Twilio finds us for status callbacks;
    /// without it none are asked for.
    ///
    /// # Errors
    /// [`BadAccount`]
    pub fn new(
        client: reqwest::Client,
        kind: Kind,
        channel: &Channel,
        account: &TwilioAccount,
        public_base_url: Option<&str>,
    ) -> Result<Self, BadAccount> {
        let usual = messages(&account.api_base_url, account)?;
        let backup = account.backup_api_base_url.as_deref().map(|base| messages(base, account)).transpose()?;
        // A messaging service picks among its senders; naming ours as well keeps the conversation on one number.
        let from = kind.wire(&channel.address);
        let mut opening = form_urlencoded::Serializer::new(String::new());
        opening.append_pair("From", &from);
        if let Some(service) = &account.messaging_service_sid {
            opening.append_pair("MessagingServiceSid", service);
        }
        if let Some(base) = public_base_url {
            let callback = format!("{base}/webhooks/{}/{}/status?{MESSAGE_ID_PARAMETER}=", kind.provider(), channel.id);
            opening.append_pair("StatusCallback", &callback);
        }
        Ok(Self {
            client,
            kind,
            endpoints: EndpointFailover::new(usual, backup),
            authorization: authorization(account).ok_or(BadAccount::Credentials)?,
            opening: opening.finish(),
            has_callback: public_base_url.is_some(),
            from: Some(from),
            timeout: account.timeout,
            on_unknown: account.on_unknown,
            files: FilesOut::default(),
        })
    }

    /// It sends these files: Twilio reads them here.
    #[must_use]
    pub fn with_files(self, files: FilesOut) -> Self {
        Self { files, ..self }
    }

    pub(super) async fn hand_over(&self, outbound: OutboundRequest<'_>) -> Result<Receipt, SendError> {
        if matches!(outbound.content, OutboundContent::Action(_)) {
            return Err(SendError::unsupported_action());
        }
        let mut form = self.form(&outbound);
        self.add_file(&mut form, &outbound).await?;
        let form = Bytes::from(form);
        let request = |url: Url| {
            let mut request = Request::new(Method::POST, url);
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            *request.body_mut() = Some(form.clone().into());
            request
        };
        let response = self.call(request).await.map_err(|failure| failure.while_sending(LABEL))?;
        let status = response.status();
        let headers = if status.is_success() { HeaderMap::new() } else { response.headers().clone() };
        let reply = read(response, MAX_REPLY_BYTES).await.map_err(|failure| match status.as_u16() {
            // The head alone says that nothing was taken.
            400..=499 => refused(status, &headers, b""),
            _ => failure.while_sending(LABEL),
        })?;
        if status.is_success() {
            return receipt(&reply);
        }
        let generation = outbound.message.generation;
        let attempts = outbound.message.attempts.saturating_sub(generation.attempts_before);
        Err(once(refused(status, &headers, &reply), attempts))
    }

    /// The body of a send, for a text in one allocation.
    fn form(&self, outbound: &OutboundRequest<'_>) -> String {
        let (message, to) = (outbound.message, outbound.to.path());
        let mut form = String::with_capacity(self.opening.len() + to.len() + message.body.len() * 3 / 2 + 128);
        form.push_str(&self.opening);
        if self.has_callback {
            // Writing into a String cannot fail.
            let _ = write!(form, "{}", message.id);
            if message.generation.number > 0 {
                // Inside the value of StatusCallback: `&life=`, encoded.
                let _ = write!(form, "%26{GENERATION_PARAMETER}%3D{}", message.generation.number);
            }
            form.extend(form_urlencoded::byte_serialize(REPEAT_OVERRIDE.as_bytes()));
        }
        form.push_str("&To=");
        form.push_str(self.kind.encoded_prefix());
        form.extend(form_urlencoded::byte_serialize(to.as_bytes()));
        match &outbound.content {
            // A file may go alone.
            OutboundContent::Text("") => {}
            OutboundContent::Text(text) => push(&mut form, "&Body=", text),
            OutboundContent::Choices { text, choices } => push(&mut form, "&Body=", &numbered_choices(text, choices)),
            // Refused before there is a form.
            OutboundContent::Action(_) => {}
            // With a template Twilio ignores the body, and refuses media: neither goes along.
            OutboundContent::Template { content_id, variables } => {
                push(&mut form, "&ContentSid=", content_id);
                if !variables.is_empty() {
                    push(&mut form, "&ContentVariables=", &numbered(variables));
                }
            }
        }
        form
    }

    /// One call, with credentials and the channel's deadline. When no connection can be made, the same call goes the
    /// other way at once, within what is left of the deadline.
    pub(super) async fn call(&self, request: impl Fn(Url) -> Request) -> Result<Response, CallFailure> {
        let begun = Instant::now();
        let order = self.endpoints.order(begun);
        let outcome = self.execute(request(order.first.clone()), self.timeout).await;
        let (Err(CallFailure::NoConnection(_)), Some(second)) = (&outcome, order.second) else { return outcome };
        let left = self.timeout.saturating_sub(begun.elapsed()).max(SHORTEST_SECOND_CALL);
        let outcome = self.execute(request(second.clone()), left).await;
        if !matches!(outcome, Err(CallFailure::NoConnection(_))) {
            self.endpoints.second_was_reached(order, Instant::now());
        }
        outcome
    }

    async fn execute(&self, mut request: Request, timeout: Duration) -> Result<Response, CallFailure> {
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        *request.timeout_mut() = Some(timeout);
        self.client.execute(request).await.map_err(|error| CallFailure::of(&error))
    }
}

/// Where messages are made and listed under a base URL.
fn messages(base: &str, account: &TwilioAccount) -> Result<Url, BadAccount> {
    let url = Url::parse(&format!("{base}/2010-04-01/Accounts/{}/Messages.json", account.account_sid)).ok();
    let url = url.filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
    url.ok_or(BadAccount::ApiBaseUrl)
}

fn push(form: &mut String, key: &str, value: &str) {
    form.push_str(key);
    form.extend(form_urlencoded::byte_serialize(value.as_bytes()));
}

/// The values of a template's places as a JSON object, by number from 1.
fn numbered(variables: &[(&str, &str)]) -> String {
    let numbered: BTreeMap<String, &str> =
        (1..).zip(variables).map(|(n, (_, value))| (i32::to_string(&n), *value)).collect();
    serde_json::to_string(&numbered).unwrap_or_default()
}

/// A code that is worth one more try, and no third.
fn once(error: SendError, attempts: u32) -> SendError {
    let once = error.code.as_deref().is_some_and(codes::is_worth_one_more_try);
    if once && attempts > 1 { SendError { class: SendErrorClass::Reject, ..error } } else { error }
}

/// Shows no credentials and no address.
impl std::fmt::Debug for TwilioGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TwilioGateway({})", self.kind.provider())
    }
}

/// The reply to a message that was taken. Anything without an id leaves the outcome open.
fn receipt(reply: &[u8]) -> Result<Receipt, SendError> {
    #[derive(Deserialize)]
    struct Message<'a> {
        sid: &'a str,
    }
    let message = serde_json::from_slice::<Message<'_>>(reply).ok();
    message.and_then(|message| Receipt::received(message.sid)).ok_or_else(|| call::without_id(LABEL))
}

/// A refusal, classified by Twilio's code where it is known, by the HTTP status else. Twilio's own message is never
/// repeated: it names the recipient.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, reply: &[u8]) -> SendError {
    #[derive(Deserialize)]
    struct Refusal {
        code: Option<u32>,
    }
    let code = serde_json::from_slice::<Refusal>(reply).ok().and_then(|refusal| refusal.code);
    let code = code.map(|code| code.to_string());
    let known = code.as_deref().and_then(codes::find);
    let code = code.unwrap_or_else(|| status.as_u16().to_string());
    call::refused(LABEL, (status, headers), (code, known))
}

fn authorization(account: &TwilioAccount) -> Option<HeaderValue> {
    let token = account.auth_token.expose_secret();
    if account.account_sid.is_empty() || token.is_empty() || account.account_sid.contains(':') {
        return None;
    }
    let basic = STANDARD.encode(format!("{}:{token}", account.account_sid));
    let mut value = HeaderValue::try_from(format!("Basic {basic}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The address as Twilio writes it.
pub(super) fn wire(kind: Kind, address: &Address) -> String {
    format!("{}{}", kind.prefix(), address.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_needs_an_id() {
        let long = format!(r#"{{"sid":"SM{}"}}"#, "0".repeat(300));
        for unkept in [long.as_str(), r#"{"sid":"SM\u001b[2J"}"#, r#"{"sid":"SM 1"}"#, "{\"sid\":\"SM\u{202e}\"}"] {
            assert_eq!(receipt(unkept.as_bytes()).unwrap_err().class, SendErrorClass::Unknown, "{unkept}");
        }
        assert_eq!(receipt(br#"{"sid":"SM1","status":"queued"}"#).unwrap().provider_message_id.as_str(), "SM1");
        for reply in [&b""[..], b"{}", b"[]", br#"{"sid":""}"#, br#"{"sid":null}"#, b"\xff", b"<html>"] {
            assert_eq!(receipt(reply).unwrap_err().class, SendErrorClass::Unknown);
        }
    }

    #[test]
    fn twilios_own_words_are_not_repeated() {
        let reply = br#"{"code":21211,"message":"The 'To' number +33612345678 is not valid","status":400}"#;
        let error = refused(StatusCode::BAD_REQUEST, &HeaderMap::new(), reply);
        assert_eq!(error.code.as_deref(), Some("21211"));
        assert!(!format!("{error:?}").contains("336"));
    }

    #[test]
    fn the_code_decides_and_the_status_only_where_there_is_none() {
        let hours = |least: u64| move |class| matches!(class, SendErrorClass::Retry { after: Some(after) } if after.as_secs() >= least * 3_600);
        let soon = |class| class == SendErrorClass::Retry { after: None };
        type Is<'a> = &'a dyn Fn(SendErrorClass) -> bool;
        let table: [(u16, Option<u32>, Is<'_>, bool); 12] = [
            (429, Some(63_018), &hours(1), true),
            (400, Some(63_018), &hours(1), true),
            (429, Some(63_038), &hours(6), true),
            (400, Some(63_038), &hours(6), true),
            (429, Some(20_429), &soon, true),
            (429, Some(14_107), &soon, true),
            (429, None, &soon, true),
            (429, Some(63_012), &soon, false),
            (429, Some(21_610), &|class| class == SendErrorClass::OptedOut, false),
            (403, Some(63_016), &|class| class == SendErrorClass::WindowClosed, false),
            (401, None, &|class| class == SendErrorClass::Misconfigured, false),
            // It may have broken after it took the message.
            (503, Some(63_038), &|class| class == SendErrorClass::Unknown, true),
        ];
        for (status, code, is_right, throttled) in table {
            let reply = code.map(|code| format!(r#"{{"code":{code},"status":{status}}}"#)).unwrap_or_default();
            let error = refused(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), reply.as_bytes());
            assert!(is_right(error.class), "{status} {code:?}: {:?}", error.class);
            assert_eq!(error.throttled, throttled, "{status} {code:?}");
        }
    }
}
