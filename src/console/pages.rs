//! Templates and texts, and pages made of them.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use palabre_actors::domain::rules::Language;

use super::Member;

/// Every template: its name, and its text.
const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("templates/base.html")),
    ("error.html", include_str!("templates/error.html")),
    ("home.html", include_str!("templates/home.html")),
    ("people/account.html", include_str!("templates/people/account.html")),
    ("people/audit.html", include_str!("templates/people/audit.html")),
    ("people/code.html", include_str!("templates/people/code.html")),
    ("people/enter_code.html", include_str!("templates/people/enter_code.html")),
    ("people/invitation.html", include_str!("templates/people/invitation.html")),
    ("people/keys.html", include_str!("templates/people/keys.html")),
    ("people/login.html", include_str!("templates/people/login.html")),
    ("people/team.html", include_str!("templates/people/team.html")),
    ("people/tenants.html", include_str!("templates/people/tenants.html")),
];

/// The texts, each file in French and in English.
const TEXTS: &[(&str, &str)] = &[(include_str!("texts/people_fr.toml"), include_str!("texts/people_en.toml"))];

/// Templates and texts, built once.
pub struct Pages {
    environment: Environment<'static>,
    french: Value,
    english: Value,
}

/// The templates or texts that are built in do not hold: a bug, which a test finds.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    #[error("a template of the console is wrong")]
    Template(#[from] minijinja::Error),
    #[error("a text of the console is wrong")]
    Texts(#[from] toml_edit::de::Error),
}

impl Pages {
    /// Compiles the templates that are built in.
    ///
    /// # Errors
    /// [`PagesError`]
    pub fn built_in() -> Result<Self, PagesError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        for (name, text) in TEMPLATES {
            environment.add_template(name, text)?;
        }
        let read = |language: fn(&(&'static str, &'static str)) -> &'static str| -> Result<Value, PagesError> {
            let mut all = serde_json::Map::new();
            for file in TEXTS {
                all.extend(toml_edit::de::from_str::<serde_json::Map<_, _>>(language(file))?);
            }
            Ok(Value::from(Serde(all)))
        };
        Ok(Self { environment, french: read(|file| file.0)?, english: read(|file| file.1)? })
    }

    fn texts(&self, language: Language) -> &Value {
        match language {
            Language::Fr => &self.french,
            Language::En => &self.english,
        }
    }

    /// Renders a template for somebody who may not be signed in.
    ///
    /// # Errors
    /// The template is wrong: a bug.
    pub fn bare(&self, name: &str, language: Language, page: Value) -> Result<String, minijinja::Error> {
        let shell = context! { t => self.texts(language), lang => language.as_str(), member => () };
        self.environment.get_template(name)?.render(context! { ..page, ..shell })
    }

    /// Renders a page for a member: `current` is where it stands in the navigation.
    ///
    /// # Errors
    /// The template is wrong: a bug.
    pub fn render(
        &self,
        (name, current): (&str, &str),
        member: &Member,
        page: Value,
    ) -> Result<String, minijinja::Error> {
        let shell = context! {
            t => self.texts(member.language),
            lang => member.language.as_str(),
            current,
            member => context! { name => member.name.as_str(), has_several => member.tenants.len() > 1 },
            tenant => context! { id => member.tenant.as_str() },
            csrf => member.csrf.as_str(),
        };
        self.environment.get_template(name)?.render(context! { ..page, ..shell })
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

/// A page, or an answer that leads to one.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    body: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Page {
    /// The page, found.
    #[must_use]
    pub const fn html(body: String) -> Self {
        Self { status: StatusCode::OK, body, headers: Vec::new() }
    }

    /// Leads to another page of ours.
    #[must_use]
    pub fn see(path: &str) -> Self {
        let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/console"));
        Self { status: StatusCode::SEE_OTHER, body: String::new(), headers: vec![(header::LOCATION, location)] }
    }

    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    #[must_use]
    pub fn respond(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for header in self.headers {
            response.append_header(header);
        }
        response.content_type("text/html; charset=utf-8").body(self.body)
    }
}

impl Responder for Page {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.respond()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(prefix: &str, value: &serde_json::Value, into: &mut BTreeSet<String>) {
        match value.as_object() {
            Some(table) => table.iter().for_each(|(key, value)| keys(&format!("{prefix}.{key}"), value, into)),
            None => {
                into.insert(prefix.to_owned());
            }
        }
    }

    #[test]
    fn both_languages_say_the_same() {
        for (french, english) in TEXTS {
            let [french, english] = [french, english].map(|table| {
                let table: serde_json::Value = toml_edit::de::from_str(table).unwrap();
                let mut all = BTreeSet::new();
                keys("", &table, &mut all);
                all
            });
            assert_eq!(french, english);
        }
        Pages::built_in().unwrap();
    }
}
