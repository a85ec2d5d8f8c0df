//! What a check of an installation found, in both languages.

use palabre_actors::domain::rules::Language;

use crate::config::{Problem, Severity};
use crate::gateway::{Bilingual, SetupFinding, SetupLevel};

/// A text in English and in French.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoctorText {
    english: String,
    french: String,
}

impl DoctorText {
    /// The text in a language.
    #[must_use]
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::En => &self.english,
            Language::Fr => &self.french,
        }
    }
}

impl From<Bilingual> for DoctorText {
    fn from((english, french): Bilingual) -> Self {
        text(english, french)
    }
}

/// A text of both.
pub(super) fn text(english: impl Into<String>, french: impl Into<String>) -> DoctorText {
    DoctorText { english: english.into(), french: french.into() }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoctorFinding {
    /// The check: a word for scripts.
    pub check: &'static str,
    /// What it is about where there are several: a channel, a tenant, a file.
    pub subject: Option<String>,
    pub level: SetupLevel,
    pub what: DoctorText,
    /// What to do about it; `None`: nothing.
    pub todo: Option<DoctorText>,
}

impl DoctorFinding {
    pub(super) fn good(check: &'static str, what: DoctorText) -> Self {
        Self { check, subject: None, level: SetupLevel::Good, what, todo: None }
    }

    pub(super) fn doubtful(check: &'static str, what: DoctorText, todo: DoctorText) -> Self {
        Self { check, subject: None, level: SetupLevel::Doubtful, what, todo: Some(todo) }
    }

    pub(super) fn wrong(check: &'static str, what: DoctorText, todo: DoctorText) -> Self {
        Self { level: SetupLevel::Wrong, ..Self::doubtful(check, what, todo) }
    }

    pub(super) fn about(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// What is wrong with the configuration, or doubtful. That is said in English everywhere.
    #[must_use]
    pub fn of_problem(check: &'static str, problem: &Problem) -> Self {
        let level = if problem.severity == Severity::Error { SetupLevel::Wrong } else { SetupLevel::Doubtful };
        let todo = problem.help.as_ref().map(|help| text(help.as_str(), help.as_str()));
        let what = text(problem.reason.as_str(), problem.reason.as_str());
        Self { check, subject: Some(problem.place.to_string()), level, what, todo }
    }

    /// What a provider found about one of its channels.
    pub(super) fn of_channel(channel: &str, found: SetupFinding) -> Self {
        let SetupFinding { level, what, todo } = found;
        let (subject, todo) = (Some(channel.to_owned()), todo.map(DoctorText::from));
        Self { check: "channel", subject, level, what: what.into(), todo }
    }
}
