//! The ports' methods: each sends a job to the writer or asks a reader.

use std::sync::{Arc, PoisonError};

use chrono::TimeDelta;
use futures_util::try_join;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::Address;
use palabre_actors::domain::booking::{Agenda, Busy};
use palabre_actors::domain::conversation::ConversationKey;
use palabre_actors::domain::ids::{ChannelId, ContactId, ConversationId, InboundId, ProviderMessageId, TenantId};
use palabre_actors::domain::live::{LiveKnowledge, LiveSession, MOST_CLIENTS};
use palabre_actors::domain::message::{Inbound, NewInbound, Outbound};
use palabre_actors::domain::offer::OfferState;
use palabre_actors::domain::turn::Turn;
use palabre_actors::ports::{
    Acceptance, Advanced, ChannelKey, Claim, ClaimUnknown, DueTimer, EndedLeases, ExpediteRetries, Inbox, LiveScope,
    Loaded, MaintenanceReport, OptIn, Outbox, Pause, Pending, PortError, PortErrorKind, RecipientStatus,
    RecipientStatuses, SamePerson, Settlement, StatusUpdate, Turns, Union, Usage,
};
use sea_orm::DbErr;

use super::error::port_error;
use super::reader::{DEADLINE, LoadConversation, LoadRecipientStatus};
use super::sql;
use super::statement::{SqlText, Value, all, column, count, id, id_or_null, text, time};
use super::values::{Row, corrupt, first_id_of, quarter_text};
use super::writer::{DeadLetter, OutboxChange, Sharded, Sweep, Swept, Task, WriteJob, all_failed};
use super::{Store, calendar_feeds};

/// How long before a message a duplicate candidate may have been written that was sent within the hour in which it
/// was written: that hour, and five minutes for clocks. Candidates that were sent later are found by another index.
const DUPLICATE_WINDOW: TimeDelta = TimeDelta::minutes(65);

impl Store {
    pub(super) async fn read<T>(
        &self,
        sql: SqlText,
        values: impl IntoIterator<Item = Value, IntoIter: Send> + Send,
        row: impl Fn(&Row) -> Result<T, DbErr>,
    ) -> Result<Vec<T>, PortError> {
        self.admitted()?;
        let reading = async {
            let rows = all(&self.0.reads, sql, values).await?;
            rows.iter().map(row).collect::<Result<_, _>>()
        };
        match tokio::time::timeout(DEADLINE, reading).await {
            Ok(answer) => answer.map_err(port_error),
            Err(_) => Err(PortErrorKind::Timeout.into()),
        }
    }

    async fn write<I: Sharded, O>(&self, input: I, job: impl FnOnce(Task<I, O>) -> WriteJob) -> Result<O, PortError> {
        self.admitted()?;
        self.0.writer.ask(input, job).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, PortError> {
        self.write(sweep, WriteJob::Sweep).await
    }
}

/// A ride that somebody took and never said to be over is over after so long.
const RIDE_LASTS: TimeDelta = TimeDelta::hours(24);

impl Inbox for Store {
    fn accept(&self, batch: Vec<NewInbound>) -> Pending<'_, Vec<Result<Acceptance, PortError>>> {
        Box::pin(async move {
            if batch.is_empty() {
                return Vec::new();
            }
            let count = batch.len();
            let accepted = self.write(batch, WriteJob::Accept).await;
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

    fn dead_letter(
        &self,
        message: &Inbound,
        reason: &'static str,
        at: Timestamp,
    ) -> Pending<'_, Result<(), PortError>> {
        let dead_letter = Box::new(DeadLetter { message: message.clone(), reason, at });
        Box::pin(self.write(dead_letter, WriteJob::DeadLetter))
    }
}

impl Turns for Store {
    fn load(&self, key: &ConversationKey, through: Option<InboundId>) -> Pending<'_, Result<Loaded, PortError>> {
        let (key, load) = (key.clone(), LoadConversation(key.clone(), through));
        Box::pin(async move {
            self.admitted()?;
            let mut loaded = self.0.conversations.ask(load).await?;
            let is_new = loaded.state.contact.is_none() || loaded.state.conversation.is_none();
            if is_new && !loaded.state.opted_out {
                loaded.state.opted_out = self.silent_since_erased(&key.tenant, &key.address).await?;
            }
            Ok(loaded)
        })
    }

