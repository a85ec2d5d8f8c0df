//! Statements of a move, and the text form in which rows are compared.

use std::borrow::Cow;

use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::catalogue::{ColumnKind, MoveTable};
use crate::store::values::{Row, corrupt, parse_time, time_text};

/// Texts of one page, in characters; a longer single row is a page of its own.
const PAGE_CHARS: usize = 4_000_000;

/// A row. Each value is one text that is the same from both databases: times with microseconds, flags as 0 and 1,
/// JSON with its fields in order.
pub(super) type Cells = Vec<Option<String>>;

/// The first cells of a row: its key. It is ordered by bytes, here as in both databases.
pub(super) fn key<'a>(table: &MoveTable, cells: &'a Cells) -> &'a [Option<String>] {
    &cells[..table.key.min(cells.len())]
}

/// Checksum of a row. Those of a table are added up, so that the order of reading does not matter.
pub(super) fn digest(cells: &Cells) -> u128 {
    let mut hash = Sha256::new();
    for cell in cells {
        // The length separates cells; null has a length that no text has.
        let length = cell.as_ref().map_or(u64::MAX, |text| text.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(cell.as_deref().unwrap_or_default());
    }
    hash.finalize().iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

fn quoted(names: impl Iterator<Item = &'static str>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn key_names(table: &MoveTable) -> String {
    quoted(table.columns.iter().take(table.key).map(|column| column.name))
}

/// A page of SQLite's rows as one text, `[[cell, …], …]`. Parameters: the key after which the page begins (if any),
/// and how many rows at most.
pub(super) fn page_of_sqlite(table: &MoveTable, after: bool) -> String {
    let limit = if after { table.key + 1 } else { 1 };
    let mut conditions = Vec::from_iter((!table.of.is_empty()).then(|| table.of.to_owned()));
    if after {
        let given = table.columns.iter().take(table.key).zip(1..).map(|(column, number)| match column.kind {
            ColumnKind::Quarter => format!("substr(?{number}, 1, 19) || 'Z'"),
            _ => format!("?{number}"),
        });
        conditions.push(format!("({}) > ({})", key_names(table), given.collect::<Vec<_>>().join(", ")));
    }
    sqlite(table, &[], &conditions, &key_names(table), limit)
}

/// The same for a table that is only appended to, with the rowid before the cells. Parameters: the rowid after which
/// the page begins, and how many rows at most.
pub(super) fn page_of_log(table: &MoveTable) -> String {
    sqlite(table, &["CAST(rowid AS TEXT)"], &["rowid > ?1".to_owned()], "rowid", 2)
}

fn sqlite(table: &MoveTable, before: &[&str], conditions: &[String], order: &str, limit: usize) -> String {
    let cells = table.columns.iter().map(|column| match column.kind {
        ColumnKind::Number | ColumnKind::Flag => format!("CAST(\"{}\" AS TEXT)", column.name),
        ColumnKind::Quarter => format!("substr(\"{0}\", 1, 19) || '.000000Z'", column.name),
        ColumnKind::Text | ColumnKind::Long | ColumnKind::Time | ColumnKind::Json => format!("\"{}\"", column.name),
    });
    let cells = before.iter().map(|cell| (*cell).to_owned()).chain(cells).collect::<Vec<_>>().join(", ");
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    let long = table.columns.iter().filter(|column| column.kind == ColumnKind::Long);
    let length: Vec<_> = long.map(|column| format!("coalesce(length(\"{}\"), 0)", column.name)).collect();
    let length = if length.is_empty() { "0".to_owned() } else { length.join(" + ") };
    let keys: Vec<_> = order.split(", ").zip(1..).map(|(name, number)| format!("{name} AS k{number}")).collect();
    let order_of_keys: Vec<_> = (1..=keys.len()).map(|number| format!("k{number}")).collect();
    let (keys, order_of_keys) = (keys.join(", "), order_of_keys.join(", "));
    // The window sums the lengths of the rows before each one.
    format!(
        "SELECT json_group_array(json(cells) ORDER BY {order_of_keys}) FROM (\
            SELECT *, sum(length) OVER (ORDER BY {order_of_keys} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before \
            FROM (SELECT json_array({cells}) AS cells, {length} AS length, {keys} \
                FROM \"{}\" WHERE {conditions} ORDER BY {order} LIMIT ?{limit})) \
        WHERE coalesce(before, 0) < {PAGE_CHARS}",
        table.from
    )
}

/// PostgreSQL's rows between two keys, either of which may be missing: the first is excluded, the second included.
/// Parameters: the keys' texts, and how many rows at most.
pub(super) fn range_of_postgres(table: &MoveTable, after: bool, through: bool) -> String {
    let cells: Vec<_> = table
        .columns
        .iter()
        .map(|column| match column.kind {
            ColumnKind::Json => format!("\"{}\"::text", column.name),
            _ => format!("\"{}\"", column.name),
        })
        .collect();
    let mut conditions =
        Vec::from_iter((!table.of.is_empty() && table.name == table.from).then(|| table.of.to_owned()));
    let mut given = 0;
    for (compared, wanted) in [(">", after), ("<=", through)] {
        if wanted {
            conditions.push(format!("({}) {compared} ({})", key_names(table), key_values(table, given)));
            given += table.key;
        }
    }
    let mut sql = format!("SELECT {} FROM \"{}\"", cells.join(", "), table.name);
    if !conditions.is_empty() {
        sql = format!("{sql} WHERE {}", conditions.join(" AND "));
    }
    if table.key > 0 {
        sql = format!("{sql} ORDER BY {} LIMIT ${}", key_names(table), given + 1);
    }
    sql
}

/// `$1::text, $2::text::timestamptz`, after so many others.
fn key_values(table: &MoveTable, others: usize) -> String {
    let values = table.columns.iter().take(table.key).zip(others + 1..).map(|(column, number)| match column.kind {
        ColumnKind::Quarter | ColumnKind::Time => format!("${number}::text::timestamptz"),
        _ => format!("${number}::text"),
    });
    values.collect::<Vec<_>>().join(", ")
}

/// Deletes rows of PostgreSQL: one list for each column of the key.
pub(super) fn removal(table: &MoveTable) -> String {
    let columns = table.columns.iter().take(table.key);
    let lists: Vec<_> = (1..=table.key).map(|number| format!("${number}::text[]")).collect();
    let names: Vec<_> = (1..=table.key).map(|number| format!("k{number}")).collect();
    let same = columns.zip(&names).map(|(column, given)| match column.kind {
        ColumnKind::Quarter | ColumnKind::Time => format!("t.\"{}\" = j.{given}::timestamptz", column.name),
        _ => format!("t.\"{}\" = j.{given}", column.name),
    });
    format!(
        "DELETE FROM \"{}\" t USING unnest({}) j ({}) WHERE {}",
        table.name,
        lists.join(", "),
        names.join(", "),
        same.collect::<Vec<_>>().join(" AND ")
    )
}

/// Copies rows into PostgreSQL in bulk.
pub(super) fn copying(table: &MoveTable) -> String {
    let names = table.columns.iter().map(|column| column.name).chain(table.beside.map(|(name, _)| name));
    format!("COPY \"{}\" ({}) FROM STDIN", table.name, quoted(names))
}

/// A row as COPY takes it: <https://www.postgresql.org/docs/15/sql-copy.html>, text format.
pub(super) fn add_copied(copied: &mut String, table: &MoveTable, cells: &Cells) {
    let beside = table.beside.map(|(_, value)| Some(Cow::Borrowed(value)));
    let cells = cells.iter().map(|cell| cell.as_deref().map(Cow::Borrowed)).chain(beside);
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            copied.push('\t');
        }
        let Some(text) = cell else {
            copied.push_str("\\N");
            continue;
        };
        for character in text.chars() {
            match character {
                '\\' => copied.push_str("\\\\"),
                '\n' => copied.push_str("\\n"),
                '\r' => copied.push_str("\\r"),
                '\t' => copied.push_str("\\t"),
                other => copied.push(other),
            }
        }
    }
    copied.push('\n');
}

