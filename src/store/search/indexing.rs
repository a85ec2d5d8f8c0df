//! Fills the search index, a batch at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;
use palabre_actors::domain::Timestamp;
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql;
use super::words::{contact_text, is_spelt, mark, sequence, words};
use crate::store::StoreError;
use crate::store::database::{DatabasePool, Tx};
use crate::store::statement::{
    Dialect, SqlExecutor, SqlText, all, change, column, count, flag, integer, list, text, text_or_null,
};
use crate::store::values::{Row, corrupt, first_id_of};

/// Messages of one table in one transaction: some tens of milliseconds.
const BATCH: usize = 500;
/// A message that is younger is left for the next step: most have had their turn by then, and need no second look.
const SETTLED: TimeDelta = TimeDelta::milliseconds(500);
/// On PostgreSQL an id may be committed so long after later ones: clocks of nodes differ, and a write is given up after ten
/// seconds. What is older is complete once it was looked at again.
const LATE: TimeDelta = TimeDelta::seconds(60);
/// Words that are remembered as being in the index; with more than this the memory is emptied.
const KNOWN_WORDS: usize = 100_000;
/// How long they are: others take words out, of messages that were deleted or of persons who were erased.
const KNOWN_FOR: TimeDelta = TimeDelta::minutes(5);
/// A contact who writes many messages is looked at again so long after the last time: names and addresses seldom change.
const LOOKED_AT_AGAIN: TimeDelta = TimeDelta::seconds(5);

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Messages that were added.
    pub messages: usize,
    /// Whether more is there than one step takes.
    pub has_more: bool,
}

/// The index, for the task that fills it.
pub struct SearchIndex {
    pub(super) index: DatabasePool,
    pub(super) reads: DatabasePool,
    pub(super) known_words: HashSet<(String, String)>,
    /// Since when words are remembered.
    known_since: Option<Timestamp>,
    /// When the contacts of conversations were looked at, as long as they are not looked at again.
    looked_at: HashMap<String, Timestamp>,
    /// Conversations whose contacts wait for that. A daemon that is killed meanwhile looks at them with their next message.
    to_look_at: BTreeSet<String>,
}

/// Where the index stands in the messages. On SQLite rows are appended in the order in which they are committed, and the
/// positions are their numbers. On PostgreSQL they are ids, the newest that was looked at and the one up to which nothing can
/// be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Positions {
    inbound: String,
    outbound: String,
    contact: String,
    inbound_complete: String,
    outbound_complete: String,
}

/// A message on its way into the index.
struct Document {
    id: Uuid,
    tenant: String,
    conversation: Option<String>,
    is_outbound: bool,
    body: String,
}

/// A contact on its way into the index.
struct ContactDocument {
    id: String,
    tenant: String,
    text: String,
}

/// One of the two tables of messages.
struct Source {
    is_outbound: bool,
    after: SqlText,
    late: SqlText,
    documents: SqlText,
}

const INBOUND: Source = Source {
    is_outbound: false,
    after: sql::INBOUND_AFTER,
    late: sql::INBOUND_LATE,
    documents: sql::INBOUND_DOCUMENTS,
};
const OUTBOUND: Source = Source {
    is_outbound: true,
    after: sql::OUTBOUND_AFTER,
    late: sql::OUTBOUND_LATE,
    documents: sql::OUTBOUND_DOCUMENTS,
};

impl SearchIndex {
    pub(super) fn new(index: DatabasePool, reads: DatabasePool) -> Self {
        Self {
            index,
            reads,
            known_words: HashSet::new(),
            known_since: None,
            looked_at: HashMap::new(),
            to_look_at: BTreeSet::new(),
        }
    }

