//! Validation of `[[plans]]`.

use std::collections::HashSet;
use std::time::Duration;

use palabre_actors::domain::address::{Address, Unnamed};
use palabre_actors::domain::entitlement::DisputePolicy;

use super::super::channel::Checked;
use super::super::document::Scope;
use super::super::fields::{choice, number, or_default, quoted, settled, slug, text};
use super::super::plan::{Currency, Every, Plan};
use super::super::raw::RawDuration;
use super::super::raw_plans::RawPlan;
use super::super::suggest;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const GRACE: Duration = Duration::from_secs(5 * 24 * 60 * 60);
const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// What Telegram takes at most for one subscription (Bot API, `createInvoiceLink`).
const MOST_STARS: i64 = 10_000;
/// Stripe's largest amount has eight digits.
const HIGHEST_PRICE: i64 = 99_999_999;
/// Telegram's invoices show so many characters of a title (Bot API, `createInvoiceLink`).
const LONGEST_NAME: usize = 32;

/// The plans. `None`: something was reported.
pub(in crate::config) fn plans(root: &Scope<'_>, raw: Option<&[RawPlan]>, channels: &[Checked]) -> Option<Vec<Plan>> {
    let mut seen = HashSet::new();
    let each = raw.unwrap_or_default().iter().enumerate();
    // Each is looked at before the first bad one ends it.
    let read: Vec<Option<Plan>> = each
        .map(|(index, raw)| {
            let scope = root.element("plans", index);
            let plan = plan(&scope, raw, channels);
            if let Some(plan) = &plan
                && !seen.insert(plan.id.clone())
            {
                scope.wrong("id", "is another plan's as well", "give each plan an id of its own");
                return None;
            }
            plan
        })
        .collect();
    read.into_iter().collect()
}

fn plan(scope: &Scope<'_>, raw: &RawPlan, channels: &[Checked]) -> Option<Plan> {
    let id = scope
        .required("id", raw.id.as_deref(), "give it a name for links, such as `id = \"premium\"`")
        .and_then(|raw| slug(scope, "id", raw));
    let name = scope
        .required("name", raw.name.as_deref(), "say what members call it, such as `name = \"Accès Premium\"`")
        .and_then(|raw| text(scope, "name", raw))
        .filter(|name| {
            let fits = name.chars().count() <= LONGEST_NAME;
            if !fits {
                scope.wrong(
                    "name",
                    &format!("is longer than {LONGEST_NAME} characters"),
                    "invoices cut it off: shorten it",
                );
            }
            fits
        });
    let description = raw.description.as_deref().map(|raw| text(scope, "description", raw).map(ToOwned::to_owned));
    let price = raw.price.map(|raw| number(scope, "price", raw, 1..=HIGHEST_PRICE));
    let stars = raw.stars.map(|raw| number(scope, "stars", raw, 1..=MOST_STARS));
    if raw.price.is_none() && raw.stars.is_none() && !scope.is_incomplete("") {
        let help = "write `price = 999` (in the currency's smallest unit) with `currency = \"eur\"`, or `stars = 500`";
        scope.error("price", format!("`{}` has no price", scope.name("id")), help);
        return None;
    }
    let currency = or_default(raw.currency.as_deref(), Currency::EUR, |raw| {
        let currency = Currency::parse(raw);
        if currency.is_none() {
            let reason = format!("`{}` is {}, which is no currency", scope.name("currency"), quoted(raw));
            scope.error("currency", reason, "write its three letters, such as `eur`, `usd` or `gnf`");
        }
        currency
    });
    if let (Some(Some(price)), Some(currency)) = (price, currency)
        && price % currency.step() != 0
    {
        let (step, name) = (currency.step(), scope.name("price"));
        let reason = format!("`{name}` is {price}, which no card can pay in {currency}");
        scope.error(
            "price",
            reason,
            &format!("write a multiple of {step}: amounts are in the currency's smallest unit"),
        );
        return None;
    }
    let choices = [("month", Every::Month), ("year", Every::Year), ("once", Every::Once)];
    let every = or_default(raw.every.as_deref(), Every::Month, |raw| choice(scope, "every", raw, &choices));
    if every == Some(Every::Year) && raw.stars.is_some() {
        let help =
            "Telegram's subscriptions last 30 days: sell a year by card alone, or give the plan `every = \"month\"`";
        scope.error("stars", format!("`{}` cannot be the price of a year", scope.name("stars")), help);
        return None;
    }
    let bot = bot(scope, raw.bot.as_deref(), channels);
    let chats = bot.and_then(|bot| chats(scope, raw.chats.as_deref(), bot));
    let grace = or_default(raw.grace.as_ref(), GRACE, |raw| days(scope, "grace", raw));
    // What is wrong with the price was said there.
    let is_tried = raw.price.is_some() && every != Some(Every::Once);
    let trial = or_default(raw.trial.as_ref(), Duration::ZERO, |raw| {
        days(scope, "trial", raw).and_then(|trial| tried(scope, trial, is_tried))
    });
    let choices = [("suspend", DisputePolicy::Suspend), ("keep", DisputePolicy::Keep)];
    let dispute =
        or_default(raw.dispute.as_deref(), DisputePolicy::Suspend, |raw| choice(scope, "dispute", raw, &choices));
    Some(Plan {
        id: id?.to_owned(),
        name: name?.to_owned(),
        description: settled(description)?,
        price: settled(price)?,
        currency: currency?,
        every: every?,
        stars: settled(stars)?,
        chats: chats?,
        bot: bot?.id.clone()?,
        grace: grace?,
        trial: trial?,
        dispute: dispute?,
        tax: raw.tax.unwrap_or(false),
        promotion_codes: raw.promotion_codes.unwrap_or(false),
        removes_strangers: raw.removes_strangers.unwrap_or(true),
    })
}

