//! Templates and texts, and pages made of them.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder};
use minijinja::value::Kwargs;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use palabre_actors::domain::rules::Language;

use uuid::Uuid;

use super::Member;
use super::assets::AssetUrls;
use super::display::{initials, shown};
use super::navigation::{self, Features};
use super::texts::Texts;

/// Every template: its name, and its text.
const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("templates/base.html")),
    ("error.html", include_str!("templates/error.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("home.html", include_str!("templates/home.html")),
    ("people/account.html", include_str!("templates/people/account.html")),
    ("people/audit.html", include_str!("templates/people/audit.html")),
    ("people/code.html", include_str!("templates/people/code.html")),
    ("people/enter_code.html", include_str!("templates/people/enter_code.html")),
    ("list.html", include_str!("templates/list.html")),
    ("timeline.html", include_str!("templates/timeline.html")),
    ("card.html", include_str!("templates/card.html")),
    ("conversations.html", include_str!("templates/conversations.html")),
    ("conversation.html", include_str!("templates/conversation.html")),
    ("search.html", include_str!("templates/search.html")),
    ("explain.html", include_str!("templates/explain.html")),
    ("replies.html", include_str!("templates/replies.html")),
    ("sandbox.html", include_str!("templates/sandbox.html")),
    ("outbox.html", include_str!("templates/outbox.html")),
    ("merge.html", include_str!("templates/merge.html")),
    ("person_link.html", include_str!("templates/person_link.html")),
    ("sales.html", include_str!("templates/sales.html")),
    ("access.html", include_str!("templates/access.html")),
    ("access_member.html", include_str!("templates/access_member.html")),
    ("access_connect.html", include_str!("templates/access_connect.html")),
    ("analytics.html", include_str!("templates/analytics.html")),
    ("agenda/list.html", include_str!("templates/agenda/list.html")),
    ("agenda/one.html", include_str!("templates/agenda/one.html")),
    ("agenda/link.html", include_str!("templates/agenda/link.html")),
    ("agenda/book.html", include_str!("templates/agenda/book.html")),
    ("broadcasts/list.html", include_str!("templates/broadcasts/list.html")),
    ("broadcasts/new.html", include_str!("templates/broadcasts/new.html")),
    ("broadcasts/one.html", include_str!("templates/broadcasts/one.html")),
    ("webhooks.html", include_str!("templates/webhooks.html")),
    ("flows.html", include_str!("templates/flows.html")),
    ("rides.html", include_str!("templates/rides.html")),
    ("leads.html", include_str!("templates/leads.html")),
    ("faq/form.html", include_str!("templates/faq/form.html")),
    ("faq/list.html", include_str!("templates/faq/list.html")),
    ("faq/edit.html", include_str!("templates/faq/edit.html")),
    ("privacy/parts.html", include_str!("templates/privacy/parts.html")),
    ("privacy/person.html", include_str!("templates/privacy/person.html")),
    ("privacy/erase.html", include_str!("templates/privacy/erase.html")),
    ("privacy/request.html", include_str!("templates/privacy/request.html")),
    ("people/invitation.html", include_str!("templates/people/invitation.html")),
    ("people/keys.html", include_str!("templates/people/keys.html")),
    ("people/login.html", include_str!("templates/people/login.html")),
    ("people/team.html", include_str!("templates/people/team.html")),
    ("people/tenants.html", include_str!("templates/people/tenants.html")),
    ("channels.html", include_str!("templates/channels.html")),
    ("settings.html", include_str!("templates/settings.html")),
    ("doctor.html", include_str!("templates/doctor.html")),
    ("setup/parts.html", include_str!("templates/setup/parts.html")),
    ("setup/step.html", include_str!("templates/setup/step.html")),
    ("setup/overview.html", include_str!("templates/setup/overview.html")),
    ("setup/new.html", include_str!("templates/setup/new.html")),
    ("setup/business.html", include_str!("templates/setup/business.html")),
    ("setup/hours.html", include_str!("templates/setup/hours.html")),
    ("setup/services.html", include_str!("templates/setup/services.html")),
    ("setup/people.html", include_str!("templates/setup/people.html")),
    ("setup/faq.html", include_str!("templates/setup/faq.html")),
    ("setup/trial.html", include_str!("templates/setup/trial.html")),
    ("setup/consent.html", include_str!("templates/setup/consent.html")),
    ("setup/channel.html", include_str!("templates/setup/channel.html")),
    ("setup/connected.html", include_str!("templates/setup/connected.html")),
];

/// What pages show of the tenant that a member looks at.
#[derive(Clone, Copy, Debug)]
pub struct ShopShown<'a> {
    pub name: &'a str,
    pub features: Features,
}

/// Templates and texts, built once.
pub struct Pages {
    environment: Environment<'static>,
    texts: Texts,
    assets: AssetUrls,
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
        environment.add_filter("fill", fill);
        for (name, text) in TEMPLATES {
            environment.add_template(name, text)?;
        }
        Ok(Self { environment, texts: Texts::built_in()?, assets: AssetUrls::built_in() })
    }

    /// The texts, for what is told outside of templates.
    pub(super) const fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Renders a template for somebody who may not be signed in.
    ///
    /// # Errors
    /// The template is wrong: a bug.
    pub fn bare(&self, name: &str, language: Language, page: Value) -> Result<String, minijinja::Error> {
        let shell = context! {
            t => self.texts.value(language),
            lang => language.as_str(),
            style => self.assets.style.as_str(),
            script => self.assets.script.as_str(),
            member => (),
            current => "",
        };
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
        (shop, page): (ShopShown<'_>, Value),
    ) -> Result<String, minijinja::Error> {
        let shell = context! {
            t => self.texts.value(member.language),
            lang => member.language.as_str(),
            style => self.assets.style.as_str(),
            script => self.assets.script.as_str(),
            current,
            navigation => shown(navigation::places(&self.texts, member, shop.features)),
            account => shown(navigation::account(&self.texts, member)),
            member => context! {
                name => member.name.as_str(),
                initials => initials(&member.name),
                has_several => member.tenants.len() > 1 || member.sees_all,
                who => member.caller.who.to_string(),
            },
            tenant => context! { id => member.tenant.as_str(), name => shop.name },
            csrf => member.csrf.as_str(),
            // What came after this moment is told when the page connects.
            rendered => Uuid::now_v7().to_string(),
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

    /// Leads to another page.
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

/// Puts values into the places of a text: `{{ t.inbox.waits | fill(time=row.waits) }}`.
fn fill(text: &str, values: Kwargs) -> Result<String, minijinja::Error> {
    let mut text = text.to_owned();
    let names: Vec<String> = values.args().map(ToOwned::to_owned).collect();
    for name in names {
        let value: Value = values.get(&name)?;
        text = text.replace(&format!("{{{name}}}"), &value.to_string());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_compiles_escapes_and_runs_nothing_of_its_own() {
        let pages = Pages::built_in().unwrap();
        let shown = pages.bare("error.html", Language::Fr, context! { word => "not_found" }).unwrap();
        assert!(shown.contains("lang=\"fr\""), "{shown}");
        for (name, text) in TEMPLATES {
            for forbidden in ["<script>", " style=\"", " onclick", "|safe", "| safe", "autoescape"] {
                assert!(!text.contains(forbidden), "{name} has {forbidden}");
            }
        }
    }
}
