//! Audits of chats and of payments in Stars, against a chat that tells who is in it.

use palabre_actors::ports::Pending;

use super::*;
use crate::gateway::channel_event::Price;
use crate::gateway::chat_directory::{ChatDirectory, ChatPlace, DirectoryError, LoggedPayment, PaymentPage, WaitedFor};
use crate::store::paid_access::ChatFinding;

const OWNER: i64 = 70;
const ROBOT: i64 = 71;

/// Tells who is in the bot's chat.
pub(super) struct Rooms {
    bot: Arc<Bot>,
    pub(super) payments: Mutex<Vec<LoggedPayment>>,
}

impl ChatDirectory for Rooms {
    fn place<'a>(&'a self, _: &'a Address, who: &'a Address) -> Pending<'a, Result<ChatPlace, DirectoryError>> {
        let membership = if *who == address(OWNER) {
            Membership::Owner
        } else if lock(&self.bot.in_chat).contains(who.as_str()) {
            Membership::Member
        } else {
            Membership::Outside
        };
        Box::pin(async move { Ok(ChatPlace { membership, is_bot: *who == address(ROBOT) }) })
    }

    fn own_rights<'a>(&'a self, _: &'a Address) -> Pending<'a, Result<OwnRights, DirectoryError>> {
        let may = self.bot.has_rights.load(Ordering::Relaxed);
        Box::pin(
            async move { Ok(OwnRights { membership: Membership::Administrator, can_invite: may, can_restrict: may }) },
        )
    }

    fn payments(&self, from: u64) -> Pending<'_, Result<PaymentPage, DirectoryError>> {
        let all = lock(&self.payments);
        let payments = all.iter().skip(usize::try_from(from).unwrap()).cloned().collect();
        let next = u64::try_from(all.len()).unwrap();
        Box::pin(async move { Ok(PaymentPage { payments, next, is_last: true }) })
    }

    fn start_link<'a>(&'a self, start: &'a str) -> Pending<'a, Result<Option<String>, DirectoryError>> {
        Box::pin(async move { Ok(Some(format!("https://t.me/belle_bot?start={start}"))) })
    }

    fn answer<'a>(&'a self, answer: WaitedFor<'a>) -> Pending<'a, Result<(), DirectoryError>> {
        if let WaitedFor::Checkout { refusal, .. } = answer {
            let told = serde_json::json!({ "ok": refusal.is_none() });
            lock(&self.bot.asked_otherwise).push(("answer_checkout".to_owned(), told));
        }
        Box::pin(async { Ok(()) })
    }
}

pub(super) fn watched(store: &Store) -> (World, Arc<Rooms>) {
    let world = World::new(store);
    let rooms = Arc::new(Rooms { bot: Arc::clone(&world.bot), payments: Mutex::default() });
    let directory = Arc::clone(&rooms) as Arc<dyn ChatDirectory>;
    let mut seller = (*world.access.creators.get(&world.tenant).unwrap()).clone();
    seller.directories.insert(ChannelId::new("belle-tg"), directory);
    world.access.creators.replace([(world.tenant.clone(), seller)]);
    (world, rooms)
}

impl World {
    /// Audits what is due, and works off what follows.
    pub(super) async fn audits(&self) {
        self.access.plan_audits(self.now()).await.unwrap();
        self.access.read_stars_due(self.now()).await.unwrap();
        self.access.audit_due(self.now()).await.unwrap();
        self.work(CALM).await;
    }

    /// Somebody is seen to come in.
    pub(super) async fn comes_in(&self, member: i64) {
        lock(&self.bot.in_chat).insert(address(member).as_str().to_owned());
        let (before, after) = (Membership::Outside, Membership::Member);
        let (chat, who) = (Address::from_normalised(CHAT), address(member));
        self.hears(ChannelEventKind::MemberChanged { chat, who, before, after, invite_link: None }).await;
    }

