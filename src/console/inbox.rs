//! `/console/conversations`: who waits, and everybody else.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use minijinja::context;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::conversation::{ConversationStatus, Handler};
use palabre_actors::domain::ids::{ChannelId, ConversationId};
use serde::{Deserialize, Serialize};

use super::display::{Display, address, channel_name, first_words, initials, shown};
use super::lookups::MessageWindow;
use super::routes::PageRoutes;
use super::search::search_page;
use super::{ConsoleError, ConsoleState, Member, Page};
use crate::service::inbox::{self, Inbox, InboxPart};
use crate::store::conversations::{AssignedTo, InboxFilter, InboxPage, InboxRow};

/// Rows of a page.
const ROWS: usize = 40;
/// The word of the address for those who are blocked: no status, but chosen among them.
const BLOCKED: &str = "blocked";
/// A window that stays open for longer is no news in a list.
const CLOSES_SOON: TimeDelta = TimeDelta::hours(6);
/// Characters of the last message that a row shows.
const SNIPPET: usize = 90;

/// What stands in the address: which list, and its filters.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct InboxQuery {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tab: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub channel: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub assignee: String,
    /// Where the page begins: a moment and an id.
    #[serde(skip_serializing)]
    pub after: String,
    /// Of a search: the number before which it goes on.
    #[serde(skip_serializing)]
    pub more: Option<i64>,
}

/// What a list shows of one conversation.
#[derive(Serialize)]
struct ListRow {
    id: String,
    name: String,
    initials: String,
    channel: &'static str,
    snippet: String,
    /// Who wrote the last message, when it was not the contact.
    by: Option<String>,
    time: String,
    machine: String,
    waits: Option<String>,
    unread: i64,
    badges: Vec<Badge>,
    labels: Vec<String>,
    is_current: bool,
}

/// A word about a conversation.
#[derive(Serialize)]
pub struct Badge {
    pub kind: &'static str,
    pub text: String,
}

#[derive(Serialize)]
struct Tab {
    key: &'static str,
    label: String,
    href: String,
    is_current: bool,
    count: i64,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

impl InboxQuery {
    /// The tab, with the default.
    fn tab(&self) -> &'static str {
        ["mine", "waiting", "bot"].into_iter().find(|tab| *tab == self.tab).unwrap_or("all")
    }

    /// `?tab=mine&label=vip`, or nothing.
    #[must_use]
    pub fn suffix(&self) -> String {
        let fields = [
            ("tab", &self.tab),
            ("status", &self.status),
            ("channel", &self.channel),
            ("label", &self.label),
            ("assignee", &self.assignee),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields.into_iter().filter(|(_, value)| !value.is_empty()));
        match query.finish() {
            query if query.is_empty() => query,
            query => format!("?{query}"),
        }
    }

    fn is_filtered(&self) -> bool {
        [&self.status, &self.channel, &self.label, &self.assignee].iter().any(|value| !value.is_empty())
    }

    fn filter(&self, member: &Member, now: Timestamp) -> InboxFilter {
        let assignee = match (self.tab(), self.assignee.as_str()) {
            ("mine", _) => Some(AssignedTo::Person(member.name.clone())),
            (_, "") => None,
            (_, "-") => Some(AssignedTo::Nobody),
            (_, name) => Some(AssignedTo::Person(name.to_owned())),
        };
        InboxFilter {
            tenant: member.tenant.clone(),
            status: self.status.parse::<ConversationStatus>().ok(),
            handler: (self.tab() == "bot").then_some(Handler::Bot),
            channel: Some(self.channel.as_str()).filter(|channel| !channel.is_empty()).map(ChannelId::new),
            assignee,
            or_nobodys: self.tab() == "mine",
            is_blocked: self.status == BLOCKED,
            label: Some(self.label.clone()).filter(|label| !label.is_empty()),
            now,
        }
    }
}

/// A place in a list, as the address has it: microseconds and an id.
fn place((at, id): (Timestamp, ConversationId)) -> String {
    format!("{}_{id}", at.timestamp_micros())
}

fn read_place(text: &str) -> Option<(Timestamp, ConversationId)> {
    let (micros, id) = text.split_once('_')?;
    Some((Timestamp::from_timestamp_micros(micros.parse().ok()?)?, id.parse().ok()?))
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/conversations", list);
    routes.get("/waiting", waiting);
}

/// `GET /console/waiting`: how many wait for whoever asks, for the pages that have no list.
pub async fn waiting(member: Member, state: web::Data<ConsoleState>) -> Result<HttpResponse, ConsoleError> {
    let (caller, store) = (&member.caller, &state.deps.store);
    let counts = inbox::counts(caller, store, &member.tenant, &member.name, state.now()).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "mine": counts.mine })))
}

/// `GET /console/conversations`
pub async fn list(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<InboxQuery>,
) -> Result<Page, ConsoleError> {
    match query.q.trim() {
        "" => {
            let list = list_context(&member, &state, &query, None).await?;
            state.page(("conversations.html", "conversations"), &member, list)
        }
        words => search_page(&member, &state, (words, query.more)).await,
    }
}

