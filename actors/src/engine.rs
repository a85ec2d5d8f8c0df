//! Engine: the running actors of a node, one set per shard, and the handle to them.

mod serving;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::Addr;
use futures_util::FutureExt as _;
use metrics::counter;
use tokio::sync::{Notify, oneshot};
use tracing::error;

pub use crate::conversation::messages::{Performed, SendRefusal};
use crate::domain::address::Address;
use crate::domain::conversation::ConversationKey;
use crate::domain::event::ActorType;
use crate::domain::ids::{ChannelId, ConversationId, OutboundId, ProviderMessageId, TenantId};
use crate::domain::late_failure::LateFailure;
use crate::domain::message::{Inbound, NewInbound};
use crate::domain::status::OutboxState;
use crate::domain::turn::{Command, Request, Requester, SendRequest};
use crate::ingress::messages::{Accept, Arrived, Redeliver};
use crate::ingress::{Accepted, Ingress, Refusal};
use crate::outbox::dispatch::messages::{ChannelChanged, Look, MeetPeers};
use crate::outbox::{self, Dispatcher, FailingChannel, Maintenance, SenderPool};
use crate::ports::{AccountNews, Advanced, ChannelKey, Notification, PortError, StatusUpdate};
use crate::runtime::admission::Admission;
use crate::runtime::exit::{Drain, Exit, start_guarded};
use crate::runtime::fair_limit::{FairLimit, FairPermit};
use crate::runtime::{ActorContext, Typing, metric};
use crate::supervisor::Supervisor;
use crate::supervisor::messages::{MeetIngress, Perform, RereadTenant};

/// What the shards of a node share. Made once, before the shards.
#[derive(Clone)]
pub struct EngineBuilder {
    context: Arc<ActorContext>,
    pool: Arc<SenderPool>,
    admission: Admission,
    shards: usize,
    fatal: Arc<Notify>,
}

/// One shard's actors, as others address them.
#[derive(Clone)]
pub struct Shard {
    ingress: Addr<Ingress>,
    supervisor: Addr<Supervisor>,
    dispatcher: Addr<Dispatcher>,
    maintenance: Addr<Maintenance>,
}

/// The running actors of a node. Cheap to clone; every method may be called from any thread.
#[derive(Clone)]
pub struct Engine {
    builder: EngineBuilder,
    shards: Arc<[Shard]>,
    /// Webhooks and status callbacks that wait for their commit.
    waiting: FairLimit,
    /// Requested messages that wait for their commit.
    asking: FairLimit,
    stopping: Arc<AtomicBool>,
}

impl EngineBuilder {
    /// A builder for so many shards.
    #[must_use]
    pub fn new(context: ActorContext, shards: usize) -> Self {
        let admission = Admission::new(context.settings.max_in_flight);
        let pool = SenderPool::new(&context);
        Self { context: Arc::new(context), pool, admission, shards: shards.max(1), fatal: Arc::default() }
    }

    /// Starts a shard's actors on the current arbiter. Each number below `shards` is to be started once.
    #[must_use]
    pub fn start_shard(&self, number: usize) -> Shard {
        let shards = self.shards;
        let owns = move |tenant: &TenantId| shard_of(tenant, shards) == number;
        let context = || Arc::clone(&self.context);
        let dispatcher = Dispatcher::new(context(), Arc::clone(&self.pool), Box::new(owns));
        let dispatcher = start_guarded(dispatcher, self.fatal_on_panic("dispatcher"));
        let pool = Arc::clone(&self.pool);
        let maintenance = Maintenance::new(context(), pool, dispatcher.clone(), Box::new(owns), number == 0);
        let maintenance = start_guarded(maintenance, self.fatal_on_panic("maintenance"));
        let supervisor = Supervisor::new(context(), dispatcher.clone(), Arc::clone(&self.pool));
        let supervisor = start_guarded(supervisor, self.fatal_on_panic("supervisor"));
        let ingress = Ingress::new(context(), supervisor.clone(), self.admission.clone(), Box::new(owns));
        let ingress = start_guarded(ingress, self.fatal_on_panic("ingress"));
        supervisor.do_send(MeetIngress(ingress.downgrade().recipient()));
        Shard { ingress, supervisor, dispatcher, maintenance }
    }

