//! Quota leases: each node's share of a tenant's day and budget (I7).
//!
//! They are used where several nodes share the database. What was sent, or may have been, is counted from the other
//! tables in the transaction that grants a lease.

use std::time::Duration;

use palabre_actors::domain::budget::{BudgetPeriod, Usage};
use palabre_actors::domain::ids::{NodeId, TenantId};
use palabre_actors::domain::quota_lease::QuotaUsage;
use palabre_actors::ports::{LeaseGrant, LeaseRequest, Pending, PortError, PortErrorKind, QuotaLeases};
use sea_orm::DbErr;

use super::error::port_error;
use super::nodes::ALIVE_FOR;
use super::postgres::sql;
use super::reader::DEADLINE;
use super::statement::{SqlExecutor, flag, integer, rows, text, time};
use super::values::{Row, corrupt, quarter_text};
use super::{Store, StoreError};

/// Added to a lease: nodes' clocks agree within this.
const CLOCKS: Duration = Duration::from_secs(5);

impl Store {
    async fn lease_from(&self, ask: &LeaseRequest) -> Result<LeaseGrant, DbErr> {
        let (tenant, node) = (|| text(ask.tenant.as_str()), || text(ask.node.as_str()));
        let start = |period: BudgetPeriod| text(quarter_text(period.start(ask.now, ask.limits.tz)));
        let (day, month) = match ask.limits.budget.per_month_micros {
            Some(_) => (BudgetPeriod::Day, BudgetPeriod::Month),
            None => (BudgetPeriod::Day, BudgetPeriod::Day),
        };
        // Sends of a silent node become unknown when their leases end, and are counted as such: until then its own
        // lease counts for them.
        let silent = ALIVE_FOR + ask.lease + CLOCKS;
        let tx = self.0.writes.begin().await?;
        rows(&tx, sql::LOCK_QUOTA, vec![tenant()]).await?;
        let asked = vec![tenant(), node(), start(day), start(month), time(ask.now), integer(silent.as_secs())];
        let found = rows(&tx, sql::COUNT_QUOTA_LEASES, asked).await?;
        let counted = found.first().map(counted).transpose()?.ok_or_else(|| corrupt("a count"))?;
        let given = ask.limits.grant(&counted, &ask.demand);
        let held = ask.demand.held.and(given);
        let kept =
            vec![tenant(), node(), integer(held.messages), integer(held.cost_micros), flag(ask.demand.lacks(given))];
        tx.execute(sql::KEEP_QUOTA_LEASE.into(), kept).await?;
        tx.commit().await?;
        Ok(LeaseGrant { counted, given })
    }

    /// Gives up all quota leases of a node that sends nothing any more.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn release_quota_leases(&self, node: &NodeId) -> Result<(), StoreError> {
        if self.is_shared() {
            self.prepared()?;
            self.0.writes.execute(sql::DELETE_QUOTA_LEASES.into(), vec![text(node.as_str())]).await?;
        }
        Ok(())
    }
}

impl QuotaLeases for Store {
    fn lease(&self, ask: LeaseRequest) -> Pending<'_, Result<LeaseGrant, PortError>> {
        Box::pin(async move {
            self.admitted()?;
            match tokio::time::timeout(DEADLINE, self.lease_from(&ask)).await {
                Ok(answer) => answer.map_err(port_error),
                Err(_) => Err(PortErrorKind::Timeout.into()),
            }
        })
    }

    fn wanted<'a>(&'a self, node: &'a NodeId) -> Pending<'a, Result<Vec<TenantId>, PortError>> {
        Box::pin(async move {
            self.admitted()?;
            let reading = rows(&self.0.reads, sql::WANTED_QUOTA_LEASES, vec![text(node.as_str())]);
            match tokio::time::timeout(DEADLINE, reading).await {
                Ok(found) => {
                    let found = found.map_err(port_error)?;
                    found.iter().map(|row| row.tenant(0)).collect::<Result<_, _>>().map_err(port_error)
                }
                Err(_) => Err(PortErrorKind::Timeout.into()),
            }
        })
    }
}

fn counted(row: &Row) -> Result<QuotaUsage, DbErr> {
    let number = |at: usize| row.get::<i64>(at)?.try_into().map_err(|_| corrupt("a count"));
    let usage = |at: usize| Ok::<_, DbErr>(Usage { messages: number(at)?, cost_micros: row.get(at + 1)? });
    Ok(QuotaUsage {
        day: usage(0)?,
        month: usage(2)?,
        unsure: number(4)?,
        others: usage(5)?,
        holders: number(7)?.saturating_add(1),
    })
}
