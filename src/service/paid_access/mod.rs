//! Paid access: what payment systems tell becomes ledgers, ledgers become places in chats.
//!
//! Everything here may be done again: an event is kept once and applied until it is done, a subscription is looked at
//! whenever time or an event may have changed it, and what a member is told carries a key. So whatever is cut short is made up
//! for by the next look, on any node.

mod apply;
mod asking;
mod catch_up;
mod chat_audit;
mod checkout;
mod checkout_limits;
mod entering;
mod events;
mod export;
mod grants;
mod intake;
mod links;
mod members;
mod moving;
mod node;
mod orders;
mod own;
mod pages;
mod reconcile;
mod settle;
mod stars;
mod stars_sales;
#[cfg(test)]
pub(crate) mod tests;
mod texts;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use palabre_actors::domain::address::{Address, AddressError, HomeCountry, Unnamed};
use palabre_actors::domain::entitlement::{DisputePolicy, Terms};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::domain::rules::Language;
use secrecy::SecretString;

pub use self::catch_up::CaughtUp;
pub use self::chat_audit::{ChatAudit, audit_chats};
pub use self::checkout::{Buyer, CheckoutPage, buy, claim, manage};
pub use self::checkout_limits::CheckoutLimits;
pub use self::export::{as_csv, exported};
pub use self::intake::{Intake, take_stripe_event};
pub use self::members::{
    MemberView, cancel, chats, connect, events, grant, invite_again, member_of, members, plans, refund, revenue,
    revoke, seen_in_chats,
};
pub use self::moving::move_to;
pub use self::node::AccessNode;
pub use self::own::{Acknowledged, OwnPage, Statement};
pub use self::pages::{PlanPage, amount, plan_page};
pub use self::reconcile::{Reconciled, reconcile};
use super::ServiceError;
use super::messages::{NotSent, Outgoing};
use crate::config::{Plan, Sales};
use crate::gateway::chat_directory::{ChatDirectory, DirectoryError};
use crate::payments::stripe::{Stripe, StripeError};
use crate::store::StoreError;
use crate::store::operator::Operator;

/// What a tenant sells, with what is needed to sell it.
#[derive(Clone)]
pub struct Creator {
    /// The name that customers know.
    pub name: String,
    pub language: Language,
    pub timezone: chrono_tz::Tz,
    /// What phone numbers without `+` mean.
    pub country: Option<HomeCountry>,
    pub access: Sales,
    /// Who hears of what stops members from coming in, and through which channel.
    pub alerts: Vec<(ChannelId, Address)>,
    /// The channel that sends e-mail.
    pub mail: Option<ChannelId>,
    /// How each of the tenant's bots is asked who is in its chats, by its channel.
    pub directories: HashMap<ChannelId, Arc<dyn ChatDirectory>>,
    /// How many members a second leave by each bot when many leave at once, of its own rate and the tenant's.
    pub removals_per_second: HashMap<ChannelId, u32>,
}

/// Each member who leaves is three calls (a ban, its end, a message), and a bot makes some thirty a second: more than a third of
/// them stays free for everything else.
pub const REMOVALS_PER_SECOND: u32 = 6;

impl std::fmt::Debug for Creator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Creator").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Creator {
    /// The bots whose plans are paid in Stars, each once.
    fn bots_paid_in_stars(&self) -> Vec<&ChannelId> {
        let mut bots: Vec<_> =
            self.access.plans.iter().filter(|plan| plan.stars.is_some()).map(|plan| &plan.bot).collect();
        bots.sort_by_key(|bot| bot.as_str());
        bots.dedup();
        bots
    }
}

/// The tenants that sell something, by their ids, as the configuration has them now. Clones share them.
#[derive(Clone, Default)]
pub struct Creators(Arc<CreatorsNow>);

/// Chats that have another id now: tenant and the id that they had, and the one that they have.
type MigratedIds = HashMap<(TenantId, String), String>;

#[derive(Default)]
struct CreatorsNow {
    creators: ArcSwap<HashMap<TenantId, Arc<Creator>>>,
    migrated: ArcSwap<MigratedIds>,
}

impl Creators {
    #[must_use]
    pub fn new(creators: impl IntoIterator<Item = (TenantId, Creator)>) -> Self {
        let own = Self::default();
        own.replace(creators);
        own
    }

    #[must_use]
    pub fn get(&self, tenant: &TenantId) -> Option<Arc<Creator>> {
        self.0.creators.load().get(tenant).cloned()
    }

    /// All of them, as they are now.
    #[must_use]
    pub fn now(&self) -> Arc<HashMap<TenantId, Arc<Creator>>> {
        self.0.creators.load_full()
    }

    pub fn replace(&self, creators: impl IntoIterator<Item = (TenantId, Creator)>) {
        let migrated = self.0.migrated.load();
        let follow = |(tenant, mut creator): (TenantId, Creator)| {
            follow_chats(&mut creator, &tenant, &migrated);
            (tenant, Arc::new(creator))
        };
        self.0.creators.store(Arc::new(creators.into_iter().map(follow).collect()));
    }

    /// Has plans lead to the chats that their chats have become, from now on.
    fn follow(&self, migrated: MigratedIds) {
        if **self.0.migrated.load() == migrated {
            return;
        }
        self.0.migrated.store(Arc::new(migrated));
        let creators = self.now();
        self.replace(creators.iter().map(|(tenant, creator)| (tenant.clone(), (**creator).clone())));
    }
}

