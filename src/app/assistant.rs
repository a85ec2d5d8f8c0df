//! The tenants' assistants, and the ledger of what they cost.

use std::sync::Arc;

use palabre_actors::ports::{Clock, Pending};

use crate::assistant::{AssistantLedger, Assistants, LedgerAway, ServedAssistant, SpendingDay};
use crate::config::{Config, Tenant};
use crate::gateway::{BuildError, client};
use crate::store::Store;

struct StoredLedger {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl StoredLedger {
    fn day(day: &SpendingDay) -> String {
        day.day.format("%Y-%m-%d").to_string()
    }
}

impl AssistantLedger for StoredLedger {
    fn take<'a>(&'a self, day: &'a SpendingDay, micros: i64, limit: i64) -> Pending<'a, Result<bool, LedgerAway>> {
        Box::pin(async move {
            let row = (&day.tenant, &*Self::day(day));
            self.store.take_assistant_budget(row, micros, limit, self.clock.now()).await.map_err(|_| LedgerAway)
        })
    }

    fn correct<'a>(&'a self, day: &'a SpendingDay, micros: i64) -> Pending<'a, Result<(), LedgerAway>> {
        Box::pin(async move {
            let row = (&day.tenant, &*Self::day(day));
            self.store.correct_assistant_budget(row, micros, self.clock.now()).await.map_err(|_| LedgerAway)
        })
    }
}

/// The assistants of the configuration's tenants.
///
/// # Errors
/// The HTTP client cannot be made.
pub(super) fn assistants(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Assistants>, BuildError> {
    let ledger = StoredLedger { store: store.clone(), clock: Arc::clone(clock) };
    let assistants = Assistants::new(client::new()?, Arc::new(ledger), Arc::clone(clock));
    assistants.serve(served(&config.tenants), |_| false);
    Ok(Arc::new(assistants))
}

/// Those of these tenants that have one.
pub(super) fn served<'a>(tenants: impl IntoIterator<Item = &'a Tenant>) -> Vec<ServedAssistant> {
    let served = |tenant: &Tenant| Some((tenant.id.clone(), tenant.assistant.clone()?, tenant.timezone));
    tenants.into_iter().filter_map(served).collect()
}
