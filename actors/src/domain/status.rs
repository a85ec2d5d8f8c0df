//! Outbox states of a message in `messages_out`, and their transitions (I8).

use serde::{Deserialize, Serialize};

use super::event::EventType;
use super::words::stored_words;

/// The state of an outbound message. Every row is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// Waits for a sender, until `next_attempt_at` at least.
    Pending,
    /// Leased to a node that is sending it, or about to.
    Sending,
    /// An attempt may or may not have reached the provider, which is asked before anything is repeated (I5).
    Unknown,
    /// The provider accepted it.
    Sent,
    /// It reached the contact's device.
    Delivered,
    /// The contact opened it.
    Read,
    /// The provider accepted it and could not deliver it.
    Failed,
    /// Waits outside of its conversation queue: for the contact to write or to confirm, or for the tenant's budget.
    Deferred,
    /// Will not be sent: the contact opted out (I6).
    Suppressed,
    /// A dead letter: it is not tried again unless replayed.
    Dead,
    /// An operator cancelled it.
    Cancelled,
}

/// The status that a provider's callback reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Accepted by the provider, on its way (`queued`, `accepted`, `sending`, `sent`, …).
    Sent,
    /// On the contact's device.
    Delivered,
    /// Opened.
    Read,
    /// Not delivered (`failed`, `undelivered`, `canceled`).
    Failed,
}

stored_words!(OutboxState {
    Pending => "pending",
    Sending => "sending",
    Unknown => "unknown",
    Sent => "sent",
    Delivered => "delivered",
    Read => "read",
    Failed => "failed",
    Deferred => "deferred",
    Suppressed => "suppressed",
    Dead => "dead",
    Cancelled => "cancelled",
});

stored_words!(DeliveryStatus { Sent => "sent", Delivered => "delivered", Read => "read", Failed => "failed" });

/// Something that Palabre itself does to a message. (What a provider reports is a [`DeliveryStatus`].)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// A node claims it from its conversation queue.
    Claim,
    /// The provider accepts it.
    Deliver,
    /// It is retried or snoozed: it goes back into its conversation queue until a later time.
    Postpone,
    /// It becomes unknown whether the provider accepted it.
    LoseTrack,
    /// It leaves its conversation queue and waits: for the contact to write or to confirm, or for the tenant's budget.
    Defer,
    /// What it waited for came: it goes back into its conversation queue.
    Release,
    /// It must not be sent: the contact opted out.
    Suppress,
    /// It becomes a dead letter.
    Die,
    /// An operator cancels it.
    Cancel,
    /// An operator replays it.
    Replay,
    /// The provider could not deliver it, for a reason that may pass: it begins another generation.
    Requeue,
}

impl Transition {
    /// Every transition.
    pub const ALL: &'static [Self] = &[
        Self::Claim,
        Self::Deliver,
        Self::Postpone,
        Self::LoseTrack,
        Self::Defer,
        Self::Release,
        Self::Suppress,
        Self::Die,
        Self::Cancel,
        Self::Replay,
        Self::Requeue,
    ];

    /// The states from which it is allowed.
    #[must_use]
    pub const fn from(self) -> &'static [OutboxState] {
        use OutboxState::{Cancelled, Dead, Deferred, Failed, Pending, Sending, Suppressed, Unknown};
        match self {
            Self::Claim => &[Pending],
            Self::Deliver | Self::Postpone | Self::LoseTrack => &[Pending, Sending, Unknown],
            Self::Die => &[Pending, Sending, Unknown, Deferred],
            Self::Defer => &[Pending, Sending],
            Self::Release => &[Deferred],
            Self::Suppress => &[Pending, Sending, Unknown, Deferred],
            Self::Cancel => &[Pending, Deferred, Dead, Failed],
            Self::Replay => &[Dead, Failed, Cancelled, Suppressed],
            Self::Requeue => &[Failed],
        }
    }

    /// The state that it leads to.
    #[must_use]
    pub const fn to(self) -> OutboxState {
        match self {
            Self::Claim => OutboxState::Sending,
            Self::Deliver => OutboxState::Sent,
            Self::Postpone | Self::Release | Self::Replay | Self::Requeue => OutboxState::Pending,
            Self::LoseTrack => OutboxState::Unknown,
            Self::Defer => OutboxState::Deferred,
            Self::Suppress => OutboxState::Suppressed,
            Self::Die => OutboxState::Dead,
            Self::Cancel => OutboxState::Cancelled,
        }
    }

    /// The event that records it (I11).
    #[must_use]
    pub const fn event(self) -> EventType {
        match self {
            Self::Claim => EventType::MessageClaimed,
            Self::Deliver => EventType::MessageSent,
            Self::Postpone => EventType::MessagePostponed,
            Self::LoseTrack => EventType::MessageUnknown,
            Self::Defer => EventType::MessageDeferred,
            Self::Release => EventType::MessageReleased,
            Self::Suppress => EventType::MessageSuppressed,
            Self::Die => EventType::MessageDead,
            Self::Cancel => EventType::MessageCancelled,
            Self::Replay => EventType::MessageReplayed,
            Self::Requeue => EventType::MessageRequeued,
        }
    }
}

