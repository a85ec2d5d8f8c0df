//! Decodes what is posted to a sandbox: messages of customers, and statuses of sent messages.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Button, Content, Details, Location, Media, NewInbound};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::StatusUpdate;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::gateway::channel_event::{ChannelEvent, ChannelEventKind};
use crate::gateway::lenient::without_nul;
use crate::gateway::{Rejection, WebhookRequest};

/// The longest text that is taken, as of any provider.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The longest id that is taken.
const MAX_ID_BYTES: usize = 128;

/// The most attachments of one message.
const MAX_MEDIA: usize = 32;

/// A customer's message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostedMessage {
    /// What the sandbox shall call it; the same again is a duplicate. Left out: a fresh one.
    id: Option<String>,
    /// `sandbox:anna`, or `anna`
    from: String,
    name: Option<String>,
    #[serde(default)]
    text: String,
    button: Option<Button>,
    #[serde(default)]
    media: Vec<Media>,
    location: Option<Location>,
    reply_to: Option<String>,
    /// They are still writing: nothing else of it counts.
    #[serde(default)]
    typing: bool,
}

/// News of a message that was sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostedStatus {
    /// What the sandbox calls it.
    pub id: String,
    /// `sent`, `delivered`, `read` or `failed`
    status: DeliveryStatus,
}

/// The body of a request that may be believed.
pub(super) fn read<T: DeserializeOwned>(request: &WebhookRequest<'_>) -> Result<T, Rejection> {
    if !request.is_local {
        return Err(Rejection::BadSignature);
    }
    if !request.is("application/json") {
        return Err(Rejection::MediaType("send application/json"));
    }
    serde_json::from_slice(request.body)
        .map_err(|_| Rejection::Malformed("docs/providers/sandbox.md says what to post"))
}

impl PostedMessage {
    /// What it says when they are still writing.
    pub(super) fn typing(
        &self,
        (tenant, channel): (&TenantId, &ChannelId),
        correlation: CorrelationId,
        received_at: Timestamp,
    ) -> Result<Option<ChannelEvent>, Rejection> {
        if !self.typing {
            return Ok(None);
        }
        let id = ProviderMessageId::new(&format!("{}{}", super::ID_PREFIX, uuid::Uuid::now_v7().simple()));
        let kind = ChannelEventKind::Typing { from: self.sender()? };
        Ok(Some(ChannelEvent { tenant: tenant.clone(), channel: channel.clone(), id, correlation, received_at, kind }))
    }

    fn sender(&self) -> Result<Address, Rejection> {
        let from = Address::parse(Scheme::Sandbox, &self.from, None).ok();
        let from = from.filter(|from| from.scheme() == Scheme::Sandbox);
        from.ok_or(Rejection::Malformed("`from` is not a sandbox's address such as `sandbox:anna`"))
    }

    pub(super) fn decoded(
        self,
        (tenant, channel, own): (&TenantId, &ChannelId, &Address),
        correlation: CorrelationId,
        received_at: Timestamp,
    ) -> Result<NewInbound, Rejection> {
        let from = self.sender()?;
        if self.text.len() > MAX_TEXT_BYTES {
            return Err(Rejection::Malformed("`text` is longer than 65536 bytes"));
        }
        if self.media.len() > MAX_MEDIA {
            return Err(Rejection::Malformed("`media` has more than 32 attachments"));
        }
        let id = self.id.unwrap_or_else(|| format!("{}{}", super::ID_PREFIX, uuid::Uuid::now_v7().simple()));
        let details = Details {
            media: self.media,
            button: self.button,
            location: self.location,
            reply_to: self.reply_to.as_deref().map(id_of).transpose()?,
            ..Details::default()
        };
        Ok(NewInbound {
            tenant: tenant.clone(),
            channel: channel.clone(),
            provider_message_id: id_of(&id)?,
            id_per_chat: false,
            from,
            to: own.clone(),
            content: Content {
                body: without_nul(&self.text),
                profile_name: self.name.as_deref().map(without_nul),
                details,
            },
            correlation,
            received_at,
            spooled: false,
        })
    }
}

impl PostedStatus {
    pub(super) fn decoded(
        self,
        (tenant, channel): (&TenantId, &ChannelId),
        ours: Option<(OutboundId, u32)>,
        at: Timestamp,
    ) -> Result<StatusUpdate, Rejection> {
        Ok(StatusUpdate {
            tenant: tenant.clone(),
            channel: channel.clone(),
            scheme: Scheme::Sandbox,
            id: ours.map(|(id, _)| id),
            generation: ours.map(|(_, generation)| generation),
            provider_message_id: id_of(&self.id)?,
            status: self.status,
            code: None,
            failure: None,
            pricing: None,
            at,
        })
    }
}

fn id_of(text: &str) -> Result<ProviderMessageId, Rejection> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = visible && !text.is_empty() && text.len() <= MAX_ID_BYTES;
    if fits {
        Ok(ProviderMessageId::new(text))
    } else {
        Err(Rejection::Malformed("an id is 1 to 128 visible characters"))
    }
}
