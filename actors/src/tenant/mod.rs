//! Tenant: routes messages to its conversations, rebuilds those that panicked, passivates idle ones.

pub mod messages;

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler};
use metrics::{counter, gauge};
use tokio::time::Instant;
use tracing::{error, info};

use self::messages::{Adopt, ConversationExited, Deliver, Idle, Perform, Reread, Wake};
use crate::conversation::messages::{AskIdle, Retire, SendRefusal};
use crate::conversation::{Bookmark, Conversation, ConversationSetup};
use crate::domain::conversation::ConversationKey;
use crate::domain::ids::{InboundId, TenantId};
use crate::outbox::{Dispatcher, SenderPool};
use crate::runtime::exit::{Exit, start_guarded};
use crate::runtime::restart_budget::{RestartBudget, RestartDecision};
use crate::runtime::{ActorContext, TenantProfile, metric};

/// Owns a tenant's conversations in memory.
pub struct Tenant {
    id: TenantId,
    profile: Arc<TenantProfile>,
    context: Arc<ActorContext>,
    dispatcher: Addr<Dispatcher>,
    pool: Arc<SenderPool>,
    conversations: HashMap<ConversationKey, ConversationEntry>,
    generations: u64,
    sweeping: bool,
    came_since_room: usize,
}

/// A conversation, as its parent sees it.
struct ConversationEntry {
    child: Child,
    generation: u64,
    /// Messages sent to this instance.
    sent: u64,
    /// The newest accepted message that came for it, whichever instance was there: a fresh one loads up to there.
    through: Option<InboundId>,
    last_used: Instant,
    bookmark: Bookmark,
    budget: RestartBudget,
    strikes: Option<Strikes>,
}

enum Child {
    Running(Addr<Conversation>),
    /// It panicked and waits to be rebuilt. Messages that come meanwhile are in the store, and the next instance loads them.
    Recovering,
}

struct Strikes {
    message: InboundId,
    count: u32,
}

impl Tenant {
    /// A tenant without conversations in memory.
    #[must_use]
    pub fn new(
        id: TenantId,
        profile: Arc<TenantProfile>,
        context: Arc<ActorContext>,
        dispatcher: Addr<Dispatcher>,
        pool: Arc<SenderPool>,
    ) -> Self {
        Self {
            id,
            profile,
            context,
            dispatcher,
            pool,
            conversations: HashMap::new(),
            generations: 0,
            sweeping: false,
            came_since_room: 0,
        }
    }

    fn start_child(
        &mut self,
        key: ConversationKey,
        bookmark: Bookmark,
        (poison, through): (Option<InboundId>, Option<InboundId>),
        ctx: &Context<Self>,
    ) -> (Addr<Conversation>, u64) {
        self.generations += 1;
        let generation = self.generations;
        bookmark.set(None);
        let parent = ctx.address();
        let conversation = Conversation::new(ConversationSetup {
            key: key.clone(),
            generation,
            context: Arc::clone(&self.context),
            profile: Arc::clone(&self.profile),
            parent: parent.clone().recipient(),
            dispatcher: self.dispatcher.clone(),
            pool: Arc::clone(&self.pool),
            bookmark,
            poison,
            through,
        });
        let address =
            start_guarded(conversation, move |exit| parent.do_send(ConversationExited { key, generation, exit }));
        (address, generation)
    }

    /// The conversation, started when it is not in memory. Answers nothing while it recovers.
    fn running(&mut self, key: &ConversationKey, ctx: &mut Context<Self>) -> Option<Addr<Conversation>> {
        if let Some(entry) = self.conversations.get_mut(key) {
            let Child::Running(child) = &entry.child else { return None };
            entry.sent += 1;
            entry.last_used = Instant::now();
            return Some(child.clone());
        }
        self.make_room();
        let bookmark: Bookmark = Rc::new(Cell::new(None));
        let (child, generation) = self.start_child(key.clone(), Rc::clone(&bookmark), (None, None), ctx);
        let entry = ConversationEntry {
            child: Child::Running(child.clone()),
            generation,
            sent: 1,
            through: None,
            last_used: Instant::now(),
            bookmark,
            budget: RestartBudget::default(),
            strikes: None,
        };
        self.conversations.insert(key.clone(), entry);
        self.context.residents.fetch_add(1, Ordering::Relaxed);
        gauge!(metric::RESIDENT).increment(1.0);
        self.sweep_later(ctx);
        Some(child)
    }

