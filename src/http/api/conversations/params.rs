//! Parameters of conversations and searches.

use palabre_actors::domain::conversation::{ConversationStatus, Handler};
use utoipa::IntoParams;
use uuid::Uuid;

use super::super::params::{QueryParams, limit, names_of, uuid, word};
use super::super::problems::invalid;
use crate::http::problem::HttpProblem;

/// Which conversations.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct ConversationParams {
    /// Of this tenant alone.
    pub tenant: Option<String>,
    /// `new`, `in_progress` or `resolved`.
    #[param(value_type = Option<String>)]
    pub status: Option<ConversationStatus>,
    /// Who answers: `bot` or `human`.
    #[param(value_type = Option<String>)]
    pub handler: Option<Handler>,
    /// Through this channel alone.
    pub channel: Option<String>,
    /// Assigned to this person; empty: to nobody.
    pub assignee: Option<String>,
}

impl QueryParams for ConversationParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "tenant" => self.tenant = Some(value.to_owned()),
            "status" => self.status = Some(word(value, &UNKNOWN_STATUS)?),
            "handler" => self.handler = Some(word(value, &UNKNOWN_HANDLER)?),
            "channel" => self.channel = Some(value.to_owned()),
            "assignee" => self.assignee = Some(value.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What is looked for, and where.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct SearchParams {
    /// A name, a number however it is written, or words of a message. Capitals and accents do not matter, and the last word may be
    /// a beginning.
    pub q: Option<String>,
    /// Of this tenant alone.
    pub tenant: Option<String>,
    /// How many messages, at most 500; 50 unless given.
    pub limit: Option<usize>,
    /// Older messages: `next` of the page before.
    pub before: Option<i64>,
}

impl QueryParams for SearchParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "q" => self.q = Some(value.to_owned()),
            "tenant" => self.tenant = Some(value.to_owned()),
            "limit" => self.limit = Some(limit(value)?),
            "before" => {
                let bad = |_| invalid("before", "not a place", "give `next` of the page before");
                self.before = Some(value.parse().map_err(bad)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Which part of a conversation's messages. Without `before` and `after`: the last ones.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct TimelineParams {
    /// How many, at most 500; 50 unless given.
    pub limit: Option<usize>,
    /// The last ones before this message: `earlier` of another page.
    #[param(value_type = Option<String>)]
    pub before: Option<Uuid>,
    /// The first ones after this message: `later` of another page, or the last message that is known.
    #[param(value_type = Option<String>)]
    pub after: Option<Uuid>,
}

impl QueryParams for TimelineParams {
    fn names() -> Vec<String> {
        names_of::<Self>()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<bool, HttpProblem> {
        match name {
            "limit" => self.limit = Some(limit(value)?),
            "before" => self.before = Some(uuid("before", value)?),
            "after" => self.after = Some(uuid("after", value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

const UNKNOWN_STATUS: HttpProblem = invalid("status", "unknown status", "statuses are: new, in_progress, resolved");
const UNKNOWN_HANDLER: HttpProblem = invalid("handler", "unknown handler", "handlers are: bot, human");
