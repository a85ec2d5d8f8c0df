//! Daily audit of chats: who is in and should not be, and who should be in and is not.
//!
//! A bot cannot list the members of a chat. It asks about everybody whom it knows: those who ever had a place, and those whom
//! events showed coming or going. Owners, administrators and bots are left alone, whatever they paid.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use serde_json::json;
use tracing::{info, warn};

use super::asking::{Person, only};
use super::{AccessError, PaidAccess};
use crate::config::Plan;
use crate::gateway::channel_event::Membership;
use crate::gateway::chat_directory::{ChatDirectory, ChatPlace, DirectoryError};
use crate::service::Caller;
use crate::service::permissions::Permission::AccessWrite;
use crate::store::operator::Tenants;
use crate::store::paid_access::{ChatFinding, GrantState, Subscription};

/// For how long a chat is one node's to audit.
const LEASE: TimeDelta = TimeDelta::hours(1);
const EVERY: TimeDelta = TimeDelta::hours(24);
/// How soon after a question was not answered.
const AGAIN: TimeDelta = TimeDelta::minutes(10);

/// What an audit of a chat found. `Debug` does not show who.
#[derive(Clone, Default)]
pub struct ChatAudit {
    /// How many people were asked about.
    pub asked: usize,
    /// Who is not where they should be.
    pub found: Vec<(Address, ChatFinding)>,
    /// The bot may not let people in and out: nothing was compared.
    pub is_stuck: bool,
}

impl std::fmt::Debug for ChatAudit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatAudit")
            .field("asked", &self.asked)
            .field("found", &self.found.len())
            .finish_non_exhaustive()
    }
}

/// What an audit does about what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditMode {
    /// It is noted, and nothing else.
    Look,
    /// Who should not be in is removed, where the plan says so.
    Mend,
}

/// Compares the chats of these tenants with the ledgers.
///
/// # Errors
/// [`AccessError`]
pub async fn audit_chats(
    caller: &Caller,
    access: &PaidAccess,
    tenants: &Tenants,
    mode: AuditMode,
    now: Timestamp,
) -> Result<Vec<(TenantId, Address, ChatAudit)>, AccessError> {
    caller.require(AccessWrite)?;
    let among = caller.among(tenants)?;
    let mut audits = Vec::new();
    for (tenant, chat) in access.sold_chats() {
        let is_seen = match &among {
            Tenants::All => true,
            Tenants::Of(some) => some.contains(&tenant),
        };
        if is_seen && let Some(audit) = access.audit_chat(&tenant, &chat, mode, now).await? {
            audits.push((tenant, chat, audit));
        }
    }
    Ok(audits)
}

impl PaidAccess {
    /// Every chat that somebody sells, once.
    pub(super) fn sold_chats(&self) -> Vec<(TenantId, Address)> {
        let of = |(tenant, creator): (&TenantId, &super::Creator)| {
            let chats = creator.access.plans.iter().flat_map(|plan| &plan.chats);
            chats.map(|chat| (tenant.clone(), chat.clone())).collect::<Vec<_>>()
        };
        let mut chats: Vec<_> = self.creators.iter().flat_map(of).collect();
        chats.sort_by(|(a, b), (c, d)| (a.as_str(), b.as_str()).cmp(&(c.as_str(), d.as_str())));
        chats.dedup();
        chats
    }