/// The list of the inbox, for its own page and beside a conversation.
pub async fn list_context(
    member: &Member,
    state: &ConsoleState,
    query: &InboxQuery,
    current: Option<ConversationId>,
) -> Result<minijinja::Value, ConsoleError> {
    let filter = query.filter(member, state.now());
    let part = if query.tab() == "waiting" { InboxPart::Waiting } else { InboxPart::Everybody };
    let page = InboxPage { after: read_place(&query.after), limit: ROWS };
    let found = inbox::list(&member.caller, &state.deps.store, &filter, (part, page), &member.name).await?;
    let rows = ShownRows { member, state, display: state.display(member), found: &found, current };
    let last = |rows: &[InboxRow], has_more: bool, of: fn(&InboxRow) -> (Timestamp, ConversationId)| {
        rows.last().filter(|_| has_more).map(|row| {
            let suffix = query.suffix();
            let joint = if suffix.is_empty() { "?" } else { "&" };
            format!("/console/conversations{suffix}{joint}after={}", place(of(row)))
        })
    };
    let waited = |row: &InboxRow| (row.waiting_since.unwrap_or_default(), row.conversation.id);
    let more_waiting = match part {
        InboxPart::Waiting => last(&found.waiting, found.has_more_waiting, waited),
        InboxPart::Everybody => {
            let of_all = InboxQuery { tab: "waiting".to_owned(), ..query.clone() };
            found.has_more_waiting.then(|| format!("/console/conversations{}", of_all.suffix()))
        }
    };
    Ok(context! {
        tabs => shown(tabs(state, member, query, &found)),
        query => shown(query),
        suffix => query.suffix(),
        is_filtered => query.is_filtered(),
        statuses => shown(statuses(state, member, query)),
        channels => shown(channels(state, member, query)),
        assignees => shown(assignees(state, member, query).await?),
        labels => shown(choices(found.labels.iter().map(|label| (label.clone(), label.clone())), &query.label)),
        waiting => shown(found.waiting.iter().map(|row| rows.row(row)).collect::<Vec<_>>()),
        others => shown(found.others.iter().map(|row| rows.row(row)).collect::<Vec<_>>()),
        more_waiting,
        more_others => last(&found.others, found.has_more_others, |row| row.conversation.place()),
        mine_count => found.counts.mine,
        has_sandbox => state.test_channel(&member.tenant).is_some(),
    })
}

/// Those who have waited longest, and how many wait; for the first page.
pub async fn first_waiting(
    member: &Member,
    state: &ConsoleState,
    most: usize,
) -> Result<minijinja::Value, ConsoleError> {
    let filter = InboxQuery { tab: "waiting".to_owned(), ..InboxQuery::default() }.filter(member, state.now());
    let page = InboxPage { after: None, limit: most };
    let store = &state.deps.store;
    let found = inbox::list(&member.caller, store, &filter, (InboxPart::Waiting, page), &member.name).await?;
    let rows = ShownRows { member, state, display: state.display(member), found: &found, current: None };
    Ok(context! {
        waiting => shown(found.waiting.iter().map(|row| rows.row(row)).collect::<Vec<_>>()),
        waiting_count => found.counts.waiting,
        has_more => found.has_more_waiting,
    })
}

fn tabs(state: &ConsoleState, member: &Member, query: &InboxQuery, found: &Inbox) -> Vec<Tab> {
    let counts = [("mine", found.counts.mine), ("waiting", found.counts.waiting), ("bot", 0), ("all", 0)];
    let tab = |(key, count): (&'static str, i64)| {
        let of = InboxQuery { tab: if key == "all" { String::new() } else { key.to_owned() }, ..query.clone() };
        Tab {
            key,
            label: state.text(member, "inbox", key),
            href: format!("/console/conversations{}", of.suffix()),
            is_current: query.tab() == key,
            count,
        }
    };
    counts.into_iter().map(tab).collect()
}

fn choices(values: impl Iterator<Item = (String, String)>, chosen: &str) -> Vec<Choice> {
    values.map(|(value, label)| Choice { is_chosen: value == chosen, value, label }).collect()
}

fn statuses(state: &ConsoleState, member: &Member, query: &InboxQuery) -> Vec<Choice> {
    let words = ["new", "in_progress", "resolved", BLOCKED];
    choices(words.into_iter().map(|word| (word.to_owned(), state.text(member, "status", word))), &query.status)
}

fn channels(state: &ConsoleState, member: &Member, query: &InboxQuery) -> Vec<Choice> {
    let tenant = state.tenant(&member.tenant);
    let channels = tenant.as_ref().map(|tenant| tenant.channels.as_slice()).unwrap_or_default();
    let named = channels.iter().map(|channel| {
        (channel.id.to_string(), format!("{} · {}", channel_name(channel.address.scheme()), channel.id))
    });
    choices(named, &query.channel)
}

