//! Load on paid access: how soon after a payment the way in arrives while other messages go through, and how many members whose
//! access ends at one moment are worked off, without keeping the bot's other conversations waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::future::join_all;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{Ledger, LedgerEntry, SubscriptionState, Until};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::rules::Language;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::DemoError;
use super::AccessOptions;
use super::shop::{CHANNEL, CHAT, Shop, TRAFFIC_CHANNEL, comes_true};
use super::watcher::{Watcher, lock};
use crate::gateway::simulator::CustomerMessage;
use crate::lab::printer::print_line;
use crate::store::StoreError;
use crate::store::paid_access::{GrantState, Payer, Subscription};

/// Members' numbers at Telegram, those of the others who write, those whose access ends, and those who write meanwhile.
const MEMBERS: u64 = 71_000_000;
const WRITERS: u64 = 72_000_000;
const LEAVERS: u64 = 73_000_000;
const ASKERS: u64 = 74_000_000;
/// Who writes, in turn: nobody so often that their own pace is what is measured.
const DIFFERENT_WRITERS: u64 = 10_000;
/// Between two members: their five messages and calls are well within the bot's thirty a second.
const BETWEEN_MEMBERS: Duration = Duration::from_millis(250);
/// Between two who write to the bot while others leave.
const BETWEEN_ASKERS: Duration = Duration::from_millis(500);
/// How long the traffic runs before anything is measured.
const WARM_UP: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(10);

/// How much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessLoad {
    /// Members that pay, one after another.
    pub(crate) members: u64,
    /// Messages of others in a second.
    pub(crate) rate: u64,
    /// Members whose access ends at one moment.
    pub(crate) expiries: u64,
}

fn telegram(number: u64) -> String {
    format!("telegram:{number}")
}

/// Milliseconds below which this share of durations lies, the nearest rank.
fn within(durations: &mut [Duration], share: f64) -> f64 {
    durations.sort_unstable();
    let rank = (durations.len() as f64 * share).ceil() as usize;
    durations.get(rank.saturating_sub(1)).map_or(0.0, |one| one.as_secs_f64() * 1_000.0)
}

/// Measures, and prints what was measured.
///
/// # Errors
/// [`DemoError`]
pub(crate) async fn measure(options: &AccessOptions, load: AccessLoad) -> Result<(), DemoError> {
    let watcher = Arc::new(Watcher::default());
    let shop = Shop::open(options.keep.as_deref(), options.listen, Some(&watcher)).await?;
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let measuring = async {
        tokio::time::sleep(WARM_UP).await;
        let before = (written.load(Ordering::Relaxed), Instant::now());
        let invited = pay(&shop, &watcher, load.members).await;
        let rate = (written.load(Ordering::Relaxed) - before.0) as f64 / before.1.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        (invited, rate)
    };
    let ((mut invited, rate), ()) =
        futures_util::join!(measuring, traffic(&shop, &watcher, load.rate, (&stop, &written)));
    let mut answers = watcher.takes_answers();
    let mut left = Vec::new();
    let mut took = Duration::ZERO;
    if load.expiries > 0 {
        (took, left) = expire(&shop, &watcher, load.expiries).await?;
    }
    let report = json!({
        "payments": load.members, "invited": invited.len(),
        "payment_to_invitation_ms": { "p50": within(&mut invited, 0.5), "p95": within(&mut invited, 0.95), "max": within(&mut invited, 1.0) },
        "other_messages_per_second": rate,
        "other_answers_ms": { "p50": within(&mut answers, 0.5), "p95": within(&mut answers, 0.95) },
        "expiries": load.expiries, "expiries_took_s": took.as_secs_f64(),
        "answers_of_the_bot_meanwhile_ms": { "count": left.len(), "p50": within(&mut left, 0.5), "p95": within(&mut left, 0.95) },
    });
    shop.close().await;
    print(&report, options.json);
    Ok(())
}

fn print(report: &Value, json: bool) {
    if json {
        print_line(format_args!("{}", serde_json::to_string_pretty(report).unwrap_or_default()));
        return;
    }
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let spread = &report["payment_to_invitation_ms"];
    print_line(format_args!(
        "payment to invitation: p50 {:.0} ms, p95 {:.0} ms (target 2,000), max {:.0} ms; {} of {} were invited",
        number(&spread["p50"]),
        number(&spread["p95"]),
        number(&spread["max"]),
        report["invited"],
        report["payments"]
    ));
    print_line(format_args!(
        "meanwhile {:.0} other messages a second, answered within {:.0} ms (p95)",
        number(&report["other_messages_per_second"]),
        number(&report["other_answers_ms"]["p95"])
    ));
    let took = number(&report["expiries_took_s"]);
    if took > 0.0 {
        let expiries = number(&report["expiries"]);
        print_line(format_args!(
            "{expiries:.0} members whose access ended at one moment: {took:.0} s, {:.1} a second; ten thousand would take {:.0} minutes",
            expiries / took,
            10_000.0 / (expiries / took) / 60.0
        ));
        let meanwhile = &report["answers_of_the_bot_meanwhile_ms"];
        print_line(format_args!(
            "the same bot's answers meanwhile: p50 {:.0} ms, p95 {:.0} ms",
            number(&meanwhile["p50"]),
            number(&meanwhile["p95"])
        ));
    }
}

