//! Events of files of messages, in words.

use super::Both;

/// What happened, by the event's type.
pub(super) fn event(event_type: &str) -> Option<Both> {
    Some(match event_type {
        "media_stored" => {
            ("a file that came with it was fetched and kept", "un fichier joint a été récupéré et conservé")
        }
        "media_refused" => ("a file that came with it is not kept", "un fichier joint n'est pas conservé"),
        _ => return None,
    })
}
