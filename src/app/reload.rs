//! Takes the tenants' files over while the daemon runs: all of a configuration at once, or nothing of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use metrics::{counter, gauge};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::engine::Engine;
use palabre_actors::ports::{Clock, Pending};
use palabre_actors::runtime::TenantChanges;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::polling::Polling;
use super::webhook_receiver::WebhookReceiver;
use super::{integrators, paid_access, profile_of, row_of};
use crate::assistant::Assistants;
use crate::config::{
    Config, ConfigErrors, ConfigFiles, Environment, FilesStamp, Loaded, Problem, Reloaded, Severity, Tenant,
    TenantDirectory,
};
use crate::gateway::{self, CurrentRegistry, PROVIDERS};
use crate::http::health::{Condition, HealthSource};
use crate::service::channels::ConfiguredChannels;
use crate::service::paid_access::Creators;
use crate::service::reload::{Reload, ReloadStatus};
use crate::service::setup::TenantFolder;
use crate::store::{Store, StoreError, StoredFaq};
use crate::telemetry::metrics as names;

/// How often the files are looked at. What changed is read when it looks the same twice: a file may be half written.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How soon files are read again that were not taken over.
const AGAIN: Duration = Duration::from_secs(1);

/// What `/api/health` says while a file is refused.
const REFUSED: &str = "a tenant's file does not hold, what it said before counts: the log and `palabre check` say why";
/// What it says while changes wait for the database.
const WAITS: &str = "changed files wait until the database answers";

/// Where the configuration came from, so that its tenants can be read again.
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    /// The daemon's file.
    pub path: PathBuf,
    pub environment: Environment,
    /// What was read at the start.
    pub files: ConfigFiles,
}

impl ConfigSource {
    /// The tenants' files, for whoever writes them.
    pub(super) fn folder(&self) -> TenantFolder {
        TenantFolder::of(&self.path, self.environment.clone())
    }
}

/// Everything that holds tenants, and takes others over.
pub(super) struct Holders {
    pub directory: TenantDirectory,
    pub registry: Arc<CurrentRegistry>,
    pub receiver: Arc<WebhookReceiver>,
    pub engine: Engine,
    pub store: Store,
    pub faq: StoredFaq,
    pub channels: ConfiguredChannels,
    pub creators: Creators,
    pub polling: Arc<Polling>,
    pub assistants: Arc<Assistants>,
    pub clock: Arc<dyn Clock>,
}

/// Reads the files and hands them to their holders.
pub(super) struct Reloader {
    path: PathBuf,
    environment: Environment,
    holders: Holders,
    /// What counts. Held while files are read and taken over.
    files: Mutex<Arc<ConfigFiles>>,
    status: RwLock<ReloadStatus>,
}

/// Why a configuration that holds was not taken over.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Gateway(#[from] gateway::BuildError),
}

impl Reloader {
    pub(super) fn new(source: ConfigSource, holders: Holders) -> Arc<Self> {
        let status = ReloadStatus {
            version: source.files.version().to_owned(),
            tenants: holders.directory.all().len(),
            since: Some(holders.clock.now()),
            ..ReloadStatus::default()
        };
        gauge!(names::CONFIG_REFUSED).set(0.0);
        set_tenants(status.tenants);
        let ConfigSource { path, environment, files } = source;
        Arc::new(Self { path, environment, holders, files: Mutex::new(Arc::new(files)), status: RwLock::new(status) })
    }

