//! Rows of bookings, leads, offers and labels that turns write, with their claims (I12).
//!
//! A claim that another has breaks the key of `claims`, and the transaction with it. Its turns are then written one by one,
//! and the one that came late is a `Conflict`.

use palabre_actors::domain::booking::{Booking, BookingChange};
use palabre_actors::domain::claim::ClaimChange;
use palabre_actors::domain::lead::{Lead, LeadState};
use palabre_actors::domain::live::{LiveChange, OrderChange, OrderLine, OrderState};
use palabre_actors::domain::offer::{Offer, OfferChange, OfferState};
use palabre_actors::domain::turn::Turn;
use sea_orm::DbErr;

use super::Transaction;
use crate::store::insert::Rows;
use crate::store::sql;
use crate::store::statement::{
    Value, change, change_later, flag, id, id_or_null, integer, list, text, text_or_null, time,
};
use crate::store::values::corrupt;

/// Makes no statement when no turn has such rows.
pub(super) async fn apply(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let with: Vec<&Turn> = turns.iter().copied().filter(|turn| turn.effects != Default::default()).collect();
    if with.is_empty() {
        return Ok(());
    }
    claims(tx, &with).await?;
    bookings(tx, &with).await?;
    leads(tx, &with).await?;
    offers(tx, &with).await?;
    orders(tx, &with).await?;
    super::waiting::apply(tx, &with).await?;
    live(tx, &with).await?;
    labels(tx, &with).await
}

async fn claims(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let (mut released, mut taken) = (Vec::new(), Vec::new());
    for turn in turns {
        for claim in &turn.effects.claims {
            match claim {
                ClaimChange::Release { owner } => released.push([text(turn.key.tenant.as_str()), id(owner)]),
                ClaimChange::Take { key, owner } => taken.push((turn.key.tenant.as_str(), key, owner, turn.at)),
            }
        }
    }
    change_later(tx, sql::FORGET_CLAIMS, [list(released)]).await?;
    // In one order everywhere: two transactions wait for each other in one direction only.
    taken.sort_unstable();
    let mut rows = Rows::of(sql::CLAIMS);
    for (tenant, key, owner, at) in taken {
        rows.push([text(tenant), text(key.as_str()), id(owner), time(at)]);
    }
    rows.insert_later(tx).await
}

