//! Places in chats: what a member's entitlement asks of the bot, one step at a time.
//!
//! A step is an action of the outbox, which retries it for a day, and makes it a dead letter after that, or at once when the
//! provider says no. The next step follows when the outbox has done it. A dead step is asked for again after some minutes, or
//! as soon as the bot has got its rights back; the creator hears once that it is stuck.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::Entitlement;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::status::OutboxState;
use serde_json::json;

use super::asking::{Person, only};
use super::{AccessError, PaidAccess, texts};
use crate::gateway::channel_event::Membership;
use crate::gateway::chat_directory::DirectoryError;
use crate::store::paid_access::{AccessGrant, GrantState, SeenMembers, Subscription};

/// Names of invitation links have at most so many characters (Bot API, `createChatInviteLink`).
const LONGEST_LINK_NAME: usize = 32;
/// How soon a step is looked at again: it grows with how long the step has waited, from the first of these to the second.
const LOOKS: (TimeDelta, TimeDelta) = (TimeDelta::milliseconds(200), TimeDelta::minutes(1));
/// How long a step that was given up rests before it is asked for again.
const DEAD_RESTS: TimeDelta = TimeDelta::minutes(10);

/// For how long a receipt waits for a way in that is being made: looks at it are further apart the longer it takes.
const RECEIPT_WAITS: TimeDelta = TimeDelta::seconds(5);

