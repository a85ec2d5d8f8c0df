//! Validation of `[[templates]]`. Whether names and text fit together is checked by the tenant's rules.

use figment::value::Dict;
use palabre_actors::domain::ids::ChannelId;
use palabre_actors::domain::template::Template;

use super::channel::Checked;
use super::document::Scope;
use super::fields::{quoted, settled, text};
use super::raw::RawTemplate;
use super::secret::Secrets;
use super::section::{ProviderSection, Section, TEMPLATE_ID};
use super::suggest;

/// Templates in their places, whether they hold or not, so that the numbers in complaints stay right.
pub(super) struct Templates {
    pub(super) all: Vec<Template>,
    pub(super) valid: bool,
}

/// The templates; `ids` are those of the tenant's channels, `language` is the tenant's.
pub(super) fn templates(
    root: &Scope<'_>,
    raw: &[RawTemplate],
    (ids, channels, secrets): (&[&str], &[Checked], Secrets<'_>),
    language: &str,
) -> Templates {
    let mut valid = true;
    let all = raw.iter().enumerate().map(|(index, raw)| {
        let scope = root.element("templates", index);
        let name = scope.required("name", raw.name.as_deref(), "what rules and the API call it, such as `rappel_rdv`");
        let content_sid = content_sid(&scope, raw, channels, secrets);
        let language = raw.language.as_deref().map_or(Some(language), |raw| tag(&scope, raw));
        let body = settled(raw.body.as_deref().map(|raw| text(&scope, "body", raw)));
        let named = raw.channels.as_deref().map_or(Some(Vec::new()), |raw| named(&scope, raw, ids));
        valid &= name.is_some() && content_sid.is_some() && language.is_some() && body.is_some() && named.is_some();
        Template {
            name: name.unwrap_or_default().to_owned(),
            language: language.unwrap_or_default().to_owned(),
            content_id: content_sid.unwrap_or_default(),
            variables: raw.variables.clone().unwrap_or_default(),
            body: body.flatten().map(ToOwned::to_owned),
            channels: named.unwrap_or_default(),
        }
    });
    let all = all.collect();
    Templates { all, valid }
}

/// The id, as the provider has it whose channels carry the template: the first of them that has templates.
fn content_sid(scope: &Scope<'_>, raw: &RawTemplate, channels: &[Checked], secrets: Secrets<'_>) -> Option<String> {
    let carries = |channel: &&Checked| match (&raw.channels, &channel.id) {
        (Some(named), Some(id)) => named.iter().any(|name| name == id.as_str()),
        (_, _) => true,
    };
    let with_templates = |channel: &Checked| channel.provider.filter(|provider| provider.capabilities().templates);
    let provider: Option<&dyn ProviderSection> = channels.iter().filter(carries).find_map(with_templates);
    let help = provider.map_or("the provider's id of the template", ProviderSection::template_help);
    let id = scope.required(TEMPLATE_ID, raw.content_sid.as_deref(), help)?;
    let section =
        Section { scope: scope.clone(), own: Dict::new(), raw: None, secrets, timeout: None, on_unknown: None };
    match provider {
        Some(provider) => {
            let its = channels.iter().filter(|other| other.provider.is_some_and(|own| own.name() == provider.name()));
            provider.template_id(&section, id, its.into_iter().any(|channel| channel.is_live))
        }
        None => section.text(TEMPLATE_ID, id),
    }
}

/// A language as providers write it: `fr`, `en_GB`, `zh-Hant`.
fn tag<'r>(scope: &Scope<'_>, raw: &'r str) -> Option<&'r str> {
    let mut parts = raw.split(['_', '-']);
    let letters =
        |part: &str, most: usize| (2..=most).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
    let fits = parts.next().is_some_and(|part| letters(part, 3)) && parts.all(|part| letters(part, 8));
    if !fits {
        scope.wrong("language", &format!("cannot be {}", quoted(raw)), "write it like `fr` or `en_GB`");
    }
    fits.then_some(raw)
}

fn named(scope: &Scope<'_>, raw: &[String], known: &[&str]) -> Option<Vec<ChannelId>> {
    if raw.is_empty() {
        scope.wrong("channels", "names no channel", "leave it out for all of the tenant's channels");
        return None;
    }
    let named = raw.iter().enumerate().map(|(at, id)| {
        let known_one = known.contains(&id.as_str());
        if !known_one {
            let reason = format!("names no channel of this tenant: {}", quoted(id));
            scope.wrong(&format!("channels[{at}]"), &reason, &suggest::help(id, known));
        }
        known_one.then(|| ChannelId::new(id))
    });
    named.collect::<Vec<_>>().into_iter().collect()
}
