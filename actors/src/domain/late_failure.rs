//! Late failure: what becomes of a message that the provider took and could not deliver afterwards.
//!
//! A status callback's code means what it would have meant in the answer to the send ([`SendErrorClass`]). What may pass later
//! goes back into its conversation queue as another generation of the message: a callback about the generation before changes
//! it no more, unless it says that the contact has the message after all.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::Timestamp;
use super::channel::ChannelProfile;
use super::message::{Generation, OutboundKind};
use super::retry::Retry;
use super::send::{OnUnknown, SendErrorClass};

/// How long a misconfigured channel waits: retrying every second does not repair a wrong credential.
pub const MISCONFIGURED_WAIT: Duration = Duration::from_secs(60);

/// How long a message waits that a fallback channel refused because its window is closed: until then its own channel may work.
const FALLBACK_WINDOW_WAIT: Duration = Duration::from_secs(30);

/// The class of a late failure, and what its channel allows to be done about it.
#[derive(Clone, Debug)]
pub struct LateFailure {
    /// What the provider's code means.
    pub class: SendErrorClass,
    /// The provider does not know why it failed: the message may have arrived, so it is repeated once at most, and only where
    /// the channel rather sends twice than not at all.
    pub may_have_arrived: bool,
    /// What the channel does with a message that may arrive twice.
    pub on_unknown: OnUnknown,
    /// The channel that the callback came in on.
    pub channel: Arc<ChannelProfile>,
    /// How long a message waits for the contact at most.
    pub deferred_for: Duration,
}

/// The row that failed.
#[derive(Clone, Debug)]
pub struct FailedRow {
    /// What it is for.
    pub kind: OutboundKind,
    /// The name of its template, if it has one.
    pub template: Option<String>,
    /// Whether it was the template that failed: nothing else is left to try while the window is closed.
    pub was_template: bool,
    /// Attempts of all its generations.
    pub attempts: u32,
    /// The generation that failed.
    pub generation: Generation,
    /// When it is no use any more.
    pub expires_at: Option<Timestamp>,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    /// Whether it left through its own channel.
    pub on_own_channel: bool,
}

/// What becomes of a message that failed late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LateConsequence {
    /// It stays failed.
    Stays,
    /// It goes back into its conversation queue as another generation.
    Requeue {
        /// When it is due.
        at: Timestamp,
        /// Only its template may go: its text was refused because the window is closed.
        as_template: bool,
    },
    /// It waits, as another generation, for the contact to write.
    AwaitContact {
        /// A message of the contact's that is later than this counts.
        since: Timestamp,
        /// When it stops to wait.
        expires_at: Timestamp,
    },
}

impl LateFailure {
    /// What becomes of the row. Attempts and age of all generations since the last replay count together, so that the retry
    /// policy bounds how often a message comes back.
    #[must_use]
    pub fn consequence(&self, row: &FailedRow, now: Timestamp) -> LateConsequence {
        // A STOP is confirmed once, whatever came of it; an action is no message.
        if matches!(row.kind, OutboundKind::OptOutConfirmation | OutboundKind::Action) {
            return LateConsequence::Stays;
        }
        match self.class {
            SendErrorClass::Retry { .. } if self.may_have_arrived && !self.may_be_repeated(row) => {
                LateConsequence::Stays
            }
            SendErrorClass::Retry { after } => self.again(row, now, after, false),
            // The channel is paused meanwhile.
            SendErrorClass::Suspended { .. } => self.again(row, now, None, false),
            SendErrorClass::Misconfigured => self.again(row, now, Some(MISCONFIGURED_WAIT), false),
            SendErrorClass::WindowClosed if !row.on_own_channel => {
                self.again(row, now, Some(FALLBACK_WINDOW_WAIT), false)
            }
            SendErrorClass::WindowClosed => self.window_closed(row, now),
            SendErrorClass::Reject | SendErrorClass::OptedOut | SendErrorClass::Unknown => LateConsequence::Stays,
        }
    }