    /// Who is not where they should be, as the last audit found it.
    async fn found(&self) -> Vec<(Address, Option<ChatFinding>)> {
        let caller = owner();
        let (_, seen) = chats(&caller, &self.access, &caller.tenants).await.unwrap();
        seen.into_iter().map(|member| (member.address, member.finding)).collect()
    }
}

pub(super) async fn chats_hold_who_paid(store: Store) {
    let (world, _rooms) = watched(&store);
    world.buys(1, "premium").await;
    world.buys(2, "premium").await;
    world.work(CALM).await;
    for stranger in [7, OWNER, ROBOT] {
        world.comes_in(stranger).await;
    }
    // Two nodes audit, and one of them does it.
    world.access.plan_audits(world.now()).await.unwrap();
    let asked = world.bot.asked.load(Ordering::Relaxed);
    let (one, other) = (world.access.clone(), world.access.clone());
    let both = futures_util::join!(one.audit_due(world.now()), other.audit_due(world.now()));
    both.0.and(both.1).unwrap();
    assert_eq!(world.bot.asked.load(Ordering::Relaxed), asked + 1, "removed once");
    world.audits().await;
    assert!(world.is_in(1) && world.is_in(2) && world.is_in(OWNER) && world.is_in(ROBOT) && !world.is_in(7));
    assert_eq!(world.found().await, [(address(7), Some(ChatFinding::Removed))]);
    // Once a day: who comes in meanwhile is seen tomorrow.
    world.comes_in(8).await;
    world.audits().await;
    assert!(world.is_in(8));
    // Who paid and left is missed; who had paid once and sneaked in is removed by their place.
    lock(&world.bot.in_chat).remove(address(2).as_str());
    world.stripe.refund(&world.stripe.subscriptions()[0]);
    world.days(2, CALM).await;
    assert!(!world.is_in(1));
    lock(&world.bot.in_chat).insert(address(1).as_str().to_owned());
    world.audits().await;
    assert!(!world.is_in(1) && !world.is_in(8));
    let expected =
        [(address(1), ChatFinding::Removed), (address(2), ChatFinding::Missing), (address(8), ChatFinding::Removed)];
    assert_eq!(world.found().await, expected.map(|(who, finding)| (who, Some(finding))));
    assert!(lock(&world.bot.banned).is_empty());
    // Without rights nothing is compared, and the creator hears of it.
    world.bot.has_rights.store(false, Ordering::Relaxed);
    world.days(2, CALM).await;
    world.audits().await;
    let told = lock(&world.bot.told).values().filter(|message| message.to == address(99)).count();
    assert_eq!(told, 1);
}

pub(super) async fn stars_that_nobody_told(store: Store) {
    let (world, rooms) = watched(&store);
    let (caller, now) = (owner(), world.now());
    let until = Some(now + TimeDelta::days(1));
    let id = grant(&caller, &world.access, (&world.tenant, "premium"), &address(1), until, now).await.unwrap();
    world.work(CALM).await;
    let listed = |is_refund: bool| LoggedPayment {
        // Of a refund nothing but the charge is told.
        payload: (!is_refund).then(|| id.to_string()),
        charge: "charge-1".to_owned(),
        at: now,
        price: Price { currency: "XTR".to_owned(), amount: 500 },
        period: Some(TimeDelta::days(30)),
        is_refund,
    };
    lock(&rooms.payments).push(listed(false));
    world.audits().await;
    world.days(2, CALM).await;
    assert!(world.is_in(1), "paid, though nobody told");
    // A store took the money back, of which no event comes.
    lock(&rooms.payments).push(listed(true));
    world.audits().await;
    assert!(!world.is_in(1));
    assert_eq!(world.only().await.state.as_str(), "revoked");
    let (months, _) = revenue(&caller, &world.access, &caller.tenants, now).await.unwrap();
    assert_eq!(months.len(), 1);
    assert_eq!((months[0].provider.as_str(), months[0].currency.as_str()), ("stars", "xtr"));
    assert_eq!((months[0].paid, months[0].refunded), (500, 500));
}
