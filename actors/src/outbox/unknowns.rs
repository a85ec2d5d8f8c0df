//! Messages whose fate is unknown: ask the provider, then decide (I5).

use std::sync::Arc;

use futures_util::future::join_all;

use super::{delivery, policy};
use crate::domain::ids::TenantId;
use crate::domain::message::Outbound;
use crate::kit::Outside;
use crate::ports::{ClaimUnknown, PortError, Settled};

/// Unknown rows looked into at once.
const LIMIT: usize = 32;

/// Looks into every unknown row that is due. Answers whose rows were settled: something may have queued behind them.
pub(super) async fn look_into(outside: &Arc<Outside>) -> Result<Vec<TenantId>, PortError> {
    let mut tenants = Vec::new();
    loop {
        let now = outside.now();
        let claim = ClaimUnknown {
            node: outside.node.clone(),
            now,
            lease_until: Outside::later(now, outside.settings.lease),
            limit: LIMIT,
        };
        let rows = outside.within_deadline(outside.ports.outbox.claim_unknown(claim)).await?;
        let full = rows.len() == LIMIT;
        tenants.extend(rows.iter().map(|message| message.tenant.clone()));
        join_all(rows.into_iter().map(|message| {
            let on_io = Arc::clone(outside);
            let asking = outside.io.spawn(async move {
                let result = ask(&on_io, &message).await;
                delivery::settle(&on_io, message, result).await;
            });
            // A panic here leaves the row's lease to run out, and it is looked into again.
            async move { drop(asking.await) }
        }))
        .await;
        if !full {
            tenants.sort_unstable();
            tenants.dedup();
            return Ok(tenants);
        }
    }
}

async fn ask(outside: &Outside, message: &Outbound) -> Settled {
    let Some(gateway) = outside.ports.gateways.get(&message.channel) else {
        let ask_at = Outside::later(outside.now(), delivery::UNCONFIGURED_WAIT);
        return Settled::Unknown { ask_at, reason: "channel_not_configured".to_owned() };
    };
    let found = gateway.find(message).await;
    policy::reconciled(found, gateway.on_unknown(), message, outside.now(), &outside.settings)
}
