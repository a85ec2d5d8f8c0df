//! Decodes a webhook whose signature was verified. Field names: Meta's "messages webhook reference" and its neighbours
//! `smb_message_echoes`, `user_preferences`, "Business-scoped user IDs".

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::{ChannelId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Content, Details, NewInbound, Notice};
use palabre_actors::domain::status::DeliveryStatus;
use palabre_actors::ports::{AccountNews, ChannelKey, StatusUpdate};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::content::MessageData;
use super::{NAME, codes};
use crate::gateway::lenient::{List, Object, Text};
use crate::gateway::{Received, Rejection};

mod content;

/// The longest text that is taken; Meta's own limit is 4,096 characters.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The most numbers of others that one webhook may name: an app has a few dozen.
const MOST_OTHERS: usize = 64;

const NOT_JSON: &str = "the body is not a JSON object";
const NO_ENTRY: &str = "`entry` is missing or empty";

/// Whose webhook is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub tenant: &'a TenantId,
    pub channel: &'a ChannelId,
    /// The channel's own address.
    pub own: &'a Address,
    pub phone_number_id: &'a str,
    pub business_account_id: &'a str,
    /// Where files are, by their id.
    pub api_base_url: &'a str,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    entry: List<Object<Entry<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry<'a> {
    /// The WhatsApp Business account.
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    changes: List<Object<Change<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Change<'a> {
    #[serde(borrow)]
    field: Text<'a>,
    #[serde(borrow)]
    value: Object<Value<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Value<'a> {
    #[serde(borrow)]
    metadata: Object<Metadata<'a>>,
    #[serde(borrow)]
    contacts: List<Object<ContactInfo<'a>>>,
    #[serde(borrow)]
    messages: List<Object<MessageData<'a>>>,
    #[serde(borrow)]
    message_echoes: List<Object<MessageData<'a>>>,
    #[serde(borrow)]
    statuses: List<Object<Status<'a>>>,
    #[serde(borrow)]
    user_preferences: List<Object<Preference<'a>>>,
    /// Of `account_update`.
    #[serde(borrow)]
    event: Text<'a>,
}

/// Which of our numbers.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub phone_number_id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContactInfo<'a> {
    #[serde(borrow)]
    wa_id: Text<'a>,
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    profile: Object<Profile<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Profile<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    biz_opaque_callback_data: Text<'a>,
    #[serde(borrow)]
    pricing: Object<Pricing<'a>>,
    #[serde(borrow)]
    errors: List<Object<StatusError<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pricing<'a> {
    #[serde(borrow)]
    category: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusError<'a> {
    #[serde(borrow)]
    code: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Preference<'a> {
    #[serde(borrow)]
    wa_id: Text<'a>,
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    category: Text<'a>,
    #[serde(borrow)]
    value: Text<'a>,
    #[serde(borrow)]
    timestamp: Text<'a>,
}

/// A person, and by which second name.
pub(super) struct Person {
    address: Address,
    alias: Option<Address>,
}

/// What a webhook says to this channel, and which other numbers it names.
///
/// A part that cannot be read is left out rather than refused: Meta would repeat the whole for days.
pub(super) fn read(
    reader: &Reader<'_>,
    body: &[u8],
    correlation: CorrelationId,
    now: Timestamp,
) -> Result<Received, Rejection> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Rejection::Malformed(NOT_JSON))?;
    if body.entry.as_slice().is_empty() {
        return Err(Rejection::Malformed(NO_ENTRY));
    }
    let mut reading = Reading { reader, correlation: Some(correlation), now, parts: Vec::new() };
    let mut others: Vec<String> = Vec::new();
    for entry in body.entry.as_slice().iter().filter_map(Object::get) {
        for change in entry.changes.as_slice().iter().filter_map(Object::get) {
            let Some(value) = change.value.get() else { continue };
            let number = value.metadata.get().and_then(|metadata| metadata.phone_number_id.get());
            match number {
                Some(number) if number == reader.phone_number_id => reading.change(change.field.or_empty(), value),
                Some(number) if others.len() < MOST_OTHERS && !others.iter().any(|known| known == number) => {
                    others.push(number.to_owned());
                }
                Some(_) => {}
                None if entry.id.or_empty() == reader.business_account_id => reading.account(change, value),
                None => {}
            }
        }
    }
    let own = match reading.parts.len() {
        0 => Received::Nothing,
        1 => reading.parts.pop().unwrap_or(Received::Nothing),
        _ => Received::Batch(reading.parts),
    };
    if others.is_empty() {
        return Ok(own);
    }
    Ok(Received::Shared { own: Box::new(own), provider: NAME, others })
}

