//! The world of a scenario: conversations in memory, decided by the tenant's rules, with a clock that jumps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::assistant::{AssistantKnowledge, AssistantReply, AssistantSilence};
use palabre_actors::domain::booking::{Agenda, Booking, BookingChange, BookingState, Busy};
use palabre_actors::domain::conversation::{ConversationKey, Handler, State};
use palabre_actors::domain::dates::{to_local, to_utc};
use palabre_actors::domain::ids::{ChannelId, ConversationId, CorrelationId, InboundId, ProviderMessageId};
use palabre_actors::domain::lead::Lead;
use palabre_actors::domain::message::{Content, Inbound};
use palabre_actors::domain::offer::{Offer, OfferChange};
use palabre_actors::domain::timer::{Timer, TimerChange};
use palabre_actors::domain::turn::{ConsentChange, Lookup, Prepared, Turn, decide, decide_timer};
use palabre_actors::domain::waiting::{WaitingChange, WaitingEntry, WaitingState};

use super::live::Live;
use super::script::{SILENCE, Script, fits};
use crate::config::Tenant;

/// What a person says to a tenant takes a minute.
const TURN: TimeDelta = TimeDelta::minutes(1);

pub(super) struct World<'a> {
    tenant: &'a Tenant,
    now: Timestamp,
    addresses: BTreeMap<String, String>,
    states: BTreeMap<String, State>,
    told: BTreeMap<String, VecDeque<String>>,
    timers: Vec<(String, Timer)>,
    bookings: Vec<(String, Booking)>,
    waiting: Vec<(String, WaitingEntry)>,
    offers: Vec<Offer>,
    /// Offers that somebody has and has not done.
    taken: Vec<(String, Offer)>,
    on_duty: Vec<ConversationId>,
    pub(super) leads: Vec<Lead>,
    live: Live,
    assistant: VecDeque<AssistantReply>,
    /// Who spoke last.
    last: String,
}

impl<'a> World<'a> {
    /// # Errors
    /// The tenant has no channel.
    pub(super) fn new(tenant: &'a Tenant, script: &Script) -> Result<Self, String> {
        if tenant.channels.is_empty() {
            return Err(" the tenant has no channel".to_owned());
        }
        Ok(Self {
            tenant,
            now: to_utc(script.now, tenant.timezone).first(),
            addresses: script.addresses.clone(),
            states: BTreeMap::new(),
            told: BTreeMap::new(),
            timers: Vec::new(),
            bookings: Vec::new(),
            waiting: Vec::new(),
            offers: Vec::new(),
            taken: Vec::new(),
            on_duty: Vec::new(),
            leads: Vec::new(),
            live: Live::default(),
            assistant: VecDeque::new(),
            last: "C".to_owned(),
        })
    }

    pub(super) fn say(&mut self, who: &str, text: &str) {
        who.clone_into(&mut self.last);
        let state = self.state(who);
        let message = Inbound {
            id: InboundId::fresh(),
            tenant: state.key.tenant.clone(),
            channel: state.key.channel.clone(),
            provider_message_id: ProviderMessageId::new("scenario"),
            from: state.key.address.clone(),
            to: self
                .tenant
                .channels
                .first()
                .map_or_else(|| state.key.address.clone(), |channel| channel.address.clone()),
            content: Content { body: text.to_owned(), profile_name: Some("Nadia".to_owned()), ..Content::default() },
            correlation: CorrelationId::fresh(),
            received_at: self.now,
        };
        let mut state = state;
        let mut turn = decide(&state, &message, &self.tenant.rules, &(), self.now);
        while let Some(lookup) = &turn.lookup {
            self.look_up(lookup, &mut state.prepared);
            turn = decide(&state, &message, &self.tenant.rules, &(), self.now);
        }
        self.commit(who, &turn);
        self.wait_for(TURN);
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.wait_for(TimeDelta::from_std(time).unwrap_or_default());
    }

    /// Lets time pass. Timers fire at their own time, in order.
    fn wait_for(&mut self, time: TimeDelta) {
        let until = self.now + time;
        loop {
            let due = self.timers.iter().enumerate().filter(|(_, (_, timer))| timer.fires_at <= until);
            let Some((at, _)) = due.min_by_key(|(_, (_, timer))| (timer.fires_at, timer.id)) else { break };
            let (who, timer) = self.timers.remove(at);
            self.now = self.now.max(timer.fires_at);
            let state = self.state(&who);
            if let Some(turn) = decide_timer(&state, &timer, &self.tenant.rules, self.now) {
                self.commit(&who, &turn);
            }
        }
        self.now = until;
    }

