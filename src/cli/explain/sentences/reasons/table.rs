//! Table of Palabre's own reasons: what each means, and what an operator can do.

mod files;

use super::super::Both;

/// A reason of ours: its word, what it means, what an operator can do.
pub(in crate::cli::explain::sentences) struct Reason {
    pub word: &'static str,
    pub means: Both,
    pub todo: Option<Both>,
}

const fn reason(word: &'static str, means: Both, todo: Option<Both>) -> Reason {
    Reason { word, means, todo }
}

const WAIT: Option<Both> = None;

/// What helps when a provider cannot be reached.
const REACH: Option<Both> = Some((
    "check api_base_url of {channel} and this machine's network; it goes by itself once the provider is reached",
    "vérifier api_base_url de {channel} et le réseau de cette machine ; il part de lui-même dès que le fournisseur est joint",
));

/// Every word that may stand in `blocked_reason`, in `last_error` or in an event's `reason`. docs/outbox.md lists them too.
pub(in crate::cli::explain::sentences) const REASONS: &[Reason] = &[
    reason("due", ("its time had come", "son heure était venue"), WAIT),
    reason("taken", ("the provider took it", "le fournisseur l'a pris"), WAIT),
    reason("found_at_provider", ("the provider was asked, and has it", "on a demandé au fournisseur, et il l'a"), WAIT),
    reason(
        "paced",
        (
            "the permits of the contact, the account or the tenant are used up for the moment",
            "les permis du contact, du compte ou de l'entreprise sont épuisés pour l'instant",
        ),
        WAIT,
    ),
    reason(
        "quiet_hours",
        (
            "the law allows no advertising at this hour or on this day: it goes out in the morning",
            "la loi interdit la publicité à cette heure ou ce jour : elle partira le matin",
        ),
        WAIT,
    ),
    reason("scheduled", ("it is to be sent at a time that was asked for", "elle doit partir à l’heure demandée"), WAIT),
    reason(
        "per_day",
        (
            "the tenant's messages of the day (limits.per_day) are used up",
            "les messages du jour de l'entreprise (limits.per_day) sont épuisés",
        ),
        Some((
            "if that is too few: raise limits.per_day and restart",
            "si c'est trop peu : relever limits.per_day et redémarrer",
        )),
    ),
    reason(
        "budget",
        (
            "the tenant's budget is spent, and the message is not urgent",
            "le budget de l'entreprise est dépensé, et le message n'est pas urgent",
        ),
        Some((
            "raise [budget] and restart, or wait for the next day or month",
            "relever [budget] et redémarrer, ou attendre le jour ou le mois suivant",
        )),
    ),
    reason(
        "paused",
        ("its channel is paused", "son canal est en pause"),
        Some((
            "`palabre outbox resume {channel}` ends the pause",
            "`palabre outbox resume {channel}` met fin à la pause",
        )),
    ),
    reason(
        "suspended",
        (
            "the provider suspended the sender, so its channel is paused",
            "le fournisseur a suspendu l'expéditeur : son canal est en pause",
        ),
        Some((
            "see the provider's console, then `palabre outbox resume {channel}`",
            "voir la console du fournisseur, puis `palabre outbox resume {channel}`",
        )),
    ),
    reason(
        "breaker_open",
        (
            "its channel failed too often: its circuit breaker is open, and nothing is sent for a moment",
            "son canal a échoué trop souvent : son disjoncteur est ouvert, et rien ne part pour un instant",
        ),
        Some((
            "nothing: it goes when the channel works again; a fallback_channel of {channel} would take over meanwhile",
            "rien : il part quand le canal remarche ; un canal de secours (fallback_channel) de {channel} prendrait le relais",
        )),
    ),
    reason(
        "breaker_half_open",
        (
            "its channel is being tried with one message after it failed too often",
            "son canal, qui a échoué trop souvent, est éprouvé avec un seul message",
        ),
        WAIT,
    ),
    reason(
        "pacing_unavailable",
        (
            "the rate limiter could not count permits, so nothing was sent",
            "le limiteur de débit n'a pas pu compter les permis : rien n'est parti",
        ),
        WAIT,
    ),
    reason(
        "usage_unavailable",
        (
            "the database could not say what the tenant has sent, so nothing was sent",
            "la base n'a pas pu dire ce que l'entreprise a envoyé : rien n'est parti",
        ),
        Some(("see whether the database answers", "vérifier que la base répond")),
    ),
    reason(
        "day_count_unavailable",
        (
            "the database could not say what the tenant has sent, so nothing was sent",
            "la base n'a pas pu dire ce que l'entreprise a envoyé : rien n'est parti",
        ),
        Some(("see whether the database answers", "vérifier que la base répond")),
    ),
    reason(
        "consent_unavailable",
        (
            "the database could not say whether the contact said STOP, so nothing was sent",
            "la base n'a pas pu dire si le contact a dit STOP : rien n'est parti",
        ),
        Some(("see whether the database answers", "vérifier que la base répond")),
    ),
    reason(
        "lease_short",
        (
            "the process stood still on the way: too little time was left to send it",
            "le processus est resté figé en chemin : il restait trop peu de temps pour l'envoyer",
        ),
        WAIT,
    ),
    reason(
        "twins_unavailable",
        (
            "the database could not say which messages of the provider are others'",
            "la base n'a pas pu dire quels messages du fournisseur sont ceux d'autres envois",
        ),
        WAIT,
    ),
    reason(
        "twin_first",
        (
            "another message to the contact is open as well, and is cleared up first",
            "un autre message au contact est en suspens lui aussi, et s'éclaircit d'abord",
        ),
        WAIT,
    ),
    reason(
        "channel_not_configured",
        ("its channel is not in the configuration any more", "son canal n'est plus dans la configuration"),
        Some((
            "bring {channel} back and restart, or cancel the message",
            "remettre {channel} et redémarrer, ou rappeler le message",
        )),
    ),
    reason(
        "provider_unknown",
        (
            "its channel is not in the configuration, and its provider is one that this version does not know",
            "son canal n'est pas dans la configuration, et cette version ne connaît pas son fournisseur",
        ),
        Some((
            "run a version that knows the provider of {channel}, or cancel the message",
            "lancer une version qui connaît le fournisseur de {channel}, ou rappeler le message",
        )),
    ),
    reason(
        "fallback_window_closed",
        (
            "the channel that took over may not write free text to this contact",
            "le canal de secours ne peut pas écrire librement à ce contact",
        ),
        WAIT,
    ),
    reason(
        "absent_at_provider",
        (
            "the provider was asked, and does not have it: it is safe to send it again",
            "on a demandé au fournisseur, et il ne l'a pas : on peut le renvoyer sans risque",
        ),
        WAIT,
    ),
    reason(
        "unclear_at_provider",
        (
            "the provider was asked whether it has it, and could not tell: the channel's on_unknown = \"resend\" sends it again, \
            and it may arrive twice",
            "on a demandé au fournisseur s'il l'a, et il n'a pas su le dire : le on_unknown = \"resend\" du canal le renvoie, et \
            il peut arriver deux fois",
        ),
        Some((
            "if it was given up: look in the provider's console before replaying it, it may arrive twice",
            "s'il est abandonné : regarder la console du fournisseur avant de le rejouer, il pourrait arriver deux fois",
        )),
    ),
    reason(
        "asking_failed",
        (
            "the provider could not be asked whether it has it, and will be asked again",
            "on n'a pas pu demander au fournisseur s'il l'a, et on le lui redemandera",
        ),
        WAIT,
    ),
    reason(
        "lease_expired",
        (
            "the process that had it ended (a kill, a crash), or its lease ran out, while the call was under way or about to be: \
            nobody wrote down what came of it",
            "le processus qui l'avait s'est arrêté (tué, en panne), ou son bail est échu, pendant l'appel ou juste avant : \
            personne n'a noté ce qu'il en est",
        ),
        WAIT,
    ),
    reason(
        "unknown_outcome",
        (
            "the request was written, and no answer that counts came back (the connection broke, it timed out, the provider \
            failed)",
            "la requête est partie, et aucune réponse valable n'est revenue (connexion rompue, délai passé, panne du fournisseur)",
        ),
        Some((
            "if it was given up: look in the provider's console before replaying it, it may arrive twice",
            "s'il est abandonné : regarder la console du fournisseur avant de le rejouer, il pourrait arriver deux fois",
        )),
    ),
    reason(
        "connection_refused",
        (
            "the provider's machine refused the connection: nothing listens at the channel's api_base_url",
            "la machine du fournisseur a refusé la connexion : rien n'écoute à l'api_base_url du canal",
        ),
        REACH,
    ),
    reason(
        "dns_failed",
        (
            "the provider's name has no address: the name in api_base_url is wrong, or name resolution does not work",
            "le nom du fournisseur n'a pas d'adresse : le nom dans api_base_url est faux, ou la résolution de noms ne marche pas",
        ),
        REACH,
    ),
    reason(
        "tls_failed",
        (
            "no secure connection to the provider: its certificate was not accepted, or what answers speaks no TLS",
            "pas de connexion sûre avec le fournisseur : son certificat n'a pas été accepté, ou ce qui répond ne parle pas TLS",
        ),
        REACH,
    ),
    reason(
        "connect_timed_out",
        (
            "the provider could not be connected to in time: a firewall, or its network is away",
            "impossible de joindre le fournisseur à temps : un pare-feu, ou son réseau est absent",
        ),
        REACH,
    ),
    reason(
        "no_connection",
        ("the provider could not be connected to", "impossible de se connecter au fournisseur"),
        REACH,
    ),
    reason(
        "timed_out",
        (
            "the request was written, and the provider did not answer in time: it may have taken the message",
            "la requête a été écrite, et le fournisseur n'a pas répondu à temps : il a peut-être pris le message",
        ),
        WAIT,
    ),
    reason(
        "connection_lost",
        (
            "the connection to the provider broke before its answer: it may have taken the message",
            "la connexion au fournisseur s'est rompue avant sa réponse : il a peut-être pris le message",
        ),
        WAIT,
    ),
    reason(
        "retry",
        ("the provider could not take it for the moment", "le fournisseur n'a pas pu le prendre pour l'instant"),
        WAIT,
    ),
    reason(
        "rejected",
        ("the provider refused it", "le fournisseur l'a refusé"),
        Some(("see the provider's console", "voir la console du fournisseur")),
    ),
    reason(
        "misconfigured",
        (
            "the channel's own settings are wrong (its credentials, or its address)",
            "les réglages du canal sont faux (ses identifiants, ou son adresse)",
        ),
        Some(("mend those of {channel}, restart, {again}", "corriger ceux de {channel}, redémarrer, {again}")),
    ),
    reason(
        "exhausted",
        ("every attempt failed", "toutes les tentatives ont échoué"),
        Some(("once the cause is gone: {replay}", "quand la cause a disparu : {replay}")),
    ),
    reason(
        "expired",
        ("its time had passed before it could be sent", "son délai est passé avant qu'il puisse partir"),
        Some((
            "is it still worth sending? {replay} gives it as much time again",
            "vaut-il encore d'être envoyé ? {replay} lui redonne autant de temps",
        )),
    ),
    reason(
        "unknown_template",
        (
            "its template is not one that its channel knows, and there is no text instead",
            "son modèle n'est pas connu de son canal, et il n'y a pas de texte à la place",
        ),
        Some((
            "bring the template back ([[templates]]), restart, {again}",
            "remettre le modèle ([[templates]]), redémarrer, {again}",
        )),
    ),
    reason(
        "unsupported_action",
        ("the channel's provider does not know this action", "le fournisseur du canal ne connaît pas cette action"),
        Some((
            "send it through a channel whose provider knows it",
            "passer par un canal dont le fournisseur la connaît",
        )),
    ),
    files::GONE,
    files::UNSUPPORTED,
    files::UNREACHABLE,
    files::NOT_READ,
    reason(
        "window_closed",
        (
            "the contact has not written within the channel's window, or never has: only a template may be sent",
            "le contact n'a pas écrit dans la fenêtre du canal, ou n'a jamais écrit : seul un modèle peut partir",
        ),
        Some((
            "it goes by itself when the contact writes; a template would have passed",
            "il part de lui-même quand le contact écrit ; un modèle serait passé",
        )),
    ),
    reason(
        "not_confirmed",
        (
            "the contact has not confirmed that the tenant may write (double opt-in)",
            "le contact n'a pas confirmé que l'entreprise peut écrire (double consentement)",
        ),
        Some(("it goes by itself when they confirm", "il part de lui-même quand le contact confirme")),
    ),
    reason("contact_wrote", ("the contact wrote", "le contact a écrit"), WAIT),
    reason("confirmed", ("the contact confirmed", "le contact a confirmé"), WAIT),
    reason(
        "opted_out",
        ("the contact said STOP", "le contact a dit STOP"),
        Some(("only their START ends that", "seul son START y met fin")),
    ),
    reason(
        "marketing_stopped",
        ("the contact wants no advertising", "le contact ne veut pas de publicité"),
        Some((
            "nothing: only their RESUME PROMOTIONS or START ends that; what is no advertising still goes",
            "rien : seuls REPRENDRE LES PROMOTIONS ou START y mettent fin ; ce qui n'est pas publicitaire part toujours",
        )),
    ),
    reason(
        "confirmed_once",
        (
            "the confirmation of a STOP goes out with the STOP or never: it is not sent when it is replayed",
            "la confirmation d'un STOP part avec le STOP ou jamais : rejouée, elle n'est pas envoyée",
        ),
        WAIT,
    ),
    reason("operator", ("an operator's doing", "le fait d'un opérateur"), WAIT),
    reason("erased", ("the contact was erased", "le contact a été effacé"), WAIT),
    reason("cancelled", ("a person called it back", "une personne l'a rappelé"), WAIT),
    reason(
        "earlier_life",
        ("this is about an earlier life of the message", "ceci concerne une vie antérieure du message"),
        WAIT,
    ),
    reason("failed", ("the provider gave no reason", "le fournisseur n'a pas donné de raison"), WAIT),
];
