//! Contacts, and what a search finds.

use std::collections::BTreeMap;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ContactId, TenantId};
use sea_orm::DbErr;

use super::{ConversationRow, MessageRow, sql};
use crate::store::StoreError;
use crate::store::operator::{LAST_ID, Operator, Tenants};
use crate::store::search::{Search, SearchPage};
use crate::store::statement::{Value, all, column, count, id, text};
use crate::store::values::Row;

/// A person of a tenant. `Debug` shows neither name nor addresses (I10).
#[derive(Clone, PartialEq)]
pub struct ContactRow {
    pub id: ContactId,
    pub tenant: TenantId,
    /// The name they last showed.
    pub name: Option<String>,
    pub addresses: Vec<Address>,
    /// When a welcome first asked for their consent.
    pub welcomed_at: Option<Timestamp>,
    /// When they gave it.
    pub confirmed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// Those with the newest messages first.
    pub conversations: Vec<ConversationRow>,
}

impl std::fmt::Debug for ContactRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContactRow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchResult {
    /// Contacts whose name or number fits, with their conversations; on the first page alone.
    pub contacts: Vec<ContactRow>,
    /// Messages that have the words, newest first.
    pub messages: Vec<MessageRow>,
    /// Where the next page begins, when there may be one.
    pub next: Option<i64>,
    /// Whether no message has the words as they were typed, and these have similar ones.
    pub is_approximate: bool,
}

impl Operator {
    /// Contacts of these tenants, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn contacts(
        &self,
        tenants: &Tenants,
        before: Option<ContactId>,
        limit: usize,
    ) -> Result<Vec<ContactRow>, StoreError> {
        let before = before.map_or_else(|| LAST_ID.to_owned(), |id| id.to_string());
        let mut ids = Vec::new();
        for tenant in self.ids_of(tenants).await? {
            for row in &all(self.reads(), sql::CONTACT_IDS, [text(tenant), text(before.as_str()), count(limit)]).await?
            {
                ids.push(row.get::<String>(0)?);
            }
        }
        ids.sort_by(|one, other| other.cmp(one));
        ids.truncate(limit);
        Ok(self.contacts_by_id(&self.among(tenants).await?, &ids).await?)
    }

    /// One contact with their conversations; of one that was merged into another, that one. `None`: these tenants have no such
    /// contact.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn contact(&self, tenants: &Tenants, contact: ContactId) -> Result<Option<ContactRow>, StoreError> {
        let among = self.among(tenants).await?;
        let rows = all(self.reads(), sql::MERGED_INTO, [among.clone(), id(contact)]).await?;
        let contact = rows.first().map_or_else(|| Ok(contact.to_string()), |row| row.get(0))?;
        let found = self.contacts_by_id(&among, &[contact]).await?;
        Ok(found.into_iter().next())
    }

    /// Whoever has an address. `None`: nobody of this tenant.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn contact_at(&self, tenant: &TenantId, address: &Address) -> Result<Option<ContactRow>, StoreError> {
        let Some(found) = self.contact_behind(tenant, address).await? else { return Ok(None) };
        self.contact(&Tenants::Of(vec![tenant.clone()]), found).await
    }

    /// Contacts by name and number, messages by their words: folded, and with spelling mistakes when nothing else fits.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn search(&self, tenants: &Tenants, query: &str, page: SearchPage) -> Result<SearchResult, StoreError> {
        let Some(index) = self.index() else { return Err(StoreError::NotIndexed) };
        let (among, ids) = (self.among(tenants).await?, self.ids_of(tenants).await?);
        let found = Search { index, tenants: &ids }.run(query, page).await?;
        let contacts: Vec<String> = found.contacts.into_iter().map(|contact| contact.id).collect();
        let wanted: BTreeMap<String, bool> =
            found.messages.into_iter().map(|message| (message.id, message.is_outbound)).collect();
        let mut messages = self.messages(&among, &wanted).await?;
        messages.reverse();
        Ok(SearchResult {
            contacts: self.contacts_by_id(&among, &contacts).await?,
            messages,
            next: found.next,
            is_approximate: found.is_approximate,
        })
    }

    /// In the order of the ids; those that are gone are left out.
    async fn contacts_by_id(&self, among: &Value, ids: &[String]) -> Result<Vec<ContactRow>, DbErr> {
        let rows = all(self.reads(), sql::CONTACTS, [among.clone(), column(ids)]).await?;
        let mut contacts: BTreeMap<String, ContactRow> = BTreeMap::new();
        for row in &rows {
            contacts.insert(row.get(0)?, ContactRow::read(row)?);
        }
        for conversation in self.of_contacts(among, column(ids)).await? {
            if let Some(contact) = contacts.get_mut(&conversation.contact.to_string()) {
                contact.conversations.push(conversation);
            }
        }
        Ok(ids.iter().filter_map(|id| contacts.remove(id)).collect())
    }
}

impl ContactRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let addresses: Option<String> = row.get(3)?;
        Ok(Self {
            id: row.parse(0)?,
            tenant: row.tenant(1)?,
            name: row.get(2)?,
            addresses: addresses.unwrap_or_default().lines().map(Address::from_normalised).collect(),
            welcomed_at: row.time_or_null(4)?,
            confirmed_at: row.time_or_null(5)?,
            created_at: row.time(6)?,
            conversations: Vec::new(),
        })
    }
}
