//! Validation of `[[api.keys]]`: who may use the API.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use palabre_actors::domain::ids::TenantId;
use secrecy::{ExposeSecret, SecretString};

use super::document::Scope;
use super::fields::{choice, meant_slug, quoted, slug};
use super::raw::{RawApi, RawApiKey};
use super::secret::Secrets;
use super::suggest;
use super::types::{Api, ApiKey, ApiScope, ApiTenants};
use super::weak_key::weakness;

const SCOPES: [(&str, ApiScope); 5] = [
    (ApiScope::Read.as_str(), ApiScope::Read),
    (ApiScope::ReadContent.as_str(), ApiScope::ReadContent),
    (ApiScope::Send.as_str(), ApiScope::Send),
    (ApiScope::Operate.as_str(), ApiScope::Operate),
    (ApiScope::Privacy.as_str(), ApiScope::Privacy),
];
const SAY_SCOPES: &str = "say what it allows: `read`, `read-content`, `send`, `operate`, `privacy`";

/// The ids of the tenants; where one does not hold, what would do instead, which a key may name already.
#[derive(Debug)]
pub(super) struct KnownTenants {
    pub(super) ids: Vec<String>,
    /// Whether every tenant's file has an id. Otherwise an unknown name may be that of a file without one.
    pub(super) are_all: bool,
}

impl KnownTenants {
    /// Adds the id of a tenant's file.
    pub(super) fn note(&mut self, id: Option<&str>) {
        // What is no id at all is nothing to suggest: something else got into its place.
        let id = id.filter(|id| (1..=64).contains(&id.len()) && !id.contains('\n'));
        self.are_all &= id.is_some();
        self.ids.extend(id.map(meant_slug));
    }
}

/// The keys. `None`: something was reported.
pub(super) fn api(scope: &Scope<'_>, raw: &RawApi, tenants: &KnownTenants, secrets: Secrets<'_>) -> Option<Api> {
    let raw = raw.keys.as_deref().unwrap_or_default();
    let mut seen = Seen::default();
    let keys = raw.iter().enumerate();
    let keys = keys.map(|(index, raw)| key(&scope.element("keys", index), raw, tenants, (secrets, &mut seen)));
    // Every key is looked at before the first bad one ends it.
    let keys: Vec<Option<ApiKey>> = keys.collect();
    Some(Api { keys: keys.into_iter().collect::<Option<Vec<_>>>()? })
}

fn key(
    scope: &Scope<'_>,
    raw: &RawApiKey,
    tenants: &KnownTenants,
    (secrets, seen): (Secrets<'_>, &mut Seen),
) -> Option<ApiKey> {
    let name = scope
        .required("name", raw.name.as_deref(), "say who holds it, such as `name = \"booking-site\"`")
        .and_then(|raw| slug(scope, "name", raw));
    let help = "write `key = { env = \"NAME\" }` or `{ file = \"path\" }`";
    let secret = scope
        .required("key", raw.key.as_ref(), help)
        .and_then(|raw| secrets.resolve(scope, "key", raw))
        .and_then(|secret| if secrets.left_out { Some(secret) } else { strong_enough(scope, secret) });
    let opened = scope
        .required("tenants", raw.tenants.as_deref(), "name the tenants it opens, or `[\"*\"]` for all")
        .and_then(|raw| opened(scope, raw, tenants));
    let scopes = scope.required("scopes", raw.scopes.as_deref(), SAY_SCOPES).and_then(|raw| scopes(scope, raw));
    seen.once(scope, name, secret.as_ref());
    Some(ApiKey { name: name?.to_owned(), key: secret?, tenants: opened?, scopes: scopes? })
}

fn strong_enough(scope: &Scope<'_>, secret: SecretString) -> Option<SecretString> {
    if let Some(reason) = weakness(secret.expose_secret()) {
        scope.wrong("key", &reason, "make one with `openssl rand -hex 32`");
        return None;
    }
    Some(secret)
}

fn opened(scope: &Scope<'_>, raw: &[String], known: &KnownTenants) -> Option<ApiTenants> {
    let ids: Vec<&str> = known.ids.iter().map(String::as_str).collect();
    if raw.is_empty() {
        scope.wrong("tenants", "opens nothing", "name the tenants it opens, or `[\"*\"]` for all");
        return None;
    }
    if raw == ["*"] {
        return Some(ApiTenants::All);
    }
    let tenants = raw.iter().enumerate().map(|(index, id)| {
        if ids.contains(&id.as_str()) || (!known.are_all && id != "*") {
            return Some(TenantId::new(id));
        }
        let help = match id.as_str() {
            "*" => "`*` stands alone: `tenants = [\"*\"]`".to_owned(),
            _ if ids.is_empty() => "there are no tenants yet".to_owned(),
            _ => suggest::help(id, &ids),
        };
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
    /// Keys, and the names of their first holders where those hold.
    keys: HashMap<String, Option<String>>,
}

impl Seen {
    /// Reports a name or a key that an earlier entry has as well.
    fn once(&mut self, scope: &Scope<'_>, name: Option<&str>, key: Option<&SecretString>) {
        if let Some(name) = name
            && !self.names.insert(name.to_owned())
        {
            scope.wrong("name", "is that of another key already", "");
        }
        // Keys that were left out are all the same: nothing.
        let Some(secret) = key.map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()) else { return };
        match self.keys.entry(secret.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(name.map(ToOwned::to_owned));
            }
            Entry::Occupied(taken) => {
                let other = taken.get().as_deref().map_or_else(|| "another key".to_owned(), |name| format!("`{name}`"));
                scope.wrong("key", &format!("is the same as that of {other}"), "give each holder a key of its own");
            }
        }
    }
}
