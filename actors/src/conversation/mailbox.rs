//! Mailbox of a conversation: handlers of the messages that its tenant sends it.

use actix::{Actor, ActorContext, Context, Handler};

use super::messages::{Adopt, AskIdle, Deliver, Idle, Perform, Reread, Retire, Wake};
use super::phase::Memory;
use super::{Asked, Conversation, Waiting};

impl Actor for Conversation {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Far above what admission permits allow: they bound memory, not the mailbox.
        ctx.set_mailbox_capacity(1024);
        // A new conversation loads with its first message. One that replaces an instance that panicked loads at once, because
        // the messages of that one are in the store.
        if self.setup.through.is_some() {
            self.through = self.setup.through;
            self.memory = Memory::Outdated;
            self.advance(ctx);
        }
    }
}

impl Handler<Deliver> for Conversation {
    type Result = ();

    fn handle(&mut self, Deliver { message, permit }: Deliver, ctx: &mut Context<Self>) {
        self.taken += 1;
        if self.through.is_none_or(|through| message.id > through) {
            self.through = Some(message.id);
            self.note_stop(&message);
            self.queue.push_back(Waiting { message, permit: Some(permit) });
        } else if let Some(waiting) = self.queue.iter_mut().find(|waiting| waiting.message.id == message.id) {
            // It was loaded before it was delivered: now it has its admission permit, too.
            waiting.permit.get_or_insert(permit);
        } else {
            // It had its turn, or was missed: a load tells which.
            self.memory = Memory::Outdated;
        }
        self.advance(ctx);
    }
}

impl Handler<Perform> for Conversation {
    type Result = ();

    fn handle(&mut self, Perform { request, answer, .. }: Perform, ctx: &mut Context<Self>) {
        self.taken += 1;
        self.requests.push_back(Asked { request, answer, lost: 0, reread: false });
        self.advance(ctx);
    }
}

impl Handler<Wake> for Conversation {
    type Result = ();

    fn handle(&mut self, Wake { due, .. }: Wake, ctx: &mut Context<Self>) {
        self.taken += 1;
        self.timers.push(due);
        self.advance(ctx);
    }
}

impl Handler<Reread> for Conversation {
    type Result = ();

    fn handle(&mut self, _: Reread, _: &mut Context<Self>) {
        self.memory = Memory::Outdated;
    }
}

impl Handler<Adopt> for Conversation {
    type Result = ();

    fn handle(&mut self, Adopt(profile): Adopt, _: &mut Context<Self>) {
        self.setup.profile = profile;
        // What the rules need of the store may be more than was read.
        self.memory = Memory::Outdated;
    }
}

impl Handler<AskIdle> for Conversation {
    type Result = ();

    fn handle(&mut self, _: AskIdle, _: &mut Context<Self>) {
        if self.queue.is_empty() && self.requests.is_empty() && self.in_flight.is_zero() {
            self.setup.parent.do_send(Idle {
                key: self.setup.key.clone(),
                generation: self.setup.generation,
                taken: self.taken,
            });
        }
    }
}

impl Handler<Retire> for Conversation {
    type Result = ();

    fn handle(&mut self, _: Retire, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
