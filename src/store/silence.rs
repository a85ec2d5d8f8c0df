//! Persons who said STOP, were erased, and come back: they are silent until they say START (I6, I16).
//!
//! Asked when a conversation begins. The hash of the address becomes an opt-out of the address again, which every check knows.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{Address, Identity};
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::PortError;
use sea_orm::DbErr;
use uuid::Uuid;

use super::Store;
use super::composed::{Params, execute, query};
use super::database::{DatabasePool, Tx};
use super::error::port_error;
use super::statement::{id, text, time};
use super::values::corrupt;
use super::writer::list_opt_out;
use crate::digest::{hex, hmac_sha256};

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
        hex(&hmac_sha256(&self.0, &[format!("erased {tenant} {}", identity.as_str()).as_bytes()]))
    }
}

impl std::fmt::Debug for AddressKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AddressKey(hidden)")
    }
}

/// A value of the installation that stays as it was made first.
pub(in crate::store) async fn kept(
    reads: &DatabasePool,
    writes: &DatabasePool,
    name: &str,
    fresh: &str,
) -> Result<String, DbErr> {
    const READ: &str = "SELECT value FROM installation WHERE name = {name}";
    let params = Params::default().with("name", text(name)).with("value", text(fresh));
    if let Some(row) = query(reads, READ, &params).await?.first() {
        return row.get(0);
    }
    let keep = "INSERT INTO installation (name, value) VALUES ({name}, {value}) ON CONFLICT (name) DO NOTHING";
    execute(writes, keep, &params).await?;
    query(writes, READ, &params).await?.first().ok_or_else(|| corrupt("a key of the installation"))?.get(0)
}

const FIND: &str =
    "SELECT scope, source, said_at FROM erased_addresses WHERE tenant_id = {tenant} AND digest = {digest}";
const LEDGER: &str = "INSERT INTO consents (id, tenant_id, address, what, source, created_at, scope) \
    VALUES ({id}, {tenant}, {address}, 'opted_out', {source}, {said_at}, {scope})";
const FORGET: &str =
    "DELETE FROM erased_addresses WHERE tenant_id = {tenant} AND digest = {digest} AND scope = {scope}";

impl Store {
    /// Whether somebody who is no contact said STOP before they were erased; from now on their address is on the list again.
    pub(in crate::store) async fn silent_since_erased(
        &self,
        tenant: &TenantId,
        address: &Address,
    ) -> Result<bool, PortError> {
        self.put_back(tenant, address).await.map_err(port_error)
    }

    async fn put_back(&self, tenant: &TenantId, address: &Address) -> Result<bool, DbErr> {
        let key = self.0.address_key.get_or_try_init(|| AddressKey::of(&self.0.reads, &self.0.writes)).await?;
        let params = Params::default()
            .with("tenant", text(tenant.as_str()))
            .with("digest", text(key.digest(tenant, &address.identity())));
        if query(&self.0.reads, FIND, &params).await?.is_empty() {
            return Ok(false);
        }
        let tx = self.0.writes.begin().await?;
        let mut is_silent = false;
        for row in &query(&tx, FIND, &params).await? {
            let scope: String = row.get(0)?;
            is_silent |= scope == "all";
            let (source, said_at): (String, Timestamp) = (row.get(1)?, row.time(2)?);
            if scope == "all" {
                list_opt_out(&tx, (tenant, address), (source.as_str(), None), said_at).await?;
            }
            let params = params
                .clone()
                .with("id", id(Uuid::now_v7()))
                .with("address", text(address.as_str()))
                .with("scope", text(scope))
                .with("source", text(source))
                .with("said_at", time(said_at));
            execute(&tx, LEDGER, &params).await?;
            execute(&tx, FORGET, &params).await?;
        }
        tx.commit().await?;
        Ok(is_silent)
    }
}

/// Whether somebody who was erased had said STOP under this address.
pub(in crate::store) async fn is_silent(
    tx: &Tx,
    key: &AddressKey,
    tenant: &TenantId,
    address: &Address,
) -> Result<bool, DbErr> {
    let params = Params::default()
        .with("tenant", text(tenant.as_str()))
        .with("digest", text(key.digest(tenant, &address.identity())));
    let sql = "SELECT scope FROM erased_addresses WHERE tenant_id = {tenant} AND digest = {digest} AND scope = 'all'";
    Ok(!query(tx, sql, &params).await?.is_empty())
}

/// Somebody who was erased said START another way: their hash goes. Whether there was one.
pub(in crate::store) async fn lift(
    tx: &Tx,
    key: &AddressKey,
    tenant: &TenantId,
    address: &Address,
) -> Result<bool, DbErr> {
    let params = Params::default()
        .with("tenant", text(tenant.as_str()))
        .with("digest", text(key.digest(tenant, &address.identity())))
        .with("scope", text("all"));
    Ok(execute(tx, FORGET, &params).await? > 0)
}