    fn agenda(&self, key: &ConversationKey, now: Timestamp) -> Pending<'_, Result<Agenda, PortError>> {
        let key = key.clone();
        Box::pin(async move {
            let tenant = || [text(key.tenant.as_str())];
            let theirs = |since| [text(key.tenant.as_str()), text(key.person.as_str()), time(since)];
            let (bookings, waiting, elsewhere, offers, on_duty) = try_join!(
                self.read(sql::AGENDA, theirs(now), |row| Ok((row.booking()?, row.get::<bool>(7)?))),
                self.read(sql::WAITING_AGENDA, theirs(now), Row::waiting_entry),
                self.read(sql::CALENDAR_BUSY, tenant(), calendar_feeds::busy),
                self.read(sql::OPEN_OFFERS, theirs(now - RIDE_LASTS), Row::open_offer),
                self.read(sql::PEOPLE_ON_DUTY, tenant(), |row| row.parse(0)),
            )?;
            let mut agenda = Agenda { read_at: now, waiting, on_duty, ..Agenda::default() };
            for (booking, is_mine) in bookings {
                agenda.busy.push(Busy::by(&booking));
                if is_mine {
                    agenda.mine.push(booking);
                }
            }
            agenda.busy.extend(elsewhere.into_iter().flatten().filter(|busy| busy.until > now));
            (agenda.offers, agenda.taken) = offers.into_iter().partition(|offer| offer.state == OfferState::Open);
            Ok(agenda)
        })
    }

