//! Validation of `[[calendars]]`: where else the time of resources is taken.

use std::time::Duration;

use secrecy::SecretString;

use super::document::Scope;
use super::fields::{duration_up_to, or_default, quoted, text};
use super::raw::RawTenant;
use super::raw_flows::RawCalendar;
use super::secret::Secrets;
use super::suggest;

/// How often a calendar is fetched.
const EVERY: Duration = Duration::from_secs(15 * 60);
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Calendars of one tenant: each is fetched several times an hour.
const MOST: usize = 50;

/// `[[calendars]]`. `Debug` does not show the address.
#[derive(Clone, Debug)]
pub struct BusyCalendar {
    /// Whose time it takes.
    pub resource: String,
    /// Where it is. Whoever has it reads the calendar, but for one with an account.
    pub url: SecretString,
    /// Who reads it by CalDAV. `None`: it is an iCalendar file.
    pub account: Option<CalendarAccount>,
    pub every: Duration,
}

/// An account at a CalDAV server.
#[derive(Clone, Debug)]
pub struct CalendarAccount {
    pub user: String,
    pub password: SecretString,
}

/// `None`: something was reported.
pub(super) fn calendars(root: &Scope<'_>, raw: &RawTenant, secrets: Secrets<'_>) -> Option<Vec<BusyCalendar>> {
    let each = raw.calendars.iter().flatten();
    if each.clone().count() > MOST {
        root.wrong("calendars", &format!("has more than {MOST} calendars"), "");
        return None;
    }
    let resources: Vec<&str> = raw
        .services
        .iter()
        .flatten()
        .flat_map(|service| service.resources.iter().flatten())
        .map(String::as_str)
        .collect();
    let read: Vec<Option<BusyCalendar>> = each
        .enumerate()
        .map(|(at, raw)| {
            let scope = root.element("calendars", at);
            let help = "name one of the `resources` of `[[services]]`";
            let resource = scope.required("resource", raw.resource.as_deref(), help);
            let resource = resource.and_then(|resource| text(&scope, "resource", resource)).filter(|resource| {
                let is_known = resources.contains(resource);
                if !is_known {
                    let reason = format!("names no resource of a service: {}", quoted(resource));
                    scope.wrong("resource", &reason, &suggest::help(resource, &resources));
                }
                is_known
            });
            let help = "its address is a secret: `url = { env = \"AWA_CALENDAR\" }`";
            let url = scope.required("url", raw.url.as_ref(), help);
            let url = url.and_then(|raw| secrets.resolve(&scope, "url", raw));
            let every = or_default(raw.every.as_ref(), EVERY, |raw| duration_up_to(&scope, "every", raw, LONGEST))
                .filter(|every| {
                    let holds = *every >= SHORTEST;
                    if !holds {
                        scope.wrong("every", "must not be shorter than a minute", "");
                    }
                    holds
                });
            let account = account(&scope, raw, secrets);
            Some(BusyCalendar { resource: resource?.to_owned(), url: url?, account: account?, every: every? })
        })
        .collect();
    read.into_iter().collect()
}

/// `None`: something was reported.
fn account(scope: &Scope<'_>, raw: &RawCalendar, secrets: Secrets<'_>) -> Option<Option<CalendarAccount>> {
    if raw.user.is_none() && raw.password.is_none() {
        return Some(None);
    }
    let user = scope.required("user", raw.user.as_deref(), "who reads the calendar by CalDAV");
    let help = "an app password is best: `password = { env = \"AWA_CALENDAR_PASSWORD\" }`";
    let password = scope.required("password", raw.password.as_ref(), help);
    let password = password.and_then(|raw| secrets.resolve(scope, "password", raw));
    Some(Some(CalendarAccount { user: user?.to_owned(), password: password? }))
}
