//! Permits of one process (I7): governor's gates, in memory. A cluster shares them instead.

use std::fmt;
use std::future::ready;

use crate::domain::Timestamp;
use crate::domain::pacing::permits::PermitBook;
use crate::ports::{Gate, GateKey, Pacing, Pass, Pending, PortError};

/// The gates of this process. After a restart they are all as new: a provider's own limits bound what that lets through.
#[derive(Default)]
pub struct LocalPacing(PermitBook<GateKey>);

impl Pacing for LocalPacing {
    fn take<'a>(&'a self, gates: &'a [Gate], now: Timestamp) -> Pending<'a, Result<Pass, PortError>> {
        let taken = self.0.take(gates.iter().map(|gate| (&gate.key, gate.quota)), now);
        Box::pin(ready(Ok(taken.map_or_else(Pass::Wait, |()| Pass::Go))))
    }
}

impl fmt::Debug for LocalPacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPacing").field("gates", &self.0.len()).finish()
    }
}
