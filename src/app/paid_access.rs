//! Task of paid access: applies what payment systems told, and looks at subscriptions when time has changed something.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use palabre_actors::domain::Timestamp;
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
use crate::store::operator::{Operator, Tenants};
use crate::store::{Store, StoreError};

/// How often the tables are looked at. An event that has come in is applied within that time.
const EVERY: Duration = Duration::from_millis(500);
/// The same for some seconds after something has happened: a step is followed by the next one, a ban by its end.
const BRISKLY: Duration = Duration::from_millis(100);
const STAYS_BRISK: Duration = Duration::from_secs(5);
/// How soon after a failure.
const AGAIN: Duration = Duration::from_secs(5);
/// What a bot does when a member leaves, of its calls a second: a ban, its end, a message; and two more for what others ask of
/// it.
const CALLS_OF_A_REMOVAL: u128 = 5;
/// How often it is looked which chats are due to be audited.
const AUDITS_EVERY: Duration = Duration::from_mins(1);
/// How often what never came as a webhook is listed, and how soon again where it could not be listed.
const CATCH_UP_EVERY: Duration = Duration::from_hours(24);
const CATCH_UP_AGAIN: Duration = Duration::from_mins(10);

/// What paid access works with.
pub(crate) fn connect(
    config: &Config,
    tenants: &[Arc<Tenant>],
    store: Operator,
    outgoing: Arc<dyn Outgoing>,
) -> PaidAccess {
    let platform = config.stripe.as_ref();
    let needs_client = platform.is_some() || tenants.iter().any(|tenant| sells(tenant));
    let client = needs_client.then(|| crate::gateway::client::new().ok()).flatten();
    let stripe = platform.zip(client.as_ref()).map(|(platform, client)| {
        Stripe::new(client.clone(), platform.api_base_url.clone(), platform.secret_key.clone())
    });
    let known = HashMap::new();
    PaidAccess {
        store,
        outgoing,
        creators: Creators::new(creators(tenants, (&known, client.as_ref()), |_| false)),
        stripe,
        is_live: platform.is_some_and(|platform| platform.secret_key.expose_secret().contains("_live_")),
        webhook_secrets: platform.map(|platform| platform.webhook_secrets.clone()).unwrap_or_default().into(),
        link_key: link_key(config),
        success_url: platform.and_then(|platform| platform.success_url.clone()),
        cancel_url: platform.and_then(|platform| platform.cancel_url.clone()),
        public_base_url: config.http.public_base_url.clone(),
        node: Arc::default(),
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

/// The tenants that sell something. Those that are the same stay as they are `known`, with their bots' connections.
fn creators(
    tenants: &[Arc<Tenant>],
    (known, client): (&HashMap<TenantId, Arc<Creator>>, Option<&reqwest::Client>),
    is_same: impl Fn(&TenantId) -> bool,
) -> Vec<(TenantId, Creator)> {
    let one = |tenant: &Arc<Tenant>| match known.get(&tenant.id).filter(|_| is_same(&tenant.id)) {
        Some(known) => (tenant.id.clone(), (**known).clone()),
        None => creator(tenant, client),
    };
    tenants.iter().filter(|tenant| sells(tenant)).map(one).collect()
}

/// Takes over what the tenants' files say now.
pub(super) fn reload(creators_now: &Creators, tenants: &[Arc<Tenant>], is_same: impl Fn(&TenantId) -> bool) {
    let known = creators_now.now();
    let is_new = |tenant: &&Arc<Tenant>| sells(tenant) && !(known.contains_key(&tenant.id) && is_same(&tenant.id));
    // One client for all that are new or changed, and none where nobody is.
    let client = tenants.iter().find(is_new).and_then(|_| crate::gateway::client::new().ok());
    creators_now.replace(creators(tenants, (&known, client.as_ref()), is_same));
}

fn creator(tenant: &Tenant, client: Option<&reqwest::Client>) -> (TenantId, Creator) {
    let channel_of = |scheme: Scheme| {
        let channel = tenant.channels.iter().find(|channel| channel.profile.scheme == scheme);
        channel.map(|channel| channel.id.clone())
    };
    let reached = |address: &Address| Some((channel_of(address.scheme())?, address.clone()));
    let directory = |channel: &Channel| {
        let wiring = Wiring::without_files(client?, None);
        let directory = provider(channel.provider.name())?.chat_directory(channel, wiring)?;
        Some((channel.id.clone(), directory))
    };
    let pace = |channel: &Channel| {
        let own = channel.profile.account.map_or(u128::MAX, |limit| 1_000_000_000 / limit.every.as_nanos().max(1));
        let per_second = own.min(tenant.limits.per_second.into());
        (channel.id.clone(), u32::try_from(per_second / CALLS_OF_A_REMOVAL).unwrap_or(u32::MAX).max(1))
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
        removals_per_second: tenant.channels.iter().map(pace).collect(),
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
        while !access.sells() {
            tokio::time::sleep(EVERY).await;
        }
        let audited = async {
            access.follow_chats().await?;
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
    let mut catch_up_at = Instant::now();
    // Since when events may be missing, until they could be listed: what comes in meanwhile fills no gap.
    let mut missing_since = None;
    let mut brisk_until = Instant::now();
    // Whose plans were written down: they change with the configuration.
    let mut kept = None;
    loop {
        while !access.sells() {
            tokio::time::sleep(EVERY).await;
        }
        let creators = access.creators.now();
        if kept.as_ref().is_none_or(|kept| !Arc::ptr_eq(kept, &creators)) {
            kept = keep_plans(access, &creators, clock).await.is_ok().then_some(creators);
        }
        if Instant::now() >= catch_up_at {
            let is_listed = catch_up(access, clock, &mut missing_since).await;
            catch_up_at = Instant::now() + if is_listed { CATCH_UP_EVERY } else { CATCH_UP_AGAIN };
        }
        let wait = match step(access, clock).await {
            Ok(0) if Instant::now() < brisk_until => BRISKLY,
            Ok(0) => EVERY,
            Ok(_) => {
                brisk_until = Instant::now() + STAYS_BRISK;
                Duration::ZERO
            }
            Err(error) if error.is_away() => AGAIN,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "paid access stands still, trying again");
                AGAIN
            }
        };
        // What comes in is not waited for; after a failure the pause is kept.
        if wait == AGAIN {
            tokio::time::sleep(wait).await;
        } else {
            let _ = tokio::time::timeout(wait, access.node.news()).await;
        }
    }
}

async fn step(access: &PaidAccess, clock: &dyn Clock) -> Result<usize, StoreError> {
    if !access.store.paid_access_is_due(clock.now()).await? {
        return Ok(0);
    }
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

/// Returns whether everything could be listed.
async fn catch_up(access: &PaidAccess, clock: &dyn Clock, missing_since: &mut Option<Timestamp>) -> bool {
    let now = clock.now();
    let listed = async {
        let since = match *missing_since {
            Some(since) => since,
            None => *missing_since.insert(access.missing_since(now).await?),
        };
        access.catch_up(&Tenants::All, since, now).await
    };
    let listed = listed.await;
    match listed {
        Ok(caught) => {
            if caught.new > 0 {
                info!(events = caught.new, "payment events that never came as webhooks were listed");
            }
            if caught.failed > 0 {
                return false;
            }
            *missing_since = None;
            // What was paid of them is known by now.
            if let Err(error) = access.drop_abandoned(now).await {
                debug!(error = &error as &dyn std::error::Error, "purchases that were never paid stay for another day");
            }
            true
        }
        Err(error) => {
            debug!(error = &error as &dyn std::error::Error, "payment events could not be listed");
            false
        }
    }
}
