//! What members are told, in French and English.

use chrono::DateTime;
use chrono_tz::Tz;
use palabre_actors::domain::dates;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::typography::grouped;

pub(super) use self::notices::{About, notice, signature};
pub(super) use self::own::{Said, cancellation, moment, own_link, withdrawal, withdrawal_alert};
use crate::config::{Currency, Every, Plan};

mod notices;
mod own;

/// The message with an invitation: its subject, and its text.
pub(super) fn invitation(language: Language, plan: &str, link: &str) -> (String, String) {
    match language {
        Language::Fr => (
            titled(plan, "votre lien d'entrée", language),
            format!(
                "Votre lien d'entrée pour {plan}, pour vous seul : {link}\nDemandez à rejoindre, vous serez admis aussitôt."
            ),
        ),
        Language::En => (
            titled(plan, "your way in", language),
            format!("Your way in to {plan}, for you alone: {link}\nAsk to join, and you are let in at once."),
        ),
    }
}

/// What is offered to somebody who came by a link to a plan.
pub(super) struct Offer<'a> {
    pub plan: &'a Plan,
    /// Where to pay by card.
    pub page: Option<String>,
}

/// `9,99 € par mois`; `None`: it is not sold by card.
pub(super) fn price(language: Language, plan: &Plan) -> Option<String> {
    let every = match (plan.every, language) {
        (Every::Month, Language::Fr) => " par mois",
        (Every::Month, Language::En) => " a month",
        (Every::Year, Language::Fr) => " par an",
        (Every::Year, Language::En) => " a year",
        (Every::Once, _) => "",
    };
    plan.price.map(|price| amount(price, plan.currency, language) + every)
}

/// `Accès Premium : 9,99 € par mois, ou 500 ⭐.`
pub(super) fn offer(language: Language, offer: &Offer<'_>) -> String {
    let plan = offer.plan;
    let card = price(language, plan).filter(|_| offer.page.is_some());
    let stars = plan.stars.map(|stars| format!("{stars} ⭐"));
    let or = if language == Language::Fr { ", ou " } else { ", or " };
    let price = match (card, stars) {
        (Some(card), Some(stars)) => format!("{card}{or}{stars}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    };
    let pay = match (&offer.page, language) {
        (Some(page), Language::Fr) => format!("\nPayer par carte : {page}"),
        (Some(page), Language::En) => format!("\nPay by card: {page}"),
        (None, _) => String::new(),
    };
    titled(&plan.name, &format!("{price}.{pay}"), language)
}

/// `Accès Premium : paiement reçu`
fn titled(plan: &str, what: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("{plan} : {what}"),
        Language::En => format!("{plan}: {what}"),
    }
}

/// Currencies that people write by a sign: in French behind the number, in English before it.
const SIGNS: [(&str, &str); 3] = [("eur", "€"), ("usd", "$"), ("gbp", "£")];

/// An amount as people of the language write it, with its currency's decimals: `1 234,50 €`, `€1,234.50`, `15 000 F CFA`.
pub(super) fn amount(minor: u64, currency: Currency, language: Language) -> String {
    let decimals = currency.decimals();
    let unit = 10_u64.pow(u32::try_from(decimals).unwrap_or_default());
    let (point, between) = if language == Language::Fr { (',', '\u{202f}') } else { ('.', ',') };
    let rest = if decimals == 0 { String::new() } else { format!("{point}{:0decimals$}", minor % unit) };
    let number = grouped(&(minor / unit).to_string(), between) + &rest;
    let sign = SIGNS.iter().find(|(code, _)| *code == currency.as_str()).map(|(_, sign)| *sign);
    match (sign, currency.as_str(), language) {
        (Some(sign), _, Language::Fr) => format!("{number}\u{a0}{sign}"),
        (Some(sign), _, Language::En) => format!("{sign}{number}"),
        (None, "xof" | "xaf", Language::Fr) => format!("{number}\u{a0}F\u{a0}CFA"),
        (None, code, _) => format!("{number}\u{a0}{}", code.to_uppercase()),
    }
}

pub(super) fn pay_in_stars(language: Language, stars: u32) -> String {
    match language {
        Language::Fr => format!("Payer {stars} ⭐ :"),
        Language::En => format!("Pay {stars} ⭐:"),
    }
}

pub(super) fn claimed(language: Language, is_theirs: bool) -> String {
    let text = match (language, is_theirs) {
        (Language::Fr, true) => "Merci. Votre accès est lié à ce compte, le lien d'entrée arrive.",
        (Language::En, true) => "Thank you. Your access belongs to this account now, the way in follows.",
        (Language::Fr, false) => {
            "Ce lien n'est pas valable, ou l'accès est déjà lié à un autre compte. Écrivez-nous ici."
        }
        (Language::En, false) => "This link does not hold, or the access belongs to another account. Write to us here.",
    };
    text.to_owned()
}

/// `own`: the member's own page.
pub(super) fn already_in(language: Language, plan: &str, own: Option<&str>) -> String {
    let own = |word: &str| own.map(|link| format!("\n{word} {link}")).unwrap_or_default();
    match language {
        Language::Fr => format!("Vous avez déjà accès à {plan}.{}", own("Gérer, résilier ou se rétracter :")),
        Language::En => format!("You have access to {plan} already.{}", own("Manage, cancel or withdraw:")),
    }
}

pub(super) fn unknown_plan(language: Language) -> String {
    let text = match language {
        Language::Fr => "Cette formule n'existe pas ou plus.",
        Language::En => "There is no such plan, or it is no longer sold.",
    };
    text.to_owned()
}

/// Why a payment in Stars is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is paid already.
    Paid,
    /// The plan is no longer sold, or not at this price.
    Price,
    /// It is somebody else's invoice.
    Payer,
}

