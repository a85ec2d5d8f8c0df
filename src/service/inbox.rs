//! The inbox of a tenant's people: who waits, one conversation with all that is known of it, notes and labels.

use std::collections::{BTreeMap, BTreeSet};

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{ConversationId, TenantId};
use palabre_actors::domain::message::Details;
use palabre_actors::domain::presentation::SentFile;
use uuid::Uuid;

use super::permissions::Permission::{ContactRead, ContentRead, ConversationRead, ConversationWrite};
use super::{Caller, ServiceError, Tenants, Who, audit};
use crate::store::conversations::{
    CannedReply, ContactRow, InboxCounts, InboxFilter, InboxPage, InboxRow, MessageEventRow, MessageRow, NoteRow,
    Timeline, TimelinePage,
};
use crate::store::operator::{ConsentRow, MediaRow, Operator};
use crate::store::{FlowHistory, HistoryReader};

/// The longest note or canned reply, in characters.
pub const LONGEST_TEXT: usize = 4_000;
/// The longest label or shortcut, in characters.
pub const LONGEST_WORD: usize = 30;
/// Rows of the ledger of consents that a card shows.
const MOST_CONSENTS: usize = 50;

/// One page of the inbox.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Those who wait for a person, the longest wait first; on the first page alone, unless it is all that was asked for.
    pub waiting: Vec<InboxRow>,
    /// More of them wait than are shown.
    pub has_more_waiting: bool,
    /// The others, the newest first.
    pub others: Vec<InboxRow>,
    pub has_more_others: bool,
    pub counts: InboxCounts,
    /// The last message of each, by the conversation's id.
    pub newest: BTreeMap<Uuid, MessageRow>,
    /// Labels that the tenant's conversations have.
    pub labels: Vec<String>,
}

/// What a list of the inbox is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxPart {
    /// Those who wait for a person, and no others.
    Waiting,
    /// Those who wait, on the first page, and then the others.
    Everybody,
}

/// A page of the inbox. `me` is the name under which conversations are assigned to the caller.
///
/// # Errors
/// [`ServiceError`]
pub async fn list(
    caller: &Caller,
    store: &Operator,
    filter: &InboxFilter,
    (part, page): (InboxPart, InboxPage),
    me: &str,
) -> Result<Inbox, ServiceError> {
    for permission in [ConversationRead, ContentRead] {
        caller.require(permission)?;
    }
    caller.within(&filter.tenant)?;
    let mut inbox = Inbox { counts: store.inbox_counts(&filter.tenant, me, filter.now).await?, ..Inbox::default() };
    let one_more = InboxPage { limit: page.limit + 1, ..page };
    if part == InboxPart::Waiting || page.after.is_none() {
        inbox.waiting = store.inbox_waiting(filter, one_more).await?;
        inbox.has_more_waiting = inbox.waiting.len() > page.limit;
        inbox.waiting.truncate(page.limit);
    }
    if part == InboxPart::Everybody {
        inbox.others = store.inbox_others(filter, one_more).await?;
        inbox.has_more_others = inbox.others.len() > page.limit;
        inbox.others.truncate(page.limit);
    }
    let shown: Vec<ConversationId> = inbox.waiting.iter().chain(&inbox.others).map(|row| row.conversation.id).collect();
    inbox.newest = store.newest_messages(&filter.tenant, &shown).await?;
    inbox.labels = store.labels(&filter.tenant).await?;
    Ok(inbox)
}

/// Labels that the tenant's conversations have.
///
/// # Errors
/// [`ServiceError`]
pub async fn labels(caller: &Caller, store: &Operator, tenant: &TenantId) -> Result<Vec<String>, ServiceError> {
    caller.require(ConversationRead)?;
    caller.within(tenant)?;
    Ok(store.labels(tenant).await?)
}

/// How many wait.
///
/// # Errors
/// [`ServiceError`]
pub async fn counts(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    me: &str,
    now: Timestamp,
) -> Result<InboxCounts, ServiceError> {
    caller.require(ConversationRead)?;
    caller.within(tenant)?;
    Ok(store.inbox_counts(tenant, me, now).await?)
}

