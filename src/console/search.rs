//! What a search of the conversations finds: people, and lines of the whole history.

use minijinja::context;
use serde::Serialize;

use super::display::{address, channel_name, first_words, shown};
use super::{ConsoleError, ConsoleState, Member, Page};
use crate::service::{ServiceError, conversations};
use crate::store::StoreError;
use crate::store::conversations::{ContactRow, MessageRow};
use crate::store::search::SearchPage;

/// Messages that a search shows at once.
const FOUND: usize = 30;

#[derive(Serialize)]
struct FoundContact {
    name: String,
    number: String,
    conversations: Vec<(String, &'static str)>,
}

#[derive(Serialize)]
struct FoundLine {
    id: String,
    conversation: String,
    /// Who wrote it, when it was not the contact.
    by: Option<String>,
    text: String,
    time: String,
}

pub(super) async fn search_page(
    member: &Member,
    state: &ConsoleState,
    (words, before): (&str, Option<i64>),
) -> Result<Page, ConsoleError> {
    let tenants = member.own_tenant();
    let page = SearchPage { before, limit: FOUND };
    let found = conversations::search(&member.caller, &state.deps.store, &tenants, words, page).await;
    let found = match found {
        Err(ServiceError::Store(StoreError::NotIndexed)) => None,
        found => Some(found?),
    };
    let display = state.display(member);
    let is_ready = found.is_some();
    let found = found.unwrap_or_default();
    let contact = |row: &ContactRow| FoundContact {
        name: row.name.clone().unwrap_or_else(|| state.text(member, "inbox", "someone")),
        number: row.addresses.first().map(|first| address(first, state.home(&member.tenant))).unwrap_or_default(),
        conversations: row
            .conversations
            .iter()
            .map(|row| (row.id.to_string(), channel_name(row.address.scheme())))
            .collect(),
    };
    let line = |row: &MessageRow| {
        let conversation = row.conversation?.to_string();
        let (text, time) = (first_words(&row.body, 200), display.moment(row.created_at));
        let by = row.is_outbound.then(|| state.writer(member, row));
        Some(FoundLine { id: row.id.to_string(), conversation, by, text, time })
    };
    let mut again = form_urlencoded::Serializer::new(String::new());
    again.append_pair("q", words);
    let again = again.finish();
    let context = context! {
        words,
        is_ready,
        is_approximate => found.is_approximate,
        contacts => shown(found.contacts.iter().map(contact).collect::<Vec<_>>()),
        messages => shown(found.messages.iter().filter_map(line).collect::<Vec<_>>()),
        more => found.next.map(|next| format!("/console/conversations?{again}&more={next}")),
    };
    state.page(("search.html", "conversations"), member, context)
}
