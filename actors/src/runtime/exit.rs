//! Exit guard: runs an actor inside `catch_unwind`, and tells its parent however it ends.
//!
//! actix's own supervisor restarts the same instance without a limit and does not catch panics. Here a panic ends the
//! one actor, the parent hears of it, and builds a fresh child from the store.

use std::panic::AssertUnwindSafe;

use actix::{Actor, Addr, AsyncContext, Context};
use futures_util::FutureExt;

/// Tells an actor that the daemon stops: begin nothing new, let what is under way finish.
#[derive(Clone, Copy, Debug, actix::Message)]
#[rtype(result = "()")]
pub struct Drain;

/// How an actor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It stopped by itself, or its last address was dropped.
    Stopped,
    /// It panicked. What was in its mailbox is gone.
    Panicked,
}

/// Starts an actor on the current arbiter. `note` runs exactly once when the actor has ended; it must not panic.
pub fn start_guarded<A>(actor: A, note: impl FnOnce(Exit) + 'static) -> Addr<A>
where
    A: Actor<Context = Context<A>>,
{
    let context = Context::new();
    let address = context.address();
    actix::spawn(async move {
        // Declared before the actor, so that it is dropped after it, also when the whole task is dropped.
        let mut guard = Guard { note: Some(note), exit: Exit::Stopped };
        if AssertUnwindSafe(context.into_future(actor)).catch_unwind().await.is_err() {
            guard.exit = Exit::Panicked;
        }
    });
    address
}

struct Guard<F: FnOnce(Exit)> {
    note: Option<F>,
    exit: Exit,
}

impl<F: FnOnce(Exit)> Drop for Guard<F> {
    fn drop(&mut self) {
        if let Some(note) = self.note.take() {
            note(self.exit);
        }
    }
}
