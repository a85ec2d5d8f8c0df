//! Daily audit of chats: who is in and should not be, and who should be in and is not.
//!
//! A bot cannot list the members of a chat. It asks about everybody whom it knows: those who ever had a place, and those whom
//! events showed coming or going. Owners, administrators and bots are left alone, whatever they paid.

use std::collections::HashMap;
use std::time::Duration;

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
use crate::gateway::chat_directory::{ChatPlace, DirectoryError};
use crate::service::Caller;
use crate::service::permissions::Permission::AccessRead;
use crate::store::operator::Tenants;
use crate::store::paid_access::{ChatFinding, GrantState, Subscription};

/// For how long a chat is one node's to audit.
const LEASE: TimeDelta = TimeDelta::hours(1);
const EVERY: TimeDelta = TimeDelta::hours(24);
/// How soon after a question was not answered.
const AGAIN: TimeDelta = TimeDelta::minutes(10);
/// Between two questions: a bot may make some thirty calls a second, and its messages go first.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 50 });

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
enum AuditMode {
    /// Nothing.
    Look,
    /// It is noted, and who should not be in is removed, where the plans say so.
    Mend,
}

/// Compares the chats of these tenants with the ledgers, and changes nothing.
///
/// # Errors
/// [`AccessError`]
pub async fn audit_chats(
    caller: &Caller,
    access: &PaidAccess,
    tenants: &Tenants,
    now: Timestamp,
) -> Result<Vec<(TenantId, Address, ChatAudit)>, AccessError> {
    caller.require(AccessRead)?;
    let among = caller.among(tenants)?;
    let mut audits = Vec::new();
    for (tenant, chat) in access.sold_chats() {
        if among.contains(&tenant)
            && let Some(audit) = access.audit_chat(&tenant, &chat, AuditMode::Look, now).await?
        {
            audits.push((tenant, chat, audit));
        }
    }
    Ok(audits)
}

/// A chat that is audited, with what its plans say.
#[derive(Clone, Copy)]
struct Audited<'a> {
    tenant: &'a TenantId,
    chat: &'a Address,
    bot: &'a ChannelId,
    mode: AuditMode,
    /// Who should not be in is removed.
    removes: bool,
    now: Timestamp,
}

impl PaidAccess {
    /// Every chat that somebody sells, once.
    fn sold_chats(&self) -> Vec<(TenantId, Address)> {
        let creators = self.creators.now();
        let of = |(tenant, creator): (&TenantId, &std::sync::Arc<super::Creator>)| {
            let chats = creator.access.plans.iter().flat_map(|plan| &plan.chats);
            chats.map(|chat| (tenant.clone(), chat.clone())).collect::<Vec<_>>()
        };
        let mut chats: Vec<_> = creators.iter().flat_map(of).collect();
        chats.sort_by(|(a, b), (c, d)| (a.as_str(), b.as_str()).cmp(&(c.as_str(), d.as_str())));
        chats.dedup();
        chats
    }