/// How many wait for one person, or for anybody, in each of the tenants whose conversations they may read. Tenants in which
/// nobody waits are left out.
///
/// # Errors
/// [`ServiceError`]
pub async fn waiting_in(
    tenants: &[(&TenantId, Caller)],
    store: &Operator,
    me: &str,
    now: Timestamp,
) -> Result<BTreeMap<TenantId, i64>, ServiceError> {
    let reads = |tenant: &TenantId, caller: &Caller| caller.may(ConversationRead) && caller.within(tenant).is_ok();
    let readable = tenants.iter().filter(|(tenant, caller)| reads(tenant, caller));
    let readable: Vec<&TenantId> = readable.map(|(tenant, _)| *tenant).collect();
    let counts = store.inbox_counts_of_tenants(&readable, me, now).await?;
    Ok(counts.into_iter().map(|(tenant, counts)| (tenant, counts.mine)).collect())
}

/// One conversation with all that is known of it.
#[derive(Debug)]
pub struct Thread {
    pub row: InboxRow,
    pub timeline: Timeline,
    /// What came with messages beside their texts.
    pub details: BTreeMap<Uuid, Details>,
    /// Files that came with messages.
    pub media: BTreeMap<Uuid, Vec<MediaRow>>,
    /// Files that went out.
    pub sent_files: BTreeMap<Uuid, Vec<SentFile>>,
    /// What happened to its messages, and what people did with it.
    pub events: Vec<MessageEventRow>,
    pub notes: Vec<NoteRow>,
    pub canned_replies: Vec<CannedReply>,
    pub contact: Option<ContactRow>,
    /// The ledger of consents of the contact's addresses, the newest first.
    pub consents: Vec<ConsentRow>,
}

impl Thread {
    /// Whether the contact said STOP, by the newest row about each of their addresses.
    #[must_use]
    pub fn opted_out(&self) -> Option<&ConsentRow> {
        let newest = self.consents.iter().find(|row| matches!(row.what.as_str(), "opted_out" | "opted_in"));
        newest.filter(|row| row.what == "opted_out")
    }
}

/// One conversation: its messages, what happened to them, its notes, its contact.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn thread(
    caller: &Caller,
    store: &Operator,
    (tenant, id): (&TenantId, ConversationId),
    page: TimelinePage,
    now: Timestamp,
) -> Result<Thread, ServiceError> {
    for permission in [ConversationRead, ContentRead] {
        caller.require(permission)?;
    }
    let row = row(caller, store, tenant, id).await?;
    audit::look(caller, store, tenant, "conversation.look", ("conversation", &id.to_string())).await?;
    let timeline = store.timeline(&row.conversation, page).await?;
    let ids = |outbound: bool| {
        let went_out = |message: &&MessageRow| message.is_outbound && !message.written_on_phone;
        let of = timeline.messages.iter().filter(move |message| went_out(message) == outbound);
        of.map(|message| message.id).collect::<Vec<Uuid>>()
    };
    let (came, went) = (ids(false), ids(true));
    // A question and its answer are of one flow: asked for twice, its events would be told twice.
    let flows: BTreeSet<Uuid> = timeline.messages.iter().map(|message| message.correlation.0).collect();
    let flows: Vec<Uuid> = flows.into_iter().collect();
    let mut events = store.flow_events(tenant, &flows).await?;
    let since = match (timeline.earlier, timeline.messages.first()) {
        (Some(_), Some(first)) => first.created_at,
        _ => row.conversation.created_at,
    };
    let known: Vec<_> = events.iter().map(|event| (event.event_type.clone(), event.entity, event.at)).collect();
    let own = store.conversation_events(tenant, id, (since, now)).await?;
    events.extend(own.into_iter().filter(|own| !known.contains(&(own.event_type.clone(), own.entity, own.at))));
    events.sort_by_key(|event| event.at);
    let contact = match caller.may(ContactRead) {
        true => store.contact(&Tenants::Of(vec![tenant.clone()]), row.conversation.contact).await?,
        false => None,
    };
    Ok(Thread {
        details: store.inbound_details(tenant, &came).await?,
        sent_files: store.sent_files(tenant, &went).await?,
        media: store.media_of(&Tenants::Of(vec![tenant.clone()]), &came).await?,
        notes: store.notes(tenant, id).await?,
        canned_replies: store.canned_replies(tenant).await?,
        consents: consents(store, tenant, &row, contact.as_ref()).await?,
        row,
        timeline,
        events,
        contact,
    })
}

async fn consents(
    store: &Operator,
    tenant: &TenantId,
    row: &InboxRow,
    contact: Option<&ContactRow>,
) -> Result<Vec<ConsentRow>, ServiceError> {
    let mut addresses = contact.map(|contact| contact.addresses.clone()).unwrap_or_default();
    if !addresses.contains(&row.conversation.address) {
        addresses.push(row.conversation.address.clone());
    }
    let tenants = Tenants::Of(vec![tenant.clone()]);
    let mut consents = Vec::new();
    for address in &addresses {
        consents.extend(store.consents(&tenants, Some(address), None, MOST_CONSENTS).await?);
    }
    consents.sort_by_key(|row| std::cmp::Reverse(row.id));
    consents.dedup_by_key(|row| row.id);
    Ok(consents)
}

