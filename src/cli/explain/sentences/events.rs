//! An event in a sentence.

use chrono::DateTime;
use palabre_actors::domain::rules::Language;
use serde_json::Value;
use uuid::Uuid;

use super::reasons::last_error;
use super::routing::{assistant_silence, routed};
use super::{Both, PARKED, buried, in_, with_reason};
use super::{appointments, files, live_sales};
use crate::store::entity::event_log;

/// An event in a sentence.
pub(in crate::cli) fn event(row: &event_log::Model, language: Language) -> String {
    let payload: Value = serde_json::from_str(&row.payload).unwrap_or_default();
    if row.event_type == "webhook_received" && payload.get("spooled").and_then(Value::as_bool) == Some(true) {
        return kept(kept_for(row).unwrap_or_default(), language);
    }
    let word = |field: &str| payload.get(field).and_then(Value::as_str);
    let by = row.actor_type.as_str();
    match row.event_type.as_str() {
        "message_routed" => {
            let told = routed(word("role"), word("outcome"), word("rule"), language);
            let told = match word("assistant").and_then(assistant_silence) {
                Some(why) => format!("{told} ({})", in_(language, why)),
                None => told,
            };
            let entries: Vec<&str> = ["entry", "second_entry"].into_iter().filter_map(word).collect();
            let (one, many) = in_(language, ("entry|entries", "entrée|entrées")).split_once('|').unwrap_or_default();
            match entries.as_slice() {
                [] => told,
                [entry] => format!("{told} ({one} {entry})"),
                entries => format!("{told} ({many} {})", entries.join(", ")),
            }
        }
        "message_dead" if row.entity_type == "message_in" => buried(word("reason").unwrap_or("-"), language),
        "rate_limited" => limited(payload.get("limit").and_then(Value::as_i64), language),
        event_type => {
            let Some(both) = plain(event_type, by) else { return no_words(event_type, language) };
            let because = word("code").or(word("reason")).filter(|reason| tells_reason(event_type, by, reason));
            let because = because.map(|reason| told_reason(event_type, reason, language));
            with_reason(in_(language, both), because.as_deref(), language) + &details(&payload, event_type, language)
        }
    }
}

/// The reason in words. What came of asking the provider stood there as `unknown_outcome` too, and still does where it was
/// given up for that.
fn told_reason(event_type: &str, reason: &str, language: Language) -> String {
    match (event_type, reason) {
        ("message_dead", "unknown_outcome") => in_(language, PARKED).to_owned(),
        ("message_postponed", "unknown_outcome") => last_error("unclear_at_provider", language),
        _ => last_error(reason, language),
    }
}

/// Whether the reason says more than the event itself.
fn tells_reason(event_type: &str, by: &str, reason: &str) -> bool {
    match event_type {
        "message_failed" | "message_dead" | "message_suppressed" | "message_deferred" | "message_postponed"
        | "message_unknown" | "message_released" | "message_requeued" => true,
        // What an operator wrote stands in the details.
        "message_replayed" | "message_cancelled" => by != "operator",
        // Any other reason to be sent is being taken.
        "message_sent" => matches!(reason, "found_at_provider" | "earlier_life"),
        _ => false,
    }
}

