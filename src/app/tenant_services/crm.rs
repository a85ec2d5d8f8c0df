//! Task that looks contacts up in the tenants' CRMs, a tenant apart from the others.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use metrics::gauge;
use palabre_actors::domain::ids::TenantId;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::config::TenantDirectory;
use crate::service::crm::{Correlation, CorrelationStep};
use crate::store::operator::Operator;
use crate::store::{Store, StoreError};
use crate::telemetry::metrics as names;

/// How often new contacts are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// How soon after a failure of the database.
const AGAIN: Duration = Duration::from_secs(5);
/// How often gauges are set.
const GAUGES_EVERY: Duration = Duration::from_secs(30);

/// Works until the task is ended. A tenant's CRM appears and disappears with its file.
pub(super) async fn follow(correlation: Correlation, tenants: TenantDirectory, (store, operator): (Store, Operator)) {
    let mut busy: HashSet<TenantId> = HashSet::new();
    let mut steps: JoinSet<(TenantId, Result<CorrelationStep, StoreError>)> = JoinSet::new();
    let mut gauges: Option<Instant> = None;
    loop {
        let mut wait = EVERY;
        while let Some(ended) = steps.try_join_next() {
            let Ok((tenant, result)) = ended else { continue };
            busy.remove(&tenant);
            match result {
                Ok(step) if step.has_more => wait = Duration::ZERO,
                Ok(_) => {}
                Err(error) => {
                    tell(&error);
                    wait = AGAIN;
                }
            }
        }
        if steps.is_empty() {
            // Whoever panicked is not left out for ever.
            busy.clear();
        }
        tokio::time::sleep(wait).await;
        if !store.is_admitted() {
            continue;
        }
        let all = tenants.all();
        let with: Vec<_> = all.iter().filter(|tenant| tenant.crm.is_some()).collect();
        for tenant in &with {
            if busy.insert(tenant.id.clone()) {
                let (correlation, tenant) = (correlation.clone(), std::sync::Arc::clone(tenant));
                steps.spawn(async move {
                    let result = correlation.step(&tenant).await;
                    (tenant.id.clone(), result)
                });
            }
        }
        if gauges.is_none_or(|at| at.elapsed() >= GAUGES_EVERY) {
            gauges = Some(Instant::now());
            let ids: Vec<TenantId> = with.iter().map(|tenant| tenant.id.clone()).collect();
            set_gauges(&operator, &ids).await;
        }
    }
}

fn tell(error: &StoreError) {
    if error.is_away() {
        debug!(error = error as &dyn std::error::Error, "CRM look-ups wait while the database is away");
    } else {
        warn!(error = error as &dyn std::error::Error, "contacts could not be looked up in a CRM, trying again");
    }
}

async fn set_gauges(operator: &Operator, tenants: &[TenantId]) {
    let Ok(counts) = operator.crm_counts(tenants).await else { return };
    for (tenant, counts) in counts {
        for (state, count) in [("found", counts.found), ("absent", counts.absent), ("pending", counts.pending)] {
            #[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
            gauge!(names::CRM_CONTACTS, "tenant" => tenant.to_string(), "state" => state).set(count as f64);
        }
    }
}
