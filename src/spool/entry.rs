//! Spool entry: a message or a status callback as JSON.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Content, Details, NewInbound};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::StatusUpdate;
use serde::{Deserialize, Serialize};

use super::codec;
use super::files::RawEntry;

/// What a webhook brought.
#[derive(Clone, Debug)]
pub(super) enum SpoolEntry {
    Message(Box<NewInbound>),
    /// A status callback.
    Status(StatusUpdate),
}

impl SpoolEntry {
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Message(new) => &new.tenant,
            Self::Status(update) => &update.tenant,
        }
    }
}

/// A message in version 1 of the format. Fields that come later must be optional.
#[derive(Serialize, Deserialize)]
struct StoredMessage {
    tenant: TenantId,
    channel: ChannelId,
    provider_message_id: ProviderMessageId,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    id_per_chat: bool,
    from: Address,
    to: Address,
    body: String,
    profile_name: Option<String>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    details: Details,
    correlation: CorrelationId,
    received_at: Timestamp,
}

/// A status callback, from version 2 on.
#[derive(Serialize, Deserialize)]
struct StoredStatus {
    tenant: TenantId,
    channel: ChannelId,
    scheme: Scheme,
    id: Option<OutboundId>,
    provider_message_id: ProviderMessageId,
    status: DeliveryStatus,
    /// The name in the file is older than the name here.
    #[serde(rename = "life")]
    generation: Option<u32>,
    code: Option<String>,
    #[serde(default)]
    pricing: Option<String>,
    at: Timestamp,
}

/// Appends a record.
///
/// # Errors
/// It cannot be serialised, which no gateway's message is.
pub(super) fn encode(entry: &SpoolEntry, into: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match entry {
        SpoolEntry::Message(new) => {
            let stored = StoredMessage {
                tenant: new.tenant.clone(),
                channel: new.channel.clone(),
                provider_message_id: new.provider_message_id.clone(),
                id_per_chat: new.id_per_chat,
                from: new.from.clone(),
                to: new.to.clone(),
                body: new.content.body.clone(),
                profile_name: new.content.profile_name.clone(),
                details: new.content.details.clone(),
                correlation: new.correlation,
                received_at: new.received_at,
            };
            codec::encode(&serde_json::to_vec(&stored)?, new.received_at.timestamp_millis(), into);
        }
        SpoolEntry::Status(update) => {
            let StatusUpdate {
                tenant,
                channel,
                scheme,
                id,
                provider_message_id,
                status,
                generation,
                code,
                failure: _,
                pricing,
                at,
            } = update.clone();
            let stored = StoredStatus {
                tenant,
                channel,
                scheme,
                id,
                provider_message_id,
                status,
                generation,
                code,
                pricing,
                at,
            };
            codec::encode_as(codec::CALLBACKS, &serde_json::to_vec(&stored)?, at.timestamp_millis(), into);
        }
    }
    Ok(())
}

/// Reads a record; `None` when it is no entry although its checksum is right.
pub(super) fn decode(entry: &RawEntry) -> Option<SpoolEntry> {
    if let Ok(stored) = serde_json::from_slice::<StoredMessage>(&entry.payload) {
        return Some(SpoolEntry::Message(Box::new(NewInbound {
            tenant: stored.tenant,
            channel: stored.channel,
            provider_message_id: stored.provider_message_id,
            id_per_chat: stored.id_per_chat,
            from: stored.from,
            to: stored.to,
            content: Content { body: stored.body, profile_name: stored.profile_name, details: stored.details },
            correlation: stored.correlation,
            received_at: stored.received_at,
            spooled: true,
        })));
    }
    let stored: StoredStatus = serde_json::from_slice(&entry.payload).ok()?;
    let StoredStatus { tenant, channel, scheme, id, provider_message_id, status, generation, code, pricing, at } =
        stored;
    Some(SpoolEntry::Status(StatusUpdate {
        tenant,
        channel,
        scheme,
        id,
        provider_message_id,
        status,
        generation,
        code,
        failure: None,
        pricing,
        at,
    }))
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::message::{Button, ContactCard, ListChoice, Location, Media, Notice, ProviderConsent};
    use palabre_actors::testing::conformance::fixture::Customer;

    use super::super::codec::Decoded;
    use super::*;

    #[test]
    fn a_message_comes_back_whole() {
        let mut new = Customer::of("belle", 1).writes("SM1", 7);
        new.received_at = "2026-11-21T10:00:00.123456Z".parse().unwrap();
        new.id_per_chat = true;
        new.content.profile_name = Some("Zoé".to_owned());
        new.content.details = Details {
            media: vec![Media {
                url: "https://example.com/a".into(),
                content_type: "image/png".into(),
                ..Media::default()
            }],
            button: Some(Button { text: "Oui".into(), payload: "yes".into() }),
            location: Some(Location { latitude: 48.85, longitude: 2.350_000_1, label: None, address: None }),
            reply_to: Some(ProviderMessageId::new("SM0")),
            alias: Some(new.from.clone()),
            list_choice: Some(ListChoice { id: "3".into(), title: "Manucure".into() }),
            form: Some("{\"date\":\"2026-12-01\"}".into()),
            other: [("Forwarded".to_owned(), "true".to_owned())].into(),
            provider_consent: Some(ProviderConsent::Stop),
            start: Some("abc".into()),
            acknowledge: Some(palabre_actors::domain::action::Action {
                kind: "answer".into(),
                arguments: serde_json::json!({ "query": "1" }),
            }),
            cards: vec![ContactCard { name: "Awa".into(), phones: vec!["+224620000001".into()] }],
            notice: Some(Notice::Edit { of: ProviderMessageId::new("SM0") }),
            written_on_phone: true,
        };
        let mut bytes = Vec::new();
        encode(&SpoolEntry::Message(Box::new(new.clone())), &mut bytes).unwrap();
        let Decoded::Record { at_ms, payload } = codec::read(&bytes, 0) else { panic!("a record") };
        assert_eq!(at_ms, new.received_at.timestamp_millis());
        let back = decode(&RawEntry { at_ms, payload: bytes[payload].to_vec() }).unwrap();
        let SpoolEntry::Message(back) = back else { panic!("a message") };
        assert!(back.content == new.content);
        assert!(back.spooled && !new.spooled, "where it was");
        new.spooled = true;
        assert_eq!(format!("{back:?}"), format!("{new:?}"));
        assert_eq!((back.from, back.to), (new.from, new.to));
        assert!(decode(&RawEntry { at_ms, payload: b"{}".to_vec() }).is_none());
    }

    #[test]
    fn a_status_callback_comes_back_whole() {
        for (code, generation) in [(None, None), (Some("63016".to_owned()), Some(2))] {
            let update = StatusUpdate {
                tenant: TenantId::new("belle"),
                channel: ChannelId::new("belle-wa"),
                scheme: Scheme::Whatsapp,
                id: Some(OutboundId::fresh()),
                provider_message_id: ProviderMessageId::new("SM1"),
                status: DeliveryStatus::Failed,
                generation,
                code,
                failure: None,
                pricing: Some("utility".to_owned()),
                at: "2026-11-21T10:00:00.123456Z".parse().unwrap(),
            };
            let mut bytes = Vec::new();
            encode(&SpoolEntry::Status(update.clone()), &mut bytes).unwrap();
            let Decoded::Record { at_ms, payload } = codec::read(&bytes, 0) else { panic!("a record") };
            let back = decode(&RawEntry { at_ms, payload: bytes[payload].to_vec() }).unwrap();
            assert_eq!(format!("{back:?}"), format!("{:?}", SpoolEntry::Status(update)));
        }
    }
}
