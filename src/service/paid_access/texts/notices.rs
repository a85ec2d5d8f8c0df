//! What members are told of their purchase, by the bot and by e-mail.

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use palabre_actors::domain::dates;
use palabre_actors::domain::entitlement::NoticeKind;
use palabre_actors::domain::rules::Language;

use super::{day, titled};

/// What a notice is about.
pub(in crate::service::paid_access) struct About<'a> {
    pub plan: &'a str,
    pub seller: &'a str,
    /// What was paid or given back, where the notice is about a payment.
    pub amount: Option<String>,
    /// When what is paid ends, or access does, where it has an end.
    pub until: Option<DateTime<Tz>>,
    /// When the card that pays ends.
    pub card_ends_at: Option<DateTime<Tz>>,
    /// The plan's page.
    pub page: Option<String>,
    /// The payer's own page: the way in, to change and to end what is paid.
    pub own: Option<String>,
    /// Where the last payment is receipted.
    pub receipt: Option<&'a str>,
    /// Where what is open is paid.
    pub pay: Option<&'a str>,
}

/// The texts of a notice in French and English. Empty places are left out by [`filled`].
const fn words(kind: NoticeKind) -> ((&'static str, &'static str), (&'static str, &'static str)) {
    match kind {
        NoticeKind::PaymentReceived => (
            ("Paiement reçu", "Payment received"),
            (
                "Merci. Votre paiement[ de {amount}] pour {plan} est bien arrivé.[ Payé jusqu'au {until}.][\nReçu : {receipt}][\nGérer ou résilier : {own}]",
                "Thank you. Your payment[ of {amount}] for {plan} has arrived.[ Paid until {until}.][\nReceipt: {receipt}][\nManage or cancel: {own}]",
            ),
        ),
        NoticeKind::PaymentFailed => (
            ("Paiement non passé", "Payment failed"),
            (
                "Votre paiement pour {plan} n'est pas passé.[ Accès conservé jusqu'au {until}.][\nPayer : {pay}][\nChanger de carte : {own}]",
                "Your payment for {plan} did not go through.[ You keep access until {until}.][\nPay: {pay}][\nChange your card: {own}]",
            ),
        ),
        NoticeKind::GraceEndsInThreeDays => (
            ("Votre accès s'arrête dans trois jours", "Your access ends in three days"),
            (
                "Votre accès à {plan} s'arrête dans trois jours[, le {until}].[\nPayer : {pay}]",
                "Your access to {plan} ends in three days[, on {until}].[\nPay: {pay}]",
            ),
        ),
        NoticeKind::GraceEndsTomorrow => (
            ("Votre accès s'arrête demain", "Your access ends tomorrow"),
            (
                "Votre accès à {plan} s'arrête demain[, le {until}].[\nPayer : {pay}]",
                "Your access to {plan} ends tomorrow[, on {until}].[\nPay: {pay}]",
            ),
        ),
        NoticeKind::AccessEnded => (
            ("Votre accès est terminé", "Your access has ended"),
            (
                "Votre accès à {plan} est terminé.[\nRevenir : {page}]",
                "Your access to {plan} has ended.[\nCome back: {page}]",
            ),
        ),
        NoticeKind::Refunded => (
            ("Remboursement", "Refund"),
            (
                "{seller} vous a remboursé {plan}[ ({amount})]. La somme revient sur votre moyen de paiement sous quelques jours.",
                "{seller} has refunded {plan}[ ({amount})]. The money comes back to your means of payment within days.",
            ),
        ),
        NoticeKind::RenewalReminder => (
            ("Renouvellement dans un mois", "Renewal in a month"),
            (
                "{plan} se renouvelle dans un mois.[ Accès payé jusqu'au {until}.] Vous pouvez l'arrêter avant, sans frais.[\nGérer ou résilier : {own}]",
                "{plan} renews in a month.[ Paid until {until}.] You can stop it before, free of charge.[\nManage or cancel: {own}]",
            ),
        ),
        NoticeKind::PaidTwice => (
            ("Payé deux fois", "Paid twice"),
            (
                "Vous avez payé {plan} deux fois pour la même période : l'un des deux est de trop. {seller} est prévenu et vous rembourse.[\nGérer ou résilier : {own}]",
                "You have paid for {plan} twice for the same time: one of the two is too much. {seller} knows, and gives it back.[\nManage or cancel: {own}]",
            ),
        ),
        NoticeKind::Moved => (
            ("Changement de compte", "Another account"),
            (
                "Votre accès à {plan} est désormais lié à un autre compte ; celui-ci en sort. Si ce n'est pas vous, écrivez-nous tout de suite.",
                "Your access to {plan} belongs to another account now; this one has to leave. If that was not you, write to us at once.",
            ),
        ),
        NoticeKind::CardExpiring => (
            ("Votre carte expire", "Your card expires"),
            (
                "La carte qui paie {plan} expire[ fin {card}]. Sans une autre, le prochain paiement ne passera pas.[\nChanger de carte : {own}]",
                "The card that pays {plan} expires[ at the end of {card}]. Without another one, the next payment will fail.[\nChange your card: {own}]",
            ),
        ),
    }
}