    /// These actors have no parent to rebuild them: when one panics, the process is to end and be started again, which loses
    /// nothing, rather than go on without it.
    fn fatal_on_panic(&self, actor: &'static str) -> impl FnOnce(Exit) + 'static {
        let fatal = Arc::clone(&self.fatal);
        move |exit| {
            if exit == Exit::Panicked {
                counter!(metric::PANICS, "actor" => actor).increment(1);
                error!(actor, "an actor without a supervisor panicked, the process must be started again");
                fatal.notify_one();
            }
        }
    }

    /// The handle, once every shard runs.
    #[must_use]
    pub fn build(self, shards: Vec<Shard>) -> Engine {
        let mut dispatchers = shards.iter().map(|shard| &shard.dispatcher);
        if let Some(first) = dispatchers.next() {
            let peers = dispatchers.map(|dispatcher| dispatcher.downgrade().recipient());
            first.do_send(MeetPeers(peers.collect()));
        }
        let limit = || {
            let tenants = self.context.tenants.all();
            let weights = tenants.iter().map(|(tenant, profile)| (tenant, profile.weight));
            FairLimit::new(self.context.settings.max_waiting_webhooks, weights)
        };
        Engine { waiting: limit(), asking: limit(), builder: self, shards: shards.into(), stopping: Arc::default() }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("waiting", &self.waiting_webhooks()).field("sending", &self.sending()).finish()
    }
}

fn shard_of(tenant: &TenantId, shards: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    tenant.hash(&mut hasher);
    usize::try_from(hasher.finish() % shards as u64).unwrap_or(0)
}

impl Engine {
    fn shard(&self, tenant: &TenantId) -> &Shard {
        &self.shards[shard_of(tenant, self.shards.len())]
    }

