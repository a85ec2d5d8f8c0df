//! Decodes an update whose origin was verified.
//!
//! Messages of private chats are numbered per bot, those of supergroups and channels per chat. So the id of a message is
//! `TG` and its number, and in a supergroup also a digest of the chat. What comes in is known by the update's number too
//! (`TG2746u700000001`): Telegram repeats an update under the same number, and an edit is another update of the same message.

mod content;

use std::fmt::Write as _;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::is_plan_link;
use palabre_actors::domain::ids::{ChannelId, CorrelationId, ProviderMessageId, TenantId};
use palabre_actors::domain::message::{Button, Content, Details, NewInbound, Notice, ProviderConsent};
use palabre_actors::domain::person_link::is_person_link;
use serde_json::json;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use self::content::{bounded, details, kept};
use super::update::{ANSWER_CALLBACK, CallbackQuery, Chat, MemberUpdate, Message, Quoted, Update, User, is_service};
use super::{ID_PREFIX, TelegramBot};
use crate::config::Channel;
use crate::gateway::channel_event::{
    ChannelEvent, ChannelEventKind, Membership, OwnRights, Payment, Price, SubscriptionChange,
};
use crate::gateway::{Received, Rejection};

/// The longest text that is taken. Telegram's own limit is 4,096 characters.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The longest data of a button, or payload of an invoice, that is taken; Telegram's limits are 64 and 128 bytes.
const MAX_DATA_BYTES: usize = 4_096;

/// What is wrong with a webhook that cannot be read; none of it repeats what came.
const NOT_AN_UPDATE: &str = "the body is not an update: a JSON object with `update_id`";
const TEXT_TOO_LONG: &str = "the text is longer than 65536 bytes, the longest that is taken";

/// Where the file of an attachment is: not a URL, because a URL would have the bot's token in it.
pub(super) const FILE_SCHEME: &str = "telegram-file:";

/// Ids of supergroups and channels are below this; those of basic groups, whose messages are numbered per bot, above.
const FIRST_SUPERGROUP: i64 = -1_000_000_000_000;

/// Whose updates are being read.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    tenant: TenantId,
    channel: ChannelId,
    /// The bot.
    own: Address,
    groups: Vec<Address>,
}

/// What every part of one update has in common.
#[derive(Clone, Copy)]
struct Arrival {
    update_id: i64,
    correlation: CorrelationId,
    at: Timestamp,
}

impl Reader {
    pub fn new(channel: &Channel, bot: &TelegramBot) -> Self {
        Self {
            tenant: channel.tenant.clone(),
            channel: channel.id.clone(),
            own: channel.address.clone(),
            groups: bot.groups.clone(),
        }
    }

    /// The update of one webhook.
    pub fn webhook(&self, body: &[u8], correlation: CorrelationId, at: Timestamp) -> Result<Received, Rejection> {
        let update: Update<'_> = serde_json::from_slice(body).map_err(|_| Rejection::Malformed(NOT_AN_UPDATE))?;
        self.update(&update, correlation, at)
    }

    pub fn update(
        &self,
        update: &Update<'_>,
        correlation: CorrelationId,
        at: Timestamp,
    ) -> Result<Received, Rejection> {
        let arrival = Arrival { update_id: update.update_id, correlation, at };
        if let Some(raw) = update.message {
            return self.message(raw, arrival);
        }
        if let Some(raw) = update.edited_message {
            return Ok(self.edited(raw, arrival));
        }
        if let Some(query) = &update.callback_query {
            return Ok(self.pressed(query, arrival));
        }
        if let Some(member) = &update.my_chat_member {
            return Ok(self.own_membership(member, arrival));
        }
        let kind = if let Some(member) = &update.chat_member {
            ChannelEventKind::MemberChanged {
                chat: address(member.chat.id),
                who: address(member.new_chat_member.user.id),
                before: member.old_chat_member.membership(),
                after: member.new_chat_member.membership(),
                invite_link: member.invite_link.as_ref().map(|link| bounded(&link.invite_link)),
            }
        } else if let Some(request) = &update.chat_join_request {
            ChannelEventKind::JoinRequested {
                chat: address(request.chat.id),
                from: address(request.from.id),
                invite_link: request.invite_link.as_ref().map(|link| bounded(&link.invite_link)),
                query: request.query_id.as_deref().map(bounded),
            }
        } else if let Some(query) = &update.pre_checkout_query {
            ChannelEventKind::Checkout {
                query: bounded(&query.id),
                from: address(query.from.id),
                price: Price { currency: bounded(&query.currency), amount: query.total_amount },
                payload: bounded(&query.invoice_payload),
            }
        } else if let Some(changed) = &update.subscription {
            let change = match changed.state.as_str() {
                "canceled" => SubscriptionChange::Cancelled,
                "active" => SubscriptionChange::Resumed,
                "failed" => SubscriptionChange::RenewalFailed,
                _ => return Ok(Received::Nothing),
            };
            let (from, payload) = (address(changed.user.id), bounded(&changed.invoice_payload));
            ChannelEventKind::SubscriptionChanged { from, payload, change }
        } else {
            return Ok(Received::Nothing);
        };
        Ok(self.event(kind, arrival))
    }

