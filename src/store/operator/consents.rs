//! Opt-outs, and the consent ledger.

use palabre_actors::domain::address::Identity;
use palabre_actors::domain::ids::ContactId;

use super::*;
use crate::store::events::Events;
use crate::store::insert::Rows;
use crate::store::silence::{self, AddressKey};
use crate::store::sql::CONTACTS;
use crate::store::statement::{change, column, id, id_or_null, integer, text, text_or_null, time};
use crate::store::values::Row;
use crate::store::writer::{
    contact_of, insert_address, invalidate_conversations, list_opt_out, settle_consent, suppress_unsent,
};

/// An opt-out. `Debug` masks the address (I10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptOut {
    pub id: Uuid,
    pub tenant: TenantId,
    pub address: Address,
    /// `message`, `provider` or `operator`.
    pub source: String,
    /// The message that said so, in or out.
    pub message: Option<String>,
    pub created_at: Timestamp,
}

/// A row of the ledger. `Debug` masks the address (I10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRow {
    /// Ids grow with time.
    pub id: Uuid,
    pub tenant: TenantId,
    /// `None`: not known.
    pub channel: Option<ChannelId>,
    /// `None`: not known as a contact.
    pub contact: Option<Uuid>,
    pub address: Address,
    /// `opted_out`, `opted_in`, `welcomed` or `confirmed`.
    pub what: String,
    /// `all`, or `marketing`: what is said is about advertising alone.
    pub scope: String,
    /// `message`, `provider` or `operator`.
    pub source: String,
    /// The proof: a message's id, or what an operator wrote.
    pub evidence: Option<String>,
    pub created_at: Timestamp,
}

