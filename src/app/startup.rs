//! The database at the start: there, or away with a spool that takes its messages meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use palabre_actors::domain::message::Generation;
use palabre_actors::domain::retry::{Retry, RetryPolicy};
use palabre_actors::engine::Engine;
use palabre_actors::ports::Clock;
use tokio::task::JoinHandle;
use tracing::{debug, error, info, warn};

use super::cluster::Settling;
use super::{StartError, SystemClock, row_of};
use crate::config::Config;
use crate::runtime::{Runtime, ThreadGone};
use crate::spool::{Drained, PATIENCE, Spool, Spooled};
use crate::store::{Sellers, Store, StoreError, TenantRow};

/// Between two looks whether the database is there, while it is not believed yet that it is away.
const SOON: Duration = Duration::from_millis(100);
/// The longest wait between two looks whether the database is there.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What the rooms above work with.
pub(super) struct Opened {
    pub store: Store,
    pub sellers: Sellers,
    /// Before the store's inbox, when there is a spool.
    pub spooled: Option<Spooled>,
}

/// Opens the database. With a spool it may be away: what comes is kept until [`follow`] has reached it.
pub(super) async fn open(config: &Config, runtime: &Runtime) -> Result<Opened, StartError> {
    let (database, tenants) = (config.database.clone(), rows(config));
    let spool = config.spool.as_ref().map(|spool| Spool::open(&spool.dir, spool.max_bytes)).transpose()?;
    let opening = runtime.io().spawn(async move {
        let sellers = Sellers::default();
        let Some(spool) = spool else {
            let store = Store::open(&database.url, database.migrate).await?;
            reach(&store, &tenants, &sellers).await?;
            store.admit();
            return Ok(Opened { store, sellers, spooled: None });
        };
        let store = Store::later(&database.url, database.migrate)?;
        let away = match reach_soon(&store, &tenants, &sellers).await {
            Ok(()) => {
                store.admit();
                false
            }
            Err(error) if error.is_away() => {
                warn!(error = &error as &dyn std::error::Error, "the database is away, messages go to the spool");
                true
            }
            Err(error) => return Err(error.into()),
        };
        let spooled = Spooled::new(spool, Arc::new(store.clone()), away)?.for_tenants(tenants.len());
        Ok::<_, StartError>(Opened { store, sellers, spooled: Some(spooled) })
    });
    opening.await.map_err(|_| ThreadGone)?
}

/// Reaches the database when it was away, then empties the spool into it whenever something is there.
pub(super) fn follow(
    config: &Config,
    runtime: &Runtime,
    store: &Store,
    sellers: Sellers,
    spooled: Spooled,
    settling: Settling,
    engine: Engine,
) -> JoinHandle<()> {
    let (store, tenants) = (store.clone(), rows(config));
    runtime.io().spawn(async move {
        if spooled.is_shut() {
            keep_trying(&store, &tenants, &sellers, &settling).await;
            spooled.open_store();
        }
        // Why it ended was said; what comes is kept.
        let tell = |drained: Drained| engine.arrived(drained.new, drained.known);
        let _ = spooled.clone().drain(tell, |update| engine.advance(update)).await;
    })
}

async fn reach(store: &Store, tenants: &[TenantRow], sellers: &Sellers) -> Result<(), StoreError> {
    store.prepare().await?;
    store.sync_tenants(tenants, SystemClock.now()).await?;
    store.keep_fresh(sellers).await
}

/// The same, for as long as a webhook would wait for it ([`PATIENCE`]): a database that restarts, or a line that was cut, is
/// no reason to keep messages on this machine, where they have no order with what other nodes take.
async fn reach_soon(store: &Store, tenants: &[TenantRow], sellers: &Sellers) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        // Not cut short: it may be migrating.
        match reach(store, tenants, sellers).await {
            // Somebody finishes the move by hand: webhooks need not wait for that.
            Err(StoreError::Moving) => return Err(StoreError::Moving),
            Err(error) if error.is_away() && begun.elapsed() < PATIENCE => tokio::time::sleep(SOON).await,
            reached => return reached,
        }
    }
}

async fn keep_trying(store: &Store, tenants: &[TenantRow], sellers: &Sellers, settling: &Settling) {
    let policy = RetryPolicy {
        initial: Duration::from_secs(1),
        cap: LONGEST_WAIT,
        max_attempts: u32::MAX,
        max_age: Duration::MAX,
        ..RetryPolicy::default()
    };
    for failures in 1.. {
        let now = Utc::now();
        let wait = match policy.next(Generation::first(now), failures, now, None) {
            Retry::At(at) => (at - now).to_std().unwrap_or(LONGEST_WAIT),
            Retry::Exhausted => LONGEST_WAIT,
        };
        tokio::time::sleep(wait).await;
        let reached = async {
            reach(store, tenants, sellers).await?;
            settling.settle().await
        };
        match reached.await {
            Ok(()) => {
                store.admit();
                info!("the database was reached");
                return;
            }
            Err(error) if error.is_away() => {
                debug!(error = &error as &dyn std::error::Error, "the database is still away");
            }
            // It is there, and somebody must do something about it. What comes is kept meanwhile.
            Err(error) => error!(error = &error as &dyn std::error::Error, "the database cannot be used, trying again"),
        }
    }
}

fn rows(config: &Config) -> Vec<TenantRow> {
    config.tenants.iter().map(row_of).collect()
}
