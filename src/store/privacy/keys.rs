//! Keys of the installation: one hashes addresses of persons who were erased, one signs exports.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use palabre_actors::domain::address::Identity;
use palabre_actors::domain::ids::TenantId;
use sea_orm::DbErr;
use sha2::Sha256;
use uuid::Uuid;

use super::sql::{Params, execute, query};
use crate::store::StoreError;
use crate::store::database::DatabasePool;
use crate::store::operator::Operator;
use crate::store::statement::text;
use crate::store::values::corrupt;

/// In `installation`.
const ADDRESS_KEY: &str = "privacy";

/// Hashes addresses: whoever has the hash alone cannot try all numbers.
#[derive(Clone)]
pub(in crate::store) struct AddressKey(Box<[u8]>);

impl AddressKey {
    /// Reads the installation's key, and makes it when there is none.
    pub async fn of(reads: &DatabasePool, writes: &DatabasePool) -> Result<Self, DbErr> {
        // Each UUIDv7 has 74 random bits.
        let fresh: String = (0..4).map(|_| Uuid::now_v7().simple().to_string()).collect();
        Ok(Self(kept(reads, writes, ADDRESS_KEY, &fresh).await?.into_bytes().into()))
    }

    /// What is kept of an address. Tenants cannot compare theirs.
    pub fn digest(&self, tenant: &TenantId, identity: &Identity) -> String {
        // HMAC takes keys of every length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("erased {tenant} {}", identity.as_str()).as_bytes());
        mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl std::fmt::Debug for AddressKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AddressKey(hidden)")
    }
}

impl Operator {
    /// A value of the installation that stays as it was made first.
    ///
    /// # Errors
    /// [`StoreError`]: the database refused.
    pub async fn installation_value(&self, name: &str, fresh: &str) -> Result<String, StoreError> {
        Ok(kept(self.reads(), self.writes(), name, fresh).await?)
    }
}

async fn kept(reads: &DatabasePool, writes: &DatabasePool, name: &str, fresh: &str) -> Result<String, DbErr> {
    const READ: &str = "SELECT value FROM installation WHERE name = {name}";
    let params = Params::default().with("name", text(name)).with("value", text(fresh));
    if let Some(row) = query(reads, READ, &params).await?.first() {
        return row.get(0);
    }
    let keep = "INSERT INTO installation (name, value) VALUES ({name}, {value}) ON CONFLICT (name) DO NOTHING";
    execute(writes, keep, &params).await?;
    query(writes, READ, &params).await?.first().ok_or_else(|| corrupt("a key of the installation"))?.get(0)
}
