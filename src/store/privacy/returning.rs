//! Persons who said STOP, were erased, and come back: they are silent until they say START (I6, I16).
//!
//! Asked when a conversation begins. The hash of the address becomes an opt-out of the address
//! again, which every check knows.

use palabre_actors::domain::address::Address;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::PortError;
use sea_orm::DbErr;
use uuid::Uuid;

use super::keys::AddressKey;
use super::sql::{Params, execute, query};
use crate::store::Store;
use crate::store::database::Tx;
use crate::store::error::port_error;
use crate::store::statement::{Dialect, SqlExecutor, id, text, time};

const FIND: &str =
    "SELECT scope, source, said_at FROM erased_addresses WHERE tenant_id = {tenant} AND digest = {digest}";
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
            let params = params
                .clone()
                .with("id", id(Uuid::now_v7()))
                .with("address", text(address.as_str()))
                .with("identity", text(address.identity().as_str()))
                .with("scope", text(scope.as_str()))
                .with("source", text(row.get::<String>(1)?))
                .with("said_at", time(row.time(2)?))
                .with("what", text("opted_out"));
            enter(&tx, &scope, &params).await?;
            execute(&tx, FORGET, &params).await?;
        }
        tx.commit().await?;
        Ok(is_silent)
    }
}

async fn enter(tx: &Tx, scope: &str, params: &Params) -> Result<(), DbErr> {
    if scope == "all" {
        let checked = match tx.dialect() {
            Dialect::Sqlite => "1",
            Dialect::Postgres => "true",
        };
        let sql = format!(
            "INSERT INTO opt_outs (id, tenant_id, address, source, created_at, identity, identity_checked) \
            VALUES ({{id}}, {{tenant}}, {{address}}, {{source}}, {{said_at}}, {{identity}}, {checked}) \
            ON CONFLICT (tenant_id, address) DO NOTHING"
        );
        execute(tx, &sql, params).await?;
    }
    let ledger = "INSERT INTO consents (id, tenant_id, address, what, source, created_at, scope) \
        VALUES ({id}, {tenant}, {address}, {what}, {source}, {said_at}, {scope})";
    execute(tx, ledger, params).await.map(drop)
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
