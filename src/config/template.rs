//! `[[templates]]`: from raw to validated. What names, places and text must be to each other is for the rules to judge.

use palabre_actors::domain::ids::ChannelId;
use palabre_actors::domain::template::Template;

use super::channel::sid;
use super::document::Scope;
use super::fields::{quoted, text};
use super::raw::RawTemplate;
use super::suggest;

/// Templates in their places, whether they hold or not, so that the numbers in complaints stay right.
pub(super) struct Templates {
    pub(super) all: Vec<Template>,
    pub(super) valid: bool,
}

/// The templates; `channels` are the ids that the tenant has, and whether any of them is Twilio's own; `language` is the
/// tenant's.
pub(super) fn templates(
    root: &Scope<'_>,
    raw: &[RawTemplate],
    (channels, at_twilio): (&[&str], bool),
    language: &str,
) -> Templates {
    let mut valid = true;
    let all = raw.iter().enumerate().map(|(index, raw)| {
        let scope = root.element("templates", index);
        let name = scope.required("name", raw.name.as_deref(), "what rules and the API call it, such as `rappel_rdv`");
        let content_sid = scope
            .required(
                "content_sid",
                raw.content_sid.as_deref(),
                "it stands in Twilio's content template builder: `HX…`",
            )
            .and_then(|raw| sid(&scope, "content_sid", raw, ("HX", at_twilio)));
        let language = raw.language.as_deref().map_or(Some(language), |raw| tag(&scope, raw));
        let body = raw.body.as_deref().map_or(Some(None), |raw| text(&scope, "body", raw).map(Some));
        let named = raw.channels.as_deref().map_or(Some(Vec::new()), |raw| named(&scope, raw, channels));
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