/// The column of a cell that no version of Palabre wrote.
pub(super) type Unreadable = &'static str;

/// Normalises SQLite's cells to what PostgreSQL will have.
///
/// # Errors
/// The column whose text is not of its type.
pub(super) fn normalise_sqlite(table: &MoveTable, cells: &mut Cells) -> Result<(), Unreadable> {
    for (column, cell) in table.columns.iter().zip(cells) {
        let Some(text) = cell else { continue };
        let same = match column.kind {
            ColumnKind::Time | ColumnKind::Quarter if !is_fixed_width(text) => {
                Some(time_text(parse_time(text).map_err(|_| column.name)?))
            }
            ColumnKind::Json => Some(ordered(text).map_err(|_| column.name)?),
            // PostgreSQL stores every character but NUL, and webhooks replace it in the same way.
            ColumnKind::Text | ColumnKind::Long if text.contains('\0') => Some(text.replace('\0', "\u{fffd}")),
            _ => None,
        };
        if same.is_some() {
            *cell = same;
        }
    }
    Ok(())
}

/// A row of PostgreSQL, as [`range_of_postgres`] selects it.
pub(super) fn cells_of_postgres(table: &MoveTable, row: &Row) -> Result<Cells, DbErr> {
    let cells = table.columns.iter().enumerate().map(|(at, column)| match column.kind {
        ColumnKind::Text | ColumnKind::Long => row.get(at),
        ColumnKind::Number => Ok(row.get::<Option<i64>>(at)?.map(|number| number.to_string())),
        ColumnKind::Flag => Ok(row.get::<Option<bool>>(at)?.map(|flag| u8::from(flag).to_string())),
        ColumnKind::Time | ColumnKind::Quarter => Ok(row.get::<Option<Timestamp>>(at)?.map(time_text)),
        ColumnKind::Json => row.get::<Option<String>>(at)?.map(|text| ordered(&text)).transpose(),
    });
    cells.collect()
}

