//! One message's way over the wire: pace, day, consent, provider, and the settlement that is written down afterwards.
//!
//! It runs on the I/O runtime, beside the actors. Whatever happens to it, its row is leased: when no settlement comes,
//! the lease runs out and the message is looked into.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use metrics::{counter, histogram};
use tracing::{debug, warn};

use super::desk::Slot;
use super::pace::Budget;
use super::policy;
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::send::{Receipt, SendError, SendErrorClass};
use crate::kit::{Outside, metric};
use crate::ports::{Gateway, Settled, Settlement};

/// How long a message waits for its channel to come back into the configuration.
pub(super) const UNCONFIGURED_WAIT: Duration = Duration::from_secs(60);

/// Delivers a message and writes the outcome down. Answers what was written.
pub(super) async fn deliver(outside: Arc<Outside>, message: Outbound, slot: Slot) -> Settled {
    let result = attempt(&outside, &message, &slot).await;
    if !matches!(result, Settled::Sent(_)) {
        debug!(tenant.id = %message.tenant, message.id = %message.id, correlation.id = %message.correlation, result = ?result, "message not sent");
    }
    settle(&outside, message, result.clone()).await;
    result
}

/// The gates, in order, and then the wire. The opt-out gate stands last: right before the wire (I6).
async fn attempt(outside: &Outside, message: &Outbound, slot: &Slot) -> Settled {
    let Some(gateway) = outside.ports.gateways.get(&message.channel) else {
        // A slip in the configuration must cost time, not messages.
        warn!(channel.id = %message.channel, message.id = %message.id, "the configuration does not have this channel, its messages wait");
        let at = Outside::later(outside.now(), UNCONFIGURED_WAIT);
        return Settled::Later { at, reason: "channel_not_configured".to_owned(), counted: false };
    };
    slot.pace().token(outside).await;
    match slot.pace().take_from_day(outside).await {
        Ok(Budget::Taken) => {}
        Ok(Budget::UsedUp(until)) => {
            return Settled::Later { at: until, reason: "per_day".to_owned(), counted: false };
        }
        Err(_) => return held_back(outside, "day_count_unavailable"),
    }
    if message.kind != OutboundKind::OptOutConfirmation {
        match outside.within_deadline(outside.ports.consent.is_opted_out(&message.tenant, &message.to)).await {
            Ok(false) => {}
            Ok(true) => {
                slot.pace().give_back();
                return Settled::Suppressed { reason: "opted_out".to_owned(), record_opt_out: false };
            }
            Err(_) => {
                slot.pace().give_back();
                return held_back(outside, "consent_unavailable");
            }
        }
    }
    let sent = send(&*gateway, message).await;
    if matches!(&sent, Err(error) if error.class != SendErrorClass::Unknown) {
        slot.pace().give_back();
    }
    policy::settled(sent, message, outside.now(), &outside.settings)
}

/// A gate could not answer: closed, for a moment.
fn held_back(outside: &Outside, reason: &str) -> Settled {
    let at = Outside::later(outside.now(), Duration::from_secs(1));
    Settled::Later { at, reason: reason.to_owned(), counted: false }
}

/// Calls the gateway; a panic of it counts as an unknown outcome.
async fn send(gateway: &dyn Gateway, message: &Outbound) -> Result<Receipt, SendError> {
    let begun = std::time::Instant::now();
    let sent = AssertUnwindSafe(gateway.send(message)).catch_unwind().await.unwrap_or_else(|_| {
        counter!(metric::PANICS, "actor" => "sender").increment(1);
        Err(SendError { class: SendErrorClass::Unknown, code: None, detail: "the gateway panicked".to_owned() })
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
/// the row is looked into as unknown, so that nothing is repeated blindly.
pub(super) async fn settle(outside: &Outside, message: Outbound, result: Settled) {
    let id = message.id;
    let taken_back = matches!(result, Settled::Later { counted: false, .. });
    let settlement = Settlement { message, result, at: outside.now() };
    let give_up = tokio::time::Instant::now() + outside.settings.lease;
    let mut wait = Duration::from_millis(20);
    loop {
        match outside.within_deadline(outside.ports.outbox.settle(settlement.clone())).await {
            Ok(()) => return,
            // An attempt that was taken back leaves its number to the next one, so its settlement must not come twice.
            Err(error) if error.is_transient() && !taken_back && tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(2));
            }
            Err(error) => {
                warn!(message.id = %id, error = %error, "outcome not written down, its lease will run out");
                return;
            }
        }
    }
}
