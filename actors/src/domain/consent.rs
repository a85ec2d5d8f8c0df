//! STOP, START, CONFIRM and HELP: what a whole message must be to count as one of them (I6).
//!
//! The English words are those that SMS providers themselves handle on long codes; nobody handles any on WhatsApp, so the
//! list is ours. "STOP PLEASE" is a sentence for a person, not a keyword.

mod stop_request;

pub use self::stop_request::seems_to_ask_for_stop;
use super::folding::fold;
use super::rule_error::RuleError;

/// What a keyword asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keyword {
    /// Write to me no more.
    Stop,
    /// Write to me again.
    Start,
    /// Yes, you may write to me: CONFIRMER, CONFIRM, and YES or OUI. Only an answer to a welcome (double opt-in); from
    /// anyone else ordinary words. It never undoes a STOP: a yes may answer any question, START answers one.
    Confirm,
    /// Who are you, and how do I stop this?
    Help,
    /// Write to me, but no advertising: what WhatsApp's own button under advertising says.
    StopMarketing,
    /// Advertising again.
    StartMarketing,
}

impl Keyword {
    /// The word that stands for all that mean the same.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Confirm => "CONFIRM",
            Self::Help => "HELP",
            Self::StopMarketing => "STOP PROMOTIONS",
            Self::StartMarketing => "RESUME PROMOTIONS",
        }
    }
}

/// The longest message that may be a keyword, in bytes, before folding.
const LONGEST_BYTES: usize = 128;

/// Reads whole messages as keywords: the built-in ones and a tenant's additions, folded when its rules are built.
#[derive(Debug, Default)]
pub struct Keywords {
    extra: Vec<(String, Keyword)>,
}

impl Keywords {
    /// The built-in words and the tenant's own. What cannot hold is added to `errors`: a word without letters, one that
    /// could never match, one that means two things.
    pub fn new(extra: &ExtraKeywords, errors: &mut Vec<RuleError>) -> Self {
        let mut words: Vec<(String, Keyword)> = Vec::new();
        let lists = [
            ("stop", &extra.stop, Keyword::Stop),
            ("start", &extra.start, Keyword::Start),
            ("help", &extra.help, Keyword::Help),
        ];
        for (list, typed, keyword) in lists {
            for (at, text) in typed.iter().enumerate() {
                let word = fold(text);
                match objection(&word, text, keyword, &words) {
                    Some(message) => errors.push(RuleError { field: format!("keywords.{list}[{at}]"), message }),
                    None => words.push((word, keyword)),
                }
            }
        }
        Self { extra: words }
    }

    /// What a whole message asks for, if it is a keyword. `folded` is [`fold`] of `body`.
    #[must_use]
    pub fn read(&self, body: &str, folded: &str) -> Option<Keyword> {
        if body.trim().len() > LONGEST_BYTES {
            return None;
        }
        built_in(folded).or_else(|| self.extra.iter().find(|(word, _)| word == folded).map(|(_, keyword)| *keyword))
    }
}

fn objection(word: &str, typed: &str, keyword: Keyword, words: &[(String, Keyword)]) -> Option<String> {
    if word.is_empty() {
        return Some("has no letter or digit, so no message can match it".to_owned());
    }
    if typed.trim().len() > LONGEST_BYTES {
        return Some(format!("is longer than {LONGEST_BYTES} bytes: a keyword is a whole message, keep it short"));
    }
    let taken = built_in(word).or_else(|| words.iter().find(|(other, _)| other == word).map(|(_, meaning)| *meaning));
    match taken {
        Some(Keyword::Confirm) => Some("is an answer to many questions: it cannot mean that as well".to_owned()),
        Some(meaning) if meaning != keyword => Some(format!("already means {}", meaning.word())),
        _ => None,
    }
}

