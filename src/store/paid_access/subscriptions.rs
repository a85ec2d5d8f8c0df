//! Subscriptions and their ledgers.

use std::collections::BTreeSet;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{Ledger, Notice, NoticeKind, SubscriptionState};
use palabre_actors::domain::ids::{ChannelId, ContactId, TenantId};
use palabre_actors::domain::rules::Language;
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql;
use crate::config::Plan;
use crate::store::StoreError;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{
    SqlText, Value, all, change, column, count, id, id_or_null, integer, text, text_or_null, time, time_or_null,
};
use crate::store::values::{Row, corrupt};

/// Through what a subscription is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// By card, through Stripe.
    Stripe,
    /// In Telegram's Stars.
    Stars,
    /// It was given by hand.
    Hand,
}

impl Payer {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Stars => "stars",
            Self::Hand => "hand",
        }
    }

    fn parse(word: &str) -> Result<Self, DbErr> {
        let all = [Self::Stripe, Self::Stars, Self::Hand];
        all.into_iter().find(|payer| payer.as_str() == word).ok_or_else(|| corrupt("a payer"))
    }
}

/// One purchase of a plan. `Debug` shows neither address nor e-mail (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: Uuid,
    pub tenant: TenantId,
    pub plan: String,
    /// The bot's channel.
    pub channel: ChannelId,
    /// Who may enter, as the bot's channel addresses them. `None`: nobody has claimed it yet.
    pub address: Option<Address>,
    pub contact: Option<ContactId>,
    pub language: Language,
    pub state: SubscriptionState,
    /// Until when it is paid; `None`: never, or for ever.
    pub current_period_end: Option<Timestamp>,
    pub grace_until: Option<Timestamp>,
    pub payer: Payer,
    /// The provider's id of the subscription, or of the single payment.
    pub provider_subscription: Option<String>,
    pub provider_customer: Option<String>,
    /// The last payment, for a refund.
    pub provider_payment: Option<String>,
    pub account: Option<String>,
    pub email: Option<String>,
    pub ledger: Ledger,
    /// The notices that went out.
    pub told: BTreeSet<Notice>,
    /// Grows with each change.
    pub version: i64,
    /// When time changes something; `None`: never.
    pub next_check_at: Option<Timestamp>,
    /// When the address was bound to it.
    pub bound_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// When its invoice in Stars was sent.
    pub invoiced_at: Option<Timestamp>,
    /// Where the last payment is receipted.
    pub receipt_url: Option<String>,
    /// Where what is open is paid.
    pub pay_url: Option<String>,
    /// When it was last moved to another account.
    pub moved_at: Option<Timestamp>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("plan", &self.plan)
            .field("state", &self.state)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Default)]
pub struct SubscriptionFilter {
    pub plan: Option<String>,
    pub state: Option<SubscriptionState>,
    pub before: Option<Uuid>,
    /// A part of an address, an e-mail or an id.
    pub typed: Option<String>,
}

