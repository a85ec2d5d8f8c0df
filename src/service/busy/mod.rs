//! Busy times from other calendars: fetched by URL, read, and kept in the database for every node.
//!
//! A calendar that cannot be fetched or read leaves the picture that was kept.

mod caldav;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::booking::Busy;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::Clock;
use reqwest::{Client, StatusCode, header};
use secrecy::ExposeSecret;
use tracing::{info, warn};
use url::Url;

pub use self::reading::{Taken, Unreadable, busy};
use super::permissions::Permission::BookingRead;
use super::{Caller, ServiceError};
use crate::config::{BusyCalendar, CalendarAccount, Tenant};
use crate::digest;
use crate::gateway::client::ClientError;
use crate::gateway::guarded_client;
use crate::http_client::{self, UnreadBody};
use crate::store::StoreError;
use crate::store::calendar_feeds::CalendarFeedRow;
use crate::store::operator::Operator;

/// How long a calendar may take to come.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longer files are nobody's calendar.
const LONGEST_BYTES: usize = 4 * 1024 * 1024;
/// Redirects that are followed, each checked like the first address.
const MOST_REDIRECTS: usize = 3;
/// How far ahead times are kept: people may book so far.
const AHEAD: TimeDelta = TimeDelta::days(400);
/// Whoever fetches a calendar has it for so long.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// How soon a calendar that failed is asked again: twice as long each time.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// Failures in a row after which somebody should look.
pub const DOUBTFUL_AFTER: i64 = 3;

/// Fetches the calendars of tenants.
#[derive(Clone)]
pub struct BusyFeeds {
    store: Operator,
    client: Client,
    /// Whether addresses that are not public may be asked.
    private: bool,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for BusyFeeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BusyFeeds").finish_non_exhaustive()
    }
}

impl BusyFeeds {
    /// # Errors
    /// [`ClientError`]: no request can be made at all.
    pub fn new(store: Operator, private: bool, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        Ok(Self { store, client: guarded_client::new(private)?, private, clock })
    }

