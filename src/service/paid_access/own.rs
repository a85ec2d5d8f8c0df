//! What a payer does with what they bought, without an account: by the signed link that they were sent.
//!
//! A cancellation or a withdrawal is kept with its time before anything is done about it, like an event of a payment system, and
//! applied until it is done: it counts even while the payment system is away.

use chrono::{DateTime, Days, TimeZone as _};
use chrono_tz::Tz;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::entitlement::{Entitlement, SubscriptionState, Until};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;
use uuid::Uuid;

use super::asking::only;
use super::texts;
use super::{AccessError, PaidAccess};
use crate::store::paid_access::{AppliedEvent, NewPaymentEvent, Payer, PaymentEvent, PaymentEventFilter, Subscription};

/// Who tells it, where a payment system's name stands for its events.
pub(super) const MEMBER: &str = "member";
/// How long a consumer may withdraw from a contract that was made at a distance: to the end of the fourteenth day after it
/// (directive 2011/83/EU, article 9; Code de la consommation, article L221-18).
const WITHDRAWAL_DAYS: u64 = 14;

/// What a payer declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// It is not to be renewed.
    Cancellation,
    /// They withdraw from the contract.
    Withdrawal,
}

impl Statement {
    const WORDS: [(Self, &'static str); 2] =
        [(Self::Cancellation, "member.cancellation"), (Self::Withdrawal, "member.withdrawal")];

    fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(statement, _)| *statement == self).map_or("", |(_, word)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(statement, _)| *statement)
    }
}

/// What a payer's own page shows.
#[derive(Clone, Debug)]
pub struct OwnPage {
    /// The number of the contract.
    pub id: Uuid,
    pub state: SubscriptionState,
    /// Until when it is paid, or when the grace ends, in words; `None`: without an end, or no access.
    pub until: Option<String>,
    /// It will not be renewed.
    pub is_cancelled: bool,
    /// Whether anybody has claimed it.
    pub is_claimed: bool,
    /// Whether it is changed on the payment system's page.
    pub is_by_card: bool,
    /// Whether it renews and can be ended.
    pub can_cancel: bool,
    /// Until when they may withdraw, in words; `None`: no longer, or they did.
    pub withdraw_until: Option<String>,
    /// When they did, in words.
    pub withdrawn_at: Option<String>,
    /// What the payer sends the bot from another account, to have it there.
    pub move_token: Option<String>,
    /// From when on they may, in words, where it is too soon.
    pub move_from: Option<String>,
}

/// A statement that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// When it was made, in words.
    pub at: String,
    /// Whether the acknowledgement is on its way to them.
    pub is_sent: bool,
}