pub(super) fn refused_checkout(language: Language, why: Refused) -> &'static str {
    match (language, why) {
        (Language::Fr, Refused::Paid) => "Vous avez déjà un accès payé : rien ne sera débité.",
        (Language::En, Refused::Paid) => "You have paid access already: nothing is charged.",
        (Language::Fr, Refused::Price) => "Ce prix n'est plus le bon : demandez un nouveau lien.",
        (Language::En, Refused::Price) => "This price has changed: ask for a new link.",
        (Language::Fr, Refused::Payer) => {
            "Cette facture est celle d'un autre compte : ouvrez vous-même le lien de la formule."
        }
        (Language::En, Refused::Payer) => "This invoice is another account's: open the plan's link yourself.",
    }
}

/// What is said before an offer to somebody whose cancelled subscription still runs.
pub(super) fn still_runs(language: Language, until: &str, own: Option<&str>) -> String {
    match (language, own) {
        (Language::Fr, Some(own)) => format!(
            "Vous avez résilié, et votre accès est payé jusqu'au {until}. Le reprendre sans payer maintenant : {own}\nUn nouvel achat \
             commencerait aujourd'hui."
        ),
        (Language::En, Some(own)) => format!(
            "You have cancelled, and your access is paid until {until}. Take it up again without paying now: {own}\nA new purchase \
             would begin today."
        ),
        (Language::Fr, None) => format!(
            "Vous avez résilié, et votre accès est payé jusqu'au {until}. Vous pouvez le reprendre dans les réglages de l'application (Mes \
             étoiles). Un nouvel achat commencerait aujourd'hui."
        ),
        (Language::En, None) => format!(
            "You have cancelled, and your access is paid until {until}. You can take it up again in the app's settings (My Stars). A \
             new purchase would begin today."
        ),
    }
}

/// What is said to somebody who wants a purchase on this account from now on.
pub(super) fn moved_here(language: Language, is_theirs: bool) -> String {
    let text = match (language, is_theirs) {
        (Language::Fr, true) => {
            "C'est fait : votre accès est lié à ce compte, le lien d'entrée arrive. L'ancien compte en sort."
        }
        (Language::En, true) => {
            "Done: your access belongs to this account now, the way in follows. The old account has to leave."
        }
        (Language::Fr, false) => {
            "Ce lien ne vaut plus, ou il est trop tôt pour changer de compte : votre page dit à partir de quand. Écrivez-nous ici."
        }
        (Language::En, false) => {
            "This link no longer holds, or it is too soon to change the account: your page says from when on. Write to us here."
        }
    };
    text.to_owned()
}

pub(super) fn not_a_member(language: Language, page: Option<&str>) -> String {
    let page = page.map(|page| format!(" {page}")).unwrap_or_default();
    match language {
        Language::Fr => format!("Ce salon est réservé aux abonnés.{page}"),
        Language::En => format!("This chat is for members.{page}"),
    }
}