    fn message(&self, raw: &RawValue, arrival: Arrival) -> Result<Received, Rejection> {
        // What is no message as we know them is not worth a repetition.
        let Ok(message) = serde_json::from_str::<Message>(raw.get()) else { return Ok(Received::Nothing) };
        if let Some(event) = self.event_of(&message, arrival) {
            return Ok(event);
        }
        if !self.listens_to(&message.chat) || message.from.as_ref().is_some_and(|from| from.is_bot) {
            return Ok(Received::Nothing);
        }
        let body = message.text.as_deref().or(message.caption.as_deref()).unwrap_or_default();
        if body.len() > MAX_TEXT_BYTES {
            return Err(Rejection::Malformed(TEXT_TOO_LONG));
        }
        let message_chat = message.chat.id;
        let mut details = details(&message);
        let mut body = kept(body);
        if body.is_empty() {
            body = content::told(&message);
        }
        if body.is_empty() && details == (Details { reply_to: details.reply_to.clone(), ..Details::default() }) {
            if is_service(raw) {
                return Ok(Received::Nothing);
            }
            // A story, or what did not exist when this was written.
            details.notice = Some(Notice::Unreadable);
        }
        if let Some(rest) = body.strip_prefix("/start").filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
            details.start = Some(rest.trim().to_owned());
        }
        let link = details.start.clone().filter(|start| is_plan_link(start) || is_person_link(start));
        let new = self.inbound(&message.chat, message.message_id, message.from.as_ref(), (body, details), arrival);
        let message = Received::Message(Box::new(new));
        Ok(match link {
            Some(payload) => {
                let from = address(message_chat);
                Received::Batch(vec![
                    message,
                    self.event(ChannelEventKind::Started { from, payload: bounded(&payload) }, arrival),
                ])
            }
            None => message,
        })
    }

    /// A message of theirs has another text now. An edit without one is a live place that moves, every few seconds.
    fn edited(&self, raw: &RawValue, arrival: Arrival) -> Received {
        let Ok(message) = serde_json::from_str::<Message>(raw.get()) else { return Received::Nothing };
        let text = message.text.as_deref().or(message.caption.as_deref()).unwrap_or_default();
        let is_from_bot = message.from.as_ref().is_some_and(|from| from.is_bot);
        if text.is_empty() || text.len() > MAX_TEXT_BYTES || is_from_bot || !self.listens_to(&message.chat) {
            return Received::Nothing;
        }
        let of = message_id(message.chat.id, message.message_id);
        let said = (kept(text), Details { notice: Some(Notice::Edit { of }), ..Details::default() });
        let new = self.inbound(&message.chat, message.message_id, message.from.as_ref(), said, arrival);
        Received::Message(Box::new(new))
    }

    /// A message of Telegram's own that is an event.
    fn event_of(&self, message: &Message, arrival: Arrival) -> Option<Received> {
        let from = message.from.as_ref().map_or(message.chat.id, |from| from.id);
        let kind = if let Some(paid) = &message.successful_payment {
            ChannelEventKind::Paid(Payment {
                from: address(from),
                price: Price { currency: bounded(&paid.currency), amount: paid.total_amount },
                payload: bounded(&paid.invoice_payload),
                charge: bounded(&paid.telegram_payment_charge_id),
                paid_until: paid.subscription_expiration_date.and_then(|at| Timestamp::from_timestamp(at, 0)),
                is_recurring: paid.is_recurring,
                is_first_recurring: paid.is_first_recurring,
            })
        } else if let Some(refunded) = &message.refunded_payment {
            ChannelEventKind::Refunded {
                from: address(from),
                price: Price { currency: bounded(&refunded.currency), amount: refunded.total_amount },
                payload: bounded(&refunded.invoice_payload),
                charge: bounded(&refunded.telegram_payment_charge_id),
            }
        } else if let Some(to) = message.migrate_to_chat_id {
            ChannelEventKind::ChatMigrated { from: address(message.chat.id), to: address(to) }
        } else if let Some(old) = message.migrate_from_chat_id {
            ChannelEventKind::ChatMigrated { from: address(old), to: address(message.chat.id) }
        } else {
            return None;
        };
        Some(self.event(kind, arrival))
    }

    /// A pressed button. It is answered with the message's turn: until then the button shows that it waits.
    fn pressed(&self, query: &CallbackQuery, arrival: Arrival) -> Received {
        let action = Action { kind: ANSWER_CALLBACK.to_owned(), arguments: json!({ "query": bounded(&query.id) }) };
        let data = query.data.as_deref().filter(|data| data.len() <= MAX_DATA_BYTES).unwrap_or_default();
        let message = query.message.as_ref();
        let details = Details {
            button: Some(Button { text: kept(label(message, data)), payload: kept(data) }),
            reply_to: message
                .and_then(|message| message.chat.as_ref().map(|chat| message_id(chat.id, message.message_id))),
            acknowledge: Some(action),
            ..Details::default()
        };
        let private = Chat { id: query.from.id, kind: "private".to_owned(), title: None };
        let chat = message.and_then(|message| message.chat.as_ref()).unwrap_or(&private);
        if !self.listens_to(chat) {
            return Received::Nothing;
        }
        let number = message.map_or(0, |message| message.message_id);
        let new = self.inbound(chat, number, Some(&query.from), (String::new(), details), arrival);
        Received::Message(Box::new(new))
    }

    /// The bot's own place: a person blocked it or let it speak again, or a group's administrator changed what it may do.
    fn own_membership(&self, changed: &MemberUpdate, arrival: Arrival) -> Received {
        let membership = changed.new_chat_member.membership();
        if changed.chat.is_private() {
            // Who lets the bot speak again says /start with it, which is a START: to unblock alone undoes no STOP (I6).
            if !matches!(membership, Membership::Banned | Membership::Outside) {
                return Received::Nothing;
            }
            let details = Details { provider_consent: Some(ProviderConsent::Stop), ..Details::default() };
            let new = self.inbound(&changed.chat, 0, None, (String::new(), details), arrival);
            return Received::Message(Box::new(new));
        }
        let rights = changed.new_chat_member.rights();
        self.event(ChannelEventKind::OwnRightsChanged { chat: address(changed.chat.id), rights }, arrival)
    }

    /// Whether messages of a chat are read.
    fn listens_to(&self, chat: &Chat) -> bool {
        chat.is_private() || (chat.kind != "channel" && self.groups.contains(&address(chat.id)))
    }

    /// A group is one contact, under its title: who of it wrote makes no difference to the answer.
    fn inbound(
        &self,
        chat: &Chat,
        number: i64,
        from: Option<&User>,
        (body, details): (String, Details),
        arrival: Arrival,
    ) -> NewInbound {
        let name = if chat.is_private() { from.and_then(User::name) } else { chat.title.clone() };
        NewInbound {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            provider_message_id: update_message_id(chat.id, number, arrival.update_id),
            id_per_chat: false,
            from: address(chat.id),
            to: self.own.clone(),
            content: Content { body, profile_name: name.map(|name| kept(&name)), details },
            correlation: arrival.correlation,
            received_at: arrival.at,
            spooled: false,
        }
    }

    fn event(&self, kind: ChannelEventKind, arrival: Arrival) -> Received {
        Received::Event(Box::new(ChannelEvent {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            id: ProviderMessageId::new(&format!("{ID_PREFIX}u{}", arrival.update_id)),
            correlation: arrival.correlation,
            received_at: arrival.at,
            kind,
        }))
    }
}

