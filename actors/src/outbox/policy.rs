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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;
    use crate::domain::ids::{ChannelId, ConversationId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
    use crate::domain::message::OutboundKind;

    fn message(attempts: u32) -> Outbound {
        Outbound {
            id: OutboundId::fresh(),
            tenant: TenantId::new("a"),
            channel: ChannelId::new("a"),
            conversation: ConversationId::fresh(),
            in_reply_to: None,
            to: Address::from_normalised("whatsapp:+33612345678"),
            body: "hello".to_owned(),
            kind: OutboundKind::Reply,
            correlation: CorrelationId::fresh(),
            attempts,
            created_at: noon(),
        }
    }

    fn noon() -> Timestamp {
        Timestamp::from_timestamp(1_795_262_400, 0).expect("a moment")
    }

    fn receipt() -> Receipt {
        Receipt { provider_message_id: ProviderMessageId::new("SM1") }
    }

    fn error(class: SendErrorClass, code: Option<&str>) -> SendError {
        SendError { class, code: code.map(str::to_owned), detail: String::new() }
    }

    #[test]
    fn each_class_of_error_has_its_consequence() {
        let settings = Settings::default();
        let after = |class, code| settled(Err(error(class, code)), &message(1), noon(), &settings);
        assert_eq!(settled(Ok(receipt()), &message(1), noon(), &settings), Settled::Sent(receipt()));
        assert_eq!(after(SendErrorClass::Reject, Some("21211")), Settled::Dead { reason: "21211".to_owned() });
        assert_eq!(after(SendErrorClass::WindowClosed, None), Settled::Dead { reason: "window_closed".to_owned() });
        let suppressed = Settled::Suppressed { reason: "21610".to_owned(), record_opt_out: true };
        assert_eq!(after(SendErrorClass::OptedOut, Some("21610")), suppressed);
        let unknown = after(SendErrorClass::Unknown, None);
        assert!(
            matches!(unknown, Settled::Unknown { ask_at, .. } if ask_at == Outside::later(noon(), settings.ask_after))
        );
        let patience = Duration::from_secs(600);
        let later = after(SendErrorClass::Retry { after: Some(patience) }, Some("429"));
        assert!(matches!(later, Settled::Later { at, counted: true, .. } if at >= Outside::later(noon(), patience)));
        let misconfigured = after(SendErrorClass::Misconfigured, Some("20003"));
        assert!(matches!(misconfigured, Settled::Later { at, .. } if at >= Outside::later(noon(), MISCONFIGURED_WAIT)));
    }

    #[test]
    fn a_message_that_was_tried_long_enough_is_a_dead_letter() {
        let settings = Settings::default();
        let spent = message(settings.retry.max_attempts);
        let retry = error(SendErrorClass::Retry { after: None }, Some("503"));
        assert_eq!(
            settled(Err(retry), &spent, noon(), &settings),
            Settled::Dead { reason: "exhausted:503".to_owned() }
        );
    }

    #[test]
    fn what_the_provider_cannot_tell_is_sent_again_or_parked_as_the_channel_says() {
        let settings = Settings::default();
        let asked = |found, on_unknown| reconciled(found, on_unknown, &message(1), noon(), &settings);
        for on_unknown in [OnUnknown::Resend, OnUnknown::Park] {
            assert_eq!(asked(Ok(Found::Taken(receipt())), on_unknown), Settled::Sent(receipt()));
            assert!(matches!(asked(Ok(Found::Absent), on_unknown), Settled::Later { .. }));
            let away = error(SendErrorClass::Retry { after: None }, None);
            assert!(matches!(asked(Err(away), on_unknown), Settled::Unknown { .. }), "asked again, not repeated");
        }
        assert!(matches!(asked(Ok(Found::CannotTell), OnUnknown::Resend), Settled::Later { .. }));
        let parked = Settled::Dead { reason: "unknown_outcome".to_owned() };
        assert_eq!(asked(Ok(Found::CannotTell), OnUnknown::Park), parked);
    }
}
