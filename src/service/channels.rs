//! Channels: lists them, pauses and resumes them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use palabre_actors::domain::Timestamp;
use palabre_actors::domain::address::{HomeCountry, Scheme};
use palabre_actors::domain::ids::{ChannelId, TenantId};
use palabre_actors::ports::Pause;

use super::permissions::Permission::{ChannelRead, ChannelWrite};
use super::{Caller, ServiceError, audit};
use crate::store::operator::{Operator, OperatorReason};

/// A channel of the configuration, as far as callers are concerned.
#[derive(Clone, Debug)]
pub struct ConfiguredChannel {
    pub id: ChannelId,
    pub tenant: TenantId,
    /// What phone numbers without `+` mean to its tenant.
    pub country: Option<HomeCountry>,
    /// The kind of address that it can write to.
    pub scheme: Scheme,
    /// Whether messages of one conversation wait for each other.
    pub keep_order: bool,
}

/// What phone numbers without `+` mean to a tenant; `None`: nobody knows.
#[must_use]
pub fn country_of(channels: &[ConfiguredChannel], tenant: &TenantId) -> Option<HomeCountry> {
    channels.iter().find(|channel| channel.tenant == *tenant).and_then(|channel| channel.country)
}

/// The channels of the configuration as it is now, in its order. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct ConfiguredChannels(Arc<ArcSwap<Vec<ConfiguredChannel>>>);

impl ConfiguredChannels {
    #[must_use]
    pub fn new(channels: Vec<ConfiguredChannel>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(channels)))
    }

    #[must_use]
    pub fn now(&self) -> Arc<Vec<ConfiguredChannel>> {
        self.0.load_full()
    }

    pub fn replace(&self, channels: Vec<ConfiguredChannel>) {
        self.0.store(Arc::new(channels));
    }
}

/// The channels that a caller sees, each with its pause when there is one.
///
/// # Errors
/// [`ServiceError`]
pub async fn list<'a>(
    caller: &Caller,
    store: &Operator,
    channels: &'a [ConfiguredChannel],
    now: Timestamp,
) -> Result<Vec<(&'a ConfiguredChannel, Option<Pause>)>, ServiceError> {
    let mut pauses = pauses(caller, store, now).await?;
    let seen = channels.iter().filter(|channel| caller.sees(&channel.tenant));
    let paired = seen.map(|channel| {
        let at = pauses.iter().position(|pause| pause.channel_key.channel == channel.id);
        (channel, at.map(|at| pauses.swap_remove(at)))
    });
    Ok(paired.collect())
}

/// The pauses that are not over.
///
/// # Errors
/// [`ServiceError`]
pub async fn pauses(caller: &Caller, store: &Operator, now: Timestamp) -> Result<Vec<Pause>, ServiceError> {
    caller.require(ChannelRead)?;
    let mut pauses = store.pauses(&caller.tenants).await?;
    pauses.retain(|pause| pause.until > now);
    Ok(pauses)
}

/// Lets a channel send nothing until then: its messages wait, or go by its fallback channel.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when the channel is another tenant's.
pub async fn pause(
    caller: &Caller,
    store: &Operator,
    channel: &ChannelId,
    reason: &OperatorReason,
    (until, at): (Timestamp, Timestamp),
) -> Result<Pause, ServiceError> {
    caller.require(ChannelWrite)?;
    let owner = store.channel_owner(&caller.tenants, channel).await?.ok_or(ServiceError::NotFound("channel"))?;
    audit::note(caller, store, &owner, "channel.pause", ("channel", channel.as_str())).await?;
    let pause = store.pause(&caller.tenants, channel, reason, (until, at)).await?;
    pause.ok_or(ServiceError::NotFound("channel"))
}

/// Ends a channel's pause. Answers whether there was one.
///
/// # Errors
/// [`ServiceError`]: `NotFound` as well when the channel is another tenant's.
pub async fn resume(caller: &Caller, store: &Operator, channel: &ChannelId) -> Result<bool, ServiceError> {
    caller.require(ChannelWrite)?;
    let owner = store.channel_owner(&caller.tenants, channel).await?.ok_or(ServiceError::NotFound("channel"))?;
    audit::note(caller, store, &owner, "channel.resume", ("channel", channel.as_str())).await?;
    store.resume(&caller.tenants, channel).await?.ok_or(ServiceError::NotFound("channel"))
}
