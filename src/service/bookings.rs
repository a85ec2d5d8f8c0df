//! Bookings: who comes when; made by hand, moved, called off, settled.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::booking::{BookingRefused, BookingState};
use palabre_actors::domain::ids::{BookingId, ChannelId, ConversationId, CorrelationId, OutboundId, TenantId};
use palabre_actors::domain::turn::{BookingAct, BookingRequest, Command, Request};

use super::handling::{ConversationAccess, answered, asked_by};
use super::messages::NotSent;
use super::permissions::Permission::{BookingRead, BookingWrite, MessageSend};
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::operator::{BookingRow, Operator};

/// Bookings of these tenants that begin within a time, in order.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    within: (Timestamp, Timestamp),
    (state, limit): (Option<BookingState>, usize),
) -> Result<Vec<BookingRow>, ServiceError> {
    caller.require(BookingRead)?;
    Ok(store.bookings(&caller.among(tenants)?, within, (state, None), limit).await?)
}

/// One booking.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn one(caller: &Caller, store: &Operator, id: BookingId) -> Result<BookingRow, ServiceError> {
    caller.require(BookingRead)?;
    find(caller, store, id).await
}

async fn find(caller: &Caller, store: &Operator, id: BookingId) -> Result<BookingRow, ServiceError> {
    store.booking(&caller.tenants, id).await?.ok_or(ServiceError::NotFound("booking"))
}

/// What becomes of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookingChoice {
    /// It has another time; somebody else does it, if one is named.
    Move { starts_at: Timestamp, resource: Option<String> },
    /// It is called off.
    Cancel,
    /// It took place.
    Done,
    /// Nobody came.
    NoShow,
}

impl BookingChoice {
    const fn action(&self) -> &'static str {
        match self {
            Self::Move { .. } => "booking.move",
            Self::Cancel => "booking.cancel",
            Self::Done => "booking.done",
            Self::NoShow => "booking.no_show",
        }
    }
}

/// How a booking stands after a change, and whether the customer is told.
#[derive(Debug)]
pub struct BookingChanged {
    pub row: BookingRow,
    /// The message that tells them. `None`: nobody asked for it, or they said STOP.
    pub message: Option<OutboundId>,
}

/// Changes a booking, as it is now or as somebody has seen it: one that another person or the customer changed since is refused
/// ([`BookingRefused::Changed`]). The customer is told under their consent and within the window, by a template otherwise.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn change(
    caller: &Caller,
    at: ConversationAccess<'_>,
    (id, seen): (BookingId, Option<Timestamp>),
    choice: BookingChoice,
    tells: bool,
) -> Result<BookingChanged, ServiceError> {
    may_write(caller, tells)?;
    let row = find(caller, at.store, id).await?;
    audit::note(caller, at.store, &row.tenant, choice.action(), ("booking", &id.to_string())).await?;
    if seen.is_some_and(|seen| seen != row.starts_at) {
        return Err(refused(BookingRefused::Changed));
    }
    let booking = row.booking();
    let act = match choice {
        BookingChoice::Move { starts_at, resource } => {
            let resource = resource.unwrap_or_else(|| row.resource.clone());
            BookingAct::Move { booking, resource, starts_at }
        }
        BookingChoice::Cancel => BookingAct::Cancel(booking),
        BookingChoice::Done => BookingAct::Done(booking),
        BookingChoice::NoShow => BookingAct::NoShow(booking),
    };
    let request = request(caller, act, tells);
    let done = answered(at.outgoing.request(row.tenant.clone(), row.conversation, request).await)?;
    Ok(BookingChanged { row: find(caller, at.store, id).await?, message: done.message })
}

/// A booking that a person makes for a customer. It never stands in a log.
#[derive(Clone)]
pub struct NewBooking {
    pub tenant: TenantId,
    pub whom: Customer,
    /// Their name, where none is known.
    pub name: Option<String>,
    pub service: String,
    pub resource: String,
    pub starts_at: Timestamp,
    pub people: u32,
}

/// Whom a booking is for.
#[derive(Clone)]
pub enum Customer {
    /// Whoever talks there.
    In(ConversationId),
    /// Whoever has this address; they need not have written.
    At(ChannelId, Address),
}

/// Books for a customer. Of two who take one time, one gets it, and the other is told ([`BookingRefused::Taken`], I12).
///
/// # Errors
/// [`ServiceError`]
pub async fn book(
    caller: &Caller,
    at: ConversationAccess<'_>,
    new: NewBooking,
    tells: bool,
) -> Result<BookingChanged, ServiceError> {
    may_write(caller, tells)?;
    caller.within(&new.tenant)?;
    let id = BookingId::fresh();
    audit::note(caller, at.store, &new.tenant, "booking.book", ("booking", &id.to_string())).await?;
    let NewBooking { tenant, whom, name, service, resource, starts_at, people } = new;
    let request = request(caller, BookingAct::Book { id, service, resource, starts_at, name, people }, tells);
    let done = match whom {
        Customer::In(conversation) => at.outgoing.request(tenant, conversation, request).await,
        Customer::At(channel, address) => at.outgoing.request_of(tenant, channel, address, request).await,
    };
    let done = answered(done)?;
    Ok(BookingChanged { row: find(caller, at.store, id).await?, message: done.message })
}

fn may_write(caller: &Caller, tells: bool) -> Result<(), ServiceError> {
    caller.require(BookingWrite)?;
    if tells { caller.require(MessageSend) } else { Ok(()) }
}

fn request(caller: &Caller, act: BookingAct, tells: bool) -> Request {
    asked_by(caller, CorrelationId::fresh(), Command::Booking(BookingRequest { act, tells }))
}

fn refused(why: BookingRefused) -> ServiceError {
    ServiceError::NotDone(not_booked(why))
}

/// Why a booking was left as it is: which field, and what to do.
#[must_use]
pub fn not_booked(why: BookingRefused) -> NotSent {
    let (field, hint) = match why {
        BookingRefused::NothingToBook => {
            ("service", "the tenant has no flow that books: `[[flows]]` with `use = \"booking\"`, and `[[services]]`")
        }
        BookingRefused::UnknownService => ("service", "name one of the tenant's `[[services]]` by its id"),
        BookingRefused::UnknownResource => ("resource", "name one of the `resources` of this service"),
        BookingRefused::NoSuchTime => ("starts_at", "it begins at a multiple of five minutes, and ends later than now"),
        BookingRefused::Taken => ("starts_at", "somebody else has that time: choose another one"),
        BookingRefused::TooMany => ("people", "a booking is for one person or more, up to the service's `capacity`"),
        BookingRefused::Changed => {
            ("id", "it was moved, cancelled or settled since it was read, or is over: read it again")
        }
        BookingRefused::NotBegun => ("id", "it has not begun: nobody knows whether they come"),
    };
    NotSent::Refused { word: why.as_str(), hint: hint.into(), field: Some(field.into()) }
}
