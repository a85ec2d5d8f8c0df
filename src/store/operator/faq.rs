//! FAQ entries, and messages that none of them answered.

use uuid::Uuid;

use super::*;
use crate::store::faq_entries::FaqRow;
use crate::store::statement::{change, count, flag, text, text_or_null, time};
use crate::store::values::{Row, first_id_of};

/// A message that no entry answered. `Debug` does not show the text (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct Unanswered {
    pub id: String,
    pub body: String,
    pub created_at: Timestamp,
    pub conversation: Option<Uuid>,
}

impl fmt::Debug for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unanswered").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Operator {
    /// The entries of a tenant, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn faq_entries(&self, tenant: &TenantId) -> Result<Vec<FaqRow>, StoreError> {
        let rows = all(&self.reads, crate::store::sql::FAQ_OF_TENANT, [text(tenant.as_str())]).await?;
        Ok(rows.iter().map(FaqRow::of).collect::<Result<_, DbErr>>()?)
    }

    /// Writes an entry: a new one, or over the tenant's entry of that id. Another tenant's id changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn put_faq_entry(&self, row: &FaqRow) -> Result<bool, StoreError> {
        let values = [
            text(row.id.as_str()),
            text(row.tenant.as_str()),
            text(row.question.as_str()),
            text(row.keywords.join("\n")),
            text(row.about.join("\n")),
            text(row.answer.as_str()),
            text_or_null(row.language.as_deref()),
            flag(row.enabled),
            text(row.source.as_str()),
            time(row.updated_at),
            text_or_null(row.author.as_deref()),
        ];
        Ok(change(&self.writes, sql::PUT_FAQ, values).await? > 0)
    }

    /// Deletes an entry. Answers whether the tenant had it.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn delete_faq_entry(&self, tenant: &TenantId, id: &str) -> Result<bool, StoreError> {
        Ok(change(&self.writes, sql::DELETE_FAQ, [text(tenant.as_str()), text(id)]).await? > 0)
    }

    /// Messages of a tenant's contacts since then that got the fallback, a menu or nothing, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn unanswered(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Unanswered>, StoreError> {
        let values = [text(tenant.as_str()), text(first_id_of(since)), count(limit)];
        let rows = all(&self.reads, sql::UNANSWERED, values).await?;
        let unanswered = |row: &Row| {
            Ok(Unanswered {
                id: row.get(0)?,
                body: row.get(1)?,
                created_at: row.time(2)?,
                conversation: row.parse_or_null(3)?,
            })
        };
        Ok(rows.iter().map(unanswered).collect::<Result<_, DbErr>>()?)
    }
}