/// Others write to another bot, so many a second, until it is enough.
async fn traffic(shop: &Shop, watcher: &Watcher, rate: u64, (stop, written): (&AtomicBool, &AtomicU64)) {
    let (begun, mut ticks) = (Instant::now(), tokio::time::interval(TICK));
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let due = begun.elapsed().as_millis() as u64 * rate / 1_000;
        let from = written.load(Ordering::Relaxed);
        let each = (from..due).map(|number| async move {
            let writer = WRITERS + number % DIFFERENT_WRITERS;
            // One that is not taken is one that has no answer.
            let _ = writes(shop, watcher, TRAFFIC_CHANNEL, (number, writer), "Bonjour").await;
        });
        join_all(each).await;
        written.store(due.max(from), Ordering::Relaxed);
    }
}

async fn writes(
    shop: &Shop,
    watcher: &Watcher,
    channel: &str,
    (number, who): (u64, u64),
    text: &str,
) -> Result<(), DemoError> {
    lock(&watcher.waiting).insert(telegram(who), Instant::now());
    let message = CustomerMessage {
        channel: channel.to_owned(),
        id: format!("TG{number}u{}", who * 1_000_000 + number),
        from: telegram(who),
        text: text.to_owned(),
        name: Some("Awa".to_owned()),
        ..CustomerMessage::default()
    };
    shop.telegram.deliver(&message).await?;
    Ok(())
}

/// Members find the plan and pay. How long each way in took, from the webhook of the payment on.
async fn pay(shop: &Shop, watcher: &Watcher, members: u64) -> Vec<Duration> {
    let stripe = tokio::sync::Mutex::new(());
    let each = (0..members).map(|number| {
        let stripe = &stripe;
        async move {
            tokio::time::sleep(BETWEEN_MEMBERS * u32::try_from(number).unwrap_or(u32::MAX)).await;
            let who = MEMBERS + number;
            writes(shop, watcher, CHANNEL, (number, who), "/start plan_cercle").await.ok()?;
            let page = || lock(&watcher.pages).get(&telegram(who)).cloned();
            comes_true(async || page().is_some()).await.then_some(())?;
            let checkout = shop.checkout(&page()?).await?;
            let paid_at = {
                let _one = stripe.lock().await;
                shop.stripe.pay(&checkout, &format!("member{number}@example.com")).then_some(())?;
                let paid_at = Instant::now();
                shop.hear_stripe(number).await;
                paid_at
            };
            let link = || lock(&watcher.links).get(&telegram(who)).copied();
            comes_true(async || link().is_some()).await.then_some(())?;
            Some(link()?.saturating_duration_since(paid_at))
        }
    });
    join_all(each).await.into_iter().flatten().collect()
}

/// Members' access ends at one moment. How long it takes until all are out, and how long others wait for the bot's answers
/// meanwhile.
async fn expire(shop: &Shop, watcher: &Watcher, count: u64) -> Result<(Duration, Vec<Duration>), DemoError> {
    let ends = shop.now() + TimeDelta::hours(1);
    add_leavers(shop, count, ends).await.map_err(DemoError::Store)?;
    let remaining = || {
        let members = shop.telegram.members_of(CHAT);
        members
            .iter()
            .filter(|who| u64::try_from(**who).is_ok_and(|who| (LEAVERS..LEAVERS + count).contains(&who)))
            .count()
    };
    watcher.takes_answers();
    shop.pass_to(ends);
    let begun = Instant::now();
    let (mut asked, mut next) = (0, Instant::now());
    while remaining() > 0 {
        if Instant::now() >= next {
            asked += 1;
            writes(shop, watcher, CHANNEL, (asked, ASKERS + asked), "/start plan_cercle").await?;
            next += BETWEEN_ASKERS;
        }
        tokio::time::sleep(TICK).await;
    }
    Ok((begun.elapsed(), watcher.takes_answers()))
}

/// Writes members into the tables whose access ends then, and lets them be in the chat.
async fn add_leavers(shop: &Shop, count: u64, ends: palabre_actors::domain::Timestamp) -> Result<(), StoreError> {
    let (tenant, now, chat) = (TenantId::new("institut-belle"), shop.now(), format!("telegram:{CHAT}"));
    for number in 0..count {
        let who = LEAVERS + number;
        let mut ledger = Ledger::default();
        let id = Uuid::now_v7();
        ledger.record(LedgerEntry::Granted { grant: id.to_string(), at: now, until: Until::At(ends) });
        let row = Subscription {
            id,
            tenant: tenant.clone(),
            plan: "cercle".to_owned(),
            channel: ChannelId::new(CHANNEL),
            address: Some(Address::from_normalised(&telegram(who))),
            contact: None,
            language: Language::Fr,
            state: SubscriptionState::Active,
            current_period_end: Some(ends),
            grace_until: None,
            payer: Payer::Hand,
            provider_subscription: None,
            provider_customer: None,
            provider_payment: None,
            account: None,
            email: None,
            ledger,
            told: std::collections::BTreeSet::default(),
            version: 1,
            next_check_at: Some(ends),
            bound_at: Some(now),
            created_at: now,
            invoiced_at: None,
            receipt_url: None,
            pay_url: None,
            moved_at: None,
        };
        shop.operator.add_subscription(&row).await?;
        shop.operator.add_access_grants(&tenant, id, &[chat.as_str()], now).await?;
        for place in shop.operator.access_grants(&[id]).await? {
            shop.operator.move_access_grant(place.id, (GrantState::Out, GrantState::In), None, now).await?;
        }
        shop.telegram.set_member(CHAT, i64::try_from(who).unwrap_or_default(), "member");
    }
    Ok(())
}
