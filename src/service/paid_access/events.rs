//! What happens at the bot: links to plans, payments in Stars, requests to join, members that come and go.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{SubscriptionState, Until};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::ports::{Pending, PortError, PortErrorKind};
use tracing::{error, info};

use super::asking::Person;
use super::checkout::claim;
use super::links::Links;
use super::texts::{self, Offer};
use super::{AccessError, PaidAccess};
use crate::config::Plan;
use crate::gateway::channel_event::{ChannelEvent, ChannelEventKind, ChannelEvents};
use crate::store::paid_access::{Payer, Subscription};

impl ChannelEvents for PaidAccess {
    fn take(&self, event: ChannelEvent) -> Pending<'_, Result<(), PortError>> {
        Box::pin(async move {
            let taken = self.take_event(&event).await;
            self.node.wake();
            taken.map_err(|error| PortError::new(PortErrorKind::Unavailable, error))
        })
    }
}

/// Where something happened.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub tenant: &'a TenantId,
    pub channel: &'a ChannelId,
    pub now: Timestamp,
    /// The event's id: what is written because of it is written once.
    pub id: &'a str,
}

impl<'a> At<'a> {
    pub(super) const fn with(self, address: &'a Address) -> Person<'a> {
        Person { tenant: self.tenant, channel: self.channel, address }
    }

    /// The key of what is written because of this event.
    pub(super) fn key(self, what: &str) -> String {
        format!("access:{what}:{}:{}", self.channel, self.id)
    }
}

impl PaidAccess {
    async fn take_event(&self, event: &ChannelEvent) -> Result<(), AccessError> {
        if self.creators.get(&event.tenant).is_none() {
            return Ok(());
        }
        let at = At { tenant: &event.tenant, channel: &event.channel, now: event.received_at, id: event.id.as_str() };
        match &event.kind {
            ChannelEventKind::Started { from, payload } => self.started(at, from, payload).await,
            ChannelEventKind::Checkout { query, from, price, payload } => {
                self.answer_checkout(at, query, from, price, payload).await
            }
            ChannelEventKind::Paid(payment) => self.paid_in_stars(at, payment).await,
            ChannelEventKind::Refunded { price, payload, charge, .. } => {
                self.refunded_in_stars(at, price, payload, charge).await
            }
            ChannelEventKind::SubscriptionChanged { payload, change, .. } => {
                let Ok(row) = payload.parse() else { return Ok(()) };
                self.subscription_changed((at.tenant, at.now), row, *change).await
            }
            ChannelEventKind::JoinRequested { chat, from, query, .. } => {
                self.join(at, chat, from, query.as_deref()).await
            }
            ChannelEventKind::MemberChanged { chat, who, after, .. } => {
                self.member_changed(at, chat, who, *after).await
            }
            ChannelEventKind::OwnRightsChanged { chat, rights } => {
                self.rights_changed(at, chat, rights.is_able()).await
            }
            ChannelEventKind::ChatMigrated { from, to } => self.migrated(at, from, to).await,
        }
    }

    /// A group became a supergroup: its plans, and the places in it, follow it to its other id.
    async fn migrated(&self, at: At<'_>, from: &Address, to: &Address) -> Result<(), AccessError> {
        if !self.sells_chat(at.tenant, from) {
            return Ok(());
        }
        let names = self.names_of(at.tenant, from.as_str());
        self.store.access_chat_has_migrated(at.tenant, (from.as_str(), to.as_str())).await?;
        self.follow_chats().await?;
        error!(
            tenant.id = %at.tenant,
            channel.id = %at.channel,
            "a paid chat has another id now, and is followed there: put it into `plans.chats`"
        );
        let text = texts::chat_migrated(self.language_of(at.tenant), &names, to.as_str());
        // Whether the bot kept its rights is seen by the next audit of the chat.
        self.alert(at.tenant, &text, &format!("access:migrated:{from}:{to}")).await
    }

    /// Has plans lead to the chats that their chats have become.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn follow_chats(&self) -> Result<(), AccessError> {
        let migrated = self.store.migrated_chats().await?;
        self.creators.follow(migrated.into_iter().map(|(tenant, from, to)| ((tenant, from), to)).collect());
        Ok(())
    }

    /// The bot may let people in and out of a chat again, or no more.
    async fn rights_changed(&self, at: At<'_>, chat: &Address, is_able: bool) -> Result<(), AccessError> {
        if !self.sells_chat(at.tenant, chat) {
            return Ok(());
        }
        if is_able {
            info!(tenant.id = %at.tenant, channel.id = %at.channel, "the bot may let members in and out");
            return self.mended(at.tenant, chat.as_str(), at.now).await;
        }
        error!(
            tenant.id = %at.tenant,
            channel.id = %at.channel,
            "the bot may no longer let members in or out of a paid chat: make it an administrator again, with the rights to \
             invite and to ban; access waits until then"
        );
        self.stuck(at.tenant, chat.as_str(), at.now).await
    }