    /// When the node holds as many conversations as it may, asks the least recently used fifth of this tenant's to leave,
    /// once for each tenth that came.
    fn make_room(&mut self) {
        if self.context.residents.load(Ordering::Relaxed) < self.context.settings.max_resident_conversations {
            return;
        }
        self.came_since_room += 1;
        if self.came_since_room < (self.conversations.len() / 10).max(1) {
            return;
        }
        self.came_since_room = 0;
        let mut by_age: Vec<&ConversationEntry> = self.conversations.values().collect();
        by_age.sort_unstable_by_key(|entry| entry.last_used);
        by_age.into_iter().take((self.conversations.len() / 5).max(1)).for_each(ask_idle);
    }

    fn sweep_later(&mut self, ctx: &mut Context<Self>) {
        if self.sweeping {
            return;
        }
        self.sweeping = true;
        let every = (self.context.settings.passivate_after / 4).max(Duration::from_millis(10));
        ctx.run_later(every, |tenant, ctx| {
            tenant.sweeping = false;
            let idle_for = tenant.context.settings.passivate_after;
            tenant.conversations.values().filter(|entry| entry.last_used.elapsed() >= idle_for).for_each(ask_idle);
            if !tenant.conversations.is_empty() {
                tenant.sweep_later(ctx);
            }
        });
    }

    /// A child panicked: rebuild it after a wait; its message becomes a dead letter when it did so too often.
    fn recover(&mut self, key: ConversationKey, ctx: &mut Context<Self>) {
        let Some(entry) = self.conversations.get_mut(&key) else { return };
        entry.child = Child::Recovering;
        let culprit = entry.bookmark.get().map(|marked| marked.message);
        if let Some(message) = culprit {
            let count = entry
                .strikes
                .take()
                .filter(|strikes| strikes.message == message)
                .map_or(1, |strikes| strikes.count + 1);
            entry.strikes = Some(Strikes { message, count });
        }
        let poison = entry
            .strikes
            .as_ref()
            .filter(|strikes| strikes.count >= self.context.settings.poison_strikes)
            .map(|strikes| strikes.message);
        if let Some(message) = poison {
            counter!(metric::POISONED).increment(1);
            error!(
                tenant.id = %self.id, message.id = %message,
                "message panicked its conversation repeatedly, it becomes a dead letter"
            );
        }
        let after = match entry.budget.spend(Instant::now()) {
            RestartDecision::Restart { after } => after,
            RestartDecision::Quarantine { after } => {
                error!(
                    tenant.id = %self.id, channel.id = %key.channel,
                    "conversation quarantined, its restart budget is used up"
                );
                after
            }
        };
        ctx.run_later(after, move |tenant, ctx| tenant.rebuild(key, poison, ctx));
    }

    fn rebuild(&mut self, key: ConversationKey, poison: Option<InboundId>, ctx: &mut Context<Self>) {
        let Some(entry) = self.conversations.get(&key) else { return };
        let (bookmark, through) = (Rc::clone(&entry.bookmark), entry.through);
        let (child, generation) = self.start_child(key.clone(), bookmark, (poison, through), ctx);
        if let Some(entry) = self.conversations.get_mut(&key) {
            entry.child = Child::Running(child);
            entry.generation = generation;
            entry.sent = 0;
            entry.last_used = Instant::now();
        }
    }

    fn forget(&mut self, key: &ConversationKey) -> Option<ConversationEntry> {
        let entry = self.conversations.remove(key);
        if entry.is_some() {
            self.context.residents.fetch_sub(1, Ordering::Relaxed);
            gauge!(metric::RESIDENT).decrement(1.0);
        }
        entry
    }
}