struct Reading<'a> {
    reader: &'a Reader<'a>,
    /// Of the request, for the first message. Each further one is a flow of its own.
    correlation: Option<CorrelationId>,
    now: Timestamp,
    parts: Vec<Received>,
}

impl Reading<'_> {
    fn change(&mut self, field: &str, value: &Value<'_>) {
        match field {
            "messages" => {
                for message in value.messages.as_slice().iter().filter_map(Object::get) {
                    self.message(message, value.contacts.as_slice());
                }
                for status in value.statuses.as_slice().iter().filter_map(Object::get) {
                    self.status(status);
                }
            }
            "smb_message_echoes" => {
                for echo in value.message_echoes.as_slice().iter().filter_map(Object::get) {
                    self.echo(echo);
                }
            }
            "user_preferences" => {
                for preference in value.user_preferences.as_slice().iter().filter_map(Object::get) {
                    self.preference(preference);
                }
            }
            // Quality, names, templates, history: nothing that a conversation is about.
            _ => {}
        }
    }

    /// A change of the whole account.
    fn account(&mut self, change: &Change<'_>, value: &Value<'_>) {
        if change.field.or_empty() == "account_update" && value.event.or_empty() == "DISABLED_UPDATE" {
            let channel_key = ChannelKey { tenant: self.reader.tenant.clone(), channel: self.reader.channel.clone() };
            let (code, suspended_for) = (codes::BLOCKED.to_owned(), Some(codes::UNTIL_SOMEBODY_ACTS));
            self.parts.push(Received::Account(AccountNews { channel_key, code, suspended_for }));
        }
    }

    fn message(&mut self, message: &MessageData<'_>, contacts: &[Object<ContactInfo<'_>>]) {
        // A group is no customer.
        let (Some(id), None) = (message_id(message.id.or_empty()), message.group_id.get()) else { return };
        let changed = message.changed_address();
        // A single contact is whoever wrote, even where Meta spells their number in another way, or names them there alone.
        let alone = contacts.first().filter(|_| contacts.len() == 1).and_then(Object::get);
        let person = match &changed {
            Some((before, after)) => before.clone().map(|address| Person { address, alias: after.clone() }),
            None => person(message.from.or_empty(), message.from_user_id.or_empty())
                .or_else(|| alone.and_then(|info| person(info.wa_id.or_empty(), info.user_id.or_empty()))),
        };
        let Some(person) = person else { return };
        let (body, mut details) = message.content(self.reader.api_base_url);
        let shared = message.own_number().filter(|number| number.identity() != person.address.identity());
        details.alias = shared.or(person.alias).filter(|alias| *alias != person.address);
        let names = [message.from.or_empty(), message.from_user_id.or_empty()];
        let is_theirs = |info: &&ContactInfo<'_>| {
            [info.wa_id.or_empty(), info.user_id.or_empty()].iter().any(|id| !id.is_empty() && names.contains(id))
        };
        let info = contacts.iter().filter_map(Object::get).find(is_theirs).or(alone);
        let profile_name = info.and_then(|info| info.profile.get()).and_then(|profile| profile.name.owned());
        self.push(id, person.address, Content { body, profile_name, details });
    }

    /// What a person of the business wrote in the app on the phone.
    fn echo(&mut self, echo: &MessageData<'_>) {
        let id = message_id(echo.id.or_empty());
        let (Some(id), Some(person)) = (id, person(echo.to.or_empty(), echo.to_user_id.or_empty())) else { return };
        let (body, mut details) = echo.content(self.reader.api_base_url);
        details.alias = person.alias;
        details.written_on_phone = true;
        self.push(id, person.address, Content { body, profile_name: None, details });
    }

    /// It has no id of its own: who, what and when make one, which shows none of it.
    fn preference(&mut self, preference: &Preference<'_>) {
        let wanted = match (preference.category.or_empty(), preference.value.or_empty()) {
            ("marketing_messages", "stop") => false,
            ("marketing_messages", "resume") => true,
            _ => return,
        };
        let Some(person) = person(preference.wa_id.or_empty(), preference.user_id.or_empty()) else { return };
        let said = format!("{}\n{wanted}\n{}", person.address.as_str(), preference.timestamp.or_empty());
        let digest = Sha256::digest(said.as_bytes());
        let id = digest.iter().take(16).fold("preference.".to_owned(), |id, byte| id + &format!("{byte:02x}"));
        let notice = Some(Notice::Marketing { wanted });
        let details = Details { notice, alias: person.alias, ..Details::default() };
        self.push(ProviderMessageId::new(&id), person.address, Content { details, ..Content::default() });
    }

    fn push(&mut self, provider_message_id: ProviderMessageId, from: Address, content: Content) {
        self.parts.push(Received::Message(Box::new(NewInbound {
            tenant: self.reader.tenant.clone(),
            channel: self.reader.channel.clone(),
            provider_message_id,
            id_per_chat: false,
            from,
            to: self.reader.own.clone(),
            content,
            correlation: self.correlation.take().unwrap_or_else(CorrelationId::fresh),
            received_at: self.now,
            spooled: false,
        })));
    }

    fn status(&mut self, status: &Status<'_>) {
        let Some(provider_message_id) = message_id(status.id.or_empty()) else { return };
        let delivery = match status.status.or_empty() {
            "sent" | "accepted" => DeliveryStatus::Sent,
            "delivered" => DeliveryStatus::Delivered,
            "read" | "played" => DeliveryStatus::Read,
            "failed" => DeliveryStatus::Failed,
            _ => return,
        };
        let (id, generation) = ours(status.biz_opaque_callback_data.or_empty());
        let error = status.errors.as_slice().iter().find_map(Object::get);
        let category = status.pricing.get().and_then(|pricing| pricing.category.get());
        let is_word = |text: &&str| text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        self.parts.push(Received::Status(StatusUpdate {
            tenant: self.reader.tenant.clone(),
            channel: self.reader.channel.clone(),
            scheme: Scheme::Whatsapp,
            id,
            generation,
            provider_message_id,
            status: delivery,
            code: error.and_then(|error| codes::of_number(error.code.or_empty())),
            failure: None,
            pricing: category.filter(is_word).map(str::to_owned),
            at: self.now,
        }));
    }
}

