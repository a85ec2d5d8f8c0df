//! Ingress: makes webhooks' messages durable in batches, answers, and delivers them in order of acceptance (I1-I3).
//!
//! What came since the actor last ran makes a batch, and batches are handed to the store as they come: it makes all that
//! wait durable at once, in their order, which is the order of acceptance, and answers in that order. A message that finds
//! no place in memory stays in the store, its tenant is marked as behind, and from then on *everything* of that tenant
//! comes through the store, in order, until it has caught up.

mod batches;
mod cursor;
pub mod messages;
mod sweeps;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, StreamHandler, WrapFuture};
use metrics::{counter, histogram};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use self::batches::{Answer, Batch, Committed};
use self::cursor::DeliveryCursor;
use self::messages::{Accept, Arrived, Redeliver, Room};
use crate::domain::ids::{CorrelationId, TenantId};
use crate::domain::message::{Inbound, NewInbound};
use crate::ports::{Acceptance, PortError};
use crate::runtime::admission::Admission;
use crate::runtime::exit::Drain;
use crate::runtime::{ActorContext, metric};
use crate::supervisor::Supervisor;
use crate::tenant::messages::Deliver;

/// Messages of one accept batch at most.
const BATCH_LIMIT: usize = 512;
/// So many webhooks that wait for their commit are a flood.
const FLOOD: usize = 96;
/// Rows that a pump reads at once.
const PUMP_LIMIT: usize = 256;

/// Everything that waited in the mailbox has been taken from it.
#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

/// The provider may get its 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable and will be processed.
    New,
    /// It was there before.
    Duplicate {
        /// The flow of the message that was there first.
        first: CorrelationId,
    },
    /// It is durable, beside the store, which is away.
    Spooled,
}

/// The provider must try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too much waits already.
    Overloaded,
    /// The store could not take it.
    Unavailable,
    /// The daemon is stopping.
    Stopping,
}

/// The actor: one per shard, for the shard's tenants.
pub struct Ingress {
    context: Arc<ActorContext>,
    supervisor: Addr<Supervisor>,
    admission: Admission,
    owns: Box<dyn Fn(&TenantId) -> bool>,
    waiting: Vec<NewInbound>,
    answers: Vec<Answer>,
    /// [`Flush`] is on its way.
    flushing: bool,
    /// Messages with the store.
    committing: usize,
    batches: Option<mpsc::UnboundedSender<Batch>>,
    cursors: HashMap<TenantId, DeliveryCursor>,
    sweeps: u32,
    /// How long the last one took.
    sweep_took: Duration,
    /// Due timers of tenants that the configuration does not have: they stand before those that are ours.
    stray_timers: usize,
    draining: bool,
}

impl Ingress {
    /// An ingress for the tenants that `owns` names.
    #[must_use]
    pub fn new(
        context: Arc<ActorContext>,
        supervisor: Addr<Supervisor>,
        admission: Admission,
        owns: Box<dyn Fn(&TenantId) -> bool>,
    ) -> Self {
        Self {
            context,
            supervisor,
            admission,
            owns,
            waiting: Vec::new(),
            answers: Vec::new(),
            flushing: false,
            committing: 0,
            batches: None,
            cursors: HashMap::new(),
            sweeps: 0,
            sweep_took: Duration::ZERO,
            stray_timers: 0,
            draining: false,
        }
    }

    /// Hands what waits to the store.
    fn commit(&mut self) {
        let Some(batches) = &self.batches else { return };
        while !self.waiting.is_empty() {
            let later = self.waiting.split_off(self.waiting.len().min(BATCH_LIMIT));
            let messages = std::mem::replace(&mut self.waiting, later);
            let later = self.answers.split_off(messages.len());
            let answers = std::mem::replace(&mut self.answers, later);
            #[expect(clippy::cast_precision_loss, reason = "at most BATCH_LIMIT")]
            histogram!(metric::ACCEPT_BATCH).record(messages.len() as f64);
            self.committing += messages.len();
            // Never closed: this actor holds both ends.
            let _ = batches.send(Batch { messages, answers });
        }
    }

