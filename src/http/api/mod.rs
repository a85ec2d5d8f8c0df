//! The JSON API under `/api/v1`, with bearer keys.
//!
//! One module per resource: its routes, handlers, parameters, bodies and responses. A key sees its tenants and nothing of
//! others (I9); whole addresses and texts need the scope `read-content` (I10).

mod alerts;
mod audit;
mod bookings;
mod broadcasts;
mod call;
mod caller;
mod channels;
mod consents;
mod contacts;
mod conversations;
mod faq;
mod json_errors;
mod live_sessions;
pub(super) mod media;
mod messages;
mod openapi;
mod outbox;
mod paid_access;
mod params;
mod privacy;
mod problems;
mod reload;
mod visibility;
mod webhooks;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use palabre_actors::domain::ids::ChannelId;
use palabre_actors::ports::Clock;
use serde::Serialize;

pub use self::caller::{Key, Scope};
use super::problem::HttpProblem;
use super::routes::Routes;
use crate::config::TenantDirectory;
use crate::service::ServiceError;
use crate::service::channels::ConfiguredChannels;
use crate::service::media::MediaAccess;
use crate::service::messages::Outgoing;
use crate::service::paid_access::PaidAccess;
use crate::service::person_links::PersonLinks;
use crate::service::privacy::PersonalData;
use crate::service::reload::Reload;
use crate::store::operator::Operator;
use crate::store::{StoreError, StoredFaq};

/// What the API answers with; `palabre … --json` prints the same shapes.
pub mod responses {
    pub use super::audit::AuditLogEntry;
    pub use super::bookings::{Booking, ChangedBooking, Lead};
    pub use super::broadcasts::{BroadcastEstimate, BroadcastItem, BroadcastReport};
    pub use super::channels::{ChannelPause, ChannelState};
    pub use super::consents::{ConsentEntry, OptOutEntry};
    pub use super::contacts::ContactLink;
    pub use super::conversations::{Contact, ConversationMessages, Conversations, SearchFound};
    pub use super::faq::{FaqItem, FaqTried, UnansweredItem};
    pub use super::live_sessions::{LiveSessionItem, LiveSessionOrders, OrderLineItem};
    pub use super::outbox::{Message, MessageEvent, MessageHistory, MessagePage, OutboxCounts, Replayed, Waiting};
    pub use super::privacy::PersonRequest;
    pub use super::visibility::Visibility;
    pub(crate) use super::visibility::rfc3339;
    pub use super::webhooks::{WebhookDeliveries, WebhookState};
}

/// What the API needs of the rest of the daemon.
#[derive(Clone)]
pub struct ApiDeps {
    /// Who may call. None: the API answers 401 to everything but its description.
    pub keys: Arc<[Key]>,
    /// The channels of the configuration.
    pub channels: ConfiguredChannels,
    /// The tenants of the configuration; `None` in tests of other things.
    pub tenants: Option<TenantDirectory>,
    /// The operators' way to the tables; `None` in tests of other things.
    pub operator: Option<Operator>,
    /// Where messages to send go.
    pub outgoing: Arc<dyn Outgoing>,
    /// Paid access; `None`: no tenant sells anything.
    pub access: Option<PaidAccess>,
    /// The rules of tenants with their FAQ entries.
    pub faq: StoredFaq,
    /// Exports and erasures; `None` in tests of other things.
    pub privacy: Option<PersonalData>,
    /// Takes the tenants' files over; `None` in tests of other things.
    pub reload: Option<Arc<dyn Reload>>,
    /// Links by which contacts show that an address is theirs; `None` in tests of other things.
    pub person_links: Option<PersonLinks>,
    /// Files of messages.
    pub media: MediaAccess,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for ApiDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiDeps").field("keys", &self.keys).field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl ApiDeps {
    /// The channels whose messages do not wait for each other.
    fn unordered(&self) -> BTreeSet<ChannelId> {
        self.channels.now().iter().filter(|channel| !channel.keep_order).map(|channel| channel.id.clone()).collect()
    }
}

type Reply = Result<HttpResponse, HttpProblem>;

fn reply(response: &impl Serialize) -> Reply {
    reply_with(StatusCode::OK, response)
}

fn reply_with(status: StatusCode, response: &impl Serialize) -> Reply {
    let body = serde_json::to_vec(response).map_err(|_| problems::UNAVAILABLE)?;
    Ok(HttpResponse::build(status).content_type("application/json").body(body))
}

impl From<StoreError> for HttpProblem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %error, "the api could not use the database");
        problems::UNAVAILABLE
    }
}

impl From<ServiceError> for HttpProblem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Denied(permission) => problems::denied(permission),
            ServiceError::UnknownTenant => problems::UNKNOWN_TENANT,
            ServiceError::NotFound("message") => problems::UNKNOWN_MESSAGE,
            ServiceError::NotFound("channel") => channels::UNKNOWN,
            ServiceError::NotFound(_) => problems::NOT_FOUND,
            ServiceError::NotValid { field, reason } => faq::not_valid(field, reason),
            ServiceError::TooManyTenants => problems::TOO_MANY_TENANTS,
            ServiceError::Invalid(_) | ServiceError::WeakPassword(_) => problems::NOT_A_BODY,
            ServiceError::Busy => problems::UNAVAILABLE,
            ServiceError::NotDone(why) => messages::not_sent(why),
            ServiceError::Store(error) => error.into(),
        }
    }
}

/// Adds the routes of the API.
pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.get("/api/v1/openapi.json", openapi::description);
    messages::mount(routes);
    alerts::mount(routes);
    outbox::mount(routes);
    channels::mount(routes);
    reload::mount(routes);
    consents::mount(routes);
    conversations::mount(routes);
    contacts::mount(routes);
    paid_access::mount(routes);
    bookings::mount(routes);
    live_sessions::mount(routes);
    broadcasts::mount(routes);
    audit::mount(routes);
    faq::mount(routes);
    privacy::mount(routes);
    webhooks::mount(routes);
    media::mount(routes);
}
