//! `/console/conversations/{id}`: what was said, what may be done, who it is.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use minijinja::{Value, context};
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::conversation::{ConversationStatus, Handler};
use palabre_actors::domain::ids::ConversationId;
use palabre_actors::domain::template::Template;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dealings;
use super::display::{Display, address, channel_name, shown};
use super::inbox::{self, InboxQuery};
use super::lookups::MessageWindow;
use super::routes::PageRoutes;
use super::timeline::{self, Entry, Telling};
use super::{ConsoleError, ConsoleState, Member, Page, person_link};
use crate::service::inbox::{Thread, thread};
use crate::service::{Permission, conversations, media};
use crate::store::conversations::{InboxRow, TimelinePage, TimelineSide};
use crate::store::operator::ConsentRow;

/// Messages of a page.
const MESSAGES: usize = 60;

/// What stands in the address beside the list's filters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TalkQuery {
    /// Messages before this one.
    pub before: Option<Uuid>,
    /// Messages from this one on.
    pub from: Option<Uuid>,
    /// What was just done, for the line that says so.
    pub done: Option<String>,
}

/// What a page shows beside the conversation: of a form that was sent and could not be taken.
#[derive(Debug, Default)]
pub struct TalkOutcome {
    /// The text that was not sent, kept.
    pub text: String,
    /// The file that was attached, kept.
    pub file: String,
    /// A sentence about it.
    pub refused: Option<String>,
    /// The messages after this one are new: the reply was stale.
    pub stale_after: Option<Option<Uuid>>,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/conversations/{id}", show);
}

/// `GET /console/conversations/{id}`
pub async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    request: HttpRequest,
    id: web::Path<String>,
    (query, talk): (web::Query<InboxQuery>, web::Query<TalkQuery>),
) -> Result<Page, ConsoleError> {
    let conversation = id_of(&id)?;
    // A page that nobody looks at is kept up to date, and nothing is read by that.
    let is_looked_at = request.headers().get("X-Quiet").is_none_or(|quiet| quiet != "1");
    if is_looked_at && talk.before.is_none() && member.caller.may(Permission::ConversationWrite) {
        conversations::mark_read(&member.caller, &state.deps.store, conversation).await?;
    }
    page(&member, &state, (&id, &query, &talk), TalkOutcome::default()).await
}

/// Reads an id of an address: whatever is none leads nowhere.
pub fn id_of(text: &str) -> Result<ConversationId, ConsoleError> {
    text.parse().map_err(|_| ConsoleError::NotFound)
}

/// The whole page.
pub async fn page(
    member: &Member,
    state: &ConsoleState,
    (id, query, talk): (&str, &InboxQuery, &TalkQuery),
    outcome: TalkOutcome,
) -> Result<Page, ConsoleError> {
    let id = id_of(id)?;
    let (after, before, side) = match (talk.from, talk.before) {
        // The message itself is shown too.
        (Some(from), _) => (previous(from), None, TimelineSide::Oldest),
        (None, before) => (None, before, TimelineSide::Newest),
    };
    let page = TimelinePage { after, before, side, limit: MESSAGES };
    let (store, tenant) = (&state.deps.store, &member.tenant);
    let mut thread = thread(&member.caller, store, (tenant, id), page, state.now()).await?;
    // Some providers give a shared card as a file.
    for (message, cards) in media::cards(&state.deps.media, &thread.media).await {
        thread.details.entry(message).or_default().cards.extend(cards);
    }
    let list = inbox::list_context(member, state, query, Some(id)).await?;
    let names = state.names(member).await?;
    let dealings = dealings::card(member, state, thread.contact.as_ref()).await?;
    let talk = talk_context(member, state, (&thread, names), (talk, &outcome));
    state.page(("conversation.html", "conversations"), member, context! { dealings, ..context! { ..talk, ..list } })
}

/// The messages that a stale reply did not know of.
fn fresh(entries: &[Entry], stale_after: Option<Option<Uuid>>) -> Vec<&Entry> {
    let Some(Some(after)) = stale_after.map(|after| after.map(|id| id.to_string())) else { return Vec::new() };
    let is_new = |entry: &&Entry| matches!(entry, Entry::Message(line) if line.id > after);
    entries.iter().filter(is_new).collect()
}

