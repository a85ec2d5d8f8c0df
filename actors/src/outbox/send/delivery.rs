//! Delivery of one leased row: expiry, route, quota, rate limits, recipient, gateway, settlement.
//!
//! It runs on the I/O runtime, beside the actors. Its row is leased: when no settlement is written, the lease runs out and
//! the row is reconciled.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use metrics::{counter, histogram};
use tracing::{Instrument, debug, warn};

use super::super::limits::{ChannelHealth, QuotaCharge, RowInHand, SendPermit};
use super::content::{carries, cost_micros, template_content};
use super::routing::{Routing, retry_on_fallback};
use super::settlement::{AttemptOutcome, UNCONFIGURED_WAIT, settle};
use super::{checks, policy};
use crate::domain::Timestamp;
use crate::domain::message::Outbound;
use crate::domain::send::{OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass};
use crate::ports::{Gateway, Pause, Settled};
use crate::runtime::{ActorContext, metric, spans};

/// A row that is leased to this process.
pub(crate) struct LeasedRow {
    pub(crate) message: Outbound,
    pub(crate) lease_until: Timestamp,
}

impl Settled {
    /// The outcome of a message that was charged to no quota.
    fn uncharged(self) -> (AttemptOutcome, Option<QuotaCharge>) {
        (self.into(), None)
    }
}

/// Delivers a message, settles its row, and answers the result.
pub(crate) async fn deliver(context: Arc<ActorContext>, row: LeasedRow, mut permit: SendPermit) -> Settled {
    let mut in_hand = None;
    let (outcome, charge) = attempt(&context, &row, &mut permit, &mut in_hand).await;
    let mut message = row.message;
    let result = outcome.result.clone();
    if !matches!(result, Settled::Sent(_)) {
        debug!(
            tenant.id = %message.tenant, message.id = %message.id, correlation.id = %message.correlation, result = ?result,
            "message not sent"
        );
    }
    if matches!(result, Settled::Deferred { .. }) {
        let latest = ActorContext::later(context.now(), permit.senders().profile.deferred_for);
        message.expires_at = Some(message.expires_at.map_or(latest, |at| at.min(latest)));
    }
    let written = settle(&context, message, outcome).await;
    if written {
        charge.into_iter().for_each(QuotaCharge::settled);
    }
    drop(in_hand);
    result
}

/// Runs the checks in order, then sends. The recipient's status is checked last, right before the gateway call (I6). Answers
/// also the message's charge to the quota, when the message may have gone out.
async fn attempt(
    context: &Arc<ActorContext>,
    row: &LeasedRow,
    permit: &mut SendPermit,
    in_hand: &mut Option<RowInHand>,
) -> (AttemptOutcome, Option<QuotaCharge>) {
    let message = &row.message;
    let senders = Arc::clone(permit.senders());
    let configured = context.ports.gateways.get(&message.channel).is_some();
    let Some(own) = senders.channel(&message.channel).filter(|_| configured) else {
        // A slip in the configuration must cost time, not messages.
        warn!(channel.id = %message.channel, message.id = %message.id, "channel not configured, its messages wait");
        let reason = context.ports.gateways.missing(&message.channel);
        return checks::snooze(ActorContext::later(context.now(), UNCONFIGURED_WAIT), reason).uncharged();
    };
    let now = context.now();
    if message.expires_at.is_some_and(|at| at <= now) {
        return Settled::Dead { reason: "expired".to_owned() }.uncharged();
    }
    if !carries(message, &own.profile) {
        return Settled::Dead { reason: "unknown_template".to_owned() }.uncharged();
    }
    let route = match Routing::choose(&senders, own, message, now) {
        Ok(route) => route,
        Err((until, reason)) => return checks::snooze(until, reason).uncharged(),
    };
    let cost_micros = cost_micros(message, route.profile());
    // An action is no message of the day, and costs nothing.
    let charge = if message.action.is_some() {
        None
    } else {
        match checks::quota(context, message, row.lease_until, &senders, cost_micros).await {
            Ok(charge) => Some(charge),
            Err(result) => return result.uncharged(),
        }
    };
    let via = route.via.clone();
    let (result, may_be_out) = send_routed(context, row, route, permit, in_hand).await;
    let charge = if may_be_out {
        charge
    } else {
        charge.into_iter().for_each(|charge| senders.quota.give_back(charge));
        None
    };
    let cost_micros = if matches!(result, Settled::Sent(_)) { cost_micros } else { 0 };
    (AttemptOutcome { result, via, cost_micros }, charge)
}

