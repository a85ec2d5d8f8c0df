//! What payers and creators are told of a payer's own declarations.

use chrono::{DateTime, Timelike as _};
use chrono_tz::Tz;
use palabre_actors::domain::rules::Language;
use uuid::Uuid;

use super::{day, titled};

/// A statement, for its acknowledgement.
pub(in crate::service::paid_access) struct Said<'a> {
    pub plan: &'a str,
    pub seller: &'a str,
    /// The number of the contract.
    pub contract: Uuid,
    /// As the payer has written it.
    pub name: Option<&'a str>,
    pub at: DateTime<Tz>,
}

/// `1er décembre 2026 à 14:05 (CET)`
pub(in crate::service::paid_access) fn moment(at: DateTime<Tz>, language: Language) -> String {
    let (day, word) = (day(at, language), if language == Language::Fr { "à" } else { "at" });
    format!("{day} {word} {:02}:{:02} ({})", at.hour(), at.minute(), at.format("%Z"))
}

/// The way to a payer's own page, which they asked for: a subject and a text.
pub(in crate::service::paid_access) fn own_link(language: Language, plan: &str, link: &str) -> (String, String) {
    match language {
        Language::Fr => (
            titled(plan, "gérer, résilier ou se rétracter", language),
            format!(
                "Votre page pour {plan} : {link}\nCe lien est pour vous seul. Si vous ne l'avez pas demandé, il n'y a rien à faire."
            ),
        ),
        Language::En => (
            titled(plan, "manage, cancel or withdraw", language),
            format!(
                "Your page for {plan}: {link}\nThis link is for you alone. If you did not ask for it, there is nothing to do."
            ),
        ),
    }
}

/// The acknowledgement of a cancellation.
pub(in crate::service::paid_access) fn cancellation(language: Language, said: &Said<'_>) -> (String, String) {
    let (plan, seller, contract, at) = (said.plan, said.seller, said.contract, moment(said.at, language));
    match language {
        Language::Fr => (
            titled(plan, "résiliation reçue", language),
            format!(
                "Accusé de réception. Le {at}, vous avez résilié {plan}, vendu par {seller} (contrat {contract}{}). Il ne sera pas \
                 renouvelé : rien de plus ne sera débité, et l'accès dure jusqu'à la fin de ce qui est payé.",
                by(language, said)
            ),
        ),
        Language::En => (
            titled(plan, "cancellation received", language),
            format!(
                "Acknowledgement. On {at}, you cancelled {plan} of {seller} (contract {contract}{}). It is not renewed: nothing more is \
                 charged, and access lasts until the end of what is paid.",
                by(language, said)
            ),
        ),
    }
}

/// The acknowledgement of a withdrawal.
pub(in crate::service::paid_access) fn withdrawal(language: Language, said: &Said<'_>) -> (String, String) {
    let (plan, seller, contract, at) = (said.plan, said.seller, said.contract, moment(said.at, language));
    match language {
        Language::Fr => (
            titled(plan, "rétractation reçue", language),
            format!(
                "Accusé de réception. Le {at}, vous avez notifié votre rétractation du contrat {contract} ({plan}, vendeur : {seller}{}). \
                 Il ne sera pas renouvelé. Le vendeur a quatorze jours pour vous rembourser ce qui est dû ; l'accès s'arrête avec le \
                 remboursement. Gardez ce message.",
                by(language, said)
            ),
        ),
        Language::En => (
            titled(plan, "withdrawal received", language),
            format!(
                "Acknowledgement. On {at}, you withdrew from contract {contract} ({plan}, seller: {seller}{}). It is not renewed. The \
                 seller has fourteen days to give back what is due; access ends with the refund. Keep this message.",
                by(language, said)
            ),
        ),
    }
}

/// Who declared it, where they said so.
fn by(language: Language, said: &Said<'_>) -> String {
    match (said.name, language) {
        (Some(name), Language::Fr) => format!(", au nom de {name}"),
        (Some(name), Language::En) => format!(", in the name of {name}"),
        (None, _) => String::new(),
    }
}

/// What the creator is told of a withdrawal.
pub(in crate::service::paid_access) fn withdrawal_alert(language: Language, contract: &str, at: &str) -> String {
    match language {
        Language::Fr => format!(
            "Rétractation reçue le {at} pour le contrat {contract}. Le renouvellement est arrêté. Remboursez sous quatorze jours ce qui \
             est dû : console, Accès payants, ou `palabre access refund {contract}`."
        ),
        Language::En => format!(
            "A withdrawal came in on {at} for contract {contract}. The renewal is stopped. Give back what is due within fourteen \
             days: in the console under Paid access, or by `palabre access refund {contract}`."
        ),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    #[test]
    fn an_acknowledgement_says_what_when_and_by_whom() {
        let at = chrono_tz::Europe::Paris.with_ymd_and_hms(2026, 12, 1, 14, 5, 0).unwrap();
        let contract = Uuid::nil();
        for name in [Some("Awa Diop"), None] {
            let said = Said { plan: "Le cercle", seller: "Belle", contract, name, at };
            for language in [Language::Fr, Language::En] {
                for (subject, text) in [withdrawal(language, &said), cancellation(language, &said)] {
                    let colon = if language == Language::Fr { " : " } else { ": " };
                    assert!(subject.starts_with(&format!("Le cercle{colon}")), "{subject}");
                    assert!(text.contains("14:05 (CET)") && text.contains(&contract.to_string()), "{text}");
                    assert!(text.contains("Belle") && text.contains("2026"), "{text}");
                    assert_eq!(text.contains("Awa Diop"), name.is_some(), "{text}");
                }
            }
        }
        assert_eq!(moment(at, Language::Fr), "1er décembre 2026 à 14:05 (CET)");
    }
}