    fn live(&self, tenant: &TenantId, scope: LiveScope) -> Pending<'_, Result<LiveKnowledge, PortError>> {
        let tenant = tenant.clone();
        Box::pin(async move {
            let open = |row: &Row| Ok((row.parse(0)?, row.time(1)?, row.get::<bool>(2)?));
            let found = self.read(sql::OPEN_LIVE, [text(tenant.as_str())], open).await?;
            let Some((session, opened_at, paused)) = found.first().copied() else { return Ok(LiveKnowledge::Closed) };
            let of = match scope {
                LiveScope::Whole => None,
                LiveScope::Of(conversation) => Some(conversation),
            };
            let lines = match of {
                Some(None) => Vec::new(),
                of => {
                    let values = [text(tenant.as_str()), id(session), id_or_null(of.flatten())];
                    self.read(sql::LIVE_LINES, values, |row| row.order_line(session)).await?
                }
            };
            let clients = match scope {
                LiveScope::Whole => {
                    let values = [text(tenant.as_str()), time(opened_at), count(MOST_CLIENTS)];
                    self.read(sql::LIVE_CLIENTS, values, |row| row.live_client(session)).await?
                }
                LiveScope::Of(_) => Vec::new(),
            };
            Ok(LiveKnowledge::Open(Box::new(LiveSession { id: session, opened_at, paused, lines, clients })))
        })
    }

    fn commit(&self, turn: Turn) -> Pending<'_, Result<(), PortError>> {
        Box::pin(self.write(Box::new(turn), WriteJob::Turn))
    }

    fn due(&self, now: Timestamp, limit: usize) -> Pending<'_, Result<Vec<ConversationKey>, PortError>> {
        Box::pin(self.read(sql::DUE_TURNS, [time(now), count(limit)], |row| {
            Ok(ConversationKey::new(row.tenant(0)?, row.channel(1)?, row.address(2)?))
        }))
    }

    fn due_timers(&self, now: Timestamp, limit: usize) -> Pending<'_, Result<Vec<DueTimer>, PortError>> {
        Box::pin(async move {
            let due = self.read(sql::DUE_TIMERS, [time(now), count(limit)], Row::due_timer).await?;
            Ok(due.into_iter().flatten().collect())
        })
    }

    fn key_of(
        &self,
        tenant: &TenantId,
        conversation: ConversationId,
    ) -> Pending<'_, Result<Option<ConversationKey>, PortError>> {
        let tenant = tenant.clone();
        Box::pin(async move {
            let values = [text(tenant.as_str()), id(conversation)];
            let key = |row: &Row| Ok(ConversationKey::new(tenant.clone(), row.channel(0)?, row.address(1)?));
            Ok(self.read(sql::CONVERSATION_KEY, values, key).await?.pop())
        })
    }

    fn same_person(&self, found: SamePerson) -> Pending<'_, Result<Union, PortError>> {
        Box::pin(async move {
            let person = |address: &Address| [text(found.tenant.as_str()), text(address.identity().as_str())];
            let contact = |row: &Row| row.parse::<ContactId>(0);
            let one = self.read(sql::CONTACT_OF, person(&found.addresses[0]), contact).await?;
            let other = self.read(sql::CONTACT_OF, person(&found.addresses[1]), contact).await?;
            match (one.first(), other.first()) {
                (None, None) => Ok(Union::Strangers),
                (one, other) if one == other => Ok(Union::Before),
                _ => self.sweep(Sweep::Unite(found)).await.and_then(Swept::into_union),
            }
        })
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

    fn expedite(&self, expedite: ExpediteRetries) -> Pending<'_, Result<u64, PortError>> {
        Box::pin(async move { self.sweep(Sweep::ExpediteRetries(expedite)).await.and_then(Swept::into_count) })
    }

    fn settle(&self, settlement: Arc<Settlement>) -> Pending<'_, Result<(), PortError>> {
        Box::pin(async move { self.write(OutboxChange::Settle(settlement), WriteJob::OutboxChange).await.map(|_| ()) })
    }

    fn advance(&self, update: StatusUpdate) -> Pending<'_, Result<Advanced, PortError>> {
        Box::pin(self.write(OutboxChange::Advance(update), WriteJob::OutboxChange))
    }

    fn due(&self) -> Pending<'_, Result<Vec<(ChannelKey, Timestamp)>, PortError>> {
        Box::pin(self.read(sql::DUE_OUTBOX, [], |row| Ok((row.channel_key()?, row.time(2)?))))
    }

    fn expire_leases(&self, over: EndedLeases) -> Pending<'_, Result<u64, PortError>> {
        let sweep = Sweep::ExpireLeases(over);
        Box::pin(async move { self.sweep(sweep).await.and_then(Swept::into_count) })
    }

    fn claim_unknown(&self, claim: ClaimUnknown) -> Pending<'_, Result<Vec<Outbound>, PortError>> {
        Box::pin(async move { self.sweep(Sweep::ClaimUnknown(claim)).await.and_then(Swept::into_rows) })
    }

    fn owned_by_others<'a>(
        &'a self,
        message: &'a Outbound,
        ids: &'a [ProviderMessageId],
    ) -> Pending<'a, Result<Vec<ProviderMessageId>, PortError>> {
        Box::pin(async move {
            let since = text(first_id_of(message.created_at - DUPLICATE_WINDOW));
            let values = [
                text(message.tenant.as_str()),
                id(message.id),
                since,
                column(ids.iter().map(ProviderMessageId::as_str)),
            ];
            self.read(sql::OWNED_BY_OTHERS, values, |row| Ok(ProviderMessageId::new(&row.get::<String>(0)?))).await
        })
    }

    fn awaits_duplicate_candidate<'a>(
        &'a self,
        message: &'a Outbound,
        through: &'a [ChannelId],
    ) -> Pending<'a, Result<bool, PortError>> {
        Box::pin(async move {
            let aliases = message.to.aliases();
            let values = [
                text(message.tenant.as_str()),
                id(message.id),
                column(through.iter().map(ChannelId::as_str)),
                column(aliases.iter().map(Address::as_str)),
            ];
            let found = self.read(sql::AWAITS_DUPLICATE_CANDIDATE, values, |row| row.get::<bool>(0)).await?;
            found.first().copied().ok_or_else(|| PortErrorKind::Corrupt.into())
        })
    }

    fn held_before<'a>(&'a self, message: &'a Outbound) -> Pending<'a, Result<Option<Timestamp>, PortError>> {
        let values = [text(message.tenant.as_str()), id(message.conversation), id(message.id)];
        Box::pin(async move {
            let held = self.read(sql::HELD_BEFORE, values, |row| row.time(0)).await?;
            Ok(held.first().copied())
        })
    }

    fn maintain(&self, now: Timestamp) -> Pending<'_, Result<MaintenanceReport, PortError>> {
        Box::pin(async move {
            let cursors = self.0.cursors.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (report, cursors) =
                self.sweep(Sweep::Maintain { now, cursors }).await.and_then(Swept::into_maintenance)?;
            *self.0.cursors.lock().unwrap_or_else(PoisonError::into_inner) = cursors;
            Ok(report)
        })
    }

    fn usage(&self, tenant: &TenantId, since: Timestamp) -> Pending<'_, Result<Usage, PortError>> {
        let values = [text(tenant.as_str()), text(quarter_text(since))];
        Box::pin(async move {
            let sums = self.read(sql::USAGE_SINCE, values, |row| {
                let messages = row.get::<i64>(0)?.try_into().map_err(|_| corrupt("a sum"))?;
                Ok(Usage { messages, cost_micros: row.get(1)? })
            });
            sums.await?.first().copied().ok_or_else(|| PortErrorKind::Corrupt.into())
        })
    }

    fn pauses(&self) -> Pending<'_, Result<Vec<Pause>, PortError>> {
        Box::pin(self.read(sql::PAUSES, [], |row| {
            Ok(Pause { channel_key: row.channel_key()?, reason: row.get(2)?, until: row.time(3)? })
        }))
    }

    fn pause(&self, pause: Pause, at: Timestamp) -> Pending<'_, Result<(), PortError>> {
        Box::pin(async move { self.sweep(Sweep::Pause(pause, at)).await.map(|_| ()) })
    }

    fn post_channel_notice(&self, notice: Pause, at: Timestamp) -> Pending<'_, Result<(), PortError>> {
        Box::pin(async move { self.sweep(Sweep::PostChannelNotice(notice, at)).await.map(|_| ()) })
    }
}