/// What happened, by the event's type and who did it.
fn plain(event_type: &str, by: &str) -> Option<Both> {
    Some(match (event_type, by) {
        ("webhook_received", _) => (
            "the webhook was believed; the message is durable, and the provider got its 200",
            "le webhook a été authentifié ; le message est enregistré, et le fournisseur a reçu son 200",
        ),
        ("idempotent_ignored", _) => (
            "the provider delivered it again: acknowledged, and ignored",
            "le fournisseur l'a livré de nouveau : accusé de réception, puis ignoré",
        ),
        ("payment_received", _) => ("a payment came in", "un paiement est arrivé"),
        ("payment_failed", _) => ("a payment did not go through", "un paiement n'est pas passé"),
        ("payment_refunded", _) => ("a payment was given back", "un paiement a été remboursé"),
        ("access_granted", _) => {
            ("the member may be in the plan's chats", "le membre a accès aux salons de la formule")
        }
        ("access_grace_started", _) => (
            "what was paid has run out: access goes on for the grace",
            "ce qui était payé est écoulé : l'accès continue pendant le délai de grâce",
        ),
        ("access_revoked", _) => ("the member's access has ended", "l'accès du membre est terminé"),
        ("message_queued", _) => ("somebody asked for the message", "quelqu'un a demandé l'envoi du message"),
        ("message_claimed", _) => ("a sender took it from the line", "un expéditeur l'a pris dans la file"),
        ("message_postponed", _) => ("back into the queue, until later", "remis dans la file, pour plus tard"),
        ("message_unknown", _) => (
            "nobody knows whether the provider took it: it will be asked",
            "personne ne sait si le fournisseur l'a pris : on le lui demandera",
        ),
        ("message_deferred", _) => ("it waits outside the queue now", "il attend désormais hors de la file"),
        ("message_released", _) => {
            ("the wait is over: back into the queue", "l'attente est finie : remis dans la file")
        }
        ("message_cancelled", _) => ("an operator called it back", "un opérateur l'a rappelé"),
        ("message_replayed", _) => (
            "an operator set it on its way again: it passes every check again",
            "un opérateur l'a remis en route : il repasse tous les contrôles",
        ),
        ("message_requeued", _) => (
            "it was not delivered, for a reason that may pass: back into the queue, to be sent again",
            "il n'a pas été remis, pour une raison qui peut passer : remis dans la file, pour repartir",
        ),
        ("message_sent", "provider") => ("the provider says: sent", "le fournisseur dit : envoyé"),
        ("message_sent", _) => ("the provider took the message", "le fournisseur a pris le message"),
        ("message_delivered", _) => {
            ("the provider says: delivered to the device", "le fournisseur dit : remis sur l'appareil")
        }
        ("message_read", _) => ("the provider says: read", "le fournisseur dit : lu"),
        ("message_failed", _) => ("the provider says: not delivered", "le fournisseur dit : non remis"),
        ("message_dead", _) => ("given up, a dead letter now", "abandonné, désormais une lettre morte"),
        ("message_suppressed", _) => {
            ("the message is held back for good: it is not sent", "le message est retenu pour de bon : il ne part pas")
        }
        ("opted_out", "provider") => (
            "the provider says that the contact opted out: recorded",
            "le fournisseur dit que le contact ne veut plus de messages : noté",
        ),
        ("opted_out", "operator") => (
            "an operator recorded a STOP: what waited was held back",
            "un opérateur a noté un STOP : ce qui attendait a été retenu",
        ),
        ("opted_out", _) => (
            "the contact said STOP: recorded, and what waited was held back",
            "le contact a dit STOP : noté, et ce qui attendait a été retenu",
        ),
        ("opted_in", "operator") => ("an operator recorded a START", "un opérateur a noté un START"),
        ("contact_merged", "operator") => (
            "an operator made two contacts one: everything of the other is theirs now",
            "un opérateur a réuni deux contacts : tout ce qui était à l'autre est désormais au premier",
        ),
        ("contact_merged", _) => (
            "two contacts turned out to be one person, and are one contact now",
            "deux contacts se sont révélés être la même personne, et n'en font plus qu'un",
        ),
        ("contact_correlated", _) => ("the contact was found in the CRM", "le contact a été trouvé dans le CRM"),
        ("contact_exported", _) => {
            ("everything of the contact was exported", "toutes les données du contact ont été exportées")
        }
        ("contact_erased", _) => ("the contact was erased", "le contact a été effacé"),
        ("contact_unmerged", _) => (
            "an operator parted two contacts that had been made one",
            "un opérateur a séparé deux contacts qui avaient été réunis",
        ),
        ("opted_in", _) => ("the contact said START: recorded", "le contact a dit START : noté"),
        ("welcomed", _) => (
            "the contact was welcomed, and asked to confirm or to say STOP",
            "le contact a été accueilli, et prié de confirmer ou de dire STOP",
        ),
        ("confirmed", _) => ("the contact confirmed: recorded", "le contact a confirmé : noté"),
        ("session_opened", _) => ("a session began", "une session a commencé"),
        ("session_closed", _) => {
            ("the session before it had ended by itself", "la session précédente s'était terminée d'elle-même")
        }
        ("handed_over", _) => ("a person took the conversation over", "une personne a pris la conversation"),
        ("handed_back", "system") => (
            "the time for it came: the bot has the conversation again",
            "l'heure prévue est venue : le robot a de nouveau la conversation",
        ),
        ("handed_back", _) => ("the bot has the conversation again", "le robot a de nouveau la conversation"),
        ("assigned", _) => ("the conversation was assigned", "la conversation a été attribuée"),
        ("resolved", _) => ("the conversation was resolved", "la conversation a été résolue"),
        ("reopened", _) => ("the conversation was reopened", "la conversation a été rouverte"),
        ("silent_loop", _) => (
            "the contact behaves like a robot: it is not answered any more until it says something else, is quiet for a \
            while, or a person looks",
            "le contact se comporte comme un robot : on ne lui répond plus avant qu'il dise autre chose, se taise un moment, \
            ou qu'une personne regarde",
        ),
        ("escalated", _) => ("handed over to a person", "confié à une personne"),
        ("flow_started", _) => ("a flow began", "un parcours a commencé"),
        ("flow_completed", _) => ("the flow reached its end", "le parcours est arrivé à son terme"),
        ("flow_abandoned", _) => ("the flow ended before its end", "le parcours s'est terminé avant son terme"),
        ("booking_held", _) => ("a time was kept free for the contact", "un créneau a été gardé pour le contact"),
        ("booking_confirmed", _) => ("a booking was confirmed", "un rendez-vous a été confirmé"),
        ("offer_cancelled", _) => ("an offer was called off", "une offre a été annulée"),
        ("booking_moved", _) => ("a booking was moved to another time", "un rendez-vous a été déplacé"),
        ("booking_cancelled", _) => (
            "a booking, or a time that was kept free, was given back",
            "un rendez-vous, ou un créneau gardé, a été rendu",
        ),
        ("booking_done", _) => ("a booking took place", "un rendez-vous a eu lieu"),
        ("booking_missed", _) => ("nobody came to a booking", "personne n'est venu à un rendez-vous"),
        ("lead_captured", _) => ("a lead was written down", "une demande de contact a été notée"),
        ("offer_made", _) => {
            ("work was offered to the people on duty", "une mission a été proposée aux personnes de service")
        }
        ("offer_accepted", _) => ("somebody took the offer", "quelqu'un a accepté la mission"),
        ("offer_expired", _) => ("nobody took the offer", "personne n'a accepté la mission"),
        _ => {
            let other = files::event(event_type).or_else(|| live_sales::event(event_type, by));
            return other.or_else(|| appointments::event(event_type));
        }
    })
}

