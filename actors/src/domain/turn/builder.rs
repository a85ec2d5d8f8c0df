//! Turn builder: what every inbound message changes in its conversation, whatever it says.

use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{Consumed, Draft, Effects, Outcome, SessionChange, Start, Turn};
use crate::domain::Timestamp;
use crate::domain::address::Address;
use crate::domain::assistant::AssistantSilence;
use crate::domain::conversation::{BotMemory, Contact, Conversation, ConversationStatus, Session, State};
use crate::domain::event::{ActorType, EntityType, Event, EventType, Payload, PayloadBuilder};
use crate::domain::ids::{ContactId, CorrelationId, EventId, OutboundId, SessionId};
use crate::domain::message::{Generation, Inbound, Outbound, OutboundKind, Role};
use crate::domain::rules::{BotText, Facts, Rules, TextName};

/// The longest name that is kept of a contact, in characters. Providers allow themselves less.
const LONGEST_NAME: usize = 80;

/// What became of a text that was to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A draft stands in the turn.
    Something,
    /// There is no such text, or it rendered to nothing.
    Nothing,
    /// It broke on this message.
    TemplateFailed,
}

pub(super) struct TurnBuilder<'a> {
    pub(super) rules: &'a Rules,
    pub(super) turn: Turn,
    /// FAQ entries that answer, for the history of the message.
    pub(super) answered_by: Vec<usize>,
    /// Why the assistant did not answer, for the history of the message.
    pub(super) assistant: Option<AssistantSilence>,
    message: &'a Inbound,
}

impl<'a> TurnBuilder<'a> {
    /// The turn before anything is decided: contact, conversation and session as the message finds or makes them.
    pub(super) fn open(state: &State, message: &'a Inbound, rules: &'a Rules, now: Timestamp) -> Self {
        let mut turn = begin(state, contact(state, message), message.correlation, now);
        turn.respelled = turn.key.address != message.from;
        turn.key.address = message.from.clone();
        let is_news = |alias: &Address| !state.is_known_as(&alias.identity());
        turn.alias = message.content.details.alias.clone().filter(is_news);
        let mut builder = Self { rules, turn, answered_by: Vec::new(), assistant: None, message };
        // The contact said nothing: their session and the window of free text are as they were.
        if !message.content.details.written_on_phone {
            builder.keep_session();
        }
        builder
    }

    /// Closes a session that ran out before this message came, and opens one when there is none. The timer is set when a
    /// session opens and not with every message: when it fires early it is set again ([`super::decide_session_timer`]), which
    /// costs one write per idle time instead of one per message.
    fn keep_session(&mut self) {
        let heard_at = self.message.received_at;
        let idle = idle(self.rules);
        let last = self.turn.conversation.last_inbound_at;
        if let Some(session) = &self.turn.conversation.session {
            let last_active = last.unwrap_or(session.opened_at);
            if last_active + idle <= heard_at {
                close_session(&mut self.turn);
            }
        }
        self.turn.conversation.last_inbound_at = Some(last.map_or(heard_at, |last| last.max(heard_at)));
        if self.turn.conversation.session.is_none() {
            let session = Session { id: SessionId::fresh(), opened_at: heard_at };
            self.turn.sessions.push(SessionChange::Open(session.id));
            self.note(EventType::SessionOpened, EntityType::Session, session.id.0, ActorType::Contact, Payload::EMPTY);
            self.turn.conversation.session = Some(session);
            self.turn.conversation.timer_at = Some(heard_at + idle);
        }
    }

    /// Writes a text to the contact.
    pub(super) fn say(&mut self, text: TextName, kind: OutboundKind) -> Said {
        self.say_all(&[text], kind)
    }

