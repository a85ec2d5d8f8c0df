//! Merging contacts that turn out to be one person.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Identity};
use palabre_actors::domain::conversation::{ConversationStatus, Handler};
use palabre_actors::domain::event::{ActorType, EntityType, Event, EventType, Payload};
use palabre_actors::domain::ids::{ContactId, CorrelationId, EventId, TenantId};
use palabre_actors::ports::{SamePerson, ShownBy, Union};
use sea_orm::DbErr;

use super::Transaction;
use super::consents::contact_of;
use super::conversation_queue::{Awaited, release, reorder, suppress};
use crate::store::events::Events;
use crate::store::insert::Rows;
use crate::store::sql;
use crate::store::statement::{
    all, change, column, flag, id, id_or_null, integer, list, text, text_or_null, time, time_or_null,
};
use crate::store::timestamp_list::{parse_timestamps, timestamps_text};
use crate::store::values::Row;

/// Two contacts that are one person.
pub(in crate::store) struct Merge<'a> {
    pub tenant: &'a TenantId,
    /// The one that goes on.
    pub keep: ContactId,
    pub gone: ContactId,
    pub reason: MergeReason,
}

/// Why contacts are merged, who says so, and when.
#[derive(Clone, Copy)]
pub(in crate::store) struct MergeReason {
    pub word: &'static str,
    pub actor_type: ActorType,
    pub correlation: CorrelationId,
    pub at: Timestamp,
}

impl From<&SamePerson> for MergeReason {
    /// A webhook and a card are the provider's word, a link is opened by the contact.
    fn from(found: &SamePerson) -> Self {
        let actor_type = match found.shown_by {
            ShownBy::Webhook | ShownBy::Card => ActorType::Provider,
            ShownBy::Link => ActorType::Contact,
        };
        Self { word: found.shown_by.as_str(), actor_type, correlation: found.correlation, at: found.at }
    }
}

/// Makes two addresses those of one contact.
pub(in crate::store) async fn unite(
    tx: &impl Transaction,
    found: &SamePerson,
    events: &mut Events,
) -> Result<Union, DbErr> {
    let SamePerson { tenant, addresses: [first, second], .. } = found;
    let mut persons = [first.identity(), second.identity()];
    persons.sort();
    let nothing = || id_or_null(None::<ContactId>);
    let locks = persons.iter().map(|person| [text(tenant.as_str()), nothing(), text(person.as_str())]);
    all(tx, sql::LOCK_TURNS, [list(locks)]).await?;
    let one = contact_of(tx, tenant, &first.identity()).await?;
    let other = contact_of(tx, tenant, &second.identity()).await?;
    match (one, other) {
        (None, None) => Ok(Union::Strangers),
        (Some(contact), None) => add_address(tx, (found, second), contact, events).await,
        (None, Some(contact)) => add_address(tx, (found, first), contact, events).await,
        (Some(one), Some(other)) if one == other => Ok(Union::Before),
        (Some(one), Some(other)) => {
            let merged = Merge { tenant, keep: one.min(other), gone: one.max(other), reason: found.into() };
            merge(tx, &merged, events).await?;
            Ok(Union::Made)
        }
    }
}

async fn add_address(
    tx: &impl Transaction,
    (found, address): (&SamePerson, &Address),
    contact: ContactId,
    events: &mut Events,
) -> Result<Union, DbErr> {
    let SamePerson { tenant, shown_by, at, .. } = found;
    insert_address(tx, (tenant, address), contact, *at).await?;
    if *shown_by == ShownBy::Link {
        // Nobody was there before whom it joins: the address alone is news.
        events.push(&event(tenant, (contact, None), 0, found.into()));
    }
    settle_consent(tx, (tenant, contact), *at, events).await?;
    Ok(Union::Made)
}

