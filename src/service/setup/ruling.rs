//! Which line of a tenant's file rules what, and what it says.

use toml_edit::{Document, Item, TableLike, Value};

/// A setting of a file, with the line that rules it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulingLine {
    /// `hours.tue`; of a list, `channels[0].address`.
    pub key: String,
    /// As people read it; a secret says where it is kept, and no more.
    pub value: String,
    /// From 1.
    pub line: usize,
}

/// Every setting of a file, in the order of its lines.
#[must_use]
pub fn ruling_lines(text: &str) -> Vec<RulingLine> {
    let Ok(document) = Document::parse(text) else { return Vec::new() };
    let mut found = Vec::new();
    walk(document.as_table(), "", &mut found);
    let line = |at: usize| text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
    let mut lines: Vec<RulingLine> =
        found.into_iter().map(|(key, value, at)| RulingLine { key, value, line: line(at) }).collect();
    lines.sort_by_key(|ruling| ruling.line);
    lines
}

fn walk(table: &dyn TableLike, path: &str, found: &mut Vec<(String, String, usize)>) {
    for (name, item) in table.iter() {
        let key = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match item {
            Item::Value(value) => {
                let at = table.key(name).and_then(toml_edit::Key::span).or_else(|| value.span());
                found.push((key, said(value), at.map_or(0, |span| span.start)));
            }
            Item::Table(inner) => walk(inner, &key, found),
            Item::ArrayOfTables(tables) => {
                for (at, inner) in tables.iter().enumerate() {
                    walk(inner, &format!("{key}[{at}]"), found);
                }
            }
            Item::None => {}
        }
    }
}

/// A value as people read it.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.value().clone(),
        Value::Integer(number) => number.value().to_string(),
        Value::Float(number) => number.value().to_string(),
        Value::Boolean(flag) => flag.value().to_string(),
        Value::Datetime(moment) => moment.value().to_string(),
        Value::Array(values) => values.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::InlineTable(table) => {
            let parts = table.iter().map(|(key, value)| format!("{key}: {}", said(value)));
            parts.collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_line() {
        let text = "id = \"belle\"\n\n[hours]\n# closed on Monday\ntue = [\"09:00-12:00\", \"14:00-19:00\"]\n\n[[channels]]\n\
                    id = \"belle-wa\"\nauth_token = { env = \"BELLE\" }\n\n[[channels]]\nid = \"belle-sms\"\n";
        let lines = ruling_lines(text);
        let told: Vec<_> = lines.iter().map(|it| (it.key.as_str(), it.value.as_str(), it.line)).collect();
        assert_eq!(
            told,
            [
                ("id", "belle", 1),
                ("hours.tue", "09:00-12:00, 14:00-19:00", 5),
                ("channels[0].id", "belle-wa", 8),
                ("channels[0].auth_token", "env: BELLE", 9),
                ("channels[1].id", "belle-sms", 12),
            ]
        );
        assert!(ruling_lines("id = ").is_empty());
    }
}
