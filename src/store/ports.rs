//! The ports, each method a question to the writer or to a reader.

use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::conversation::ConversationKey;
use palabre_actors::domain::ids::{InboundId, NodeId, TenantId};
use palabre_actors::domain::message::{Inbound, NewInbound, Outbound};
use palabre_actors::domain::turn::Turn;
use palabre_actors::ports::{
    Acceptance, Advanced, Claim, ClaimUnknown, Consent, Inbox, Loaded, Outbox, Pending, PortError, PortErrorKind,
    Settlement, StatusUpdate, Turns,
};
use sea_orm::{DbErr, Value};

use super::Store;
use super::error::port_error;
use super::reader::{DEADLINE, Load, OptedOut};
use super::sql;
use super::values::{Row, all, count, id, text, time};
use super::writer::{Burial, Change, Job, Sweep, Swept, all_failed};

impl Store {
    async fn read<T>(
        &self,
        sql: &'static str,
        values: impl IntoIterator<Item = Value>,
        row: impl Fn(&Row) -> Result<T, DbErr>,
    ) -> Result<Vec<T>, PortError> {
        let reading = async {
            let rows = all(&self.0.reads, sql, values).await?;
            rows.iter().map(row).collect::<Result<_, _>>()
        };
        match tokio::time::timeout(DEADLINE, reading).await {
            Ok(answer) => answer.map_err(port_error),
            Err(_) => Err(PortErrorKind::Timeout.into()),
        }
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, PortError> {
        self.0.writer.ask(sweep, Job::Sweep).await
    }
}

impl Inbox for Store {
    fn accept(&self, batch: Vec<NewInbound>) -> Pending<'_, Vec<Result<Acceptance, PortError>>> {
        Box::pin(async move {
            if batch.is_empty() {
                return Vec::new();
            }
            let count = batch.len();
            let accepted = self.0.writer.ask(batch, Job::Accept).await;
            accepted.unwrap_or_else(|error| all_failed(count, &error))
        })
    }

    fn backlog(
        &self,
        tenant: &TenantId,
        after: Option<InboundId>,
        limit: usize,
    ) -> Pending<'_, Result<Vec<Inbound>, PortError>> {
        let mut values = vec![text(tenant.as_str()), count(limit)];
        let sql = if after.is_some() { sql::BACKLOG_AFTER } else { sql::BACKLOG };
        values.extend(after.map(id));
        Box::pin(self.read(sql, values, Row::inbound))
    }

    fn tenants_behind(&self, accepted_before: Timestamp) -> Pending<'_, Result<Vec<TenantId>, PortError>> {
        Box::pin(self.read(sql::TENANTS_BEHIND, [time(accepted_before)], |row| row.tenant(0)))
    }

    fn bury(&self, message: &Inbound, reason: &'static str, at: Timestamp) -> Pending<'_, Result<(), PortError>> {
        let burial = Box::new(Burial { message: message.clone(), reason, at });
        Box::pin(self.0.writer.ask(burial, Job::Bury))
    }
}

impl Turns for Store {
    fn load(&self, key: &ConversationKey) -> Pending<'_, Result<Loaded, PortError>> {
        Box::pin(self.0.loads.ask(Load(key.clone())))
    }

    fn commit(&self, turn: Turn) -> Pending<'_, Result<(), PortError>> {
        Box::pin(self.0.writer.ask(Box::new(turn), Job::Turn))
    }

    fn due(&self, now: Timestamp, limit: usize) -> Pending<'_, Result<Vec<ConversationKey>, PortError>> {
        Box::pin(self.read(sql::DUE_TURNS, [time(now), count(limit)], |row| {
            Ok(ConversationKey { tenant: row.tenant(0)?, channel: row.channel(1)?, address: row.address(2)? })
        }))
    }

    fn close_idle_live_sessions(
        &self,
        tenant: &TenantId,
        idle_since: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<u64, PortError>> {
        let sweep = Sweep::CloseIdleLive { tenant: tenant.clone(), idle_since, now };
        Box::pin(async move { self.sweep(sweep).await.and_then(Swept::into_count) })
    }
}

impl Outbox for Store {
    fn claim(&self, claim: Claim) -> Pending<'_, Result<Vec<Outbound>, PortError>> {
        Box::pin(async move { self.sweep(Sweep::Claim(claim)).await.and_then(Swept::into_rows) })
    }

    fn settle(&self, settlement: Settlement) -> Pending<'_, Result<(), PortError>> {
        Box::pin(async move {
            let change = Change::Settle(Box::new(settlement));
            self.0.writer.ask(change, Job::Change).await.map(|_| ())
        })
    }

    fn advance(&self, update: StatusUpdate) -> Pending<'_, Result<Advanced, PortError>> {
        Box::pin(self.0.writer.ask(Change::Advance(update), Job::Change))
    }

    fn due(&self) -> Pending<'_, Result<Vec<(TenantId, Timestamp)>, PortError>> {
        Box::pin(self.read(sql::DUE_OUTBOX, [], |row| Ok((row.tenant(0)?, row.time(1)?))))
    }

    fn expire_leases(&self, node: &NodeId, now: Timestamp) -> Pending<'_, Result<u64, PortError>> {
        let sweep = Sweep::ExpireLeases { node: node.clone(), now };
        Box::pin(async move { self.sweep(sweep).await.and_then(Swept::into_count) })
    }

    fn claim_unknown(&self, claim: ClaimUnknown) -> Pending<'_, Result<Vec<Outbound>, PortError>> {
        Box::pin(async move { self.sweep(Sweep::ClaimUnknown(claim)).await.and_then(Swept::into_rows) })
    }

    fn sent_since(&self, tenant: &TenantId, since: Timestamp) -> Pending<'_, Result<u64, PortError>> {
        let values = [text(tenant.as_str()), time(since)];
        Box::pin(async move {
            let counts = self.read(sql::SENT_SINCE, values, |row| row.get::<i64>(0)).await?;
            let count = counts.first().copied().ok_or(PortErrorKind::Corrupt)?;
            u64::try_from(count).map_err(|_| PortErrorKind::Corrupt.into())
        })
    }
}

impl Consent for Store {
    fn is_opted_out(&self, tenant: &TenantId, address: &Address) -> Pending<'_, Result<bool, PortError>> {
        Box::pin(self.0.consents.ask(OptedOut(tenant.clone(), address.clone())))
    }
}
