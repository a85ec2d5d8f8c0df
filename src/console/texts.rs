//! Texts of the console's pages, in French and English.

use minijinja::Value;
use minijinja::value::Serde;
use palabre_actors::domain::rules::Language;

/// Each with what stands in it; a section stands in one of them.
const FRENCH: &[&str] = &[
    include_str!("texts/people_fr.toml"),
    include_str!("texts/conversations_fr.toml"),
    include_str!("texts/sales_fr.toml"),
    include_str!("texts/faq_fr.toml"),
    include_str!("texts/access_fr.toml"),
    include_str!("texts/agenda_fr.toml"),
    include_str!("texts/privacy_fr.toml"),
    include_str!("texts/setup_fr.toml"),
    include_str!("texts/outgoing_fr.toml"),
];
const ENGLISH: &[&str] = &[
    include_str!("texts/people_en.toml"),
    include_str!("texts/conversations_en.toml"),
    include_str!("texts/sales_en.toml"),
    include_str!("texts/faq_en.toml"),
    include_str!("texts/access_en.toml"),
    include_str!("texts/agenda_en.toml"),
    include_str!("texts/privacy_en.toml"),
    include_str!("texts/setup_en.toml"),
    include_str!("texts/outgoing_en.toml"),
];

/// The texts of a page, then its keys; a section may have sections of its own.
type Sections = serde_json::Map<String, serde_json::Value>;

/// All texts, read once.
#[derive(Debug)]
pub struct Texts {
    french: LanguageTexts,
    english: LanguageTexts,
}

#[derive(Debug)]
struct LanguageTexts {
    sections: Sections,
    /// The texts as templates see them.
    value: Value,
}

impl Texts {
    /// Reads the texts that are built in.
    ///
    /// # Errors
    /// The file is no TOML: a bug, which a test finds.
    pub fn built_in() -> Result<Self, toml_edit::de::Error> {
        let read = |files: &[&str]| -> Result<LanguageTexts, toml_edit::de::Error> {
            let mut sections = Sections::new();
            for text in files {
                sections.extend(toml_edit::de::from_str::<Sections>(text)?);
            }
            Ok(LanguageTexts { value: Value::from(Serde(&sections)), sections })
        };
        Ok(Self { french: read(FRENCH)?, english: read(ENGLISH)? })
    }

    fn of(&self, language: Language) -> &LanguageTexts {
        match language {
            Language::Fr => &self.french,
            Language::En => &self.english,
        }
    }

    /// Everything in a language, for templates: `t.inbox.title`.
    #[must_use]
    pub fn value(&self, language: Language) -> Value {
        self.of(language).value.clone()
    }

    /// One text. A key that is missing is shown as such: a test finds it.
    #[must_use]
    pub fn get(&self, language: Language, section: &str, key: &str) -> &str {
        self.find(language, section, key).unwrap_or("…")
    }

    /// One text, if there is one.
    #[must_use]
    pub fn find(&self, language: Language, section: &str, key: &str) -> Option<&str> {
        self.of(language).sections.get(section)?.get(key)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_keys_and_the_same_places() {
        let texts = Texts::built_in().unwrap();
        let places = |text: &str| -> Vec<String> {
            let mut places: Vec<_> = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).collect();
            places.sort_unstable();
            places.into_iter().map(|(name, _)| name.to_owned()).collect()
        };
        fn walk(prefix: &str, value: &serde_json::Value, into: &mut Vec<(String, String)>) {
            match value {
                serde_json::Value::Object(table) => {
                    table.iter().for_each(|(key, value)| walk(&format!("{prefix}.{key}"), value, into));
                }
                text => into.push((prefix.to_owned(), text.as_str().unwrap().to_owned())),
            }
        }
        let shape = |of: &LanguageTexts| {
            let mut all = Vec::new();
            walk("", &serde_json::Value::Object(of.sections.clone()), &mut all);
            all.sort();
            all.into_iter().map(|(key, text)| (key, places(&text))).collect::<Vec<_>>()
        };
        let (french, english) = (shape(&texts.french), shape(&texts.english));
        assert_eq!(french, english);
        assert!(french.len() > 100, "{}", french.len());
    }
}
