//! Policy: what a send error's class means for the row and for the channel's breaker. Decided here and nowhere else.

use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::breaker::Verdict;
use crate::domain::late_failure::MISCONFIGURED_WAIT;
use crate::domain::message::Outbound;
use crate::domain::retry::{Retry, RetryPolicy};
use crate::domain::send::{Found, OnUnknown, Receipt, SendError, SendErrorClass};
use crate::ports::Settled;
use crate::runtime::{ActorContext, Settings};

/// The provider cannot tell whether it has the message, and the channel is configured to send it again.
const UNCLEAR: &str = "unclear_at_provider";
/// Asking the provider failed without a code.
const ASKING_FAILED: &str = "asking_failed";

/// What an attempt says about the channel that it went through.
pub(super) fn verdict(sent: &Result<Receipt, SendError>) -> Verdict {
    let Err(error) = sent else { return Verdict::Works };
    match error.class {
        SendErrorClass::Unknown | SendErrorClass::Misconfigured => Verdict::Fails,
        SendErrorClass::Retry { .. } if error.throttled => Verdict::Works,
        SendErrorClass::Retry { .. } => Verdict::Fails,
        SendErrorClass::Reject | SendErrorClass::OptedOut | SendErrorClass::WindowClosed => Verdict::Works,
        // The pause keeps the channel from sending.
        SendErrorClass::Suspended { .. } => Verdict::Silent,
    }
}

/// Whether the message surely did not go out.
pub(super) fn surely_not_sent(sent: &Result<Receipt, SendError>) -> bool {
    matches!(sent, Err(error) if error.class != SendErrorClass::Unknown)
}

/// The result of an attempt.
pub(super) fn settled(
    sent: Result<Receipt, SendError>,
    message: &Outbound,
    retry: &RetryPolicy,
    now: Timestamp,
    settings: &Settings,
) -> Settled {
    let error = match sent {
        Ok(receipt) => return Settled::Sent(receipt),
        Err(error) => error,
    };
    let reason = error.code.unwrap_or_else(|| error.class.as_str().to_owned());
    match error.class {
        SendErrorClass::Retry { after } => again(message, retry, now, after, reason),
        SendErrorClass::Misconfigured => again(message, retry, now, Some(MISCONFIGURED_WAIT), reason),
        SendErrorClass::Unknown => Settled::Unknown { ask_at: ActorContext::later(now, settings.ask_after), reason },
        SendErrorClass::OptedOut => Settled::Suppressed { reason, record_opt_out: true },
        SendErrorClass::Reject => Settled::Dead { reason },
        // Its template, if it has one, was tried already.
        SendErrorClass::WindowClosed => Settled::Deferred { reason },
        // The channel is paused now, which holds its rows up. The row itself stays due, so that it leaves when the pause
        // ends, or through the fallback.
        SendErrorClass::Suspended { .. } => Settled::Snooze { at: now, reason },
    }
}

/// The result of asking the provider about a message with an unknown outcome (I5). The receipts of duplicate candidates are
/// removed already.
pub(crate) fn reconciled(
    found: Result<Found, SendError>,
    on_unknown: OnUnknown,
    message: &Outbound,
    retry: &RetryPolicy,
    now: Timestamp,
    settings: &Settings,
) -> Settled {
    let again = |reason: &str| again(message, retry, now, None, reason.to_owned());
    match (found, on_unknown) {
        (Ok(Found::Taken(receipts)), _) => match receipts.into_iter().next() {
            Some(receipt) => Settled::Found(receipt),
            None => again("absent_at_provider"),
        },
        (Ok(Found::Absent), _) => again("absent_at_provider"),
        (Ok(Found::CannotTell), OnUnknown::Resend) => again(UNCLEAR),
        (Ok(Found::CannotTell), OnUnknown::Park) => Settled::Dead { reason: "unknown_outcome".to_owned() },
        (Err(error), _) => {
            let after = match error.class {
                SendErrorClass::Retry { after: Some(after) } => after,
                _ => settings.ask_after * 4,
            };
            // The class's name would speak of the message, but it is the question that failed.
            let reason = error.code.unwrap_or_else(|| ASKING_FAILED.to_owned());
            Settled::Unknown { ask_at: ActorContext::later(now, after), reason }
        }
    }
}

