//! Timers of a conversation: those that are due, and alarms for those due soon.

use std::collections::VecDeque;
use std::time::Duration;

use actix::{AsyncContext, Context, SpawnHandle};

use super::Conversation;
use super::messages::Due;
use crate::domain::ids::TimerId;
use crate::domain::timer::{Timer, TimerChange, TimerKind};

/// A timer that is due within this gets an alarm in memory, and fires on time instead of with the next sweep. The sweep finds
/// the others: those that are due later, that another node set, or whose conversation left memory.
const NEAR: Duration = Duration::from_secs(60);

/// Timers that this instance knows of.
#[derive(Default)]
pub(super) struct Timers {
    due: VecDeque<Due>,
    alarms: Vec<(TimerId, SpawnHandle)>,
}

impl Timers {
    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Adds a timer, unless it is there already: sweep and alarm may both report it.
    pub(super) fn push(&mut self, due: Due) {
        if !self.due.contains(&due) {
            self.due.push_back(due);
        }
    }

    /// Which timer comes next.
    pub(super) fn next_kind(&self) -> Option<(TimerId, TimerKind)> {
        match self.due.front()? {
            Due::Timer(timer) => Some((timer.id, timer.kind)),
            Due::Session => None,
        }
    }

    /// Takes the next timer. When its turn fails, its row is still due, and the sweep delivers it again.
    pub(super) fn pop(&mut self) -> Option<Due> {
        self.due.pop_front()
    }

    fn forget(&mut self, gone: impl Fn(&Timer) -> bool) {
        self.due.retain(|due| !matches!(due, Due::Timer(timer) if gone(timer)));
    }
}

impl Conversation {
    /// Takes over what a committed turn changed of the timers.
    pub(super) fn note_timers(&mut self, changes: &[TimerChange], ctx: &mut Context<Self>) {
        for change in changes {
            match change {
                TimerChange::Cancel(id) => {
                    self.timers.forget(|timer| timer.id == *id);
                    self.timers.alarms.retain(|(alarm, handle)| {
                        let stays = alarm != id;
                        if !stays {
                            ctx.cancel_future(*handle);
                        }
                        stays
                    });
                }
                // Their alarms stay: when one fires, the commit finds no row, and the conversation loads again.
                TimerChange::CancelAll(kind) => self.timers.forget(|timer| timer.kind == *kind),
                // No turn of this conversation.
                TimerChange::Set(timer) if timer.kind == TimerKind::Notify => {}
                TimerChange::Set(timer) => self.set_alarm(timer, ctx),
                // Another conversation's: the sweep delivers it.
                TimerChange::SetFor(..) => {}
            }
        }
    }

    fn set_alarm(&mut self, timer: &Timer, ctx: &mut Context<Self>) {
        let wait = (timer.fires_at - self.setup.context.now()).to_std().unwrap_or_default();
        if wait > NEAR {
            return;
        }
        let (id, timer) = (timer.id, timer.clone());
        let alarm = ctx.run_later(wait, move |conversation, ctx| {
            conversation.timers.alarms.retain(|(alarm, _)| *alarm != timer.id);
            conversation.timers.push(Due::Timer(timer));
            conversation.advance(ctx);
        });
        self.timers.alarms.push((id, alarm));
    }
}
