//! Random lives of members, against a model of what they paid and did (I13): whatever is lost, repeated, reordered or cut short,
//! after one reconciliation and one audit the chat holds whom the model says.

use super::audit::{Rooms, watched};
use super::*;
use crate::gateway::channel_event::{Payment, Price, SubscriptionChange};
use crate::gateway::chat_directory::LoggedPayment;

/// Who pays by card, who pays in Stars, and who does not pay at all.
const BY_CARD: std::ops::RangeInclusive<i64> = 1..=5;
const IN_STARS: std::ops::RangeInclusive<i64> = 11..=15;
const STRANGERS: std::ops::RangeInclusive<i64> = 21..=22;
/// Accounts to which purchases are moved.
const OTHER_ACCOUNTS: std::ops::RangeInclusive<i64> = 31..=35;
const PERSONS: usize = 12;
/// What happens to them.
const STEPS: u64 = 16;
const PERIOD: TimeDelta = TimeDelta::days(30);
const GRACE: TimeDelta = TimeDelta::days(5);

/// A subscription in Stars, as the member knows it.
struct Bought {
    member: i64,
    /// What its invoice carried.
    payload: String,
    payments: Vec<Paid>,
    is_cancelled: bool,
}

struct Paid {
    charge: String,
    until: Timestamp,
    is_refunded: bool,
    /// Whether an update told of it.
    is_told: bool,
}

impl Bought {
    fn paid_until(&self) -> Option<Timestamp> {
        self.payments.iter().filter(|paid| !paid.is_refunded).map(|paid| paid.until).max()
    }

    /// Whether they may be in: while it is paid, and for the grace, unless it was cancelled, or what runs was given back.
    fn opens(&self, now: Timestamp) -> bool {
        let Some(paid) = self.paid_until() else { return false };
        let is_cut = self.payments.iter().any(|one| one.is_refunded && now < one.until);
        now < paid || (now < paid + GRACE && !self.is_cancelled && !is_cut)
    }

    /// Whether the provider renews it.
    fn renews(&self) -> bool {
        !self.is_cancelled && self.payments.iter().all(|one| !one.is_refunded)
    }
}

/// The world, and what its people know.
struct Model {
    world: World,
    rooms: Arc<Rooms>,
    random: fastrand::Rng,
    bought: Vec<Bought>,
    /// Access by hand.
    granted: Vec<(i64, Timestamp)>,
    /// Who left the chat by themselves.
    left: BTreeSet<i64>,
    /// Whose purchases by card were moved to them, by what Stripe calls what was bought.
    moved: BTreeMap<String, i64>,
    next_charge: u32,
}

impl Model {
    fn new(store: &Store, seed: u64) -> Self {
        let (world, rooms) = watched(store);
        let random = fastrand::Rng::with_seed(seed);
        let (bought, granted, left, moved) = (Vec::new(), Vec::new(), BTreeSet::new(), BTreeMap::new());
        *lock(&world.killer) = Some(fastrand::Rng::with_seed(seed.wrapping_add(1)));
        Self { world, rooms, random, bought, granted, left, moved, next_charge: 0 }
    }

    /// One in so many.
    fn one_in(&mut self, many: u8) -> bool {
        self.random.u8(0..many) == 0
    }

    fn faults(&mut self, step: u64) -> WebhookFaults {
        WebhookFaults {
            seed: self.random.u64(..).wrapping_add(step),
            shuffled: self.random.bool(),
            repeated: self.random.bool(),
            lost: self.random.bool(),
            strange: self.one_in(5),
        }
    }

    async fn step(&mut self, step: u64) {
        let faults = self.faults(step);
        let member = self.random.i64(IN_STARS);
        match self.random.u8(0..18) {
            0..=1 => {
                let (member, once) = (self.random.i64(BY_CARD), self.one_in(5));
                self.world.buys(member, if once { "forever" } else { "premium" }).await;
            }
            2 => self.card_trouble(),
            3..=5 => self.pays_in_stars(member).await,
            6 => self.takes_stars_back(member).await,
            7 => self.cancels_stars(member).await,
            8 => self.leaves().await,
            9 => self.asks_to_join().await,
            10 => {
                let who = self.random.i64(STRANGERS);
                self.world.comes_in(who).await;
            }
            11 => self.bot_loses_or_gets_rights().await,
            12 => self.a_node_is_killed().await,
            13 => self.changes_the_account().await,
            14 => self.resumes(),
            15 => self.stripe_is_away(faults).await,
            16 => self.telegram_is_away(faults).await,
            _ => self.is_given_access(member).await,
        }
        self.world.work(faults).await;
        let days = *self.random.choice(&[0, 1, 3, 6, 31]).unwrap();
        self.days(days, faults).await;
        if self.one_in(4) {
            self.world.audits().await;
        }
        self.who_is_in_has_not_left();
    }