fn ask_idle(entry: &ConversationEntry) {
    if let Child::Running(child) = &entry.child {
        child.do_send(AskIdle);
    }
}

impl Actor for Tenant {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.context.residents.fetch_sub(self.conversations.len(), Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a gauge; far fewer than 2^52 conversations")]
        gauge!(metric::RESIDENT).decrement(self.conversations.len() as f64);
        info!(tenant.id = %self.id, "tenant stopped");
    }
}

impl Handler<Deliver> for Tenant {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, ctx: &mut Context<Self>) {
        let message = &deliver.message;
        let key = ConversationKey::new(message.tenant.clone(), message.channel.clone(), message.from.clone());
        let id = message.id;
        let child = self.running(&key, ctx);
        // Also while it recovers: the next instance loads up to there.
        if let Some(entry) = self.conversations.get_mut(&key) {
            entry.through = entry.through.max(Some(id));
        }
        if let Some(child) = child {
            child.do_send(deliver);
        }
    }
}

impl Handler<Perform> for Tenant {
    type Result = ();

    fn handle(&mut self, perform: Perform, ctx: &mut Context<Self>) {
        match self.running(&perform.key, ctx) {
            Some(child) => child.do_send(perform),
            // The caller may have gone away.
            None => drop(perform.answer.send(Err(SendRefusal::Unavailable))),
        }
    }
}

impl Handler<Wake> for Tenant {
    type Result = ();

    fn handle(&mut self, wake: Wake, ctx: &mut Context<Self>) {
        if let Some(child) = self.running(&wake.key, ctx) {
            child.do_send(wake);
        }
    }
}

impl Handler<Reread> for Tenant {
    type Result = ();

    fn handle(&mut self, _: Reread, _: &mut Context<Self>) {
        for entry in self.conversations.values() {
            if let Child::Running(child) = &entry.child {
                child.do_send(Reread);
            }
        }
    }
}

impl Handler<Adopt> for Tenant {
    type Result = ();

    fn handle(&mut self, Adopt(profile): Adopt, _: &mut Context<Self>) {
        for entry in self.conversations.values() {
            if let Child::Running(child) = &entry.child {
                child.do_send(Adopt(Arc::clone(&profile)));
            }
        }
        self.profile = profile;
    }
}

impl Handler<Idle> for Tenant {
    type Result = ();

    fn handle(&mut self, idle: Idle, _: &mut Context<Self>) {
        let still = self
            .conversations
            .get(&idle.key)
            .is_some_and(|entry| entry.generation == idle.generation && entry.sent == idle.taken);
        if still
            && let Some(entry) = self.forget(&idle.key)
            && let Child::Running(child) = entry.child
        {
            child.do_send(Retire);
        }
    }
}

impl Handler<ConversationExited> for Tenant {
    type Result = ();

    fn handle(&mut self, exited: ConversationExited, ctx: &mut Context<Self>) {
        let ours = self.conversations.get(&exited.key).is_some_and(|entry| entry.generation == exited.generation);
        match (exited.exit, ours) {
            (Exit::Panicked, true) => {
                counter!(metric::PANICS, "actor" => "conversation").increment(1);
                let marked = self.conversations.get(&exited.key).and_then(|entry| entry.bookmark.get());
                error!(
                    tenant.id = %self.id,
                    channel.id = %exited.key.channel,
                    conversation.id = marked.and_then(|marked| marked.conversation).map(tracing::field::display),
                    message.id = marked.map(|marked| tracing::field::display(marked.message)),
                    correlation.id = marked.map(|marked| tracing::field::display(marked.correlation)),
                    "conversation panicked"
                );
                self.recover(exited.key, ctx);
            }
            (Exit::Stopped, true) => drop(self.forget(&exited.key)),
            // The instance was retired already.
            (_, false) => {}
        }
    }
}
