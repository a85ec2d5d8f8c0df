//! What a subscription's ledger and time come to: its state, what its member is told, its places in chats.

use std::collections::{BTreeMap, HashMap};

use chrono::{SubsecRound as _, TimeDelta};
use futures_util::StreamExt as _;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Scheme};
use palabre_actors::domain::entitlement::{
    Entitlement, Notice, NoticeKind, SubscriptionState, Terms, Until, notices_due, paid_twice,
};
use palabre_actors::domain::event::EventType;
use palabre_actors::domain::ids::TenantId;
use tracing::warn;
use uuid::Uuid;

use super::apply::AT_ONCE;
use super::asking::Person;
use super::grants::Moved;
use super::pages::amount;
use super::texts::{self, About};
use super::{AccessError, PaidAccess, REMOVALS_PER_SECOND};
use crate::store::StoreError;
use crate::store::paid_access::{Payer, Subscription};
use crate::telemetry::metrics::ACCESS_CHANGES;

/// For how long a subscription is one node's to look at.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Subscriptions that are looked at in one go.
const BATCH: usize = 50;
/// How soon after a failure.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// The moments before the end of a grace at which something is told.
const WARNINGS: [TimeDelta; 2] = [TimeDelta::days(3), TimeDelta::days(1)];
/// How long before a renewal, or the end of the card, it is told.
const AHEAD: TimeDelta = TimeDelta::days(30);

impl PaidAccess {
    /// Looks at the subscriptions for which an event or time may have changed something. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused; the rest comes again.
    pub async fn settle_due(&self, now: Timestamp) -> Result<usize, StoreError> {
        let lease = now + LEASE;
        let due = self.store.claim_subscriptions(now, lease, BATCH).await?;
        let count = due.len();
        let mut waiting: BTreeMap<Timestamp, Vec<Uuid>> = BTreeMap::new();
        // Purchases of one member one after another: whether they may be in a chat depends on all of them.
        let mut by_member: HashMap<(TenantId, String), Vec<Subscription>> = HashMap::new();
        for subscription in due {
            if let Some(turn) = self.turn_to_leave(&subscription, now) {
                waiting.entry(turn.trunc_subsecs(0)).or_default().push(subscription.id);
                continue;
            }
            let member = subscription.address.as_ref().map(|address| address.as_str().to_owned());
            let member = member.unwrap_or_else(|| subscription.id.to_string());
            by_member.entry((subscription.tenant.clone(), member)).or_default().push(subscription);
        }
        let each = by_member.into_values().map(|theirs| self.settle_all(theirs, now));
        let settled: Vec<_> = futures_util::stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
        settled.into_iter().collect::<Result<(), StoreError>>()?;
        for (turn, ids) in waiting {
            self.store.postpone_subscriptions(&ids, lease, turn).await?;
        }
        Ok(count)
    }

