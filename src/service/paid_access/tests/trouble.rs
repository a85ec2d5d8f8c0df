//! What goes wrong between a member, a creator and those who pay them: each is told, once, and nothing is paid for nothing.

use super::*;
use crate::gateway::channel_event::Price;
use crate::store::paid_access::PaymentEventFilter;

impl World {
    fn alerts(&self, part: &str) -> usize {
        self.was_told(99, part)
    }
}

pub(super) async fn paid_twice_and_told(store: Store) {
    let world = World::new(&store);
    let buyer = Buyer {
        tenant: world.tenant.clone(),
        plan: "premium".to_owned(),
        language: Language::Fr,
        member: Some(address(1)),
    };
    // Two pages are open, and both are paid.
    let mut pages = Vec::new();
    for _ in 0..2 {
        let CheckoutPage::At(url, _) = buy(&world.access, &buyer, world.now()).await.unwrap() else { panic!() };
        pages.push(url);
    }
    for page in &pages {
        assert!(world.stripe.pay(page, "awa@example.com"));
        world.work(CALM).await;
    }
    for _ in 0..2 {
        world.days(2, CALM).await;
    }
    assert_eq!(world.was_told(1, "deux fois pour la même période"), 1);
    assert_eq!(world.alerts("a payé deux fois"), 1);
    assert!(world.is_in(1));
    // One of the two is given back, and the member stays by the other one.
    let later = world.stripe.subscriptions()[1].clone();
    world.stripe.refund(&later);
    world.work(CALM).await;
    assert!(world.is_in(1), "the other purchase still opens the chat");
    // Who cancelled and comes back before the end hears that it still runs.
    world.stripe.cancel(&world.stripe.subscriptions()[0]);
    world.work(CALM).await;
    world.says(1, "plan_premium").await;
    assert_eq!(world.was_told(1, "Vous avez résilié, et votre accès est payé jusqu'au 1er décembre 2026"), 1);
}

pub(super) async fn ended_by_people(store: Store) {
    let world = World::new(&store);
    world.buys(1, "premium").await;
    world.work(CALM).await;
    // The payment system is away: access ends all the same, and the renewal as soon as it is back.
    world.stripe.go_away(true);
    let row = world.only().await;
    revoke(&owner(), &world.access, row.id, world.now()).await.unwrap();
    world.access.apply_events(world.now()).await.unwrap();
    world.access.settle_due(world.now()).await.unwrap();
    assert_eq!(world.only().await.state.as_str(), "revoked");
    world.stripe.go_away(false);
    world.days(40, CALM).await;
    assert!(!world.is_in(1));
    assert_eq!(world.only().await.ledger.payments().len(), 1, "nobody pays on for what they were put out of");
    // Cancelled, taken up again, and cancelled again: each counts.
    world.buys(2, "premium").await;
    world.work(CALM).await;
    let bought = world.stripe.subscriptions()[1].clone();
    let theirs = world.access.store.subscription_of_provider(crate::store::paid_access::Payer::Stripe, &bought).await;
    let token = world.access.links().unwrap().claim(theirs.unwrap().unwrap().id);
    for _ in 0..2 {
        let said = (Statement::Cancellation, "Awa");
        let taken = world.access.declare(&world.tenant, &token, said, world.now()).await.unwrap();
        assert!(taken.is_some(), "it renews, so it can be cancelled");
        world.work(CALM).await;
        let page = world.access.own(&world.tenant, &token, Language::Fr, world.now()).await.unwrap().unwrap();
        assert!(page.is_cancelled, "{page:?}");
        world.stripe.resume(&bought);
        world.work(CALM).await;
    }
    assert_eq!((world.stripe.refused(), world.stripe.faults()), (0, Vec::new()));
}

pub(super) async fn accounts_that_cannot_be_paid(store: Store) {
    let world = World::new(&store);
    world.buys(1, "premium").await;
    world.stripe.let_account_charge(true);
    world.work(CALM).await;
    assert_eq!(world.alerts("ne laisse plus votre compte encaisser"), 0);
    for _ in 0..2 {
        world.stripe.let_account_charge(false);
        world.work(CALM).await;
    }
    assert_eq!(world.alerts("ne laisse plus votre compte encaisser"), 1, "once a day");
    world.stripe.disconnect();
    world.work(CALM).await;
    world.work(CALM).await;
    assert_eq!(world.alerts("n'est plus relié"), 1);
    assert!(world.is_in(1), "what was paid counts");
}

