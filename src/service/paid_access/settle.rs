//! What a subscription's ledger and time come to: its state, what its member is told, its places in chats.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::entitlement::{Entitlement, Notice, NoticeKind, SubscriptionState, Until, notices_due};
use palabre_actors::domain::event::EventType;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::message::Category;
use tracing::warn;

use super::texts::{self, About};
use super::{AccessError, PaidAccess};
use crate::service::messages::{NotSent, OutgoingMessage};
use crate::store::StoreError;
use crate::store::paid_access::Subscription;
use crate::telemetry::metrics::ACCESS_CHANGES;

/// For how long a subscription is one node's to look at.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Subscriptions that are looked at in one go.
const BATCH: usize = 50;
/// How soon one is looked at again that waits for the outbox.
const SOON: TimeDelta = TimeDelta::milliseconds(500);
/// How soon after a failure.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// The moments before the end of a grace at which something is told.
const WARNINGS: [TimeDelta; 2] = [TimeDelta::days(3), TimeDelta::days(1)];
const RENEWAL: TimeDelta = TimeDelta::days(30);

impl PaidAccess {
    /// Looks at the subscriptions for which an event or time may have changed something. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; the rest comes again.
    pub async fn settle_due(&self, now: Timestamp) -> Result<usize, StoreError> {
        let due = self.store.claim_subscriptions(now, now + LEASE, BATCH).await?;
        let count = due.len();
        for subscription in due {
            let id = subscription.id;
            if let Err(error) = self.settle(subscription, now).await {
                warn!(
                    subscription.id = %id,
                    error = &error as &dyn std::error::Error,
                    "a subscription could not be looked at, trying again"
                );
                self.store.check_subscriptions(&[id], now + AGAIN).await?;
            }
        }
        Ok(count)
    }

    async fn settle(&self, mut row: Subscription, now: Timestamp) -> Result<(), AccessError> {
        let terms = self.terms(&row.tenant, &row.plan);
        let entitlement = row.ledger.entitlement(terms, now);
        let mut told = Vec::new();
        for notice in notices_due(&row.ledger, terms, &row.told, now) {
            // Who cannot be told yet, because they have not come to the bot, is told when they have.
            if self.tell(&row, &notice, &entitlement).await? {
                row.told.insert(notice.clone());
                told.push(notice);
            }
        }
        let before = row.state;
        row.state = entitlement.state;
        row.current_period_end = entitlement.paid_until.and_then(Until::end);
        row.grace_until = entitlement.grace_until();
        let waits = self.move_places(&row, &entitlement, now).await?;
        row.next_check_at = next_check(&row, &entitlement, now);
        if waits {
            row.next_check_at = Some(now + SOON);
        }
        if self.store.save_subscription(&row, now).await? {
            self.note(&row, before, &told, now).await;
        } else {
            // An event came meanwhile: its look decides.
            self.store.check_subscriptions(&[row.id], now).await?;
        }
        Ok(())
    }

    /// Tells the member. `false`: there is no way to them yet.
    async fn tell(&self, row: &Subscription, notice: &Notice, entitlement: &Entitlement) -> Result<bool, AccessError> {
        let Some(seller) = self.creators.get(&row.tenant) else { return Ok(false) };
        let plan = self.plan(&row.tenant, &row.plan);
        let about = About {
            plan: plan.map_or(row.plan.as_str(), |plan| plan.name.as_str()),
            seller: &seller.name,
            until: entitlement.access_until.and_then(Until::end).map(|end| end.with_timezone(&seller.timezone)),
            page: self.page_of(&row.tenant, &row.plan),
        };
        let text = texts::notice(notice.kind, row.language, &about);
        let key = format!("access:{}:{}:{}", row.id, notice.kind.as_str(), notice.key);
        self.say(row, text, &key).await
    }

    /// Writes to the member, once under this key. `false`: there is no way to them yet.
    pub(super) async fn say(&self, row: &Subscription, text: String, key: &str) -> Result<bool, AccessError> {
        let Some(to) = row.address.clone() else { return Ok(false) };
        let message = OutgoingMessage {
            tenant: row.tenant.clone(),
            channel: row.channel.clone(),
            to,
            text: Some(text),
            template: None,
            choices: Vec::new(),
            presentation: None,
            category: Category::Transactional,
            urgent: true,
            expires_at: None,
            idempotency_key: Some(key.to_owned()),
        };
        match self.outgoing.send(message).await {
            // Written before, by a look that was cut short.
            Ok(_) | Err(NotSent::KeyTaken) => Ok(true),
            // They said STOP, or blocked the bot: there is nothing more to tell them.
            Err(NotSent::Refused { .. }) => Ok(true),
            Err(why) => Err(AccessError::Message(why)),
        }
    }

    /// The page of a plan.
    pub(super) fn page_of(&self, tenant: &TenantId, plan: &str) -> Option<String> {
        self.public_base_url.as_ref().map(|base| format!("{base}/p/{tenant}/{plan}"))
    }

    /// Writes the events of a change of state and of what was told.
    async fn note(&self, row: &Subscription, before: SubscriptionState, told: &[Notice], now: Timestamp) {
        let mut happened: Vec<(EventType, &'static str)> = Vec::new();
        for notice in told {
            happened.extend(match notice.kind {
                NoticeKind::PaymentReceived => Some((EventType::PaymentReceived, row.payer.as_str())),
                NoticeKind::PaymentFailed => Some((EventType::PaymentFailed, row.payer.as_str())),
                NoticeKind::Refunded => Some((EventType::PaymentRefunded, row.payer.as_str())),
                _ => None,
            });
        }
        if before != row.state {
            happened.extend(match row.state {
                SubscriptionState::Active => Some((EventType::AccessGranted, before.as_str())),
                SubscriptionState::Grace => Some((EventType::AccessGraceStarted, before.as_str())),
                SubscriptionState::Expired | SubscriptionState::Revoked => {
                    Some((EventType::AccessRevoked, row.state.as_str()))
                }
                SubscriptionState::Pending => None,
            });
            let (state, tenant) = (row.state.as_str(), row.tenant.as_str().to_owned());
            metrics::counter!(ACCESS_CHANGES, "tenant" => tenant, "state" => state).increment(1);
        }
        if happened.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_access(&row.tenant, row.id, &happened, now).await {
            warn!(error = &error as &dyn std::error::Error, "the events of a subscription were not written");
        }
    }
}

/// When time alone changes something next. `None`: never.
fn next_check(row: &Subscription, entitlement: &Entitlement, now: Timestamp) -> Option<Timestamp> {
    let paid = entitlement.paid_until.and_then(Until::end);
    let access = entitlement.access_until.and_then(Until::end);
    let warnings =
        access.filter(|_| !entitlement.is_cancelled).into_iter().flat_map(|end| WARNINGS.map(|ahead| end - ahead));
    let renewal = row.ledger.provider().map(|state| state.period_end - RENEWAL);
    paid.into_iter().chain(access).chain(warnings).chain(renewal).filter(|moment| *moment > now).min()
}
