//! Outbox of the fake store.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::{Data, FakeStore, Op};
use crate::domain::Timestamp;
use crate::domain::event::{ActorType, EventType};
use crate::domain::ids::{ChannelId, ProviderMessageId, TenantId};
use crate::domain::message::Outbound;
use crate::domain::status::{DeliveryStatus, HeldReason, OutboxState, Transition};
use crate::ports::{
    Advanced, ChannelKey, Claim, ClaimUnknown, Claimable, EndedLeases, ExpediteRetries, MaintenanceReport, Outbox,
    Pause, Pending, PortError, Settlement, StatusUpdate, Usage, Via,
};
use crate::testing::fakes::OutboundRow;

impl Outbox for FakeStore {
    fn claim(&self, claim: Claim) -> Pending<'_, Result<Vec<Outbound>, PortError>> {
        self.run(Op::Claim, move |data| Ok(data.claim(&claim)))
    }

    fn expedite(&self, expedite: ExpediteRetries) -> Pending<'_, Result<u64, PortError>> {
        self.run(Op::ExpediteRetries, move |data| {
            let ExpediteRetries { channel_key, any_address, without_text, now, limit } = expedite;
            let rows = data.outbound.values_mut().filter(|row| {
                let Outbound { attempts, generation, to, body, .. } = &row.message;
                row.channel_key() == channel_key
                    && row.state == OutboxState::Pending
                    && !row.behind
                    && row.next_attempt_at > now
                    && *attempts > generation.attempts_before
                    && (any_address || to.is_phone())
                    && (without_text || !body.is_empty())
            });
            let mut rows: Vec<_> = rows.collect();
            rows.sort_by_key(|row| (row.next_attempt_at, row.message.id));
            rows.truncate(limit);
            rows.iter_mut().for_each(|row| row.next_attempt_at = now);
            Ok(rows.len() as u64)
        })
    }

    fn settle(&self, settlement: Arc<Settlement>) -> Pending<'_, Result<(), PortError>> {
        self.run(Op::Settle, move |data| {
            data.settle(&settlement);
            Ok(())
        })
    }

    fn advance(&self, update: StatusUpdate) -> Pending<'_, Result<Advanced, PortError>> {
        self.run(Op::Advance, move |data| Ok(data.advance(&update)))
    }

    fn due(&self) -> Pending<'_, Result<Vec<(ChannelKey, Timestamp)>, PortError>> {
        self.run(Op::DueOutbox, move |data| {
            let mut due = BTreeMap::new();
            let waiting = data.outbound.values().filter(|row| row.state == OutboxState::Pending);
            for row in waiting.filter(|row| !row.behind || row.message.kind.is_quota_exempt()) {
                let earliest = due.entry(row.channel_key()).or_insert(row.next_attempt_at);
                *earliest = row.next_attempt_at.min(*earliest);
            }
            Ok(due.into_iter().collect())
        })
    }

    fn expire_leases(&self, leases: EndedLeases) -> Pending<'_, Result<u64, PortError>> {
        self.run(Op::ExpireLeases, move |data| {
            let EndedLeases { node, now, lost, held } = leases;
            let rows = data.outbound.values().filter(|row| row.state == OutboxState::Sending);
            let over = rows.filter(|row| {
                let over = row.lease_until.is_none_or(|until| until <= now || lost.contains(&until));
                row.lease_owner.as_ref() != Some(&node) || (over && !held.contains(&row.message.id))
            });
            let over: Vec<_> = over.map(|row| row.message.clone()).collect();
            for message in &over {
                let payload = json!({ "reason": "lease_expired", "attempt": message.attempts });
                data.step(message, Transition::LoseTrack, payload, now, |row| {
                    row.next_attempt_at = now;
                    row.last_error = Some("lease_expired".to_owned());
                });
            }
            Ok(over.len() as u64)
        })
    }

    fn claim_unknown(&self, claim: ClaimUnknown) -> Pending<'_, Result<Vec<Outbound>, PortError>> {
        self.run(Op::ClaimUnknown, move |data| {
            let due = data.outbound.values_mut();
            let mut due: Vec<_> =
                due.filter(|row| row.state == OutboxState::Unknown && row.next_attempt_at <= claim.now).collect();
            due.sort_by_key(|row| (row.next_attempt_at, row.message.id));
            let claimed = due.into_iter().take(claim.limit).map(|row| {
                row.next_attempt_at = claim.lease_until;
                row.lease_owner = Some(claim.node.clone());
                row.message.clone()
            });
            Ok(claimed.collect())
        })
    }

    fn owned_by_others<'a>(
        &'a self,
        message: &'a Outbound,
        ids: &'a [ProviderMessageId],
    ) -> Pending<'a, Result<Vec<ProviderMessageId>, PortError>> {
        let (message, ids) = (message.clone(), ids.to_vec());
        self.run(Op::OwnedByOthers, move |data| {
            let owned = |id: &ProviderMessageId| {
                data.outbound.values().any(|row| {
                    row.message.tenant == message.tenant
                        && row.message.id != message.id
                        && row.provider_message_id.as_ref() == Some(id)
                })
            };
            Ok(ids.into_iter().filter(owned).collect())
        })
    }

    fn awaits_duplicate_candidate<'a>(
        &'a self,
        message: &'a Outbound,
        through: &'a [ChannelId],
    ) -> Pending<'a, Result<bool, PortError>> {
        let (message, through) = (message.clone(), through.to_vec());
        self.run(Op::AwaitsTwin, move |data| {
            Ok(data.outbound.values().any(|row| {
                let other = row.message.tenant == message.tenant
                    && row.message.id != message.id
                    && through.contains(&row.message.channel)
                    && message.to.aliases().contains(&row.message.to);
                let older = row.message.id < message.id;
                other && (row.state == OutboxState::Sending || (row.state == OutboxState::Unknown && older))
            }))
        })
    }

    fn held_before<'a>(&'a self, message: &'a Outbound) -> Pending<'a, Result<Option<Timestamp>, PortError>> {
        let (conversation, id) = (message.conversation, message.id);
        self.run(Op::HeldBefore, move |data| {
            let mut held = data.outbound.values().rev().filter(|row| row.is_held_by_budget());
            let held = held.find(|row| row.message.conversation == conversation && row.message.id < id);
            Ok(held.map(|row| row.next_attempt_at))
        })
    }

    fn maintain(&self, now: Timestamp) -> Pending<'_, Result<MaintenanceReport, PortError>> {
        self.run(Op::Maintain, move |data| Ok(data.maintain(now)))
    }

    fn usage(&self, tenant: &TenantId, since: Timestamp) -> Pending<'_, Result<Usage, PortError>> {
        let tenant = tenant.clone();
        self.run(Op::Usage, move |data| Ok(data.usage_since(&tenant, since)))
    }

    fn pauses(&self) -> Pending<'_, Result<Vec<Pause>, PortError>> {
        self.run(Op::Pauses, move |data| Ok(data.pauses.values().cloned().collect()))
    }

    fn pause(&self, pause: Pause, _at: Timestamp) -> Pending<'_, Result<(), PortError>> {
        self.run(Op::Pause, move |data| {
            data.pauses.insert(pause.channel_key.clone(), pause);
            Ok(())
        })
    }

    fn post_channel_notice(&self, notice: Pause, _at: Timestamp) -> Pending<'_, Result<(), PortError>> {
        self.run(Op::PostChannelNotice, move |data| {
            data.notices.insert(notice.channel_key.clone(), notice);
            Ok(())
        })
    }
}

