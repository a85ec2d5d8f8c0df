//! What people do with a conversation beside answering it.

use actix_web::web;
use chrono::{Datelike as _, Days, TimeDelta, TimeZone as _};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::conversation::Assignee;
use palabre_actors::domain::ids::{ConversationId, OutboundId};
use serde::Deserialize;

use super::conversation::{TalkOutcome, TalkQuery, id_of, page};
use super::display::Display;
use super::inbox::InboxQuery;
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::{consents, conversations, handling, inbox, outbox};
use crate::store::operator::{OperatorReason, ReplayOptions};

/// A name that a conversation is assigned to, in characters.
const LONGEST_NAME: usize = 100;

/// The fields that the forms of this page have between them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ActionForm {
    /// To whom it is assigned; empty: nobody.
    to: String,
    /// For how long it is put aside: `1h`, `3h`, `tomorrow`, `monday`, or empty for no longer.
    until: String,
    label: String,
    /// Whether the label is put on.
    on: bool,
    note: String,
    evidence: String,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.post("/conversations/{id}/{action}", perform);
    routes.post("/messages/{id}/replay", replay);
}

/// `POST /console/conversations/{id}/{action}`
pub async fn perform(
    member: Member,
    state: web::Data<ConsoleState>,
    path: web::Path<(String, String)>,
    query: web::Query<InboxQuery>,
    form: Form<ActionForm>,
) -> Result<Page, ConsoleError> {
    let (id, action) = path.into_inner();
    done(&member, &state, (&id, &action, &query), &form.0).await
}

async fn done(
    member: &Member,
    state: &ConsoleState,
    (id_text, action, query): (&str, &str, &InboxQuery),
    form: &ActionForm,
) -> Result<Page, ConsoleError> {
    let id = id_of(id_text)?;
    let (caller, at, now) = (&member.caller, state.access(), state.now());
    let place = (&member.tenant, id);
    let word = match action {
        "take-over" => {
            handling::hand_over(caller, at, id, None).await?;
            let me = Assignee::new(&member.name);
            handling::assign(caller, at, id, Some(me)).await?;
            "taken"
        }
        "hand-back" => {
            handling::hand_back(caller, at, id).await?;
            "back"
        }
        "resolve" => {
            handling::resolve(caller, at, id).await?;
            "resolved"
        }
        "reopen" => {
            handling::reopen(caller, at, id).await?;
            "reopened"
        }
        "block" => {
            handling::block(caller, at, id).await?;
            "blocked"
        }
        "unblock" => {
            handling::unblock(caller, at, id).await?;
            "unblocked"
        }
        "assign" => {
            let to: String = form.to.trim().chars().take(LONGEST_NAME).collect();
            let to = Some(to).filter(|to| !to.is_empty()).map(|to| Assignee::new(&to));
            handling::assign(caller, at, id, to).await?;
            "assigned"
        }
        "read" => {
            conversations::mark_read(caller, at.store, id).await?;
            "read"
        }
        "snooze" => {
            let until = snoozed_until(&state.display(member), &form.until);
            inbox::snooze(caller, at.store, place, until, now).await?;
            "snoozed"
        }
        "label" => {
            inbox::label(caller, at.store, place, (&form.label, form.on), now).await?;
            "label"
        }
        "note" if !form.note.trim().is_empty() => {
            inbox::add_note(caller, at.store, place, (&member.name, &form.note), now).await?;
            "note"
        }
        "note" => return Ok(back(id, query, None)),
        "opt-out" => match opt_out(member, state, id, &form.evidence).await? {
            None => "opted_out",
            Some(refused) => {
                let outcome = TalkOutcome { refused: Some(refused), ..TalkOutcome::default() };
                return page(member, state, (id_text, query, &TalkQuery::default()), outcome).await;
            }
        },
        _ => return Err(ConsoleError::NotFound),
    };
    Ok(back(id, query, Some(word)))
}

