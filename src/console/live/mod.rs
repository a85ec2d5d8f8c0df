//! `/console/events`: one stream for each browser, with what happens in the tenant that it looks at.
//!
//! An event of the stream has the id of its row in the event log, so that a browser that comes back (`Last-Event-ID`) gets what
//! it missed, from any node. When that is too much, `resync` tells the page to read itself anew.

mod feed;
mod presence;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ConversationId, TenantId};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

pub use self::feed::LiveFeed;
use self::feed::{LiveEvent, Subscription};
use self::presence::PresenceNote;
use super::routes::PageRoutes;
use super::{ConsoleError, ConsoleState, Form, Member};
use crate::service::{Permission, handling};
use crate::store::operator::Operator;

/// Time between two signs of life: proxies close a connection that is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A browser that missed more reads the page anew.
const MOST_MISSED: usize = 500;
/// How soon a browser comes back after the stream broke: spread, so that a node's restart is no burst. In milliseconds.
const RETRY_MS: std::ops::Range<u64> = 300..3_000;

/// Where a page that just connects begins.
#[derive(Debug, Deserialize)]
pub struct StreamQuery {
    /// An id that was made when the page was.
    after: Option<Uuid>,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/events", stream);
    routes.post("/presence", presence);
}

/// `GET /console/events`
pub async fn stream(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    query: web::Query<StreamQuery>,
) -> Result<HttpResponse, ConsoleError> {
    member.caller.require(Permission::ConversationRead)?;
    let last = request.headers().get("Last-Event-ID").and_then(|id| id.to_str().ok());
    let after = last.and_then(|id| id.parse().ok()).or(query.after);
    // First the subscription, then what was missed: nothing falls between.
    let subscription = state.deps.feed.subscribe(&member.tenant);
    let source =
        Source { subscription, pending: missed(&state.deps.store, &member.tenant, after).await, sent: HashSet::new() };
    let hello = format!("retry: {}\n\n", fastrand::u64(RETRY_MS));
    let body = futures_util::stream::unfold((source, Some(hello)), |(mut source, hello)| async move {
        let chunk = match hello {
            Some(hello) => hello,
            None => source.next().await?,
        };
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(chunk)), (source, None)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        // nginx passes each event on at once.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

/// What one browser is told, in its order.
struct Source {
    subscription: Subscription,
    pending: VecDeque<String>,
    /// What it was told of: events of a transaction that took long come twice.
    sent: HashSet<Uuid>,
}

impl Source {
    /// The next piece of the stream. `None`: it ends, and the browser comes back by itself.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(chunk) = self.pending.pop_front() {
                return Some(chunk);
            }
            match tokio::time::timeout(HEARTBEAT, self.subscription.next()).await {
                Err(_) => return Some(": still here\n\n".to_owned()),
                Ok(Err(RecvError::Closed)) => return None,
                Ok(Err(RecvError::Lagged(_))) => return Some(RESYNC.to_owned()),
                Ok(Ok(event)) => match &*event {
                    LiveEvent::Changed(row) if !self.sent.insert(row.id) => {}
                    LiveEvent::Changed(row) => {
                        if self.sent.len() > 10_000 {
                            self.sent.clear();
                        }
                        return Some(changed(row.id, row.conversation));
                    }
                    LiveEvent::Presence(json) => return Some(format!("event: presence\ndata: {json}\n\n")),
                },
            }
        }
    }
}

const RESYNC: &str = "event: resync\ndata: {}\n\n";

fn changed(id: Uuid, conversation: Option<Uuid>) -> String {
    let data = serde_json::json!({ "conversation": conversation });
    format!("id: {id}\nevent: changed\ndata: {data}\n\n")
}

/// What a browser missed since an event: each conversation once, or `resync`.
async fn missed(store: &Operator, tenant: &TenantId, after: Option<Uuid>) -> VecDeque<String> {
    let resync = || VecDeque::from([RESYNC.to_owned()]);
    let Some(after) = after else { return VecDeque::new() };
    let Some(made_at) = made_at(after) else { return resync() };
    match store.missed(tenant, (after, made_at), MOST_MISSED).await {
        Ok(rows) if rows.len() < MOST_MISSED => {
            // The newest event of each conversation, in their order.
            let mut known = HashSet::new();
            let newest = rows.iter().rev().filter(|row| known.insert(row.conversation));
            let mut pieces: VecDeque<String> = newest.map(|row| changed(row.id, row.conversation)).collect();
            pieces.make_contiguous().reverse();
            pieces
        }
        Ok(_) => resync(),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "what a console missed cannot be read");
            resync()
        }
    }
}

/// When an id was made.
fn made_at(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Timestamp::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// Who looks at a conversation, and whether they write.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PresenceForm {
    conversation: String,
    typing: bool,
    /// They have closed it.
    gone: bool,
    /// They type into the test phone, as the customer.
    customer: bool,
}

/// `POST /console/presence`
pub async fn presence(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<PresenceForm>,
) -> Result<HttpResponse, ConsoleError> {
    member.caller.require(Permission::ConversationRead)?;
    let conversation: Uuid = form.0.conversation.parse().map_err(|_| ConsoleError::NotFound)?;
    if form.0.customer {
        member.caller.require(Permission::ConversationWrite)?;
        state.deps.feed.customer_types(&member.tenant, conversation);
        return Ok(HttpResponse::NoContent().finish());
    }
    state.deps.feed.note(PresenceNote {
        tenant: member.tenant.clone(),
        conversation,
        who: Some((member.caller.who.to_string(), member.name.clone())),
        is_typing: form.0.typing,
        is_gone: form.0.gone,
    });
    let (may, feed) = (|permission| member.caller.may(permission), &state.deps.feed);
    if form.0.typing
        && may(Permission::MessageSend)
        && may(Permission::ConversationWrite)
        && feed.typing_is_due(&member.tenant, conversation)
    {
        let shown = handling::show_typing(&member.caller, state.access(), ConversationId(conversation)).await?;
        if let Some(lasts) = shown {
            feed.typing_lasts(&member.tenant, conversation, lasts);
        }
    }
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_the_stream_has_the_id_of_its_row() {
        let id = Uuid::now_v7();
        let told = changed(id, None);
        assert_eq!(told, format!("id: {id}\nevent: changed\ndata: {{\"conversation\":null}}\n\n"));
        assert!((made_at(id).unwrap() - chrono::Utc::now()).num_seconds().abs() < 60);
        assert_eq!(made_at(Uuid::from_u128(7)), None);
    }
}
