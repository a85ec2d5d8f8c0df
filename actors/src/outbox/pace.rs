//! A tenant's pace: its sends per second and per day (I7). Fails closed: while the day's count is not known, nothing
//! goes.

use std::sync::{Mutex, PoisonError};

use crate::domain::Timestamp;
use crate::domain::ids::TenantId;
use crate::domain::pacing::{DayBudget, TenantPacer, day_start};
use crate::kit::{Outside, TenantProfile};
use crate::ports::PortError;

/// The pace of one tenant on this node.
pub struct Pace {
    tenant: TenantId,
    pacer: TenantPacer,
    timezone: chrono_tz::Tz,
    per_day: u32,
    day: Mutex<Option<DayBudget>>,
    /// Only one sender at a time asks the store for the day's count.
    counting: tokio::sync::Mutex<()>,
}

/// The day's answer.
pub(super) enum Budget {
    /// One message more may go; it is counted.
    Taken,
    /// The day is used up until then.
    UsedUp(Timestamp),
}

impl Pace {
    pub(super) fn new(tenant: TenantId, profile: &TenantProfile, now: Timestamp) -> Self {
        Self {
            tenant,
            pacer: TenantPacer::new(profile.per_second, now),
            timezone: profile.timezone,
            per_day: profile.per_day,
            day: Mutex::new(None),
            counting: tokio::sync::Mutex::new(()),
        }
    }

    /// Waits for this tenant's next token.
    pub(super) async fn token(&self, outside: &Outside) {
        while let Err(wait) = self.pacer.check(outside.now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes one message out of the day's budget. The first of a process asks the store what went out already, so that
    /// a restart does not open a second budget.
    pub(super) async fn take_from_day(&self, outside: &Outside) -> Result<Budget, PortError> {
        if let Some(answer) = self.try_take(outside.now()) {
            return Ok(answer);
        }
        let _only = self.counting.lock().await;
        let now = outside.now();
        if let Some(answer) = self.try_take(now) {
            return Ok(answer);
        }
        let began = day_start(now, self.timezone);
        let sent = outside.within_deadline(outside.ports.outbox.sent_since(&self.tenant, began)).await?;
        let mut day = DayBudget::new(self.per_day, self.timezone, sent, now);
        let answer = take(&mut day, now);
        *self.lock() = Some(day);
        Ok(answer)
    }

    /// Gives a message back that surely did not go out.
    pub(super) fn give_back(&self) {
        if let Some(day) = self.lock().as_mut() {
            day.give_back();
        }
    }

    /// Until when the day is used up, as far as is known.
    pub(super) fn used_up_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.lock().as_ref().and_then(|day| day.spent_until(now))
    }

    fn try_take(&self, now: Timestamp) -> Option<Budget> {
        self.lock().as_mut().map(|day| take(day, now))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<DayBudget>> {
        self.day.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(day: &mut DayBudget, now: Timestamp) -> Budget {
    match day.take(now) {
        Ok(()) => Budget::Taken,
        Err(until) => Budget::UsedUp(until),
    }
}
