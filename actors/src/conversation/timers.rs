//! Timers of a conversation: those that are due, and alarms for those due soon.

use std::collections::VecDeque;
use std::time::Duration;

use actix::{AsyncContext, Context, SpawnHandle};

use super::Conversation;
use super::messages::Due;
use crate::domain::ids::TimerId;
use crate::domain::timer::{Timer, TimerChange};

/// A timer that is set for within this gets an alarm in memory: it fires on time, not with the next sweep. What lies further
/// off, what another node set, and what was lost with a conversation that left memory, the sweep finds.
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

    /// Each once, however often sweep and alarm tell of it.
    pub(super) fn push(&mut self, due: Due) {
        if !self.due.contains(&due) {
            self.due.push_back(due);
        }
    }

    /// The next one. It is not kept: when its turn fails, it is still due, and the sweep tells of it again.
    pub(super) fn pop(&mut self) -> Option<Due> {
        self.due.pop_front()
    }

    fn forget(&mut self, gone: impl Fn(&Timer) -> bool) {
        self.due.retain(|due| !matches!(due, Due::Timer(timer) if gone(timer)));
    }
}

impl Conversation {
    /// What a committed turn changed of the timers.
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
                // An alarm of one that is gone finds its row gone, too.
                TimerChange::CancelAll(kind) => self.timers.forget(|timer| timer.kind == *kind),
                TimerChange::Set(timer) => self.set_alarm(timer, ctx),
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
