//! Booking for a customer; moving, calling off and settling bookings.

use actix_web::http::StatusCode;
use palabre_actors::domain::ids::BookingId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

use super::super::call::{Call, Json, PathId, ToOperate, WholeBody};
use super::super::messages::{channel_and_address, tenant};
use super::super::params::{timestamp, uuid};
use super::super::problems::{BodyProblems, CallProblems, ErrorBody, UnknownId};
use super::super::{Reply, reply, reply_with};
use super::Booking;
use crate::http::problem::HttpProblem;
use crate::http::routes::Routes;
use crate::service::ServiceError;
use crate::service::bookings::{self, BookingChanged, BookingChoice, Customer, NewBooking};
use crate::service::handling::ConversationAccess;
use crate::service::messages::NotSent;

/// Adds the routes.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.post("/api/v1/bookings/{id}/move", reschedule);
    routes.post("/api/v1/bookings/{id}/cancel", cancel);
    routes.post("/api/v1/bookings/{id}/done", done);
    routes.post("/api/v1/bookings/{id}/no-show", no_show);
}

/// A booking for a customer.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct BookingBody {
    /// Whose customer. May be left out when the key sees one tenant alone, or `channel` says it.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Where they are written to. May be left out when one channel of the tenant fits `to`.
    #[serde(default)]
    pub channel: Option<String>,
    /// A phone number (`+33612345678`) or an address (`whatsapp:+33612345678`).
    #[schema(example = "whatsapp:+33612345678")]
    pub to: String,
    /// Their name, where none is known.
    #[serde(default)]
    pub name: Option<String>,
    /// A service of the tenant, by its id.
    #[schema(example = "manucure")]
    pub service: String,
    /// Who or what does it.
    #[schema(example = "Awa")]
    pub resource: String,
    /// When it begins: a multiple of five minutes.
    #[schema(example = "2026-12-02T15:00:00Z")]
    pub starts_at: String,
    /// How many people come: more than one where the service has a `capacity`.
    #[serde(default = "one")]
    pub people: u32,
    /// Whether the customer is told. Needs `send` as well.
    #[serde(default)]
    pub tell: bool,
}

const fn one() -> u32 {
    1
}

/// Another time for a booking.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct BookingMove {
    /// When it begins then: a multiple of five minutes.
    #[schema(example = "2026-12-02T15:00:00Z")]
    pub starts_at: String,
    /// Who or what does it then; as before, unless given.
    #[serde(default)]
    pub resource: Option<String>,
    /// When it begins as you know it: one that was moved since is refused.
    #[serde(default)]
    pub was_at: Option<String>,
    /// Whether the customer is told. Needs `send` as well.
    #[serde(default)]
    pub tell: bool,
}

/// How a booking is called off.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct BookingCancellation {
    /// Whether the customer is told. Needs `send` as well.
    #[serde(default)]
    pub tell: bool,
}

/// A booking after a change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangedBooking {
    #[serde(flatten)]
    pub booking: Booking,
    /// The message that tells the customer; null when nobody asked for one, or they said STOP.
    pub message_id: Option<String>,
}

/// What a booking may be refused for.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description reads it")]
pub(in crate::http::api) enum BookingProblems {
    /// `taken`: somebody else has that time. `changed`: the booking was moved, cancelled or settled since, or is over
    #[response(status = 409)]
    Lost(ErrorBody),
    /// `unknown_service`, `unknown_resource`, `no_such_time`, `too_many`, `not_begun`, `nothing_to_book`
    #[response(status = 422)]
    Refused(ErrorBody),
}

/// Books for a customer, who need not have written. Of two who want one time, one gets it, and the other gets 409.
#[utoipa::path(post, path = "/api/v1/bookings", operation_id = "book", tag = "bookings", request_body = BookingBody,
    security(("key" = ["operate"])), responses(
    (status = 201, body = ChangedBooking, description = "It is booked"), CallProblems, BodyProblems, BookingProblems
))]
pub(in crate::http::api) async fn book(call: Call<ToOperate>, Json(asked): Json<BookingBody>) -> Reply {
    let tenant = tenant(&call.api, &call.caller, asked.tenant.as_deref(), asked.channel.as_deref())?;
    let (channel, to) = channel_and_address(&call.api, &tenant, asked.channel.as_deref(), &asked.to)?;
    let new = NewBooking {
        tenant,
        whom: Customer::At(channel.id, to),
        name: asked.name,
        service: asked.service,
        resource: asked.resource,
        starts_at: timestamp("starts_at", &asked.starts_at)?,
        people: asked.people,
    };
    let booked = bookings::book(call.caller.service(), access(&call), new, asked.tell).await.map_err(told)?;
    reply_with(StatusCode::CREATED, &changed(&call, booked))
}

