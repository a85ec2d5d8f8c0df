//! The door of a paid chat: requests to join, members that come and go.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use serde_json::json;
use tracing::warn;

use super::events::At;
use super::{AccessError, PaidAccess, texts};
use crate::gateway::channel_event::Membership;
use crate::gateway::chat_directory::WaitedFor;
use crate::store::paid_access::{GrantState, Subscription};

impl PaidAccess {
    /// Somebody asks to be let into a chat: whoever paid is, nobody else.
    pub(super) async fn join(
        &self,
        at: At<'_>,
        chat: &Address,
        from: &Address,
        query: Option<&str>,
    ) -> Result<(), AccessError> {
        if !self.sells_chat(at.tenant, chat) {
            return Ok(());
        }
        let theirs = self.store.subscriptions_of_member(at.tenant, from).await?;
        let opening = theirs.iter().find(|row| self.opens(row, chat.as_str(), at.now));
        let answer = |kind: &str, query: &str| json!({ "query": query, "result": kind });
        if let Some(row) = opening {
            if let Some(query) = query
                && !self.answer_at_once(at, WaitedFor::Join { query, may: true }).await
            {
                self.ask(at.with(from), "answer_join", answer("approve", query)).await?;
            }
            self.ask_about(at.with(from), "approve", json!({ "chat": chat.as_str() })).await?;
            return self.note_place(row, chat, GrantState::In, at.now).await;
        }
        // Before the answer: whoever never wrote to the bot can be written to until then alone (Bot API, `user_chat_id`).
        if let Some(creator) = self.creators.get(at.tenant) {
            let plan = creator.access.plans.iter().find(|plan| plan.chats.contains(chat));
            let page = plan.and_then(|plan| self.page_for(at.tenant, &plan.id, from));
            let text = texts::not_a_member(creator.language, page.as_deref());
            if let Err(error) = self.write(at.with(from), text, at.key("join")).await {
                warn!(error = &error as &dyn std::error::Error, "who asked to join was not told why not");
            }
        }
        if let Some(query) = query {
            self.ask(at.with(from), "answer_join", answer("decline", query)).await?;
        }
        self.ask_about(at.with(from), "decline", json!({ "chat": chat.as_str() })).await?;
        Ok(())
    }

    pub(super) async fn member_changed(
        &self,
        at: At<'_>,
        chat: &Address,
        who: &Address,
        after: Membership,
    ) -> Result<(), AccessError> {
        if self.sells_chat(at.tenant, chat) {
            let seen = [(who.clone(), after.as_str(), None)];
            self.store.keep_chat_members((at.tenant, chat.as_str()), &seen, at.now).await?;
        }
        let state = match after {
            Membership::Member | Membership::Administrator | Membership::Owner => GrantState::In,
            Membership::Outside => GrantState::Invited,
            // That is our own doing.
            Membership::Banned => return Ok(()),
        };
        for row in self.store.subscriptions_of_member(at.tenant, who).await? {
            self.note_place(&row, chat, state, at.now).await?;
        }
        Ok(())
    }

    /// Notes that a member is in, or has left by themselves. Whose invitation is on its way is not in yet: they get it.
    pub(super) async fn note_place(
        &self,
        row: &Subscription,
        chat: &Address,
        state: GrantState,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        for grant in self.store.access_grants(&[row.id]).await? {
            let may_move = match state {
                GrantState::In => matches!(grant.state, GrantState::Inviting | GrantState::Invited),
                _ => grant.state == GrantState::In,
            };
            if grant.chat == chat.as_str() && may_move {
                let message = grant.message.map(|(message, _)| message);
                self.store.move_access_grant(grant.id, (grant.state, state), message, now).await?;
            }
        }
        Ok(())
    }
}