    /// Adds a batch of what was committed since the last step. Messages that the index has are skipped, so a step that was
    /// cut short, or a position that was lost, does no harm.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn step(&mut self, now: Timestamp) -> Result<Indexed, StoreError> {
        if self.known_since.is_none_or(|since| now - since > KNOWN_FOR) {
            self.known_words.clear();
            self.known_since = Some(now);
        }
        let tx = self.index.begin().await?;
        if all(&tx, sql::TAKE, []).await?.is_empty() {
            // Another node fills the index.
            return Ok(Indexed::default());
        }
        let before = positions(&tx).await?;
        let mut after = before.clone();
        let mut documents = Vec::new();
        let mut has_more = false;
        for (source, newest, complete) in [
            (&INBOUND, &mut after.inbound, &mut after.inbound_complete),
            (&OUTBOUND, &mut after.outbound, &mut after.outbound_complete),
        ] {
            has_more |= self.read_new(source, newest, now, &mut documents).await?;
            has_more |= match self.index.dialect() {
                // A row is appended when it is committed: nothing comes late.
                Dialect::Sqlite => false,
                Dialect::Postgres => self.read_late(&tx, source, complete, now, &mut documents).await?,
            };
        }
        let documents = self.unknown(&tx, documents).await?;
        let looked_at = self.look_at_now(&documents, now);
        let (contacts, more) = self.contacts(&looked_at, &mut after.contact).await?;
        has_more |= more;
        let messages = documents.len();
        self.add(&tx, documents, contacts).await?;
        let placed = self.place(&tx).await?;
        if messages > 0 || placed > 0 || before != after {
            keep(&tx, &after).await?;
        }
        // Also without changes: dropping a transaction ends it some time later, and the next step would find the lock taken.
        tx.commit().await?;
        self.to_look_at.retain(|one| !looked_at.contains(one));
        self.looked_at.extend(looked_at.into_iter().map(|one| (one, now)));
        Ok(Indexed { messages, has_more })
    }

    /// Messages after a position, which moves on. Answers whether there are more.
    async fn read_new(
        &self,
        source: &Source,
        position: &mut String,
        now: Timestamp,
        documents: &mut Vec<Document>,
    ) -> Result<bool, DbErr> {
        let rows = all(&self.reads, source.after, [text(position.as_str()), count(BATCH)]).await?;
        let too_young = first_id_of(now - SETTLED);
        for row in &rows {
            let document = document(row, source.is_outbound)?;
            if document.id.to_string() >= too_young {
                return Ok(false);
            }
            *position = row.get(0)?;
            documents.push(document);
        }
        Ok(rows.len() == BATCH)
    }

    /// Messages that were committed after later ones had been looked at.
    async fn read_late(
        &self,
        tx: &Tx,
        source: &Source,
        complete: &mut String,
        now: Timestamp,
        documents: &mut Vec<Document>,
    ) -> Result<bool, DbErr> {
        let until = first_id_of(now - LATE);
        let rows = all(&self.reads, source.late, [text(complete.as_str()), text(until), count(BATCH)]).await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>()?;
        if let Some(last) = ids.last() {
            *complete = last.to_string();
        }
        let known = known(tx, &ids).await?;
        let missing = ids.iter().filter(|id| !known.contains(*id));
        for row in &all(&self.reads, source.documents, [column(missing)]).await? {
            documents.push(document(row, source.is_outbound)?);
        }
        Ok(rows.len() == BATCH)
    }

    /// Those that the index does not have, each once, in the order of time.
    async fn unknown(&self, tx: &Tx, documents: Vec<Document>) -> Result<Vec<Document>, DbErr> {
        let ids: Vec<Uuid> = documents.iter().map(|document| document.id).collect();
        let mut known = known(tx, &ids).await?;
        let mut documents: Vec<_> = documents.into_iter().filter(|document| known.insert(document.id)).collect();
        documents.sort_by_key(|document| document.id);
        Ok(documents)
    }

    /// Conversations of these messages, and of earlier ones, whose contacts were not looked at a moment ago.
    fn look_at_now(&mut self, documents: &[Document], now: Timestamp) -> BTreeSet<String> {
        self.to_look_at.extend(documents.iter().filter_map(|one| one.conversation.clone()));
        self.looked_at.retain(|_, at| now - *at < LOOKED_AT_AGAIN);
        self.to_look_at.iter().filter(|one| !self.looked_at.contains_key(*one)).cloned().collect()
    }

    /// The contacts of these conversations, and some of those that were never looked at.
    async fn contacts(
        &self,
        conversations: &BTreeSet<String>,
        position: &mut String,
    ) -> Result<(Vec<ContactDocument>, bool), DbErr> {
        let talking = all(&self.reads, sql::CONTACTS_OF, [column(conversations)]).await?;
        let others = all(&self.reads, sql::CONTACTS_AFTER, [text(position.as_str()), count(BATCH)]).await?;
        if let Some(last) = others.last() {
            *position = last.get(0)?;
        }
        let contacts = talking.iter().chain(&others).map(|row| Ok((row.get::<String>(0)?, contact(row)?)));
        let contacts: BTreeMap<_, _> = contacts.collect::<Result<_, DbErr>>()?;
        Ok((contacts.into_values().collect(), others.len() == BATCH))
    }

    /// Adds messages that the index does not have, as they are in the tables now.
    pub(super) async fn add_again(&mut self, tx: &Tx, ids: &[String]) -> Result<(), DbErr> {
        let mut documents = Vec::new();
        for source in [&INBOUND, &OUTBOUND] {
            for row in &all(&self.reads, source.documents, [column(ids)]).await? {
                documents.push(document(row, source.is_outbound)?);
            }
        }
        let documents = self.unknown(tx, documents).await?;
        self.add(tx, documents, Vec::new()).await
    }

    async fn add(&mut self, tx: &Tx, documents: Vec<Document>, contacts: Vec<ContactDocument>) -> Result<(), DbErr> {
        let numbers = numbers(tx, &documents).await?;
        let mut new_words = BTreeSet::new();
        let mut rows = Vec::with_capacity(documents.len());
        for (number, document) in numbers.into_iter().zip(documents) {
            let (words, mark) = (words(&document.body), mark(&document.tenant));
            let marked: Vec<String> = words.iter().map(|word| format!("{mark}{word}")).collect();
            for word in words.into_iter().filter(|word| is_spelt(word)) {
                let word = (document.tenant.clone(), word);
                if !self.known_words.contains(&word) {
                    new_words.insert(word);
                }
            }
            rows.push([
                integer(number),
                text(document.id.to_string()),
                text(document.tenant),
                text_or_null(document.conversation),
                flag(document.is_outbound),
                text(marked.join(" ")),
            ]);
        }
        let rows = list(rows);
        change(tx, sql::ADD, [rows.clone()]).await?;
        if !sql::ADD_TEXT.for_dialect(tx.dialect()).is_empty() {
            change(tx, sql::ADD_TEXT, [rows]).await?;
        }
        let words = new_words.iter().map(|(tenant, word)| [text(tenant.as_str()), text(word.as_str())]);
        change(tx, sql::ADD_WORDS, [list(words)]).await?;
        if self.known_words.len() > KNOWN_WORDS {
            self.known_words.clear();
        }
        self.known_words.extend(new_words);
        let contacts = contacts.into_iter().map(|contact| [text(contact.id), text(contact.tenant), text(contact.text)]);
        change(tx, sql::ADD_CONTACTS, [list(contacts)]).await.map(drop)
    }

    /// Finds the conversations of messages that had their turn since they were added. One that is gone leaves the index, and
    /// so does one that was set aside and belongs to nobody.
    async fn place(&self, tx: &Tx) -> Result<usize, DbErr> {
        let unplaced = all(tx, sql::UNPLACED, [count(BATCH)]).await?;
        let mut numbers: BTreeMap<String, i64> = BTreeMap::new();
        for row in &unplaced {
            numbers.insert(row.get(1)?, row.get(0)?);
        }
        let mut placed = Vec::new();
        let mut conversations = BTreeSet::new();
        for row in &all(&self.reads, sql::PLACES, [column(numbers.keys())]).await? {
            let (id, conversation): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            match conversation {
                Some(conversation) => {
                    if let Some(number) = numbers.remove(&id) {
                        placed.push([integer(number), text(conversation.as_str())]);
                        conversations.insert(conversation);
                    }
                }
                None if row.get(2)? => drop(numbers.remove(&id)),
                None => {}
            }
        }
        let changed = placed.len() + numbers.len();
        change(tx, sql::PLACE, [list(placed)]).await?;
        remove(tx, &numbers.into_values().collect::<Vec<_>>()).await?;
        let talking = all(&self.reads, sql::CONTACTS_OF, [column(conversations)]).await?;
        let contacts = talking.iter().map(contact).collect::<Result<Vec<_>, _>>()?;
        let contacts = contacts.into_iter().map(|contact| [text(contact.id), text(contact.tenant), text(contact.text)]);
        change(tx, sql::ADD_CONTACTS, [list(contacts)]).await?;
        Ok(changed)
    }
}

