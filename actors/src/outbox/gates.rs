//! The gates that a message passes once its route is found: the tenant's budget and day, permits of its quotas (I7), and,
//! last, how its contact stands to the tenant (I6). Each of them fails closed.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::allowance::{Allowed, Counted};
use super::delivery::Leased;
use super::desk::{PACED_WITHIN, TenantDesk};
use super::letters::{self, Route};
use crate::domain::Timestamp;
use crate::domain::message::{Outbound, OutboundKind};
use crate::domain::send::Form;
use crate::kit::Outside;
use crate::ports::{Gate, GateKey, Pass, PortError, Settled, Standing};

/// Back into the line, without an attempt.
pub(super) fn wait_until(at: Timestamp, reason: &str) -> Settled {
    Settled::Later { at, reason: reason.to_owned(), counted: false }
}

/// A gate could not answer: closed, for a moment.
pub(super) fn held_back(outside: &Outside, reason: &str) -> Settled {
    wait_until(Outside::later(outside.now(), Duration::from_secs(1)), reason)
}

/// What the tenant may spend and send today. What a spent budget holds leaves its line, so that what is urgent may pass
/// it; nothing else of its conversation does.
pub(super) async fn allowance(
    outside: &Arc<Outside>,
    leased: &Leased,
    page: &TenantDesk,
    cost_micros: i64,
) -> Result<Counted, Settled> {
    let message = &leased.message;
    let unavailable = |_: PortError| held_back(outside, "usage_unavailable");
    if page.is_stoppable(message) && page.keeps_order(&message.channel) {
        let held = outside.within_deadline(outside.ports.outbox.held_before(message)).await.map_err(unavailable)?;
        if let Some(until) = held {
            return Err(Settled::Held { until });
        }
    }
    let taken = page.allowance.take(outside, message, cost_micros, leased.lease_until).await;
    match taken.map_err(unavailable)? {
        Allowed::Yes(counted) => Ok(counted),
        Allowed::Held(until) => Err(Settled::Held { until }),
        Allowed::NotBefore(until, reason) => Err(wait_until(until, reason)),
    }
}

/// Takes the permits of the pair, the account and the tenant together. Short waits are slept away; a long one gives the
/// sender's place back.
pub(super) async fn permits(
    outside: &Outside,
    message: &Outbound,
    page: &TenantDesk,
    route: &Route,
) -> Result<(), Settled> {
    let gates = gates(message, page, route);
    let begun = Instant::now();
    if let Pass::Wait(wait) = take(outside, &gates).await? {
        if wait > PACED_WITHIN {
            return Err(wait_until(Outside::later(outside.now(), wait), "paced"));
        }
        // One after another: everybody is told the same wait, and only one permit comes with it.
        let _turn = match page.turnstile(route.channel()) {
            Some(turnstile) => Some(turnstile.lock().await),
            None => None,
        };
        while let Pass::Wait(wait) = take(outside, &gates).await? {
            if begun.elapsed() + wait > PACED_WITHIN {
                return Err(wait_until(Outside::later(outside.now(), wait), "paced"));
            }
            tokio::time::sleep(wait).await;
        }
    }
    Ok(())
}

async fn take(outside: &Outside, gates: &[Gate]) -> Result<Pass, Settled> {
    let taken = outside.within_deadline(outside.ports.pacing.take(gates, outside.now())).await;
    taken.map_err(|_| held_back(outside, "pacing_unavailable"))
}

fn gates(message: &Outbound, page: &TenantDesk, route: &Route) -> Vec<Gate> {
    let profile = route.profile();
    let mut gates = Vec::with_capacity(3);
    if let Some(quota) = profile.pair {
        gates.push(Gate { key: GateKey::Pair(route.channel().clone(), route.to.clone()), quota });
    }
    if let Some(quota) = profile.account {
        gates.push(Gate { key: GateKey::Account(route.channel().clone()), quota });
    }
    gates.push(Gate { key: GateKey::Tenant(message.tenant.clone()), quota: page.quota });
    gates
}

/// How the contact stands, and with it the form in which the message may go.
pub(super) async fn standing<'a>(
    outside: &Outside,
    message: &'a Outbound,
    page: &TenantDesk,
    route: &'a Route,
) -> Result<Form<'a>, Settled> {
    let unavailable = |_: PortError| held_back(outside, "consent_unavailable");
    let free = || letters::free_form(message, route.profile());
    let fail = || Settled::Dead { reason: "unknown_template".to_owned() };
    if message.kind == OutboundKind::OptOutConfirmation {
        // It passes the STOP that it confirms, once. By the time of a replay the contact may have said START.
        if message.life.number > 0 {
            return Err(Settled::Suppressed { reason: "confirmed_once".to_owned(), record_opt_out: false });
        }
        return free().ok_or_else(fail);
    }
    let standings = &outside.ports.standings;
    let own = standings.standing(&message.tenant, &message.channel, &message.to);
    let own = outside.within_deadline(own).await.map_err(unavailable)?;
    let used = if route.via.is_some() {
        let used = standings.standing(&message.tenant, route.channel(), &route.to);
        outside.within_deadline(used).await.map_err(unavailable)?
    } else {
        own
    };
    if own.opted_out || used.opted_out {
        return Err(Settled::Suppressed { reason: "opted_out".to_owned(), record_opt_out: false });
    }
    if page.profile.double_opt_in && message.kind == OutboundKind::Manual {
        let person = standings.opt_in(&message.tenant, &message.channel, &message.to);
        if !outside.within_deadline(person).await.map_err(unavailable)?.confirmed {
            return Err(Settled::Deferred { reason: "not_confirmed".to_owned() });
        }
    }
    if is_open(route.profile().window, used, outside.now()) {
        return free().ok_or_else(fail);
    }
    let closed = || match &route.via {
        None => Settled::Deferred { reason: "window_closed".to_owned() },
        // The contact's next word would open the window of its own channel, not of the one that took over.
        Some(_) => wait_until(Outside::later(outside.now(), Duration::from_secs(30)), "fallback_window_closed"),
    };
    letters::template(message, route.profile()).ok_or_else(closed)
}

/// Whether free text may be sent: the contact wrote within the window.
fn is_open(window: Option<Duration>, standing: Standing, now: Timestamp) -> bool {
    let Some(window) = window else { return true };
    let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
    standing.last_inbound_at.is_some_and(|last| now - last < window)
}
