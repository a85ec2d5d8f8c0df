//! Sentences for every outcome, event and reason of a message, in English and French.

mod appointments;
mod blocked;
mod case;
mod events;
mod files;
mod live_sales;
mod reasons;
mod routing;
mod rules;

use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;

pub(in crate::cli) use self::blocked::{todo as wait_todo, wait as told_wait};
pub(in crate::cli) use self::case::{Case, fallback_of};
pub(in crate::cli) use self::events::event;
pub(super) use self::reasons::code;
pub(in crate::cli) use self::reasons::{last_error, misspelt, what_to_do};
use super::words;
use crate::store::BlockedReason;
use crate::store::entity::{message_in, message_out};

/// A text in English and in French.
type Both = (&'static str, &'static str);

const fn in_(language: Language, (english, french): Both) -> &'static str {
    match language {
        Language::En => english,
        Language::Fr => french,
    }
}

/// The channel failed too often, and so may have the one that takes over.
const FALLBACK_CANNOT: Both = (
    "nothing: it goes by itself when {channel} works again; its fallback_channel {fallback} cannot take it meanwhile (paused \
    or broken too, or no way to this contact)",
    "rien : il part de lui-même quand {channel} remarche ; son canal de secours {fallback} ne peut pas le prendre d'ici là (en \
    pause ou en panne aussi, ou pas de chemin vers ce contact)",
);

/// What `unknown_outcome` means where a message is given up for it: by then the provider was asked.
const PARKED: Both = (
    "the provider was asked whether it has it, and could not tell: the channel's on_unknown = \"park\" sets it aside rather \
    than risk that it arrives twice",
    "on a demandé au fournisseur s'il l'a, et il n'a pas su le dire : le on_unknown = \"park\" du canal le met de côté plutôt \
    que de risquer qu'il arrive deux fois",
);

/// Why an inbound message ended as it did. `None`: it has not ended, or nobody has words for its reason.
pub(in crate::cli) fn why_inbound(row: &message_in::Model, language: Language) -> Option<String> {
    let reason = row.reason.as_deref()?;
    if row.state == "dead" {
        return Some(buried(reason, language));
    }
    outcome(reason).map(|both| in_(language, both).to_owned())
}

/// What stands in for a reason while there is none.
pub(super) fn state_inbound(row: &message_in::Model, language: Language) -> String {
    match (row.state.as_str(), why_inbound(row, language), language) {
        (_, Some(why), _) => why,
        ("accepted", None, _) => in_(
            language,
            (
                "accepted and safe, but its turn has not come yet: is the daemon running?",
                "accepté et en sûreté, mais son tour n'est pas encore venu : le démon tourne-t-il ?",
            ),
        )
        .to_owned(),
        (state, None, Language::En) => format!("it is {state}, for a reason that this version does not know"),
        (state, None, Language::Fr) => {
            let state = words::inbound_state(state, language);
            format!("à l'état {state}, pour une raison que cette version ne connaît pas")
        }
    }
}

