//! Next steps that several codes share.

use crate::gateway::Bilingual;

pub(super) const TOO_FAST: Bilingual = (
    "if it stays: lower the per_second of {channel} and restart, or ask Twilio for more",
    "si cela dure : baisser le per_second de {channel} et redémarrer, ou demander plus à Twilio",
);

pub(super) const STATUS_PAGE: Bilingual = (
    "see Twilio's status page; what was given up can be replayed afterwards",
    "voir la page d'état de Twilio ; ce qui a été abandonné peut être rejoué ensuite",
);

pub(super) const WRONG_NUMBER: Bilingual = (
    "correct the contact's number or try another channel; a replay changes nothing",
    "corriger le numéro du contact ou essayer un autre canal ; rejouer n'y change rien",
);

pub(super) const SILENT: Bilingual = (
    "nothing: they do not want to be written to, and it is recorded; only their START ends that",
    "rien : le contact ne veut pas qu'on lui écrive, et c'est noté ; seul son START y met fin",
);

pub(super) const TEMPLATE: Bilingual = (
    "compare the template's language and variables with Twilio's content editor, mend [[templates]], restart, {again}",
    "comparer langue et variables du modèle avec l'éditeur de Twilio, corriger [[templates]], redémarrer, {again}",
);

pub(super) const REVIEW: Bilingual = (
    "review the text (links, capitals, promises), then send it anew; repeated blocks harm the sender",
    "revoir le texte (liens, capitales, promesses), puis renvoyer ; des blocages répétés nuisent à l'expéditeur",
);

pub(super) const WAIT_FOR_HOURS: Bilingual = (
    "wait: the limit is counted over hours; send less, or ask for a higher messaging tier",
    "attendre : la limite se compte en heures ; envoyer moins, ou demander un palier d'envoi supérieur",
);

pub(super) const SENDER: Bilingual = (
    "mend the address of {channel}: it must be a sender of its account that may write to such numbers; restart, {again}",
    "corriger l'adresse de {channel} : elle doit être un expéditeur de son compte qui peut écrire à ces numéros ; redémarrer, {again}",
);

pub(super) const SERVICE: Bilingual = (
    "compare messaging_service_sid of {channel} with Twilio's console, restart, {again}",
    "comparer messaging_service_sid de {channel} avec la console de Twilio, redémarrer, {again}",
);

pub(super) const ACCOUNT: Bilingual = (
    "check the account of {channel} in Twilio's console, restart, {again}",
    "vérifier le compte de {channel} dans la console de Twilio, redémarrer, {again}",
);

pub(super) const REGISTER: Bilingual = (
    "register the sender in Twilio's console for that country, {again}",
    "enregistrer l'expéditeur pour ce pays dans la console de Twilio, {again}",
);

pub(super) const MEDIA: Bilingual = (
    "attach a file that the channel takes (type, size, a public address), and send it anew",
    "joindre un fichier que le canal accepte (type, taille, adresse publique), et l'envoyer de nouveau",
);

pub(super) const TRIAL: Bilingual = (
    "verify the number in Twilio's console, or upgrade the trial account, {again}",
    "vérifier le numéro dans la console de Twilio, ou passer le compte d'essai en compte payant, {again}",
);

pub(super) const REPORT: Bilingual = (
    "please report it, with the output of `palabre explain`",
    "merci de le signaler, avec la sortie de `palabre explain`",
);

pub(super) const OTHER: Bilingual =
    ("try another channel; a replay changes nothing", "essayer un autre canal ; rejouer n'y change rien");

pub(super) const BUSINESS: Bilingual = (
    "settle it in Meta's business manager, then `palabre outbox resume {channel}`; what waits goes by itself",
    "régler cela dans le gestionnaire d'entreprise de Meta, puis `palabre outbox resume {channel}` ; ce qui attend part seul",
);

pub(super) const SETTLE: Bilingual = (
    "settle it with Twilio (their console says why), then `palabre outbox resume {channel}`; what waits goes by itself",
    "régler cela avec Twilio (leur console dit pourquoi), puis `palabre outbox resume {channel}` ; ce qui attend part seul",
);

pub(super) const LATER: Bilingual = ("{later}", "{later}");

pub(super) const SHORTEN: Bilingual =
    ("shorten or simplify the text and send it anew", "raccourcir ou simplifier le texte et l'envoyer de nouveau");

pub(super) const CALLBACK: Bilingual = (
    "check http.public_base_url: Twilio must be able to call it; restart, {again}",
    "vérifier http.public_base_url : Twilio doit pouvoir l'appeler ; redémarrer, {again}",
);

pub(super) const PRICE: Bilingual = (
    "raise the highest price in Twilio's console, {again}",
    "relever le prix maximal dans la console de Twilio, {again}",
);

pub(super) const LOOP: Bilingual = (
    "look at the conversation: `palabre conversations show` tells who answers whom",
    "regarder la conversation : `palabre conversations show` dit qui répond à qui",
);

pub(super) const MARKETING: Bilingual = (
    "not again soon; send what is no advertising as a utility template, or use SMS",
    "pas de nouvel essai bientôt ; envoyer ce qui n'est pas publicitaire comme modèle utilitaire, ou par SMS",
);
