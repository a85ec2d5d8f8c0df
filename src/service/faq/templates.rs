//! FAQ entries to begin with, by trade.

use palabre_actors::domain::rules::Language;

macro_rules! templates {
    ($($trade:literal),+) => {
        pub const TRADES: &[&str] = &[$($trade),+];

        /// The entries of a trade as CSV, ten in each language. `None`: there is no such trade.
        #[must_use]
        pub fn template(trade: &str, language: Language) -> Option<&'static str> {
            match (trade, language) {
                $(
                    ($trade, Language::Fr) => Some(include_str!(concat!("templates/", $trade, ".fr.csv"))),
                    ($trade, Language::En) => Some(include_str!(concat!("templates/", $trade, ".en.csv"))),
                )+
                _ => None,
            }
        }
    };
}

templates!("beauty", "artisan", "seller", "taxi", "restaurant", "creator");

#[cfg(test)]
mod tests {
    use palabre_actors::domain::faq::{FaqEntry, FaqIndex};

    use super::*;
    use crate::store::phrases;

    #[test]
    fn every_template_has_ten_entries_that_answer_their_own_questions() {
        for trade in TRADES {
            for language in Language::ALL {
                let csv = template(trade, *language).unwrap();
                let mut reader = csv::Reader::from_reader(csv.as_bytes());
                let entry = |record: csv::StringRecord| FaqEntry {
                    question: record[0].to_owned(),
                    keywords: phrases(&record[1]),
                    answer: record[2].to_owned(),
                    ..FaqEntry::default()
                };
                let entries: Vec<FaqEntry> = reader.records().map(|record| entry(record.unwrap())).collect();
                assert_eq!(entries.len(), 10, "{trade} {language}");
                let index = FaqIndex::new(&entries);
                for (at, entry) in entries.iter().enumerate() {
                    assert_eq!(index.read(&entry.question).answers.first(), Some(&at), "{trade}: {}", entry.question);
                }
            }
        }
        assert_eq!(template("bakery", Language::Fr), None);
    }
}
