//! Lives of members, on a simulated Stripe: what the chats hold in the end is what was paid for (I13).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::action::Action;
use palabre_actors::domain::address::{Address, AddressError, HomeCountry, Scheme};
use palabre_actors::domain::entitlement::{DisputePolicy, SubscriptionState};
use palabre_actors::domain::ids::{ChannelId, ConversationId, CorrelationId, OutboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::turn::Request;
use palabre_actors::engine::Performed;
use palabre_actors::ports::Pending;
use secrecy::SecretString;
use uuid::Uuid;

use super::*;
use crate::config::{Currency, Every};
use crate::gateway::channel_event::{ChannelEvent, ChannelEventKind, ChannelEvents, Membership, OwnRights};
use crate::payments::stripe::simulator::{SECRET_KEY, Shape, SimulatedStripe, WEBHOOK_SECRET, WebhookFaults};
use crate::payments::stripe::{Event, verify};
use crate::service::Caller;
use crate::service::messages::OutgoingMessage;
use crate::store::Store;
use crate::store::operator::Tenants;
use crate::store::paid_access::{GrantState, Subscription, SubscriptionFilter};
use crate::store::tests::{self, action};

const ACCOUNT: &str = "acct_1BelleBelleBelle";
const CHAT: &str = "telegram:-1001234567890";
/// What its chat becomes.
const OTHER_CHAT: &str = "telegram:-1009999999999";
const DAY: i64 = 24 * 60 * 60;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct World {
    access: PaidAccess,
    stripe: SimulatedStripe,
    bot: Arc<Bot>,
    tenant: TenantId,
    /// How much the clock of the tests is ahead of the simulated one: time goes on while things are worked off.
    worked: Mutex<TimeDelta>,
    /// When the node is killed while it works, now and then.
    killer: Mutex<Option<fastrand::Rng>>,
}

fn plan(id: &str, every: Every) -> Plan {
    Plan {
        id: id.to_owned(),
        name: "Accès Premium".to_owned(),
        description: None,
        price: Some(999),
        currency: Currency::EUR,
        every,
        stars: (every == Every::Month).then_some(500),
        chats: vec![Address::from_normalised(CHAT)],
        bot: ChannelId::new("belle-tg"),
        grace: std::time::Duration::from_secs(5 * 24 * 60 * 60),
        trial: std::time::Duration::ZERO,
        dispute: DisputePolicy::Suspend,
        tax: false,
        promotion_codes: false,
        removes_strangers: true,
    }
}

/// What belle sells, without a payment system.
pub(crate) fn sold_by_belle(store: Operator, outgoing: Arc<dyn Outgoing>) -> PaidAccess {
    let seller = Creator {
        name: "Institut Belle".to_owned(),
        language: Language::Fr,
        timezone: chrono_tz::Europe::Paris,
        country: HomeCountry::of_code("FR"),
        alerts: vec![(ChannelId::new("belle-tg"), address(99))],
        mail: Some(ChannelId::new("belle-mail")),
        directories: HashMap::new(),
        removals_per_second: HashMap::new(),
        access: Sales {
            stripe_account: Some(ACCOUNT.to_owned()),
            plans: vec![plan("premium", Every::Month), plan("forever", Every::Once)],
            imprint: crate::config::Imprint::default(),
        },
    };
    PaidAccess {
        store,
        outgoing,
        creators: Creators::new([(TenantId::new("belle"), seller)]),
        stripe: None,
        webhook_secrets: Arc::new([]),
        is_live: false,
        link_key: Some(Arc::from(*b"a key of tests")),
        success_url: None,
        cancel_url: None,
        public_base_url: Some("https://hooks.example.com".to_owned()),
        node: Arc::default(),
    }
}

impl World {
    fn new(store: &Store) -> Self {
        let start = Utc.with_ymd_and_hms(2026, 11, 1, 12, 0, 0).unwrap();
        let stripe = SimulatedStripe::start(ACCOUNT, start).unwrap();
        let bot = Bot::new(store);
        let tenant = TenantId::new("belle");
        let client = crate::gateway::client::new().unwrap();
        let access = PaidAccess {
            stripe: Some(Stripe::new(client, stripe.base_url().to_owned(), SecretString::from(SECRET_KEY))),
            ..sold_by_belle(store.operator(), Arc::clone(&bot) as _)
        };
        Self { access, stripe, bot, tenant, worked: Mutex::default(), killer: Mutex::default() }
    }

    fn now(&self) -> Timestamp {
        self.stripe.now() + *lock(&self.worked)
    }

    /// Takes what Stripe posts, and works until nothing is due.
    async fn work(&self, faults: WebhookFaults) {
        for (body, signature) in self.stripe.posts(faults) {
            let secrets = [SecretString::from(WEBHOOK_SECRET)];
            verify(&signature, body.as_bytes(), &secrets, Utc::now().timestamp()).unwrap();
            take_stripe_event(&self.access, &Event::read(body.as_bytes()).unwrap(), self.now()).await.unwrap();
        }
        loop {
            let now = self.now();
            let events = self.unless_killed(self.access.apply_events(now)).await;
            let settled = self.unless_killed(self.access.settle_due(now)).await;
            let (Some(events), Some(settled)) = (events, settled) else {
                // Another node takes over what this one had taken, when that time is up.
                *lock(&self.worked) += TimeDelta::seconds(61);
                continue;
            };
            if events.unwrap() + settled.unwrap() == 0 {
                return;
            }
            *lock(&self.worked) += TimeDelta::seconds(1);
        }
    }

    /// Takes what Stripe posts, and works once: while somebody is away, work is never done.
    async fn gets_on(&self, faults: WebhookFaults) {
        for (body, _) in self.stripe.posts(faults) {
            take_stripe_event(&self.access, &Event::read(body.as_bytes()).unwrap(), self.now()).await.unwrap();
        }
        for _ in 0..3 {
            self.access.apply_events(self.now()).await.unwrap();
            self.access.settle_due(self.now()).await.unwrap();
            *lock(&self.worked) += TimeDelta::seconds(1);
        }
    }

    /// Does some work, unless the node is killed in the middle of it: `None`.
    async fn unless_killed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut left = usize::MAX;
        if let Some(random) = &mut *lock(&self.killer)
            && random.u8(0..4) == 0
        {
            left = random.usize(0..60);
        }
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            if left == 0 {
                return std::task::Poll::Ready(None);
            }
            left -= 1;
            work.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Days pass, each with its work.
    async fn days(&self, days: i64, faults: WebhookFaults) {
        for _ in 0..days {
            *lock(&self.worked) = TimeDelta::zero();
            self.stripe.advance(DAY);
            self.work(faults).await;
        }
    }

    /// Somebody opens the page of a plan and pays.
    async fn buys(&self, member: i64, plan: &str) -> CheckoutPage {
        let buyer = Buyer {
            tenant: self.tenant.clone(),
            plan: plan.to_owned(),
            language: Language::Fr,
            member: Some(address(member)),
        };
        let page = buy(&self.access, &buyer, self.now()).await.unwrap();
        if let CheckoutPage::At(url, _) = &page {
            // A card that does not pay buys nothing.
            let _ = self.stripe.pay(url, address(member).as_str());
        }
        page
    }

    /// Something happens at the bot.
    async fn hears(&self, kind: ChannelEventKind) {
        let event = ChannelEvent {
            tenant: self.tenant.clone(),
            channel: ChannelId::new("belle-tg"),
            id: ProviderMessageId::new(&format!("TGu{}", Uuid::now_v7())),
            correlation: CorrelationId::fresh(),
            received_at: self.now(),
            kind,
        };
        self.access.take(event).await.unwrap();
    }

    fn is_in(&self, member: i64) -> bool {
        lock(&self.bot.in_chat).contains(address(member).as_str())
    }

    /// What a member was told, the kinds of notices and `link`.
    fn told(&self, member: i64) -> Vec<String> {
        let told = lock(&self.bot.told);
        let theirs = told.iter().filter(|(_, message)| message.to == address(member));
        theirs.map(|(key, _)| key.split(':').nth(2).unwrap().to_owned()).collect()
    }

    async fn only(&self) -> Subscription {
        let only = Tenants::Of([self.tenant.clone()].into());
        let mut rows = self.access.store.subscriptions(&only, &SubscriptionFilter::default(), 10).await.unwrap();
        assert_eq!(rows.len(), 1);
        rows.pop().unwrap()
    }
}

fn address(member: i64) -> Address {
    Address::from_normalised(&format!("telegram:{member}"))
}

fn owner() -> Caller {
    Caller { tenants: Tenants::Of([TenantId::new("belle")].into()), ..Caller::command_line() }
}

const CALM: WebhookFaults = WebhookFaults { seed: 0, shuffled: false, repeated: false, lost: false, strange: false };

#[actix_web::test]
async fn a_member_is_somebody_whom_the_plans_bot_knows() {
    let (store, _folder) = tests::fresh().await;
    let world = World::new(&store);
    let sold = &world.access;
    let member = |plan: &str, written: &str| sold.member((&TenantId::new("belle"), plan), written);
    assert_eq!(member("premium", " 7 ").unwrap(), address(7));
    assert_eq!(member("premium", "telegram:7").unwrap(), address(7));
    for (written, wrong) in [
        ("whatsapp:+33612345678", AddressError::OtherScheme),
        ("fax:1", AddressError::UnknownScheme),
        ("@nadia", AddressError::BadTelegramId),
    ] {
        let found = member("premium", written);
        assert!(matches!(found, Err(AccessError::BadMember(error)) if error == wrong), "{written}: {found:?}");
    }
    assert!(matches!(member("gold", "7"), Err(AccessError::UnknownPlan)));
}

async fn a_life(store: Store) {
    let world = World::new(&store);
    world.buys(1, "premium").await;
    world.work(WebhookFaults { strange: true, ..CALM }).await;
    assert!(world.is_in(1), "paid and in");
    let mut told = world.told(1);
    told.sort();
    assert_eq!(told, ["link", "payment_received"]);
    assert_eq!(world.buys(1, "premium").await, CheckoutPage::AlreadyPaid);
    // A month later the card fails: the grace, its warnings, and out.
    world.stripe.let_cards_pay(false);
    world.days(30, CALM).await;
    assert!(world.is_in(1), "in its grace");
    assert_eq!(world.only().await.state.as_str(), "grace");
    world.days(4, CALM).await;
    assert!(world.is_in(1));
    world.days(2, CALM).await;
    assert!(!world.is_in(1), "the grace is over");
    let mut told = world.told(1);
    told.sort();
    let expected = ["access_ended", "grace_ends_1d", "grace_ends_3d", "link", "payment_failed", "payment_received"];
    assert_eq!(told, expected, "each once");
    assert!(lock(&world.bot.banned).is_empty(), "who is out may come back");
    let failed = lock(&world.bot.told).iter().find(|(key, _)| key.contains("payment_failed")).unwrap().1.clone();
    assert!(failed.text.unwrap().contains("Accès conservé jusqu'au 6 décembre 2026"));
    // The card works again, and so does the way in.
    world.stripe.let_cards_pay(true);
    world.days(1, CALM).await;
    assert!(world.is_in(1), "paid again");
    // A refund ends it at once.
    let row = world.only().await;
    refund(&owner(), &world.access, row.id, world.now()).await.unwrap();
    world.work(CALM).await;
    assert!(!world.is_in(1));
    assert_eq!(world.only().await.state.as_str(), "revoked");
    assert_eq!(world.stripe.refused(), 0, "every request named the key and the account");
    let caller = owner();
    let (months, figures) = revenue(&caller, &world.access, &caller.tenants, world.now()).await.unwrap();
    let told: Vec<_> = months
        .iter()
        .map(|one| (one.month.as_str(), one.currency.as_str(), one.paid, one.refunded, one.payments))
        .collect();
    assert_eq!(told, [("2026-12", "eur", 999, 999, 1), ("2026-11", "eur", 999, 0, 1)]);
    assert_eq!(figures.with_access, 0);
}

async fn once_by_hand_and_for_nobody(store: Store) {
    let world = World::new(&store);
    world.stripe.speak(Shape::Old);
    world.buys(1, "forever").await;
    world.work(CALM).await;
    world.days(400, CALM).await;
    assert!(world.is_in(1), "bought once, for ever");
    let id = world.only().await.id;
    world.stripe.refund(&world.only().await.provider_subscription.unwrap());
    world.work(CALM).await;
    assert!(!world.is_in(1));
    // By hand, with an end.
    let until = world.now() + TimeDelta::days(10);
    let caller = owner();
    grant(&caller, &world.access, (&world.tenant, "premium"), &address(2), Some(until), world.now()).await.unwrap();
    world.work(CALM).await;
    assert!(world.is_in(2));
    world.days(11, CALM).await;
    assert!(!world.is_in(2));
    // A payer who has not come to the bot is let in when they come, and nobody else by the same purchase.
    let buyer =
        Buyer { tenant: world.tenant.clone(), plan: "premium".to_owned(), language: Language::En, member: None };
    let CheckoutPage::At(url, row) = buy(&world.access, &buyer, world.now()).await.unwrap() else { panic!() };
    assert!(world.stripe.pay(&url, "x@example.com"));
    world.work(CALM).await;
    assert!(claim(&world.access, &world.tenant, row, &address(3), world.now()).await.unwrap());
    assert!(!claim(&world.access, &world.tenant, row, &address(4), world.now()).await.unwrap());
    world.work(CALM).await;
    assert!(world.is_in(3) && !world.is_in(4));
    // Another tenant's person reaches none of it.
    let stranger = Caller { tenants: Tenants::Of([TenantId::new("taxi")].into()), ..Caller::command_line() };
    let refused = revoke(&stranger, &world.access, id, world.now()).await;
    assert!(matches!(refused, Err(AccessError::Service(ServiceError::NotFound("subscription")))));
}

async fn away_and_back(store: Store) {
    let world = World::new(&store);
    world.buys(1, "premium").await;
    world.stripe.go_away(true);
    for (body, _) in world.stripe.posts(CALM) {
        take_stripe_event(&world.access, &Event::read(body.as_bytes()).unwrap(), world.now()).await.unwrap();
    }
    for _ in 0..3 {
        world.access.apply_events(world.now()).await.unwrap();
    }
    assert!(!world.is_in(1), "nobody knows yet");
    world.stripe.go_away(false);
    world.days(1, CALM).await;
    assert!(world.is_in(1), "what was kept was applied");
}

async fn a_bot_without_rights(store: Store) {
    let world = World::new(&store);
    world.bot.has_rights.store(false, Ordering::Relaxed);
    world.buys(1, "premium").await;
    world.work(CALM).await;
    let asked = || world.bot.asked.load(Ordering::Relaxed);
    assert_eq!(asked(), 1, "what was refused for good is not asked for again at once");
    let alerts = || lock(&world.bot.told).values().filter(|message| message.to == address(99)).count();
    assert_eq!(alerts(), 1);
    *lock(&world.worked) += TimeDelta::minutes(11);
    world.work(CALM).await;
    assert_eq!((asked(), alerts()), (2, 1), "asked again after a while, and nobody is told twice");
    // The bot is made an administrator again: at once, all that waits is made up for.
    world.bot.has_rights.store(true, Ordering::Relaxed);
    let able = OwnRights { membership: Membership::Administrator, can_invite: true, can_restrict: true };
    world.hears(ChannelEventKind::OwnRightsChanged { chat: Address::from_normalised(CHAT), rights: able }).await;
    world.work(CALM).await;
    assert!(world.is_in(1), "paid, and in");
    // Lost again, and told of again.
    let unable = OwnRights { can_restrict: false, ..able };
    world.hears(ChannelEventKind::OwnRightsChanged { chat: Address::from_normalised(CHAT), rights: unable }).await;
    assert_eq!(alerts(), 2);
}

async fn told_by_mail(store: Store) {
    let world = World::new(&store);
    world.stripe.let_cards_end(12, 2026);
    let buyer =
        Buyer { tenant: world.tenant.clone(), plan: "premium".to_owned(), language: Language::Fr, member: None };
    let CheckoutPage::At(url, row) = buy(&world.access, &buyer, world.now()).await.unwrap() else { panic!() };
    assert!(world.stripe.pay(&url, "awa@example.com"));
    world.work(CALM).await;
    let mails = || -> Vec<(String, String, String)> {
        let told = lock(&world.bot.told);
        let mails = told.iter().filter(|(_, message)| message.to.as_str() == "mailto:awa@example.com");
        let mail = |(key, message): (&String, &OutgoingMessage)| {
            let subject = message.presentation.clone().unwrap().subject.unwrap();
            (key.split(':').nth(2).unwrap().to_owned(), subject, message.text.clone().unwrap())
        };
        mails.map(mail).collect()
    };
    let first = mails();
    let [(kind, subject, text)] = &first[..] else { panic!("{first:?}") };
    assert_eq!((kind.as_str(), subject.as_str()), ("payment_received", "Accès Premium : Paiement reçu"));
    assert!(text.contains("/invoice/in_sim"), "the receipt: {text}");
    let page = text.split_whitespace().find(|word| word.contains("/p/belle/premium/own?s=")).unwrap();
    let token = page.rsplit_once('=').unwrap().1;
    assert_eq!(world.access.bought(token), Some(row), "the way in, for who has not come to the bot yet");
    assert!(claim(&world.access, &world.tenant, row, &address(1), world.now()).await.unwrap());
    world.work(CALM).await;
    assert!(world.is_in(1));
    world.days(32, CALM).await;
    world.stripe.let_cards_pay(false);
    world.days(60, CALM).await;
    let mut kinds: Vec<_> = mails().into_iter().map(|(kind, ..)| kind).collect();
    kinds.sort();
    let expected = [
        "access_ended",
        "card_expiring",
        "grace_ends_1d",
        "grace_ends_3d",
        "link",
        "payment_failed",
        "payment_received",
        "payment_received",
    ];
    assert_eq!(kinds, expected, "each once");
    let failed = mails().into_iter().find(|(kind, ..)| kind == "payment_failed").unwrap().2;
    assert!(failed.contains("Payer : http") && failed.contains("/invoice/in_sim"), "{failed}");
}

mod audit;
mod bot;
mod lives;
mod moving;
mod own;
mod trouble;

use self::audit::{chats_hold_who_paid, stars_that_nobody_told};
use self::bot::Bot;
use self::moving::{moved_by_one_of_many, moved_once_by_people};
use self::own::statements_without_an_account;
use self::trouble::{
    a_chat_that_migrates, accounts_that_cannot_be_paid, begun_and_never_paid, ended_by_people, paid_and_never_told,
    paid_twice_and_told, paid_while_being_removed, seen_outside_while_invited, stars_for_others,
};

macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[actix_web::test]
            async fn $name() {
                let (store, _folder) = super::tests::fresh().await;
                super::$name(store).await;
            })*
        }

        mod postgres {
            $(#[actix_web::test]
            async fn $name() {
                let (store, _database) = super::tests::postgres::fresh().await;
                super::$name(store).await;
            })*
        }
    };
}