impl std::fmt::Debug for SearchIndex {
    /// Words are personal data (I10).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchIndex").finish_non_exhaustive()
    }
}

async fn positions(executor: &impl SqlExecutor) -> Result<Positions, DbErr> {
    let rows = all(executor, sql::POSITIONS, []).await?;
    let row = rows.first().ok_or_else(|| corrupt("the position of the search index"))?;
    Ok(Positions {
        inbound: row.get(0)?,
        outbound: row.get(1)?,
        contact: row.get(2)?,
        inbound_complete: row.get(3)?,
        outbound_complete: row.get(4)?,
    })
}

async fn keep(tx: &Tx, positions: &Positions) -> Result<(), DbErr> {
    let Positions { inbound, outbound, contact, inbound_complete, outbound_complete } = positions;
    let values = [inbound, outbound, contact, inbound_complete, outbound_complete].map(|at| text(at.as_str()));
    change(tx, sql::KEEP_POSITIONS, values).await.map(drop)
}

fn document(row: &Row, is_outbound: bool) -> Result<Document, DbErr> {
    Ok(Document { id: row.parse(1)?, tenant: row.get(2)?, conversation: row.get(3)?, is_outbound, body: row.get(4)? })
}

/// Columns as `sql::CONTACTS_OF` selects them.
fn contact(row: &Row) -> Result<ContactDocument, DbErr> {
    let (name, addresses): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
    let text = contact_text(name.as_deref(), addresses.as_deref().unwrap_or_default());
    Ok(ContactDocument { id: row.get(0)?, tenant: row.get(1)?, text })
}

