//! What is kept of a message, or of a status callback: all of it, as JSON.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Content, Details, NewInbound};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::StatusUpdate;
use serde::{Deserialize, Serialize};

use super::files::Entry;
use super::record;

/// What a webhook brought.
#[derive(Clone, Debug)]
pub(super) enum Brought {
    /// Somebody wrote.
    Message(Box<NewInbound>),
    /// What became of a message of ours.
    Status(StatusUpdate),
}

impl Brought {
    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Message(new) => &new.tenant,
            Self::Status(update) => &update.tenant,
        }
    }
}

/// A message in the first version of the format. What comes later must be able to be left out.
#[derive(Serialize, Deserialize)]
struct Kept {
    tenant: TenantId,
    channel: ChannelId,
    provider_message_id: ProviderMessageId,
    from: Address,
    to: Address,
    body: String,
    profile_name: Option<String>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    details: Details,
    correlation: CorrelationId,
    received_at: Timestamp,
}

/// A status callback, in the second version.
#[derive(Serialize, Deserialize)]
struct KeptStatus {
    tenant: TenantId,
    channel: ChannelId,
    scheme: Scheme,
    id: Option<OutboundId>,
    provider_message_id: ProviderMessageId,
    status: DeliveryStatus,
    /// Its name in the file, from the first version on.
    #[serde(rename = "life")]
    generation: Option<u32>,
    code: Option<String>,
    at: Timestamp,
}

/// Appends a record.
///
/// # Errors
/// It cannot be put into words, which nothing that a gateway makes does.
pub(super) fn encode(brought: &Brought, into: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match brought {
        Brought::Message(new) => {
            let kept = Kept {
                tenant: new.tenant.clone(),
                channel: new.channel.clone(),
                provider_message_id: new.provider_message_id.clone(),
                from: new.from.clone(),
                to: new.to.clone(),
                body: new.content.body.clone(),
                profile_name: new.content.profile_name.clone(),
                details: new.content.details.clone(),
                correlation: new.correlation,
                received_at: new.received_at,
            };
            record::encode(&serde_json::to_vec(&kept)?, new.received_at.timestamp_millis(), into);
        }
        Brought::Status(update) => {
            let StatusUpdate { tenant, channel, scheme, id, provider_message_id, status, generation, code, at } =
                update.clone();
            let kept = KeptStatus { tenant, channel, scheme, id, provider_message_id, status, generation, code, at };
            record::encode_as(record::CALLBACKS, &serde_json::to_vec(&kept)?, at.timestamp_millis(), into);
        }
    }
    Ok(())
}

/// What a record holds; `None` when it makes no sense, though its checksum holds.
pub(super) fn decode(entry: &Entry) -> Option<Brought> {
    if let Ok(kept) = serde_json::from_slice::<Kept>(&entry.kept) {
        return Some(Brought::Message(Box::new(NewInbound {
            tenant: kept.tenant,
            channel: kept.channel,
            provider_message_id: kept.provider_message_id,
            from: kept.from,
            to: kept.to,
            content: Content { body: kept.body, profile_name: kept.profile_name, details: kept.details },
            correlation: kept.correlation,
            received_at: kept.received_at,
            spooled: true,
        })));
    }
    let kept: KeptStatus = serde_json::from_slice(&entry.kept).ok()?;
    let KeptStatus { tenant, channel, scheme, id, provider_message_id, status, generation, code, at } = kept;
    Some(Brought::Status(StatusUpdate {
        tenant,
        channel,
        scheme,
        id,
        provider_message_id,
        status,
        generation,
        code,
        at,
    }))
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::message::{Button, Location, Media, ProviderConsent};
    use palabre_actors::testing::conformance::fixture::Customer;

    use super::super::record::Piece;
    use super::*;

    #[test]
    fn a_message_comes_back_whole() {
        let mut new = Customer::of("belle", 1).writes("SM1", 7);
        new.received_at = "2026-11-21T10:00:00.123456Z".parse().unwrap();
        new.content.profile_name = Some("Zoé".to_owned());
        new.content.details = Details {
            media: vec![Media { url: "https://example.com/a".into(), content_type: "image/png".into() }],
            button: Some(Button { text: "Oui".into(), payload: "yes".into() }),
            location: Some(Location { latitude: 48.85, longitude: 2.350_000_1, label: None, address: None }),
            reply_to: Some(ProviderMessageId::new("SM0")),
            alias: Some(new.from.clone()),
            provider_consent: Some(ProviderConsent::Stop),
        };
        let mut bytes = Vec::new();
        encode(&Brought::Message(Box::new(new.clone())), &mut bytes).unwrap();
        let Piece::Record { at_ms, kept } = record::read(&bytes, 0) else { panic!("a record") };
        assert_eq!(at_ms, new.received_at.timestamp_millis());
        let back = decode(&Entry { at_ms, kept: bytes[kept].to_vec() }).unwrap();
        let Brought::Message(back) = back else { panic!("a message") };
        assert!(back.content == new.content);
        assert!(back.spooled && !new.spooled, "where it was");
        new.spooled = true;
        assert_eq!(format!("{back:?}"), format!("{new:?}"));
        assert_eq!((back.from, back.to), (new.from, new.to));
        assert!(decode(&Entry { at_ms, kept: b"{}".to_vec() }).is_none());
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
                at: "2026-11-21T10:00:00.123456Z".parse().unwrap(),
            };
            let mut bytes = Vec::new();
            encode(&Brought::Status(update.clone()), &mut bytes).unwrap();
            let Piece::Record { at_ms, kept } = record::read(&bytes, 0) else { panic!("a record") };
            let back = decode(&Entry { at_ms, kept: bytes[kept].to_vec() }).unwrap();
            assert_eq!(format!("{back:?}"), format!("{:?}", Brought::Status(update)));
        }
    }
}