/// What came of a turn, by the word in `messages_in.reason`.
fn outcome(word: &str) -> Option<Both> {
    Some(match word {
        "answered_faq" => (
            "a question of the FAQ was recognised, and its answer written",
            "une question de la FAQ a été reconnue, et sa réponse écrite",
        ),
        "offered_faq" => (
            "several questions of the FAQ may be meant, and a menu of them was written",
            "plusieurs questions de la FAQ étaient possibles, et un menu a été écrit",
        ),
        "answered_closed" => (
            "the business is closed, which was said once for this closure (hours.closed_reply)",
            "l'entreprise est fermée, ce qui a été dit une fois pour cette fermeture (hours.closed_reply)",
        ),
        "answered_no_text" => (
            "a voice note, a picture or a sign without words: what to do instead was written",
            "un message vocal, une image ou un signe sans texte : ce qu'il faut faire a été écrit",
        ),
        "silent_no_text" => (
            "no answer: nothing but a sign, or a picture once more in the same session",
            "pas de réponse : rien qu'un signe, ou encore une image dans la même session",
        ),
        "asked_to_stop" => (
            "they seem to want no more messages, and were asked to say STOP",
            "le contact semble ne plus vouloir de messages : on lui a demandé de répondre STOP",
        ),
        "escalated" => (
            "a person was called, the contact was told, and the bot is silent from now on",
            "une personne a été appelée, le contact en est prévenu, et le robot se tait désormais",
        ),
        "answered_assistant" => (
            "the tenant's assistant answered, from the FAQ and the facts that it was given",
            "l'assistant de l'entreprise a répondu, d'après la FAQ et les faits qu'on lui a donnés",
        ),
        "answered_fallback" => (
            "no question of the FAQ was recognised, so the fallback was written",
            "aucune question de la FAQ n'a été reconnue : la réponse par défaut a été écrite",
        ),
        "answered_help" => (
            "they asked for help, which is answered (by the provider itself if it said so)",
            "le contact a demandé de l'aide, et l'a reçue (du fournisseur lui-même s'il l'a dit)",
        ),
        "answered_flow" => (
            "a flow took it as an answer, and asked or said what comes next",
            "un parcours l'a pris comme réponse, et a demandé ou dit la suite",
        ),
        "handed_over" => (
            "a flow called a person, who has the conversation now",
            "un parcours a appelé une personne, qui s'occupe désormais de la conversation",
        ),
        "opted_out" => (
            "they said STOP: it is recorded, confirmed once, and from now on there is silence",
            "le contact a dit STOP : c'est noté, confirmé une fois, et c'est désormais le silence",
        ),
        "opted_in" => (
            "they said START: it is recorded, and they get messages again",
            "le contact a dit START : c'est noté, et on peut de nouveau lui écrire",
        ),
        "marketing_stopped" => (
            "they want no advertising: it is recorded; other messages go on",
            "le contact ne veut plus de publicité : c'est noté ; les autres messages continuent",
        ),
        "marketing_resumed" => {
            ("they want advertising again: it is recorded", "le contact veut de nouveau de la publicité : c'est noté")
        }
        "confirmed" => (
            "they confirmed what the welcome asked: it is recorded, and what waited for that goes out",
            "le contact a confirmé ce que le message d'accueil demandait : c'est noté, et ce qui attendait part",
        ),
        "silent_opted_out" => (
            "no answer: they said STOP before, and only START ends that",
            "pas de réponse : le contact a dit STOP auparavant, et seul START y met fin",
        ),
        "silent_human" => (
            "no answer by itself: a person has this conversation",
            "pas de réponse automatique : une personne s'occupe de cette conversation",
        ),
        "silent_blocked" => {
            ("no answer: the business blocked this contact", "pas de réponse : l'entreprise a bloqué ce contact")
        }
        "seller" => (
            "the tenant's own seller wrote: the live session was opened or kept open",
            "un vendeur de l'entreprise a écrit : la session en direct s'ouvre ou reste ouverte",
        ),
        "live_command" => (
            "a seller commanded something of the live session: it was done, and said",
            "un vendeur a donné une commande du live : elle est exécutée, et c'est dit",
        ),
        "answered_order" => (
            "an order in the live session was written down or taken back (order_lines)",
            "une commande pendant le live a été notée ou annulée (order_lines)",
        ),
        "answered_live" => (
            "a question during the live session that no rule could answer: the seller was named, it counts as unanswered",
            "une question pendant le live qu'aucune règle ne sait traiter : renvoyée au vendeur, comptée sans réponse",
        ),
        "rate_limited" => (
            "no answer: this contact got as many automatic answers within a minute as are allowed",
            "pas de réponse : ce contact a reçu en une minute toutes les réponses automatiques permises",
        ),
        "silent_loop" => (
            "no answer: this contact answers each of our answers at once, as a robot does",
            "pas de réponse : ce contact répond aussitôt à chacune de nos réponses, comme un robot",
        ),
        "silent_no_rule" => (
            "no answer: nothing in the FAQ fits, and there is no fallback (replies.fallback)",
            "pas de réponse : rien dans la FAQ ne convient, et il n'y a pas de réponse par défaut (replies.fallback)",
        ),
        "silent_template_error" => (
            "no answer: the tenant's own text failed on this message; its template needs a look",
            "pas de réponse : le texte de l'entreprise a échoué sur ce message ; son gabarit est à revoir",
        ),
        "opened_link" => (
            "they came by a link to a plan, which is answered by what sells it",
            "le contact est venu par le lien d'une formule : la vente lui répond",
        ),
        "silent_notice" => (
            "no answer: it is a reaction, an edit, a call or the like, which asks for none",
            "pas de réponse : c'est une réaction, une correction, un appel ou autre chose qui n'en demande pas",
        ),
        "written_on_phone" => (
            "a person of the business wrote it on the phone of the channel; the bot is silent from then on",
            "une personne de l'entreprise l'a écrit sur le téléphone du canal ; le robot se tait à partir de là",
        ),
        _ => return None,
    })
}

fn buried(reason: &str, language: Language) -> String {
    match (reason, language) {
        ("poisonous", _) => in_(
            language,
            (
                "set aside: its conversation broke down on it again and again; please report it",
                "mis de côté : sa conversation a échoué dessus plusieurs fois ; merci de le signaler",
            ),
        )
        .to_owned(),
        (other, Language::En) => format!("set aside ({other}): it will not be processed any more"),
        (other, Language::Fr) => format!("mis de côté ({other}) : il ne sera plus traité"),
    }
}

/// Why an outbound message is where it is. `None`: it is still under way, or nobody has words for its state.
#[cfg(feature = "lab")]
pub(in crate::cli) fn why_outbound(row: &message_out::Model, language: Language) -> Option<String> {
    let state: OutboxState = row.state.parse().ok()?;
    state.is_final().then(|| told_state(state, row, language))
}

