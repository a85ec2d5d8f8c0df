//! News of a sender account: pauses its channel, or ends the pause that such news began.

use tracing::{info, warn};

use super::limits::SenderPool;
use crate::ports::{AccountNews, Pause, PortError};
use crate::runtime::ActorContext;

/// Takes over what a provider says of an account. A pause that an operator made stays as it is.
pub(crate) async fn heed(context: &ActorContext, pool: &SenderPool, news: &AccountNews) -> Result<(), PortError> {
    let (channel_key, now) = (&news.channel_key, context.now());
    let pauses = context.within_deadline(context.ports.outbox.pauses()).await?;
    let pause = pauses.into_iter().find(|pause| pause.channel_key == *channel_key && pause.until > now);
    let gateway = context.ports.gateways.get(&channel_key.channel);
    let is_the_providers =
        |pause: &Pause| gateway.as_ref().is_some_and(|gateway| gateway.class_of(&pause.reason).is_some());
    let until = match (news.suspended_for, &pause) {
        (_, Some(pause)) if !is_the_providers(pause) => return Ok(()),
        (None, None) => return Ok(()),
        (None, Some(_)) => now,
        (Some(after), _) => ActorContext::later(now, after),
    };
    let (tenant, channel, code) = (&channel_key.tenant, &channel_key.channel, &news.code);
    if news.suspended_for.is_some() {
        warn!(
            tenant.id = %tenant, channel.id = %channel, code,
            "provider says that the account cannot send, its channel is paused"
        );
    } else {
        info!(tenant.id = %tenant, channel.id = %channel, code, "provider says that the account works, its channel goes on");
    }
    let health = pool.channel(channel_key);
    if let Some(health) = &health {
        health.suspend_until(until);
    }
    let pause = Pause { channel_key: channel_key.clone(), reason: code.clone(), until };
    let written = context.within_deadline(context.ports.outbox.pause(pause, now)).await;
    if let Some(health) = health {
        health.pause_is_written(context.now());
    }
    written
}