on_both! { a_life once_by_hand_and_for_nobody away_and_back a_bot_without_rights told_by_mail chats_hold_who_paid stars_that_nobody_told statements_without_an_account
moved_once_by_people moved_by_one_of_many paid_twice_and_told ended_by_people accounts_that_cannot_be_paid a_chat_that_migrates
stars_for_others seen_outside_while_invited paid_while_being_removed paid_and_never_told begun_and_never_paid }

/// One random life of several members, and whether the chat holds in the end who Stripe's books entitle.
async fn lives(world: &World, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let members = 1..=3_i64;
    for step in 0..12 {
        let faults = WebhookFaults {
            seed: seed.wrapping_mul(31).wrapping_add(step),
            shuffled: random.bool(),
            repeated: random.bool(),
            lost: random.bool(),
            strange: random.u8(0..5) == 0,
        };
        let subscriptions = world.stripe.subscriptions();
        let some = (!subscriptions.is_empty()).then(|| random.choice(&subscriptions).cloned()).flatten();
        match (random.u8(0..9), some) {
            (0..=2, _) => {
                let member = random.i64(members.clone());
                world.buys(member, if random.u8(0..5) == 0 { "forever" } else { "premium" }).await;
            }
            (3, Some(bought)) => world.stripe.refund(&bought),
            (4, Some(bought)) => {
                world.stripe.dispute(&bought, *random.choice(&[None, Some("won"), Some("lost")]).unwrap())
            }
            (5, Some(bought)) => world.stripe.cancel(&bought),
            (6, _) => world.stripe.let_cards_pay(random.bool()),
            _ => {}
        }
        world.work(faults).await;
        let days = *random.choice(&[0, 0, 1, 3, 6, 31]).unwrap();
        world.days(days, faults).await;
    }
    // Whatever was lost is made up for by one reconciliation.
    let caller = owner();
    reconcile(&caller, &world.access, &caller.tenants, world.now()).await.unwrap();
    world.work(CALM).await;
    let (now, mut expected) = (world.stripe.now().timestamp(), BTreeSet::new());
    for (_, member, until) in world.stripe.entitled(5 * DAY) {
        if now < until {
            expected.insert(member);
        }
    }
    let rows = world.access.store.subscriptions(&caller.tenants, &SubscriptionFilter::default(), 100).await.unwrap();
    let ledgers: Vec<_> = rows.iter().map(|row| (&row.address, row.state, &row.ledger)).collect();
    assert_eq!(*lock(&world.bot.in_chat), expected, "seed {seed}, {}: {ledgers:#?}", world.stripe.now());
    assert!(lock(&world.bot.banned).is_empty(), "seed {seed}: who is out may come back");
    assert_eq!((world.stripe.refused(), world.stripe.faults()), (0, Vec::new()));
}

/// How many lives are played: some, or as many as `PALABRE_LIVES` says.
fn lives_asked_for() -> u64 {
    std::env::var("PALABRE_LIVES").ok().and_then(|lives| lives.parse().ok()).unwrap_or(144)
}

#[actix_web::test]
async fn i13_whatever_happens_the_chat_holds_who_paid_after_one_reconciliation() {
    for seed in 0..lives_asked_for().div_ceil(12) {
        let (store, _folder) = tests::fresh().await;
        lives(&World::new(&store), seed).await;
    }
}

#[actix_web::test]
async fn every_state_of_a_place_has_a_word() {
    use GrantState::{In, Invited, Inviting, Out, Removing, Unbanning};
    let words: BTreeSet<_> = [Inviting, Invited, In, Removing, Unbanning, Out].map(GrantState::as_str).into();
    assert_eq!(words.len(), 6);
    assert!(Uuid::max().to_string() > Uuid::now_v7().to_string());
}
