//! One conversation: takes its messages one by one through decide, commit, apply (I3, I4).
//!
//! The store is the truth. A fresh conversation loads its state *and* its waiting messages from there, so whatever was
//! lost with an instance that panicked comes back with the next one; a delivered message is only the faster way to
//! learn of it. While a turn waits for its commit, the mailbox waits too (`ctx.wait`), so order needs no lock.

pub mod messages;
mod turn_in_flight;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, WrapFuture};
use metrics::counter;
use tokio::time::Instant;
use tracing::{debug, warn};

use self::messages::{AskIdle, Deliver, Retire, Wake};
use crate::domain::conversation::{ConversationKey, State};
use crate::domain::ids::InboundId;
use crate::domain::message::Inbound;
use crate::domain::turn::{Turn, decide_timer};
use crate::kit::admission::Permit;
use crate::kit::{Outside, TenantProfile, metric};
use crate::outbox::desk::{Desk, Tally};
use crate::outbox::{Dispatcher, messages::Dispatch};
use crate::ports::{Loaded, PortError, PortErrorKind};
use crate::tenant::{Tenant, messages::Idle};

use self::turn_in_flight::Applied;
pub use self::turn_in_flight::TurnInFlight;

/// How often at most the store is asked whether queued rows are settled.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Shared with the parent: the message whose turn is going on, which survives a panic.
pub type Bookmark = Rc<Cell<Option<InboundId>>>;

/// What a conversation is made of.
pub struct Birth {
    /// Which conversation.
    pub key: ConversationKey,
    /// Which instance of it, for the handshakes with the parent.
    pub generation: u64,
    /// The outside.
    pub outside: Arc<Outside>,
    /// Its tenant's rules.
    pub profile: TenantProfile,
    /// Its parent.
    pub parent: Addr<Tenant>,
    /// Where its outgoing messages go.
    pub dispatcher: Addr<Dispatcher>,
    /// Where it reserves places for them.
    pub desk: Arc<Desk>,
    /// Written before each turn.
    pub bookmark: Bookmark,
    /// A message that panicked earlier instances: set it aside before anything else.
    pub poison: Option<InboundId>,
}

/// The actor.
pub struct Conversation {
    birth: Birth,
    state: Option<State>,
    queue: VecDeque<Waiting>,
    /// The newest message that was ever put into the queue. Ids grow with acceptance, so an older one that is not in
    /// the queue had its turn, or we missed it.
    through: Option<InboundId>,
    /// Messages taken from the mailbox, for the passivation handshake.
    taken: u64,
    /// Outgoing messages of this instance that senders have not settled.
    unsettled: Tally,
    /// The store has unsettled rows that this instance does not track.
    queued_in_store: bool,
    /// Something suggests that the store knows more than we do.
    stale: bool,
    /// When the state was loaded.
    loaded_at: Option<Instant>,
    setbacks: u32,
}

struct Waiting {
    message: Inbound,
    permit: Option<Permit>,
}

impl Conversation {
    /// A conversation that has yet to load itself.
    #[must_use]
    pub fn new(birth: Birth) -> Self {
        Self {
            birth,
            state: None,
            queue: VecDeque::new(),
            through: None,
            taken: 0,
            unsettled: Tally::default(),
            queued_in_store: false,
            stale: false,
            loaded_at: None,
            setbacks: 0,
        }
    }

    fn outside(&self) -> &Arc<Outside> {
        &self.birth.outside
    }

    /// Reads state and waiting messages, then goes on with the next turn.
    fn load(&mut self, ctx: &mut Context<Self>) {
        let outside = Arc::clone(self.outside());
        let key = self.birth.key.clone();
        let poison = self.birth.poison;
        let loading = async move {
            let loaded = outside.within_deadline(outside.ports.turns.load(&key)).await?;
            if let Some(message) = poison.and_then(|id| loaded.waiting.iter().find(|message| message.id == id)) {
                let now = outside.now();
                outside.within_deadline(outside.ports.inbox.bury(message, "poisonous", now)).await?;
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
        self.queued_in_store = loaded.unsettled;
        let poison = self.birth.poison.take();
        let mut permits: Vec<(InboundId, Option<Permit>)> =
            self.queue.drain(..).map(|waiting| (waiting.message.id, waiting.permit)).collect();
        for message in loaded.waiting.into_iter().filter(|message| Some(message.id) != poison) {
            let permit = permits.iter_mut().find(|(id, _)| *id == message.id).and_then(|(_, permit)| permit.take());
            self.through = self.through.max(Some(message.id));
            self.queue.push_back(Waiting { message, permit });
        }
        self.through = self.through.max(permits.iter().map(|(id, _)| *id).max());
    }

    /// The store failed: wait a little, then load again, because the outcome may be unknown.
    fn set_back(&mut self, error: &PortError, ctx: &mut Context<Self>) {
        let key = &self.birth.key;
        if error.kind == PortErrorKind::Conflict {
            counter!(metric::TURN_CONFLICTS).increment(1);
            debug!(tenant.id = %key.tenant, channel.id = %key.channel, "turn lost the race, deciding again");
        } else if self.setbacks == 0 {
            warn!(tenant.id = %key.tenant, channel.id = %key.channel, error = %error, cause = error.source.as_deref().map(tracing::field::display), "store failed, trying again");
        }
        let wait = Duration::from_millis(10 << self.setbacks.min(9));
        self.setbacks += 1;
        self.state = None;
        ctx.wait(actix::clock::sleep(wait).into_actor(self).map(|(), conversation, ctx| conversation.load(ctx)));
    }

    /// Starts the next turn, if a message waits.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        if self.queue.is_empty() && !self.stale {
            self.birth.bookmark.set(None);
            return;
        }
        if self.stale || self.may_be_settled() {
            return self.load(ctx);
        }
        let may_send_now = self.may_send_now();
        let (Some(state), Some(next)) = (&self.state, self.queue.front()) else { return self.load(ctx) };
        self.birth.bookmark.set(Some(next.message.id));
        let turn = TurnInFlight::decide(state, &next.message, &self.birth, may_send_now);
        self.commit(turn, ctx);
    }