async fn assignees(state: &ConsoleState, member: &Member, query: &InboxQuery) -> Result<Vec<Choice>, ConsoleError> {
    let nobody = ("-".to_owned(), state.text(member, "inbox", "nobody"));
    let names = state.names(member).await?.into_values().map(|name| (name.clone(), name));
    Ok(choices(std::iter::once(nobody).chain(names), &query.assignee))
}

/// How a contact is called: their name, or their number.
#[must_use]
pub fn name_of(state: &ConsoleState, member: &Member, row: &InboxRow) -> String {
    let name = row.conversation.contact_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    name.map_or_else(|| address(&row.conversation.address, state.home(&member.tenant)), ToOwned::to_owned)
}

/// The words about a conversation that a list and its page show.
#[must_use]
pub fn badges(state: &ConsoleState, member: &Member, row: &InboxRow, display: &Display) -> Vec<Badge> {
    let conversation = &row.conversation;
    let text = |key: &str| state.text(member, "badge", key);
    let mut badges = Vec::new();
    if conversation.is_blocked {
        badges.push(Badge { kind: "stop", text: text("blocked") });
    } else if conversation.status == ConversationStatus::Resolved {
        badges.push(Badge { kind: "resolved", text: text("resolved") });
    } else if conversation.handler == Handler::Bot {
        badges.push(Badge { kind: "bot", text: text("bot") });
    } else {
        match conversation.assignee.as_deref() {
            Some(name) if name == member.name => badges.push(Badge { kind: "mine", text: text("mine") }),
            Some(name) => badges.push(Badge { kind: "human", text: text("of").replace("{name}", name) }),
            None => badges.push(Badge { kind: "human", text: text("human") }),
        }
    }
    if conversation.status == ConversationStatus::New {
        badges.push(Badge { kind: "new", text: text("new") });
    }
    if let Some(until) = row.snoozed_until.filter(|_| row.is_snoozed(display.now)) {
        badges.push(Badge { kind: "snoozed", text: text("snoozed").replace("{time}", &display.short(until)) });
    }
    badges
}

struct ShownRows<'a> {
    member: &'a Member,
    state: &'a ConsoleState,
    display: Display,
    found: &'a Inbox,
    current: Option<ConversationId>,
}

impl ShownRows<'_> {
    fn row(&self, row: &InboxRow) -> ListRow {
        let conversation = &row.conversation;
        let name = name_of(self.state, self.member, row);
        let last = self.found.newest.get(&conversation.id.0);
        let at = conversation.last_message_at.unwrap_or(conversation.created_at);
        ListRow {
            id: conversation.id.to_string(),
            initials: initials(conversation.contact_name.as_deref().unwrap_or_default()),
            name,
            channel: channel_name(conversation.address.scheme()),
            snippet: last.map(|last| first_words(&last.body, SNIPPET)).unwrap_or_default(),
            by: last.filter(|last| last.is_outbound).map(|last| self.state.writer(self.member, last)),
            time: self.display.short(at),
            machine: Display::machine(at),
            waits: row.waits(self.display.now).map(|since| self.display.since(since)),
            unread: conversation.unread,
            badges: self.badges(row),
            labels: row.labels.clone(),
            is_current: self.current == Some(conversation.id),
        }
    }

    /// Beside the words about it, for whoever waits: whether they can still be answered freely.
    fn badges(&self, row: &InboxRow) -> Vec<Badge> {
        let mut badges = badges(self.state, self.member, row, &self.display);
        if row.waits(self.display.now).is_none() {
            return badges;
        }
        let text = |key: &str| self.state.text(self.member, "badge", key);
        // That a person has it is said by the list itself.
        badges.retain(|badge| badge.kind != "human" || row.conversation.assignee.is_some());
        match self.state.window(&row.conversation) {
            Some(MessageWindow::Open(left)) if left < CLOSES_SOON => {
                let text = text("window_left").replace("{time}", &self.display.lasting(left));
                badges.push(Badge { kind: "window", text });
            }
            Some(MessageWindow::Closed) => badges.push(Badge { kind: "window", text: text("window_closed") }),
            _ => {}
        }
        badges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_stand_in_the_address_and_places_are_read_back() {
        let query = InboxQuery { tab: "mine".into(), label: "très urgent&".into(), ..InboxQuery::default() };
        assert_eq!(query.suffix(), "?tab=mine&label=tr%C3%A8s+urgent%26");
        assert_eq!(InboxQuery::default().suffix(), "");
        assert_eq!(InboxQuery { tab: "nonsense".into(), ..InboxQuery::default() }.tab(), "all");
        let here = ("2026-11-30T09:00:00.123456Z".parse().unwrap(), ConversationId::fresh());
        assert_eq!(read_place(&place(here)), Some(here));
        for bad in ["", "_", "1_x", "x_019c1a2b-0000-7000-8000-00000000a1c3"] {
            assert_eq!(read_place(bad), None, "{bad}");
        }
    }
}