fn built_in(folded: &str) -> Option<Keyword> {
    match folded {
        "STOP" | "STOP STOP" | "STOPALL" | "STOP ALL" | "STOP SMS" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT"
        | "REVOKE" | "OPTOUT" | "OPT OUT" | "ARRET" | "ARRETE" | "ARRETER" | "ARRETEZ" | "ARRET SMS" | "DESABONNER"
        | "DESABONNE" | "DESABONNEZ" | "DESABONNEMENT" | "SE DESABONNER" | "ME DESABONNER" | "DESABONNEZ MOI"
        | "DESINSCRIRE" | "DESINSCRIPTION" | "SE DESINSCRIRE" | "ME DESINSCRIRE" | "DESINSCRIVEZ MOI" => {
            Some(Keyword::Stop)
        }
        "START" | "UNSTOP" | "OPTIN" | "OPT IN" | "REPRENDRE" | "REPRENDS" | "REPRENEZ" | "RECOMMENCER"
        | "REABONNER" | "REABONNEMENT" | "SE REABONNER" | "ME REABONNER" | "REABONNEZ MOI" => Some(Keyword::Start),
        "CONFIRMER" | "CONFIRM" | "CONFIRME" | "JE CONFIRME" | "I CONFIRM" | "YES" | "OUI" => Some(Keyword::Confirm),
        "HELP" | "INFO" | "AIDE" => Some(Keyword::Help),
        "STOP PROMOTIONS"
        | "STOP PROMOTION"
        | "STOP PROMOS"
        | "STOP PROMO"
        | "STOP MARKETING"
        | "STOP PUB"
        | "STOP PUBS"
        | "STOP PUBLICITE"
        | "ARRETER LES PROMOTIONS"
        | "ARRETEZ LES PROMOTIONS"
        | "ARRETER LES PROMOS"
        | "ARRETER LES PUBLICITES"
        | "ARRETER LES PUBS"
        | "ARRETER LES OFFRES"
        | "STOPPER LES PROMOTIONS"
        | "PLUS DE PUB"
        | "NE PLUS RECEVOIR DE PROMOTIONS"
        | "NE PLUS RECEVOIR DE PUBLICITE"
        | "NO MORE PROMOTIONS"
        | "STOP ADS"
        | "STOP MARKETING MESSAGES"
        | "STOP OFFERS"
        | "STOP OFFRES" => Some(Keyword::StopMarketing),
        "RESUME PROMOTIONS" | "START PROMOTIONS" | "REPRENDRE LES PROMOTIONS" | "REPRENDRE LES PROMOS" => {
            Some(Keyword::StartMarketing)
        }
        _ => None,
    }
}

