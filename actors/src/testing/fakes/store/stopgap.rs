//! Stands in for `domain` until it has these.

use crate::domain::status::{DeliveryStatus, OutboxState};
use crate::domain::turn::Outcome;

pub(super) fn outcome_word(outcome: Outcome) -> String {
    let mut word = String::new();
    for letter in format!("{outcome:?}").chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    word
}

pub(super) fn advance(state: OutboxState, status: DeliveryStatus) -> Option<OutboxState> {
    let rank = |state| match state {
        OutboxState::Suppressed | OutboxState::Cancelled => 9,
        OutboxState::Sent => 1,
        OutboxState::Delivered => 3,
        OutboxState::Read => 4,
        OutboxState::Failed => 2,
        _ => 0,
    };
    let next = match status {
        DeliveryStatus::Sent => OutboxState::Sent,
        DeliveryStatus::Delivered => OutboxState::Delivered,
        DeliveryStatus::Read => OutboxState::Read,
        DeliveryStatus::Failed => OutboxState::Failed,
    };
    (rank(next) > rank(state)).then_some(next)
}