    /// What is known of the calendars of all tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn known(&self) -> Result<Vec<CalendarFeedRow>, StoreError> {
        self.store.calendar_feeds().await
    }

    /// Fetches what is due of a tenant's calendars, of which that is `known`, and forgets those that are not in its file any
    /// more.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn step(&self, tenant: &Tenant, known: &[CalendarFeedRow]) -> Result<(), StoreError> {
        let sources: Vec<String> = tenant.calendars.iter().map(source).collect();
        let now = self.clock.now();
        if known.iter().any(|feed| !sources.contains(&feed.source)) {
            self.store.keep_calendar_feeds(&tenant.id, &sources).await?;
        }
        for (calendar, source) in tenant.calendars.iter().zip(&sources) {
            let before = known.iter().find(|feed| feed.source == *source && feed.resource == calendar.resource);
            if before.is_none() {
                self.store.add_calendar_feed(&tenant.id, source, &calendar.resource, now).await?;
            } else if before.is_some_and(|feed| feed.next_fetch_at > now) {
                continue;
            }
            if self.store.claim_calendar_feed(&tenant.id, source, (now, now + LEASE)).await? {
                self.refresh(tenant, calendar, (source, before)).await?;
            }
        }
        Ok(())
    }

    async fn refresh(
        &self,
        tenant: &Tenant,
        calendar: &BusyCalendar,
        (source, before): (&str, Option<&CalendarFeedRow>),
    ) -> Result<(), StoreError> {
        let attempts = before.map_or(0, |feed| feed.attempts);
        let every = TimeDelta::from_std(calendar.every).unwrap_or(AGAIN);
        match self.fetched(tenant, calendar).await {
            Ok(times) => {
                if attempts > 0 {
                    info!(tenant.id = %tenant.id, "a calendar answers again");
                }
                let now = self.clock.now();
                self.store.settle_calendar_feed(&tenant.id, source, &times, (now, now + every)).await
            }
            Err(why) => {
                let attempts = attempts + 1;
                if attempts == 1 || attempts == DOUBTFUL_AFTER {
                    warn!(
                        tenant.id = %tenant.id, reason = why, attempts,
                        "a calendar could not be read, what was kept of it counts"
                    );
                }
                let doubled = AGAIN * (1 << attempts.clamp(0, 6));
                let next = self.clock.now() + doubled.min(every.max(AGAIN));
                self.store.fail_calendar_feed(&tenant.id, source, (attempts, why), next).await
            }
        }
    }

    /// The times, or a word for what went wrong.
    async fn fetched(&self, tenant: &Tenant, calendar: &BusyCalendar) -> Result<Vec<Taken>, &'static str> {
        let url = address(calendar.url.expose_secret()).ok_or("bad_url")?;
        let (zone, now) = (tenant.timezone, self.clock.now());
        let within = (now - TimeDelta::days(1), now + AHEAD);
        let answer = self.ask(url, calendar.account.as_ref(), within);
        let text = tokio::time::timeout(TIMEOUT, answer).await.map_err(|_| "no_answer")??;
        let read = if calendar.account.is_some() { caldav::busy } else { busy };
        // A large file takes a while to be read.
        let read = tokio::task::spawn_blocking(move || read(&text, zone, within)).await;
        read.map_err(|_| "unreadable")?.map_err(|Unreadable| "unreadable")
    }

    /// The file, or what the account's server answers for the time.
    async fn ask(
        &self,
        mut url: Url,
        account: Option<&CalendarAccount>,
        within: Taken,
    ) -> Result<String, &'static str> {
        let origin = url.origin();
        for _ in 0..=MOST_REDIRECTS {
            guarded_client::check(&url, self.private).map_err(|_| guarded_client::NOT_PUBLIC)?;
            let request = match account {
                None => self.client.get(url.clone()),
                // The password is for the server that the tenant named.
                Some(_) if url.origin() != origin => return Err("bad_redirect"),
                Some(account) => caldav::request(&self.client, url.clone(), account, within),
            };
            let answer = request.timeout(TIMEOUT).send().await;
            let answer = answer.map_err(|error| guarded_client::why(&error))?;
            let status = answer.status();
            if status.is_redirection() {
                let to = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                url = to.and_then(|to| url.join(to).ok()).filter(is_http).ok_or("bad_redirect")?;
                continue;
            }
            match status {
                status if status.is_success() => {}
                StatusCode::NOT_FOUND | StatusCode::GONE => return Err("not_found"),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err("refused"),
                _ => return Err("failed"),
            }
            let body = http_client::body(answer, LONGEST_BYTES).await.map_err(|unread| match unread {
                UnreadBody::TooLong => "too_long",
                UnreadBody::Broken(error) => guarded_client::why(&error),
            })?;
            return String::from_utf8(body.into()).map_err(|_| "unreadable");
        }
        Err("bad_redirect")
    }
}

/// What a calendar is called in the database: its address may be a secret.
fn source(calendar: &BusyCalendar) -> String {
    let parts = [calendar.resource.as_bytes(), b"\n", calendar.url.expose_secret().as_bytes()];
    let mut name = digest::hex(&digest::hmac_sha256(b"calendar", &parts));
    name.truncate(32);
    name
}

/// `webcal:` is what calendars call `https:`.
fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    let text = text.strip_prefix("webcal://").map_or_else(|| text.to_owned(), |rest| format!("https://{rest}"));
    Url::parse(&text).ok().filter(is_http)
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.host().is_some()
}

/// The time that is taken in other calendars of a tenant between two moments.
///
/// # Errors
/// [`ServiceError`]
pub async fn taken(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    (from, until): (Timestamp, Timestamp),
) -> Result<Vec<Busy>, ServiceError> {
    caller.require(BookingRead)?;
    caller.within(tenant)?;
    let mut busy = store.calendar_busy(tenant).await?;
    busy.retain(|busy| busy.until > from && busy.from < until);
    Ok(busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_calendars_are_read() {
        for (text, host) in [
            ("webcal://example.com/a.ics", Some("example.com")),
            (" https://example.com/a.ics\n", Some("example.com")),
            ("http://127.0.0.1:80/a.ics", Some("127.0.0.1")),
            ("ftp://example.com/a.ics", None),
            ("file:///etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(address(text).as_ref().and_then(Url::host_str), host, "{text}");
        }
    }
}
