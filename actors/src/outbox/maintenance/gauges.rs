//! Metrics of channels and quotas, published at each sweep.

use metrics::gauge;

use super::super::send::count_none_lost;
use super::scheduler::Maintenance;
use crate::runtime::metric;

impl Maintenance {
    /// Makes the dead-letter counters of every channel exist with 0.
    pub(super) fn create_counters(&self) {
        let tenants = self.pool.tenants();
        let own = tenants.values().filter(|senders| (self.owns)(&senders.id));
        for health in own.flat_map(|senders| senders.channels()) {
            count_none_lost(&health.channel_key);
        }
    }

    /// Sets the gauges of channels, quotas and the sender pool.
    pub(super) fn publish(&self) {
        let now = self.context.now();
        if self.first {
            #[expect(clippy::cast_precision_loss, reason = "a gauge; far fewer than 2^52 senders")]
            gauge!(metric::SENDING).set(self.pool.sending() as f64);
        }
        for senders in self.pool.tenants().values().filter(|senders| (self.owns)(&senders.id)) {
            senders.channels().for_each(|health| health.publish(now));
            senders.quota.publish(now);
        }
    }
}