    /// Writes texts to the contact: as one message where it holds them all, else one after the other.
    pub(super) fn say_all(&mut self, texts: &[TextName], kind: OutboundKind) -> Said {
        let facts = Facts { body: &self.message.content.body, contact_name: self.turn.contact.name.as_deref() };
        let mut written: Vec<(TextName, String)> = Vec::with_capacity(texts.len());
        let mut failed = false;
        for text in texts {
            match self.rules.write(*text, &facts) {
                Some(Ok(body)) if !body.is_empty() => written.push((*text, body)),
                Some(Err(_)) => failed = true,
                _ => {}
            }
        }
        let Some((first, _)) = written.first() else {
            return if failed { Said::TemplateFailed } else { Said::Nothing };
        };
        let template = self.rules.write_template(*first, &facts);
        let together = written.iter().map(|(_, body)| body.as_str()).collect::<Vec<_>>().join("\n\n");
        let bodies = if together.encode_utf16().count() <= self.rules.source().longest_text {
            vec![together]
        } else {
            written.into_iter().map(|(_, body)| body).collect()
        };
        for (body, template) in bodies.into_iter().zip(std::iter::once(template).chain(std::iter::repeat(None))) {
            let message = Outbound { in_reply_to: Some(self.message.id), template, ..outbound(&self.turn, body, kind) };
            put(&mut self.turn, message, None);
        }
        Said::Something
    }

    /// Writes a text of a flow, cut to what every channel carries.
    pub(super) fn write(&mut self, body: &str, kind: OutboundKind) {
        let longest = self.rules.source().longest_text;
        let message = Outbound { in_reply_to: Some(self.message.id), ..outbound(&self.turn, cut(body, longest), kind) };
        put(&mut self.turn, message, None);
    }

    /// What the bot remembers of the conversation.
    pub(super) fn memory(&self) -> BotMemory {
        self.turn.conversation.memory.as_deref().cloned().unwrap_or_default()
    }

    /// Remembers this instead.
    pub(super) fn remember(&mut self, memory: BotMemory) {
        self.turn.conversation.memory = (!memory.is_empty()).then(|| Arc::new(memory));
    }

    /// Writes a text of the bot's own, with lines behind it.
    pub(super) fn say_with(&mut self, text: BotText, lines: &[String], kind: OutboundKind) -> Said {
        let facts = Facts { body: &self.message.content.body, contact_name: self.turn.contact.name.as_deref() };
        let Some(Ok(lead)) = self.rules.write(TextName::Bot(text), &facts) else { return Said::Nothing };
        let body = std::iter::once(lead).chain(lines.iter().cloned()).collect::<Vec<_>>().join("\n");
        self.write(&body, kind);
        Said::Something
    }

    pub(super) fn note(
        &mut self,
        event_type: EventType,
        entity_type: EntityType,
        entity: Uuid,
        actor_type: ActorType,
        payload: Payload,
    ) {
        note(&mut self.turn, event_type, entity_type, entity, actor_type, payload);
    }

    pub(super) fn contact_event(&mut self, event_type: EventType, actor_type: ActorType, payload: Payload) {
        self.note(event_type, EntityType::Contact, self.turn.contact.id.0, actor_type, payload);
    }

    /// The turn, with what came of the message written on it, and by which rule (I11).
    pub(super) fn close(mut self, role: Role, rule: &'static str, outcome: Outcome) -> Turn {
        let mut payload = Payload::builder();
        payload = payload.word("role", role.as_str()).word("outcome", outcome.as_str()).word("rule", rule);
        let faq = &self.rules.source().faq;
        for (field, entry) in ["entry", "second_entry"].into_iter().zip(&self.answered_by) {
            if let Some(entry) = faq.get(*entry) {
                payload = payload.id(field, &entry.id);
            }
        }
        if let Some(why) = self.assistant {
            payload = payload.word("assistant", why.as_str());
        }
        let payload = payload.finish();
        let (message, said_at) = (self.message.id, self.message.received_at);
        self.note(EventType::MessageRouted, EntityType::MessageIn, message.0, ActorType::Bot, payload);
        self.turn.consumed = Some(Consumed { id: message, said_at, role, outcome });
        self.turn
    }
}

/// The turn before anything is decided, with contact and conversation as they are or as they begin.
pub(super) fn begin(state: &State, contact: Contact, correlation: CorrelationId, now: Timestamp) -> Turn {
    let mut conversation = state.conversation.clone().unwrap_or_else(Conversation::begin);
    let expected_version = conversation.version;
    conversation.version += 1;
    Turn {
        key: state.key.clone(),
        consumed: None,
        fired: None,
        correlation,
        at: now,
        expected_version,
        contact_changed: state.contact.as_ref() != Some(&contact),
        contact,
        respelled: false,
        alias: None,
        conversation,
        sessions: Vec::new(),
        live_session: None,
        consent: None,
        releases: false,
        marks_read: false,
        knows_deferred: false,
        outbox: Vec::new(),
        timers: Vec::new(),
        effects: Effects::default(),
        events: Vec::new(),
        lookup: None,
    }
}