    /// Looks at the files until the task is ended.
    pub(super) fn follow(self: &Arc<Self>, io: &Handle) -> JoinHandle<()> {
        let own = Arc::clone(self);
        io.spawn(async move {
            // What was read at the start may have changed since.
            let mut taken: Option<FilesStamp> = None;
            let mut before = None;
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let now = own.stamp().await;
                let is_settled = before.replace(now.clone()).is_some_and(|before| before == now);
                if !is_settled || taken.as_ref() == Some(&now) {
                    continue;
                }
                let status = own.read_and_take().await;
                taken = Some(now);
                // What is in the way may pass without a change of a file that was read: a missing secret appears.
                if status.waits || !status.refused.is_empty() {
                    taken = None;
                    tokio::time::sleep(AGAIN).await;
                }
            }
        })
    }

    async fn stamp(&self) -> FilesStamp {
        let files = Arc::clone(&*self.files.lock().await);
        tokio::task::spawn_blocking(move || files.stamp()).await.unwrap_or_default()
    }

    /// Reads the files, and takes over what holds.
    async fn read_and_take(&self) -> ReloadStatus {
        let mut files = self.files.lock().await;
        let (path, environment, before) = (self.path.clone(), self.environment.clone(), Arc::clone(&files));
        let reading = tokio::task::spawn_blocking(move || {
            let reloaded = Config::reload(&path, &environment, &PROVIDERS, &before);
            (reloaded, differs(&path, &before))
        });
        let Ok((reloaded, needs_restart)) = reading.await else { return self.now() };
        let (taken, refused) = match reloaded {
            Ok(Reloaded { loaded, refused }) => (self.take(loaded, &files).await, refused),
            Err(ConfigErrors { problems }) => (Ok(None), problems),
        };
        let mut waits = false;
        match taken {
            Ok(Some((read, changes))) => {
                self.told(&read, &changes);
                *files = Arc::new(read);
            }
            Ok(None) => {}
            Err(error) => {
                waits = true;
                self.not_taken(&error);
            }
        }
        self.note(refused, (waits, needs_restart))
    }

    /// Hands a configuration to all holders. `None`: it is the one that counts.
    async fn take(
        &self,
        loaded: Loaded,
        before: &ConfigFiles,
    ) -> Result<Option<(ConfigFiles, Arc<TenantChanges>)>, NotTaken> {
        let holders = &self.holders;
        let Loaded { config, files, .. } = loaded;
        let known: HashMap<TenantId, Arc<Tenant>> =
            holders.directory.all().iter().map(|tenant| (tenant.id.clone(), Arc::clone(tenant))).collect();
        let is_same = |id: &TenantId| known.contains_key(id) && files.is_same(before, id);
        if config.tenants.len() == known.len() && config.tenants.iter().all(|tenant| is_same(&tenant.id)) {
            return Ok(None);
        }
        let tenants: Vec<Arc<Tenant>> = config
            .tenants
            .into_iter()
            .map(|tenant| match known.get(&tenant.id) {
                Some(known) if is_same(&tenant.id) => Arc::clone(known),
                _ => Arc::new(tenant),
            })
            .collect();
        let registry = Arc::new(holders.registry.now().with(tenants.iter().map(|tenant| &**tenant), is_same)?);
        let changed = tenants.iter().filter(|tenant| !is_same(&tenant.id));
        let rows: Vec<_> = changed.map(|tenant| row_of(tenant)).collect();
        holders.store.sync_tenants(&rows, holders.clock.now()).await?;
        // From here on nothing fails. Gateways come before those who send, webhooks after those who take them.
        holders.registry.replace(Arc::clone(&registry));
        let assistants = super::assistant::served(tenants.iter().map(AsRef::as_ref));
        holders.assistants.serve(assistants, is_same);
        holders.faq.configure(tenants.iter().map(|tenant| (tenant.id.clone(), Arc::clone(&tenant.rules))).collect());
        let served = holders.engine.tenants();
        let profile = |tenant: &Arc<Tenant>| match served.get(&tenant.id) {
            Some(known) if is_same(&tenant.id) => Arc::clone(known),
            _ => Arc::new(profile_of(tenant)),
        };
        let changes = holders.engine.serve(tenants.iter().map(|tenant| (tenant.id.clone(), profile(tenant))).collect());
        holders.channels.replace(integrators::channels(&tenants));
        paid_access::reload(&holders.creators, &tenants, is_same);
        holders.polling.serve(&tenants, is_same).await;
        holders.receiver.serve(registry, &tenants);
        holders.directory.replace(tenants);
        Ok(Some((files, changes)))
    }

    fn told(&self, files: &ConfigFiles, changes: &TenantChanges) {
        let list = |tenants: &[TenantId]| tenants.iter().map(TenantId::as_str).collect::<Vec<_>>().join(",");
        info!(
            config.version = files.version(),
            tenants.added = list(&changes.added),
            tenants.changed = list(&changes.changed),
            tenants.removed = list(&changes.removed),
            "tenants' files taken over"
        );
        for tenant in &changes.removed {
            warn!(tenant.id = %tenant, "tenant left the configuration, what waits for it stays in the database");
        }
        counter!(names::CONFIG_RELOADS, "result" => "applied").increment(1);
        let mut status = self.status.write().unwrap_or_else(PoisonError::into_inner);
        files.version().clone_into(&mut status.version);
        status.tenants = self.holders.directory.all().len();
        status.since = Some(self.holders.clock.now());
        set_tenants(status.tenants);
    }

    fn not_taken(&self, error: &NotTaken) {
        // Logged once while it lasts.
        if !self.now().waits {
            counter!(names::CONFIG_RELOADS, "result" => "failed").increment(1);
            warn!(error = error as &dyn std::error::Error, "changed files not taken over, trying again");
        }
    }

    /// Notes what is refused, and tells it when it is news.
    fn note(&self, refused: Vec<Problem>, (waits, needs_restart): (bool, bool)) -> ReloadStatus {
        let is_wrong = refused.iter().any(|problem| problem.severity == Severity::Error);
        let mut status = self.status.write().unwrap_or_else(PoisonError::into_inner);
        if is_wrong && status.refused != refused {
            counter!(names::CONFIG_RELOADS, "result" => "refused").increment(1);
            for problem in refused.iter().filter(|problem| problem.severity == Severity::Error) {
                error!(
                    config.place = %problem.place, config.key = problem.key, reason = problem.reason,
                    help = problem.help, "a tenant's file does not hold, what it said before counts"
                );
            }
        } else if !is_wrong && !status.refused.is_empty() {
            info!(config.version = status.version, "every tenant's file holds again");
        }
        if needs_restart && !status.needs_restart {
            warn!("the daemon's own file changed: what it says counts from the next start on");
        }
        status.refused_since = is_wrong.then(|| status.refused_since.unwrap_or_else(|| self.holders.clock.now()));
        status.refused = if is_wrong { refused } else { Vec::new() };
        (status.waits, status.needs_restart) = (waits, needs_restart);
        gauge!(names::CONFIG_REFUSED).set(if is_wrong { 1.0 } else { 0.0 });
        status.clone()
    }

    fn now(&self) -> ReloadStatus {
        self.status.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reload for Reloader {
    fn reload(&self) -> Pending<'_, ReloadStatus> {
        Box::pin(self.read_and_take())
    }

    fn status(&self) -> ReloadStatus {
        self.now()
    }
}

impl HealthSource for Reloader {
    fn check(&self) -> Pending<'_, Condition> {
        let status = self.now();
        Box::pin(std::future::ready(match status {
            ReloadStatus { refused, .. } if !refused.is_empty() => Condition::Degraded(REFUSED),
            ReloadStatus { waits: true, .. } => Condition::Degraded(WAITS),
            _ => Condition::Up,
        }))
    }

    fn facts(&self, _: Condition) -> Map<String, Value> {
        let status = self.now();
        let errors = status.refused.iter().filter(|problem| problem.severity == Severity::Error).count();
        let mut facts = Map::from_iter([
            ("version".to_owned(), status.version.into()),
            ("tenants".to_owned(), status.tenants.into()),
        ]);
        if errors > 0 {
            facts.insert("refused".to_owned(), errors.into());
        }
        if status.needs_restart {
            facts.insert("needs_restart".to_owned(), true.into());
        }
        facts
    }
}

/// Whether the daemon's own file is another than what was read at the start.
fn differs(path: &Path, before: &ConfigFiles) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| !before.is_main(&text))
}

fn set_tenants(count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge; far fewer than 2^52 tenants")]
    gauge!(names::CONFIG_TENANTS).set(count as f64);
}
