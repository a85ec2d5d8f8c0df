//! `[imprint]` of a tenant: who sells, for the public pages of its plans.

use super::document::Scope;
use super::fields::{base_url, settled, text};
use super::raw_plans::RawImprint;

/// Who sells, as the law asks it of every page that sells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imprint {
    /// Name, address, registration and how to reach them, a line each.
    pub lines: Vec<String>,
    /// The terms of sale.
    pub terms_url: Option<String>,
}

/// `None`: something was reported.
pub(super) fn imprint(scope: &Scope<'_>, raw: &RawImprint) -> Option<Imprint> {
    let RawImprint { name, address, registration, email, phone, terms_url } = raw;
    let given =
        [("name", name), ("address", address), ("registration", registration), ("email", email), ("phone", phone)];
    // Each is looked at before the first bad one ends it.
    let lines: Vec<Option<String>> = given
        .into_iter()
        .filter_map(|(key, raw)| raw.as_deref().map(|raw| text(scope, key, raw).map(str::to_owned)))
        .collect();
    let lost = "buyers cannot trust it";
    let terms_url =
        settled(terms_url.as_deref().map(|raw| base_url(scope, "terms_url", raw, "https://example.com/cgv", lost)));
    Some(Imprint { lines: lines.into_iter().collect::<Option<_>>()?, terms_url: terms_url? })
}
