//! One message's way over the wire: expiry, route, budget, day, permits, standing, provider, and the settlement that is
//! written down afterwards.
//!
//! It runs on the I/O runtime, beside the actors. Whatever happens to it, its row is leased: when no settlement comes,
//! the lease runs out and the message is looked into.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use metrics::{counter, histogram};
use tracing::{debug, warn};

use super::checks;
use super::leases::InHand;
use super::maintenance::count_dead;
use super::policy;
use super::quota::QuotaCharge;
use super::routing::{self, Routing};
use super::sender_pool::SendPermit;
use crate::domain::Timestamp;
use crate::domain::message::Outbound;
use crate::domain::send::{OutboundContent, OutboundRequest, Receipt, SendError, SendErrorClass};
use crate::ports::{ChannelKey, Gateway, Pause, Settled, Settlement, Via};
use crate::runtime::{ActorContext, metric};

/// How long a message waits for its channel to come back into the configuration.
pub(super) const UNCONFIGURED_WAIT: Duration = Duration::from_secs(60);

/// What came of a message, and how.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) result: Settled,
    pub(super) via: Option<Via>,
    pub(super) cost_micros: i64,
}

impl Settled {
    /// What came of a message that took nothing of the day and the budget.
    fn not_counted(self) -> (Outcome, Option<QuotaCharge>) {
        (self.into(), None)
    }
}

impl From<Settled> for Outcome {
    fn from(result: Settled) -> Self {
        Self { result, via: None, cost_micros: 0 }
    }
}

/// A row that was leased to this process.
pub(super) struct Leased {
    pub(super) message: Outbound,
    pub(super) lease_until: Timestamp,
}

/// Delivers a message and writes the outcome down. Answers what was written.
pub(super) async fn deliver(context: Arc<ActorContext>, leased: Leased, mut permit: SendPermit) -> Settled {
    let mut in_hand = None;
    let (outcome, counted) = attempt(&context, &leased, &mut permit, &mut in_hand).await;
    let mut message = leased.message;
    let result = outcome.result.clone();
    if !matches!(result, Settled::Sent(_)) {
        debug!(tenant.id = %message.tenant, message.id = %message.id, correlation.id = %message.correlation, result = ?result, "message not sent");
    }
    if matches!(result, Settled::Deferred { .. }) {
        let latest = ActorContext::later(context.now(), permit.senders().profile.deferred_for);
        message.expires_at = Some(message.expires_at.map_or(latest, |at| at.min(latest)));
    }
    let written = settle(&context, message, outcome).await;
    if written {
        counted.into_iter().for_each(QuotaCharge::settled);
    }
    drop(in_hand);
    result
}

/// The gates, in order, and then the wire. The standing stands last: right before the wire (I6). Answers also what it took
/// of the tenant's day and budget, when it may have gone out.
async fn attempt(
    context: &Arc<ActorContext>,
    leased: &Leased,
    permit: &mut SendPermit,
    in_hand: &mut Option<InHand>,
) -> (Outcome, Option<QuotaCharge>) {
    let message = &leased.message;
    let senders = Arc::clone(permit.senders());
    let configured = context.ports.gateways.get(&message.channel).is_some();
    let Some(own) = senders.account(&message.channel).filter(|_| configured) else {
        // A slip in the configuration must cost time, not messages.
        warn!(channel.id = %message.channel, message.id = %message.id, "the configuration does not have this channel, its messages wait");
        return checks::wait_until(ActorContext::later(context.now(), UNCONFIGURED_WAIT), "channel_not_configured")
            .not_counted();
    };
    let now = context.now();
    if message.expires_at.is_some_and(|at| at <= now) {
        return Settled::Dead { reason: "expired".to_owned() }.not_counted();
    }
    if !routing::carries(message, &own.profile) {
        return Settled::Dead { reason: "unknown_template".to_owned() }.not_counted();
    }
    let route = match Routing::choose(&senders, own, message, now) {
        Ok(route) => route,
        Err((until, reason)) => return checks::wait_until(until, reason).not_counted(),
    };
    let cost_micros = route.profile().cost_micros;
    let counted = match checks::quota(context, leased, &senders, cost_micros).await {
        Ok(counted) => counted,
        Err(held) => return held.not_counted(),
    };
    let via = route.via.clone();
    let (result, out) = passed(context, leased, route, permit, in_hand).await;
    let counted = if out {
        Some(counted)
    } else {
        senders.quota.give_back(counted);
        None
    };
    let cost_micros = if matches!(result, Settled::Sent(_)) { cost_micros } else { 0 };
    (Outcome { result, via, cost_micros }, counted)
}

