//! Permits of one process (I7): governor's gates, in memory, each with this node's share of its quota.

use std::fmt;
use std::future::ready;

use crate::domain::Timestamp;
use crate::domain::channel::Quota;
use crate::domain::pacing::permits::PermitBook;
use crate::domain::pacing::share_of;
use crate::kit::LiveNodes;
use crate::ports::{Gate, GateKey, Pacing, Pass, Pending, PortError};

/// The gates of this process. After a restart they are all as new: a provider's own limits bound what that lets through.
#[derive(Default)]
pub struct LocalPacing {
    gates: PermitBook<GateKey>,
    nodes: LiveNodes,
}

impl LocalPacing {
    /// Gates that open as often as this node's share allows.
    #[must_use]
    pub fn shared_among(nodes: LiveNodes) -> Self {
        Self { gates: PermitBook::default(), nodes }
    }

    /// Notes permits that this node got elsewhere, so that it does not begin anew when it has to go by its share.
    pub fn note(&self, gates: &[Gate], now: Timestamp) {
        self.gates.note(self.shares(gates), now);
    }

    fn shares<'a>(&self, gates: &'a [Gate]) -> impl Iterator<Item = (&'a GateKey, Quota)> + Clone + use<'a> {
        let nodes = self.nodes.count();
        gates.iter().map(move |gate| (&gate.key, share_of(gate.quota, nodes)))
    }
}

impl Pacing for LocalPacing {
    fn take<'a>(&'a self, gates: &'a [Gate], now: Timestamp) -> Pending<'a, Result<Pass, PortError>> {
        let taken = self.gates.take(self.shares(gates), now);
        Box::pin(ready(Ok(taken.map_or_else(Pass::Wait, |()| Pass::Go))))
    }
}

impl fmt::Debug for LocalPacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPacing").field("gates", &self.gates.len()).field("nodes", &self.nodes.count()).finish()
    }
}
