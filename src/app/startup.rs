//! Start of the database, which may be away when there is a spool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use palabre_actors::domain::message::Generation;
use palabre_actors::domain::retry::{Retry, RetryPolicy};
use palabre_actors::engine::Engine;
use palabre_actors::ports::Clock;
use tokio::task::JoinHandle;
use tracing::{debug, error, info, warn};

use super::cluster::Registration;
use super::{StartError, SystemClock, row_of};
use crate::config::Config;
use crate::runtime::{ThreadGone, Threads};
use crate::spool::{Drained, RETRY_WITHIN, SpoolFolder, SpooledInbox};
use crate::store::{Sellers, Store, StoreError, StoredFaq, TenantRow};

/// Time between two tries before the database is taken to be away.
const POLL_EVERY: Duration = Duration::from_millis(100);
/// The longest time between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub(super) struct OpenedStore {
    pub store: Store,
    pub sellers: Sellers,
    pub faq: StoredFaq,
    /// The store's inbox with a spool before it, if configured.
    pub spooled: Option<SpooledInbox>,
}

/// Opens the database. With a spool it may be away: entries are spooled until [`follow`] has reached it.
pub(super) async fn open(config: &Config, runtime: &Threads) -> Result<OpenedStore, StartError> {
    let (database, tenants) = (config.database.clone(), rows(config));
    let rules = config.tenants.iter().map(|tenant| (tenant.id.clone(), Arc::clone(&tenant.rules)));
    let faq = StoredFaq::beside(rules.collect());
    let spool = config.spool.as_ref().map(|spool| SpoolFolder::open(&spool.dir, spool.max_bytes)).transpose()?;
    let opening = runtime.io().spawn(async move {
        let sellers = Sellers::default();
        let Some(spool) = spool else {
            let store = Store::open(&database.url, database.migrate).await?;
            connect(&store, &tenants, (&sellers, &faq)).await?;
            store.admit();
            return Ok(OpenedStore { store, sellers, faq, spooled: None });
        };
        let store = Store::later(&database.url, database.migrate)?;
        let away = match connect_soon(&store, &tenants, (&sellers, &faq)).await {
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
        let spooled = SpooledInbox::new(spool, Arc::new(store.clone()), away)?.for_tenants(tenants.len());
        Ok::<_, StartError>(OpenedStore { store, sellers, faq, spooled: Some(spooled) })
    });
    opening.await.map_err(|_| ThreadGone)?
}

/// Connects to the database if it was away, then drains the spool whenever it holds something.
pub(super) fn follow(
    config: &Config,
    runtime: &Threads,
    store: &Store,
    (sellers, faq): (Sellers, StoredFaq),
    spooled: SpooledInbox,
    registration: Registration,
    engine: Engine,
) -> JoinHandle<()> {
    let (store, tenants) = (store.clone(), rows(config));
    runtime.io().spawn(async move {
        if spooled.is_store_closed() {
            keep_trying(&store, &tenants, (&sellers, &faq), &registration).await;
            spooled.open_store();
        }
        // The reason was logged; new entries are spooled.
        let tell = |drained: Drained| engine.arrived(drained.new, drained.known);
        let _ = spooled.clone().drain(tell, |update| engine.advance(update)).await;
    })
}

async fn connect(store: &Store, tenants: &[TenantRow], caches: (&Sellers, &StoredFaq)) -> Result<(), StoreError> {
    store.prepare().await?;
    store.sync_tenants(tenants, SystemClock.now()).await?;
    store.keep_fresh(caches.0).await?;
    store.keep_faq_fresh(caches.1).await
}

/// The same, for as long as a webhook would wait ([`RETRY_WITHIN`]): a database that restarts, or a cut connection,
/// is no reason to spool messages, where they have no order with what other nodes take.
async fn connect_soon(store: &Store, tenants: &[TenantRow], caches: (&Sellers, &StoredFaq)) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        // Without a time-out: it may be migrating.
        match connect(store, tenants, caches).await {
            // An operator must finish the move: webhooks need not wait for that.
            Err(StoreError::Moving) => return Err(StoreError::Moving),
            Err(error) if error.is_away() && begun.elapsed() < RETRY_WITHIN => tokio::time::sleep(POLL_EVERY).await,
            reached => return reached,
        }
    }
}

async fn keep_trying(
    store: &Store,
    tenants: &[TenantRow],
    caches: (&Sellers, &StoredFaq),
    registration: &Registration,
) {
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
            connect(store, tenants, caches).await?;
            registration.register().await
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
            // The database is there, and an operator must do something about it. Entries are spooled meanwhile.
            Err(error) => error!(error = &error as &dyn std::error::Error, "the database cannot be used, trying again"),
        }
    }
}

fn rows(config: &Config) -> Vec<TenantRow> {
    config.tenants.iter().map(row_of).collect()
}
