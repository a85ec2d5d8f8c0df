//! What a live session changes of a turn: the seller's commands, the clients' orders.

use chrono::TimeDelta;

use super::builder::{TurnBuilder, cut};
use super::heard::Heard;
use super::requests::ScheduledMessage;
use super::{Lookup, Outcome};
use crate::domain::claim::ClaimChange;
use crate::domain::event::{ActorType, EntityType, EventType, Payload};
use crate::domain::ids::{LiveSessionId, OrderLineId, TimerId};
use crate::domain::live::{
    LiveChange, LiveClient, LiveCommand, LiveKnowledge, LiveSession, LiveText, MOST_CLIENTS, OrderChange, OrderLine,
    OrderTalk, Ordered,
};
use crate::domain::message::{Category, OutboundKind, Role};
use crate::domain::rules::{Language, TextName};
use crate::domain::timer::{Timer, TimerChange, TimerKind};

/// What is written to the people of a live session is of no use long after it.
const LASTS: TimeDelta = TimeDelta::hours(1);
/// Timers of one broadcast that come due in one second: the outbox paces them anyway, this keeps the sweep's pages short.
const TOLD_PER_SECOND: i64 = 20;

/// Whether a client of this tenant may be in a live session: somebody must be there to open one.
pub(super) fn may_be_open(turn: &TurnBuilder<'_>, heard: &Heard<'_>) -> bool {
    let sells = !turn.rules.source().sellers.is_empty() || heard.sellers.has_any(&turn.turn.key.tenant);
    heard.role == Role::Client && sells
}

impl TurnBuilder<'_> {
    /// Says something around a live session, in the tenant's language.
    pub(super) fn live_says(&mut self, text: LiveText<'_>) {
        let text = text.write(self.rules.source().language);
        self.write(&text, OutboundKind::Reply);
    }

    fn size_word(&self) -> &'static str {
        match self.rules.source().language {
            Language::Fr => "taille",
            Language::En => "size",
        }
    }

    fn written(&self, lines: &[&Ordered]) -> String {
        let word = self.size_word();
        lines.iter().map(|line| line.written(word)).collect::<Vec<_>>().join(", ")
    }

    fn live_event(&mut self, event_type: EventType, session: LiveSessionId) {
        self.note(event_type, EntityType::LiveSession, session.0, ActorType::Contact, Payload::EMPTY);
    }
}

/// Does what a seller commands of the open session.
pub(super) fn obey(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>, session: &LiveSession, command: &LiveCommand) {
    match command {
        LiveCommand::Help => turn.live_says(LiveText::Help),
        LiveCommand::Pause => {
            turn.turn.effects.live.push(LiveChange::Pause(session.id));
            turn.live_event(EventType::LiveSessionPaused, session.id);
            turn.live_says(LiveText::Paused);
        }
        LiveCommand::Resume => {
            turn.turn.live_session = Some(LiveSessionId::fresh());
            turn.turn.effects.live.push(LiveChange::Resume(session.id));
            turn.live_event(EventType::LiveSessionResumed, session.id);
            turn.live_says(LiveText::Resumed);
        }
        LiveCommand::Stats => {
            let counted = Counted::of(turn, heard, session);
            let Counted { minutes, clients, buyers, waiting, .. } = counted;
            turn.live_says(LiveText::Stats { minutes, clients, buyers, orders: &counted.orders, waiting });
        }
        LiveCommand::Broadcast(text) => broadcast(turn, heard, session, text),
        LiveCommand::Finish => finish(turn, heard, session),
    }
}

/// The figures of a session.
struct Counted {
    minutes: i64,
    clients: usize,
    buyers: usize,
    /// `R12 × 6, R15 × 2`
    orders: String,
    waiting: usize,
}

impl Counted {
    fn of(turn: &TurnBuilder<'_>, heard: &Heard<'_>, session: &LiveSession) -> Self {
        let clients = clients(turn, heard, session);
        let orders: Vec<String> =
            session.by_reference().into_iter().map(|(reference, count)| format!("{reference} × {count}")).collect();
        Self {
            minutes: (turn.turn.at - session.opened_at).num_minutes(),
            clients: clients.len(),
            buyers: session.buyers(),
            orders: orders.join(", "),
            waiting: clients.iter().filter(|client| client.waits).count(),
        }
    }
}

