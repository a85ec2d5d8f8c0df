//! Sweep: reads due rows and pauses that nothing in this process reported.
//!
//! Rows may have become due while the process was down, or been written by another process.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use super::super::dispatch::messages::Swept;
use super::scheduler::Maintenance;
use crate::ports::PortError;

impl Maintenance {
    pub(super) fn sweep(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let (context, first) = (Arc::clone(&self.context), self.first);
        let asked_at = context.now();
        let sweeping = async move {
            let pauses = match first {
                true => Some(context.within_deadline(context.ports.outbox.pauses()).await?),
                false => None,
            };
            let due = context.within_deadline(context.ports.outbox.due()).await?;
            Ok::<_, PortError>((pauses, due))
        };
        ctx.spawn(sweeping.into_actor(self).map(move |swept, maintenance, ctx| {
            match swept {
                Ok((pauses, mut due)) => {
                    pauses.iter().for_each(|pauses| maintenance.pool.adopt_pauses(pauses, asked_at));
                    due.retain(|(channel_key, _)| (maintenance.owns)(&channel_key.tenant));
                    maintenance.dispatcher.do_send(Swept(due));
                }
                Err(error) if maintenance.context.outage.is_news(&error) => {
                    warn!(error = %error, "outbox sweep failed, trying again");
                }
                Err(_) => {}
            }
            maintenance.publish();
            let every = maintenance.context.settings.sweep_every;
            ctx.run_later(every, Self::sweep);
        }));
    }
}
