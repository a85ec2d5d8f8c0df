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
use subtle::ConstantTimeEq as _;

use super::{MailReceiver, PROOF, mail, unsubscribe};
use crate::digest::one_fits;
use crate::gateway::{Received, Rejection, WebhookRequest};

/// An event, as far as it is read.
#[derive(Deserialize)]
struct RelayEvent {
    event: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default, rename = "message-id", alias = "messageId")]
    message_id: Option<String>,
    #[serde(default, rename = "X-Mailin-custom", alias = "x-mailin-custom")]
    custom: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RelayEvents {
    One(RelayEvent),
    Many(Vec<RelayEvent>),
}

/// Believes a relay that has the channel's token, or the one before it: as a bearer token, or as the password of basic authentication.
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
    let events = serde_json::from_slice(request.body)
        .map_err(|_| Rejection::Malformed("the body is not an event of a relay: a JSON object with `event`"))?;
    Ok(match events {
        RelayEvents::One(event) => one(of, &event, correlation, now),
        RelayEvents::Many(events) => {
            Received::Batch(events.iter().map(|event| one(of, event, correlation, now)).collect())
        }
    })
}

fn one(of: &MailReceiver, event: &RelayEvent, correlation: CorrelationId, now: Timestamp) -> Received {
    let named = event.message_id.as_deref().map(|id| id.trim_matches(['<', '>']));
    let named = named.map(|id| id.split('@').next().unwrap_or(id));
    let ours = [event.custom.as_deref(), named].into_iter().flatten().find_map(|id| Some((id, mail::our_id(id)?)));
    let (status, code) = match event.event.as_str() {
        "delivered" => (DeliveryStatus::Delivered, None),
        "opened" | "unique_opened" | "click" => (DeliveryStatus::Read, None),
        "hard_bounce" | "invalid_email" => (DeliveryStatus::Failed, Some("smtp_bounced")),
        "blocked" | "error" => (DeliveryStatus::Failed, Some("smtp_relay_blocked")),
        // A complaint, or a link of the relay's own: the contact wants no more.
        "spam" | "unsubscribed" => {
            let address = event.email.as_deref().and_then(|text| Address::parse(Scheme::Mailto, text, None).ok());
            let address = address.filter(|address| address.scheme() == Scheme::Mailto);
            let Some(address) = address else { return Received::Nothing };
            let id = match ours {
                Some((id, _)) => format!("{}-{id}", event.event),
                None => format!("{}-{}", event.event, now.timestamp_micros()),
            };
            return Received::Message(Box::new(unsubscribe::stop(of, &id, address, correlation, now)));
        }
        // On its way, or tried again: no news.
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