    fn who_is_in_has_not_left(&mut self) {
        let world = &self.world;
        self.left.retain(|member| !world.is_in(*member));
    }

    fn card_trouble(&mut self) {
        let stripe = &self.world.stripe;
        let bought = stripe.subscriptions();
        match (self.random.u8(0..4), self.random.choice(&bought)) {
            (0, Some(bought)) => stripe.refund(bought),
            (1, Some(bought)) => {
                stripe.dispute(bought, *self.random.choice(&[None, Some("won"), Some("lost")]).unwrap());
            }
            (2, Some(bought)) => stripe.cancel(bought),
            _ => stripe.let_cards_pay(self.random.bool()),
        }
    }

    /// Days pass; subscriptions in Stars are renewed, or are not.
    async fn days(&mut self, days: i64, faults: WebhookFaults) {
        for _ in 0..days {
            self.world.days(1, faults).await;
            let now = self.world.now();
            for at in 0..self.bought.len() {
                let one = &self.bought[at];
                // The provider renews what is not cancelled, once, on the day on which it ends.
                let ends = one.paid_until().filter(|end| *end <= now && now - *end < TimeDelta::days(1));
                if ends.is_none() || !one.renews() {
                    continue;
                }
                if self.random.u8(0..3) > 0 {
                    self.is_paid(at).await;
                } else {
                    self.changes(at, SubscriptionChange::RenewalFailed).await;
                }
            }
        }
    }

    /// Somebody comes by the plan's link and pays, unless it is paid: then nothing may be charged.
    async fn pays_in_stars(&mut self, member: i64) {
        let now = self.world.now();
        let mut theirs = self.bought.iter().filter(|one| one.member == member && !one.is_cancelled);
        let running = theirs.find(|one| one.paid_until().is_some_and(|until| now < until));
        if let Some(running) = running {
            let runs = |paid: &&Paid| now < paid.until && !paid.is_refunded;
            let is_known = running.payments.iter().filter(runs).any(|paid| paid.is_told);
            let payload = running.payload.clone();
            if is_known {
                assert!(!self.may_pay(member, &payload).await, "it is paid for already");
            }
            return;
        }
        self.world.hears(ChannelEventKind::Started { from: address(member), payload: "plan_premium".to_owned() }).await;
        let asked = lock(&self.world.bot.asked_otherwise).pop();
        let Some((_, invoice)) = asked.filter(|(kind, _)| kind == "invoice") else {
            // Somebody gave them access by hand, or the ledger knows better than they do.
            return;
        };
        let payload = invoice["payload"].as_str().unwrap().to_owned();
        if !self.may_pay(member, &payload).await {
            return;
        }
        self.bought.push(Bought { member, payload, payments: Vec::new(), is_cancelled: false });
        self.is_paid(self.bought.len() - 1).await;
    }

    /// What the bot answers when somebody is about to pay.
    async fn may_pay(&self, member: i64, payload: &str) -> bool {
        let (query, price) = ("q".to_owned(), stars());
        let payload = payload.to_owned();
        self.world.hears(ChannelEventKind::Checkout { query, from: address(member), price, payload }).await;
        let (kind, answer) = lock(&self.world.bot.asked_otherwise).pop().unwrap();
        assert_eq!(kind, "answer_checkout");
        answer["ok"].as_bool().unwrap()
    }

    /// A payment in Stars. It is on the bot's list; whether it is told of, and how often, is luck.
    async fn is_paid(&mut self, at: usize) {
        self.next_charge += 1;
        let (now, charge) = (self.world.now(), format!("charge-{}", self.next_charge));
        let (until, times) = (now + PERIOD, self.random.usize(0..3));
        let one = &mut self.bought[at];
        one.payments.push(Paid { charge: charge.clone(), until, is_refunded: false, is_told: times > 0 });
        let (member, payload) = (one.member, one.payload.clone());
        self.lists(&payload, &charge, false);
        for _ in 0..times {
            let paid = Payment {
                from: address(member),
                price: stars(),
                payload: payload.clone(),
                charge: charge.clone(),
                paid_until: Some(until),
                is_recurring: true,
                is_first_recurring: false,
            };
            self.world.hears(ChannelEventKind::Paid(paid)).await;
        }
    }

