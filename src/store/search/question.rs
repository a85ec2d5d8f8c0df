//! Searches: contacts by name and number, messages by their words.

use std::collections::BTreeSet;

use sea_orm::DbErr;

use super::sql;
use super::words::{Alternative, Question, mark, similarity, trigrams};
use crate::store::StoreError;
use crate::store::database::DatabasePool;
use crate::store::statement::{Dialect, SqlExecutor, all, column, count, integer, text};

/// Contacts that one search shows.
const MOST_CONTACTS: usize = 20;
/// Contacts that are read to choose those.
const CONTACTS_READ: usize = 200;
/// Candidates for one misspelt word.
const MOST_MEANT: usize = 6;
/// Words that are read to choose those.
const WORDS_READ: usize = 60;
/// The least similarity of a candidate: the default of PostgreSQL's `pg_trgm`.
const ALIKE: f64 = 0.3;

/// Which page of a search's results.
#[derive(Clone, Copy, Debug)]
pub struct SearchPage {
    /// Older than this one: [`FoundPage::next`] of the page before.
    pub before: Option<i64>,
    /// Messages at most.
    pub limit: usize,
}

/// A contact that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundContact {
    pub id: String,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMessage {
    pub id: String,
    pub is_outbound: bool,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPage {
    /// Those that fit best first; on the first page alone.
    pub contacts: Vec<FoundContact>,
    /// Newest first.
    pub messages: Vec<FoundMessage>,
    /// Where the next page begins, when there may be one.
    pub next: Option<i64>,
    /// Whether no message has the words as they were typed, and these have similar ones.
    pub is_approximate: bool,
}

/// A search among the messages of these tenants.
pub(in crate::store) struct Search<'a> {
    pub index: &'a DatabasePool,
    pub tenants: &'a [String],
}

type Meanings = Vec<Vec<Alternative>>;

impl Search<'_> {
    pub async fn run(&self, text: &str, page: SearchPage) -> Result<FoundPage, StoreError> {
        let question = Question::read(text);
        let mut found = FoundPage::default();
        if self.tenants.is_empty() || question.words.is_empty() {
            return Ok(found);
        }
        if page.before.is_none() {
            found.contacts = self.contacts(&question).await?;
        }
        let exact = vec![question.alternatives(); self.tenants.len()];
        let mut rows = self.messages(&exact, page).await?;
        if rows.is_empty() && (page.before.is_none() || self.messages(&exact, FIRST).await?.is_empty()) {
            let meant = self.meant(&question).await?;
            if meant != exact {
                rows = self.messages(&meant, page).await?;
                found.is_approximate = !rows.is_empty();
            }
        }
        found.next = rows.last().filter(|_| rows.len() >= page.limit).map(|(number, _)| *number);
        found.messages = rows.into_iter().map(|(_, message)| message).collect();
        Ok(found)
    }

    /// Messages that have these words, newest first, each with its number.
    async fn messages(&self, asked: &[Meanings], page: SearchPage) -> Result<Vec<(i64, FoundMessage)>, DbErr> {
        let fitting = fitting(self.index.dialect(), self.tenants, asked);
        if fitting.is_empty() {
            return Ok(Vec::new());
        }
        let before = page.before.unwrap_or(i64::MAX);
        let floor = match sql::FLOOR.for_dialect(self.index.dialect()) {
            "" => 0,
            _ => all(self.index, sql::FLOOR, [integer(before)]).await?.first().map_or(Ok(0), |row| row.get(0))?,
        };
        let mut found = self.between(&fitting, (floor, before), page.limit).await?;
        if floor > 0 && found.len() < page.limit {
            found.extend(self.between(&fitting, (0, floor), page.limit - found.len()).await?);
        }
        Ok(found)
    }

    async fn between(
        &self,
        fitting: &str,
        (from, before): (i64, i64),
        limit: usize,
    ) -> Result<Vec<(i64, FoundMessage)>, DbErr> {
        let values = [column(self.tenants), text(fitting), integer(before), count(limit), integer(from)];
        let rows = all(self.index, sql::FIND, values).await?;
        let message = |row: &crate::store::values::Row| {
            Ok((row.get(0)?, FoundMessage { id: row.get(1)?, is_outbound: row.get(3)? }))
        };
        rows.iter().map(message).collect()
    }

    /// For each tenant, the words and what they may have meant there.
    async fn meant(&self, question: &Question) -> Result<Vec<Meanings>, DbErr> {
        let mut meant = Vec::with_capacity(self.tenants.len());
        let can_tell = super::has_trigrams(self.index).await?;
        for tenant in self.tenants {
            let mut meanings = question.alternatives();
            for alternatives in &mut meanings {
                let Some(word) = alternatives.first().map(|first| first.word.clone()) else { continue };
                if can_tell && super::words::is_spelt(&word) {
                    let similar = self.similar(tenant, &word).await?;
                    alternatives.extend(similar.into_iter().map(|word| Alternative { word, is_beginning: false }));
                }
            }
            meant.push(meanings);
        }
        Ok(meant)
    }

    async fn similar(&self, tenant: &str, word: &str) -> Result<Vec<String>, DbErr> {
        let asked = match self.index.dialect() {
            Dialect::Sqlite => any_of(&trigrams(word)),
            Dialect::Postgres => word.to_owned(),
        };
        let rows = all(self.index, sql::SIMILAR, [text(tenant), text(asked), count(WORDS_READ)]).await?;
        let words: Vec<String> = rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
        let mut alike: Vec<(usize, String)> = words
            .into_iter()
            .filter(|other| other != word && similarity(word, other) >= ALIKE)
            .map(|other| (strsim::osa_distance(word, &other), other))
            .collect();
        alike.sort();
        Ok(alike.into_iter().take(MOST_MEANT).map(|(_, word)| word).collect())
    }

    /// Contacts whose name or number fits, else those whose names are like it.
    async fn contacts(&self, question: &Question) -> Result<Vec<FoundContact>, DbErr> {
        let parts = question.digits.as_ref().map_or_else(|| question.words.clone(), |digits| vec![digits.clone()]);
        let mut found = self.contacts_with(&parts).await?;
        if found.is_empty() && question.digits.is_none() {
            found = self.contacts_like(&parts).await?;
        }
        found.truncate(MOST_CONTACTS);
        Ok(found)
    }

    /// Contacts that have every part somewhere in their names and numbers.
    async fn contacts_with(&self, parts: &[String]) -> Result<Vec<FoundContact>, DbErr> {
        let long: Vec<&String> = parts.iter().filter(|part| part.chars().nth(2).is_some()).collect();
        let longest = parts.iter().max_by_key(|part| part.len()).map(String::as_str).unwrap_or_default();
        let rows = match self.index.dialect() {
            Dialect::Sqlite if !long.is_empty() => {
                let every: Vec<String> = long.iter().map(|part| format!("\"{part}\"")).collect();
                let values = [column(self.tenants), text(every.join(" AND ")), count(CONTACTS_READ)];
                all(self.index, sql::FIND_CONTACTS, values).await?
            }
            Dialect::Sqlite | Dialect::Postgres => {
                // Two letters are the beginning of a word.
                let pattern = if long.is_empty() { format!("% {longest}%") } else { format!("%{longest}%") };
                all(self.index, sql::READ_CONTACTS, [column(self.tenants), text(pattern), count(CONTACTS_READ)]).await?
            }
        };
        let mut found = Vec::new();
        for row in &rows {
            let whole: String = row.get(1)?;
            if parts.iter().all(|part| whole.contains(part.as_str())) {
                found.push(FoundContact { id: row.get(0)? });
            }
        }
        Ok(found)
    }

    async fn contacts_like(&self, words: &[String]) -> Result<Vec<FoundContact>, DbErr> {
        let rows = match self.index.dialect() {
            Dialect::Sqlite => {
                let some = words.iter().flat_map(|word| trigrams(word)).collect();
                all(self.index, sql::FIND_CONTACTS, [column(self.tenants), text(any_of(&some)), count(CONTACTS_READ)])
                    .await?
            }
            Dialect::Postgres if !super::has_trigrams(self.index).await? => return Ok(Vec::new()),
            Dialect::Postgres => {
                let values = [column(self.tenants), text(words.join(" ")), count(CONTACTS_READ)];
                all(self.index, sql::FIND_CONTACTS, values).await?
            }
        };
        let mut found = Vec::new();
        for row in &rows {
            let whole: String = row.get(1)?;
            let likeness = |word: &String| whole.split(' ').map(|other| similarity(word, other)).fold(0.0, f64::max);
            let least = words.iter().map(likeness).fold(1.0, f64::min);
            if least >= ALIKE {
                found.push((least, FoundContact { id: row.get(0)? }));
            }
        }
        found.sort_by(|one, other| other.0.total_cmp(&one.0));
        Ok(found.into_iter().map(|(_, contact)| contact).collect())
    }
}