    pub(super) fn hears(&mut self, who: Option<&str>, expected: &str) -> Result<(), String> {
        let who = who.unwrap_or(&self.last).to_owned();
        let came = self.told.entry(who.clone()).or_default().pop_front();
        match came {
            None if expected == SILENCE => Ok(()),
            None => Err(format!("B to {who}: silence instead of {expected:?}")),
            Some(came) if fits(expected, &came) => Ok(()),
            Some(came) => Err(format!("B to {who}: {came:?} instead of {expected:?}")),
        }
    }

    pub(super) fn nothing_unheard(&self) -> Result<(), String> {
        let unheard = self.told.iter().find_map(|(who, told)| Some((who, told.front()?)));
        unheard.map_or(Ok(()), |(who, text)| Err(format!("{who} was told {text:?}, which the file does not say")))
    }

    pub(super) fn booked(&self) -> String {
        let mut confirmed: Vec<&Booking> = self
            .bookings
            .iter()
            .map(|(_, booking)| booking)
            .filter(|one| one.state == BookingState::Confirmed)
            .collect();
        confirmed.sort_by_key(|booking| booking.starts_at);
        let shown = confirmed.iter().map(|booking| {
            let local = to_local(booking.starts_at, self.tenant.timezone);
            format!("{} {} {}", booking.service, booking.resource, local.format("%Y-%m-%d %H:%M"))
        });
        let shown = shown.collect::<Vec<_>>().join("; ");
        if shown.is_empty() { "nothing".to_owned() } else { shown }
    }

    /// Who waits or was offered a time: `manucure waiting`.
    pub(super) fn waiting(&self) -> String {
        let shown: Vec<String> = self.waits().map(|(_, entry)| format!("{} {}", entry.service, entry.state)).collect();
        if shown.is_empty() { "nothing".to_owned() } else { shown.join("; ") }
    }

    fn waits(&self) -> impl Iterator<Item = &(String, WaitingEntry)> {
        let is_open = |state| matches!(state, WaitingState::Waiting | WaitingState::Offered);
        self.waiting.iter().filter(move |(_, entry)| is_open(entry.state))
    }

