//! `/console/outbox`: what waits, what was not sent and why, and what may be done about it.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::ids::{ChannelId, OutboundId};
use palabre_actors::domain::status::OutboxState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::display::{Display, first_words, shown};
use super::routes::PageRoutes;
use super::timeline::why;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::service::{Permission, channels, outbox};
use crate::store::operator::{Changed, Filter, Item, OperatorReason, PageRequest, ReplayOptions, endless};

/// Rows of a page.
const ROWS: usize = 50;
/// Messages that go out again in a second, when all are sent again.
pub(super) const PER_SECOND: u32 = 5;

/// Which messages, and from where on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OutboxQuery {
    /// `waiting`, or those that need a look.
    list: String,
    before: Option<Uuid>,
    /// What was just done.
    done: String,
}

const WAITING: &[OutboxState] =
    &[OutboxState::Pending, OutboxState::Sending, OutboxState::Deferred, OutboxState::Unknown];
pub(super) const LOST: &[OutboxState] = &[OutboxState::Dead, OutboxState::Failed];

#[derive(Serialize)]
struct OutboxLine {
    id: String,
    conversation: String,
    to: String,
    text: String,
    time: String,
    machine: String,
    state: String,
    state_text: String,
    why: Option<String>,
    can_replay: bool,
    can_cancel: bool,
}

#[derive(Serialize)]
struct ChannelLine {
    id: String,
    name: &'static str,
    /// Until when it is paused; empty: without an end.
    paused_until: Option<String>,
    is_paused: bool,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/outbox", show);
    routes.post("/outbox/replay", replay_all);
    routes.post("/outbox/{id}/replay", replay);
    routes.post("/outbox/{id}/cancel", cancel);
    routes.post("/outbox/channels/{channel}/{action}", channel);
}

/// `GET /console/outbox`
pub async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<OutboxQuery>,
) -> Result<Page, ConsoleError> {
    let is_waiting = query.list == "waiting";
    let filter = filter(&member, if is_waiting { WAITING } else { LOST });
    let page = PageRequest { before: query.before, limit: ROWS + 1 };
    let (store, now) = (&state.deps.store, state.now());
    let mut items = outbox::list(&member.caller, store, &filter, page, now).await?;
    let has_more = items.len() > ROWS;
    items.truncate(ROWS);
    let more = items
        .last()
        .filter(|_| has_more)
        .map(|last| format!("/console/outbox?list={}&before={}", if is_waiting { "waiting" } else { "lost" }, last.id));
    let display = state.display(&member);
    let lines: Vec<OutboxLine> = items.iter().map(|item| line(&member, &state, &display, item)).collect();
    let (waiting_count, lost_count) = (count(&member, &state, WAITING).await?, lost(&member, &state).await?);
    let channels = channel_lines(&member, &state, &display).await?;
    let done = state.pages.texts().find(member.language, "outbox", &format!("done_{}", query.done));
    let context = context! {
        is_waiting,
        lines => shown(lines),
        more,
        waiting_count,
        lost_count,
        channels => shown(channels),
        may_change => member.caller.may(Permission::OutboxWrite),
        may_pause => member.caller.may(Permission::ChannelWrite),
        done,
    };
    state.page(("outbox.html", "outbox"), &member, context)
}

/// How many of the tenant's messages were not sent.
pub(super) async fn lost(member: &Member, state: &ConsoleState) -> Result<u64, ConsoleError> {
    count(member, state, LOST).await
}

async fn count(member: &Member, state: &ConsoleState, states: &[OutboxState]) -> Result<u64, ConsoleError> {
    let counts = outbox::counts(&member.caller, &state.deps.store, &filter(member, states), state.now()).await?;
    Ok(counts.iter().map(|count| count.messages).sum())
}

fn filter(member: &Member, states: &[OutboxState]) -> Filter {
    Filter { tenants: member.own_tenant(), states: states.to_vec(), ..Filter::default() }
}