/// What moving the places of a subscription came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    /// When something that is on its way is to be looked at again.
    pub again: Option<Timestamp>,
    /// A way in is being made, and not for long.
    pub is_inviting: bool,
}

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
    /// Moves the places of a subscription one step on where its member's entitlement asks for it.
    pub(super) async fn move_places(
        &self,
        row: &Subscription,
        entitlement: &Entitlement,
        now: Timestamp,
    ) -> Result<Moved, AccessError> {
        let mut moved = Moved::default();
        let Some(member) = row.member() else { return Ok(moved) };
        let mut places = self.store.access_grants(&[row.id]).await?;
        if entitlement.has_access() {
            let chats = self.plan(&row.tenant, &row.plan).map(|plan| plan.chats).unwrap_or_default();
            let has_place = |chat: &str| places.iter().any(|place| place.chat == chat);
            let new: Vec<&str> = chats.iter().map(|chat| chat.as_str()).filter(|chat| !has_place(chat)).collect();
            if !new.is_empty() {
                self.store.add_access_grants(&row.tenant, row.id, &new, now).await?;
                places = self.store.access_grants(&[row.id]).await?;
            }
        }
        for grant in places {
            let has_access = entitlement.has_access() || self.has_other_way(row, &grant.chat, now).await?;
            let next = self.move_place(row, member, &grant, has_access, now).await?;
            let is_soon = next.is_some_and(|next| next - now <= RECEIPT_WAITS);
            moved.is_inviting |= has_access && is_soon && matches!(grant.state, GrantState::Out | GrantState::Inviting);
            moved.again = moved.again.into_iter().chain(next).min();
        }
        Ok(moved)
    }

    async fn move_place(
        &self,
        row: &Subscription,
        member: Person<'_>,
        grant: &AccessGrant,
        has_access: bool,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, AccessError> {
        use GrantState::{In, Invited, Inviting, Out, Removing, Unbanning};
        let (step, soon) = (step(grant), Some(now + LOOKS.0));
        let is_repeated = matches!((grant.state, has_access), (Inviting, true) | (Removing | Unbanning, _));
        if is_repeated
            && matches!(step, Step::Dead)
            && grant.message.is_some()
            && let Some(again) = self.rests_until(grant, now).await?
        {
            return Ok(Some(again));
        }
        let chat = grant.chat.as_str();
        let is_to_leave = !has_access && matches!(grant.state, Inviting | Invited | In);
        if is_to_leave && self.runs_chat(row, chat).await? {
            self.store.move_access_grant(grant.id, (grant.state, Out), None, now).await?;
            return Ok(None);
        }
        match (grant.state, has_access, step) {
            (Out, true, _) | (Inviting, true, Step::Dead) => {
                if let Some(again) = self.waits_for_ban(row, chat, now).await? {
                    return Ok(Some(again));
                }
                let name: String = grant.id.simple().to_string().chars().take(LONGEST_LINK_NAME).collect();
                let arguments = json!({ "chat": chat, "name": name, "join_request": true });
                self.begin(member, grant, Inviting, ("invite_link", arguments), now).await?;
                Ok(soon)
            }
            (Inviting, true, Step::Done) => {
                let link = grant.result.clone().unwrap_or_default();
                let key = format!("access:{}:link", link_key(grant));
                let plan = self.plan_name(&row.tenant, &row.plan);
                self.tell_member(row, texts::invitation(row.language, &plan, &link), key).await?;
                let message = grant.message.map(|one| one.0);
                self.store.move_access_grant(grant.id, (Inviting, Invited), message, now).await?;
                Ok(None)
            }
            (Inviting | Invited | In, false, _) | (Removing, _, Step::Dead) => {
                self.begin(member, grant, Removing, ("ban", json!({ "chat": chat })), now).await?;
                Ok(soon)
            }
            (Removing, _, Step::Done) | (Unbanning, _, Step::Dead) => {
                self.begin(member, grant, Unbanning, ("unban", json!({ "chat": chat })), now).await?;
                Ok(soon)
            }
            (Unbanning, _, Step::Done) => {
                self.store.move_access_grant(grant.id, (Unbanning, Out), None, now).await?;
                self.has_left(row, &grant.chat, now).await?;
                // Who paid meanwhile is invited by the next look.
                Ok(soon.filter(|_| has_access))
            }
            (Inviting | Removing | Unbanning, _, Step::Waits) => Ok(Some(look_at(grant, now))),
            (Invited | In, true, _) | (Out, false, _) => Ok(None),
        }
    }

    /// When to look again at somebody whom another purchase of theirs is removing from a chat: until their ban is lifted, an
    /// invitation is of no use to them.
    async fn waits_for_ban(
        &self,
        row: &Subscription,
        chat: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, AccessError> {
        let Some(address) = &row.address else { return Ok(None) };
        let others = self.store.subscriptions_of_member(&row.tenant, address).await?;
        let ids: Vec<_> = others.iter().map(|other| other.id).filter(|id| *id != row.id).collect();
        let places = self.store.access_grants(&ids).await?;
        let leaves = |place: &&AccessGrant| {
            place.chat == chat && matches!(place.state, GrantState::Removing | GrantState::Unbanning)
        };
        Ok(places.iter().filter(leaves).map(|place| look_at(place, now)).min())
    }

    /// Who was removed from a chat has no place there by another purchase either: the next look invites them anew where one of
    /// them gives access again.
    async fn has_left(&self, row: &Subscription, chat: &str, now: Timestamp) -> Result<(), AccessError> {
        let Some(address) = &row.address else { return Ok(()) };
        let others = self.store.subscriptions_of_member(&row.tenant, address).await?;
        let ids: Vec<_> = others.iter().map(|other| other.id).filter(|id| *id != row.id).collect();
        for place in self.store.access_grants(&ids).await? {
            let is_inside = matches!(place.state, GrantState::In | GrantState::Invited);
            if place.chat == chat && is_inside {
                self.store.move_access_grant(place.id, (place.state, GrantState::Out), None, now).await?;
            }
        }
        Ok(self.store.check_subscriptions(&ids, now).await?)
    }

    /// Until when a step that was given up rests. `None`: it is asked for again now.
    async fn rests_until(&self, grant: &AccessGrant, now: Timestamp) -> Result<Option<Timestamp>, AccessError> {
        let again = grant.updated_at + DEAD_RESTS;
        if now >= again {
            return Ok(None);
        }
        let chats = self.store.access_chats(&only(&grant.tenant)).await?;
        let mended_at = chats.into_iter().find(|chat| chat.chat == grant.chat).and_then(|chat| chat.mended_at);
        if mended_at.is_some_and(|mended_at| mended_at >= grant.updated_at) {
            return Ok(None);
        }
        self.stuck(&grant.tenant, &grant.chat, now).await?;
        Ok(Some(again))
    }

    /// The bot can let nobody in or out of a chat: the creator hears of it once.
    pub(super) async fn stuck(&self, tenant: &TenantId, chat: &str, now: Timestamp) -> Result<(), AccessError> {
        if self.store.access_chat_is_stuck(tenant, chat, now).await? {
            let text = texts::chat_stuck(self.language_of(tenant), &self.names_of(tenant, chat));
            self.alert(tenant, &text, &format!("access:stuck:{chat}:{}", now.timestamp())).await?;
        }
        Ok(())
    }

    /// The bot can let people in and out of a chat again: what waited for it is made up for.
    pub(super) async fn mended(&self, tenant: &TenantId, chat: &str, now: Timestamp) -> Result<(), AccessError> {
        if self.store.access_chat_is_mended(tenant, chat, now).await? {
            let waiting = self.store.subscriptions_of_chat(tenant, chat).await?;
            let ids: Vec<_> = waiting.iter().map(|row| row.id).collect();
            self.store.check_subscriptions(&ids, now).await?;
        }
        Ok(())
    }

    /// Whether a member owns a chat or administers it: whatever they paid, they are never removed. Whoever was never seen there
    /// is asked about.
    async fn runs_chat(&self, row: &Subscription, chat: &str) -> Result<bool, AccessError> {
        let Some(address) = &row.address else { return Ok(false) };
        let runs = |word: &str| [Membership::Owner, Membership::Administrator].iter().any(|one| one.as_str() == word);
        let seen = self.store.chat_members(&only(&row.tenant), SeenMembers::Of(address)).await?;
        if let Some(seen) = seen.iter().find(|seen| seen.chat == chat) {
            return Ok(runs(&seen.membership));
        }
        let creator = self.creators.get(&row.tenant);
        let directory = creator.as_ref().and_then(|creator| creator.directories.get(&row.channel));
        let Some(directory) = directory else { return Ok(false) };
        match directory.place(&Address::from_normalised(chat), address).await {
            Ok(place) => Ok(runs(place.membership.as_str())),
            // A bot that may not ask may remove nobody either.
            Err(DirectoryError::Refused(_)) => Ok(false),
            Err(error) => Err(error.into()),
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

    /// Asks the bot for a step, and moves the place to what it becomes by it.
    async fn begin(
        &self,
        member: Person<'_>,
        grant: &AccessGrant,
        to: GrantState,
        (kind, arguments): (&str, serde_json::Value),
        now: Timestamp,
    ) -> Result<(), AccessError> {
        // Noted before it is asked for: killed in between, a node leaves a step that is asked for again, and never somebody who
        // is banned though their place says that they are in.
        if self.store.move_access_grant(grant.id, (grant.state, to), None, now).await? {
            let message = self.ask_about(member, kind, arguments).await?;
            self.store.move_access_grant(grant.id, (to, to), Some(message), now).await?;
        }
        Ok(())
    }
}

/// When a place that waits for a step is looked at again.
fn look_at(grant: &AccessGrant, now: Timestamp) -> Timestamp {
    now + (now - grant.updated_at).clamp(LOOKS.0, LOOKS.1)
}

/// An invitation is told once for each link that was made.
fn link_key(grant: &AccessGrant) -> String {
    grant.message.map_or_else(|| grant.id.to_string(), |(message, _)| message.to_string())
}
