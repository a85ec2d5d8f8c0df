//! Validation of `[sentry]` and `[otlp]`: who is told of errors, and of what took how long.

use secrecy::SecretString;
use sentry::types::Dsn;
use url::Url;

use super::document::Scope;
use super::fields::{base_url, decimal, is_loopback, number, settled, text};
use super::raw::{RawOtlp, RawSentry};

const DSN: &str = "copy it from the project's settings (Client Keys): `https://KEY@HOST/PROJECT`";

/// `[sentry]`, where it names a project.
#[derive(Clone, Debug)]
pub struct SentryProject {
    /// Where the project takes events, with its public key: whoever has it may write into the project.
    pub dsn: SecretString,
    /// What the installation is called there.
    pub environment: String,
    /// Events of one kind in a minute at most.
    pub per_minute: u32,
}

/// `[otlp]`, where it names a collector.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpCollector {
    /// Its address, without a slash at its end and without `/v1/traces`.
    pub endpoint: String,
    /// The share of messages that are traced, from 0 to 1.
    pub sample: f64,
}

/// The outer `None`: something was reported. No complaint shows the DSN: it has a key in it.
#[expect(clippy::option_option, reason = "as for every key that may be left out")]
pub(super) fn sentry(scope: &Scope<'_>, raw: &RawSentry) -> Option<Option<SentryProject>> {
    let environment =
        scope.required("environment", raw.environment.as_deref(), "").and_then(|raw| text(scope, "environment", raw));
    let per_minute =
        scope.required("per_minute", raw.per_minute, "").and_then(|raw| number(scope, "per_minute", raw, 1..=1000));
    let dsn = raw.dsn.as_deref().map(|raw| dsn(scope, raw));
    let (dsn, environment, per_minute) = (settled(dsn)?, environment?.to_owned(), per_minute?);
    Some(dsn.map(|dsn| SentryProject { dsn, environment, per_minute }))
}

fn dsn(scope: &Scope<'_>, raw: &str) -> Option<SecretString> {
    if raw.parse::<Dsn>().is_err() {
        scope.wrong("dsn", "is not a DSN", DSN);
        return None;
    }
    if Url::parse(raw).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url)) {
        let reason = format!("`{}` is plain HTTP: errors, and the key, cross the network in clear", scope.name("dsn"));
        scope.warning("dsn", reason, "use https://");
    }
    Some(SecretString::from(raw))
}

/// The outer `None`: something was reported.
#[expect(clippy::option_option, reason = "as for every key that may be left out")]
pub(super) fn otlp(scope: &Scope<'_>, raw: &RawOtlp) -> Option<Option<OtlpCollector>> {
    let sample = scope.required("sample", raw.sample, "").and_then(|raw| decimal(scope, "sample", raw, 0.0..=1.0));
    let lost = "which tenant is how busy crosses the network in clear";
    let endpoint = raw.endpoint.as_deref();
    let endpoint = endpoint.map(|raw| base_url(scope, "endpoint", raw, "http://127.0.0.1:4318", lost));
    let (endpoint, sample) = (settled(endpoint)?, sample?);
    Some(endpoint.map(|endpoint| {
        let endpoint = endpoint.strip_suffix("/v1/traces").unwrap_or(&endpoint).to_owned();
        OtlpCollector { endpoint, sample }
    }))
}
