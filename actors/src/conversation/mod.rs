//! One conversation: takes its messages one by one through decide, commit, apply (I3, I4).
//!
//! The store is the truth. A conversation loads its state with its first message *and* what waits for a turn up to there,
//! so whatever was lost with an instance that panicked comes back with the next one; a delivered message is only the
//! faster way to learn of it. While a turn waits for its commit, so does the mailbox (`ctx.wait`): order needs no lock.

mod backpressure;
mod mailbox;
pub mod messages;
mod turn_in_flight;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, Addr, AsyncContext, Context, SpawnHandle, WrapFuture};
use metrics::counter;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, warn};

use self::messages::SendRefusal;
use crate::domain::Timestamp;
use crate::domain::conversation::{ConversationKey, State};
use crate::domain::ids::{InboundId, OutboundId};
use crate::domain::message::Inbound;
use crate::domain::turn::{SendRequest, decide_timer};
use crate::outbox::dispatch::messages::Dispatch;
use crate::outbox::{Dispatcher, InFlightCounter, SendPermit, SenderPool};
use crate::ports::{ChannelKey, Loaded, PortError, PortErrorKind};
use crate::runtime::admission::Permit;
use crate::runtime::{ActorContext, TenantProfile, metric};
use crate::tenant::Tenant;

pub use self::turn_in_flight::TurnInFlight;
use self::turn_in_flight::{Applied, Blocking, ReservedSend};

/// How soon the store is asked whether queued rows are settled.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Twice as late each time that they were not, and so late at most.
const ASK_AGAIN_AT_LAST: Duration = Duration::from_secs(4);
/// So many lost races of one request are no races.
const LOST_RACES: u32 = 3;

/// Shared with the parent: the message whose turn is going on, which survives a panic.
pub type Bookmark = Rc<Cell<Option<InboundId>>>;

/// What a conversation is made of.
pub struct ConversationSetup {
    /// Which conversation.
    pub key: ConversationKey,
    /// Which instance of it, for the handshakes with the parent.
    pub generation: u64,
    /// The outside.
    pub context: Arc<ActorContext>,
    /// Its tenant's rules.
    pub profile: TenantProfile,
    /// Its parent.
    pub parent: Addr<Tenant>,
    /// Where its outgoing messages go.
    pub dispatcher: Addr<Dispatcher>,
    /// Where it reserves places for them.
    pub pool: Arc<SenderPool>,
    /// Written before each turn.
    pub bookmark: Bookmark,
    /// A message that panicked earlier instances: set it aside before anything else.
    pub poison: Option<InboundId>,
    /// The newest message that the parent ever sent to an earlier instance: what it lost comes back.
    pub through: Option<InboundId>,
}

/// The actor.
pub struct Conversation {
    setup: ConversationSetup,
    state: Option<State>,
    queue: VecDeque<Waiting>,
    /// Requests for messages.
    asked: VecDeque<Asked>,
    /// The timer has come.
    woken: bool,
    /// The newest message that was ever put into the queue. Ids grow with acceptance, so an older one that is not in
    /// the queue had its turn, or we missed it.
    through: Option<InboundId>,
    /// Messages taken from the mailbox, for the passivation handshake.
    taken: u64,
    /// Outgoing messages of this instance that senders have not settled.
    in_flight: InFlightCounter,
    /// The place that the next message's answer will take.
    send_permit: Option<SendPermit>,
    /// It waits for answers under way, or for a place.
    waits_for: Option<SpawnHandle>,
    /// Until when the next message waits for places, once it does.
    permit_deadline: Option<Instant>,
    /// Until when it does not wait for places: it did, in vain.
    skip_wait_until: Option<Instant>,
    /// The newest message that says STOP.
    last_stop: Option<InboundId>,
    /// The store has unsettled rows that this instance does not track.
    queued_in_store: bool,
    /// Messages of it wait for the contact to write.
    deferred: bool,
    /// Something suggests that the store knows more than we do.
    stale: bool,
    /// When the state was loaded.
    loaded_at: Option<Instant>,
    /// How long it is trusted while rows queue.
    ask_again_after: Duration,
    setbacks: u32,
}

struct Waiting {
    message: Inbound,
    permit: Option<Permit>,
}