pub(super) async fn a_chat_that_migrates(store: Store) {
    let world = World::new(&store);
    world.buys(1, "premium").await;
    world.work(CALM).await;
    let (from, to) = (Address::from_normalised(CHAT), Address::from_normalised(OTHER_CHAT));
    for _ in 0..2 {
        world.hears(ChannelEventKind::ChatMigrated { from: from.clone(), to: to.clone() }).await;
    }
    world.work(CALM).await;
    assert_eq!(world.alerts(OTHER_CHAT), 1);
    assert_eq!(world.told(1).iter().filter(|kind| *kind == "link").count(), 1, "who is in needs no other way in");
    let places = world.access.store.access_grants(&[world.only().await.id]).await.unwrap();
    assert_eq!(places.iter().map(|place| place.chat.as_str()).collect::<Vec<_>>(), [OTHER_CHAT]);
    // The file still names the old one: a reload changes nothing, and another node follows as well.
    let sold = sold_by_belle(store.operator(), Arc::clone(&world.bot) as _).creators;
    world.access.creators.replace(sold.now().iter().map(|(tenant, creator)| (tenant.clone(), (**creator).clone())));
    let chats = world.access.plan(&world.tenant, "premium").unwrap().chats;
    assert_eq!(chats, std::slice::from_ref(&to));
    world.buys(2, "premium").await;
    world.work(CALM).await;
    assert!(world.is_in(2));
    world.stripe.refund(&world.stripe.subscriptions()[0]);
    world.work(CALM).await;
    assert!(!world.is_in(1) && world.is_in(2), "out of the chat that it has become");
}

pub(super) async fn stars_for_others(store: Store) {
    let world = World::new(&store);
    world.says(1, "plan_premium").await;
    let (_, invoice) = lock(&world.bot.asked_otherwise).pop().unwrap();
    let payload = invoice["payload"].as_str().unwrap().to_owned();
    // The invoice is passed on, paid at another price, and at last by whom it was made for.
    for (from, amount, may) in [(2, 500, false), (1, 1, false), (1, 500, true)] {
        let (query, price) = ("q".to_owned(), Price { currency: "XTR".to_owned(), amount });
        let from = address(from);
        world.hears(ChannelEventKind::Checkout { query, from, price, payload: payload.clone() }).await;
        let (kind, answer) = lock(&world.bot.asked_otherwise).pop().unwrap();
        assert_eq!((kind.as_str(), answer["ok"].as_bool()), ("answer_checkout", Some(may)), "{answer}");
    }
}

#[actix_web::test]
async fn stripe_is_asked_and_answers_as_its_description_says() {
    for shape in [Shape::Current, Shape::Old] {
        let (store, _folder) = tests::fresh().await;
        let world = World::new(&store);
        world.stripe.speak(shape);
        world.stripe.set_webhook_urls(&["https://hooks.example.com/webhooks/stripe"]);
        // Everything that a plan can ask for, and an earlier purchase.
        let mut seller = (*world.access.creators.get(&world.tenant).unwrap()).clone();
        for plan in &mut seller.access.plans {
            (plan.tax, plan.promotion_codes, plan.trial) =
                (true, true, std::time::Duration::from_secs(7 * 24 * 60 * 60));
        }
        world.access.creators.replace([(world.tenant.clone(), seller)]);
        let member = 1;
        for plan in ["premium", "forever"] {
            world.buys(member, plan).await;
            world.work(CALM).await;
        }
        world.days(40, CALM).await;
        let stripe = world.access.stripe.clone().unwrap();
        let bought = world.stripe.subscriptions()[0].clone();
        world.stripe.dispute(&bought, None);
        world.work(CALM).await;
        let rows = world.access.store.subscriptions_of_member(&world.tenant, &address(member)).await.unwrap();
        for row in &rows {
            manage(&world.access, &world.tenant, row.id).await.unwrap();
        }
        refund(&owner(), &world.access, rows[1].id, world.now()).await.unwrap();
        cancel(&owner(), &world.access, rows[0].id, false, world.now()).await.unwrap();
        cancel(&owner(), &world.access, rows[0].id, true, world.now()).await.unwrap();
        connect(&owner(), &world.access, &world.tenant).await.unwrap();
        stripe.create_account("belle").await.unwrap();
        assert_eq!(stripe.webhook_endpoints().await.unwrap().len(), 1);
        world.access.catch_up(&Tenants::All, DateTime::UNIX_EPOCH, world.now()).await.unwrap();
        world.work(CALM).await;
        assert_eq!((world.stripe.refused(), world.stripe.faults()), (0, Vec::new()), "{shape:?}");
    }
}

