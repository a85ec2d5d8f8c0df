//! `[[api.keys]]`: who may use the API.

use std::collections::{BTreeSet, HashMap, HashSet};

use palabre_actors::domain::ids::TenantId;
use secrecy::{ExposeSecret, SecretString};

use super::document::Scope;
use super::fields::{choice, quoted, slug};
use super::raw::{RawApi, RawApiKey};
use super::secret::Secrets;
use super::suggest;
use super::types::{Api, ApiKey, ApiScope, ApiTenants};

const SCOPES: [(&str, ApiScope); 4] = [
    (ApiScope::Read.as_str(), ApiScope::Read),
    (ApiScope::ReadContent.as_str(), ApiScope::ReadContent),
    (ApiScope::Send.as_str(), ApiScope::Send),
    (ApiScope::Operate.as_str(), ApiScope::Operate),
];
const SAY_SCOPES: &str = "say what it allows: `read`, `read-content`, `send`, `operate`";

/// A shorter key could be guessed.
const SHORTEST_KEY: usize = 16;

/// The keys; `tenants` are the ids that the configuration has. `None`: something was reported.
pub(super) fn api(scope: &Scope<'_>, raw: &RawApi, tenants: &[&str], secrets: Secrets<'_>) -> Option<Api> {
    let raw = raw.keys.as_deref().unwrap_or_default();
    let mut seen = Seen::default();
    let keys: Vec<Option<ApiKey>> = raw
        .iter()
        .enumerate()
        .map(|(index, raw)| seen.once(&scope.element("keys", index), key(scope, index, raw, tenants, secrets)))
        .collect();
    Some(Api { keys: keys.into_iter().collect::<Option<Vec<_>>>()? })
}

fn key(scope: &Scope<'_>, index: usize, raw: &RawApiKey, tenants: &[&str], secrets: Secrets<'_>) -> Option<ApiKey> {
    let scope = &scope.element("keys", index);
    let name = scope
        .required("name", raw.name.as_deref(), "say who holds it, such as `name = \"booking-site\"`")
        .and_then(|raw| slug(scope, "name", raw));
    let help = "write `key = { env = \"NAME\" }` or `{ file = \"path\" }`";
    let secret = scope
        .required("key", raw.key.as_ref(), help)
        .and_then(|raw| secrets.resolve(scope, "key", raw))
        .and_then(|secret| if secrets.left_out { Some(secret) } else { long_enough(scope, secret) });
    let opened = scope
        .required("tenants", raw.tenants.as_deref(), "name the tenants it opens, or `[\"*\"]` for all")
        .and_then(|raw| opened(scope, raw, tenants));
    let scopes = scope.required("scopes", raw.scopes.as_deref(), SAY_SCOPES).and_then(|raw| scopes(scope, raw));
    Some(ApiKey { name: name?.to_owned(), key: secret?, tenants: opened?, scopes: scopes? })
}

fn long_enough(scope: &Scope<'_>, secret: SecretString) -> Option<SecretString> {
    if secret.expose_secret().len() < SHORTEST_KEY {
        let help = "make one with `openssl rand -hex 32`";
        scope.wrong("key", &format!("is shorter than {SHORTEST_KEY} characters, and could be guessed"), help);
        return None;
    }
    Some(secret)
}

fn opened(scope: &Scope<'_>, raw: &[String], known: &[&str]) -> Option<ApiTenants> {
    if raw.is_empty() {
        scope.wrong("tenants", "opens nothing", "name the tenants it opens, or `[\"*\"]` for all");
        return None;
    }
    if raw == ["*"] {
        return Some(ApiTenants::All);
    }
    let tenants = raw.iter().enumerate().map(|(index, id)| {
        if known.contains(&id.as_str()) {
            return Some(TenantId::new(id));
        }
        let help =
            if id == "*" { "`*` stands alone: `tenants = [\"*\"]`".to_owned() } else { suggest::help(id, known) };
        scope.wrong(&format!("tenants[{index}]"), &format!("names no tenant: {}", quoted(id)), &help);
        None
    });
    let tenants = tenants.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
    Some(ApiTenants::Only(tenants))
}

fn scopes(scope: &Scope<'_>, raw: &[String]) -> Option<Vec<ApiScope>> {
    if raw.is_empty() {
        scope.wrong("scopes", "allows nothing", SAY_SCOPES);
        return None;
    }
    let scopes = raw.iter().enumerate().map(|(at, raw)| choice(scope, &format!("scopes[{at}]"), raw, &SCOPES));
    let scopes = scopes.collect::<Vec<_>>().into_iter().collect::<Option<BTreeSet<_>>>()?;
    if scopes.contains(&ApiScope::ReadContent) && !scopes.contains(&ApiScope::Read) {
        let help = "add `read`: `read-content` only shows more of what `read` may look at";
        scope.wrong("scopes", "has `read-content` without `read`", help);
        return None;
    }
    Some(scopes.into_iter().collect())
}

/// Names and keys that were given already.
#[derive(Default)]
struct Seen {
    names: HashSet<String>,
    keys: HashMap<String, String>,
}

impl Seen {
    fn once(&mut self, scope: &Scope<'_>, key: Option<ApiKey>) -> Option<ApiKey> {
        let key = key?;
        if !self.names.insert(key.name.clone()) {
            scope.wrong("name", "is that of another key already", "");
            return None;
        }
        // Keys that were left out are all the same: nothing.
        let secret = Some(key.key.expose_secret()).filter(|secret| !secret.is_empty());
        if let Some(other) = secret.and_then(|secret| self.keys.insert(secret.to_owned(), key.name.clone())) {
            scope.wrong("key", &format!("is the same as that of `{other}`"), "give each holder a key of its own");
            return None;
        }
        Some(key)
    }
}