async fn bookings(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let mut held = Rows::of(sql::BOOKINGS);
    let (mut moved, mut late, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for turn in turns {
        for change in &turn.effects.bookings {
            match change {
                BookingChange::Hold(booking) => held.push(booking_row(turn, booking)),
                BookingChange::Move(booking) => moved.push(moved_row(turn, booking)),
                BookingChange::Late(booking, minutes) => late.push([
                    text(turn.key.tenant.as_str()),
                    id(booking.id),
                    time(booking.free_at),
                    integer(*minutes),
                    time(turn.at),
                ]),
                BookingChange::Become(booking, state) => {
                    changed.push([text(turn.key.tenant.as_str()), id(booking), text(state.as_str()), time(turn.at)]);
                }
            }
        }
    }
    held.insert_later(tx).await?;
    change_later(tx, sql::BOOKING_TIMES, [list(moved)]).await?;
    change_later(tx, sql::BOOKING_LATE, [list(late)]).await?;
    change_later(tx, sql::BOOKING_STATES, [list(changed)]).await
}

fn moved_row(turn: &Turn, booking: &Booking) -> [Value; 8] {
    [
        text(turn.key.tenant.as_str()),
        id(booking.id),
        text(booking.resource.as_str()),
        time(booking.starts_at),
        time(booking.ends_at),
        time(booking.free_at),
        time(turn.at),
        integer(booking.party.places.bits()),
    ]
}

fn booking_row(turn: &Turn, booking: &Booking) -> [Value; 15] {
    [
        id(booking.id),
        text(turn.key.tenant.as_str()),
        id(turn.conversation.id),
        id(turn.contact.id),
        text(booking.service.as_str()),
        text(booking.resource.as_str()),
        time(booking.starts_at),
        time(booking.ends_at),
        time(booking.free_at),
        text(booking.state.as_str()),
        id(turn.correlation),
        time(turn.at),
        time(turn.at),
        integer(booking.party.people),
        integer(booking.party.places.bits()),
    ]
}

async fn leads(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let mut rows = Rows::of(sql::LEADS);
    for turn in turns {
        turn.effects.leads.iter().for_each(|lead| rows.push(lead_row(turn, lead)));
    }
    rows.insert_later(tx).await
}

fn lead_row(turn: &Turn, lead: &Lead) -> [Value; 14] {
    [
        id(lead.id),
        text(turn.key.tenant.as_str()),
        id(turn.conversation.id),
        id(turn.contact.id),
        text_or_null(lead.name.as_deref()),
        text_or_null(lead.email.as_deref()),
        text_or_null(lead.phone.as_deref()),
        text(lead.need.as_str()),
        flag(lead.urgent),
        text(LeadState::New.as_str()),
        text(lead.source.as_str()),
        id(turn.correlation),
        time(turn.at),
        time(turn.at),
    ]
}

async fn labels(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let mut rows = Rows::of(sql::CONVERSATION_LABELS);
    for turn in turns {
        let row =
            |label: &&str| [text(turn.key.tenant.as_str()), id(turn.conversation.id), text(*label), time(turn.at)];
        turn.effects.labels.iter().for_each(|label| rows.push(row(label)));
    }
    rows.insert_later(tx).await
}

async fn offers(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let (mut made, mut on) = (Rows::of(sql::OFFERS), Rows::of(sql::ON_DUTY));
    let (mut changed, mut off, mut rated) = (Vec::new(), Vec::new(), Vec::new());
    for turn in turns {
        let tenant = || text(turn.key.tenant.as_str());
        let mut into = |offer, state: OfferState, to: Option<_>| {
            changed.push([tenant(), id(offer), text(state.as_str()), id_or_null(to), time(turn.at)]);
        };
        for change in &turn.effects.offers {
            match change {
                OfferChange::Make(offer) => made.push(offer_row(turn, offer)?),
                OfferChange::Accept(offer) => into(*offer, OfferState::Accepted, Some(turn.conversation.id)),
                OfferChange::Finish(offer) => into(*offer, OfferState::Done, Some(turn.conversation.id)),
                OfferChange::End(offer, state) => into(*offer, *state, None),
                OfferChange::Rate(offer, rating) => {
                    rated.push([tenant(), id(offer), integer(*rating), time(turn.at)]);
                }
                OfferChange::Duty(true) => on.push([tenant(), id(turn.conversation.id), time(turn.at)]),
                OfferChange::Duty(false) => off.push([tenant(), id(turn.conversation.id)]),
            }
        }
    }
    made.insert_later(tx).await?;
    change_later(tx, sql::OFFER_STATES, [list(changed)]).await?;
    change_later(tx, sql::OFFER_RATINGS, [list(rated)]).await?;
    on.insert_later(tx).await?;
    change_later(tx, sql::OFF_DUTY, [list(off)]).await
}

async fn orders(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    let mut noted = Rows::of(sql::ORDER_LINES);
    let mut changed = Vec::new();
    for turn in turns {
        for change in &turn.effects.orders {
            match change {
                OrderChange::Note(line) => noted.push(order_row(turn, line)),
                OrderChange::Cancel(line) => {
                    let state = text(OrderState::Cancelled.as_str());
                    changed.push([text(turn.key.tenant.as_str()), id(line), state, time(turn.at)]);
                }
            }
        }
    }
    noted.insert_later(tx).await?;
    change_later(tx, sql::ORDER_STATES, [list(changed)]).await
}

fn order_row(turn: &Turn, line: &OrderLine) -> [Value; 12] {
    [
        id(line.id),
        text(turn.key.tenant.as_str()),
        id(line.session),
        id(turn.conversation.id),
        id(turn.contact.id),
        text(line.what.reference.as_str()),
        text_or_null(line.what.size.as_deref()),
        integer(line.what.quantity),
        text(OrderState::Noted.as_str()),
        id(turn.correlation),
        time(turn.at),
        time(turn.at),
    ]
}

/// A seller does this a few times an hour: one statement each.
async fn live(tx: &impl Transaction, turns: &[&Turn]) -> Result<(), DbErr> {
    for turn in turns {
        let tenant = || text(turn.key.tenant.as_str());
        for what in &turn.effects.live {
            match what {
                LiveChange::Pause(session) => {
                    change(tx, sql::PAUSE_LIVE, [tenant(), id(session), time(turn.at)]).await?;
                }
                LiveChange::Resume(session) => {
                    change(tx, sql::RESUME_LIVE, [tenant(), id(session)]).await?;
                }
                LiveChange::Close { id: session, clients, unanswered } => {
                    let figures = [integer(*clients), integer(*unanswered)];
                    let [clients, unanswered] = figures;
                    change(tx, sql::CLOSE_LIVE, [tenant(), id(session), time(turn.at), clients, unanswered]).await?;
                }
            }
        }
    }
    Ok(())
}

fn offer_row(turn: &Turn, offer: &Offer) -> Result<[Value; 13], DbErr> {
    let details = serde_json::to_string(&offer.details).map_err(|_| corrupt("an offer"))?;
    Ok([
        id(offer.id),
        text(turn.key.tenant.as_str()),
        id(turn.conversation.id),
        id(turn.contact.id),
        text("ride"),
        text(offer.text.as_str()),
        text(details),
        text(offer.state.as_str()),
        Value::Text(None),
        time(offer.expires_at),
        id(turn.correlation),
        time(turn.at),
        time(turn.at),
    ])
}
