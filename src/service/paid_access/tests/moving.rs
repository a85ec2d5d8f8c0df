//! Purchases that are moved to another account (I12).

use super::*;
use crate::store::paid_access::PaymentEventFilter;

const BY_CARD: &str = "stripe";

impl World {
    /// Somebody pays by card on the plan's page and claims it at the bot; the purchase, and the token of their own page.
    async fn pays_and_claims(&self, member: i64) -> (Uuid, String) {
        let buyer =
            Buyer { tenant: self.tenant.clone(), plan: "premium".to_owned(), language: Language::Fr, member: None };
        let CheckoutPage::At(url, row) = buy(&self.access, &buyer, self.now()).await.unwrap() else { panic!() };
        assert!(self.stripe.pay(&url, "awa@example.com"));
        self.work(CALM).await;
        let token = self.access.links().unwrap().claim(row);
        self.says(member, &format!("claim_{token}")).await;
        self.work(CALM).await;
        assert!(self.is_in(member));
        (row, token)
    }

    pub(super) async fn says(&self, member: i64, payload: &str) {
        self.hears(ChannelEventKind::Started { from: address(member), payload: payload.to_owned() }).await;
    }

    async fn own_page_of(&self, token: &str) -> OwnPage {
        self.access.own(&self.tenant, token, Language::Fr, self.now()).await.unwrap().unwrap()
    }

    /// Whether somebody was told a text with this in it.
    pub(super) fn was_told(&self, member: i64, part: &str) -> usize {
        let told = lock(&self.bot.told);
        let theirs = told.values().filter(|message| message.to == address(member));
        theirs.filter(|message| message.text.as_deref().is_some_and(|text| text.contains(part))).count()
    }
}

pub(super) async fn moved_once_by_people(store: Store) {
    let world = World::new(&store);
    let (row, _) = world.pays_and_claims(1).await;
    let caller = owner();
    move_to(&caller, &world.access, row, &address(2), world.now()).await.unwrap();
    world.work(CALM).await;
    assert!(!world.is_in(1) && world.is_in(2), "the old account is out, the new one in");
    assert!(lock(&world.bot.banned).is_empty(), "who is out may come back");
    assert_eq!(world.was_told(1, "lié à un autre compte ;"), 1);
    // Nobody moves it again at once, and another tenant's people never.
    let again = move_to(&caller, &world.access, row, &address(3), world.now()).await;
    assert!(matches!(again, Err(AccessError::MovedLately)));
    let stranger = Caller { tenants: Tenants::Of([TenantId::new("taxi")].into()), ..Caller::command_line() };
    let refused = move_to(&stranger, &world.access, row, &address(3), world.now()).await;
    assert!(matches!(refused, Err(AccessError::Service(ServiceError::NotFound("subscription")))));
    // What was left behind is nobody's to move, and opens nothing.
    let rows = world.access.store.subscriptions_of_member(&world.tenant, &address(1)).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.state.as_str(), row.payer.as_str())).collect::<Vec<_>>(),
        [("expired", "hand")]
    );
    let left = move_to(&caller, &world.access, rows[0].id, &address(3), world.now()).await;
    assert!(matches!(left, Err(AccessError::NotSoldSo)));
    // The renewals follow the purchase.
    world.days(31, CALM).await;
    assert!(!world.is_in(1) && world.is_in(2));
    move_to(&caller, &world.access, row, &address(1), world.now()).await.unwrap();
    world.work(CALM).await;
    assert!(world.is_in(1) && !world.is_in(2), "and back again after a month");
    world.stripe.refund(&world.stripe.subscriptions()[0]);
    world.work(CALM).await;
    assert!(!world.is_in(1) && !world.is_in(2));
    let noted = world.access.store.subscription(&caller.tenants, row).await.unwrap().unwrap();
    assert_eq!((noted.payer.as_str(), noted.state.as_str()), (BY_CARD, "revoked"));
}

pub(super) async fn moved_by_one_of_many(store: Store) {
    let world = World::new(&store);
    let (row, own) = world.pays_and_claims(1).await;
    let page = world.own_page_of(&own).await;
    assert!(page.move_token.is_none() && page.move_from.as_deref() == Some("1er décembre 2026"), "{page:?}");
    // The way in is no way to move, and a token that somebody kept holds for nobody before its time.
    let (token, _) = world.access.move_token(&world.only().await).unwrap();
    world.says(5, &format!("claim_{own}")).await;
    world.says(5, &format!("move_{token}")).await;
    world.work(CALM).await;
    assert!(world.is_in(1) && !world.is_in(5));
    world.days(31, CALM).await;
    let token = world.own_page_of(&own).await.move_token.expect("it may be moved now");
    // Several send it at once: one has it, and the others hear at once that they have not.
    let payload = format!("move_{token}");
    futures_util::join!(world.says(2, &payload), world.says(3, &payload), world.says(4, &payload));
    world.work(CALM).await;
    let inside: Vec<i64> = (1..=5).filter(|member| world.is_in(*member)).collect();
    assert!(inside.len() == 1 && (2..=4).contains(&inside[0]), "{inside:?}");
    let told = |part: &str| (2..=4).map(|member| world.was_told(member, part)).sum::<usize>();
    assert_eq!((told("C'est fait"), told("Ce lien ne vaut plus")), (1, 2));
    // Nor does the token hold any more; who has it and sends it again is told that they have it.
    world.says(1, &payload).await;
    world.says(inside[0], &payload).await;
    world.work(CALM).await;
    assert!(world.is_in(inside[0]) && !world.is_in(1));
    let moved =
        PaymentEventFilter { subscription: Some(row), kind: Some("member.move"), ..PaymentEventFilter::default() };
    let events = world.access.store.payment_events(&owner().tenants, &moved, 10).await.unwrap();
    assert_eq!(events.len(), 1, "it is in the purchase's history");
}