/// Writes an address of a contact.
pub(in crate::store) async fn insert_address(
    tx: &impl Transaction,
    (tenant, address): (&TenantId, &Address),
    contact: ContactId,
    at: Timestamp,
) -> Result<(), DbErr> {
    let mut rows = Rows::of(sql::CONTACT_ADDRESSES);
    rows.push([
        text(tenant.as_str()),
        text(address.as_str()),
        id(contact),
        time(at),
        text(address.identity().as_str()),
        flag(true),
    ]);
    rows.insert(tx).await.map(drop)
}

/// Merges two contacts: addresses, conversations and consent of the one become the other's. After a STOP by any address what
/// waits is suppressed for all (I6). Answers whether there was something to merge.
pub(in crate::store) async fn merge(
    tx: &impl Transaction,
    merged: &Merge<'_>,
    events: &mut Events,
) -> Result<bool, DbErr> {
    let Merge { tenant, keep, gone, reason } = *merged;
    let at = reason.at;
    let both = [keep, gone];
    let there = all(tx, sql::LOCK_CONTACTS, [text(tenant.as_str()), column(both)]).await?;
    if keep == gone || there.len() != both.len() {
        return Ok(false);
    }
    let rows = all(tx, sql::PERSON_CONVERSATIONS, [text(tenant.as_str()), column(both)]).await?;
    let mut by_channel: BTreeMap<String, Vec<Part>> = BTreeMap::new();
    for row in &rows {
        by_channel.entry(row.get(1)?).or_default().push(Part::read(row)?);
    }
    let mut folded = 0;
    for mut parts in by_channel.into_values() {
        // The one in which the person wrote last goes on.
        parts.sort_by_key(|part| (Reverse(part.last_inbound_at), part.id.clone()));
        let mut parts = parts.into_iter();
        let Some(mut survivor) = parts.next() else { continue };
        for part in parts {
            fold(tx, tenant, (&mut survivor, &part), at).await?;
            folded += 1;
        }
    }
    let pair = || [text(tenant.as_str()), id(gone), id(keep)];
    for taken in [
        sql::TAKE_CONVERSATIONS,
        sql::TAKE_ADDRESSES,
        sql::TAKE_BOOKINGS,
        sql::TAKE_LEADS,
        sql::TAKE_OFFERS,
        sql::TAKE_ORDERS,
        sql::TAKE_WAITING,
    ] {
        change(tx, taken, pair()).await?;
    }
    change(tx, sql::LOOK_UP_AGAIN, [text(tenant.as_str()), id(keep), id(gone), time(at)]).await?;
    change(tx, sql::KEEP_CONTACT, [id(keep), id(gone), time(at)]).await?;
    change(tx, sql::MERGED, [id(gone), id(keep), time(at)]).await?;
    events.push(&event(tenant, (keep, Some(gone)), folded, reason));
    settle_consent(tx, (tenant, keep), at, events).await?;
    Ok(true)
}

/// The event of a contact that has more addresses than before: another contact's, or one that nobody had.
fn event(tenant: &TenantId, (keep, gone): (ContactId, Option<ContactId>), folded: i64, reason: MergeReason) -> Event {
    let payload = match gone {
        Some(gone) => Payload::builder().text("merged", &gone.to_string()),
        None => Payload::builder(),
    };
    Event {
        id: EventId::fresh(),
        tenant: tenant.clone(),
        event_type: EventType::ContactMerged,
        entity_type: EntityType::Contact,
        entity_id: Some(keep.0),
        correlation: reason.correlation,
        actor_type: reason.actor_type,
        payload: payload.number("conversations", folded).word("reason", reason.word).finish(),
        created_at: reason.at,
    }
}