impl OutboxState {
    /// The state after a transition; `None` when it is not allowed from this state.
    #[must_use]
    pub fn after(self, transition: Transition) -> Option<Self> {
        transition.from().contains(&self).then_some(transition.to())
    }

    /// Whether the row is in its conversation queue, so that later rows wait behind it. A deferred row is not.
    #[must_use]
    pub const fn is_in_line(self) -> bool {
        matches!(self, Self::Pending | Self::Sending | Self::Unknown)
    }

    /// How far a message has come. A status callback may only raise it (I8).
    ///
    /// `Dead` is below `Sent`: a dead letter may have reached the provider all the same, and a callback proves it; believing
    /// the callback keeps a replay from sending the message twice. A suppressed or cancelled message was never sent, so
    /// nothing follows these states.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Pending | Self::Deferred => 0,
            Self::Sending => 1,
            Self::Unknown => 2,
            Self::Dead => 3,
            Self::Sent => 4,
            Self::Failed => 5,
            Self::Delivered => 6,
            Self::Read => 7,
            Self::Suppressed | Self::Cancelled => 8,
        }
    }

    /// The state after a provider's callback; `None` when it says nothing new (late, repeated, contradicted).
    #[must_use]
    pub fn advance(self, status: DeliveryStatus) -> Option<Self> {
        let to = Self::from(status);
        // A dead letter that is reported as failed stays a dead letter.
        let stays_dead = self == Self::Dead && to == Self::Failed;
        (to.rank() > self.rank() && !stays_dead).then_some(to)
    }

    /// Whether Palabre does nothing more with the message by itself. Callbacks may still advance it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Sending | Self::Unknown | Self::Deferred)
    }
}

impl From<DeliveryStatus> for OutboxState {
    fn from(status: DeliveryStatus) -> Self {
        match status {
            DeliveryStatus::Sent => Self::Sent,
            DeliveryStatus::Delivered => Self::Delivered,
            DeliveryStatus::Read => Self::Read,
            DeliveryStatus::Failed => Self::Failed,
        }
    }
}

/// Why a message is held until a time, out of its conversation's queue. SQL statements and indexes name these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldReason {
    /// The tenant's budget is spent, and the message is not urgent.
    Budget,
    /// It is advertising, and the law lets people sleep.
    QuietHours,
    /// Whoever asked for it said when it is to be sent.
    Scheduled,
}

