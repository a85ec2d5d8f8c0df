//! What an attempt's result means for its row: the only place that interprets the classes of send errors.

use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::message::Outbound;
use crate::domain::retry::Retry;
use crate::domain::send::{Found, OnUnknown, Receipt, SendError, SendErrorClass};
use crate::kit::{Outside, Settings};
use crate::ports::Settled;

/// A wrong credential is not mended by trying every second.
const MISCONFIGURED_WAIT: Duration = Duration::from_secs(60);

/// After an attempt.
pub(super) fn settled(
    sent: Result<Receipt, SendError>,
    message: &Outbound,
    now: Timestamp,
    settings: &Settings,
) -> Settled {
    let error = match sent {
        Ok(receipt) => return Settled::Sent(receipt),
        Err(error) => error,
    };
    let reason = error.code.unwrap_or_else(|| error.class.as_str().to_owned());
    match error.class {
        SendErrorClass::Retry { after } => again(message, now, settings, after, reason),
        SendErrorClass::Misconfigured => again(message, now, settings, Some(MISCONFIGURED_WAIT), reason),
        SendErrorClass::Unknown => Settled::Unknown { ask_at: Outside::later(now, settings.ask_after), reason },
        SendErrorClass::OptedOut => Settled::Suppressed { reason, record_opt_out: true },
        SendErrorClass::Reject | SendErrorClass::WindowClosed => Settled::Dead { reason },
    }
}

/// After the provider was asked about a message whose fate was unknown (I5).
pub(super) fn reconciled(
    found: Result<Found, SendError>,
    on_unknown: OnUnknown,
    message: &Outbound,
    now: Timestamp,
    settings: &Settings,
) -> Settled {
    match (found, on_unknown) {
        (Ok(Found::Taken(receipt)), _) => Settled::Sent(receipt),
        (Ok(Found::Absent), _) => again(message, now, settings, None, "absent_at_provider".to_owned()),
        (Ok(Found::CannotTell), OnUnknown::Resend) => again(message, now, settings, None, "unknown_outcome".to_owned()),
        (Ok(Found::CannotTell), OnUnknown::Park) => Settled::Dead { reason: "unknown_outcome".to_owned() },
        (Err(error), _) => {
            let after = match error.class {
                SendErrorClass::Retry { after: Some(after) } => after,
                _ => settings.ask_after * 4,
            };
            let reason = error.code.unwrap_or_else(|| error.class.as_str().to_owned());
            Settled::Unknown { ask_at: Outside::later(now, after), reason }
        }
    }
}

fn again(message: &Outbound, now: Timestamp, settings: &Settings, after: Option<Duration>, reason: String) -> Settled {
    match settings.retry.next(message.attempts, message.created_at, now, after) {
        Retry::At(at) => Settled::Later { at, reason, counted: true },
        Retry::Exhausted => Settled::Dead { reason: format!("exhausted:{reason}") },
    }
}