    async fn settle_all(&self, subscriptions: Vec<Subscription>, now: Timestamp) -> Result<(), StoreError> {
        for subscription in subscriptions {
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
        Ok(())
    }

    /// When a member whose access has ended with time is to leave, where many do at once. `None`: now. Who is put out by a
    /// person, a refund or a dispute does not wait.
    fn turn_to_leave(&self, row: &Subscription, now: Timestamp) -> Option<Timestamp> {
        let was_in = matches!(row.state, SubscriptionState::Active | SubscriptionState::Grace);
        let entitlement = row.ledger.entitlement(self.terms(&row.tenant, &row.plan), now);
        if !was_in || entitlement.state != SubscriptionState::Expired {
            return None;
        }
        let creator = self.creators.get(&row.tenant)?;
        let pace = creator.removals_per_second.get(&row.channel).copied().unwrap_or(REMOVALS_PER_SECOND);
        self.node.turn(&row.channel, row.id, pace, now)
    }

    async fn settle(&self, mut row: Subscription, now: Timestamp) -> Result<(), AccessError> {
        let terms = self.terms(&row.tenant, &row.plan);
        let entitlement = row.ledger.entitlement(terms, now);
        let mut told = Vec::new();
        let is_receipt = |notice: &Notice| notice.kind == NoticeKind::PaymentReceived;
        let (receipts, others): (Vec<_>, Vec<_>) =
            self.notices(&row, terms, now).await?.into_iter().partition(is_receipt);
        self.tell_all(&mut row, others, &entitlement, &mut told).await?;
        let moved = self.move_places(&row, &entitlement, now).await;
        // Whoever has paid waits for the way in, and a chat takes a message a second: the receipt comes behind it.
        if !matches!(moved, Ok(Moved { is_inviting: true, .. })) {
            self.tell_all(&mut row, receipts, &entitlement, &mut told).await?;
        }
        let again = moved?.again;
        let before = row.state;
        row.state = entitlement.state;
        row.current_period_end = entitlement.paid_until.and_then(Until::end);
        row.grace_until = entitlement.grace_until();
        row.next_check_at = next_check(&row, &entitlement, now).into_iter().chain(again).min();
        if self.store.save_subscription(&row, now).await? {
            self.note(&row, before, &told, now).await;
        } else {
            // An event came meanwhile: its look decides.
            self.store.check_subscriptions(&[row.id], now).await?;
        }
        Ok(())
    }

    /// What the member is to be told now.
    async fn notices(&self, row: &Subscription, terms: Terms, now: Timestamp) -> Result<Vec<Notice>, AccessError> {
        if row.is_left_behind() {
            let moved = Notice { kind: NoticeKind::Moved, key: row.id.to_string() };
            return Ok(Some(moved).filter(|moved| !row.told.contains(moved)).into_iter().collect());
        }
        let mut due = notices_due(&row.ledger, terms, &row.told, now);
        let Some(address) = row.address.as_ref().filter(|_| !row.ledger.payments().is_empty()) else { return Ok(due) };
        let theirs = self.store.subscriptions_of_member(&row.tenant, address).await?;
        let others: Vec<_> = theirs.iter().filter(|other| other.id != row.id && other.plan == row.plan).collect();
        let ledgers: Vec<_> = others.iter().map(|other| &other.ledger).collect();
        if let Some(notice) = paid_twice(&row.ledger, &ledgers, terms, now).filter(|notice| !row.told.contains(notice))
        {
            let text = texts::paid_twice_alert(self.language_of(&row.tenant), &row.id.to_string());
            self.alert(&row.tenant, &text, &format!("access:{}:paid_twice:{}", row.id, notice.key)).await?;
            due.push(notice);
        }
        Ok(due)
    }

    /// Tells the member these. Who cannot be told yet, because they have not come to the bot, is told when they have.
    async fn tell_all(
        &self,
        row: &mut Subscription,
        notices: Vec<Notice>,
        entitlement: &Entitlement,
        told: &mut Vec<Notice>,
    ) -> Result<(), AccessError> {
        for notice in notices {
            if self.tell(row, &notice, entitlement).await? {
                row.told.insert(notice.clone());
                told.push(notice);
            }
        }
        Ok(())
    }

    /// Tells the member. `false`: there is no way to them yet.
    async fn tell(&self, row: &Subscription, notice: &Notice, entitlement: &Entitlement) -> Result<bool, AccessError> {
        let Some(creator) = self.creators.get(&row.tenant) else { return Ok(false) };
        let plan = self.plan_name(&row.tenant, &row.plan);
        // The days of grace are told once they run.
        let is_paid = matches!(notice.kind, NoticeKind::PaymentReceived | NoticeKind::RenewalReminder);
        let until = if is_paid { entitlement.paid_until } else { entitlement.access_until };
        let local = |at: Timestamp| at.with_timezone(&creator.timezone);
        let about = About {
            plan: &plan,
            seller: &creator.name,
            amount: row
                .ledger
                .payments()
                .get(&notice.key)
                .and_then(|payment| payment.money.as_ref())
                .map(|money| amount(money, row.language)),
            until: until.and_then(Until::end).map(local),
            card_ends_at: row.ledger.provider().and_then(|state| state.card_ends_at).map(local),
            page: match &row.address {
                Some(member) => self.page_for(&row.tenant, &row.plan, member),
                None => self.page_of(&row.tenant, &row.plan),
            },
            own: self.own_page(row),
            receipt: row.receipt_url.as_deref(),
            pay: row.pay_url.as_deref(),
        };
        let words = texts::notice(notice.kind, row.language, &about);
        let key = format!("access:{}:{}:{}", row.id, notice.kind.as_str(), notice.key);
        self.tell_member(row, words, key).await
    }

    /// Tells a member something, a subject and a text, by the bot and by e-mail, once under this key. `false`: there is no way to
    /// them yet.
    pub(super) async fn tell_member(
        &self,
        row: &Subscription,
        (subject, text): (String, String),
        key: String,
    ) -> Result<bool, AccessError> {
        let mut is_told = false;
        if let Some(creator) = self.creators.get(&row.tenant)
            && let (Some(channel), Some(email)) = (&creator.mail, &row.email)
            && let Ok(address) = Address::parse(Scheme::Mailto, email, None)
            && address.scheme() == Scheme::Mailto
        {
            let to = Person { tenant: &row.tenant, channel, address: &address };
            let body = text.clone() + &texts::signature(row.language, &creator.name);
            self.mail(to, (subject, body), format!("{key}:mail")).await?;
            is_told = true;
        }
        if let Some(member) = row.member() {
            self.write(member, text, key).await?;
            is_told = true;
        }
        Ok(is_told)
    }

    /// A payer's own page: the way in, to change and to end what is paid. `None`: it was given by hand.
    pub(super) fn own_page(&self, row: &Subscription) -> Option<String> {
        let page = self.page_of(&row.tenant, &row.plan).filter(|_| row.payer != Payer::Hand)?;
        Some(format!("{page}/own?s={}", self.links()?.claim(row.id)))
    }

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
    let provider = row.ledger.provider();
    let renewal = provider.map(|state| state.period_end - AHEAD);
    let card = provider.and_then(|state| state.card_ends_at).map(|end| end - AHEAD);
    paid.into_iter().chain(access).chain(warnings).chain(renewal).chain(card).filter(|moment| *moment > now).min()
}
