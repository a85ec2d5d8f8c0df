//! Reads query strings and JSON bodies, strictly.

use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::json_errors;
use super::problems::{self, invalid};
use crate::config::suggest;
use crate::http::problem::HttpProblem;
use crate::store::operator::OperatorReason;

/// Rows on a page unless asked otherwise, and at most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 500;

/// The parameters of a query string. Their names are those of the description.
pub(super) trait QueryParams: Default {
    /// The names of the parameters, in the order of the description.
    fn names() -> Vec<String>;

    /// Reads one parameter; `false`: it is not one of these. The last one of a name counts.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem>;
}

/// The names of the parameters of a description.
pub(super) fn names_of<T: IntoParams>() -> Vec<String> {
    T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect()
}

impl<A: QueryParams, B: QueryParams> QueryParams for (A, B) {
    fn names() -> Vec<String> {
        [A::names(), B::names()].concat()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        Ok(self.0.set(name, value)? || self.1.set(name, value)?)
    }
}

/// Reads a query string.
pub(super) fn query<T: QueryParams>(query: &str) -> Result<T, HttpProblem> {
    let mut params = T::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !params.set(&name, &value)? {
            return Err(unknown_parameter(&name, &T::names()));
        }
    }
    Ok(params)
}

/// A parameter that a path does not take, among those that it takes.
fn unknown_parameter(name: &str, known: &[String]) -> HttpProblem {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    problems::UNKNOWN_PARAMETER.hinting(format!("a parameter that nobody knows: {}", suggest::help(name, &known)))
}

/// Reads how many rows a page has.
pub(super) fn limit(text: &str) -> Result<usize, HttpProblem> {
    let limit = text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    limit.ok_or(invalid("limit", "bad limit", "a number from 1 to 500"))
}

/// Rows on a page unless asked otherwise.
pub(super) fn page_of(limit: Option<usize>) -> usize {
    limit.unwrap_or(PAGE)
}

/// Which part of a list that has the newest first.
#[derive(Clone, Copy, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageBefore {
    /// How many, at most 500; 50 unless given.
    pub limit: Option<usize>,
    /// Older than this one: `next` of the page before.
    #[param(value_type = Option<String>)]
    pub before: Option<Uuid>,
}

/// Whose rows, where nothing else tells them apart.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfTenant {
    /// Of this tenant alone.
    pub tenant: Option<String>,
}

impl QueryParams for OfTenant {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        let is_tenant = name == "tenant";
        if is_tenant {
            self.tenant = Some(value.to_owned());
        }
        Ok(is_tenant)
    }
}

impl QueryParams for PageBefore {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "limit" => self.limit = Some(limit(value)?),
            "before" => self.before = Some(uuid("before", value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Why something is changed, or that nobody said.
pub(super) fn reason(given: Option<&str>) -> Result<OperatorReason, HttpProblem> {
    given.map_or(Ok(OperatorReason::unsaid()), |given| given.parse().map_err(|_| problems::BAD_REASON))
}

/// A length of time such as `2h` or `1d`.
pub(super) fn lasting(field: &'static str, given: &str) -> Result<TimeDelta, HttpProblem> {
    let bad = || invalid(field, "bad duration", "write it like \"90s\", \"30m\", \"2h\" or \"1d\"; a year at most");
    const YEAR: Duration = Duration::from_secs(366 * 86_400);
    let lasting = humantime::parse_duration(given).ok().filter(|lasting| !lasting.is_zero() && *lasting <= YEAR);
    lasting.and_then(|lasting| TimeDelta::from_std(lasting).ok()).ok_or_else(bad)
}

/// A JSON body; an empty one is that of an object without fields.
pub(super) fn json<'de, T: Deserialize<'de> + ToSchema>(body: &'de [u8]) -> Result<T, HttpProblem> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| json_errors::explain::<T>(body, &error))
}

pub(super) fn uuid(field: &'static str, text: &str) -> Result<Uuid, HttpProblem> {
    let bad = |_| invalid(field, "not an id", "ids look like 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b");
    Uuid::parse_str(text).map_err(bad)
}

/// A time in RFC 3339.
pub(super) fn timestamp(field: &'static str, text: &str) -> Result<Timestamp, HttpProblem> {
    let at = chrono::DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&chrono::Utc));
    at.map_err(|_| invalid(field, "not a moment", "write it like 2026-11-21T08:00:00Z"))
}

/// A word of a closed list.
pub(super) fn word<T: FromStr>(text: &str, problem: &HttpProblem) -> Result<T, HttpProblem> {
    text.trim().parse().map_err(|_| problem.clone())
}
