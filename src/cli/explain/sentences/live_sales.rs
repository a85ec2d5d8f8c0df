//! Events of live sessions, in words.

use super::Both;

/// What happened, by the event's type and who did it.
pub(super) fn event(event_type: &str, by: &str) -> Option<Both> {
    Some(match (event_type, by) {
        ("live_session_opened", _) => {
            ("the tenant's live session began", "la session en direct de l'entreprise a commencé")
        }
        ("live_session_closed", "contact") => (
            "a seller ended the live session: the summary and the thanks are on their way",
            "un vendeur a terminé le live : le bilan et les remerciements partent",
        ),
        ("live_session_paused", _) => (
            "a seller paused the live session: orders are not taken",
            "un vendeur a mis le live en pause : pas de commande",
        ),
        ("live_session_resumed", _) => (
            "the live session goes on: orders are taken again",
            "le live reprend : les commandes sont prises de nouveau",
        ),
        ("order_noted", _) => ("an order of the live session was written down", "une commande du live a été notée"),
        ("order_cancelled", _) => ("an order of the live session was taken back", "une commande du live a été annulée"),
        ("live_session_closed", _) => (
            "the tenant's live session ended by itself",
            "la session en direct de l'entreprise s'est terminée d'elle-même",
        ),
        _ => return None,
    })
}