fn line(member: &Member, state: &ConsoleState, display: &Display, item: &Item) -> OutboxLine {
    let sees_content = member.caller.may(Permission::ContentRead);
    let may_change = member.caller.may(Permission::OutboxWrite);
    let word = item.state.as_str();
    OutboxLine {
        id: item.id.to_string(),
        conversation: item.conversation.to_string(),
        to: state.seen_address(member, &item.to),
        text: if sees_content { first_words(&item.body, 120) } else { String::new() },
        time: display.short(item.created_at),
        machine: Display::machine(item.created_at),
        state_text: state.text(member, "state", word),
        state: word.to_owned(),
        why: item.reason.as_deref().map(|reason| why(state.pages.texts(), display, reason)),
        can_replay: may_change && LOST.contains(&item.state),
        can_cancel: may_change && matches!(item.state, OutboxState::Pending | OutboxState::Deferred),
    }
}

async fn channel_lines(
    member: &Member,
    state: &ConsoleState,
    display: &Display,
) -> Result<Vec<ChannelLine>, ConsoleError> {
    if !member.caller.may(Permission::ChannelRead) {
        return Ok(Vec::new());
    }
    let pauses = channels::pauses(&member.caller, &state.deps.store, display.now).await?;
    let tenant = state.tenant(&member.tenant);
    let configured = tenant.as_ref().map(|tenant| tenant.channels.as_slice()).unwrap_or_default();
    let line = |channel: &crate::config::Channel| {
        let pause = pauses.iter().find(|pause| pause.channel_key.channel == channel.id);
        ChannelLine {
            id: channel.id.to_string(),
            name: super::display::channel_name(channel.address.scheme()),
            paused_until: pause.filter(|pause| pause.until < endless()).map(|pause| display.moment(pause.until)),
            is_paused: pause.is_some(),
        }
    };
    Ok(configured.iter().map(line).collect())
}

/// A form without fields of its own that matter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OutboxForm {
    list: String,
}

fn back(form: &OutboxForm, done: &str) -> Page {
    let list = if form.list == "waiting" { "waiting" } else { "lost" };
    Page::see(&format!("/console/outbox?list={list}&done={done}"))
}

fn told(form: &OutboxForm, changed: &Changed, done: &str) -> Result<Page, ConsoleError> {
    match changed {
        Changed::Done(_) => Ok(back(form, done)),
        Changed::NotFrom(_) => Ok(back(form, "unchanged")),
        Changed::NoSuchMessage => Err(ConsoleError::NotFound),
    }
}

/// `POST /console/outbox/{id}/replay`
pub async fn replay(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<OutboxForm>,
) -> Result<Page, ConsoleError> {
    let id: OutboundId = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let manner = manner(&state, 1);
    let changed = outbox::replay(&member.caller, &state.deps.store, id, &manner).await?;
    told(&form.0, &changed, "replayed")
}

/// `POST /console/outbox/replay`: all that were not sent.
pub async fn replay_all(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<OutboxForm>,
) -> Result<Page, ConsoleError> {
    let manner = manner(&state, PER_SECOND);
    outbox::replay_all(&member.caller, &state.deps.store, &filter(&member, LOST), &manner).await?;
    Ok(back(&form.0, "replayed"))
}

pub(super) fn manner(state: &ConsoleState, per_second: u32) -> ReplayOptions {
    ReplayOptions { reason: OperatorReason::unsaid(), per_second, unordered: state.unordered(), at: state.now() }
}

/// `POST /console/outbox/{id}/cancel`
pub async fn cancel(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<OutboxForm>,
) -> Result<Page, ConsoleError> {
    let id: OutboundId = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let reason = OperatorReason::unsaid();
    let changed = outbox::cancel(&member.caller, &state.deps.store, id, &reason, state.now()).await?;
    told(&form.0, &changed, "cancelled")
}

/// `POST /console/outbox/channels/{channel}/{action}`: `pause` without an end, or `resume`.
pub async fn channel(
    member: Member,
    state: web::Data<ConsoleState>,
    path: web::Path<(String, String)>,
    form: Form<OutboxForm>,
) -> Result<Page, ConsoleError> {
    let (channel, action) = path.into_inner();
    let (channel, store) = (ChannelId::new(&channel), &state.deps.store);
    match action.as_str() {
        "pause" => {
            let times = (endless(), state.now());
            channels::pause(&member.caller, store, &channel, &OperatorReason::unsaid(), times).await?;
            Ok(back(&form.0, "paused"))
        }
        "resume" => {
            channels::resume(&member.caller, store, &channel).await?;
            Ok(back(&form.0, "resumed"))
        }
        _ => Err(ConsoleError::NotFound),
    }
}
