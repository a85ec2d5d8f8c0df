//! Figures of paid access: what came in by month, and how many members came and went.

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;

use super::sql;
use crate::store::StoreError;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{all, time};
use crate::store::values::Row;

/// What came in and went back in a month, in one currency and through one payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthlyRevenue {
    /// `2026-11`
    pub month: String,
    /// `stripe` or `stars`.
    pub provider: String,
    pub currency: String,
    /// In the currency's smallest unit.
    pub paid: i64,
    pub refunded: i64,
    /// How many payments.
    pub payments: i64,
}

/// How many members there are, came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessFigures {
    pub with_access: i64,
    pub began: i64,
    pub ended: i64,
}

impl Operator {
    /// What came in by month, the newest first. A payment stands in the month in which it was told.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn monthly_revenue(&self, tenants: &Tenants) -> Result<Vec<MonthlyRevenue>, StoreError> {
        let rows = all(self.reads(), sql::REVENUE, [self.among(tenants).await?]).await?;
        Ok(rows.iter().map(revenue).collect::<Result<_, DbErr>>()?)
    }

    /// How many members have access, and how many came and went since then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn access_figures(&self, tenants: &Tenants, since: Timestamp) -> Result<AccessFigures, StoreError> {
        let rows = all(self.reads(), sql::CHURN, [self.among(tenants).await?, time(since)]).await?;
        let figures = |row: &Row| -> Result<AccessFigures, DbErr> {
            Ok(AccessFigures { with_access: row.get(0)?, began: row.get(1)?, ended: row.get(2)? })
        };
        Ok(rows.first().map(figures).transpose()?.unwrap_or_default())
    }
}

fn revenue(row: &Row) -> Result<MonthlyRevenue, DbErr> {
    Ok(MonthlyRevenue {
        month: row.get(0)?,
        provider: row.get(1)?,
        currency: row.get(2)?,
        paid: row.get(3)?,
        refunded: row.get(4)?,
        payments: row.get(5)?,
    })
}
