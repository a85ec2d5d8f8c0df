//! Conversation queue service: releases rows and repairs queue heads in the store, once per node.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use super::super::send::count_dead;
use super::scheduler::Maintenance;
use crate::ports::MaintenanceReport;

/// The service runs once in so many sweeps while it finds nothing to do: nothing that it repairs is urgent.
const SWEEPS_PER_RUN: u32 = 5;

impl Maintenance {
    pub(super) fn maintain_after(&self, sweeps: u32, ctx: &mut Context<Self>) {
        ctx.run_later(self.context.settings.sweep_every * sweeps, Self::maintain);
    }

    fn maintain(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        let context = Arc::clone(&self.context);
        let maintaining = async move { context.within_deadline(context.ports.outbox.maintain(context.now())).await };
        ctx.spawn(maintaining.into_actor(self).map(|maintained, maintenance, ctx| {
            // The next sweep finds the rows that are due again. A run is bounded: when it changed rows, there may be more.
            let mut sweeps = SWEEPS_PER_RUN;
            match maintained {
                Ok(MaintenanceReport { changed, died }) => {
                    died.iter().for_each(count_dead);
                    sweeps = if changed > 0 { 1 } else { sweeps };
                }
                Err(error) if maintenance.context.outage.is_news(&error) => {
                    warn!(error = %error, "conversation queues not maintained, trying again");
                }
                Err(_) => {}
            }
            maintenance.maintain_after(sweeps, ctx);
        }));
    }
}