impl Data {
    fn claim(&mut self, claim: &Claim) -> Vec<Outbound> {
        let may_go = |row: &OutboundRow| match claim.which {
            Claimable::Heads => {
                let is_head = || self.head(row.message.conversation) == Some(row.message.id);
                !row.behind && (!claim.keep_order || is_head())
            }
            Claimable::QuotaExempt => row.message.kind.is_quota_exempt() && !self.is_held_up(row),
        };
        let due = self
            .outbound
            .values()
            .filter(|row| row.channel_key() == claim.channel_key && row.next_attempt_at <= claim.now);
        let rows = due.filter(|row| row.state == OutboxState::Pending && may_go(row));
        let mut due: Vec<_> = rows.map(|row| (row.next_attempt_at, row.message.clone())).collect();
        due.sort_by_key(|(at, message)| (*at, message.id));
        due.truncate(claim.limit);
        let mut claimed: Vec<_> = due.into_iter().map(|(_, message)| message).collect();
        claimed.sort_by_key(|message| message.id);
        for message in &mut claimed {
            message.attempts += 1;
            let payload = json!({ "reason": "due", "attempt": message.attempts });
            self.step(message, Transition::Claim, payload, claim.now, |row| {
                row.message.attempts += 1;
                row.lease_owner = Some(claim.node.clone());
                row.lease_until = Some(claim.lease_until);
            });
        }
        claimed
    }

