//! An update as Telegram writes it: only what is read, and nothing that is new or odd makes it fail.
//!
//! <https://core.telegram.org/bots/api#update>. The structs of a type crate refuse an update whose kind they do not know,
//! and a message in which one field out of a hundred has a new form; a refused update comes again for a day. So each part
//! is read on its own, and one that cannot be read is left out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Ends the waiting of a pressed button: `{query, text?, alert?}`.
pub(super) const ANSWER_CALLBACK: &str = "answer_callback";

/// The kinds of updates that a bot asks for: without a list, Telegram leaves out `chat_member` and others.
pub const ALLOWED_UPDATES: &[&str] = &[
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "pre_checkout_query",
    "subscription",
];

/// One update. Exactly one of its kinds is there; kinds that are not listed are not read.
#[derive(Deserialize)]
pub(super) struct Update<'a> {
    pub update_id: i64,
    #[serde(borrow, default)]
    pub message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub edited_message: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient")]
    pub callback_query: Option<CallbackQuery>,
    #[serde(default, deserialize_with = "lenient")]
    pub my_chat_member: Option<MemberUpdate>,
    #[serde(default, deserialize_with = "lenient")]
    pub chat_member: Option<MemberUpdate>,
    #[serde(default, deserialize_with = "lenient")]
    pub chat_join_request: Option<JoinRequest>,
    #[serde(default, deserialize_with = "lenient")]
    pub pre_checkout_query: Option<PreCheckoutQuery>,
    #[serde(default, deserialize_with = "lenient")]
    pub subscription: Option<SubscriptionUpdate>,
}

/// A card that was shared.
#[derive(Deserialize)]
pub(super) struct Contact {
    pub phone_number: String,
    #[serde(default)]
    pub first_name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub last_name: Option<String>,
    /// Whose account it is, where it is one.
    #[serde(default, deserialize_with = "lenient")]
    pub user_id: Option<i64>,
}

