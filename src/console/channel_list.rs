//! `/console/channels`: whether each channel works, what waits at it, when something last came in and went out.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::address::Scheme;
use palabre_actors::domain::ids::ChannelId;
use palabre_actors::domain::rules::Language;
use palabre_actors::domain::status::OutboxState;
use palabre_actors::ports::Pause;
use serde::{Deserialize, Serialize};

use super::display::{Display, address, channel_name, shown};
use super::routes::PageRoutes;
use super::setup::Fields;
use super::timeline::why;
use super::{ConsoleError, ConsoleState, Form, Member, Page};
use crate::config::Channel;
use crate::gateway::channel_setup::said;
use crate::gateway::{code, provider};
use crate::service::setup::activity;
use crate::service::{Permission, channels, outbox};
use crate::store::operator::{ChannelActivity, Filter, OperatorReason, OutboxCount, endless};

const WAITING: [OutboxState; 4] =
    [OutboxState::Pending, OutboxState::Sending, OutboxState::Deferred, OutboxState::Unknown];

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/channels", show);
    routes.post("/channels/{id}/pause", pause);
    routes.post("/channels/{id}/resume", resume);
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    /// What was just done.
    done: String,
}

/// A channel and how it is.
#[derive(Serialize)]
struct ChannelState {
    id: String,
    name: &'static str,
    address: String,
    is_test_phone: bool,
    is_paused: bool,
    /// Until when; empty: until somebody resumes it.
    paused_until: Option<String>,
    /// Why it is paused, or why its provider does not serve it.
    why: Option<String>,
    /// What to do about it.
    advice: Option<String>,
    failing_since: Option<String>,
    waiting: u64,
    heard: Option<String>,
    machine: Option<String>,
    /// About when something last went out.
    sent: Option<String>,
    sent_machine: Option<String>,
}

/// What is known of all channels.
struct Known<'a> {
    display: &'a Display,
    pauses: &'a [Pause],
    activity: &'a [ChannelActivity],
    counts: &'a [OutboxCount],
}

/// `GET /console/channels`
async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<ListQuery>,
) -> Result<Page, ConsoleError> {
    let (caller, store, now) = (&member.caller, &state.deps.store, state.now());
    let pauses = channels::pauses(caller, store, now).await?;
    let activity = activity(caller, store, &member.tenant).await?;
    let filter = Filter { tenants: member.own_tenant(), states: WAITING.to_vec(), ..Filter::default() };
    let counts = outbox::counts(caller, store, &filter, now).await?;
    let display = state.display(&member);
    let known = Known { display: &display, pauses: &pauses, activity: &activity, counts: &counts };
    let tenant = state.tenant(&member.tenant);
    let configured = tenant.as_ref().map(|tenant| tenant.channels.as_slice()).unwrap_or_default();
    let lines: Vec<ChannelState> = configured.iter().map(|channel| line(&member, &state, channel, &known)).collect();
    let context = context! {
        channels => shown(lines),
        may_write => caller.may(Permission::ChannelWrite),
        may_connect => caller.may(Permission::ChannelWrite) && caller.may(Permission::SettingWrite) && state.deps.setup.is_some(),
        done => state.pages.texts().find(member.language, "channels", &format!("done_{}", query.done)),
    };
    state.page(("channels.html", "channels"), &member, context)
}

fn line(member: &Member, state: &ConsoleState, channel: &Channel, known: &Known<'_>) -> ChannelState {
    let Known { display, pauses, activity, counts } = known;
    let pause = pauses.iter().find(|pause| pause.channel_key.channel == channel.id);
    let failing = state.deps.failing.failing(&member.tenant, &channel.id);
    let reason = pause.map(|pause| pause.reason.as_str()).or(failing.as_ref().map(|(reason, _)| reason.as_str()));
    let activity = activity.iter().find(|of| of.channel == channel.id);
    let heard = activity.and_then(|of| of.last_inbound_at);
    let sent = activity.and_then(|of| of.last_sent_in);
    let setup = provider(channel.provider.name()).and_then(|provider| provider.setup());
    ChannelState {
        id: channel.id.to_string(),
        name: setup.map_or(channel_name(channel.address.scheme()), |setup| setup.name),
        address: address(&channel.address, state.home(&member.tenant)),
        is_test_phone: channel.address.scheme() == Scheme::Sandbox,
        is_paused: pause.is_some(),
        paused_until: pause.filter(|pause| pause.until < endless()).map(|pause| display.moment(pause.until)),
        why: reason.map(|reason| told(state, display, reason)),
        advice: reason.and_then(|reason| advice(member, state, channel, reason)),
        failing_since: failing.map(|(_, since)| display.moment(since)),
        waiting: counts.iter().filter(|count| count.channel == channel.id).map(|count| count.messages).sum(),
        heard: heard.map(|at| display.moment(at)),
        machine: heard.map(Display::machine),
        sent: sent.map(|at| display.moment(at)),
        sent_machine: sent.map(Display::machine),
    }
}

/// A reason in words: a provider's code, a word of ours, or what somebody wrote.
fn told(state: &ConsoleState, display: &Display, reason: &str) -> String {
    match code(reason) {
        Some(code) => code.explain(display.language).to_owned(),
        // What people wrote has spaces in it.
        None if reason.contains(' ') => reason.to_owned(),
        None => why(state.pages.texts(), display, reason),
    }
}

/// What to do about a provider's code.
fn advice(member: &Member, state: &ConsoleState, channel: &Channel, reason: &str) -> Option<String> {
    let language: Language = member.language;
    let fallback = channel.profile.fallback.as_ref().map_or("", |fallback| fallback.as_str());
    let again = state.text(member, "channels", "again");
    let text = said(code(reason)?.advice, language);
    let text = text.replace("{channel}", channel.id.as_str()).replace("{fallback}", fallback);
    Some(text.replace("{replay}", &again).replace("{again}", &again).replace("{later}", &again))
}

/// A channel of the tenant: another's is none.
fn own(member: &Member, state: &ConsoleState, id: &str) -> Result<ChannelId, ConsoleError> {
    let channel = state.channel(&member.tenant, &ChannelId::new(id)).ok_or(ConsoleError::NotFound)?;
    Ok(channel.id)
}

/// `POST /console/channels/{id}/pause`: until somebody resumes it.
async fn pause(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let channel = own(&member, &state, &id)?;
    let reason = form.0.line("reason", 200);
    let reason = match reason.parse::<OperatorReason>() {
        Ok(reason) => reason,
        Err(_) if reason.is_empty() => OperatorReason::unsaid(),
        // What looks like a number or an address is not kept.
        Err(_) => return Ok(Page::see("/console/channels?done=personal")),
    };
    channels::pause(&member.caller, &state.deps.store, &channel, &reason, (endless(), state.now())).await?;
    Ok(Page::see("/console/channels?done=paused"))
}

/// `POST /console/channels/{id}/resume`
async fn resume(
    member: Member,
    state: web::Data<ConsoleState>,
    id: web::Path<String>,
    _form: Form<Fields>,
) -> Result<Page, ConsoleError> {
    let channel = own(&member, &state, &id)?;
    channels::resume(&member.caller, &state.deps.store, &channel).await?;
    Ok(Page::see("/console/channels?done=resumed"))
}