    /// Makes a message durable and sets it on its way (I1, I2).
    ///
    /// # Errors
    /// [`Refusal`]: nothing is promised, the provider should try again.
    pub async fn accept(&self, message: NewInbound) -> Result<Accepted, Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Refusal::Stopping);
        }
        let Some(_permit) = self.admit(&message.tenant) else {
            return Err(Refusal::Overloaded);
        };
        let (answer, answered) = oneshot::channel();
        self.shard(&message.tenant).ingress.do_send(Accept { message, answer });
        answered.await.unwrap_or(Err(Refusal::Unavailable))
    }

    /// Delivers messages that were spooled and are in the store now: the new ones in order, and for the tenants in `known`
    /// everything that waits in the store.
    pub fn arrived(&self, messages: Vec<Inbound>, known: impl IntoIterator<Item = TenantId>) {
        let mut by_shard: Vec<Vec<Inbound>> = self.shards.iter().map(|_| Vec::new()).collect();
        for message in messages {
            by_shard[shard_of(&message.tenant, self.shards.len())].push(message);
        }
        for (shard, messages) in self.shards.iter().zip(by_shard).filter(|(_, messages)| !messages.is_empty()) {
            shard.ingress.do_send(Arrived(messages));
        }
        for tenant in known {
            self.shard(&tenant).ingress.do_send(Redeliver(tenant));
        }
    }

    /// Writes a requested message into its conversation queue (I3) and dispatches it. Answers once it is durable.
    ///
    /// # Errors
    /// [`SendRefusal`]: but for `Unavailable`, nothing was written.
    pub async fn send(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        address: Address,
        request: SendRequest,
    ) -> Result<OutboundId, SendRefusal> {
        let context = &self.builder.context;
        let profile = context.tenants.get(&tenant).ok_or(SendRefusal::UnknownTenant)?;
        if !profile.channels.contains_key(&channel) {
            return Err(SendRefusal::UnknownChannel);
        }
        let by = Requester { actor_type: ActorType::Operator, name: None };
        let request = Request { by, correlation: request.correlation, command: Command::Send(request) };
        let performed = self.perform(ConversationKey::new(tenant, channel, address), request).await?;
        performed.message.ok_or(SendRefusal::Unavailable)
    }

    /// Does what somebody asks of a conversation: reply, hand over, assign, resolve and the like. Answers once it is durable.
    ///
    /// # Errors
    /// [`SendRefusal`]: but for `Unavailable`, nothing was written.
    pub async fn request(
        &self,
        tenant: &TenantId,
        conversation: ConversationId,
        request: Request,
    ) -> Result<Performed, SendRefusal> {
        let context = &self.builder.context;
        if !context.tenants.contains(tenant) {
            return Err(SendRefusal::UnknownTenant);
        }
        let key = context.within_deadline(context.ports.turns.key_of(tenant, conversation)).await;
        let key = key.map_err(|_| SendRefusal::Unavailable)?.ok_or(SendRefusal::UnknownConversation)?;
        self.perform(key, request).await
    }

    /// Does what somebody asks of the conversation with this key, which need not be there yet.
    ///
    /// # Errors
    /// [`SendRefusal`]: but for `Unavailable`, nothing was written.
    pub async fn perform(&self, key: ConversationKey, request: Request) -> Result<Performed, SendRefusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(SendRefusal::Stopping);
        }
        let tenant = key.tenant.clone();
        let Some(_permit) = self.asking.enter(&tenant) else {
            return Err(SendRefusal::Overloaded);
        };
        let (answer, answered) = oneshot::channel();
        self.shard(&tenant).supervisor.do_send(Perform { key, request, answer });
        // A load and a commit.
        let answered = tokio::time::timeout(self.builder.context.settings.store_deadline * 2, answered).await;
        answered.ok().and_then(Result::ok).unwrap_or(Err(SendRefusal::Unavailable))
    }

    /// Applies a provider's status callback (I8). A failure acts as its code would have in the answer to the send.
    ///
    /// # Errors
    /// The store's.
    pub async fn advance(&self, mut update: StatusUpdate) -> Result<Advanced, PortError> {
        update.failure = self.failure(&update);
        let pause = update.failure.as_ref().and_then(LateFailure::pause);
        let code = if pause.is_some() { update.code.clone() } else { None };
        let channel_key = ChannelKey { tenant: update.tenant.clone(), channel: update.channel.clone() };
        let context = &self.builder.context;
        let advanced = context.within_deadline(context.ports.outbox.advance(update)).await?;
        let mut again_at = None;
        match advanced {
            Advanced::To(OutboxState::Failed) => outbox::count_lost(&channel_key, OutboxState::Failed),
            Advanced::Requeued(at) => again_at = Some(at),
            Advanced::Arrived(_) => {
                if let Some(health) = self.builder.pool.channel(&channel_key) {
                    health.count_delivered();
                }
            }
            Advanced::To(_) | Advanced::Unchanged(_) | Advanced::NoSuchMessage => {}
        }
        let is_news = matches!(advanced, Advanced::To(_) | Advanced::Requeued(_));
        if let Some(after) = pause.filter(|_| is_news) {
            self.pause(&channel_key, after, code.as_deref()).await;
        }
        // Rows that are queued behind an unknown message may go now.
        self.shard(&channel_key.tenant).dispatcher.do_send(ChannelChanged { channel_key, again_at });
        Ok(advanced)
    }

    /// Pauses a channel whose provider suspended its account, or ends such a pause.
    ///
    /// # Errors
    /// The store's.
    pub async fn account_news(&self, news: &AccountNews) -> Result<(), PortError> {
        outbox::heed(&self.builder.context, &self.builder.pool, news).await?;
        let (channel_key, again_at) = (news.channel_key.clone(), Some(self.builder.context.now()));
        self.shard(&channel_key.tenant).dispatcher.do_send(ChannelChanged { channel_key, again_at });
        Ok(())
    }

    /// What a failure's code means to the provider of the callback's channel, and what the channel allows to be done.
    fn failure(&self, update: &StatusUpdate) -> Option<LateFailure> {
        let code = update.code.as_deref()?;
        let gateway = self.builder.context.ports.gateways.get(&update.channel)?;
        let class = gateway.class_of(code)?;
        let senders = self.builder.pool.tenant(&update.tenant)?;
        Some(LateFailure {
            class,
            may_have_arrived: gateway.may_have_arrived(code),
            on_unknown: gateway.on_unknown(),
            channel: Arc::clone(&senders.channel(&update.channel)?.profile),
            deferred_for: senders.profile.deferred_for,
        })
    }

    /// Pauses a channel whose provider refuses all that it gets.
    async fn pause(&self, channel_key: &ChannelKey, after: Duration, code: Option<&str>) {
        if let Some(health) = self.builder.pool.channel(channel_key) {
            outbox::suspend(&self.builder.context, &health, after, code).await;
        }
    }

    /// Shows a contact that a person is typing, where the channel can and the contact said no STOP (I6). Answers for how long;
    /// `None`: it is not shown. Nothing depends on it.
    pub async fn show_typing(
        &self,
        channel_key: &ChannelKey,
        to: Address,
        in_reply_to: ProviderMessageId,
    ) -> Option<Duration> {
        let context = &self.builder.context;
        let lasts = self.builder.pool.channel(channel_key)?.typing(context.now())?;
        let status = context.ports.recipients.recipient_status(&channel_key.tenant, &channel_key.channel, &to);
        if context.within_deadline(status).await.ok()?.opted_out {
            return None;
        }
        let typing = Typing { channel: channel_key.channel.clone(), to, in_reply_to: Some(in_reply_to), lasts };
        // A gateway that panics takes nobody along.
        AssertUnwindSafe(context.show_typing(&typing)).catch_unwind().await.ok().map(|()| lasts)
    }

    /// Another process changed rows or consents: looks at them now instead of at the next sweep.
    pub fn wake(&self, what: Notification) {
        let is_known = |tenant: &TenantId| self.builder.context.tenants.contains(tenant);
        for tenant in what.tenants.into_iter().filter(is_known) {
            self.shard(&tenant).supervisor.do_send(RereadTenant(tenant));
        }
        let channel_keys: Vec<ChannelKey> =
            what.channel_keys.into_iter().filter(|channel_key| is_known(&channel_key.tenant)).collect();
        if let Some(first) = self.shards.first().filter(|_| !channel_keys.is_empty()) {
            first.dispatcher.do_send(Look(channel_keys));
        }
    }

    /// The channels that their providers do not serve, as this node met it.
    #[must_use]
    pub fn failing_channels(&self) -> Vec<(ChannelKey, FailingChannel)> {
        let tenants = self.builder.pool.tenants();
        let channels = tenants.values().flat_map(|senders| senders.channels());
        channels.filter_map(|health| Some((health.channel_key.clone(), health.failing()?))).collect()
    }

    /// Whether a failure of the store is to be logged: false when the outage was logged within the last minute.
    #[must_use]
    pub fn is_news(&self, error: &PortError) -> bool {
        self.builder.context.outage.is_news(error)
    }

    /// Resolves when an actor without a supervisor has panicked: stop the process, so that it is started again.
    pub async fn fatal(&self) {
        self.builder.fatal.notified().await;
    }

    /// Number of webhooks that wait for their commit.
    #[must_use]
    pub fn waiting_webhooks(&self) -> usize {
        self.waiting.count()
    }

    /// A permit for a webhook (a message or a status callback), to be held until its commit. `None`: too many of the tenant's
    /// webhooks wait already, or of all tenants'.
    #[must_use]
    pub fn admit(&self, tenant: &TenantId) -> Option<FairPermit<'_>> {
        let permit = self.waiting.enter(tenant);
        if permit.is_none() {
            counter!(metric::REFUSED).increment(1);
        }
        permit
    }

    /// Number of messages being sent.
    #[must_use]
    pub fn sending(&self) -> usize {
        self.builder.pool.sending()
    }

    /// Accepts nothing more, and resolves when every turn and send in flight has finished. Messages that wait in the store
    /// stay there for the next start.
    pub async fn drain(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.builder.pool.close_soon();
        for shard in &*self.shards {
            shard.ingress.do_send(Drain);
            shard.dispatcher.do_send(Drain);
            shard.maintenance.do_send(Drain);
        }
        self.builder.admission.drained().await;
        self.builder.pool.drained().await;
    }
}
