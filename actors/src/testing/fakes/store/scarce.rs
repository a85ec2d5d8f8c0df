//! Bookings, claims and leads of the fake store.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::{ConversationRow, Data};
use crate::domain::Timestamp;
use crate::domain::booking::{Agenda, Booking, BookingChange, Busy};
use crate::domain::claim::ClaimChange;
use crate::domain::conversation::ConversationKey;
use crate::domain::ids::{BookingId, ContactId, ConversationId, LiveSessionId, OfferId, TenantId};
use crate::domain::lead::Lead;
use crate::domain::live::{LiveChange, LiveClient, LiveKnowledge, LiveSession, OrderChange, OrderLine};
use crate::domain::offer::{Offer, OfferChange, OfferState};
use crate::domain::turn::Turn;
use crate::domain::waiting::{WaitingChange, WaitingEntry, WaitingState};
use crate::ports::LiveScope;

/// What turns take beside messages.
#[derive(Debug, Default)]
pub(super) struct Scarce {
    pub(super) claims: BTreeMap<(TenantId, String), Uuid>,
    pub(super) bookings: BTreeMap<BookingId, (TenantId, ContactId, Booking)>,
    pub(super) leads: Vec<(TenantId, Lead)>,
    pub(super) offers: Vec<(TenantId, Offer)>,
    pub(super) assigned: Vec<(OfferId, ContactId)>,
    pub(super) on_duty: Vec<(TenantId, ConversationId)>,
    pub(super) waiting: Vec<(TenantId, ContactId, WaitingEntry)>,
    pub(super) orders: Vec<(TenantId, OrderLine)>,
    pub(super) paused: Vec<LiveSessionId>,
}

impl Data {
    /// Whether everything that a turn takes is free, or is what it gives back itself.
    pub(super) fn may_take(&self, turn: &Turn) -> bool {
        let released: HashSet<Uuid> = turn
            .effects
            .claims
            .iter()
            .filter_map(|claim| match claim {
                ClaimChange::Release { owner } => Some(*owner),
                ClaimChange::Take { .. } => None,
            })
            .collect();
        let mut taken = HashSet::new();
        turn.effects.claims.iter().all(|claim| match claim {
            ClaimChange::Take { key, .. } => {
                let owner = self.scarce.claims.get(&(turn.key.tenant.clone(), key.clone()));
                owner.is_none_or(|owner| released.contains(owner)) && taken.insert(key)
            }
            ClaimChange::Release { .. } => true,
        })
    }

    pub(super) fn take(&mut self, turn: &Turn) {
        let tenant = &turn.key.tenant;
        for claim in &turn.effects.claims {
            if let ClaimChange::Release { owner } = claim {
                self.scarce.claims.retain(|(of, _), held_by| of != tenant || held_by != owner);
            }
        }
        for claim in &turn.effects.claims {
            if let ClaimChange::Take { key, owner } = claim {
                self.scarce.claims.insert((tenant.clone(), key.clone()), *owner);
            }
        }
        for change in &turn.effects.bookings {
            match change {
                BookingChange::Hold(booking) => {
                    let row = (tenant.clone(), turn.contact.id, booking.clone());
                    self.scarce.bookings.insert(booking.id, row);
                }
                BookingChange::Move(moved) | BookingChange::Late(moved, _) => {
                    if let Some((of, _, booking)) = self.scarce.bookings.get_mut(&moved.id)
                        && of == tenant
                    {
                        booking.clone_from(moved);
                    }
                }
                BookingChange::Become(id, state) => {
                    if let Some((of, _, booking)) = self.scarce.bookings.get_mut(id)
                        && of == tenant
                    {
                        booking.state = *state;
                    }
                }
            }
        }
        for change in &turn.effects.offers {
            let on_duty = (tenant.clone(), turn.conversation.id);
            match change {
                OfferChange::Make(offer) => self.scarce.offers.push((tenant.clone(), offer.clone())),
                OfferChange::Accept(id) => {
                    self.scarce.assigned.push((*id, turn.contact.id));
                    self.end_offer(tenant, *id, OfferState::Accepted);
                }
                OfferChange::Finish(id) => self.end_offer(tenant, *id, OfferState::Done),
                OfferChange::Rate(..) => {}
                OfferChange::End(id, state) => self.end_offer(tenant, *id, *state),
                OfferChange::Duty(true) if !self.scarce.on_duty.contains(&on_duty) => self.scarce.on_duty.push(on_duty),
                OfferChange::Duty(true) => {}
                OfferChange::Duty(false) => self.scarce.on_duty.retain(|known| *known != on_duty),
            }
        }
        for change in &turn.effects.waiting {
            match change {
                WaitingChange::Join(entry) => {
                    self.scarce.waiting.push((tenant.clone(), turn.contact.id, entry.clone()));
                }
                WaitingChange::Become(id, state) => {
                    let mut rows = self.scarce.waiting.iter_mut();
                    if let Some((_, _, entry)) = rows.find(|(of, _, entry)| of == tenant && entry.id == *id) {
                        entry.state = *state;
                    }
                }
            }
        }
        for change in &turn.effects.orders {
            match change {
                OrderChange::Note(line) => self.scarce.orders.push((tenant.clone(), line.clone())),
                OrderChange::Cancel(id) => self.scarce.orders.retain(|(of, line)| of != tenant || line.id != *id),
            }
        }
        for change in &turn.effects.live {
            match change {
                LiveChange::Pause(id) => self.scarce.paused.push(*id),
                LiveChange::Resume(id) => self.scarce.paused.retain(|paused| paused != id),
                LiveChange::Close { id, .. } => {
                    let mut rows = self.live_sessions.iter_mut();
                    if let Some(row) = rows.find(|row| row.id == *id && row.closed_at.is_none()) {
                        row.closed_at = Some(turn.at);
                    }
                }
            }
        }
        self.scarce.leads.extend(turn.effects.leads.iter().map(|lead| (tenant.clone(), lead.clone())));
    }

