//! Two addresses that one message names: made those of one contact before the message's turn is decided (I6).

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::Conversation;
use super::phase::{Memory, Phase};
use crate::ports::{SamePerson, ShownBy, Union};

impl Conversation {
    /// A second address that the next message names, when the conversation does not know it as its person's.
    pub(super) fn revealed(&self) -> Option<SamePerson> {
        let Memory::Current(state) = &self.memory else { return None };
        let message = &self.queue.front()?.message;
        let details = &message.content.details;
        let alias = details.alias.as_ref()?;
        if self.united == Some(message.id) || state.is_known_as(&alias.identity()) {
            return None;
        }
        Some(SamePerson {
            tenant: message.tenant.clone(),
            addresses: [message.from.clone(), alias.clone()],
            shown_by: if details.has_card_of(alias) { ShownBy::Card } else { ShownBy::Webhook },
            correlation: message.correlation,
            at: self.context().now(),
        })
    }

    /// Makes the two addresses those of one contact, and reads that contact: either of them may have said STOP before.
    pub(super) fn unite(&mut self, found: SamePerson, ctx: &mut Context<Self>) {
        if matches!(self.phase, Phase::AwaitingPermit(_)) {
            self.enter(Phase::Idle, ctx);
        }
        self.enter(Phase::Loading, ctx);
        let message = self.queue.front().map(|waiting| waiting.message.id);
        let context = Arc::clone(self.context());
        let united = async move { context.within_deadline(context.ports.turns.same_person(found)).await };
        ctx.wait(united.into_actor(self).map(move |union, conversation, ctx| match union {
            Ok(union) => {
                conversation.united = message;
                conversation.enter(Phase::Idle, ctx);
                if union == Union::Strangers { conversation.advance(ctx) } else { conversation.load(ctx) }
            }
            Err(error) => conversation.back_off(&error, ctx),
        }));
    }

    /// Whether the store was not read yet for the request whose turn it is: it is read once before a request is refused.
    pub(super) fn may_be_outdated(&mut self) -> bool {
        self.requests.front_mut().is_some_and(|asked| !std::mem::replace(&mut asked.reread, true))
    }
}
