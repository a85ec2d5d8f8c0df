//! Checks of a routed message, in order: quota, rate limits (I7), and last the recipient's status (I6).
//!
//! Each check fails closed: when it cannot be answered, the message is snoozed.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::super::limits::{MAX_RATE_LIMIT_WAIT, QuotaCharge, QuotaDecision, TenantSenders};
use super::content::{free_content, template_content};
use super::routing::Routing;
use crate::domain::Timestamp;
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::send::OutboundContent;
use crate::domain::status::HeldReason;
use crate::ports::{Acquired, KeyedLimit, LimitKey, PortError, RecipientStatus, Settled};
use crate::runtime::{ActorContext, metric};

pub(super) fn snooze(at: Timestamp, reason: &str) -> Settled {
    Settled::Snooze { at, reason: reason.to_owned() }
}

/// Snoozes for a second, because a check could not be answered.
pub(super) fn snooze_briefly(context: &ActorContext, reason: &str) -> Settled {
    snooze(ActorContext::later(context.now(), Duration::from_secs(1)), reason)
}

/// Snoozes for a second and counts it: people must hear of a check that cannot be answered, or nothing leaves and nobody knows.
fn unanswered(context: &ActorContext, check: &'static str) -> Settled {
    metrics::counter!(metric::CHECKS_UNANSWERED, "check" => check).increment(1);
    snooze_briefly(context, check)
}

/// Charges the message to the tenant's budget and day. A message that a spent budget holds leaves its conversation queue, so
/// that urgent messages may pass it; no other message of its conversation does.
pub(super) async fn quota(
    context: &Arc<ActorContext>,
    message: &Outbound,
    lease_until: Timestamp,
    senders: &TenantSenders,
    cost_micros: i64,
) -> Result<QuotaCharge, Settled> {
    let unavailable = |_: PortError| unanswered(context, "usage_unavailable");
    if senders.is_stoppable(message) && senders.keeps_order(&message.channel) {
        let held = context.within_deadline(context.ports.outbox.held_before(message)).await.map_err(unavailable)?;
        if let Some(until) = held {
            return Err(Settled::Held { until, reason: HeldReason::Budget });
        }
    }
    let decision = senders.quota.charge(context, message, cost_micros, lease_until).await;
    match decision.map_err(unavailable)? {
        QuotaDecision::Granted(charge) => Ok(charge),
        QuotaDecision::Held(until) => Err(Settled::Held { until, reason: HeldReason::Budget }),
        QuotaDecision::NotBefore(until, reason) => Err(snooze(until, reason)),
    }
}

/// Acquires the rate limits of the pair, the account and the tenant together. Waits up to [`MAX_RATE_LIMIT_WAIT`]; a longer
/// wait snoozes the message, which frees its send permit.
pub(super) async fn rate_limits(
    context: &ActorContext,
    message: &Outbound,
    senders: &TenantSenders,
    route: &Routing,
) -> Result<(), Settled> {
    let limits = limits(message, senders, route);
    let begun = Instant::now();
    if let Acquired::RetryAfter(wait) = acquire(context, &limits).await? {
        if wait > MAX_RATE_LIMIT_WAIT {
            return Err(snooze(ActorContext::later(context.now(), wait), "paced"));
        }
        // One message after another: all are told the same wait, and only one permit becomes free after it.
        let _turn = match senders.rate_limit_turn(route.channel()) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        while let Acquired::RetryAfter(wait) = acquire(context, &limits).await? {
            if begun.elapsed() + wait > MAX_RATE_LIMIT_WAIT {
                return Err(snooze(ActorContext::later(context.now(), wait), "paced"));
            }
            tokio::time::sleep(wait).await;
        }
    }
    Ok(())
}

async fn acquire(context: &ActorContext, limits: &[KeyedLimit]) -> Result<Acquired, Settled> {
    let acquired = context.within_deadline(context.ports.rate_limiter.acquire(limits, context.now())).await;
    acquired.map_err(|_| unanswered(context, "pacing_unavailable"))
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

/// Checks consent, double opt-in and the conversation window, and answers the content that may be sent.
pub(super) async fn recipient<'a>(
    context: &ActorContext,
    message: &'a Outbound,
    senders: &TenantSenders,
    route: &'a Routing,
) -> Result<OutboundContent<'a>, Settled> {
    let unavailable = |_: PortError| unanswered(context, "consent_unavailable");
    let free = || free_content(message, route.profile());
    let dead = || Settled::Dead { reason: "unknown_template".to_owned() };
    if message.action.is_some() {
        // No message: the contact gets nothing that a STOP or a closed window could forbid.
        return free().ok_or_else(dead);
    }
    if message.kind == OutboundKind::OptOutConfirmation {
        // It may be sent once after the STOP that it confirms. By the time of a replay the contact may have said START.
        if message.generation.number > 0 {
            return Err(Settled::Suppressed { reason: "confirmed_once".to_owned(), record_opt_out: false });
        }
        return free().ok_or_else(dead);
    }
    let recipients = &context.ports.recipients;
    let own = recipients.recipient_status(&message.tenant, &message.channel, &message.to);
    let own = context.within_deadline(own).await.map_err(unavailable)?;
    let used = if route.via.is_some() {
        let used = recipients.recipient_status(&message.tenant, route.channel(), &route.to);
        context.within_deadline(used).await.map_err(unavailable)?
    } else {
        own
    };
    if own.opted_out || used.opted_out {
        return Err(Settled::Suppressed { reason: "opted_out".to_owned(), record_opt_out: false });
    }
    if message.kind == OutboundKind::Marketing {
        let stopped = recipients.stopped_marketing(&message.tenant, &message.to);
        if context.within_deadline(stopped).await.map_err(unavailable)? {
            let reason = "marketing_stopped".to_owned();
            return Err(Settled::Suppressed { reason, record_opt_out: false });
        }
        // Out of its conversation's queue, so that what the person asked for overnight does not wait behind it.
        if let Some(until) = senders.profile.rules.advertising_waits_until(&route.to, context.now()) {
            return Err(Settled::Held { until, reason: HeldReason::QuietHours });
        }
    }
    let was_asked_for = matches!(message.kind, OutboundKind::Manual | OutboundKind::Marketing);
    if senders.profile.double_opt_in && was_asked_for {
        let opt_in = recipients.opt_in(&message.tenant, &message.channel, &message.to);
        if !context.within_deadline(opt_in).await.map_err(unavailable)?.confirmed {
            return Err(Settled::Deferred { reason: "not_confirmed".to_owned() });
        }
    }
    if is_open(route.profile().window, used, context.now()) {
        return free().ok_or_else(dead);
    }
    let closed = || match &route.via {
        None => Settled::Deferred { reason: "window_closed".to_owned() },
        // The contact's next message would open the window of its own channel, not of the fallback.
        Some(_) => snooze(ActorContext::later(context.now(), Duration::from_secs(30)), "fallback_window_closed"),
    };
    template_content(message, route.profile()).ok_or_else(closed)
}

/// Whether free text may be sent: the contact wrote within the window.
fn is_open(window: Option<Duration>, status: RecipientStatus, now: Timestamp) -> bool {
    let Some(window) = window else { return true };
    let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
    status.last_inbound_at.is_some_and(|last| now - last < window)
}
