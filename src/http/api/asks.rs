//! What requests say: query strings and JSON bodies, read strictly.

use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::message::OutboundKind;
use palabre_actors::domain::status::OutboxState;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Caller;
use super::misfit;
use super::problems::{self, invalid};
use crate::config::suggest;
use crate::http::problem::Problem;
use crate::store::operator::{Filter, OperatorReason};

/// Rows on a page unless asked otherwise, and at most.
pub(super) const PAGE: usize = 50;
pub(super) const LONGEST_PAGE: usize = 500;
/// Messages that a replay makes due in a second, unless asked otherwise and at most.
pub(super) const PER_SECOND: u32 = 10;
pub(super) const MOST_PER_SECOND: u32 = 1_000;

/// Which messages. Without `state`: those that need a look (`dead`, `failed`, `unknown`, `deferred`).
#[derive(Clone, Debug, Default, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this tenant alone.
    pub tenant: Option<String>,
    /// Through this channel alone.
    pub channel: Option<String>,
    /// In these states, separated by commas. Without it, those that need a look: `dead`, `failed`, `unknown` and
    /// `deferred` (a replay by filter: `dead` and `failed`).
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

impl Which {
    /// What it may say.
    pub(super) const NAMES: [&str; 7] = ["tenant", "channel", "state", "reason", "kind", "since", "until"];

    /// The filter, within what the caller sees.
    pub(super) fn filter(&self, caller: &Caller) -> Result<Filter, Problem> {
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
            since: self.since.as_deref().map(|at| moment("since", at)).transpose()?,
            until: self.until.as_deref().map(|at| moment("until", at)).transpose()?,
        })
    }

    /// Whether it means everything.
    pub(super) fn is_empty(&self) -> bool {
        let Self { tenant, channel, state, reason, kind, since, until } = self;
        [tenant, channel, state, reason, kind, since, until].into_iter().all(Option::is_none)
    }

    fn set(&mut self, name: &str, value: &str) -> bool {
        let place = match name {
            "tenant" => &mut self.tenant,
            "channel" => &mut self.channel,
            "state" => &mut self.state,
            "reason" => &mut self.reason,
            "kind" => &mut self.kind,
            "since" => &mut self.since,
            "until" => &mut self.until,
            _ => return false,
        };
        *place = Some(value.to_owned());
        true
    }
}

/// Which part of a list.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the parameters as the description has them; `Asked` reads them")]
pub(super) struct Part {
    /// How many, at most 500; 50 unless given.
    limit: Option<usize>,
    /// Older than this one: `next` of the page before.
    before: Option<String>,
}

/// What a list was asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub which: Which,
    pub limit: usize,
    pub before: Option<Uuid>,
    pub after: Option<Uuid>,
}

impl Asked {
    /// Reads a query string; `known` names the parameters that the path takes.
    pub(super) fn read(query: &str, known: &[&str]) -> Result<Self, Problem> {
        let mut asked = Self { which: Which::default(), limit: PAGE, before: None, after: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                name if !known.contains(&name) => return Err(unknown_parameter(name, known)),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
                    asked.limit = limit.ok_or(invalid("limit", "bad limit", "a number from 1 to 500"))?;
                }
                "before" => asked.before = Some(id("before", &value)?),
                "after" => asked.after = Some(id("after", &value)?),
                name if asked.which.set(name, &value) => {}
                name => return Err(unknown_parameter(name, known)),
            }
        }
        Ok(asked)
    }
}

/// A parameter that a path does not take, among those that it takes.
fn unknown_parameter(name: &str, known: &[&str]) -> Problem {
    problems::UNKNOWN_PARAMETER.hinting(format!("a parameter that nobody knows: {}", suggest::help(name, known)))
}

const UNKNOWN_STATE: Problem = invalid(
    "state",
    "unknown state",
    "states are: pending, sending, unknown, sent, delivered, read, failed, deferred, suppressed, dead, cancelled",
);
const UNKNOWN_KIND: Problem = invalid(
    "kind",
    "unknown kind",
    "kinds are: reply, manual, welcome, help, opt_out_confirmation, opt_in_confirmation",
);

/// How one message is changed.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Why, for the history: a few words or a ticket's number, nothing that identifies anyone.
    #[schema(example = "ticket 4711")]
    pub reason: Option<String>,
}

/// Which messages are replayed, and how. Without `state`: dead letters (`dead`, `failed`).
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayOf {
    /// Which ones. An empty filter is refused unless `all` is true.
    #[serde(default)]
    pub filter: Which,
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

/// A pause.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseOf {
    /// For how long, such as `"2h"`; until somebody resumes it unless given.
    #[serde(rename = "for")]
    #[schema(example = "2h")]
    pub lasting: Option<String>,
    /// Why: a few words or a ticket's number.
    pub reason: Option<String>,
}

/// Why, or that nobody said.
pub(super) fn reason(given: Option<&str>) -> Result<OperatorReason, Problem> {
    given.map_or(Ok(OperatorReason::unsaid()), |given| given.parse().map_err(|_| problems::BAD_REASON))
}

/// A length of time such as `2h` or `1d`.
pub(super) fn lasting(field: &'static str, given: &str) -> Result<TimeDelta, Problem> {
    let bad = || invalid(field, "bad duration", "write it like \"90s\", \"30m\", \"2h\" or \"1d\"; a year at most");
    const YEAR: Duration = Duration::from_secs(366 * 86_400);
    let lasting = humantime::parse_duration(given).ok().filter(|lasting| !lasting.is_zero() && *lasting <= YEAR);
    lasting.and_then(|lasting| TimeDelta::from_std(lasting).ok()).ok_or_else(bad)
}

/// A JSON body; an empty one is that of an object without fields.
pub(super) fn json<'de, T: Deserialize<'de> + ToSchema>(body: &'de [u8]) -> Result<T, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| misfit::told(body, &T::name(), &error))
}

pub(super) fn id(field: &'static str, text: &str) -> Result<Uuid, Problem> {
    let bad = |_| invalid(field, "not an id", "ids look like 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b");
    Uuid::parse_str(text).map_err(bad)
}

fn moment(field: &'static str, text: &str) -> Result<Timestamp, Problem> {
    let at = chrono::DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&chrono::Utc));
    at.map_err(|_| invalid(field, "not a moment", "write it like 2026-11-21T08:00:00Z"))
}

fn word<T: FromStr>(text: &str, problem: &Problem) -> Result<T, Problem> {
    text.trim().parse().map_err(|_| problem.clone())
}