    pub(super) fn sells_chat(&self, tenant: &TenantId, chat: &Address) -> bool {
        self.creators
            .get(tenant)
            .is_some_and(|creator| creator.access.plans.iter().any(|plan| plan.chats.contains(chat)))
    }

    /// Somebody came by a link to a plan, to claim what they paid, or to have it on this account from now on.
    async fn started(&self, at: At<'_>, from: &Address, payload: &str) -> Result<(), AccessError> {
        let Some(creator) = self.creators.get(at.tenant) else { return Ok(()) };
        let language = creator.language;
        let text = if let Some(token) = payload.strip_prefix("claim_") {
            match self.links().and_then(|links| links.claimed(token)) {
                Some(row) => {
                    let is_theirs = match claim(self, at.tenant, row, from, at.now).await {
                        Ok(is_theirs) => is_theirs,
                        Err(AccessError::UnknownSubscription) => false,
                        Err(error) => return Err(error),
                    };
                    texts::claimed(language, is_theirs)
                }
                None => texts::claimed(language, false),
            }
        } else if let Some(token) = payload.strip_prefix("move_") {
            let is_theirs = self.moves_here((at.tenant, at.now), token, from).await?;
            texts::moved_here(language, is_theirs)
        } else {
            let name = payload.strip_prefix("plan_").or(payload.strip_prefix("stars_")).unwrap_or_default();
            match self.plan(at.tenant, name).filter(|plan| plan.bot == *at.channel) {
                Some(plan) => self.offered(at, from, &plan).await?,
                None => texts::unknown_plan(language),
            }
        };
        self.write(at.with(from), text, at.key("start")).await
    }

    /// What is said to somebody who came by the link to a plan, with the invoice where it is sold for Stars.
    async fn offered(&self, at: At<'_>, from: &Address, plan: &Plan) -> Result<String, AccessError> {
        let language = self.language_of(at.tenant);
        if let Some(row) = self.paid_by(at.tenant, from, plan, at.now).await? {
            return Ok(texts::already_in(language, &plan.name, self.own_page(&row).as_deref()));
        }
        self.offer_stars(at, from, plan).await?;
        let page = self.page_for(at.tenant, &plan.id, from);
        let offer = texts::offer(language, &Offer { plan, page: page.filter(|_| plan.price.is_some()) });
        Ok(match self.still_runs(at, from, plan).await? {
            Some((row, end)) => {
                let until = texts::day(end.with_timezone(&self.zone_of(at.tenant)), language);
                let own = self.own_page(&row).filter(|_| row.payer == Payer::Stripe);
                format!("{}\n{offer}", texts::still_runs(language, &until, own.as_deref()))
            }
            None => offer,
        })
    }

    /// What a member has paid and cancelled, while it runs, and until when: who pays anew meanwhile is to know.
    async fn still_runs(
        &self,
        at: At<'_>,
        member: &Address,
        plan: &Plan,
    ) -> Result<Option<(Subscription, Timestamp)>, AccessError> {
        let theirs = self.store.subscriptions_of_member(at.tenant, member).await?;
        Ok(theirs.into_iter().filter(|row| row.plan == plan.id).find_map(|row| {
            let entitlement = row.ledger.entitlement(plan.terms(), at.now);
            let runs = entitlement.state == SubscriptionState::Active && entitlement.is_cancelled;
            let end = entitlement.paid_until.and_then(Until::end).filter(|_| runs)?;
            Some((row, end))
        }))
    }

    /// What a member has paid a plan with, while it counts and renews.
    pub(super) async fn paid_by(
        &self,
        tenant: &TenantId,
        member: &Address,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<Option<Subscription>, AccessError> {
        let theirs = self.store.subscriptions_of_member(tenant, member).await?;
        Ok(theirs.into_iter().find(|row| {
            let entitlement = row.ledger.entitlement(plan.terms(), now);
            row.plan == plan.id && entitlement.state == SubscriptionState::Active && !entitlement.is_cancelled
        }))
    }

    /// What signs links to members' own pages.
    pub(super) fn links(&self) -> Option<Links<'_>> {
        self.link_key.as_deref().map(Links::new)
    }

    /// A plan's page for a member whom the bot knows.
    pub(super) fn page_for(&self, tenant: &TenantId, plan: &str, member: &Address) -> Option<String> {
        Some(format!("{}?m={}", self.page_of(tenant, plan)?, self.links()?.member(tenant, member)))
    }
}
