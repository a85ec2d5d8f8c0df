//! Task of paid access: applies what payment systems told, and looks at subscriptions when time has changed something.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::Clock;
use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use crate::config::{Channel, Config, Tenant};
use crate::gateway::{Wiring, provider};
use crate::payments::stripe::Stripe;
use crate::service::messages::Outgoing;
use crate::service::paid_access::{Creator, Creators, PaidAccess};
use crate::store::operator::Operator;
use crate::store::{Store, StoreError};

/// How often the tables are looked at. An event that has come in is applied within that time.
const EVERY: Duration = Duration::from_millis(500);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it is looked which chats are due to be audited.
const AUDITS_EVERY: Duration = Duration::from_mins(1);
/// How often what never came as a webhook is listed.
const CATCH_UP_EVERY: Duration = Duration::from_hours(24);
/// How far back it is listed: Stripe keeps events for thirty days.
const CATCH_UP_OVER: TimeDelta = TimeDelta::days(3);

/// What paid access works with.
pub(crate) fn connect(
    config: &Config,
    tenants: &[Arc<Tenant>],
    store: Operator,
    outgoing: Arc<dyn Outgoing>,
) -> PaidAccess {
    let platform = config.stripe.as_ref();
    let stripe = platform.and_then(|platform| {
        let client = crate::gateway::client::new().ok()?;
        Some(Stripe::new(client, platform.api_base_url.clone(), platform.secret_key.clone()))
    });
    PaidAccess {
        store,
        outgoing,
        creators: Creators::new(creators(tenants)),
        stripe,
        is_live: platform.is_some_and(|platform| platform.secret_key.expose_secret().contains("_live_")),
        webhook_secrets: platform.map(|platform| platform.webhook_secrets.clone()).unwrap_or_default().into(),
        link_key: link_key(config),
        success_url: platform.and_then(|platform| platform.success_url.clone()),
        cancel_url: platform.and_then(|platform| platform.cancel_url.clone()),
        public_base_url: config.http.public_base_url.clone(),
    }
}

/// The key of signed links: the same on all nodes, and after every restart.
fn link_key(config: &Config) -> Option<Arc<[u8]>> {
    let platform = config.stripe.as_ref()?;
    let digest = Sha256::digest(format!("palabre links {}", platform.secret_key.expose_secret()));
    Some(Arc::from(digest.as_slice()))
}

fn sells(tenant: &Tenant) -> bool {
    !tenant.access.plans.is_empty() || tenant.access.stripe_account.is_some()
}

/// The tenants that sell something.
pub(super) fn creators(tenants: &[Arc<Tenant>]) -> Vec<(TenantId, Creator)> {
    let selling: Vec<_> = tenants.iter().filter(|tenant| sells(tenant)).collect();
    let client = selling.first().and_then(|_| crate::gateway::client::new().ok());
    selling.into_iter().map(|tenant| creator(tenant, client.as_ref())).collect()
}

fn creator(tenant: &Tenant, client: Option<&reqwest::Client>) -> (TenantId, Creator) {
    let channel_of = |scheme: Scheme| {
        let channel = tenant.channels.iter().find(|channel| channel.profile.scheme == scheme);
        channel.map(|channel| channel.id.clone())
    };
    let reached = |address: &Address| Some((channel_of(address.scheme())?, address.clone()));
    let directory = |channel: &Channel| {
        let wiring =
            Wiring { client: client?, public_base_url: None, files: &crate::gateway::media::FilesOut::default() };
        let directory = provider(channel.provider.name())?.chat_directory(channel, wiring)?;
        Some((channel.id.clone(), directory))
    };
    let creator = Creator {
        name: tenant.name.clone(),
        language: tenant.rules.source().language,
        timezone: tenant.timezone,
        country: tenant.country,
        access: tenant.access.clone(),
        alerts: tenant.notify.iter().filter_map(reached).collect(),
        mail: channel_of(Scheme::Mailto),
        directories: tenant.channels.iter().filter_map(directory).collect(),
    };
    (tenant.id.clone(), creator)
}

/// Works until the task is ended.
pub(super) fn follow(access: PaidAccess, store: &Store, clock: Arc<dyn Clock>, io: &Handle) -> JoinHandle<()> {
    let store = store.clone();
    io.spawn(async move {
        while !store.is_admitted() {
            tokio::time::sleep(EVERY).await;
        }
        futures_util::future::join(settle(&access, &*clock), audit(&access, &*clock)).await;
    })
}

/// Compares chats and payments in Stars with the ledgers, each once a day.
async fn audit(access: &PaidAccess, clock: &dyn Clock) {
    loop {
        let audited = async {
            access.plan_audits(clock.now()).await?;
            access.read_stars_due(clock.now()).await?;
            access.audit_due(clock.now()).await
        };
        if let Err(error) = audited.await {
            warn!(error = &error as &dyn std::error::Error, "paid chats could not be compared, trying again");
        }
        tokio::time::sleep(AUDITS_EVERY).await;
    }
}

async fn settle(access: &PaidAccess, clock: &dyn Clock) {
    let mut caught_up: Option<std::time::Instant> = None;
    // Whose plans were written down: they change with the configuration.
    let mut kept = None;
    loop {
        let creators = access.creators.now();
        if !access.sells() {
            tokio::time::sleep(EVERY).await;
            continue;
        }
        if kept.as_ref().is_none_or(|kept| !Arc::ptr_eq(kept, &creators)) {
            kept = keep_plans(access, &creators, clock).await.is_ok().then_some(creators);
        }
        if caught_up.is_none_or(|at| at.elapsed() >= CATCH_UP_EVERY) {
            catch_up(access, clock).await;
            caught_up = Some(std::time::Instant::now());
        }
        let wait = match step(access, clock).await {
            Ok(0) => EVERY,
            Ok(_) => Duration::ZERO,
            Err(error) if error.is_away() => AGAIN,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "paid access stands still, trying again");
                AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}

async fn step(access: &PaidAccess, clock: &dyn Clock) -> Result<usize, StoreError> {
    let applied = access.apply_events(clock.now()).await?;
    Ok(applied + access.settle_due(clock.now()).await?)
}

async fn keep_plans(
    access: &PaidAccess,
    creators: &HashMap<TenantId, Arc<Creator>>,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    for (tenant, seller) in creators {
        for plan in &seller.access.plans {
            access.store.keep_plan(tenant, plan, clock.now()).await?;
        }
    }
    Ok(())
}

async fn catch_up(access: &PaidAccess, clock: &dyn Clock) {
    let now = clock.now();
    match access.catch_up(now - CATCH_UP_OVER, now).await {
        Ok(0) => {}
        Ok(events) => info!(events, "payment events that never came as webhooks were listed"),
        Err(error) => debug!(error = &error as &dyn std::error::Error, "payment events could not be listed"),
    }
}