    /// How many chats of each selling tenant the bot can let nobody in or out of.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn stuck_chats(&self) -> Result<Vec<(TenantId, usize)>, AccessError> {
        let sold = self.sold_chats();
        let known = if sold.is_empty() { Vec::new() } else { self.store.access_chats(&Tenants::All).await? };
        let is_stuck = |tenant: &TenantId, chat: &Address| {
            let mut stuck = known.iter().filter(|known| known.stuck_since.is_some());
            stuck.any(|known| known.tenant == *tenant && known.chat == chat.as_str())
        };
        let mut counts: Vec<(TenantId, usize)> = Vec::new();
        for (tenant, chat) in &sold {
            let stuck = usize::from(is_stuck(tenant, chat));
            match counts.last_mut().filter(|(last, _)| last == tenant) {
                Some((_, count)) => *count += stuck,
                None => counts.push((tenant.clone(), stuck)),
            }
        }
        Ok(counts)
    }

    /// Writes down which chats are audited, and which bots' payments are read.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn plan_audits(&self, now: Timestamp) -> Result<(), AccessError> {
        let chats: Vec<_> =
            self.sold_chats().into_iter().map(|(tenant, chat)| (tenant, chat.as_str().to_owned())).collect();
        self.store.add_access_chats(&chats, now).await?;
        let creators = self.creators.now();
        let bots = creators.iter().flat_map(|(tenant, creator)| {
            creator.bots_paid_in_stars().into_iter().map(|bot| (tenant.clone(), bot.clone()))
        });
        Ok(self.store.add_access_bots(&bots.collect::<Vec<_>>(), now).await?)
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
        let Some(creator) = self.creators.get(tenant) else { return Ok(None) };
        let plans: Vec<&Plan> = creator.access.plans.iter().filter(|plan| plan.chats.contains(chat)).collect();
        let Some(bot) = plans.first().map(|plan| &plan.bot) else { return Ok(None) };
        let Some(directory) = creator.directories.get(bot) else { return Ok(None) };
        let removes = mode == AuditMode::Mend && plans.iter().all(|plan| plan.removes_strangers);
        let audited = Audited { tenant, chat, bot, mode, removes, now };
        let is_able = match directory.own_rights(chat).await {
            Ok(rights) => rights.is_able(),
            Err(DirectoryError::Refused(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if mode == AuditMode::Mend {
            if is_able {
                self.mended(tenant, chat.as_str(), now).await?;
            } else {
                self.stuck(tenant, chat.as_str(), now).await?;
            }
        }
        let mut audit = ChatAudit { is_stuck: !is_able, ..ChatAudit::default() };
        let people = if is_able { self.known_people(tenant, chat).await? } else { Vec::new() };
        for address in people {
            tokio::time::sleep(PAUSE).await;
            let place = match directory.place(chat, &address).await {
                Ok(place) => place,
                // About this one nothing is told; about the others it may be.
                Err(DirectoryError::Refused(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            audit.asked += 1;
            let finding = self.compare(audited, &address, place).await?;
            audit.found.extend(finding.map(|finding| (address, finding)));
        }
        Ok(Some(audit))
    }

    /// Everybody who has or had a place in a chat, or was seen there. Whom nothing was asked about for the longest time comes
    /// first: an audit that was cut short goes on where it was.
    async fn known_people(&self, tenant: &TenantId, chat: &Address) -> Result<Vec<Address>, AccessError> {
        let mut people: HashMap<Address, Option<Timestamp>> = HashMap::new();
        for row in self.store.subscriptions_of_chat(tenant, chat.as_str()).await? {
            people.extend(row.address.map(|address| (address, None)));
        }
        for member in self.store.chat_members(&only(tenant)).await? {
            if member.chat == chat.as_str() {
                people.insert(member.address, Some(member.seen_at));
            }
        }
        let mut people: Vec<_> = people.into_iter().collect();
        people.sort_by(|(one, at), (other, then)| (at, one.as_str()).cmp(&(then, other.as_str())));
        Ok(people.into_iter().map(|(address, _)| address).collect())
    }

    /// Compares one person's place with their ledgers, and mends what differs.
    async fn compare(
        &self,
        audited: Audited<'_>,
        who: &Address,
        place: ChatPlace,
    ) -> Result<Option<ChatFinding>, AccessError> {
        let Audited { tenant, chat, now, .. } = audited;
        let theirs = self.store.subscriptions_of_member(tenant, who).await?;
        let opening = self.opening(&theirs, chat, now).await?;
        let finding = match (place.membership, opening.is_empty()) {
            _ if place.is_bot => None,
            (Membership::Owner | Membership::Administrator, _) => None,
            (Membership::Member, true) if audited.removes => Some(ChatFinding::Removed),
            (Membership::Member, true) => Some(ChatFinding::Stranger),
            (Membership::Outside | Membership::Banned, false) => Some(ChatFinding::Missing),
            (Membership::Member, false) | (Membership::Outside | Membership::Banned, true) => None,
        };
        if audited.mode == AuditMode::Look {
            return Ok(finding);
        }
        match finding {
            Some(ChatFinding::Removed) => self.remove(audited, who, &theirs).await?,
            Some(ChatFinding::Stranger) => {}
            // Who was in before they paid needs no invitation; who left comes back by the one that they have.
            Some(ChatFinding::Missing) | None => {
                let state = match place.membership {
                    Membership::Outside | Membership::Banned => GrantState::Invited,
                    _ => GrantState::In,
                };
                for row in opening {
                    self.note_place(row, chat, state, now).await?;
                }
            }
        }
        let seen = [(who.clone(), place.membership.as_str(), finding)];
        self.store.keep_chat_members((tenant, chat.as_str()), &seen, now).await?;
        Ok(finding)
    }

    /// The subscriptions that open a chat now: by their plans, or, where a plan was changed or is no longer sold, by the place
    /// that they have had since.
    async fn opening<'r>(
        &self,
        theirs: &'r [Subscription],
        chat: &Address,
        now: Timestamp,
    ) -> Result<Vec<&'r Subscription>, AccessError> {
        let ids: Vec<_> = theirs.iter().map(|row| row.id).collect();
        let places = self.store.access_grants(&ids).await?;
        let has_place =
            |row: &Subscription| places.iter().any(|place| place.subscription == row.id && place.chat == chat.as_str());
        let is_entitled = |row: &Subscription| {
            row.ledger.entitlement(self.terms(&row.tenant, &row.plan), now).has_access() && has_place(row)
        };
        Ok(theirs.iter().filter(|row| self.opens(row, chat.as_str(), now) || is_entitled(row)).collect())
    }

    /// Has somebody removed who should not be in: by their place, where they have one.
    async fn remove(&self, audited: Audited<'_>, who: &Address, theirs: &[Subscription]) -> Result<(), AccessError> {
        let Audited { tenant, chat, bot, now, .. } = audited;
        let ids: Vec<_> = theirs.iter().map(|row| row.id).collect();
        let mut places = self.store.access_grants(&ids).await?;
        places.retain(|place| place.chat == chat.as_str());
        let Some(place) = places.last() else {
            let whom = Person { tenant, channel: bot, address: who };
            self.ask_about(whom, "remove", json!({ "chat": chat.as_str() })).await?;
            return Ok(());
        };
        if place.state == GrantState::Out {
            self.store.move_access_grant(place.id, (GrantState::Out, GrantState::In), None, now).await?;
        }
        Ok(self.store.check_subscriptions(&[place.subscription], now).await?)
    }
}
