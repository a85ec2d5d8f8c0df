//! Changes of a tenant's file that leave everything else as it is written.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::draft::DAYS;

/// A tenant's file, open for changes.
#[derive(Clone, Debug)]
pub struct Sheet(DocumentMut);

/// Spans such as `09:00-12:30` for a day's key in `[hours]`.
pub type DayHours = (&'static str, Vec<String>);

/// A service as it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    pub id: String,
    pub name: String,
    pub duration: String,
    pub price: String,
}

/// A question of the file and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaqAnswer {
    pub question: String,
    pub answer: String,
}

impl Sheet {
    /// `None`: it is no TOML.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// The text at a key of the file's top.
    #[must_use]
    pub fn word(&self, key: &str) -> String {
        word(self.0.get(key))
    }

    pub fn set_word(&mut self, key: &str, text: &str) {
        set(self.0.as_table_mut(), key, value(text));
    }

    /// The hours of each day, Monday first.
    #[must_use]
    pub fn hours(&self) -> Vec<DayHours> {
        let hours = self.0.get("hours").and_then(Item::as_table_like);
        let spans = |day: &str| hours.and_then(|hours| hours.get(day)).map(texts).unwrap_or_default();
        DAYS.iter().map(|day| (*day, spans(day))).collect()
    }

    pub fn set_hours(&mut self, hours: &[DayHours]) {
        let table = self.0.entry("hours").or_insert(Item::Table(Table::new()));
        let Some(table) = table.as_table_mut() else { return };
        for (day, spans) in hours {
            if spans.is_empty() {
                table.remove(day);
            } else {
                set(table, day, value(spans.iter().map(String::as_str).collect::<Array>()));
            }
        }
    }

    #[must_use]
    pub fn services(&self) -> Vec<Offered> {
        let tables = self.0.get("services").and_then(Item::as_array_of_tables);
        let offered = |table: &Table| Offered {
            id: word(table.get("id")),
            name: word(table.get("name")),
            duration: word(table.get("duration")),
            price: word(table.get("price")),
        };
        tables.into_iter().flatten().map(offered).collect()
    }

    /// Those that are there already keep what else their tables say.
    pub fn set_services(&mut self, services: &[Offered]) {
        let before = self.0.get("services").and_then(Item::as_array_of_tables).cloned().unwrap_or_default();
        let mut tables = ArrayOfTables::new();
        for service in services {
            let known = before.iter().find(|table| word(table.get("id")) == service.id);
            let mut table = known.cloned().unwrap_or_default();
            // A new one is done by whoever does the others.
            if known.is_none()
                && let Some(resources) = before.iter().find_map(|table| table.get("resources"))
            {
                table.insert("resources", resources.clone());
            }
            for (key, text) in [("id", &service.id), ("name", &service.name), ("duration", &service.duration)] {
                set(&mut table, key, value(text.as_str()));
            }
            if service.price.is_empty() {
                table.remove("price");
            } else {
                set(&mut table, "price", value(service.price.as_str()));
            }
            tables.push(table);
        }
        self.set_tables("services", tables);
    }

    #[must_use]
    pub fn faq(&self) -> Vec<FaqAnswer> {
        let tables = self.0.get("faq").and_then(Item::as_array_of_tables);
        let entry =
            |table: &Table| FaqAnswer { question: word(table.get("question")), answer: word(table.get("answer")) };
        tables.into_iter().flatten().map(entry).collect()
    }

    /// Sets the answers of the file's questions; a question whose answer is left empty goes.
    pub fn set_answers(&mut self, answers: &[FaqAnswer]) {
        let Some(before) = self.0.get("faq").and_then(Item::as_array_of_tables).cloned() else { return };
        let mut tables = ArrayOfTables::new();
        for mut table in before {
            let question = word(table.get("question"));
            match answers.iter().find(|entry| entry.question == question) {
                Some(entry) if entry.answer.trim().is_empty() => continue,
                Some(entry) => set(&mut table, "answer", value(entry.answer.as_str())),
                None => {}
            }
            tables.push(table);
        }
        self.set_tables("faq", tables);
    }

    /// Addresses of those who are told when a conversation needs a person.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let notify = self.0.get("notify").and_then(Item::as_table_like);
        notify.and_then(|notify| notify.get("to")).map(texts).unwrap_or_default()
    }

    /// The channels: id and provider.
    #[must_use]
    pub fn channels(&self) -> Vec<(String, String)> {
        let tables = self.0.get("channels").and_then(Item::as_array_of_tables);
        tables.into_iter().flatten().map(|table| (word(table.get("id")), word(table.get("provider")))).collect()
    }

    /// Adds a channel, or changes the one of this id. Each key has a text, or the path of a secret's file.
    pub fn set_channel(&mut self, id: &str, provider: &str, keys: &[(String, ChannelValue)]) {
        let mut tables = self.0.get("channels").and_then(Item::as_array_of_tables).cloned().unwrap_or_default();
        let at = tables.iter().position(|table| word(table.get("id")) == id);
        let mut fresh = Table::new();
        let table = match at.and_then(|at| tables.get_mut(at)) {
            Some(table) => table,
            None => &mut fresh,
        };
        set(table, "id", value(id));
        set(table, "provider", value(provider));
        for (key, given) in keys {
            match given {
                ChannelValue::Text(text) => set(table, key, value(text.as_str())),
                ChannelValue::SecretFile(path) => {
                    let mut reference = toml_edit::InlineTable::new();
                    reference.insert("file", Value::from(path.as_str()));
                    set(table, key, value(reference));
                }
            }
        }
        if at.is_none() {
            tables.push(fresh);
        }
        self.set_tables("channels", tables);
    }

    fn set_tables(&mut self, key: &str, tables: ArrayOfTables) {
        if tables.is_empty() {
            self.0.remove(key);
        } else {
            self.0.insert(key, Item::ArrayOfTables(tables));
        }
    }
}

/// What a channel's key is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelValue {
    Text(String),
    SecretFile(String),
}

/// Sets a key, and leaves the comments around it.
fn set(table: &mut Table, key: &str, to: Item) {
    let decor = table.get(key).and_then(Item::as_value).map(|known| known.decor().clone());
    let mut to = to;
    if let (Some(decor), Some(fresh)) = (decor, to.as_value_mut()) {
        *fresh.decor_mut() = decor;
    }
    table.insert(key, to);
}

fn word(item: Option<&Item>) -> String {
    item.and_then(Item::as_str).unwrap_or_default().to_owned()
}

fn texts(item: &Item) -> Vec<String> {
    let texts = item.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
