//! All that the invariants are checked against: what the outside saw, and what the database holds.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use palabre_actors::domain::Timestamp;

use super::journal::{Observations, Post};
use crate::gateway::twilio::simulator::Sent;
use crate::store::Dump;
use crate::store::entity::message_in;

/// The evidence.
pub(super) struct Evidence {
    /// What customers and their phones saw.
    pub observed: Observations,
    /// What the tables hold.
    pub census: Dump,
    /// What each tenant is allowed.
    pub tenants: Vec<TenantFacts>,
    /// Texts that nobody may repeat: numbers, tokens, bodies.
    pub secrets: Vec<String>,
    /// Everything the daemon said to others than the provider, by place.
    pub said: Vec<(&'static str, String)>,
    /// What `palabre explain` tells, by the id that it was asked for.
    pub explained: HashMap<String, Explained>,
}

/// What the configuration says of a tenant.
#[derive(Clone, Debug)]
pub(super) struct TenantFacts {
    /// Its slug.
    pub id: String,
    /// Its account at the provider.
    pub account: String,
    /// Its channels' addresses, as Twilio writes them.
    pub addresses: Vec<String>,
    /// Its sends in any second.
    pub per_second: usize,
    /// Automatic answers to a contact in any minute.
    pub per_contact_per_minute: usize,
    /// Its sends in a day.
    pub per_day: usize,
}

/// What was told of an id.
#[derive(Clone, Debug, Default)]
pub(super) struct Explained {
    /// Whether the story knows the message itself.
    pub knows_it: bool,
    /// Why it ended as it did, in a sentence; `None` when nobody has words for it.
    pub why: Option<String>,
}

impl Evidence {
    /// The rows of a message: one, if all is well.
    pub fn rows_of<'a>(&'a self, post: &Post) -> impl Iterator<Item = &'a message_in::Model> {
        let (tenant, channel, sid) = (post.tenant, post.channel, post.sid.clone());
        self.census
            .inbound
            .iter()
            .filter(move |row| row.tenant_id == tenant && row.channel_id == channel && row.provider_message_id == sid)
    }

    /// The sends of an outbound row: one at most, if all is well.
    pub fn sends_of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Sent> {
        self.observed.sends.iter().filter(move |sent| sent.mid.as_deref() == Some(id))
    }

    /// The events of an entity.
    pub fn events_of<'a>(&'a self, kind: &'a str, id: &'a str) -> impl Iterator<Item = &'a str> {
        let about = self.census.events.iter().filter(move |event| event.entity_id.as_deref() == Some(id));
        about.filter(move |event| event.entity_type == kind).map(|event| event.event_type.as_str())
    }
}

/// A time as the tables keep it.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}

/// An address as the tables keep it, from how Twilio writes it.
pub(super) fn stored(wire: &str) -> String {
    if wire.contains(':') { wire.to_owned() } else { format!("sms:{wire}") }
}
