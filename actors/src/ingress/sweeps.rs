//! Sweeps of the ingress: accepted messages without a turn, due timers, idle live sessions.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::time::Instant;
use tracing::warn;

use super::{Ingress, cursor_of};
use crate::conversation::messages::Due;
use crate::domain::ids::TenantId;
use crate::ports::PortError;
use crate::supervisor::messages::Wake;

/// Every so many sweeps the store is asked for tenants that are behind, whatever else goes on.
const ASK_EVERY: u32 = 16;
/// Sweeps take a fiftieth of the time at most: the longer they take, the longer is the pause between them. On a large table
/// a sweep may pass a million index entries of finished rows, until the next vacuum. The pause goes by the shorter of the last
/// two sweeps: a single long one met a database that stood still, and the next is wanted soon.
const PAUSE_FACTOR: u32 = 50;
/// The longest pause between sweeps.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Timers woken at once.
const TIMER_LIMIT: usize = 256;
/// How often idle live sessions are closed: they last for hours.
const LIVE_SESSIONS_EVERY: Duration = Duration::from_secs(60);

impl Ingress {
    /// Finds messages that were accepted before this process began or whose delivery was lost, and due timers.
    pub(super) fn sweep(&mut self, ctx: &mut Context<Self>, overdue_after: Duration) {
        if self.draining {
            return;
        }
        let context = Arc::clone(&self.context);
        // A tenant that is behind reads everything anyway, and asking for others would read all that waits.
        self.sweeps = self.sweeps.wrapping_add(1);
        let served = |tenant: &TenantId| context.tenants.contains(tenant);
        let behind = self
            .cursors
            .iter()
            .filter(|(tenant, cursor)| cursor.is_behind() && served(tenant))
            .map(|(tenant, _)| tenant.clone());
        let mut behind: Vec<TenantId> = behind.collect();
        let ask = behind.is_empty() || self.sweeps.is_multiple_of(ASK_EVERY);
        let timers = self.timers_to_read();
        let begun = Instant::now();
        let sweeping = async move {
            let now = context.now();
            if ask {
                let before = now - chrono::TimeDelta::from_std(overdue_after).unwrap_or_default();
                behind = context.within_deadline(context.ports.inbox.tenants_behind(before)).await?;
            }
            let due = match timers {
                Some(limit) => {
                    let sessions = context.within_deadline(context.ports.turns.due(now, limit)).await?;
                    let timers = context.within_deadline(context.ports.turns.due_timers(now, limit)).await?;
                    let sessions = sessions.into_iter().map(|key| Wake { key, due: Due::Session });
                    let timers = timers.into_iter().map(|due| Wake { key: due.key, due: Due::Timer(due.timer) });
                    Some(sessions.chain(timers).collect())
                }
                None => None,
            };
            Ok::<_, PortError>((behind, due))
        };
        ctx.spawn(sweeping.into_actor(self).map(move |found, ingress, ctx| {
            let mut pause = ingress.context.settings.sweep_every;
            match found {
                Ok((behind, due)) => {
                    ingress.swept(behind, due, ctx);
                    let took = begun.elapsed();
                    let before = std::mem::replace(&mut ingress.sweep_took, took);
                    pause = pause.max((took.min(before) * PAUSE_FACTOR).min(LONGEST_PAUSE));
                }
                Err(error) if ingress.context.outage.is_news(&error) => {
                    warn!(error = %error, "sweep failed, trying again");
                }
                Err(_) => {}
            }
            let overdue_after = ingress.context.settings.overdue_after;
            ctx.run_later(pause, move |ingress, ctx| ingress.sweep(ctx, overdue_after));
        }));
    }

    /// How many due timers to read, if any. Timers of a tenant that left the configuration stay due for ever, before all later
    /// ones: each read is wider by their number, and once they are many, reads are rare.
    fn timers_to_read(&self) -> Option<usize> {
        let rare = self.stray_timers >= TIMER_LIMIT;
        (!rare || self.sweeps.is_multiple_of(ASK_EVERY)).then(|| TIMER_LIMIT.saturating_add(self.stray_timers))
    }

    fn swept(&mut self, behind: Vec<TenantId>, due: Option<Vec<Wake>>, ctx: &mut Context<Self>) {
        for tenant in behind.into_iter().filter(|tenant| (self.owns)(tenant)).collect::<Vec<_>>() {
            cursor_of(&mut self.cursors, &self.context, &tenant, ctx).start_over_unless_behind();
            self.read_backlog(&tenant, ctx);
        }
        let Some(due) = due else { return };
        let (known, strays): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|wake| self.context.tenants.contains(&wake.key.tenant));
        self.stray_timers = strays.len();
        for wake in known.into_iter().filter(|wake| (self.owns)(&wake.key.tenant)) {
            self.supervisor.do_send(wake);
        }
    }

    /// Closes live sessions that no seller has kept alive.
    pub(super) fn close_live_sessions(&mut self, ctx: &mut Context<Self>) {
        let context = Arc::clone(&self.context);
        let tenants: Vec<TenantId> =
            context.tenants.all().keys().filter(|tenant| (self.owns)(tenant)).cloned().collect();
        let closing = async move {
            for tenant in &tenants {
                let Some(profile) = context.tenants.get(tenant) else { continue };
                let now = context.now();
                let idle = chrono::TimeDelta::from_std(profile.rules.source().live_session_idle).unwrap_or_default();
                context.within_deadline(context.ports.turns.close_idle_live_sessions(tenant, now - idle, now)).await?;
            }
            Ok::<_, PortError>(())
        };
        ctx.spawn(closing.into_actor(self).map(|closed, ingress, ctx| {
            if let Err(error) = closed
                && ingress.context.outage.is_news(&error)
            {
                warn!(error = %error, "idle live sessions not closed, trying again");
            }
            if !ingress.draining {
                ctx.run_later(LIVE_SESSIONS_EVERY, Self::close_live_sessions);
            }
        }));
    }
}
