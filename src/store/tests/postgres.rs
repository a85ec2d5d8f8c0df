//! Tests of the store on PostgreSQL: conformance, and what PostgreSQL alone does.

mod away;
mod low_watermark;
mod nodes;
mod plans;
mod quota_leases;
mod replica;

use palabre_testbed::postgres::{Database, database};

use crate::store::Store;

palabre_actors::store_conformance!(fresh());

/// An empty store in a database of its own.
pub(crate) async fn fresh() -> (Store, Database) {
    let database = database("palabre", async |url| {
        Store::migrate(url).await.unwrap();
    })
    .await;
    let store = Store::open(&database.url(), false).await.unwrap();
    (store, database)
}