impl Operator {
    /// Opt-outs of these tenants, newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn opt_outs(&self, tenants: &Tenants, page: PageRequest) -> Result<Vec<OptOut>, StoreError> {
        let among = self.among(tenants).await?;
        let before = page.before.map_or_else(|| text(LAST_ID), id);
        let rows = all(&self.reads, sql::OPT_OUTS, [among, before, integer(page.limit)]).await?;
        let opt_out = |row: &Row| {
            Ok(OptOut {
                id: row.parse(0)?,
                tenant: row.tenant(1)?,
                address: row.address(2)?,
                source: row.get(3)?,
                message: row.get(4)?,
                created_at: row.time(5)?,
            })
        };
        Ok(rows.iter().map(opt_out).collect::<Result<_, DbErr>>()?)
    }

    /// Records a STOP that came by another way (at the counter, in a letter), and suppresses what waits for the
    /// contact. Returns how many messages that were; `None`: they had opted out already.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn opt_out(
        &self,
        tenant: &TenantId,
        address: &Address,
        evidence: Option<&str>,
        at: Timestamp,
    ) -> Result<Option<usize>, StoreError> {
        let tx = self.begin().await?;
        let person = address.identity();
        if !list_opt_out(&tx, (tenant, address), ("operator", None), at).await? {
            return Ok(None);
        }
        let mut events = Events::none();
        self.enter(&tx, (tenant, address), (EventType::OptedOut, evidence, at), &mut events).await?;
        let held_back = suppress_unsent(&tx, tenant, &person, at).await?;
        for (message, correlation) in &held_back {
            let what = (EntityType::MessageOut, Some(message.0));
            let payload = Payload::reason("opted_out");
            events.push(&event(tenant, what, EventType::MessageSuppressed, (*correlation, payload, at)));
        }
        events.into_rows().insert(&tx).await?;
        tx.commit().await?;
        self.notify_nodes(Notification::tenant(tenant));
        Ok(Some(held_back.len()))
    }

    /// Whether a person said STOP PROMOTIONS, and nothing since that wants advertising again.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn stopped_marketing(&self, tenant: &TenantId, address: &Address) -> Result<bool, StoreError> {
        let person = address.identity();
        let values = [tenant.as_str(), address.as_str(), person.as_str()].map(text);
        let rows = all(&self.reads, sql::STOPPED_MARKETING, values).await?;
        // Fails closed: without a row there is no advertising.
        Ok(rows.first().map(|row| row.get(0)).transpose()?.unwrap_or(true))
    }

    /// Records an explicit START that came by another way, for every address of the contact. Returns whether they had
    /// opted out. Suppressed messages stay so until somebody replays them.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing changed.
    pub async fn opt_in(
        &self,
        tenant: &TenantId,
        address: &Address,
        evidence: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = AddressKey::of(&self.reads, &self.writes).await?;
        let tx = self.begin().await?;
        let listed = change(&tx, sql::OPT_IN, [text(tenant.as_str()), text(address.identity().as_str())]).await? > 0;
        let erased = silence::lift(&tx, &key, tenant, address).await?;
        if !listed && !erased {
            return Ok(false);
        }
        let mut events = Events::none();
        self.enter(&tx, (tenant, address), (EventType::OptedIn, Some(evidence), at), &mut events).await?;
        events.into_rows().insert(&tx).await?;
        tx.commit().await?;
        self.notify_nodes(Notification::tenant(tenant));
        Ok(true)
    }

    /// Records a consent that came another way: what waits for it goes out. Somebody whom nobody knew becomes a contact. Answers
    /// whether it was recorded: after a STOP it is not.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn record_consent(
        &self,
        tenant: &TenantId,
        address: &Address,
        evidence: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = AddressKey::of(&self.reads, &self.writes).await?;
        let tx = self.begin().await?;
        let person = address.identity();
        if silence::is_silent(&tx, &key, tenant, address).await? {
            return Ok(false);
        }
        let contact = match contact_of(&tx, tenant, &person).await? {
            Some(contact) => contact,
            None => add_contact(&tx, (tenant, address), at).await?,
        };
        let consent = all(&tx, sql::CONTACT_CONSENT, [text(tenant.as_str()), id(contact)]).await?;
        if consent.first().map(|row| row.get::<bool>(1)).transpose()?.unwrap_or(false) {
            return Ok(false);
        }
        change(&tx, sql::CONFIRMED, [text(tenant.as_str()), text(person.as_str()), time(at)]).await?;
        let mut events = Events::none();
        self.enter(&tx, (tenant, address), (EventType::Confirmed, Some(evidence), at), &mut events).await?;
        settle_consent(&tx, (tenant, contact), at, &mut events).await?;
        events.into_rows().insert(&tx).await?;
        tx.commit().await?;
        self.notify_nodes(Notification::tenant(tenant));
        Ok(true)
    }

    /// The ledger of these tenants, oldest first, after a row. Of an address: all that the person said by any of theirs.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn consents(
        &self,
        tenants: &Tenants,
        address: Option<&Address>,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<ConsentRow>, StoreError> {
        let among = self.among(tenants).await?;
        let after = after.map_or_else(|| text(""), id);
        let person = address.map(Address::identity);
        let person = text_or_null(person.as_ref().map(Identity::as_str));
        // A statement with an empty list is not asked at all.
        let written = address.map_or_else(
            || vec![String::new()],
            |address| address.aliases().iter().map(|alias| alias.as_str().to_owned()).collect(),
        );
        let values = [among, after, integer(limit), person, column(written)];
        let rows = all(&self.reads, sql::CONSENTS, values).await?;
        let consent = |row: &Row| {
            Ok(ConsentRow {
                id: row.parse(0)?,
                tenant: row.tenant(1)?,
                channel: row.get::<Option<String>>(2)?.as_deref().map(ChannelId::new),
                contact: row.parse_or_null(3)?,
                address: row.address(4)?,
                what: row.get(5)?,
                source: row.get(6)?,
                evidence: row.get(7)?,
                created_at: row.time(8)?,
                scope: row.get(9)?,
            })
        };
        Ok(rows.iter().map(consent).collect::<Result<_, DbErr>>()?)
    }

    /// Writes a change to the ledger and the event log.
    pub(super) async fn enter(
        &self,
        tx: &Tx,
        (tenant, address): (&TenantId, &Address),
        (what, evidence, at): (EventType, Option<&str>, Timestamp),
        events: &mut Events,
    ) -> Result<(), DbErr> {
        let person = address.identity();
        let contact = contact_of(tx, tenant, &person).await?;
        let values = [
            id(Uuid::now_v7()),
            text(tenant.as_str()),
            id_or_null(contact),
            text(address.as_str()),
            text(what.as_str()),
            text_or_null(evidence),
            time(at),
        ];
        change(tx, sql::LEDGER, values).await?;
        invalidate_conversations(tx, (tenant, &person), None, at).await?;
        let payload = Payload::builder().word("source", "operator").finish();
        let who = (EntityType::Contact, contact.map(|contact| contact.0));
        events.push(&event(tenant, who, what, (CorrelationId::fresh(), payload, at)));
        Ok(())
    }
}

/// Somebody who never wrote.
async fn add_contact(tx: &Tx, (tenant, address): (&TenantId, &Address), at: Timestamp) -> Result<ContactId, DbErr> {
    let contact = ContactId(Uuid::now_v7());
    let mut contacts = Rows::of(CONTACTS);
    contacts.push([id(contact), text(tenant.as_str()), text_or_null(None::<String>), time(at), time(at)]);
    contacts.insert(tx).await?;
    insert_address(tx, (tenant, address), contact, at).await?;
    Ok(contact)
}
