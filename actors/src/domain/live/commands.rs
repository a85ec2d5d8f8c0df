//! Commands of a seller: whole messages, in French and in English.

use crate::domain::folding::fold;

/// What a seller commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveCommand {
    /// The live session is over.
    Finish,
    /// No orders for now.
    Pause,
    /// Orders again.
    Resume,
    /// Who writes, and what is ordered.
    Stats,
    /// What can be commanded.
    Help,
    /// Write this to everybody who wrote in this session. It may be empty.
    Broadcast(String),
}

const FINISH: [&str; 11] = [
    "FIN",
    "FIN DU LIVE",
    "FIN LIVE",
    "LIVE FINI",
    "LIVE TERMINE",
    "TERMINER",
    "TERMINER LE LIVE",
    "FINISH",
    "FINISHED",
    "END LIVE",
    "END OF LIVE",
];
const PAUSE: [&str; 5] = ["PAUSE", "EN PAUSE", "PAUSE LIVE", "LIVE EN PAUSE", "PAUSE THE LIVE"];
const RESUME: [&str; 7] = ["REPRENDS", "REPRENDRE", "REPRISE", "ON REPREND", "RESUME", "CONTINUE", "GO ON"];
const STATS: [&str; 5] = ["STATS", "STAT", "STATISTIQUES", "CHIFFRES", "NUMBERS"];
const HELP: [&str; 5] = ["AIDE", "HELP", "COMMANDES", "COMMANDS", "AIDE LIVE"];
const BROADCAST: [&str; 3] = ["DIFFUSE", "DIFFUSER", "BROADCAST"];

/// The command that a seller's message is, if it is one. `folded` is [`fold`] of `text`.
#[must_use]
pub fn live_command(text: &str, folded: &str) -> Option<LiveCommand> {
    let is = |words: &[&str]| words.contains(&folded);
    if is(&FINISH) {
        return Some(LiveCommand::Finish);
    }
    if is(&PAUSE) {
        return Some(LiveCommand::Pause);
    }
    if is(&RESUME) {
        return Some(LiveCommand::Resume);
    }
    if is(&STATS) {
        return Some(LiveCommand::Stats);
    }
    if is(&HELP) {
        return Some(LiveCommand::Help);
    }
    let text = text.trim();
    let (first, rest) = text.split_once(|c: char| c.is_whitespace() || c == ':').unwrap_or((text, ""));
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ':');
    BROADCAST.contains(&fold(first).as_str()).then(|| LiveCommand::Broadcast(rest.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_whole_messages() {
        let broadcast = |text: &str| Some(LiveCommand::Broadcast(text.to_owned()));
        for (text, expected) in [
            ("FIN", Some(LiveCommand::Finish)),
            ("fin.", Some(LiveCommand::Finish)),
            ("Fin du live !", Some(LiveCommand::Finish)),
            ("end live", Some(LiveCommand::Finish)),
            ("pause", Some(LiveCommand::Pause)),
            ("Reprends", Some(LiveCommand::Resume)),
            ("resume", Some(LiveCommand::Resume)),
            ("stats", Some(LiveCommand::Stats)),
            ("AIDE", Some(LiveCommand::Help)),
            ("help", Some(LiveCommand::Help)),
            ("DIFFUSE La rouge passe à 30 €", broadcast("La rouge passe à 30 €")),
            ("diffuse : dernière pièce\nR12 !", broadcast("dernière pièce\nR12 !")),
            ("Broadcast last one", broadcast("last one")),
            ("DIFFUSE", broadcast("")),
            // Words of a seller who talks.
            ("la fin du stock", None),
            ("on fait une pause dans 5 min", None),
            ("Live ouvert ! Robe rouge 40 €, réf R12", None),
            ("STOP", None),
            ("END", None),
            ("START", None),
            ("", None),
        ] {
            assert_eq!(live_command(text, &fold(text)), expected, "{text}");
        }
    }
}
