//! A tenant's file that is being changed: what is not touched stays as it was written, comments and order included.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value};

/// The name of the table that the file itself is.
pub(super) const ROOT: &str = "";

/// A table of a list: its id, and what is written into it.
pub(super) type TableValues = (String, Vec<(&'static str, Option<Value>)>);

/// The text of a tenant's file, read.
#[derive(Clone, Debug)]
pub struct TenantDocument(DocumentMut);

impl TenantDocument {
    /// `None`: it is no TOML.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// The file as one table.
    pub(super) fn inner_mut(&mut self) -> &mut Table {
        self.0.as_table_mut()
    }

    fn table(&self, name: &str) -> Option<&dyn TableLike> {
        match name {
            ROOT => Some(self.0.as_table()),
            name => self.0.get(name)?.as_table_like(),
        }
    }

    /// Whether there is such a table, or such a key of the file itself.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text; empty when it is not there.
    #[must_use]
    pub fn get(&self, table: &str, key: &str) -> String {
        self.table(table).map(|table| text_of(table, key)).unwrap_or_default()
    }

    /// A list of texts.
    #[must_use]
    pub fn list(&self, table: &str, key: &str) -> Vec<String> {
        self.table(table).map(|table| list_of(table, key)).unwrap_or_default()
    }

    /// A number or a yes and no, as it is written.
    #[must_use]
    pub fn plain(&self, table: &str, key: &str) -> String {
        let value = self.table(table).and_then(|table| table.get(key)).and_then(Item::as_value);
        match value {
            Some(Value::Integer(number)) => number.value().to_string(),
            Some(Value::Boolean(flag)) => flag.value().to_string(),
            _ => String::new(),
        }
    }

    /// Writes a value, or takes it out. One that says the same stays as it is written.
    pub fn set(&mut self, table: &str, key: &str, value: Option<Value>) {
        let root = self.0.as_table_mut();
        if table == ROOT {
            put(root, key, value);
            return;
        }
        if value.is_none() && !root.contains_key(table) {
            return;
        }
        let item = root.entry(table).or_insert_with(|| Item::Table(spaced()));
        if let Some(table) = item.as_table_like_mut() {
            put(table, key, value);
        }
    }

    /// The tables of a list (`[[services]]`).
    #[must_use]
    pub fn tables(&self, name: &str) -> Vec<&dyn TableLike> {
        match self.0.get(name) {
            Some(Item::ArrayOfTables(tables)) => tables.iter().map(|table| table as &dyn TableLike).collect(),
            Some(Item::Value(Value::Array(array))) => {
                array.iter().filter_map(Value::as_inline_table).map(|table| table as &dyn TableLike).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Writes the tables of a list anew: those that are known by their id keep their comments and further keys, others are
    /// added, and those that are not named are taken out.
    pub(super) fn set_tables(&mut self, name: &str, rows: Vec<TableValues>) {
        let mut known: Vec<Table> = self.take_tables(name).into_iter().collect();
        let mut tables = ArrayOfTables::new();
        for (id, values) in rows {
            let at = known.iter().position(|table| text_of(table, "id") == id);
            let mut table = at.map_or_else(spaced, |at| known.remove(at));
            put(&mut table, "id", Some(id.into()));
            for (key, value) in values {
                put(&mut table, key, value);
            }
            tables.push(table);
        }
        if !tables.is_empty() {
            self.0.insert(name, Item::ArrayOfTables(tables));
        }
    }

    /// Adds a table at the end of a list.
    pub fn push(&mut self, name: &str, values: Vec<(&str, Value)>) {
        let mut tables = self.take_tables(name);
        let mut table = spaced();
        for (key, value) in values {
            put(&mut table, key, Some(value));
        }
        tables.push(table);
        self.0.insert(name, Item::ArrayOfTables(tables));
    }

    /// Changes one table of a list, if it is there.
    pub fn change(&mut self, name: &str, id: &str, values: Vec<(&str, Value)>) -> bool {
        let mut tables = self.take_tables(name);
        let table = tables.iter_mut().find(|table| text_of(*table, "id") == id);
        let is_there = table.is_some();
        if let Some(table) = table {
            for (key, value) in values {
                put(table, key, Some(value));
            }
        }
        if !tables.is_empty() {
            self.0.insert(name, Item::ArrayOfTables(tables));
        }
        is_there
    }

    fn take_tables(&mut self, name: &str) -> ArrayOfTables {
        // In its place: what is put back later stands where it stood.
        let item = self.0.get_mut(name).map(std::mem::take).unwrap_or_default();
        item.into_array_of_tables().unwrap_or_default()
    }
}

/// A table with an empty line before it.
pub(super) fn spaced() -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    table
}

fn put(table: &mut dyn TableLike, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key) {
        Some(Item::Value(old)) if is_same(old, &value) => {}
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        Some(item) => *item = Item::Value(value),
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Whether two values say the same, however they are written.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.value() == other.value(),
        (Value::Integer(one), Value::Integer(other)) => one.value() == other.value(),
        (Value::Boolean(one), Value::Boolean(other)) => one.value() == other.value(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        _ => false,
    }
}

/// A text of a table; empty when it is not there.
pub(super) fn text_of(table: &dyn TableLike, key: &str) -> String {
    table.get(key).and_then(Item::as_str).unwrap_or_default().to_owned()
}

/// A list of texts of a table.
pub(super) fn list_of(table: &dyn TableLike, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(Item::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

/// A text, unless it is empty.
pub(super) fn text_value(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::from(text))
}

/// A list, unless it is empty.
pub(super) fn list_value(texts: &[String]) -> Option<Value> {
    (!texts.is_empty()).then(|| Value::Array(texts.iter().map(String::as_str).collect::<Array>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# Belle, since 2026.
id = "belle" # never change it
name = 'Belle'

[[services]]
# The most asked for.
id = "manucure"
name = "Manucure"
duration = "45m"
words = ["ongles"]

[[services]]
id = "massage"
name = "Massage"

[hours] # in Paris
tue = [
  "09:00-12:30", # morning
  "14:00-19:00",
]
"#;

    fn document() -> TenantDocument {
        TenantDocument::parse(FILE).unwrap()
    }

    #[test]
    fn what_says_the_same_stays_as_it_was_written() {
        let mut document = document();
        document.set(ROOT, "name", Some("Belle".into()));
        let spans = ["09:00-12:30".to_owned(), "14:00-19:00".to_owned()];
        document.set("hours", "tue", list_value(&spans));
        document.set("replies", "fallback", None);
        assert_eq!(document.text(), FILE);
        assert_eq!(document.get(ROOT, "id"), "belle");
        assert_eq!(document.list("hours", "tue"), spans);
    }

    #[test]
    fn a_change_leaves_comments_and_everything_else() {
        let mut document = document();
        document.set(ROOT, "id", Some("nails".into()));
        document.set("hours", "wed", list_value(&["10:00-11:00".to_owned()]));
        document.set("replies", "fallback", Some("Merci \"vous\" {{ contact.name }}".into()));
        let text = document.text();
        for kept in
            ["# Belle, since 2026.", "id = \"nails\" # never change it", "[hours] # in Paris", "# morning", "\nwed = ["]
        {
            assert!(text.contains(kept), "{kept}\n{text}");
        }
        let read = TenantDocument::parse(&text).unwrap();
        assert_eq!(read.get("replies", "fallback"), "Merci \"vous\" {{ contact.name }}");
    }

    #[test]
    fn a_list_of_tables_is_changed_added_to_and_taken_from() {
        let mut document = document();
        let row = |id: &str, name: &str| (id.to_owned(), vec![("name", Some(Value::from(name)))]);
        document.set_tables("services", vec![row("manucure", "Manucure russe"), row("pose", "Pose")]);
        let text = document.text();
        assert!(text.contains("# The most asked for.") && text.contains("words = [\"ongles\"]"), "{text}");
        assert!(!text.contains("massage"), "{text}");
        let read = TenantDocument::parse(&text).unwrap();
        let names: Vec<_> = read.tables("services").into_iter().map(|table| text_of(table, "name")).collect();
        assert_eq!(names, ["Manucure russe", "Pose"]);
        assert_eq!(read.list("hours", "tue").len(), 2);
        document.set_tables("services", Vec::new());
        assert!(TenantDocument::parse(&document.text()).unwrap().tables("services").is_empty());
        document.push("channels", vec![("id", "belle-wa".into())]);
        document.push("channels", vec![("id", "belle-sms".into())]);
        let read = TenantDocument::parse(&document.text()).unwrap();
        assert_eq!(read.tables("channels").len(), 2, "{}", document.text());
        assert_eq!(read.get(ROOT, "name"), "Belle");
    }
}
