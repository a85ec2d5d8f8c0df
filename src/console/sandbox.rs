//! `/console/sandbox`: a phone on the page, for trying a tenant as its customers.

use actix_web::web;
use minijinja::context;
use palabre_actors::domain::address::{Address, Scheme, Unnamed};
use palabre_actors::domain::ids::{CorrelationId, ProviderMessageId};
use palabre_actors::domain::message::{Content, Details, NewInbound};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::display::shown;
use super::routes::PageRoutes;
use super::timeline::{self, Entry, Telling};
use super::{ConsoleError, ConsoleState, Form, Member, Page, inbox as inbox_page};
use crate::config::Channel;
use crate::service::Permission;
use crate::service::inbox::{self, InboxPart, thread};
use crate::store::conversations::{InboxFilter, InboxPage, InboxRow, TimelinePage, TimelineSide};

/// Customers that are listed, and messages that the phone shows.
const MOST_CUSTOMERS: usize = 12;
const MESSAGES: usize = 40;
/// The longest name, and the longest text.
const LONGEST_NAME: usize = 40;
const LONGEST_TEXT: usize = 4_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PhoneQuery {
    /// Which customer: the last part of their address.
    r#as: String,
    /// A word about what went wrong.
    refused: String,
}

#[derive(Serialize)]
struct Customer {
    key: String,
    name: String,
    is_current: bool,
}

pub(super) fn mount(routes: &mut PageRoutes<'_>) {
    routes.get("/sandbox", show);
    routes.post("/sandbox", write);
}

/// `GET /console/sandbox`
pub async fn show(
    member: Member,
    state: web::Data<ConsoleState>,
    query: web::Query<PhoneQuery>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::ConversationWrite)?;
    let Some(channel) = state.test_channel(&member.tenant) else {
        return state.page(
            ("sandbox.html", "sandbox"),
            &member,
            context! { has_channel => false, may_set_up => false },
        );
    };
    let rows = customers(&member, &state, &channel).await?;
    let key = Some(query.r#as.clone()).filter(|key| is_name(key));
    let key = key.or_else(|| rows.first().map(|row| key_of(&row.conversation.address)));
    let current = rows.iter().find(|row| Some(key_of(&row.conversation.address)) == key);
    let customer = |row: &InboxRow| Customer {
        key: key_of(&row.conversation.address),
        name: inbox_page::name_of(&state, &member, row),
        is_current: Some(key_of(&row.conversation.address)) == key,
    };
    let list: Vec<Customer> = rows.iter().map(customer).collect();
    let name = current.map(|row| inbox_page::name_of(&state, &member, row)).or_else(|| key.clone());
    let (phone, entries, conversation) = match current {
        None => (Vec::new(), Vec::new(), None),
        Some(row) => {
            let entries = entries(&member, &state, row).await?;
            let seen = |entry: &&Entry| match entry {
                Entry::Day { .. } => true,
                // What never left is on no phone.
                Entry::Message(line) => {
                    !line.is_outbound || matches!(line.state.as_str(), "sent" | "delivered" | "read")
                }
                Entry::Event { .. } | Entry::Note { .. } => false,
            };
            let phone: Vec<Entry> = entries.iter().filter(seen).cloned().collect();
            (phone, entries, Some(row.conversation.id.to_string()))
        }
    };
    let refused = match query.refused.as_str() {
        key @ ("busy" | "bad_name") => Some(state.text(&member, "sandbox", key)),
        _ => None,
    };
    let row = current;
    let display = state.display(&member);
    let context = context! {
        has_channel => true,
        customers => shown(list),
        key,
        name,
        phone => shown(phone),
        is_typing => current.is_some_and(|row| state.deps.phones.shows_typing(&channel, &row.conversation.address)),
        entries => shown(entries),
        conversation,
        badges => shown(row.map(|row| inbox_page::badges(&state, &member, row, &display)).unwrap_or_default()),
        shop => state.tenant(&member.tenant).map(|tenant| tenant.name.clone()),
        refused,
        may_set_up => member.caller.may(Permission::SettingWrite) && state.deps.setup.is_some(),
    };
    state.page(("sandbox.html", "sandbox"), &member, context)
}

