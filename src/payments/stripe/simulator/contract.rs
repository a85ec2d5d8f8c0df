//! Holds requests and answers against Stripe's OpenAPI description.

mod description;

use serde_json::Value;

use self::description::{
    BEFORE_BASIL, LONGEST_METADATA_KEY, LONGEST_METADATA_VALUE, METADATA_KEYS, OBJECTS, ONLY_WITH, REQUESTS,
};

/// A parameter as it is described.
struct Described {
    name: &'static str,
    is_required: bool,
    kind: &'static str,
    words: &'static str,
}

impl Described {
    fn read(text: &'static str) -> Self {
        let (text, words) = text.split_once('=').unwrap_or((text, ""));
        let (text, kind) = text.split_once(':').unwrap_or((text, ""));
        let name = text.trim_end_matches('!');
        Self { name, is_required: text.ends_with('!'), kind, words }
    }

    /// What is wrong with its value.
    fn fault(&self, value: &str) -> Option<String> {
        if !self.words.is_empty() {
            return (!self.words.split('|').any(|word| word == value)).then(|| format!("is none of {}", self.words));
        }
        match (self.kind, self.kind.split_once("..")) {
            ("currency", _) => {
                let fits = value.len() == 3 && value.bytes().all(|letter| letter.is_ascii_lowercase());
                (!fits).then(|| "is no currency".to_owned())
            }
            ("url", _) => {
                let fits = value.starts_with("https://") || value.starts_with("http://");
                (!fits).then(|| "is no URL".to_owned())
            }
            (_, Some((least, most))) => {
                let [least, most, value] = [least, most, value].map(|text| text.parse::<u64>().ok());
                let fits = value.is_some() && (least..=most).contains(&value);
                (!fits).then(|| format!("is no number of {}", self.kind))
            }
            _ => value.is_empty().then(|| "is empty".to_owned()),
        }
    }

    /// The group that it is part of: `automatic_tax` of `automatic_tax[enabled]`. `None`: the request itself.
    fn group(&self) -> Option<&'static str> {
        Some(self.name.rsplit_once('[')?.0)
    }
}

/// What is wrong with a request: a path or a parameter that the description does not know, a value that it does not allow, or one
/// that is missing.
pub(super) fn request_faults(method: &str, path: &str, parameters: &[(&str, &str)]) -> Vec<String> {
    let Some((_, _, known)) = REQUESTS.iter().find(|(of, at, _)| *of == method && *at == path) else {
        return vec![format!("{method} {path} is not described")];
    };
    let known: Vec<Described> = known.iter().copied().map(Described::read).collect();
    let mut faults = Vec::new();
    for (name, value) in parameters {
        match known.iter().find(|one| is_one(one.name, name)) {
            None => faults.push(format!("no parameter {name}")),
            Some(described) => faults.extend(described.fault(value).map(|fault| format!("{name} {fault}"))),
        }
    }
    for one in known.iter().filter(|one| one.is_required) {
        let has_group = one.group().is_none_or(|group| parameters.iter().any(|(name, _)| is_in(group, name)));
        if has_group && !parameters.iter().any(|(name, _)| is_one(one.name, name)) {
            faults.push(format!("lacks {}", one.name));
        }
    }
    let value_of = |wanted: &str| parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    for (group, other, words) in ONLY_WITH.iter().filter(|_| path == "/v1/checkout/sessions") {
        let fits = value_of(other).is_some_and(|value| words.is_empty() || words.split('|').any(|word| word == value));
        if !fits && parameters.iter().any(|(name, _)| is_in(group, name)) {
            faults.push(format!("{group} without {other} {words}"));
        }
    }
    faults.extend(metadata_faults(parameters));
    faults.into_iter().map(|fault| format!("{method} {path}: {fault}")).collect()
}

fn metadata_faults(parameters: &[(&str, &str)]) -> Vec<String> {
    let mut keys: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    let mut faults = Vec::new();
    for (name, value) in parameters {
        let Some((group, key)) = name.rsplit_once('[') else { continue };
        if !group.trim_end_matches(']').ends_with("metadata") {
            continue;
        }
        *keys.entry(group).or_default() += 1;
        if key.trim_end_matches(']').chars().count() > LONGEST_METADATA_KEY
            || value.chars().count() > LONGEST_METADATA_VALUE
        {
            faults.push(format!("{name} is too long"));
        }
    }
    let too_many = keys.into_iter().filter(|(_, count)| *count > METADATA_KEYS);
    faults.extend(too_many.map(|(group, count)| format!("{group} has {count} keys")));
    faults
}