/// `2026-11-21T03:55:00.123456Z`
fn is_fixed_width(text: &str) -> bool {
    let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    shape.eq(*b"0000-00-00T00:00:00.000000Z")
}

/// JSON with its fields in order.
fn ordered(json: &str) -> Result<String, DbErr> {
    let value: Value = serde_json::from_str(json).map_err(|_| corrupt("JSON"))?;
    Ok(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::TABLES;
    use super::*;

    fn table(name: &str) -> &'static MoveTable {
        TABLES.iter().find(|table| table.name == name).unwrap()
    }

    fn cells(texts: &[Option<&str>]) -> Cells {
        texts.iter().map(|text| text.map(str::to_owned)).collect()
    }

    #[test]
    fn sqlites_values_become_what_postgresql_makes_of_them() {
        let phones = table("seller_phones");
        for (of_sqlite, expected) in [
            ("2026-11-21T03:55:00.123456Z", Ok("2026-11-21T03:55:00.123456Z")),
            ("2026-11-21T04:55:00+01:00", Ok("2026-11-21T03:55:00.000000Z")),
            ("2026-11-21", Err("created_at")),
            ("", Err("created_at")),
        ] {
            let mut row = cells(&[Some("id"), Some("nul\0"), Some("+33"), Some(of_sqlite)]);
            let read = normalise_sqlite(phones, &mut row);
            assert_eq!(read.map(|()| row[3].as_deref().unwrap()), expected, "{of_sqlite}");
            assert_eq!(row[1].as_deref(), Some("nul\u{fffd}"));
        }
        let mut event = vec![None; 9];
        event[7] = Some(r#"{"b": "\u00e9", "a":1}"#.to_owned());
        normalise_sqlite(table("event_log"), &mut event).unwrap();
        assert_eq!(event[7].as_deref(), Some(r#"{"a":1,"b":"é"}"#));
    }

    #[test]
    fn copied_texts_are_one_line_for_each_row() {
        let mut copied = String::new();
        let row = cells(&[Some("a\tb\\c\nd\re"), None, Some("\\N"), Some("1"), Some("2")]);
        add_copied(&mut copied, table("usage"), &row);
        assert_eq!(copied, "a\\tb\\\\c\\nd\\re\t\\N\t\\\\N\t1\t2\t0\n");
    }

    #[test]
    fn a_checksum_knows_cells_apart_and_null_from_empty() {
        let rows = [
            cells(&[Some("ab"), Some("")]),
            cells(&[Some("a"), Some("b")]),
            cells(&[Some("ab"), None]),
            cells(&[None, Some("ab")]),
        ];
        let digests: std::collections::BTreeSet<_> = rows.iter().map(digest).collect();
        assert_eq!(digests.len(), rows.len());
    }
}