/// Lets what is known of a contact's consent count for all of their addresses, and makes their conversations in memory read it.
pub(in crate::store) async fn settle_consent(
    tx: &impl Transaction,
    (tenant, contact): (&TenantId, ContactId),
    at: Timestamp,
    events: &mut Events,
) -> Result<(), DbErr> {
    change(tx, sql::REREAD_CONTACT, [text(tenant.as_str()), id(contact), time(at)]).await?;
    let rows = all(tx, sql::CONTACT_CONSENT, [text(tenant.as_str()), id(contact)]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let person = Identity::from_stored(&row.get::<String>(0)?);
    let (stopped, confirmed): (bool, bool) = (row.get(1)?, row.get(2)?);
    if stopped {
        return suppress(tx, tenant, &person, at, events).await;
    }
    if confirmed {
        let waiting = all(tx, sql::UNCONFIRMED, [text(tenant.as_str()), text(person.as_str())]).await?;
        let queue = |row: &Row| Ok(((tenant.as_str().to_owned(), row.get(0)?), at));
        let queues: Vec<_> = waiting.iter().map(queue).collect::<Result<_, DbErr>>()?;
        release(tx, Awaited::Contact, &queues, events).await?;
    }
    Ok(())
}

/// A conversation, as far as folding it into another needs it.
struct Part {
    id: String,
    status: ConversationStatus,
    handler: Handler,
    assignee: Option<String>,
    session: Option<String>,
    recent_answers: Vec<Timestamp>,
    last_inbound_at: Option<Timestamp>,
    last_message_at: Option<Timestamp>,
    unread: i64,
    flow: Option<String>,
    address: String,
}

impl Part {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.get(0)?,
            status: row.parse(2)?,
            handler: row.parse(3)?,
            assignee: row.get(4)?,
            session: row.get(5)?,
            recent_answers: parse_timestamps(&row.get::<String>(6)?)?,
            last_inbound_at: row.time_or_null(7)?,
            last_message_at: row.time_or_null(8)?,
            unread: row.get(9)?,
            flow: row.get(10)?,
            address: row.get(11)?,
        })
    }

    /// Takes over what the other brings: a person who has either has both (I14), and the answers of both count (I7).
    fn absorb(&mut self, other: &Self) {
        if other.status == ConversationStatus::InProgress {
            self.status = ConversationStatus::InProgress;
        }
        if other.handler == Handler::Human {
            self.handler = Handler::Human;
            self.assignee = self.assignee.take().or_else(|| other.assignee.clone());
        }
        self.recent_answers.extend(&other.recent_answers);
        self.recent_answers.sort_unstable();
        self.last_inbound_at = self.last_inbound_at.max(other.last_inbound_at);
        self.last_message_at = self.last_message_at.max(other.last_message_at);
        self.unread += other.unread;
        self.flow = self.flow.take().or_else(|| other.flow.clone());
    }
}

/// Folds a conversation into another one of the same channel. Its messages stay its own; what is not settled of it, and its
/// timers, go on in the other.
async fn fold(
    tx: &impl Transaction,
    tenant: &TenantId,
    (survivor, part): (&mut Part, &Part),
    at: Timestamp,
) -> Result<(), DbErr> {
    survivor.absorb(part);
    let values = [
        text(&*survivor.id),
        text(survivor.status.as_str()),
        text(survivor.handler.as_str()),
        text_or_null(survivor.assignee.as_deref()),
        text(timestamps_text(&survivor.recent_answers)?),
        time_or_null(survivor.last_inbound_at),
        time_or_null(survivor.last_message_at),
        integer(survivor.unread),
        text_or_null(survivor.flow.as_deref()),
        text(&*survivor.address),
    ];
    change(tx, sql::FOLD_INTO, values).await?;
    let pair = || [text(&*part.id), text(&*survivor.id)];
    change(tx, sql::FOLDED, pair()).await?;
    change(tx, sql::MOVE_TIMERS, pair()).await?;
    if let Some(session) = &part.session {
        change(tx, sql::CLOSE_SESSIONS, [list([[text(&**session), time(at)]])]).await?;
    }
    if change(tx, sql::MOVE_ROWS, [text(tenant.as_str()), text(&*part.id), text(&*survivor.id)]).await? > 0 {
        reorder(tx, &BTreeSet::from([(tenant.as_str().to_owned(), survivor.id.clone())])).await?;
    }
    Ok(())
}
