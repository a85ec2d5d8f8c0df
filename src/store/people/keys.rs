//! Keys of the API that people make in the console.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::{TenantId, UserId};
use sea_orm::DbErr;
use uuid::Uuid;

use super::sql;
use crate::store::StoreError;
use crate::store::operator::{Operator, Tenants};
use crate::store::statement::{all, change, id, id_or_null, text, time, time_or_null};
use crate::store::values::Row;

/// A key, without itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    pub id: Uuid,
    pub tenant: TenantId,
    /// Whose it is. `None`: a program's.
    pub user: Option<UserId>,
    pub name: String,
    /// Words of the configuration's scopes, with spaces between them.
    pub scopes: String,
    /// Who made it, as the audit log names them.
    pub created_by: String,
    pub created_at: Timestamp,
    /// When it was last used, to some minutes.
    pub used_at: Option<Timestamp>,
    /// `None`: it holds until it is revoked.
    pub ends_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A key to be kept.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    pub tenant: &'a TenantId,
    pub user: Option<UserId>,
    pub name: &'a str,
    /// Of the key.
    pub digest: &'a str,
    pub scopes: &'a str,
    pub created_by: &'a str,
    pub ends_at: Option<Timestamp>,
}

/// A key that holds, and the person behind it.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    pub key: StoredKey,
    /// Whether it is a person's who may not sign in any more.
    pub is_disabled: bool,
    /// The word of the person's role in the tenant, if it is a person's.
    pub role: Option<String>,
}

/// The number of columns of a key.
const KEY_COLUMNS: usize = 10;

impl Operator {
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn add_key(&self, key: NewKey<'_>, at: Timestamp) -> Result<Uuid, StoreError> {
        let key_id = Uuid::now_v7();
        let values = [
            id(key_id),
            text(key.tenant.as_str()),
            id_or_null(key.user),
            text(key.name),
            text(key.digest),
            text(key.scopes),
            text(key.created_by),
            time(at),
            time_or_null(key.ends_at),
        ];
        change(self.writes(), sql::ADD_KEY, values).await?;
        Ok(key_id)
    }

    /// The keys of these tenants, revoked ones too, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn keys(&self, tenants: &Tenants) -> Result<Vec<StoredKey>, StoreError> {
        let rows = all(self.reads(), sql::KEYS, [self.among(tenants).await?]).await?;
        Ok(rows.iter().map(StoredKey::read).collect::<Result<_, DbErr>>()?)
    }

    /// The key of a digest, while it holds.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn key(&self, digest: &str, at: Timestamp) -> Result<Option<KeyHolder>, StoreError> {
        let rows = all(self.reads(), sql::KEY, [text(digest), time(at)]).await?;
        let read = |row: &Row| {
            let (own, all): (Option<String>, Option<String>) = (row.get(KEY_COLUMNS + 1)?, row.get(KEY_COLUMNS + 2)?);
            Ok::<_, DbErr>(KeyHolder {
                key: StoredKey::read(row)?,
                is_disabled: row.time_or_null(KEY_COLUMNS)?.is_some(),
                role: own.or(all),
            })
        };
        Ok(rows.first().map(read).transpose()?)
    }

    /// Revokes a key of these tenants. Returns whether it held.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn revoke_key(&self, tenants: &Tenants, key: Uuid, at: Timestamp) -> Result<bool, StoreError> {
        let among = self.among(tenants).await?;
        Ok(change(self.writes(), sql::REVOKE_KEY, [among, id(key), time(at)]).await? > 0)
    }

    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn key_used(&self, key: Uuid, at: Timestamp) -> Result<(), StoreError> {
        change(self.writes(), sql::KEY_USED, [id(key), time(at)]).await?;
        Ok(())
    }
}

impl StoredKey {
    fn read(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.parse(0)?,
            tenant: row.tenant(1)?,
            user: row.parse_or_null(2)?,
            name: row.get(3)?,
            scopes: row.get(4)?,
            created_by: row.get(5)?,
            created_at: row.time(6)?,
            used_at: row.time_or_null(7)?,
            ends_at: row.time_or_null(8)?,
            revoked_at: row.time_or_null(9)?,
        })
    }
}
