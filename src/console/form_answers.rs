//! Answers of a form that a provider brought back (a WhatsApp Flow), as people read them.

use serde_json::Value;

/// The most answers that are shown.
const MOST: usize = 30;
/// What stands in the answers and is not one.
const INNER: [&str; 3] = ["flow_token", "page_id", "wa_flow_response_params"];

/// Each question with its answer; nothing of what is no JSON.
pub(super) fn answers(form: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_str(form) {
        collect("", &value, &mut found);
    }
    found.truncate(MOST);
    found
}

fn collect(question: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::String(answer) => found.push((question.to_owned(), answer.clone())),
        Value::Array(parts) => parts.iter().for_each(|part| collect(question, part, found)),
        Value::Object(fields) => match (fields.get("label"), fields.get("value")) {
            // Some providers name a question beside its answer.
            (Some(Value::String(label)), Some(value)) => collect(label, value, found),
            _ => {
                let answers = fields.iter().filter(|(name, _)| !INNER.contains(&name.as_str()));
                answers.for_each(|(name, value)| collect(name, value, found));
            }
        },
        other => found.push((question.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_both_providers_are_told() {
        let plain = r#"{"flow_token": "x", "jour": "mardi", "personnes": 2, "avec": ["Awa", "Léa"], "note": null}"#;
        let named = r#"{"pages": [{"page_id": "a", "items": [{"label": "Nom", "value": "Awa"}, {"label": "Ok", "value": true}]}]}"#;
        let told = |form: &str| {
            let mut told: Vec<_> = answers(form).into_iter().map(|(name, answer)| format!("{name}={answer}")).collect();
            told.sort();
            told
        };
        assert_eq!(told(plain), ["avec=Awa", "avec=Léa", "jour=mardi", "personnes=2"]);
        assert_eq!(told(named), ["Nom=Awa", "Ok=true"]);
        assert!(told("no JSON").is_empty() && answers(&format!("[{}1]", "1,".repeat(100))).len() == MOST);
    }
}
