//! Broadcasts: one message to many contacts of a tenant, each once, at its own pace and within its own budget.
//!
//! Whoever said STOP or STOP PROMOTIONS, has not confirmed where the tenant asks for it, or cannot be written to because the
//! window is closed and there is no template, is counted and not written to. The last gate before the wire judges all of it once
//! more.

use std::collections::BTreeMap;
use std::time::Duration;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::message::Category;
use palabre_actors::domain::template::TemplateUse;
use uuid::Uuid;

use super::messages::{NotSent, Outgoing, OutgoingMessage};
use super::permissions::Permission::{BroadcastSend, OutboxRead};
use super::{Caller, ServiceError, Tenants, audit};
use crate::config::Tenant;
use crate::store::StoreError;
use crate::store::broadcasts::{BroadcastRow, BroadcastState, Candidate, RecipientOutcome, ReportLine, Segment};
use crate::store::operator::{Changed, Operator, OperatorReason};

/// Messages in a minute, unless told otherwise: a provider's quality rating suffers from bursts.
pub const PER_MINUTE: u32 = 60;
/// Messages in a minute at most.
pub const MOST_PER_MINUTE: u32 = 6_000;
const LONGEST_TEXT: usize = 4_096;
/// Recipients that are looked at together.
const PAGE: usize = 500;
/// Messages that are called back together.
const CALLED_BACK: usize = 500;

/// What somebody wants to be said to many.
#[derive(Clone)]
pub struct BroadcastOrder {
    pub segment: Segment,
    /// What to say, while free text may be sent.
    pub text: Option<String>,
    /// What to say otherwise.
    pub template: Option<TemplateUse>,
    pub per_minute: u32,
    /// What it may cost, in millionths of the tenant's currency.
    pub budget_micros: Option<i64>,
}

/// What a broadcast would come to, as things are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BroadcastPlan {
    /// How many would be written to.
    pub reached: u64,
    /// How many would not, by why.
    pub refused: BTreeMap<&'static str, u64>,
    /// What the messages would cost, in millionths of the tenant's currency.
    pub cost_micros: i64,
    /// How many the budget is enough for; `None`: for all.
    pub within_budget: Option<u64>,
}

/// What a channel asks of those who are written to without having asked for it.
#[derive(Clone, Copy, Debug)]
struct ChannelTerms {
    window: Option<Duration>,
    cost_micros: i64,
    must_confirm: bool,
}

impl ChannelTerms {
    fn of(tenant: &Tenant, channel: &ChannelId) -> Result<Self, ServiceError> {
        let found = tenant.channels.iter().find(|known| known.id == *channel);
        let profile = &found.ok_or(ServiceError::NotFound("channel"))?.profile;
        Ok(Self {
            window: profile.window,
            cost_micros: profile.cost_micros,
            must_confirm: tenant.rules.source().double_opt_in,
        })
    }

    /// Until when free text may be sent to somebody; `None`: not at all. Where there is no window, always.
    fn open_until(&self, candidate: &Candidate) -> Option<Timestamp> {
        let Some(window) = self.window else { return Some(Timestamp::MAX_UTC) };
        let window = chrono::TimeDelta::from_std(window).unwrap_or(chrono::TimeDelta::MAX);
        candidate.last_inbound_at?.checked_add_signed(window)
    }

    /// How many messages a budget is enough for.
    fn affords(&self, budget: i64) -> Option<u64> {
        (self.cost_micros > 0).then(|| u64::try_from(budget / self.cost_micros).unwrap_or_default())
    }
}

/// Why somebody is not written to. `None`: they are.
fn refusal(terms: ChannelTerms, candidate: &Candidate, (has_template, now): (bool, Timestamp)) -> Option<&'static str> {
    if candidate.opted_out {
        return Some("opted_out");
    }
    if !has_template && terms.open_until(candidate).is_none_or(|until| until <= now) {
        return Some("window_closed");
    }
    if candidate.stopped_marketing {
        return Some("marketing_stopped");
    }
    (terms.must_confirm && !candidate.confirmed).then_some("not_confirmed")
}

/// What a broadcast would come to: how many, at what cost. Nothing is written.
///
/// # Errors
/// [`ServiceError`]
pub async fn plan(
    caller: &Caller,
    store: &Operator,
    tenant: &Tenant,
    order: &BroadcastOrder,
    now: Timestamp,
) -> Result<BroadcastPlan, ServiceError> {
    let terms = judged(caller, tenant, order)?;
    let mut plan = BroadcastPlan::default();
    let mut after = None;
    loop {
        let page = store.segment(&order.segment, after, PAGE).await?;
        for candidate in &page {
            match refusal(terms, candidate, (order.template.is_some(), now)) {
                None => plan.reached += 1,
                Some(why) => *plan.refused.entry(why).or_default() += 1,
            }
        }
        after = page.last().map(|candidate| candidate.conversation);
        if page.len() < PAGE {
            break;
        }
    }
    plan.cost_micros = terms.cost_micros.saturating_mul(i64::try_from(plan.reached).unwrap_or(i64::MAX));
    plan.within_budget =
        order.budget_micros.and_then(|budget| terms.affords(budget)).filter(|enough| *enough < plan.reached);
    Ok(plan)
}

