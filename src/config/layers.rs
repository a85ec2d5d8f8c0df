//! Layers of the daemon's file: variables of the environment as a tree, merged over the file.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::environment::Environment;
use super::problem::{Location, Problem, Problems, Severity};
use super::source::join;

/// What a variable must begin with to override a key: `PALABRE__HTTP__LISTEN` is `http.listen`.
const PREFIX: &str = "PALABRE__";

/// `PALABRE__A__B=value` as a tree, and which variable set which path.
pub(super) fn overrides(environment: &Environment, problems: &Problems) -> (Dict, BTreeMap<String, String>) {
    let mut tree = Dict::new();
    let mut variables = BTreeMap::new();
    for (name, value) in environment.iter() {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        let steps: Vec<String> = key.split("__").map(str::to_lowercase).collect();
        if steps.iter().any(String::is_empty) {
            problems.add(Problem {
                severity: Severity::Error,
                place: Location::Variable(name.to_owned()),
                key: String::new(),
                reason: format!("`{name}` names no key"),
                help: Some("write it like PALABRE__HTTP__LISTEN".to_owned()),
                excerpt: None,
            });
            continue;
        }
        // The same reading as figment's own: `true`, `8`, `["a", "b"]` are what they look like, the rest is text.
        let Ok(value) = value.parse::<Value>();
        let Some(path) = insert(&mut tree, &steps, value.clone()) else { continue };
        say_who(&mut variables, path, &value, name);
    }
    (tree, variables)
}

/// Puts a value where its steps lead; a value in the way of a table makes room for it.
fn insert(tree: &mut Dict, steps: &[String], value: Value) -> Option<String> {
    let (last, tables) = steps.split_last()?;
    let mut at = tree;
    for step in tables {
        let next = at.entry(step.clone()).or_insert_with(|| Value::from(Dict::new()));
        if next.as_dict().is_none() {
            *next = Value::from(Dict::new());
        }
        at = match next {
            Value::Dict(_, table) => table,
            _ => return None,
        };
    }
    at.insert(last.clone(), value);
    Some(steps.iter().fold(String::new(), |path, step| join(&path, step)))
}

/// Notes which variable set a path, and what is in the table that it set.
fn say_who(variables: &mut BTreeMap<String, String>, path: String, value: &Value, name: &str) {
    for (key, value) in value.as_dict().into_iter().flatten() {
        say_who(variables, join(&path, key), value, name);
    }
    variables.insert(path, name.to_owned());
}

/// One layer as figment merges it.
pub(super) struct Layer {
    pub(super) name: &'static str,
    pub(super) tree: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.tree.clone())]))
    }
}