impl Operator {
    /// Writes a new subscription. Returns whether its purchase was not known.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_subscription(&self, new: &Subscription) -> Result<bool, StoreError> {
        Ok(change(self.writes(), sql::ADD_SUBSCRIPTION, added(new)?).await? > 0)
    }

    /// Writes what changed. Returns whether nobody else had changed it meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn save_subscription(&self, row: &Subscription, now: Timestamp) -> Result<bool, StoreError> {
        Ok(change(self.writes(), sql::SAVE_SUBSCRIPTION, saved(row, now)?).await? > 0)
    }

    /// Takes subscriptions for which time has changed something, for until then.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn claim_subscriptions(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Subscription>, StoreError> {
        self.found(sql::CLAIM_SUBSCRIPTIONS, [time(now), time(until), count(limit)]).await
    }

    /// Forgets those that were begun before a moment and of which nothing was ever paid. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn drop_abandoned_subscriptions(&self, before: Timestamp) -> Result<u64, StoreError> {
        Ok(change(self.writes(), sql::DROP_ABANDONED, [time(before)]).await?)
    }

    /// Has these subscriptions looked at as soon as may be.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn check_subscriptions(&self, ids: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
        change(self.writes(), sql::CHECK_SUBSCRIPTIONS, [column(ids), time(now)]).await?;
        Ok(())
    }

    /// One of these tenants' subscriptions.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn subscription(&self, tenants: &Tenants, which: Uuid) -> Result<Option<Subscription>, StoreError> {
        let among = self.among(tenants).await?;
        Ok(self.found(sql::SUBSCRIPTION, [among, id(which)]).await?.pop())
    }

    /// The subscription that a payment system means.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn subscription_of_provider(
        &self,
        payer: Payer,
        provider_subscription: &str,
    ) -> Result<Option<Subscription>, StoreError> {
        let values = [text(payer.as_str()), text(provider_subscription)];
        Ok(self.found(sql::SUBSCRIPTION_OF_PROVIDER, values).await?.pop())
    }

    /// The subscription that a payment was booked for.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn subscription_of_charge(
        &self,
        tenant: &TenantId,
        payer: Payer,
        charge: &str,
    ) -> Result<Option<Subscription>, StoreError> {
        let values = [text(tenant.as_str()), text(payer.as_str()), text(charge)];
        Ok(self.found(sql::SUBSCRIPTION_OF_CHARGE, values).await?.pop())
    }

    /// What was bought of a tenant with an e-mail.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn subscriptions_of_email(
        &self,
        tenant: &TenantId,
        email: &str,
    ) -> Result<Vec<Subscription>, StoreError> {
        self.found(sql::SUBSCRIPTIONS_OF_EMAIL, [text(tenant.as_str()), text(email.to_lowercase())]).await
    }

    /// The subscriptions of these tenants, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn subscriptions(
        &self,
        tenants: &Tenants,
        filter: &SubscriptionFilter,
        limit: usize,
    ) -> Result<Vec<Subscription>, StoreError> {
        let values = [
            self.among(tenants).await?,
            text_or_null(filter.plan.as_deref()),
            text_or_null(filter.state.map(SubscriptionState::as_str)),
            id(filter.before.unwrap_or(Uuid::max())),
            count(limit),
            text_or_null(filter.typed.as_deref().map(str::to_lowercase)),
        ];
        self.found(sql::SUBSCRIPTIONS, values).await
    }

    /// A member's subscriptions.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn subscriptions_of_member(
        &self,
        tenant: &TenantId,
        address: &Address,
    ) -> Result<Vec<Subscription>, StoreError> {
        self.found(sql::SUBSCRIPTIONS_OF_MEMBER, [text(tenant.as_str()), text(address.as_str())]).await
    }

    /// The subscriptions that have, or had, a place in a chat.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn subscriptions_of_chat(&self, tenant: &TenantId, chat: &str) -> Result<Vec<Subscription>, StoreError> {
        self.found(sql::SUBSCRIPTIONS_OF_CHAT, [text(tenant.as_str()), text(chat)]).await
    }

    /// Writes down what a tenant sells.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn keep_plan(&self, tenant: &TenantId, plan: &Plan, now: Timestamp) -> Result<(), StoreError> {
        let number = |number: Option<u64>| Value::Number(number.and_then(|number| i64::try_from(number).ok()));
        let values = [
            text(tenant.as_str()),
            text(plan.id.as_str()),
            text(plan.name.as_str()),
            number(plan.price),
            text(plan.currency.as_str()),
            text(plan.every.as_str()),
            number(plan.stars.map(u64::from)),
            time(now),
        ];
        change(self.writes(), sql::KEEP_PLAN, values).await?;
        Ok(())
    }

    async fn found<const N: usize>(&self, sql: SqlText, values: [Value; N]) -> Result<Vec<Subscription>, StoreError> {
        // The writer's connection: what a change has just written decides what happens next.
        let rows = all(self.writes(), sql, values).await?;
        Ok(rows.iter().map(subscription).collect::<Result<_, DbErr>>()?)
    }
}

