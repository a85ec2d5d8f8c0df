//! Messages as customers write them, each with the entries that answer it.
//!
//! The files are part of the repository: `tenants.txt` has the entries of ten businesses, `tuning.txt` the messages that the
//! lexicon was written with, `held_out.txt` those that it was not.

use std::collections::BTreeMap;

use super::{FaqEntry, FaqIndex};

/// How a set of messages was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Messages.
    pub messages: usize,
    /// Answers that should have been given.
    pub asked: usize,
    /// Answers that were given and should have been.
    pub right: usize,
    /// Answers that were given and should not have been.
    pub wrong: usize,
    /// Messages that were offered a menu.
    pub offered: usize,
    /// The lines that were not answered as they should have been.
    pub missed: Vec<String>,
}

impl Measured {
    /// Of the answers that were given, the share that was right.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    /// Of the answers that should have been given, the share that was.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.right, self.asked)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    let of = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from);
    if whole == 0 { 1.0 } else { of(part) / of(whole) }
}

/// The entries of each business, in the order of the file. An entry's `id` is its label.
#[must_use]
pub fn businesses() -> BTreeMap<&'static str, Vec<FaqEntry>> {
    let mut businesses: BTreeMap<&str, Vec<FaqEntry>> = BTreeMap::new();
    for line in lines(include_str!("labelled/tenants.txt")) {
        let mut columns = line.split(" | ");
        let mut column = || columns.next().unwrap_or_default();
        let (business, id, question, keywords) = (column(), column(), column(), column());
        businesses.entry(business).or_default().push(FaqEntry {
            id: id.to_owned(),
            question: question.to_owned(),
            keywords: keywords.split(", ").map(str::to_owned).collect(),
            ..FaqEntry::default()
        });
    }
    businesses
}

/// Reads every message of a labelled file.
#[must_use]
pub fn measure(file: &str) -> Measured {
    let businesses = businesses();
    let indexes: BTreeMap<&str, FaqIndex> =
        businesses.iter().map(|(name, entries)| (*name, FaqIndex::new(entries))).collect();
    let mut measured = Measured::default();
    for line in lines(file) {
        let mut columns = line.splitn(3, " | ");
        let mut column = || columns.next().unwrap_or_default();
        let (business, labels, message) = (column(), column(), column());
        let labels: Vec<&str> = labels.split('+').filter(|label| *label != "-").collect();
        let (Some(entries), Some(index)) = (businesses.get(business), indexes.get(business)) else { continue };
        let reading = index.read(message);
        let right = reading.answers.iter().filter(|entry| labels.contains(&entries[**entry].id.as_str())).count();
        measured.messages += 1;
        measured.asked += labels.len();
        measured.right += right;
        measured.wrong += reading.answers.len() - right;
        measured.offered += usize::from(!reading.offers.is_empty());
        if right < labels.len() || right < reading.answers.len() {
            measured.missed.push(line.to_owned());
        }
    }
    measured
}

fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}
