//! Checks of a tenant's templates, and of the answers that use them.

use std::collections::{BTreeSet, HashSet};

use super::{RuleError, RulesSource};
use crate::domain::template::{Template, TemplateUse};

/// The longest name of a template or of one of its places, in bytes.
const LONGEST_NAME: usize = 64;

/// Adds what does not hold to `errors`: names that are used twice or could not be written in a request, places that its
/// text does not have or has besides, answers whose template is not there or would have empty places.
pub(super) fn check(source: &RulesSource, errors: &mut Vec<RuleError>) {
    let mut names = HashSet::new();
    for (at, template) in source.templates.iter().enumerate() {
        let mut refuse = |field: &str, message: String| {
            errors.push(RuleError { field: format!("templates[{at}].{field}"), message })
        };
        if !is_name(&template.name, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-') {
            refuse("name", format!("must be 1 to {LONGEST_NAME} of a-z, 0-9, _ and -"));
        } else if !names.insert(template.name.as_str()) {
            refuse("name", format!("is `{}`, the name of another template", template.name));
        }
        check_places(template, &mut refuse);
    }
    for (at, entry) in source.faq.iter().enumerate() {
        if let Some(used) = &entry.template {
            check_use(at, used, source, errors);
        }
    }
}

fn check_places(template: &Template, refuse: &mut impl FnMut(&str, String)) {
    let mut seen = HashSet::new();
    for (at, name) in template.variables.iter().enumerate() {
        let field = format!("variables[{at}]");
        if !is_name(name, |c| c.is_ascii_alphanumeric() || c == '_') {
            refuse(&field, format!("must be 1 to {LONGEST_NAME} letters without accents, digits and _"));
        } else if !seen.insert(name.as_str()) {
            refuse(&field, format!("is `{name}`, the name of another place"));
        }
    }
    let Some(body) = &template.body else { return };
    let places = match places(body) {
        Ok(places) => places,
        Err(message) => return refuse("body", message),
    };
    for place in &places {
        if !seen.contains(place) {
            let meant = meant(place, template.variables.iter().map(String::as_str));
            refuse("body", format!("has a place `{place}` that variables does not name{meant}"));
        }
    }
    for (at, name) in template.variables.iter().enumerate() {
        if !places.contains(name.as_str()) {
            refuse(&format!("variables[{at}]"), format!("is `{name}`, which has no place in body"));
        }
    }
}

fn check_use(at: usize, used: &TemplateUse, source: &RulesSource, errors: &mut Vec<RuleError>) {
    let Some(template) = source.templates.iter().find(|template| template.name == used.name) else {
        let known: Vec<&str> = source.templates.iter().map(|template| template.name.as_str()).collect();
        let meant = match meant(&used.name, known.iter().copied()) {
            near if !near.is_empty() => near,
            _ if known.is_empty() => "; add it to [[templates]], or leave the key out".to_owned(),
            _ => format!("; there is `{}`", known.join("`, `")),
        };
        let message = format!("names no template of this tenant: `{}`{meant}", used.name);
        errors.push(RuleError { field: format!("faq[{at}].template"), message });
        return;
    };
    for name in template.unknown(&used.variables) {
        let meant = meant(name, template.variables.iter().map(String::as_str));
        let field = format!("faq[{at}].template_variables.{name}");
        errors.push(RuleError { field, message: format!("names no place of the template{meant}") });
    }
    for name in &template.variables {
        if !used.variables.contains_key(name) {
            let message =
                format!("would leave the template's place `{name}` empty; say what goes there in template_variables");
            errors.push(RuleError { field: format!("faq[{at}].template"), message });
        }
    }
}

/// The names between `{{` and `}}`.
fn places(body: &str) -> Result<BTreeSet<&str>, String> {
    let mut places = BTreeSet::new();
    let mut rest = body;
    while let Some((_, after)) = rest.split_once("{{") {
        let (name, further) = after.split_once("}}").ok_or("has a `{{` without its `}}`")?;
        places.insert(name.trim());
        rest = further;
    }
    Ok(places)
}

fn is_name(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(allowed)
}

/// `; did you mean …?`, when something is close.
pub(super) fn meant<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    known
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| format!("; did you mean `{known}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