/// Everybody in the session but the tenant's own people.
fn clients<'s>(turn: &TurnBuilder<'_>, heard: &Heard<'_>, session: &'s LiveSession) -> Vec<&'s LiveClient> {
    let own = turn.turn.conversation.id;
    let tenant = &turn.turn.key.tenant;
    let is_seller = |client: &LiveClient| {
        turn.rules.is_seller(&client.person) || heard.sellers.is_registered(tenant, &client.person)
    };
    session.clients.iter().filter(|client| client.conversation != own && !is_seller(client)).collect()
}

/// Writes to everybody in the session, each in their own conversation: consent and window are checked there.
fn broadcast(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>, session: &LiveSession, text: &str) {
    let most = turn.rules.source().longest_text;
    if text.is_empty() {
        return turn.live_says(LiveText::BroadcastEmpty);
    }
    if text.encode_utf16().count() > most {
        return turn.live_says(LiveText::BroadcastTooLong { most });
    }
    let clients: Vec<&LiveClient> =
        clients(turn, heard, session).into_iter().filter(|client| !client.no_marketing).collect();
    if clients.is_empty() {
        return turn.live_says(LiveText::BroadcastNobody);
    }
    let told = clients.into_iter().take(MOST_CLIENTS).map(|client| (client, text.to_owned())).collect::<Vec<_>>();
    let count = told.len();
    tell(turn, &told);
    turn.live_says(LiveText::Broadcast { count });
}

/// Has the texts written, some in each second.
fn tell(turn: &mut TurnBuilder<'_>, told: &[(&LiveClient, String)]) {
    let (correlation, now) = (turn.turn.correlation, turn.turn.at);
    for (at, (client, text)) in (0_i64..).zip(told) {
        let message = ScheduledMessage {
            text: Some(text.clone()),
            template: None,
            choices: Vec::new(),
            presentation: None,
            category: Category::default(),
            urgent: false,
            expires_at: Some(now + LASTS),
        };
        let Ok(payload) = serde_json::to_string(&message) else { continue };
        let fires_at = now + TimeDelta::seconds(at / TOLD_PER_SECOND);
        let timer =
            Timer { id: TimerId::fresh(), kind: TimerKind::Send, fires_at, payload, correlation, created_at: now };
        turn.turn.timers.push(TimerChange::SetFor(client.conversation, timer));
    }
}

/// Ends the session: a summary to the seller, thanks to the clients. Of two sellers who end it at once, one does (I12).
fn finish(turn: &mut TurnBuilder<'_>, heard: &Heard<'_>, session: &LiveSession) {
    let counted = Counted::of(turn, heard, session);
    let tenant = turn.rules.source().tenant_name.clone();
    let language = turn.rules.source().language;
    let most = turn.rules.source().longest_text;
    let told: Vec<(&LiveClient, String)> = clients(turn, heard, session)
        .into_iter()
        .take(MOST_CLIENTS)
        .map(|client| {
            let lines: Vec<&Ordered> = session.lines_of(client.conversation).map(|line| &line.what).collect();
            let lines = (!lines.is_empty()).then(|| turn.written(&lines));
            let text = LiveText::Thanks { tenant: &tenant, name: client.name.as_deref(), lines: lines.as_deref() };
            (client, cut(&text.write(language), most))
        })
        .collect();
    tell(turn, &told);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let change =
        LiveChange::Close { id: session.id, clients: number(counted.clients), unanswered: number(counted.waiting) };
    turn.turn.effects.claims.push(ClaimChange::Take { key: format!("live/{}", session.id), owner: session.id.0 });
    turn.turn.effects.live.push(change);
    turn.live_event(EventType::LiveSessionClosed, session.id);
    let Counted { minutes, clients, buyers, waiting, .. } = counted;
    turn.live_says(LiveText::Summary { minutes, clients, buyers, orders: &counted.orders, waiting });
}

/// Writes an order down, or takes it back. Answers whether the message was about that.
pub(super) fn take_order(turn: &mut TurnBuilder<'_>, session: &LiveSession, talk: OrderTalk) -> bool {
    let mine: Vec<OrderLine> = session.lines_of(turn.turn.conversation.id).cloned().collect();
    match talk {
        OrderTalk::Cancels(references) => cancel(turn, &mine, &references),
        OrderTalk::Takes(_) if session.paused => {
            turn.order_answer(LiveText::NoOrdersNow);
            true
        }
        OrderTalk::Takes(lines) if lines.is_empty() => {
            turn.order_answer(LiveText::WhichReference);
            true
        }
        OrderTalk::Takes(lines) => {
            note_lines(turn, session, &mine, lines);
            true
        }
    }
}

