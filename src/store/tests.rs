//! SQLite passes the conformance suite, and does what is its own; PostgreSQL in a room beside.

mod archive;
mod durability;
mod plans;
mod postgres;
mod snapshot;

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::OutboundId;
use palabre_actors::ports::Pending;
use palabre_actors::testing::conformance::Subject;
use palabre_actors::testing::fakes::Snapshot;
use tempfile::TempDir;

use super::Store;
use super::link::{Dialect, Link};

palabre_actors::store_conformance!(fresh());

/// An empty store in a folder of its own.
pub(super) async fn fresh() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(&folder), true).await.unwrap();
    (store, folder)
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("palabre.db").display())
}

impl Subject for Store {
    fn snapshot(&self) -> Pending<'_, Snapshot> {
        Box::pin(snapshot::read(self))
    }

    fn is_shared(&self) -> bool {
        self.0.reads.dialect() == Dialect::Postgres
    }

    fn replay(&self, id: OutboundId, at: Timestamp) -> Pending<'_, ()> {
        Box::pin(snapshot::replay(self, id, at))
    }
}