fn previous(id: Uuid) -> Option<Uuid> {
    id.as_u128().checked_sub(1).map(Uuid::from_u128)
}

/// Who answers, for the head of the conversation.
#[derive(Serialize)]
struct Standing {
    text: String,
    is_bot: bool,
    is_resolved: bool,
    is_mine: bool,
    is_snoozed: bool,
}

fn standing(state: &ConsoleState, member: &Member, row: &InboxRow, now: Timestamp) -> Standing {
    let conversation = &row.conversation;
    let is_mine = conversation.assignee.as_deref() == Some(member.name.as_str());
    let (is_bot, is_resolved) =
        (conversation.handler == Handler::Bot, conversation.status == ConversationStatus::Resolved);
    let text = |key: &str| state.text(member, "talk", key);
    let told = match (is_resolved, is_bot, conversation.assignee.as_deref()) {
        _ if conversation.is_blocked => text("is_blocked"),
        (true, ..) => text("is_resolved"),
        (false, true, _) => text("robot_answers"),
        (false, false, Some(_)) if is_mine => text("you_answer"),
        (false, false, Some(name)) => text("waiting_for").replace("{name}", name),
        (false, false, None) => text("waiting_anyone"),
    };
    Standing { text: told, is_bot, is_resolved, is_mine, is_snoozed: row.is_snoozed(now) }
}

/// Whether free text may be sent now, and until when.
#[derive(Serialize)]
struct Window {
    /// `open`, `closed` or `free`
    kind: &'static str,
    text: String,
}

fn window(state: &ConsoleState, member: &Member, row: &InboxRow, display: &Display, has_templates: bool) -> Window {
    let text = |key: &str| state.text(member, "talk", key);
    match state.window(&row.conversation) {
        None => Window { kind: "free", text: text("window_none") },
        Some(MessageWindow::Open(left)) => {
            Window { kind: "open", text: text("window_open").replace("{time}", &display.lasting(left)) }
        }
        Some(_) if !has_templates => Window { kind: "closed", text: text("window_templates_missing") },
        Some(MessageWindow::Closed) => Window { kind: "closed", text: text("window_closed") },
        Some(MessageWindow::Never) => Window { kind: "closed", text: text("window_never") },
    }
}

#[derive(Serialize)]
struct TemplateForm {
    name: String,
    preview: String,
    variables: Vec<String>,
}

fn templates(state: &ConsoleState, member: &Member, row: &InboxRow) -> Vec<TemplateForm> {
    let (tenant, channel) = (state.tenant(&member.tenant), &row.conversation.channel);
    let knows = |template: &&Template| {
        state.channel(&member.tenant, channel).is_some_and(|of| of.profile.templates.contains_key(&template.name))
    };
    let tenant_templates = tenant.as_ref().map(|tenant| tenant.rules.source().templates.as_slice());
    let templates = tenant_templates.unwrap_or_default();
    let form = |template: &Template| TemplateForm {
        name: template.name.clone(),
        preview: template.body.clone().unwrap_or_default(),
        variables: template.variables.clone(),
    };
    templates.iter().filter(knows).map(form).collect()
}

#[derive(Serialize)]
struct Consent {
    text: String,
    source: String,
    proof: Option<String>,
}

fn consent(state: &ConsoleState, member: &Member, display: &Display, row: &ConsentRow) -> Consent {
    let text = |key: String| state.text(member, "card", &key);
    Consent {
        text: text(format!("consent_{}", row.what)).replace("{date}", &display.moment(row.created_at)),
        source: text(format!("consent_{}", row.source)),
        proof: row.evidence.as_ref().map(|proof| text("proof".to_owned()).replace("{proof}", proof)),
    }
}

