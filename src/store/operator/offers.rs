//! Offers of a tenant and who takes them, as people look at them.

use std::fmt;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::{ContactId, ConversationId, OfferId, TenantId};
use palabre_actors::domain::offer::OfferState;
use sea_orm::DbErr;

use super::Operator;
use crate::store::StoreError;
use crate::store::sql;
use crate::store::statement::{all, count, id, text};
use crate::store::values::Row;

/// A row of `offers`, with whose it is and who has it. `Debug` shows neither (I10).
#[derive(Clone, PartialEq)]
pub struct OfferRow {
    pub id: OfferId,
    pub conversation: ConversationId,
    /// The name that the customer last showed.
    pub contact_name: Option<String>,
    /// Where they are written to; `None`: the conversation is gone.
    pub address: Option<Address>,
    /// What it is about.
    pub text: String,
    pub state: OfferState,
    /// The conversation of whoever has it, and their address.
    pub assigned_to: Option<ConversationId>,
    pub driver: Option<Address>,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// How good it was, from 1 to 5, as the customer said.
    pub rating: Option<i64>,
}

impl fmt::Debug for OfferRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferRow").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// Somebody who takes offers now. `Debug` does not show who (I10).
#[derive(Clone, PartialEq)]
pub struct OnDutyRow {
    pub conversation: ConversationId,
    pub address: Address,
    pub since: Timestamp,
}

impl fmt::Debug for OnDutyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDutyRow").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

impl Operator {
    /// Offers of a tenant, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn offers(&self, tenant: &TenantId, limit: usize) -> Result<Vec<OfferRow>, StoreError> {
        let rows = all(self.reads(), sql::LIST_OFFERS, [text(tenant.as_str()), count(limit)]).await?;
        Ok(rows.iter().map(OfferRow::read).collect::<Result<_, _>>()?)
    }

    /// Offers to a contact, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn offers_of(
        &self,
        tenant: &TenantId,
        contact: ContactId,
        limit: usize,
    ) -> Result<Vec<OfferRow>, StoreError> {
        let values = [text(tenant.as_str()), id(contact), count(limit)];
        let rows = all(self.reads(), sql::CONTACT_OFFERS, values).await?;
        Ok(rows.iter().map(OfferRow::read).collect::<Result<_, _>>()?)
    }

    /// One offer of a tenant.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn offer(&self, tenant: &TenantId, offer: OfferId) -> Result<Option<OfferRow>, StoreError> {
        let rows = all(self.reads(), sql::ONE_OFFER, [text(tenant.as_str()), id(offer)]).await?;
        Ok(rows.first().map(OfferRow::read).transpose()?)
    }

    /// Who takes offers now.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn on_duty(&self, tenant: &TenantId) -> Result<Vec<OnDutyRow>, StoreError> {
        let rows = all(self.reads(), sql::LIST_ON_DUTY, [text(tenant.as_str())]).await?;
        let read = |row: &Row| {
            let address: String = row.get(1)?;
            let (conversation, since) = (row.parse(0)?, row.time(2)?);
            Ok(OnDutyRow { conversation, address: Address::from_normalised(&address), since })
        };
        Ok(rows.iter().map(read).collect::<Result<_, DbErr>>()?)
    }
}

impl OfferRow {
    fn read(row: &Row) -> Result<Self, DbErr> {
        let (address, driver): (Option<String>, Option<String>) = (row.get(3)?, row.get(7)?);
        Ok(Self {
            id: row.parse(0)?,
            conversation: row.parse(1)?,
            contact_name: row.get(2)?,
            address: address.as_deref().map(Address::from_normalised),
            text: row.get(4)?,
            state: row.parse(5)?,
            assigned_to: row.parse_or_null(6)?,
            driver: driver.as_deref().map(Address::from_normalised),
            expires_at: row.time(8)?,
            created_at: row.time(9)?,
            updated_at: row.time(10)?,
            rating: row.get(11)?,
        })
    }
}