fn follow_chats(creator: &mut Creator, tenant: &TenantId, migrated: &MigratedIds) {
    for chat in creator.access.plans.iter_mut().flat_map(|plan| plan.chats.iter_mut()) {
        if let Some(to) = migrated.get(&(tenant.clone(), chat.as_str().to_owned())) {
            *chat = Address::from_normalised(to);
        }
    }
}

/// What paid access works with.
#[derive(Clone)]
pub struct PaidAccess {
    pub store: Operator,
    pub outgoing: Arc<dyn Outgoing>,
    pub creators: Creators,
    /// `None`: nothing is sold by card.
    pub stripe: Option<Stripe>,
    /// The secrets of the webhook endpoints.
    pub webhook_secrets: Arc<[SecretString]>,
    /// Whether the platform's key is one for real money. Events of the other kind are kept and not applied.
    pub is_live: bool,
    /// Signs links to members' own pages. `None`: there are none.
    pub link_key: Option<Arc<[u8]>>,
    /// Where payers come back to, unless it is the plan's own page.
    pub success_url: Option<String>,
    pub cancel_url: Option<String>,
    /// What payers see of this installation.
    pub public_base_url: Option<String>,
    /// What this node remembers. Clones share it.
    pub node: Arc<AccessNode>,
}

impl std::fmt::Debug for PaidAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaidAccess").field("is_live", &self.is_live).finish_non_exhaustive()
    }
}

impl PaidAccess {
    /// Whether anything is sold here.
    #[must_use]
    pub fn sells(&self) -> bool {
        self.stripe.is_some() || !self.creators.now().is_empty()
    }

    /// A tenant's plan.
    #[must_use]
    pub fn plan(&self, tenant: &TenantId, plan: &str) -> Option<Plan> {
        self.creators.get(tenant)?.access.plans.iter().find(|known| known.id == plan).cloned()
    }

    /// What a plan is called. One that is no longer sold is called by its id.
    fn plan_name(&self, tenant: &TenantId, plan: &str) -> String {
        self.plan(tenant, plan).map_or_else(|| plan.to_owned(), |plan| plan.name)
    }

    /// A member as somebody wrote them down: an address on the channel of the plan's bot.
    ///
    /// # Errors
    /// [`AccessError`]: there is no such plan, or no such address.
    pub fn member(&self, (tenant, plan): (&TenantId, &str), written: &str) -> Result<Address, AccessError> {
        let plan = self.plan(tenant, plan).ok_or(AccessError::UnknownPlan)?;
        let scheme = plan.chats.first().map(Address::scheme).ok_or(AccessError::UnknownPlan)?;
        let country = self.creators.get(tenant).and_then(|creator| creator.country);
        Ok(Address::written(written, Unnamed::Only(scheme), country)?)
    }

    /// How a subscription's ledger is read. A plan that is no longer sold is read like most.
    fn terms(&self, tenant: &TenantId, plan: &str) -> Terms {
        let fallback = Terms { grace: chrono::TimeDelta::days(5), dispute: DisputePolicy::Suspend, renews: true };
        self.plan(tenant, plan).map_or(fallback, |plan| plan.terms())
    }

    /// The language of a tenant's people.
    fn language_of(&self, tenant: &TenantId) -> Language {
        self.creators.get(tenant).map_or_else(Language::default, |creator| creator.language)
    }

    /// The names of the plans that open a chat, for those who know it by them.
    fn names_of(&self, tenant: &TenantId, chat: &str) -> String {
        let creator = self.creators.get(tenant);
        let plans = creator.as_ref().map(|creator| creator.access.plans.as_slice()).unwrap_or_default();
        let opens = |plan: &&Plan| plan.chats.iter().any(|known| known.as_str() == chat);
        plans.iter().filter(opens).map(|plan| plan.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn stripe(&self) -> Result<&Stripe, AccessError> {
        self.stripe.as_ref().ok_or(AccessError::NotByCard)
    }

    /// The tenant of a connected account.
    fn owner(&self, account: &str) -> Option<TenantId> {
        let is_it = |seller: &Creator| seller.access.stripe_account.as_deref() == Some(account);
        self.creators.now().iter().find(|(_, seller)| is_it(seller)).map(|(tenant, _)| tenant.clone())
    }
}

/// Why something about paid access was not done. No text shows an address or an amount.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("nothing is sold by card here: `[stripe]` is missing in palabre.toml, or in the tenant's file")]
    NotByCard,
    #[error("there is no such plan")]
    UnknownPlan,
    #[error("{0}: {help}", help = .0.help())]
    BadMember(#[from] AddressError),
    #[error("this plan is not sold that way")]
    NotSoldSo,
    #[error("there is no such subscription")]
    UnknownSubscription,
    #[error("nothing was paid that could be given back")]
    NothingPaid,
    #[error("it was moved to another account already, less than thirty days ago")]
    MovedLately,
    #[error(transparent)]
    Stripe(#[from] StripeError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("somebody else changes it all the time")]
    Busy,
    #[error("a message could not be written")]
    Message(NotSent),
}

impl From<StoreError> for AccessError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}