stored_words!(HeldReason { Budget => "budget", QuietHours => "quiet_hours", Scheduled => "scheduled" });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DeliveryStatus as Says;
    use super::OutboxState::{self, *};
    use super::Transition;

    #[test]
    fn i8_callbacks_move_forward_only() {
        // what the callback says -> where it leads from each state; a dot: nowhere
        let states = [Pending, Deferred, Sending, Unknown, Dead, Sent, Failed, Delivered, Read, Suppressed, Cancelled];
        let table = [
            (Says::Sent, "sssss......"),
            (Says::Failed, "ffff.f....."),
            (Says::Delivered, "ddddddd...."),
            (Says::Read, "rrrrrrrr..."),
        ];
        for (says, row) in table {
            for (state, to) in states.into_iter().zip(row.chars()) {
                let expected = match to {
                    's' => Some(Sent),
                    'f' => Some(Failed),
                    'd' => Some(Delivered),
                    'r' => Some(Read),
                    _ => None,
                };
                assert_eq!(state.advance(says), expected, "{state} + {says}");
            }
        }
    }

    #[test]
    fn i8_every_transition_leaves_only_the_states_it_may() {
        // From each state, what may be done to it and where that leads; a dot: not from here.
        let states = [Pending, Sending, Unknown, Deferred, Sent, Delivered, Read, Failed, Suppressed, Dead, Cancelled];
        let table = [
            (Transition::Claim, "s..........", Sending),
            (Transition::Deliver, "sss........", Sent),
            (Transition::Postpone, "sss........", Pending),
            (Transition::LoseTrack, "sss........", Unknown),
            (Transition::Defer, "ss.........", Deferred),
            (Transition::Release, "...s.......", Pending),
            (Transition::Suppress, "ssss.......", Suppressed),
            (Transition::Die, "ssss.......", Dead),
            (Transition::Cancel, "s..s...s.s.", Cancelled),
            (Transition::Replay, ".......ssss", Pending),
            (Transition::Requeue, ".......s...", Pending),
        ];
        assert_eq!(table.len(), Transition::ALL.len());
        for (transition, row, to) in table {
            assert_eq!(transition.to(), to);
            for (state, may) in states.into_iter().zip(row.chars()) {
                assert_eq!(state.after(transition), (may == 's').then_some(to), "{transition:?} of {state}");
            }
        }
    }

    #[test]
    fn what_a_provider_delivered_stays_delivered() {
        for transition in Transition::ALL {
            for state in [Sent, Delivered, Read] {
                assert_eq!(state.after(*transition), None, "{transition:?} of {state}");
            }
        }
    }

    #[test]
    fn only_a_person_or_a_late_failure_takes_a_message_out_of_a_final_state() {
        for transition in Transition::ALL {
            let leaves_final = transition.from().iter().any(|state| state.is_final());
            let by_a_person = matches!(transition, Transition::Cancel | Transition::Replay);
            let by_a_failure = *transition == Transition::Requeue && transition.from() == [Failed];
            assert_eq!(leaves_final, by_a_person || by_a_failure, "{transition:?}");
        }
    }

    #[test]
    fn every_transition_has_an_event_of_its_own() {
        let events: std::collections::HashSet<_> =
            Transition::ALL.iter().map(|transition| transition.event().as_str()).collect();
        assert_eq!(events.len(), Transition::ALL.len());
    }

    #[test]
    fn waiting_states_are_not_final() {
        let open: Vec<_> = OutboxState::ALL.iter().filter(|state| !state.is_final()).collect();
        assert_eq!(open, [&Pending, &Sending, &Unknown, &Deferred]);
    }

    proptest! {
        #[test]
        fn i8_rank_never_falls_and_repeats_change_nothing(
            start in 0..OutboxState::ALL.len(),
            callbacks in proptest::collection::vec(0..Says::ALL.len(), 0..12),
        ) {
            let mut state = OutboxState::ALL[start];
            for says in callbacks.into_iter().map(|i| Says::ALL[i]) {
                let before = state;
                state = state.advance(says).unwrap_or(state);
                prop_assert!(state.rank() >= before.rank());
                prop_assert!(state == before || state.rank() > before.rank());
                prop_assert_eq!(state.advance(says), None);
                prop_assert!(!before.is_final() || state.is_final());
            }
        }

        /// Whatever Palabre and the provider do in whatever order, a life of a message only goes forward: it comes back
        /// into the queue from a final state by a replay or after a failure alone, which begin another life, and never once
        /// it was sent.
        #[test]
        fn i8_within_a_generation_nothing_that_is_over_begins_again(
            steps in proptest::collection::vec((any::<bool>(), 0_usize..16), 0..60),
        ) {
            let (mut state, mut reached) = (Pending, false);
            for (by_us, which) in steps {
                let before = state;
                if by_us {
                    let transition = Transition::ALL[which % Transition::ALL.len()];
                    state = state.after(transition).unwrap_or(state);
                    prop_assert!(state == before || transition.from().contains(&before));
                    if before.is_final() && !state.is_final() {
                        prop_assert!(matches!(transition, Transition::Replay | Transition::Requeue));
                        prop_assert!(matches!(before, Failed | Suppressed | Dead | Cancelled));
                        reached = false;
                    }
                } else {
                    let says = Says::ALL[which % Says::ALL.len()];
                    state = state.advance(says).unwrap_or(state);
                    prop_assert!(state.rank() >= before.rank());
                }
                reached |= matches!(state, Sent | Delivered | Read);
                prop_assert!(!reached || state.is_final(), "{before} became {state} after it was sent");
            }
        }

        #[test]
        fn i8_the_order_of_callbacks_without_failures_does_not_matter(
            mut callbacks in proptest::collection::vec(0..3_usize, 1..6),
        ) {
            let run = |callbacks: &[usize]| {
                callbacks.iter().fold(Sending, |state, i| state.advance(Says::ALL[*i]).unwrap_or(state))
            };
            let as_they_came = run(&callbacks);
            callbacks.sort_unstable();
            prop_assert_eq!(run(&callbacks), as_they_came);
        }
    }
}