/// Gives a booking another time, or to somebody else. It keeps its id.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/move", operation_id = "move_booking", tag = "bookings",
    request_body = BookingMove, params(("id" = String, Path, description = "The booking")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = ChangedBooking, description = "The booking as it is now"),
    CallProblems, UnknownId, BodyProblems, BookingProblems
))]
pub(in crate::http::api) async fn reschedule(
    call: Call<ToOperate>,
    id: PathId,
    Json(asked): Json<BookingMove>,
) -> Reply {
    let starts_at = timestamp("starts_at", &asked.starts_at)?;
    let seen = asked.was_at.as_deref().map(|text| timestamp("was_at", text)).transpose()?;
    let id = (booking_id(&id)?, seen);
    let choice = BookingChoice::Move { starts_at, resource: asked.resource };
    let moved = bookings::change(call.caller.service(), access(&call), id, choice, asked.tell).await;
    reply(&changed(&call, moved.map_err(told)?))
}

/// Calls a booking off: its time is free at once.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/cancel", operation_id = "cancel_booking", tag = "bookings",
    request_body = BookingCancellation, params(("id" = String, Path, description = "The booking")),
    security(("key" = ["operate"])), responses(
    (status = 200, body = ChangedBooking, description = "The booking as it is now"),
    CallProblems, UnknownId, BodyProblems, BookingProblems
))]
pub(in crate::http::api) async fn cancel(
    call: Call<ToOperate>,
    id: PathId,
    Json(asked): Json<BookingCancellation>,
) -> Reply {
    let id = (booking_id(&id)?, None);
    let cancelled = bookings::change(call.caller.service(), access(&call), id, BookingChoice::Cancel, asked.tell).await;
    reply(&changed(&call, cancelled.map_err(told)?))
}

/// Says that a booking took place.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/done", operation_id = "booking_done", tag = "bookings",
    params(("id" = String, Path, description = "The booking")), security(("key" = ["operate"])), responses(
    (status = 200, body = ChangedBooking, description = "The booking as it is now"),
    CallProblems, UnknownId, BookingProblems
))]
pub(in crate::http::api) async fn done(call: Call<ToOperate>, id: PathId, _body: WholeBody) -> Reply {
    settle(&call, &id, BookingChoice::Done).await
}

/// Says that nobody came.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/no-show", operation_id = "booking_no_show", tag = "bookings",
    params(("id" = String, Path, description = "The booking")), security(("key" = ["operate"])), responses(
    (status = 200, body = ChangedBooking, description = "The booking as it is now"),
    CallProblems, UnknownId, BookingProblems
))]
pub(in crate::http::api) async fn no_show(call: Call<ToOperate>, id: PathId, _body: WholeBody) -> Reply {
    settle(&call, &id, BookingChoice::NoShow).await
}

async fn settle(call: &Call<ToOperate>, id: &PathId, choice: BookingChoice) -> Reply {
    let id = (booking_id(id)?, None);
    let settled = bookings::change(call.caller.service(), access(call), id, choice, false).await;
    reply(&changed(call, settled.map_err(told)?))
}

fn booking_id(id: &PathId) -> Result<BookingId, HttpProblem> {
    uuid("id", &id.0).map(BookingId)
}

fn access<S>(call: &Call<S>) -> ConversationAccess<'_> {
    ConversationAccess { store: &call.operator, outgoing: &*call.api.outgoing }
}

fn changed<S>(call: &Call<S>, changed: BookingChanged) -> ChangedBooking {
    let message_id = changed.message.map(|id| id.to_string());
    ChangedBooking { booking: Booking::of(&changed.row, call.caller.visibility()), message_id }
}

/// Who came too late learns that it is no mistake of theirs.
fn told(error: ServiceError) -> HttpProblem {
    let is_lost =
        matches!(&error, ServiceError::NotDone(NotSent::Refused { word, .. }) if matches!(*word, "taken" | "changed"));
    let problem = HttpProblem::from(error);
    if is_lost { HttpProblem { status: StatusCode::CONFLICT, ..problem } } else { problem }
}
