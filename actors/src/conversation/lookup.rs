//! What a message's turn needs to know is looked up, and the message is decided again.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::Conversation;
use super::phase::{Memory, Phase};
use crate::domain::conversation::State;
use crate::domain::turn::{Lookup, Prepared};
use crate::ports::LiveScope;

/// What was looked up for a message, and the version of the conversation for which it holds.
pub(super) struct Found {
    version: i64,
    prepared: Prepared,
}

fn version(state: &State) -> i64 {
    state.conversation.as_ref().map_or(0, |conversation| conversation.version)
}

/// Gives the next decision what was looked up for it. What was found for another version is thrown away.
pub(super) fn prepare(state: &mut State, found: Option<&Found>) {
    match found.filter(|found| found.version == version(state)) {
        Some(found) => state.prepared.clone_from(&found.prepared),
        None if state.prepared != Prepared::default() => state.prepared = Prepared::default(),
        None => {}
    }
}

impl Conversation {
    /// Looks up what the next message's turn asked for. When the store fails, the message waits with the others.
    pub(super) fn look_up(&mut self, lookup: &Lookup, ctx: &mut Context<Self>) {
        let Memory::Current(state) = &self.memory else { return self.load(ctx) };
        let (version, mut prepared) = (version(state), state.prepared.clone());
        let conversation = state.conversation.as_ref().map(|conversation| conversation.id);
        self.enter(Phase::Loading, ctx);
        let context = Arc::clone(self.context());
        let tenant = self.setup.key.tenant.clone();
        let Lookup::Live { clients } = lookup;
        let scope = if *clients { LiveScope::Whole } else { LiveScope::Of(conversation) };
        let looking = async move { context.within_deadline(context.ports.turns.live(&tenant, scope)).await };
        ctx.wait(looking.into_actor(self).map(move |live, conversation, ctx| match live {
            Ok(live) => {
                prepared.live = live;
                conversation.found = Some(Found { version, prepared });
                conversation.enter(Phase::Idle, ctx);
                conversation.advance(ctx);
            }
            Err(error) => conversation.back_off(&error, ctx),
        }));
    }
}
