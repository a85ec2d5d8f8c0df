//! Decodes a webhook whose token was verified. Field names: Green-API's "Incoming webhooks format" and
//! `whatsapp-api-client-js`, `src/api/receiving`.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Content, Details, NewInbound, Notice};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::{AccountNews, ChannelKey, StatusUpdate};
use serde::Deserialize;

use self::content::MessageData;
use super::states;
use crate::digest::{hex, hmac_sha256};
use crate::gateway::lenient::{Object, Text};
use crate::gateway::{Received, Rejection};

mod content;

/// The longest text that is taken, three times WhatsApp's own limit.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;

const NOT_JSON: &str = "the body is not a JSON object";
const NO_TYPE: &str = "`typeWebhook` is missing";
const NO_ID: &str = "`idMessage` is not 1 to 256 visible characters, or is missing without a `timestamp`";
const NO_CHAT: &str = "`senderData` has no chat with a phone number, a private id or a group";

/// How ids begin that were made here. Green-API's own are hexadecimal digits.
const DERIVED: &str = "no-id-";

/// Whose webhook is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub tenant: &'a TenantId,
    pub channel: &'a ChannelId,
    /// The channel's own address.
    pub own: &'a Address,
    pub instance_id: &'a str,
    /// Whether messages of groups come in.
    pub groups: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow, rename = "typeWebhook")]
    kind: Text<'a>,
    #[serde(borrow, rename = "instanceData")]
    instance: Object<InstanceData<'a>>,
    #[serde(borrow, rename = "idMessage")]
    id: Text<'a>,
    #[serde(borrow, rename = "senderData")]
    sender: Object<SenderData<'a>>,
    #[serde(borrow, rename = "messageData")]
    message: Object<MessageData<'a>>,
    /// In seconds, when it happened.
    #[serde(borrow)]
    timestamp: Text<'a>,
    /// Of a status, and of a contact that blocks.
    #[serde(borrow, rename = "chatId")]
    chat: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    /// Of `stateInstanceChanged`.
    #[serde(borrow, rename = "stateInstance")]
    state: Text<'a>,
    /// Who calls.
    #[serde(borrow)]
    from: Text<'a>,
}

/// Which instance a webhook is of.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct InstanceData<'a> {
    #[serde(borrow, rename = "idInstance")]
    pub id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SenderData<'a> {
    #[serde(borrow, rename = "chatId")]
    chat: Text<'a>,
    #[serde(borrow)]
    sender: Text<'a>,
    #[serde(borrow, rename = "chatName")]
    chat_name: Text<'a>,
    #[serde(borrow, rename = "senderName")]
    sender_name: Text<'a>,
}

/// Who is at the other end of a chat, and by which second name.
struct Person {
    address: Address,
    alias: Option<Address>,
    is_group: bool,
}

/// What a webhook says. One that says nothing for us is acknowledged: Green-API would repeat it for a day, and hold up all that
/// come after it.
pub(super) fn read(
    reader: &Reader<'_>,
    body: &[u8],
    correlation: CorrelationId,
    now: Timestamp,
) -> Result<Received, Rejection> {
    let raw = body;
    let body: Body<'_> = serde_json::from_slice(raw).map_err(|_| Rejection::Malformed(NOT_JSON))?;
    let kind = body.kind.get().ok_or(Rejection::Malformed(NO_TYPE))?;
    if body.instance.get().is_none_or(|instance| instance.id.or_empty() != reader.instance_id) {
        return Err(Rejection::NotOurs);
    }
    match kind {
        "incomingMessageReceived" => reader.message((&body, raw), false, correlation, now),
        "outgoingMessageReceived" => reader.message((&body, raw), true, correlation, now),
        "outgoingMessageStatus" => reader.status(&body, now),
        "incomingCall" => Ok(reader.call(&body, correlation, now)),
        "stateInstanceChanged" => Ok(reader.account(states::of_instance(body.state.or_empty()))),
        "quotaExceeded" => Ok(reader.account(Some(states::QUOTA_EXCEEDED))),
        // What we sent ourselves, the phone's battery, its socket, who blocks whom, and what did not exist when this was written.
        _ => Ok(Received::Nothing),
    }
}