fn note_lines(turn: &mut TurnBuilder<'_>, session: &LiveSession, mine: &[OrderLine], lines: Vec<Ordered>) {
    // The same again is a message that was sent twice; another number of pieces replaces the first.
    let (known, new): (Vec<Ordered>, Vec<Ordered>) =
        lines.into_iter().partition(|line| mine.iter().any(|old| old.what == *line));
    for what in &new {
        let replaced = mine.iter().find(|old| old.what.reference == what.reference && old.what.size == what.size);
        if let Some(old) = replaced {
            turn.turn.effects.orders.push(OrderChange::Cancel(old.id));
        }
        let line = OrderLine {
            id: OrderLineId::fresh(),
            session: session.id,
            conversation: turn.turn.conversation.id,
            what: what.clone(),
        };
        let payload = Payload::builder().text("reference", &what.reference).number("quantity", what.quantity).finish();
        turn.note(EventType::OrderNoted, EntityType::OrderLine, line.id.0, ActorType::Contact, payload);
        turn.turn.effects.orders.push(OrderChange::Note(line));
    }
    let name = turn.turn.contact.name.clone();
    if new.is_empty() {
        let lines = turn.written(&known.iter().collect::<Vec<_>>());
        let reference = known.first().map(|line| line.reference.clone()).unwrap_or_default();
        turn.order_answer(LiveText::AlreadyNoted { lines: &lines, reference: &reference });
    } else {
        let lines = turn.written(&new.iter().collect::<Vec<_>>());
        turn.order_answer(LiveText::Noted { lines: &lines, name: name.as_deref() });
    }
}

/// Answers whether there was something to take back, or something was named.
fn cancel(turn: &mut TurnBuilder<'_>, mine: &[OrderLine], references: &[String]) -> bool {
    let gone: Vec<&OrderLine> =
        mine.iter().filter(|line| references.is_empty() || references.contains(&line.what.reference)).collect();
    if gone.is_empty() {
        if references.is_empty() {
            return false;
        }
        turn.order_answer(LiveText::NothingToCancel);
        return true;
    }
    for line in &gone {
        turn.turn.effects.orders.push(OrderChange::Cancel(line.id));
        let payload = Payload::builder().text("reference", &line.what.reference).finish();
        turn.note(EventType::OrderCancelled, EntityType::OrderLine, line.id.0, ActorType::Contact, payload);
    }
    let lines = turn.written(&gone.iter().map(|line| &line.what).collect::<Vec<_>>());
    turn.order_answer(LiveText::OrderCancelled { lines: &lines });
    true
}

impl TurnBuilder<'_> {
    /// An answer about an order. The order counts also where the contact got too many answers within the minute.
    fn order_answer(&mut self, text: LiveText<'_>) {
        if self.may_answer() {
            self.live_says(text);
            self.note_answer();
        }
    }

    /// During a live session, a question that no rule could answer is the seller's: the contact is told so, in the tenant's own
    /// words where it has a fallback, and it counts as unanswered. `None`: no live session is open.
    pub(super) fn refer_to_live(&mut self, heard: &Heard<'_>) -> Option<Outcome> {
        if !may_be_open(self, heard) {
            return None;
        }
        let session = match &heard.state.prepared.live {
            LiveKnowledge::Unknown => {
                self.turn.lookup = Some(Lookup::Live { clients: false });
                return Some(Outcome::AnsweredLive);
            }
            LiveKnowledge::Closed => return None,
            LiveKnowledge::Open(session) => session.id,
        };
        let mut memory = self.memory();
        memory.live_question = Some(session);
        self.remember(memory);
        if self.rules.has(TextName::Fallback) {
            return Some(self.answer(TextName::Fallback, OutboundKind::Reply, Outcome::AnsweredLive));
        }
        if self.may_answer() {
            let tenant = self.rules.source().tenant_name.clone();
            self.live_says(LiveText::Wait { tenant: &tenant });
            self.note_answer();
        }
        Some(Outcome::AnsweredLive)
    }
}
