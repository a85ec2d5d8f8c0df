//! Counter of messages that did not get through and are not retried by themselves.

use metrics::counter;

use crate::domain::status::OutboxState;
use crate::ports::ChannelKey;
use crate::runtime::metric;

/// Counts one dead letter.
pub(crate) fn count_dead(channel_key: &ChannelKey) {
    count_lost(channel_key, OutboxState::Dead);
}

/// Counts one message that ended in such a state.
pub(crate) fn count_lost(channel_key: &ChannelKey, state: OutboxState) {
    count(channel_key, state, 1);
}

/// Makes the channel's counters exist with 0: an alert sees how much a counter grows, and not that it appears.
pub(crate) fn count_none_lost(channel_key: &ChannelKey) {
    for state in [OutboxState::Dead, OutboxState::Failed] {
        count(channel_key, state, 0);
    }
}

fn count(channel_key: &ChannelKey, state: OutboxState, more: u64) {
    let (tenant, channel) = (channel_key.tenant.as_str().to_owned(), channel_key.channel.as_str().to_owned());
    counter!(metric::DEAD, "tenant" => tenant, "channel" => channel, "state" => state.as_str()).increment(more);
}