impl Reader<'_> {
    /// A message of a contact, or (`own`) what the owner typed on the phone.
    fn message(
        &self,
        (body, raw): (&Body<'_>, &[u8]),
        own: bool,
        correlation: CorrelationId,
        now: Timestamp,
    ) -> Result<Received, Rejection> {
        let id = body.id.get().map_or_else(|| derived_id(body, raw), message_id);
        let id = id.ok_or(Rejection::Malformed(NO_ID))?;
        let sender = body.sender.get().ok_or(Rejection::Malformed(NO_CHAT))?;
        // What the owner types has the owner as its sender: only the chat tells to whom.
        let names = if own { [sender.chat.or_empty(), ""] } else { [sender.chat.or_empty(), sender.sender.or_empty()] };
        if is_no_chat(names[0]) {
            return Ok(Received::Nothing);
        }
        let person = person(names).ok_or(Rejection::Malformed(NO_CHAT))?;
        if person.is_group && !self.groups {
            return Ok(Received::Nothing);
        }
        let (text, mut details) = match body.message.get() {
            Some(message) => message.content(names),
            None => (String::new(), Details { notice: Some(Notice::Unreadable), ..Details::default() }),
        };
        details.alias = person.alias;
        details.written_on_phone = own;
        // The name that the contact gave themselves: `chatName` and `senderContactName` may be the owner's private words for
        // them, and of the owner's own message `senderName` is the owner.
        let name = if person.is_group { &sender.chat_name } else { &sender.sender_name };
        let name = name.owned().filter(|_| person.is_group || !own);
        let content = Content { body: text, profile_name: name, details };
        Ok(self.received(id, person.address, content, correlation, now))
    }

    fn call(&self, body: &Body<'_>, correlation: CorrelationId, now: Timestamp) -> Received {
        let id = message_id(body.id.or_empty());
        let (Some(id), Some(person)) = (id, person([body.from.or_empty(), ""])) else { return Received::Nothing };
        // One call is told of when it begins and when it ends, under one id.
        let details = Details { notice: Some(Notice::Call), alias: person.alias, ..Details::default() };
        self.received(id, person.address, Content { details, ..Content::default() }, correlation, now)
    }

    fn received(
        &self,
        id: ProviderMessageId,
        from: Address,
        content: Content,
        correlation: CorrelationId,
        received_at: Timestamp,
    ) -> Received {
        Received::Message(Box::new(NewInbound {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            provider_message_id: id,
            id_per_chat: true,
            from,
            to: self.own.clone(),
            content,
            correlation,
            received_at,
            spooled: false,
        }))
    }

    fn status(&self, body: &Body<'_>, at: Timestamp) -> Result<Received, Rejection> {
        let provider_message_id = message_id(body.id.or_empty()).ok_or(Rejection::Malformed(NO_ID))?;
        let (status, code) = match body.status.or_empty() {
            "sent" => (DeliveryStatus::Sent, None),
            "delivered" => (DeliveryStatus::Delivered, None),
            "read" => (DeliveryStatus::Read, None),
            "failed" => (DeliveryStatus::Failed, Some("greenapi_failed")),
            "noAccount" => (DeliveryStatus::Failed, Some("greenapi_no_account")),
            "notInGroup" => (DeliveryStatus::Failed, Some("greenapi_not_in_group")),
            // The message waits at Green-API, and so should those that come after it.
            state @ ("yellowCard" | "suspended") => return Ok(self.account(states::of_instance(state))),
            _ => return Ok(Received::Nothing),
        };
        Ok(Received::Status(StatusUpdate {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            scheme: Scheme::Whatsapp,
            id: None,
            generation: None,
            provider_message_id,
            status,
            code: code.map(str::to_owned),
            failure: None,
            pricing: None,
            at,
        }))
    }

    fn account(&self, state: Option<(&'static str, Option<std::time::Duration>)>) -> Received {
        let Some((code, suspended_for)) = state else { return Received::Nothing };
        let channel_key = ChannelKey { tenant: self.tenant.clone(), channel: self.channel.clone() };
        Received::Account(AccountNews { channel_key, code: code.to_owned(), suspended_for })
    }
}

/// An id that can be kept: visible, and not too long.
pub(super) fn message_id(text: &str) -> Option<ProviderMessageId> {
    ProviderMessageId::received(text)
}

/// The id of a message that came without one: made of its type, chat, time and content, so that it is the same whenever Green-API
/// repeats it. Without a time, nobody could tell a repetition from the same words said again.
fn derived_id(body: &Body<'_>, raw: &[u8]) -> Option<ProviderMessageId> {
    let at = body.timestamp.get()?;
    let kind = body.kind.or_empty();
    let sender = body.sender.get();
    let chat = sender.map(|sender| sender.chat.or_empty()).unwrap_or_default();
    let writer = sender.map(|sender| sender.sender.or_empty()).unwrap_or_default();
    // As it came: two pictures without a caption are two messages.
    let whole = serde_json::from_slice::<serde_json::Value>(raw).ok();
    let content = whole.and_then(|whole| whole.get("messageData").map(ToString::to_string));
    let content = content.as_deref().map_or(raw, str::as_bytes);
    let named = format!("{kind}\0{chat}\0{writer}\0{at}\0");
    let digest = hex(&hmac_sha256(b"a message of Green-API without an id", &[named.as_bytes(), content]));
    message_id(&format!("{DERIVED}{digest}"))
}

/// WhatsApp's status updates, channels and assistants come in like chats, and no customer writes there.
fn is_no_chat(chat: &str) -> bool {
    ["@newsletter", "@broadcast", "@bot"].iter().any(|kind| chat.ends_with(kind))
}

/// Of the names of a chat: the phone number where one has it, and the private id beside it; else the private id. A kind of name that
/// WhatsApp invents later is kept as it is: what is refused here holds up for a day all that comes after it.
fn person(names: [&str; 2]) -> Option<Person> {
    if let Some(group) = names.iter().find(|name| name.ends_with("@g.us")) {
        return Some(Person { address: whatsapp(group)?, alias: None, is_group: true });
    }
    let phone = names.iter().find_map(|name| {
        let digits = ["@c.us", "@s.whatsapp.net", "@hosted"].iter().find_map(|kind| name.strip_suffix(kind))?;
        whatsapp(&format!("+{digits}"))
    });
    let private = names.iter().find(|name| name.ends_with("@lid")).and_then(|name| whatsapp(name));
    match (phone, private) {
        (Some(address), alias) => Some(Person { address, alias, is_group: false }),
        (None, Some(address)) => Some(Person { address, alias: None, is_group: false }),
        (None, None) => {
            let named = names.iter().find(|name| name.contains('@'))?;
            let address = Address::unusual(Scheme::Whatsapp, named)?;
            Some(Person { address, alias: None, is_group: false })
        }
    }
}

fn whatsapp(path: &str) -> Option<Address> {
    Address::parse(Scheme::Whatsapp, path, None).ok().filter(|address| address.scheme() == Scheme::Whatsapp)
}
