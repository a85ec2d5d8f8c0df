//! The file of a new tenant: the text that people would write, with comments for whoever opens it next.

use std::fmt::Write as _;

use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::rules::Language;
use toml_edit::Value;

use super::trades::{Trade, of};
use super::{NewTenant, TenantFileError, faq_entries};
use crate::gateway::{PROVIDERS, Provider};

/// Days as keys of `[hours]`, Monday first.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn text(new: &NewTenant, trade: &Trade) -> Result<String, TenantFileError> {
    let language = new.language;
    let mut text = String::new();
    head(&mut text, new);
    hours(&mut text, trade, language);
    services(&mut text, trade, new);
    people(&mut text, language);
    let entries = if new.with_faq { faq_entries(trade.id, language)? } else { Vec::new() };
    for entry in entries {
        let _ = write!(
            text,
            "\n[[faq]]\nquestion = {}\nkeywords = {}\nanswer = {}\n",
            quoted(&entry.question),
            list(&entry.keywords),
            quoted(&entry.answer)
        );
    }
    let fallback = quoted(of(trade.fallback, language));
    let _ = write!(
        text,
        "\n{}\n[replies]\nfallback = {fallback}\n",
        of(
            ("# Ce que reçoit une question à laquelle rien ne répond.", "# What a question gets that nothing answers."),
            language
        )
    );
    Ok(text)
}

fn head(text: &mut String, new: &NewTenant) {
    let NewTenant { id, name, language, timezone, phone, .. } = new;
    let words = |fr, en| of((fr, en), *language);
    let sellers: Vec<String> = phone.iter().cloned().collect();
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "{}\nid = {}\nname = {}\nlanguage = {}\ntimezone = {}\n{}\nsellers = {}\n\n{}\n[[channels]]\nid = {}\nprovider = {}\n\
         address = {}\n",
        words(
            "# Ce fichier peut être changé avec n'importe quel éditeur : il compte dans la seconde, sans redémarrage.\n\
             # Toutes les clés : docs/configuration.md",
            "# Change this file with any editor: it counts within a second, without a restart.\n\
             # All keys: docs/configuration.md",
        ),
        quoted(id),
        quoted(name),
        quoted(language.as_str()),
        quoted(timezone),
        words("# Vos propres numéros, avec leur pays.", "# Your own numbers, with their country."),
        list(&sellers),
        words(
            "# Le téléphone de test de la console : il ne faut de compte nulle part.",
            "# The test phone of the console: it needs no account anywhere.",
        ),
        quoted(&format!("{id}-try")),
        quoted(test_phones()),
        quoted(&format!("{}:{id}", Scheme::Sandbox)),
    );
}

/// The keys of a tenant's test phone.
pub(super) fn test_phone(tenant: &str) -> Vec<(&'static str, Value)> {
    let address = format!("{}:{tenant}", Scheme::Sandbox);
    vec![("id", format!("{tenant}-try").into()), ("provider", test_phones().into()), ("address", address.into())]
}

/// The provider of test phones.
fn test_phones() -> &'static str {
    let is_it = |provider: &&&dyn Provider| provider.capabilities().scheme == Scheme::Sandbox;
    PROVIDERS.iter().find(is_it).map_or("", |provider| provider.name())
}

fn hours(text: &mut String, trade: &Trade, language: Language) {
    let note = of(("# Un jour sans ligne est fermé.", "# A day without a line is closed."), language);
    let _ = write!(text, "\n{note}\n[hours]\n");
    for (day, spans) in DAYS.iter().zip(trade.hours).filter(|(_, spans)| !spans.is_empty()) {
        let spans: Vec<String> = spans.iter().map(|span| (*span).to_owned()).collect();
        let _ = writeln!(text, "{day} = {}", list(&spans));
    }
}

fn services(text: &mut String, trade: &Trade, new: &NewTenant) {
    let language = new.language;
    for service in trade.services {
        let _ = write!(
            text,
            "\n{}\n[[services]]\nid = {}\nname = {}\nduration = {}\nresources = {}\n",
            of(
                (
                    "# `resources` : les personnes ou les places, chacune prise par un client à la fois.",
                    "# `resources`: people or places, each for one customer at a time."
                ),
                language
            ),
            quoted(service.id),
            quoted(service.name(language)),
            quoted(service.duration),
            list(std::slice::from_ref(&new.name))
        );
        if !service.price.is_empty() {
            let _ = writeln!(text, "price = {}", quoted(service.price));
        }
    }
    if let Some((flow, french, english)) = &trade.flow {
        let keywords = if language == Language::Fr { french } else { english };
        let keywords: Vec<String> = keywords.iter().map(|word| (*word).to_owned()).collect();
        let _ = write!(text, "\n[[flows]]\nuse = {}\nkeywords = {}\n", quoted(flow), list(&keywords));
    }
}

fn people(text: &mut String, language: Language) {
    let words: [&str; 2] = match language {
        Language::Fr => ["humain", "conseiller"],
        Language::En => ["human", "agent"],
    };
    let _ = write!(text, "\n[escalation]\nkeywords = {}\n", list(&words.map(str::to_owned)));
}

/// As TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string().trim().to_owned()
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}
