//! The gates that a message passes once its route is found: the tenant's budget and day, permits of its quotas (I7), and,
//! last, how its contact stands to the tenant (I6). Each of them fails closed.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::delivery::Leased;
use super::quota::{QuotaCharge, QuotaDecision};
use super::routing::{self, Routing};
use super::sender_pool::{PACED_WITHIN, TenantSenders};
use crate::domain::Timestamp;
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::send::OutboundContent;
use crate::ports::{Acquired, KeyedLimit, LimitKey, PortError, RecipientStatus, Settled};
use crate::runtime::ActorContext;

/// Back into the line, without an attempt.
pub(super) fn wait_until(at: Timestamp, reason: &str) -> Settled {
    Settled::Later { at, reason: reason.to_owned(), counted: false }
}

/// A gate could not answer: closed, for a moment.
pub(super) fn held_back(context: &ActorContext, reason: &str) -> Settled {
    wait_until(ActorContext::later(context.now(), Duration::from_secs(1)), reason)
}

/// What the tenant may spend and send today. What a spent budget holds leaves its line, so that what is urgent may pass
/// it; nothing else of its conversation does.
pub(super) async fn quota(
    context: &Arc<ActorContext>,
    leased: &Leased,
    senders: &TenantSenders,
    cost_micros: i64,
) -> Result<QuotaCharge, Settled> {
    let message = &leased.message;
    let unavailable = |_: PortError| held_back(context, "usage_unavailable");
    if senders.is_stoppable(message) && senders.keeps_order(&message.channel) {
        let held = context.within_deadline(context.ports.outbox.held_before(message)).await.map_err(unavailable)?;
        if let Some(until) = held {
            return Err(Settled::Held { until });
        }
    }
    let taken = senders.quota.take(context, message, cost_micros, leased.lease_until).await;
    match taken.map_err(unavailable)? {
        QuotaDecision::Yes(counted) => Ok(counted),
        QuotaDecision::Held(until) => Err(Settled::Held { until }),
        QuotaDecision::NotBefore(until, reason) => Err(wait_until(until, reason)),
    }
}

/// Takes the permits of the pair, the account and the tenant together. Short waits are slept away; a long one gives the
/// sender's place back.
pub(super) async fn permits(
    context: &ActorContext,
    message: &Outbound,
    senders: &TenantSenders,
    route: &Routing,
) -> Result<(), Settled> {
    let limits = limits(message, senders, route);
    let begun = Instant::now();
    if let Acquired::RetryAfter(wait) = take(context, &limits).await? {
        if wait > PACED_WITHIN {
            return Err(wait_until(ActorContext::later(context.now(), wait), "paced"));
        }
        // One after another: everybody is told the same wait, and only one permit comes with it.
        let _turn = match senders.turnstile(route.channel()) {
            Some(turnstile) => Some(turnstile.lock().await),
            None => None,
        };
        while let Acquired::RetryAfter(wait) = take(context, &limits).await? {
            if begun.elapsed() + wait > PACED_WITHIN {
                return Err(wait_until(ActorContext::later(context.now(), wait), "paced"));
            }
            tokio::time::sleep(wait).await;
        }
    }
    Ok(())
}

async fn take(context: &ActorContext, limits: &[KeyedLimit]) -> Result<Acquired, Settled> {
    let taken = context.within_deadline(context.ports.rate_limiter.acquire(limits, context.now())).await;
    taken.map_err(|_| held_back(context, "pacing_unavailable"))
}

fn limits(message: &Outbound, senders: &TenantSenders, route: &Routing) -> Vec<KeyedLimit> {
    let profile = route.profile();
    let mut limits = Vec::with_capacity(3);
    if let Some(limit) = profile.pair {
        limits.push(KeyedLimit { key: LimitKey::Pair(route.channel().clone(), route.to.clone()), limit });
    }
    if let Some(limit) = profile.account {
        limits.push(KeyedLimit { key: LimitKey::Account(route.channel().clone()), limit });
    }
    limits.push(KeyedLimit { key: LimitKey::Tenant(message.tenant.clone()), limit: senders.limit });
    limits
}

/// How the contact stands, and with it the form in which the message may go.
pub(super) async fn standing<'a>(
    context: &ActorContext,
    message: &'a Outbound,
    senders: &TenantSenders,
    route: &'a Routing,
) -> Result<OutboundContent<'a>, Settled> {
    let unavailable = |_: PortError| held_back(context, "consent_unavailable");
    let free = || routing::free_form(message, route.profile());
    let fail = || Settled::Dead { reason: "unknown_template".to_owned() };
    if message.kind == OutboundKind::OptOutConfirmation {
        // It passes the STOP that it confirms, once. By the time of a replay the contact may have said START.
        if message.generation.number > 0 {
            return Err(Settled::Suppressed { reason: "confirmed_once".to_owned(), record_opt_out: false });
        }
        return free().ok_or_else(fail);
    }
    let standings = &context.ports.recipients;
    let own = standings.recipient_status(&message.tenant, &message.channel, &message.to);
    let own = context.within_deadline(own).await.map_err(unavailable)?;
    let used = if route.via.is_some() {
        let used = standings.recipient_status(&message.tenant, route.channel(), &route.to);
        context.within_deadline(used).await.map_err(unavailable)?
    } else {
        own
    };
    if own.opted_out || used.opted_out {
        return Err(Settled::Suppressed { reason: "opted_out".to_owned(), record_opt_out: false });
    }
    if senders.profile.double_opt_in && message.kind == OutboundKind::Manual {
        let person = standings.opt_in(&message.tenant, &message.channel, &message.to);
        if !context.within_deadline(person).await.map_err(unavailable)?.confirmed {
            return Err(Settled::Deferred { reason: "not_confirmed".to_owned() });
        }
    }
    if is_open(route.profile().window, used, context.now()) {
        return free().ok_or_else(fail);
    }
    let closed = || match &route.via {
        None => Settled::Deferred { reason: "window_closed".to_owned() },
        // The contact's next word would open the window of its own channel, not of the one that took over.
        Some(_) => wait_until(ActorContext::later(context.now(), Duration::from_secs(30)), "fallback_window_closed"),
    };
    routing::template(message, route.profile()).ok_or_else(closed)
}

/// Whether free text may be sent: the contact wrote within the window.
fn is_open(window: Option<Duration>, standing: RecipientStatus, now: Timestamp) -> bool {
    let Some(window) = window else { return true };
    let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
    standing.last_inbound_at.is_some_and(|last| now - last < window)
}