/// Whether a parameter is in a group, or the group itself.
fn is_in(group: &str, name: &str) -> bool {
    let parts = group.split('[').count();
    let mut ends = name.match_indices('[').map(|(at, _)| at).chain([name.len()]);
    ends.nth(parts - 1).is_some_and(|end| is_one(group, &name[..end]))
}

/// Whether a parameter is a described one: each part the same, an index for `[]`, anything for `[*]`.
fn is_one(described: &str, name: &str) -> bool {
    let (mut left, mut right) = (described.split('['), name.split('['));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some("*]"), Some(key)) if key.len() > 1 && key.ends_with(']') => {}
            (Some("]"), Some(index)) if index == "]" || index.trim_end_matches(']').parse::<u32>().is_ok() => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// What is wrong with an answer: a field that the description does not know, one that is missing, or one of another kind.
pub(super) fn answer_faults(answer: &Value, is_old: bool) -> Vec<String> {
    let mut faults = Vec::new();
    match answer["object"].as_str() {
        Some("list") => check_list(answer, None, is_old, &mut faults),
        Some(object) => check(answer, object, is_old, &mut faults),
        None => faults.push("an answer without its object's name".to_owned()),
    }
    faults
}

fn check_list(list: &Value, of: Option<&str>, is_old: bool, faults: &mut Vec<String>) {
    if !list["has_more"].is_boolean() || list["object"] != "list" {
        faults.push("a list without `has_more` or its name".to_owned());
    }
    let rows = list["data"].as_array();
    for row in rows.into_iter().flatten() {
        check(row, of.or(row["object"].as_str()).unwrap_or("nothing"), is_old, faults);
    }
}

fn check(value: &Value, object: &str, is_old: bool, faults: &mut Vec<String>) {
    let Some((_, described)) = OBJECTS.iter().find(|(name, _)| *name == object) else {
        faults.push(format!("{object} is not described"));
        return;
    };
    let before = BEFORE_BASIL.iter().find(|(name, ..)| is_old && *name == object);
    let (more, less) = before.map_or((&[][..], &[][..]), |(_, more, less)| (*more, *less));
    let parts = |field: &'static str| field.split_once(' ').unwrap_or((field, ""));
    let described: Vec<(&str, &str)> =
        described.iter().map(|field| parts(field)).filter(|(name, _)| !less.contains(name)).collect();
    let described: Vec<(&str, &str)> = described.into_iter().chain(more.iter().map(|field| parts(field))).collect();
    let Some(fields) = value.as_object() else {
        faults.push(format!("{object} is no object"));
        return;
    };
    for name in fields.keys() {
        if !described.iter().any(|(known, _)| known == name) {
            faults.push(format!("{object} has no field {name}"));
        }
    }
    for (name, kind) in described {
        match fields.get(name) {
            // The list of an account's own events does not name it.
            None if (object, name) == ("event", "account") => {}
            None => faults.push(format!("{object} lacks {name}")),
            Some(value) => check_field((object, name), kind, value, is_old, faults),
        }
    }
}

