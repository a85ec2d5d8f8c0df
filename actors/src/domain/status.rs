//! The states of a message in `messages_out`, and how they may change (I8).

use serde::{Deserialize, Serialize};

use super::words::stored_words;

/// Where an outbound message stands. Every row is in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// Waits for a sender, until `next_attempt_at` at least.
    Pending,
    /// A sender of the leasing node is at it, or about to be.
    Sending,
    /// An attempt may or may not have reached the provider: asked about before anything is repeated (I5).
    Unknown,
    /// The provider took it.
    Sent,
    /// It reached the contact's device.
    Delivered,
    /// The contact opened it.
    Read,
    /// The provider took it and could not deliver it.
    Failed,
    /// Waits for the contact to write.
    Deferred,
    /// A gate held it back for good: the contact opted out (I6).
    Suppressed,
    /// Will not be tried again unless replayed.
    Dead,
    /// A person called it back.
    Cancelled,
}

/// What a provider's status callback says, in our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Taken by the provider, on its way (`queued`, `accepted`, `sending`, `sent`, …).
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

impl OutboxState {
    /// How far a message has come. A status callback may only raise it (I8).
    ///
    /// `Dead` stands below `Sent`: a message that we gave up may have reached the provider all the same, and its callback
    /// is the proof; to believe it keeps a replay from sending it twice. What a gate held back or a person called back
    /// was never sent, so nothing follows it.
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

    /// Where a provider's callback takes the message; `None` when it says nothing new (late, repeated, contradicted).
    #[must_use]
    pub fn advance(self, status: DeliveryStatus) -> Option<Self> {
        let to = Self::from(status);
        // A failure of a dead letter is no news, and it stays a dead letter.
        let stays_dead = self == Self::Dead && to == Self::Failed;
        (to.rank() > self.rank() && !stays_dead).then_some(to)
    }

    /// Whether Palabre does nothing more with it by itself. Callbacks may still advance it.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DeliveryStatus as Says;
    use super::OutboxState::{self, *};

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
