//! Message ids on the command line: ours, or the provider's.

use palabre_actors::domain::ids::OutboundId;
use palabre_actors::domain::rules::Language;

use crate::cli::explain::outbound_state;
use crate::cli::{complain_about, exit};
use crate::config::Config;
use crate::gateway;
use crate::store::{HistoryReader, StoreError};

/// A message as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Ours(OutboundId),
    /// What the provider calls it.
    Theirs(String),
}

/// For clap: one of our ids, or one that looks like a provider's.
pub(super) fn named(text: &str) -> Result<Named, String> {
    const LOOK: &str = "ids look like 019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b (`palabre outbox list` shows them), a provider's \
        like SM0123…";
    let text = text.trim();
    if let Ok(id) = text.parse() {
        return Ok(Named::Ours(id));
    }
    if gateway::provider_of_id(text).is_some() { Ok(Named::Theirs(text.to_owned())) } else { Err(LOOK.to_owned()) }
}

/// Our id of the message. Where there is none, it prints what is known of the provider's id, and answers the exit code.
///
/// # Errors
/// [`StoreError`]: the database refused.
pub(super) async fn find(
    named: &Named,
    config: &Config,
    language: Language,
) -> Result<Result<OutboundId, u8>, StoreError> {
    let theirs = match named {
        Named::Ours(id) => return Ok(Ok(*id)),
        Named::Theirs(theirs) => theirs,
    };
    let Some(history) = HistoryReader::open(&config.database.url).await?.explain(theirs).await? else {
        return Ok(Err(unknown(theirs, language)));
    };
    let known = history.outbound.iter().find(|row| row.provider_message_id.as_deref() == Some(theirs));
    if let Some(Ok(id)) = known.map(|row| row.id.parse()) {
        return Ok(Ok(id));
    }
    let led_to = history.outbound.iter().map(|row| match language {
        Language::En => format!("\n  {} ({})", row.id, row.state),
        Language::Fr => format!("\n  {} : {}", row.id, outbound_state(&row.state, language)),
    });
    let led_to: String = led_to.collect();
    match (language, led_to.is_empty()) {
        (Language::En, true) => complain_about(format_args!(
            "{theirs} came in, and nothing was sent for it: `palabre explain {theirs}` tells why"
        )),
        (Language::En, false) => complain_about(format_args!(
            "{theirs} came in; `palabre explain {theirs}` tells its history. What was sent for it:{led_to}"
        )),
        (Language::Fr, true) => complain_about(format_args!(
            "{theirs} est arrivé, et rien n'est parti pour lui : `palabre explain {theirs} --language fr` dit pourquoi"
        )),
        (Language::Fr, false) => complain_about(format_args!(
            "{theirs} est arrivé ; `palabre explain {theirs} --language fr` raconte son histoire. Ce qui est parti pour \
             lui :{led_to}"
        )),
    }
    Ok(Err(exit::FOUND_WRONG))
}

/// Prints that no message has the id, and answers the exit code.
pub(super) fn unknown(id: impl std::fmt::Display, language: Language) -> u8 {
    match language {
        Language::En => complain_about(format_args!(
            "no message of the outbox has the id {id}\n  `palabre outbox list` shows ids; `palabre explain` also takes the \
             id of a message that came in, and of a flow"
        )),
        Language::Fr => complain_about(format_args!(
            "aucun message de la boîte d'envoi n'a l'identifiant {id}\n  `palabre outbox list` montre les identifiants ; \
             `palabre explain` prend aussi celui d'un message reçu, ou d'un fil"
        )),
    }
    exit::FOUND_WRONG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_both_kinds_are_read() {
        let ours = "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b";
        assert_eq!(named(&format!(" {ours} ")), Ok(Named::Ours(ours.parse().unwrap())));
        let theirs = "SM0123456789abcdef0123456789abcdef";
        assert_eq!(named(theirs), Ok(Named::Theirs(theirs.to_owned())));
        for wrong in ["", "4711", "SM", "SM 12", "+33612345678", "whatsapp:+33612345678"] {
            assert!(named(wrong).unwrap_err().contains("019c1a2b-"), "{wrong}");
        }
    }
}
