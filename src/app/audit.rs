//! The audit log: verified once a day, its end in the log, its retention; and sessions that have ended.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use metrics::gauge;
use palabre_actors::domain::ids::TenantId;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::config::Privacy;
use crate::service::ServiceError;
use crate::service::people::{self, People};
use crate::service::privacy::PersonalData;
use crate::store::audit::AuditHead;
use crate::telemetry::metrics as names;

/// Time between two runs.
const EVERY: Duration = Duration::from_hours(6);
/// Every so many runs the ends are written to the log.
const RUNS_A_DAY: u32 = 4;
/// Time to the next run after a failure.
const AGAIN: Duration = Duration::from_mins(5);

/// Runs for as long as the daemon does.
pub(super) fn keep(privacy: &Privacy, people: People, data: PersonalData, io: &Handle) -> JoinHandle<()> {
    let people = Arc::new(people);
    let privacy = privacy.clone();
    io.spawn(async move {
        let mut run = 0;
        loop {
            let wait = match maintain(&privacy, &people, &data, run % RUNS_A_DAY == 0).await {
                Ok(()) => {
                    run += 1;
                    EVERY
                }
                Err(error) => {
                    let is_away = matches!(&error, ServiceError::Store(error) if error.is_away());
                    if !is_away {
                        warn!(error = &error as &dyn std::error::Error, "the audit log was not tended, trying again");
                    }
                    AGAIN
                }
            };
            tokio::time::sleep(wait).await;
        }
    })
}

async fn maintain(privacy: &Privacy, people: &People, data: &PersonalData, is_daily: bool) -> Result<(), ServiceError> {
    let now = people.clock.now();
    let before = privacy.audit_retention.and_then(|kept| now.checked_sub_signed(TimeDelta::from_std(kept).ok()?));
    if let Some(before) = before {
        let rows = people.store.forget_audit(before).await?;
        if rows > 0 {
            info!(
                retention.audit_log = rows,
                "rows of the audit log that were older than their retention were deleted"
            );
        }
    }
    let before = privacy.payment_retention.and_then(|kept| now.checked_sub_signed(TimeDelta::from_std(kept).ok()?));
    if let Some(before) = before {
        people.store.forget_payment_events(before).await?;
    }
    if let Err(error) = data.delete_old_exports().await {
        warn!(
            error = &error as &dyn std::error::Error,
            "exports that are kept no longer were not deleted, trying again"
        );
    }
    people::forget_ended(people).await?;
    if is_daily {
        for head in people.store.audit_heads().await? {
            let tenant = head.tenant.as_ref().map(TenantId::as_str);
            // Whoever makes a chain anew cannot make this line anew.
            info!(tenant.id = tenant, audit.position = head.position, audit.hash = head.hash, "audit log");
            verify(people, head).await?;
        }
    }
    Ok(())
}

/// Reads a chain to its end, for the alert.
async fn verify(people: &People, head: AuditHead) -> Result<(), ServiceError> {
    let verdict = people.store.verify_audit(head, None).await?;
    let tenant = verdict.head.tenant.as_ref().map_or("-", TenantId::as_str).to_owned();
    if let Some(fault) = &verdict.fault {
        error!(tenant.id = tenant, audit.fault = ?fault, "the audit log is not whole");
    }
    gauge!(names::AUDIT_BROKEN, "tenant" => tenant).set(f64::from(u8::from(verdict.fault.is_some())));
    Ok(())
}
