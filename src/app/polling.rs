//! Polls the channels whose providers post no webhooks: one node at a time for each, from a durable position.
//!
//! The position is written after the messages: whoever ends in between is given them again, and they are duplicates.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use palabre_actors::domain::ids::{ChannelId, NodeId, TenantId};
use palabre_actors::ports::{Clock, Pending};
use palabre_actors::runtime::ActorContext;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::config::{Channel, Config, Tenant};
use crate::gateway::polling::{PollError, Polled, Poller};
use crate::gateway::{self, Received, Wiring, client};
use crate::http::{Reception, Refusal};
use crate::store::{Store, StoreError};

/// A poll waits for 20 seconds and takes as long as a call may then; what it brings is committed in less.
const LEASE: Duration = Duration::from_secs(75);
/// Time to the next look while another node polls the channel.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Waits after a failure, the first and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// What polls. Dropping it changes nothing; [`Polling::stop`] ends it.
pub(super) struct Polling {
    tasks: Mutex<HashMap<ChannelId, (TenantId, JoinHandle<()>)>>,
    client: reqwest::Client,
    public_base_url: Option<String>,
    store: Store,
    node: NodeId,
    reception: Arc<dyn Reception>,
    clock: Arc<dyn Clock>,
    io: Handle,
}

struct PolledChannel {
    tenant: TenantId,
    channel: ChannelId,
    poller: Arc<dyn Poller>,
    store: Store,
    node: NodeId,
    reception: Arc<dyn Reception>,
    clock: Arc<dyn Clock>,
}

/// Why a round brought nothing.
enum Failure {
    Poll(PollError),
    Store(StoreError),
    Refused(Refusal),
}

impl Polling {
    /// Nothing is polled yet.
    pub(super) fn new(
        config: &Config,
        (store, node): (&Store, &NodeId),
        reception: Arc<dyn Reception>,
        clock: Arc<dyn Clock>,
        io: &Handle,
    ) -> Result<Self, gateway::BuildError> {
        Ok(Self {
            tasks: Mutex::default(),
            client: client::new()?,
            public_base_url: config.http.public_base_url.clone(),
            store: store.clone(),
            node: node.clone(),
            reception,
            clock,
            io: io.clone(),
        })
    }

    /// Polls every channel of these tenants that wants it from now on, until others are given. What is polled for a tenant
    /// that is the same as before goes on.
    pub(super) async fn serve(&self, tenants: &[Arc<Tenant>], is_same: impl Fn(&TenantId) -> bool) {
        let mut tasks = self.tasks.lock().await;
        let before = tasks.len();
        tasks.retain(|_, (tenant, task)| {
            let goes_on = is_same(tenant);
            if !goes_on {
                task.abort();
            }
            goes_on
        });
        if tasks.len() < before {
            self.release().await;
        }
        for channel in tenants.iter().flat_map(|tenant| &tenant.channels) {
            if tasks.contains_key(&channel.id) {
                continue;
            }
            if let Some(polled) = self.polled(channel) {
                tasks.insert(channel.id.clone(), (channel.tenant.clone(), self.io.spawn(polled.run())));
            }
        }
    }

    fn polled(&self, channel: &Channel) -> Option<PolledChannel> {
        let wiring = Wiring::without_files(&self.client, self.public_base_url.as_deref());
        let poller = gateway::provider(channel.provider.name())?.poller(channel, wiring)?;
        Some(PolledChannel {
            tenant: channel.tenant.clone(),
            channel: channel.id.clone(),
            poller,
            store: self.store.clone(),
            node: self.node.clone(),
            reception: Arc::clone(&self.reception),
            clock: Arc::clone(&self.clock),
        })
    }

    /// Polls no more, and lets other nodes do it at once.
    pub(super) async fn stop(&self) {
        let mut tasks = self.tasks.lock().await;
        tasks.values().for_each(|(_, task)| task.abort());
        if !tasks.is_empty() {
            self.release().await;
        }
        tasks.clear();
    }

    async fn release(&self) {
        if let Err(error) = self.store.release_polling(&self.node).await {
            warn!(error = &error as &dyn std::error::Error, "poll leases not released, they run out by themselves");
        }
    }
}

impl std::fmt::Debug for Polling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Polling").field("node", &self.node).finish_non_exhaustive()
    }
}

impl PolledChannel {
    async fn run(self) {
        let mut failures = 0_u32;
        loop {
            let wait = match self.round().await {
                Ok(true) => {
                    if failures > 0 {
                        info!(tenant.id = %self.tenant, channel.id = %self.channel, "polling works again");
                    }
                    failures = 0;
                    continue;
                }
                Ok(false) => LOOK_AGAIN,
                Err(failure) => {
                    // Logged once for each outage.
                    if failures == 0 {
                        self.log(&failure);
                    }
                    failures = failures.saturating_add(1);
                    (WAITS.0 * 2_u32.saturating_pow(failures.min(16) - 1)).min(WAITS.1)
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// One poll, all of what it brought, and the position behind it. `false`: another node polls.
    async fn round(&self) -> Result<bool, Failure> {
        let key = (&self.tenant, &self.channel);
        let now = self.clock.now();
        let lease = (now, ActorContext::later(now, LEASE));
        let Some(position) = self.store.lease_polling(key, &self.node, lease).await? else { return Ok(false) };
        let Polled { received, next } = self.poller.poll(position, self.clock.now()).await?;
        let taken = join_all(received.into_iter().map(|one| take(&*self.reception, one))).await;
        taken.into_iter().collect::<Result<(), Refusal>>()?;
        let Some(next) = next else { return Ok(true) };
        Ok(self.store.advance_polling(key, &self.node, next, self.clock.now()).await?)
    }

    fn log(&self, failure: &Failure) {
        let (tenant, channel) = (&self.tenant, &self.channel);
        match failure {
            Failure::Poll(error) => {
                warn!(
                    tenant.id = %tenant, channel.id = %channel, error = error as &dyn std::error::Error,
                    "polling failed, trying again"
                );
            }
            Failure::Store(error) => {
                warn!(
                    tenant.id = %tenant, channel.id = %channel, error = error as &dyn std::error::Error,
                    "no position to poll from, trying again"
                );
            }
            Failure::Refused(refusal) => {
                warn!(
                    tenant.id = %tenant, channel.id = %channel, error = refusal as &dyn std::error::Error,
                    "what was polled is not durable, asking again"
                );
            }
        }
    }
}

/// Makes what was received durable. The messages of a poll are begun in their order.
fn take(reception: &dyn Reception, received: Received) -> Pending<'_, Result<(), Refusal>> {
    match received {
        Received::Message(message) => {
            let accepting = reception.accept(*message);
            Box::pin(async move { accepting.await.map(drop) })
        }
        Received::Status(update) => reception.status(update),
        Received::Event(event) => reception.event(*event),
        Received::Account(news) => reception.account(news),
        // Only webhooks are shared by channels.
        Received::Shared { own, .. } => take(reception, *own),
        Received::Nothing => Box::pin(std::future::ready(Ok(()))),
        Received::Batch(parts) => Box::pin(async move {
            for part in parts {
                take(reception, part).await?;
            }
            Ok(())
        }),
    }
}

impl From<PollError> for Failure {
    fn from(error: PollError) -> Self {
        Self::Poll(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
