//! Difference between two ranges of rows. Nothing here touches a database.

use super::catalogue::MoveTable;
use super::text::{Cells, key};

/// What differs between two ranges of rows, each in the order of its key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference<'a> {
    /// Rows to delete from the target: the source has none with their key, or another one.
    pub remove: Vec<&'a Cells>,
    /// Rows of the source to add.
    pub add: Vec<&'a Cells>,
}

impl Difference<'_> {
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }
}

pub(super) fn difference<'a>(table: &MoveTable, source: &'a [Cells], target: &'a [Cells]) -> Difference<'a> {
    let mut difference = Difference::default();
    let (mut ours, mut theirs) = (source.iter().peekable(), target.iter().peekable());
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (None, None) => return difference,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(one), Some(other)) => key(table, one).cmp(key(table, other)),
        };
        let one = order.is_le().then(|| ours.next()).flatten();
        let other = order.is_ge().then(|| theirs.next()).flatten();
        if one != other {
            difference.add.extend(one);
            difference.remove.extend(other);
        }
    }
}

/// Whether rows are in the order of their keys, without duplicates.
pub(super) fn is_in_order(table: &MoveTable, rows: &[Cells]) -> bool {
    rows.is_sorted_by(|before, after| key(table, before) < key(table, after))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::catalogue::TABLES;
    use super::*;

    fn rows(of: &BTreeMap<(u8, u8), Option<u8>>) -> Vec<Cells> {
        let text = |number: u8| Some(format!("{number:03}"));
        of.iter().map(|((a, b), value)| vec![text(*a), text(*b), value.map(|value| value.to_string())]).collect()
    }

    proptest! {
        #[test]
        fn what_is_taken_out_and_put_in_makes_them_the_same(
            source: BTreeMap<(u8, u8), Option<u8>>,
            changed: BTreeMap<(u8, u8), Option<u8>>,
            gone in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let table = TABLES.iter().find(|table| table.key == 2).unwrap();
            let mut target = source.clone();
            target.extend(changed);
            for index in gone {
                if let Some(key) = target.keys().nth(index.index(target.len().max(1))).copied() {
                    target.remove(&key);
                }
            }
            let (ours, theirs) = (rows(&source), rows(&target));
            prop_assert!(is_in_order(table, &ours) && is_in_order(table, &theirs));
            let difference = difference(table, &ours, &theirs);
            let mut made: Vec<&Cells> = theirs.iter().filter(|row| !difference.remove.contains(row)).collect();
            made.extend(&difference.add);
            made.sort();
            prop_assert_eq!(made, ours.iter().collect::<Vec<_>>());
            // Nothing is touched that is the same.
            prop_assert!(difference.add.iter().all(|row| !theirs.contains(row)));
            prop_assert!(difference.remove.iter().all(|row| !ours.contains(row)));
        }
    }
}
