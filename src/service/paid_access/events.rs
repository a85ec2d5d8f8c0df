//! What happens at the bot: links to plans, payments in Stars, requests to join, members that come and go.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{LedgerEntry, ProviderState, ProviderStatus, SubscriptionState, Until};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::ports::{Pending, PortError, PortErrorKind};
use serde_json::json;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::asking::{Person, only};
use super::checkout::{Buyer, blank, claim};
use super::links::Links;
use super::texts::{self, Offer};
use super::{AccessError, PaidAccess};
use crate::config::{Every, Plan};
use crate::gateway::channel_event::{
    ChannelEvent, ChannelEventKind, ChannelEvents, Membership, Payment, Price, SubscriptionChange,
};
use crate::store::paid_access::{GrantState, Payer, Subscription};

/// Telegram's Stars, as a currency (Bot API, `sendInvoice`).
const STARS: &str = "XTR";
/// The only period of a subscription in Stars (Bot API, `createInvoiceLink`).
const STARS_PERIOD_S: i64 = 2_592_000;

impl ChannelEvents for PaidAccess {
    fn take(&self, event: ChannelEvent) -> Pending<'_, Result<(), PortError>> {
        Box::pin(async move {
            let taken = self.take_event(&event).await;
            taken.map_err(|error| PortError::new(PortErrorKind::Unavailable, error))
        })
    }
}

/// Where something happened.
#[derive(Clone, Copy)]
struct At<'a> {
    tenant: &'a TenantId,
    channel: &'a ChannelId,
    now: Timestamp,
    /// The event's id: what is written because of it is written once.
    id: &'a str,
}