/// Starts a broadcast: its recipients are those of the segment at this moment.
///
/// # Errors
/// [`ServiceError`]
pub async fn start(
    caller: &Caller,
    store: &Operator,
    tenant: &Tenant,
    order: BroadcastOrder,
    now: Timestamp,
) -> Result<BroadcastRow, ServiceError> {
    judged(caller, tenant, &order)?;
    let id = Uuid::now_v7();
    audit::note(caller, store, &tenant.id, "broadcast.start", ("broadcast", &id.to_string())).await?;
    let row = BroadcastRow {
        id,
        segment: order.segment,
        text: order.text,
        template: order.template,
        per_minute: order.per_minute,
        budget_micros: order.budget_micros,
        state: BroadcastState::Running,
        reason: None,
        started_by: caller.who.to_string(),
        created_at: now,
        updated_at: now,
    };
    store.start_broadcast(&row).await?;
    Ok(row)
}

/// Whether an order holds, and its channel's terms.
fn judged(caller: &Caller, tenant: &Tenant, order: &BroadcastOrder) -> Result<ChannelTerms, ServiceError> {
    caller.require(BroadcastSend)?;
    caller.within(&tenant.id)?;
    let wrong = |field, reason: &str| Err(ServiceError::NotValid { field, reason: reason.to_owned() });
    let terms = ChannelTerms::of(tenant, &order.segment.channel)?;
    let text = order.text.as_deref().map_or("", str::trim);
    if text.is_empty() && order.template.is_none() {
        return wrong("text", "nothing to say: give a text, a template, or both");
    }
    if text.contains('\0') || text.chars().count() > LONGEST_TEXT {
        return wrong("text", "at most 4,096 characters, and no NUL");
    }
    if let Some(used) = &order.template {
        let known = tenant.rules.source().templates.iter().any(|template| template.name == used.name);
        if !known {
            return wrong("template", "the tenant's configuration has no template of this name");
        }
    }
    if !(1..=MOST_PER_MINUTE).contains(&order.per_minute) {
        return wrong("per_minute", "from 1 to 6,000");
    }
    if order.budget_micros.is_some_and(|budget| budget < 0) {
        return wrong("budget", "is less than nothing");
    }
    Ok(terms)
}

/// Broadcasts of these tenants, the newest first.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    tenants: &Tenants,
    page: (Option<Uuid>, usize),
) -> Result<Vec<BroadcastRow>, ServiceError> {
    caller.require(OutboxRead)?;
    Ok(store.broadcasts(&caller.among(tenants)?, None, page).await?)
}

/// One broadcast, and what became of its recipients.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn report(
    caller: &Caller,
    store: &Operator,
    broadcast: Uuid,
) -> Result<(BroadcastRow, Vec<ReportLine>), ServiceError> {
    caller.require(OutboxRead)?;
    let row = find(caller, store, broadcast).await?;
    let lines = store.broadcast_report(&row.segment.tenant, row.id).await?;
    Ok((row, lines))
}

async fn find(caller: &Caller, store: &Operator, broadcast: Uuid) -> Result<BroadcastRow, ServiceError> {
    let found = store.broadcasts(&caller.tenants, Some(broadcast), (None, 1)).await?;
    found.into_iter().next().ok_or(ServiceError::NotFound("broadcast"))
}

/// Stops a broadcast: nobody more is written to, and what has not left is called back. Answers how many messages that were.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn stop(caller: &Caller, store: &Operator, broadcast: Uuid, now: Timestamp) -> Result<u64, ServiceError> {
    caller.require(BroadcastSend)?;
    let row = find(caller, store, broadcast).await?;
    let tenant = &row.segment.tenant;
    audit::note(caller, store, tenant, "broadcast.stop", ("broadcast", &row.id.to_string())).await?;
    store.end_broadcast((tenant, row.id), BroadcastState::Stopped, Some("operator"), now).await?;
    let reason = OperatorReason::unsaid();
    let own = Tenants::Of(vec![tenant.clone()]);
    let mut called_back = 0;
    loop {
        let unsent = store.unsent_of_broadcast(tenant, row.id, CALLED_BACK).await?;
        let mut changed = 0;
        for message in &unsent {
            let cancelled = store.cancel(&own, *message, &reason, now).await?;
            changed += u64::from(matches!(cancelled, Changed::Done(_)));
        }
        called_back += changed;
        // What a sender took meanwhile has left.
        if changed == 0 || unsent.len() < CALLED_BACK {
            return Ok(called_back);
        }
    }
}

