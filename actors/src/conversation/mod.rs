//! One conversation: takes messages, requests and timers one by one through decide, commit, apply (I3, I4).
//!
//! [`phase::Phase`] has its states, and [`Conversation::advance`] chooses the next step.
//!
//! The store is the truth. A conversation loads its state with its first message *and* what waits for a turn up to there,
//! so whatever was lost with an instance that panicked comes back with the next one; a delivered message is only the
//! faster way to learn of it. While a turn waits for its commit, so does the mailbox (`ctx.wait`): order needs no lock.

mod agenda;
mod backpressure;
mod bookmark;
mod lookup;
mod mailbox;
pub mod messages;
mod phase;
mod rows_in_store;
mod same_person;
mod timers;
mod turn_in_flight;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, Addr, AsyncContext, Context, Recipient, WrapFuture};
use metrics::counter;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, warn};

use self::backpressure::Backpressure;
use self::lookup::Found;
use self::messages::{Idle, Performed, SendRefusal};
use self::phase::{Memory, Phase};
use self::rows_in_store::{ASK_AGAIN_AFTER, ASK_AGAIN_AT_LAST, RowsInStore};
use self::timers::Timers;
use crate::domain::Timestamp;
use crate::domain::conversation::ConversationKey;
use crate::domain::ids::InboundId;
use crate::domain::loop_watch::LoopWatch;
use crate::domain::message::Inbound;
use crate::domain::rules::Rules;
use crate::domain::turn::{Refused, Request};
use crate::outbox::dispatch::messages::Dispatch;
use crate::outbox::{Dispatcher, InFlightCounter, SenderPool};
use crate::ports::{ChannelKey, Loaded, PortError, PortErrorKind};
use crate::runtime::admission::Permit;
use crate::runtime::{ActorContext, TenantProfile, metric};

pub use self::bookmark::{Bookmark, Bookmarked};
pub use self::turn_in_flight::TurnInFlight;
use self::turn_in_flight::{Applied, Blocking, Decided, Leaves, ReservedSend};

/// After so many conflicts of one request, its idempotency key is the cause and no race.
const LOST_RACES: u32 = 3;

/// What a conversation is built with.
pub struct ConversationSetup {
    /// Which conversation.
    pub key: ConversationKey,
    /// The number of the instance, for the handshakes with the parent.
    pub generation: u64,
    /// Ports, clock and permits.
    pub context: Arc<ActorContext>,
    /// Its tenant's rules.
    pub profile: Arc<TenantProfile>,
    /// Its parent.
    pub parent: Recipient<Idle>,
    /// Where its outgoing messages go.
    pub dispatcher: Addr<Dispatcher>,
    /// The pool that it reserves send permits from.
    pub pool: Arc<SenderPool>,
    /// Written before each turn.
    pub bookmark: Bookmark,
    /// A message on which earlier instances panicked: it becomes a dead letter before anything else.
    pub poison: Option<InboundId>,
    /// The newest message that the parent sent to an earlier instance: the first load goes up to it.
    pub through: Option<InboundId>,
}

impl ConversationSetup {
    /// Its tenant's rules, with the rows of `faq_entries`.
    pub(super) fn rules(&self) -> Arc<Rules> {
        self.context.ports.rules.rules(&self.key.tenant).unwrap_or_else(|| Arc::clone(&self.profile.rules))
    }
}

/// The actor of one conversation.
pub struct Conversation {
    setup: ConversationSetup,
    phase: Phase,
    memory: Memory,
    queue: VecDeque<Waiting>,
    requests: VecDeque<Asked>,
    timers: Timers,
    /// The newest message that was ever in the queue. Ids grow: an older one that is not there had its turn, or was missed.
    through: Option<InboundId>,
    /// The message whose two addresses were made one contact's already.
    united: Option<InboundId>,
    /// Messages taken from the mailbox, for the passivation handshake.
    taken: u64,
    /// Outgoing messages of this instance that senders have not settled.
    in_flight: InFlightCounter,
    backpressure: Backpressure,
    rows: RowsInStore,
    /// Failures of the store since the last load or turn that succeeded.
    setbacks: u32,
    /// What the last turn noticed of a robot: the store does not keep it.
    watch: LoopWatch,
    /// What was looked up for the message that is decided next.
    found: Option<Found>,
    agenda_read_for: agenda::ReadFor,
}

