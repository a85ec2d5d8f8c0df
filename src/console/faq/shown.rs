//! What the FAQ's page shows of entries, of a trial, and of unanswered questions.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::super::display::Display;
use super::super::{ConsoleState, Member};
use crate::config::{Location, Tenant};
use crate::service::faq::{ListedEntry, Tried, UnansweredGroup};

/// From this score on an entry may answer.
const ANSWERS: u8 = 60;
/// Entries of a trial that are shown, the closest first.
const MOST_SCORES: usize = 6;

/// What is needed to show entries.
pub(super) struct FaqTelling<'a> {
    pub(super) state: &'a ConsoleState,
    pub(super) member: &'a Member,
    pub(super) tenant: &'a Tenant,
    pub(super) display: &'a Display,
    pub(super) names: &'a BTreeMap<String, String>,
    pub(super) answers: &'a BTreeMap<String, u64>,
}

impl FaqTelling<'_> {
    fn text(&self, key: &str) -> String {
        self.state.text(self.member, "faq", key)
    }

    /// Where an entry of the tenant's file stands: `belle.toml, line 12`.
    fn place(&self, at: usize) -> Option<String> {
        let Location::Line { file, line, .. } = self.tenant.faq_places.get(at)? else { return None };
        let name = Path::new(file).file_name()?.to_string_lossy();
        Some(self.text("place").replace("{file}", &name).replace("{line}", &line.to_string()))
    }

    /// Who wrote an entry, in words.
    fn author(&self, entry: &ListedEntry) -> String {
        let row = &entry.row;
        let who = match row.author.as_deref() {
            Some(who) if who.starts_with("user:") => {
                self.names.get(who).cloned().unwrap_or_else(|| self.state.text(self.member, "event", "colleague"))
            }
            Some(who) if who.starts_with("key:") => self.text("by_program"),
            Some(_) => self.text("by_command"),
            None => self.text("by_hand"),
        };
        match row.source.as_str() {
            "import" => format!("{who} · {}", self.text("from_csv")),
            "template" => format!("{who} · {}", self.text("from_template")),
            _ => who,
        }
    }
}

/// An entry as the list has it.
#[derive(Serialize)]
pub(super) struct EntryLine {
    id: String,
    question: String,
    answer: String,
    keywords: String,
    is_configured: bool,
    is_off: bool,
    is_broken: bool,
    is_replaced: bool,
    /// Where it stands, when it is the file's.
    place: Option<String>,
    author: Option<String>,
    changed: Option<String>,
    machine: String,
    answered: u64,
}

pub(super) fn entry_line(entry: &ListedEntry, telling: &FaqTelling<'_>) -> EntryLine {
    let row = &entry.row;
    let at = row.id.strip_prefix("faq[").and_then(|rest| rest.trim_end_matches(']').parse().ok());
    let own = !entry.configured;
    EntryLine {
        id: row.id.clone(),
        question: row.question.clone(),
        answer: row.answer.clone(),
        keywords: row.keywords.join(", "),
        is_configured: entry.configured,
        is_off: !row.enabled,
        is_broken: entry.broken,
        is_replaced: entry.replaced,
        place: at.filter(|_| entry.configured).and_then(|at| telling.place(at)),
        author: own.then(|| telling.author(entry)),
        changed: own.then(|| telling.display.short(row.updated_at)),
        machine: Display::machine(row.updated_at),
        answered: telling.answers.get(&row.id).copied().unwrap_or_default(),
    }
}

/// What would come of a message.
#[derive(Serialize)]
pub(super) struct TriedShown {
    /// In words.
    verdict: String,
    /// What would be written.
    texts: Vec<String>,
    scores: Vec<ScoreShown>,
    concepts: String,
    /// Nobody answers it: an answer can be added.
    is_open: bool,
    /// The address of the form with the question.
    add: String,
}

#[derive(Serialize)]
struct ScoreShown {
    question: String,
    score: u8,
    /// It answers, or is offered.
    takes: bool,
    /// It would have to be this high.
    enough: bool,
}

pub(super) fn tried(tried: &Tried, text: &str, telling: &FaqTelling<'_>) -> TriedShown {
    let (explanation, preview) = (&tried.explanation, &tried.preview);
    let reading = &explanation.reading;
    let key = format!("outcome_{}", preview.outcome.as_str());
    let verdict = telling.state.pages.texts().find(telling.member.language, "explain", &key).unwrap_or_default();
    let score = |(entry, score): &(usize, u8)| ScoreShown {
        question: tried.entries.get(*entry).map(|entry| entry.question.clone()).unwrap_or_default(),
        score: (*score).min(100),
        takes: reading.answers.contains(entry) || reading.offers.contains(entry),
        enough: *score >= ANSWERS,
    };
    let concepts = explanation.concepts.iter().map(|(name, score)| format!("{name} {score}"));
    TriedShown {
        verdict: verdict.to_owned(),
        texts: preview.texts.clone(),
        scores: explanation.scores.iter().take(MOST_SCORES).map(score).collect(),
        concepts: concepts.collect::<Vec<_>>().join(", "),
        is_open: reading.answers.is_empty(),
        add: asking(text),
    }
}

/// A group of questions that nobody could answer.
#[derive(Serialize)]
pub(in crate::console) struct GroupShown {
    question: String,
    /// How many customers asked it.
    told: String,
    /// What else they wrote.
    examples: Vec<String>,
    conversation: Option<String>,
    add: String,
}

pub(in crate::console) fn groups(groups: &[UnansweredGroup], count: &dyn Fn(usize, &str) -> String) -> Vec<GroupShown> {
    let shown = |group: &UnansweredGroup| {
        let question = group.examples.first().cloned().unwrap_or_default();
        GroupShown {
            told: count(group.customers, if group.customers == 1 { "asked_one" } else { "asked" }),
            examples: group.examples.iter().skip(1).cloned().collect(),
            conversation: group.conversation.map(|id| id.to_string()),
            add: asking(&question),
            question,
        }
    };
    groups.iter().map(shown).collect()
}

/// The address of the form with a question in it.
fn asking(question: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("question", question);
    format!("/console/faq?{}#add", query.finish())
}
