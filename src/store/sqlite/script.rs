//! Statements that are sent to SQLite together.
//!
//! Its connection lives on a thread of its own, and on a busy machine a hand-over to it and back takes longer than
//! most statements do.

use std::mem;

use crate::store::statement::Value;

/// Statements whose results nobody awaits, in their order, with their values.
#[derive(Default)]
pub(in crate::store) struct StatementScript {
    sql: String,
    values: Vec<Value>,
}

impl StatementScript {
    pub fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// Whether this is the only statement.
    pub fn is_only(&self, sql: &str) -> bool {
        self.sql == sql
    }

    /// Adds a statement. What it calls `?1`, `?2`… becomes `?`: its values follow those of the statement before.
    pub fn add(&mut self, sql: &str, values: Vec<Value>) {
        if !self.sql.is_empty() {
            self.sql.push(';');
        }
        if sql.contains("?1") {
            self.add_numbered(sql, values);
        } else {
            self.sql.push_str(sql);
            self.values.extend(values);
        }
    }

    fn add_numbered(&mut self, sql: &str, mut values: Vec<Value>) {
        let mut parts = sql.split('?');
        self.sql.push_str(parts.next().unwrap_or_default());
        let mut order = Vec::with_capacity(values.len());
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = part.split_at(digits);
            order.push(number.parse::<usize>().unwrap_or_default().wrapping_sub(1));
            self.sql.push('?');
            self.sql.push_str(rest);
        }
        let mut order = &order[..];
        while let [which, rest @ ..] = order {
            if let Some(value) = values.get_mut(*which) {
                let last = !rest.contains(which);
                self.values.push(if last { mem::replace(value, Value::Number(None)) } else { value.clone() });
            }
            order = rest;
        }
    }

    /// Takes all statements out.
    pub fn take(&mut self) -> (String, Vec<Value>) {
        (mem::take(&mut self.sql), mem::take(&mut self.values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::statement::{integer, text};

    fn plain(values: &[Value]) -> Vec<String> {
        let plain = values.iter().map(|value| match value {
            Value::Text(text) => text.clone().unwrap_or_default(),
            Value::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
            _ => String::new(),
        });
        plain.collect()
    }

    #[test]
    fn values_follow_their_statements_each_where_it_is_named() {
        let mut script = StatementScript::default();
        script.add("BEGIN", Vec::new());
        script.add("INSERT INTO a VALUES (?,?),(?,?)", vec![text("a"), text("b"), text("c"), text("d")]);
        script.add("UPDATE b SET x = ?2, y = ?1 WHERE z = ?2 OR w = ?10 + ?3", {
            let mut values = vec![text("one"), text("two"), integer(3)];
            values.extend((4..=10).map(|number| text(number.to_string())));
            values
        });
        let (sql, values) = script.take();
        assert_eq!(sql, "BEGIN;INSERT INTO a VALUES (?,?),(?,?);UPDATE b SET x = ?, y = ? WHERE z = ? OR w = ? + ?");
        assert_eq!(plain(&values), ["a", "b", "c", "d", "two", "one", "two", "10", "3"]);
        assert!(script.is_empty());
    }
}