/// What follows route and quota: rate limits, recipient, gateway. Answers also whether the message may have gone out.
async fn send_routed(
    context: &ActorContext,
    row: &LeasedRow,
    route: Routing,
    permit: &mut SendPermit,
    in_hand: &mut Option<RowInHand>,
) -> (Settled, bool) {
    let (message, senders) = (&row.message, Arc::clone(permit.senders()));
    let senders = &*senders;
    if let Err(result) = checks::rate_limits(context, message, senders, &route).await {
        return (result, false);
    }
    permit.rate_limit_passed();
    let content = match checks::recipient(context, message, senders, &route).await {
        Ok(content) => content,
        Err(result) => return (result, false),
    };
    let Some(gateway) = context.ports.gateways.get(route.channel()) else {
        return (checks::snooze_briefly(context, context.ports.gateways.missing(route.channel())), false);
    };
    // The checks may have taken long, or this process stood still: another node may be reconciling the row by now.
    *in_hand = senders.leases.take(message.id, row.lease_until, context.now());
    if in_hand.is_none() {
        return (checks::snooze(context.now(), "lease_short"), false);
    }
    let health = route.breaker_permit.health();
    let mut sent = send(&*gateway, (health, context.now()), route.request(message, content.clone())).await;
    let window_closed = matches!(&sent, Err(error) if error.class == SendErrorClass::WindowClosed);
    if window_closed
        && matches!(content, OutboundContent::Text(_) | OutboundContent::Choices { .. })
        && let Some(template) = template_content(message, route.profile())
    {
        // The provider knows the window better than we do, and surely did not take the text: the template may pass.
        sent = send(&*gateway, (health, context.now()), route.request(message, template)).await;
    }
    let now = context.now();
    if let Err(SendError { class: SendErrorClass::Suspended { after }, code, .. }) = &sent {
        suspend(context, health, *after, code.as_deref()).await;
    }
    let may_be_out = !policy::surely_not_sent(&sent);
    let own = senders.channel(&message.channel).map_or_else(|| route.profile(), |own| &own.profile);
    let verdict = policy::verdict(&sent);
    let result = policy::settled(sent, message, &own.retry, now, &context.settings);
    route.breaker_permit.judge(verdict, now);
    let result = match (&route.via, result) {
        (None, result) => retry_on_fallback(senders, message, result, now),
        (Some(_), result) => {
            if matches!(result, Settled::Unknown { .. }) {
                senders.note_unknown_on_fallback(message.id);
            }
            result
        }
    };
    (result, may_be_out)
}

/// Pauses the channel that the provider suspended.
pub(crate) async fn suspend(context: &ActorContext, health: &ChannelHealth, after: Duration, code: Option<&str>) {
    let now = context.now();
    let until = ActorContext::later(now, after);
    warn!(
        tenant.id = %health.channel_key.tenant, channel.id = %health.channel_key.channel, code,
        "provider suspended the channel, it is paused"
    );
    health.suspend_until(until);
    let reason = code.unwrap_or("suspended").to_owned();
    let pause = Pause { channel_key: health.channel_key.clone(), reason, until };
    if let Err(error) = context.within_deadline(context.ports.outbox.pause(pause, now)).await {
        warn!(error = %error, "pause not written, this process alone keeps it until its next sweep");
    }
    health.pause_is_written(context.now());
}

/// Calls the gateway. A panic of the gateway counts as an unknown outcome.
async fn send(
    gateway: &dyn Gateway,
    (health, now): (&ChannelHealth, Timestamp),
    request: OutboundRequest<'_>,
) -> Result<Receipt, SendError> {
    let span = spans::provider(request.message, request.channel);
    let begun = std::time::Instant::now();
    let sending = AssertUnwindSafe(gateway.send(request)).catch_unwind().instrument(span.clone());
    let sent = sending.await.unwrap_or_else(|_| {
        counter!(metric::PANICS, "actor" => "sender").increment(1);
        Err(SendError {
            class: SendErrorClass::Unknown,
            code: None,
            throttled: false,
            detail: "the gateway panicked".to_owned(),
        })
    });
    span.record("send.result", sent.as_ref().map_or_else(|error| error.class.as_str(), |_| "sent"));
    health.note_send(&sent, now);
    histogram!(metric::SEND_SECONDS).record(begun.elapsed().as_secs_f64());
    sent
}
