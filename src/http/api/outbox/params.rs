//! Filters of the outbox, and the bodies of changes.

use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::message::OutboundKind;
use palabre_actors::domain::status::OutboxState;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::caller::Caller;
use super::super::params::{QueryParams, names_of, timestamp, word};
use super::super::problems::invalid;
use crate::http::problem::HttpProblem;
use crate::store::operator::Filter;

const UNKNOWN_STATE: HttpProblem = invalid(
    "state",
    "unknown state",
    "states are: pending, sending, unknown, sent, delivered, read, failed, deferred, suppressed, dead, cancelled",
);
const UNKNOWN_KIND: HttpProblem = invalid(
    "kind",
    "unknown kind",
    "kinds are: reply, manual, marketing, welcome, help, opt_out_confirmation, opt_in_confirmation",
);

/// Which messages. Without `state`: those that need a look (`dead`, `failed`, `unknown`, `deferred`, and `pending` for more
/// than a minute).
#[derive(Clone, Debug, Default, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct OutboxFilter {
    /// Of this tenant alone.
    pub tenant: Option<String>,
    /// Through this channel alone.
    pub channel: Option<String>,
    /// In these states, separated by commas. Without it, those that need a look: `dead`, `failed`, `unknown`,
    /// `deferred`, and `pending` for more than a minute (a replay by filter: `dead` and `failed`).
    #[schema(example = "dead,failed")]
    pub state: Option<String>,
    /// For this reason: a word or a provider's code.
    #[schema(example = "63016")]
    pub reason: Option<String>,
    /// Written for this: `reply`, `manual`, …
    pub kind: Option<String>,
    /// Written then or later (RFC 3339).
    #[schema(example = "2026-11-21T00:00:00Z")]
    pub since: Option<String>,
    /// Written before then (RFC 3339).
    pub until: Option<String>,
}

impl OutboxFilter {
    /// The filter, within what the caller sees.
    pub(super) fn filter(&self, caller: &Caller) -> Result<Filter, HttpProblem> {
        let tenant = self.tenant.as_deref().map(TenantId::new);
        let states = self.state.as_deref().map_or(Ok(Vec::new()), |states| {
            states.split(',').map(|state| word::<OutboxState>(state, &UNKNOWN_STATE)).collect()
        })?;
        Ok(Filter {
            tenants: caller.among(tenant.as_ref())?,
            channel: self.channel.as_deref().map(ChannelId::new),
            states,
            reason: self.reason.clone(),
            kind: self.kind.as_deref().map(|kind| word::<OutboundKind>(kind, &UNKNOWN_KIND)).transpose()?,
            since: self.since.as_deref().map(|at| timestamp("since", at)).transpose()?,
            until: self.until.as_deref().map(|at| timestamp("until", at)).transpose()?,
        })
    }

    /// Whether it means everything.
    pub(super) fn is_empty(&self) -> bool {
        let Self { tenant, channel, state, reason, kind, since, until } = self;
        [tenant, channel, state, reason, kind, since, until].into_iter().all(Option::is_none)
    }
}

impl QueryParams for OutboxFilter {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let place = match name {
            "tenant" => &mut self.tenant,
            "channel" => &mut self.channel,
            "state" => &mut self.state,
            "reason" => &mut self.reason,
            "kind" => &mut self.kind,
            "since" => &mut self.since,
            "until" => &mut self.until,
            _ => return Ok(false),
        };
        *place = Some(value.to_owned());
        Ok(true)
    }
}

/// How one message is changed.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct ChangeRequest {
    /// Why, for the history: a few words or a ticket's number, nothing that identifies anyone.
    #[schema(example = "ticket 4711")]
    pub reason: Option<String>,
}

/// Which messages are replayed, and how. Without `state`: dead letters (`dead`, `failed`).
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct ReplayRequest {
    /// Which ones. An empty filter is refused unless `all` is true.
    #[serde(default)]
    pub filter: OutboxFilter,
    /// Every dead letter that this key sees is meant.
    #[serde(default)]
    pub all: bool,
    /// How many become due in a second; 10 unless given.
    pub per_second: Option<u32>,
    /// Only count them.
    #[serde(default)]
    pub dry_run: bool,
    /// Why, for the history.
    pub reason: Option<String>,
}
