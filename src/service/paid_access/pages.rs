//! What the public page of a plan shows, and what its links carry.

use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::domain::rules::Language;
use uuid::Uuid;

use super::asking::only;
use super::{AccessError, PaidAccess, texts};
use crate::config::{Currency, Imprint, Plan};
use crate::store::paid_access::Money;

/// How long a page waits for the bot's name, which is asked for once.
const PAGE_WAITS: std::time::Duration = std::time::Duration::from_secs(2);

/// A plan as its page shows it.
#[derive(Clone, Debug)]
pub struct PlanPage {
    pub tenant: TenantId,
    pub id: String,
    pub name: String,
    pub seller: String,
    pub description: Option<String>,
    pub language: Language,
    pub is_sold_by_card: bool,
    pub imprint: Imprint,
    plan: Plan,
}

impl PlanPage {
    /// `9,99 € par mois`
    #[must_use]
    pub fn price(&self, language: Language) -> Option<String> {
        texts::price(language, &self.plan)
    }

    /// What is said of the tax: the price is what consumers pay, whoever computes what of it is tax.
    #[must_use]
    pub const fn tax_note(&self, language: Language) -> &'static str {
        match (self.plan.tax, language) {
            (true, Language::Fr) => "Toutes taxes comprises.",
            (true, Language::En) => "All taxes included.",
            (false, Language::Fr) => "C'est le prix total : aucune taxe ne s'y ajoute.",
            (false, Language::En) => "This is the whole price: no tax is added.",
        }
    }

    /// The price in Stars, where it is sold for them.
    #[must_use]
    pub const fn stars(&self) -> Option<u32> {
        self.plan.stars
    }

    /// What is said of a trial, where there is one.
    #[must_use]
    pub fn trial(&self, language: Language) -> Option<String> {
        let days = self.plan.trial.as_secs() / (24 * 60 * 60);
        (days > 0).then(|| match language {
            Language::Fr => format!("Les {days} premiers jours sont gratuits."),
            Language::En => format!("The first {days} days are free."),
        })
    }
}

/// The page of a plan. `None`: there is no such plan.
#[must_use]
pub fn plan_page(access: &PaidAccess, tenant: &TenantId, plan: &str) -> Option<PlanPage> {
    let (creator, plan) = (access.creators.get(tenant)?, access.plan(tenant, plan)?);
    Some(PlanPage {
        tenant: tenant.clone(),
        id: plan.id.clone(),
        name: plan.name.clone(),
        seller: creator.name.clone(),
        description: plan.description.clone(),
        language: creator.language,
        is_sold_by_card: plan.price.is_some() && creator.access.stripe_account.is_some() && access.stripe.is_some(),
        imprint: creator.access.imprint.clone(),
        plan: plan.clone(),
    })
}

/// An amount as people of the language write it: `9,99 €`, `500 ⭐`.
#[must_use]
pub fn amount(money: &Money, language: Language) -> String {
    if money.currency == "xtr" {
        return format!("{} ⭐", money.amount);
    }
    let Some(currency) = Currency::parse(&money.currency) else {
        return format!("{} {}", money.amount, money.currency);
    };
    let amount = texts::amount(money.amount.unsigned_abs(), currency, language);
    if money.amount < 0 { format!("−{amount}") } else { amount }
}

impl PaidAccess {
    /// The link that opens the conversation with a plan's bot, for what it is to carry. `None`: the bot has none, or its provider
    /// does not answer soon enough for a page.
    pub async fn bot_link(&self, page: &PlanPage, start: &str) -> Option<String> {
        let creator = self.creators.get(&page.tenant)?;
        let directory = creator.directories.get(&page.plan.bot)?;
        let asked = tokio::time::timeout(PAGE_WAITS, directory.start_link(start)).await;
        asked.ok()?.ok().flatten()
    }

    /// The member whom a link of the bot's names.
    #[must_use]
    pub fn member_of(&self, tenant: &TenantId, token: &str) -> Option<Address> {
        self.links()?.named(tenant, token)
    }

    /// The subscription of a link to what was bought.
    #[must_use]
    pub fn bought(&self, token: &str) -> Option<Uuid> {
        self.links()?.claimed(token)
    }

    /// Whether somebody has claimed what was bought. `None`: the link does not hold.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn is_claimed(&self, tenant: &TenantId, token: &str) -> Result<Option<bool>, AccessError> {
        let Some(id) = self.bought(token) else { return Ok(None) };
        Ok(self.store.subscription(&only(tenant), id).await?.map(|row| row.address.is_some()))
    }
}
