//! What an operator can do about each of Twilio's codes. What a code means is with the gateway; this is the next step.

use super::Both;

/// The next step. `None`: there is nothing to do, or nobody has words for this code.
pub(super) const fn on(code: u32) -> Option<Both> {
    Some(match code {
        20003 => (
            "check account_sid and auth_token against Twilio's console, restart, then replay",
            "vérifier account_sid et auth_token dans la console de Twilio, redémarrer, puis rejouer",
        ),
        20429 | 21611 | 30001 | 30022 => (
            "if it stays: lower the channel's per_second, or ask Twilio for more",
            "si cela dure : baisser le per_second du canal, ou demander plus à Twilio",
        ),
        20500 | 20503 => (
            "see Twilio's status page; what was given up can be replayed afterwards",
            "voir la page d'état de Twilio ; ce qui a été abandonné peut être rejoué ensuite",
        ),
        21211 | 21614 | 30005 | 30006 | 63003 | 63024 => (
            "correct the contact's number or try another channel; a replay changes nothing",
            "corriger le numéro du contact ou essayer un autre canal ; rejouer n'y change rien",
        ),
        21408 => (
            "enable the country in Twilio's messaging geo permissions, then replay",
            "activer le pays dans les « geo permissions » de Twilio, puis rejouer",
        ),
        21610 | 63033 => (
            "nothing: they do not want to be written to, and it is recorded; only their START ends that",
            "rien : il ne veut pas qu'on lui écrive, et c'est noté ; seul son START y met fin",
        ),
        21617 => ("shorten the text and send it anew", "raccourcir le texte et l'envoyer de nouveau"),
        21656 | 63027 | 63028 => (
            "compare the template's language and variables with Twilio's content editor, mend [[templates]], send anew",
            "comparer langue et variables du modèle avec l'éditeur de Twilio, corriger [[templates]], renvoyer",
        ),
        30002 => (
            "settle it with Twilio (their console says why), then `palabre outbox resume`; what waits leaves by itself",
            "régler cela avec Twilio (leur console dit pourquoi), puis `palabre outbox resume` ; ce qui attend part seul",
        ),
        30003 | 30008 | 63012 | 63017 => ("replay it later", "le rejouer plus tard"),
        30004 | 30007 | 63005 | 63013 => (
            "review the text (links, capitals, promises), then send it anew; repeated blocks harm the sender",
            "revoir le texte (liens, capitales, promesses), puis renvoyer ; des blocages répétés nuisent à l'expéditeur",
        ),
        30047 | 63018 | 63038 => (
            "wait: the limit is counted over hours; send less, or ask for a higher messaging tier",
            "attendre : la limite se compte en heures ; envoyer moins, ou demander un palier d'envoi supérieur",
        ),
        63007 => (
            "check the channel's address: it must be a WhatsApp sender of this account",
            "vérifier l'adresse du canal : elle doit être un expéditeur WhatsApp de ce compte",
        ),
        63015 => (
            "let the recipient join the sandbox, or use a sender of your own",
            "faire rejoindre la sandbox au destinataire, ou utiliser un expéditeur à soi",
        ),
        63016 => (
            "give the message a template ([[templates]]), or wait until the contact writes",
            "donner un modèle au message ([[templates]]), ou attendre que le contact écrive",
        ),
        63032 => ("try another channel, such as SMS", "essayer un autre canal, comme le SMS"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::twilio::codes;

    #[test]
    fn every_known_code_has_a_next_step() {
        let mut known = 0;
        for number in (20_000..=31_000).chain(63_000..=64_000) {
            if codes::find(number).is_some() {
                known += 1;
                let (english, french) = on(number).unwrap_or_else(|| panic!("{number}"));
                assert_ne!(english, french);
            } else {
                assert_eq!(on(number), None, "{number} is not known to the gateway");
            }
        }
        assert!(known > 30, "{known}");
    }
}
