//! The document that is posted for an event.

use palabre_actors::domain::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::store::events_out::{EventDelivery, EventDetails};

/// An event, as it is posted to endpoints.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventDocument {
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened, RFC 3339.
    pub timestamp: String,
    pub data: EventData,
}

/// What an event is about. Fields that do not apply are left out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventData {
    /// The event's id: the same as the header `webhook-id`.
    pub id: String,
    pub tenant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<String>,
    /// The kind of thing that it happened to: `message_in`, `message_out`, `conversation`, `contact`, …
    pub entity_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// The same on everything that one webhook or one request led to.
    pub correlation_id: String,
    /// Who caused it: `provider`, `contact`, `bot`, `system`, `operator` or `agent`.
    pub actor_type: String,
    /// What else the event log has: reasons, codes, numbers. Nothing in it identifies a person.
    #[schema(value_type = Object)]
    pub details: Value,
    /// Of events about messages, for endpoints with `reveal = true` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<EventMessage>,
}

/// A message, for endpoints that may see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventMessage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl EventDocument {
    /// `reveal`: whether the endpoint may see texts and addresses (I10).
    #[must_use]
    pub fn of(delivery: &EventDelivery, details: EventDetails, reveal: bool) -> Self {
        let is_message = details.to.is_some() || details.from.is_some();
        let message = EventMessage { from: details.from, to: details.to, text: details.text };
        Self {
            event_type: delivery.event_type.clone(),
            timestamp: rfc3339(delivery.occurred_at),
            data: EventData {
                id: delivery.event.to_string(),
                tenant_id: delivery.endpoint.tenant.to_string(),
                channel_id: details.channel.map(|channel| channel.to_string()),
                conversation_id: details.conversation,
                contact_id: details.contact,
                entity_type: delivery.entity_type.clone(),
                entity_id: delivery.entity.clone(),
                correlation_id: delivery.correlation.clone(),
                actor_type: delivery.actor_type.clone(),
                details: serde_json::from_str(&delivery.payload).unwrap_or_default(),
                message: Some(message).filter(|_| reveal && is_message),
            },
        }
    }

    /// What `palabre webhooks test` posts.
    #[must_use]
    pub fn test(id: &str, tenant: &str, now: Timestamp) -> Self {
        Self {
            event_type: TEST.to_owned(),
            timestamp: rfc3339(now),
            data: EventData {
                id: id.to_owned(),
                tenant_id: tenant.to_owned(),
                channel_id: None,
                conversation_id: None,
                contact_id: None,
                entity_type: "webhook".to_owned(),
                entity_id: None,
                correlation_id: id.to_owned(),
                actor_type: "operator".to_owned(),
                details: Value::Object(serde_json::Map::new()),
                message: None,
            },
        }
    }

    /// The body of the request.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        // Serialising texts and JSON values cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The type of a test: no event of the log has it.
pub const TEST: &str = "webhook_test";

fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