    /// Answers the webhooks first: everything after the commit is our own business.
    fn committed(
        &mut self,
        results: Vec<Result<Acceptance, PortError>>,
        answers: Vec<Answer>,
        ctx: &mut Context<Self>,
    ) {
        let (mut new, mut duplicates, mut spooled, mut failed) = (0, 0, 0, 0);
        let mut failure = None;
        for (result, answer) in results.into_iter().zip(answers) {
            // A webhook that hung up meanwhile does not need its answer; its message is accepted all the same.
            match result {
                Ok(Acceptance::New(message)) => {
                    new += 1;
                    let _ = answer.send(Ok(Accepted::New));
                    self.deliver(message, ctx);
                }
                Ok(Acceptance::Duplicate { first }) => {
                    duplicates += 1;
                    let _ = answer.send(Ok(Accepted::Duplicate { first }));
                }
                Ok(Acceptance::Spooled) => {
                    spooled += 1;
                    let _ = answer.send(Ok(Accepted::Spooled));
                }
                Err(error) => {
                    failed += 1;
                    failure.get_or_insert(error);
                    let _ = answer.send(Err(Refusal::Unavailable));
                }
            }
        }
        counter!(metric::ACCEPTED, "kind" => "new").increment(new);
        counter!(metric::ACCEPTED, "kind" => "duplicate").increment(duplicates);
        counter!(metric::ACCEPTED, "kind" => "spooled").increment(spooled);
        if let Some(error) = failure
            && self.context.outage.is_news(&error)
        {
            error!(messages = failed, error = %error, cause = error.source.as_deref().map(tracing::field::display), "messages not accepted, their webhooks are refused");
        }
    }

    /// Into memory when there is a place, else the tenant falls behind.
    fn deliver(&mut self, message: Inbound, ctx: &mut Context<Self>) {
        let cursor = cursor_of(&mut self.cursors, &self.context, &message.tenant, ctx);
        if !cursor.is_behind() {
            if let Some(permit) = self.admission.try_admit(cursor.gauge()) {
                cursor.delivered(message.id);
                self.supervisor.do_send(Deliver { message, permit });
                return;
            }
            info!(tenant.id = %message.tenant, "more messages than places in memory, working from the store");
        }
        cursor.skipped();
    }

    /// Reads on where the tenant's last delivered message stands.
    fn pump(&mut self, tenant: &TenantId, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let cursor = cursor_of(&mut self.cursors, &self.context, tenant, ctx);
        // Only what finds a place is read. Room is announced when there is more.
        let limit = cursor.gauge().room().min(self.admission.free()).min(PUMP_LIMIT);
        // Nor is it while webhooks pile up, as long as the tenant has something to do: they are more urgent.
        if limit == 0 || (self.waiting.len() + self.committing >= FLOOD && cursor.gauge().used() > 0) {
            return;
        }
        let Some(after) = cursor.begin_pump() else { return };
        let context = Arc::clone(&self.context);
        let of = tenant.clone();
        let reading = async move {
            let rows = context.within_deadline(context.ports.inbox.backlog(&of, after, limit)).await;
            (of, rows)
        };
        ctx.spawn(reading.into_actor(self).map(move |(tenant, rows), ingress, ctx| {
            ingress.pumped(&tenant, rows, limit, ctx);
        }));
    }