async fn known(tx: &Tx, ids: &[Uuid]) -> Result<HashSet<Uuid>, DbErr> {
    let asked = ids.iter().map(|id| [integer(sequence(*id)), text(id.to_string())]);
    all(tx, sql::KNOWN, [list(asked)]).await?.iter().map(|row| row.parse(0)).collect()
}

/// A free number for each, in their order.
async fn numbers(tx: &Tx, documents: &[Document]) -> Result<Vec<i64>, DbErr> {
    let wanted: BTreeSet<i64> = documents.iter().map(|document| sequence(document.id)).collect();
    let mut in_use = BTreeMap::new();
    for row in &all(tx, sql::IN_USE, [column(wanted)]).await? {
        in_use.insert(row.get::<i64>(0)?, row.get::<i64>(1)?);
    }
    let mut last = i64::MIN;
    let numbers = documents.iter().map(|document| {
        let wanted = sequence(document.id);
        let free = in_use.get(&wanted).map_or(wanted, |used| used + 1);
        last = free.max(last.saturating_add(1));
        last
    });
    Ok(numbers.collect())
}

pub(super) async fn remove(tx: &Tx, numbers: &[i64]) -> Result<(), DbErr> {
    if !sql::REMOVE_TEXT.for_dialect(tx.dialect()).is_empty() {
        change(tx, sql::REMOVE_TEXT, [column(numbers)]).await?;
    }
    change(tx, sql::REMOVE, [column(numbers)]).await.map(drop)
}
