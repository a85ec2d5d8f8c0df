//! Validation of `[console]`: the pages for the people of the tenants.

use std::time::Duration;

use super::document::Scope;
use super::fields::{base_url, duration, settled};
use super::raw::{RawConsole, RawDuration};

/// Shorter, and people sign in all day.
const LEAST: Duration = Duration::from_mins(5);

/// `[console]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    pub enabled: bool,
    /// Where people reach it, without a slash at its end. `None`: at the listener's own address.
    pub base_url: Option<String>,
    /// A session that was not used for so long has ended.
    pub session_idle: Duration,
    /// A session ends after so long, however often it is used.
    pub session_lasts: Duration,
    /// Whether browsers are told when somebody waits.
    pub push: bool,
}

/// `None`: something was reported.
pub(super) fn console(scope: &Scope<'_>, raw: &RawConsole) -> Option<Console> {
    let enabled = scope.required("enabled", raw.enabled, "");
    let lost = "passwords cross the network in clear";
    let url = raw.base_url.as_deref();
    let url = url.map(|raw| base_url(scope, "base_url", raw, "https://console.example.com", lost));
    let time = |key: &str, raw: Option<&RawDuration>| {
        let time = scope.required(key, raw, "").and_then(|raw| duration(scope, key, raw))?;
        if time < LEAST {
            scope.wrong(key, "must be at least five minutes", "");
            return None;
        }
        Some(time)
    };
    let session_idle = time("session_idle", raw.session_idle.as_ref());
    let session_lasts = time("session_lasts", raw.session_lasts.as_ref());
    let push = scope.required("push", raw.push, "");
    Some(Console {
        enabled: enabled?,
        base_url: settled(url)?,
        session_idle: session_idle?,
        session_lasts: session_lasts?,
        push: push?,
    })
}
