//! Plans: what tenants sell access to their chats for, and through what it is paid.

use std::fmt;
use std::time::Duration;

use palabre_actors::domain::address::Address;
use palabre_actors::domain::entitlement::{DisputePolicy, Terms};
use palabre_actors::domain::ids::ChannelId;
use secrecy::SecretString;

use super::imprint::Imprint;

/// `[stripe]` of the daemon: the platform's own account, through which tenants' accounts are reached.
#[derive(Clone, Debug)]
pub struct StripePlatform {
    /// The platform's secret key.
    pub secret_key: SecretString,
    /// The secrets of the webhook endpoints. Several: the account's and Connect's endpoint each have one, and an old one is
    /// kept while it is replaced.
    pub webhook_secrets: Vec<SecretString>,
    /// Where a payer comes back to. `None`: the plan's own page.
    pub success_url: Option<String>,
    /// Where somebody who does not pay comes back to. `None`: the plan's own page.
    pub cancel_url: Option<String>,
    /// Where the API is.
    pub api_base_url: String,
}

/// What a tenant sells.
#[derive(Clone, Debug, Default)]
pub struct Sales {
    /// The connected account that is paid (direct charges). `None`: nothing is sold by card.
    pub stripe_account: Option<String>,
    /// What may be bought.
    pub plans: Vec<Plan>,
    /// Who sells, for the public pages.
    pub imprint: Imprint,
}

/// `[[plans]]`: something that may be bought.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its slug, unique within the tenant: it stands in links.
    pub id: String,
    /// What members call it.
    pub name: String,
    /// What it gives, for its page.
    pub description: Option<String>,
    /// Its price by card in the currency's smallest unit. `None`: it is not sold by card.
    pub price: Option<u64>,
    /// What the price is in.
    pub currency: Currency,
    /// How often it is paid.
    pub every: Every,
    /// Its price in Telegram's Stars. `None`: it is not sold for them.
    pub stars: Option<u32>,
    /// The chats that a payer may enter.
    pub chats: Vec<Address>,
    /// The channel whose bot lets people in and out.
    pub bot: ChannelId,
    /// How long access goes on when a renewal is not paid.
    pub grace: Duration,
    /// How long somebody may try it before the first payment; nothing: there is no trial.
    pub trial: Duration,
    /// What an open dispute does.
    pub dispute: DisputePolicy,
    /// Whether Stripe computes the tax.
    pub tax: bool,
    /// Whether promotion codes are taken.
    pub promotion_codes: bool,
    /// Whether members who have no right to be in the chats are removed by the daily audit.
    pub removes_strangers: bool,
}

impl Plan {
    /// How the ledger of a subscription to it is read.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            grace: chrono::TimeDelta::from_std(self.grace).unwrap_or(chrono::TimeDelta::MAX),
            dispute: self.dispute,
            renews: self.every != Every::Once,
        }
    }
}

/// How often a plan is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    Month,
    Year,
    /// Once, for ever.
    Once,
}

impl Every {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
            Self::Once => "once",
        }
    }
}

/// A currency's code as ISO 4217 has it, in small letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// Currencies without a smaller unit, and those with a thousandth: <https://docs.stripe.com/currencies>.
const WITHOUT_DECIMALS: [&str; 16] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"];
const WITH_THREE_DECIMALS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

impl Currency {
    /// Euros.
    pub const EUR: Self = Self(*b"eur");

    /// Reads a code; `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text: [u8; 3] = text.as_bytes().try_into().ok()?;
        text.iter().all(u8::is_ascii_alphabetic).then(|| Self(text.map(|letter| letter.to_ascii_lowercase())))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// What its amounts are multiples of, in its smallest unit: cards take no thousandth of a unit, and no hundredth of a króna
    /// (<https://docs.stripe.com/currencies>, three-decimal currencies and special cases).
    #[must_use]
    pub fn step(&self) -> u64 {
        match self.as_str() {
            code if WITH_THREE_DECIMALS.contains(&code) => 10,
            "isk" => 100,
            _ => 1,
        }
    }

    /// How many decimals its amounts have.
    #[must_use]
    pub fn decimals(&self) -> usize {
        match self.as_str() {
            code if WITHOUT_DECIMALS.contains(&code) => 0,
            code if WITH_THREE_DECIMALS.contains(&code) => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_their_own_smallest_units() {
        for (code, decimals, step) in [
            ("eur", 2, 1),
            ("USD", 2, 1),
            ("gnf", 0, 1),
            ("xof", 0, 1),
            ("kwd", 3, 10),
            ("tnd", 3, 10),
            ("isk", 2, 100),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!((currency.decimals(), currency.step()), (decimals, step), "{code}");
        }
        for wrong in ["", "eu", "euro", "e1r", "€ur"] {
            assert_eq!(Currency::parse(wrong), None, "{wrong}");
        }
    }
}
