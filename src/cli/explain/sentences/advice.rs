//! What an operator can do about each of Twilio's codes. What a code means is with the gateway; this is the next step.

use super::Both;

/// The channel failed too often, and so may have the one that takes over.
pub(super) const FALLBACK_CANNOT: Both = (
    "nothing: it goes by itself when {channel} works again; its fallback_channel {fallback} cannot take it meanwhile (paused \
    or broken too, or no way to this contact)",
    "rien : il part de lui-même quand {channel} remarche ; son canal de secours {fallback} ne peut pas le prendre d'ici là (en \
    pause ou en panne aussi, ou pas de chemin vers ce contact)",
);

/// The next step, with places for what is known ([`super::Case::fill`]). `None`: there is nothing to do, or nobody has words
/// for this code.
pub(super) const fn on(code: u32) -> Option<Both> {
    Some(match code {
        20003 => (
            "check account_sid and auth_token of {channel} against Twilio's console, restart, {again}",
            "vérifier account_sid et auth_token de {channel} dans la console de Twilio, redémarrer, {again}",
        ),
        20429 | 21611 | 30001 | 30022 => (
            "if it stays: lower the per_second of {channel} and restart, or ask Twilio for more",
            "si cela dure : baisser le per_second de {channel} et redémarrer, ou demander plus à Twilio",
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
            "enable the country in Twilio's messaging geo permissions, {again}",
            "activer le pays dans les « geo permissions » de Twilio, {again}",
        ),
        21610 | 63033 => (
            "nothing: they do not want to be written to, and it is recorded; only their START ends that",
            "rien : le contact ne veut pas qu'on lui écrive, et c'est noté ; seul son START y met fin",
        ),
        21617 => ("shorten the text and send it anew", "raccourcir le texte et l'envoyer de nouveau"),
        21656 | 63027 | 63028 => (
            "compare the template's language and variables with Twilio's content editor, mend [[templates]], restart, {again}",
            "comparer langue et variables du modèle avec l'éditeur de Twilio, corriger [[templates]], redémarrer, {again}",
        ),
        30002 => (
            "settle it with Twilio (their console says why), then `palabre outbox resume {channel}`; what waits goes by itself",
            "régler cela avec Twilio (leur console dit pourquoi), puis `palabre outbox resume {channel}` ; ce qui attend part seul",
        ),
        30003 | 30008 | 63012 | 63017 => ("{later}", "{later}"),
        30004 | 30007 | 63005 | 63013 => (
            "review the text (links, capitals, promises), then send it anew; repeated blocks harm the sender",
            "revoir le texte (liens, capitales, promesses), puis renvoyer ; des blocages répétés nuisent à l'expéditeur",
        ),
        30047 | 63018 | 63038 => (
            "wait: the limit is counted over hours; send less, or ask for a higher messaging tier",
            "attendre : la limite se compte en heures ; envoyer moins, ou demander un palier d'envoi supérieur",
        ),
        63007 => (
            "mend the address of {channel}: it must be a WhatsApp sender of its account; restart, {again}",
            "corriger l'adresse de {channel} : elle doit être un expéditeur WhatsApp de son compte ; redémarrer, {again}",
        ),
        63015 => (
            "let the recipient join the sandbox, or use a sender of your own",
            "faire rejoindre la sandbox au destinataire, ou utiliser un expéditeur à soi",
        ),
        63016 => (
            "send it anew with a template ([[templates]]); or, once the contact has written: {replay}",
            "l'envoyer de nouveau avec un modèle ([[templates]]) ; ou, quand le contact aura écrit : {replay}",
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
                assert!(english != french || english == "{later}");
            } else {
                assert_eq!(on(number), None, "{number} is not known to the gateway");
            }
        }
        assert!(known > 30, "{known}");
    }
}