fn again(message: &Outbound, retry: &RetryPolicy, now: Timestamp, after: Option<Duration>, reason: String) -> Settled {
    match retry.next(message.generation, message.attempts, now, after) {
        Retry::At(at) => Settled::Retry { at, reason },
        Retry::Exhausted => Settled::Dead { reason: format!("exhausted:{reason}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ProviderMessageId;
    use crate::testing::harness::{noon, outbound};

    fn message(attempts: u32) -> Outbound {
        Outbound { attempts, ..outbound() }
    }

    fn receipt() -> Receipt {
        Receipt { provider_message_id: ProviderMessageId::new("SM1") }
    }

    fn error(class: SendErrorClass, code: Option<&str>) -> SendError {
        SendError { class, code: code.map(str::to_owned), throttled: false, detail: String::new() }
    }

    #[test]
    fn each_class_of_error_has_its_consequence() {
        let (settings, retry) = (Settings::default(), RetryPolicy::default());
        let after = |class, code| settled(Err(error(class, code)), &message(1), &retry, noon(), &settings);
        assert_eq!(settled(Ok(receipt()), &message(1), &retry, noon(), &settings), Settled::Sent(receipt()));
        assert_eq!(
            after(SendErrorClass::Reject, Some("bad_number")),
            Settled::Dead { reason: "bad_number".to_owned() }
        );
        let deferred = Settled::Deferred { reason: "closed".to_owned() };
        assert_eq!(after(SendErrorClass::WindowClosed, Some("closed")), deferred);
        let suppressed = Settled::Suppressed { reason: "stopped".to_owned(), record_opt_out: true };
        assert_eq!(after(SendErrorClass::OptedOut, Some("stopped")), suppressed);
        let unknown = after(SendErrorClass::Unknown, None);
        assert!(
            matches!(unknown, Settled::Unknown { ask_at, .. } if ask_at == ActorContext::later(noon(), settings.ask_after))
        );
        let wait = Duration::from_secs(600);
        let later = after(SendErrorClass::Retry { after: Some(wait) }, Some("429"));
        assert!(matches!(later, Settled::Retry { at, .. } if at >= ActorContext::later(noon(), wait)));
        let misconfigured = after(SendErrorClass::Misconfigured, Some("bad_token"));
        assert!(
            matches!(misconfigured, Settled::Retry { at, .. } if at >= ActorContext::later(noon(), MISCONFIGURED_WAIT))
        );
        let suspended = after(SendErrorClass::Suspended { after: wait }, None);
        assert_eq!(suspended, Settled::Snooze { at: noon(), reason: "suspended".to_owned() });
    }

    #[test]
    fn what_an_error_says_about_the_channel() {
        let retry = SendErrorClass::Retry { after: None };
        let table = [
            (retry, None, Verdict::Fails),
            (retry, Some("503"), Verdict::Fails),
            (SendErrorClass::Unknown, None, Verdict::Fails),
            (SendErrorClass::Misconfigured, Some("bad_token"), Verdict::Fails),
            (SendErrorClass::Reject, Some("bad_number"), Verdict::Works),
            (SendErrorClass::OptedOut, Some("stopped"), Verdict::Works),
            (SendErrorClass::WindowClosed, Some("closed"), Verdict::Works),
            (SendErrorClass::Suspended { after: Duration::ZERO }, None, Verdict::Silent),
        ];
        for (class, code, expected) in table {
            assert_eq!(verdict(&Err(error(class, code))), expected, "{class:?} {code:?}");
        }
        let throttled = SendError { throttled: true, ..error(retry, Some("429")) };
        assert_eq!(verdict(&Err(throttled)), Verdict::Works, "too fast, and the provider works");
        assert_eq!(verdict(&Ok(receipt())), Verdict::Works);
    }

    #[test]
    fn a_message_that_was_tried_long_enough_is_a_dead_letter() {
        let (settings, policy) = (Settings::default(), RetryPolicy::default());
        let spent = message(policy.max_attempts);
        let retry = || Err(error(SendErrorClass::Retry { after: None }, Some("503")));
        let dead = Settled::Dead { reason: "exhausted:503".to_owned() };
        assert_eq!(settled(retry(), &spent, &policy, noon(), &settings), dead);
        let short = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
        assert_eq!(
            settled(retry(), &message(1), &short, noon(), &settings),
            dead,
            "each channel has its own retry policy"
        );
    }

    #[test]
    fn what_the_provider_cannot_tell_is_sent_again_or_parked_as_the_channel_says() {
        let (settings, retry) = (Settings::default(), RetryPolicy::default());
        let asked = |found, on_unknown| reconciled(found, on_unknown, &message(1), &retry, noon(), &settings);
        for on_unknown in [OnUnknown::Resend, OnUnknown::Park] {
            assert_eq!(asked(Ok(Found::Taken(vec![receipt()])), on_unknown), Settled::Found(receipt()));
            assert!(
                matches!(asked(Ok(Found::Taken(Vec::new())), on_unknown), Settled::Retry { .. }),
                "all were duplicates"
            );
            assert!(matches!(asked(Ok(Found::Absent), on_unknown), Settled::Retry { .. }));
            let away = error(SendErrorClass::Retry { after: None }, None);
            let again = asked(Err(away), on_unknown);
            assert!(
                matches!(&again, Settled::Unknown { reason, .. } if reason == ASKING_FAILED),
                "asked again, not repeated"
            );
            let refused = error(SendErrorClass::Retry { after: None }, Some("503"));
            assert!(matches!(asked(Err(refused), on_unknown), Settled::Unknown { reason, .. } if reason == "503"));
        }
        let resent = asked(Ok(Found::CannotTell), OnUnknown::Resend);
        assert!(matches!(resent, Settled::Retry { reason, .. } if reason == UNCLEAR));
        let parked = Settled::Dead { reason: "unknown_outcome".to_owned() };
        assert_eq!(asked(Ok(Found::CannotTell), OnUnknown::Park), parked);
    }
}