    /// Whether it is worth asking if the rows that queued in the store are settled, so that answers may go out at once
    /// again. While messages pile up here, or shortly after the last question, it is not.
    fn may_be_settled(&self) -> bool {
        let asked = self.loaded_at.is_some_and(|at| at.elapsed() < ASK_AGAIN_AFTER);
        self.queued_in_store && self.queue.len() <= 1 && !asked
    }

    /// Whether nothing of this conversation waits or is on its way, so that an answer cannot overtake an earlier one.
    fn may_send_now(&mut self) -> bool {
        let none_on_its_way = self.unsettled.is_zero();
        self.queued_in_store |= self.unsettled.take_handed_back();
        none_on_its_way && !self.queued_in_store
    }

    fn commit(&mut self, in_flight: TurnInFlight, ctx: &mut Context<Self>) {
        let outside = Arc::clone(self.outside());
        let TurnInFlight { turn, reserved } = in_flight;
        // What the conversation needs afterwards is kept; the store takes the rest.
        let after = Applied::of(&turn, reserved);
        let commit = async move { outside.within_deadline(outside.ports.turns.commit(turn)).await };
        ctx.wait(commit.into_actor(self).map(move |result, conversation, ctx| match result {
            Ok(()) => {
                conversation.apply(after);
                conversation.advance(ctx);
            }
            Err(error) => conversation.set_back(&error, ctx),
        }));
    }

    /// The turn holds: remember it, and let its messages go.
    fn apply(&mut self, applied: Applied) {
        self.setbacks = 0;
        if let Some(state) = &mut self.state {
            state.contact = Some(applied.contact);
            state.conversation = Some(applied.conversation);
            if let Some(opted_out) = applied.opted_out {
                state.opted_out = opted_out;
            }
        }
        if let Some(outcome) = applied.outcome
            && let Some(done) = self.queue.pop_front()
        {
            counter!(metric::TURNS, "outcome" => outcome.as_str()).increment(1);
            let seconds = (self.birth.outside.now() - done.message.received_at).as_seconds_f64().max(0.0);
            metrics::histogram!(metric::TURN_SECONDS).record(seconds);
            drop(done.permit);
        }
        for (message, slot) in applied.outgoing {
            match slot {
                Some(slot) => {
                    let unsettled = self.unsettled.count_one();
                    self.birth.dispatcher.do_send(Dispatch::Now { message, slot, unsettled });
                }
                None => {
                    self.queued_in_store = true;
                    self.birth
                        .dispatcher
                        .do_send(Dispatch::Queued { tenant: message.tenant.clone(), not_before: message.created_at });
                }
            }
        }
    }
}

impl Actor for Conversation {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Far above what permits allow; memory is bounded by them, not here.
        ctx.set_mailbox_capacity(1024);
        self.load(ctx);
    }
}

impl Handler<Deliver> for Conversation {
    type Result = ();

    fn handle(&mut self, Deliver { message, permit }: Deliver, ctx: &mut Context<Self>) {
        self.taken += 1;
        if self.through.is_none_or(|through| message.id > through) {
            self.through = Some(message.id);
            self.queue.push_back(Waiting { message, permit: Some(permit) });
        } else if let Some(waiting) = self.queue.iter_mut().find(|waiting| waiting.message.id == message.id) {
            // We loaded it before it was delivered: now it holds its place, too.
            waiting.permit.get_or_insert(permit);
        } else {
            // Already done, or missed: the store knows.
            self.stale = true;
        }
        self.advance(ctx);
    }
}

impl Handler<Wake> for Conversation {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Context<Self>) {
        self.taken += 1;
        let now = self.outside().now();
        let turn: Option<Turn> =
            self.state.as_ref().and_then(|state| decide_timer(state, &self.birth.profile.rules, now));
        if let Some(turn) = turn {
            self.commit(TurnInFlight { turn, reserved: Vec::new() }, ctx);
        }
    }
}

impl Handler<AskIdle> for Conversation {
    type Result = ();

    fn handle(&mut self, _: AskIdle, _: &mut Context<Self>) {
        if self.queue.is_empty() && self.unsettled.is_zero() {
            self.birth.parent.do_send(Idle {
                key: self.birth.key.clone(),
                generation: self.birth.generation,
                taken: self.taken,
            });
        }
    }
}

impl Handler<Retire> for Conversation {
    type Result = ();

    fn handle(&mut self, _: Retire, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