    async fn takes_stars_back(&mut self, member: i64) {
        let is_told = self.random.bool();
        let theirs = self.bought.iter_mut().filter(|one| one.member == member);
        let mut payments = theirs
            .filter_map(|one| Some((one.payload.clone(), one.payments.iter_mut().rfind(|paid| !paid.is_refunded)?)));
        let Some((payload, paid)) = payments.next_back() else { return };
        paid.is_refunded = true;
        let charge = paid.charge.clone();
        self.lists(&payload, &charge, true);
        if is_told {
            let refunded = ChannelEventKind::Refunded { from: address(member), price: stars(), payload, charge };
            self.world.hears(refunded).await;
        }
    }

    async fn cancels_stars(&mut self, member: i64) {
        let now = self.world.now();
        let runs = |one: &Bought| one.member == member && one.paid_until().is_some_and(|until| now < until);
        if let Some(at) = self.bought.iter().position(|one| runs(one) && !one.is_cancelled) {
            self.bought[at].is_cancelled = true;
            self.changes(at, SubscriptionChange::Cancelled).await;
        }
    }

    /// The list of payments has no word of it: updates alone tell, which the provider repeats until they are taken.
    async fn changes(&self, at: usize, change: SubscriptionChange) {
        let one = &self.bought[at];
        let (from, payload) = (address(one.member), one.payload.clone());
        self.world.hears(ChannelEventKind::SubscriptionChanged { from, payload, change }).await;
    }

    fn lists(&self, payload: &str, charge: &str, is_refund: bool) {
        lock(&self.rooms.payments).push(LoggedPayment {
            payload: Some(payload.to_owned()),
            charge: charge.to_owned(),
            at: self.world.now(),
            price: stars(),
            period: Some(PERIOD),
            is_refund,
        });
    }

    async fn leaves(&mut self) {
        let inside: Vec<i64> = BY_CARD.chain(IN_STARS).filter(|member| self.world.is_in(*member)).collect();
        let Some(member) = self.random.choice(&inside).copied() else { return };
        lock(&self.world.bot.in_chat).remove(address(member).as_str());
        self.left.insert(member);
        if self.random.bool() {
            let (before, after) = (Membership::Member, Membership::Outside);
            let (chat, who) = (Address::from_normalised(CHAT), address(member));
            self.world.hears(ChannelEventKind::MemberChanged { chat, who, before, after, invite_link: None }).await;
        }
    }

    /// Anybody may ask, by a link that somebody passed on.
    async fn asks_to_join(&mut self) {
        let anybody: Vec<i64> = BY_CARD.chain(IN_STARS).chain(STRANGERS).collect();
        let who = *self.random.choice(&anybody).unwrap();
        let (chat, from) = (Address::from_normalised(CHAT), address(who));
        self.world.hears(ChannelEventKind::JoinRequested { chat, from, invite_link: None, query: None }).await;
    }

    async fn bot_loses_or_gets_rights(&mut self) {
        let may = self.random.bool();
        self.world.bot.has_rights.store(may, Ordering::Relaxed);
        if self.random.bool() {
            let rights = OwnRights { membership: Membership::Administrator, can_invite: may, can_restrict: may };
            self.world.hears(ChannelEventKind::OwnRightsChanged { chat: Address::from_normalised(CHAT), rights }).await;
        }
    }

    /// It had taken work, and another node takes it over when that time is up.
    async fn a_node_is_killed(&self) {
        let (now, until) = (self.world.now(), self.world.now() + TimeDelta::seconds(60));
        self.world.access.store.claim_subscriptions(now, until, 50).await.unwrap();
        self.world.access.store.claim_payment_events(now, until, 20).await.unwrap();
        *lock(&self.world.worked) += TimeDelta::seconds(61);
    }

    /// Support gives somebody's purchase to another account of theirs.
    async fn changes_the_account(&mut self) {
        let (world, now) = (&self.world, self.world.now());
        let filter = SubscriptionFilter::default();
        let rows = world.access.store.subscriptions(&owner().tenants, &filter, 200).await.unwrap();
        let paid: Vec<_> =
            rows.iter().filter(|row| row.payer.as_str() == "stripe" && row.state.gives_access()).collect();
        let to = self.random.i64(OTHER_ACCOUNTS);
        let Some(row) = self.random.choice(&paid) else { return };
        let Some(bought) = row.provider_subscription.clone() else { return };
        if move_to(&owner(), &world.access, row.id, &address(to), now).await.is_ok() {
            self.moved.insert(bought, to);
        }
    }

    fn resumes(&mut self) {
        let bought = self.world.stripe.subscriptions();
        if let Some(bought) = self.random.choice(&bought) {
            self.world.stripe.resume(bought);
        }
    }