/// Numbers and names that the sentence leaves out.
fn details(payload: &Value, event_type: &str, language: Language) -> String {
    let mut details = Vec::new();
    let text = |field: &str| payload.get(field).and_then(Value::as_str);
    let number = |field: &str| payload.get(field).and_then(Value::as_i64);
    let mut say = |both: Both, value: String| details.push(format!("{} {value}", in_(language, both)));
    if let Some(attempt) = number("attempt") {
        say(("attempt", "tentative"), attempt.to_string());
    }
    if let Some(via) = text("via") {
        say(("via the channel", "par le canal"), via.to_owned());
    }
    if let Some(life) = number("life") {
        say(("life", "vie"), life.to_string());
    }
    if let Some(wait) = number("wait_seconds") {
        say(("in", "dans"), duration(wait));
    }
    if let Some(until) = text("until").or(text("next_attempt_at")) {
        say(("not before", "pas avant"), until.to_owned());
    }
    if let Some(earlier) = text("provider_message_id").filter(|_| event_type == "message_replayed") {
        say(("before it was", "avant, c'était"), earlier.to_owned());
    }
    if matches!(event_type, "message_replayed" | "message_cancelled")
        && let Some(note) = text("reason")
    {
        say(("note:", "note :"), note.to_owned());
    }
    if text("scope") == Some("marketing") {
        details.push(in_(language, ("of advertising alone", "de la publicité seulement")).to_owned());
    }
    if payload.get("provider_confirmed").and_then(Value::as_bool) == Some(true) {
        let both = ("the provider confirmed it to them itself", "le fournisseur le lui a confirmé lui-même");
        details.push(in_(language, both).to_owned());
    }
    if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) }
}