/// The channel of the bot. What its table got wrong is reported there.
fn bot<'c>(scope: &Scope<'_>, raw: Option<&str>, channels: &'c [Checked]) -> Option<&'c Checked> {
    let help = "name the channel whose bot lets members in, such as `bot = \"belle-tg\"`";
    let raw = scope.required("bot", raw, help)?;
    let found = channels.iter().find(|channel| channel.id.as_ref().is_some_and(|id| id.as_str() == raw));
    if found.is_none() {
        let ids = channels.iter().filter_map(|channel| channel.id.as_ref().map(|id| id.as_str()));
        let help = suggest::closest(raw, ids).map_or_else(|| help.to_owned(), |id| format!("did you mean `{id}`?"));
        scope.error(
            "bot",
            format!("`{}` is {}, which is no channel of this tenant", scope.name("bot"), quoted(raw)),
            &help,
        );
    }
    found
}

fn chats(scope: &Scope<'_>, raw: Option<&[String]>, bot: &Checked) -> Option<Vec<Address>> {
    let help = "name the chats that a payer may enter, such as `chats = [\"telegram:-1001234567890\"]`";
    let raw = scope.required("chats", raw, help)?;
    if raw.is_empty() {
        scope.wrong("chats", "is empty: a payer gets nothing", help);
        return None;
    }
    let scheme = bot.provider?.capabilities().scheme;
    let read = raw.iter().enumerate().map(|(index, text)| {
        let chat = Address::written(text, Unnamed::Only(scheme), None).ok();
        if chat.is_none() {
            let help = "write a chat's address on the bot's channel, such as `telegram:-1001234567890`";
            scope.wrong(&format!("chats[{index}]"), "is no chat of the bot's channel", help);
        }
        chat
    });
    // Each is looked at before the first bad one ends it.
    read.collect::<Vec<_>>().into_iter().collect()
}

/// A trial, for a plan that can be tried.
fn tried(scope: &Scope<'_>, trial: Duration, is_tried: bool) -> Option<Duration> {
    let wrong = if !trial.as_secs().is_multiple_of(DAY.as_secs()) {
        ("is not a whole number of days", "Stripe counts whole days: write `\"7d\"`")
    } else if !trial.is_zero() && !is_tried {
        let help = "give the plan a `price` and `every = \"month\"` or `\"year\"`, or leave the trial out";
        ("is for what is paid by card and renews", help)
    } else {
        return Some(trial);
    };
    scope.wrong("trial", wrong.0, wrong.1);
    None
}

/// A time in days, which may be none.
fn days(scope: &Scope<'_>, key: &str, raw: &RawDuration) -> Option<Duration> {
    match humantime::parse_duration(&raw.0) {
        Ok(duration) if duration <= LONGEST => Some(duration),
        Ok(_) => {
            scope.wrong(key, "is longer than 90 days", "write `\"5d\"`");
            None
        }
        Err(_) => {
            scope.wrong(key, "is not a duration", "write a number with its unit: `\"5d\"`, `\"36h\"`, `\"0d\"`");
            None
        }
    }
}