async fn customers(member: &Member, state: &ConsoleState, channel: &Channel) -> Result<Vec<InboxRow>, ConsoleError> {
    let filter = InboxFilter {
        tenant: member.tenant.clone(),
        status: None,
        handler: None,
        channel: Some(channel.id.clone()),
        assignee: None,
        or_nobodys: false,
        label: None,
        is_blocked: false,
        now: state.now(),
    };
    let page = (InboxPart::Everybody, InboxPage { after: None, limit: MOST_CUSTOMERS });
    let found = inbox::list(&member.caller, &state.deps.store, &filter, page, &member.name).await?;
    let mut rows: Vec<InboxRow> = found.waiting.into_iter().chain(found.others).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.conversation.place()));
    Ok(rows)
}

async fn entries(member: &Member, state: &ConsoleState, row: &InboxRow) -> Result<Vec<Entry>, ConsoleError> {
    let page = TimelinePage { after: None, before: None, side: TimelineSide::Newest, limit: MESSAGES };
    let place = (&member.tenant, row.conversation.id);
    let thread = thread(&member.caller, &state.deps.store, place, page, state.now()).await?;
    let telling = Telling {
        texts: state.pages.texts(),
        display: state.display(member),
        me: member.caller.who.to_string(),
        names: state.names(member).await?,
        may_resend: false,
        may_merge: false,
    };
    Ok(timeline::entries(&thread, &telling))
}

/// The last part of a customer's address.
fn key_of(address: &Address) -> String {
    address.path().rsplit('/').next().unwrap_or_default().to_owned()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PhoneForm {
    r#as: String,
    text: String,
}

/// `POST /console/sandbox`: a customer writes.
pub async fn write(
    member: Member,
    state: web::Data<ConsoleState>,
    form: Form<PhoneForm>,
) -> Result<Page, ConsoleError> {
    member.caller.require(Permission::ConversationWrite)?;
    let channel = state.test_channel(&member.tenant).ok_or(ConsoleError::NotFound)?;
    let name: String = form.0.r#as.trim().chars().take(LONGEST_NAME).collect();
    let key = if is_name(&name) { name.clone() } else { folded(&name) };
    if !is_name(&key) {
        return Ok(Page::see("/console/sandbox?refused=bad_name"));
    }
    let text: String = form.0.text.trim().replace('\0', "").chars().take(LONGEST_TEXT).collect();
    if !text.is_empty() {
        let from = format!("{}/{key}", channel.address.as_str());
        let from = Address::written(&from, Unnamed::Only(Scheme::Sandbox), None).map_err(|_| ConsoleError::BadForm)?;
        let known = known_name(&member, &state, &channel, &key).await?;
        let message = NewInbound {
            tenant: member.tenant.clone(),
            channel: channel.id.clone(),
            provider_message_id: ProviderMessageId::new(&format!("SB{}", Uuid::now_v7().simple())),
            id_per_chat: false,
            from,
            to: channel.address.clone(),
            content: Content { body: text, profile_name: Some(known.unwrap_or(name)), details: Details::default() },
            correlation: CorrelationId::fresh(),
            received_at: state.now(),
            spooled: false,
        };
        if state.deps.phones.post(message).await.is_err() {
            return Ok(Page::see(&format!("/console/sandbox?as={key}&refused=busy")));
        }
    }
    Ok(Page::see(&format!("/console/sandbox?as={key}#end")))
}

/// What a customer called themselves before: their key has no capitals.
async fn known_name(
    member: &Member,
    state: &ConsoleState,
    channel: &Channel,
    key: &str,
) -> Result<Option<String>, ConsoleError> {
    let rows = customers(member, state, channel).await?;
    let row = rows.iter().find(|row| key_of(&row.conversation.address) == key);
    Ok(row.and_then(|row| row.conversation.contact_name.clone()))
}

fn is_name(key: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=LONGEST_NAME).contains(&key.len()) && key.bytes().all(is_letter)
}

/// A name as an address may have it: `Éloïse B` is `eloise-b`.
fn folded(name: &str) -> String {
    let folded = palabre_actors::domain::folding::fold(name).to_lowercase();
    let letters = folded.chars().map(|letter| if letter.is_whitespace() { '-' } else { letter });
    letters.filter(|letter| letter.is_ascii_alphanumeric() || "._-".contains(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        for (name, key) in [("Éloïse B", "eloise-b"), ("anna.2", "anna-2"), ("<script>", "script"), ("🌸", "")] {
            assert_eq!(folded(name), key);
        }
        assert!(is_name("eloise-b") && !is_name("") && !is_name("a/b") && !is_name("É"));
    }
}