fn talk_context(
    member: &Member,
    state: &ConsoleState,
    (thread, names): (&Thread, BTreeMap<String, String>),
    (talk, outcome): (&TalkQuery, &TalkOutcome),
) -> Value {
    let (display, row) = (state.display(member), &thread.row);
    let conversation = &row.conversation;
    let may = |permission| member.caller.may(permission);
    let colleagues: Vec<String> = names.values().cloned().collect();
    let telling = Telling {
        texts: state.pages.texts(),
        display,
        me: member.caller.who.to_string(),
        names,
        may_resend: may(Permission::OutboxWrite),
        may_merge: may(Permission::ContactWrite),
    };
    let (entries, templates) = (timeline::entries(thread, &telling), templates(state, member, row));
    let home = state.home(&member.tenant);
    let has_flows = state.tenant(&member.tenant).is_some_and(|tenant| tenant.rules.flows().is_some());
    let opted_out = thread.opted_out().is_some();
    let done = talk.done.as_deref().and_then(|done| {
        state.pages.texts().find(member.language, "talk", &format!("done_{done}")).map(ToOwned::to_owned)
    });
    let undo = match talk.done.as_deref() {
        Some("taken") => Some("hand-back"),
        Some("back") => Some("take-over"),
        Some("resolved") => Some("reopen"),
        Some("reopened") => Some("resolve"),
        Some("blocked") => Some("unblock"),
        Some("unblocked") => Some("block"),
        _ => None,
    };
    let contact = thread.contact.as_ref();
    let addresses: Vec<(String, &str)> = contact
        .map(|contact| contact.addresses.as_slice())
        .unwrap_or(std::slice::from_ref(&conversation.address))
        .iter()
        .map(|of| (address(of, home), channel_name(of.scheme())))
        .collect();
    let their_conversations: Vec<(String, &str, String)> = contact
        .map(|contact| contact.conversations.as_slice())
        .unwrap_or_default()
        .iter()
        .filter(|other| other.id != conversation.id)
        .map(|other| (other.id.to_string(), channel_name(other.address.scheme()), display.short(other.place().0)))
        .collect();
    let standing = standing(state, member, row, display.now);
    let window = window(state, member, row, &display, !templates.is_empty());
    context! {
        conversation => context! {
            id => conversation.id.to_string(),
            name => inbox::name_of(state, member, row),
            channel => channel_name(conversation.address.scheme()),
            number => address(&conversation.address, home),
            version => conversation.version,
            last_message => timeline::last_of(thread).map(|id| id.to_string()),
            assignee => conversation.assignee.clone(),
            waits => row.waits(display.now).map(|since| display.since(since)),
            labels => shown(&row.labels),
            is_blocked => row.conversation.is_blocked,
        },
        badges => shown(inbox::badges(state, member, row, &display)),
        standing => shown(standing),
        window => shown(window),
        opted_out,
        may_write => may(Permission::ConversationWrite),
        may_reply => may(Permission::MessageSend) && may(Permission::ConversationWrite),
        may_merge => contact.is_some() && may(Permission::ContactWrite) && may(Permission::ContentRead),
        may_link => contact.is_some() && person_link::may_link(state, member),
        may_place => has_flows && may(Permission::MessageSend) && may(Permission::ConversationWrite),
        may_opt_out => may(Permission::ConsentWrite) && !opted_out,
        entries => shown(&entries),
        earlier => thread.timeline.earlier.map(|id| id.to_string()),
        later => thread.timeline.later.map(|id| id.to_string()),
        templates => shown(templates),
        canned => shown(thread.canned_replies.iter().map(|reply| (reply.shortcut.clone(), reply.body.clone())).collect::<Vec<_>>()),
        key => Uuid::now_v7().simple().to_string(),
        text => outcome.text.clone(),
        file => outcome.file.clone(),
        refused => outcome.refused.clone(),
        is_stale => outcome.stale_after.is_some(),
        fresh => shown(fresh(&entries, outcome.stale_after)),
        done,
        undo,
        colleagues => shown(colleagues),
        addresses => shown(addresses),
        their_conversations => shown(their_conversations),
        contact => contact.map(|contact| contact.id.to_string()),
        may_export => may(Permission::PrivacyExport),
        may_erase => may(Permission::PrivacyErase),
        known_since => contact.map(|contact| display.moment(contact.created_at)),
        consents => shown(thread.consents.iter().map(|row| consent(state, member, &display, row)).collect::<Vec<_>>()),
    }
}
