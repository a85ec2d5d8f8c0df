//! Task that measures what only alerts ask for: the certificate of the public URL, the oldest messages that wait, bots that lost
//! their rights.

use std::collections::HashSet;
use std::sync::Arc;

use metrics::gauge;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::ids::TenantId;
use palabre_actors::ports::Clock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::config::Config;
use crate::gateway::client::{self, ClientError};
use crate::service::doctor::{CertificateSeen, certificate_of};
use crate::service::paid_access::PaidAccess;
use crate::store::operator::{Operator, Tenants};
use crate::store::{Store, StoreError};
use crate::telemetry::metrics as names;

struct Watch {
    public_base_url: Option<String>,
    client: reqwest::Client,
    operator: Operator,
    access: PaidAccess,
    clock: Arc<dyn Clock>,
    /// Tenants of whom a number of seconds was told: it falls to 0 when nothing waits any more.
    told: HashSet<TenantId>,
    /// Whether it was said that the certificate is not believed.
    is_doubted: bool,
}

/// Measures until the task is ended.
///
/// # Errors
/// [`ClientError`]
pub(super) fn follow(
    config: &Config,
    (store, operator, access): (&Store, Operator, PaidAccess),
    clock: Arc<dyn Clock>,
    io: &Handle,
) -> Result<JoinHandle<()>, ClientError> {
    let mut watch = Watch {
        public_base_url: config.http.public_base_url.clone(),
        client: client::with_certificates()?,
        operator,
        access,
        clock,
        told: HashSet::new(),
        is_doubted: false,
    };
    let (store, every) = (store.clone(), config.runtime.watch_every);
    Ok(io.spawn(async move {
        loop {
            watch.look_at_certificate().await;
            if store.is_admitted()
                && let Err(error) = watch.look_at_rows().await
            {
                // A database that is away has alerts of its own.
                debug!(error = &error as &dyn std::error::Error, "what waits could not be measured");
            }
            tokio::time::sleep(every).await;
        }
    }))
}

impl Watch {
    async fn look_at_certificate(&mut self) {
        let Some(base) = &self.public_base_url else { return };
        let Some(seen) = certificate_of(base, &self.client).await else { return };
        let is_doubted = seen == CertificateSeen::NotBelieved;
        gauge!(names::CERTIFICATE_BELIEVED).set(if is_doubted { 0.0 } else { 1.0 });
        if let CertificateSeen::Believed(Some(ends)) = seen {
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
            gauge!(names::CERTIFICATE_ENDS).set(ends.timestamp() as f64);
        }
        if is_doubted && !self.is_doubted {
            warn!("the certificate of http.public_base_url is not believed: `palabre doctor` says why");
        }
        self.is_doubted = is_doubted;
    }

    async fn look_at_rows(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (_, oldest) = self.operator.unanswered_since(&Tenants::All, now).await?;
        gauge!(names::UNANSWERED_OLDEST_SECONDS).set(oldest.map_or(0.0, |since| seconds(since, now)));
        let due = self.operator.oldest_due(&Tenants::All, now).await?;
        let waiting: HashSet<TenantId> = due.iter().map(|(tenant, _)| tenant.clone()).collect();
        for over in self.told.difference(&waiting) {
            gauge!(names::DUE_OLDEST_SECONDS, "tenant" => over.to_string()).set(0.0);
        }
        for (tenant, since) in due {
            gauge!(names::DUE_OLDEST_SECONDS, "tenant" => tenant.to_string()).set(seconds(since, now));
        }
        self.told.extend(waiting);
        if let Ok(counts) = self.access.stuck_chats().await {
            for (tenant, stuck) in counts {
                let stuck = u32::try_from(stuck).unwrap_or(u32::MAX);
                gauge!(names::STUCK_CHATS, "tenant" => tenant.to_string()).set(f64::from(stuck));
            }
        }
        Ok(())
    }
}

fn seconds(since: Timestamp, now: Timestamp) -> f64 {
    (now - since).as_seconds_f64().max(0.0)
}