/// A notice: its subject, and its text.
pub(in crate::service::paid_access) fn notice(
    kind: NoticeKind,
    language: Language,
    about: &About<'_>,
) -> (String, String) {
    let (subject, text) = words(kind);
    let pick = |(french, english): (&'static str, &'static str)| match language {
        Language::Fr => french,
        Language::En => english,
    };
    let until = about.until.map(|until| day(until, language));
    let card = about
        .card_ends_at
        .map(|end| dates::month_and_year((end - TimeDelta::days(1)).date_naive(), language == Language::En));
    let pay = about.pay.or(about.own.as_deref()).or(about.page.as_deref());
    let values = [
        ("plan", Some(about.plan)),
        ("seller", Some(about.seller)),
        ("amount", about.amount.as_deref()),
        ("until", until.as_deref()),
        ("card", card.as_deref()),
        ("page", about.page.as_deref()),
        ("own", about.own.as_deref()),
        ("receipt", about.receipt),
        ("pay", pay),
    ];
    (titled(about.plan, pick(subject), language), filled(pick(text), &values))
}

/// Puts values into the places of a text. A part in brackets is left out when the value of its place is not known.
fn filled(text: &str, values: &[(&str, Option<&str>)]) -> String {
    let place = |part: &str| -> Option<String> {
        let mut done = String::new();
        let mut rest = part;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            done.push_str(before);
            done.push_str((*value)?);
            rest = after;
        }
        done.push_str(rest);
        Some(done)
    };
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let (part, after) = after.split_once(']').unwrap_or((after, ""));
        done.push_str(&place(before).unwrap_or_default());
        done.push_str(&place(part).unwrap_or_default());
        rest = after;
    }
    done.push_str(&place(rest).unwrap_or_default());
    done
}

/// The end of an e-mail: who writes, and why.
pub(in crate::service::paid_access) fn signature(language: Language, seller: &str) -> String {
    match language {
        Language::Fr => format!(
            "\n\n{seller}\nVous recevez ce message parce que vous avez acheté cet accès : il n'est pas publicitaire."
        ),
        Language::En => {
            format!("\n\n{seller}\nYou receive this message because you bought this access: it is no advertisement.")
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    const KINDS: [NoticeKind; 10] = [
        NoticeKind::PaymentReceived,
        NoticeKind::PaymentFailed,
        NoticeKind::GraceEndsInThreeDays,
        NoticeKind::GraceEndsTomorrow,
        NoticeKind::AccessEnded,
        NoticeKind::Refunded,
        NoticeKind::RenewalReminder,
        NoticeKind::CardExpiring,
        NoticeKind::PaidTwice,
        NoticeKind::Moved,
    ];

    const WITH_AMOUNT: [NoticeKind; 2] = [NoticeKind::PaymentReceived, NoticeKind::Refunded];
    const WITHOUT_LINK: [NoticeKind; 2] = [NoticeKind::Refunded, NoticeKind::Moved];

    fn about(is_known: bool) -> About<'static> {
        let paris = chrono_tz::Europe::Paris;
        let url = |path: &str| is_known.then(|| format!("https://x.example/{path}"));
        About {
            plan: "Accès Premium",
            seller: "Institut Belle",
            amount: is_known.then(|| "9,99\u{a0}€".to_owned()),
            until: is_known.then(|| paris.with_ymd_and_hms(2026, 12, 6, 9, 0, 0).unwrap()),
            card_ends_at: is_known.then(|| paris.with_ymd_and_hms(2027, 1, 1, 1, 0, 0).unwrap()),
            page: url("page"),
            own: url("own"),
            receipt: is_known.then_some("https://x.example/receipt"),
            pay: is_known.then_some("https://x.example/pay"),
        }
    }

    #[test]
    fn notices_say_what_is_known_and_leave_the_rest_out() {
        for kind in KINDS {
            for language in [Language::Fr, Language::En] {
                for is_known in [true, false] {
                    let (subject, text) = notice(kind, language, &about(is_known));
                    let colon = if language == Language::Fr { " : " } else { ": " };
                    assert!(subject.starts_with(&format!("Accès Premium{colon}")), "{subject}");
                    assert!(text.contains("Accès Premium"), "{text}");
                    let tells = is_known && WITH_AMOUNT.contains(&kind);
                    assert_eq!(text.contains("9,99\u{a0}€"), tells, "{text}");
                    assert!(!text.contains(['{', '}', '[', ']']), "{text}");
                    assert_eq!(text.contains("https://"), is_known && !WITHOUT_LINK.contains(&kind), "{text}");
                }
            }
        }
        let (_, failed) = notice(NoticeKind::PaymentFailed, Language::Fr, &about(true));
        assert_eq!(
            failed,
            "Votre paiement pour Accès Premium n'est pas passé. Accès conservé jusqu'au 6 décembre 2026.\nPayer : \
             https://x.example/pay\nChanger de carte : https://x.example/own"
        );
        let (_, card) = notice(NoticeKind::CardExpiring, Language::Fr, &about(true));
        assert!(card.starts_with("La carte qui paie Accès Premium expire fin décembre 2026."), "{card}");
        let (_, received) = notice(NoticeKind::PaymentReceived, Language::En, &about(true));
        assert!(
            received.starts_with("Thank you. Your payment of 9,99\u{a0}€ for Accès Premium has arrived."),
            "{received}"
        );
        let (_, last) = notice(NoticeKind::GraceEndsTomorrow, Language::Fr, &about(true));
        assert!(last.starts_with("Votre accès à Accès Premium s'arrête demain, le 6 décembre 2026.\n"), "{last}");
        assert!(received.contains("Paid until 6 December 2026.\nReceipt: https://x.example/receipt"), "{received}");
    }
}
