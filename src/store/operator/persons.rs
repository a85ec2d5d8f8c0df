//! Contacts that people make one, and part again.

use palabre_actors::domain::event::ActorType;
use palabre_actors::domain::ids::ContactId;
use palabre_actors::ports::{SamePerson, ShownBy, Union};

use super::*;
use crate::store::events::Events;
use crate::store::statement::{change, column, id, text, time};
use crate::store::writer::{Merge, MergeReason, list_opt_out, merge, settle_consent, unite};

/// Why contacts were not parted. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parted {
    Done,
    /// The contact is not merged into another.
    NotMerged,
    /// Both have the same number: one number is one person.
    SameNumber,
}

/// What became of an address that somebody showed to be theirs by a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    Done,
    /// It was theirs before: the link was opened twice.
    Before,
    /// They have another address of this kind: somebody else opened the link before.
    Taken,
    /// The contact is gone.
    Nobody,
}

impl Operator {
    /// Makes an address that of a contact for whom a link was made. A link gives one address of its kind, once.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing was changed.
    pub async fn link_address(
        &self,
        tenant: &TenantId,
        (contact, address): (ContactId, &Address),
        correlation: CorrelationId,
        at: Timestamp,
    ) -> Result<Linked, StoreError> {
        // Of one that was merged meanwhile, the one that goes on.
        let Some(known) = self.contact(&Tenants::Of(vec![tenant.clone()]), contact).await? else {
            return Ok(Linked::Nobody);
        };
        let tx = self.begin().await?;
        let whose = || [text(tenant.as_str()), id(known.id)];
        if all(&tx, sql::LOCK_CONTACTS, [text(tenant.as_str()), column([known.id])]).await?.is_empty() {
            return Ok(Linked::Nobody);
        }
        let rows = all(&tx, sql::ADDRESSES_OF_CONTACT, whose()).await?;
        let theirs = rows.iter().map(|row| row.address(0)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = theirs.first() else { return Ok(Linked::Nobody) };
        if theirs.iter().any(|known| known.identity() == address.identity()) {
            return Ok(Linked::Before);
        }
        if theirs.iter().any(|known| known.scheme() == address.scheme()) {
            return Ok(Linked::Taken);
        }
        let addresses = [first.clone(), address.clone()];
        let found = SamePerson { tenant: tenant.clone(), addresses, shown_by: ShownBy::Link, correlation, at };
        let mut events = Events::none();
        let union = unite(&tx, &found, &mut events).await?;
        events.into_rows().insert(&tx).await?;
        tx.commit().await?;
        self.notify_nodes(Notification::tenant(tenant));
        Ok(if union == Union::Made { Linked::Done } else { Linked::Before })
    }

    /// Makes two contacts of a tenant one: addresses, conversations and consent of the other become the first one's. Answers
    /// whether both were there.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing was changed.
    pub async fn merge_contacts(
        &self,
        tenant: &TenantId,
        (keep, gone): (ContactId, ContactId),
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let tx = self.begin().await?;
        let mut events = Events::none();
        let (correlation, actor_type) = (CorrelationId::fresh(), ActorType::Operator);
        let reason = MergeReason { word: "operator", actor_type, correlation, at };
        let merged = Merge { tenant, keep, gone, reason };
        if !merge(&tx, &merged, &mut events).await? {
            return Ok(false);
        }
        events.into_rows().insert(&tx).await?;
        tx.commit().await?;
        self.notify_nodes(Notification::tenant(tenant));
        Ok(true)
    }

    /// Gives a merged contact back what was theirs: addresses, conversations, what came of those. What was said while they were
    /// one stays where it was said. If they were silent together, both are silent after it (I6).
    ///
    /// # Errors
    /// [`StoreError`]: the database refused, and nothing was changed.
    pub async fn part_contact(&self, tenant: &TenantId, gone: ContactId, at: Timestamp) -> Result<Parted, StoreError> {
        let tx = self.begin().await?;
        let whose = || [text(tenant.as_str()), id(gone)];
        let rows = all(&tx, sql::MERGED_WITH, whose()).await?;
        let Some(keep) = rows.first().map(|row| row.parse::<ContactId>(0)).transpose()? else {
            return Ok(Parted::NotMerged);
        };
        let pair = || [text(tenant.as_str()), id(gone), id(keep)];
        all(&tx, sql::LOCK_CONTACTS, [text(tenant.as_str()), column([keep])]).await?;
        if !all(&tx, sql::SHARED_IDENTITY, pair()).await?.is_empty() {
            return Ok(Parted::SameNumber);
        }
        let silent = all(&tx, sql::CONTACT_CONSENT, [text(tenant.as_str()), id(keep)]).await?;
        let silent = silent.first().map(|row| row.get::<bool>(1)).transpose()?.unwrap_or(false);
        if change(&tx, sql::GIVE_ADDRESSES, pair()).await? == 0 {
            return Ok(Parted::SameNumber);
        }
        change(&tx, sql::PART, whose()).await?;
        change(&tx, sql::GIVE_CONVERSATIONS, pair()).await?;
        change(&tx, sql::UNFOLD, pair()).await?;
        for given in [sql::GIVE_BOOKINGS, sql::GIVE_LEADS, sql::GIVE_OFFERS, sql::GIVE_ORDERS, sql::GIVE_WAITING] {
            change(&tx, given, pair()).await?;
        }
        change(&tx, sql::LOOK_UP_AGAIN, [text(tenant.as_str()), id(keep), id(gone), time(at)]).await?;
        let mut events = Events::none();
        let payload = Payload::builder().text("parted", &gone.to_string()).word("reason", "operator").finish();
        let who = (EntityType::Contact, Some(keep.0));
        events.push(&event(tenant, who, EventType::ContactUnmerged, (CorrelationId::fresh(), payload, at)));
        for contact in [keep, gone] {
            if silent {
                self.keep_silent(&tx, (tenant, contact), at, &mut events).await?;
            }
            settle_consent(&tx, (tenant, contact), at, &mut events).await?;
        }
        events.into_rows().insert(&tx).await?;
        tx.commit().await?;
        self.notify_nodes(Notification::tenant(tenant));
        Ok(Parted::Done)
    }

    /// Records the opt-out of every address of a contact.
    async fn keep_silent(
        &self,
        tx: &Tx,
        (tenant, contact): (&TenantId, ContactId),
        at: Timestamp,
        events: &mut Events,
    ) -> Result<(), DbErr> {
        for row in &all(tx, sql::ADDRESSES_OF_CONTACT, [text(tenant.as_str()), id(contact)]).await? {
            let address = row.address(0)?;
            if list_opt_out(tx, (tenant, &address), ("operator", None), at).await? {
                let why = Some("they were one contact, and silent, when they were parted");
                self.enter(tx, (tenant, &address), (EventType::OptedOut, why, at), events).await?;
            }
        }
        Ok(())
    }

    /// Contacts that were merged into this one.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn merged_contacts(&self, tenant: &TenantId, keep: ContactId) -> Result<Vec<ContactId>, StoreError> {
        let rows = all(&self.reads, sql::MERGED_CONTACTS, [text(tenant.as_str()), id(keep)]).await?;
        Ok(rows.iter().map(|row| row.parse(0)).collect::<Result<_, DbErr>>()?)
    }
}