/// What is left once route and budget are found: permits, standing, wire. Answers also whether it may have gone out.
async fn passed(
    context: &ActorContext,
    leased: &Leased,
    route: Routing,
    permit: &mut SendPermit,
    in_hand: &mut Option<InHand>,
) -> (Settled, bool) {
    let (message, senders) = (&leased.message, Arc::clone(permit.senders()));
    let senders = &*senders;
    if let Err(held) = checks::permits(context, message, senders, &route).await {
        return (held, false);
    }
    permit.paced();
    let form = match checks::standing(context, message, senders, &route).await {
        Ok(form) => form,
        Err(held) => return (held, false),
    };
    let Some(gateway) = context.ports.gateways.get(route.channel()) else {
        return (checks::held_back(context, "channel_not_configured"), false);
    };
    // The gates may have taken long, or this process stood still: then somebody else may be looking into the row.
    *in_hand = senders.leases.take(message.id, leased.lease_until, context.now());
    if in_hand.is_none() {
        return (checks::wait_until(context.now(), "lease_short"), false);
    }
    let mut sent = send(&*gateway, route.letter(message, form.clone())).await;
    let closed = matches!(&sent, Err(error) if error.class == SendErrorClass::WindowClosed);
    if closed
        && matches!(form, OutboundContent::Text(_))
        && let Some(template) = routing::template(message, route.profile())
    {
        // The provider knows better than we do, and surely did not take it: the template may pass.
        sent = send(&*gateway, route.letter(message, template)).await;
    }
    let now = context.now();
    if let Err(SendError { class: SendErrorClass::Suspended { after }, code, .. }) = &sent {
        suspend(context, &route, *after, code.as_deref()).await;
    }
    let out = !policy::surely_not_sent(&sent);
    let own = senders.account(&message.channel).map_or_else(|| route.profile(), |own| &own.profile);
    let verdict = policy::verdict(&sent);
    let result = policy::settled(sent, message, &own.retry, now, &context.settings);
    route.breaker_permit.judge(verdict, now);
    let result = match (&route.via, result) {
        (None, result) => senders.again(message, result, now),
        (Some(_), result) => {
            if matches!(result, Settled::Unknown { .. }) {
                senders.lose_elsewhere(message.id);
            }
            result
        }
    };
    (result, out)
}

/// The provider keeps the account from sending: nobody tries before it is over.
async fn suspend(context: &ActorContext, route: &Routing, after: Duration, code: Option<&str>) {
    let account = route.breaker_permit.account();
    let now = context.now();
    let until = ActorContext::later(now, after);
    warn!(tenant.id = %account.channel_key.tenant, channel.id = %account.channel_key.channel, code, "the provider suspended the channel, it is paused");
    account.suspend_until(until);
    let reason = code.unwrap_or("suspended").to_owned();
    let pause = Pause { channel_key: account.channel_key.clone(), reason, until };
    if let Err(error) = context.within_deadline(context.ports.outbox.pause(pause, now)).await {
        warn!(error = %error, "the pause is not written down, this process alone keeps it until its next sweep");
    }
    account.pause_is_written(context.now());
}

/// Calls the gateway; a panic of it counts as an unknown outcome.
async fn send(gateway: &dyn Gateway, letter: OutboundRequest<'_>) -> Result<Receipt, SendError> {
    let begun = std::time::Instant::now();
    let sent = AssertUnwindSafe(gateway.send(letter)).catch_unwind().await.unwrap_or_else(|_| {
        counter!(metric::PANICS, "actor" => "sender").increment(1);
        Err(SendError {
            class: SendErrorClass::Unknown,
            code: None,
            throttled: false,
            detail: "the gateway panicked".to_owned(),
        })
    });
    let result = match &sent {
        Ok(_) => "sent",
        Err(error) => error.class.as_str(),
    };
    counter!(metric::SENDS, "result" => result).increment(1);
    histogram!(metric::SEND_SECONDS).record(begun.elapsed().as_secs_f64());
    sent
}

/// Writes the outcome down. The store may be away for a while; the lease bounds how long that is tried, and after it
/// the row is looked into as unknown, so that nothing is repeated blindly. Answers whether it is written down.
pub(super) async fn settle(context: &ActorContext, message: Outbound, outcome: Outcome) -> bool {
    let id = message.id;
    let Outcome { result, via, cost_micros } = outcome;
    let taken_back =
        matches!(result, Settled::Later { counted: false, .. } | Settled::Deferred { .. } | Settled::Held { .. });
    let settlement = Arc::new(Settlement { message, result, via, cost_micros, at: context.now() });
    let give_up = tokio::time::Instant::now() + context.settings.lease;
    let mut wait = Duration::from_millis(20);
    loop {
        match context.within_deadline(context.ports.outbox.settle(Arc::clone(&settlement))).await {
            Ok(()) => {
                if matches!(settlement.result, Settled::Dead { .. }) {
                    let Outbound { tenant, channel, .. } = &settlement.message;
                    count_dead(&ChannelKey { tenant: tenant.clone(), channel: channel.clone() });
                }
                return true;
            }
            // An attempt that was taken back leaves its number to the next one, so its settlement must not come twice.
            Err(error) if error.is_transient() && !taken_back && tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(2));
            }
            Err(error) => {
                warn!(message.id = %id, error = %error, "outcome not written down, its lease will run out");
                return false;
            }
        }
    }
}