/// What a creator is told when the bot can let nobody in or out.
pub(super) fn chat_stuck(language: Language, plans: &str) -> String {
    match language {
        Language::Fr => format!(
            "Le bot ne peut plus faire entrer ni sortir personne du salon de « {plans} ». Refaites-en un administrateur qui peut \
             inviter et bannir : ce qui attend se fera alors tout seul."
        ),
        Language::En => format!(
            "The bot can no longer let anybody in or out of the chat of \"{plans}\". Make it an administrator again who may invite \
             and ban: what waits is then done by itself."
        ),
    }
}

/// What a creator is told when a chat got another id.
pub(super) fn chat_migrated(language: Language, plans: &str, to: &str) -> String {
    match language {
        Language::Fr => format!(
            "Le salon de « {plans} » a changé d'identifiant : il est devenu un supergroupe. Les accès le suivent tout seuls. Mettez \
             `{to}` dans `plans.chats`, et vérifiez que le bot y est encore administrateur."
        ),
        Language::En => format!(
            "The chat of \"{plans}\" has another id now: it became a supergroup. Access follows it by itself. Put `{to}` into \
             `plans.chats`, and look whether the bot is still an administrator there."
        ),
    }
}

/// What a creator is told when their account is no longer connected.
pub(super) const fn account_gone(language: Language) -> &'static str {
    match language {
        Language::Fr => {
            "Votre compte Stripe n'est plus relié : plus rien ne se vend par carte, et les paiements de vos abonnés ne sont plus vus. \
             Personne ne sort avant la fin de ce qui est payé et de son délai. Reliez-le : console, Accès payants, Relier Stripe."
        }
        Language::En => {
            "Your Stripe account is no longer connected: nothing is sold by card any more, and your members' payments are not seen. \
             Nobody has to leave before the end of what is paid and of the grace. Connect it: in the console under Paid access."
        }
    }
}

/// What a creator is told when Stripe does not let their account be paid.
pub(super) const fn charges_off(language: Language) -> &'static str {
    match language {
        Language::Fr => {
            "Stripe ne laisse plus votre compte encaisser : il demande sans doute une pièce. Complétez-le : console, Accès payants, \
             Relier Stripe."
        }
        Language::En => {
            "Stripe no longer lets your account be paid: it probably asks for a document. Complete it: in the console under Paid \
             access, Connect Stripe."
        }
    }
}

/// What a creator is told when a member has paid twice for one time.
pub(super) fn paid_twice_alert(language: Language, contract: &str) -> String {
    match language {
        Language::Fr => format!(
            "Un membre a payé deux fois pour la même période (achat {contract}). Remboursez ce qui est de trop : console, Accès payants, \
             ou `palabre access refund {contract}`."
        ),
        Language::En => format!(
            "A member has paid twice for the same time (purchase {contract}). Give back what is too much: in the console under Paid \
             access, or by `palabre access refund {contract}`."
        ),
    }
}

/// A day as people say it: `5 décembre 2026`, `5 December 2026`.
pub(super) fn day(at: DateTime<Tz>, language: Language) -> String {
    dates::full_date(at.date_naive(), language == Language::En)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_write_them() {
        for (minor, code, french, english) in [
            (999, "eur", "9,99_€", "€9.99"),
            (123_456_705, "eur", "1 234 567,05_€", "€1,234,567.05"),
            (5, "usd", "0,05_$", "$0.05"),
            (100_000, "gbp", "1 000,00_£", "£1,000.00"),
            (15_000, "xof", "15 000_F_CFA", "15,000_XOF"),
            (250_000, "gnf", "250 000_GNF", "250,000_GNF"),
            (1_500, "jpy", "1 500_JPY", "1,500_JPY"),
            (12_340, "tnd", "12,340_TND", "12.340_TND"),
            (99, "chf", "0,99_CHF", "0.99_CHF"),
        ] {
            let currency = Currency::parse(code).unwrap();
            let written = |language| amount(minor, currency, language).replace('\u{a0}', "_").replace('\u{202f}', " ");
            assert_eq!((written(Language::Fr).as_str(), written(Language::En).as_str()), (french, english));
        }
    }
}
