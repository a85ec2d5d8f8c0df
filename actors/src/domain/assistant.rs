//! The assistant: what it is asked, what came of it, and how it speaks of itself.
//!
//! It sees one message and what the tenant wrote down for everybody (FAQ and facts): no name, no address, nothing of another
//! contact. What it answers is words of a turn like any other; it can do nothing.

use std::fmt;

use super::ids::TenantId;
use super::rules::Language;
use super::words::stored_words;

/// What an assistant is asked. `Debug` shows no text (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct AssistantQuestion {
    /// The tenant whose FAQ and facts are told, and whose budget pays.
    pub tenant: TenantId,
    /// The name that customers know.
    pub tenant_name: String,
    /// The language to answer in, unless the message is in another.
    pub language: Language,
    /// What the contact wrote.
    pub text: String,
    /// The tenant's questions and answers.
    pub faq: Vec<(String, String)>,
    /// The longest answer, in UTF-16 units.
    pub longest: usize,
}

impl fmt::Debug for AssistantQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssistantQuestion")
            .field("tenant", &self.tenant)
            .field("text_bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// What came of asking. `Debug` shows no text (I10).
#[derive(Clone, PartialEq, Eq)]
pub enum AssistantReply {
    /// This is the answer.
    Answer(String),
    /// It does not know, or a person should answer.
    HandOver,
    /// Nothing: the rules answer as if there were no assistant.
    Silent(AssistantSilence),
}

impl fmt::Debug for AssistantReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(text) => f.debug_struct("Answer").field("bytes", &text.len()).finish(),
            Self::HandOver => f.write_str("HandOver"),
            Self::Silent(why) => write!(f, "Silent({why})"),
        }
    }
}

/// Why an assistant did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AssistantSilence {
    /// The tenant has none.
    Absent,
    /// It did not answer in time.
    Late,
    /// The endpoint failed, or could not be reached.
    Failed,
    /// What it answered was not in the form that was asked for.
    Unreadable,
    /// The answer might pass the day's budget.
    Budget,
    /// It failed several times in a row, and is left alone for a while.
    BreakerOpen,
    /// Something more urgent came: a STOP, or a person who takes over.
    Overtaken,
}

stored_words!(AssistantSilence {
    Absent => "absent",
    Late => "late",
    Failed => "failed",
    Unreadable => "unreadable",
    Budget => "budget",
    BreakerOpen => "breaker_open",
    Overtaken => "overtaken",
});

/// What a turn knows of the assistant's answer to its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AssistantKnowledge {
    /// It was not asked: the rule asks for it ([`super::turn::Lookup::Assistant`]).
    #[default]
    Unknown,
    /// This came of it.
    Told(AssistantReply),
}

/// How the assistant introduces itself, at the first contact (EU AI Act, article 50).
#[must_use]
pub fn introduction(language: Language, tenant: &str) -> String {
    match language {
        Language::Fr => {
            let vowel =
                tenant.chars().next().is_some_and(|first| "AEIOUYÀÂÉÈÊËÎÏÔÖÛÜaeiouyàâéèêëîïôöûü".contains(first));
            let of = if vowel { "d'" } else { "de " };
            format!("Je suis l'assistant automatique {of}{tenant}.")
        }
        Language::En => format!("I am the automatic assistant of {tenant}."),
    }
}

/// What it says when it does not know.
#[must_use]
pub fn does_not_know(language: Language, person: Option<&str>, is_closed: bool) -> String {
    match (language, is_closed) {
        (Language::Fr, false) => format!("Je ne sais pas, je demande à {}.", person.unwrap_or("l'équipe")),
        (Language::Fr, true) => format!(
            "Je ne sais pas, je demande à {}. Nous sommes fermés en ce moment : la réponse vient dès l'ouverture.",
            person.unwrap_or("l'équipe")
        ),
        (Language::En, false) => format!("I do not know, I am asking {}.", person.unwrap_or("the team")),
        (Language::En, true) => format!(
            "I do not know, I am asking {}. We are closed at the moment: the answer comes as soon as we open.",
            person.unwrap_or("the team")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_is_and_whom_it_asks() {
        let fr = introduction(Language::Fr, "Institut Belle");
        assert_eq!(fr, "Je suis l'assistant automatique d'Institut Belle.");
        assert_eq!(introduction(Language::Fr, "Taxi Bleu"), "Je suis l'assistant automatique de Taxi Bleu.");
        assert_eq!(introduction(Language::En, "Nail Bar"), "I am the automatic assistant of Nail Bar.");
        assert_eq!(does_not_know(Language::Fr, Some("Awa"), false), "Je ne sais pas, je demande à Awa.");
        assert_eq!(does_not_know(Language::En, None, false), "I do not know, I am asking the team.");
        assert!(does_not_know(Language::Fr, None, true).contains("Nous sommes fermés"));
    }

    #[test]
    fn nothing_of_what_is_said_is_shown() {
        let question = AssistantQuestion {
            tenant: TenantId::new("belle"),
            tenant_name: "Institut Belle".into(),
            language: Language::Fr,
            text: "mon numéro est le 06 12".into(),
            faq: vec![("q".into(), "secret".into())],
            longest: 100,
        };
        let shown = format!("{question:?} {:?}", AssistantReply::Answer("secret".into()));
        assert!(!shown.contains("06 12") && !shown.contains("secret"), "{shown}");
    }
}