    fn pumped(
        &mut self,
        tenant: &TenantId,
        rows: Result<Vec<Inbound>, PortError>,
        limit: usize,
        ctx: &mut Context<Self>,
    ) {
        let cursor = cursor_of(&mut self.cursors, &self.context, tenant, ctx);
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                cursor.pump_failed();
                if self.context.outage.is_news(&error) {
                    warn!(tenant.id = %tenant, error = %error, "backlog not read, the next sweep tries again");
                }
                return;
            }
        };
        let full = rows.len() == limit;
        let mut refused = false;
        let mut delivered = 0;
        for message in rows {
            let Some(permit) = self.admission.try_admit(cursor.gauge()) else {
                refused = true;
                break;
            };
            delivered += 1;
            cursor.delivered(message.id);
            self.supervisor.do_send(Deliver { message, permit });
        }
        counter!(metric::REDELIVERED).increment(delivered);
        if cursor.end_pump(full, refused) {
            self.pump(tenant, ctx);
        }
    }
}

fn cursor_of<'a>(
    cursors: &'a mut HashMap<TenantId, DeliveryCursor>,
    context: &ActorContext,
    tenant: &TenantId,
    ctx: &Context<Ingress>,
) -> &'a mut DeliveryCursor {
    cursors.entry(tenant.clone()).or_insert_with(|| {
        let me = ctx.address().downgrade();
        let of = tenant.clone();
        let on_room = move || {
            if let Some(ingress) = me.upgrade() {
                ingress.do_send(Room(of.clone()));
            }
        };
        DeliveryCursor::new(context.settings.max_in_flight_per_tenant, Box::new(on_room))
    })
}

impl Actor for Ingress {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
        let (batches, begun) = mpsc::unbounded_channel();
        self.batches = Some(batches);
        let (inbox, deadline) = (Arc::clone(&self.context.ports.inbox), self.context.settings.store_deadline);
        ctx.add_stream(batches::through_the_store(inbox, deadline, begun));
        self.sweep(ctx, Duration::ZERO);
        self.close_live_sessions(ctx);
    }
}

impl Handler<Accept> for Ingress {
    type Result = ();

    fn handle(&mut self, Accept { message, answer }: Accept, ctx: &mut Context<Self>) {
        self.waiting.push(message);
        self.answers.push(answer);
        if !std::mem::replace(&mut self.flushing, true) {
            // Behind what waits in the mailbox: all of it makes one batch.
            ctx.notify(Flush);
        }
    }
}

impl Handler<Flush> for Ingress {
    type Result = ();

    fn handle(&mut self, _: Flush, _: &mut Context<Self>) {
        self.flushing = false;
        self.commit();
    }
}

impl StreamHandler<Committed> for Ingress {
    fn handle(&mut self, Committed { results, answers }: Committed, ctx: &mut Context<Self>) {
        self.committing -= answers.len();
        // Past the deadline the answers are dropped, which refuses the webhooks; if the commit came through after all, the
        // provider's repeat is a duplicate and the sweep delivers the first.
        if let Some(results) = results {
            self.committed(results, answers, ctx);
        }
    }
}

impl Handler<Room> for Ingress {
    type Result = ();

    fn handle(&mut self, Room(tenant): Room, ctx: &mut Context<Self>) {
        self.pump(&tenant, ctx);
    }
}

impl Handler<Arrived> for Ingress {
    type Result = ();

    fn handle(&mut self, Arrived(messages): Arrived, ctx: &mut Context<Self>) {
        if !self.draining {
            counter!(metric::REDELIVERED).increment(messages.len() as u64);
            messages.into_iter().for_each(|message| self.deliver(message, ctx));
        }
    }
}

impl Handler<Redeliver> for Ingress {
    type Result = ();

    fn handle(&mut self, Redeliver(tenant): Redeliver, ctx: &mut Context<Self>) {
        cursor_of(&mut self.cursors, &self.context, &tenant, ctx).start_over();
        self.pump(&tenant, ctx);
    }
}

impl Handler<Drain> for Ingress {
    type Result = ();

    /// Brings nothing more back from the store; what was accepted may finish.
    fn handle(&mut self, _: Drain, _: &mut Context<Self>) {
        self.draining = true;
    }
}