/// The values of [`sql::ADD_SUBSCRIPTION`].
pub(super) fn added(new: &Subscription) -> Result<[Value; 26], StoreError> {
    Ok([
        id(new.id),
        text(new.tenant.as_str()),
        text(new.plan.as_str()),
        text(new.channel.as_str()),
        text_or_null(new.address.as_ref().map(Address::as_str)),
        id_or_null(new.contact),
        text(new.language.as_str()),
        text(new.state.as_str()),
        time_or_null(new.current_period_end),
        time_or_null(new.grace_until),
        text(new.payer.as_str()),
        text_or_null(new.provider_subscription.as_deref()),
        text_or_null(new.provider_customer.as_deref()),
        text_or_null(new.provider_payment.as_deref()),
        text_or_null(new.account.as_deref()),
        text_or_null(new.email.as_deref()),
        json(&new.ledger)?,
        told_value(&new.told)?,
        integer(new.version),
        time_or_null(new.next_check_at),
        time_or_null(new.bound_at),
        time(new.created_at),
        time_or_null(new.invoiced_at),
        text_or_null(new.receipt_url.as_deref()),
        text_or_null(new.pay_url.as_deref()),
        time_or_null(new.moved_at),
    ])
}

/// The values of [`sql::SAVE_SUBSCRIPTION`].
pub(super) fn saved(row: &Subscription, now: Timestamp) -> Result<[Value; 21], StoreError> {
    Ok([
        id(row.id),
        integer(row.version),
        text_or_null(row.address.as_ref().map(Address::as_str)),
        id_or_null(row.contact),
        text(row.state.as_str()),
        time_or_null(row.current_period_end),
        time_or_null(row.grace_until),
        text_or_null(row.provider_subscription.as_deref()),
        text_or_null(row.provider_customer.as_deref()),
        text_or_null(row.provider_payment.as_deref()),
        text_or_null(row.account.as_deref()),
        text_or_null(row.email.as_deref()),
        json(&row.ledger)?,
        told_value(&row.told)?,
        time_or_null(row.next_check_at),
        time_or_null(row.bound_at),
        time(now),
        time_or_null(row.invoiced_at),
        text_or_null(row.receipt_url.as_deref()),
        text_or_null(row.pay_url.as_deref()),
        time_or_null(row.moved_at),
    ])
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value, StoreError> {
    Ok(text(serde_json::to_string(value).map_err(|_| corrupt("a ledger"))?))
}

fn told_value(told: &BTreeSet<Notice>) -> Result<Value, StoreError> {
    let pairs: Vec<(&str, &str)> = told.iter().map(|notice| (notice.kind.as_str(), notice.key.as_str())).collect();
    json(&pairs)
}

fn told(text: &str) -> Result<BTreeSet<Notice>, DbErr> {
    let pairs: Vec<(String, String)> = serde_json::from_str(text).map_err(|_| corrupt("a list of notices"))?;
    let notice = |(kind, key): (String, String)| {
        let kind: NoticeKind = kind.parse().map_err(|_| corrupt("a notice"))?;
        Ok(Notice { kind, key })
    };
    pairs.into_iter().map(notice).collect()
}

fn subscription(row: &Row) -> Result<Subscription, DbErr> {
    let address: Option<String> = row.get(4)?;
    Ok(Subscription {
        id: row.parse(0)?,
        tenant: row.tenant(1)?,
        plan: row.get(2)?,
        channel: row.channel(3)?,
        address: address.as_deref().map(Address::from_normalised),
        contact: row.parse_or_null(5)?,
        language: row.parse(6)?,
        state: row.parse(7)?,
        current_period_end: row.time_or_null(8)?,
        grace_until: row.time_or_null(9)?,
        payer: Payer::parse(&row.get::<String>(10)?)?,
        provider_subscription: row.get(11)?,
        provider_customer: row.get(12)?,
        provider_payment: row.get(13)?,
        account: row.get(14)?,
        email: row.get(15)?,
        ledger: serde_json::from_str(&row.get::<String>(16)?).map_err(|_| corrupt("a ledger"))?,
        told: told(&row.get::<String>(17)?)?,
        version: row.get(18)?,
        next_check_at: row.time_or_null(19)?,
        bound_at: row.time_or_null(20)?,
        created_at: row.time(21)?,
        invoiced_at: row.time_or_null(22)?,
        receipt_url: row.get(23)?,
        pay_url: row.get(24)?,
        moved_at: row.time_or_null(25)?,
    })
}
