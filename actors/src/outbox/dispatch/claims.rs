//! Claims: leases a channel's due rows, as many as it gets send permits for.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use super::super::limits::{Availability, SendPermit};
use super::super::send::LeasedRow;
use super::dispatcher::{Dispatcher, Unavailable};
use crate::domain::Timestamp;
use crate::ports::{ChannelKey, Claim, Claimable, NOTICE_TTL, Pause, PortError};
use crate::runtime::ActorContext;

/// Rows of one channel claimed at once.
const CLAIM_LIMIT: usize = 64;

impl Dispatcher {
    /// Which of a channel's rows to claim, and how many: none while the channel is unavailable, and only quota-exempt ones
    /// while the day is used up, so that nothing is claimed only to be put back.
    fn claimable(&mut self, channel_key: &ChannelKey) -> Option<(Claimable, usize)> {
        let now = self.context.now();
        let senders = self.pool.tenant(&channel_key.tenant)?;
        let availability = senders.availability(&channel_key.channel, now);
        let unavailable = match availability {
            Availability::Shut(until, reason) => Some((until, reason)),
            Availability::Ready | Availability::One => senders.quota.used_up_until(now).map(|until| (until, "per_day")),
        };
        self.post_notice(channel_key, unavailable, now);
        if let Some((until, _)) = unavailable {
            self.note_due(channel_key.clone(), until);
        }
        let which = if unavailable.is_some() { Claimable::QuotaExempt } else { Claimable::Heads };
        match availability {
            Availability::Shut(..) => None,
            Availability::One => Some((which, 1)),
            Availability::Ready => Some((which, CLAIM_LIMIT)),
        }
    }

    /// Posts a notice for operators that a channel is unavailable, or that this ended early (I11): rows that are not claimed
    /// carry no reason themselves. One notice per channel, however many rows wait. It is repeated every third of
    /// [`NOTICE_TTL`], because other nodes cannot know whether this one still runs.
    fn post_notice(&mut self, channel_key: &ChannelKey, unavailable: Option<Unavailable>, now: Timestamp) {
        let (posted, posted_at) = self.queues.get(channel_key).and_then(|queue| queue.notice).unzip();
        let current = match unavailable {
            Some((_, "breaker_open" | "per_day")) => unavailable,
            // A pause has a table of its own, and a half-open breaker is decided within seconds.
            Some(_) => return,
            None => None,
        };
        let is_fresh = posted_at.is_none_or(|at| ActorContext::later(at, NOTICE_TTL / 3) > now);
        if current == posted && is_fresh {
            return;
        }
        self.queues.entry(channel_key.clone()).or_default().notice = current.map(|current| (current, now));
        let notice = current.or_else(|| posted.filter(|(until, _)| *until > now).map(|(_, reason)| (now, reason)));
        let Some((until, reason)) = notice else { return };
        let (context, channel_key) = (Arc::clone(&self.context), channel_key.clone());
        self.context.io.spawn(async move {
            let notice = Pause { channel_key, reason: reason.to_owned(), until };
            if let Err(error) = context.within_deadline(context.ports.outbox.post_channel_notice(notice, now)).await
                && context.outage.is_news(&error)
            {
                warn!(error = %error, "channel notice not written, explain will not show why the channel waits");
            }
        });
    }

    /// Claims rows of a channel.
    pub(super) fn claim(&mut self, key: ChannelKey, ctx: &mut Context<Self>) {
        let claimable = self.claimable(&key);
        let queue = self.queues.entry(key.clone()).or_default();
        queue.more = true;
        let Some((which, limit)) = claimable.filter(|_| !queue.claiming) else { return };
        queue.claiming = true;
        // This claim may miss what is queued from here on, which sets `more` again.
        queue.more = false;
        let (context, pool, channel_key) = (Arc::clone(&self.context), Arc::clone(&self.pool), key.clone());
        let claiming = async move {
            let permits = pool.reserve_in_turn(&channel_key, limit).await;
            let health = pool.channel(&channel_key);
            let now = context.now();
            let claim = Claim {
                keep_order: health.is_none_or(|health| health.profile.keep_order),
                channel_key,
                which,
                node: context.node.clone(),
                now,
                lease_until: ActorContext::later(now, context.settings.lease),
                limit: permits.len(),
            };
            let lease_until = claim.lease_until;
            let rows = context.within_deadline(context.ports.outbox.claim(claim)).await;
            match rows {
                Ok(rows) => Ok((rows.into_iter().map(|message| LeasedRow { message, lease_until }).collect(), permits)),
                Err(error) => {
                    // Rows may be leased all the same, and no answer will ever name them.
                    pool.leases().lose(lease_until);
                    Err(error)
                }
            }
        };
        ctx.spawn(claiming.into_actor(self).map(move |claimed, dispatcher, ctx| {
            dispatcher.claimed(key, claimed, ctx);
        }));
    }

    fn claimed(
        &mut self,
        key: ChannelKey,
        claimed: Result<(Vec<LeasedRow>, Vec<SendPermit>), PortError>,
        ctx: &mut Context<Self>,
    ) {
        let queue = self.queues.entry(key.clone()).or_default();
        queue.claiming = false;
        match claimed {
            Ok((rows, permits)) => {
                // Rows may be queued behind those that were claimed, and behind those that are being sent already.
                let more = !rows.is_empty() || self.pool.sending_of(&key) > permits.len();
                // When something was queued during the claim, claim again now. Otherwise the rest waits for a settlement.
                let queued_meanwhile = std::mem::replace(&mut queue.more, more);
                let full = !rows.is_empty() && rows.len() == permits.len();
                for (row, permit) in rows.into_iter().zip(permits) {
                    self.send(row, permit, None, ctx.address());
                }
                if (queued_meanwhile || full) && !self.draining {
                    self.claim(key, ctx);
                }
            }
            Err(error) => {
                if self.context.outage.is_news(&error) {
                    warn!(tenant.id = %key.tenant, channel.id = %key.channel, error = %error, "claim failed, trying again");
                }
                let at = ActorContext::later(self.context.now(), Duration::from_millis(500));
                self.note_due(key, at);
                self.claim_due(ctx);
            }
        }
    }
}
