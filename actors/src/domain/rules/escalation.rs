//! When a person is called into a conversation, as the tenant's file says.

use std::time::Duration;

use crate::domain::folding::fold;
use crate::domain::stemming::stem;

/// `[escalation]` and `[notify]`. The default calls nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Escalation {
    /// Whether there is an `[escalation]` section.
    pub enabled: bool,
    /// The tenant's words with which a customer asks for a person, beside those of the lexicon: phrases of folded words in
    /// the singular ([`Escalation::with_keywords`]).
    pub keywords: Vec<Vec<String>>,
    /// Whether anger calls one.
    pub on_negative_mood: bool,
    /// Messages in a row that no rule could answer, after which one is called.
    pub after_misses: Option<u32>,
    /// The bot gets the conversation back after this long.
    pub hand_back_after: Option<Duration>,
    /// Whether anybody is told (`notify.to`).
    pub notifies: bool,
    /// A customer who waits for a person for this long is told of.
    pub unread_after: Option<Duration>,
}

impl Escalation {
    /// The same, with words with which a customer asks for a person.
    #[must_use]
    pub fn with_keywords(self, keywords: &[String]) -> Self {
        let phrase = |keyword: &String| words(&fold(keyword));
        let keywords = keywords.iter().map(phrase).filter(|words| !words.is_empty()).collect();
        Self { keywords, ..self }
    }

    /// Whether one of the tenant's words stands in a message.
    #[must_use]
    pub fn is_asked_for(&self, folded: &str) -> bool {
        if self.keywords.is_empty() {
            return false;
        }
        let said = words(folded);
        self.keywords.iter().any(|keyword| said.windows(keyword.len()).any(|part| part == keyword))
    }
}

fn words(folded: &str) -> Vec<String> {
    folded.split(' ').filter(|word| !word.is_empty()).map(|word| stem(word).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_counts_as_whole_words() {
        let keywords = ["humain", "parler à quelqu'un"].map(str::to_owned);
        let escalation = Escalation::default().with_keywords(&keywords);
        for (message, expected) in [
            ("un HUMAIN svp", true),
            ("je veux parler à quelqu'un", true),
            ("les humains", true),
            ("inhumain", false),
            ("parler quelqu'un", false),
            ("", false),
        ] {
            assert_eq!(escalation.is_asked_for(&fold(message)), expected, "{message}");
        }
        assert!(!Escalation::default().is_asked_for("HUMAIN"));
    }
}
