//! Look-ups that a message needs before its turn, and the second decision after them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::task::{JoinError, JoinHandle};

use super::Conversation;
use super::phase::{Memory, Phase};
use crate::domain::assistant::{AssistantKnowledge, AssistantQuestion, AssistantReply, AssistantSilence};
use crate::domain::conversation::State;
use crate::domain::turn::{Lookup, Prepared};
use crate::ports::LiveScope;
use crate::runtime::Typing;

/// What was looked up for a message, and the version of the conversation for which it holds.
pub(super) struct Found {
    version: i64,
    prepared: Prepared,
}

/// A task that ends when nobody waits for it any more: after a STOP nothing is shown.
struct Awaited<T>(JoinHandle<T>);

impl<T> Future for Awaited<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
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
    /// Looks up what the next message's turn asked for.
    pub(super) fn look_up(&mut self, lookup: Lookup, ctx: &mut Context<Self>) {
        let Memory::Current(state) = &self.memory else { return self.load(ctx) };
        let found = Found { version: version(state), prepared: state.prepared.clone() };
        let conversation = state.conversation.as_ref().map(|conversation| conversation.id);
        match lookup {
            Lookup::Live { clients: true } => self.read_live(LiveScope::Whole, found, ctx),
            Lookup::Live { clients: false } => self.read_live(LiveScope::Of(conversation), found, ctx),
            Lookup::Assistant(question) => self.ask(question, found, ctx),
        }
    }

    /// Whether the assistant still thinks about the next message. A STOP behind it, or somebody who waits for the answer to a
    /// request, ends that: the rules answer.
    pub(super) fn thinks(&mut self, ctx: &mut Context<Self>) -> bool {
        if !matches!(self.phase, Phase::Asking(_)) {
            return false;
        }
        if !self.is_awaited() {
            return true;
        }
        self.enter(Phase::Idle, ctx);
        if let Memory::Current(state) = &self.memory {
            let overtaken = AssistantKnowledge::Told(AssistantReply::Silent(AssistantSilence::Overtaken));
            let prepared = Prepared { assistant: overtaken, ..state.prepared.clone() };
            self.found = Some(Found { version: version(state), prepared });
        }
        false
    }

    /// Asks the assistant. It may take seconds: the contact sees that somebody is typing, the mailbox stays open, and other
    /// conversations go on.
    fn ask(&mut self, question: AssistantQuestion, found: Found, ctx: &mut Context<Self>) {
        let context = Arc::clone(self.context());
        let io = context.io.clone();
        let typing = self.typing();
        let asking = async move { context.while_typing(typing, context.ports.assistant.ask(question)).await };
        let answer = Awaited(io.spawn(asking));
        let asking = answer.into_actor(self).map(move |reply, conversation, ctx| {
            if !conversation.wait_ended(ctx) {
                return;
            }
            let reply = reply.unwrap_or(AssistantReply::Silent(AssistantSilence::Failed));
            let prepared = Prepared { assistant: AssistantKnowledge::Told(reply), ..found.prepared };
            conversation.found = Some(Found { prepared, ..found });
            conversation.advance(ctx);
        });
        let asking = ctx.spawn(asking);
        self.enter(Phase::Asking(asking), ctx);
    }

    /// Where the contact sees that somebody is typing, if the channel can show it.
    fn typing(&self) -> Option<Typing> {
        let message = &self.queue.front()?.message;
        let lasts = self.setup.pool.channel(&self.channel_key())?.typing(self.context().now())?;
        let (channel, to) = (message.channel.clone(), message.from.clone());
        Some(Typing { channel, to, in_reply_to: Some(message.provider_message_id.clone()), lasts })
    }

    /// Reads the live session. When the store fails, the message waits with the others.
    fn read_live(&mut self, scope: LiveScope, found: Found, ctx: &mut Context<Self>) {
        self.enter(Phase::Loading, ctx);
        let context = Arc::clone(self.context());
        let tenant = self.setup.key.tenant.clone();
        let looking = async move { context.within_deadline(context.ports.turns.live(&tenant, scope)).await };
        ctx.wait(looking.into_actor(self).map(move |live, conversation, ctx| match live {
            Ok(live) => {
                let prepared = Prepared { live, ..found.prepared };
                conversation.found = Some(Found { prepared, ..found });
                conversation.enter(Phase::Idle, ctx);
                conversation.advance(ctx);
            }
            Err(error) => conversation.back_off(&error, ctx),
        }));
    }
}
