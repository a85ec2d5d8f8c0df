//! Task of broadcasts: takes each one step further when it is due, on whichever node comes first.

use std::sync::Arc;
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::ports::Clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use crate::config::TenantDirectory;
use crate::service::broadcasts;
use crate::service::messages::Outgoing;
use crate::store::broadcasts::BroadcastRow;
use crate::store::operator::Operator;
use crate::store::{Store, StoreError};

/// How often the table is looked at: what is started begins within that time.
const EVERY: Duration = Duration::from_millis(500);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(5);
/// For how long a node has a broadcast to itself. When it dies meanwhile, another goes on after that.
const CLAIM: chrono::TimeDelta = chrono::TimeDelta::minutes(2);

/// What the task works with.
pub(super) struct Broadcasting {
    pub operator: Operator,
    pub outgoing: Arc<dyn Outgoing>,
    pub tenants: TenantDirectory,
    pub clock: Arc<dyn Clock>,
}

/// Works until the task is ended.
pub(super) fn follow(broadcasting: Broadcasting, store: &Store, io: &Handle) -> JoinHandle<()> {
    let store = store.clone();
    io.spawn(async move {
        while !store.is_admitted() {
            tokio::time::sleep(EVERY).await;
        }
        loop {
            let wait = match broadcasting.step().await {
                Ok(()) => EVERY,
                Err(error) => {
                    tell(&error);
                    AGAIN
                }
            };
            tokio::time::sleep(wait).await;
        }
    })
}

impl Broadcasting {
    async fn step(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for row in self.operator.claim_broadcasts((now, now + CLAIM)).await? {
            match self.go_on(&row, now).await {
                Ok(Some(at)) => self.operator.rest_broadcast(&row, at).await?,
                Ok(None) => info!(tenant.id = %row.segment.tenant, broadcast.id = %row.id, "broadcast is over"),
                Err(error) => {
                    tell(&error);
                    self.operator.rest_broadcast(&row, now + chrono::TimeDelta::seconds(5)).await?;
                }
            }
        }
        Ok(())
    }

    async fn go_on(&self, row: &BroadcastRow, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let Some(tenant) = self.tenants.get(&row.segment.tenant) else {
            // Its file may come back.
            return Ok(Some(now + chrono::TimeDelta::minutes(1)));
        };
        broadcasts::go_on(&self.operator, &*self.outgoing, &tenant, row, now).await
    }
}

fn tell(error: &StoreError) {
    if error.is_away() {
        debug!(error = error as &dyn std::error::Error, "broadcasts wait while the database is away");
    } else {
        warn!(error = error as &dyn std::error::Error, "a broadcast could not go on, trying again");
    }
}