impl super::update::Member {
    pub(super) fn rights(&self) -> OwnRights {
        let membership = self.membership();
        let is_owner = membership == Membership::Owner;
        OwnRights {
            membership,
            can_invite: is_owner || self.can_invite_users == Some(true),
            can_restrict: is_owner || self.can_restrict_members == Some(true),
        }
    }

    pub(super) fn membership(&self) -> Membership {
        match self.status.as_str() {
            "creator" => Membership::Owner,
            "administrator" => Membership::Administrator,
            "member" => Membership::Member,
            "restricted" if self.is_member != Some(false) => Membership::Member,
            "kicked" => Membership::Banned,
            _ => Membership::Outside,
        }
    }
}

/// The id of a message, as a receipt and as what a reply quotes.
#[must_use]
pub fn message_id(chat: i64, number: i64) -> ProviderMessageId {
    ProviderMessageId::new(&numbered(chat, number))
}

/// The id of what came in with an update.
#[must_use]
pub fn update_message_id(chat: i64, number: i64, update: i64) -> ProviderMessageId {
    let mut id = numbered(chat, number);
    // Writing into a String cannot fail.
    let _ = write!(id, "u{update}");
    ProviderMessageId::new(&id)
}

fn numbered(chat: i64, number: i64) -> String {
    let mut id = format!("{ID_PREFIX}{number}");
    if chat < FIRST_SUPERGROUP {
        let digest = Sha256::digest(chat.to_string().as_bytes());
        id.push('c');
        digest.iter().take(4).for_each(|byte| {
            let _ = write!(id, "{byte:02x}");
        });
    }
    id
}

pub(super) fn is_message_id(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = text.strip_prefix(ID_PREFIX) else { return false };
    let (message, update) = rest.split_once('u').map_or((rest, None), |(message, update)| (message, Some(update)));
    let (number, chat) = message.split_once('c').map_or((message, None), |(number, chat)| (number, Some(chat)));
    is_digits(number)
        && update.is_none_or(is_digits)
        && chat.is_none_or(|chat| chat.len() == 8 && chat.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) fn address(id: i64) -> Address {
    Address::from_normalised(&format!("telegram:{id}"))
}

/// What stands on the pressed button.
fn label<'a>(message: Option<&'a Quoted>, data: &'a str) -> &'a str {
    let keyboard = message.and_then(|message| message.reply_markup.as_ref());
    let mut buttons = keyboard.into_iter().flat_map(|keyboard| keyboard.inline_keyboard.iter().flatten());
    let pressed = buttons.find(|button| button.callback_data.as_deref() == Some(data));
    pressed.map_or(data, |button| button.text.as_str())
}