/// How long after its webhook came in a message was written, in seconds: its id has the time of the database that took it.
fn kept_for(row: &event_log::Model) -> Option<i64> {
    let id: Uuid = row.entity_id.as_deref()?.parse().ok()?;
    let written = i64::try_from(id.get_timestamp()?.to_unix().0).ok()?;
    Some(written - DateTime::parse_from_rfc3339(&row.created_at).ok()?.timestamp())
}

fn duration(seconds: i64) -> String {
    match seconds {
        // Clocks differ.
        ..1 => "1 s".to_owned(),
        1..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

fn kept(late: i64, language: Language) -> String {
    let late = duration(late);
    match language {
        Language::En => format!(
            "the webhook was believed, and the provider got its 200; the database was away, so the message was kept on the \
            node's disk, and the database took it {late} later"
        ),
        Language::Fr => format!(
            "le webhook a été authentifié, et le fournisseur a reçu son 200 ; la base de données étant absente, le message a \
            été gardé sur le disque du nœud, et la base l'a repris {late} plus tard"
        ),
    }
}

fn limited(limit: Option<i64>, language: Language) -> String {
    match (limit, language) {
        (Some(limit), Language::En) => {
            format!("the contact had {limit} automatic answers within a minute, which is the limit")
        }
        (Some(limit), Language::Fr) => {
            format!("le contact a eu {limit} réponses automatiques en une minute, ce qui est la limite")
        }
        (None, _) => in_(language, ("a limit was reached", "une limite a été atteinte")).to_owned(),
    }
}

fn no_words(event_type: &str, language: Language) -> String {
    match language {
        Language::En => format!("{event_type} (an event that this version has no words for)"),
        Language::Fr => format!("{event_type} (un événement pour lequel cette version n'a pas de mots)"),
    }
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::event::{ActorType, EventType};
    use palabre_actors::domain::turn::rule_names;

    use super::*;
    use crate::cli::explain::timeline::sample_flow;

    const AT: &str = "2026-11-21T04:45:00.000000Z";

    #[test]
    fn a_message_that_waited_in_the_spool_says_how_long() {
        let written_after = |seconds: u64, payload: &str| {
            // 2026-11-21T04:45:00Z, and later.
            let millis = (1_795_236_300 + seconds) * 1000;
            let id = Uuid::from_u128(u128::from(millis) << 80 | 7 << 76 | 2 << 62);
            let received = sample_flow::event("webhook_received", "provider", payload, AT);
            event(&event_log::Model { entity_id: Some(id.to_string()), ..received }, Language::En)
        };
        assert!(written_after(41, "{}").contains("the message is durable"), "a clock may be wrong");
        let told = [(0, "took it 1 s later"), (10, "took it 10 s later"), (125, "took it 2 min later")];
        for (seconds, told) in told.into_iter().chain([(9_000, "took it 2 h later")]) {
            let sentence = written_after(seconds, r#"{"spooled":true}"#);
            assert!(sentence.ends_with(told), "{sentence}");
        }
    }

    #[test]
    fn the_rule_that_answered_is_named_in_both_languages() {
        for name in rule_names() {
            let payload = format!(r#"{{"role":"client","outcome":"answered_faq","rule":"{name}"}}"#);
            let row = sample_flow::event("message_routed", "bot", &payload, AT);
            let [en, fr] = [Language::En, Language::Fr].map(|language| event(&row, language));
            assert!(en.contains("decided by the rule") && en.contains(&format!("({name})")), "{en}");
            assert!(fr.contains("décidé par la règle") && fr.contains(&format!("({name})")), "{fr}");
        }
        let before = sample_flow::event("message_routed", "bot", r#"{"role":"client","outcome":"answered_faq"}"#, AT);
        assert!(!event(&before, Language::En).contains("rule"), "events of earlier versions name none");
    }

    #[test]
    fn every_event_has_its_sentence_twice() {
        for event_type in EventType::ALL {
            for actor in ActorType::ALL {
                let row = sample_flow::event(event_type.as_str(), actor.as_str(), "{}", AT);
                let told = [Language::En, Language::Fr].map(|language| event(&row, language));
                assert!(!told[0].contains("no words") && told[0] != told[1], "{event_type}: {told:?}");
            }
        }
    }

    #[test]
    fn what_the_payload_says_is_told() {
        let table = [
            (
                "message_postponed",
                "system",
                r#"{"reason":"63018","attempt":2,"via":"belle-sms"}"#,
                ["WhatsApp's messaging limit", "attempt 2", "via the channel belle-sms"],
            ),
            (
                "message_replayed",
                "operator",
                r#"{"reason":"ticket 4711","from":"dead","life":1,"provider_message_id":"SM1"}"#,
                ["every check", "life 1", "note: ticket 4711"],
            ),
            (
                "message_sent",
                "system",
                r#"{"reason":"found_at_provider","attempt":1}"#,
                ["took the message", "the provider was asked, and has it", "attempt 1"],
            ),
            (
                "message_requeued",
                "system",
                r#"{"reason":"63018","life":1,"wait_seconds":21600}"#,
                ["back into the queue", "WhatsApp's messaging limit", "life 1, in 6 h"],
            ),
            (
                "message_sent",
                "system",
                r#"{"reason":"earlier_life","attempt":1}"#,
                ["took the message", "an earlier life", "attempt 1"],
            ),
            ("message_deferred", "system", r#"{"reason":"not_confirmed"}"#, ["waits", "confirm", ": "]),
            (
                "message_unknown",
                "system",
                r#"{"reason":"lease_expired","attempt":1}"#,
                ["it will be asked: the process that had it ended", "its lease ran out", "attempt 1"],
            ),
            (
                "message_unknown",
                "system",
                r#"{"reason":"asking_failed","attempt":1}"#,
                ["it will be asked", "could not be asked", "attempt 1"],
            ),
            (
                "message_postponed",
                "system",
                r#"{"reason":"unclear_at_provider","attempt":1}"#,
                ["back into the queue", "could not tell", "on_unknown = \"resend\" sends it again"],
            ),
            (
                "message_postponed",
                "system",
                r#"{"reason":"unknown_outcome","attempt":1}"#,
                ["back into the queue", "could not tell", "on_unknown = \"resend\" sends it again"],
            ),
            (
                "message_dead",
                "system",
                r#"{"reason":"unknown_outcome","attempt":1}"#,
                ["a dead letter", "could not tell", "on_unknown = \"park\" sets it aside"],
            ),
        ];
        for (event_type, actor, payload, expected) in table {
            let told = event(&sample_flow::event(event_type, actor, payload, AT), Language::En);
            assert!(expected.iter().all(|part| told.contains(part)), "{told}");
        }
        let french = sample_flow::event("message_failed", "provider", r#"{"code":"30003"}"#, AT);
        assert!(event(&french, Language::Fr).contains("injoignable"));
    }
}