    pub(super) fn handler(&self) -> &'static str {
        let conversation = self.states.get(&self.last).and_then(|state| state.conversation.as_ref());
        conversation.map_or(Handler::Bot, |conversation| conversation.handler).as_str()
    }

    /// The conversation as it is, with the agenda as everybody left it.
    fn state(&self, who: &str) -> State {
        let agenda = Agenda {
            read_at: self.now,
            busy: self
                .bookings
                .iter()
                .filter(|(_, booking)| booking.state.is_taken())
                .map(|(_, booking)| Busy::by(booking))
                .collect(),
            mine: self
                .bookings
                .iter()
                .filter(|(of, booking)| of == who && booking.state.is_taken() && booking.free_at > self.now)
                .map(|(_, booking)| booking.clone())
                .collect(),
            offers: self.offers.clone(),
            on_duty: self.on_duty.clone(),
            taken: self.taken.iter().filter(|(of, _)| of == who).map(|(_, offer)| offer.clone()).collect(),
            waiting: self
                .waits()
                .filter(|(_, entry)| entry.until > self.now)
                .map(|(of, entry)| WaitingEntry { is_mine: of == who, ..entry.clone() })
                .collect(),
        };
        let known = self.states.get(who).cloned().unwrap_or_else(|| State {
            key: ConversationKey::new(
                self.tenant.id.clone(),
                self.tenant.channels.first().map_or_else(|| ChannelId::new("none"), |channel| channel.id.clone()),
                self.address(who),
            ),
            identities: Vec::new(),
            contact: None,
            conversation: None,
            opted_out: false,
            welcomed: false,
            confirmed: false,
            agenda: Arc::default(),
            prepared: Prepared::default(),
        });
        State { agenda: Arc::new(agenda), ..known }
    }

    fn address(&self, who: &str) -> Address {
        let own = self
            .addresses
            .get(who)
            .and_then(|text| Address::written(text, Unnamed::Phone(Scheme::Whatsapp), self.tenant.country).ok());
        let number: u32 = who.trim_start_matches(char::is_alphabetic).parse().unwrap_or(1);
        own.unwrap_or_else(|| Address::from_normalised(&format!("whatsapp:+336120{:05}", number % 100_000)))
    }

    fn commit(&mut self, who: &str, turn: &Turn) {
        let mut state = self.state(who);
        state.contact = Some(turn.contact.clone());
        state.conversation = Some(turn.conversation.clone());
        match &turn.consent {
            Some(ConsentChange::OptOut { .. }) => state.opted_out = true,
            Some(ConsentChange::OptIn { .. }) => state.opted_out = false,
            Some(ConsentChange::Confirm { .. }) => state.confirmed = true,
            Some(ConsentChange::Marketing { .. }) | None => {}
        }
        self.states.insert(who.to_owned(), state);
        let texts = turn.outbox.iter().map(|draft| draft.message.body.clone());
        self.told.entry(who.to_owned()).or_default().extend(texts);
        self.leads.extend(turn.effects.leads.iter().cloned());
        for change in &turn.effects.bookings {
            match change {
                BookingChange::Hold(booking) => self.bookings.push((who.to_owned(), booking.clone())),
                BookingChange::Move(moved) | BookingChange::Late(moved, _) => {
                    if let Some((_, booking)) = self.bookings.iter_mut().find(|(_, booking)| booking.id == moved.id) {
                        booking.clone_from(moved);
                    }
                }
                BookingChange::Become(id, state) => {
                    if let Some((_, booking)) = self.bookings.iter_mut().find(|(_, booking)| booking.id == *id) {
                        booking.state = *state;
                    }
                }
            }
        }
        for change in &turn.effects.waiting {
            match change {
                WaitingChange::Join(entry) => self.waiting.push((who.to_owned(), entry.clone())),
                WaitingChange::Become(id, state) => {
                    if let Some((_, entry)) = self.waiting.iter_mut().find(|(_, entry)| entry.id == *id) {
                        entry.state = *state;
                    }
                }
            }
        }
        for change in &turn.effects.offers {
            match change {
                OfferChange::Make(offer) => self.offers.push(offer.clone()),
                OfferChange::Accept(id) => {
                    let taken = self.offers.iter().position(|offer| offer.id == *id).map(|at| self.offers.remove(at));
                    self.taken.extend(taken.map(|offer| (who.to_owned(), offer)));
                }
                OfferChange::End(id, _) | OfferChange::Finish(id) => {
                    self.offers.retain(|offer| offer.id != *id);
                    self.taken.retain(|(_, offer)| offer.id != *id);
                }
                OfferChange::Rate(..) => {}
                OfferChange::Duty(true) => self.on_duty.push(turn.conversation.id),
                OfferChange::Duty(false) => self.on_duty.retain(|one| *one != turn.conversation.id),
            }
        }
        self.live.apply(turn);
        self.set_timers(who, turn);
    }

    /// Looks up what a turn asks for. The assistant says what the file lets it say, and is late otherwise.
    fn look_up(&mut self, lookup: &Lookup, prepared: &mut Prepared) {
        match lookup {
            Lookup::Live { .. } => prepared.live = self.live.known(self.states.values()),
            Lookup::Assistant(_) => {
                let late = AssistantReply::Silent(AssistantSilence::Late);
                prepared.assistant = AssistantKnowledge::Told(self.assistant.pop_front().unwrap_or(late));
            }
        }
    }

    /// What the assistant will say to the next question that reaches it.
    pub(super) fn assistant_says(&mut self, reply: AssistantReply) {
        self.assistant.push_back(reply);
    }

    /// Lines of orders that were not cancelled: `R12 M; 2 R15`.
    pub(super) fn orders(&self) -> String {
        self.live.orders()
    }

    fn set_timers(&mut self, who: &str, turn: &Turn) {
        for change in &turn.timers {
            match change {
                TimerChange::Cancel(id) => self.timers.retain(|(_, timer)| timer.id != *id),
                TimerChange::CancelAll(kind) => self.timers.retain(|(of, timer)| of != who || timer.kind != *kind),
                TimerChange::Set(_) | TimerChange::SetFor(..) => {}
            }
        }
        for change in &turn.timers {
            match change {
                TimerChange::Set(timer) => self.timers.push((who.to_owned(), timer.clone())),
                TimerChange::SetFor(other, timer) => {
                    let is_other = |state: &State| state.conversation.as_ref().is_some_and(|one| one.id == *other);
                    if let Some((name, _)) = self.states.iter().find(|(_, state)| is_other(state)) {
                        self.timers.push((name.clone(), timer.clone()));
                    }
                }
                TimerChange::Cancel(_) | TimerChange::CancelAll(_) => {}
            }
        }
    }
}