/// A message to the conversation's contact, in its first life.
pub(super) fn outbound(turn: &Turn, body: String, kind: OutboundKind) -> Outbound {
    Outbound {
        id: OutboundId::fresh(),
        tenant: turn.key.tenant.clone(),
        channel: turn.key.channel.clone(),
        conversation: turn.conversation.id,
        in_reply_to: None,
        to: turn.key.address.clone(),
        body,
        template: None,
        choices: Vec::new(),
        action: None,
        presentation: None,
        kind,
        urgent: true,
        expires_at: None,
        generation: Generation::first(turn.at),
        correlation: turn.correlation,
        attempts: 0,
        created_at: turn.at,
    }
}

/// The beginning of a text that is too long, in UTF-16 units.
pub(super) fn cut(body: &str, longest: usize) -> String {
    let mut left = longest;
    body.chars().take_while(|c| left.checked_sub(c.len_utf16()).inspect(|rest| left = *rest).is_some()).collect()
}

/// Puts a message into the turn, behind its other messages. A conversation that was written to is not new any more.
pub(super) fn put(turn: &mut Turn, message: Outbound, idempotency_key: Option<String>) {
    let behind = !turn.outbox.is_empty();
    turn.outbox.push(Draft { message, start: Start::Queued { not_before: turn.at, behind }, idempotency_key });
    if turn.conversation.status == ConversationStatus::New {
        turn.conversation.status = ConversationStatus::InProgress;
    }
}

/// Puts a message into the turn that is to be sent at a time: the age of its attempts counts from there.
pub(super) fn schedule(turn: &mut Turn, message: Outbound, at: Timestamp, idempotency_key: Option<String>) {
    let message = Outbound { generation: Generation::first(at), ..message };
    turn.outbox.push(Draft { message, start: Start::Scheduled(at), idempotency_key });
}

/// Puts a message into the turn that answers nothing the contact wrote, with its event.
pub(super) fn put_unasked(turn: &mut Turn, message: Outbound, (actor_type, payload): (ActorType, PayloadBuilder)) {
    let (row, payload) = (message.id.0, payload.word("kind", message.kind.as_str()).finish());
    put(turn, message, None);
    note(turn, EventType::MessageQueued, EntityType::MessageOut, row, actor_type, payload);
}

pub(super) fn close_session(turn: &mut Turn) {
    turn.conversation.timer_at = None;
    if let Some(session) = turn.conversation.session.take() {
        turn.sessions.push(SessionChange::Close(session.id));
        let payload = Payload::reason("idle");
        note(turn, EventType::SessionClosed, EntityType::Session, session.id.0, ActorType::System, payload);
    }
}

pub(super) fn note(
    turn: &mut Turn,
    event_type: EventType,
    entity_type: EntityType,
    entity: Uuid,
    actor_type: ActorType,
    payload: Payload,
) {
    turn.events.push(Event {
        id: EventId::fresh(),
        tenant: turn.key.tenant.clone(),
        event_type,
        entity_type,
        entity_id: Some(entity),
        correlation: turn.correlation,
        actor_type,
        payload,
        created_at: turn.at,
    });
}

fn contact(state: &State, message: &Inbound) -> Contact {
    let shown = message.content.profile_name.as_deref().and_then(presentable);
    match &state.contact {
        Some(known) => Contact { id: known.id, name: shown.or_else(|| known.name.clone()) },
        None => Contact { id: ContactId::fresh(), name: shown },
    }
}

/// A name as it can stand in a sentence: on one line, of bounded length, not blank.
fn presentable(name: &str) -> Option<String> {
    let one_line: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_NAME).collect();
    let trimmed = one_line.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The idle time after which a session closes; ten years at most, so that its end is a date both databases know.
pub(super) fn idle(rules: &Rules) -> TimeDelta {
    let longest = TimeDelta::days(3650);
    TimeDelta::from_std(rules.source().session_idle).map_or(longest, |idle| idle.min(longest))
}
