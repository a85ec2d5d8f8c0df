//! Bookings and leads of tenants, as people look at them.

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::booking::{Booking, BookingState};
use palabre_actors::domain::ids::{BookingId, ChannelId, ContactId, ConversationId, LeadId, TenantId};
use palabre_actors::domain::lead::LeadState;
use palabre_actors::domain::party::Party;
use sea_orm::DbErr;

use super::{Operator, Tenants};
use crate::store::StoreError;
use crate::store::sql;
use crate::store::statement::{all, change, count, id, text, text_or_null, time};
use crate::store::values::Row;

/// A row of `bookings` with whose it is. `Debug` shows neither name nor address (I10).
#[derive(Clone, PartialEq)]
pub struct BookingRow {
    pub id: BookingId,
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub contact: ContactId,
    /// The name that the contact last showed.
    pub contact_name: Option<String>,
    /// Where they are written to; `None`: the conversation is gone.
    pub address: Option<Address>,
    pub channel: Option<ChannelId>,
    pub service: String,
    pub resource: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    /// Until when its resource is taken.
    pub free_at: Timestamp,
    pub party: Party,
    pub state: BookingState,
    /// So many minutes late the customer comes; 0: they did not say how many.
    pub late_minutes: Option<i64>,
    pub created_at: Timestamp,
}

impl BookingRow {
    /// What turns know of it.
    #[must_use]
    pub fn booking(&self) -> Booking {
        Booking {
            id: self.id,
            service: self.service.clone(),
            resource: self.resource.clone(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            free_at: self.free_at,
            party: self.party,
            state: self.state,
        }
    }
}

impl fmt::Debug for BookingRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BookingRow").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// A row of `leads`. `Debug` shows nothing that the person said (I10).
#[derive(Clone, PartialEq)]
pub struct LeadRow {
    pub id: LeadId,
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub contact: ContactId,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub need: String,
    pub urgent: bool,
    pub state: LeadState,
    pub source: String,
    pub created_at: Timestamp,
}

impl fmt::Debug for LeadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeadRow").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Operator {
    /// Bookings that begin from the first time on and before the second, in order of time; in one state and of one resource where
    /// these are given.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn bookings(
        &self,
        tenants: &Tenants,
        (from, to): (Timestamp, Timestamp),
        (state, resource): (Option<BookingState>, Option<&str>),
        limit: usize,
    ) -> Result<Vec<BookingRow>, StoreError> {
        let mut bookings = Vec::new();
        for tenant in self.ids_of(tenants).await? {
            let (state, resource) = (text_or_null(state.map(BookingState::as_str)), text_or_null(resource));
            let values = [text(tenant.as_str()), time(from), time(to), state, resource, count(limit)];
            for row in &all(self.reads(), sql::LIST_BOOKINGS, values).await? {
                bookings.push(BookingRow::read(row, &tenant)?);
            }
        }
        bookings.sort_by_key(|booking| (booking.starts_at, booking.id));
        bookings.truncate(limit);
        Ok(bookings)
    }

    /// A contact's bookings, the latest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn bookings_of(
        &self,
        tenant: &TenantId,
        contact: ContactId,
        limit: usize,
    ) -> Result<Vec<BookingRow>, StoreError> {
        let values = [text(tenant.as_str()), id(contact), count(limit)];
        let rows = all(self.reads(), sql::CONTACT_BOOKINGS, values).await?;
        Ok(rows.iter().map(|row| BookingRow::read(row, tenant.as_str())).collect::<Result<_, _>>()?)
    }

    /// A contact's leads, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn leads_of(
        &self,
        tenant: &TenantId,
        contact: ContactId,
        limit: usize,
    ) -> Result<Vec<LeadRow>, StoreError> {
        let values = [text(tenant.as_str()), id(contact), count(limit)];
        let rows = all(self.reads(), sql::CONTACT_LEADS, values).await?;
        Ok(rows.iter().map(|row| LeadRow::read(row, tenant.as_str())).collect::<Result<_, _>>()?)
    }

    /// One booking of these tenants.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn booking(&self, tenants: &Tenants, booking: BookingId) -> Result<Option<BookingRow>, StoreError> {
        for tenant in self.ids_of(tenants).await? {
            let rows = all(self.reads(), sql::ONE_BOOKING, [text(tenant.as_str()), id(booking)]).await?;
            if let Some(row) = rows.first() {
                return Ok(Some(BookingRow::read(row, &tenant)?));
            }
        }
        Ok(None)
    }

    /// Leads, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn leads(
        &self,
        tenants: &Tenants,
        state: Option<LeadState>,
        (before, limit): (Option<LeadId>, usize),
    ) -> Result<Vec<LeadRow>, StoreError> {
        let mut leads = Vec::new();
        for tenant in self.ids_of(tenants).await? {
            let state = text_or_null(state.map(LeadState::as_str));
            let before = text_or_null(before.map(|id| id.to_string()));
            for row in &all(self.reads(), sql::LIST_LEADS, [text(tenant.as_str()), state, before, count(limit)]).await?
            {
                leads.push(LeadRow::read(row, &tenant)?);
            }
        }
        leads.sort_by_key(|one| std::cmp::Reverse(one.id));
        leads.truncate(limit);
        Ok(leads)
    }

    /// How many leads of a tenant stand where.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn lead_counts(&self, tenant: &TenantId) -> Result<Vec<(LeadState, i64)>, StoreError> {
        let rows = all(self.reads(), sql::LEAD_COUNTS, [text(tenant.as_str())]).await?;
        Ok(rows.iter().map(|row| Ok((row.parse(0)?, row.get(1)?))).collect::<Result<_, DbErr>>()?)
    }

    /// Says where a lead stands. Answers whether the tenant has it.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn set_lead_state(
        &self,
        tenant: &TenantId,
        lead: LeadId,
        state: LeadState,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [text(tenant.as_str()), id(lead), text(state.as_str()), time(at)];
        Ok(change(self.writes(), sql::LEAD_STATE, values).await? > 0)
    }
}

impl BookingRow {
    fn read(row: &Row, tenant: &str) -> Result<Self, DbErr> {
        let (address, channel): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
        Ok(Self {
            id: row.parse(0)?,
            tenant: TenantId::new(tenant),
            conversation: row.parse(1)?,
            contact: row.parse(2)?,
            contact_name: row.get(3)?,
            address: address.as_deref().map(Address::from_normalised),
            channel: channel.as_deref().map(ChannelId::new),
            service: row.get(6)?,
            resource: row.get(7)?,
            starts_at: row.time(8)?,
            ends_at: row.time(9)?,
            free_at: row.time(12)?,
            state: row.parse(10)?,
            late_minutes: row.get(13)?,
            party: row.party(14)?,
            created_at: row.time(11)?,
        })
    }
}

impl LeadRow {
    fn read(row: &Row, tenant: &str) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            tenant: TenantId::new(tenant),
            conversation: row.parse(1)?,
            contact: row.parse(2)?,
            name: row.get(3)?,
            email: row.get(4)?,
            phone: row.get(5)?,
            need: row.get(6)?,
            urgent: row.get(7)?,
            state: row.parse(8)?,
            source: row.get(9)?,
            created_at: row.time(10)?,
        })
    }
}