    pub(super) fn live(&self, tenant: &TenantId, scope: LiveScope) -> LiveKnowledge {
        let mut rows = self.live_sessions.iter();
        let Some(open) = rows.find(|row| row.tenant == *tenant && row.closed_at.is_none()) else {
            return LiveKnowledge::Closed;
        };
        let is_asked_for = |line: &&OrderLine| match scope {
            LiveScope::Whole => true,
            LiveScope::Of(conversation) => Some(line.conversation) == conversation,
        };
        let lines = self.scarce.orders.iter().filter(|(of, line)| of == tenant && line.session == open.id);
        let wrote = |row: &&ConversationRow| {
            row.tenant == *tenant
                && row.merged_into.is_none()
                && row.conversation.last_inbound_at.is_some_and(|at| at >= open.opened_at)
        };
        let client = |row: &ConversationRow| LiveClient {
            conversation: row.conversation.id,
            person: row.address.identity(),
            name: self.contacts.get(&row.contact).and_then(|contact| contact.name.clone()),
            waits: row.conversation.memory.as_ref().is_some_and(|memory| memory.live_question == Some(open.id)),
            no_marketing: false,
        };
        let whole = scope == LiveScope::Whole;
        LiveKnowledge::Open(Box::new(LiveSession {
            id: open.id,
            opened_at: open.opened_at,
            paused: self.scarce.paused.contains(&open.id),
            lines: lines.map(|(_, line)| line).filter(is_asked_for).cloned().collect(),
            clients: self.conversations.values().filter(|_| whole).filter(wrote).map(client).collect(),
        }))
    }

    fn end_offer(&mut self, tenant: &TenantId, id: OfferId, state: OfferState) {
        let mut offers = self.scarce.offers.iter_mut();
        if let Some((_, offer)) = offers.find(|(of, offer)| of == tenant && offer.id == id) {
            offer.state = state;
        }
    }

    pub(super) fn agenda(&self, key: &ConversationKey, now: Timestamp) -> Agenda {
        let contact = self.addresses.get(&(key.tenant.clone(), key.address.clone()));
        let rows = self.scarce.bookings.values();
        let taken = rows
            .filter(|(tenant, _, booking)| *tenant == key.tenant && booking.state.is_taken() && booking.free_at > now);
        let mut agenda = Agenda { read_at: now, ..Agenda::default() };
        for (_, of, booking) in taken {
            agenda.busy.push(Busy::by(booking));
            if Some(of) == contact {
                agenda.mine.push(booking.clone());
            }
        }
        let open = self.scarce.offers.iter().filter(|(of, offer)| *of == key.tenant && offer.state == OfferState::Open);
        agenda.offers.extend(open.map(|(_, offer)| offer.clone()));
        let is_own = |offer: &Offer| {
            let of = self.scarce.assigned.iter().rev().find(|(id, _)| *id == offer.id);
            offer.state == OfferState::Accepted && of.map(|(_, of)| of) == contact
        };
        let taken = self.scarce.offers.iter().filter(|(of, offer)| *of == key.tenant && is_own(offer));
        agenda.taken.extend(taken.map(|(_, offer)| offer.clone()));
        let on_duty = self.scarce.on_duty.iter().filter(|(of, _)| *of == key.tenant);
        agenda.on_duty.extend(on_duty.map(|(_, conversation)| *conversation));
        let waits = self.scarce.waiting.iter().filter(|(of, _, entry)| {
            let is_open = matches!(entry.state, WaitingState::Waiting | WaitingState::Offered);
            *of == key.tenant && is_open && entry.until > now
        });
        agenda
            .waiting
            .extend(waits.map(|(_, of, entry)| WaitingEntry { is_mine: Some(of) == contact, ..entry.clone() }));
        agenda.waiting.sort_by_key(|entry| (entry.since, entry.id));
        agenda.busy.sort_by_key(|busy| (busy.from, busy.resource.clone()));
        agenda.mine.sort_by_key(|booking| booking.starts_at);
        agenda
    }
}