impl<'a> At<'a> {
    const fn with(self, address: &'a Address) -> Person<'a> {
        Person { tenant: self.tenant, channel: self.channel, address }
    }

    /// The key of what is written because of this event.
    fn key(self, what: &str) -> String {
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
            ChannelEventKind::ChatMigrated { from, .. } => {
                if self.sells_chat(at.tenant, from) {
                    error!(
                        tenant.id = %at.tenant,
                        channel.id = %at.channel,
                        "a paid chat has another id now: put it into `plans.chats`"
                    );
                    let text =
                        texts::chat_migrated(self.language_of(at.tenant), &self.names_of(at.tenant, from.as_str()));
                    self.alert(at.tenant, &text, &at.key("migrated")).await?;
                }
                Ok(())
            }
            ChannelEventKind::Typing { .. } => Ok(()),
        }
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

    fn sells_chat(&self, tenant: &TenantId, chat: &Address) -> bool {
        self.creators
            .get(tenant)
            .is_some_and(|creator| creator.access.plans.iter().any(|plan| plan.chats.contains(chat)))
    }

    /// Somebody came by a link to a plan, or to claim what they paid.
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
        } else {
            let name = payload.strip_prefix("plan_").or(payload.strip_prefix("stars_")).unwrap_or_default();
            match self.plan(at.tenant, name).filter(|plan| plan.bot == *at.channel) {
                Some(plan) => {
                    if let Some(row) = self.paid_by(at.tenant, from, &plan, at.now).await? {
                        texts::already_in(language, &plan.name, self.own_page(&row).as_deref())
                    } else {
                        self.offer_stars(at, from, &plan).await?;
                        let page = self.page_for(at.tenant, &plan.id, from);
                        texts::offer(language, &Offer { plan: &plan, page: page.filter(|_| plan.price.is_some()) })
                    }
                }
                None => texts::unknown_plan(language),
            }
        };
        self.write(at.with(from), text, at.key("start")).await
    }

    /// Whether a member has paid for a plan already.
    async fn is_paid_up(
        &self,
        tenant: &TenantId,
        member: &Address,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<bool, AccessError> {
        Ok(self.paid_by(tenant, member, plan, now).await?.is_some())
    }

    /// What a member has paid a plan with, while it counts and renews.
    async fn paid_by(
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

    /// Sends the invoice in Stars, for a subscription that waits for its payment.
    async fn offer_stars(&self, at: At<'_>, member: &Address, plan: &Plan) -> Result<(), AccessError> {
        let (Some(stars), Some(creator)) = (plan.stars, self.creators.get(at.tenant)) else { return Ok(()) };
        let buyer = Buyer {
            tenant: at.tenant.clone(),
            plan: plan.id.clone(),
            language: creator.language,
            member: Some(member.clone()),
        };
        // The same update is the same row, however often it comes.
        let key = format!("start:{}:{}", at.channel, at.id);
        let mut row = Subscription { bound_at: Some(at.now), ..blank(plan, &buyer, Payer::Stars, at.now) };
        row.provider_subscription = Some(key.clone());
        self.store.add_subscription(&row).await?;
        let Some(row) = self.store.subscription_of_provider(Payer::Stars, &key).await? else { return Ok(()) };
        if row.invoiced_at.is_some() {
            return Ok(());
        }
        let id = row.id;
        let mut arguments = json!({
            "title": plan.name,
            "description": plan.description.as_deref().unwrap_or(&plan.name),
            "payload": id.to_string(),
            "stars": stars,
            "text": texts::pay_in_stars(creator.language, stars),
        });
        if plan.every == Every::Month
            && let Some(fields) = arguments.as_object_mut()
        {
            fields.insert("period_s".to_owned(), STARS_PERIOD_S.into());
        }
        self.ask(at.with(member), "invoice", arguments).await?;
        // The invoice is durable: a repetition of the update sends no second one.
        self.change(at.tenant, id, at.now, |row| row.invoiced_at = Some(at.now)).await.map(drop)
    }

    /// Answers whether a payment in Stars may go through: for what is still sold, at its price, to who has not paid.
    async fn answer_checkout(
        &self,
        at: At<'_>,
        query: &str,
        from: &Address,
        price: &Price,
        payload: &str,
    ) -> Result<(), AccessError> {
        let language = self.language_of(at.tenant);
        let row = match payload.parse() {
            Ok(id) => self.store.subscription(&only(at.tenant), id).await?,
            Err(_) => None,
        };
        let plan = row.as_ref().and_then(|row| self.plan(at.tenant, &row.plan));
        let is_right = plan
            .as_ref()
            .is_some_and(|plan| price.currency == STARS && plan.stars.map(i64::from) == Some(price.amount));
        let ok = match plan {
            Some(plan) if is_right => !self.is_paid_up(at.tenant, from, &plan, at.now).await?,
            _ => false,
        };
        let mut arguments = json!({ "query": query, "ok": ok });
        if !ok && let Some(fields) = arguments.as_object_mut() {
            fields.insert("error".to_owned(), texts::refused_checkout(language, is_right).into());
        }
        self.ask(at.with(from), "answer_checkout", arguments).await.map(drop)
    }

    async fn paid_in_stars(&self, at: At<'_>, payment: &Payment) -> Result<(), AccessError> {
        let covers = payment.paid_until.map_or(Until::Forever, Until::At);
        let entry = LedgerEntry::Paid { payment: payment.charge.clone(), paid_at: at.now, covers };
        let known = match payment.payload.parse::<Uuid>() {
            Ok(row) => {
                let change = |row: &mut Subscription| {
                    row.ledger.record(entry.clone());
                    row.provider_payment = Some(payment.charge.clone());
                };
                self.change(at.tenant, row, at.now, change).await?
            }
            Err(_) => None,
        };
        if known.is_none() {
            error!(tenant.id = %at.tenant, channel.id = %at.channel, "a payment in Stars is for no subscription that is known");
        }
        let what = ("successful_payment", payment.charge.clone());
        self.keep_stars((at.tenant, at.now), what, (&payment.payload, &payment.price), known).await
    }

    async fn refunded_in_stars(
        &self,
        at: At<'_>,
        price: &Price,
        payload: &str,
        charge: &str,
    ) -> Result<(), AccessError> {
        let Ok(row) = payload.parse() else { return Ok(()) };
        let entry = LedgerEntry::Refunded { payment: charge.to_owned() };
        let known = self.enter(at.tenant, row, &[entry], at.now).await?;
        let what = ("refunded_payment", format!("refund:{charge}"));
        self.keep_stars((at.tenant, at.now), what, (payload, price), known).await
    }

    /// A subscription in Stars was cancelled, taken up again, or not renewed.
    pub(super) async fn subscription_changed(
        &self,
        (tenant, now): (&TenantId, Timestamp),
        row: Uuid,
        change: SubscriptionChange,
    ) -> Result<(), AccessError> {
        let terms = {
            let Some(row) = self.store.subscription(&only(tenant), row).await? else { return Ok(()) };
            self.terms(tenant, &row.plan)
        };
        let noted = self.change(tenant, row, now, |row| {
            // What was given back pays for nothing.
            let paid = row.ledger.payments().values().filter(|payment| !payment.is_refunded);
            let paid = paid.filter_map(|payment| payment.covers.end()).max();
            let end = paid.or_else(|| row.ledger.entitlement(terms, now).paid_until.and_then(Until::end));
            let end = end.unwrap_or(now);
            let is_over = change == SubscriptionChange::RenewalFailed;
            row.ledger.record(LedgerEntry::Asked(ProviderState {
                asked_at: now,
                status: if is_over { ProviderStatus::PastDue } else { ProviderStatus::Active },
                period_start: if is_over { end } else { end.min(now) },
                period_end: end,
                cancels_at: (change == SubscriptionChange::Cancelled).then_some(end),
                ended_at: None,
                is_unpaid: false,
                card_ends_at: None,
            }));
        });
        noted.await.map(drop)
    }

    /// Somebody asks to be let into a chat: whoever paid is, nobody else.
    async fn join(&self, at: At<'_>, chat: &Address, from: &Address, query: Option<&str>) -> Result<(), AccessError> {
        if !self.sells_chat(at.tenant, chat) {
            return Ok(());
        }
        let theirs = self.store.subscriptions_of_member(at.tenant, from).await?;
        let opening = theirs.iter().find(|row| self.opens(row, chat.as_str(), at.now));
        let kind = if opening.is_some() { "approve" } else { "decline" };
        if let Some(query) = query {
            let arguments = json!({ "query": query, "result": kind });
            self.ask(at.with(from), "answer_join", arguments).await?;
        }
        self.ask_about(at.with(from), kind, json!({ "chat": chat.as_str() })).await?;
        if let Some(row) = opening {
            self.note_place(row, chat, GrantState::In, at.now).await?;
        } else if let Some(creator) = self.creators.get(at.tenant) {
            let plan = creator.access.plans.iter().find(|plan| plan.chats.contains(chat));
            let page = plan.and_then(|plan| self.page_for(at.tenant, &plan.id, from));
            let text = texts::not_a_member(creator.language, page.as_deref());
            // Who never wrote to the bot cannot be written to.
            if let Err(error) = self.write(at.with(from), text, at.key("join")).await {
                warn!(error = &error as &dyn std::error::Error, "who asked to join was not told why not");
            }
        }
        Ok(())
    }

    async fn member_changed(
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

    /// Notes that a member is in, or has left by themselves.
    pub(super) async fn note_place(
        &self,
        row: &Subscription,
        chat: &Address,
        state: GrantState,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        for grant in self.store.access_grants(&[row.id]).await? {
            let may_move = matches!(grant.state, GrantState::Inviting | GrantState::Invited | GrantState::In);
            if grant.chat == chat.as_str() && may_move && grant.state != state {
                let message = grant.message.map(|(message, _)| message);
                self.store.move_access_grant(grant.id, (grant.state, state), message, now).await?;
            }
        }
        Ok(())
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