/// Words that a tenant adds to the built-in ones. Whole message, any case and accents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraKeywords {
    /// Also mean STOP.
    pub stop: Vec<String>,
    /// Also mean START.
    pub start: Vec<String>,
    /// Also mean HELP.
    pub help: Vec<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(keywords: &Keywords, body: &str) -> Option<Keyword> {
        keywords.read(body, &fold(body))
    }

    #[test]
    fn whole_messages_are_read_in_any_spelling() {
        let keywords = Keywords::default();
        let table: &[(Keyword, &[&str])] = &[
            (
                Keyword::Stop,
                &[
                    "STOP",
                    "stop",
                    "Stop.",
                    " stop ! ",
                    "«stop»",
                    "STOPALL",
                    "Stop all",
                    "unsubscribe",
                    "cancel",
                    "End",
                    "quit",
                    "Revoke",
                    "OptOut",
                    "opt-out",
                    "ARRET",
                    "Arrêt",
                    "arre\u{302}t",
                    "arrêter",
                    "ARRÊTEZ",
                    "désabonner",
                    "DESABONNEMENT",
                    "se désabonner",
                    "Désabonnez-moi !",
                    "desinscrire",
                    "Désinscription",
                    "STOP\u{fe0f}",
                    "stop 🛑",
                    "\u{200b}stop",
                ],
            ),
            (
                Keyword::Start,
                &["START", "start", "Unstop", "reprendre", "RECOMMENCER", "réabonner", "Réabonnez-moi", "opt in"],
            ),
            (Keyword::Confirm, &["CONFIRMER", "confirm", "Je confirme.", "yes", "OUI", "Oui !"]),
            (Keyword::Help, &["help", "HELP?", "info", "Aide", "aide !"]),
            (
                Keyword::StopMarketing,
                &["Stop promotions", "Arrêter les promotions", "STOP PUB !", "Ne plus recevoir de publicité"],
            ),
            (Keyword::StartMarketing, &["Resume promotions", "reprendre les promotions"]),
        ];
        for (keyword, bodies) in table {
            for body in *bodies {
                assert_eq!(read(&keywords, body), Some(*keyword), "{body:?}");
            }
        }
    }

    #[test]
    fn the_words_of_the_handbook_are_those() {
        let page = include_str!("../../../docs/outbox.md");
        for (name, keyword) in [("STOP", Keyword::Stop), ("START", Keyword::Start), ("HELP", Keyword::Help)] {
            let row = page.lines().find_map(|line| line.strip_prefix(&format!("| {name} | "))).expect("a row");
            let listed: Vec<_> = row.trim_end_matches(" |").split(", ").map(|word| word.trim_matches('`')).collect();
            assert!(listed.len() >= 3);
            for word in listed {
                assert_eq!(built_in(word), Some(keyword), "{word}");
            }
        }
    }

    #[test]
    fn sentences_are_not_keywords() {
        for body in [
            "",
            " ",
            "STOP PLEASE",
            "please stop",
            "stopper",
            "je veux arrêter demain",
            "start over",
            "oui merci",
            "aide moi à choisir",
            "info tarifs",
            "bus stop",
            "S T O P",
            "end of story",
            "stop, merci",
        ] {
            assert_eq!(read(&Keywords::default(), body), None, "{body:?}");
        }
        assert_eq!(read(&Keywords::default(), &format!("stop{}", " !".repeat(100))), None);
    }

    #[test]
    fn a_tenant_adds_words() {
        let extra = ExtraKeywords {
            stop: vec!["Basta !".into(), "plus de messages".into()],
            start: vec!["c'est reparti".into()],
            help: vec!["infos".into()],
        };
        let mut errors = Vec::new();
        let keywords = Keywords::new(&extra, &mut errors);
        assert_eq!(errors, []);
        assert_eq!(read(&keywords, "BASTA"), Some(Keyword::Stop));
        assert_eq!(read(&keywords, "Plus de messages."), Some(Keyword::Stop));
        assert_eq!(read(&keywords, "C’est reparti"), Some(Keyword::Start));
        assert_eq!(read(&keywords, "infos"), Some(Keyword::Help));
        assert_eq!(read(&keywords, "stop"), Some(Keyword::Stop));
    }

    #[test]
    fn words_that_cannot_hold_are_refused() {
        let extra = ExtraKeywords {
            stop: vec!["!!".into(), "start".into(), "assez".into()],
            start: vec!["ASSEZ".into(), "arrêt".into(), "Oui".into()],
            help: vec!["x".repeat(200)],
        };
        let mut errors = Vec::new();
        Keywords::new(&extra, &mut errors);
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "keywords.stop[0]",
                "keywords.stop[1]",
                "keywords.start[0]",
                "keywords.start[1]",
                "keywords.start[2]",
                "keywords.help[0]"
            ]
        );
        assert!(errors[2].message.contains("STOP"), "{}", errors[2]);
    }

    proptest! {
        #[test]
        fn reading_never_panics(body in any::<String>()) {
            let _ = read(&Keywords::default(), &body);
        }

        #[test]
        fn a_word_more_is_not_a_keyword(word in "(STOP|ARRÊT|start|aide|help)", more in "[b-z]{5,9}x") {
            prop_assert_eq!(read(&Keywords::default(), &format!("{word} {more}")), None);
        }
    }
}