/// The same, also while it is under way: when it waits, for what.
pub(super) fn state_outbound(row: &message_out::Model, waits: Option<&BlockedReason>, language: Language) -> String {
    match (row.state.parse(), language) {
        (Ok(OutboxState::Pending | OutboxState::Deferred), _) if let Some(waits) = waits => told_wait(waits, language),
        (Ok(state), _) => told_state(state, row, language),
        (Err(_), Language::En) => format!("it is {}, which this version does not know", row.state),
        (Err(_), Language::Fr) => format!("il est {}, que cette version ne connaît pas", row.state),
    }
}

/// What an operator can do about where a message is: about what it waits for, or about the reason that stands in it.
pub(super) fn next_step(
    row: &message_out::Model,
    waits: Option<&BlockedReason>,
    fallback: Option<&str>,
    language: Language,
) -> Option<String> {
    let case = Case::of(&row.channel_id, fallback);
    let case = match (row.id.parse(), row.state.parse()) {
        (Ok(id), Ok(state)) => case.message(id, state),
        _ => case,
    };
    let waiting = [OutboxState::Pending, OutboxState::Deferred].iter().any(|state| row.state == state.as_str());
    if let Some(waits) = waits.filter(|_| waiting) {
        return wait_todo(waits, &case, language);
    }
    row.reason().and_then(|reason| what_to_do(reason, &case, language))
}

fn told_state(state: OutboxState, row: &message_out::Model, language: Language) -> String {
    let text = in_(
        language,
        match state {
            OutboxState::Pending => ("waits for its next attempt", "attend sa prochaine tentative"),
            OutboxState::Sending => {
                ("a sender has it, or is about to", "un expéditeur s'en occupe, ou va s'en occuper")
            }
            OutboxState::Unknown => (
                "an attempt may or may not have reached the provider, which is asked before anything is repeated",
                "une tentative a peut-être atteint le fournisseur : on le lui demande avant de répéter quoi que ce soit",
            ),
            OutboxState::Sent => (
                "the provider took it; nothing is known of its delivery yet",
                "le fournisseur l'a pris ; on ne sait encore rien de sa remise",
            ),
            OutboxState::Delivered => ("it is on the contact's device", "il est sur l'appareil du contact"),
            OutboxState::Read => ("the contact opened it", "le contact l'a ouvert"),
            OutboxState::Failed => {
                ("the provider took it and could not deliver it", "le fournisseur l'a pris et n'a pas pu le remettre")
            }
            OutboxState::Deferred => ("waits outside the queue", "attend hors de la file"),
            OutboxState::Suppressed => {
                ("held back for good right before the wire", "retenu pour de bon juste avant l'envoi")
            }
            OutboxState::Dead => (
                "given up: a dead letter, until somebody replays it",
                "une lettre morte, jusqu'à ce que quelqu'un la rejoue",
            ),
            OutboxState::Cancelled => {
                return in_(language, ("a person called it back", "une personne l'a rappelé")).to_owned();
            }
        },
    );
    if state == OutboxState::Dead && row.reason() == Some("unknown_outcome") {
        return with_reason(text, Some(in_(language, PARKED)), language);
    }
    let tells = !matches!(state, OutboxState::Sending | OutboxState::Sent | OutboxState::Delivered | OutboxState::Read);
    let because = row.reason().filter(|_| tells).map(|reason| last_error(reason, language));
    with_reason(text, because.as_deref(), language)
}

fn with_reason(text: &str, because: Option<&str>, language: Language) -> String {
    match (because, language) {
        (None, _) => text.to_owned(),
        (Some(because), Language::En) => format!("{text}: {because}"),
        (Some(because), Language::Fr) => format!("{text} : {because}"),
    }
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::turn::Outcome;

    use super::*;
    use crate::cli::explain::timeline::sample_flow;

    const LANGUAGES: [Language; 2] = [Language::En, Language::Fr];

    #[test]
    fn every_outcome_has_its_sentence_twice() {
        for outcome in Outcome::ALL {
            let mut row = sample_flow::inbound();
            row.reason = Some(outcome.as_str().to_owned());
            let told = LANGUAGES.map(|language| why_inbound(&row, language).unwrap());
            assert!(told[0].len() > 20 && told[0] != told[1], "{outcome}");
        }
        let mut row = sample_flow::inbound();
        row.reason = Some("no_such_word".to_owned());
        assert_eq!(why_inbound(&row, Language::En), None);
        row.state = "dead".to_owned();
        row.reason = Some("poisonous".to_owned());
        assert!(why_inbound(&row, Language::En).unwrap().contains("set aside"));
        assert!(why_inbound(&row, Language::Fr).unwrap().contains("mis de côté"));
    }

    #[test]
    fn every_state_has_its_sentence_twice_and_open_ones_no_end() {
        for state in OutboxState::ALL {
            let mut row = sample_flow::outbound();
            row.state = state.as_str().to_owned();
            let told = LANGUAGES.map(|language| {
                assert_eq!(why_outbound(&row, language).is_some(), state.is_final(), "{state}");
                state_outbound(&row, None, language)
            });
            assert_ne!(told[0], told[1], "{state}");
        }
    }
}