/// Whoever is not in yet, and is seen not to be in, gets the invitation that is on its way all the same.
pub(super) async fn seen_outside_while_invited(store: Store) {
    let (world, _rooms) = super::audit::watched(&store);
    // The bot could not invite them; its rights come back, and an audit is the first to see it.
    world.bot.has_rights.store(false, Ordering::Relaxed);
    world.buys(1, "premium").await;
    world.work(CALM).await;
    assert!(!world.is_in(1));
    world.bot.has_rights.store(true, Ordering::Relaxed);
    world.audits().await;
    assert!(world.is_in(1), "an audit takes nobody's invitation away");
    // The provider is away, and tells meanwhile that they are outside.
    world.bot.is_away.store(true, Ordering::Relaxed);
    world.buys(2, "premium").await;
    world.gets_on(CALM).await;
    let (before, after) = (Membership::Banned, Membership::Outside);
    let (chat, who) = (Address::from_normalised(CHAT), address(2));
    world.hears(ChannelEventKind::MemberChanged { chat, who, before, after, invite_link: None }).await;
    world.bot.comes_back().await;
    world.work(CALM).await;
    assert!(world.is_in(2), "seen outside, and invited all the same");
}

/// Whoever pays anew while they are being removed is invited when their ban is lifted, and not before.
pub(super) async fn paid_while_being_removed(store: Store) {
    let world = World::new(&store);
    let (caller, plan) = (owner(), (&world.tenant, "premium"));
    let ended = grant(&caller, &world.access, plan, &address(1), None, world.now()).await.unwrap();
    world.work(CALM).await;
    assert!(world.is_in(1));
    world.bot.is_away.store(true, Ordering::Relaxed);
    revoke(&caller, &world.access, ended, world.now()).await.unwrap();
    world.gets_on(CALM).await;
    // Their ban is done, and nobody has looked since.
    world.bot.comes_back().await;
    grant(&caller, &world.access, plan, &address(1), None, world.now()).await.unwrap();
    world.access.settle_due(world.now()).await.unwrap();
    assert!(!world.is_in(1) && lock(&world.bot.banned).len() == 1, "no link for somebody who is banned");
    *lock(&world.worked) += TimeDelta::minutes(1);
    world.work(CALM).await;
    assert!(world.is_in(1) && lock(&world.bot.banned).is_empty());
}

/// What was paid and given back while nothing was told, for longer than Stripe keeps its events, is found by one reconciliation.
pub(super) async fn paid_and_never_told(store: Store) {
    let world = World::new(&store);
    let (caller, access) = (owner(), &world.access);
    assert_eq!(access.missing_since(world.now()).await.unwrap(), world.now() - TimeDelta::days(3), "nothing ever came");
    world.buys(1, "premium").await;
    world.buys(2, "forever").await;
    world.stripe.advance(40 * DAY);
    drop(world.stripe.posts(CALM));
    world.work(CALM).await;
    assert!(!world.is_in(1) && !world.is_in(2));
    let came_to = reconcile(&caller, access, &caller.tenants, world.now()).await.unwrap();
    assert_eq!((came_to.found, came_to.failed), (2, 0));
    world.work(CALM).await;
    assert!(world.is_in(1) && world.is_in(2));
    let forever = access.store.subscriptions_of_member(&world.tenant, &address(2)).await.unwrap().remove(0);
    world.stripe.refund(&forever.provider_subscription.unwrap());
    drop(world.stripe.posts(CALM));
    world.stripe.advance(40 * DAY);
    reconcile(&caller, access, &caller.tenants, world.now()).await.unwrap();
    world.work(CALM).await;
    assert!(!world.is_in(2), "what was given back ends access");
    // A node that was away for some days looks for what it missed from where it left off, as far back as Stripe can tell.
    let last = access.store.payment_events(&caller.tenants, &PaymentEventFilter::default(), 1).await.unwrap().remove(0);
    for (away, missing) in [(1, 3), (9, 9), (29, 29), (99, 30)] {
        let now = last.received_at + TimeDelta::days(away);
        assert_eq!(access.missing_since(now).await.unwrap(), now - TimeDelta::days(missing), "{away} days away");
    }
}

/// Who opens a page and does not pay is forgotten after three months; who paid is not.
pub(super) async fn begun_and_never_paid(store: Store) {
    let world = World::new(&store);
    world.buys(1, "premium").await;
    world.work(CALM).await;
    world.stripe.let_cards_pay(false);
    world.buys(2, "premium").await;
    world.buys(3, "forever").await;
    world.work(CALM).await;
    let rows = async || {
        let found =
            world.access.store.subscriptions(&owner().tenants, &SubscriptionFilter::default(), 10).await.unwrap();
        found.iter().filter_map(|row| row.address.clone()).collect::<Vec<_>>()
    };
    for (days, dropped) in [(89, 0), (91, 2), (91, 0)] {
        let later = world.now() + TimeDelta::days(days);
        assert_eq!(world.access.drop_abandoned(later).await.unwrap(), dropped, "after {days} days");
    }
    assert_eq!(rows().await, [address(1)]);
}
