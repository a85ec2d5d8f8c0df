//! What payers do without an account: their own page, cancellations, withdrawals.

use super::*;

const EMAIL: &str = "awa@example.com";

impl World {
    /// Somebody pays by card without having come to the bot; the token of their own page.
    async fn pays_from_the_page(&self) -> String {
        let buyer =
            Buyer { tenant: self.tenant.clone(), plan: "premium".to_owned(), language: Language::Fr, member: None };
        let CheckoutPage::At(url, row) = buy(&self.access, &buyer, self.now()).await.unwrap() else { panic!() };
        assert!(self.stripe.pay(&url, EMAIL));
        self.work(CALM).await;
        self.access.links().unwrap().claim(row)
    }

    async fn own(&self, token: &str) -> OwnPage {
        self.access.own(&self.tenant, token, Language::Fr, self.now()).await.unwrap().unwrap()
    }

    async fn declares(&self, token: &str, statement: Statement) -> Option<Acknowledged> {
        self.access.declare(&self.tenant, token, (statement, "Awa Diop"), self.now()).await.unwrap()
    }

    /// The texts of a kind that were written to an address.
    fn written(&self, to: &str, kind: &str) -> Vec<String> {
        let told = lock(&self.bot.told);
        let theirs = told.iter().filter(|(key, message)| message.to.as_str() == to && key.contains(kind));
        theirs.map(|(_, message)| message.text.clone().unwrap()).collect()
    }
}

pub(super) async fn statements_without_an_account(store: Store) {
    let world = World::new(&store);
    let token = world.pays_from_the_page().await;
    let mail = format!("mailto:{EMAIL}");
    let page = world.own(&token).await;
    assert!(page.can_cancel && page.is_by_card && !page.is_claimed && !page.is_cancelled);
    assert_eq!(page.withdraw_until.as_deref(), Some("15 novembre 2026"), "to the end of the fourteenth day");
    // The link comes to the e-mail with which it was paid, once an hour, and nobody else learns anything.
    for email in ["AWA@example.com ", EMAIL, "nobody@example.com"] {
        world.access.send_own_links(&world.tenant, email, world.now()).await.unwrap();
    }
    let links = world.written(&mail, ":own:");
    assert!(links.len() == 1 && links[0].contains(&format!("/p/belle/premium/own?s={token}")), "{links:?}");
    // A cancellation counts while the payment system is away.
    world.stripe.go_away(true);
    let taken = world.declares(&token, Statement::Cancellation).await.unwrap();
    assert!(taken.is_sent && taken.at.starts_with("1er novembre 2026 à 13:00"), "{taken:?}");
    world.access.apply_events(world.now()).await.unwrap();
    world.stripe.go_away(false);
    world.days(1, CALM).await;
    let page = world.own(&token).await;
    assert!(page.is_cancelled && !page.can_cancel && page.withdraw_until.is_some());
    assert_eq!(world.declares(&token, Statement::Cancellation).await, None, "it is cancelled");
    let said = world.written(&mail, "member.cancellation");
    assert!(said.len() == 1 && said[0].contains("au nom de Awa Diop") && said[0].contains("13:00"), "{said:?}");
    // A withdrawal, twice: one acknowledgement, and the creator hears of it once.
    for _ in 0..2 {
        assert!(world.declares(&token, Statement::Withdrawal).await.unwrap().is_sent);
        world.work(CALM).await;
    }
    assert_eq!(world.written(&mail, "member.withdrawal").len(), 1);
    let alerts = world.written(address(99).as_str(), "withdrawn");
    assert!(alerts.len() == 1 && alerts[0].contains("quatorze jours"), "{alerts:?}");
    let page = world.own(&token).await;
    assert!(page.withdrawn_at.is_some() && page.withdraw_until.is_none());
    assert_eq!(page.state, SubscriptionState::Active, "the seller gives back what is due, and that ends it");
    world.days(30, CALM).await;
    assert_eq!(world.own(&token).await.state, SubscriptionState::Expired, "not renewed, without a grace");
    // Fifteen days later it is too late for a purchase of its own.
    let token = world.pays_from_the_page().await;
    world.days(14, CALM).await;
    assert!(world.own(&token).await.withdraw_until.is_some());
    world.days(1, CALM).await;
    assert!(world.own(&token).await.withdraw_until.is_none());
    assert_eq!(world.declares(&token, Statement::Withdrawal).await, None);
    // A link of somebody else's making opens nothing.
    let last = if token.ends_with('0') { '1' } else { '0' };
    let forged = format!("{}{last}", &token[..token.len() - 1]);
    assert!(world.access.own(&world.tenant, &forged, Language::Fr, world.now()).await.unwrap().is_none());
    assert_eq!(world.declares(&forged, Statement::Cancellation).await, None);
}