    /// For some hours nobody at Stripe answers; what it tells is kept.
    async fn stripe_is_away(&mut self, faults: WebhookFaults) {
        self.world.stripe.go_away(true);
        self.world.work(faults).await;
        self.hours_pass();
        self.world.work(faults).await;
        self.world.stripe.go_away(false);
    }

    /// For some hours the bot does nothing of what it is asked to do.
    async fn telegram_is_away(&mut self, faults: WebhookFaults) {
        self.world.bot.is_away.store(true, Ordering::Relaxed);
        let member = self.random.i64(BY_CARD);
        self.world.buys(member, "premium").await;
        self.world.gets_on(faults).await;
        self.hours_pass();
        self.world.gets_on(faults).await;
        self.world.bot.comes_back().await;
    }

    /// Some hours of the day, as long as it has so many.
    fn hours_pass(&mut self) {
        let (hours, mut worked) = (TimeDelta::hours(self.random.i64(1..20)), lock(&self.world.worked));
        if *worked + hours < TimeDelta::hours(20) {
            *worked += hours;
        }
    }

    async fn is_given_access(&mut self, member: i64) {
        let (world, now) = (&self.world, self.world.now());
        let until = now + TimeDelta::days(10);
        let plan = (&world.tenant, "premium");
        grant(&owner(), &world.access, plan, &address(member), Some(until), now).await.unwrap();
        self.granted.push((member, until));
    }

    /// Everything that was lost is made up for.
    async fn reconciles(&mut self) {
        let world = &self.world;
        *lock(&world.killer) = None;
        world.bot.has_rights.store(true, Ordering::Relaxed);
        let caller = owner();
        let came_to = reconcile(&caller, &world.access, &caller.tenants, world.now()).await.unwrap();
        assert_eq!(came_to.failed, 0);
        *lock(&world.worked) += TimeDelta::minutes(11);
        world.work(CALM).await;
        // The last audit may have been a moment ago.
        self.days(2, CALM).await;
        let world = &self.world;
        reconcile(&caller, &world.access, &caller.tenants, world.now()).await.unwrap();
        world.audits().await;
        *lock(&world.worked) += TimeDelta::minutes(11);
        world.work(CALM).await;
        self.who_is_in_has_not_left();
    }

    /// Who may be in the chat.
    fn expected(&self) -> BTreeSet<String> {
        let now = self.world.now();
        let by_card = self.world.stripe.entitled(5 * DAY).into_iter();
        let by_card = by_card.filter(|(_, _, until)| self.world.stripe.now().timestamp() < *until);
        let by_card = by_card.map(|(bought, payer, _)| match self.moved.get(&bought) {
            Some(other) => address(*other).as_str().to_owned(),
            None => payer,
        });
        let in_stars = self.bought.iter().filter(|one| one.opens(now)).map(|one| one.member);
        let given = self.granted.iter().filter(|(_, until)| now < *until).map(|(member, _)| *member);
        let name = |member: i64| address(member).as_str().to_owned();
        let mut expected: BTreeSet<String> = by_card.chain(in_stars.chain(given).map(name)).collect();
        for left in &self.left {
            expected.remove(&name(*left));
        }
        expected
    }
}

fn stars() -> Price {
    Price { currency: "XTR".to_owned(), amount: 500 }
}

/// Plays one life of everybody. Returns how many people it was.
async fn life(seed: u64) -> usize {
    let (store, _folder) = tests::fresh().await;
    let mut model = Model::new(&store, seed);
    for step in 0..STEPS {
        model.step(step).await;
    }
    model.reconciles().await;
    let (world, expected) = (&model.world, model.expected());
    let rows = world.access.store.subscriptions(&owner().tenants, &SubscriptionFilter::default(), 200).await.unwrap();
    let ledgers: Vec<_> = rows.iter().map(|row| (&row.address, row.state, &row.ledger)).collect();
    assert_eq!(*lock(&world.bot.in_chat), expected, "seed {seed}, {}: {ledgers:#?}", world.now());
    assert!(lock(&world.bot.banned).is_empty(), "seed {seed}: who is out may come back");
    assert_eq!((world.stripe.refused(), world.stripe.faults()), (0, Vec::new()), "seed {seed}");
    PERSONS
}

#[actix_web::test]
async fn i13_random_lives_end_as_the_model_says() {
    let mut lives = 0;
    for seed in 0..lives_asked_for().div_ceil(12) {
        lives += life(seed).await;
    }
    println!("{lives} lives of {STEPS} steps each");
}