    /// Writes down which chats are audited, and which bots' payments are read.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn plan_audits(&self, now: Timestamp) -> Result<(), AccessError> {
        let chats: Vec<_> =
            self.sold_chats().into_iter().map(|(tenant, chat)| (tenant, chat.as_str().to_owned())).collect();
        self.store.add_access_chats(&chats, now).await?;
        let mut bots: Vec<(TenantId, ChannelId)> = Vec::new();
        for (tenant, creator) in &*self.creators {
            for plan in creator.access.plans.iter().filter(|plan| plan.stars.is_some()) {
                if !bots.iter().any(|(of, bot)| of == tenant && *bot == plan.bot) {
                    bots.push((tenant.clone(), plan.bot.clone()));
                }
            }
        }
        Ok(self.store.add_access_bots(&bots, now).await?)
    }

    /// Audits the chats that are due, each by one node.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn audit_due(&self, now: Timestamp) -> Result<(), AccessError> {
        while let Some((tenant, chat)) = self.store.claim_chat_audit(now, now + LEASE).await? {
            let audit = self.audit_chat(&tenant, &Address::from_normalised(&chat), AuditMode::Mend, now).await;
            let (audited_at, next) = match audit {
                Ok(Some(audit)) => {
                    let (asked, found) = (audit.asked, audit.found.len());
                    info!(tenant.id = %tenant, asked, found, "a paid chat was compared with the ledgers");
                    (Some(now).filter(|_| !audit.is_stuck), now + EVERY)
                }
                // It is no longer sold.
                Ok(None) => (None, now + EVERY),
                Err(error) => {
                    warn!(
                        tenant.id = %tenant,
                        error = &error as &dyn std::error::Error,
                        "a paid chat could not be compared with the ledgers, trying again"
                    );
                    (None, now + AGAIN)
                }
            };
            self.store.settle_chat_audit((&tenant, &chat), audited_at, next).await?;
        }
        Ok(())
    }

    /// `None`: nobody sells the chat, or its provider tells nothing of it.
    async fn audit_chat(
        &self,
        tenant: &TenantId,
        chat: &Address,
        mode: AuditMode,
        now: Timestamp,
    ) -> Result<Option<ChatAudit>, AccessError> {
        let plans = self.creators.get(tenant).map(|creator| creator.access.plans.as_slice()).unwrap_or_default();
        let plans: Vec<&Plan> = plans.iter().filter(|plan| plan.chats.contains(chat)).collect();
        let Some(bot) = plans.first().map(|plan| &plan.bot) else { return Ok(None) };
        let Some(directory) = self.directories.get(bot) else { return Ok(None) };
        match directory.own_rights(chat).await {
            Ok(rights) if rights.is_able() => self.mended(tenant, chat.as_str(), now).await?,
            Ok(_) | Err(DirectoryError::Refused(_)) => {
                self.stuck(tenant, chat.as_str(), now).await?;
                return Ok(Some(ChatAudit { is_stuck: true, ..ChatAudit::default() }));
            }
            Err(error) => return Err(error.into()),
        }
        let removes = mode == AuditMode::Mend && plans.iter().all(|plan| plan.removes_strangers);
        let mut audit = ChatAudit::default();
        for address in self.known_people(tenant, chat).await? {
            let place = match directory.place(chat, &address).await {
                Ok(place) => place,
                // About this one nothing is told; about the others it may be.
                Err(DirectoryError::Refused(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            audit.asked += 1;
            let whom = Person { tenant, channel: bot, address: &address };
            let finding = self.compare((whom, chat), place, removes, now).await?;
            let seen = [(address.clone(), place.membership.as_str(), finding)];
            self.store.keep_chat_members((tenant, chat.as_str()), &seen, now).await?;
            audit.found.extend(finding.map(|finding| (address, finding)));
        }
        Ok(Some(audit))
    }

    /// Everybody who has or had a place in a chat, or was seen there.
    async fn known_people(&self, tenant: &TenantId, chat: &Address) -> Result<Vec<Address>, AccessError> {
        let seen = self.store.chat_members(&only(tenant)).await?;
        let seen = seen.into_iter().filter(|member| member.chat == chat.as_str()).map(|member| member.address);
        let bought = self.store.subscriptions_of_chat(tenant, chat.as_str()).await?;
        let mut people: Vec<Address> = bought.into_iter().filter_map(|row| row.address).chain(seen).collect();
        people.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        people.dedup();
        Ok(people)
    }

    /// Compares one person's place with their ledgers.
    async fn compare(
        &self,
        (whom, chat): (Person<'_>, &Address),
        place: ChatPlace,
        removes: bool,
        now: Timestamp,
    ) -> Result<Option<ChatFinding>, AccessError> {
        if place.is_bot || matches!(place.membership, Membership::Owner | Membership::Administrator) {
            return Ok(None);
        }
        let theirs = self.store.subscriptions_of_member(whom.tenant, whom.address).await?;
        let opening: Vec<&Subscription> = theirs.iter().filter(|row| self.opens(row, chat.as_str(), now)).collect();
        match (place.membership, opening.is_empty()) {
            (Membership::Member, false) => {
                // Who was in before they paid needs no invitation.
                for row in opening {
                    self.note_place(row, chat, GrantState::In, now).await?;
                }
                Ok(None)
            }
            (Membership::Member, true) if removes => {
                self.remove(whom, chat, &theirs, now).await?;
                Ok(Some(ChatFinding::Removed))
            }
            (Membership::Member, true) => Ok(Some(ChatFinding::Stranger)),
            (gone, false) => {
                for row in opening {
                    self.note_place(row, chat, GrantState::Invited, now).await?;
                }
                if removes && gone == Membership::Banned {
                    self.ask_about(whom, "unban", json!({ "chat": chat.as_str() })).await?;
                }
                Ok(Some(ChatFinding::Missing))
            }
            (_, true) => Ok(None),
        }
    }

    /// Has somebody removed who should not be in: by their place, where they have one.
    async fn remove(
        &self,
        whom: Person<'_>,
        chat: &Address,
        theirs: &[Subscription],
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let ids: Vec<_> = theirs.iter().map(|row| row.id).collect();
        let mut places = self.store.access_grants(&ids).await?;
        places.retain(|place| place.chat == chat.as_str());
        let Some(place) = places.last() else {
            self.ask_about(whom, "remove", json!({ "chat": chat.as_str() })).await?;
            return Ok(());
        };
        if place.state == GrantState::Out {
            self.store.move_access_grant(place.id, (GrantState::Out, GrantState::In), None, now).await?;
        }
        Ok(self.store.check_subscriptions(&[place.subscription], now).await?)
    }
}

/// The way to ask each bot.
pub type Directories = std::sync::Arc<std::collections::HashMap<ChannelId, std::sync::Arc<dyn ChatDirectory>>>;