struct Asked {
    request: SendRequest,
    answer: oneshot::Sender<Result<OutboundId, SendRefusal>>,
    /// Turns of it that lost a race.
    lost: u32,
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
            state: None,
            queue: VecDeque::new(),
            asked: VecDeque::new(),
            woken: false,
            through: None,
            taken: 0,
            in_flight: InFlightCounter::default(),
            send_permit: None,
            waits_for: None,
            permit_deadline: None,
            skip_wait_until: None,
            last_stop: None,
            queued_in_store: false,
            deferred: false,
            stale: false,
            loaded_at: None,
            ask_again_after: ASK_AGAIN_AFTER,
            setbacks: 0,
        }
    }

    fn context(&self) -> &Arc<ActorContext> {
        &self.setup.context
    }

    /// Reads state and waiting messages, then goes on with the next turn.
    fn load(&mut self, ctx: &mut Context<Self>) {
        let context = Arc::clone(self.context());
        let key = self.setup.key.clone();
        let (poison, through) = (self.setup.poison, self.through);
        let asks = self.setup.profile.double_opt_in;
        let loading = async move {
            let mut loaded = context.within_deadline(context.ports.turns.load(&key, through)).await?;
            if asks {
                // Read after the version: whoever changes it in between moves that, and then this is read again.
                let person = context.ports.recipients.opt_in(&key.tenant, &key.channel, &key.address);
                let person = context.within_deadline(person).await?;
                (loaded.state.welcomed, loaded.state.confirmed) = (person.asked, person.confirmed);
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
                conversation.advance(ctx);
            }
            Err(error) => conversation.set_back(&error, ctx),
        }));
    }

    /// Takes over what the store has. Messages that were delivered keep their permits; those that the store has and we
    /// did not know run without one: there are few, and they are ours already.
    fn adopt(&mut self, loaded: Loaded) {
        self.setbacks = 0;
        self.stale = false;
        self.loaded_at = Some(Instant::now());
        self.state = Some(loaded.state);
        self.ask_again_after = match (self.queued_in_store, loaded.open_rows) {
            (true, true) => (self.ask_again_after * 2).min(ASK_AGAIN_AT_LAST),
            _ => ASK_AGAIN_AFTER,
        };
        self.queued_in_store = loaded.open_rows;
        self.deferred = loaded.deferred;
        // Whoever waited may have had its turn elsewhere.
        self.permit_deadline = None;
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
    fn set_back(&mut self, error: &PortError, ctx: &mut Context<Self>) {
        let key = &self.setup.key;
        if error.kind == PortErrorKind::Conflict {
            counter!(metric::TURN_CONFLICTS).increment(1);
            debug!(tenant.id = %key.tenant, channel.id = %key.channel, "turn lost the race, deciding again");
        } else if self.setbacks == 0 && self.setup.context.outage.is_news(error) {
            warn!(tenant.id = %key.tenant, channel.id = %key.channel, error = %error, cause = error.source.as_deref().map(tracing::field::display), "store failed, trying again");
        }
        let wait = Duration::from_millis(10 << self.setbacks.min(9));
        self.setbacks += 1;
        self.state = None;
        ctx.wait(actix::clock::sleep(wait).into_actor(self).map(|(), conversation, ctx| conversation.load(ctx)));
    }

    /// Starts the next turn, if there is something to do.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        if self.queue.is_empty() && self.asked.is_empty() && !self.woken && !self.stale {
            self.setup.bookmark.set(None);
            self.send_permit = None;
            return;
        }
        if self.stale || self.may_be_settled() {
            return self.load(ctx);
        }
        if self.waits(ctx) {
            return;
        }
        let ahead = self.ahead();
        let Some(state) = &self.state else { return self.load(ctx) };
        if let Some(next) = self.queue.front() {
            self.setup.bookmark.set(Some(next.message.id));
            let turn = TurnInFlight::decide(state, &next.message, &self.setup, ahead, self.send_permit.take());
            return self.commit(turn, Cause::Message, ctx);
        }
        self.setup.bookmark.set(None);
        if let Some(asked) = self.asked.front() {
            match TurnInFlight::compose(state, &asked.request, &self.setup, ahead) {
                Ok(turn) => return self.commit(turn, Cause::Request, ctx),
                Err(refused) => self.answer(Err(refused.into())),
            }
        } else if std::mem::take(&mut self.woken)
            && let Some(turn) = decide_timer(state, &self.setup.profile.rules, self.setup.context.now())
        {
            return self.commit(TurnInFlight { turn, reserved: Vec::new() }, Cause::Timer, ctx);
        }
        self.advance(ctx);
    }

    /// Answers the request whose turn it is.
    fn answer(&mut self, answer: Result<OutboundId, SendRefusal>) {
        if let Some(asked) = self.asked.pop_front() {
            // Whoever asked may have gone away.
            let _ = asked.answer.send(answer);
        }
    }

    /// Whether it is worth asking if the rows that queued in the store are settled, so that answers may go out at once
    /// again. The more messages pile up here, the longer not: reading them all again costs that much more.
    fn may_be_settled(&self) -> bool {
        let waiting = u32::try_from(self.queue.len().max(1)).unwrap_or(u32::MAX);
        let asked = self.loaded_at.is_some_and(|at| at.elapsed() < self.ask_again_after.saturating_mul(waiting));
        self.queued_in_store && !asked
    }

    /// What stands before an answer, that it must not overtake.
    fn ahead(&mut self) -> Blocking {
        let none_on_its_way = self.in_flight.is_zero();
        self.queued_in_store |= self.in_flight.take_requeued();
        self.deferred |= self.in_flight.take_deferred();
        Blocking { others: !none_on_its_way || self.queued_in_store, deferred: self.deferred }
    }

    fn commit(&mut self, in_flight: TurnInFlight, cause: Cause, ctx: &mut Context<Self>) {
        let context = Arc::clone(self.context());
        let TurnInFlight { turn, reserved } = in_flight;
        // What the conversation needs afterwards is kept; the store takes the rest.
        let after = Applied::of(&turn, reserved);
        let commit = async move { context.within_deadline(context.ports.turns.commit(turn)).await };
        ctx.wait(commit.into_actor(self).map(move |result, conversation, ctx| match result {
            Ok(()) => {
                if cause == Cause::Request {
                    let written = after.outgoing.first().map(|(message, _)| message.id);
                    conversation.answer(written.ok_or(SendRefusal::Unavailable));
                }
                conversation.apply(after);
                conversation.advance(ctx);
            }
            Err(error) => {
                // Perhaps it holds, and nobody sends what it wrote as being sent.
                after.leases().for_each(|lease_until| conversation.setup.pool.leases().lose(lease_until));
                if cause == Cause::Request {
                    conversation.lost(&error);
                }
                // What a timer wanted is asked for again: it is still due.
                conversation.set_back(&error, ctx);
            }
        }));
    }

    /// A request's turn failed. It is decided again while that cannot write it twice.
    fn lost(&mut self, error: &PortError) {
        let Some(asked) = self.asked.front_mut() else { return };
        asked.lost += 1;
        let has_key = asked.request.idempotency_key.is_some();
        if error.kind != PortErrorKind::Conflict {
            self.answer(Err(SendRefusal::Unavailable));
        } else if asked.lost >= LOST_RACES {
            // Nobody loses that many races: it is the key that is taken.
            self.answer(Err(if has_key { SendRefusal::AskedBefore } else { SendRefusal::Unavailable }));
        }
    }

    /// The turn holds: remember it, and let its messages go.
    fn apply(&mut self, applied: Applied) {
        self.setbacks = 0;
        if let Some(state) = &mut self.state {
            applied.update(state);
        }
        if let Some(outcome) = applied.outcome
            && let Some(done) = self.queue.pop_front()
        {
            self.permit_deadline = None;
            counter!(metric::TURNS, "outcome" => outcome.as_str()).increment(1);
            let seconds = (self.setup.context.now() - done.message.received_at).as_seconds_f64().max(0.0);
            metrics::histogram!(metric::TURN_SECONDS).record(seconds);
            drop(done.permit);
        }
        if applied.releases {
            self.deferred = false;
            self.queued(self.setup.context.now());
        }
        for (message, reserved) in applied.outgoing {
            match reserved {
                Some(ReservedSend { send_permit, lease_until }) => {
                    let in_flight = self.in_flight.start();
                    self.setup.dispatcher.do_send(Dispatch::Now {
                        message,
                        lease_until,
                        permit: send_permit,
                        in_flight,
                    });
                }
                None => self.queued(message.created_at),
            }
        }
    }

    /// A row of the conversation waits in the store.
    fn queued(&mut self, not_before: Timestamp) {
        self.queued_in_store = true;
        self.setup.dispatcher.do_send(Dispatch::Queued { channel_key: self.channel_key(), not_before });
    }

    fn channel_key(&self) -> ChannelKey {
        ChannelKey { tenant: self.setup.key.tenant.clone(), channel: self.setup.key.channel.clone() }
    }
}