    /// For how long the channel itself is to be paused.
    #[must_use]
    pub const fn pause(&self) -> Option<Duration> {
        match self.class {
            SendErrorClass::Suspended { after } => Some(after),
            SendErrorClass::Misconfigured => Some(MISCONFIGURED_WAIT),
            _ => None,
        }
    }

    fn may_be_repeated(&self, row: &FailedRow) -> bool {
        self.on_unknown == OnUnknown::Resend && row.attempts.saturating_sub(row.generation.attempts_before) <= 1
    }

    fn again(&self, row: &FailedRow, now: Timestamp, after: Option<Duration>, as_template: bool) -> LateConsequence {
        match self.channel.retry.next(row.generation, row.attempts, now, after) {
            // One that would be given up as expired rather keeps the code that tells why.
            Retry::At(at) if row.expires_at.is_none_or(|expires_at| at < expires_at) => {
                LateConsequence::Requeue { at, as_template }
            }
            Retry::At(_) | Retry::Exhausted => LateConsequence::Stays,
        }
    }

    fn window_closed(&self, row: &FailedRow, now: Timestamp) -> LateConsequence {
        let has_template = row.template.as_ref().is_some_and(|name| self.channel.templates.contains_key(name));
        if has_template && !row.was_template {
            return self.again(row, now, None, true);
        }
        let latest = TimeDelta::from_std(self.deferred_for).ok().and_then(|wait| now.checked_add_signed(wait));
        let latest = latest.unwrap_or(Timestamp::MAX_UTC);
        let expires_at = row.expires_at.map_or(latest, |expires_at| expires_at.min(latest));
        if expires_at <= now {
            return LateConsequence::Stays;
        }
        // Who wrote after it was sent has opened the window since.
        LateConsequence::AwaitContact { since: row.sent_at.map_or(now, |sent_at| sent_at.min(now)), expires_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::ChannelTemplate;
    use crate::testing::harness::noon;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn failure(class: SendErrorClass) -> LateFailure {
        let known = ChannelTemplate { content_id: "HX1".into(), variable_names: Vec::new() };
        let channel = ChannelProfile { templates: [("rappel".to_owned(), known)].into(), ..ChannelProfile::default() };
        LateFailure {
            class,
            may_have_arrived: false,
            on_unknown: OnUnknown::Resend,
            channel: Arc::new(channel),
            deferred_for: 24 * HOUR,
        }
    }

    fn row() -> FailedRow {
        FailedRow {
            kind: OutboundKind::Reply,
            template: None,
            was_template: false,
            attempts: 1,
            generation: Generation::first(noon()),
            expires_at: None,
            sent_at: Some(noon()),
            on_own_channel: true,
        }
    }

    fn later(wait: Duration) -> Timestamp {
        noon() + TimeDelta::from_std(wait).unwrap()
    }

    #[test]
    fn each_class_has_its_consequence() {
        let soon = |made: &LateConsequence| matches!(made, LateConsequence::Requeue { at, as_template: false } if *at <= later(Duration::from_secs(2)));
        let after = |wait: Duration| move |made: &LateConsequence| matches!(made, LateConsequence::Requeue { at, as_template: false } if *at == later(wait));
        let stays = |made: &LateConsequence| *made == LateConsequence::Stays;
        type Is<'a> = &'a dyn Fn(&LateConsequence) -> bool;
        let table: [(SendErrorClass, Is<'_>, Option<Duration>); 8] = [
            (SendErrorClass::Retry { after: None }, &soon, None),
            (SendErrorClass::Retry { after: Some(HOUR) }, &after(HOUR), None),
            (SendErrorClass::Retry { after: Some(6 * HOUR) }, &after(6 * HOUR), None),
            (SendErrorClass::Suspended { after: HOUR }, &soon, Some(HOUR)),
            (SendErrorClass::Misconfigured, &after(MISCONFIGURED_WAIT), Some(MISCONFIGURED_WAIT)),
            (SendErrorClass::Reject, &stays, None),
            (SendErrorClass::OptedOut, &stays, None),
            (SendErrorClass::Unknown, &stays, None),
        ];
        for (class, is_right, pause) in table {
            let failure = failure(class);
            let made = failure.consequence(&row(), noon());
            assert!(is_right(&made), "{class:?}: {made:?}");
            assert_eq!(failure.pause(), pause, "{class:?}");
        }
    }

    #[test]
    fn a_closed_window_leaves_the_template_or_the_contacts_next_message() {
        let failure = failure(SendErrorClass::WindowClosed);
        let (now, template) = (later(HOUR), Some("rappel".to_owned()));
        let with_template = FailedRow { template: template.clone(), ..row() };
        let made = failure.consequence(&with_template, now);
        assert!(matches!(made, LateConsequence::Requeue { as_template: true, .. }), "{made:?}");
        let waits = LateConsequence::AwaitContact { since: noon(), expires_at: later(25 * HOUR) };
        assert_eq!(failure.consequence(&row(), now), waits);
        let template_failed = FailedRow { was_template: true, ..with_template };
        assert_eq!(failure.consequence(&template_failed, now), waits, "the template was refused as well");
        let unknown_template = FailedRow { template: Some("other".into()), ..row() };
        assert_eq!(failure.consequence(&unknown_template, now), waits);
        let short = FailedRow { expires_at: Some(later(2 * HOUR)), ..row() };
        let until = LateConsequence::AwaitContact { since: noon(), expires_at: later(2 * HOUR) };
        assert_eq!(failure.consequence(&short, now), until);
        assert_eq!(failure.consequence(&short, later(2 * HOUR)), LateConsequence::Stays);
        let elsewhere = FailedRow { on_own_channel: false, template, ..row() };
        let made = failure.consequence(&elsewhere, noon());
        assert!(
            matches!(made, LateConsequence::Requeue { as_template: false, at } if at == later(FALLBACK_WINDOW_WAIT))
        );
    }

    #[test]
    fn what_may_have_arrived_is_repeated_once_where_the_channel_says_so() {
        let retry = failure(SendErrorClass::Retry { after: None });
        let resend = LateFailure { may_have_arrived: true, ..retry };
        assert!(matches!(resend.consequence(&row(), noon()), LateConsequence::Requeue { .. }));
        let second = FailedRow { attempts: 2, ..row() };
        assert_eq!(resend.consequence(&second, noon()), LateConsequence::Stays);
        let replayed = Generation { number: 3, since: noon(), attempts_before: 1 };
        let replayed = FailedRow { attempts: 2, generation: replayed, ..row() };
        assert!(
            matches!(resend.consequence(&replayed, noon()), LateConsequence::Requeue { .. }),
            "a replay counts anew"
        );
        let park = LateFailure { on_unknown: OnUnknown::Park, ..resend };
        assert_eq!(park.consequence(&row(), noon()), LateConsequence::Stays);
    }

    #[test]
    fn it_ends() {
        let retry = failure(SendErrorClass::Retry { after: Some(6 * HOUR) });
        let stays = |row: FailedRow, now| assert_eq!(retry.consequence(&row, now), LateConsequence::Stays, "{row:?}");
        stays(FailedRow { attempts: 30, ..row() }, noon());
        stays(row(), later(19 * HOUR));
        stays(FailedRow { expires_at: Some(later(6 * HOUR)), ..row() }, noon());
        stays(FailedRow { kind: OutboundKind::OptOutConfirmation, ..row() }, noon());
        // Each comes back six hours after the one before.
        let mut now = noon();
        let mut generations = 0;
        while let LateConsequence::Requeue { at, .. } =
            retry.consequence(&FailedRow { attempts: generations + 1, ..row() }, now)
        {
            (now, generations) = (at, generations + 1);
        }
        assert_eq!(generations, 4);
    }
}
