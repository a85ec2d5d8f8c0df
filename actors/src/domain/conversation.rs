//! What a conversation remembers between two messages.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::address::{Address, Identity};
use super::booking::Agenda;
use super::ids::{ChannelId, ContactId, ConversationId, LiveSessionId, OfferId, SessionId, TenantId};
use super::loop_watch::LoopWatch;
use super::prepared::Prepared;
use super::words::stored_words;

/// Finds a conversation before its row is known: who writes, on a channel of a tenant. Keys of one person are equal, however
/// their address is spelled.
#[derive(Clone, Debug)]
pub struct ConversationKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: ChannelId,
    /// The address at the other end, in the spelling that was used last: what is sent goes there.
    pub address: Address,
    /// Who that is.
    pub person: Identity,
}

impl ConversationKey {
    /// The key of whoever an address leads to.
    #[must_use]
    pub fn new(tenant: TenantId, channel: ChannelId, address: Address) -> Self {
        let person = address.identity();
        Self { tenant, channel, address, person }
    }

    fn parts(&self) -> (&TenantId, &ChannelId, &Identity) {
        (&self.tenant, &self.channel, &self.person)
    }
}

impl PartialEq for ConversationKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for ConversationKey {}

impl Hash for ConversationKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialOrd for ConversationKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ConversationKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

/// Everything [`super::turn::decide`] needs to know about the past.
#[derive(Clone, Debug)]
pub struct State {
    /// Which conversation this is.
    pub key: ConversationKey,
    /// The person at the other end; `None` until their first turn is committed.
    pub contact: Option<Contact>,
    /// Everything that the contact is known by, as it was when this was read.
    pub identities: Vec<Identity>,
    /// The conversation; `None` until its first turn is committed.
    pub conversation: Option<Conversation>,
    /// Whether the person said STOP, by whichever of their addresses.
    pub opted_out: bool,
    /// Whether a welcome asked this contact on this channel (double opt-in): it was meant for it, or it left through it when
    /// that took over. Only here does CONFIRMER answer it. Known where the tenant asks for it.
    pub welcomed: bool,
    /// Whether the person confirmed what a welcome asked, on whichever channel. Known where the tenant asks for it.
    pub confirmed: bool,
    /// What is booked and offered. Known where the tenant's flows need it.
    pub agenda: Arc<Agenda>,
    /// What was looked up for the message that is decided next.
    pub prepared: Prepared,
}

impl State {
    /// Whether this is the conversation's person, by any of the addresses that are known of them.
    #[must_use]
    pub fn is_known_as(&self, person: &Identity) -> bool {
        self.key.person == *person || self.identities.contains(person)
    }
}

/// A person of a tenant. `Debug` does not show the name.
#[derive(Clone, PartialEq)]
pub struct Contact {
    /// Its row.
    pub id: ContactId,
    /// The name they last showed.
    pub name: Option<String>,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("id", &self.id).finish_non_exhaustive()
    }
}

impl State {
    /// The stored state with what was noticed of the contact since. Where a person answers, it begins anew.
    #[must_use]
    pub fn watched(mut self, watch: LoopWatch) -> Self {
        if let Some(conversation) = &mut self.conversation
            && conversation.handler == Handler::Bot
        {
            conversation.watch = watch;
        }
        self
    }
}

/// The conversation's row, as the last turn left it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// Its row.
    pub id: ConversationId,
    /// Grows by one with every turn; the commit checks it (I4).
    pub version: i64,
    /// Where the conversation stands.
    pub status: ConversationStatus,
    /// Who answers.
    pub handler: Handler,
    /// Whose it is to answer, while a person does.
    pub assignee: Option<Assignee>,
    /// What a running flow remembers.
    pub flow: Option<Arc<FlowState>>,
    /// What the bot remembers beside that.
    pub memory: Option<Arc<BotMemory>>,
    /// The open stretch of activity, if any.
    pub session: Option<Session>,
    /// When the latest automatic answers were written: the sliding window of `per_contact_per_minute` (I7).
    pub recent_answers: Vec<Timestamp>,
    /// When its session may have been idle for too long. It stands here and not in `timers`, because nearly every
    /// conversation has it: as a column it costs one write for each idle time, which the turn's own update carries, where a
    /// row of its own would cost an insert and a delete.
    pub timer_at: Option<Timestamp>,
    /// When the contact last wrote.
    pub last_inbound_at: Option<Timestamp>,
    /// Whether the contact behaves like a robot. Not stored.
    pub watch: LoopWatch,
}

impl Conversation {
    /// One that begins: nobody has written yet, and the bot answers.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            id: ConversationId::fresh(),
            version: 0,
            status: ConversationStatus::New,
            handler: Handler::Bot,
            assignee: None,
            flow: None,
            memory: None,
            session: None,
            recent_answers: Vec::new(),
            timer_at: None,
            last_inbound_at: None,
            watch: LoopWatch::default(),
        }
    }
}

/// The name of the person to whom a conversation is assigned. `Debug` does not show it (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct Assignee(Arc<str>);

impl Assignee {
    /// A name as whoever assigns gives it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Assignee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assignee(…)")
    }
}

/// What a flow remembers between two turns, stored as one JSON column (`conversations.flow`). `Debug` shows only the version
/// (I10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowState {
    /// The number of the form in which `state` is written: a later version of the program reads or refuses it by that.
    pub version: u32,
    /// The flow's own data, in the form that `version` names.
    pub state: serde_json::Value,
}

impl fmt::Debug for FlowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowState").field("version", &self.version).finish_non_exhaustive()
    }
}

/// What the bot remembers of a conversation between two messages, stored as one JSON column (`conversations.memory`), which
/// is null where nothing is remembered. `Debug` shows no entries (I10).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BotMemory {
    /// FAQ entries of the menu that was offered last, by their ids: the next message may pick one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<String>,
    /// Messages in a row that no rule could answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub misses: u32,
    /// What was said once and is not to be said again in this session ([`OnceSaid`]).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<OnceSaid>,
    /// The session in which it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Until when the tenant is closed, in its local time, as the contact was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_until: Option<NaiveDateTime>,
    /// When the tenant's people are told that the contact waits, once a person has the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_notice_at: Option<Timestamp>,
    /// Since when the tenant's people want nothing of this contact: they get no answer, and nobody is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_at: Option<Timestamp>,
    /// The live session in which they asked what nobody has answered yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_question: Option<LiveSessionId>,
    /// The ride that they were asked to rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<OfferId>,
    /// Whether the assistant has said what it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub met_assistant: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl BotMemory {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for BotMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BotMemory")
            .field("misses", &self.misses)
            .field("menu", &self.menu.len())
            .finish_non_exhaustive()
    }
}

/// An answer that is given once in a session, not each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnceSaid {
    /// To a voice note.
    Voice,
    /// To a picture, a video, a sticker or a file.
    Picture,
    /// To a thumb, a heart, anything else without words.
    Sign,
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// Nobody has answered yet.
    New,
    /// It is being talked about.
    InProgress,
    /// A person closed it.
    Resolved,
}

stored_words!(ConversationStatus { New => "new", InProgress => "in_progress", Resolved => "resolved" });

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// Rules do.
    Bot,
    /// A person does; rules stay silent, but for consent.
    Human,
}

stored_words!(Handler { Bot => "bot", Human => "human" });

/// A stretch of activity that opens and closes by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its row.
    pub id: SessionId,
    /// When its first message came.
    pub opened_at: Timestamp,
}