const FIRST: SearchPage = SearchPage { before: None, limit: 1 };

/// The query in the database's full-text syntax: for any tenant, each word or one of its alternatives, with the tenant's
/// prefix. Words consist of letters and digits, so none of them is read as an operator.
fn fitting(dialect: Dialect, tenants: &[String], asked: &[Meanings]) -> String {
    let (and, or) = match dialect {
        Dialect::Sqlite => (" AND ", " OR "),
        Dialect::Postgres => (" & ", " | "),
    };
    let of_tenant = |tenant: &String, meanings: &Meanings| {
        let mark = mark(tenant);
        let word = |one: &Alternative| match (dialect, one.is_beginning) {
            (Dialect::Sqlite, true) => format!("\"{mark}{}\" *", one.word),
            (Dialect::Sqlite, false) => format!("\"{mark}{}\"", one.word),
            (Dialect::Postgres, true) => format!("'{mark}{}':*", one.word),
            (Dialect::Postgres, false) => format!("'{mark}{}'", one.word),
        };
        let words = meanings.iter().map(|alternatives| {
            let words: BTreeSet<String> = alternatives.iter().map(word).collect();
            format!("({})", words.into_iter().collect::<Vec<_>>().join(or))
        });
        format!("({})", words.collect::<Vec<_>>().join(and))
    };
    let parts = tenants.iter().zip(asked).map(|(tenant, meanings)| of_tenant(tenant, meanings));
    parts.collect::<Vec<_>>().join(or)
}

fn any_of(trigrams: &BTreeSet<String>) -> String {
    trigrams.iter().map(|trigram| format!("\"{trigram}\"")).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_asked_in_the_words_of_each_database() {
        let tenants = ["belle".to_owned()];
        let asked = [Question::read("prendre rendez").alternatives()];
        let mark = mark("belle");
        assert_eq!(
            fitting(Dialect::Sqlite, &tenants, &asked),
            format!("((\"{mark}PRENDRE\") AND (\"{mark}RENDEZ\" *))")
        );
        assert_eq!(fitting(Dialect::Postgres, &tenants, &asked), format!("(('{mark}PRENDRE') & ('{mark}RENDEZ':*))"));
    }
}