/// Takes a broadcast one step further: writes to the next who wait. Answers when it goes on; `None`: it is over.
///
/// # Errors
/// [`StoreError`]: the database refused. Whoever was written to already is not written to again: each has a key.
pub async fn go_on(
    store: &Operator,
    outgoing: &dyn Outgoing,
    tenant: &Tenant,
    row: &BroadcastRow,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let which = (&row.segment.tenant, row.id);
    let Ok(terms) = ChannelTerms::of(tenant, &row.segment.channel) else {
        store.end_broadcast(which, BroadcastState::Stopped, Some("channel_not_configured"), now).await?;
        return Ok(None);
    };
    let (batch, pause) = pace(row.per_minute);
    let waiting = store.waiting_recipients(row, batch, now).await?;
    if waiting.is_empty() {
        store.end_broadcast(which, BroadcastState::Done, None, now).await?;
        return Ok(None);
    }
    let mut left = match row.budget_micros.and_then(|budget| terms.affords(budget)) {
        Some(enough) => Some(enough.saturating_sub(store.broadcast_asked(which.0, which.1).await?)),
        None => None,
    };
    for candidate in &waiting {
        if let Some(why) = refusal(terms, candidate, (row.template.is_some(), now)) {
            let refused = RecipientOutcome::Refused(why.to_owned());
            store.settle_recipient(row, candidate.conversation, &refused, now).await?;
            continue;
        }
        if left == Some(0) {
            store.end_broadcast(which, BroadcastState::Stopped, Some("budget"), now).await?;
            return Ok(None);
        }
        match ask(store, outgoing, terms, row, candidate).await? {
            Some(outcome) => {
                let is_asked = matches!(outcome, RecipientOutcome::Asked(_));
                left = left.map(|left| left.saturating_sub(u64::from(is_asked)));
                store.settle_recipient(row, candidate.conversation, &outcome, now).await?;
            }
            // Nothing is promised: they go on waiting.
            None => break,
        }
    }
    Ok(Some(now + pause))
}

/// How many at once, and how long the pause after them.
fn pace(per_minute: u32) -> (usize, chrono::TimeDelta) {
    let batch = (per_minute / 60).max(1);
    let pause = chrono::TimeDelta::milliseconds(i64::from(batch) * 60_000 / i64::from(per_minute.max(1)));
    (usize::try_from(batch).unwrap_or(1), pause)
}

/// Asks for one message. `None`: nothing is promised, it has to be asked for again.
async fn ask(
    store: &Operator,
    outgoing: &dyn Outgoing,
    terms: ChannelTerms,
    row: &BroadcastRow,
    candidate: &Candidate,
) -> Result<Option<RecipientOutcome>, StoreError> {
    // 64 characters, the longest that a key may have.
    let key = format!("{}{}", row.id.simple(), candidate.conversation.0.simple());
    let message = OutgoingMessage {
        tenant: row.segment.tenant.clone(),
        channel: row.segment.channel.clone(),
        to: candidate.address.clone(),
        text: row.text.clone(),
        template: row.template.clone(),
        choices: Vec::new(),
        presentation: None,
        category: Category::Marketing,
        urgent: false,
        send_at: None,
        // A text alone does not wait for another window.
        expires_at: if row.template.is_none() { terms.window.and(terms.open_until(candidate)) } else { None },
        idempotency_key: Some(key.clone()),
    };
    Ok(match outgoing.send(message).await {
        Ok(id) => Some(RecipientOutcome::Asked(id)),
        // A process that died had asked for it.
        Err(NotSent::KeyTaken) => {
            store.by_key(&row.segment.tenant, &key).await?.map(|first| RecipientOutcome::Asked(first.id))
        }
        Err(NotSent::Refused { word, .. }) => Some(RecipientOutcome::Refused(word.to_owned())),
        Err(NotSent::Stale | NotSent::UnknownConversation | NotSent::Later { .. }) => None,
    })
}

/// What a caller names as a tenant, of the configuration.
///
/// # Errors
/// [`ServiceError::UnknownTenant`]
pub fn tenant_of<'a>(tenants: impl IntoIterator<Item = &'a Tenant>, id: &TenantId) -> Result<&'a Tenant, ServiceError> {
    tenants.into_iter().find(|tenant| tenant.id == *id).ok_or(ServiceError::UnknownTenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_kept_in_small_steps() {
        for (per_minute, batch, millis) in
            [(1, 1, 60_000), (30, 1, 2_000), (60, 1, 1_000), (600, 10, 1_000), (6_000, 100, 1_000)]
        {
            assert_eq!(pace(per_minute), (batch, chrono::TimeDelta::milliseconds(millis)), "{per_minute}");
        }
    }
}
