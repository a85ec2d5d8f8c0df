//! Catalogue of personal data: what each table and column holds of a person, and what becomes of it when they are erased.
//!
//! Every table and every column of both schemas stands here; a test compares the list with both.

mod tables;

use crate::store::statement::Dialect;

pub(super) use self::tables::TABLES;

/// What becomes of a person's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Erasure {
    /// They are deleted.
    Delete,
    /// They stay for counts and for what refers to them; their personal columns are blanked.
    Blank,
    /// They stay: nothing in them names a person once the others are gone.
    Keep,
    /// They stay for as long as the law asks (`privacy.payment_retention`); nothing in them is a name or an address.
    Hold,
    /// The search index: what was deleted or blanked leaves it in a step of its own.
    Index,
}

/// What stands in a column that was blanked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blank {
    Null,
    Empty,
    /// `erased:` and the row's id, where each row needs a value of its own.
    Mark,
    /// The word `expired`: whoever keeps the bytes of this row deletes them.
    Expired,
}

/// A table. Columns stand in one of three lists; in the last two with what is left of them: `name=null body=empty`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PersonalTable {
    pub name: &'static str,
    /// Which of a tenant's rows are a person's: a condition with lists in braces, such as `contact_id IN {contacts}`. Empty:
    /// none is.
    pub whose: &'static str,
    pub erasure: Erasure,
    /// Columns that name nobody: ids of ours, states, times, counts.
    pub plain: &'static str,
    /// Columns that name the person whose row it is.
    pub person: &'static str,
    /// Texts: what the person said or was told, or what others wrote about them. They are also searched for the addresses of
    /// people who are erased.
    pub words: &'static str,
    /// The database that alone has it.
    pub only_in: Option<Dialect>,
}

impl PersonalTable {
    /// Columns whose texts may name other people than the row's own.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + use<> {
        names(self.words)
    }

    /// What is set where rows are blanked.
    pub fn blanks(&self) -> impl Iterator<Item = (&'static str, Blank)> + use<> {
        blanks(self.person).chain(blanks(self.words))
    }

    /// The same for rows of others that repeat the person's words.
    pub fn blank_words(&self) -> impl Iterator<Item = (&'static str, Blank)> + use<> {
        blanks(self.words)
    }

    pub fn has_column(&self, name: &str) -> bool {
        self.columns().any(|column| column == name)
    }

    /// Every column.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> + use<> {
        names(self.plain).chain(names(self.person)).chain(names(self.words))
    }
}

fn names(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_whitespace().map(|entry| entry.split_once('=').map_or(entry, |(name, _)| name))
}

fn blanks(list: &'static str) -> impl Iterator<Item = (&'static str, Blank)> {
    list.split_whitespace().filter_map(|entry| {
        let (name, blank) = entry.split_once('=')?;
        let blank = match blank {
            "null" => Blank::Null,
            "empty" => Blank::Empty,
            "mark" => Blank::Mark,
            "expired" => Blank::Expired,
            _ => return None,
        };
        Some((name, blank))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_personal_column_says_what_is_left_of_it() {
        let mut seen = BTreeSet::new();
        for table in TABLES {
            assert!(seen.insert(table.name), "{} stands there twice", table.name);
            let personal = names(table.person).chain(names(table.words)).count();
            assert_eq!(table.blanks().count(), personal, "{}", table.name);
            assert!(!table.plain.contains('='), "{}", table.name);
            let is_of_persons = matches!(table.erasure, Erasure::Delete | Erasure::Blank | Erasure::Hold);
            assert!(!is_of_persons || !table.whose.is_empty(), "{} belongs to nobody", table.name);
            assert_eq!(table.columns().collect::<BTreeSet<_>>().len(), table.columns().count(), "{}", table.name);
        }
    }
}
