//! Validation of `[crm]`: where the tenant keeps whose a number is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::document::Scope;
use super::fields::{choice, duration_up_to, or_default, settled, text};
use super::raw::RawCrm;
use super::secret::Secrets;

/// A look-up that takes longer has failed, and is repeated later: no message waits for it.
const TIMEOUT: Duration = Duration::from_secs(3);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an answer counts.
const CACHE: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_CACHE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const BASE_URL: &str = "write its address, such as `base_url = \"https://crm.example.com\"`";

/// `[crm]`
#[derive(Clone, Debug)]
pub struct Crm {
    pub source: CrmSource,
    pub timeout: Duration,
    /// How long an answer counts before it is asked for again.
    pub cache: Duration,
    /// Whether sent e-mails are written into the CRM.
    pub log_emails: bool,
}

/// Which CRM it is. `Debug` shows no key.
#[derive(Clone, Debug)]
pub enum CrmSource {
    EspoCrm { base_url: Url, api_key: SecretString },
    Http { base_url: Url, api_key: Option<SecretString> },
    Csv { file: PathBuf },
}

impl CrmSource {
    /// Where it is asked, unless it is a file.
    #[must_use]
    pub const fn url(&self) -> Option<&Url> {
        match self {
            Self::EspoCrm { base_url, .. } | Self::Http { base_url, .. } => Some(base_url),
            Self::Csv { .. } => None,
        }
    }

    /// The configuration's word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::EspoCrm { .. } => "espocrm",
            Self::Http { .. } => "http",
            Self::Csv { .. } => "csv",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    EspoCrm,
    Http,
    Csv,
}

/// `folder`: where relative paths begin. The outer `None`: something was reported.
#[expect(clippy::option_option, reason = "as for every table that may be left out")]
pub(super) fn crm(scope: &Scope<'_>, raw: Option<&RawCrm>, secrets: Secrets<'_>, folder: &Path) -> Option<Option<Crm>> {
    let Some(raw) = raw else { return Some(None) };
    let words = [("espocrm", Kind::EspoCrm), ("http", Kind::Http), ("csv", Kind::Csv)];
    let provider = scope.required("provider", raw.provider.as_deref(), "write `espocrm`, `http` or `csv`");
    let kind = provider.and_then(|word| choice(scope, "provider", word, &words));
    let timeout =
        or_default(raw.timeout.as_ref(), TIMEOUT, |raw| duration_up_to(scope, "timeout", raw, LONGEST_TIMEOUT));
    let cache = or_default(raw.cache.as_ref(), CACHE, |raw| duration_up_to(scope, "cache", raw, LONGEST_CACHE));
    let source = kind.and_then(|kind| source(scope, (kind, raw), secrets, folder));
    if let (Some(kind), Some(true)) = (kind, raw.log_emails)
        && kind != Kind::EspoCrm
    {
        scope.error(
            "log_emails",
            format!("`{}` is for `provider = \"espocrm\"` alone", scope.name("log_emails")),
            "take it out",
        );
        return None;
    }
    let log_emails = raw.log_emails.unwrap_or(kind == Some(Kind::EspoCrm));
    Some(Some(Crm { source: source?, timeout: timeout?, cache: cache?, log_emails }))
}

fn source(scope: &Scope<'_>, (kind, raw): (Kind, &RawCrm), secrets: Secrets<'_>, folder: &Path) -> Option<CrmSource> {
    let foreign = match kind {
        Kind::Csv => [("base_url", raw.base_url.is_some()), ("api_key", raw.api_key.is_some())],
        Kind::EspoCrm | Kind::Http => [("file", raw.file.is_some()), ("file", false)],
    };
    for (key, _) in foreign.iter().filter(|(_, is_there)| *is_there) {
        scope.error(key, format!("`{}` is for another provider of `[crm]`", scope.name(key)), "take it out");
    }
    let is_clean = foreign.iter().all(|(_, is_there)| !is_there);
    if kind == Kind::Csv {
        let file = scope.required("file", raw.file.as_deref(), "name the file, such as `file = \"customers.csv\"`")?;
        let file = folder.join(text(scope, "file", file)?);
        if !file.is_file() {
            let reason = format!("`{}` names a file that is not there", scope.name("file"));
            scope.warning(
                "file",
                reason,
                "contacts are looked up as soon as it is; relative paths start in the folder of palabre.toml",
            );
        }
        return is_clean.then_some(CrmSource::Csv { file });
    }
    let url = scope.required("base_url", raw.base_url.as_deref(), BASE_URL).and_then(|raw| base_url(scope, raw));
    let api_key = settled(raw.api_key.as_ref().map(|raw| secrets.resolve(scope, "api_key", raw)));
    if kind == Kind::Http {
        return is_clean.then_some(CrmSource::Http { base_url: url?, api_key: api_key? });
    }
    let api_key =
        scope.required("api_key", api_key?, "an API user of EspoCRM has one: `api_key = { env = \"ESPO_KEY\" }`");
    is_clean.then_some(CrmSource::EspoCrm { base_url: url?, api_key: api_key? })
}

fn base_url(scope: &Scope<'_>, raw: &str) -> Option<Url> {
    let url = Url::parse(raw).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let Some(url) = url else {
        scope.wrong("base_url", "must be a URL that begins with `https://` (or `http://`)", BASE_URL);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        scope.wrong("base_url", "must not carry a user, a password or a `#`", BASE_URL);
        return None;
    }
    Some(url)
}
