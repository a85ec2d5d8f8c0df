//! Ingress: makes webhooks' messages durable in batches, answers, and delivers them in order of acceptance (I1-I3).
//!
//! The messages that came since the actor last ran make a batch. The store makes batches durable in the order in which they
//! are handed over, which is the order of acceptance, and answers in that order. A message without an admission permit stays
//! in the store, its tenant is marked as behind, and from then on *every* message of that tenant is delivered from the
//! store, in order, until the tenant has caught up.

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
use self::messages::{Accept, Arrived, Redeliver, RoomFreed};
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
/// From so many webhooks that wait for their commit on, reading backlogs gives way to them.
const OVERLOAD: usize = 96;
/// Rows of a backlog that are read at once.
const BACKLOG_LIMIT: usize = 256;

/// Everything that waited in the mailbox has been taken from it.
#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

/// The message is durable: the provider may get its 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is new and will be processed.
    New,
    /// It was accepted before.
    Duplicate {
        /// The correlation id of the message that was accepted first.
        first: CorrelationId,
    },
    /// It is durable in the spool, because the store is unavailable.
    Spooled,
}

/// The message is not accepted: the provider must try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many requests wait already.
    Overloaded,
    /// The store is unavailable.
    Unavailable,
    /// The daemon is stopping.
    Stopping,
}

/// Accepts and delivers messages of a shard's tenants.
pub struct Ingress {
    context: Arc<ActorContext>,
    supervisor: Addr<Supervisor>,
    admission: Admission,
    owns: Box<dyn Fn(&TenantId) -> bool>,
    waiting: Vec<NewInbound>,
    answers: Vec<Answer>,
    /// [`Flush`] is on its way.
    flushing: bool,
    /// Number of messages that the store is committing.
    committing: usize,
    batches: Option<mpsc::UnboundedSender<Batch>>,
    cursors: HashMap<TenantId, DeliveryCursor>,
    sweeps: u32,
    /// How long the last sweep took.
    sweep_took: Duration,
    /// Number of due timers whose tenant is not configured: they are read before the others.
    stray_timers: usize,
    draining: bool,
}

impl Ingress {
    /// An ingress for the tenants for which `owns` is true.
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

    /// Hands the waiting messages to the store.
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

    /// Answers each webhook before its message is delivered.
    fn committed(
        &mut self,
        results: Vec<Result<Acceptance, PortError>>,
        answers: Vec<Answer>,
        ctx: &mut Context<Self>,
    ) {
        let (mut new, mut duplicates, mut spooled, mut failed) = (0, 0, 0, 0);
        let mut failure = None;
        for (result, answer) in results.into_iter().zip(answers) {
            // A webhook that hung up needs no answer; its message is accepted all the same.
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
            error!(
                messages = failed, error = %error, cause = error.source.as_deref().map(tracing::field::display),
                "messages not accepted, their webhooks are refused"
            );
        }
    }

    /// Delivers a message if it gets an admission permit; otherwise the tenant falls behind.
    fn deliver(&mut self, message: Inbound, ctx: &mut Context<Self>) {
        let cursor = cursor_of(&mut self.cursors, &self.context, &message.tenant, ctx);
        if !cursor.is_behind() {
            if let Some(permit) = self.admission.try_admit(cursor.gauge()) {
                cursor.delivered(message.id);
                self.supervisor.do_send(Deliver { message, permit });
                return;
            }
            info!(tenant.id = %message.tenant, "tenant is behind, its messages are delivered from the store");
        }
        cursor.skipped();
    }

    /// Reads the tenant's backlog after its last delivered message.
    fn read_backlog(&mut self, tenant: &TenantId, ctx: &mut Context<Self>) {
        if self.draining || !self.context.tenants.contains(tenant) {
            return;
        }
        let cursor = cursor_of(&mut self.cursors, &self.context, tenant, ctx);
        // Reads only as many as get a permit. `RoomFreed` comes when there is room for more.
        let limit = cursor.gauge().room().min(self.admission.free()).min(BACKLOG_LIMIT);
        // Under overload webhooks come first, as long as the tenant has messages in memory.
        if limit == 0 || (self.waiting.len() + self.committing >= OVERLOAD && cursor.gauge().used() > 0) {
            return;
        }
        let Some(after) = cursor.begin_read() else { return };
        let context = Arc::clone(&self.context);
        let of = tenant.clone();
        let reading = async move {
            let rows = context.within_deadline(context.ports.inbox.backlog(&of, after, limit)).await;
            (of, rows)
        };
        ctx.spawn(reading.into_actor(self).map(move |(tenant, rows), ingress, ctx| {
            ingress.backlog_read(&tenant, rows, limit, ctx);
        }));
    }

    fn backlog_read(
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
                cursor.read_failed();
                if self.context.outage.is_news(&error) {
                    warn!(tenant.id = %tenant, error = %error, "backlog read failed, the next sweep tries again");
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
        if cursor.end_read(full, refused) {
            self.read_backlog(tenant, ctx);
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
                ingress.do_send(RoomFreed(of.clone()));
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

impl Handler<RoomFreed> for Ingress {
    type Result = ();

    fn handle(&mut self, RoomFreed(tenant): RoomFreed, ctx: &mut Context<Self>) {
        self.read_backlog(&tenant, ctx);
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
        self.read_backlog(&tenant, ctx);
    }
}

impl Handler<Drain> for Ingress {
    type Result = ();

    /// Brings nothing more back from the store; what was accepted may finish.
    fn handle(&mut self, _: Drain, _: &mut Context<Self>) {
        self.draining = true;
    }
}
