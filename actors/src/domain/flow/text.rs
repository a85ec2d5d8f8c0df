//! A text of a flow with places for what is known, compiled.

use minijinja::{Environment, Value};

/// Names that texts of the engine may use, beside the tenant's and the contact's name.
pub(super) const FACTS: [&str; 11] =
    ["question", "options", "service", "date", "time", "resource", "price", "what", "word", "people", "places"];
/// Instructions that one rendering may take.
const FUEL: u64 = 20_000;

/// A text with places for what is known. It is parsed when it is loaded and rendered by itself: flows have few texts, and a
/// message renders one or two of them.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// Nothing to fill in.
    Fixed(String),
    Template(String),
}

impl Text {
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn new(source: &str, known: &[String]) -> Result<Self, String> {
        let source = source.trim();
        if source.is_empty() {
            return Err("is empty".to_owned());
        }
        if !["{{", "{%", "{#"].iter().any(|mark| source.contains(mark)) {
            return Ok(Self::Fixed(source.to_owned()));
        }
        let environment = environment();
        let template = environment.template_from_str(source).map_err(|error| {
            let place = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{place}{}", error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
        })?;
        let mut names: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        names.sort();
        match names.iter().find(|name| !known.iter().any(|other| other == *name)) {
            Some(unknown) => Err(format!("unknown name `{unknown}`; known are {}", known.join(", "))),
            None => Ok(Self::Template(source.to_owned())),
        }
    }

    pub(super) fn write(&self, facts: Value) -> String {
        match self {
            Self::Fixed(text) => text.clone(),
            Self::Template(source) => {
                environment().render_str(source, facts).map(|text| text.trim().to_owned()).unwrap_or_default()
            }
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment
}
