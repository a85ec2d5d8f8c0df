//! Evidence for the checks: what was observed from outside, and what the database holds.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use palabre_actors::domain::Timestamp;

use super::journal::{Observations, Post};
use crate::gateway::simulator::SentMessage;
use crate::lab::verdict::Verdict;
use crate::store::Dump;
use crate::store::entity::message_in;

pub(super) struct Evidence {
    /// What customers and their phones saw.
    pub observed: Observations,
    /// What the tables hold.
    pub dump: Dump,
    /// What each tenant is allowed.
    pub tenants: Vec<TenantFacts>,
    /// Texts that nobody may repeat: numbers, tokens, bodies.
    pub secrets: Vec<String>,
    /// What the daemon wrote to others than the provider: logs, metrics, answers.
    pub said: Vec<(&'static str, String)>,
    /// What `palabre explain` tells, by the id that it was asked for.
    pub explained: HashMap<String, Explained>,
    /// What came of the story beside the scripts. `None`: it was not played.
    pub story: Option<Verdict>,
}

/// What the configuration says of a tenant.
#[derive(Clone, Debug)]
pub(super) struct TenantFacts {
    pub id: String,
    pub channels: Vec<String>,
    /// Their addresses, as the tables keep them.
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
    /// Whether the history knows the message itself.
    pub knows_it: bool,
    /// Why it ended as it did, in a sentence; `None` when nobody has words for it.
    pub why: Option<String>,
}

impl Evidence {
    /// The rows of a message: one, if all is well.
    pub fn rows_of<'a>(&'a self, post: &Post) -> impl Iterator<Item = &'a message_in::Model> {
        let (tenant, channel, provider_id) = (post.tenant, post.channel, post.provider_id.clone());
        self.dump.inbound.iter().filter(move |row| {
            row.tenant_id == tenant && row.channel_id == channel && row.provider_message_id == provider_id
        })
    }

    /// The sends of an outbound row: one at most, if all is well.
    pub fn sends_of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a SentMessage> {
        self.observed.sends.iter().filter(move |sent| sent.message_id.as_deref() == Some(id))
    }

    /// The events of an entity.
    pub fn events_of<'a>(&'a self, kind: &'a str, id: &'a str) -> impl Iterator<Item = &'a str> {
        let about = self.dump.events.iter().filter(move |event| event.entity_id.as_deref() == Some(id));
        about.filter(move |event| event.entity_type == kind).map(|event| event.event_type.as_str())
    }
}

/// A time as the tables keep it.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}
