//! Webhooks of relays: what became of a mail after the relay took it.
//!
//! The form is that of Brevo's transactional events (<https://developers.brevo.com/docs/transactional-webhooks>): one JSON
//! object an event, or a list of them. A mail is known by the custom header that we write, or by its Message-ID.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{CorrelationId, ProviderMessageId};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::StatusUpdate;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{MailReceiver, PROOF, mail, unsubscribe};
use crate::digest::{hex, one_fits};
use crate::gateway::lenient::{List, Object, Text};
use crate::gateway::{Received, Rejection, WebhookRequest};

const NO_EVENT: &str = "the body is not an event of a relay: a JSON object with `event`, or a list of them";

/// An event, as far as it is read.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RelayEvent<'a> {
    #[serde(borrow)]
    event: Text<'a>,
    #[serde(borrow)]
    email: Text<'a>,
    #[serde(borrow, rename = "message-id", alias = "messageId")]
    message_id: Text<'a>,
    #[serde(borrow, rename = "X-Mailin-custom", alias = "x-mailin-custom")]
    custom: Text<'a>,
    /// When it happened, in either form.
    #[serde(borrow)]
    ts_event: Text<'a>,
    #[serde(borrow)]
    date: Text<'a>,
}

/// Believes a relay that has the channel's token, or the one before it: as a bearer token, or as the password of basic
/// authentication.
pub(super) fn believe(proofs: &[SecretString], request: &WebhookRequest<'_>) -> Result<(), Rejection> {
    let claimed = request.header(&PROOF);
    let (scheme, claimed) = claimed.and_then(|claimed| claimed.split_once(' ')).ok_or(Rejection::BadSignature)?;
    let claimed = if scheme.eq_ignore_ascii_case("bearer") {
        claimed.trim().as_bytes().to_vec()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(claimed.trim()).map_err(|_| Rejection::BadSignature)?;
        let colon = pair.iter().position(|byte| *byte == b':').ok_or(Rejection::BadSignature)?;
        pair[colon + 1..].to_vec()
    } else {
        return Err(Rejection::BadSignature);
    };
    let genuine = one_fits(proofs, |proof| proof.expose_secret().as_bytes().ct_eq(&claimed).into());
    if genuine { Ok(()) } else { Err(Rejection::BadSignature) }
}

/// What a relay tells.
pub(super) fn read(
    of: &MailReceiver,
    request: &WebhookRequest<'_>,
    correlation: CorrelationId,
    now: Timestamp,
) -> Result<Received, Rejection> {
    if !request.is("application/json") {
        return Err(Rejection::MediaType("send application/json"));
    }
    let text = std::str::from_utf8(request.body).map_err(|_| Rejection::Malformed(NO_EVENT))?;
    let malformed = |_| Rejection::Malformed(NO_EVENT);
    if !text.trim_start().starts_with('[') {
        let event: RelayEvent<'_> = serde_json::from_str(text).map_err(malformed)?;
        let name = event.event.get().ok_or(Rejection::Malformed(NO_EVENT))?;
        return Ok(one(of, (name, &event), correlation, now));
    }
    let list: List<Object<RelayEvent<'_>>> = serde_json::from_str(text).map_err(malformed)?;
    // What is no event in it is left out: the relay would repeat the whole.
    let events = list.as_slice().iter().filter_map(Object::get);
    let events: Vec<_> = events.filter_map(|event| Some((event.event.get()?, event))).collect();
    if events.is_empty() && !list.as_slice().is_empty() {
        return Err(Rejection::Malformed(NO_EVENT));
    }
    // Each is a flow of its own.
    let flows = std::iter::once(correlation).chain(std::iter::repeat_with(CorrelationId::fresh));
    Ok(Received::Batch(events.into_iter().zip(flows).map(|(event, flow)| one(of, event, flow, now)).collect()))
}

fn one(
    of: &MailReceiver,
    (name, event): (&str, &RelayEvent<'_>),
    correlation: CorrelationId,
    now: Timestamp,
) -> Received {
    let named = event.message_id.get().map(|id| id.trim_matches(['<', '>']));
    let named = named.map(|id| id.split('@').next().unwrap_or(id));
    let ours = [event.custom.get(), named].into_iter().flatten().find_map(|id| Some((id, mail::our_id(id)?)));
    let (status, code) = match name {
        // The relay has it: an answer that was lost is known by this.
        "request" | "sent" => (DeliveryStatus::Sent, None),
        "delivered" => (DeliveryStatus::Delivered, None),
        "opened" | "unique_opened" | "click" => (DeliveryStatus::Read, None),
        "hard_bounce" | "invalid_email" => (DeliveryStatus::Failed, Some("smtp_bounced")),
        "blocked" | "error" => (DeliveryStatus::Failed, Some("smtp_relay_blocked")),
        // A complaint, or a link of the relay's own: the contact wants no more.
        "spam" | "unsubscribed" => {
            let address = event.email.get().and_then(|text| Address::parse(Scheme::Mailto, text, None).ok());
            let address = address.filter(|address| address.scheme() == Scheme::Mailto);
            let Some(address) = address else { return Received::Nothing };
            let id = ours.map_or_else(|| fingerprint(event, now), |(id, _)| id.to_owned());
            return Received::Message(Box::new(unsubscribe::stop(
                of,
                &format!("{name}-{id}"),
                address,
                correlation,
                now,
            )));
        }
        // Tried again, or opened by a program: no news.
        _ => return Received::Nothing,
    };
    let Some((id, (message, generation))) = ours else { return Received::Nothing };
    Received::Status(StatusUpdate {
        tenant: of.tenant.clone(),
        channel: of.channel.clone(),
        scheme: Scheme::Mailto,
        id: Some(message),
        generation: Some(generation),
        provider_message_id: ProviderMessageId::new(id),
        status,
        code: code.map(str::to_owned),
        pricing: None,
        failure: None,
        at: now,
    })
}

/// What stands for an event about a mail that is not ours: the same when it is repeated, and nobody's address.
fn fingerprint(event: &RelayEvent<'_>, now: Timestamp) -> String {
    let when = event.ts_event.get().or_else(|| event.date.get());
    let when = when.map_or_else(|| now.timestamp_micros().to_string(), str::to_owned);
    let told = format!("{}\n{}\n{when}", event.email.or_empty(), event.message_id.or_empty());
    hex(&Sha256::digest(told.as_bytes())[..16])
}
