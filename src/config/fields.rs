//! Validation of values: durations, numbers within bounds, URLs, slugs, blocks of addresses.

use std::ops::RangeInclusive;
use std::time::Duration;

use palabre_actors::domain::address::{Address, HomeCountry, Unnamed};
use url::{Host, Url};

use super::document::Scope;
use super::masking::masked;
use super::raw::RawDuration;
use super::suggest;

/// A duration above zero and at most a year, which is more than anything here can mean.
pub(super) fn duration(scope: &Scope<'_>, key: &str, raw: &RawDuration) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
    const HELP: &str = "write a number with its unit: \"500ms\", \"30s\", \"5m\", \"2h\", \"1h 30m\"";
    match humantime::parse_duration(&raw.0) {
        Ok(duration) if duration.is_zero() => scope.wrong(key, "must be longer than nothing", HELP),
        Ok(duration) if duration > LONGEST => scope.wrong(key, "must not be longer than a year", HELP),
        Ok(duration) => return Some(duration),
        Err(_) => scope.wrong(key, "is not a duration", HELP),
    }
    None
}

/// An address as somebody wrote it into the file.
pub(super) fn address(
    scope: &Scope<'_>,
    key: &str,
    raw: &str,
    (unnamed, home): (Unnamed, Option<HomeCountry>),
) -> Option<Address> {
    let read = Address::written(raw, unnamed, home);
    read.inspect_err(|error| scope.wrong(key, &format!("is {error}"), error.help())).ok()
}

/// A whole number within bounds.
pub(super) fn number<T: TryFrom<i64>>(
    scope: &Scope<'_>,
    key: &str,
    raw: i64,
    bounds: RangeInclusive<i64>,
) -> Option<T> {
    let number = Some(raw).filter(|raw| bounds.contains(raw)).and_then(|raw| T::try_from(raw).ok());
    if number.is_none() {
        scope.wrong(key, &format!("is {raw}, but must be from {} to {}", bounds.start(), bounds.end()), "");
    }
    number
}

/// A number within bounds, with or without a fraction.
pub(super) fn decimal(scope: &Scope<'_>, key: &str, raw: f64, bounds: RangeInclusive<f64>) -> Option<f64> {
    let number = Some(raw).filter(|raw| bounds.contains(raw));
    if number.is_none() {
        scope.wrong(key, &format!("is {raw}, but must be from {} to {}", bounds.start(), bounds.end()), "");
    }
    number
}

/// An amount of the tenant's currency, in millionths; less than a millionth is not money.
pub(super) fn amount(scope: &Scope<'_>, key: &str, raw: f64) -> Option<i64> {
    const MOST: f64 = 1_000_000_000.0;
    let micros = (decimal(scope, key, raw, 0.0..=MOST)? * 1e6).round();
    // Within bounds it is far from where a float's whole numbers end.
    #[expect(clippy::cast_possible_truncation, reason = "at most 10^15")]
    Some(micros as i64)
}

/// A duration that may not be longer than another.
pub(super) fn duration_up_to(scope: &Scope<'_>, key: &str, raw: &RawDuration, longest: Duration) -> Option<Duration> {
    let duration = duration(scope, key, raw)?;
    if duration > longest {
        let days = longest.as_secs() / (24 * 60 * 60);
        let most = if days > 1 { format!("{days}days") } else { humantime::format_duration(longest).to_string() };
        scope.wrong(key, &format!("must not be longer than {most}"), "");
        return None;
    }
    Some(duration)
}

/// What a key that may be left out says, or the default. `None`: something was reported.
pub(super) fn or_default<R, T>(raw: Option<R>, default: T, read: impl FnOnce(R) -> Option<T>) -> Option<T> {
    raw.map_or(Some(default), read)
}

/// A key that may be left out, but must hold when it is there.
pub(crate) fn settled<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    value.map_or(Some(None), |value| value.map(Some))
}

/// One of a few words.
pub(super) fn choice<T: Copy>(scope: &Scope<'_>, key: &str, raw: &str, choices: &[(&str, T)]) -> Option<T> {
    let found = choices.iter().find(|(word, _)| *word == raw);
    if found.is_none() {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        scope.wrong(key, &format!("cannot be {}", quoted(raw)), &suggest::help(raw, &words));
    }
    found.map(|(_, value)| *value)
}

/// A word as it was written, unless it is so long that something else got into its place: that may not be for showing.
pub(super) fn quoted(raw: &str) -> String {
    if raw.len() > 64 || raw.contains('\n') { "this text".to_owned() } else { format!("`{}`", masked(raw)) }
}

/// The id that would do instead of what was written; an id that holds is its own.
pub(super) fn meant_slug(raw: &str) -> String {
    raw.to_lowercase().chars().map(|c| if fits_a_slug(c) { c } else { '-' }).take(64).collect()
}

fn fits_a_slug(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

/// What ids of tenants and channels are made of: they stand in URLs, metrics and log lines.
pub(super) fn slug<'r>(scope: &Scope<'_>, key: &str, raw: &'r str) -> Option<&'r str> {
    if (1..=64).contains(&raw.len()) && raw.chars().all(fits_a_slug) {
        return Some(raw);
    }
    let meant = meant_slug(raw);
    let help = if raw.is_empty() || raw.len() > 64 || raw.contains('\n') {
        String::new()
    } else {
        format!("`{}` would do", masked(&meant))
    };
    scope.wrong(key, "must be 1 to 64 lowercase letters, digits and hyphens", &help);
    None
}

/// A text with something in it.
pub(super) fn text<'r>(scope: &Scope<'_>, key: &str, raw: &'r str) -> Option<&'r str> {
    if raw.trim().is_empty() {
        scope.wrong(key, "is empty", "write a text, or leave the key out");
        return None;
    }
    Some(raw)
}

/// An `http(s)` URL that paths can be appended to; a trailing slash is taken off. Plain HTTP that leaves the machine is
/// worth a warning that says what travels over it.
pub(super) fn base_url(scope: &Scope<'_>, key: &str, raw: &str, like: &str, over_plain_http: &str) -> Option<String> {
    let help = format!("write it like `{like}`");
    let Ok(url) = Url::parse(raw) else {
        scope.wrong(key, "is not a URL", &help);
        return None;
    };
    if !matches!(url.scheme(), "http" | "https") || !raw.contains("://") {
        scope.wrong(key, "must begin with `https://` (or `http://`)", &help);
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() || raw.contains('@') {
        scope.wrong(key, "must not carry a user or password", &help);
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() || raw.chars().any(char::is_whitespace) {
        scope.wrong(key, "must end with its host or path: no `?`, no `#`, no spaces", &help);
        return None;
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        scope.warning(key, format!("`{}` is plain HTTP: {over_plain_http}", scope.name(key)), "use https://");
    }
    Some(raw.trim_end_matches('/').to_owned())
}

/// Whether a URL stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_this_machine_are_known() {
        for (url, is_here) in [
            ("http://localhost:8080/", true),
            ("http://id.localhost/", true),
            ("http://127.0.0.1:9000/token", true),
            ("http://127.8.8.8/", true),
            ("http://[::1]/", true),
            ("http://localhost.evil.example/", false),
            ("http://evil-localhost/", false),
            ("http://192.168.1.1/", false),
            ("http://0.0.0.0/", false),
            ("data:,localhost", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), is_here, "{url}");
        }
    }
}
