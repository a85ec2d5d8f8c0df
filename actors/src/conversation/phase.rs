//! Phase of a conversation, and what it knows of itself: the states of its state machine.

use actix::{AsyncContext, Context, SpawnHandle};

use super::Conversation;
use crate::domain::conversation::State;

/// What a conversation is doing. Messages are taken from the mailbox in `Idle` and `AwaitingPermit` alone: in the other
/// phases `ctx.wait` keeps it closed, so that order needs no lock.
///
/// ```text
/// Idle ──> Loading ──> Idle                    state and waiting messages are read
/// Idle ──> Asking ──> Idle                     the assistant answered, or something more urgent came
/// Idle ──> AwaitingPermit ──> Idle             answers settled, a permit came, or the wait was given up
/// Idle ──> Committing ──> Idle                 a decided turn is written, its messages go
/// Loading, Committing ──> BackingOff ──> Loading     the store failed
/// ```
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing goes on. What arrives is handled at once.
    Idle,
    /// Reads from the store.
    Loading,
    /// Waits for answers under way, or for a sender's permit, before the next message is decided.
    AwaitingPermit(SpawnHandle),
    /// The assistant thinks about the next message. The mailbox is open meanwhile: a STOP ends it.
    Asking(SpawnHandle),
    /// The store commits a turn.
    Committing,
    /// The store failed. It is asked again after a pause.
    BackingOff,
}

impl Phase {
    fn may_become(&self, next: &Self) -> bool {
        match self {
            Self::Idle => !matches!(next, Self::BackingOff),
            Self::Loading | Self::Committing => matches!(next, Self::Idle | Self::BackingOff),
            Self::AwaitingPermit(_) | Self::Asking(_) => matches!(next, Self::Idle),
            Self::BackingOff => matches!(next, Self::Loading),
        }
    }
}

/// A conversation's copy of its stored state.
#[derive(Debug)]
pub(super) enum Memory {
    /// Nothing yet, or not any more: it is loaded before the next decision.
    Unloaded,
    /// Something suggests that the store knows more: it is loaded at once, even if nothing else is to be done, because a
    /// message may be missing here.
    Outdated,
    /// As loaded, and as its own turns left it since.
    Current(Box<State>),
}

impl Conversation {
    /// Changes the phase. Leaving `AwaitingPermit` or `Asking` cancels the wait.
    pub(super) fn enter(&mut self, next: Phase, ctx: &mut Context<Self>) {
        if let Phase::AwaitingPermit(wait) | Phase::Asking(wait) = self.change(next) {
            ctx.cancel_future(wait);
        }
    }

    /// The future that runs now, which waited for a permit or for the assistant, came to its end. Answers whether the
    /// conversation still waited for it: actix polls a future that a message cancelled once more when that message also made the
    /// context wait.
    pub(super) fn wait_ended(&mut self, ctx: &Context<Self>) -> bool {
        let is_current =
            matches!(&self.phase, Phase::AwaitingPermit(wait) | Phase::Asking(wait) if *wait == ctx.handle());
        if is_current {
            self.change(Phase::Idle);
        }
        is_current
    }

    /// Whether the next step may be taken. A timer may fire in another phase, for the reason that [`Self::wait_ended`] gives; the
    /// phase's own end takes the step then.
    pub(super) fn may_advance(&self) -> bool {
        matches!(self.phase, Phase::Idle | Phase::AwaitingPermit(_) | Phase::Asking(_))
    }

    /// The one place in which the phase changes. Answers the one before.
    fn change(&mut self, next: Phase) -> Phase {
        debug_assert!(self.phase.may_become(&next), "{:?} does not become {next:?}", self.phase);
        std::mem::replace(&mut self.phase, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_of_the_store_leads_to_a_pause_and_only_a_load_ends_it() {
        let wait = || Phase::AwaitingPermit(SpawnHandle::default());
        let asking = || Phase::Asking(SpawnHandle::default());
        let all = || [Phase::Idle, Phase::Loading, wait(), asking(), Phase::Committing, Phase::BackingOff];
        let led: Vec<String> = all()
            .iter()
            .map(|from| all().iter().map(|to| if from.may_become(to) { 'x' } else { '.' }).collect())
            .collect();
        assert_eq!(led, ["xxxxx.", "x....x", "x.....", "x.....", "x....x", ".x...."]);
    }
}