/// A message, or an edit of one.
#[derive(Deserialize)]
pub(super) struct Message {
    pub message_id: i64,
    pub chat: Chat,
    #[serde(default, deserialize_with = "lenient")]
    pub from: Option<User>,
    #[serde(default, deserialize_with = "lenient")]
    pub text: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub caption: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub reply_to_message: Option<Quoted>,
    #[serde(default, deserialize_with = "lenient")]
    pub photo: Option<Vec<File>>,
    #[serde(default, deserialize_with = "lenient")]
    pub document: Option<File>,
    #[serde(default, deserialize_with = "lenient")]
    pub animation: Option<File>,
    #[serde(default, deserialize_with = "lenient")]
    pub audio: Option<File>,
    #[serde(default, deserialize_with = "lenient")]
    pub video: Option<File>,
    #[serde(default, deserialize_with = "lenient")]
    pub video_note: Option<File>,
    #[serde(default, deserialize_with = "lenient")]
    pub voice: Option<File>,
    #[serde(default, deserialize_with = "lenient")]
    pub sticker: Option<File>,
    #[serde(default, deserialize_with = "lenient")]
    pub contact: Option<Contact>,
    #[serde(default, deserialize_with = "lenient")]
    pub location: Option<Degrees>,
    #[serde(default, deserialize_with = "lenient")]
    pub venue: Option<Venue>,
    #[serde(default, deserialize_with = "lenient")]
    pub poll: Option<Poll>,
    #[serde(default, deserialize_with = "lenient")]
    pub checklist: Option<Checklist>,
    #[serde(default, deserialize_with = "lenient")]
    pub dice: Option<Dice>,
    #[serde(default, deserialize_with = "lenient")]
    pub web_app_data: Option<WebAppData>,
    #[serde(default, deserialize_with = "lenient")]
    pub successful_payment: Option<SuccessfulPayment>,
    #[serde(default, deserialize_with = "lenient")]
    pub refunded_payment: Option<RefundedPayment>,
    #[serde(default, deserialize_with = "lenient")]
    pub migrate_to_chat_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub migrate_from_chat_id: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Chat {
    pub id: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub title: Option<String>,
}

impl Chat {
    /// A private chat has its person's id. What Telegram leaves out, the sign of the id tells.
    pub fn is_private(&self) -> bool {
        self.kind == "private" || (self.kind.is_empty() && self.id > 0)
    }
}

#[derive(Deserialize)]
pub(super) struct User {
    pub id: i64,
    #[serde(default)]
    pub is_bot: bool,
    #[serde(default, deserialize_with = "lenient")]
    pub first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub last_name: Option<String>,
}

impl User {
    /// The name that they show.
    pub fn name(&self) -> Option<String> {
        match (&self.first_name, &self.last_name) {
            (Some(first), Some(last)) => Some(format!("{first} {last}")),
            (Some(name), None) | (None, Some(name)) => Some(name.clone()),
            (None, None) => None,
        }
    }
}

/// The message that another one quotes, or that has the pressed button.
#[derive(Deserialize)]
pub(super) struct Quoted {
    pub message_id: i64,
    pub chat: Option<Chat>,
    #[serde(default, deserialize_with = "lenient")]
    pub reply_markup: Option<Keyboard>,
}

#[derive(Deserialize)]
pub(super) struct Keyboard {
    #[serde(default)]
    pub inline_keyboard: Vec<Vec<KeyboardButton>>,
}

#[derive(Deserialize)]
pub(super) struct KeyboardButton {
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub callback_data: Option<String>,
}

/// A file at Telegram: `getFile` tells where it can be fetched.
#[derive(Deserialize)]
pub(super) struct File {
    pub file_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub mime_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub file_name: Option<String>,
    /// Of a sticker.
    #[serde(default, deserialize_with = "lenient")]
    pub emoji: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Degrees {
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Deserialize)]
pub(super) struct Venue {
    pub location: Degrees,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub address: String,
}

#[derive(Deserialize)]
pub(super) struct Poll {
    pub question: String,
    #[serde(default)]
    pub options: Vec<TextPart>,
}

#[derive(Deserialize)]
pub(super) struct Checklist {
    pub title: String,
    #[serde(default)]
    pub tasks: Vec<TextPart>,
}

/// An answer of a poll, or a task.
#[derive(Deserialize)]
pub(super) struct TextPart {
    #[serde(default)]
    pub text: String,
}

#[derive(Deserialize)]
pub(super) struct Dice {
    pub emoji: String,
}

#[derive(Deserialize)]
pub(super) struct WebAppData {
    pub data: String,
    #[serde(default)]
    pub button_text: String,
}

/// A pressed inline button.
#[derive(Deserialize)]
pub(super) struct CallbackQuery {
    pub id: String,
    pub from: User,
    #[serde(default, deserialize_with = "lenient")]
    pub message: Option<Quoted>,
    #[serde(default, deserialize_with = "lenient")]
    pub data: Option<String>,
}

/// Somebody's place in a chat has changed: the bot's own (`my_chat_member`), or a member's (`chat_member`).
#[derive(Deserialize)]
pub(super) struct MemberUpdate {
    pub chat: Chat,
    pub old_chat_member: Member,
    pub new_chat_member: Member,
    #[serde(default, deserialize_with = "lenient")]
    pub invite_link: Option<InviteLink>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    /// `creator`, `administrator`, `member`, `restricted`, `left` or `kicked`.
    pub status: String,
    pub user: User,
    /// Of a restricted one.
    #[serde(default)]
    pub is_member: Option<bool>,
    #[serde(default)]
    pub can_invite_users: Option<bool>,
    #[serde(default)]
    pub can_restrict_members: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct InviteLink {
    pub invite_link: String,
}

#[derive(Deserialize)]
pub(super) struct JoinRequest {
    pub chat: Chat,
    pub from: User,
    #[serde(default, deserialize_with = "lenient")]
    pub invite_link: Option<InviteLink>,
    #[serde(default, deserialize_with = "lenient")]
    pub query_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PreCheckoutQuery {
    pub id: String,
    pub from: User,
    pub currency: String,
    pub total_amount: i64,
    pub invoice_payload: String,
}

#[derive(Deserialize)]
pub(super) struct SuccessfulPayment {
    pub currency: String,
    pub total_amount: i64,
    pub invoice_payload: String,
    pub telegram_payment_charge_id: String,
    #[serde(default)]
    pub subscription_expiration_date: Option<i64>,
    #[serde(default)]
    pub is_recurring: bool,
    #[serde(default)]
    pub is_first_recurring: bool,
}

#[derive(Deserialize)]
pub(super) struct RefundedPayment {
    pub currency: String,
    pub total_amount: i64,
    pub invoice_payload: String,
    pub telegram_payment_charge_id: String,
}

#[derive(Deserialize)]
pub(super) struct SubscriptionUpdate {
    pub user: User,
    pub invoice_payload: String,
    /// `canceled`, `active` or `failed`.
    pub state: String,
}

/// A part that is left out when it has another form than the one that is known.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| serde_json::from_str(raw.get()).ok()))
}

/// What is in a message that says nothing by itself: it is written by Telegram, not by a person.
const SERVICE: &[&str] = &[
    "new_chat_members",
    "left_chat_member",
    "new_chat_title",
    "new_chat_photo",
    "delete_chat_photo",
    "group_chat_created",
    "supergroup_chat_created",
    "channel_chat_created",
    "message_auto_delete_timer_changed",
    "pinned_message",
    "users_shared",
    "chat_shared",
    "connected_website",
    "write_access_allowed",
    "proximity_alert_triggered",
    "boost_added",
    "chat_background_set",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "giveaway_created",
    "giveaway_completed",
    "paid_message_price_changed",
    "direct_message_price_changed",
    "video_chat_scheduled",
    "video_chat_started",
    "video_chat_ended",
    "video_chat_participants_invited",
    "chat_owner_left",
    "chat_owner_changed",
    "managed_bot_created",
];

/// Whether a message without anything that is read is one of Telegram's own.
pub(super) fn is_service(raw: &RawValue) -> bool {
    let parts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(raw.get()).unwrap_or_default();
    SERVICE.iter().any(|part| parts.contains_key(*part))
}