/// Back to the conversation, with a word about what was done.
fn back(id: ConversationId, query: &InboxQuery, done: Option<&str>) -> Page {
    let suffix = query.suffix();
    let joint = if suffix.is_empty() { "?" } else { "&" };
    let done = done.map(|done| format!("{joint}done={done}")).unwrap_or_default();
    Page::see(&format!("/console/conversations/{id}{suffix}{done}#end"))
}

/// Records that a customer asked not to be written to. Answers what is wrong with the reason.
async fn opt_out(
    member: &Member,
    state: &ConsoleState,
    id: ConversationId,
    evidence: &str,
) -> Result<Option<String>, ConsoleError> {
    let store = &state.deps.store;
    let row = conversations::show(&member.caller, store, id).await?;
    if row.tenant != member.tenant {
        return Err(ConsoleError::NotFound);
    }
    let evidence = match evidence.trim() {
        "" => None,
        said => match said.parse::<OperatorReason>() {
            Ok(reason) => Some(reason.as_str().to_owned()),
            Err(_) => return Ok(Some(state.text(member, "card", "opt_out_bad"))),
        },
    };
    let whom = (&member.tenant, &row.address);
    consents::opt_out(&member.caller, store, whom, evidence.as_deref(), state.now()).await?;
    Ok(None)
}

/// Until when a conversation is put aside, in the tenant's time.
fn snoozed_until(display: &Display, word: &str) -> Option<Timestamp> {
    let at_nine = |days: u64| {
        let day = display.now.with_timezone(&display.timezone).date_naive().checked_add_days(Days::new(days))?;
        let local = display.timezone.from_local_datetime(&day.and_hms_opt(9, 0, 0)?).earliest()?;
        Some(local.to_utc())
    };
    match word {
        "1h" => Some(display.now + TimeDelta::hours(1)),
        "3h" => Some(display.now + TimeDelta::hours(3)),
        "tomorrow" => at_nine(1),
        "monday" => {
            let today = display.now.with_timezone(&display.timezone).weekday();
            let days = 7 - today.num_days_from_monday();
            at_nine(u64::from(days))
        }
        _ => None,
    }
}

/// Where to go after a replay.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReplayForm {
    conversation: String,
}

/// `POST /console/messages/{id}/replay`
pub async fn replay(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<ReplayForm>,
) -> Result<Page, ConsoleError> {
    let id: OutboundId = id.parse().map_err(|_| ConsoleError::NotFound)?;
    outbox::show(&member.caller, &state.deps.store, id, state.now()).await?;
    let manner = ReplayOptions {
        reason: OperatorReason::unsaid(),
        per_second: 1,
        unordered: state.unordered(),
        at: state.now(),
    };
    outbox::replay(&member.caller, &state.deps.store, id, &manner).await?;
    Ok(back(id_of(&form.0.conversation)?, &InboxQuery::default(), Some("replayed")))
}

#[cfg(test)]
mod tests {
    use palabre_actors::domain::rules::Language;

    use super::*;

    #[test]
    fn a_snooze_ends_in_the_tenants_morning() {
        // A Monday, 10:00 in Paris.
        let now = "2026-11-30T09:00:00Z".parse().unwrap();
        let display = Display { language: Language::Fr, timezone: chrono_tz::Europe::Paris, now };
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        for (word, until) in [
            ("1h", at("2026-11-30T10:00:00Z")),
            ("tomorrow", at("2026-12-01T08:00:00Z")),
            ("monday", at("2026-12-07T08:00:00Z")),
            ("", None),
            ("never", None),
        ] {
            assert_eq!(snoozed_until(&display, word), until, "{word}");
        }
        let sunday = Display { now: "2026-11-29T09:00:00Z".parse().unwrap(), ..display };
        assert_eq!(snoozed_until(&sunday, "monday"), at("2026-11-30T08:00:00Z"));
    }
}