impl RecipientStatuses for Store {
    fn recipient_status(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Pending<'_, Result<RecipientStatus, PortError>> {
        let question = LoadRecipientStatus(tenant.clone(), channel.clone(), address.clone());
        Box::pin(async move {
            self.admitted()?;
            self.0.recipient_statuses.ask(question).await
        })
    }

    fn opt_in(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        address: &Address,
    ) -> Pending<'_, Result<OptIn, PortError>> {
        let person = address.identity();
        let values = [tenant.as_str(), channel.as_str(), address.as_str(), person.as_str()].map(text);
        Box::pin(async move {
            let read = |row: &Row| Ok(OptIn { asked: row.get(0)?, confirmed: row.get(1)? });
            let found = self.read(sql::OPTED_IN, values, read).await?;
            found.first().copied().ok_or_else(|| PortErrorKind::Corrupt.into())
        })
    }

    fn stopped_marketing(&self, tenant: &TenantId, address: &Address) -> Pending<'_, Result<bool, PortError>> {
        let person = address.identity();
        let values = [tenant.as_str(), address.as_str(), person.as_str()].map(text);
        Box::pin(async move {
            let found = self.read(sql::STOPPED_MARKETING, values, |row| row.get(0)).await?;
            found.first().copied().ok_or_else(|| PortErrorKind::Corrupt.into())
        })
    }
}
