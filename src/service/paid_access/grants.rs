//! Places in chats: what a member's entitlement asks of the bot, one step at a time.
//!
//! A step is an action of the outbox, which retries it for a day, and makes it a dead letter after that. The next step follows
//! when the outbox has done it. A dead step is asked for again when the subscription is looked at next.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::action::Action;
use palabre_actors::domain::entitlement::Entitlement;
use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::status::OutboxState;
use serde_json::json;

use super::{AccessError, PaidAccess, texts};
use crate::store::paid_access::{AccessGrant, GrantState, Subscription};

/// Names of invitation links have at most so many characters (Bot API, `createChatInviteLink`).
const LONGEST_LINK_NAME: usize = 32;

/// How far the outbox is with a step.
enum Step {
    Done,
    Waits,
    /// It was given up.
    Dead,
}

fn step(grant: &AccessGrant) -> Step {
    match grant.message {
        Some((_, Some(OutboxState::Sent | OutboxState::Delivered | OutboxState::Read))) => Step::Done,
        // A row that retention has dropped was settled long ago.
        Some((
            _,
            Some(OutboxState::Dead | OutboxState::Failed | OutboxState::Cancelled | OutboxState::Suppressed) | None,
        ))
        | None => Step::Dead,
        Some(_) => Step::Waits,
    }
}

impl PaidAccess {
    /// Moves the places of a subscription one step on where its member's entitlement asks for it. Returns whether something is
    /// on its way.
    pub(super) async fn move_places(
        &self,
        row: &Subscription,
        entitlement: &Entitlement,
        now: Timestamp,
    ) -> Result<bool, AccessError> {
        if row.address.is_none() {
            return Ok(false);
        }
        if entitlement.has_access() {
            let chats = self.plan(&row.tenant, &row.plan).map(|plan| &plan.chats);
            let chats: Vec<&str> = chats.into_iter().flatten().map(|chat| chat.as_str()).collect();
            self.store.add_access_grants(&row.tenant, row.id, &chats, now).await?;
        }
        let mut waits = false;
        for grant in self.store.access_grants(&[row.id]).await? {
            let has_access = entitlement.has_access() || self.has_other_way(row, &grant.chat, now).await?;
            waits |= self.move_place(row, &grant, has_access, now).await?;
        }
        Ok(waits)
    }

    async fn move_place(
        &self,
        row: &Subscription,
        grant: &AccessGrant,
        has_access: bool,
        now: Timestamp,
    ) -> Result<bool, AccessError> {
        use GrantState::{In, Invited, Inviting, Out, Removing, Unbanning, Wanted};
        let chat = grant.chat.as_str();
        match (grant.state, has_access, step(grant)) {
            (Out | Wanted, true, _) | (Inviting, true, Step::Dead) => {
                let name: String = grant.id.simple().to_string().chars().take(LONGEST_LINK_NAME).collect();
                let arguments = json!({ "chat": chat, "name": name, "join_request": true });
                self.act(row, grant, Inviting, ("invite_link", arguments), now).await?;
                Ok(true)
            }
            (Inviting, true, Step::Done) => {
                let link = grant.result.clone().unwrap_or_default();
                let text = texts::invitation(row.language, &link);
                let is_said = self.say(row, text, &format!("access:{}:link", link_key(grant))).await?;
                if is_said {
                    self.store
                        .move_access_grant(grant.id, (Inviting, Invited), grant.message.map(|one| one.0), now)
                        .await?;
                }
                Ok(false)
            }
            (Inviting | Invited | In, false, _) => {
                self.act(row, grant, Removing, ("ban", json!({ "chat": chat })), now).await?;
                Ok(true)
            }
            (Removing, _, Step::Dead) => {
                self.act(row, grant, Removing, ("ban", json!({ "chat": chat })), now).await?;
                Ok(true)
            }
            (Removing, _, Step::Done) | (Unbanning, _, Step::Dead) => {
                self.act(row, grant, Unbanning, ("unban", json!({ "chat": chat })), now).await?;
                Ok(true)
            }
            (Unbanning, _, Step::Done) => {
                self.store.move_access_grant(grant.id, (Unbanning, Out), None, now).await?;
                // Who paid meanwhile is invited by the next look.
                Ok(has_access)
            }
            (Inviting | Removing | Unbanning, _, Step::Waits) => Ok(true),
            (Invited | In, true, _) | (Out | Wanted, false, _) => Ok(false),
        }
    }

    /// Whether another subscription of the same member opens this chat.
    async fn has_other_way(&self, row: &Subscription, chat: &str, now: Timestamp) -> Result<bool, AccessError> {
        let Some(address) = &row.address else { return Ok(false) };
        let others = self.store.subscriptions_of_member(&row.tenant, address).await?;
        Ok(others.iter().filter(|other| other.id != row.id).any(|other| self.opens(other, chat, now)))
    }

    /// Whether a subscription opens a chat now.
    pub(super) fn opens(&self, row: &Subscription, chat: &str, now: Timestamp) -> bool {
        let plan = self.plan(&row.tenant, &row.plan);
        let is_for_it = plan.is_some_and(|plan| plan.chats.iter().any(|known| known.as_str() == chat));
        is_for_it && row.ledger.entitlement(self.terms(&row.tenant, &row.plan), now).has_access()
    }

    /// Asks the bot for something, and moves the place to what it becomes by it.
    async fn act(
        &self,
        row: &Subscription,
        grant: &AccessGrant,
        to: GrantState,
        (kind, mut arguments): (&str, serde_json::Value),
        now: Timestamp,
    ) -> Result<Option<OutboundId>, AccessError> {
        let Some(member) = &row.address else { return Ok(None) };
        if let Some(fields) = arguments.as_object_mut() {
            fields.insert("user".to_owned(), member.as_str().into());
        }
        let action = Action { kind: kind.to_owned(), arguments };
        let acted = self.outgoing.act(row.tenant.clone(), row.channel.clone(), member.clone(), action).await;
        let message = acted.map_err(AccessError::Message)?;
        self.store.move_access_grant(grant.id, (grant.state, to), Some(message), now).await?;
        Ok(Some(message))
    }
}

/// An invitation is told once for each link that was made.
fn link_key(grant: &AccessGrant) -> String {
    grant.message.map_or_else(|| grant.id.to_string(), |(message, _)| message.to_string())
}
