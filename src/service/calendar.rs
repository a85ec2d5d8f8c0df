//! Feeds of bookings for other calendars: one for each resource, behind a link that ends and can be revoked.

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::booking::BookingState;
use palabre_actors::domain::ids::TenantId;

use super::people::{People, Token};
use super::permissions::Permission::{BookingRead, ContentRead, KeyWrite};
use super::{Caller, ServiceError, Tenants, audit};
use crate::store::operator::{BookingRow, Operator};
use crate::store::people::NewKey;

/// How such a link's key begins. It is no key of the API: those begin otherwise.
const PREFIX: &str = "cal_";
/// What a link's key grants, in `api_keys.scopes`.
const SCOPE: &str = "calendar";
/// How long a link holds.
pub const LINK_LASTS: TimeDelta = TimeDelta::days(365);
/// What a feed shows: what was a month ago, and what is within a year.
const BEFORE: TimeDelta = TimeDelta::days(31);
const AHEAD: TimeDelta = TimeDelta::days(366);
/// Bookings of a feed at most.
const MOST: usize = 2_000;
/// Bytes of a line of an iCalendar file, without its end (RFC 5545, 3.1).
const LINE_BYTES: usize = 75;

/// Makes a link to the feed of a resource. It is shown this once; revoking its key ends it. Whoever has it reads the names of
/// customers, so making one takes what sees them.
///
/// # Errors
/// [`ServiceError`]
pub async fn make_link(
    caller: &Caller,
    people: &People,
    tenant: &TenantId,
    resource: &str,
) -> Result<Token, ServiceError> {
    for permission in [KeyWrite, BookingRead, ContentRead] {
        caller.require(permission)?;
    }
    caller.within(tenant)?;
    let token = Token::shown(&format!("{PREFIX}{}", Token::fresh()?.as_str()));
    let (now, digest, created_by) = (people.now(), token.digest(), caller.who.to_string());
    audit::note(caller, &people.store, tenant, "calendar.make", ("tenant", tenant.as_str())).await?;
    let key = NewKey {
        tenant,
        user: None,
        name: resource,
        digest: &digest,
        scopes: SCOPE,
        created_by: &created_by,
        ends_at: Some(now + LINK_LASTS),
    };
    people.store.add_key(key, now).await?;
    Ok(token)
}

/// What a link leads to: the tenant, the resource, and its bookings. `None`: no link is such, or it holds no more.
///
/// # Errors
/// [`ServiceError`]
pub async fn behind(
    store: &Operator,
    token: &str,
    now: Timestamp,
) -> Result<Option<(TenantId, String, Vec<BookingRow>)>, ServiceError> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let Some(found) = store.key(&Token::shown(token).digest(), now).await? else { return Ok(None) };
    let key = found.key;
    if key.scopes != SCOPE {
        return Ok(None);
    }
    let tenants = Tenants::Of(vec![key.tenant.clone()]);
    let shown = (now - BEFORE, now + AHEAD);
    let rows = store.bookings(&tenants, shown, (None, Some(&key.name)), MOST).await?;
    Ok(Some((key.tenant, key.name, rows)))
}

/// The bookings as an iCalendar file (RFC 5545).
#[must_use]
pub fn as_ics(name: &str, rows: &[BookingRow], service: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut line = |text: &str| fold_into(&mut out, text);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//Palabre//Bookings//EN");
    line("METHOD:PUBLISH");
    line(&format!("X-WR-CALNAME:{}", escaped(name)));
    line("REFRESH-INTERVAL;VALUE=DURATION:PT15M");
    for row in rows {
        let status = match row.state {
            BookingState::Held => "TENTATIVE",
            BookingState::Cancelled => "CANCELLED",
            BookingState::Confirmed | BookingState::Done | BookingState::NoShow => "CONFIRMED",
        };
        let mut who = row.contact_name.as_deref().map(|who| format!(" · {who}")).unwrap_or_default();
        if row.party.people > 1 {
            who = format!(" × {}{who}", row.party.people);
        }
        line("BEGIN:VEVENT");
        line(&format!("UID:{}@palabre", row.id));
        line(&format!("DTSTAMP:{}", stamp(row.created_at)));
        line(&format!("DTSTART:{}", stamp(row.starts_at)));
        line(&format!("DTEND:{}", stamp(row.ends_at)));
        line(&format!("SUMMARY:{}", escaped(&format!("{}{who}", service(&row.service)))));
        line(&format!("STATUS:{status}"));
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    out
}

fn stamp(at: Timestamp) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// What contacts chose as their names stays within its line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A line that is too long goes on behind a blank, and no character is cut in two.
fn fold_into(out: &mut String, line: &str) {
    let mut used = 0;
    for c in line.chars() {
        if used + c.len_utf8() > LINE_BYTES {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(c);
        used += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::ids::{BookingId, ContactId, ConversationId};

    use super::*;

    fn row(name: &str, state: BookingState) -> BookingRow {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        BookingRow {
            id: BookingId(uuid::Uuid::nil()),
            tenant: TenantId::new("belle"),
            conversation: ConversationId(uuid::Uuid::nil()),
            contact: ContactId(uuid::Uuid::nil()),
            contact_name: Some(name.to_owned()),
            address: None,
            channel: None,
            service: "manucure".into(),
            resource: "Awa".into(),
            starts_at: at("2026-12-01T14:30:00Z"),
            ends_at: at("2026-12-01T15:15:00Z"),
            free_at: at("2026-12-01T15:15:00Z"),
            party: palabre_actors::domain::party::Party::default(),
            state,
            late_minutes: None,
            created_at: at("2026-11-30T09:00:00Z"),
        }
    }

    #[test]
    fn bookings_are_events() {
        let ics = as_ics("Awa", &[row("Nadia; la, 1re\r\nEND:VEVENT", BookingState::Held)], |_| "Manucure".into());
        let lines: Vec<&str> = ics.split("\r\n").collect();
        assert_eq!(lines[0], "BEGIN:VCALENDAR");
        assert!(lines.contains(&"DTSTART:20261201T143000Z") && lines.contains(&"DTEND:20261201T151500Z"), "{ics}");
        assert!(lines.contains(&"SUMMARY:Manucure · Nadia\\; la\\, 1re\\nEND:VEVENT"), "{ics}");
        assert!(lines.contains(&"STATUS:TENTATIVE"));
        assert_eq!(lines.iter().filter(|line| **line == "END:VEVENT").count(), 1, "a name ends nothing");
        assert!(ics.ends_with("END:VCALENDAR\r\n"));
    }

    #[test]
    fn a_group_shows_how_many_come() {
        let mut group = row("Nadia", BookingState::Confirmed);
        group.party.people = 4;
        let ics = as_ics("Salle", &[group], |_| "Yoga".into());
        assert!(ics.contains("SUMMARY:Yoga × 4 · Nadia\r\n"), "{ics}");
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let ics = as_ics("Awa", &[row(&"é".repeat(100), BookingState::Confirmed)], |_| "Manucure".into());
        assert!(ics.split("\r\n").all(|line| line.len() <= LINE_BYTES), "{ics}");
        assert!(ics.replace("\r\n ", "").contains(&"é".repeat(100)));
    }
}