struct Waiting {
    message: Inbound,
    permit: Option<Permit>,
}

struct Asked {
    request: Request,
    answer: oneshot::Sender<Result<Performed, SendRefusal>>,
    /// Turns of it that lost a race.
    lost: u32,
    /// The store was read again for it: the person seemed to have said STOP, or what is booked is asked for.
    reread: bool,
}

/// What a turn came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Message,
    Request,
    Timer,
}

impl Conversation {
    /// A conversation that has yet to load itself.
    #[must_use]
    pub fn new(setup: ConversationSetup) -> Self {
        Self {
            setup,
            phase: Phase::Idle,
            memory: Memory::Unloaded,
            queue: VecDeque::new(),
            requests: VecDeque::new(),
            timers: Timers::default(),
            through: None,
            united: None,
            taken: 0,
            in_flight: InFlightCounter::default(),
            backpressure: Backpressure::default(),
            rows: RowsInStore::default(),
            setbacks: 0,
            watch: LoopWatch::default(),
            found: None,
            agenda_read_for: agenda::ReadFor::default(),
        }
    }

    fn context(&self) -> &Arc<ActorContext> {
        &self.setup.context
    }

    /// Reads state and waiting messages, then goes on with the next turn.
    fn load(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.phase, Phase::AwaitingPermit(_) | Phase::Asking(_)) {
            self.enter(Phase::Idle, ctx);
        }
        self.enter(Phase::Loading, ctx);
        let context = Arc::clone(self.context());
        let key = self.setup.key.clone();
        let (poison, through) = (self.setup.poison, self.through);
        let asks = self.setup.profile.double_opt_in;
        let needs_agenda = self.setup.profile.rules.needs_agenda();
        let loading = async move {
            let mut loaded = context.within_deadline(context.ports.turns.load(&key, through)).await?;
            if asks {
                // Read after the version: whoever changes it in between moves that, and then this is read again.
                let person = context.ports.recipients.opt_in(&key.tenant, &key.channel, &key.address);
                let person = context.within_deadline(person).await?;
                (loaded.state.welcomed, loaded.state.confirmed) = (person.asked, person.confirmed);
            }
            if needs_agenda {
                let agenda = context.ports.turns.agenda(&key, context.now());
                loaded.state.agenda = Arc::new(context.within_deadline(agenda).await?);
            }
            if let Some(message) = poison.and_then(|id| loaded.waiting.iter().find(|message| message.id == id)) {
                let now = context.now();
                context.within_deadline(context.ports.inbox.dead_letter(message, "poisonous", now)).await?;
            }
            Ok(loaded)
        };
        ctx.wait(loading.into_actor(self).map(|loaded, conversation, ctx| match loaded {
            Ok(loaded) => {
                conversation.adopt(loaded);
                conversation.enter(Phase::Idle, ctx);
                conversation.advance(ctx);
            }
            Err(error) => conversation.back_off(&error, ctx),
        }));
    }

    /// Takes over the stored state. Messages that were delivered keep their permits. Those that were only in the store run
    /// without one: they are few.
    fn adopt(&mut self, loaded: Loaded) {
        self.setbacks = 0;
        self.memory = Memory::Current(Box::new(loaded.state.watched(self.watch)));
        let rows = &mut self.rows;
        rows.asked_at = Some(Instant::now());
        rows.ask_again_after = match (rows.queued, loaded.open_rows) {
            (true, true) => (rows.ask_again_after * 2).min(ASK_AGAIN_AT_LAST),
            _ => ASK_AGAIN_AFTER,
        };
        rows.queued = loaded.open_rows;
        rows.deferred = loaded.deferred;
        // The message that waited may have had its turn on another node.
        self.backpressure.deadline = None;
        let poison = self.setup.poison.take();
        let mut permits: Vec<(InboundId, Option<Permit>)> =
            self.queue.drain(..).map(|waiting| (waiting.message.id, waiting.permit)).collect();
        for message in loaded.waiting.into_iter().filter(|message| Some(message.id) != poison) {
            let permit = permits.iter_mut().find(|(id, _)| *id == message.id).and_then(|(_, permit)| permit.take());
            self.through = self.through.max(Some(message.id));
            self.note_stop(&message);
            self.queue.push_back(Waiting { message, permit });
        }
        self.through = self.through.max(permits.iter().map(|(id, _)| *id).max());
    }

    /// The store failed: wait a little, then load again, because the outcome may be unknown.
    fn back_off(&mut self, error: &PortError, ctx: &mut Context<Self>) {
        let key = &self.setup.key;
        if error.kind == PortErrorKind::Conflict {
            counter!(metric::TURN_CONFLICTS).increment(1);
            debug!(tenant.id = %key.tenant, channel.id = %key.channel, "turn lost the race, deciding again");
        } else if self.setbacks == 0 && self.setup.context.outage.is_news(error) {
            warn!(tenant.id = %key.tenant, channel.id = %key.channel, error = %error, cause = error.source.as_deref().map(tracing::field::display), "store failed, trying again");
        }
        let wait = Duration::from_millis(10 << self.setbacks.min(9));
        self.setbacks += 1;
        self.memory = Memory::Unloaded;
        self.found = None;
        self.enter(Phase::BackingOff, ctx);
        ctx.wait(actix::clock::sleep(wait).into_actor(self).map(|(), conversation, ctx| conversation.load(ctx)));
    }

    /// Takes the next step, if there is one: loads, waits for a permit, or turns to the next message, request or timer.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        if !self.may_advance() {
            return;
        }
        let is_outdated = matches!(self.memory, Memory::Outdated);
        if self.queue.is_empty() && self.requests.is_empty() && self.timers.is_empty() && !is_outdated {
            self.setup.bookmark.set(None);
            self.backpressure.permit = None;
            return;
        }
        if is_outdated {
            return self.load(ctx);
        }
        if self.thinks(ctx) {
            return;
        }
        if self.may_be_settled() || self.needs_bookings() {
            return self.load(ctx);
        }
        if let Some(found) = self.revealed() {
            return self.unite(found, ctx);
        }
        if self.waits(ctx) {
            return;
        }
        let ahead = self.ahead();
        let Memory::Current(state) = &mut self.memory else { return self.load(ctx) };
        lookup::prepare(state, self.found.as_ref());
        if let Some(next) = self.queue.front() {
            self.setup.bookmark.set(Some(Bookmarked::of(&next.message, state)));
            let permit = self.backpressure.permit.take();
            return match TurnInFlight::decide(state, &next.message, &self.setup, ahead, permit) {
                Decided::Turn(turn) => self.commit(*turn, Cause::Message, ctx),
                Decided::Needs(lookup) => self.look_up(lookup, ctx),
            };
        }
        self.setup.bookmark.set(None);
        if let Some(asked) = self.requests.front() {
            match TurnInFlight::of_request(state, &asked.request, &self.setup, ahead) {
                Ok(Some(turn)) => return self.commit(turn, Cause::Request, ctx),
                Ok(None) => {
                    let version = state.conversation.as_ref().map_or(0, |conversation| conversation.version);
                    self.answer(Ok(Performed { version, ..Performed::default() }));
                }
                // They may have said START by another address or on another node since.
                Err(Refused::OptedOut) if self.may_be_outdated() => return self.load(ctx),
                Err(refused) => self.answer(Err(refused.into())),
            }
        } else if let Some(due) = self.timers.pop()
            && let Some(turn) = TurnInFlight::of_timer(state, &due, &self.setup, ahead)
        {
            return self.commit(turn, Cause::Timer, ctx);
        }
        self.advance(ctx);
    }

    /// Answers the request whose turn it is.
    fn answer(&mut self, answer: Result<Performed, SendRefusal>) {
        if let Some(asked) = self.requests.pop_front() {
            // The caller may have given up waiting.
            let _ = asked.answer.send(answer);
        }
    }

    /// Whether to load again because queued rows may be settled by now, after which answers are sent at once again. The
    /// interval grows with the number of waiting messages, since each load reads them all again.
    fn may_be_settled(&self) -> bool {
        let waiting = u32::try_from(self.queue.len().max(1)).unwrap_or(u32::MAX);
        let rows = &self.rows;
        let asked = rows.asked_at.is_some_and(|at| at.elapsed() < rows.ask_again_after.saturating_mul(waiting));
        rows.queued && !asked
    }

    /// The rows that an answer must not overtake.
    fn ahead(&mut self) -> Blocking {
        let none_on_its_way = self.in_flight.is_zero();
        self.rows.queued |= self.in_flight.take_requeued();
        self.rows.deferred |= self.in_flight.take_deferred();
        Blocking { others: !none_on_its_way || self.rows.queued, deferred: self.rows.deferred }
    }

    fn commit(&mut self, in_flight: TurnInFlight, cause: Cause, ctx: &mut Context<Self>) {
        self.enter(Phase::Committing, ctx);
        let context = Arc::clone(self.context());
        let TurnInFlight { turn, reserved, span } = in_flight;
        // What the conversation needs afterwards is kept; the store takes the rest.
        let after = Applied::of(&turn, reserved, span);
        let commit = async move { context.within_deadline(context.ports.turns.commit(turn)).await };
        ctx.wait(commit.into_actor(self).map(move |result, conversation, ctx| match result {
            Ok(()) => {
                after.note_commit();
                if cause == Cause::Request {
                    conversation.answer(Ok(after.performed()));
                }
                conversation.apply(after, ctx);
                conversation.enter(Phase::Idle, ctx);
                conversation.advance(ctx);
            }
            Err(error) => {
                // The commit may have succeeded. Then nobody delivers the rows that it wrote as `sending`: they are left to
                // reconciliation.
                after.leases().for_each(|lease_until| conversation.setup.pool.leases().lose(lease_until));
                if cause == Cause::Request {
                    conversation.lost(&error);
                }
                // A timer whose row is gone fired elsewhere. Another is still due, and the sweep delivers it again.
                conversation.back_off(&error, ctx);
            }
        }));
    }

    /// A request's turn failed. After a conflict it is decided again, because nothing was written.
    fn lost(&mut self, error: &PortError) {
        let Some(asked) = self.requests.front_mut() else { return };
        asked.lost += 1;
        let has_key = asked.request.has_idempotency_key();
        if error.kind != PortErrorKind::Conflict {
            self.answer(Err(SendRefusal::Unavailable));
        } else if asked.lost >= LOST_RACES {
            // So many conflicts are no race: the idempotency key is in use.
            self.answer(Err(if has_key { SendRefusal::AskedBefore } else { SendRefusal::Unavailable }));
        }
    }

    /// Takes over a committed turn, and hands its messages to the dispatcher.
    fn apply(&mut self, applied: Applied, ctx: &mut Context<Self>) {
        self.setbacks = 0;
        self.note_timers(&applied.timers, ctx);
        if let Memory::Current(state) = &mut self.memory {
            self.watch = applied.conversation.watch;
            applied.update(state);
        }
        if let Some(outcome) = applied.outcome
            && let Some(done) = self.queue.pop_front()
        {
            self.backpressure.deadline = None;
            self.found = None;
            self.setup.pool.count_turn(&self.setup.key, outcome);
            let seconds = (self.setup.context.now() - done.message.received_at).as_seconds_f64().max(0.0);
            metrics::histogram!(metric::TURN_SECONDS).record(seconds);
            drop(done.permit);
        }
        if applied.releases {
            self.rows.deferred = false;
            self.queued(self.setup.context.now());
        }
        for (message, leaves) in applied.outgoing {
            match leaves {
                Leaves::Now(ReservedSend { send_permit: permit, lease_until }) => {
                    let in_flight = self.in_flight.start();
                    self.setup.dispatcher.do_send(Dispatch::Now { message, lease_until, permit, in_flight });
                }
                Leaves::Queued => self.queued(message.created_at),
                Leaves::Scheduled => {}
            }
        }
    }

    /// Notes that a row of the conversation waits in the store, and tells the dispatcher.
    fn queued(&mut self, not_before: Timestamp) {
        self.rows.queued = true;
        self.setup.dispatcher.do_send(Dispatch::Queued { channel_key: self.channel_key(), not_before });
    }

    fn channel_key(&self) -> ChannelKey {
        ChannelKey { tenant: self.setup.key.tenant.clone(), channel: self.setup.key.channel.clone() }
    }
}