fn check_field((object, name): (&str, &str), kind: &str, value: &Value, is_old: bool, faults: &mut Vec<String>) {
    let (kind, may_be_null) = kind.strip_suffix(" ?").map_or((kind, false), |kind| (kind, true));
    if value.is_null() && may_be_null {
        return;
    }
    let fits = match kind {
        "text" => value.is_string(),
        "number" => value.is_i64() || value.is_u64(),
        "flag" => value.is_boolean(),
        "pairs" => value.as_object().is_some_and(|pairs| pairs.values().all(Value::is_string)),
        "ref" => value.is_string() || value["id"].is_string(),
        // Of an event: whatever object it is about.
        "object" => {
            faults.extend(answer_faults(value, is_old));
            true
        }
        kind => {
            if let Some(of) = kind.strip_prefix("list:") {
                check_list(value, Some(of), is_old, faults);
                true
            } else if let Some(of) = kind.strip_prefix("of:") {
                check(value, of, is_old, faults);
                true
            } else {
                value.as_str().is_some_and(|word| kind.split('|').any(|known| known == word))
            }
        }
    };
    if !fits {
        faults.push(format!("{object}.{name} is not {kind}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stripe_does_not_know_is_found() {
        let page = [
            ("mode", "subscription"),
            ("success_url", "https://x.example/"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][unit_amount]", "999"),
            ("line_items[0][price_data][product_data][name]", "Accès"),
            ("line_items[0][price_data][recurring][interval]", "month"),
        ];
        let sessions = |parameters: &[(&str, &str)]| request_faults("POST", "/v1/checkout/sessions", parameters);
        // A value in another's place, or beside the others.
        let with = |name: &str, value: &str| {
            let others = page.iter().copied().filter(|(other, _)| *other != name);
            sessions(&others.chain([(name, value)]).collect::<Vec<_>>())
        };
        let long = "x".repeat(501);
        assert_eq!(sessions(&page), [""; 0]);
        for (name, value) in [
            ("metadata[palabre_plan]", "x"),
            ("subscription_data[metadata][a]", "x"),
            ("subscription_data[trial_period_days]", "7"),
            ("line_items[0][price_data][recurring][interval]", "year"),
        ] {
            assert_eq!(with(name, value), [""; 0], "{name}");
        }
        for (name, value) in [
            ("mode", "subscribe"),
            ("success_url", ""),
            ("success_url", "/p/belle/premium/paid"),
            ("subscription_data[metadata][a]", long.as_str()),
            ("line_items[price_data][currency]", "eur"),
            ("line_items[x][quantity]", "1"),
            ("line_items[0][quantity]", "0"),
            ("line_items[0][price_data][currency]", "EUR"),
            ("line_items[0][price_data][unit_amount]", "9.99"),
            ("metadata[]", "x"),
            ("metadata", "x"),
            ("metadata[a]", long.as_str()),
            ("metadata[a key that is longer than forty characters are]", "x"),
            ("subscription_data[trial_days]", "7"),
            ("subscription_data[trial_period_days]", "0"),
            ("line_items[0][price_data][currency][x]", "eur"),
            ("payment_intent_data[metadata][a]", "x"),
            ("customer_creation", "always"),
            ("customer_update[address]", "auto"),
        ] {
            // A mode that there is not also parts what is for one of them alone from it.
            assert!(!with(name, value).is_empty(), "{name}={value}");
        }
        for (missing, _) in page {
            let others: Vec<_> = page.iter().copied().filter(|(name, _)| *name != missing).collect();
            // These two are alone in their groups, which are gone with them.
            let is_alone = missing.contains("recurring") || missing.contains("product_data");
            assert_eq!(sessions(&others).is_empty(), is_alone, "{missing}");
        }
        let payment = ("payment[payment_intent]", "pi_1");
        assert_eq!(request_faults("GET", "/v1/invoice_payments", &[payment]).len(), 1, "of which kind?");
        assert_eq!(
            request_faults("GET", "/v1/invoice_payments", &[("payment[type]", "payment_intent"), payment]),
            [""; 0]
        );
        assert_eq!(request_faults("PUT", "/v1/checkout/sessions", &page).len(), 1);
        let dispute = json!({ "id": "dp_1", "object": "dispute", "charge": "ch_1", "status": "won" });
        assert!(answer_faults(&dispute, false).is_empty());
        for (field, value) in [
            ("status", json!("decided")),
            ("charge", json!(7)),
            ("amount_of_trouble", json!(1)),
            ("object", json!("quarrel")),
            ("id", Value::Null),
        ] {
            let mut wrong = dispute.clone();
            wrong[field] = value;
            assert_eq!(answer_faults(&wrong, false).len(), 1, "{field}");
        }
        let mut short = dispute;
        short.as_object_mut().unwrap().remove("charge");
        assert_eq!(answer_faults(&short, false), ["dispute lacks charge"]);
        for list in [json!({ "object": "list", "data": [] }), json!({ "data": [] })] {
            assert_eq!(answer_faults(&list, false).len(), 1, "{list}");
        }
    }

    #[test]
    fn every_part_that_is_named_is_described() {
        let parts = OBJECTS.iter().flat_map(|(_, fields)| fields.iter());
        let named = parts.filter_map(|field| {
            let kind = field.split_once(' ')?.1.trim_end_matches(" ?");
            kind.strip_prefix("of:").or(kind.strip_prefix("list:"))
        });
        for part in named {
            assert!(OBJECTS.iter().any(|(name, _)| *name == part), "{part}");
        }
        for (object, _, less) in BEFORE_BASIL {
            let fields = OBJECTS.iter().find(|(name, _)| name == object).unwrap().1;
            assert!(less.iter().all(|name| fields.iter().any(|field| field.starts_with(&format!("{name} ")))));
        }
    }
}