    fn advance(&mut self, update: &StatusUpdate) -> Advanced {
        let row = self.outbound.values_mut().rev().find(|row| row.is_meant_by(update));
        let Some(row) = row else { return Advanced::NoSuchMessage };
        let failed = update.status == DeliveryStatus::Failed;
        let old = update.is_obsolete(row.message.generation.number);
        let before = row.state;
        let next = if old { None } else { before.advance(update.status) };
        let (elsewhere, message) = (update.channel != row.message.channel, row.message.clone());
        if elsewhere && next.is_some() && !failed {
            self.welcomed_by(&message, &Via { channel: update.channel.clone(), scheme: update.scheme }, update.at);
        }
        let Some(row) = self.outbound.get_mut(&message.id) else { return Advanced::NoSuchMessage };
        if !old {
            row.provider_message_id.get_or_insert_with(|| update.provider_message_id.clone());
        }
        if let Some(next) = next {
            row.state = next;
            row.blocked_reason = None;
            if failed {
                row.last_error = Some(update.code.clone().unwrap_or_else(|| "failed".to_owned()));
            } else {
                row.last_error = None;
                row.sent_at.get_or_insert(update.at);
            }
            if update.channel != row.message.channel {
                row.via.get_or_insert_with(|| update.channel.clone());
            }
        }
        let message = row.message.clone();
        let event_type = match update.status {
            DeliveryStatus::Sent => EventType::MessageSent,
            DeliveryStatus::Delivered => EventType::MessageDelivered,
            DeliveryStatus::Read => EventType::MessageRead,
            DeliveryStatus::Failed => EventType::MessageFailed,
        };
        let mut payload = json!({});
        if let Some(code) = &update.code {
            payload["code"] = json!(code);
        }
        if old {
            payload["reason"] = json!("earlier_life");
        }
        self.log_out(&message, event_type, ActorType::Provider, payload, update.at);
        let Some(next) = next else { return Advanced::Unchanged(before) };
        if before.rank() < OutboxState::Sent.rank() {
            self.count_usage(&message.tenant, &update.channel, update.at, Usage { messages: 1, cost_micros: 0 });
        }
        if before.is_in_line() {
            self.unblock_head(message.conversation);
        }
        match (next, &update.failure, &update.code) {
            (OutboxState::Failed, Some(failure), Some(code)) => {
                self.late_failure(message.id, failure, code, update.at).unwrap_or(Advanced::To(next))
            }
            _ => Advanced::forward(before, next),
        }
    }
}

impl OutboundRow {
    /// It is held until a time.
    pub(super) fn is_held(&self) -> bool {
        let reason = self.blocked_reason.as_deref().and_then(|reason| reason.parse::<HeldReason>().ok());
        self.state == OutboxState::Deferred && reason.is_some()
    }

    /// It is held, and what was held with it comes back: what is scheduled has a time of its own.
    pub(super) fn is_released(&self, now: Timestamp) -> bool {
        let is_scheduled = self.blocked_reason.as_deref() == Some(HeldReason::Scheduled.as_str());
        self.is_held() && (!is_scheduled || self.next_attempt_at <= now)
    }

    fn is_held_by_budget(&self) -> bool {
        self.is_held() && self.blocked_reason.as_deref() == Some(HeldReason::Budget.as_str())
    }

    /// It waits for the contact to write, or to confirm.
    pub(super) fn awaits_contact(&self) -> bool {
        self.state == OutboxState::Deferred && !self.is_held()
    }

    fn channel_key(&self) -> ChannelKey {
        ChannelKey { tenant: self.message.tenant.clone(), channel: self.message.channel.clone() }
    }

    /// By our own id when the callback has it: then any channel of the tenant may have sent it.
    fn is_meant_by(&self, update: &StatusUpdate) -> bool {
        self.message.tenant == update.tenant
            && update.id.map_or_else(
                || {
                    self.provider_message_id.as_ref() == Some(&update.provider_message_id)
                        && (self.message.channel == update.channel || self.via.as_ref() == Some(&update.channel))
                },
                |id| {
                    let is_own = self.message.channel == update.channel || self.via.as_ref() == Some(&update.channel);
                    self.message.id == id && (is_own || self.state.rank() < OutboxState::Sent.rank())
                },
            )
    }
}
