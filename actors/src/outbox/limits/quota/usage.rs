//! Usage of a quota: read from the store, shown by gauges, and logged when the day is used up.

use metrics::gauge;
use tracing::warn;

use crate::domain::Timestamp;
use crate::domain::budget::{BudgetPeriod, Usage};
use crate::domain::ids::TenantId;
use crate::ports::PortError;
use crate::runtime::{ActorContext, metric};

/// What a tenant sent in its day and, with `has_month`, in its month; otherwise the day's usage stands for both.
pub(super) async fn read(
    context: &ActorContext,
    tenant: &TenantId,
    tz: chrono_tz::Tz,
    has_month: bool,
    now: Timestamp,
) -> Result<(Usage, Usage), PortError> {
    let since =
        |period: BudgetPeriod| context.within_deadline(context.ports.outbox.usage(tenant, period.start(now, tz)));
    let day = since(BudgetPeriod::Day).await?;
    let month = if has_month { since(BudgetPeriod::Month).await? } else { day };
    Ok((day, month))
}

/// Sets the gauges of a period's budget.
pub(super) fn publish_budget(tenant: &TenantId, period: BudgetPeriod, used_ratio: f64, alerts: bool) {
    let name = || tenant.as_str().to_owned();
    gauge!(metric::BUDGET_USED, "tenant" => name(), "period" => period.as_str()).set(used_ratio);
    gauge!(metric::BUDGET_ALERT, "tenant" => name(), "period" => period.as_str()).set(if alerts { 1.0 } else { 0.0 });
}

/// Sets the gauge of the day.
pub(super) fn publish_day(tenant: &TenantId, used_ratio: f64) {
    gauge!(metric::DAY_USED, "tenant" => tenant.as_str().to_owned()).set(used_ratio);
}

pub(super) fn log_day_used_up(tenant: &TenantId, per_day: u64, until: Timestamp) {
    warn!(tenant.id = %tenant, limits.per_day = per_day, until = %until, "daily quota used up, messages wait until the next day");
}