impl PaidAccess {
    /// The page of a signed link. `None`: the link does not hold.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn own(
        &self,
        tenant: &TenantId,
        token: &str,
        language: Language,
        now: Timestamp,
    ) -> Result<Option<OwnPage>, AccessError> {
        let Some(row) = self.bought_by(tenant, token).await? else { return Ok(None) };
        let entitlement = row.ledger.entitlement(self.terms(tenant, &row.plan), now);
        let withdrawn = self.declared_at(&row, Statement::Withdrawal).await?;
        let ends = self.withdrawal_ends(&row).filter(|end| now < *end && withdrawn.is_none());
        let zone = self.zone_of(tenant);
        // What is paid; the days of grace only once they run.
        let is_paid = entitlement.state == SubscriptionState::Active;
        let until = if is_paid { entitlement.paid_until } else { entitlement.access_until };
        let moving = self.move_token(&row).filter(|_| entitlement.has_access());
        let is_too_soon = moving.as_ref().is_some_and(|(_, from)| now < *from);
        Ok(Some(OwnPage {
            id: row.id,
            state: entitlement.state,
            until: until.and_then(Until::end).map(|end| texts::day(end.with_timezone(&zone), language)),
            is_cancelled: entitlement.is_cancelled,
            is_claimed: row.address.is_some(),
            is_by_card: row.payer == Payer::Stripe && row.provider_customer.is_some(),
            can_cancel: self.renews(&row, &entitlement),
            // The last day counts as a whole.
            withdraw_until: ends
                .map(|end| texts::day((end - chrono::TimeDelta::seconds(1)).with_timezone(&zone), language)),
            move_from: moving
                .as_ref()
                .filter(|_| is_too_soon)
                .map(|(_, from)| texts::day(from.with_timezone(&zone), language)),
            move_token: moving.filter(|_| !is_too_soon).map(|(token, _)| token),
            withdrawn_at: withdrawn.map(|at| texts::moment(at.with_timezone(&zone), language)),
        }))
    }

    /// Sends everybody who bought something of a tenant with this e-mail the links to their own pages, each at most once an hour.
    /// Nobody learns from it whether there is anybody.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn send_own_links(&self, tenant: &TenantId, email: &str, now: Timestamp) -> Result<(), AccessError> {
        for row in self.store.subscriptions_of_email(tenant, email.trim()).await? {
            let Some(link) = self.own_page(&row) else { continue };
            let plan = self.plan_name(tenant, &row.plan);
            let words = texts::own_link(row.language, &plan, &link);
            let hour = now.timestamp() / 3_600;
            self.tell_member(&row, words, format!("access:{}:own:{hour}", row.id)).await?;
        }
        Ok(())
    }

    /// Takes a payer's statement. `None`: the link does not hold, or it is too late to withdraw.
    ///
    /// # Errors
    /// [`AccessError`]: it is not kept.
    pub async fn declare(
        &self,
        tenant: &TenantId,
        token: &str,
        (statement, name): (Statement, &str),
        now: Timestamp,
    ) -> Result<Option<Acknowledged>, AccessError> {
        let Some(row) = self.bought_by(tenant, token).await? else { return Ok(None) };
        let entitlement = row.ledger.entitlement(self.terms(tenant, &row.plan), now);
        let is_possible = match statement {
            Statement::Cancellation => self.renews(&row, &entitlement),
            Statement::Withdrawal => self.withdrawal_ends(&row).is_some_and(|end| now < end),
        };
        if !is_possible {
            return Ok(None);
        }
        let key = key_of(&row, statement);
        let event = NewPaymentEvent {
            provider: MEMBER,
            provider_event_id: key.clone(),
            kind: statement.as_str().to_owned(),
            is_live: true,
            // Whose contract it is.
            account: Some(tenant.to_string()),
            about: (Some(tenant.clone()), Some(row.id)),
            subject: ("subscription", Some(key.clone())),
            received_at: now,
            applied: None,
        };
        let is_new = self.store.keep_payment_event(&event).await?;
        // What was declared before counts from then.
        let at = if is_new { now } else { self.declared_at(&row, statement).await?.unwrap_or(now) };
        // With their name, which is kept nowhere else.
        let is_sent = self.acknowledge(&row, &key, (statement, name), at).await?;
        let at = texts::moment(at.with_timezone(&self.zone_of(tenant)), row.language);
        Ok(Some(Acknowledged { at, is_sent }))
    }

    /// When a payer has declared something of a purchase; `None`: they have not, or a moment ago.
    async fn declared_at(&self, row: &Subscription, statement: Statement) -> Result<Option<Timestamp>, AccessError> {
        let (subscription, kind) = (Some(row.id), Some(statement.as_str()));
        let filter = PaymentEventFilter { subscription, kind, ..PaymentEventFilter::default() };
        let found = self.store.payment_events(&only(&row.tenant), &filter, 1).await?.pop();
        Ok(found.map(|event| event.received_at))
    }

    /// Does what follows of a statement that was kept.
    pub(super) async fn apply_statement(
        &self,
        event: &PaymentEvent,
        now: Timestamp,
    ) -> Result<AppliedEvent, AccessError> {
        let came_to = |outcome, tenant, subscription| AppliedEvent { outcome, tenant, subscription, money: None };
        let key = event.subject.1.as_deref().unwrap_or_default();
        let id = key.split(':').next().and_then(|id| id.parse::<Uuid>().ok());
        let tenant = event.account.as_deref().map(TenantId::new);
        let (Some(id), Some(tenant), Some(statement)) = (id, tenant, Statement::parse(&event.kind)) else {
            return Ok(came_to("ignored", None, None));
        };
        let Some(row) = self.store.subscription(&only(&tenant), id).await? else {
            return Ok(came_to("not_ours", None, None));
        };
        // Where it was cut short before.
        self.acknowledge(&row, key, (statement, ""), event.received_at).await?;
        if statement == Statement::Withdrawal {
            let language = self.language_of(&row.tenant);
            let at = texts::moment(event.received_at.with_timezone(&self.zone_of(&row.tenant)), language);
            let text = texts::withdrawal_alert(language, &row.id.to_string(), &at);
            self.alert(&row.tenant, &text, &format!("access:{}:withdrawn", row.id)).await?;
        }
        let entitlement = row.ledger.entitlement(self.terms(&row.tenant, &row.plan), now);
        if self.renews(&row, &entitlement) {
            self.end_renewal(&row, false, now).await?;
        }
        Ok(came_to("applied", Some(row.tenant.clone()), Some(row.id)))
    }

    /// Writes the acknowledgement, once. Returns whether there is a way to them.
    async fn acknowledge(
        &self,
        row: &Subscription,
        key: &str,
        (statement, name): (Statement, &str),
        at: Timestamp,
    ) -> Result<bool, AccessError> {
        let Some(creator) = self.creators.get(&row.tenant) else { return Ok(false) };
        let plan = self.plan_name(&row.tenant, &row.plan);
        let said = texts::Said {
            plan: &plan,
            seller: &creator.name,
            contract: row.id,
            name: Some(name.trim()).filter(|name| !name.is_empty()),
            at: at.with_timezone(&creator.timezone),
        };
        let words = match statement {
            Statement::Cancellation => texts::cancellation(row.language, &said),
            Statement::Withdrawal => texts::withdrawal(row.language, &said),
        };
        self.tell_member(row, words, format!("access:{key}")).await
    }

    async fn bought_by(&self, tenant: &TenantId, token: &str) -> Result<Option<Subscription>, AccessError> {
        match self.bought(token) {
            Some(id) => Ok(self.store.subscription(&only(tenant), id).await?),
            None => Ok(None),
        }
    }

    /// Whether it renews by itself, so that it can be ended.
    fn renews(&self, row: &Subscription, entitlement: &Entitlement) -> bool {
        let has_paid = !row.ledger.payments().is_empty() || row.ledger.provider().is_some();
        let is_paid = row.payer != Payer::Hand && has_paid;
        let plan_renews = self.terms(&row.tenant, &row.plan).renews;
        is_paid && plan_renews && entitlement.has_access() && !entitlement.is_cancelled
    }

    /// When it is too late to withdraw. `None`: nothing was bought.
    fn withdrawal_ends(&self, row: &Subscription) -> Option<Timestamp> {
        let bought = row.ledger.payments().values().map(|payment| payment.paid_at).min()?;
        let zone = self.zone_of(&row.tenant);
        let day = bought.with_timezone(&zone).date_naive().checked_add_days(Days::new(WITHDRAWAL_DAYS + 1))?;
        let midnight: DateTime<Tz> = zone.from_local_datetime(&day.and_time(chrono::NaiveTime::MIN)).earliest()?;
        Some(midnight.to_utc())
    }

    pub(super) fn zone_of(&self, tenant: &TenantId) -> Tz {
        self.creators.get(tenant).map_or(Tz::UTC, |creator| creator.timezone)
    }
}

/// Which statement it is: one withdrawal for a purchase, and a cancellation for each time that it renews again.
fn key_of(row: &Subscription, statement: Statement) -> String {
    let (id, word) = (row.id, statement.as_str());
    match statement {
        Statement::Withdrawal => format!("{id}:{word}"),
        Statement::Cancellation => format!("{id}:{word}:{}", row.version),
    }
}