/// Our id of a message and its generation, as [`super::send`] wrote them.
fn ours(data: &str) -> (Option<OutboundId>, Option<u32>) {
    let (id, generation) = data.split_once('.').unwrap_or((data, "0"));
    match id.parse() {
        Ok(id) => (Some(id), generation.parse().ok()),
        Err(_) => (None, None),
    }
}

/// An id that can be kept: visible, and not too long.
pub(super) fn message_id(text: &str) -> Option<ProviderMessageId> {
    ProviderMessageId::received(text)
}

/// The number where there is one, and the business-scoped id beside it; else the id alone.
pub(super) fn person(number: &str, user_id: &str) -> Option<Person> {
    match (phone(number), scoped(user_id)) {
        (Some(address), alias) => Some(Person { address, alias }),
        (None, Some(address)) => Some(Person { address, alias: None }),
        (None, None) => None,
    }
}

/// Digits without a `+`.
pub(super) fn phone(digits: &str) -> Option<Address> {
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Address::parse(Scheme::Whatsapp, &format!("+{digits}"), None).ok())?
}

/// `FR.13491208655302741918`
pub(super) fn scoped(id: &str) -> Option<Address> {
    let address = Address::parse(Scheme::Whatsapp, id, None).ok()?;
    (id.contains('.') && !address.is_phone() && address.scheme() == Scheme::Whatsapp).then_some(address)
}