async fn row(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
    id: ConversationId,
) -> Result<InboxRow, ServiceError> {
    caller.within(tenant).map_err(|_| ServiceError::NotFound("conversation"))?;
    store.inbox_row(tenant, id).await?.ok_or(ServiceError::NotFound("conversation"))
}

/// The whole story of a message of a tenant, by our id of it.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn history(
    caller: &Caller,
    (store, reader): (&Operator, &HistoryReader),
    message: Uuid,
    tenant: &TenantId,
) -> Result<FlowHistory, ServiceError> {
    for permission in [ConversationRead, ContentRead] {
        caller.require(permission)?;
    }
    let found = reader.explain(&message.to_string()).await?;
    let own = found.filter(|found| caller.sees(tenant) && found.tenant_id == tenant.as_str());
    let own = own.ok_or(ServiceError::NotFound("message"))?;
    audit::look(caller, store, tenant, "message.look", ("message", &message.to_string())).await?;
    Ok(own)
}

/// The names of a tenant's people, by who they are in events (`user:…`): whoever reads conversations sees who wrote in them.
///
/// # Errors
/// [`ServiceError`]
pub async fn colleagues(
    caller: &Caller,
    store: &Operator,
    tenant: &TenantId,
) -> Result<BTreeMap<String, String>, ServiceError> {
    caller.require(ConversationRead)?;
    caller.within(tenant)?;
    let people = store.users_of(&[Some(tenant.clone())]).await?;
    let active = people.into_iter().filter(|(user, _)| user.disabled_at.is_none());
    Ok(active.map(|(user, _)| (Who::User(user.id).to_string(), user.name)).collect())
}

/// Writes a note that the tenant's people alone see.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when it is another tenant's.
pub async fn add_note(
    caller: &Caller,
    store: &Operator,
    (tenant, id): (&TenantId, ConversationId),
    (author_name, body): (&str, &str),
    at: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(ConversationWrite)?;
    row(caller, store, tenant, id).await?;
    audit::note(caller, store, tenant, "conversation.note", ("conversation", &id.to_string())).await?;
    let note = NoteRow {
        id: Uuid::now_v7(),
        author: caller.who.to_string(),
        author_name: author_name.to_owned(),
        body: within(body, LONGEST_TEXT),
        created_at: at,
    };
    Ok(store.add_note(tenant, id, &note).await?)
}

/// Puts a label on a conversation, or takes it off.
///
/// # Errors
/// As [`add_note`].
pub async fn label(
    caller: &Caller,
    store: &Operator,
    (tenant, id): (&TenantId, ConversationId),
    (label, is_on): (&str, bool),
    at: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(ConversationWrite)?;
    row(caller, store, tenant, id).await?;
    audit::note(caller, store, tenant, "conversation.label", ("conversation", &id.to_string())).await?;
    let label = word(label);
    if label.is_empty() {
        return Ok(());
    }
    Ok(store.label(tenant, id, (&label, is_on), at).await?)
}

/// Puts a conversation aside until then, or takes it back. It comes back by itself when the contact writes.
///
/// # Errors
/// As [`add_note`].
pub async fn snooze(
    caller: &Caller,
    store: &Operator,
    (tenant, id): (&TenantId, ConversationId),
    until: Option<Timestamp>,
    at: Timestamp,
) -> Result<(), ServiceError> {
    caller.require(ConversationWrite)?;
    row(caller, store, tenant, id).await?;
    audit::note(caller, store, tenant, "conversation.snooze", ("conversation", &id.to_string())).await?;
    Ok(store.snooze(tenant, id, until, at).await?)
}

/// One line, in small letters.
pub(super) fn word(text: &str) -> String {
    within(&text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(), LONGEST_WORD)
}

pub(super) fn within(text: &str, longest: usize) -> String {
    text.trim().replace('\0', "\u{FFFD}").chars().take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_short_and_on_one_line() {
        assert_eq!(word("  Très \n Urgent "), "très urgent");
        assert_eq!(word(&"é".repeat(50)).chars().count(), LONGEST_WORD);
        assert_eq!(within(" a\0b ", 10), "a\u{FFFD}b");
    }
}
