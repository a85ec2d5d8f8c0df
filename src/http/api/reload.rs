//! Reload: the tenants' files, read now.

use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Call, ToOperate, WholeBody};
use super::problems::{CallProblems, UNAVAILABLE};
use super::visibility::rfc3339;
use super::{Reply, reply};
use crate::config::Severity;
use crate::http::routes::Routes;
use crate::service::reload::{self as service, ReloadStatus};

pub(super) fn mount(routes: &mut Routes<'_>) {
    routes.post("/api/v1/reload", reload);
}

/// Which configuration of the tenants counts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Configuration {
    /// Names the files that count: the same on every node that has the same files.
    pub version: String,
    /// How many tenants are served.
    pub tenants: usize,
    /// Since when this version counts.
    pub since: Option<String>,
    /// What is wrong with the files: what they said before counts.
    pub refused: Vec<RefusedPlace>,
    /// Whether changes wait for the database.
    pub waits: bool,
    /// Whether the daemon's own file changed, which counts from its next start on.
    pub needs_restart: bool,
}

/// Something in a file that does not hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedPlace {
    /// File, line and column.
    pub place: String,
    /// Which key, such as `channels[0].address`.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Configuration {
    /// Describes a status.
    #[must_use]
    pub fn of(status: &ReloadStatus) -> Self {
        let errors = status.refused.iter().filter(|problem| problem.severity == Severity::Error);
        Self {
            version: status.version.clone(),
            tenants: status.tenants,
            since: status.since.map(rfc3339),
            refused: errors
                .map(|problem| RefusedPlace {
                    place: problem.place.to_string(),
                    key: problem.key.clone(),
                    reason: problem.reason.clone(),
                    help: problem.help.clone(),
                })
                .collect(),
            waits: status.waits,
            needs_restart: status.needs_restart,
        }
    }
}

/// Reads the tenants' files now, instead of within a second. For keys that see all tenants.
#[utoipa::path(post, path = "/api/v1/reload", operation_id = "reload", tag = "configuration",
    security(("key" = ["operate"])), responses(
    (status = 200, body = Configuration, description = "What counts now, and what is refused"), CallProblems
))]
pub(super) async fn reload(call: Call<ToOperate>, _body: WholeBody) -> Reply {
    let Some(reload) = &call.api.reload else { return Err(UNAVAILABLE) };
    let status = service::reload(call.caller.service(), &call.operator, &**reload).await?;
    reply(&Configuration::of(&status))
}
