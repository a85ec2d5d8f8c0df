//! Narrator of the story: Awa pays, enters, her card fails, her grace runs, she is out, she pays again, she is in.

use super::super::DemoError;
use super::super::transcript::Style;
use super::shop::{AWA, EMAIL, STRANGER, Shop, comes_true};
use crate::lab::folder::PUBLIC_BASE_URL;
use crate::lab::printer::print_line;

/// Where Awa was on a day, and where she had a right to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub day: i64,
    pub is_in: bool,
    pub may_be_in: bool,
}

/// What was seen while the story went on.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    pub sightings: Vec<Sighting>,
    /// Ids of Stripe's events, each as often as it was posted.
    pub posted: Vec<String>,
    /// What never happened though it was waited for: the story ends there.
    pub missed: Option<&'static str>,
}

/// Tells the story while it happens.
pub(super) struct Narrator<'a> {
    shop: &'a Shop,
    style: Style,
    is_quiet: bool,
    day: i64,
    /// How much of what the bot wrote was shown.
    shown: usize,
    observed: Observed,
}

/// What was waited for and did not come.
struct Missed(&'static str);

impl<'a> Narrator<'a> {
    pub fn new(shop: &'a Shop, style: Style, is_quiet: bool) -> Self {
        Self { shop, style, is_quiet, day: 0, shown: 0, observed: Observed::default() }
    }

    /// Plays all of it.
    ///
    /// # Errors
    /// [`DemoError`]: a simulator was not there.
    pub async fn play(mut self) -> Result<Observed, DemoError> {
        let played = async {
            if let Err(missed) = self.joins().await? {
                return Ok::<_, DemoError>(Some(missed));
            }
            if let Err(missed) = self.fails_to_pay().await? {
                return Ok(Some(missed));
            }
            Ok(self.comes_back().await?.err())
        };
        let missed = played.await?;
        if let Some(Missed(what)) = &missed {
            self.say(&self.style.bad(&format!("✗ waited in vain: {what}")));
        }
        self.observed.missed = missed.map(|missed| missed.0);
        Ok(self.observed)
    }

    /// Awa finds the plan, pays on its page, and is let in: she alone.
    async fn joins(&mut self) -> Result<Result<(), Missed>, DemoError> {
        self.say("→ Awa opens the bot by the creator's link");
        self.shop.write(1, "/start plan_cercle").await?;
        let page = || {
            let offer = self.shop.told().into_iter().find_map(|text| {
                let link = text.split_whitespace().find(|word| word.starts_with(PUBLIC_BASE_URL))?;
                Some(link.trim_start_matches(PUBLIC_BASE_URL).to_owned())
            });
            offer.unwrap_or_default()
        };
        if !comes_true(async || !page().is_empty()).await {
            return Ok(Err(Missed("an offer with the plan's page")));
        }
        let page = page();
        self.show_what_the_bot_wrote();
        let Some(checkout) = self.shop.checkout(&page).await else { return Ok(Err(Missed("Stripe's page"))) };
        self.say("→ she opens the plan's page and pays by card on Stripe's page; the money is the creator's, not the platform's");
        if !self.shop.stripe.pay(&checkout, EMAIL) {
            return Ok(Err(Missed("a payment")));
        }
        self.hear("Stripe tells it in another order, and some of it twice").await;
        if !comes_true(async || self.shop.told().iter().any(|text| text.contains("https://t.me/"))).await {
            return Ok(Err(Missed("an invitation")));
        }
        if !self.receipts(1).await {
            return Ok(Err(Missed("a receipt")));
        }
        self.show_what_the_bot_wrote();
        self.shop.asks_to_join(100, STRANGER).await?;
        if !self.calls("declineChatJoinRequest", 1).await {
            return Ok(Err(Missed("the refusal of whoever did not pay")));
        }
        self.say("→ somebody asks to join by her link, which she passed on: refused");
        self.shop.asks_to_join(101, AWA).await?;
        if !comes_true(async || self.shop.members().contains(&AWA)).await {
            return Ok(Err(Missed("the way in")));
        }
        self.say(&self.style.good("✓ Awa asks to join, and is in"));
        self.see(true);
        Ok(Ok(()))
    }

    /// A month later the card does not pay: warnings, and the end.
    async fn fails_to_pay(&mut self) -> Result<Result<(), Missed>, DemoError> {
        self.shop.stripe.let_cards_pay(false);
        self.pass(30).await;
        self.say("· a month later the bank refuses her card");
        if !self.state_becomes("grace").await {
            return Ok(Err(Missed("the grace")));
        }
        self.show_what_the_bot_wrote();
        self.say("· she stays: the plan gives five days of grace");
        self.see(true);
        for days in [2, 2] {
            let told = self.shop.told().len();
            self.pass(days).await;
            if !comes_true(async || self.shop.told().len() > told).await {
                return Ok(Err(Missed("a warning")));
            }
            self.show_what_the_bot_wrote();
            self.see(true);
        }
        self.pass(1).await;
        if !comes_true(async || !self.shop.members().contains(&AWA)).await {
            return Ok(Err(Missed("her leaving")));
        }
        if !self.calls("unbanChatMember", 1).await || !self.state_becomes("expired").await {
            return Ok(Err(Missed("the end of the ban that removed her")));
        }
        self.say(&self.style.good("✓ the grace is over, and she is out; she may come back as soon as she pays"));
        self.show_what_the_bot_wrote();
        self.see(false);
        self.shop.asks_to_join(102, AWA).await?;
        if !self.calls("declineChatJoinRequest", 2).await {
            return Ok(Err(Missed("the refusal of her old link")));
        }
        self.say("→ she tries her old link: refused");
        self.show_what_the_bot_wrote();
        self.see(false);
        Ok(Ok(()))
    }

    /// She has another card.
    async fn comes_back(&mut self) -> Result<Result<(), Missed>, DemoError> {
        self.shop.stripe.let_cards_pay(true);
        self.say("→ Awa gives Stripe another card");
        self.pass(1).await;
        if !self.state_becomes("active").await || !self.calls("createChatInviteLink", 2).await {
            return Ok(Err(Missed("a new invitation")));
        }
        let links = || self.shop.told().iter().filter(|text| text.contains("https://t.me/")).count();
        if !comes_true(async || links() >= 2).await || !self.receipts(2).await {
            return Ok(Err(Missed("a new invitation and its receipt")));
        }
        self.show_what_the_bot_wrote();
        self.shop.asks_to_join(103, AWA).await?;
        if !comes_true(async || self.shop.members().contains(&AWA)).await {
            return Ok(Err(Missed("the way back in")));
        }
        self.say(&self.style.good("✓ paid again, and in again"));
        self.see(true);
        Ok(Ok(()))
    }

    async fn pass(&mut self, days: i64) {
        self.shop.pass(days);
        self.day += days;
        let posted = self.shop.hear_stripe(u64::try_from(self.day).unwrap_or_default()).await;
        self.observed.posted.extend(posted);
    }

    async fn hear(&mut self, remark: &str) {
        self.say(&format!("· {remark}"));
        let posted = self.shop.hear_stripe(7).await;
        self.observed.posted.extend(posted);
    }

    async fn state_becomes(&self, state: &str) -> bool {
        comes_true(async || self.shop.subscription().await.is_some_and(|row| row.state.as_str() == state)).await
    }

    async fn receipts(&self, count: usize) -> bool {
        comes_true(async || self.shop.told().iter().filter(|text| text.contains("est bien arrivé")).count() >= count)
            .await
    }

    async fn calls(&self, method: &str, count: usize) -> bool {
        comes_true(async || self.shop.telegram.calls_of(method).len() >= count).await
    }

    fn see(&mut self, may_be_in: bool) {
        let is_in = self.shop.members().contains(&AWA);
        self.observed.sightings.push(Sighting { day: self.day, is_in, may_be_in });
    }

    fn show_what_the_bot_wrote(&mut self) {
        let told = self.shop.told();
        for text in &told[self.shown.min(told.len())..] {
            self.say(&self.style.dim(&format!("← {}", text.replace('\n', " / "))));
        }
        self.shown = told.len();
    }

    fn say(&self, text: &str) {
        if !self.is_quiet {
            print_line(format_args!("day {:>2}  {text}", self.day));
        }
    }
}
