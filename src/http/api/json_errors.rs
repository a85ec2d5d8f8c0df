//! Tells which field of a JSON body is wrong, and what is expected there.
//!
//! serde's own messages quote the body. Here names and expectations come from the API's description, and nothing of the body
//! is repeated (I10): an unknown field is told by its place, with the known name that is most like it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::problems::{self, bad_json};
use crate::config::suggest;
use crate::http::problem::HttpProblem;

/// Tells what is wrong with a body that does not read as a `T`.
pub(super) fn explain<T: ToSchema>(body: &[u8], error: &serde_json::Error) -> HttpProblem {
    let (line, column) = (error.line(), error.column());
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        let hint = format!("it is no JSON: something is amiss near line {line}, column {column}");
        return problems::NOT_JSON.hinting(hint);
    };
    let schemas = Schemas::of::<T>();
    let problem = schemas.wrong(&body, &schemas.root, "");
    // What the description cannot tell: a field that stands there twice, a number that is too long.
    let elsewhere = || bad_json(problems::MISFIT).hinting(format!("look near line {line}, column {column}"));
    let problem = problem.unwrap_or_else(elsewhere);
    if problem.error == problems::UNKNOWN_FIELD {
        let hint = format!("{} (near line {line}, column {column})", problem.hint);
        return problem.hinting(hint);
    }
    problem
}

/// The schema of a body, and those that it refers to, by their names.
struct Schemas {
    root: Value,
    others: BTreeMap<String, Value>,
}

impl Schemas {
    fn of<T: ToSchema>() -> Self {
        let value = |schema: RefOr<Schema>| serde_json::to_value(schema).unwrap_or_default();
        let mut others = Vec::new();
        T::schemas(&mut others);
        let others = others.into_iter().map(|(name, schema)| (name, value(schema))).collect();
        Self { root: value(T::schema()), others }
    }

    /// The first thing that is wrong with a value, wherever it lies inside it.
    fn wrong(&self, value: &Value, schema: &Value, path: &str) -> Option<HttpProblem> {
        if let Some(name) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
            return self.wrong(value, self.others.get(name)?, path);
        }
        if let Some(either) = schema["oneOf"].as_array() {
            // A thing that may be left out: null, or what it is.
            let what = either.iter().find(|schema| schema["type"] != "null")?;
            return if value.is_null() { None } else { self.wrong(value, what, path) };
        }
        if !fits(value, schema) {
            let hint = format!("{} must be {}", named(path), expected(schema));
            return Some(bad_json(problems::WRONG_TYPE).hinting(hint).at_path(path));
        }
        let fields = value.as_object()?;
        let known = schema["properties"].as_object();
        for (name, value) in fields {
            let problem = match (known.and_then(|known| known.get(name)), &schema["additionalProperties"]) {
                (Some(schema), _) => self.wrong(value, schema, &joined(path, name)),
                (None, Value::Object(any)) => self.wrong(value, &Value::Object(any.clone()), path),
                (None, Value::Bool(false)) => Some(unknown(name, known, path)),
                (None, _) => None,
            };
            if problem.is_some() {
                return problem;
            }
        }
        let missing =
            schema["required"].as_array()?.iter().filter_map(Value::as_str).find(|name| !fields.contains_key(*name))?;
        let path = joined(path, missing);
        let schema = known.and_then(|known| known.get(missing)).unwrap_or(&Value::Null);
        let hint = format!("{} is required: {}", named(&path), expected(schema));
        Some(bad_json(problems::MISSING_FIELD).hinting(hint).at_path(&path))
    }
}

fn unknown(name: &str, known: Option<&Map<String, Value>>, path: &str) -> HttpProblem {
    let known: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let whole = if path.is_empty() { "the body".to_owned() } else { named(path) };
    let hint = format!("{whole} has a field that nobody knows: {}", suggest::help(name, &known));
    bad_json(problems::UNKNOWN_FIELD).hinting(hint).at_path(path)
}

/// The types that a schema allows.
fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let one = schema["type"].as_str();
    let several = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(several)
}

fn fits(value: &Value, schema: &Value) -> bool {
    let fits = |kind: &str| match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => true,
    };
    types(schema).next().is_none() || types(schema).any(fits)
}

/// `a text, such as "24h"`
fn expected(schema: &Value) -> String {
    let what = match types(schema).find(|kind| *kind != "null") {
        Some("string") => "a text",
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        Some("array") => "a list",
        _ => "an object",
    };
    let of_texts = schema["additionalProperties"]["type"] == "string";
    match &schema["example"] {
        Value::Null if of_texts => format!("{what} of texts"),
        Value::Null => what.to_owned(),
        example => format!("{what}, such as {example}"),
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn named(path: &str) -> String {
    if path.is_empty() { "the body".to_owned() } else { format!("`{path}`") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::messages::NewMessage;
    use super::super::params;
    use super::*;

    fn refused(body: &str) -> (String, Option<String>, String) {
        let problem = params::json::<NewMessage>(body.as_bytes()).err().unwrap_or_else(|| panic!("{body}"));
        (problem.error.to_owned(), problem.field.map(|field| field.into_owned()), problem.hint.into_owned())
    }

    #[test]
    fn the_field_is_named_and_what_is_expected_there() {
        let body = |more: Value| {
            let mut body = json!({ "to": "+33612345678", "text": "x" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body.to_string()
        };
        let table = [
            (
                json!({ "text": "x" }).to_string(),
                "missing field",
                Some("to"),
                "a text, such as \"whatsapp:+33612345678\"",
            ),
            (body(json!({ "to": 33_612_345_678_u64 })), "wrong type", Some("to"), "must be a text"),
            (body(json!({ "urgent": "yes" })), "wrong type", Some("urgent"), "true or false"),
            (body(json!({ "urgent": null })), "wrong type", Some("urgent"), "true or false"),
            (body(json!({ "txt": "secret words" })), "unknown field", None, "did you mean `text`?"),
            (body(json!({ "zzz": 1 })), "unknown field", None, "`expires_in`"),
            (body(json!({ "template": "rappel" })), "wrong type", Some("template"), "must be an object"),
            (body(json!({ "template": {} })), "missing field", Some("template.name"), "required: a text"),
            (body(json!({ "template": { "nme": "x" } })), "unknown field", Some("template"), "did you mean `name`?"),
            (
                body(json!({ "template": { "name": "x", "variables": ["Anne"] } })),
                "wrong type",
                Some("template.variables"),
                "an object of texts",
            ),
            (
                body(json!({ "template": { "name": "x", "variables": { "+33687654321": 4 } } })),
                "wrong type",
                Some("template.variables"),
                "must be a text",
            ),
            ("[]".to_owned(), "wrong type", None, "the body must be an object"),
            ("{\"to\": ".to_owned(), "not json", None, "line 1, column 7"),
            ("{\"to\": \"+33612345678\", \"to\": \"x\"}".to_owned(), "not what is expected", None, "line 1"),
        ];
        for (body, error, field, hint) in table {
            let told = refused(&body);
            assert_eq!((told.0.as_str(), told.1.as_deref()), (error, field), "{body}: {told:?}");
            assert!(told.2.contains(hint), "{body}: {told:?}");
            // Its own example aside, nothing that looks like somebody.
            let said = format!("{told:?}").replace("whatsapp:+33612345678", "");
            assert!(!said.contains("336") && !said.contains("secret") && !said.contains("txt"), "i10: {said}");
        }
    }
}
